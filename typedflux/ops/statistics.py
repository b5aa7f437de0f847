"""Means, spreads and extremes over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.ops.families import check_domain
from typedflux.ops.reductions import (
    ORDERED,
    accumulated,
    ordered,
    reduction,
    restore_axes,
    to_accumulate,
)
from typedflux.ops.reporting import axes_of, axis_of
from typedflux.shapes.dims import is_fixed, product
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.reshape import reduce_shape
from typedflux.tensor import Axis, Tensor, TensorLike

Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

# mean

_total: Callable[..., Any] = np.add.reduce


def _mean_kernel(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.itemsize < 4:  # a sum of many float16 numbers overflows or stands still
        return _mean_kernel(x.astype(np.float32), axis=axis, keepdims=keepdims).astype(x.dtype)
    count = 1
    for a in axis:
        count *= x.shape[a]
    total = _total(x, axis=axis, keepdims=keepdims)
    return total / x.dtype.type(count)


def _count(x: Tensor, axis: tuple[int, ...]) -> Any:
    return product([x.shape[a] for a in axis])


def _mean_vjp(out: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Pullbacks:
    shape, count = x.shape, _count(x, axis)

    def pullback(g: Tensor) -> Tensor:
        return ops.broadcast_to(restore_axes(g / count, shape, axis, keepdims), shape)

    return (pullback,)


def _mean_jvp(out: Tensor, inputs: Operands, tangents: Tangents, **params: Any) -> Tensor | None:
    (t,) = tangents
    if t is None:
        return None
    tangent: Tensor = mean_p.bind(t, **params)
    return tangent


mean_p = reduction("mean", _mean_kernel, _mean_vjp, _mean_jvp, domain=dtypes.Inexact)


def mean(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over `axis` (all axes by default); of integers as the default float.

    >>> mean(ops.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5], float32)
    """
    if not isinstance(x, Tensor) or not x.dtype.is_inexact:
        x = ops.asarray(x)
        x = ops.astype(x, dtypes.to_inexact(x.dtype))  # type: ignore[arg-type]
    out: Tensor = mean_p.bind(x, axis=axes_of("mean", x, axis), keepdims=keepdims)
    return out


