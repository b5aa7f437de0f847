"""What the programs of the corpus import from a module of their own."""

from __future__ import annotations

from typing import Final

from jaxtyping import Float32, Int

import typedflux as flux
from typedflux import Tensor

CLASSES: Final = 10
WIDTH = 32

Image = Float32[Tensor, "3 h w"]
Images = Float32[Tensor, "batch 3 h w"]
Logits = Float32[Tensor, "batch 10"]
Labels = Int[Tensor, "batch"]
Points = Float32[Tensor, "n d"]


def grey(x: Images) -> Float32[Tensor, "batch 1 h w"]:
    return x.mean(axis=1, keepdims=True)


def distances(x: Points, y: Float32[Tensor, "m d"]) -> Float32[Tensor, "n m"]:
    gap = x[:, None] - y[None, :]
    return flux.sqrt((gap**2).sum(axis=-1))


def accuracy(logits: Logits, labels: Labels) -> Float32[Tensor, ""]:
    return (flux.argmax(logits, axis=-1) == labels).astype(flux.float32).mean()
