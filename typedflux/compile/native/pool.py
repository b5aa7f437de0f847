"""One pool of threads, on which compiled regions run.

A *region* is a native function `void region(ptr buffers, ptr sizes, i64 thread, i64 threads,
ptr barrier)` that all threads run. The workers are Python threads inside native code, without the
GIL. They spin for about a millisecond after a region, so that the next one finds them warm, and
then sleep: an idle process takes no time.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
from typing import Any

from typedflux.compile.native.cores import available_cores
from typedflux.compile.native.pool_program import (
    BYTES,
    MAXIMUM,
    PATIENCE,
    SLOTS,
    STRIDE,
    WAKE,
    WORKERS,
    futex_number,
    program,
)
from typedflux.compile.native.pool_program import emit_barrier as emit_barrier

_SPIN_SECONDS = 1e-3
_WAIT_SECONDS = 1.0  # for a region under way, before the pool is left as it is


class _Pool:
    """Native code, shared memory and workers."""

    def __init__(self, *, kernel_sleep: bool = True) -> None:
        from typedflux.compile.native.engine import Compiled

        self._code = Compiled(program(kernel_sleep=kernel_sleep))
        self._memory = ctypes.create_string_buffer(BYTES + STRIDE)
        self.control = -(-ctypes.addressof(self._memory) // STRIDE) * STRIDE
        address, number = ctypes.c_void_p, ctypes.c_int64
        self.run = self._code.function("typedflux_run", [address] * 4 + [number])
        self._work = self._code.function("typedflux_worker", [address, number], ctypes.c_int32)
        self._stop = self._code.function("typedflux_stop", [address, number])
        self._take = self._code.function("typedflux_take", [address], ctypes.c_int32)
        self._give = self._code.function("typedflux_give", [address])
        self._alarms: list[threading.Event] = []
        self._threads: list[threading.Thread] = []
        if kernel_sleep and futex_number() is not None:
            wake = self._code.address("typedflux_wake")
        else:
            self._ring: Any = ctypes.CFUNCTYPE(None, address, number)(self._wake)
            wake = ctypes.cast(self._ring, ctypes.c_void_p).value or 0
        ctypes.c_int64.from_address(self.control + WAKE).value = wake
        ctypes.c_int64.from_address(self.control + PATIENCE).value = self._patience()
        self._workers = ctypes.c_int64.from_address(self.control + WORKERS)

    @property
    def capacity(self) -> int:
        """Threads that a region can have."""
        return len(self._threads) + 1

    def _patience(self) -> int:
        """How many looks take a worker's time of waiting."""
        spin, count, shortest = self._code.function("typedflux_spin", [ctypes.c_int64]), 2000, 1.0
        for _ in range(3):
            start = time.perf_counter()
            spin(count)
            shortest = min(shortest, time.perf_counter() - start)
        return int(count * _SPIN_SECONDS / max(shortest, 1e-9))

    def _wake(self, _: int, index: int) -> None:
        self._alarms[index - 1].set()

    def _serve(self, index: int, alarm: threading.Event) -> None:
        while self._work(self.control, index):
            alarm.wait()
            alarm.clear()

    def resize(self, threads: int, patience: float = 0.0) -> bool:
        """Have workers for so many threads. `False` if a region ran all the time of `patience`."""
        until = time.monotonic() + patience
        while not self._take(self.control):
            if time.monotonic() >= until:
                return False
            time.sleep(1e-4)
        try:
            ending = self._threads[max(0, threads - 1) :]
            for index in range(len(self._threads), threads - 1, -1):
                self._stop(self.control, index)
            for thread in ending:
                thread.join()
            del self._threads[self.capacity - 1 - len(ending) :]
            del self._alarms[len(self._threads) :]
            while self.capacity < threads:
                self._start(self.capacity)
        finally:
            self._workers.value = len(self._threads)
            self._give(self.control)
        return True

    def _start(self, index: int) -> None:
        ctypes.memset(self.control + SLOTS + STRIDE * index, 0, STRIDE)
        alarm = threading.Event()
        thread = threading.Thread(
            target=self._serve, args=(index, alarm), name=f"typedflux-{index}", daemon=True
        )
        self._alarms.append(alarm)
        thread.start()
        self._threads.append(thread)


_pool: _Pool | None = None
_lock = threading.Lock()
_wanted: int | None = None


def run(region_address: int, buffers_address: int, sizes_address: int, threads: int) -> None:
    """Run a region on so many threads, this one among them; it is done when this returns.

    The GIL is released meanwhile. If another Python thread's region has the pool, this one runs
    at once, on the calling thread alone. A region may also find fewer threads than asked for, where
    the system gives no more.

    Args:
        region_address: the native function.
        buffers_address: its first argument, a table of pointers.
        sizes_address: its second, a table of `i64`.
        threads: how many threads at most, from 1 to 256.
    """
    pool = _pool
    if pool is None or threads > pool.capacity:
        pool = _grown(threads)
    pool.run(pool.control, region_address, buffers_address, sizes_address, threads)


def _grown(threads: int) -> _Pool:
    global _pool
    if threads > MAXIMUM:
        raise ValueError(f"a region runs on 1 to {MAXIMUM} threads, not {threads}")
    with _lock:
        if _pool is None:
            _pool = _Pool()
        if threads > _pool.capacity:
            _pool.resize(threads)
        return _pool


def get_threads() -> int:
    """How many threads compiled functions use.

    Unless `set_threads` said otherwise, the physical cores that are available to the process:
    affinity and the quota of a container count, hyperthreads do not.

    >>> import typedflux as flux
    >>> flux.get_threads() >= 1
    True
    """
    global _wanted
    if _wanted is None:
        _wanted = min(available_cores(), MAXIMUM)
    return _wanted


def set_threads(n: int) -> None:
    """Let compiled functions use `n` threads, from 1 to 256.

    Functions that are running finish with the number they began with. Results are bit-identical
    from run to run with the same number of threads.

    >>> import typedflux as flux
    >>> before = flux.get_threads()
    >>> flux.set_threads(1)
    >>> flux.get_threads()
    1
    >>> flux.set_threads(before)

    Raises:
        TypeError: `n` is not an integer.
        ValueError: `n` is out of range.
    """
    global _wanted
    if isinstance(n, bool) or not hasattr(type(n), "__index__"):
        raise TypeError(f"set_threads: n must be an integer, not {type(n).__name__}")
    n = int(n)
    if not 1 <= n <= MAXIMUM:
        raise ValueError(f"set_threads: n must be from 1 to {MAXIMUM}, not {n}")
    _wanted = n
    with _lock:
        if _pool is not None and _pool.capacity > n:
            _pool.resize(n, _WAIT_SECONDS)


def _stop() -> None:
    """Before the interpreter ends: no worker is in native code when that is freed."""
    if _pool is not None:
        _pool.resize(1, _WAIT_SECONDS)


def _before_fork() -> None:
    # A child has the forking thread only. Without workers nothing of them is copied half-done.
    _lock.acquire()
    if _pool is not None:
        _pool.resize(1)


def _after_fork_in_parent() -> None:
    _lock.release()


def _after_fork_in_child() -> None:
    global _pool, _lock
    _pool = None
    _lock = threading.Lock()


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
