"""Reading and writing at places given by index arrays, with numpy and scipy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from typedflux.shapes.errors import AxisError

Array = npt.NDArray[Any]
Axes = tuple[int, ...]


def _as_positions(index: Array) -> npt.NDArray[np.intp]:
    """Indices as numpy's own index type; what does not fit stays out of range."""
    if index.dtype == np.uint64:
        index = np.minimum(index, np.uint64(np.iinfo(np.intp).max))
    return index.astype(np.intp, copy=False)


def out_of_range(indices: Sequence[Array], shape: Sequence[int], axes: Axes) -> AxisError:
    """The error for index arrays of which one holds a number that is no place on its axis."""
    for index, axis in zip(indices, axes, strict=True):
        size = shape[axis]
        wrong = (index < -size) | (index >= size)
        if np.any(wrong):
            first = index[wrong].flat[0] if index.ndim else index[()]
            valid = f"valid are {-size} to {size - 1}" if size else "an empty axis has no element"
            return AxisError(
                f"index {first} is out of range for axis {axis} of size {size}: {valid}"
            )
    return AxisError("an index is out of range")


def gather_elements(x: Array, *indices: Array, axes: Axes, place: int) -> Array:
    """The elements of `x` at the indices along `axes`, their block of axes at `place`."""
    indices = tuple([_as_positions(i) for i in indices])
    try:
        if len(axes) == 1 and axes[0] == place and x.flags.c_contiguous:
            # Three times as fast as x[:, i], but it would copy the whole of another layout.
            out: Array = x.take(indices[0], axis=place)
            return out
        index, natural = _plain_index(indices, x.ndim, axes)
        out = x[index]
    except IndexError:
        np.broadcast_shapes(*[i.shape for i in indices])  # a ValueError is the shape rule's
        raise out_of_range(indices, x.shape, axes) from None
    return _move_block(out, max(i.ndim for i in indices), natural, place)


def _plain_index(indices: Sequence[Array], ndim: int, axes: Axes) -> tuple[tuple[Any, ...], int]:
    """The index as numpy writes it, and where numpy puts the block."""
    index: list[Any] = [slice(None)] * ndim
    for i, axis in zip(indices, axes, strict=True):
        index[axis] = i
    adjacent = axes == tuple(range(axes[0], axes[0] + len(axes)))
    return tuple(index), axes[0] if adjacent else 0


def _move_block(x: Array, rank: int, source: int, target: int) -> Array:
    if source == target or rank == 0:
        return x
    return np.moveaxis(x, range(source, source + rank), range(target, target + rank))


def numpy_index(
    values: Array, indices: Sequence[Array], shape: tuple[int, ...], axes: Axes, place: int
) -> tuple[tuple[Any, ...], Array]:
    """An index for numpy's assignment, and the values as that expects them.

    Raises:
        AxisError: for an index that is out of range.
    """
    positions = [_as_positions(i) for i in indices]
    for index, axis in zip(positions, axes, strict=True):
        if index.size and (index.min() < -shape[axis] or index.max() >= shape[axis]):
            raise out_of_range(positions, shape, axes)
    index_tuple, natural = _plain_index(positions, len(shape), axes)
    return index_tuple, _move_block(values, max(i.ndim for i in positions), place, natural)


class Rows:
    """A scatter seen as rows: `values[k]` belongs to row `place[k]` of `count` rows."""

    def __init__(
        self, place: Array, values: Array, shape: tuple[int, ...], axes: Axes, count: int
    ) -> None:
        self.place = place
        self.values = values
        self.count = count
        self._shape = shape
        self._axes = axes
        self._leading = axes == tuple(range(len(axes)))

    def take_apart(self, x: Array) -> Array:
        """A copy of a tensor of the shape scattered into, as rows."""
        front = x if self._leading else np.moveaxis(x, self._axes, range(len(self._axes)))
        return np.array(front, order="C").reshape(self.count, self.values.shape[1])

    def restore(self, rows: Array) -> Array:
        """The tensor that some rows make up."""
        sizes = [self._shape[a] for a in self._axes]
        rest = [n for i, n in enumerate(self._shape) if i not in self._axes]
        whole = rows.reshape(*sizes, *rest)
        return whole if self._leading else np.moveaxis(whole, range(len(sizes)), self._axes)


def rows_of(
    values: Array, indices: Sequence[Array], shape: tuple[int, ...], axes: Axes, place: int
) -> Rows:
    """A scatter of values, whose block of axes stands at `place`, seen as rows.

    Raises:
        AxisError: for an index that is out of range.
        ValueError: when the values do not have the shape of the indexed part.
    """
    positions = [_as_positions(i) for i in indices]
    block = np.broadcast_shapes(*[i.shape for i in positions])
    rest = tuple([n for i, n in enumerate(shape) if i not in axes])
    if values.shape != (*rest[:place], *block, *rest[place:]):
        raise ValueError("the values do not fit")
    flat: Any = np.intp(0)
    count = 1
    for index, axis in zip(positions, axes, strict=True):
        size = shape[axis]
        if index.size and (index.min() < -size or index.max() >= size):
            raise out_of_range(positions, shape, axes)
        flat = flat * size + np.where(index < 0, index + size, index)
        count *= size
    flat = np.broadcast_to(flat, block).reshape(-1)
    front = _move_block(values, len(block), place, 0)
    width = int(np.prod(rest, dtype=np.int64))
    return Rows(flat, front.reshape(flat.size, width), shape, axes, count)


SMALL = 2048
"""Up to so many values numpy's `at` with an index as it is costs less than making rows of them."""


def combine(
    ufunc: np.ufunc, out: Array, values: Array, indices: Sequence[Array], axes: Axes, place: int
) -> Array:
    """`out` combined, in place, with values at the indices along `axes`: for few values."""
    index, values = numpy_index(values, indices, out.shape, axes, place)
    if out[index].shape != values.shape:
        raise ValueError("the values do not fit")
    ufunc.at(out, index, values)
    return out


def sum_rows(place: Array, values: Array, count: int) -> Array:
    """`count` rows, row `r` being the sum of the `values[k]` with `place[k] == r`.

    numpy's `add.at` is fast along one axis only (2 ns an element, 9 along rows). For rows, a
    product with the sparse matrix that has a one at `(place[k], k)` takes 0.5: that of scipy.
    float16 and bfloat16 are summed in float32.
    """
    if values.dtype.itemsize == 2 and values.dtype.kind in "fV":
        return sum_rows(place, values.astype(np.float32), count).astype(values.dtype)
    width = values.shape[1]
    if width == 1 or values.dtype == np.bool_:
        return combine_rows(np.add, np.zeros((count, width), values.dtype), place, values)
    from scipy.sparse import csc_array

    ends = np.arange(place.size + 1)
    ones = np.ones(place.size, values.dtype)
    matrix = csc_array((ones, place, ends), shape=(count, place.size))
    out: Array = matrix @ values
    return out


def combine_rows(ufunc: np.ufunc, rows: Array, place: Array, values: Array) -> Array:
    """`rows[place[k]] = ufunc(rows[place[k]], values[k])`, one after the other, in place."""
    width = values.shape[1]
    flat = rows.reshape(-1)
    if width == 1:
        ufunc.at(flat, place, values[:, 0])
    else:
        ufunc.at(flat, (place[:, None] * width + np.arange(width)).reshape(-1), values.reshape(-1))
    return rows
