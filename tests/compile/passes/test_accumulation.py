"""Sums of products that become one product."""

from __future__ import annotations

from typing import Any

import numpy as np

import typedflux as flux
from tests.compile.passes.helpers import after, applied, assert_same_values, names, of, traced
from typedflux import Tensor, ops
from typedflux.compile.passes import optimise
from typedflux.compile.passes.accumulation import accumulate
from typedflux.core.graph import Graph
from typedflux.shapes.dims import symbol
from typedflux.tensor import wrap

N: Any = symbol("n")


def total(count: int) -> Any:
    """The gradient of a weight that is used so many times, and a decay."""

    def f(w: Tensor, x: Tensor) -> Tensor:
        terms = [ops.exp(x * float(i)).mT @ (x + float(i)) for i in range(count)]
        out = terms[0]
        for term in terms[1:]:
            out = out + term
        return w * 0.5 + out

    return f


def tensors(*shapes: tuple[int, ...]) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [wrap(rng.standard_normal(shape).astype(np.float32) / 4) for shape in shapes]


def check(graph: Graph, sizes: dict[Any, int], *shapes: tuple[int, ...]) -> Graph:
    new = applied(accumulate, graph)
    assert_same_values(new, graph, tensors(*shapes), sizes, 1e-5)
    assert str(accumulate(new)) == str(new)
    return new


def test_many_products_become_one() -> None:
    graph = check(traced(total(5), of(3, 3), of(N, 3)), {"n": 4}, (3, 3), (4, 3))
    found = names(graph)
    assert found.count("matmul") == 1
    assert found.count("concat") == 2
    assert found[-2:] == ["matmul", "add"]
    assert str(graph.outputs[0].type) == 'Float32[Tensor, "3 3"]'


def test_few_stay_as_they_are() -> None:
    graph = traced(total(3), of(3, 3), of(4, 3))
    assert accumulate(graph) is graph


def test_products_and_sums_that_are_used_otherwise_stay() -> None:
    def f(x: Tensor) -> Any:
        terms = [ops.exp(x * float(i)).mT @ x for i in range(6)]
        first = terms[0] + terms[1]
        return [first, first + terms[2] + terms[3] + terms[4] + terms[5], terms[5]]

    graph = traced(f, of(4, 3))
    assert accumulate(graph) is graph


def test_what_is_stacked_already_is_used() -> None:
    def f(x: Tensor) -> Any:
        rights = [x + float(i) for i in range(4)]
        out = rights[3].mT @ rights[3]
        for i in (2, 1, 0):
            out = out + ops.exp(rights[i]).mT @ rights[i]
        return [out, ops.stack(rights, axis=1)]

    graph = check(traced(f, of(4, 3)), {}, (4, 3))
    assert names(graph).count("stack") == 2
    assert names(graph).count("matmul") == 1


def test_a_recurrent_layer_has_one_product_for_each_weight() -> None:
    def step(w: Tensor, x: Tensor) -> Any:
        def loss(w: Tensor) -> Tensor:
            h = flux.zeros((x.shape[0], 3))
            for i in range(6):
                h = ops.tanh(h @ w + x[:, i])
            return h.sum()

        return flux.gradient(loss, w)

    graph = traced(step, of(3, 3), of(2, 6, 3))
    new = applied(optimise, graph)
    assert names(new).count("matmul") == 6 + 5 + 1
    assert_same_values(new, graph, tensors((3, 3), (2, 6, 3)), {}, 1e-5)


def test_a_term_that_is_one_number_is_transposed_too() -> None:
    def f(x: Tensor) -> Tensor:
        out = ops.broadcast_to(ops.sum(x), (3, 4)) @ x
        for i in range(4):
            out = out + ops.exp(x * float(i)).mT @ x
        return out

    graph = check(traced(f, of(4, 3)), {}, (4, 3))
    assert names(graph).count("matmul") == 1


def test_nothing_else_is_touched() -> None:
    assert names(after(accumulate, lambda x: x + x + x + x + x, of(3, 3))) == ["add"] * 4
