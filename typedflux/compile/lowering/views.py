"""Where values lie in memory: strided views of buffers, over sizes that may be symbolic.

Operations that only change the layout (permuting, slicing, broadcasting, most reshapes) give
another view of the same buffer and cost nothing when the program runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from typedflux.core.types import Shape
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dim, Dimension, equal, is_fixed, product


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """Memory for one value.

    Attributes:
        dtype: of its elements.
        elements: how many there are.
        name: what it is called in explanations.
        whole: the buffer that it is a part of, if it is, and where in it, in elements.
    """

    dtype: DType
    elements: Dimension
    name: str = ""
    whole: tuple[Buffer, Dimension] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Elements of a buffer: element `i` lies at `offset + sum(i * strides)`."""

    buffer: Buffer
    shape: Shape
    strides: tuple[Dimension, ...]
    offset: Dimension = 0

    @property
    def dtype(self) -> DType:
        """Of the elements."""
        return self.buffer.dtype

    @property
    def is_whole(self) -> bool:
        """Whether it is its buffer from first to last element in row-major order."""
        return (
            is_fixed(self.offset, 0)
            and same_strides(self.strides, row_major(self.shape), self.shape)
            and same(product(self.shape), self.buffer.elements)
        )


def same(a: Dimension, b: Dimension) -> bool:
    """Whether two sizes are surely equal; asking leaves no guard behind."""
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return equal(a, b) is True


def same_strides(a: Sequence[Dimension], b: Sequence[Dimension], shape: Shape) -> bool:
    """Whether two lists of strides lead to the same places; axes of size 1 do not count."""
    return all(same(x, y) or is_fixed(n, 1) for x, y, n in zip(a, b, shape, strict=True))


def row_major(shape: Shape) -> tuple[Dimension, ...]:
    """The strides of a contiguous tensor, the last axis innermost.

    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    return in_order(shape, range(len(shape)))


def in_order(shape: Shape, order: Sequence[int]) -> tuple[Dimension, ...]:
    """The strides of a contiguous tensor with its axes in memory in this order, outermost first.

    >>> in_order((2, 3, 4, 5), (0, 2, 3, 1))
    (60, 1, 15, 3)
    """
    strides: list[Dimension] = [0] * len(shape)
    step: Dimension = 1
    for axis in reversed(list(order)):
        strides[axis] = step
        step = step * shape[axis]
    return tuple(strides)


def memory_order(view: View) -> tuple[int, ...] | None:
    """The order of the axes, outermost first, in which the view is contiguous.

    `None` where it is not contiguous in any order, or that cannot be told. Axes of size 1 stay
    where they are.
    """
    shape = view.shape
    axes = [i for i, n in enumerate(shape) if not is_fixed(n, 1)]
    found: list[int] = []
    step: Dimension = 1
    while axes:
        inner = next((i for i in axes if same(view.strides[i], step)), None)
        if inner is None:
            return None
        axes.remove(inner)
        found.insert(0, inner)
        step = step * shape[inner]
    order = list(found)
    for i, n in enumerate(shape):
        if is_fixed(n, 1):
            order.insert(min(i, len(order)), i)
    return tuple(order)


def permuted(view: View, axes: Sequence[int]) -> View:
    """The axes in another order."""
    return replace(
        view,
        shape=tuple([view.shape[a] for a in axes]),
        strides=tuple([view.strides[a] for a in axes]),
    )


def broadcast(view: View, shape: Shape) -> View:
    """Repeated to a larger shape: strides of 0."""
    extra = len(shape) - len(view.shape)
    strides = [0] * extra + [
        0 if is_fixed(old, 1) and not is_fixed(new, 1) else stride
        for old, new, stride in zip(view.shape, shape[extra:], view.strides, strict=True)
    ]
    return replace(view, shape=shape, strides=tuple(strides))


def reshaped(view: View, shape: Shape) -> View | None:
    """Another shape without moving elements; `None` where they would have to move, or where that
    cannot be told of symbolic sizes."""
    if any(is_fixed(n, 0) for n in view.shape):
        return replace(view, shape=shape, strides=row_major(shape))
    old = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if not is_fixed(n, 1)]
    new = [i for i, n in enumerate(shape) if not is_fixed(n, 1)]
    strides: list[Dimension] = [0] * len(shape)
    while old or new:
        if not old or not new:
            return None
        take, give = 1, 1
        while True:
            taken = product([n for n, _ in old[:take]])
            given = product([shape[i] for i in new[:give]])
            if same(taken, given):
                break
            if isinstance(taken, int) and isinstance(given, int):
                if taken < given:
                    take += 1
                else:
                    give += 1
            elif isinstance(given, int) or _divides(given, taken):
                give += 1
            else:
                take += 1
            if take > len(old) or give > len(new):
                return None
        merged = old[:take]
        for (_, outer), (n, inner) in itertools.pairwise(merged):
            if not same(outer, inner * n):
                return None
        step = merged[-1][1]
        for i in reversed(new[:give]):
            strides[i] = step
            step = step * shape[i]
        old, new = old[take:], new[give:]
    return replace(view, shape=shape, strides=tuple(strides))


def _divides(small: Dimension, large: Dimension) -> bool:
    """Whether one size is a literal or symbolic factor of another, in form."""
    quotient = large // small
    return same(quotient * small, large)


def sliced(view: View, index: Sequence[Any], shape: Shape) -> View | None:
    """A basic index: ints, `(start, stop, step)` and `None`; `shape` is the result's.

    `None` where a symbolic bound may lie outside and would have to be clamped.
    """
    strides: list[Dimension] = []
    offset: Dimension = view.offset
    axis = 0
    for entry in index:
        if entry is None:
            strides.append(0)
            continue
        size, stride = view.shape[axis], view.strides[axis]
        axis += 1
        if type(entry) is tuple:
            start, stop, step = entry
            if isinstance(size, int) and not any(isinstance(e, Dim) for e in entry):
                first, _, step = slice(start, stop, step).indices(size)
            elif start is None and (step is None or is_fixed(step, 1)):
                first, step = 0, 1
            else:
                return None
            strides.append(stride * step)
            offset = offset + stride * first
        elif isinstance(entry, int) and isinstance(size, int):
            offset = offset + stride * (entry + size if entry < 0 else entry)
        elif isinstance(entry, int):
            offset = offset + stride * (size + entry if entry < 0 else entry)
        else:
            return None
    strides.extend(view.strides[axis:])
    if len(strides) != len(shape):
        return None
    return replace(view, shape=shape, strides=tuple(strides), offset=offset)
