"""`profile`: where a compiled function's time goes."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedflux.compile.jit import Jitted
from typedflux.compile.native import pool
from typedflux.compile.signature import flatten, with_tensors_for_arrays
from typedflux.compile.tables import (
    aligned,
    scaled_text,
    seconds_text,
    shape_text,
    shortened,
)
from typedflux.core.tracing import Tracer, current_graph
from typedflux.core.tree import leaves

if TYPE_CHECKING:
    from typedflux.compile.measuring import Event

_WIDTH = 60  # of what a row does


@dataclass(frozen=True, slots=True)
class Row:
    """What one group of operations takes in a call.

    Attributes:
        number: of the group, as `explain` numbers them.
        kind: `product`, `convolution`, `rows`, `elementwise`, `loop`, `numpy` and so on.
        operations: the operations in it.
        shape: what it goes over.
        depth: in how many loops and branches it is. A loop's own time is without what is in it.
        count: how often it runs in a call.
        times: seconds in each of the runs.
        flops: floating-point operations in a call, for products and convolutions.
        bytes: what has to be read and written in a call, each value once.
    """

    number: int
    kind: str
    operations: str
    shape: tuple[int, ...]
    depth: int
    count: int
    times: tuple[float, ...]
    flops: int | None
    bytes: int | None

    @property
    def seconds(self) -> float:
        """The median of its times."""
        return statistics.median(self.times)

    @property
    def rate(self) -> str:
        """What is achieved: `GFLOP/s` of products and convolutions, `GB/s` of the others."""
        if not self.seconds or self.bytes is None:
            return ""
        if self.flops is not None:
            return scaled_text(
                self.flops / self.seconds, ("FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s")
            )
        return scaled_text(self.bytes / self.seconds, ("B/s", "kB/s", "MB/s", "GB/s"))


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of calls went. Its text is a table.

    Attributes:
        name: of the function.
        rows: what each group takes, in order.
        times: seconds that each run took, without taking the arguments apart.
        threads: how many threads ran it.
        reason: why there is no native code, where there is none.
    """

    name: str
    rows: tuple[Row, ...]
    times: tuple[float, ...]
    threads: int
    reason: str = ""

    @property
    def seconds(self) -> float:
        """The median time of a run."""
        return statistics.median(self.times)

    @property
    def rest(self) -> float:
        """Seconds of a run that are no group's: memory of results, starting the threads."""
        inside = [sum(times) for times in zip(*[row.times for row in self.rows], strict=True)]
        if not inside:
            return self.seconds
        outside: list[float] = [t - i for t, i in zip(self.times, inside, strict=True)]
        return statistics.median(outside)

    def share(self, seconds: float) -> float:
        """The part of a run that a time is, between 0 and 1: those of the rows and the rest are 1
        together."""
        whole = sum([row.seconds for row in self.rows]) + self.rest
        return seconds / whole if whole else 0.0

    def __str__(self) -> str:
        runs = f"median of {len(self.times)} run{'' if len(self.times) == 1 else 's'}"
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        head = f"{self.name}: {seconds_text(self.seconds)}, {runs} on {threads}"
        if self.reason:
            head += f"; by the interpreter: {self.reason}"
        table = [["", "kind", "over", "time", "share", "achieved", "operations"]]
        for row in self.rows:
            times = "" if row.count == 1 else f" (x{row.count})" if row.count else " (not run)"
            table.append(
                [
                    str(row.number),
                    "  " * row.depth + row.kind,
                    shape_text(row.shape),
                    seconds_text(row.seconds),
                    f"{100 * self.share(row.seconds):.1f} %",
                    row.rate,
                    shortened(row.operations, _WIDTH) + times,
                ]
            )
        share = f"{100 * self.share(self.rest):.1f} %"
        table.append(
            ["", "the rest", "", seconds_text(self.rest), share, "", "starting, memory of results"]
        )
        return "\n".join([head, *[f"  {line}" for line in aligned(table, right=[0, 3, 4, 5])]])


def profile(
    function: Callable[..., Any],
    /,
    *args: Any,
    runs: int = 20,
    trace: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> Profile:
    """Where the time of a compiled function goes, measured on these arguments.

    The function is compiled as `flux.jit` does, with code that takes the time after each group of
    operations, when all threads have finished it. It is run `runs` times, after two runs that do
    not count. Nothing is changed: what it computes for fields of models and states is dropped.

    Args:
        function: a function, jitted or not.
        runs: how often to run it.
        trace: a file to write what happened to, for `chrome://tracing` or `ui.perfetto.dev`.

    Returns:
        A `Profile`: printed it is a table of median times, their share of the whole, what is
        achieved (arithmetic of products and convolutions, memory traffic of the others) and the
        operations; `rows` holds the numbers.

    Raises:
        ValueError: `runs` is less than 1.
        TypeError: inside a function that is being traced.

    >>> import typedflux as flux
    >>> x = flux.ones((64, 64))
    >>> profile = flux.profile(lambda x: flux.relu(x @ x).sum(axis=1), x, runs=3)
    >>> [(row.kind, row.operations, row.flops) for row in profile.rows]
    [('product', 'matmul, relu', 524288), ('rows', 'sum', None)]
    """
    if isinstance(runs, bool) or not isinstance(runs, int):
        raise TypeError(f"profile: runs must be an integer, not {type(runs).__name__}")
    if runs < 1:
        raise ValueError(f"profile: runs must be at least 1, not {runs}")
    if current_graph() is not None or any(isinstance(t, Tracer) for t in leaves((args, kwargs))):
        raise TypeError("profile: it measures, so call it outside of functions that are traced")
    from typedflux.compile.measuring import measure  # which imports the compiler

    jitted = function if isinstance(function, Jitted) else Jitted(function)
    args, kwargs = with_tensors_for_arrays((args, kwargs))
    traced, sizes = jitted.specialise(args, kwargs)
    inputs = list(flatten((args, kwargs)).leaves)
    for owner, name in traced.captured_now():
        inputs += leaves(owner.__dict__[name])
    found, times = measure(traced, inputs, sizes, runs)
    called = getattr(jitted, "__name__", type(jitted.function).__name__)
    result = Profile(called, tuple(found), tuple(times.whole), pool.get_threads(), traced.reason)
    if trace is not None:
        _write_trace(Path(trace), result, times.events)
    return result


# A file for Chrome


def _write_trace(path: Path, result: Profile, events: Sequence[Event]) -> None:
    zero = min([e.begin for e in events])
    written: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "tid": 1, "args": {"name": result.name}}
    ]
    for event in events:
        entry: dict[str, Any] = {
            "ph": "X",
            "name": result.name,
            "cat": "run",
            "pid": 1,
            "tid": 1,
            "ts": (event.begin - zero) * 1e6,
            "dur": (event.end - event.begin) * 1e6,
        }
        if event.row is not None:
            row = result.rows[event.row]
            entry["name"] = f"{row.number} {row.kind}: {shortened(row.operations, _WIDTH)}"
            entry["cat"] = row.kind
            entry["args"] = {
                "operations": row.operations,
                "over": shape_text(row.shape),
                "median": seconds_text(row.seconds),
                "achieved": row.rate,
            }
        written.append(entry)
    path.write_text(json.dumps({"traceEvents": written, "displayTimeUnit": "ms"}), encoding="utf-8")
