"""Runs of a compiled function, with the time of each group of operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typedflux.compile.describing import Work, bytes_moved, operations_done, works
from typedflux.compile.lowering.errors import FlaggedError
from typedflux.compile.lowering.executables import Executable
from typedflux.compile.lowering.program import Program
from typedflux.compile.lowering.stamps import Stamps
from typedflux.compile.passes import optimise
from typedflux.compile.profiling import Row
from typedflux.compile.stepping import perform_each
from typedflux.compile.timed import TimedFrame
from typedflux.core.graph import run_graph
from typedflux.core.types import Shape
from typedflux.tensor import Tensor

if TYPE_CHECKING:
    from typedflux.compile.jit import Traced

_WARM_UP = 2


@dataclass(slots=True)
class Event:
    """A stretch of time in one run; `row` is its number from 0, `None` for the run as a whole."""

    row: int | None
    begin: float
    end: float


@dataclass(slots=True)
class Times:
    """What the runs took."""

    whole: list[float] = field(default_factory=list)
    of_rows: list[list[float]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def measure(
    traced: Traced, inputs: Sequence[Tensor], sizes: Mapping[Any, int], runs: int
) -> tuple[list[Row], Times]:
    """Run a specialisation so often, by native code where it has any: what each group took."""
    if isinstance(traced.program, Executable):
        return _of_program(traced, inputs, sizes, runs)
    return _of_interpreter(traced, inputs, sizes, runs)


# Native code


def _of_program(
    traced: Traced, inputs: Sequence[Tensor], sizes: Mapping[Any, int], runs: int
) -> tuple[list[Row], Times]:
    program = Program(optimise(traced.graph), stamps=Stamps())
    frame = TimedFrame(program, sizes)
    arrays = [t._data for t in inputs]
    found = list(works(program.block))
    times = Times()
    counts = [0] * len(found)
    for run in range(_WARM_UP + runs):
        frame.reset()
        begin = time.perf_counter()
        try:
            frame.run(list(arrays))
        except FlaggedError:
            run_graph(traced.graph, inputs, dict(sizes))  # which says what is wrong
            raise
        end = time.perf_counter()
        if run < _WARM_UP:
            continue
        times.whole.append(end - begin)
        times.events.append(Event(None, begin, end))
        spans = [[s for item in work.items for s in frame.spans(item)] for work in found]
        times.of_rows.append([sum([s.total for s in mine]) for mine in spans])
        counts = [max([s.count for s in mine], default=0) for mine in spans]
        times.events += [
            Event(place, s.begin, s.end)
            for place, (work, mine) in enumerate(zip(found, spans, strict=True))
            for s in mine
            if s.count and not work.depth
        ]
    columns = list(zip(*times.of_rows, strict=True)) if found else []
    rows = [
        _row(number, work, count, column, frame.at)
        for number, (work, count, column) in enumerate(zip(found, counts, columns, strict=True), 1)
    ]
    return rows, times


def _row(
    number: int, work: Work, count: int, times: tuple[float, ...], at: Callable[[Any], int]
) -> Row:
    shape = tuple([at(n) for n in work.space])
    flops = operations_done(work.group, at)
    moved = None if work.group.kind == "control" else bytes_moved(work, at) * count
    if flops is not None:
        flops *= count
    return Row(number, work.kind, work.operations, shape, work.depth, count, times, flops, moved)


# The interpreter


def _of_interpreter(
    traced: Traced, inputs: Sequence[Tensor], sizes: Mapping[Any, int], runs: int
) -> tuple[list[Row], Times]:
    times = Times()
    spans: list[tuple[float, float]] = []

    def around(perform: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = perform()
        spans.append((begin, time.perf_counter()))
        return result

    facts: list[tuple[str, Shape, int]] = []
    for run in range(_WARM_UP + runs):
        spans.clear()
        facts.clear()
        begin = time.perf_counter()
        for step in perform_each(traced.graph, inputs, sizes, around):
            size = sum([t._data.nbytes for t in (*step.operands, *step.results)])
            facts.append((step.equation.primitive.name, step.results[0].shape, size))
        end = time.perf_counter()
        if run >= _WARM_UP:
            times.whole.append(end - begin)
            times.of_rows.append([stop - start for start, stop in spans])
            times.events.append(Event(None, begin, end))
            times.events += [Event(i, *span) for i, span in enumerate(spans)]
    columns = list(zip(*times.of_rows, strict=True)) if facts else []
    rows = [
        Row(number, "numpy", name, tuple(map(int, shape)), 0, 1, column, None, size)
        for number, ((name, shape, size), column) in enumerate(zip(facts, columns, strict=True), 1)
    ]
    return rows, times
