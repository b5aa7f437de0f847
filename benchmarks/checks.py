"""What run-time checks cost, beside jaxtyping with beartype: `python -m benchmarks.checks`.

Everything is measured in one run, in turns, so that both sides meet the same machine. The function
is `f(x: Float32[A, "batch d"], y: Float32[A, "batch k"]) -> Float32[A, "batch d"]`, called on 64
pairs of arrays of different shapes in turn, with calls that fail in between (they are not part of
the time). Overhead is the time of a call less that of the same function without checks.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import itertools
import json
import pathlib
import platform
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import jaxtyping
import numpy as np
from beartype import beartype
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, nn

Make = Callable[[int, int], Any]
PAIRS = 64
LIMITS = {"Tensor": 1.5, "numpy": 1.5, "torch": 3.0}
"""What is aimed at, in microseconds."""


def libraries() -> dict[str, tuple[Any, Make]]:
    """The array type of each library that is installed, and how to make an array of its."""

    def tensor(a: int, b: int) -> Any:
        return flux.zeros((a, b))

    def array(a: int, b: int) -> Any:
        return np.zeros((a, b), np.float32)

    found: dict[str, tuple[Any, Make]] = {"Tensor": (Tensor, tensor), "numpy": (np.ndarray, array)}
    if importlib.util.find_spec("torch"):
        torch: Any = importlib.import_module("torch")
        found["torch"] = (torch.Tensor, lambda a, b: torch.zeros((a, b)))
    if importlib.util.find_spec("jax"):
        jax: Any = importlib.import_module("jax")
        found["jax"] = (jax.Array, lambda a, b: jax.numpy.zeros((a, b)))
    return found


def two_arguments(kind: Any) -> Any:
    """A fresh function of two arrays."""

    def f(x: Any, y: Any) -> Any:
        return x

    f.__annotations__ = {
        "x": Float32[kind, "batch d"], "y": Float32[kind, "batch k"],
        "return": Float32[kind, "batch d"],
    }  # fmt: skip
    return f


def timed(function: Any, pairs: list[tuple[Any, Any]]) -> float:
    """Seconds per call over all pairs."""
    start = time.perf_counter()
    for x, y in pairs:
        function(x, y)
    return (time.perf_counter() - start) / len(pairs)


def fail(function: Any, x: Any, y: Any) -> float:
    """Seconds of one call that must fail."""
    start = time.perf_counter()
    try:
        function(x, y)
    except jaxtyping.TypeCheckError:
        return time.perf_counter() - start
    raise AssertionError("a wrong call was accepted")


def overheads(rounds: int) -> list[dict[str, Any]]:
    """The overhead of one call by library, in microseconds."""
    rows = []
    for name, (kind, make) in libraries().items():
        pairs = [(make(1 + i % 8, 2 + i), make(1 + i % 8, 3 + i // 2)) for i in range(PAIRS)]
        wrong = [(make(2, 3), make(3, 3)), (make(2, 3), 1.0), ("x", make(2, 3))]
        sides = {
            "plain": two_arguments(kind),
            "typedflux": flux.typed(two_arguments(kind)),
            "jaxtyping": jaxtyping.jaxtyped(typechecker=beartype)(two_arguments(kind)),
        }
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        failing: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(rounds):
            for side, function in sides.items():
                if side != "jaxtyping" or turn % 8 == 0:
                    seconds[side].append(timed(function, pairs))
                    if side != "plain":
                        failing[side].append(fail(function, *wrong[turn % len(wrong)]))
        best = {side: 1e6 * min(times) for side, times in seconds.items()}
        middle = {side: 1e6 * statistics.median(times) for side, times in seconds.items()}
        rows.append({
            "library": name,
            "typedflux_us": best["typedflux"] - best["plain"],
            "typedflux_median_us": middle["typedflux"] - middle["plain"],
            "jaxtyping_us": best["jaxtyping"] - best["plain"],
            "jaxtyping_median_us": middle["jaxtyping"] - middle["plain"],
            "failing_us": 1e6 * statistics.median(failing["typedflux"]),
            "failing_jaxtyping_us": 1e6 * statistics.median(failing["jaxtyping"]),
            "limit_us": LIMITS.get(name),
        })  # fmt: skip
    return rows


def perceptron(rounds: int, widths: tuple[int, ...]) -> dict[str, Any]:
    """A forward pass at batch 8 with the layers' checks on and off, in turns."""
    layers = [nn.Dense(a, b, flux.relu) for a, b in itertools.pairwise(widths[:-1])] + [
        nn.Dense(*widths[-2:])
    ]
    model: Any = nn.Chain(*layers)
    x = flux.randn((8, widths[0]))
    classes: list[Any] = [nn.Dense, nn.Chain]
    checked = [cls.__call__ for cls in classes]
    plain = [getattr(f, "__wrapped__", f) for f in checked]
    assert checked[0] is not plain[0], "layers are checked unless TYPEDFLUX_CHECKS=off"
    times: dict[str, list[float]] = {"on": [], "off": []}
    for turn in range(rounds):
        order = ("on", "off") if turn % 2 else ("off", "on")
        for side in order:
            for cls, call in zip(classes, checked if side == "on" else plain, strict=True):
                cls.__call__ = call
            model(x)
            start = time.perf_counter()
            for _ in range(20):
                model(x)
            times[side].append((time.perf_counter() - start) / 20)
    for cls, call in zip(classes, checked, strict=True):
        cls.__call__ = call
    return {
        "widths": "-".join(map(str, widths)),
        "on_us": 1e6 * statistics.median(times["on"]),
        "off_us": 1e6 * statistics.median(times["off"]),
        "ratio": statistics.median(
            a / b for a, b in zip(times["on"], times["off"], strict=True)
        ),
        "ratio_of_best": min(times["on"]) / min(times["off"]),
    }  # fmt: skip


