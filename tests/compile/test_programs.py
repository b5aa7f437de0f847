"""Programs, native code for whole graphs, give what the operations give one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import typedflux as flux
from tests.ops.derivatives import differentiable, restrict
from tests.ops.harness import assert_same, outputs, sizes_of, symbolic_shape
from tests.ops.row import Operands, Row, tensors
from tests.ops.rows import ROWS
from tests.ops.transformed import trace_with_hints
from typedflux import dtypes
from typedflux.compile.jit import holds
from typedflux.compile.lowering.errors import UnsupportedError
from typedflux.compile.lowering.program import Program
from typedflux.compile.passes import optimise
from typedflux.core.graph import Graph, Variable, run_graph, trace_graph
from typedflux.core.primitive import type_of
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.shapes.dims import Unknown
from typedflux.tensor import Tensor, wrap

Function = Callable[..., Sequence[Tensor]]


def run(graph: Graph, xs: Sequence[Tensor], sizes: dict[str, int]) -> list[Tensor]:
    """The outputs of a graph as a program."""
    try:
        program = Program(optimise(graph))
    except UnsupportedError:  # sizes that depend on values: what `jit` leaves to the interpreter
        assert any(isinstance(n, Unknown) for v in all_variables(graph) for n in v.type.shape)
        return run_graph(graph, xs, sizes)
    return [wrap(a) for a in program.run([x._data for x in xs], sizes)]


def all_variables(graph: Graph) -> list[Variable]:
    """What the graph computes."""
    return [v for equation in graph.equations for v in equation.outputs]


def check(row: Row, f: Function, operands: Operands, dtype: DType, ulps: float = 64) -> None:
    """With fixed sizes, and with symbolic ones."""
    xs = tensors(operands, dtype)
    wanted = f(*xs)
    for got, want in zip(
        run(trace_graph(f, [type_of(x) for x in xs]), xs, {}), wanted, strict=True
    ):
        assert_same(row, got, want, ulps)
    shapes = [symbolic_shape(row, i, x.shape) for i, x in enumerate(operands)]
    sizes = sizes_of(shapes, [x.shape for x in operands])
    types = [TensorType(x.dtype, s) for x, s in zip(xs, shapes, strict=True)]
    graph = trace_with_hints(f, types)
    assert all(holds(g, sizes) for g in graph.guards)
    for got, want in zip(run(graph, xs, sizes), wanted, strict=True):
        assert_same(row, got, want, ulps)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_values(row: Row) -> None:
    dtype = dtypes.float32 if dtypes.float32 in row.dtypes else row.dtypes[-1]
    check(row, lambda *xs: outputs(row.function(*xs)), row.generate()[0], dtype)


@pytest.mark.deep
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_values_of_all_dtypes(row: Row) -> None:
    for dtype in row.dtypes:
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
    for operands in row.generate()[:1]:
        places = row.is_differentiable(operands)

        def backward(*xs: Tensor, places: tuple[int, ...] = places) -> Sequence[Tensor]:
            ys, pullback = flux.vjp(restrict(row, xs, places), *[xs[i] for i in places])
            return outputs(pullback(tuple([y + 1 for y in ys])))

        if places:
            check(row, backward, operands, dtypes.float64, 256)


def test_operands_that_are_not_contiguous() -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((6, 8)).astype(np.float32)
    x = flux.asarray(base, copy=False).T
    view = wrap(base[::2, 1:5])

    def f(x: Tensor, y: Tensor) -> list[Tensor]:
        return [(x * 2).sum(axis=0), y @ x[:4, :2], x, y.T]

    graph = trace_graph(f, [type_of(x), type_of(view)])
    for got, want in zip(run(graph, [x, view], {}), f(x, view), strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
