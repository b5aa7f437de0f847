"""The shapes that NumPy's basic and advanced indexing give, over symbolic sizes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import TypeAlias

from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Unknown,
    bounds,
    ceil_div,
    decide,
    dim_max,
    dim_min,
    format_shape,
    hint_of,
    is_fixed,
    require_equal,
)
from typedflux.shapes.errors import AxisError, ShapeError


@dataclass(frozen=True, slots=True)
class MaskIndex:
    """A boolean array as an index: it takes up as many axes as it has and yields one."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class ArrayIndex:
    """An array of integers as an index."""

    shape: Shape


Entry: TypeAlias = int | Dim | Unknown | slice | EllipsisType | MaskIndex | ArrayIndex | None


def slice_length(size: Dimension, cut: slice) -> Dimension:
    """The length of a slice of an axis.

    Exact for fixed and for hinted sizes (whose comparisons are recorded). For other symbolic
    sizes a slice is taken to cut off what it says: `x[1:]` of `n` has `n-1`, although that would
    be 0 for an empty axis; a limit that may lie beyond the end gives a minimum.

    >>> from typedflux.shapes.dims import symbol
    >>> n = symbol("n")
    >>> [slice_length(n, s) for s in (slice(1, None), slice(None, 5), slice(0, -1, 2))]
    [n-1, min(n,5), n//2]
    """
    if cut.start is None and cut.stop is None and cut.step is None:
        return size
    step = 1 if cut.step is None else _plain(cut.step)
    start, stop = _plain(cut.start), _plain(cut.stop)
    if isinstance(step, int) and step == 0:
        raise ShapeError("the step of a slice cannot be 0")
    if isinstance(size, Unknown) or not isinstance(step, int):
        whole = cut.step is None and cut.stop is None and cut.start in (None, 0)
        return size if whole else UNKNOWN
    if isinstance(start, Unknown) or isinstance(stop, Unknown):
        return UNKNOWN
    if all(isinstance(item, (int, type(None))) for item in (size, start, stop)):
        return len(range(*slice(start, stop, step).indices(int(size))))
    if all(item is None or hint_of(item) is not None for item in (size, start, stop)):
        return _exact_length(size, start, stop, step)
    length = (_forward if step > 0 else _backward)(size, start, stop)
    highest = bounds(length)[1]
    return 0 if highest is not None and highest <= 0 else ceil_div(length, abs(step))


Limit: TypeAlias = int | Dim | None


def _plain(value: object) -> int | Dim | Unknown | None:
    if value is None or isinstance(value, (Dim, Unknown)):
        return value
    return operator.index(value)  # type: ignore[arg-type]


def _exact_length(size: int | Dim, start: Limit, stop: Limit, step: int) -> Dimension:
    """By comparisons, each of which is decided: Python's own rule for slices."""
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def clamp(limit: Limit, default: Dimension) -> Dimension:
        if limit is None:
            return default
        place = limit + size if limit < 0 else limit
        return low if place < low else min(place, high)

    first, last = clamp(start, low if step > 0 else high), clamp(stop, high if step > 0 else low)
    length = last - first if step > 0 else first - last
    return ceil_div(length, abs(step)) if length > 0 else 0


def _forward(size: int | Dim, start: Limit, stop: Limit) -> Dimension:
    begins_at_end = start is not None and _negative(start)
    if start is None:
        start = 0
    if stop is None or (isinstance(stop, Dim) and stop == size):
        return dim_min(size, -start) if begins_at_end else size - start
    if _negative(stop):
        return (dim_min(size, -start) if begins_at_end else size - start) + stop
    if begins_at_end:
        return dim_max(dim_min(size, stop) - dim_max(size + start, 0), 0)
    return dim_min(size, stop) - start


def _backward(size: int | Dim, start: Limit, stop: Limit) -> Dimension:
    if start is None:
        first: Dimension = size - 1
    else:
        first = size + start if _negative(start) else dim_min(size - 1, start)
    if stop is None:
        return first + 1
    if not _negative(stop):
        return first - stop
    length = first - dim_max(size + stop, -1)
    return length if start is None or _negative(start) else dim_max(length, 0)


def _negative(limit: int | Dim) -> bool:
    """Whether a limit counts from the end; a symbol stands for a size, `-k` for one from there."""
    highest = bounds(limit)[1]
    return highest is not None and highest <= 0 and not (isinstance(limit, int) and limit == 0)


