"""The thread pool's native part, and the barrier that generated regions call.

Everything that the threads share is in one block of memory, each item on lines of its own:

| offset | what |
|---|---|
| 0 | `i32` 1 while a region runs, 2 while workers come or go; whoever sets it from 0 has the pool |
| 128 | `i64` arrivals at barriers since the region began |
| 256 | `i64` workers that are through with the region |
| 384 | the region: function, buffers, sizes, number of threads, number of the region |
| 512 | `i64` looks at its word before a worker sleeps; `i64` workers that there are |
| 1024 + 128 i | worker i: `i32` word, `i32` asleep, `i32` last word seen, `i32` to end, `ptr` to a
  `void wake(ptr control, i64 i)`; from byte 64 on, what `placement` keeps of thread i |
| 1024 + 128 * 256 | what `placement` keeps of each CPU |

A worker has work when its word has changed. Only the workers that take part see theirs changed, so
the others sleep on.
"""

from __future__ import annotations

import platform
import sys

from typedflux.compile.native.emitter import I64, Function, Module, Value
from typedflux.compile.native.placement import CPUS, emit_settle

MAXIMUM = 256
"""Threads that a pool can have."""

SLOTS = 1024
STRIDE = 128
MARKS = SLOTS + STRIDE * MAXIMUM
BYTES = MARKS + 64 * CPUS
PLACE = 64
BARRIER, DONE, REGION, PATIENCE, WORKERS = 128, 256, 384, 512, 520
ASLEEP, WAKE = 4, 16
RESIZER = 2

_LOOKS_BEFORE_YIELD = 1000
_FUTEX = {
    "x86_64": 202, "amd64": 202, "aarch64": 98, "arm64": 98, "riscv64": 98, "loongarch64": 98,
    "ppc64le": 221, "s390x": 238,
}  # fmt: skip


def futex_number() -> int | None:
    """Linux's number of the system call `futex` on this machine; `None` where there is none."""
    return _FUTEX.get(platform.machine().lower()) if sys.platform == "linux" else None


def _pause() -> tuple[str, str]:
    """Declaration and call of what tells the core that it spins."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64", "i386", "i686"):
        return "declare void @llvm.x86.sse2.pause()\n", "call void @llvm.x86.sse2.pause()"
    if machine in ("aarch64", "arm64"):  # an `isb` takes about as long as x86's pause
        return "declare void @llvm.aarch64.isb(i32)\n", "call void @llvm.aarch64.isb(i32 15)"
    return "", 'fence syncscope("singlethread") seq_cst'


def _yielding() -> tuple[str, str]:
    """Declaration and call of what lets other threads have the core."""
    name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    return f"declare i32 @{name}()\n", f"call i32 @{name}()"


def _until(name: str, pointer: str, target: str, before: str, after: str) -> str:
    """Blocks that spin from `before` until the `i64` at `pointer` is at least `target`.

    A thread that has waited long lets others run: there may be more threads than cores.
    """
    return f"""
{name}:
  %{name}.looks = phi i64 [ 0, %{before} ], [ %{name}.more, %{name}.on ]
  %{name}.now = load atomic i64, ptr {pointer} acquire, align 8
  %{name}.over = icmp sge i64 %{name}.now, {target}
  br i1 %{name}.over, label %{after}, label %{name}.wait
{name}.wait:
  {_pause()[1]}
  %{name}.more = add i64 %{name}.looks, 1
  %{name}.long = icmp ugt i64 %{name}.more, {_LOOKS_BEFORE_YIELD}
  br i1 %{name}.long, label %{name}.yield, label %{name}.on
{name}.yield:
  %{name}.y = {_yielding()[1]}
  br label %{name}.on
{name}.on:
  br label %{name}
"""


def barrier_function() -> str:
    """`void typedflux_barrier(ptr barrier, i64 threads)`, private to a module.

    The counter only grows while a region runs. A thread's ticket says which meeting it has come
    to, so no thread has a state of its own: nobody can come to the next before all came to this.
    """
    return f"""define internal void @typedflux_barrier(ptr %barrier, i64 %threads) noinline #0 {{
