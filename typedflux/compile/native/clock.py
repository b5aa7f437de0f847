"""Time stamps taken in native code, by the clock of `time.perf_counter`.

The system's clock is read without entering the kernel, in some 20 ns, and counts alike on all
cores. (x86's cycle counter would take a third of that, but has to be calibrated.)
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from typedflux.compile.native.emitter import I32, I64, PTR, Function, Index, Type, Value, literal


def emit_now(f: Function) -> Value:
    """The time in ticks, an `i64`. See `seconds`.

    >>> from typedflux.compile.native.emitter import Module
    >>> module = Module()
    >>> f = Function(module, "now", [], I64)
    >>> f.close(emit_now(f))
    """
    if sys.platform == "darwin":
        return f.call("clock_gettime_nsec_np", I64, literal(I32, 8))  # CLOCK_UPTIME_RAW
    room = Value(f.cell(Type("i64", 2)).address, PTR)
    if sys.platform == "win32":
        f.call("QueryPerformanceCounter", I32, room)
        return f.load(I64, room)
    f.call("clock_gettime", I32, literal(I32, 1), room)  # CLOCK_MONOTONIC
    whole, rest = f.load(I64, room), f.load(I64, room, 1)
    return f.index(f.plus(f.times(whole, 1_000_000_000), rest))


def emit_stamp(f: Function, stamps: Value, place: Index) -> None:
    """Write the time to element `place` of the `i64`s at `stamps`."""
    f.store(emit_now(f), stamps, place)


def seconds(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Ticks in seconds: times that `time.perf_counter` would have given, or their differences.

    >>> seconds(np.array([1_500_000_000])).shape
    (1,)
    """
    return ticks / _ticks_per_second()


def _ticks_per_second() -> float:
    if sys.platform != "win32":
        return 1e9
    import ctypes

    library: Any = ctypes.CDLL("kernel32")
    frequency = ctypes.c_int64(0)
    library.QueryPerformanceFrequency(ctypes.byref(frequency))
    return float(frequency.value)
