"""The thread pool: regions on several threads, barriers, and who may call when."""

import numpy as np

from typedflux.compile.native.emitter import I64, PTR, Function, Module
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.pool import emit_barrier, run

REGION = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64), ("barrier", PTR)]


def prefix_rounds() -> Compiled:
    """Each thread counts its rounds in a cell of its own, then reads what its neighbour counted."""
    module = Module()
    f = Function(module, "rounds", REGION)
    buffers, sizes, thread, threads, barrier = f.parameters
    counts, errors = (f.load(PTR, buffers, i) for i in (0, 1))
    mine = f.times(thread, 8)
    neighbour = f.times(f.modulo(f.plus(thread, 1), threads), 8)
    with f.loop(0, f.load(I64, sizes)) as i:
        f.store(f.index(f.plus(i, 1)), counts, mine)
        emit_barrier(f, barrier, threads)
        seen = f.load(I64, counts, neighbour)
        wrong = f.cast("zext", f.compare("ne", seen, f.index(f.plus(i, 1))), I64)
        f.store(f.add(f.load(I64, errors, mine), wrong), errors, mine)
        emit_barrier(f, barrier, threads)
    f.store(threads, f.load(PTR, buffers, 2))
    f.close()
    return Compiled(module.text())


def test_every_thread_meets_at_every_barrier() -> None:
    code = prefix_rounds()
    for threads in (1, 2, 3, 4, 2, 1):
        counts, errors, used = (np.zeros(8 * 4, np.int64) for _ in range(3))
        table = np.array([counts.ctypes.data, errors.ctypes.data, used.ctypes.data], np.int64)
        sizes = np.array([20], np.int64)
        run(code.address("rounds"), table.ctypes.data, sizes.ctypes.data, threads)
        assert counts[::8].tolist() == [20] * threads + [0] * (4 - threads)
        assert not errors.any()
        assert used[0] == threads
