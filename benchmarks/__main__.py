"""Times typedflux beside PyTorch: blocks of steps in turn, in separate processes.

A core's speed drifts on shared machines, so a ratio is taken of neighbouring blocks, and the median
of those ratios is reported. Writes `benchmarks/results/eager.json` too.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
from typing import Any

WORKLOADS = {
    "add two 8x8 tensors": 1.5,
    "gradient, perceptron 784-512-256-10, batch 8": 1.3,
    "gradient, perceptron 784-512-256-10, batch 128": 1.3,
    "gradient, LeNet 28x28, batch 128": 2.0,
}
"""Each workload with the ratio to PyTorch that it should not exceed."""


class Worker:
    """A process that times one framework."""

    def __init__(self, framework: str, threads: int) -> None:
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", framework],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def time(self, workload: str) -> dict[str, float]:
        """One block of steps."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(workload, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker ended during {workload!r}")
        result: dict[str, float] = json.loads(answer)
        return result

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(workload: str, rounds: int, threads: int) -> dict[str, Any]:
    """Alternate blocks of both frameworks in fresh processes."""
    ours, theirs = Worker("typedflux", threads), Worker("torch", threads)
    try:
        first = ours.time(workload), theirs.time(workload)
        pairs = [(ours.time(workload), theirs.time(workload)) for _ in range(rounds)]
    finally:
        ours.close()
        theirs.close()
    ratios = [a["seconds"] / b["seconds"] for a, b in pairs]
    return {
        "workload": workload,
        "typedflux_us": 1e6 * statistics.median(a["seconds"] for a, _ in pairs),
        "torch_us": 1e6 * statistics.median(b["seconds"] for _, b in pairs),
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "typedflux_memory_mb": first[0]["memory"] / 2**20,
        "torch_memory_mb": first[1]["memory"] / 2**20,
        "target": WORKLOADS[workload],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="pairs of blocks (default 11)")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument(
        "--threads", type=int, default=2,
        help="threads of each framework (default 2); 1 is steadier on a busy machine",
    )  # fmt: skip
    arguments = parser.parse_args()
    rows = [
        measure(w, arguments.rounds, arguments.threads) for w in WORKLOADS if arguments.only in w
    ]
    print(
        f"{platform.processor() or platform.machine()}, {arguments.threads} threads, eager, float32"
    )
    print(
        f"{'workload':<50}{'typedflux':>12}{'torch':>12}{'ratio':>8}{'range':>14}{'memory MB':>14}"
    )
    for r in rows:
        span = f"{r['ratio_low']:.2f}-{r['ratio_high']:.2f}"
        memory = f"{r['typedflux_memory_mb']:.0f} / {r['torch_memory_mb']:.0f}"
        print(
            f"{r['workload']:<50}{r['typedflux_us']:>9.1f} us{r['torch_us']:>9.1f} us"
            f"{r['ratio']:>8.2f}{span:>14}{memory:>14}"
        )
    target = pathlib.Path(__file__).parent / "results"
    target.mkdir(exist_ok=True)
    (target / "eager.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
