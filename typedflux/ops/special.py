"""Special functions, elementwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import elementwise
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


def _xlogy_kernel(x: Any, y: Any) -> Any:
    dtype = np.result_type(x, y)  # one of them may be a Python number
    x, y = np.asarray(x, dtype), np.asarray(y, dtype)
    zero = x == 0
    return np.where(zero, dtype.type(0), x * np.log(np.where(zero, dtype.type(1), y)))


xlogy_p = elementwise(
    "xlogy",
    _xlogy_kernel,
    (lambda y: ops.log(y), lambda x, y: ops.where(ops.equal(x, 0), 0, ops.divide(x, y))),
    domain=dtypes.Inexact,
    inexact=True,
)


def xlogy(x: TensorLike, y: TensorLike, /) -> Tensor:
    """`x * log(y)`, and 0 where `x` is 0."""
    return xlogy_p.apply(x, y)


xlogx_p = elementwise(
    "xlogx",
    lambda x: _xlogy_kernel(x, x),
    (lambda x: ops.add(ops.log(x), 1),),
    domain=dtypes.Inexact,
    inexact=True,
)


def xlogx(x: TensorLike, /) -> Tensor:
    """`x * log(x)`, and 0 where `x` is 0; its derivative is -inf there."""
    return xlogx_p.apply(x)
