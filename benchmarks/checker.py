"""What the static checker costs: mypy with and without the plugin on code without tensors.

Checks mypy's own sources without a cache, in alternating runs, and compares the user seconds; the
output must be the same to the byte. Then the same sources beside a program with tensors, when the
plugin's hooks are awake, and this repository, cold and warm.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

TARGET = 1.3
"""The plugin's run takes at most so many times the time of plain mypy."""

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLAIN = f"[mypy]\nmypy_path = {ROOT}\n"
PLUGIN = PLAIN + "plugins = typedflux.mypy_plugin\n"
SOURCES = ("--exclude", "/typeshed/", "-p", "mypy")
TENSORS = """
from jaxtyping import Float32
from typedflux import Tensor

def double(x: Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 784"]:
    return x + x
"""


def check(folder: pathlib.Path, configuration: str, *targets: str) -> tuple[float, str]:
    """User seconds and output of one run of mypy without a cache."""
    (folder / "mypy.ini").write_text(configuration)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, *targets],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, done.stdout


def compare(folder: pathlib.Path, name: str, rounds: int, *targets: str) -> dict[str, object]:
    """Alternate runs without and with the plugin; the ratio of the medians of their times."""
    _, output = check(folder, PLAIN, *targets)  # the files come from the disk once
    if "source files)" not in output:
        raise SystemExit(f"mypy could not check {name}: {output[-1000:]}")
    plain: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        seconds, expected = check(folder, PLAIN, *targets)
        plain.append(seconds)
        seconds, output = check(folder, PLUGIN, *targets)
        ours.append(seconds)
        if output != expected:
            raise SystemExit(f"{name}: the plugin changes the output:\n{expected}\n---\n{output}")
    a, b = statistics.median(plain), statistics.median(ours)
    print(f"{name:<44}{a:>7.2f} s{b:>9.2f} s{b / a:>8.2f}", flush=True)
    return {"name": name, "plain": plain, "plugin": ours, "ratio": b / a, "output": expected}


def own(folder: pathlib.Path) -> dict[str, float]:
    """Seconds for this repository, from an empty cache and again."""
    found = {}
    for name in ("cold", "warm"):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "cache")],
            cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 2:
            raise SystemExit(done.stdout)
        found[name] = time.perf_counter() - start
        print(f"this repository, {name} cache: {found[name]:.1f} s")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checker", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs (default 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "tensors.py").write_text(TENSORS)
        print(f"{'user seconds':<44}{'mypy':>9}{'plugin':>11}{'ratio':>8}")
        rows = [
            compare(folder, "mypy's own sources", arguments.rounds, *SOURCES),
            compare(
                folder, "with a program with tensors", arguments.rounds, *SOURCES, "-p", "tensors"
            ),
        ]
        print(f"(target for the first {TARGET}; the second proves the package itself too)")
        times = own(folder)
    target = pathlib.Path(__file__).parent / "results"
    target.mkdir(exist_ok=True)
    (target / "checker.json").write_text(json.dumps([*rows, times], indent=1) + "\n")


if __name__ == "__main__":
    main()