entry:
  %alone = icmp sle i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %ticket = atomicrmw add ptr %barrier, i64 1 acq_rel
  %meeting = udiv i64 %ticket, %threads
  %next = add i64 %meeting, 1
  %all = mul i64 %next, %threads
  br label %look
{_until("look", "%barrier", "%all", "arrive", "done")}
done:
  ret void
}}"""


def emit_barrier(f: Function, barrier: Value, threads: Value) -> None:
    """Wait, in a region, until all its threads are here. Nothing is done for one thread.

    All threads of the region must come to the same barriers in the same order, in loops and in
    called functions too. What a thread has written before, all threads read after.

    >>> from typedflux.compile.native.emitter import I64, PTR, Function, Module
    >>> module = Module()
    >>> names = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64)]
    >>> f = Function(module, "region", [*names, ("barrier", PTR)])
    >>> emit_barrier(f, f.parameters[4], f.parameters[3])
    >>> f.close()
    >>> "call void @typedflux_barrier(ptr %barrier, i64 %threads)" in module.text()
    True
    """
    module = f.module
    for declaration in (_pause()[0], _yielding()[0]):
        if declaration:
            module.declarations.add(declaration.strip())
    function = barrier_function()
    if function not in module.functions:
        module.functions.insert(0, function)
    f.line(f"call void @typedflux_barrier(ptr {barrier.text}, {I64} {threads.text})")


def program(*, kernel_sleep: bool = True) -> str:
    """The pool's module.

    - `typedflux_run(control, region, buffers, sizes, threads)` runs a region,
    - `typedflux_worker(control, index)` is a worker: returns 0 to end and 1 to sleep,
    - `typedflux_stop(control, index)` tells one to end,
    - `typedflux_take(control)` takes the pool if nobody has it (1), `typedflux_give` returns it,
    - `typedflux_wake(control, index)` wakes a worker that sleeps in the kernel.

    With `kernel_sleep`, workers sleep inside the function where the system can do it.
    """
    number = futex_number() if kernel_sleep else None
    futex = "declare i64 @syscall(i64, ...)\n" if number is not None else ""
    # FUTEX_WAKE_PRIVATE is 129, FUTEX_WAIT_PRIVATE 128.
    wake = (
        f"""
  %word = getelementptr i8, ptr %control, i64 %offset
  %r = call i64 (i64, ...) @syscall(i64 {number}, ptr %word, i32 129, i32 1)
  ret void"""
        if number is not None
        else "\n  ret void"
    )
    sleep = (
        f"""
  %r = call i64 (i64, ...) @syscall(i64 {number}, ptr %word, i32 128, i32 %seen, ptr null)
  store atomic i32 0, ptr %asleep monotonic, align 4
  br label %idle"""
        if number is not None
        else "\n  ret i32 1"
    )
    slot = f"""
  %times = mul i64 %index, {STRIDE}
  %offset = add i64 %times, {SLOTS}
  %word = getelementptr i8, ptr %control, i64 %offset"""
    module = Module()
    settled = emit_settle(module, marks=MARKS, slots=SLOTS, stride=STRIDE, place=PLACE)

    def settle(thread: str) -> str:
        arguments = f"ptr %control, i64 {thread}, i64 %threads, i64 %number"
        return f"\n  call void @typedflux_settle({arguments})" if settled else ""

    module.functions.append(f"""
{_pause()[0]}{_yielding()[0]}{futex}
define void @typedflux_run(ptr %control, ptr %region, ptr %buffers, ptr %sizes, i64 %wanted) #0 {{
entry:
  %barrier = getelementptr i8, ptr %control, i64 {BARRIER}
  %single = icmp sle i64 %wanted, 1
  br i1 %single, label %alone, label %take
take:
  %pair = cmpxchg ptr %control, i32 0, i32 1 acq_rel monotonic
  %taken = extractvalue {{ i32, i1 }} %pair, 1
  br i1 %taken, label %begin, label %alone
