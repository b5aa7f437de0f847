"""Special functions, elementwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import elementwise, promote_operands
from typedflux.tensor import Tensor, TensorLike


def _scipy(name: str) -> Callable[[Array], Any]:
    """A function of scipy.special, imported when first called; narrow floats go through float32."""

    def kernel(x: Array) -> Any:
        from scipy import special

        narrow = x.dtype.itemsize < 4
        out = getattr(special, name)(x.astype(np.float32) if narrow else x)
        return out.astype(x.dtype) if narrow else out

    return kernel


erf_p = elementwise(
    "erf",
    _scipy("erf"),
    (lambda x: ops.exp(ops.negative(ops.square(x))) * (2 / math.sqrt(math.pi)),),
    domain=dtypes.Float,
    inexact=True,
)


def erf(x: TensorLike, /) -> Tensor:
    """The error function (Abramowitz and Stegun, 7.1.1)."""
    return erf_p.apply(x)


erfinv_p = elementwise(
    "erfinv",
    _scipy("erfinv"),
    (lambda out: ops.exp(ops.square(out)) * (math.sqrt(math.pi) / 2),),
    domain=dtypes.Float,
    inexact=True,
)


def erfinv(x: TensorLike, /) -> Tensor:
    """The inverse of `erf`, for values from -1 to 1."""
    return erfinv_p.apply(x)


def xlogy(x: TensorLike, y: TensorLike, /) -> Tensor:
    """`x * log(y)`, and 0 where `x` is 0."""
    x, y = promote_operands("xlogy", (x, y), dtypes.Inexact, True)
    zero = ops.equal(x, 0)
    return ops.where(zero, 0, x * ops.log(ops.where(zero, 1, y)))


def xlogx(x: TensorLike, /) -> Tensor:
    """`x * log(x)`, and 0 where `x` is 0."""
    return xlogy(x, x)