def index_shape(shape: Sequence[Dimension], index: Entry | tuple[Entry, ...]) -> Shape:
    """The shape of `x[index]`.

    >>> index_shape((5, 6, 7), (0, slice(1, None)))
    (5, 7)
    >>> index_shape((5, 6, 7), (ArrayIndex((2, 1)), slice(None), ArrayIndex((4,))))
    (2, 4, 6)
    >>> index_shape((5,), 5)
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AxisError: index 5 is out of range for axis 0 of size 5: \
valid are -5 to 4
    """
    entries = _complete(shape, index if isinstance(index, tuple) else (index,))
    advanced = any(isinstance(entry, (MaskIndex, ArrayIndex)) for entry in entries)
    walk = _Walk(shape)
    for entry in entries:
        walk.step(entry, advanced)
    if not advanced:
        return tuple(walk.kept)
    try:
        block = broadcast_shapes(*walk.blocks)
    except ShapeError as error:
        raise ShapeError(f"index arrays do not fit together: {error}") from None
    place = walk.block_place if walk.adjacent else 0
    return (*walk.kept[:place], *block, *walk.kept[place:])


def _complete(shape: Sequence[Dimension], entries: tuple[Entry, ...]) -> list[Entry]:
    """Bools as masks, and whole slices in place of the ellipsis or at the end."""
    full = [MaskIndex(()) if isinstance(entry, bool) else entry for entry in entries]
    used = sum(_axes_used(entry) for entry in full)
    if used > len(shape):
        axes = "1 axis" if len(shape) == 1 else f"{len(shape)} axes"
        raise AxisError(f"too many indices: {used} for '{format_shape(shape)}', which has {axes}")
    dots = [place for place, entry in enumerate(full) if entry is Ellipsis]
    if len(dots) > 1:
        raise AxisError("an index can contain only one ellipsis (...)")
    place = dots[0] if dots else len(full)
    rest: list[Entry] = [slice(None)] * (len(shape) - used)
    return full[:place] + rest + full[place + 1 :]


def _axes_used(entry: Entry) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return len(entry.shape) if isinstance(entry, MaskIndex) else 1


class _Walk:
    """Goes through a complete index and notes what happens to the axes."""

    def __init__(self, shape: Sequence[Dimension]) -> None:
        self.shape = shape
        self.axis = 0
        self.kept: list[Dimension] = []
        self.blocks: list[Shape] = []
        self.block_place = 0
        self.adjacent = True
        self._previous_was_block = False

    def step(self, entry: Entry, advanced: bool) -> None:
        is_block = False
        if entry is None:
            self.kept.append(1)
        elif isinstance(entry, slice):
            self.kept.append(slice_length(self.shape[self.axis], entry))
        elif isinstance(entry, MaskIndex):
            self._check_mask(entry)
            self._add_block((UNKNOWN,))
            is_block = True
        elif isinstance(entry, ArrayIndex):
            self._add_block(entry.shape)
            is_block = True
        elif not isinstance(entry, EllipsisType):
            check_index(entry, self.shape[self.axis], self.axis)
            # Next to arrays, NumPy treats a number as an array of rank 0.
            if advanced:
                self._add_block(())
                is_block = True
        self.axis += _axes_used(entry)
        self._previous_was_block = is_block

    def _add_block(self, block: Shape) -> None:
        if not self.blocks:
            self.block_place = len(self.kept)
        elif not self._previous_was_block:
            self.adjacent = False
        self.blocks.append(block)

    def _check_mask(self, mask: MaskIndex) -> None:
        for offset, size in enumerate(mask.shape):
            if is_fixed(size, 0):
                continue  # it picks nothing, whatever the size of the axis
            wanted = self.shape[self.axis + offset]
            try:
                require_equal(
                    wanted,
                    size,
                    f"a mask of shape '{format_shape(mask.shape)}' does not fit axis "
                    f"{self.axis + offset} of '{format_shape(self.shape)}': {size} is not {wanted}",
                )
            except ShapeError as error:
                raise AxisError(str(error)) from None


def check_index(index: int | Dim | Unknown, size: Dimension, axis: int) -> None:
    """Raise `AxisError` for a number that is surely no index of an axis of this size."""
    if isinstance(index, Unknown) or isinstance(size, Unknown):
        return
    where = f"index {index} is out of range for axis {axis} of size {size}"
    if isinstance(size, int) and isinstance(index, int):
        if not -size <= index < size:
            valid = f"valid are {-size} to {size - 1}" if size else "an empty axis has no element"
            raise AxisError(f"{where}: {valid}")
        return
    excess = index - size if not _negative(index) else -index - size - 1
    if isinstance(excess, Unknown):
        return
    if hint_of(excess) is not None:
        outside = decide(excess, ">=", 0)
    else:
        outside = (bounds(excess)[0] or 0) >= 0 and bounds(excess)[0] is not None
    if outside:
        raise AxisError(where)
