"""Tiles of a gradient by the weight, added up in registers over the results of some images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from typedflux.compile.native.emitter import Cell, Function, Index, Type, Value
from typedflux.compile.native.weight_plans import WeightSums
from typedflux.compile.native.window_tiles import even_blocks
from typedflux.compile.native.windows import Image, load_lanes, taps_of


class Tiles:
    """Emits tiles for the images and the results of the first axis in two ranges."""

    def __init__(
        self, f: Function, p: WeightSums, x: Image, dy: Image, images: tuple[Index, Index],
        rows: tuple[Index, Index],
    ) -> None:  # fmt: skip
        self.f = f
        self.p = p
        self.x = x
        self.dy = dy
        self.images = images
        self.first_rows = rows
        self.scalar = Type(p.scalar)
        self.vector = Type(p.scalar, p.lanes)

    def add_panels(self, own: Value) -> None:
        """Add all tiles to sums in memory."""
        f, p = self.f, self.p
        panels, rows = p.panels, p.taps * p.reads
        with f.loop(0, p.groups) as group:
            sums = f.at(own, f.times(group, p.group_elements), self.scalar)

            def panel(index: Index, channel: Index, vectors: int, mask: Value | None) -> None:
                to = f.at(sums, f.times(index, rows * panels.width), self.scalar)
                self.add_taps(*self.operands(group, channel), to, [], vectors, mask)

            panels.each(f, panel)

    def operands(self, group: Index, channel: Index) -> tuple[Value, Value]:
        """Where the channels of a group's input, and those of its output from `channel` on, are."""
        f, p = self.f, self.p
        read = channel if p.depthwise else f.times(group, p.reads)
        written = f.plus(f.times(group, p.writes), channel)
        return (
            f.at(self.x.pointer, f.times(read, self.x.strides[1]), self.scalar),
            f.at(self.dy.pointer, f.times(written, self.dy.strides[1]), self.scalar),
        )

    def add_taps(
        self, x: Value, dy: Value, own: Value, taps: list[Index], vectors: int, mask: Value | None
    ) -> None:
        """All taps, and for each all tiles."""
        f, p = self.f, self.p
        if len(taps) < len(p.axes):
            rows = taps_of(p.axes[len(taps) + 1 :]) * p.reads * vectors * p.lanes
            with f.loop(0, p.axes[len(taps)].taps) as tap:
                to = f.at(own, f.times(tap, rows), self.scalar)
                self.add_taps(x, dy, to, [*taps, tap], vectors, mask)
            return
        self.add_tap(x, dy, own, taps, vectors, mask)

    def add_tap(
        self, x: Value, dy: Value, own: Value, taps: Sequence[Index], vectors: int,
        mask: Value | None,
    ) -> None:  # fmt: skip
        """All tiles of one tap."""
        f, p = self.f, self.p
        ranges = self.ranges(taps)
        for channel, size, at in self.tiles(self.moved(x, taps)):
            to = f.at(own, f.times(channel, vectors * p.lanes), self.scalar)
            cells = [
                [f.cell(self.vector, f.load(self.vector, to, i)) for i in row]
                for row in self.places(size, vectors)
            ]
            self.add(at, dy, ranges, cells, mask)
            self.store(cells, to)

    def ranges(self, taps: Sequence[Index]) -> list[tuple[Index, Index]]:
        """Which results of each axis meet the operand with a tap."""
        f, p = self.f, self.p
        ranges = [a.result_range(f, t) for a, t in zip(p.axes, taps, strict=True)]
        low, high = ranges[0]
        ranges[0] = f.greatest(low, self.first_rows[0]), f.least(high, self.first_rows[1])
        return ranges

    def moved(self, x: Value, taps: Sequence[Index]) -> Value:
        """Where a tap's element for result 0 would be."""
        f, p = self.f, self.p
        source: Index = 0
        for axis, index, stride in zip(p.axes, taps, self.x.strides[2:], strict=True):
            place = f.plus(axis.offset, f.times(index, axis.gap))
            source = f.plus(source, f.times(place, stride))
        return f.at(x, source, self.scalar)

    def tiles(self, x: Value) -> Iterator[tuple[Index, int, Value]]:
        """The blocks of the input's channels: the first, how many, and where they are. The code of
        blocks of one size is the body of a loop."""
        f, p = self.f, self.p
        blocks = even_blocks(p.reads, p.tile.columns)
        for size in sorted({count for _, count in blocks}, reverse=True):
            starts = [begin for begin, count in blocks if count == size]
            with f.loop(0, len(starts)) as k:
                channel = f.plus(starts[0], f.times(k, size))
                yield channel, size, f.at(x, f.times(channel, self.x.strides[1]), self.scalar)

    def places(self, size: int, vectors: int) -> list[list[int]]:
        """Where a tile's vectors lie from where its first does."""
        lanes = self.p.lanes
        return [[(c * vectors + v) * lanes for v in range(vectors)] for c in range(size)]

    def store(self, cells: list[list[Cell]], to: Value) -> None:
        """Write a tile."""
        for row, places in zip(cells, self.places(len(cells), len(cells[0])), strict=True):
            for cell, place in zip(row, places, strict=True):
                self.f.store(cell.get(), to, place)

    def add(
        self, x: Value, dy: Value, ranges: Sequence[tuple[Index, Index]],
        cells: list[list[Cell]], mask: Value | None,
    ) -> None:  # fmt: skip
        """Add all images to a tile."""
        f = self.f
        with f.loop(*self.images) as n:
            at = f.at(x, f.times(n, self.x.strides[0]), self.scalar)
            beside = f.at(dy, f.times(n, self.dy.strides[0]), self.scalar)
            self.results(0, at, beside, ranges, cells, mask)

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
