"""What each pass makes of small graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.compile.passes.helpers import after, applied, names, of, specialised, text, traced
from typedflux import Tensor, dtypes, ops
from typedflux.autodiff import checkpoint
from typedflux.compile.passes import optimise
from typedflux.compile.passes.checking import check_graph
from typedflux.compile.passes.common import share_common
from typedflux.compile.passes.constants import fold_constants, number_throughout
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.decomposition import affine, decompose
from typedflux.compile.passes.inlining import inline
from typedflux.compile.passes.pinning import pin_sizes, pinned_by
from typedflux.compile.passes.rewriting import Rewrites, rewrite
from typedflux.core.graph import Graph, GraphTrace, Guard, run_graph
from typedflux.core.tracing import Tracer, graph_running
from typedflux.ops.affine import affine_p
from typedflux.ops.exponential import exp_p
from typedflux.ops.random import random_p
from typedflux.shapes.dims import Dim, symbol
from typedflux.shapes.errors import AxisError, UndecidedError
from typedflux.tensor import wrap

X = of(4, 3)
N = symbol("n")


# Dead code


def test_dead_code_goes() -> None:
    graph = after(drop_dead, lambda x: [ops.exp(x), ops.exp(x * 2)][:1], X)
    assert text(graph) == "%1 = exp(%0)\nreturn %1"
    assert graph.constants == []


def test_inputs_stay_and_a_result_may_be_one() -> None:
    graph = after(drop_dead, lambda x, y: [y, y], X, X)
    assert text(graph) == "return %1, %1"
    assert len(graph.inputs) == 2


def test_constants_are_listed_in_order_of_use() -> None:
    a, b = flux.asarray([1.0, 2.0, 3.0]), flux.asarray([4.0, 5.0, 6.0])

    def f(x: Tensor) -> Tensor:
        dead = x * a
        return x * b + a if dead.ndim == 2 else x

    graph = after(drop_dead, f, X)
    assert graph.constants[0][1] is b
    assert len(graph.constants) == 2


# Inlining


def test_functions_with_rules_and_checkpoints_become_their_bodies() -> None:
    @flux.custom_jvp
    def twice(x: Tensor) -> Tensor:
        return x + x

    twice.defjvp(lambda primals, tangents: (twice(primals[0]), tangents[0] * 2))

    def f(x: Tensor) -> Tensor:
        return flux.checkpoint(lambda v: twice(flux.stop_gradient(ops.exp(v))))(x)

    graph = traced(f, X)
    assert names(graph) == ["checkpoint"]
    assert text(applied(inline, graph)) == "%1 = exp(%0)\n%2 = add(%1, %1)\nreturn %2"


def test_a_function_that_works_on_more_than_its_operands_stays_a_call() -> None:
    class Counter(flux.nn.Module):
        def __init__(self) -> None:
            self.factor = flux.asarray(2.0)

    counter = Counter()

    @flux.custom_jvp
    def scaled(x: Tensor) -> Tensor:
        return x * counter.factor

    scaled.defjvp(lambda primals, tangents: (scaled(primals[0]), tangents[0]))
    graph = after(inline, lambda x: flux.checkpoint(scaled)(x), X)
    assert names(graph) == ["a function with a rule of its own"]


def test_what_a_checkpoint_computes_is_not_shared_with_the_second_time() -> None:
    def loss(x: Tensor) -> Tensor:
        return checkpoint(lambda v: ops.tanh(ops.exp(v)))(x).sum()

    graph = traced(lambda x: flux.withgradient(loss, x), X)
    new = applied(optimise, graph)
    assert names(new).count("exp") == 2
    assert names(new).count("tanh") == 2
    assert str(optimise(new)) == str(new)
    plain = traced(lambda x: flux.withgradient(lambda v: ops.tanh(ops.exp(v)).sum(), x), X)
    assert names(optimise(plain)).count("tanh") == 1


@pytest.mark.parametrize(("p", "name"), [(True, "exp"), (False, "log")])
def test_a_decided_condition_leaves_one_branch(p: bool, name: str) -> None:
    trace = GraphTrace()
    with graph_running(trace):
        x, decided = trace.input(X), trace.tracer_of(flux.asarray(p))
        trace.graph.outputs = [trace.variable_of(flux.cond(decided, ops.exp, ops.log, x))]
    assert names(trace.graph) == ["cond"]
    assert text(applied(inline, trace.graph)) == f"%1 = {name}(%0)\nreturn %1"


def test_bodies_are_optimised_and_constants_move_into_them() -> None:
    def f(x: Tensor) -> Any:
        return flux.scan(lambda total, row: (total + ops.softmax(row) * 1.0, total), x[0], x)

    graph = applied(optimise, traced(f, X))
    (scan,) = [e for e in graph.equations if e.primitive.name == "scan"]
    assert scan.params["constants"] == 0
    assert len(scan.inputs) == 2
    body = names(scan.params["graph"])
    assert body[:2] == ["max", "isfinite"]
    assert body[-3:] == ["divide", "multiply", "add"]

    def loop(x: Tensor) -> Any:
        return flux.while_loop(lambda v: v.sum() < 2.0, lambda v: v * 1.0 + 0.5, x)

    (equation,) = applied(optimise, traced(loop, X)).equations
    assert equation.params["counts"] == (0, 0)
    assert [names(g) for g in equation.params["graphs"]] == [["sum", "less"], ["add"]]

    def branch(x: Tensor) -> Any:
        return flux.cond(x.sum() > 0, lambda v: v * 2.0, lambda v: v + 0.5, x)

    equation = applied(optimise, traced(branch, X)).equations[-1]
    assert equation.params["count"] == 1
    assert len(equation.inputs) == 3


# Decomposition


def test_softmax_is_the_steps_of_a_row() -> None:
    graph = after(decompose, lambda x: flux.softmax(x), X)
    assert text(graph) == (
        "%3 = max(%0, axis=(1,), keepdims=True)\n"
        "%4 = isfinite(%3)\n"
        "%5 = where(%4, %3, %1)\n"
        "%6 = subtract(%0, %5)\n"
        "%7 = exp(%6)\n"
        "%8 = sum(%7, axis=(1,), keepdims=True)\n"
        "%9 = divide(%2, %8)\n"
        "%10 = multiply(%7, %9)\n"
        "return %10"
    )


def test_means_of_narrow_floats_are_summed_as_float32() -> None:
    graph = after(decompose, lambda x: ops.mean(x), of(4, dtype=dtypes.float16))
    assert names(graph) == ["astype", "sum", "divide", "astype"]
    assert names(after(decompose, lambda x: ops.mean(x), of(4))) == ["sum", "divide"]
    graph = after(decompose, lambda x: ops.mean(x), of(N))
    assert names(graph) == ["sum", "size", "astype", "divide"]


def test_nothing_to_reduce_stays_as_it_is() -> None:
    graph = after(decompose, lambda x: [flux.softmax(x), flux.logsoftmax(x)], of(2, 0))
    assert names(graph) == ["softmax", "logsoftmax"]


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_an_error(label: int) -> None:
    def f(x: Tensor, labels: Tensor) -> Any:
        return flux.logitcrossentropy(x, labels, agg=flux.identity)

    graph = after(decompose, f, X, of(4, dtype=dtypes.int64))
    x = flux.asarray(np.zeros((4, 3), np.float32))
    with pytest.raises(AxisError, match="index 3 is out of range"):
        run_graph(graph, [x, flux.asarray([0, 2, label, 1])], {})


def test_the_rule_for_affine_is_there_to_be_asked_for() -> None:
    def run(graph: Graph) -> Graph:
        return rewrite(graph, Rewrites({affine_p: (affine,)}))

    graph = after(run, lambda x, w, b: affine_p.bind(x, w, b), X, of(2, 3), of(2))
    assert names(graph) == ["permute_dims", "matmul", "add"]


# Constants


def test_small_constants_are_computed_with() -> None:
    a = flux.asarray([1.0, 2.0, 3.0])
    graph = after(fold_constants, lambda x: x * (ops.exp(a * 2) + 1), X)
    assert text(graph) == "%2 = multiply(%0, %1)\nreturn %2"
    np.testing.assert_allclose(graph.constants[0][1].numpy(), np.exp([2.0, 4.0, 6.0]) + 1, 1e-6)


def test_large_ones_and_symbolic_sizes_stay() -> None:
    large = flux.asarray(np.arange(2000, dtype=np.float32))
    trace = GraphTrace()
    trace.takes_everything = True
    with graph_running(trace):
        one = trace.tracer_of(flux.asarray(1.5))
        out = [ops.exp(trace.tracer_of(large)), ops.broadcast_to(ops.exp(one), (N, 2))]  # type: ignore[arg-type]
        trace.graph.outputs = [trace.variable_of(t) for t in out]
    assert names(applied(fold_constants, trace.graph)) == ["exp", "broadcast_to"]


def test_a_constant_of_one_number_is_broadcast() -> None:
    ones = flux.ones((4, 3))
    graph = after(fold_constants, lambda x: x + ones, X)
    assert text(graph) == "%2 = broadcast_to(%1, shape=(4, 3))\n%3 = add(%0, %2)\nreturn %3"


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ([0.0, -0.0], None), ([-0.0, -0.0], -0.0), ([1.0, 2.0, 1.0], None), ([3.0], 3.0),
        ([], None), (2.0, None),
    ],
)  # fmt: skip
def test_numbers_throughout(values: Any, number: float | None) -> None:
    found = number_throughout(wrap(np.array(values, np.float32)))
    assert (None if found is None else str(found.item())) == (
        None if number is None else str(number)
    )


def test_random_numbers_are_left_to_be_drawn() -> None:
    trace = GraphTrace()
    trace.takes_everything = True
    with graph_running(trace):
        state = trace.tracer_of(flux.Generator(0).state)
        drawn = random_p.bind(state, kind="uniform", shape=(2,), dtype=dtypes.float32)
        trace.graph.outputs = [trace.variable_of(drawn)]
    assert names(applied(fold_constants, trace.graph)) == ["random"]


# Common subexpressions


def test_equations_are_shared_by_value() -> None:
    def f(x: Tensor, y: Tensor) -> Any:
        return [x + y, y + x, x - y, y - x, ops.sum(x, axis=0), ops.sum(x, axis=0), x * 2, x * 2.0]

    graph = after(share_common, f, X, X)
    assert names(graph) == ["add", "subtract", "subtract", "sum", "multiply"]
    assert graph.outputs[0] is graph.outputs[1]


def test_parameters_that_only_look_the_same_are_told_apart() -> None:
    def f(x: Tensor) -> Any:
        return [ops.full((2,), 0.0), ops.full((2,), -0.0), ops.full((2,), 0, dtype="float32")]

    trace = GraphTrace()
    trace.takes_everything = True
    with graph_running(trace):
        trace.graph.outputs = [trace.variable_of(t) for t in f(trace.input(X))]
    assert names(applied(share_common, trace.graph)) == ["full"] * 3


def test_sizes_are_compared_as_polynomials() -> None:
    x = of(N, 4)
    graph = after(share_common, lambda v: [v.reshape((4 * N,)), v.reshape((-1,))], x)
    assert len(names(graph)) == 1


def test_random_draws_of_different_states_are_not_shared() -> None:
    def f(x: Tensor) -> Tensor:
        return x + flux.rand((4, 3)) - flux.rand((4, 3))

    graph, _, _ = specialised(f, flux.ones((4, 3)))
    assert names(optimise(graph)).count("random") == 2


# Pinned sizes


def test_sizes_that_guards_pin_are_numbers() -> None:
    graph = traced_with_guards()
    assert str(graph.inputs[0].type) == 'Float32[Tensor, "batch d"]'
    new = pin_sizes(graph)
    assert str(new.inputs[0].type) == 'Float32[Tensor, "batch 3"]'
    assert [str(s) for s, _ in new.equations[0].params["sizes"]] == ["batch"]
    assert len(new.guards) == len(graph.guards) == 1
    check_graph(new)
    unpinned = traced(lambda x: x * 2, of(N))
    assert pin_sizes(unpinned) is unpinned


def traced_with_guards() -> Graph:
    trace = GraphTrace()
    batch, d = (symbol(n, kind="hinted", hint=3, owner=trace) for n in ("batch", "d"))
    with graph_running(trace):
        x = trace.input(of(batch, d))
        w = trace.input(of(3, 2))
        trace.graph.outputs = [trace.variable_of(flux.checkpoint(lambda: x @ w)())]
    return trace.graph


@pytest.mark.parametrize(
    ("guards", "pins"),
    [
        ([Guard(N, "==", 3, True)], {"n": 3}),
        ([Guard(3, "==", N, True)], {"n": 3}),
        ([Guard(2 * N + 1, "==", 7, True)], {"n": 3}),
        ([Guard(N, "==", symbol("m"), True), Guard(symbol("m"), "==", 4, True)], {"n": 4, "m": 4}),
        ([Guard(N, "==", 3, False)], {}),
        ([Guard(N, "<=", 3, True)], {}),
        ([Guard(N // 2, "==", 3, True)], {}),
    ],
)
def test_what_guards_pin(guards: list[Guard], pins: dict[str, int]) -> None:
    assert {str(s): n for s, n in pinned_by(guards).items()} == pins


# The traversal


def test_symbols_stay_and_no_guard_is_added() -> None:
    trace = GraphTrace()
    n = symbol("n", kind="hinted", hint=3, owner=trace)
    with graph_running(trace):
        x = trace.input(of(n, 4))
        trace.graph.outputs = [trace.variable_of(flux.softmax(x * 1) + ops.mean(x))]
    graph = applied(optimise, trace.graph)
    assert graph.guards == []
    assert all(not isinstance(d, Dim) or d is n for v in graph.outputs for d in v.type.shape)
    with pytest.raises(UndecidedError, match="complete"):
        bool(n == 3)


def test_a_rule_that_would_decide_a_size_leaves_the_equation() -> None:
    trace = GraphTrace()
    n = symbol("n", kind="hinted", hint=3, owner=trace)
    with graph_running(trace):
        trace.graph.outputs = [trace.variable_of(ops.exp(trace.input(of(n))))]

    def rule(x: Any) -> Any:
        return x if x.shape[0] > 2 else ops.exp(x) * 2

    graph = applied(lambda g: rewrite(g, Rewrites({exp_p: (rule,)})), trace.graph)
    assert names(graph) == ["exp"]
    assert graph.guards == []


def test_values_of_outer_transformations_may_be_constants() -> None:
    def f(y: Tensor) -> Tensor:
        graph = optimise(traced(lambda x: x * y + 0.0 * y, of()))
        assert [t for _, t in graph.constants if isinstance(t, Tracer)]
        return run_graph(graph, [flux.asarray(3.0)], {})[0]

    assert flux.gradient(f, flux.asarray(2.0)).item() == 3.0
