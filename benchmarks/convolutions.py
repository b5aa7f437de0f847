"""Times generated convolutions and their gradients beside PyTorch's, channels last.

Blocks of both run in turn, in separate processes, and a ratio is taken of neighbouring blocks,
since a core's speed drifts on shared machines. Run as `python -m benchmarks.convolutions`.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

Step = Callable[[], None]

SHAPES: dict[str, tuple[int, int, int, int, int, int, int, int]] = {
    # batch, in, out, side, kernel, padding, stride, groups
    "3x3 32-32 32": (16, 32, 32, 32, 3, 1, 1, 1),
    "3x3 32-64 16": (16, 32, 64, 16, 3, 1, 1, 1),
    "3x3 64-64 16": (16, 64, 64, 16, 3, 1, 1, 1),
    "3x3 64-128 8": (16, 64, 128, 8, 3, 1, 1, 1),
    "3x3 128-128 8": (16, 128, 128, 8, 3, 1, 1, 1),
    "5x5 1-6 28": (128, 1, 6, 28, 5, 2, 1, 1),
    "5x5 6-16 14": (128, 6, 16, 14, 5, 0, 1, 1),
    "3x3 3-32 32": (16, 3, 32, 32, 3, 1, 1, 1),
    "3x3/2 64-128 16": (16, 64, 128, 16, 3, 1, 2, 1),
    "3x3 512-512 4": (16, 512, 512, 4, 3, 1, 1, 1),
    "1x1 64-128 16": (16, 64, 128, 16, 1, 0, 1, 1),
    "depthwise 64 16": (16, 64, 64, 16, 3, 1, 1, 64),
}
OPERATIONS = ("forward", "input gradient", "weight gradient")
BLOCK_SECONDS = 0.06


def flops(name: str) -> float:
    """Of one operation, products with the padding's zeros counted."""
    batch, inner, outer, side, kernel, padding, stride, groups = SHAPES[name]
    out = (side + 2 * padding - kernel) // stride + 1
    return 2.0 * batch * outer * (inner // groups) * kernel**2 * out**2


def own_step(name: str, operation: str, threads: int) -> Step:
    """Our operation on `threads` threads."""
    from tests.compile.staged import channels_last, store_vector, strides
    from typedflux.compile.native import convolutions as generated
    from typedflux.compile.native import pool
    from typedflux.compile.native.emitter import I64, PTR, Function, Module
    from typedflux.compile.native.engine import Compiled
    from typedflux.compile.native.machine import host

    batch, inner, outer, side, kernel, padding, stride, groups = SHAPES[name]
    c = generated.Convolution(
        "float", batch, groups, inner, outer, (side, side), (kernel, kernel), (stride, stride),
        ((padding, padding),) * 2, (1, 1),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x = channels_last(rng.standard_normal((batch, inner, side, side)).astype(np.float32))
    w = rng.standard_normal((outer, inner // groups, kernel, kernel)).astype(np.float32)
    y = channels_last(rng.standard_normal((batch, outer, *c.out_size)).astype(np.float32))
    makers = {
        "forward": (generated.plan_forward, x, w, y),
        "input gradient": (generated.plan_input_gradient, y, w, x),
        "weight gradient": (generated.plan_weight_gradient, x, y, w),
    }
    maker, first, second, out = makers[operation]
    c = replace(c, first=strides(first), second=strides(second))
    plan = maker(c, host())
    places = strides(out)
    if operation == "weight gradient":  # as the compiler lays them out
        places = (1, outer, inner // groups * outer * kernel, inner // groups * outer)
    module = Module()
    names = [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64), ("barrier", PTR)]
    f = Function(module, "region", names)
    buffers, _, thread, count, barrier = f.parameters
    a, b, o, scratch = (f.load(PTR, f.at(buffers, i, I64)) for i in range(4))

    def epilogue(f: Any, index: Any, value: Any, mask: Any) -> None:
        place = f.sum_of(*zip(index, places, strict=True))
        store_vector(f, value, o, place, places[plan.vector_axis], mask)

    images = generated.Image(a, strides(first)), generated.Image(b, strides(second))
    for stage in range(plan.stages):
        if stage:
            pool.emit_barrier(f, barrier, count)
        plan.emit(stage, f, batch, *images, scratch, thread, count, epilogue)
    f.close()
    start = time.perf_counter()
    compiled = Compiled(module.text(host().vector_bits), host())
    if os.environ.get("SHOW"):
        print(name, operation, plan, f"{time.perf_counter() - start:.3f} s", file=sys.stderr)
    memory = np.zeros(plan.scratch_bytes(batch, threads) + 64, np.uint8)
    addresses = [v.ctypes.data for v in (first, second, out, memory)]
    addresses[3] += -addresses[3] % 64
    table = (ctypes.c_int64 * 4)(*addresses)
    region = compiled.address("region")
    owners = (first, second, out, memory, compiled)

    def step() -> None:
        assert owners  # they live as long as this function
        pool.run(region, ctypes.addressof(table), 0, threads)

    return step


def peer_step(name: str, operation: str, threads: int) -> Step:
    """PyTorch's operation, channels last."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(threads)
    batch, inner, outer, side, kernel, padding, stride, groups = SHAPES[name]
    layout = torch.channels_last
    x = torch.randn(batch, inner, side, side).to(memory_format=layout)
    w = torch.randn(outer, inner // groups, kernel, kernel).to(memory_format=layout)
    sides = [stride, stride], [padding, padding], [1, 1]
    y = torch.ops.aten.convolution(x, w, None, *sides, False, [0, 0], groups)
    dy = torch.randn(y.shape).to(memory_format=layout)
    if operation == "forward":

        def forward() -> None:
            with torch.no_grad():
                torch.ops.aten.convolution(x, w, None, *sides, False, [0, 0], groups)

        return forward
    mask = [operation == "input gradient", operation == "weight gradient", False]

    def backward() -> None:
        torch.ops.aten.convolution_backward(dy, x, w, None, *sides, False, [0, 0], groups, mask)

    return backward


def serve(kind: str, threads: int) -> None:
    """Answer each line `shape;operation` with the least seconds of a call in one block."""
    steps: dict[str, Step] = {}
    make = own_step if kind == "own" else peer_step
    for line in sys.stdin:
        key = line.strip()
        if key not in steps:
            name, operation = key.split(";")
            steps[key] = make(name, operation, threads)
            steps[key]()
        least, end = float("inf"), time.perf_counter() + BLOCK_SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            steps[key]()
            least = min(least, time.perf_counter() - start)
        print(least, flush=True)


class Worker:
    """A process that times one of the two."""

    def __init__(self, kind: str, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.convolutions", "--serve", kind]
        self.process = subprocess.Popen(
            [*command, "--threads", str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        )  # fmt: skip

    def time(self, key: str) -> float:
        """One block."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(key, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.convolutions", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a shape's name")
    parser.add_argument("--operation", default="", help="part of an operation's name")
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.threads)
        return
    workers = Worker("own", given.threads), Worker("peer", given.threads)
    print(f"{given.threads} threads; GFLOP/s own, PyTorch channels last, ratio of their speeds")
    for name in SHAPES:
        if given.only not in name:
            continue
        cells = []
        for operation in OPERATIONS:
            if given.operation not in operation:
                continue
            key = f"{name};{operation}"
            pairs = [(workers[0].time(key), workers[1].time(key)) for _ in range(given.rounds)]
            ratio = statistics.median(b / a for a, b in pairs)
            own, peer = (flops(name) / min(v) / 1e9 for v in zip(*pairs, strict=True))
            cells.append(f"{operation}: {own:6.1f} {peer:6.1f} {ratio:5.2f}")
        print(f"{name:<18}" + "   ".join(cells), flush=True)
    for worker in workers:
        worker.process.stdin and worker.process.stdin.close()


if __name__ == "__main__":
    main()
