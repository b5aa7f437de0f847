"""Algebra that changes no bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import typedflux as flux
from tests.compile.passes.helpers import after, applied, names, of, text, traced
from typedflux import Tensor, dtypes, ops
from typedflux.compile.passes import optimise
from typedflux.compile.passes.checking import GraphError, check_graph
from typedflux.compile.passes.simplification import simplify
from typedflux.core.graph import Equation, Graph, Variable, run_graph
from typedflux.dtypes import DType
from typedflux.shapes.dims import symbol
from typedflux.tensor import wrap

X, ROW, WHOLE = of(4, 3), of(3), of(4, dtype=dtypes.int32)
TRUTH = of(4, dtype=dtypes.bool_)
N: Any = symbol("n")
Case = tuple[Callable[..., Any], Any, str]

CASES: dict[str, Case] = {
    "x * 1": (lambda x: x * 1.0, X, "return %0"),
    "1 * x": (lambda x: 1.0 * x, X, "return %0"),
    "x * -1": (lambda x: x * -1.0, X, "%1 = negative(%0)\nreturn %1"),
    "x / 1": (lambda x: x / 1.0, X, "return %0"),
    "x / 4": (lambda x: x / 4.0, X, "%2 = multiply(%0, %1)\nreturn %2"),
    "x / 3": (lambda x: x / 3.0, X, "%2 = divide(%0, %1)\nreturn %2"),
    "x + 0": (lambda x: x + 0.0, X, "%2 = add(%0, %1)\nreturn %2"),
    "x + -0": (lambda x: x + -0.0, X, "return %0"),
    "x - 0": (lambda x: x - 0.0, X, "return %0"),
    "x - -0": (lambda x: x - -0.0, X, "%2 = subtract(%0, %1)\nreturn %2"),
    "whole + 0": (lambda x: x + 0, WHOLE, "return %0"),
    "whole - 0": (lambda x: x - 0, WHOLE, "return %0"),
    "x * 0": (lambda x: x * 0.0, X, "%2 = multiply(%0, %1)\nreturn %2"),
    "-(-x)": (lambda x: ops.negative(-x), X, "return %0"),
    "x + -x": (lambda x: x + -ops.exp(x), X, "%1 = exp(%0)\n%2 = subtract(%0, %1)\nreturn %2"),
    "-e + x": (lambda x: -ops.exp(x) + x, X, "%1 = exp(%0)\n%2 = subtract(%0, %1)\nreturn %2"),
    "x - -e": (lambda x: x - -ops.exp(x), X, "%1 = exp(%0)\n%2 = add(%0, %1)\nreturn %2"),
    "-x * -x": (lambda x: -x * -x, X, "%1 = multiply(%0, %0)\nreturn %1"),
    "-x / e": (
        lambda x: x - -x / ops.exp(x), X,
        "%1 = exp(%0)\n%2 = divide(%0, %1)\n%3 = add(%0, %2)\nreturn %3",
    ),
    "x - sum(-x)": (
        lambda x: x - ops.sum(-x, axis=0), X,
        "%1 = sum(%0, axis=(0,), keepdims=False)\n%2 = add(%0, %1)\nreturn %2",
    ),
    "abs(-x)": (lambda x: abs(-x), X, "%1 = abs(%0)\nreturn %1"),
    "abs(abs(x))": (lambda x: abs(abs(x)), X, "%1 = abs(%0)\nreturn %1"),
    "relu(relu(x))": (lambda x: flux.relu(flux.relu(x)), X, "%1 = relu(%0)\nreturn %1"),
    "maximum(x, x)": (lambda x: ops.maximum(x, x), X, "return %0"),
    "x ** 1": (lambda x: ops.pow(x, 1.0), X, "return %0"),
    "x ** -1": (lambda x: ops.pow(x, -1.0), X, "%2 = divide(%1, %0)\nreturn %2"),
    "x ** 3": (
        lambda x: ops.pow(x, 3.0), X,
        "%1 = multiply(%0, %0)\n%2 = multiply(%1, %0)\nreturn %2",
    ),
    "where(c, x, x)": (lambda x: ops.where(x > 0, x, x), X, "return %0"),
    "where(True, x, y)": (lambda x: ops.where(True, x, 0.5), X, "return %0"),
    "where(False, 0, row)": (lambda x: ops.where(False, 0.5, x), X, "return %0"),
    "where(not c)": (
        lambda c: ops.where(~c, ops.exp(ops.astype(c, "float32")), 1.0), TRUTH,
        "%2 = astype(%0, dtype=float32)\n%3 = exp(%2)\n%4 = where(%0, %1, %3)\nreturn %4",
    ),
    "where in where": (
        lambda c: ops.where(c, ops.where(c, 1.0, 2.0), ops.where(c, 3.0, 4.0)), TRUTH,
        "%3 = where(%0, %1, %2)\nreturn %3",
    ),
    "not not": (lambda c: ~~c, TRUTH, "return %0"),
    "not equal": (lambda x: ~(x == 2), WHOLE, "%2 = not_equal(%0, %1)\nreturn %2"),
    "not less": (lambda x: ~(x < 2), WHOLE, "%2 = less(%0, %1)\n%3 = logical_not(%2)\nreturn %3"),
    "and True": (lambda c: ops.logical_and(c, True), TRUTH, "return %0"),
    "or c": (lambda c: ops.logical_or(c, c), TRUTH, "return %0"),
    "astype back": (lambda x: x.astype("float64").astype("float32"), X, "return %0"),
    "astype narrower": (
        lambda x: x.astype("float16").astype("float32"), X,
        "%1 = astype(%0, dtype=float16)\n%2 = astype(%1, dtype=float32)\nreturn %2",
    ),
    "astype through": (
        lambda x: x.astype("int64").astype("float32"), WHOLE,
        "%1 = astype(%0, dtype=float32)\nreturn %1",
    ),
    "astype that wraps": (
        lambda x: x.astype("float64").astype("int8"), WHOLE,
        "%1 = astype(%0, dtype=float64)\n%2 = astype(%1, dtype=int8)\nreturn %2",
    ),
    "sum of one": (
        lambda x: ops.sum(x, axis=0), of(1, 3), "%1 = reshape(%0, shape=(3,))\nreturn %1"
    ),
    "max of one": (lambda x: ops.max(x, axis=0, keepdims=True), of(1, 3), "return %0"),
    "sum over nothing": (lambda x: ops.sum(x, axis=()), X, "return %0"),
    # Layouts
    "reshape back": (lambda x: x.reshape((12,)).reshape((4, 3)), X, "return %0"),
    "reshape twice": (
        lambda x: x.reshape((12,)).reshape((2, 6)), X, "%1 = reshape(%0, shape=(2, 6))\nreturn %1"
    ),
    "transpose twice": (lambda x: x.mT.mT, X, "return %0"),
    "permutations": (
        lambda x: ops.permute_dims(ops.permute_dims(x, (1, 2, 0)), (1, 2, 0)), of(2, 3, 4),
        "%1 = permute_dims(%0, axes=(2, 0, 1))\nreturn %1",
    ),
    "transposed product": (
        lambda x: (x.mT @ ops.exp(x)).mT, X,
        "%1 = exp(%0)\n%2 = permute_dims(%1, axes=(1, 0))\n%3 = matmul(%2, %0)\nreturn %3",
    ),
    "a product used twice": (
        lambda x: [(y := x.mT @ x), y.mT], X,
        "%1 = permute_dims(%0, axes=(1, 0))\n%2 = matmul(%1, %0)\n"
        "%3 = permute_dims(%2, axes=(1, 0))\nreturn %2, %3",
    ),
    "broadcast twice": (
        lambda x: ops.broadcast_to(ops.broadcast_to(x, (4, 3)), (2, 4, 3)), ROW,
        "%1 = broadcast_to(%0, shape=(2, 4, 3))\nreturn %1",
    ),
    "broadcast behind": (
        lambda x: ops.exp(ops.broadcast_to(x, (N, 3))) * 2.0, ROW,
        "%2 = exp(%0)\n%3 = multiply(%2, %1)\n%4 = broadcast_to(%3, shape=(n, 3))\nreturn %4",
    ),
    "broadcast by itself": (
        lambda x: x.mT @ x + ops.broadcast_to(ops.sum(x, axis=0), (3, 3)), X,
        "%1 = permute_dims(%0, axes=(1, 0))\n%2 = matmul(%1, %0)\n"
        "%3 = sum(%0, axis=(0,), keepdims=False)\n%4 = add(%2, %3)\nreturn %4",
    ),
    "a number in another shape": (
        lambda x: ops.broadcast_to(x, (4, 3)).reshape((12,)), of(),
        "%1 = broadcast_to(%0, shape=(12,))\nreturn %1",
    ),
    "a number's transpose": (
        lambda x: ops.broadcast_to(x, (N, 3)).mT, of(),
        "%1 = broadcast_to(%0, shape=(3, n))\nreturn %1",
    ),
    "all of it": (lambda x: x[:, :], X, "return %0"),
    "part of a stack": (
        lambda x: ops.stack([x, x + 1.0], axis=1)[:, 0], X, "return %0"
    ),
    "unstacked stack": (
        lambda x: ops.unstack(ops.stack([x, x], axis=1), axis=1), X, "return %0, %0"
    ),
    "one part": (lambda x: ops.concat([x], axis=0), X, "return %0"),
    "split of a concat": (
        lambda x: ops.split(ops.concat([x, x], axis=0), 2, axis=0), X, "return %0, %0"
    ),
    "symbolic": (
        lambda x: (x * 1.0).reshape((-1,)).reshape((N, 3)) / 2.0, of(N, 3),
        "%2 = multiply(%0, %1)\nreturn %2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rules(case: Case) -> None:
    function, type, wanted = case
    graph = after(simplify, function, type)
    assert text(graph) == wanted
    assert str(simplify(graph)) == str(graph)


def test_negations_of_unsigned_and_complex_numbers_stay() -> None:
    x = of(3, dtype=dtypes.complex64)
    graph = after(simplify, lambda v: [v * -v, -v / v], x)
    assert names(graph) == ["negative", "multiply", "negative", "divide"]


# Random graphs: the same bits

UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "negative": ops.negative, "abs": ops.abs, "square": ops.square, "sqrt": ops.sqrt,
    "relu": flux.relu, "times 1": lambda x: x * 1.0, "times -1": lambda x: x * -1.0,
    "over 8": lambda x: x / 8.0, "over 3": lambda x: x / 3.0, "plus -0": lambda x: x + -0.0,
    "plus 0": lambda x: x + 0.0, "minus 0": lambda x: x - 0.0,
    "wide": lambda x: ops.astype(ops.astype(x, dtypes.float64), dtypes.float32),
    "total": lambda x: ops.broadcast_to(ops.sum(x, axis=0, keepdims=True), (3, 4)),
    "turned": lambda x: x.mT.mT, "flat": lambda x: x.reshape((12,)).reshape((3, 4)),
    "first row": lambda x: ops.broadcast_to(x[0], (3, 4)),
    "chosen": lambda x: ops.where(~(x > 0), x, -x), "kept": lambda x: ops.where(True, x, 0.0),
}  # fmt: skip
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": ops.add, "subtract": ops.subtract, "multiply": ops.multiply, "divide": ops.divide,
    "maximum": ops.maximum, "where": lambda x, y: ops.where(x != y, x, y),
}  # fmt: skip
SPECIAL = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 3.0e38, 1.0e-40, 2.0, -3.25, 7.0]

Node = tuple[str, int, int]


@st.composite
def programs(draw: st.DrawFn) -> list[Node]:
    """Which operation, and the two earlier values it takes."""
    count = draw(st.integers(1, 12))
    kinds = st.sampled_from([*UNARY, *BINARY])
    return [
        (draw(kinds), draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1)))
        for i in range(count)
    ]


def perform(program: list[Node], x: Tensor, y: Tensor) -> list[Tensor]:
    values = [x, y]
    for name, first, second in program:
        if name in UNARY:
            values.append(UNARY[name](values[first]))
        else:
            values.append(BINARY[name](values[first], values[second]))
    return values[-3:]


@settings(max_examples=150, deadline=None)
@given(programs(), st.permutations(SPECIAL), st.permutations(SPECIAL))
def test_random_programs_keep_every_bit(
    program: list[Node], first: list[float], second: list[float]
) -> None:
    inputs = [flux.asarray(np.array(v, np.float32).reshape(3, 4)) for v in (first, second)]
    graph = traced(lambda x, y: perform(program, x, y), of(3, 4), of(3, 4))
    wanted = run_graph(graph, inputs, {})
    for run in (simplify, optimise):
        new = applied(run, graph)
        assert str(run(new)) == str(new)
        for got, want in zip(run_graph(new, inputs, {}), wanted, strict=True):
            a, b = got.numpy(), want.numpy()
            np.testing.assert_array_equal(a, b)
            known = ~np.isnan(b)
            np.testing.assert_array_equal(np.signbit(a)[known], np.signbit(b)[known])


EXACT = [d for d in dtypes.ALL if not d.is_complex]


@pytest.mark.parametrize("middle", EXACT, ids=str)
@pytest.mark.parametrize("first", EXACT, ids=str)
def test_conversions_give_the_same(first: DType, middle: DType) -> None:
    values = np.array([0, 1, 2, 3, 100, 127]).astype(first.dtype)
    if first.kind in ("int", "float"):
        values = np.concatenate([values, np.array([-1, -100]).astype(first.dtype)])
    for last in EXACT:
        graph = traced(
            lambda x, last=last: x.astype(middle).astype(last), of(values.size, dtype=first)
        )
        new = applied(simplify, graph)
        if middle.kind == "float" and last.kind == "uint":
            continue  # a negative float as an unsigned integer is anything
        (got,), (want,) = (run_graph(g, [wrap(values)], {}) for g in (new, graph))
        np.testing.assert_array_equal(got.numpy(), want.numpy(), err_msg=str(last))


# Verification


def broken(change: Callable[[Graph], Any]) -> Graph:
    graph = traced(lambda x: ops.exp(x) * 2.0, X)
    change(graph)
    return graph


def other(graph: Graph, place: int, **changes: Any) -> None:
    e = graph.equations[place]
    fields = {"primitive": e.primitive, "inputs": e.inputs, "params": e.params}
    graph.equations[place] = Equation(**{**fields, "outputs": e.outputs, **changes})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.equations.reverse(), "uses an undefined"),
        (lambda g: g.equations.append(g.equations[0]), "defines a variable again"),
        (lambda g: g.outputs.append(Variable(X)), "results use an undefined"),
        (lambda g: g.inputs.append(g.inputs[0]), "inputs defines a variable again"),
        (lambda g: other(g, 0, outputs=(Variable(ROW),)), "gives Float32"),
        (lambda g: other(g, 0, outputs=(Variable(X), Variable(X))), "has 2 results, not 1"),
        (lambda g: g.constants.append((Variable(X), flux.ones(3))), "a constant of type"),
    ],
)
def test_a_broken_graph_is_refused(change: Callable[[Graph], Any], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        check_graph(broken(change))


def test_a_graph_is_compared_with_the_one_before() -> None:
    graph, wide = (
        traced(lambda x: x * 2, X),
        traced(lambda x: x * 2, of(4, 3, dtype=dtypes.float64)),
    )
    with pytest.raises(GraphError, match="among the inputs"):
        check_graph(graph, wide)
    with pytest.raises(GraphError, match="there are 1 results, before 2"):
        check_graph(graph, traced(lambda x: [x, x], X))
