"""Changing shapes: the same elements seen another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.creation import as_shape
from typedflux.ops.families import same_shape, unbroadcast
from typedflux.ops.interchange import to_tensor
from typedflux.ops.reporting import reports
from typedflux.shapes.broadcasting import broadcast_shapes, require_broadcastable_to
from typedflux.shapes.dims import product
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import (
    expand_dims_shape,
    normalize_axes,
    normalize_axis,
    permute,
    resolve_reshape,
    squeeze_shape,
)
from typedflux.tensor import Tensor, TensorLike, wrap

LAYOUT = Lowering("layout")


def linear(primitive: Primitive) -> Primitive:
    """Give `primitive` the jvp of an operation that is linear in its first operand: itself."""

    def jvp(
        out: Any, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], **params: Any
    ) -> Any:
        if tangents[0] is None:
            return None
        return primitive.bind(tangents[0], *inputs[1:], **params)

    primitive.jvp = jvp
    return primitive


# reshape


def _reshape_vjp(out: Tensor, x: Tensor, *, shape: Shape) -> Pullbacks:
    before = x.shape
    return (lambda g: reshape(g, before),)


def _reshape_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, shape: Shape
) -> tuple[Tensor, int]:
    x = moveaxis(inputs[0], axes[0] or 0, 0)
    return reshape_p.bind(x, shape=(x.shape[0], *shape)), 0


reshape_p = linear(
    Primitive(
        "reshape",
        lambda x, *, shape: x.reshape(shape),
        lambda x, *, shape: TensorType(x.dtype, resolve_reshape(x.shape, shape)),
        vjp=_reshape_vjp,
        batch=_reshape_batch,
        lowering=LAYOUT,
    )
)


def reshape(x: TensorLike, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Tensor:
    """The same elements, in row-major order, in another shape; one size may be -1.

    Tensors are immutable, so `copy` changes nothing.

    Raises:
        ShapeError: when the numbers of elements differ.

    >>> from typedflux import ops
    >>> reshape(ops.asarray([1, 2, 3, 4, 5, 6]), (2, -1)).shape
    (2, 3)
    """
    if type(shape) is tuple and isinstance(x, Tensor):
        fixed = _resolve_fixed(x.shape, shape)
        if fixed is not None:
            if type(x) is Tensor:
                return wrap(x._data.reshape(fixed))
            out: Tensor = reshape_p.bind(x, shape=fixed)
            return out
    return _reshape(x, shape)


def _resolve_fixed(before: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[int, ...] | None:
    """The quick way to what `resolve_reshape` says where all sizes are plain ints and fit."""
    total, wanted = 1, 1
    for size in before:
        total *= size
    for size in new:
        if type(size) is not int or size < -1:
            return None
        wanted *= size
    if type(total) is not int:
        return None
    open_axes = new.count(-1)
    if open_axes == 0 and total == wanted:
        return new
    if open_axes == 1 and wanted < 0 and total % -wanted == 0:
        return tuple([total // -wanted if size == -1 else size for size in new])
    return None


@reports("reshape")
def _reshape(x: TensorLike, shape: int | Sequence[int]) -> Tensor:
    tensor = to_tensor("reshape", x)
    new = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    out: Tensor = reshape_p.bind(tensor, shape=resolve_reshape(tensor.shape, _as_sizes(new)))
    return out


def _as_sizes(shape: Sequence[Any]) -> Shape:
    """Sizes as plain ints or symbolic, -1 allowed."""
    for size in shape:
        if not hasattr(size, "__index__"):
            raise DTypeError(f"sizes are integers, got {size!r:.40} in shape {tuple(shape)}")
    return tuple([s.__index__() if isinstance(s, (np.integer, Tensor)) else s for s in shape])


def expand_dims(x: TensorLike, /, axis: int | Sequence[int] = 0) -> Tensor:
    """`x` with an axis of size 1 inserted, so that it stands at `axis` (or several) afterwards.

    Raises:
        ShapeError: for a place that does not exist, or one that is named twice.

    >>> from typedflux import ops
    >>> expand_dims(ops.zeros((2, 3)), axis=1).shape
    (2, 1, 3)
    """
    if type(axis) is int and isinstance(x, Tensor):
        shape, rank = x.shape, x.ndim
        if -rank - 1 <= axis <= rank:
            place = axis + rank + 1 if axis < 0 else axis
            return reshape(x, (*shape[:place], 1, *shape[place:]))
    return _expand_dims(x, axis)


@reports("expand_dims")
def _expand_dims(x: TensorLike, axis: int | Sequence[int]) -> Tensor:
    tensor = to_tensor("expand_dims", x)
    out: Tensor = reshape_p.bind(tensor, shape=expand_dims_shape(tensor.shape, axis))
    return out


@reports("squeeze")
def squeeze(x: TensorLike, /, axis: int | Sequence[int]) -> Tensor:
    """`x` without the axes named, which must have size 1.

    Raises:
        ShapeError: when an axis has another size, does not exist or is named twice.

    >>> from typedflux import ops
    >>> squeeze(ops.zeros((1, 3, 1)), axis=-1).shape
    (1, 3)
    """
    tensor = to_tensor("squeeze", x)
    out: Tensor = reshape_p.bind(tensor, shape=squeeze_shape(tensor.shape, axis))
    return out


@reports("flatten")
def flatten(x: TensorLike, /) -> Tensor:
    """Everything but the first axis, the batch, as one axis: `"batch *rest"` to `"batch n"`.

    Raises:
        ShapeError: for a tensor of rank 0.

    >>> from typedflux import ops
    >>> flatten(ops.zeros((8, 16, 4, 4))).shape, flatten(ops.zeros((8,))).shape
    ((8, 256), (8, 1))
    """
    tensor = to_tensor("flatten", x)
    if tensor.ndim == 0:
        raise ShapeError("needs a batch axis, a tensor of rank 0 has none")
    if tensor.ndim == 2:
        return tensor
    shape: Any = (tensor.shape[0], product(tensor.shape[1:]))
    return reshape(tensor, shape)


# permute_dims


def _permute_vjp(out: Tensor, x: Tensor, *, axes: tuple[int, ...]) -> Pullbacks:
    inverse = [0] * len(axes)
    for place, axis in enumerate(axes):
        inverse[axis] = place
    return (lambda g: permute_dims_p.bind(g, axes=tuple(inverse)),)


def _permute_batch(
    inputs: Sequence[Tensor], batch_axes: Sequence[int | None], *, axes: tuple[int, ...]
) -> tuple[Tensor, int]:
    x = moveaxis(inputs[0], batch_axes[0] or 0, 0)
    return permute_dims_p.bind(x, axes=(0, *(a + 1 for a in axes))), 0


permute_dims_p = linear(
    Primitive(
        "permute_dims",
        lambda x, *, axes: x.transpose(axes),
        lambda x, *, axes: TensorType(x.dtype, permute(x.shape, axes)),
        vjp=_permute_vjp,
        batch=_permute_batch,
        lowering=LAYOUT,
    )
)


@reports("permute_dims")
def permute_dims(x: TensorLike, /, axes: Sequence[int]) -> Tensor:
    """The axes in the order `axes`: axis `i` of the result is axis `axes[i]` of `x`.

    Raises:
        ShapeError: when `axes` is not a permutation of the axes of `x`.

    >>> from typedflux import ops
    >>> permute_dims(ops.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    tensor = to_tensor("permute_dims", x)
    order = normalize_axes(tuple(axes), tensor.ndim)
    if len(order) != tensor.ndim:
        permute(tensor.shape, order)
    out: Tensor = permute_dims_p.bind(tensor, axes=order)
    return out


def matrix_transpose(x: TensorLike, /) -> Tensor:
    """The last two axes exchanged.

    Raises:
        ShapeError: for a tensor of rank 0 or 1.
    """
    tensor = to_tensor("matrix_transpose", x)
    n = tensor.ndim
    if n < 2:
        raise ShapeError(f"matrix_transpose needs a tensor of rank 2 or more, got rank {n}")
    out: Tensor = permute_dims_p.bind(tensor, axes=(*range(n - 2), n - 1, n - 2))
    return out


def transpose_matrix_only(x: Tensor, /) -> Tensor:
    """The transpose of a matrix, which is what `x.T` gives.

    Raises:
        ShapeError: for any other rank, where "the transpose" would be a guess.
    """
    if x.ndim != 2:
        raise ShapeError(
            f"x.T is for matrices, this tensor has shape {x.shape}: use x.mT to exchange the last "
            "two axes, or permute_dims(x, axes)"
        )
    return matrix_transpose(x)


def moveaxis(
    x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int], /
) -> Tensor:
    """`x` with one axis, or several, moved to other places, the others in their order.

    Raises:
        ShapeError: for an axis that does not exist or is named twice, or unequal numbers of them.

    >>> from typedflux import ops
    >>> moveaxis(ops.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    if type(source) is int and source == destination and isinstance(x, Tensor):
        normalize_axis(source, x.ndim)
        return x
    return _moveaxis(x, source, destination)


@reports("moveaxis")
def _moveaxis(
    x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]
) -> Tensor:
    tensor = to_tensor("moveaxis", x)
    sources = normalize_axes(source, tensor.ndim, "source")
    destinations = normalize_axes(destination, tensor.ndim, "destination")
    if len(sources) != len(destinations):
        raise ShapeError(f"{len(sources)} axes cannot move to {len(destinations)} places")
    order = [a for a in range(tensor.ndim) if a not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    out: Tensor = permute_dims_p.bind(tensor, axes=tuple(order))
    return out


# broadcast_to


def _broadcast_shape(x: TensorType, *, shape: Shape) -> TensorType:
    require_broadcastable_to(x.shape, shape)
    return TensorType(x.dtype, shape)


def _broadcast_vjp(out: Tensor, x: Tensor, *, shape: Shape) -> Pullbacks:
    before = x.shape
    return (lambda g: unbroadcast(g, before),)


def _broadcast_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, shape: Shape
) -> tuple[Tensor, int]:
    x = moveaxis(inputs[0], axes[0] or 0, 0)
    padding = (1,) * (len(shape) + 1 - x.ndim)
    x = reshape(x, (x.shape[0], *padding, *x.shape[1:]))
    return broadcast_to_p.bind(x, shape=(x.shape[0], *shape)), 0


def _broadcast_kernel(x: Array, *, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(x, shape)


broadcast_to_p = linear(
    Primitive(
        "broadcast_to",
        _broadcast_kernel,
        _broadcast_shape,
        vjp=_broadcast_vjp,
        batch=_broadcast_batch,
        lowering=LAYOUT,
    )
)


@reports("broadcast_to")
def broadcast_to(x: TensorLike, /, shape: int | Sequence[int]) -> Tensor:
    """`x` repeated along new and size-1 axes to `shape`, by NumPy's rules, without copying.

    Raises:
        ShapeError: when `x` does not broadcast to `shape`.

    >>> from typedflux import ops
    >>> broadcast_to(ops.asarray([1, 2]), (2, 2))
    Tensor([[1, 2],
            [1, 2]], int64)
    """
    tensor = to_tensor("broadcast_to", x)
    target = as_shape(shape)
    if same_shape(tensor.shape, target):
        return tensor
    out: Tensor = broadcast_to_p.bind(tensor, shape=target)
    return out


@reports("broadcast_arrays")
def broadcast_arrays(*arrays: TensorLike) -> list[Tensor]:
    """The tensors broadcast against each other, without copying.

    Raises:
        ShapeError: when they do not fit together.
    """
    tensors = [to_tensor("broadcast_arrays", a) for a in arrays]
    shape: Any = broadcast_shapes(*[t.shape for t in tensors])
    return [broadcast_to(t, shape) for t in tensors]
