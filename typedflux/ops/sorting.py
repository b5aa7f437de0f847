"""Sorting, the largest elements, and sets of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.ops.families import check_domain
from typedflux.ops.reductions import ORDERED, ordered
from typedflux.ops.reporting import axis_of
from typedflux.shapes.dims import UNKNOWN
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor, TensorLike


def _argsort_kernel(x: Array, *, axis: int, descending: bool, stable: bool) -> Any:
    kind: Any = "stable" if stable or descending else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    # Stable from large to small: sort what is reversed, and turn both the order and the places.
    backwards = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind=kind), axis)
    return x.shape[axis] - 1 - backwards


def _argsort_shape(x: TensorType, *, axis: int, descending: bool, stable: bool) -> TensorType:
    check_domain(x.dtype, ORDERED)
    return TensorType(dtypes.int64, x.shape)


def _argsort_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: int, **params: Any
) -> tuple[Tensor, int]:
    x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    return argsort_p.bind(x, axis=axis + 1, **params), 0


argsort_p = Primitive(
    "argsort",
    ordered(_argsort_kernel),
    _argsort_shape,
    batch=_argsort_batch,
    lowering=Lowering("opaque"),
)


def argsort(
    x: TensorLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort `x` along `axis`.

    >>> argsort(ops.asarray([3.0, 1.0, 2.0]))
    Tensor([1, 2, 0], int64)
    """
    x = ops.asarray(x)
    place = axis_of("argsort", x, axis)
    out: Tensor = argsort_p.bind(x, axis=place, descending=descending, stable=stable)
    return out


def sort(
    x: TensorLike, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """`x` sorted along `axis`."""
    x = ops.asarray(x)
    place = axis_of("sort", x, axis)
    order = argsort(x, axis=place, descending=descending, stable=stable)
    return ops.take_along_axis(x, order, axis=place)


def topk(
    x: TensorLike, k: int, /, *, axis: int = -1, largest: bool = True
) -> tuple[Tensor, Tensor]:
    """The `k` largest (or smallest) elements along `axis`, best first, and their indices.

    Raises:
        ShapeError: when the axis has fewer than `k` elements.

    >>> topk(ops.asarray([1.0, 3.0, 2.0]), 2)
    (Tensor([3., 2.], float32), Tensor([1, 2], int64))
    """
    x = ops.asarray(x)
    place = axis_of("topk", x, axis)
    size = x.shape[place]
    if k < 0 or (isinstance(size, int) and k > size):
        raise ShapeError(f"topk: axis {axis} has {size} elements, {k} are asked for")
    order = argsort(x, axis=place, descending=largest)
    if isinstance(size, int):
        best = order[(slice(None),) * place + (slice(0, k),)]
    else:  # an open size is at least k, which a slice would not know: it keeps min(size, k)
        best = ops.take(order, ops.arange(k), axis=place)
    return ops.take_along_axis(x, best, axis=place), best


class UniqueAll(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


def _unique_kernel(x: Array) -> Any:
    found = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    values, indices, inverse, counts = found
    return values, indices, inverse.reshape(x.shape), counts


def _unique_shape(x: TensorType) -> tuple[TensorType, ...]:
    counted = TensorType(dtypes.int64, (UNKNOWN,))
    return (
        TensorType(x.dtype, (UNKNOWN,)), counted, TensorType(dtypes.int64, x.shape), counted,
    )  # fmt: skip


unique_p = Primitive("unique", _unique_kernel, _unique_shape, multiple=True)


def unique_all(x: TensorLike, /) -> UniqueAll:
    """The distinct elements in order, where each is first, which each element is, how many."""
    return UniqueAll(*unique_p.bind(ops.asarray(x)))


def unique_counts(x: TensorLike, /) -> UniqueCounts:
    """The distinct elements in order and how many there are of each."""
    values, _, _, counts = unique_p.bind(ops.asarray(x))
    return UniqueCounts(values, counts)


def unique_inverse(x: TensorLike, /) -> UniqueInverse:
    """The distinct elements in order and which of them each element is."""
    values, _, inverse, _ = unique_p.bind(ops.asarray(x))
    return UniqueInverse(values, inverse)


def unique_values(x: TensorLike, /) -> Tensor:
    """The distinct elements in order."""
    values: Tensor = unique_p.bind(ops.asarray(x))[0]
    return values
