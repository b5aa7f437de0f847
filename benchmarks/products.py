"""Matrix products: generated code against NumPy's BLAS and PyTorch.

`python -m benchmarks.products [--threads 2] [--only TEXT] [--rounds 7] [--bits 256]`

Each side has a process of its own, which sleeps while another measures; blocks of calls alternate,
and the ratios are medians over pairs of blocks that follow each other. One thread is measured in
time on the processor, which another program's turns do not count in; `--least` reports the fastest
blocks, for machines with much else to do. Layouts: NN is `x @ w`, NT
`x @ w.T` of a row-major `w`, TN `x.T @ y`. Peers' times include a microsecond or so of their call.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

BLOCK = 0.004  # seconds of one block


@dataclass(frozen=True, slots=True)
class Row:
    """A product to measure: `c[m, n]` from sums of length k, in a layout, perhaps many of them."""

    m: int
    k: int
    n: int
    layout: str = "NN"
    batch: int = 0

    def __str__(self) -> str:
        lead = f"{self.batch} x " if self.batch else ""
        return f"{lead}{self.m}x{self.k}x{self.n} {self.layout}"

    @property
    def operations(self) -> float:
        """Multiplications and additions."""
        return 2.0 * self.m * self.k * self.n * max(1, self.batch)

    def arrays(self) -> tuple[Any, Any, Any]:
        """Operands and a place for the result."""
        random = np.random.default_rng(0)
        lead = (self.batch,) if self.batch else ()

        def make(rows: int, columns: int, transposed: bool) -> Any:
            shape = (columns, rows) if transposed else (rows, columns)
            x = random.standard_normal((*lead, *shape), dtype=np.float32)
            return x.swapaxes(-1, -2) if transposed else x

        a = make(self.m, self.k, self.layout[0] == "T")
        b = make(self.k, self.n, self.layout[1] == "T")
        return a, b, np.zeros((*lead, self.m, self.n), np.float32)


def _linear(batch: int, inputs: int, outputs: int) -> list[Row]:
    """A linear layer in training: forward, gradient of the input, of the weight."""
    return [
        Row(batch, inputs, outputs, "NT"),
        Row(batch, outputs, inputs, "NN"),
        Row(outputs, batch, inputs, "TN"),
    ]


ROWS = [
    *(row for batch in (1, 8, 128, 1024) for row in _linear(batch, 784, 512)),
    *(row for batch in (8, 128) for row in _linear(batch, 512, 256)),
    *(row for batch in (8, 128) for row in _linear(batch, 256, 10)),
    *_linear(1024, 128, 384),
    *_linear(1024, 128, 512),
    *_linear(1024, 512, 128),
    *_linear(1024, 128, 128),
    Row(8, 784, 512),
    Row(128, 784, 512),
    Row(128, 512, 256),
    Row(1024, 784, 512),
    Row(32, 288, 1024),
    Row(64, 576, 256),
    Row(128, 1152, 64),
    Row(512, 512, 512),
    Row(64, 32, 64, "NT", 64),
    Row(64, 64, 32, "NN", 64),
    Row(64, 64, 32, "TN", 64),
]


Runner = Callable[[int], None]


def _ours(row: Row, threads: int) -> tuple[Runner, Any, Any]:
    from typedflux.compile.native.emitter import (
        I64,
        PTR,
        Function,
        Index,
        Module,
        Type,
        Value,
    )
    from typedflux.compile.native.engine import Compiled
    from typedflux.compile.native.machine import host
    from typedflux.compile.native.pool import run as run_region
    from typedflux.compile.native.pool_program import emit_barrier
    from typedflux.compile.native.products import Operand, ProductShape, plan_product

    a, b, c = row.arrays()
    left, right = ((x.strides[-2] // 4, x.strides[-1] // 4) for x in (a, b))
    shape = ProductShape("float", row.m, row.n, row.k, left, right, row.batch > 0)
    plan = plan_product(shape, host())
    module = Module()
    names = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64), ("barrier", PTR)]
    f = Function(module, "repeat", names)
    buffers, sizes, thread, number, barrier = f.parameters
    pa, pb, pc, scratch = (f.load(PTR, f.at(buffers, i, I64)) for i in range(4))
    times = f.load(I64, sizes)
    element: list[Index] = [0]
    scalar = Type("float")

    def place(f: Function, i: Value) -> tuple[Operand, Operand]:
        element[0] = i
        return (
            Operand(f.at(pa, f.times(i, row.m * row.k), scalar), *left),
            Operand(f.at(pb, f.times(i, row.k * row.n), scalar), *right),
        )

    def store(f: Function, i: Index, j: Index, vector: Value, mask: Value | None) -> None:
        at = f.sum_of((element[0], row.m * row.n), (i, row.n), (j, 1))
        if mask is None:
            f.store(vector, pc, at)
        else:
            f.store_some(vector, pc, at, mask)

    with f.loop(0, times):
        for stage in range(plan.stages):
            plan.emit(
                stage,
                f,
                row.m,
                row.n,
                row.k,
                Operand(pa, *left),
                Operand(pb, *right),
                scratch,
                thread,
                number,
                store,
                row.batch or 1,
                place if row.batch else None,
            )
            emit_barrier(f, barrier, number)
    f.close()
    text = module.text(host().vector_bits)
    start = time.perf_counter()
    compiled = Compiled(text)
    took = time.perf_counter() - start
    address = compiled.address("repeat")
    room = np.zeros(plan.scratch_bytes(row.m, row.n, row.k, threads) + 64, np.uint8)
    pointers = [x.ctypes.data for x in (a, b, c, room)]
    pointers[3] += -pointers[3] % 64
    table = (ctypes.c_int64 * 4)(*pointers)
    count = (ctypes.c_int64 * 1)(1)

    def run(times: int) -> None:
        count[0] = times
        run_region(address, ctypes.addressof(table), ctypes.addressof(count), threads)

    run.keep = (a, b, room, compiled)  # type: ignore[attr-defined]
    return run, c, f"{took * 1e3:.0f} ms"


def _numpy(row: Row, threads: int) -> tuple[Runner, Any, Any]:
    a, b, c = row.arrays()

    def run(times: int) -> None:
        for _ in range(times):
            np.matmul(a, b, out=c)

    return run, c, ""


def _torch(row: Row, threads: int) -> tuple[Runner, Any, Any]:
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(threads)
    a, b, c = (torch.from_numpy(x) for x in row.arrays())
    product = torch.bmm if row.batch else torch.mm

    def run(times: int) -> None:
        for _ in range(times):
            product(a, b, out=c)

    return run, c.numpy(), ""


SIDES = {"typedflux": _ours, "numpy": _numpy, "torch": _torch}


def serve(side: str, threads: int, connection: Connection) -> None:
    """A side's process: measures a block of a row whenever asked for one."""
    row: Row | None = None
    run: Runner = lambda times: None  # noqa: E731
    times = 1
    clock = time.process_time if threads == 1 else time.perf_counter
    while True:
        asked = connection.recv()
        if asked is None:
            return
        if asked != row:
            row = asked
            run, result, note = SIDES[side](row, threads)
            run(1)
            a, b, _ = row.arrays()
            error = float(np.abs(result - a.astype(float) @ b.astype(float)).max())
            assert error < 1e-3 * row.k**0.5, (side, str(row), error)
            times, once = 1, 0.0
            while once < BLOCK:
                times *= 2
                start = time.perf_counter()
                run(times)
                once = time.perf_counter() - start
            connection.send(note)
            continue
        start = clock()
        run(times)
        connection.send((clock() - start) / times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bits", default="", help="vector width of the generated code")
    parser.add_argument("--sides", default="typedflux,numpy,torch")
    parser.add_argument("--least", action="store_true", help="fastest blocks, not medians")
    options = parser.parse_args()
    typical = min if options.least else statistics.median
    sides = options.sides.split(",")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    if options.bits:
        os.environ["TYPEDFLUX_VECTOR_BITS"] = options.bits
    context = multiprocessing.get_context("spawn")
    workers = {}
    for side in sides:
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(side, options.threads, there), daemon=True)
        process.start()
        workers[side] = here

    def ask(side: str, row: Row | None) -> Any:
        workers[side].send(row)
        return None if row is None else workers[side].recv()

    heads = [f"{side:>10}" for side in sides] + [f"/{side:>7}" for side in sides[1:]]
    print(f"{'GFLOP/s, ' + str(options.threads) + ' thread(s)':26}", *heads, " compiled in")
    ratios: dict[str, list[float]] = {side: [] for side in sides[1:]}
    for row in ROWS:
        if options.only not in str(row):
            continue
        notes = [ask(side, row) for side in sides]
        times: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side in sides:
                times[side].append(ask(side, row))
        shown = [f"{row.operations / 1e9 / typical(times[s]):10.1f}" for s in sides]
        for side in sides[1:]:
            pairs = zip(times[side], times[sides[0]], strict=True)
            ratio = statistics.median(theirs / ours for theirs, ours in pairs)
            if options.least:
                ratio = min(times[side]) / min(times[sides[0]])
            ratios[side].append(ratio)
            shown.append(f"{ratios[side][-1]:8.2f}")
        print(f"{row!s:26}", *shown, " ", notes[0], flush=True)
    for side, values in ratios.items():
        if values:
            print(f"geometric mean against {side}: {statistics.geometric_mean(values):.2f}")
    for side in sides:
        ask(side, None)


if __name__ == "__main__":
    main()
