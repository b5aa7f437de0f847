"""Control flow after passes: what is not used goes, walks with the same state are one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.compile.passes.helpers import applied, assert_same_values, names, of, traced
from typedflux import Tensor, ops
from typedflux.compile.passes import optimise
from typedflux.compile.passes.dead import drop_dead
from typedflux.core.graph import Equation, Graph
from typedflux.shapes.dims import symbol
from typedflux.tensor import wrap

X = of(4, 3)
N: Any = symbol("n")


def check(run: Any, graph: Graph, sizes: dict[Any, int] | None = None) -> Graph:
    """The graph after a pass, which gives the same."""
    new = applied(run, graph)
    x = wrap(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32))
    assert_same_values(new, graph, [x], sizes or {}, 1e-6)
    assert str(run(new)) == str(new)
    return new


def control(graph: Graph) -> list[Equation]:
    return [e for e in graph.equations if e.primitive.calls_back]


def test_what_a_scan_computes_for_nobody_goes() -> None:
    def step(state: Any, row: Tensor) -> Any:
        total, largest, count = state
        new = (total + row, ops.maximum(largest, ops.exp(row)), count + 1.0)
        return new, (ops.tanh(total), ops.log(row))

    def f(x: Tensor) -> Any:
        (total, _, _), (first, _) = flux.scan(step, (x[0], x[1], x[2]), x)
        return [total, first]

    (scan,) = control(check(drop_dead, traced(f, X)))
    assert names(scan.params["graph"]) == ["add", "tanh"]
    assert scan.params["states"] == 1
    assert len(scan.inputs) == 2


def test_a_state_that_another_needs_stays() -> None:
    def step(state: Any, row: Tensor) -> Any:
        a, b, c = state
        return (a + b, b + c, c * row), None

    def f(x: Tensor) -> Any:
        return flux.scan(step, (x[0], x[1], x[2]), x)[0][0]

    (scan,) = control(check(drop_dead, traced(f, X)))
    assert scan.params["states"] == 3


def test_what_a_loop_computes_for_nobody_goes() -> None:
    def body(state: Any) -> Any:
        count, total, unused = state
        return count + 1, total * 1.5, ops.exp(unused) + total

    def f(x: Tensor) -> Any:
        return flux.while_loop(lambda s: s[0] < 3, body, (flux.asarray(0), x, x))[1]

    (loop,) = control(check(drop_dead, traced(f, X)))
    assert names(loop.params["graphs"][1]) == ["add", "multiply"]
    assert len(loop.outputs) == 2


def test_what_a_branch_computes_for_nobody_goes() -> None:
    def f(x: Tensor) -> Any:
        y, _ = flux.cond(
            x.sum() > 0, lambda v: (ops.exp(v), ops.sin(v)), lambda v: (v, ops.log(v * x[0])), x
        )
        return y

    (cond,) = control(check(drop_dead, traced(f, X)))
    assert [names(g) for g in cond.params["graphs"]] == [["exp"], []]
    assert len(cond.inputs) == 3
    assert cond.params["count"] == 1


def test_inside_bodies_too() -> None:
    def inner(total: Tensor, row: Tensor) -> Any:
        return total + row, ops.exp(row)

    def outer(state: Tensor, row: Tensor) -> Any:
        total, _ = flux.scan(inner, state, flux.stack([row, row]))
        return total, None

    graph = check(drop_dead, traced(lambda x: flux.scan(outer, x[0], x)[0], X))
    (scan,) = control(graph)
    (within,) = control(scan.params["graph"])
    assert names(within.params["graph"]) == ["add"]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_gradient_walks_forwards_once(reverse: bool) -> None:
    def step(state: Tensor, row: Tensor) -> Any:
        new = ops.tanh(state * row)
        return new, new * 2.0

    def loss(x: Tensor) -> Tensor:
        last, ys = flux.scan(step, x[0], x, reverse=reverse)
        return (ops.sin(ys) * last).sum()

    graph = traced(lambda x: flux.withgradient(loss, x), of(N, 3))
    assert len(control(graph)) == 3
    new = check(optimise, graph, {"n": 4})
    forwards, backwards = control(new)
    assert forwards.params["reverse"] is reverse
    assert backwards.params["reverse"] is not reverse
    assert len(forwards.outputs) == 3
    assert str(forwards.outputs[1].type) == 'Float32[Tensor, "n 3"]'


def test_walks_with_other_states_stay_apart() -> None:
    def f(x: Tensor) -> Any:
        first, _ = flux.scan(lambda s, row: (s + row, None), x[0], x)
        second, _ = flux.scan(lambda s, row: (s - row, None), x[0], x)
        third, ys = flux.scan(lambda s, row: (s + row, s * row), x[0], x)
        fourth, _ = flux.scan(lambda s, row: (s + row, None), x[0], x, reverse=True)
        return [first, second, third, ys, fourth]

    new = check(optimise, traced(f, X))
    assert len(control(new)) == 3
    assert new.outputs[0] is new.outputs[2]


def test_one_number_at_every_step_is_no_operand() -> None:
    def step(state: Tensor, x: Any) -> Any:
        row, zeros = x
        return state + row * zeros, None

    def f(x: Tensor) -> Any:
        return flux.scan(step, x[0], (x, flux.full_like(x, 0.5)))[0]

    trace = traced(f, of(N, 3))
    (scan,) = control(check(optimise, trace, {"n": 4}))
    assert len(scan.inputs) == 2
    assert names(scan.params["graph"]) == ["multiply", "add"]
