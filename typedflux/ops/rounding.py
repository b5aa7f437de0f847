"""Rounding, elementwise. The derivative is 0 almost everywhere."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike


def _whole(x: Array) -> bool:
    return x.dtype.kind in "iu"


floor_p = elementwise(
    "floor",
    lambda x: x if _whole(x) else np.floor(x),
    (lambda x: ops.zeros_like(x),),
    domain=dtypes.Real,
)


def floor(x: TensorLike, /) -> Tensor:
    """The largest integer not above `x`."""
    return floor_p.apply(x)


ceil_p = elementwise(
    "ceil",
    lambda x: x if _whole(x) else np.ceil(x),
    (lambda x: ops.zeros_like(x),),
    domain=dtypes.Real,
)


def ceil(x: TensorLike, /) -> Tensor:
    """The smallest integer not below `x`."""
    return ceil_p.apply(x)


trunc_p = elementwise(
    "trunc",
    lambda x: x if _whole(x) else np.trunc(x),
    (lambda x: ops.zeros_like(x),),
    domain=dtypes.Real,
)


def trunc(x: TensorLike, /) -> Tensor:
    """The integer nearest to `x` towards zero."""
    return trunc_p.apply(x)


round_p = elementwise(
    "round", lambda x: x if _whole(x) else np.round(x), (lambda x: ops.zeros_like(x),)
)


def round(x: TensorLike, /) -> Tensor:
    """The nearest integer, halves to the even one."""
    return round_p.apply(x)
