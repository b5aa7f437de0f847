"""explain: what it says of graphs, the code made of them, and memory."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float, Float32

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile.explaining import names_of
from typedflux.compile.jit import Jitted
from typedflux.compile.lowering.executables import Executable
from typedflux.compile.tables import aligned, bytes_text, scaled_text, seconds_text, shape_text


def lines_of(function: Any, *args: Any) -> list[str]:
    return flux.explain(function, *args).splitlines()


def columns_of(lines: list[str]) -> list[list[str]]:
    """The rows of the table of groups: number, kind, over, operations, what they leave."""
    head = next(i for i, line in enumerate(lines) if line.split()[:2] == ["kind", "over"])
    names = ("kind", "over", "operations", "leaves")
    starts = [0, *[lines[head].index(name) for name in names], None]
    rows = []
    for line in lines[head + 1 : lines.index("memory")]:
        if line[:1] != " " or not line.split()[0].isdigit():
            break
        rows.append([line[a:b].strip() for a, b in itertools.pairwise(starts)])
    return rows


def test_groups_are_listed_in_order() -> None:
    dense = nn.Dense(8, 4, flux.relu)

    def f(model: Any, x: Float32[Tensor, "batch 8"]) -> Tensor:
        return flux.softmax(model(x))

    lines = lines_of(f, dense, flux.ones((3, 8)))
    rows = columns_of(lines)
    assert [row[1] for row in rows] == ["product", "rows"]
    assert [row[2] for row in rows] == ["batch 4", "batch 4"]
    assert rows[0][3] == "affine, relu"
    assert rows[0][4] == "float32 batch 4"
    assert rows[1][4].endswith("float32 batch 4")
    assert any(line.startswith("2 groups: ") for line in lines)


def test_what_is_in_loops_and_branches_follows_them() -> None:
    def f(x: Tensor) -> Tensor:
        def step(c: Tensor, r: Tensor) -> tuple[Tensor, None]:
            return flux.tanh(c + r), None

        last, _ = flux.scan(step, x[0], x)
        return flux.cond(last.sum() > 0, lambda c: c * 2, lambda c: c - 1, last)

    rows = columns_of(lines_of(f, flux.ones((5, 6))))
    kinds = [row[1] for row in rows]
    assert "loop" in kinds
    assert "branch" in kinds
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    inside = rows[kinds.index("loop") + 1]
    assert inside[3].startswith("add, tanh")


def test_calls_of_numpy_have_a_reason() -> None:
    lines = lines_of(lambda x: flux.sort(x * 2) + 1, flux.ones((4, 5)))
    place = lines.index("through numpy")
    assert lines[place + 1] == "  argsort: no code for argsort"
    kinds = [row[1] for row in columns_of(lines)]
    assert "numpy" in kinds


@pytest.mark.parametrize(
    ("function", "dtype", "reason"),
    [
        (lambda x: x * x, flux.complex64, "complex numbers have no code"),
        (lambda x: flux.concat([x, x.astype(flux.float64)]), flux.float32, ""),
        (lambda x: flux.max(x, axis=0), flux.int8, "no code for int8"),
    ],
)
def test_reasons(function: Any, dtype: flux.DType, reason: str) -> None:
    text = flux.explain(function, flux.ones((3, 2), dtype=dtype))
    if reason:
        assert reason in text
    else:
        assert "through numpy" not in text  # promotion made them alike


def test_the_interpreter_has_a_reason() -> None:
    lines = lines_of(lambda x: flux.nonzero(x), flux.ones((4,)))
    assert lines[-1] == "run by the interpreter: a size depends on values"
    assert "memory" not in lines


def test_memory_is_of_the_sizes_of_the_call() -> None:
    def f(x: Float[Tensor, "n 16"]) -> Tensor:
        y = flux.cumulative_sum(x, axis=0)  # values in between
        return flux.cumulative_sum(y, axis=1) + x

    def sizes(rows: int) -> dict[str, str]:
        lines = lines_of(f, flux.ones((rows, 16)))
        memory = lines[lines.index("memory") + 1 :]
        return {line[2:14].strip(): line[14:] for line in memory}

    small, large = sizes(10), sizes(1000)
    assert small["inputs"] == "640 B"
    assert large["inputs"] == large["outputs"] == "64 kB"
    assert "reused" in large["in between"]


def test_outputs_that_may_be_written_in_place_are_named() -> None:
    def f(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2 + y, y.sum(axis=0)

    text = flux.explain(f, flux.ones((4, 5)), flux.ones((4, 5)))
    jitted = Jitted(f)
    traced, _ = jitted.specialise((flux.ones((4, 5)), flux.ones((4, 5))), {})
    assert isinstance(traced.program, Executable)
    assert list(traced.program.donations) == [0]
    name = names_of(traced.graph)[traced.graph.outputs[0]]
    assert f"{name} may take over an input's memory" in text


def test_guards_and_graph_come_first() -> None:
    def f(x: Float32[Tensor, "n 4"]) -> Tensor:
        return x * 2 if x.shape[0] > 3 else x

    lines = lines_of(f, flux.ones((5, 4)))
    assert lines[0].startswith("graph(%0: ")
    assert "  relies on n > 3" in lines


def test_nothing_to_do() -> None:
    text = flux.explain(lambda x: x, flux.ones((3,)))
    assert "0 groups: 0 calls of 0 kernels in 0 regions of native code" in text
    assert "in between  none" in text


def test_explaining_does_not_change_anything() -> None:
    dense = nn.Dense(8, 4)
    before = dense.weight.numpy().copy()

    @flux.jit
    def step(model: Any) -> None:
        model.weight = model.weight * 2

    flux.explain(step, dense)
    np.testing.assert_array_equal(dense.weight.numpy(), before)


def test_texts() -> None:
    assert shape_text((3, 4)) == "3 4"
    assert shape_text(()) == "scalar"
    assert bytes_text(0) == "0 B"
    assert bytes_text(999) == "999 B"
    assert bytes_text(999_600) == "1 MB"
    assert bytes_text(3e15) == "3000 TB"
    assert seconds_text(0.0) == "0 ns"
    assert seconds_text(12.3456) == "12.3 s"
    assert scaled_text(1234e9, ("FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s")) == "1234 GFLOP/s"
    assert aligned([["a", ""], ["bb", ""]]) == ["a", "bb"]
