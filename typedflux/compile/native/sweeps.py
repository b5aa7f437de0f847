"""Convolutions and their gradients by the input: implicit matrix products without copies.

A tile of results, some neighbours along the last axes by some vectors of channels, stays in
registers while all taps and all channels of the operand are gone through: the operand is read as
scalars, wherever its strides say they lie; the weights come as vectors from panels
`[tap][read channel][written channel]`, which a first stage packs. Windows that reach outside of the
operand leave those taps out: along the last axis (and along the one before, where tiles have
several rows) the tiles at both ends are generated for themselves, along the others by ranges of the
taps.

A finished row of tiles goes through a buffer to the epilogue, so there is one copy of its code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from typedflux.compile.native.emitter import I64, Cell, Function, Index, Type, Value, literal
from typedflux.compile.native.padded_copies import PaddedCopy
from typedflux.compile.native.window_tiles import Block, Panels, Tile, axis_blocks
from typedflux.compile.native.windows import Axis, Image, decode, load_lanes, share, taps_of

Epilogue: TypeAlias = Callable[[Function, tuple[Index, ...], Value, Value | None], None]
"""Takes the function, the index of a vector's first lane, the vector, and the mask of its lanes
that count (`None`: all)."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One phase of a convolution, or of its gradient by the input.

    Attributes:
        axes: the spatial axes.
        groups: of channels.
        reads: channels that are read, in each group.
        writes: channels that are written, in each group.
        scalar: of all operands.
        lanes: of a vector.
        tile: what is held in registers.
        band: how many rows of tiles a panel of weights is used for before the next panel.
        depthwise: each channel has a kernel of its own: all are one group, and a tap takes a vector
            of channels where it takes a scalar else.
        copy: what is read instead of the operand; the axes are those of the copy.
    """

    axes: tuple[Axis, ...]
    groups: int
    reads: int
    writes: int
    scalar: str
    lanes: int
    tile: Tile
    band: int
    depthwise: bool = False
    copy: PaddedCopy | None = None

    @property
    def taps(self) -> int:
        """How many taps there are."""
        return taps_of(self.axes)

    @property
    def panels(self) -> Panels:
        """The channels that are written, in a group."""
        return Panels(self.writes, self.lanes, self.tile.vectors)

    @property
    def group_elements(self) -> int:
        """Elements of a group's packed weights."""
        return self.taps * self.reads * self.panels.padded

    @property
    def packed_elements(self) -> int:
        """Elements of the packed weights."""
        return self.groups * self.group_elements

    @property
    def buffer_elements(self) -> int:
        """Elements of each thread's buffer of finished tiles."""
        return self.tile.rows * self.axes[-1].count * self.panels.width

    @property
    def outer(self) -> tuple[int, ...]:
        """Counts of the axes before those that tiles extend along."""
        return tuple(a.count for a in self.axes[: -1 if self.tile.rows == 1 else -2])

    @property
    def row_blocks(self) -> list[Block]:
        """Blocks of rows that make a tile together; none where each is for itself."""
        return [] if self.tile.rows == 1 else axis_blocks(self.axes[-2], self.tile.rows)


