"""Whole training steps with Adam, float32, of typedflux beside PyTorch and JAX.

Each framework runs in a process of its own, in small blocks that take turns: a core's speed drifts
on shared machines, so ratios are of neighbouring blocks, and their median is reported. All start
from the same weights, on the same data. Writes training.txt, .json and .png to
`benchmarks/results`. Frameworks that are not installed are reported as missing.
"""

from __future__ import annotations

import argparse
import pathlib
import platform
import sys

from benchmarks.training.measuring import OURS, PEERS, Row, Settings, measure
from benchmarks.training.report import Results, as_json, best_peer, draw, ratio_of, table, time_of
from benchmarks.training.workloads import WORKLOADS, Workload


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME",
        help="workloads whose name contains this, again for more of them",
    )  # fmt: skip
    parser.add_argument(
        "--peers", default=",".join(PEERS), help="frameworks beside typedflux (default %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few, short blocks")
    parser.add_argument("--rounds", type=int, help="of alternating blocks (default 15; quick: 3)")
    parser.add_argument("--threads", type=int, default=2, help="of each framework (default 2)")
    parser.add_argument(
        "--python", action="append", default=[], metavar="PEER=INTERPRETER",
        help="the interpreter of an environment that a peer is installed in, where not in this one",
    )  # fmt: skip
    parser.add_argument("--folder", type=pathlib.Path, help="where results are written to")
    arguments = parser.parse_args()
    peers = tuple(p for p in arguments.peers.split(",") if p)
    for peer in peers:
        if peer not in PEERS:
            parser.error(f"no peer {peer!r}: there are {', '.join(PEERS)}")
    chosen = [
        w for w in WORKLOADS if not arguments.only or any(o in w.name for o in arguments.only)
    ]
    if not chosen:  # no error: `make bench ARGS="--only ..."` may name one of the other benchmark
        print(f"no such training step: there are {'; '.join(w.name for w in WORKLOADS)}")
        return
    pythons = {name: sys.executable for name in (OURS, *peers)}
    pythons |= dict(item.split("=", 1) for item in arguments.python)
    quick = arguments.quick
    settings = Settings(
        peers, arguments.rounds or (3 if quick else 15), 0.05 if quick else 0.2,
        5 if quick else 50, arguments.threads, pythons,
    )  # fmt: skip
    results: Results = []
    for workload in chosen:
        results.append((workload, measure(workload, settings)))
        print(progress(*results[-1]), file=sys.stderr, flush=True)
    machine = f"{processor()}, {settings.threads} threads, float32"
    text = table(results, machine)
    print(text)
    folder = arguments.folder or pathlib.Path(__file__).parent.parent / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training.txt").write_text(text + "\n")
    (folder / "training.json").write_text(as_json(results, machine))
    draw(results, machine, folder / "training.png")


def progress(workload: Workload, rows: dict[str, Row]) -> str:
    """One line for a workload that has been measured."""
    peer, ratio = best_peer(rows)
    return (
        f"{workload.name}: {time_of(rows[OURS].seconds)}, {ratio_of(ratio)} ({peer or 'no peer'})"
    )


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
