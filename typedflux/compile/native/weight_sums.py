"""Gradients of convolutions by the weight.

Each element is a sum over all images and results. A tile of the gradient, some channels of the
input by some vectors of channels of the output, stays in registers while the results of one unit
(a few images, or a band of a large one, which stays in the caches) are gone through; between units
it lies in the thread's own sums, which a second stage adds up and hands to the epilogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from typedflux.compile.native.emitter import Function, Index, Type, Value, literal
from typedflux.compile.native.sweeps import Epilogue
from typedflux.compile.native.weight_plans import WeightSums
from typedflux.compile.native.weight_rows import emit_rows
from typedflux.compile.native.weight_tiles import Tiles
from typedflux.compile.native.windows import Image, decode, share


def emit_sums(
    f: Function, p: WeightSums, batch: Index, x: Image, dy: Image, sums: Value, buffer: Value,
    thread: Value, threads: Value,
) -> None:  # fmt: skip
    """Add up what a thread has a share of, in sums `[group][panel][*tap][in channel][out channel]`:
    of the units, in its own sums, or of the tiles, in those that all share.

    The buffer is the thread's, for its copies.
    """
    if p.shared:
        _emit_shared(f, p, batch, x, dy, sums, thread, threads)
        return
    scalar = Type(p.scalar)
    own = f.at(sums, f.times(thread, p.elements), scalar)
    _clear(f, p, own, p.elements)
    low, high = share(f, p.units(f, batch), thread, threads)
    for images, rows in _each_unit(f, p, batch, low, high):
        if p.narrow:
            emit_rows(f, p, x, dy, own, buffer, images, rows)
        else:
            Tiles(f, p, x, dy, images, rows).add_panels(own)


def _emit_shared(
    f: Function, p: WeightSums, batch: Index, x: Image, dy: Image, sums: Value, thread: Value,
    threads: Value,
) -> None:  # fmt: skip
    scalar = Type(p.scalar)
    panels = p.panels
    counts = tuple(a.taps for a in p.axes)
    parts: list[tuple[tuple[Index, Index], int, int, int, Value | None]] = []
    for first, count, vectors in (
        (0, panels.whole, panels.vectors),
        (panels.whole, 1, panels.last_vectors),
    ):
        if count and vectors:
            own = share(f, p.groups * count * p.taps, thread, threads)
            parts.append((own, first, count, vectors, panels.last_mask(f) if first else None))

    def place(group: Index, panel: Index, tap: Index, vectors: int) -> Value:
        row = p.reads * vectors * p.lanes
        whole = p.taps * p.reads * panels.width
        at = f.sum_of((group, p.group_elements), (panel, whole), (tap, row))
        return f.at(sums, at, scalar)

    for own, first, count, vectors, _ in parts:
        with f.loop(*own) as i:
            group, index, tap = decode(f, i, (count, p.taps))
            panel = f.plus(first, index)
            _clear(f, p, place(group, panel, tap, vectors), p.reads * vectors * p.lanes)
    for images, rows in _each_unit(f, p, batch, 0, p.units(f, batch)):
        tiles = Tiles(f, p, x, dy, images, rows)
        for own, first, count, vectors, mask in parts:
            with f.loop(*own) as i:
                group, index, *taps = decode(f, i, (count, *counts))
                panel = f.plus(first, index)
                to = place(group, panel, f.modulo(i, p.taps), vectors)
                source, slopes = tiles.operands(group, f.times(panel, panels.width))
                tiles.add_tap(source, slopes, to, taps, vectors, mask)


def _clear(f: Function, p: WeightSums, sums: Value, count: int) -> None:
    zero = literal(Type(p.scalar, p.lanes), 0)
    with f.loop(0, count, p.lanes) as i:
        f.store(zero, sums, i)


def _each_unit(
    f: Function, p: WeightSums, batch: Index, low: Index, high: Index
) -> Iterator[tuple[tuple[Index, Index], tuple[Index, Index]]]:
    """The images, and the results of the first axis, of each unit."""
    if not prod(a.count for a in p.axes):
        return
    with f.loop(low, high) as unit:
        index, band = decode(f, unit, (p.bands,))
        first, top = f.times(index, p.images), f.times(band, p.band)
        images = (first, f.least(f.plus(first, p.images), batch))
        yield images, (top, f.least(f.plus(top, p.band), p.axes[0].count))


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
            with f.loop(1, 1 if p.shared else threads) as other:
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
