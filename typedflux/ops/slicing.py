"""Basic indexing: numbers, slices and new axes, which pick a regular part of a tensor.

Three primitives: `slice` takes the part, `embed` puts a part into a constant tensor (so it is the
transpose of `slice`, and padding too), `slice_update` puts one into another tensor.

Their parameter `index` has one entry for each axis, and more for new ones: a number, a
`(start, stop, step)` or `None`. Tuples stand for slices because parameters are hashable and may
hold symbolic sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from typedflux import ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import promote
from typedflux.ops.interchange import to_tensor
from typedflux.ops.reporting import reports
from typedflux.shapes.dims import Dimension, format_shape, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.indexing import index_shape
from typedflux.shapes.reshape import normalize_axes
from typedflux.tensor import Tensor, TensorLike

Cut: TypeAlias = tuple[Dimension | None, Dimension | None, Dimension | None]
BasicIndex: TypeAlias = tuple[Dimension | Cut | None, ...]

WHOLE: Cut = (None, None, None)


def as_slices(index: BasicIndex) -> tuple[Any, ...]:
    """The index as Python and numpy write it."""
    return tuple([slice(*entry) if type(entry) is tuple else entry for entry in index])


def part_shape(shape: Shape, index: BasicIndex) -> Shape:
    """The shape of the part that `index` picks."""
    return index_shape(shape, as_slices(index))


def _check_part(part: TensorType, whole: Shape, index: BasicIndex) -> None:
    wanted = part_shape(whole, index)
    why = (
        f"values of shape '{format_shape(part.shape)}' do not fit the part of shape "
        f"'{format_shape(wanted)}'"
    )
    if len(wanted) != len(part.shape):
        raise ShapeError(why)
    for a, b in zip(part.shape, wanted, strict=True):
        require_equal(a, b, why)


# slice


def _slice_kernel(x: Array, *, index: BasicIndex) -> Array:
    part: Array = x[as_slices(index)]
    return part


def _slice_vjp(out: Tensor, x: Tensor, *, index: BasicIndex) -> Pullbacks:
    shape = x.shape
    return (lambda g: embed_p.bind(g, index=index, shape=shape, value=0),)


def _slice_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, index: BasicIndex
) -> tuple[Tensor, int]:
    x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    return slice_p.bind(x, index=(WHOLE, *index)), 0


def _slice_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor], *, index: BasicIndex
) -> Tensor:
    tangent: Tensor = slice_p.bind(tangents[0], index=index)
    return tangent


slice_p = Primitive(
    "getitem",
    _slice_kernel,
    lambda x, *, index: TensorType(x.dtype, part_shape(x.shape, index)),
    _slice_vjp,
    _slice_jvp,
    _slice_batch,
    Lowering("layout", "slice"),
)


def slice_along(x: Tensor, axis: int, start: Dimension | None, stop: Dimension | None) -> Tensor:
    """`x` from `start` to `stop` along one axis."""
    index: Any = [WHOLE] * x.ndim
    index[axis] = (start, stop, None)
    out: Tensor = slice_p.bind(x, index=tuple(index))
    return out


# embed


def _embed_kernel(
    part: Array, *, index: BasicIndex, shape: tuple[int, ...], value: complex
) -> Array:
    whole = np.zeros(shape, part.dtype) if value == 0 else np.full(shape, value, part.dtype)
    place = as_slices(index)
    if whole[place].shape != part.shape:
        raise ValueError("the part does not fit")  # the shape rule says how
    whole[place] = part
    return whole


def _embed_shape(
    part: TensorType, *, index: BasicIndex, shape: Shape, value: complex
) -> TensorType:
    _check_part(part, shape, index)
    return TensorType(part.dtype, shape)


def _embed_vjp(
    out: Tensor, part: Tensor, *, index: BasicIndex, shape: Shape, value: complex
) -> Pullbacks:
    return (lambda g: slice_p.bind(g, index=index),)


def _embed_jvp(
    out: Tensor,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor],
    *,
    index: BasicIndex,
    shape: Shape,
    value: complex,
) -> Tensor:
    tangent: Tensor = embed_p.bind(tangents[0], index=index, shape=shape, value=0)
    return tangent


def _embed_batch(
    inputs: Sequence[Tensor],
    axes: Sequence[int | None],
    *,
    index: BasicIndex,
    shape: Shape,
    value: complex,
) -> tuple[Tensor, int]:
    part = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    whole = (part.shape[0], *shape)
    return embed_p.bind(part, index=(WHOLE, *index), shape=whole, value=value), 0


embed_p = Primitive(
    "embed",
    _embed_kernel,
    _embed_shape,
    _embed_vjp,
    _embed_jvp,
    _embed_batch,
    Lowering("layout", "embed"),
)


# slice_update


def _update_kernel(x: Array, part: Array, *, index: BasicIndex) -> Array:
    out = x.copy()
    place = as_slices(index)
    if out[place].shape != part.shape:
        raise ValueError("the part does not fit")
    out[place] = part
    return out


def _update_shape(x: TensorType, part: TensorType, *, index: BasicIndex) -> TensorType:
    _check_part(part, x.shape, index)
    return TensorType(promote(x.dtype, part.dtype), x.shape)


def _update_vjp(out: Tensor, x: Tensor, part: Tensor, *, index: BasicIndex) -> Pullbacks:
    shape, dtype = part.shape, part.dtype

    def to_x(g: Tensor) -> Tensor:
        blank: Tensor = slice_update_p.bind(g, ops.zeros(shape, dtype=dtype), index=index)
        return blank

    return to_x, lambda g: slice_p.bind(g, index=index)


def _update_jvp(
    out: Tensor,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    *,
    index: BasicIndex,
) -> Tensor:
    tx, tpart = (
        ops.zeros_like(x) if t is None else t for x, t in zip(inputs, tangents, strict=True)
    )
    tangent: Tensor = slice_update_p.bind(tx, tpart, index=index)
    return tangent


def _update_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, index: BasicIndex
) -> tuple[Tensor, int]:
    x, part = batched_alike(inputs, axes)
    return slice_update_p.bind(x, part, index=(WHOLE, *index)), 0


slice_update_p = Primitive(
    "slice_update",
    _update_kernel,
    _update_shape,
    _update_vjp,
    _update_jvp,
    _update_batch,
    Lowering("scatter", "slice"),
)


def batched_alike(inputs: Sequence[Tensor], axes: Sequence[int | None]) -> list[Tensor]:
    """Operands with the batch axis in front, repeated along it where they had none."""
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    return [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(inputs, axes, strict=True)
    ]


# flip


@reports("flip")
def flip(x: TensorLike, /, *, axis: int | Sequence[int] | None = None) -> Tensor:
    """The elements in the opposite order along `axis`, along all axes by default.

    Raises:
        ShapeError: for an axis that does not exist.

    >>> flip(ops.asarray([1, 2, 3]))
    Tensor([3, 2, 1], int64)
    """
    tensor = to_tensor("flip", x)
    axes = normalize_axes(axis, tensor.ndim)
    index = tuple([(None, None, -1) if i in axes else WHOLE for i in range(tensor.ndim)])
    out: Tensor = slice_p.bind(tensor, index=index)
    return out
