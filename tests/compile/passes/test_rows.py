"""Optimised graphs of every operation, and of its pullback, give what they gave before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

import typedflux as flux
from tests.ops.derivatives import differentiable, restrict
from tests.ops.harness import assert_same, outputs, sizes_of, symbolic_shape
from tests.ops.row import Operands, Row, tensors
from tests.ops.rows import ROWS
from tests.ops.transformed import trace_with_hints
from typedflux import dtypes
from typedflux.compile.jit import holds
from typedflux.compile.passes import optimise
from typedflux.compile.passes.checking import check_graph
from typedflux.compile.passes.pinning import pin_sizes
from typedflux.core.graph import Graph, run_graph, trace_graph
from typedflux.core.primitive import type_of
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.tensor import Tensor

Function = Callable[..., Sequence[Tensor]]


def optimised(graph: Graph) -> Graph:
    """The optimised graph, verified."""
    before, guards = str(graph), len(graph.guards)
    new = optimise(graph)
    check_graph(new, pin_sizes(graph))
    assert str(graph) == before
    assert len(graph.guards) == guards
    return new


def check(row: Row, f: Function, operands: Operands, dtype: DType) -> None:
    """With fixed sizes, and with symbolic ones."""
    xs = tensors(operands, dtype)
    wanted = f(*xs)
    graph = optimised(trace_graph(f, [type_of(x) for x in xs]))
    for got, want in zip(run_graph(graph, xs, {}), wanted, strict=True):
        assert_same(row, got, want, 4)
    shapes = [symbolic_shape(row, i, x.shape) for i, x in enumerate(operands)]
    sizes = sizes_of(shapes, [x.shape for x in operands])
    types = [TensorType(x.dtype, s) for x, s in zip(xs, shapes, strict=True)]
    graph = optimised(trace_with_hints(f, types))
    assert str(optimise(graph)) == str(graph)
    assert all(holds(g, sizes) for g in graph.guards)
    for got, want in zip(run_graph(graph, xs, sizes), wanted, strict=True):
        assert_same(row, got, want, 4)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_values(row: Row) -> None:
    wide = row.dtypes[-1]
    for dtype in dict.fromkeys(
        [d for d in (dtypes.float32, dtypes.float16, wide) if d in row.dtypes]
    ):
        for operands in row.generate():
            check(row, lambda *xs: outputs(row.function(*xs)), operands, dtype)


@pytest.mark.parametrize("row", [r for r in ROWS if r.edges is not None], ids=lambda row: row.name)
def test_edges(row: Row) -> None:
    assert row.edges is not None
    if dtypes.float32 not in row.dtypes:
        return
    for operands in row.edges():
        check(row, lambda *xs: outputs(row.function(*xs)), operands, dtypes.float32)


@pytest.mark.parametrize("row", [r for r in ROWS if differentiable(r)], ids=lambda row: row.name)
def test_pullbacks(row: Row) -> None:
    for operands in row.generate():
        places = row.is_differentiable(operands)

        def backward(*xs: Tensor, places: tuple[int, ...] = places) -> Sequence[Tensor]:
            ys, pullback = flux.vjp(restrict(row, xs, places), *[xs[i] for i in places])
            return outputs(pullback(tuple([y + 1 for y in ys])))

        if places:
            check(row, backward, operands, dtypes.float64)