alone:
  call void %region(ptr %buffers, ptr %sizes, i64 0, i64 1, ptr null)
  ret void
begin:
  %done = getelementptr i8, ptr %control, i64 {DONE}
  %workers.p = getelementptr i8, ptr %control, i64 {WORKERS}
  %workers = load i64, ptr %workers.p, align 8
  %most = add i64 %workers, 1
  %threads = call i64 @llvm.smin.i64(i64 %wanted, i64 %most)
  %p0 = getelementptr i8, ptr %control, i64 {REGION}
  %p1 = getelementptr i8, ptr %control, i64 {REGION + 8}
  %p2 = getelementptr i8, ptr %control, i64 {REGION + 16}
  %p3 = getelementptr i8, ptr %control, i64 {REGION + 24}
  store ptr %region, ptr %p0, align 8
  store ptr %buffers, ptr %p1, align 8
  store ptr %sizes, ptr %p2, align 8
  store i64 %threads, ptr %p3, align 8
  %p4 = getelementptr i8, ptr %control, i64 {REGION + 32}
  %last = load i64, ptr %p4, align 8
  %number = add i64 %last, 1
  store i64 %number, ptr %p4, align 8
  store i64 0, ptr %barrier, align 8
  store i64 0, ptr %done, align 8
  %helped = icmp sgt i64 %threads, 1
  br i1 %helped, label %settle, label %work
settle:{settle("0")}
  br label %post
post:
  %i = phi i64 [ 1, %settle ], [ %i.next, %post ]
  call void @typedflux_post(ptr %control, i64 %i)
  %i.next = add i64 %i, 1
  %i.on = icmp slt i64 %i.next, %threads
  br i1 %i.on, label %post, label %posted
posted:
  fence seq_cst ; a worker that has not seen its word is seen to be asleep, or sees it now
  br label %ask
ask:
  %j = phi i64 [ 1, %posted ], [ %j.next, %asked ]
  %j.times = mul i64 %j, {STRIDE}
  %j.offset = add i64 %j.times, {SLOTS + ASLEEP}
  %asleep.p = getelementptr i8, ptr %control, i64 %j.offset
  %asleep = load atomic i32, ptr %asleep.p monotonic, align 4
  %sleeps = icmp ne i32 %asleep, 0
  br i1 %sleeps, label %rouse, label %asked
rouse:
  %wake.p = getelementptr i8, ptr %asleep.p, i64 {WAKE - ASLEEP}
  %wake = load ptr, ptr %wake.p, align 8
  call void %wake(ptr %control, i64 %j)
  br label %asked
asked:
  %j.next = add i64 %j, 1
  %j.on = icmp slt i64 %j.next, %threads
  br i1 %j.on, label %ask, label %work
work:
  call void %region(ptr %buffers, ptr %sizes, i64 0, i64 %threads, ptr %barrier)
  %others = sub i64 %threads, 1
  br label %join
{_until("join", "%done", "%others", "work", "end")}
end:
  store atomic i32 0, ptr %control release, align 4
  ret void
}}
define internal void @typedflux_post(ptr %control, i64 %index) #0 {{
entry:{slot}
  %old = load atomic i32, ptr %word monotonic, align 4
  %new = add i32 %old, 1
  store atomic i32 %new, ptr %word release, align 4
  ret void
}}
define i32 @typedflux_worker(ptr %control, i64 %index) #0 {{
entry:{slot}
  %asleep = getelementptr i8, ptr %word, i64 {ASLEEP}
  %seen.p = getelementptr i8, ptr %word, i64 8
  %ending = getelementptr i8, ptr %word, i64 12
  %p0 = getelementptr i8, ptr %control, i64 {REGION}
  %p1 = getelementptr i8, ptr %control, i64 {REGION + 8}
  %p2 = getelementptr i8, ptr %control, i64 {REGION + 16}
  %p3 = getelementptr i8, ptr %control, i64 {REGION + 24}
  %barrier = getelementptr i8, ptr %control, i64 {BARRIER}
  %done = getelementptr i8, ptr %control, i64 {DONE}
  %patience.p = getelementptr i8, ptr %control, i64 {PATIENCE}
  store atomic i32 0, ptr %asleep monotonic, align 4
  br label %idle
