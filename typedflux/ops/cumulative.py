"""Running sums and products along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.ops.families import check_domain, promote_operands
from typedflux.ops.interchange import to_tensor
from typedflux.ops.reductions import accumulated, to_accumulate
from typedflux.ops.reporting import axis_of, reports
from typedflux.ops.slicing import slice_along
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
    "cumulative_sum", accumulated(np.cumsum), _shape, _sum_vjp, _sum_jvp,
    lowering=Lowering("loop", "cumulative_sum"),
)  # fmt: skip
cumulative_sum_p.batch = _batched(cumulative_sum_p)


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
    "cumulative_prod", accumulated(np.cumprod), _shape, _prod_vjp, _prod_jvp,
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
    place = axis_of(name, x, axis)
    x = to_accumulate(name, x, dtype)
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


@reports("diff")
def diff(
    x: TensorLike, /, *, axis: int = -1, n: int = 1, prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Tensor:  # fmt: skip
    """The `n`-th differences of neighbours along `axis`: `x[i + 1] - x[i]`, done `n` times.

    `prepend` and `append` are joined to `x` first: numbers, or tensors of its shape but for the
    axis. The axis gets shorter by `n`. Unsigned integers wrap around.

    Raises:
        AxisError: for an axis that does not exist.
        DTypeError: for booleans.
        ShapeError: when the axis is shorter than `n`, or `prepend` or `append` does not fit.
        ValueError: for a negative `n`.

    >>> diff(ops.asarray([1.0, 4.0, 9.0, 16.0]), n=2)
    Tensor([2., 2.], float32)
    >>> diff(ops.asarray([1.0, 4.0, 9.0]), prepend=0)
    Tensor([1., 3., 5.], float32)
    """
    tensor = to_tensor("diff", x)
    place = normalize_axis(axis, tensor.ndim)
    check_domain(tensor.dtype, dtypes.Num)
    if n < 0:
        raise ValueError(f"diff takes differences 0 times or more often, got n={n}")
    if prepend is not None or append is not None:
        edge: Any = (*tensor.shape[:place], 1, *tensor.shape[place + 1 :])
        parts = [part for part in (prepend, tensor, append) if part is not None]
        joined = [
            ops.broadcast_to(part, edge) if part.ndim == 0 else part
            for part in promote_operands("diff", parts, dtypes.Num)
        ]
        tensor = ops.concat(joined, axis=place)
    size = tensor.shape[place]
    if isinstance(size, int) and size < n:
        raise ShapeError(f"axis {place} has {size} elements, too few for n={n} differences")
    for _ in range(n):
        tensor = ops.subtract(
            slice_along(tensor, place, 1, None), slice_along(tensor, place, None, -1)
        )
    return tensor