def emit_sweep(
    f: Function,
    sweep: Sweep,
    batch: Index,
    x: Image,
    packed: Value,
    buffer: Value,
    thread: Value,
    threads: Value,
    epilogue: Epilogue,
) -> None:
    """Compute a thread's share of the results, rows along the last axis."""
    if not sweep.writes or not prod(a.count for a in sweep.axes):
        return
    rows = f.times(batch, prod(sweep.outer))
    rows = f.times(rows, sum(b.repeats for b in sweep.row_blocks) or 1)
    low, high = share(f, rows, thread, threads)
    _Emitter(f, sweep, x, packed, buffer, thread, epilogue).bands(low, high)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a tile: `size` of them (one where tiles have a single row).

    Attributes:
        image: index of the image.
        places: of the axes before the last; of the one before the last the first row's.
        static: whether that is known, and tells which taps lie inside.
    """

    image: Index
    places: Sequence[Index]
    size: int
    static: bool


@dataclass(frozen=True, slots=True)
class _Panel:
    """Weights of a group, some vectors wide, the channels they make, and what they are used on."""

    group: Index
    channel: Index
    weights: Value
    vectors: int
    mask: Value | None


_PRODUCTS = 48  # vector products in one pass of an inner loop


class _Emitter:
    """Emits the loops over rows, panels, tiles, taps and channels."""

    def __init__(
        self,
        f: Function,
        sweep: Sweep,
        x: Image,
        packed: Value,
        buffer: Value,
        thread: Value,
        epilogue: Epilogue,
    ) -> None:
        self.f = f
        self.sweep = sweep
        self.x = x
        self.packed = packed
        self.buffer = buffer
        self.thread = thread
        self.epilogue = epilogue
        self.scalar = Type(sweep.scalar)
        self.vector = Type(sweep.scalar, sweep.lanes)

    def bands(self, low: Index, high: Index) -> None:
        """All rows of a thread, in bands."""
        f, s = self.f, self.sweep
        with f.loop(low, high, s.band) as first, f.loop(0, s.groups) as group:
            end = f.least(f.plus(first, s.band), high)
            weights = f.at(self.packed, f.times(group, s.group_elements), self.scalar)
            start = f.times(group, s.writes)

            def panel(index: Index, channel: Index, vectors: int, mask: Value | None) -> None:
                offset = f.times(index, s.taps * s.reads * s.panels.width)
                at = f.at(weights, offset, self.scalar)
                one = _Panel(group, f.plus(start, channel), at, vectors, mask)
                if s.band == 1:
                    self.unit(first, one)
                    return
                with f.loop(first, end) as unit:
                    self.unit(unit, one)

            s.panels.each(f, panel)

    def unit(self, unit: Value, panel: _Panel) -> None:
        """One row of tiles."""
        f, s = self.f, self.sweep
        blocks = s.row_blocks
        if not blocks:
            image, *places = decode(f, unit, s.outer)
            self.row(_Rows(image, places, 1, False), panel)
            return
        image, *places, index = decode(f, unit, (*s.outer, sum(b.repeats for b in blocks)))
        first = 0
        for block in blocks:
            within = f.minus(index, first)
            if block.repeats > 1:
                start = f.plus(block.start, f.times(within, block.size))
            else:
                start = block.start
            rows = _Rows(image, [*places, start], block.size, not block.inner)
            if len(blocks) == 1:
                self.row(rows, panel)
            else:
                here = f.compare("ult", f.index(within), literal(I64, block.repeats))
                with f.when(here):
                    self.row(rows, panel)
            first += block.repeats

    def row(self, rows: _Rows, panel: _Panel) -> None:
        """A row of tiles, and then the epilogue of them all."""
        f, s = self.f, self.sweep
        axis = s.axes[-1]
        channel = panel.channel if s.depthwise else f.times(panel.group, s.reads)
        source = f.sum_of((rows.image, self.x.strides[0]), (channel, self.x.strides[1]))
        x = f.at(self.x.pointer, source, self.scalar)
        for block in axis_blocks(axis, s.tile.columns):
            if block.repeats == 1:
                self.tile(x, rows, panel, block.start, block.size, block.inner)
                continue
            with f.loop(0, block.repeats) as k:
                start = f.plus(block.start, f.times(k, block.size))
                self.tile(x, rows, panel, start, block.size, True)
        if rows.size == 1:
            self.finish(rows, panel, 0)
            return
        with f.loop(0, rows.size) as within:
            self.finish(rows, panel, within)

    def finish(self, rows: _Rows, panel: _Panel, within: Index) -> None:
        """The epilogue of a finished row."""
        f, s = self.f, self.sweep
        axis = s.axes[-1]
        width = panel.vectors * s.lanes
        places = [*rows.places[:-1], f.plus(rows.places[-1], within)] if rows.places else []
        outer = [
            f.plus(a.first, f.times(q, a.spacing)) for q, a in zip(places, s.axes, strict=False)
        ]
        start = f.times(within, axis.count)
        with f.loop(0, axis.count) as q:
            last = f.plus(axis.first, f.times(q, axis.spacing))
            base = f.at(self.buffer, f.times(f.plus(start, q), width), self.scalar)
            for v in range(panel.vectors):
                value = f.load(self.vector, base, v * s.lanes)
                index = (rows.image, f.plus(panel.channel, v * s.lanes), *outer, last)
                mask = panel.mask if v == panel.vectors - 1 else None
                self.epilogue(f, index, value, mask)

    def tile(
        self, x: Value, rows: _Rows, panel: _Panel, start: Index, size: int, inner: bool
    ) -> None:
        """A tile of `size` columns from `start` on, into the buffer."""
        f, s = self.f, self.sweep
        zero = literal(self.vector, 0)
        sums = [
            [[f.cell(self.vector, zero) for _ in range(panel.vectors)] for _ in range(size)]
            for _ in range(rows.size)
        ]
        _Tile(self, rows, panel, sums, start, inner).outer_taps(0, x, panel.weights)
        width = panel.vectors * s.lanes
        for h, row in enumerate(sums):
            place = f.times(f.plus(start, h * s.axes[-1].count), width)
            base = f.at(self.buffer, place, self.scalar)
            for r, cells in enumerate(row):
                for v, cell in enumerate(cells):
                    f.store(cell.get(), base, r * width + v * s.lanes)


class _Tile:
    """Emits what adds up a tile: the loops over taps and over the channels that are read."""

    def __init__(
        self, emitter: _Emitter, rows: _Rows, panel: _Panel, sums: list[list[list[Cell]]],
        start: Index, inner: bool,
    ) -> None:  # fmt: skip
        self.f = emitter.f
        self.sweep = emitter.sweep
        self.x = emitter.x
        self.thread = emitter.thread
        self.blurs = 0
        self.scalar = emitter.scalar
        self.vector = emitter.vector
        self.rows = rows
        self.mask = panel.mask
        self.sums = sums
        self.start = start
        self.inner = inner
        self.vectors = len(sums[0][0])
        self.width = self.vectors * self.sweep.lanes

    def outer_taps(self, depth: int, x: Value, weights: Value) -> None:
        """The taps of all axes but the last, those inside of the operand."""
        f, s = self.f, self.sweep
        every = range(self.rows.size)
        if depth == len(s.axes) - 1:
            self.last_taps(x, weights, every)
            return
        axis = s.axes[depth]
        stride = self.x.strides[depth + 2]
        panel = taps_of(s.axes[depth + 1 :]) * s.reads * self.width
        first = self.rows.places[depth]
        start = f.plus(f.times(first, axis.step), axis.offset)
        tiled = depth == len(s.axes) - 2 and bool(s.row_blocks)
        if tiled and self.rows.static:
            assert isinstance(first, int)
            for known in range(axis.taps):
                rows = [h for h in every if axis.valid(first + h, known)]
                if rows:
                    place = f.times(f.plus(start, known * axis.gap), stride)
                    at = f.at(x, place, self.scalar)
                    self.last_taps(at, f.at(weights, known * panel, self.scalar), rows)
            return
        low, high = (0, axis.taps) if tiled else axis.tap_range(f, start)
        with f.loop(low, high) as tap:
            place = f.times(f.plus(start, f.times(tap, axis.gap)), stride)
            at = f.at(x, place, self.scalar)
            self.outer_taps(depth + 1, at, f.at(weights, f.times(tap, panel), self.scalar))

    def last_taps(self, x: Value, weights: Value, rows: Sequence[int]) -> None:
        """The taps of the last axis: for a tile at an end those that each result has."""
        f, s = self.f, self.sweep
        axis = s.axes[-1]
        channel, along = self.x.strides[1], self.x.strides[-1]
        gap = f.times(along, axis.gap)
        place = f.times(f.plus(f.times(self.start, axis.step), axis.offset), along)
        columns = range(len(self.sums[0]))
        if not self.inner:
            assert isinstance(self.start, int)
            for known in range(axis.taps):
                inside = [r for r in columns if axis.valid(self.start + r, known)]
                if inside:
                    at = f.at(x, f.plus(place, f.times(known, gap)), self.scalar)
                    panel = f.at(weights, known * s.reads * self.width, self.scalar)
                    self.run(at, panel, s.reads, channel, rows, inside)
            return
        at = f.at(x, place, self.scalar)
        if s.reads == 1:
            self.run(at, weights, axis.taps, gap, rows, columns)
        elif axis.taps == 1 or gap == f.times(channel, s.reads):
            self.run(at, weights, axis.taps * s.reads, channel, rows, columns)
        else:
            with f.loop(0, axis.taps) as t:
                beside = f.at(at, f.times(t, gap), self.scalar)
                panel = f.at(weights, f.times(t, s.reads * self.width), self.scalar)
                self.run(beside, panel, s.reads, channel, rows, columns)

    def run(
        self, x: Value, weights: Value, count: int, stride: Index, rows: Sequence[int],
        columns: Sequence[int],
    ) -> None:  # fmt: skip
        """`count` scalars of the operand `stride` apart, times as many rows of the panel."""
        f, s = self.f, self.sweep
        step = f.times(self.x.strides[-1], s.axes[-1].step)
        down: Index = f.times(self.x.strides[-2], s.axes[-2].step) if len(rows) > 1 else 0
        unroll = _unrolled(count, len(rows) * len(columns) * self.vectors)
        first_row = rows[0]
        base = f.times(first_row, f.times(self.x.strides[-2], s.axes[-2].step)) if first_row else 0
        apart = [
            (h, r, f.plus(base, f.plus(f.times(h - first_row, down), f.times(r, step))))
            for h in rows
            for r in columns
        ]

        overlapping = isinstance(step, int) and isinstance(stride, int) and (
            (unroll - 1) * abs(stride) >= abs(step)
        )  # fmt: skip

        def products(first: Index) -> None:
            at = f.at(x, f.times(first, stride), self.scalar)
            panel = f.at(weights, f.times(first, self.width), self.scalar)
            for u in range(unroll):
                if not s.depthwise and (overlapping or (u == 0 and count == unroll)):
                    at = self.blurred(at)
                factors = [
                    f.load(self.vector, panel, u * self.width + v * s.lanes)
                    for v in range(self.vectors)
                ]
                for h, r, offset in apart:
                    taken = self.taken(f.at(at, f.plus(offset, f.times(u, stride)), self.scalar))
                    for v, cell in enumerate(self.sums[h][r]):
                        cell.set(f.fma(taken[v], factors[v], cell.get()))

        if count == unroll:
            if count:
                products(0)
            return
        with f.loop(0, count, unroll) as first:
            products(first)

    def blurred(self, pointer: Value) -> Value:
        """The same address, but not for LLVM. The windows of neighbouring results overlap, and what
        one takes with this tap it would keep for what another takes with the next: more registers
        than there are, where fetching it again costs nothing."""
        f = self.f
        self.blurs = self.blurs % 15 + 1
        zero = f.emit(I64, f"lshr i64 {self.thread.text}, {64 - self.blurs}")
        return f.at(pointer, zero, self.scalar)

    def taken(self, x: Value) -> list[Value]:
        """What a result takes of the operand with one tap, for each vector."""
        f, s = self.f, self.sweep
        if not s.depthwise:
            return [f.splat(f.load(self.scalar, x), s.lanes)] * self.vectors
        return [
            load_lanes(
                f, self.vector, x, v * s.lanes, self.x.strides[1],
                self.mask if v == self.vectors - 1 else None, s.writes,
            )
            for v in range(self.vectors)
        ]  # fmt: skip


def _unrolled(count: int, products: int) -> int:
    """How many of `count` steps of a loop, each of so many vector products, are one pass of it."""
    if count * products <= 2 * _PRODUCTS:
        return count
    fitting = [u for u in range(1, 9) if count % u == 0 and u * products <= _PRODUCTS]
    return max(fitting, default=1)
