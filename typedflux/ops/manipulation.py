"""Changing shapes: the same elements seen another way, joined or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.families import unbroadcast
from typedflux.shapes.broadcasting import require_broadcastable_to
from typedflux.shapes.reshape import normalize_axis, permute, resolve_reshape
from typedflux.tensor import Tensor

LAYOUT = Lowering("layout")


def linear_jvp(primitive_name: str) -> Any:
    """The jvp of a primitive that is linear in its one operand: itself, on the tangent."""

    def jvp(
        out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], **params: Any
    ) -> Tensor:
        tangent: Tensor = globals()[primitive_name].bind(tangents[0], **params)
        return tangent

    return jvp


# reshape


def _reshape_vjp(out: Tensor, x: Tensor, *, shape: Shape) -> Pullbacks:
    before = x.shape
    return (lambda g: reshape(g, before),)


def _reshape_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, shape: Shape
) -> tuple[Tensor, int]:
    x = moveaxis(inputs[0], axes[0] or 0, 0)
    return reshape_p.bind(x, shape=(x.shape[0], *shape)), 0


reshape_p = Primitive(
    "reshape",
    lambda x, *, shape: x.reshape(shape),
    lambda x, *, shape: TensorType(x.dtype, resolve_reshape(x.shape, shape)),
    _reshape_vjp,
    linear_jvp("reshape_p"),
    _reshape_batch,
    LAYOUT,
)


def reshape(x: Tensor, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Tensor:
    """The same elements, in row-major order, in another shape; one size may be -1.

    Raises:
        ShapeError: when the numbers of elements differ.

    >>> from typedflux import ops
    >>> reshape(ops.asarray([1, 2, 3, 4, 5, 6]), (2, -1)).shape
    (2, 3)
    """
    new = (shape,) if isinstance(shape, int) else tuple(shape)
    out: Tensor = reshape_p.bind(x, shape=resolve_reshape(x.shape, new))
    return out


# permute_dims


def _permute_vjp(out: Tensor, x: Tensor, *, axes: tuple[int, ...]) -> Pullbacks:
    inverse = tuple(int(i) for i in np.argsort(axes))
    return (lambda g: permute_dims_p.bind(g, axes=inverse),)


def _permute_batch(
    inputs: Sequence[Tensor], batch_axes: Sequence[int | None], *, axes: tuple[int, ...]
) -> tuple[Tensor, int]:
    x = moveaxis(inputs[0], batch_axes[0] or 0, 0)
    return permute_dims_p.bind(x, axes=(0, *(a + 1 for a in axes))), 0


permute_dims_p = Primitive(
    "permute_dims",
    lambda x, *, axes: x.transpose(axes),
    lambda x, *, axes: TensorType(x.dtype, permute(x.shape, axes)),
    _permute_vjp,
    linear_jvp("permute_dims_p"),
    _permute_batch,
    LAYOUT,
)


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """The axes in the order `axes`: axis `i` of the result is axis `axes[i]` of `x`.

    Raises:
        ShapeError: when `axes` is not a permutation of the axes of `x`.
    """
    order = tuple(normalize_axis(a, x.ndim) for a in axes)
    permute(x.shape, order)  # numpy's own error would not name the axes
    out: Tensor = permute_dims_p.bind(x, axes=order)
    return out


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes exchanged."""
    n = x.ndim
    normalize_axis(-2, n)
    out: Tensor = permute_dims_p.bind(x, axes=(*range(n - 2), n - 1, n - 2))
    return out


def moveaxis(x: Tensor, source: int, destination: int, /) -> Tensor:
    """`x` with one axis moved to another place, the others in their order."""
    source = normalize_axis(source, x.ndim)
    destination = normalize_axis(destination, x.ndim)
    if source == destination:
        return x
    order = [a for a in range(x.ndim) if a != source]
    order.insert(destination, source)
    out: Tensor = permute_dims_p.bind(x, axes=tuple(order))
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


broadcast_to_p = Primitive(
    "broadcast_to",
    _broadcast_kernel,
    _broadcast_shape,
    _broadcast_vjp,
    linear_jvp("broadcast_to_p"),
    _broadcast_batch,
    LAYOUT,
)


def broadcast_to(x: Tensor, /, shape: Sequence[int]) -> Tensor:
    """`x` repeated along new and size-1 axes to `shape`, by NumPy's rules, without copying.

    Raises:
        ShapeError: when `x` does not broadcast to `shape`.
    """
    target = tuple(shape)
    if x.shape == target:
        return x
    out: Tensor = broadcast_to_p.bind(x, shape=target)
    return out
