"""Drives the workers: small blocks of steps in turn, and the ratios of neighbouring ones."""

from __future__ import annotations

import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.training.workloads import IMAGES, Workload, initial_weights

OURS = "typedflux"
PEERS = ("torch", "torch.compile", "channels_last", "jax")


@dataclass(frozen=True)
class Settings:
    """How much is measured, and with what.

    Attributes:
        rounds: of alternating blocks.
        block: seconds that a block takes, or one step where that is longer.
        losses: steps whose losses are compared.
        threads: of each framework.
        pythons: interpreters of frameworks that are installed elsewhere.
    """

    peers: tuple[str, ...]
    rounds: int
    block: float
    losses: int
    threads: int
    pythons: dict[str, str]


class Worker:
    """A process with one framework."""

    def __init__(self, framework: str, settings: Settings, cache: pathlib.Path) -> None:
        threads = str(settings.threads)
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "XDG_CACHE_HOME": str(cache / "xdg"),
            "TYPEDFLUX_CACHE": str(cache / "typedflux"),
            "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
            "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PLATFORMS": "cpu",
        }
        self.framework = framework
        self.process = subprocess.Popen(
            [settings.pythons[framework], "-m", "benchmarks.training.worker", framework, threads],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment,
        )  # fmt: skip
        self.ready = self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            return {"failed": f"the process ended with status {self.process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for the answer."""
        if "missing" in self.ready or "failed" in self.ready:
            return self.ready
        assert self.process.stdin is not None
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return {"failed": f"the process ended with status {self.process.wait()}"}
        return self._read()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@dataclass
class Row:
    """What was measured of one framework in one workload.

    Attributes:
        problem: why there is nothing else.
        seconds: the median of its blocks, for a step.
        ratios: its blocks over those of typedflux beside them.
        first: seconds of the first call with nothing in the disk's caches.
        warm: the same in a second process.
        peak: bytes that the process held at most in some steps, less those after the imports.
        bound: seconds that a step takes at least, by arithmetic or memory; of typedflux only.
        difference: of its losses from those of typedflux, the largest, as a part of the first loss.
    """

    problem: str = ""
    version: str = ""
    seconds: float = math.nan
    ratios: list[float] = field(default_factory=list)
    first: float = math.nan
    warm: float = math.nan
    peak: int = 0
    process: int = 0
    losses: list[float] = field(default_factory=list)
    bound: float = math.nan
    difference: float = math.nan

    @property
    def ratio(self) -> float:
        """How many times longer than typedflux it took."""
        return statistics.median(self.ratios) if self.ratios else math.nan


def measure(workload: Workload, settings: Settings) -> dict[str, Row]:
    """All frameworks on one workload."""
    names = [OURS, *settings.peers]
    if workload.model not in IMAGES and "channels_last" in names:
        names.remove("channels_last")
    rows = {name: Row() for name in names}
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder) / "weights.npz"
        np.savez(weights, **initial_weights(workload.model))  # type: ignore[arg-type]
        for name in names:
            _first_call(name, rows[name], workload, weights, settings)
        workers = {n: Worker(n, settings, weights.parent) for n in names if not rows[n].problem}
        try:
            _in_turns(workers, rows, workload, weights, settings)
        finally:
            for worker in workers.values():
                worker.close()
    return rows


def _first_call(
    name: str, row: Row, workload: Workload, weights: pathlib.Path, settings: Settings
) -> None:
    worker = Worker(name, settings, weights.parent)
    answer = worker.ask(build=workload.name, weights=str(weights))
    worker.close()
    row.version = worker.ready.get("version", "")
    row.problem = answer.get("missing") or answer.get("failed") or ""
    row.first = answer.get("first", math.nan)


def _in_turns(
    workers: dict[str, Worker], rows: dict[str, Row], workload: Workload, weights: pathlib.Path,
    settings: Settings,
) -> None:  # fmt: skip
    steps: dict[str, int] = {}
    for name, worker in list(workers.items()):
        row = rows[name]
        answer = worker.ask(build=workload.name, weights=str(weights))
        if "failed" in answer:
            row.problem = answer["failed"]
            del workers[name]
            continue
        row.warm = answer["first"]
        steps[name] = min(2000, max(1, round(settings.block / answer["step"])))
        row.losses = worker.ask(losses=settings.losses if workload.training else 1)["losses"]
        memory = worker.ask(memory=3)
        row.peak, row.process = memory["peak"], memory["process"]
    if OURS in workers:
        rows[OURS].bound = workers[OURS].ask(bound=True).get("bound", math.nan)
    blocks: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(settings.rounds):
        order = list(workers) if turn % 2 else list(workers)[::-1]
        for name in order:
            blocks[name].append(workers[name].ask(run=steps[name])["seconds"])
    ours = rows[OURS].losses
    for name, times in blocks.items():
        row = rows[name]
        row.seconds = statistics.median(times)
        if OURS not in blocks:
            continue
        row.ratios = [t / our for t, our in zip(times, blocks[OURS], strict=True)]
        apart = [abs(a - b) for a, b in zip(row.losses, ours, strict=True)]
        row.difference = max(apart) / max(abs(ours[0]), 1e-30)