def var(
    x: TensorLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The variance over `axis`: the sum of squared deviations over the count less `correction`
    (0 for that of the population, 1 for Bessel's)."""
    x = ops.asarray(x)
    axes = axes_of("var", x, axis)
    centred = x - mean(x, axis=axes, keepdims=True)
    squares = ops.square(ops.abs(centred) if centred.dtype.is_complex else centred)
    if correction == 0:
        return mean(squares, axis=axes, keepdims=keepdims)
    count: Any = _count(centred, axes)
    total = ops.sum(squares, axis=axes, keepdims=keepdims)
    return ops.divide(total, count - correction)


def std(
    x: TensorLike, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The standard deviation over `axis`; see `var`."""
    x = ops.asarray(x)
    axes = axes_of("std", x, axis)
    return ops.sqrt(var(x, axis=axes, correction=correction, keepdims=keepdims))


# Extremes


def _extreme_shape(x: TensorType, *, axis: tuple[int, ...], keepdims: bool) -> TensorType:
    check_domain(x.dtype, ORDERED)
    for a in axis:
        if is_fixed(x.shape[a], 0):
            raise ShapeError(f"axis {a} has size 0, and there is no extreme of nothing")
    return TensorType(x.dtype, reduce_shape(x.shape, axis, keepdims))


def _extreme(name: str, kernel: Any) -> Primitive:
    def vjp(out: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Pullbacks:
        if not out.dtype.is_inexact:
            return None
        shape = x.shape

        def pullback(g: Tensor) -> Tensor:
            share = _winners(x, restore_axes(out, shape, axis, keepdims), axis)
            return restore_axes(g, shape, axis, keepdims) * share

        return (pullback,)

    def jvp(
        out: Tensor, inputs: Operands, tangents: Tangents, *, axis: tuple[int, ...], keepdims: bool
    ) -> Tensor | None:
        x, t = inputs[0], tangents[0]
        if t is None or not out.dtype.is_inexact:
            return None
        share = _winners(x, restore_axes(out, x.shape, axis, keepdims), axis)
        return ops.sum(t * share, axis=axis, keepdims=keepdims)

    primitive = reduction(name, kernel, vjp, jvp, domain=ORDERED)
    primitive.shape = _extreme_shape
    return primitive


def _winners(x: Tensor, best: Tensor, axis: tuple[int, ...]) -> Tensor:
    """1 where the extreme stands, shared equally among ties."""
    wins = ops.astype(ops.equal(x, best), x.dtype)
    return wins / ops.sum(wins, axis=axis, keepdims=True)


max_p = _extreme("max", ordered(np.maximum.reduce))
min_p = _extreme("min", ordered(np.minimum.reduce))


def max(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value over `axis`; nan where there is one. Ties share the gradient equally.

    Raises:
        DTypeError: for complex numbers, which have no order.
        ShapeError: over an axis of size 0.
    """
    x = ops.asarray(x)
    out: Tensor = max_p.bind(x, axis=axes_of("max", x, axis), keepdims=keepdims)
    return out


def min(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest value over `axis`; see `max`."""
    x = ops.asarray(x)
    out: Tensor = min_p.bind(x, axis=axes_of("min", x, axis), keepdims=keepdims)
    return out


# Where the extremes are


def _arg(name: str, kernel: Any) -> Primitive:
    def shape(x: TensorType, *, axis: int, keepdims: bool) -> TensorType:
        check_domain(x.dtype, ORDERED)
        if is_fixed(x.shape[axis], 0):
            raise ShapeError(f"axis {axis} has size 0, and there is no extreme of nothing")
        return TensorType(dtypes.int64, reduce_shape(x.shape, (axis,), keepdims))

    def batch(
        inputs: Operands, axes: Sequence[int | None], *, axis: int, keepdims: bool
    ) -> tuple[Tensor, int]:
        x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
        return primitive.bind(x, axis=axis + 1, keepdims=keepdims), 0

    primitive = Primitive(name, kernel, shape, batch=batch, lowering=Lowering("reduction", name))
    return primitive


argmax_p = _arg("argmax", ordered(np.argmax))
argmin_p = _arg("argmin", ordered(np.argmin))


def _bind_arg(primitive: Primitive, x: TensorLike, axis: int | None, keepdims: bool) -> Tensor:
    x = ops.asarray(x)
    rank = x.ndim
    place = 0 if axis is None else axis_of(primitive.name, x, axis)
    if axis is None:
        x = ops.reshape(x, (-1,))
    out: Tensor = primitive.bind(x, axis=place, keepdims=keepdims and axis is not None)
    return ops.reshape(out, (1,) * rank) if keepdims and axis is None else out


def argmax(x: TensorLike, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest value along `axis`, of all elements by default."""
    return _bind_arg(argmax_p, x, axis, keepdims)


def argmin(x: TensorLike, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest value along `axis`, of all elements by default."""
    return _bind_arg(argmin_p, x, axis, keepdims)


# Truth


any_p = reduction("any", np.any, None, domain=dtypes.Shaped, result=lambda d: dtypes.bool_)
all_p = reduction("all", np.all, None, domain=dtypes.Shaped, result=lambda d: dtypes.bool_)


def any(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any value over `axis` is true (not zero)."""
    x = ops.asarray(x)
    out: Tensor = any_p.bind(x, axis=axes_of("any", x, axis), keepdims=keepdims)
    return out


def all(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all values over `axis` are true (not zero)."""
    x = ops.asarray(x)
    out: Tensor = all_p.bind(x, axis=axes_of("all", x, axis), keepdims=keepdims)
    return out


# prod


def _others(x: Tensor, axis: int) -> Tensor:
    """For each element the product of the others along `axis`, right with zeros too."""
    from_left = _shifted_product(x, axis)
    from_right = ops.flip(_shifted_product(ops.flip(x, axis=axis), axis), axis=axis)
    return from_left * from_right


def _shifted_product(x: Tensor, axis: int) -> Tensor:
    first = (slice(None),) * axis + (slice(0, 1),)
    rest = (slice(None),) * axis + (slice(0, -1),)
    return ops.concat([ops.ones_like(x[first]), ops.cumulative_prod(x[rest], axis=axis)], axis=axis)


def _prod_slopes(x: Tensor, axis: tuple[int, ...]) -> Tensor:
    total = x
    slopes: Tensor | None = None
    for a in axis:
        here = _others(total, a)
        slopes = here if slopes is None else slopes * here
        total = prod_p.bind(total, axis=(a,), keepdims=True)
    return ops.ones_like(x) if slopes is None else slopes


def _prod_vjp(out: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None

    def pullback(g: Tensor) -> Tensor:
        slopes = _prod_slopes(x, axis)
        factor = ops.conj(slopes) if slopes.dtype.is_complex else slopes
        return restore_axes(g, x.shape, axis, keepdims) * factor

    return (pullback,)


def _prod_jvp(
    out: Tensor, inputs: Operands, tangents: Tangents, *, axis: tuple[int, ...], keepdims: bool
) -> Tensor | None:
    if tangents[0] is None or not out.dtype.is_inexact:
        return None
    return ops.sum(tangents[0] * _prod_slopes(inputs[0], axis), axis=axis, keepdims=keepdims)


prod_p = reduction("prod", accumulated(np.multiply.reduce), _prod_vjp, _prod_jvp)


def prod(
    x: TensorLike, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False
) -> Tensor:
    """The product over `axis` (all axes by default); for dtypes see `sum`."""
    x = to_accumulate("prod", x, dtype)
    out: Tensor = prod_p.bind(x, axis=axes_of("prod", x, axis), keepdims=keepdims)
    return out
