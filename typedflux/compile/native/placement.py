"""Threads of a region are on different cores.

Linux may leave a worker on the core of the thread that started or woke it, for seconds, while
another core has nothing to do: both are always ready to run, and no timer says that they wait for
each other. So each thread of a region leaves the region's number at the core it runs on; a worker
that finds it there already shares the core, and moves to one where no other thread is. Nobody is
bound to a core: the system may still place threads as it likes, other processes' among them.
"""

from __future__ import annotations

import sys

from typedflux.compile.native.emitter import (
    I32,
    I64,
    PTR,
    Function,
    Module,
    Type,
    Value,
    literal,
)

CPUS = 1024
"""CPUs that are watched, and that a mask of affinity has bits for."""

_MASK = CPUS // 8
_PAUSE = 5_000_000  # nanoseconds between two moves of a worker


def emit_settle(module: Module, *, marks: int, slots: int, stride: int, place: int) -> bool:
    """Add `void typedflux_settle(ptr control, i64 thread, i64 threads, i64 region)`.

    In the block `control`, a line per CPU is at `marks`. Thread `i` has its CPU as an `i64` at
    `slots + stride * i + place`, and after it the time of its last move.

    Returns `False`, and adds nothing, where a system gives no such control.
    """
    if sys.platform != "linux":
        return False
    _emit_move(module, slots=slots, stride=stride, place=place)
    names = [("control", PTR), ("thread", I64), ("threads", I64), ("region", I64)]
    f = Function(module, "typedflux_settle", names)
    control, thread, threads, region = f.parameters
    cpu = f.cast("sext", f.call("sched_getcpu", I32), I64)
    with f.when(f.compare("ult", cpu, literal(I64, CPUS))):
        f.store(cpu, _byte(f, control, f.plus(slots + place, f.times(thread, stride))))
        mark = _byte(f, control, f.plus(marks, f.times(cpu, 64)))
        old = f.emit(I64, f"atomicrmw xchg ptr {mark.text}, i64 {region.text} monotonic")
        shared = f.compare("eq", old, region)
        worker = f.compare("ne", thread, literal(I64, 0))
        with f.when(f.binary("and", shared, worker)):
            f.call("typedflux_move", Type("void"), control, thread, threads)
    f.close()
    module.declarations.discard("declare void @typedflux_move(ptr, i64, i64)")
    return True


def _byte(f: Function, control: Value, offset: int | Value) -> Value:
    return f.at(control, offset, Type("i8"))


def _emit_move(module: Module, *, slots: int, stride: int, place: int) -> None:
    """`void typedflux_move(ptr control, i64 thread, i64 threads)`: go where no other thread is."""
    names = [("control", PTR), ("thread", I64), ("threads", I64)]
    f = Function(module, "typedflux_move", names, attributes="noinline")
    control, thread, threads = f.parameters
    clock = f.cell(Type("i64", 2))
    address = Value(clock.address, PTR)
    f.call("clock_gettime", I32, Value("1", I32), address)  # CLOCK_MONOTONIC
    seconds, rest = f.load(I64, address), f.load(I64, address, 1)
    now = f.index(f.plus(f.times(seconds, 1_000_000_000), rest))
    last = _byte(f, control, f.plus(slots + place + 8, f.times(thread, stride)))
    waited = f.compare("sgt", f.sub(now, f.load(I64, last)), literal(I64, _PAUSE))
    with f.when(waited):
        f.store(now, last)
        whole = Type("i64", CPUS // 64)
        allowed, chosen = f.cell(whole), f.cell(whole)
        here, size = Value("0", I32), literal(I64, _MASK)
        masks = Value(allowed.address, PTR), Value(chosen.address, PTR)
        failed = f.call("sched_getaffinity", I32, here, size, masks[0])
        with f.when(f.compare("eq", failed, literal(I32, 0))):
            chosen.set(allowed.get())
            with f.loop(0, threads) as i:
                cpu = f.load(I64, _byte(f, control, f.plus(slots + place, f.times(i, stride))))
                byte = _byte(f, masks[1], f.over(cpu, 8))
                bit = f.cast("trunc", f.index(f.modulo(cpu, 8)), Type("i8"))
                one = f.binary("shl", literal(Type("i8"), 1), bit)
                kept = f.binary("xor", one, literal(Type("i8"), -1))
                f.store(f.binary("and", f.load(Type("i8"), byte), kept), byte)
            with f.when(f.compare("ne", f.fold("or", chosen.get()), literal(I64, 0))):
                f.call("sched_setaffinity", I32, here, size, masks[1])
                f.call("sched_setaffinity", I32, here, size, masks[0])
    f.close()
