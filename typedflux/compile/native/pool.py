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
from queue import SimpleQueue
from typing import Any

from typedflux.compile.native.cores import available_cores
from typedflux.compile.native.pool_program import (
    ASLEEP,
    BYTES,
    MAXIMUM,
    PATIENCE,
    RESIZER,
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

        self._code = Compiled.load_or_build(
            f"pool, kernel_sleep={kernel_sleep}", lambda: program(kernel_sleep=kernel_sleep)
        )
        self._memory = ctypes.create_string_buffer(BYTES + STRIDE)
        self.control = -(-ctypes.addressof(self._memory) // STRIDE) * STRIDE
        address, number = ctypes.c_void_p, ctypes.c_int64
        self.run = self._code.function("typedflux_run", [address] * 4 + [number])
        self._work = self._code.function("typedflux_worker", [address, number], ctypes.c_int32)
        self._stop = self._code.function("typedflux_stop", [address, number])
        self._take = self._code.function("typedflux_take", [address], ctypes.c_int32)
        self._give = self._code.function("typedflux_give", [address])
        self._owner = ctypes.c_int32.from_address(self.control)
        self._bells: list[Any] = []  # what native code calls to wake a worker
        self._threads: list[threading.Thread] = []
        self._leaving: list[threading.Thread] = []  # told to end
        self._resizing = False
        self._futex = self._code.address("typedflux_wake")
        self._kernel_sleep = kernel_sleep and futex_number() is not None
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

    def _serve(self, index: int, alarm: SimpleQueue[object]) -> None:
        while self._work(self.control, index):
            alarm.get()

    def resize(self, threads: int, patience: float = 0.0) -> bool:
        """Have workers for so many threads. `False` if a region ran all the time of `patience`.

        Only one thread at a time may call this. An interruption leaves a pool that works.
        """
        if self._resizing:  # a signal's handler forks while this thread is here
            return False
        self._resizing = True
        try:
            until = time.monotonic() + patience
            while not self._take(self.control):
                if time.monotonic() >= until:
                    return False
                time.sleep(1e-4)
            while self.capacity > max(1, threads):
                self._leaving.append(self._threads.pop())
                self._stop(self.control, len(self._threads) + 1)
            while self._leaving:
                self._leaving[-1].join()
                self._leaving.pop()
            del self._bells[len(self._threads) :]
            while self.capacity < threads and self._start(self.capacity):
                pass
        finally:
            if self._owner.value == RESIZER:
                self._workers.value = len(self._threads)
                self._give(self.control)
            self._resizing = False
        return True

    def _start(self, index: int) -> bool:
        slot = self.control + SLOTS + STRIDE * index
        ctypes.memset(slot, 0, STRIDE)
        alarm: SimpleQueue[object] = SimpleQueue()
        # `put` is not written in Python: no handler of a signal can run between its being called
        # and the worker's waking.
        bell: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(alarm.put)
        wake = self._futex if self._kernel_sleep else ctypes.cast(bell, ctypes.c_void_p).value
        ctypes.c_int64.from_address(slot + WAKE).value = wake or 0
        thread = threading.Thread(
            target=self._serve, args=(index, alarm), name=f"typedflux-{index}", daemon=True
        )
        self._bells[index - 1 :] = [bell]
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads, or the interpreter ends
            self._threads.pop()
            return False
        return True

    def asleep(self) -> list[bool]:
        """Which workers sleep."""
        first, stride = self.control + SLOTS + ASLEEP, STRIDE
        workers = range(1, self.capacity)
        return [bool(ctypes.c_int32.from_address(first + stride * i).value) for i in workers]


_pool: _Pool | None = None
_lock = threading.RLock()
_wanted: int | None = None
_ended = False


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
        if threads > _pool.capacity and not _ended:
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
    global _ended
    _ended = True
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
    _lock = threading.RLock()


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
