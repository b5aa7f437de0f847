"""Weights of convolutions packed into panels of vectors."""

from __future__ import annotations

from typedflux.compile.native.emitter import I64, Function, Index, Type, Value, literal
from typedflux.compile.native.packing import transpose_lines
from typedflux.compile.native.sweeps import Sweep
from typedflux.compile.native.windows import Image, decode, share


def emit_packing(
    f: Function, sweep: Sweep, w: Image, swapped: bool, packed: Value, thread: Value, threads: Value
) -> None:
    """Pack a thread's share of the weights into panels `[group][panel][*tap][read][written]`.

    `swapped`: the channels that are read are the weight's outputs, as in the gradient by the input.
    """
    if not swapped and _lie_as_rows(sweep, w):
        _transpose(f, sweep, w, packed, thread, threads)
        return
    out, into, *kernel = w.strides
    # Within a group; the outputs alone go on from group to group.
    read, written = (out, into) if swapped else (into, out)
    group_step = f.times(out, sweep.reads if swapped else sweep.writes)
    panels = sweep.panels
    rows = sweep.taps * sweep.reads
    type = Type(sweep.scalar)
    zero = literal(type, 0)
    low, high = share(f, sweep.groups * panels.count * rows, thread, threads)
    counts = (panels.count, *(a.taps for a in sweep.axes), sweep.reads)
    with f.loop(low, high) as row:
        group, panel, *taps, channel = decode(f, row, counts)
        source = f.sum_of((group, group_step), (channel, read))
        source = f.plus(source, f.times(f.times(panel, panels.width), written))
        for axis, tap, stride in zip(sweep.axes, taps, kernel, strict=True):
            place = f.plus(axis.tap, f.times(tap, axis.tap_step))
            source = f.plus(source, f.times(place, stride))
        at = f.at(w.pointer, source, type)
        within = f.modulo(row, rows)
        base = f.sum_of((group, sweep.group_elements), (panel, rows * panels.width))

        def fill(count: int, size: int) -> None:
            to = f.at(packed, f.plus(base, f.times(within, size)), type)
            with f.loop(0, count) as i:
                f.store(f.load(type, at, f.times(i, written)), to, i)
            with f.loop(count, size) as i:
                f.store(zero, to, i)

        def whole() -> None:
            fill(panels.width, panels.width)

        def last() -> None:
            fill(panels.rest, panels.last_vectors * panels.lanes)

        if panels.whole and panels.rest:
            with f.when(f.compare("slt", f.index(panel), literal(I64, panels.whole))):
                whole()
            with f.when(f.compare("eq", f.index(panel), literal(I64, panels.whole))):
                last()
        elif panels.rest:
            last()
        else:
            whole()


_CHUNK = 8  # blocks of a row's elements that a thread transposes in one go


def _lie_as_rows(sweep: Sweep, w: Image) -> bool:
    """Whether the weights of an output follow each other in memory, all that there are, from the
    first tap to the last or the other way round."""
    step = 1
    for axis, stride in reversed(list(zip(sweep.axes, w.strides[2:], strict=True))):
        if stride != step:
            return False
        step *= axis.taps
    forwards = all(a.tap == 0 and a.tap_step == 1 for a in sweep.axes)
    backwards = all(a.tap == a.taps - 1 and a.tap_step == -1 for a in sweep.axes)
    enough = sweep.reads * sweep.taps >= sweep.panels.lanes
    return w.strides[1] == step and (forwards or backwards) and enough


def _transpose(
    f: Function, sweep: Sweep, w: Image, packed: Value, thread: Value, threads: Value
) -> None:
    """Pack weights that lie `[output][read][*tap]`, in blocks of whole vectors."""
    panels, taps, reads = sweep.panels, sweep.taps, sweep.reads
    lanes, columns = panels.lanes, taps * reads
    type = Type(sweep.scalar)
    vector = Type(sweep.scalar, lanes)
    out = w.strides[0]
    backwards = sweep.axes[0].tap_step < 0
    chunk = _CHUNK * lanes
    chunks = -(-columns // chunk)
    vectors = panels.whole * panels.vectors + panels.last_vectors
    low, high = share(f, sweep.groups * vectors * chunks, thread, threads)
    with f.loop(low, high) as number:
        group, which, part = decode(f, number, (vectors, chunks))
        panel = f.over(which, panels.vectors)
        first = f.times(which, lanes)
        start = f.times(f.plus(f.times(group, sweep.writes), first), out)
        left = f.minus(f.minus(sweep.writes, first), 1)  # lines after the last repeat it
        base = f.at(w.pointer, start, type)
        lines = [f.at(base, f.times(f.least(i, left), out), type) for i in range(lanes)]
        is_whole = f.compare("slt", f.index(panel), literal(I64, panels.whole))
        width = f.select(
            is_whole,
            literal(I64, panels.width),
            literal(I64, max(1, panels.last_vectors) * lanes),
        )
        place = f.sum_of((group, sweep.group_elements), (panel, columns * panels.width))
        within = f.minus(first, f.times(panel, panels.width))
        target = f.at(packed, f.plus(place, within), type)

        def store(value: Value, column: Index) -> None:
            tap, channel = f.modulo(column, taps), f.over(column, taps)
            if backwards:
                tap = f.minus(taps - 1, tap)
            row = f.plus(f.times(tap, reads), channel)
            f.store(value, target, f.times(row, width))

        begin = f.times(part, chunk)
        end = f.least(f.plus(begin, chunk), columns)
        transpose_lines(f, lines, begin, end, vector, store)
