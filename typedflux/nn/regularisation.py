"""Dropout: noise in training, nothing otherwise."""

from __future__ import annotations

from jaxtyping import Float

from typedflux import ops
from typedflux.nn.module import Module
from typedflux.ops.random import Generator
from typedflux.tensor import Tensor


class Dropout(Module):
    """Zeros elements with probability `p` in training and scales the others by `1 / (1 - p)`
    (Srivastava et al., 2014).

    Args:
        p: from 0 to 1, 1 excluded.
        axes: where masks differ; along other axes whole slices are dropped together. All axes by
            default; `(0, 1)` drops whole channels.

    >>> import typedflux as flux
    >>> Dropout(0.5)(flux.ones(3)).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self, p: float, *, axes: tuple[int, ...] | None = None, rng: Generator | None = None
    ) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is a probability from 0 to 1, 1 excluded; got {p}")
        self.p, self.axes, self.rng = p, axes, rng

    def __call__(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.p == 0:
            return x
        sizes = tuple(
            n if self.axes is None or i in self.axes else 1 for i, n in enumerate(x.shape)
        )
        kept = ops.greater_equal(ops.rand(sizes, rng=self.rng), self.p)
        mask: Tensor = ops.astype(kept, x.dtype) * (1 / (1 - self.p))
        return ops.multiply(x, mask)
