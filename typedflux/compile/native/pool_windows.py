"""What all pools have in common: the windows, loops over results, positions and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Literal, TypeAlias

from typedflux.compile.native.emitter import I64, Function, Index, Type, Value, literal
from typedflux.compile.native.windows import Axis, decode, share, window_axis
from typedflux.dtypes import DType, uint8, uint16, uint32

PoolEpilogue: TypeAlias = Callable[
    [Function, tuple[Index, ...], tuple[Value, ...], Value | None], None
]
"""Takes the function, the index `(batch, channel, *spatial)` of the first lane, what was computed
(vectors along the channels, or scalars; two for a maximum with its index) and the mask."""

PoolKind: TypeAlias = Literal["max", "max_with_index", "gather", "scatter", "mean", "mean_gradient"]
_UNROLLED = 16


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as far as it is known when planning.

    Attributes:
        kind: what is computed: the largest elements; these and where in its window each lies; the
            elements of `x` where an index says, and the transpose of that; means, and theirs.
        dtype: of the elements.
        channels: how many.
        in_size: spatial sizes of what the windows slide over.
        window: its sizes.
        stride: of the windows.
        padding: before and after each axis.
        dilation: from one element of a window to the next.
        count_include_pad: whether a mean counts what lies outside.
    """

    kind: PoolKind
    dtype: DType
    channels: int
    in_size: tuple[int, ...]
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    count_include_pad: bool = True

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The spatial axes."""
        return tuple(
            window_axis(n, k, s, p, d)
            for n, k, s, p, d in zip(
                self.in_size, self.window, self.stride, self.padding, self.dilation, strict=True
            )
        )

    @property
    def out_size(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        return tuple(a.count for a in self.axes)

    @property
    def index_type(self) -> DType:
        """What holds a position in a window."""
        largest = prod(self.window) - 1
        return next(d for d in (uint8, uint16, uint32) if largest < 2**d.bits)


def rows(
    f: Function,
    channels: int,
    lanes: int,
    batch: Index,
    size: tuple[int, ...],
    thread: Value,
    threads: Value,
    body: Callable[[list[Index], Index, Value | None], None],
) -> None:
    """A thread's share of all elements of `batch channels *size`: `body([image, *place], channel,
    mask)` for vectors of channels, or for each element where `lanes` is 0."""
    if not channels or not prod(size):
        return
    outer = size[:-1] if lanes else (channels, *size[:-1])
    low, high = share(f, f.times(batch, prod(outer)), thread, threads)
    with f.loop(low, high) as row:
        image, *places = decode(f, row, outer)
        with f.loop(0, size[-1]) as last:
            if lanes:
                place = [image, *places, last]
                f.lanes_of(channels, lanes, partial(body, place))
            else:
                body([image, *places[1:], last], places[0], None)


def each_tap(
    f: Function,
    axes: Sequence[Axis],
    starts: Sequence[Index],
    body: Callable[[Sequence[Index]], None],
    most: int = _UNROLLED,
) -> None:
    """`body(taps)` for all taps that meet the operand from `starts`, row-major: unrolled where they
    are few (`most`) and none lies outside."""
    if all(a.inside for a in axes) and prod(a.taps for a in axes) <= most:
        for flat in range(prod(a.taps for a in axes)):
            body(decode(f, flat, tuple(a.taps for a in axes))[1:])
        return

    def nest(depth: int, taps: list[Index]) -> None:
        if depth == len(axes):
            body(taps)
            return
        with f.loop(*axes[depth].tap_range(f, starts[depth])) as tap:
            nest(depth + 1, [*taps, tap])

    nest(0, [])


def flat_position(f: Function, taps: Sequence[Index], window: tuple[int, ...]) -> Index:
    """The row-major position of an element in its window."""
    position: Index = 0
    for tap, size in zip(taps, window, strict=True):
        position = f.plus(f.times(position, size), tap)
    return position


def weight_of_mean(
    f: Function, pool: Pool, type: Type, counts: Sequence[tuple[Index, Index]]
) -> Value:
    """One over the number of elements that are counted, those with taps in the given ranges."""
    if pool.count_include_pad or not any(map(any, pool.padding)):
        return literal(type, 1 / prod(pool.window))
    number: Index = 1
    for low, high in counts:
        number = f.times(number, f.greatest(f.minus(high, low), 0))
    scalar = type.wide(0)
    count = f.cast("sitofp", f.index(f.greatest(number, 1)), scalar)
    return f.splat(f.div(literal(scalar, 1), count), type.lanes)


def position_value(f: Function, pool: Pool, taps: Sequence[Index], type: Type) -> Value:
    """A position in the window as indices are kept in registers."""
    position = flat_position(f, taps, pool.window)
    if isinstance(position, int):
        return literal(type, position)
    scalar = type.wide(0)
    short = position if scalar == I64 else f.cast("trunc", position, scalar)
    return f.splat(short, type.lanes)
