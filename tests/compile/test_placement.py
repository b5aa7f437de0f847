"""Threads of a region come to different cores, and are bound to none."""

import os
import sys
import threading

import numpy as np
import pytest

from typedflux.compile.native.emitter import I32, I64, PTR, Function, Module
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.pool import emit_barrier, run

REGION = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64), ("barrier", PTR)]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2,
    reason="needs two CPUs, and a system that says where a thread runs",
)


@pytest.fixture(scope="module")
def code() -> Compiled:
    """`where` writes each thread's CPU; it leaves after the others have."""
    module = Module()
    f = Function(module, "where", REGION)
    places, _, thread, threads, barrier = f.parameters
    f.store(f.cast("sext", f.call("sched_getcpu", I32), I64), places, thread)
    emit_barrier(f, barrier, threads)
    f.close()
    return Compiled(module.text())


def workers() -> list[int]:
    return [
        thread.native_id
        for thread in threading.enumerate()
        if thread.name.startswith("typedflux-") and thread.native_id is not None
    ]


def test_two_threads_come_to_two_cpus(code: Compiled) -> None:
    places = np.full(2, -1, np.int64)
    for _ in range(100_000):
        run(code.address("where"), places.ctypes.data, 0, 2)
        if places[0] != places[1]:
            break
    assert places[0] != places[1]
    assert set(places) <= os.sched_getaffinity(0)


def test_workers_stay_free(code: Compiled) -> None:
    places = np.full(64, -1, np.int64)
    for _ in range(50):  # more threads than CPUs, or they would have no reason to move
        run(code.address("where"), places.ctypes.data, 0, len(os.sched_getaffinity(0)) + 2)
    assert workers()
    for worker in workers():
        assert os.sched_getaffinity(worker) == os.sched_getaffinity(0)


def test_a_process_that_has_one_cpu(code: Compiled) -> None:
    allowed = os.sched_getaffinity(0)
    one = {min(allowed)}
    os.sched_setaffinity(0, one)
    try:
        places = np.full(6, -1, np.int64)
        run(code.address("where"), places.ctypes.data, 0, 6)  # new workers inherit the affinity
        assert places[0] == min(one)
        assert (places >= 0).all()
    finally:
        os.sched_setaffinity(0, allowed)
        for worker in workers():
            os.sched_setaffinity(worker, allowed)
