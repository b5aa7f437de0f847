"""One framework in a process of its own, told what to do over a pipe.

Reads a line of JSON per command from standard input, answers with a line of JSON:
`{"build": workload, "weights": path}`, `{"losses": steps}`, `{"run": steps}`, `{"memory": steps}`,
`{"bound": true}` (typedflux only).
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from typing import Any

import numpy as np

from benchmarks.training.workloads import WORKLOADS

LIBRARY = {"typedflux": "typedflux", "jax": "jax"}
"""What must be importable for a framework, where it is not torch."""

WARM = 5
"""Steps before those that are timed: caches, threads that wake up, memory that is found to be free
to write over."""


def main() -> None:
    framework, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not to be taken for an answer
    limit_cores(threads)
    if importlib.util.find_spec(LIBRARY.get(framework, "torch")) is None:
        reply: dict[str, Any] = {"missing": f"{LIBRARY.get(framework, 'torch')} is not installed"}
        print(json.dumps(reply), file=answers, flush=True)
        return
    builder = Builder(framework, threads)
    print(json.dumps({"version": builder.version}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            reply = builder.answer(json.loads(line))
        except Exception as error:  # the parent reports it and goes on without this framework
            reply = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), file=answers, flush=True)


class Builder:
    """The framework's module, and the program that was built last."""

    def __init__(self, framework: str, threads: int) -> None:
        short = {"typedflux": "flux", "jax": "jax"}.get(framework, "torch")
        self.models: Any = importlib.import_module(f"benchmarks.training.models_{short}")
        library: Any = importlib.import_module(LIBRARY.get(framework, "torch"))
        self.version = str(getattr(library, "__version__", ""))
        self.extra = (framework,) if short == "torch" else ()
        self.threads = threads
        self.program: Any = None
        self.before = resident()

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what the parent asks for."""
        if "build" in command:
            return self.build(command["build"], command["weights"])
        if "losses" in command:
            self.program.reset()
            steps = range(command["losses"])
            return {"losses": [self.program.number(self.program.step()) for _ in steps]}
        if "run" in command:
            return {"seconds": self.block(command["run"])}
        if "bound" in command:
            return {"bound": self.program.bound()}
        self.block(WARM)
        gc.collect()
        clear_peak()
        for _ in range(command["memory"]):
            self.program.wait(self.program.step())
        return {"peak": peak() - self.before, "process": peak()}

    def build(self, name: str, path: str) -> dict[str, Any]:
        """Make the model and perform its first step."""
        (workload,) = [w for w in WORKLOADS if w.name == name]
        weights = dict(np.load(path))
        self.program = self.models.Program(workload, weights, self.threads, *self.extra)
        start = time.perf_counter()
        self.program.number(self.program.step())
        first = time.perf_counter() - start
        for _ in range(2):  # some compile again at the second step
            self.program.number(self.program.step())
        start = time.perf_counter()
        steps = 0
        while steps < 3 or (time.perf_counter() - start < 0.2 and steps < 10000):
            self.program.number(self.program.step())
            steps += 1
        return {"first": first, "step": (time.perf_counter() - start) / steps}

    def block(self, steps: int) -> float:
        """Seconds per step, from the first weights on: gradients that vanish would be slow."""
        program = self.program
        program.reset()
        for _ in range(WARM):
            program.wait(program.step())
        result = None
        start = time.perf_counter()
        for _ in range(steps):
            result = program.step()
        program.wait(result)
        return (time.perf_counter() - start) / steps


def limit_cores(count: int) -> None:
    """Run on no more cores than there are threads, also where a library does not ask."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def resident() -> int:
    """Bytes of memory that this process holds."""
    return _status("VmRSS") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak() -> int:
    """The most that it has held, since `clear_peak` where the system can tell."""
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def clear_peak() -> None:
    """Let `peak` begin anew."""
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def _status(field: str) -> int:
    if not os.path.exists("/proc/self/status"):
        return 0
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