def decorating(count: int) -> dict[str, float]:
    """Seconds for decorating functions, and for that with their first calls."""
    x, y = np.zeros((2, 3), np.float32), np.zeros((2, 5), np.float32)
    seconds = {}
    for side, decorate in (
        ("typedflux", flux.typed),
        ("jaxtyping", jaxtyping.jaxtyped(typechecker=beartype)),
    ):
        functions = [two_arguments(np.ndarray) for _ in range(count)]
        start = time.perf_counter()
        decorated: list[Any] = [decorate(f) for f in functions]
        seconds[f"{side}_s"] = time.perf_counter() - start
        for function in decorated:
            function(x, y)
        seconds[f"{side}_with_first_calls_s"] = time.perf_counter() - start
    return seconds


def resident() -> int:
    """Bytes of memory in use by the process."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def memory(calls: int) -> dict[str, float]:
    """Growth of memory over many calls, one in a hundred of which fails, in kilobytes."""
    function = flux.typed(two_arguments(np.ndarray))
    arrays = [np.zeros((1 + i % 7, 1 + i % 11), np.float32) for i in range(PAIRS)]
    wrong = np.zeros((99, 1), np.float32)

    def run(count: int) -> None:
        for i in range(count):
            x = arrays[i % PAIRS]
            if i % 100 == 0:
                fail(function, x, wrong)
            else:
                function(x, x)

    run(20_000)
    gc.collect()
    before = resident()
    run(calls)
    gc.collect()
    return {"calls": calls, "growth_kb": (resident() - before) / 1024}


def threads(count: int, calls: int) -> dict[str, int]:
    """Wrong verdicts among calls from many threads at once, each with sizes of its own."""
    function = flux.typed(two_arguments(np.ndarray))
    wrong: list[str] = []

    def work(n: int) -> None:
        good, bad = np.zeros((n, 2), np.float32), np.zeros((n + 1, 2), np.float32)
        for _ in range(calls):
            function(good, good)
            try:
                function(good, bad)
            except flux.ShapeError:
                continue
            wrong.append("accepted")

    workers = [threading.Thread(target=work, args=(n,)) for n in range(1, count + 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"threads": count, "calls": 2 * count * calls, "wrong": len(wrong)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="passes over the 64 pairs")
    parser.add_argument("--calls", type=int, default=1_000_000, help="calls for the memory test")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": platform.processor() or platform.machine()}
    results["overhead"] = overheads(arguments.rounds)
    results["perceptron"] = [
        perceptron(max(arguments.rounds // 10, 10), widths)
        for widths in ((784, 512, 256, 128, 64, 10), (32, 32, 32, 32, 32, 32))
    ]
    results["decorating_1000"] = decorating(1000)
    results["memory"] = memory(arguments.calls)
    results["threads"] = threads(8, 2000)
    print(f"{'overhead of one call':<24}{'typedflux':>12}{'median':>10}{'jaxtyping':>12}{'aim':>8}")
    for row in results["overhead"]:
        aim = "" if row["limit_us"] is None else f"{row['limit_us']:.1f} us"
        print(
            f"  {row['library']:<22}{row['typedflux_us']:>9.2f} us"
            f"{row['typedflux_median_us']:>7.2f} us{row['jaxtyping_us']:>9.2f} us{aim:>8}"
        )
        print(
            f"    a call that fails: {row['failing_us']:.0f} us, with jaxtyping "
            f"{row['failing_jaxtyping_us']:.0f} us"
        )
    for row in results["perceptron"]:
        print(
            f"perceptron {row['widths']}, batch 8: {row['off_us']:.1f} us without checks, "
            f"{row['on_us']:.1f} us with, {row['ratio']:.3f} times (best runs "
            f"{row['ratio_of_best']:.3f})"
        )
    for key in ("decorating_1000", "memory", "threads"):
        print(f"{key}: " + ", ".join(f"{k} {v:.4g}" for k, v in results[key].items()))
    target = pathlib.Path(__file__).parent / "results"
    target.mkdir(exist_ok=True)
    (target / "checks.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
