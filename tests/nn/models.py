"""A model that holds all that a model can hold, and how two models are compared."""

from __future__ import annotations

from typing import Any

import typedflux as flux
from typedflux import Tensor, nn


class Words(nn.Module):
    """Ties, sharing, buffers, containers; the tie comes before what it is tied to."""

    def __init__(self) -> None:
        self.decoder = nn.Dense(3, 5, bias=False)
        self.embedding = nn.Embedding(5, 3)
        self.decoder.weight = nn.tied(self.embedding, "weight")
        self.first = nn.Dense(3, 3)
        self.blocks: list[Any] = [self.first, flux.relu, nn.Chain(nn.Dropout(0.1), nn.BatchNorm(3))]
        self.table = {"a": flux.ones(2), "b": flux.zeros(())}
        self.count = nn.buffer(flux.asarray(7))
        self.note = "static"

    def __call__(self, x: Tensor) -> Tensor:
        y = self.embedding(x)
        for block in self.blocks:
            y = block(y)
        return self.decoder(y)


def same_state(a: object, b: object) -> bool:
    """Whether two trees have the same paths and values."""
    equal: bool = plain(flux.state(a)) == plain(flux.state(b))
    return equal


def plain(state: Any) -> Any:
    """Tensors as lists."""
    if isinstance(state, Tensor):
        return state.tolist()
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items()}
    return [plain(v) for v in state] if isinstance(state, (list, tuple)) else state


def loss(model: Words) -> Tensor:
    """A loss that all its parameters take part in."""
    y = model(flux.asarray([0, 1, 3, 4]))
    penalty: Tensor = sum([(t * t).sum() for t in model.table.values()])
    return (y * y).mean() + penalty
