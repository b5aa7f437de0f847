"""Dropout: noise in training, nothing otherwise."""

from __future__ import annotations

import math

from jaxtyping import Float

from typedflux import ops
from typedflux.nn.module import Module
from typedflux.ops.random import Generator
from typedflux.shapes.reshape import normalize_axes
from typedflux.tensor import Tensor


def _check_probability(layer: str, p: float) -> None:
    if not 0 <= p < 1:
        raise ValueError(f"{layer}: p is a probability from 0 to 1, 1 excluded; got {p}")


class Dropout(Module):
    """Zeros elements with probability `p` in training and scales the others by `1 / (1 - p)`
    (Srivastava et al., 2014).

    Args:
        p: from 0 to 1, 1 excluded.
        axes: where masks differ; along other axes whole slices are dropped together. All axes by
            default; `(0, 1)` drops whole channels.
        rng: the source of the masks; the ambient generator by default.

    >>> import typedflux as flux
    >>> Dropout(0.5)(flux.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self, p: float, *, axes: tuple[int, ...] | None = None, rng: Generator | None = None
    ) -> None:
        _check_probability("Dropout", p)
        self.p, self.axes, self.rng = p, axes, rng

    def __call__(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.p == 0:
            return x
        sizes = x.shape
        if self.axes is not None:
            axes = normalize_axes(self.axes, x.ndim)
            sizes = tuple([n if i in axes else 1 for i, n in enumerate(sizes)])
        kept = ops.greater_equal(ops.rand(sizes, rng=self.rng), self.p)
        return x * (ops.astype(kept, x.dtype) * (1 / (1 - self.p)))


class AlphaDropout(Module):
    """Dropout for self-normalising networks: in training an element becomes what `selu` tends to
    with probability `p`, and all are scaled and shifted so that a mean of 0 and a variance of 1
    remain (Klambauer et al., 2017).

    Args:
        p: from 0 to 1, 1 excluded.
        rng: the source of the masks; the ambient generator by default.

    >>> import typedflux as flux
    >>> AlphaDropout(0.5)(flux.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    saturation = -1.7580993408473766  # -scale * alpha of selu

    def __init__(self, p: float, *, rng: Generator | None = None) -> None:
        _check_probability("AlphaDropout", p)
        self.p, self.rng = p, rng

    def __call__(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.p == 0:
            return x
        scale = 1 / math.sqrt((1 - self.p) * (1 + self.p * self.saturation**2))
        shift = -scale * self.p * self.saturation
        kept = ops.greater_equal(ops.rand(x.shape, rng=self.rng), self.p)
        return ops.where(kept, x, self.saturation) * scale + shift
