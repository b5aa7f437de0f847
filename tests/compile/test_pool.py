"""The thread pool: regions on several threads, barriers, who may call when, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

import typedflux as flux
from typedflux.compile.native import pool
from typedflux.compile.native.emitter import I64, PTR, Function, Module, Value
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.pool import emit_barrier, run

REGION = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64), ("barrier", PTR)]
MOST = 8


def rounds(f: Function) -> None:
    """Each thread counts its rounds in a cell of its own, then reads what its neighbour counted.

    Buffers: counts, mistakes, how many threads ran. Sizes: rounds.
    """
    buffers, sizes, thread, threads, barrier = f.parameters
    counts, mistakes, used = (f.load(PTR, buffers, i) for i in range(3))
    mine = f.times(thread, 8)
    neighbour = f.times(f.modulo(f.plus(thread, 1), threads), 8)
    with f.loop(0, f.load(I64, sizes)) as i:
        f.store(f.index(f.plus(i, 1)), counts, mine)
        emit_barrier(f, barrier, threads)
        seen = f.load(I64, counts, neighbour)
        wrong = f.cast("zext", f.compare("ne", seen, f.index(f.plus(i, 1))), I64)
        f.store(f.add(f.load(I64, mistakes, mine), wrong), mistakes, mine)
        emit_barrier(f, barrier, threads)
    f.store(threads, used, mine)


def hold(f: Function) -> None:
    """Thread 0 says that it has begun and waits until it is let go. Buffers: two flags."""
    buffers, _, thread, threads, _ = f.parameters
    begun, free = (f.load(PTR, buffers, i).text for i in range(2))
    with f.when(f.compare("eq", thread, Value("0", I64))):
        f.line(f"store atomic i64 {threads.text}, ptr {begun} release, align 8")
        f.goto("look")
        f.label("look")
        now = f.emit(I64, f"load atomic i64, ptr {free} acquire, align 8")
        f.branch(f.compare("eq", now, Value("0", I64)), "look", "go")
        f.label("go")


def stages(f: Function) -> None:
    """A region of two functions, with barriers in both."""
    for name in ("rounds", "rounds"):
        arguments = ", ".join(f"{p.type} {p.text}" for p in f.parameters)
        f.line(f"call void @{name}({arguments})")
        emit_barrier(f, f.parameters[4], f.parameters[3])


@pytest.fixture(scope="module")
def code() -> Compiled:
    module = Module()
    for region in (rounds, hold, stages):
        f = Function(module, region.__name__, REGION)
        region(f)
        f.close()
    return Compiled(module.text())


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    before = flux.get_threads()
    yield
    flux.set_threads(before)


class Call:
    """Buffers and sizes of one call of `rounds`."""

    def __init__(self, times: int) -> None:
        self.counts, self.mistakes, self.used = (np.zeros(8 * MOST, np.int64) for _ in range(3))
        arrays = (self.counts, self.mistakes, self.used)
        self.table = np.array([a.ctypes.data for a in arrays], np.int64)
        self.sizes = np.array([times], np.int64)

    def run(self, address: int, threads: int) -> None:
        run(address, self.table.ctypes.data, self.sizes.ctypes.data, threads)

    def verify(self, threads: int) -> None:
        """That so many threads ran, all in step."""
        idle = MOST - threads
        assert self.counts[::8].tolist() == [int(self.sizes[0])] * threads + [0] * idle
        assert self.used[::8].tolist() == [threads] * threads + [0] * idle
        assert not self.mistakes.any()


class Held:
    """A region that another Python thread runs until `free`."""

    def __init__(self, code: Compiled, threads: int) -> None:
        self._flags = np.zeros(2 * 8, np.int64)
        self._table = self._flags.ctypes.data + np.array([0, 64], np.int64)
        arguments = (code.address("hold"), int(self._table.ctypes.data), 0, threads)
        self._thread = threading.Thread(target=run, args=arguments)

    def __enter__(self) -> "Held":
        self._thread.start()
        while not self._flags[0]:
            time.sleep(1e-3)
        return self

    def __exit__(self, *_: object) -> None:
        self._flags[8] = 1
        self._thread.join()


@pytest.mark.parametrize("name", ["rounds", "stages"])
def test_every_thread_meets_at_every_barrier(code: Compiled, name: str) -> None:
    for threads in (1, 2, 3, MOST, 2, 1, 4):
        call = Call(20)
        call.run(code.address(name), threads)
        call.verify(threads)


def test_many_regions_one_after_another(code: Compiled) -> None:
    call, address = Call(2), code.address("rounds")
    for i in range(3000):
        call.counts[:] = 0
        call.used[:] = 0
        call.run(address, 1 + i % 2)
        call.verify(1 + i % 2)


def test_an_empty_table_and_zero_rounds(code: Compiled) -> None:
    call = Call(0)
    call.run(code.address("rounds"), 2)
    call.verify(2)


def test_threads_below_one_are_one_and_too_many_are_refused(code: Compiled) -> None:
    call = Call(3)
    call.run(code.address("rounds"), 0)
    call.verify(1)
    with pytest.raises(ValueError, match="1 to 256 threads, not 257"):
        call.run(code.address("rounds"), 257)


def test_a_second_caller_does_not_wait_for_the_pool(code: Compiled) -> None:
    call = Call(5)
    with Held(code, 2):
        call.run(code.address("rounds"), 2)
        call.verify(1)
    call = Call(5)
    call.run(code.address("rounds"), 2)
    call.verify(2)


def test_python_threads_that_call_at_once(code: Compiled) -> None:
    address = code.address("rounds")
    calls = [[Call(3) for _ in range(100)] for _ in range(4)]

    def work(mine: list[Call]) -> None:
        for call in mine:
            call.run(address, 2)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine in calls:
        for call in mine:
            call.verify(int(call.used[0]))


def test_workers_that_wait_in_python_where_the_kernel_cannot(code: Compiled) -> None:
    other = pool._Pool(kernel_sleep=False)
    assert other.resize(3)
    try:
        for _ in range(3):
            until_asleep(other)
            call = Call(5)
            table, sizes = call.table.ctypes.data, call.sizes.ctypes.data
            other.run(other.control, code.address("rounds"), table, sizes, 3)
            call.verify(3)
    finally:
        assert other.resize(1)


def until_asleep(one: pool._Pool) -> None:
    while not all(one.asleep()):
        time.sleep(1e-3)


def own_pool() -> pool._Pool:
    assert pool._pool is not None
    return pool._pool


def test_idle_workers_take_no_time_and_wake(code: Compiled) -> None:
    for threads in (2, 4):
        call = Call(5)
        call.run(code.address("rounds"), threads)
        until_asleep(own_pool())
        before = os.times()
        time.sleep(0.2)
        after = os.times()
        assert after.user + after.system - before.user - before.system < 0.1
        call.run(code.address("rounds"), threads)
        call.verify(threads)


def test_the_number_of_threads_is_set_and_got(code: Compiled) -> None:
    flux.set_threads(3)
    assert flux.get_threads() == 3
    Call(1).run(code.address("rounds"), 3)
    assert own_pool().capacity >= 3
    flux.set_threads(1)
    assert flux.get_threads() == 1
    assert own_pool().capacity == 1
    with pytest.raises(ValueError, match="n must be from 1 to 256, not 0"):
        flux.set_threads(0)
    with pytest.raises(TypeError, match="n must be an integer, not float"):
        flux.set_threads(2.0)  # type: ignore[arg-type]


def test_fewer_threads_while_a_region_runs(code: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_WAIT_SECONDS", 0.01)
    flux.set_threads(2)
    with Held(code, 2):
        flux.set_threads(1)
        assert flux.get_threads() == 1
        flux.set_threads(4)
    call = Call(5)
    call.run(code.address("rounds"), 4)
    call.verify(4)


def test_an_interrupt_comes_after_the_region(code: Compiled) -> None:
    flags = np.zeros(16, np.int64)
    table = flags.ctypes.data + np.array([0, 64], np.int64)

    def interrupt() -> None:
        while not flags[0]:
            time.sleep(1e-3)
        signal.raise_signal(signal.SIGINT)
        flags[8] = 1

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(code.address("hold"), table.ctypes.data, 0, 2)
        thread.join()
    thread.join()
    call = Call(5)
    call.run(code.address("rounds"), 2)
    call.verify(2)


def test_without_further_threads_a_region_has_those_there_are(
    code: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    flux.set_threads(1)
    monkeypatch.setattr(threading.Thread, "start", refused)
    call = Call(5)
    call.run(code.address("rounds"), 4)
    call.verify(1)


def in_a_child(code: Compiled, threads: int) -> int:
    """The exit status of a forked process that runs a region."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy's BLAS has threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            call = Call(5)
            call.run(code.address("rounds"), threads)
            call.verify(threads)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_a_pool_of_its_own(code: Compiled) -> None:
    call = Call(5)
    call.run(code.address("rounds"), 2)
    assert in_a_child(code, 2) == 0
    assert in_a_child(code, 3) == 0
    call.run(code.address("rounds"), 2)
    call.verify(2)
    with Held(code, 2):
        assert in_a_child(code, 2) == 0


PROGRAM = """
import threading, time
from tests.compile.test_pool import *
from typedflux.compile.native import pool
module = Module()
for region in (rounds, hold):
    f = Function(module, region.__name__, REGION)
    region(f)
    f.close()
code = Compiled(module.text())
call = Call(5)
call.run(code.address("rounds"), 3)
call.verify(3)
"""
HELD = """
pool._WAIT_SECONDS = 0.01
held = Held(code, 2)
held._thread.daemon = True
held.__enter__()
"""


@pytest.mark.parametrize("end", ["", HELD, "time.sleep(0.05)", "raise SystemExit(0)"])
def test_a_program_ends(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + end],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        timeout=100,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_importing_the_package_does_not_load_llvm() -> None:
    script = "import sys, typedflux; typedflux.get_threads(); sys.exit('llvmlite' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)
