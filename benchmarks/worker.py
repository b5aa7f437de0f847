"""One framework in a process of its own: times blocks of steps when asked to.

Reads a workload's name per line from standard input and answers with a line of JSON: seconds per
step in one block, and the process's peak memory above what it held before the first step.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from benchmarks.workloads import FRAMEWORKS

BLOCK_SECONDS = 0.25


def main() -> None:
    steps = FRAMEWORKS[sys.argv[1]]()
    counts: dict[str, int] = {}
    for line in sys.stdin:
        name = line.strip()
        step = steps[name]
        before = peak_memory()
        if name not in counts:
            step()
            start = time.perf_counter()
            repeats = 0
            while time.perf_counter() - start < BLOCK_SECONDS:
                step()
                repeats += 1
            counts[name] = max(repeats, 1)
        start = time.perf_counter()
        for _ in range(counts[name]):
            step()
        seconds = (time.perf_counter() - start) / counts[name]
        print(json.dumps({"seconds": seconds, "memory": peak_memory() - before}), flush=True)


def peak_memory() -> int:
    """Peak resident memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
