"""profile: rows, what they say, and that nothing is changed by looking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile import Profile
from typedflux.core.tree import leaves
from typedflux.shapes.errors import AxisError


def step(model: Any, state: Any, x: Float32[Tensor, "batch 8"]) -> Tensor:
    loss, grads = flux.withgradient(lambda m: (m(x) ** 2).mean() + 0 * flux.randn(()), model)
    flux.update(state, model, grads)
    return loss


def test_training_steps_are_measured_and_change_nothing() -> None:
    flux.seed(3)
    model = nn.Chain(nn.Dense(8, 6, flux.relu), nn.BatchNorm(6), nn.Dense(6, 2))
    state = flux.setup(flux.Adam(0.01), model)
    before = [t.numpy().copy() for t in leaves((model, state))]
    random = flux.default_generator().state.numpy().copy()
    profile = flux.profile(step, model, state, flux.ones((16, 8)), runs=4)
    for old, new in zip(before, leaves((model, state)), strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    np.testing.assert_array_equal(flux.default_generator().state.numpy(), random)
    assert len(profile.times) == 4
    assert all(len(row.times) == 4 for row in profile.rows)
    first = next(row for row in profile.rows if row.kind == "product")
    assert (first.shape, first.count) == ((16, 6), 1)
    assert first.flops == 2 * 16 * 6 * 8
    assert first.bytes is not None
    assert first.bytes >= 4 * (16 * 8 + 8 * 6 + 16 * 6)


def test_rows_are_groups_of_explain() -> None:
    def f(x: Tensor) -> Tensor:
        return flux.softmax(x @ x)

    x = flux.ones((7, 7))
    text = flux.explain(f, x)
    for row in flux.profile(f, x, runs=1).rows:
        assert any(line.split()[:2] == [str(row.number), row.kind] for line in text.splitlines())


def test_times_make_up_the_whole() -> None:
    profile = flux.profile(lambda x: flux.exp(x @ x).sum(), flux.ones((32, 32)), runs=3)
    for run, whole in enumerate(profile.times):
        assert 0 <= sum(row.times[run] for row in profile.rows) <= whole
    shares = sum(profile.share(row.seconds) for row in profile.rows)
    assert shares + profile.share(profile.rest) == pytest.approx(1)


def test_steps_of_loops_are_counted() -> None:
    def f(x: Tensor) -> tuple[Tensor, Tensor]:
        def walk(c: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
            return flux.tanh(c @ x[0] + r), c.sum()

        return flux.scan(walk, x[0], x)

    rows = flux.profile(f, flux.ones((5, 4, 4)), runs=2).rows
    (loop,) = [row for row in rows if row.kind == "loop"]
    assert (loop.depth, loop.count, loop.rate) == (0, 1, "")
    (product,) = [row for row in rows if row.kind == "product"]
    assert (product.depth, product.count) == (1, 5)
    assert product.flops == 5 * 2 * 4 * 4 * 4


def test_the_branch_that_was_not_taken_takes_no_time() -> None:
    def f(x: Tensor) -> Tensor:
        return flux.cond(x.sum() > 0, lambda c: flux.exp(c), lambda c: flux.sin(c), x)

    profile = flux.profile(f, flux.ones((5,)), runs=1)
    (taken,) = [row for row in profile.rows if "exp" in row.operations]
    (other,) = [row for row in profile.rows if "sin" in row.operations]
    assert (taken.count, other.count, other.seconds) == (1, 0, 0.0)
    assert "(not run)" in str(profile)


def test_arithmetic_of_convolutions() -> None:
    conv = nn.Conv((3, 3), 4, 8, padding=1)

    def f(model: Any, x: Tensor) -> Any:
        return flux.gradient(lambda m, x: (m(x) ** 2).sum(), model, x)

    rows = flux.profile(f, conv, flux.ones((2, 4, 6, 6)), runs=1).rows
    flops = 2 * (2 * 8 * 6 * 6) * (4 * 3 * 3)
    convolutions = [row for row in rows if row.kind == "convolution"]
    assert len(convolutions) == 3
    assert {row.flops for row in convolutions} == {flops}


def test_calls_of_numpy_are_rows() -> None:
    rows = flux.profile(lambda x: flux.sort(x) * 2, flux.ones((6, 5)), runs=2).rows
    numpy = [row for row in rows if row.kind == "numpy"]
    assert numpy
    assert all(row.seconds > 0 and row.count == 1 for row in numpy)


def test_only_what_is_picked_counts_as_read() -> None:
    table, picked = flux.ones((1000, 4)), flux.asarray([1, 3, 5])
    (row,) = flux.profile(lambda x, i: flux.take(x, i, axis=0), table, picked, runs=1).rows
    assert row.bytes == 2 * 3 * 4 * 4 + picked.numpy().nbytes


def test_the_interpreter_is_measured_too(tmp_path: Path) -> None:
    profile = flux.profile(
        lambda x: flux.nonzero(x > 0), flux.ones((6,)), runs=2, trace=tmp_path / "t.json"
    )
    assert [row.operations for row in profile.rows] == ["greater", "nonzero"]
    assert "by the interpreter: a size depends on values" in str(profile)
    assert len(json.loads((tmp_path / "t.json").read_text())["traceEvents"]) == 1 + 2 * 3


def test_the_table() -> None:
    def named(x: Tensor) -> Tensor:
        return flux.relu(x @ x)

    lines = str(flux.profile(named, flux.ones((8, 8)), runs=1)).splitlines()
    assert lines[0].startswith("named: ")
    assert "1 run on " in lines[0]
    assert lines[1].split() == ["kind", "over", "time", "share", "achieved", "operations"]
    assert lines[2].split()[:4] == ["1", "product", "8", "8"]
    assert "FLOP/s" in lines[2]
    assert lines[-1].split()[:2] == ["the", "rest"]


def test_the_trace_holds_every_group_of_every_run(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    profile = flux.profile(
        lambda x: flux.softmax(x @ x), flux.ones((8, 8)), runs=3, trace=str(path)
    )
    events = json.loads(path.read_text())["traceEvents"]
    runs = [e for e in events if e.get("cat") == "run"]
    groups = [e for e in events if e["ph"] == "X" and e["cat"] != "run"]
    assert len(runs) == 3
    assert {e["name"].split()[0] for e in groups} == {str(row.number) for row in profile.rows}
    rounding = 1.0  # microseconds
    for event in groups:
        assert any(
            run["ts"] - rounding <= event["ts"]
            and event["ts"] + event["dur"] <= run["ts"] + run["dur"] + rounding
            for run in runs
        )


def test_nothing_to_measure() -> None:
    profile = flux.profile(lambda x: x, flux.ones((3,)), runs=1)
    assert isinstance(profile, Profile)
    assert profile.rows == ()
    assert profile.rest == profile.seconds


def test_errors_are_those_of_calls() -> None:
    x = flux.ones((3, 3))
    with pytest.raises(ValueError, match="runs must be at least 1, not 0"):
        flux.profile(lambda x: x, x, runs=0)
    with pytest.raises(TypeError, match="runs must be an integer, not float"):
        flux.profile(lambda x: x, x, runs=1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="outside of functions that are traced"):
        flux.jit(lambda x: flux.profile(lambda y: y, x))(x)
    with pytest.raises(AxisError):
        flux.profile(lambda x: x.sum(axis=4), x)
    with pytest.raises(IndexError):
        flux.profile(lambda x, i: x[i], x, flux.asarray([7]), runs=1)
