"""Gradients of convolutions by the weight.

Each element is a sum over all images and results. A tile of the gradient, some channels of the
input by some vectors of channels of the output, stays in registers while the results of one unit
(a few images, or a band of a large one, which stays in the caches) are gone through; between units
it lies in the thread's own sums, which a second stage adds up and hands to the epilogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from typedflux.compile.native.emitter import Cell, Function, Index, Type, Value, literal
from typedflux.compile.native.sweeps import Epilogue
from typedflux.compile.native.weight_plans import WeightSums
from typedflux.compile.native.weight_rows import emit_rows
from typedflux.compile.native.window_tiles import even_blocks
from typedflux.compile.native.windows import Image, decode, load_lanes, share, taps_of


def emit_sums(
    f: Function, p: WeightSums, batch: Index, x: Image, dy: Image, sums: Value, buffer: Value,
    thread: Value, threads: Value,
) -> None:  # fmt: skip
    """Add up a thread's share of the units, in its own sums
    `[group][panel][*tap][in channel][out channel]`. The buffer is the thread's, for its copies."""
    scalar = Type(p.scalar)
    own = f.at(sums, f.times(thread, p.elements), scalar)
    zero = literal(scalar.wide(p.lanes), 0)
    with f.loop(0, p.elements, p.lanes) as i:
        f.store(zero, own, i)
    results = prod(a.count for a in p.axes)
    if not results:
        return
    bands = -(-p.axes[0].count // p.band)
    units = f.times(f.over(f.plus(batch, p.images - 1), p.images), bands)
    low, high = share(f, units, thread, threads)
    with f.loop(low, high) as unit:
        first, band = decode(f, unit, (bands,))
        start = f.times(first, p.images)
        images = (start, f.least(f.plus(start, p.images), batch))
        top = f.times(band, p.band)
        rows = (top, f.least(f.plus(top, p.band), p.axes[0].count))
        if p.narrow:
            emit_rows(f, p, x, dy, own, buffer, images, rows)
        else:
            _Emitter(f, p, x, dy, own, images, rows).panels()


def emit_totals(
    f: Function, p: WeightSums, sums: Value, thread: Value, threads: Value, epilogue: Epilogue
) -> None:
    """Add up all threads' sums, each thread its share of the elements, and end them."""
    scalar = Type(p.scalar)
    vector = scalar.wide(p.lanes)
    panels = p.panels
    rows = p.taps * p.reads
    counts = (*(a.taps for a in p.axes), p.reads)

    def finish(row: Index, group: Index, panel: Index, vectors: int, mask: Value | None) -> None:
        _, *taps, channel = decode(f, row, counts)
        base = f.sum_of(
            (group, p.group_elements), (panel, rows * panels.width), (row, vectors * p.lanes)
        )
        for v in range(vectors):
            total = f.cell(vector, f.load(vector, sums, f.plus(base, v * p.lanes)))
            with f.loop(1, threads) as other:
                place = f.plus(f.times(other, p.elements), f.plus(base, v * p.lanes))
                total.set(f.add(total.get(), f.load(vector, sums, place)))
            out = f.sum_of((group, p.writes), (panel, panels.width), (1, v * p.lanes))
            last = mask if v == vectors - 1 else None
            epilogue(f, (out, channel, *taps), total.get(), last)

    if panels.whole:
        low, high = share(f, p.groups * panels.whole * rows, thread, threads)
        with f.loop(low, high) as i:
            group, panel, row = decode(f, i, (panels.whole, rows))
            finish(row, group, panel, panels.vectors, None)
    if panels.rest:
        low, high = share(f, p.groups * rows, thread, threads)
        with f.loop(low, high) as i:
            group, row = decode(f, i, (rows,))
            finish(row, group, panels.whole, panels.last_vectors, panels.last_mask(f))


class _Emitter:
    """Emits the loops over panels, taps, tiles and the results of one unit."""

    def __init__(
        self, f: Function, p: WeightSums, x: Image, dy: Image, own: Value,
        images: tuple[Index, Index], rows: tuple[Index, Index],
    ) -> None:  # fmt: skip
        self.f = f
        self.p = p
        self.x = x
        self.dy = dy
        self.own = own
        self.images = images
        self.first_rows = rows
        self.scalar = Type(p.scalar)
        self.vector = Type(p.scalar, p.lanes)

    def panels(self) -> None:
        """All panels of all groups."""
        f, p = self.f, self.p
        panels, rows = p.panels, p.taps * p.reads
        with f.loop(0, p.groups) as group:
            source = f.times(f.times(group, p.reads), self.x.strides[1])
            x = f.at(self.x.pointer, source, self.scalar)
            first = f.times(group, p.writes)
            own = f.at(self.own, f.times(group, p.group_elements), self.scalar)

            def panel(index: Index, channel: Index, vectors: int, mask: Value | None) -> None:
                source = f.times(f.plus(first, channel), self.dy.strides[1])
                dy = f.at(self.dy.pointer, source, self.scalar)
                to = f.at(own, f.times(index, rows * panels.width), self.scalar)
                across = f.times(channel if p.depthwise else 0, self.x.strides[1])
                self.taps(0, f.at(x, across, self.scalar), dy, to, [], vectors, mask)

            panels.each(f, panel)

    def taps(
        self, depth: int, x: Value, dy: Value, own: Value, taps: list[Index], vectors: int,
        mask: Value | None,
    ) -> None:  # fmt: skip
        """All taps, and for each all tiles."""
        f, p = self.f, self.p
        if depth < len(p.axes):
            rows = taps_of(p.axes[depth + 1 :]) * p.reads * vectors * p.lanes
            with f.loop(0, p.axes[depth].taps) as tap:
                to = f.at(own, f.times(tap, rows), self.scalar)
                self.taps(depth + 1, x, dy, to, [*taps, tap], vectors, mask)
            return
        ranges = [a.result_range(f, t) for a, t in zip(p.axes, taps, strict=True)]
        low, high = ranges[0]
        ranges[0] = f.greatest(low, self.first_rows[0]), f.least(high, self.first_rows[1])
        source: Index = 0
        for axis, index, stride in zip(p.axes, taps, self.x.strides[2:], strict=True):
            place = f.plus(axis.offset, f.times(index, axis.gap))
            source = f.plus(source, f.times(place, stride))
        x = f.at(x, source, self.scalar)
        blocks = even_blocks(p.reads, p.tile.columns)
        for size in sorted({count for _, count in blocks}, reverse=True):
            starts = [begin for begin, count in blocks if count == size]
            with f.loop(0, len(starts)) as k:
                channel = f.plus(starts[0], f.times(k, size))
                at = f.at(x, f.times(channel, self.x.strides[1]), self.scalar)
                to = f.at(own, f.times(channel, vectors * p.lanes), self.scalar)
                self.tile(at, dy, to, ranges, size, vectors, mask)

    def tile(
        self, x: Value, dy: Value, own: Value, ranges: Sequence[tuple[Index, Index]], size: int,
        vectors: int, mask: Value | None,
    ) -> None:  # fmt: skip
        """A tile of the gradient, with what this unit adds to it."""
        f, p = self.f, self.p
        places = [[c * vectors * p.lanes + v * p.lanes for v in range(vectors)]
                  for c in range(size)]  # fmt: skip
        cells = [[f.cell(self.vector, f.load(self.vector, own, i)) for i in row] for row in places]
        with f.loop(*self.images) as n:
            at = f.at(x, f.times(n, self.x.strides[0]), self.scalar)
            beside = f.at(dy, f.times(n, self.dy.strides[0]), self.scalar)
            self.results(0, at, beside, ranges, cells, mask)
        for row, row_cells in zip(places, cells, strict=True):
            for i, cell in zip(row, row_cells, strict=True):
                f.store(cell.get(), own, i)

    def results(
        self, depth: int, x: Value, dy: Value, ranges: Sequence[tuple[Index, Index]],
        cells: list[list[Cell]], mask: Value | None,
    ) -> None:  # fmt: skip
        """The results of an image that meet the operand with the tap at hand."""
        f, p = self.f, self.p
        if depth < len(p.axes):
            step = f.times(p.axes[depth].step, self.x.strides[depth + 2])
            with f.loop(*ranges[depth]) as q:
                at = f.at(x, f.times(q, step), self.scalar)
                beside = f.at(dy, f.times(q, self.dy.strides[depth + 2]), self.scalar)
                self.results(depth + 1, at, beside, ranges, cells, mask)
            return
        vectors = len(cells[0])
        slopes = self.lanes(self.dy, dy, vectors, mask)
        for c, row in enumerate(cells):
            if p.depthwise:
                taken = self.lanes(self.x, x, vectors, mask)
            else:
                scalar = f.load(self.scalar, x, f.times(c, self.x.strides[1]))
                taken = [f.splat(scalar, p.lanes)] * vectors
            for cell, one, slope in zip(row, taken, slopes, strict=True):
                cell.set(f.fma(one, slope, cell.get()))

    def lanes(self, image: Image, at: Value, vectors: int, mask: Value | None) -> list[Value]:
        """Vectors of an image's channels."""
        p = self.p
        masks: list[Value | None] = [*[None] * (vectors - 1), mask]
        return [
            load_lanes(self.f, self.vector, at, v * p.lanes, image.strides[1], m, p.writes)
            for v, m in enumerate(masks)
        ]
