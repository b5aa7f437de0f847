"""Convolutions and their gradients by the input: implicit matrix products without copies.

A tile of results, some neighbours along the last axis by some vectors of channels, stays in
registers while all taps and all channels of the operand are gone through: the operand is read as
scalars, wherever its strides say they lie; the weights come as vectors from panels
`[tap][read channel][written channel]`, which a first stage packs. Windows that reach outside of the
operand leave those taps out: by ranges of the taps of all axes but the last, along which the tiles
at both ends are generated for themselves.

A finished row of tiles goes through a buffer to the epilogue, so there is one copy of its code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from typedflux.compile.native.emitter import I64, Cell, Function, Index, Type, Value, literal
from typedflux.compile.native.window_tiles import Tile, even_blocks
from typedflux.compile.native.windows import Axis, decode, share, taps_of

Epilogue: TypeAlias = Callable[[Function, tuple[Index, ...], Value, Value | None], None]
"""Takes the function, the index of a vector's first lane, the vector, and the mask of its lanes
that count (`None`: all)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An operand: where it is and its strides, in elements: of a picture batch, channel and the
    spatial axes; of a weight output, input and the axes of the kernel."""

    pointer: Value
    strides: tuple[Index, ...]


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
    """

    axes: tuple[Axis, ...]
    groups: int
    reads: int
    writes: int
    scalar: str
    lanes: int
    tile: Tile

    @property
    def taps(self) -> int:
        """How many taps there are."""
        return taps_of(self.axes)

    @property
    def whole_panels(self) -> int:
        """Panels of a group in which every lane is a channel."""
        return self.writes // (self.tile.vectors * self.lanes)

    @property
    def last_vectors(self) -> int:
        """Vectors of a group's last panel, in which some lanes may be none; 0 if there is none."""
        rest = self.writes - self.whole_panels * self.tile.vectors * self.lanes
        return -(-rest // self.lanes)

    @property
    def group_elements(self) -> int:
        """Elements of a group's packed weights."""
        return self.taps * self.reads * -(-self.writes // self.lanes) * self.lanes

    @property
    def packed_elements(self) -> int:
        """Elements of the packed weights."""
        return self.groups * self.group_elements

    @property
    def buffer_elements(self) -> int:
        """Elements of each thread's buffer of finished tiles."""
        return self.axes[-1].count * self.tile.vectors * self.lanes


def emit_packing(
    f: Function, sweep: Sweep, w: Image, swapped: bool, packed: Value, thread: Value, threads: Value
) -> None:
    """Pack a thread's share of the weights into panels `[group][panel][*tap][read][written]`.

    `swapped`: the channels that are read are the weight's outputs, as in the gradient by the input.
    """
    vectors = sweep.tile.vectors
    out, into, *kernel = w.strides
    # Within a group; the outputs alone go on from group to group.
    read, written = (out, into) if swapped else (into, out)
    group_step = f.times(out, sweep.reads if swapped else sweep.writes)
    width = vectors * sweep.lanes
    rows = sweep.taps * sweep.reads
    panels = sweep.whole_panels + (sweep.last_vectors > 0)
    type = Type(sweep.scalar)
    zero = literal(type, 0)
    low, high = share(f, sweep.groups * panels * rows, thread, threads)
    counts = (panels, *(a.taps for a in sweep.axes), sweep.reads)
    with f.loop(low, high) as row:
        group, panel, *taps, channel = decode(f, row, counts)
        source = f.sum_of((group, group_step), (channel, read), (f.times(panel, width), written))
        for axis, tap, stride in zip(sweep.axes, taps, kernel, strict=True):
            place = f.plus(axis.tap, f.times(tap, axis.tap_step))
            source = f.plus(source, f.times(place, stride))
        at = f.at(w.pointer, source, type)
        within = f.modulo(row, rows)
        base = f.plus(f.times(group, sweep.group_elements), f.times(panel, rows * width))

        def fill(count: int, size: int, at: Value = at, base: Index = base,
                 within: Index = within) -> None:  # fmt: skip
            to = f.at(packed, f.plus(base, f.times(within, size)), type)
            with f.loop(0, count) as i:
                f.store(f.load(type, at, f.times(i, written)), to, i)
            with f.loop(count, size) as i:
                f.store(zero, to, i)

        last = sweep.writes - sweep.whole_panels * width
        if sweep.whole_panels and last:
            whole = f.compare("slt", f.index(panel), literal(I64, sweep.whole_panels))
            with f.when(whole):
                fill(width, width)
            with f.when(f.binary("xor", whole, literal(whole.type, 1))):
                fill(last, sweep.last_vectors * sweep.lanes)
        elif last:
            fill(last, sweep.last_vectors * sweep.lanes)
        else:
            fill(width, width)


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
    rows = f.times(batch, prod(a.count for a in sweep.axes[:-1]))
    low, high = share(f, rows, thread, threads)
    _Emitter(f, sweep, x, packed, buffer, epilogue).rows(low, high)


class _Emitter:
    """Emits the loops over rows, panels, tiles, taps and channels."""

    def __init__(
        self,
        f: Function,
        sweep: Sweep,
        x: Image,
        packed: Value,
        buffer: Value,
        epilogue: Epilogue,
    ) -> None:
        self.f = f
        self.sweep = sweep
        self.x = x
        self.packed = packed
        self.buffer = buffer
        self.epilogue = epilogue
        self.scalar = Type(sweep.scalar)
        self.vector = Type(sweep.scalar, sweep.lanes)

    def rows(self, low: Index, high: Index) -> None:
        """All rows of a thread."""
        f, s = self.f, self.sweep
        with f.loop(low, high) as row:
            places = decode(f, row, tuple(a.count for a in s.axes[:-1]))
            with f.loop(0, s.groups) as group:
                width = s.tile.vectors * s.lanes
                weights = f.at(self.packed, f.times(group, s.group_elements), self.scalar)
                channel = f.times(group, s.writes)
                rows = s.taps * s.reads
                if s.whole_panels:
                    with f.loop(0, s.whole_panels) as panel:
                        offset = f.times(panel, rows * width)
                        first = f.plus(channel, f.times(panel, width))
                        at = f.at(weights, offset, self.scalar)
                        self.row(places, group, first, at, s.tile.vectors, None)
                if s.last_vectors:
                    first = f.plus(channel, s.whole_panels * width)
                    at = f.at(weights, s.whole_panels * rows * width, self.scalar)
                    rest = s.writes - s.whole_panels * width
                    rest -= (s.last_vectors - 1) * s.lanes
                    mask = f.first_lanes(rest, s.lanes) if rest < s.lanes else None
                    self.row(places, group, first, at, s.last_vectors, mask)

    def row(
        self,
        places: Sequence[Index],
        group: Index,
        channel: Index,
        weights: Value,
        vectors: int,
        mask: Value | None,
    ) -> None:
        """A row of results of one panel: its tiles, and then the epilogue of them all."""
        f, s = self.f, self.sweep
        axis = s.axes[-1]
        starts = [
            f.plus(f.times(q, a.step), a.offset) for q, a in zip(places[1:], s.axes, strict=False)
        ]
        source = f.sum_of(
            (places[0], self.x.strides[0]), (f.times(group, s.reads), self.x.strides[1])
        )
        pointer = f.at(self.x.pointer, source, self.scalar)
        blocks = even_blocks(axis.count, s.tile.columns)
        inner = [all(axis.valid(q, t) for q in (start, start + size - 1) for t in range(axis.taps))
                 for start, size in blocks]  # fmt: skip
        i = 0
        while i < len(blocks):
            start, size = blocks[i]
            repeats = 1
            while i + repeats < len(blocks) and inner[i] and inner[i + repeats] and (
                blocks[i + repeats][1] == size
            ):  # fmt: skip
                repeats += 1
            if repeats > 1:
                with f.loop(0, repeats) as k:
                    at = f.plus(start, f.times(k, size))
                    self.tile(pointer, starts, weights, at, size, vectors, True)
            else:
                self.tile(pointer, starts, weights, start, size, vectors, inner[i])
            i += repeats
        outer = [
            f.plus(a.first, f.times(q, a.spacing)) for q, a in zip(places[1:], s.axes, strict=False)
        ]
        with f.loop(0, axis.count) as q:
            last = f.plus(axis.first, f.times(q, axis.spacing))
            base = f.at(self.buffer, f.times(q, vectors * s.lanes), self.scalar)
            for v in range(vectors):
                value = f.load(self.vector, base, v * s.lanes)
                index = (places[0], f.plus(channel, v * s.lanes), *outer, last)
                self.epilogue(f, index, value, mask if v == vectors - 1 else None)

    def tile(
        self, x: Value, starts: Sequence[Index], weights: Value, start: Index, size: int,
        vectors: int, inner: bool,
    ) -> None:  # fmt: skip
        """A tile of `size` results from `start` on, into the buffer."""
        f, s = self.f, self.sweep
        zero = literal(self.vector, 0)
        sums = [[f.cell(self.vector, zero) for _ in range(vectors)] for _ in range(size)]
        self.outer_taps(0, x, starts, weights, start, sums, inner)
        width = vectors * s.lanes
        base = f.at(self.buffer, f.times(start, width), self.scalar)
        for r, cells in enumerate(sums):
            for v, cell in enumerate(cells):
                f.store(cell.get(), base, r * width + v * s.lanes)

    def outer_taps(
        self, depth: int, x: Value, starts: Sequence[Index], weights: Value, start: Index,
        sums: list[list[Cell]], inner: bool,
    ) -> None:  # fmt: skip
        """The taps of all axes but the last, those inside of the operand."""
        f, s = self.f, self.sweep
        if depth == len(s.axes) - 1:
            self.last_taps(x, weights, start, sums, inner)
            return
        axis = s.axes[depth]
        rows = taps_of(s.axes[depth + 1 :]) * s.reads * len(sums[0]) * s.lanes
        low, high = axis.tap_range(f, starts[depth])
        with f.loop(low, high) as tap:
            place = f.plus(starts[depth], f.times(tap, axis.gap))
            at = f.at(x, f.times(place, self.x.strides[depth + 2]), self.scalar)
            panel = f.at(weights, f.times(tap, rows), self.scalar)
            self.outer_taps(depth + 1, at, starts, panel, start, sums, inner)

    def last_taps(
        self, x: Value, weights: Value, start: Index, sums: list[list[Cell]], inner: bool
    ) -> None:
        """The taps of the last axis: for a tile at an end those that each result has."""
        f, s = self.f, self.sweep
        axis = s.axes[-1]
        channel, along = self.x.strides[1], self.x.strides[-1]
        width = len(sums[0]) * s.lanes
        gap = f.times(along, axis.gap)
        place = f.times(f.plus(f.times(start, axis.step), axis.offset), along)
        if not inner:
            assert isinstance(start, int)
            for known in range(axis.taps):
                rows = [r for r in range(len(sums)) if axis.valid(start + r, known)]
                if rows:
                    at = f.at(x, f.plus(place, f.times(known, gap)), self.scalar)
                    panel = f.at(weights, known * s.reads * width, self.scalar)
                    self.run(at, panel, s.reads, channel, sums, rows)
            return
        at = f.at(x, place, self.scalar)
        every = range(len(sums))
        if s.reads == 1:
            self.run(at, weights, axis.taps, gap, sums, every)
        elif axis.taps == 1 or gap == f.times(channel, s.reads):
            self.run(at, weights, axis.taps * s.reads, channel, sums, every)
        else:
            with f.loop(0, axis.taps) as t:
                beside = f.at(at, f.times(t, gap), self.scalar)
                panel = f.at(weights, f.times(t, s.reads * width), self.scalar)
                self.run(beside, panel, s.reads, channel, sums, every)

    def run(
        self, x: Value, weights: Value, count: int, stride: Index, sums: list[list[Cell]],
        rows: Sequence[int],
    ) -> None:  # fmt: skip
        """`count` scalars of the operand `stride` apart, times as many rows of the panel."""
        f, s = self.f, self.sweep
        width = len(sums[0]) * s.lanes
        step = f.times(self.x.strides[-1], s.axes[-1].step)
        apart = [f.times(r, step) for r in rows]
        unroll = count if count <= 8 else next(u for u in (4, 5, 3, 6, 7, 2, 1) if count % u == 0)

        def products(first: Index) -> None:
            at = f.at(x, f.times(first, stride), self.scalar)
            panel = f.at(weights, f.times(first, width), self.scalar)
            for u in range(unroll):
                factors = [
                    f.load(self.vector, panel, u * width + v * s.lanes) for v in range(len(sums[0]))
                ]
                for r, offset in zip(rows, apart, strict=True):
                    scalar = f.load(self.scalar, at, f.plus(offset, f.times(u, stride)))
                    many = f.splat(scalar, s.lanes)
                    for cell, factor in zip(sums[r], factors, strict=True):
                        cell.set(f.fma(many, factor, cell.get()))

        if count == unroll:
            if count:
                products(0)
            return
        with f.loop(0, count, unroll) as first:
            products(first)
