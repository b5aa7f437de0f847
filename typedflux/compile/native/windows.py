"""Windows that slide along axes, as the generators of convolutions and pools see them.

A convolution and its gradient by the input are both *sweeps*: each result is a sum over taps, where
result `q` of an axis takes element `q*step + offset + t*gap` of the operand with tap `t`. With a
stride, the gradient is several sweeps, one for each phase of the position, so that no tap meets the
zeros between the strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import gcd, prod

from typedflux.compile.native.emitter import Function, Index, Type, Value, literal


@dataclass(frozen=True, slots=True)
class Image:
    """An operand: where it is and its strides, in elements: of a picture batch, channel and the
    spatial axes; of a weight output, input and the axes of the kernel."""

    pointer: Value
    strides: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis of a sweep.

    Attributes:
        size: of the operand that is read.
        count: how many results there are.
        step: from a result's elements to the next one's.
        taps: how many there are.
        offset: of the element that result 0 takes with tap 0.
        gap: from a tap's element to the next one's, at least 1.
        tap: which position of the kernel tap 0 is.
        tap_step: from a tap's position in the kernel to the next one's, which may be negative.
        first: where result 0 lies.
        spacing: from a result's place to the next one's.
    """

    size: int
    count: int
    step: int
    taps: int
    offset: int
    gap: int
    tap: int = 0
    tap_step: int = 1
    first: int = 0
    spacing: int = 1

    @property
    def inside(self) -> bool:
        """Whether no window reaches outside of the operand."""
        last = (self.count - 1) * self.step + self.offset + (self.taps - 1) * self.gap
        return self.count == 0 or self.taps == 0 or (self.offset >= 0 and last < self.size)

    def valid(self, result: int, tap: int) -> bool:
        """Whether the result takes an element inside of the operand with that tap."""
        return 0 <= result * self.step + self.offset + tap * self.gap < self.size

    def tap_range(self, f: Function, place: Index) -> tuple[Index, Index]:
        """Which taps meet the operand for a result whose tap 0 takes element `place`.

        The second may be below the first: then there are none.
        """
        if self.inside:
            return 0, self.taps
        low = f.over(f.plus(f.greatest(f.minus(0, place), 0), self.gap - 1), self.gap)
        room = f.greatest(f.minus(self.size - 1 + self.gap, place), 0)
        return low, f.least(f.over(room, self.gap), self.taps)

    def result_range(self, f: Function, tap: Index) -> tuple[Index, Index]:
        """Which results meet the operand with a tap. See `tap_range`."""
        if self.inside:
            return 0, self.count
        place = f.plus(self.offset, f.times(tap, self.gap))
        low = f.over(f.plus(f.greatest(f.minus(0, place), 0), self.step - 1), self.step)
        room = f.greatest(f.minus(self.size - 1 + self.step, place), 0)
        return low, f.least(f.over(room, self.step), self.count)


def window_axis(size: int, window: int, stride: int, padding: tuple[int, int], gap: int) -> Axis:
    """The axis of a convolution or a pool.

    >>> window_axis(5, 3, 2, (1, 1), 1).count
    3
    """
    room = size + sum(padding) - gap * (window - 1) - 1
    count = max(0, room // stride + 1)
    return Axis(size, count, stride, window, -padding[0], gap)


def transposed_axes(
    size: int, read: int, window: int, stride: int, padding: tuple[int, int], gap: int
) -> list[Axis]:
    """The axis of a convolution's gradient by its input, which has `size`, from one that has
    `read`: one for each phase of the stride.

    >>> [(a.first, a.spacing, a.count, a.taps) for a in transposed_axes(5, 3, 3, 2, (1, 1), 1)]
    [(1, 2, 2, 2), (0, 2, 3, 1)]
    """
    axes = []
    common = gcd(stride, gap)
    for phase in range(stride):
        first = (phase - padding[0]) % stride
        count = max(0, -(-(size - first) // stride))
        place = first + padding[0]
        taps = [k for k in range(window) if (place - k * gap) % stride == 0]
        if not count:
            continue
        last = taps[-1] if taps else 0
        offset = (place - last * gap) // stride
        axes.append(
            Axis(read, count, 1, len(taps), offset, gap // common, last, -(stride // common),
                 first, stride)
        )  # fmt: skip
    return axes


def phases(axes: list[list[Axis]]) -> list[tuple[Axis, ...]]:
    """All combinations of the axes' phases."""
    return list(product(*axes))


def decode(f: Function, index: Index, counts: tuple[int, ...]) -> list[Index]:
    """The row-major index in `counts` behind a leading axis: `[leading, *rest]`."""
    places: list[Index] = []
    for count in reversed(counts):
        if count == 1:
            places.append(0)
            continue
        places.append(f.modulo(index, count))
        index = f.over(index, count)
    return [index, *reversed(places)]


def share(f: Function, count: Index, thread: Value, threads: Value) -> tuple[Index, Index]:
    """The part of `range(count)` that a thread works on: all parts differ by one at most."""
    low = f.over(f.times(count, thread), threads)
    high = f.over(f.times(count, f.plus(thread, 1)), threads)
    return low, high


def taps_of(axes: tuple[Axis, ...]) -> int:
    """How many taps a sweep has."""
    return prod(a.taps for a in axes)


def load_lanes(
    f: Function, type: Type, pointer: Value, first: int, stride: Index, mask: Value | None,
    channels: int,
) -> Value:  # fmt: skip
    """A vector of channels from `first` on, `stride` apart; of the last vector of `channels`, which
    has a mask, those that there are."""
    if stride == 1:
        if mask is None:
            return f.load(type, pointer, first)
        return f.load_some(type, pointer, first, mask)
    vector = literal(type, 0)
    for lane in range(type.lanes if mask is None else channels % type.lanes):
        scalar = f.load(type.wide(0), pointer, f.times(first + lane, stride))
        text = f"insertelement {type} {vector.text}, {scalar.type} {scalar.text}, i64 {lane}"
        vector = f.emit(type, text)
    return vector
