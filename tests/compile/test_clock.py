"""Time stamps of native code against Python's clock."""

import ctypes
import time

import numpy as np

from typedflux.compile.native.clock import emit_stamp, seconds
from typedflux.compile.native.emitter import I64, PTR, Function, Module
from typedflux.compile.native.engine import Compiled


def test_stamps_are_of_pythons_clock() -> None:
    module = Module()
    f = Function(module, "stamp", [("stamps", PTR), ("count", I64)])
    stamps, count = f.parameters
    with f.loop(0, count) as i:
        emit_stamp(f, stamps, i)
    f.close()
    taken = np.zeros(1000, np.int64)
    stamp = Compiled(module.text()).function("stamp", [ctypes.c_void_p, ctypes.c_int64])
    before = time.perf_counter()
    stamp(taken.ctypes.data, len(taken))
    after = time.perf_counter()
    times = seconds(taken)
    assert (np.diff(times) >= 0).all()
    assert times[0] < times[-1]
    rounding = 1e-6
    assert before - rounding <= times[0] and times[-1] <= after + rounding
