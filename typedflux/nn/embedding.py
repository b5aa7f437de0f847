"""Vectors for the words of a vocabulary."""

from __future__ import annotations

from typing import Any, Generic

from jaxtyping import Float, Integer
from typing_extensions import TypeVar

from typedflux import ops
from typedflux.checks import Size
from typedflux.core.tracing import Tracer
from typedflux.init import Initialiser
from typedflux.nn.arguments import initial
from typedflux.nn.module import Module
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

V = TypeVar("V", default=Any)
D = TypeVar("D", default=Any)


class Embedding(Module, Generic[V, D]):
    """A vector of `size` for each of `vocabulary` integers.

    >>> import typedflux as flux
    >>> Embedding(10, 4)(flux.asarray([[1, 2, 9]])).shape
    (1, 3, 4)
    """

    weight: Float[Tensor, "V D"]

    def __init__(
        self, vocabulary: Size[V], size: Size[D], *, init: Initialiser = ops.randn
    ) -> None:
        self.weight = initial(init, (vocabulary, size))

    def __call__(self, x: Integer[Tensor, "*shape"]) -> Float[Tensor, "*shape D"]:
        if not isinstance(x, Tracer) and x.size:
            low, high = int(x.numpy().min()), int(x.numpy().max())
            vocabulary = self.weight.shape[0]
            if low < 0 or high >= vocabulary:
                raise ShapeError(
                    f"Embedding: indices from {low} to {high} do not fit a vocabulary of "
                    f"{vocabulary}"
                )
        return ops.gather(self.weight, x)
