"""Running sums and products along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.ops.families import check_domain
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Tensor, TensorLike


def _shape(x: TensorType, *, axis: int) -> TensorType:
    check_domain(x.dtype, dtypes.Num)
    return x


def _batched(primitive: Primitive) -> Any:
    def batch(
        inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: int
    ) -> tuple[Tensor, int]:
        x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
        return primitive.bind(x, axis=axis + 1), 0

    return batch


def _sum_kernel(x: Array, *, axis: int) -> Any:
    return np.cumsum(x, axis=axis, dtype=x.dtype)


def _sum_vjp(out: Tensor, x: Tensor, *, axis: int) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None

    def pullback(g: Tensor) -> Tensor:
        backwards: Tensor = cumulative_sum_p.bind(ops.flip(g, axis=axis), axis=axis)
        return ops.flip(backwards, axis=axis)

    return (pullback,)


def _sum_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], *, axis: int
) -> Tensor | None:
    if tangents[0] is None or not out.dtype.is_inexact:
        return None
    tangent: Tensor = cumulative_sum_p.bind(tangents[0], axis=axis)
    return tangent


cumulative_sum_p = Primitive(
    "cumulative_sum", _sum_kernel, _shape, _sum_vjp, _sum_jvp,
    lowering=Lowering("loop", "cumulative_sum"),
)  # fmt: skip
cumulative_sum_p.batch = _batched(cumulative_sum_p)


def _prod_kernel(x: Array, *, axis: int) -> Any:
    return np.cumprod(x, axis=axis, dtype=x.dtype)


def _prod_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], *, axis: int
) -> Tensor | None:
    if tangents[0] is None or not out.dtype.is_inexact:
        return None
    return _product_rule(inputs[0], tangents[0], axis)


def _matrix(x: Tensor, axis: int) -> Tensor:
    """`m[..., i, k]`: the derivative of result `i` by element `k`, along `axis` moved to the end.

    The product of the elements up to `i` other than `k`; a matrix, so that zeros are no trouble.
    """
    x = ops.moveaxis(x, axis, -1)
    n = x.shape[-1]
    places = ops.arange(n)
    kept = ops.not_equal(ops.expand_dims(places, axis=0), ops.expand_dims(places, axis=1))
    others = ops.where(kept, ops.expand_dims(x, axis=-2), 1)  # [..., k, j]: 1 at j = k
    running: Tensor = cumulative_prod_p.bind(others, axis=others.ndim - 1)
    reached = ops.less_equal(ops.expand_dims(places, axis=1), ops.expand_dims(places, axis=0))
    return ops.matrix_transpose(ops.where(reached, running, 0))


def _product_rule(x: Tensor, t: Tensor, axis: int) -> Tensor:
    slopes = _matrix(x, axis)
    moved = ops.expand_dims(ops.moveaxis(t, axis, -1), axis=-1)
    return ops.moveaxis(ops.squeeze(slopes @ moved, axis=-1), -1, axis)


def _prod_vjp(out: Tensor, x: Tensor, *, axis: int) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None

    def pullback(g: Tensor) -> Tensor:
        slopes = ops.matrix_transpose(_matrix(x, axis))
        if slopes.dtype.is_complex:
            slopes = ops.conj(slopes)
        moved = ops.expand_dims(ops.moveaxis(g, axis, -1), axis=-1)
        return ops.moveaxis(ops.squeeze(slopes @ moved, axis=-1), -1, axis)

    return (pullback,)


cumulative_prod_p = Primitive(
    "cumulative_prod", _prod_kernel, _shape, _prod_vjp, _prod_jvp,
    lowering=Lowering("loop", "cumulative_prod"),
)  # fmt: skip
cumulative_prod_p.batch = _batched(cumulative_prod_p)


def _cumulative(
    name: str, primitive: Primitive, x: TensorLike, axis: int | None, dtype: Any, initial: bool,
    start: int,
) -> Tensor:  # fmt: skip
    x = ops.asarray(x)
    if axis is None:
        if x.ndim != 1:
            raise ShapeError(f"{name} needs axis= for a tensor of rank {x.ndim}")
        axis = 0
    place = normalize_axis(axis, x.ndim)
    if dtype is None and not x.dtype.is_inexact:
        dtype = dtypes.uint64 if x.dtype.kind == "uint" else dtypes.int64
    if dtype is not None:
        x = ops.astype(x, dtype)
    out: Tensor = primitive.bind(x, axis=place)
    if not initial:
        return out
    edge = (*x.shape[:place], 1, *x.shape[place + 1 :])
    return ops.concat([ops.full(edge, start, dtype=x.dtype), out], axis=place)


def cumulative_sum(
    x: TensorLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The running sum along `axis`; with `include_initial` it starts with 0.

    >>> cumulative_sum(ops.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.], float32)
    """
    return _cumulative("cumulative_sum", cumulative_sum_p, x, axis, dtype, include_initial, 0)


def cumulative_prod(
    x: TensorLike, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The running product along `axis`; with `include_initial` it starts with 1."""
    return _cumulative("cumulative_prod", cumulative_prod_p, x, axis, dtype, include_initial, 1)
