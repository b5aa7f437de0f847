"""Gradients of convolutions by the weight for few channels of the input.

There the tile's columns are taps and channels together: any of them, since each is a constant
distance from where a result's window begins. Windows that reach outside see a copy with the zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from typedflux.compile.native.emitter import Cell, Function, Index, Type, Value
from typedflux.compile.native.weight_plans import WeightSums
from typedflux.compile.native.window_tiles import even_blocks
from typedflux.compile.native.windows import Image, load_lanes


def row_offsets(p: WeightSums, strides: Sequence[Index], f: Function) -> list[Index]:
    """For each tap and channel, in the order of the sums, the distance of its element from the
    beginning of the window; `strides` are those of the channels and the spatial axes."""
    offsets = []
    for taps in product(*(range(a.taps) for a in p.axes)):
        place = f.sum_of(
            *((t * a.gap, s) for t, a, s in zip(taps, p.axes, strides[1:], strict=True))
        )
        offsets += [f.plus(place, f.times(c, strides[0])) for c in range(p.reads)]
    return offsets


def emit_rows(
    f: Function, p: WeightSums, x: Image, dy: Image, own: Value, buffer: Value,
    images: tuple[Index, Index], rows: tuple[Index, Index],
) -> None:  # fmt: skip
    """What a unit, `images` and `rows` of the first axis's results, adds to a thread's sums."""
    scalar = Type(p.scalar)
    copy = p.copy
    with f.loop(*images) as n:
        strides = list(x.strides[1:]) if copy is None else list[Index](copy.strides)
        if copy is None:
            starts = ((a.offset, s) for a, s in zip(p.axes, strides[1:], strict=True))
            start = f.sum_of((n, x.strides[0]), *starts)
            top = f.times(f.times(rows[0], p.axes[0].step), strides[1])
            source = f.at(x.pointer, f.plus(start, top), scalar)
        else:
            source = buffer
            copy.emit(f, x, n, rows[0], buffer, scalar)
        top = f.times(rows[0], dy.strides[2])
        slopes = f.at(dy.pointer, f.plus(f.times(n, dy.strides[0]), top), scalar)
        counts = [f.minus(rows[1], rows[0]), *(a.count for a in p.axes[1:])]
        offsets = row_offsets(p, strides, f)
        with f.loop(0, p.groups) as group:
            at = f.at(source, f.times(f.times(group, p.reads), strides[0]), scalar)
            first = f.times(group, p.writes)
            sums = f.at(own, f.times(group, p.group_elements), scalar)

            def panel(index: Index, channel: Index, vectors: int, mask: Value | None) -> None:
                beside = f.at(slopes, f.times(f.plus(first, channel), dy.strides[1]), scalar)
                to = f.at(sums, f.times(index, len(offsets) * p.panels.width), scalar)
                for start, size in even_blocks(len(offsets), p.tile.columns):
                    part = offsets[start : start + size]
                    own = f.at(to, start * vectors * p.lanes, scalar)
                    _Rows(f, p, strides, dy, part, vectors, mask).tile(at, beside, own, counts)

            p.panels.each(f, panel)


class _Rows:
    """Emits one tile."""

    def __init__(
        self, f: Function, p: WeightSums, strides: Sequence[Index], dy: Image,
        offsets: Sequence[Index], vectors: int, mask: Value | None,
    ) -> None:  # fmt: skip
        self.f = f
        self.p = p
        self.strides = strides
        self.dy = dy
        self.offsets = offsets
        self.vectors = vectors
        self.mask = mask
        self.vector = Type(p.scalar, p.lanes)

    def tile(self, x: Value, dy: Value, own: Value, counts: Sequence[Index]) -> None:
        """Load its sums, add to them, store them."""
        f, vectors, lanes = self.f, self.vectors, self.p.lanes
        cells = [
            [f.cell(self.vector, f.load(self.vector, own, (i * vectors + v) * lanes))
             for v in range(vectors)]
            for i in range(len(self.offsets))
        ]  # fmt: skip
        self.results(0, x, dy, counts, cells)
        for i, row in enumerate(cells):
            for v, cell in enumerate(row):
                f.store(cell.get(), own, (i * vectors + v) * lanes)

    def results(
        self, depth: int, x: Value, dy: Value, counts: Sequence[Index], cells: list[list[Cell]]
    ) -> None:
        """All results, row-major."""
        f, p = self.f, self.p
        scalar = self.vector.wide(0)
        if depth < len(p.axes):
            step = f.times(p.axes[depth].step, self.strides[depth + 1])
            with f.loop(0, counts[depth]) as q:
                at = f.at(x, f.times(q, step), scalar)
                beside = f.at(dy, f.times(q, self.dy.strides[depth + 2]), scalar)
                self.results(depth + 1, at, beside, counts, cells)
            return
        slopes = [
            load_lanes(f, self.vector, dy, v * p.lanes, self.dy.strides[1],
                       self.mask if v == self.vectors - 1 else None, p.panels.channels)
            for v in range(self.vectors)
        ]  # fmt: skip
        for offset, row in zip(self.offsets, cells, strict=True):
            many = f.splat(f.load(scalar, x, offset), p.lanes)
            for cell, slope in zip(row, slopes, strict=True):
                cell.set(f.fma(many, slope, cell.get()))
