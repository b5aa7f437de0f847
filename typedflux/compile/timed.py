"""A program that takes the time of all that it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typedflux.compile.lowering.blocks import Call, Item
from typedflux.compile.lowering.frames import Frame
from typedflux.compile.lowering.plans import Operation
from typedflux.compile.lowering.stamps import BEGIN, COUNT, END, TOTAL
from typedflux.compile.native.clock import seconds

if TYPE_CHECKING:
    from typedflux.compile.lowering.program import Program


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds that an item took in a run, how often it ran, and when, the last time."""

    total: float
    count: int
    begin: float
    end: float


class TimedFrame(Frame):
    """A program made with `stamps`, for given sizes. All outputs go to fresh memory."""

    def __init__(self, program: Program, sizes: Mapping[Any, int]) -> None:
        super().__init__(program, sizes, {})
        assert program.stamps is not None
        self._operations = {
            id(segment.call): id(step)
            for segment, step in zip(program.segments, program.plan.steps, strict=True)
        }
        self.stamps = program.stamps
        self._times = self.stamps.table()
        self._calls: dict[int, Span] = {}
        self.pointers[program.numbers[self.stamps.buffer]] = self._times.ctypes.data

    def reset(self) -> None:
        """Forget the times of the last run."""
        self._times[:] = 0
        self._calls.clear()

    def spans(self, item: Item) -> list[Span]:
        """The times of an item in the last run, none where it did not run."""
        if isinstance(item, Call):
            call = self._calls.get(self._operations[id(item.node)])
            return [] if call is None else [call]
        row = self._times[1 + self.stamps.place(item)]
        if not row[COUNT]:
            return []
        total, begin, end = (float(seconds(row[i : i + 1])[0]) for i in (TOTAL, BEGIN, END))
        return [Span(total, int(row[COUNT]), begin, end)]

    def _call(self, operation: Operation, *known: Any) -> None:
        begin = time.perf_counter()
        super()._call(operation, *known)
        end = time.perf_counter()
        self._calls[id(operation)] = Span(end - begin, 1, begin, end)
