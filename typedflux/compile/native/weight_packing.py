"""Weights of convolutions packed into panels of vectors."""

from __future__ import annotations

from typedflux.compile.native.emitter import I64, Function, Type, Value, literal
from typedflux.compile.native.sweeps import Sweep
from typedflux.compile.native.windows import Image, decode, share


def emit_packing(
    f: Function, sweep: Sweep, w: Image, swapped: bool, packed: Value, thread: Value, threads: Value
) -> None:
    """Pack a thread's share of the weights into panels `[group][panel][*tap][read][written]`.

    `swapped`: the channels that are read are the weight's outputs, as in the gradient by the input.
    """
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
