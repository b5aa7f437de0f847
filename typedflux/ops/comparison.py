"""Comparisons and tests, which give booleans, and selection by them."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.dtypes import Real, Shaped, bool_
from typedflux.ops.families import (
    align_batched,
    elementwise,
    promote_operands,
    to_bool,
    unbroadcast,
)
from typedflux.ops.kernels.selection import select
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor, TensorLike

equal_p = elementwise("equal", np.equal, (None, None), domain=Shaped, result=to_bool)


def equal(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 == x2`, elementwise."""
    return equal_p.apply(x1, x2)


not_equal_p = elementwise("not_equal", np.not_equal, (None, None), domain=Shaped, result=to_bool)


def not_equal(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 != x2`, elementwise."""
    return not_equal_p.apply(x1, x2)


less_p = elementwise("less", np.less, (None, None), domain=Real, result=to_bool)


def less(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 < x2`, elementwise."""
    return less_p.apply(x1, x2)


less_equal_p = elementwise("less_equal", np.less_equal, (None, None), domain=Real, result=to_bool)


def less_equal(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 <= x2`, elementwise."""
    return less_equal_p.apply(x1, x2)


greater_p = elementwise("greater", np.greater, (None, None), domain=Real, result=to_bool)


def greater(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 > x2`, elementwise."""
    return greater_p.apply(x1, x2)


greater_equal_p = elementwise(
    "greater_equal", np.greater_equal, (None, None), domain=Real, result=to_bool
)


def greater_equal(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether `x1 >= x2`, elementwise."""
    return greater_equal_p.apply(x1, x2)


isnan_p = elementwise("isnan", np.isnan, (None,), result=to_bool)


def isnan(x: TensorLike, /) -> Tensor:
    """Whether `x` is nan, elementwise."""
    return isnan_p.apply(x)


isinf_p = elementwise("isinf", np.isinf, (None,), result=to_bool)


def isinf(x: TensorLike, /) -> Tensor:
    """Whether `x` is infinite, elementwise."""
    return isinf_p.apply(x)


isfinite_p = elementwise("isfinite", np.isfinite, (None,), result=to_bool)


def isfinite(x: TensorLike, /) -> Tensor:
    """Whether `x` is neither infinite nor nan."""
    return isfinite_p.apply(x)


signbit_p = elementwise("signbit", np.signbit, (None,), result=to_bool, domain=dtypes.Float)


def signbit(x: TensorLike, /) -> Tensor:
    """Whether the sign of `x` is minus, zeros included."""
    return signbit_p.apply(x)


def _where_shape(c: TensorType, x: TensorType, y: TensorType) -> TensorType:
    if dtypes.belongs(c.dtype, bool_) is False:
        raise DTypeError(f"the condition must be boolean, got {c.dtype}")
    dtype = dtypes.promote(x.dtype, y.dtype)
    return TensorType(dtype, broadcast_shapes(c.shape, x.shape, y.shape))


def _where_vjp(out: Tensor, c: Tensor, x: Tensor, y: Tensor) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None
    x_shape, y_shape = x.shape, y.shape
    return (
        None,
        lambda g: unbroadcast(where(c, g, 0), x_shape),
        lambda g: unbroadcast(where(c, 0, g), y_shape),
    )


def _where_jvp(
    out: Tensor, inputs: tuple[Tensor, ...], tangents: tuple[Tensor | None, ...]
) -> Tensor | None:
    c, tx, ty = inputs[0], tangents[1], tangents[2]
    if not out.dtype.is_inexact or (tx is None and ty is None):
        return None
    picked = where(c, 0 if tx is None else tx, 0 if ty is None else ty)
    return ops.broadcast_to(picked, out.shape)


where_p: Primitive = Primitive(
    "where",
    select,
    _where_shape,
    _where_vjp,
    _where_jvp,
    lambda inputs, axes: (where_p.bind(*align_batched(inputs, axes)), 0),
    Lowering("elementwise", "where"),
)


def where(condition: TensorLike, x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """`x1` where `condition` is true, else `x2`, elementwise with broadcasting.

    Raises:
        DTypeError: when the condition is not boolean.
    """
    (c,) = promote_operands("where", (condition,))
    out: Tensor = where_p.bind(c, *promote_operands("where", (x1, x2)))
    return out
