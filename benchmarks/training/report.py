"""The results as a table, as JSON and as a picture."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import pathlib
from typing import Any

from benchmarks.training.measuring import OURS, PEERS, Row
from benchmarks.training.workloads import Workload

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
Results = list[tuple[Workload, dict[str, Row]]]


def best_peer(rows: dict[str, Row]) -> tuple[str, float]:
    """The fastest of the others, and how many times longer than typedflux it takes."""
    known = {n: r.ratio for n, r in rows.items() if n != OURS and not math.isnan(r.ratio)}
    if not known:
        return "", math.nan
    name = min(known, key=known.__getitem__)
    return name, known[name]


def geometric_mean(results: Results) -> float:
    """Of the ratios to the best peer, over the training steps without the tiny net."""
    ratios = [best_peer(rows)[1] for workload, rows in results if workload.counted]
    ratios = [r for r in ratios if not math.isnan(r)]
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def time_of(seconds: float) -> str:
    """A time with three digits."""
    if math.isnan(seconds):
        return "-"
    scale, unit = next((u for u in UNITS if seconds >= u[0]), UNITS[-1])
    value = seconds / scale
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def bound_of(row: Row) -> str:
    """The least time a step can take, and what part of the time that is."""
    if math.isnan(row.bound) or math.isnan(row.seconds):
        return "-"
    return f"{time_of(row.bound)} ({100 * row.bound / row.seconds:.0f} %)"


def ratio_of(ratio: float) -> str:
    return "-" if math.isnan(ratio) else f"{ratio:.2f}x"


def table(results: Results, machine: str) -> str:
    """The tables as text."""
    names = [n for n in (OURS, *PEERS) if any(n in rows for _, rows in results)]
    lines = [machine, "", "Time of a step, and the best peer's time over that of typedflux:"]
    head = "".join(f"{n:>15}" for n in names) + f"{'ratio':>9}{'aim':>7}{'bound':>18}"
    lines.append(f"{'':<24}{head}")
    for workload, rows in results:
        cells = "".join(f"{_cell(rows.get(n)):>15}" for n in names)
        ratio = ratio_of(best_peer(rows)[1])
        bound = bound_of(rows[OURS])
        lines.append(f"{workload.name:<24}{cells}{ratio:>9}{workload.target:>6.2g}x{bound:>18}")
    lines.append(
        f"Geometric mean of the ratio over the training steps without the tiny net: "
        f"{ratio_of(geometric_mean(results))} (aim 2.0x)"
    )
    lines.append(
        "Bound: the least time, of the arithmetic at the speed of a large product, or of going once"
        " over model, optimiser and data in memory; and its share of the time."
    )
    lines += ["", "First call, and first call of a second process:"]
    lines.append(f"{'':<24}" + "".join(f"{n:>20}" for n in names))
    for workload, rows in results:
        cells = [
            f"{time_of(r.first)}, {time_of(r.warm)}" if (r := rows.get(n)) else "-" for n in names
        ]
        lines.append(f"{workload.name:<24}" + "".join(f"{c:>20}" for c in cells))
    lines += ["", "Peak memory above that after the imports, MB:"]
    lines.append(f"{'':<24}" + "".join(f"{n:>15}" for n in names))
    for workload, rows in results:
        cells = [f"{r.peak / 2**20:.0f}" if (r := rows.get(n)) and r.peak else "-" for n in names]
        lines.append(f"{workload.name:<24}" + "".join(f"{c:>15}" for c in cells))
    lines += ["", "Last loss compared (largest difference from typedflux / first loss):"]
    for workload, rows in results:
        if workload.training:
            lines.append(f"{workload.name:<24}" + _losses(rows))
    problems = {
        f"{name}: {row.problem}" for _, rows in results for name, row in rows.items() if row.problem
    }
    return "\n".join([*lines, *([""] if problems else []), *sorted(problems)])


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return ("missing" if "not installed" in row.problem else "failed") if row.problem else (
        time_of(row.seconds)
    )  # fmt: skip


def _losses(rows: dict[str, Row]) -> str:
    parts = []
    for name, row in rows.items():
        if row.losses:
            apart = "" if name == OURS else f" ({row.difference:.1e})"
            parts.append(f"{name} {row.losses[-1]:.5g}{apart}")
    return ", ".join(parts)


def as_json(results: Results, machine: str) -> str:
    """Everything that was measured."""
    rows: list[dict[str, Any]] = []
    for workload, by_name in results:
        peer, ratio = best_peer(by_name)
        frameworks = {
            name: {
                "version": row.version, "problem": row.problem, "seconds": row.seconds,
                "ratio": row.ratio, "ratios": row.ratios, "first_call": row.first,
                "first_call_warm": row.warm, "peak_bytes": row.peak, "process_bytes": row.process,
                "last_loss": row.losses[-1] if row.losses else None,
                "loss_difference": row.difference, "bound": row.bound,
            }
            for name, row in by_name.items()
        }  # fmt: skip
        rows.append(
            {
                "workload": workload.name, "best_peer": peer, "ratio": ratio,
                "target": workload.target, "frameworks": frameworks,
            }
        )  # fmt: skip
    document = {"machine": machine, "geometric_mean": geometric_mean(results), "workloads": rows}
    return json.dumps(_without_nan(document), indent=1) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def draw(results: Results, machine: str, path: pathlib.Path) -> bool:
    """Bars of the time relative to typedflux; false where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    names = [n for n in PEERS if any(n in rows for _, rows in results)]
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.5 * len(results)), layout="constrained")
    height = 0.8 / max(len(names), 1)
    for i, name in enumerate(names):
        found = [
            (place + i * height, rows[name].ratio)
            for place, (_, rows) in enumerate(results)
            if name in rows and not math.isnan(rows[name].ratio)
        ]
        axes.barh([y for y, _ in found], [r for _, r in found], height, label=name)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(
        [place + 0.4 - height / 2 for place in range(len(results))],
        [f"{workload.name}\n{time_of(rows[OURS].seconds)}" for workload, rows in results],
    )
    axes.invert_yaxis()
    axes.set_xlabel("time of a step over that of typedflux (more: typedflux is faster)")
    axes.set_title(machine, fontsize="small")
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True
