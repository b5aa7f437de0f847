"""Largest elements and means over windows, and the transposes of both, as generated code.

A thread has a share of the rows along the last axis of the result. Where the channels are the last
in memory, each result is vectors of channels; elsewhere results are computed one by one. Indices,
ties and NaN are as in the numpy kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typedflux.compile.native.conversions import compute_type, load
from typedflux.compile.native.emitter import Function, Index, Value, literal
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.pool_gradients import emit_spread
from typedflux.compile.native.pool_windows import (
    Pool,
    PoolEpilogue,
    PoolKind,
    each_tap,
    flat_position,
    position_value,
    rows,
    weight_of_mean,
)
from typedflux.compile.native.windows import Image
from typedflux.dtypes import DType

__all__ = ["Image", "Pool", "PoolEpilogue", "PoolKind", "PoolPlan", "plan_pool"]


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool as one stage without scratch memory.

    Attributes:
        pool: what is computed.
        lanes: of the epilogue's vectors, which lie along the channels; 0 for scalars.
    """

    pool: Pool
    lanes: int
    stages: int = 1
    vector_axis: int = 1

    def emit(
        self,
        f: Function,
        batch: Index,
        operands: Sequence[Image],
        thread: Value,
        threads: Value,
        epilogue: PoolEpilogue,
    ) -> None:
        """Emit the code at the end of `f`.

        `operands`: `x`; of `gather` `x` and the index, of `scatter` the result's gradient and the
        index, of `mean_gradient` the result's gradient.
        """
        pool = self.pool
        if pool.kind in ("scatter", "mean_gradient"):
            emit_spread(f, pool, self.lanes, batch, operands, thread, threads, epilogue)
            return

        def window(places: list[Index], channel: Index, mask: Value | None) -> None:
            values = _Window(f, pool, self.lanes, operands, places, channel, mask).values()
            epilogue(f, (places[0], channel, *places[1:]), values, mask)

        rows(f, pool.channels, self.lanes, batch, pool.out_size, thread, threads, window)


def plan_pool(pool: Pool, machine: Machine, strides: Sequence[Sequence[int | None]]) -> PoolPlan:
    """Plan a pool whose operands have these strides (batch, channel, spatial axes; `None`: not
    known)."""
    last = all(s[1] == 1 for s in strides) and pool.channels > 1
    return PoolPlan(pool, machine.lanes if last else 0)


class _Window:
    """Emits the result of one window, or of a vector of them."""

    def __init__(
        self, f: Function, pool: Pool, lanes: int, operands: Sequence[Image],
        places: Sequence[Index], channel: Index, mask: Value | None,
    ) -> None:  # fmt: skip
        self.f = f
        self.pool = pool
        self.lanes = lanes
        self.operands = operands
        self.places = places
        self.channel = channel
        self.mask = mask
        self.axes = pool.axes
        self.type = compute_type(pool.dtype).wide(lanes)
        self.starts = [
            f.plus(f.times(q, a.step), a.offset) for q, a in zip(places[1:], self.axes, strict=True)
        ]
        self.base = f.sum_of(
            (places[0], operands[0].strides[0]),
            (channel, operands[0].strides[1]),
            *zip(self.starts, operands[0].strides[2:], strict=True),
        )

    def values(self) -> tuple[Value, ...]:
        """What the epilogue is given."""
        kind = self.pool.kind
        if kind == "mean":
            return (self.mean(),)
        if kind == "gather":
            return (self.gathered(),)
        return self.largest(kind == "max_with_index")

    def element(self, taps: Sequence[Index]) -> Value:
        """The element of the window at `taps`."""
        f, x = self.f, self.operands[0]
        place = self.base
        for tap, axis, stride in zip(taps, self.axes, x.strides[2:], strict=True):
            place = f.plus(place, f.times(f.times(tap, axis.gap), stride))
        return load(f, self.pool.dtype, self.lanes, x.pointer, place, self.mask)

    def mean(self) -> Value:
        f = self.f
        total = f.cell(self.type, literal(self.type, 0))
        each_tap(
            f, self.axes, self.starts,
            lambda taps: total.set(f.add(total.get(), self.element(taps))),
        )  # fmt: skip
        ranges = [a.tap_range(f, s) for a, s in zip(self.axes, self.starts, strict=True)]
        return f.mul(total.get(), weight_of_mean(f, self.pool, self.type, ranges))

    def gathered(self) -> Value:
        f, index = self.f, self.operands[1]
        place = f.sum_of(
            (self.places[0], index.strides[0]),
            (self.channel, index.strides[1]),
            *zip(self.places[1:], index.strides[2:], strict=True),
        )
        which = load(f, self.pool.index_type, self.lanes, index.pointer, place, self.mask)
        found = f.cell(self.type, literal(self.type, 0))

        def tap(taps: Sequence[Index]) -> None:
            here = f.compare("eq", which, position_value(f, self.pool, taps, which.type))
            found.set(f.select(here, self.element(taps), found.get()))

        each_tap(f, self.axes, self.starts, tap)
        return found.get()

    def largest(self, with_index: bool) -> tuple[Value, ...]:
        f, pool = self.f, self.pool
        least = literal(self.type, _least(pool.dtype))
        best = f.cell(self.type, least)
        counting = self.type.of("i64" if self.type.bits == 64 else "i32")
        first = f.splat(f.cast("trunc", f.index(self.first_position()), counting.wide(0)),
                        self.lanes)  # fmt: skip
        where = f.cell(counting, first)

        def tap(taps: Sequence[Index]) -> None:
            value = self.element(taps)
            larger = self.larger(value, best.get())
            best.set(f.select(larger, value, best.get()))
            if with_index:
                here = position_value(f, pool, taps, counting)
                where.set(f.select(larger, here, where.get()))

        each_tap(f, self.axes, self.starts, tap)
        if not with_index:
            return (best.get(),)
        index = self.type.of(f"i{pool.index_type.bits}")
        return best.get(), f.cast("trunc", where.get(), index)

    def larger(self, value: Value, best: Value) -> Value:
        """Whether an element takes the place of the largest so far: the first of equal ones stays,
        the last NaN does."""
        f, kind = self.f, self.pool.dtype.kind
        if kind != "float":
            return f.compare("sgt" if kind == "int" else "ugt", value, best)
        above = f.compare("ogt", value, best)
        return f.binary("or", above, f.compare("uno", value, value))

    def first_position(self) -> Index:
        """The first position in the window that is inside of the operand, which is the maximum's
        where all elements are the least number."""
        f = self.f
        taps = []
        for axis, start in zip(self.axes, self.starts, strict=True):
            outside = f.greatest(f.minus(0, start), 0)
            tap = f.over(f.plus(outside, axis.gap - 1), axis.gap)
            taps.append(f.least(tap, axis.taps - 1 if axis.size else 0))
        return flat_position(f, taps, self.pool.window)


def _least(dtype: DType) -> float | int:
    if dtype.kind == "float":
        return float("-inf")
    return -(2 ** (dtype.bits - 1)) if dtype.kind == "int" else 0
