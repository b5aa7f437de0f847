"""The transposes of pools: each element of the input takes from all windows that it is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TypeAlias

from typedflux.compile.native.conversions import compute_type, load
from typedflux.compile.native.emitter import Function, Index, Value, literal
from typedflux.compile.native.pool_windows import (
    Pool,
    PoolEpilogue,
    each_tap,
    position_value,
    rows,
    weight_of_mean,
)
from typedflux.compile.native.windows import Axis, Image

_UNROLLED = 4  # elements of a window, each with an epilogue of its own


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
    spread = _Spread(f, pool, lanes, operands, epilogue)

    def over(size: tuple[int, ...], body: _Body) -> None:
        rows(f, pool.channels, lanes, batch, size, thread, threads, body)

    if not spread.tiling:
        over(pool.in_size, spread.element)
        return
    over(pool.out_size, spread.window)
    covered = [a.count * a.step for a in pool.axes]
    for axis, size in enumerate(pool.in_size):  # what is left beyond the windows of each axis
        box = (*covered[:axis], size - covered[axis], *pool.in_size[axis + 1 :])
        start = [covered[k] if k == axis else 0 for k in range(len(covered))]
        over(box, partial(spread.nothing, start))


_Body: TypeAlias = Callable[[list[Index], Index, Value | None], None]


class _Spread:
    """Emits elements of the gradient by the input, or those of whole windows."""

    def __init__(
        self, f: Function, pool: Pool, lanes: int, operands: Sequence[Image],
        epilogue: PoolEpilogue,
    ) -> None:  # fmt: skip
        self.f = f
        self.pool = pool
        self.lanes = lanes
        self.operands = operands
        self.epilogue = epilogue
        self.axes = pool.axes
        self.type = compute_type(pool.dtype).wide(lanes)
        self.zero = literal(self.type, 0)

    @property
    def tiling(self) -> bool:
        """Whether the windows lie side by side from the first element on."""
        return all(
            a.offset == 0 and a.gap == 1 and a.step == a.taps and p[1] == 0
            for a, p in zip(self.axes, self.pool.padding, strict=True)
        )

    def nothing(
        self, start: Sequence[int], places: list[Index], channel: Index, mask: Value | None
    ) -> None:
        """An element that no window has."""
        f = self.f
        moved = [f.plus(p, s) for p, s in zip(places[1:], start, strict=True)]
        self.epilogue(f, (places[0], channel, *moved), (self.zero,), mask)

    def window(self, places: list[Index], channel: Index, mask: Value | None) -> None:
        """All elements of a window, which no other has."""
        f, pool = self.f, self.pool
        slope, which = self.slope(places[0], places[1:], channel, mask)

        def tap(taps: Sequence[Index]) -> None:
            value = slope
            if which is not None:
                here = f.compare("eq", which, position_value(f, pool, taps, which.type))
                value = f.select(here, slope, self.zero)
            place = [
                f.plus(f.times(q, a.step), t)
                for q, a, t in zip(places[1:], self.axes, taps, strict=True)
            ]
            self.epilogue(f, (places[0], channel, *place), (value,), mask)

        each_tap(f, self.axes, [0] * len(self.axes), tap, _UNROLLED)

    def element(self, places: list[Index], channel: Index, mask: Value | None) -> None:
        """One element, from all windows that it is in."""
        f, pool = self.f, self.pool
        total = f.cell(self.type, self.zero)

        def window(windows: Sequence[Index], taps: Sequence[Index]) -> None:
            slope, which = self.slope(places[0], windows, channel, mask)
            if which is not None:
                here = f.compare("eq", which, position_value(f, pool, taps, which.type))
                slope = f.select(here, slope, self.zero)
            total.set(f.add(total.get(), slope))

        if prod(pool.out_size):
            _each_window(f, self.axes, places[1:], window)
        self.epilogue(f, (places[0], channel, *places[1:]), (total.get(),), mask)

    def slope(
        self, image: Index, windows: Sequence[Index], channel: Index, mask: Value | None
    ) -> tuple[Value, Value | None]:
        """What a window gives to its elements, and to which of them if not to all."""
        f, pool, lanes = self.f, self.pool, self.lanes

        def place(operand: Image) -> Index:
            index = (image, channel, *windows)
            return f.sum_of(*zip(index, operand.strides, strict=True))

        dy = self.operands[0]
        slope = load(f, pool.dtype, lanes, dy.pointer, place(dy), mask)
        if pool.kind == "scatter":
            index = self.operands[1]
            return slope, load(f, pool.index_type, lanes, index.pointer, place(index), mask)
        ranges = [
            a.tap_range(f, f.plus(f.times(q, a.step), a.offset))
            for a, q in zip(self.axes, windows, strict=True)
        ]
        return f.mul(slope, weight_of_mean(f, pool, self.type, ranges)), None


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