idle:
  %seen = load i32, ptr %seen.p, align 4
  %patience = load i64, ptr %patience.p, align 8
  br label %look
look:
  %looks = phi i64 [ 0, %idle ], [ %more, %share ], [ %more, %yield ]
  %now = load atomic i32, ptr %word acquire, align 4
  %changed = icmp ne i32 %now, %seen
  br i1 %changed, label %called, label %wait
wait:
  {_pause()[1]}
  %more = add i64 %looks, 1
  %long = icmp sgt i64 %more, %patience
  br i1 %long, label %lie, label %share
share: ; after a while, let threads that have work have the core now and then
  %some = icmp ugt i64 %more, {_LOOKS_BEFORE_YIELD}
  %part = and i64 %more, 15
  %turn = icmp eq i64 %part, 0
  %let = and i1 %some, %turn
  br i1 %let, label %yield, label %look
yield:
  %y = {_yielding()[1]}
  br label %look
lie:
  store atomic i32 1, ptr %asleep monotonic, align 4
  fence seq_cst
  %last = load atomic i32, ptr %word acquire, align 4
  %late = icmp ne i32 %last, %seen
  br i1 %late, label %up, label %sleep
up:
  store atomic i32 0, ptr %asleep monotonic, align 4
  br label %called
sleep:{sleep}
called:
  %seen.next = add i32 %seen, 1
  store i32 %seen.next, ptr %seen.p, align 4
  %end = load atomic i32, ptr %ending monotonic, align 4
  %ends = icmp ne i32 %end, 0
  br i1 %ends, label %leave, label %work
work:
  %region = load ptr, ptr %p0, align 8
  %buffers = load ptr, ptr %p1, align 8
  %sizes = load ptr, ptr %p2, align 8
  %threads = load i64, ptr %p3, align 8
  %p4 = getelementptr i8, ptr %control, i64 {REGION + 32}
  %number = load i64, ptr %p4, align 8{settle("%index")}
  call void %region(ptr %buffers, ptr %sizes, i64 %index, i64 %threads, ptr %barrier)
  %o = atomicrmw add ptr %done, i64 1 acq_rel
  br label %idle
leave:
  ret i32 0
}}
define void @typedflux_stop(ptr %control, i64 %index) #0 {{
entry:{slot}
  %ending = getelementptr i8, ptr %word, i64 12
  store atomic i32 1, ptr %ending monotonic, align 4
  call void @typedflux_post(ptr %control, i64 %index)
  %wake.p = getelementptr i8, ptr %word, i64 {WAKE}
  %wake = load ptr, ptr %wake.p, align 8
  call void %wake(ptr %control, i64 %index)
  ret void
}}
define i32 @typedflux_take(ptr %control) #0 {{
entry:
  %pair = cmpxchg ptr %control, i32 0, i32 {RESIZER} acq_rel monotonic
  %taken = extractvalue {{ i32, i1 }} %pair, 1
  %one = zext i1 %taken to i32
  ret i32 %one
}}
define void @typedflux_give(ptr %control) #0 {{
entry:
  store atomic i32 0, ptr %control release, align 4
  ret void
}}
define void @typedflux_wake(ptr %control, i64 %index) #0 {{
entry:
  %times = mul i64 %index, {STRIDE}
  %offset = add i64 %times, {SLOTS}{wake}
}}
define void @typedflux_spin(i64 %count) #0 {{
entry:
  br label %look
look:
  %i = phi i64 [ 0, %entry ], [ %i.next, %look ]
  {_pause()[1]}
  %i.next = add i64 %i, 1
  %on = icmp slt i64 %i.next, %count
  br i1 %on, label %look, label %end
end:
  ret void
}}
declare i64 @llvm.smin.i64(i64, i64)
""")
    return module.text()
