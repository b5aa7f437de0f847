"""The transposes of pools: each element of the input takes from all windows that it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from typedflux.compile.native.conversions import compute_type, load
from typedflux.compile.native.emitter import Function, Index, Value, literal
from typedflux.compile.native.pool_windows import (
    Pool,
    PoolEpilogue,
    position_value,
    rows,
    weight_of_mean,
)
from typedflux.compile.native.windows import Axis, Image


def emit_spread(
    f: Function,
    pool: Pool,
    lanes: int,
    batch: Index,
    operands: Sequence[Image],
    thread: Value,
    threads: Value,
    epilogue: PoolEpilogue,
) -> None:
    """Compute a thread's share of the gradient by the input."""
    type = compute_type(pool.dtype).wide(lanes)
    dy = operands[0]

    def element(places: list[Index], channel: Index, mask: Value | None) -> None:
        total = f.cell(type, literal(type, 0))

        def window(windows: Sequence[Index], taps: Sequence[Index]) -> None:
            def place(image: Image) -> Index:
                return f.sum_of(
                    (places[0], image.strides[0]),
                    (channel, image.strides[1]),
                    *zip(windows, image.strides[2:], strict=True),
                )

            slope = load(f, pool.dtype, lanes, dy.pointer, place(dy), mask)
            if pool.kind == "mean_gradient":
                ranges = [
                    a.tap_range(f, f.plus(f.times(q, a.step), a.offset))
                    for a, q in zip(pool.axes, windows, strict=True)
                ]
                slope = f.mul(slope, weight_of_mean(f, pool, type, ranges))
            else:
                index = operands[1]
                which = load(f, pool.index_type, lanes, index.pointer, place(index), mask)
                here = f.compare("eq", which, position_value(f, pool, taps, which.type))
                slope = f.select(here, slope, literal(type, 0))
            total.set(f.add(total.get(), slope))

        if prod(pool.out_size):
            _each_window(f, pool.axes, places[1:], window)
        epilogue(f, (places[0], channel, *places[1:]), (total.get(),), mask)

    rows(f, pool.channels, lanes, batch, pool.in_size, thread, threads, element)


def _each_window(
    f: Function,
    axes: Sequence[Axis],
    places: Sequence[Index],
    body: Callable[[Sequence[Index], Sequence[Index]], None],
) -> None:
    """`body(windows, taps)` for all windows that have the element at `places`, each with where in
    the window it lies, the least position first."""

    def nest(depth: int, windows: list[Index], taps: list[Index]) -> None:
        if depth == len(axes):
            body(windows, taps)
            return
        axis = axes[depth]
        distance = f.minus(places[depth], axis.offset)  # from the start of window 0
        reach = axis.gap * (axis.taps - 1)
        last = f.least(f.over(f.greatest(distance, 0), axis.step), axis.count - 1)
        low = f.over(f.plus(f.greatest(f.minus(distance, reach), 0), axis.step - 1), axis.step)
        with f.loop(0, f.minus(f.plus(last, 1), low)) as k:
            window = f.minus(last, k)
            offset = f.minus(distance, f.times(window, axis.step))
            if axis.gap == 1:
                nest(depth + 1, [*windows, window], [*taps, offset])
                return
            fits = f.compare("eq", f.index(f.modulo(offset, axis.gap)), f.index(0))
            with f.when(fits):
                nest(depth + 1, [*windows, window], [*taps, f.over(offset, axis.gap)])

    nest(0, [], [])
