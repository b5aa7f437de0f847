"""The checks of traced graphs, `jit` and `vmap`: they give what eager operations give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import typedflux as flux
from tests.ops.derivatives import directions, restrict
from tests.ops.harness import assert_same, outputs, sizes_of, symbolic_shape
from tests.ops.row import Operands, Row, cast, tensors
from typedflux import dtypes
from typedflux.compile.jit import holds
from typedflux.core.graph import Graph, GraphTrace, run_graph, trace_graph
from typedflux.core.primitive import type_of
from typedflux.core.tracing import graph_running
from typedflux.core.types import Shape, TensorType
from typedflux.shapes.dims import symbol
from typedflux.tensor import Tensor, wrap

Function = Callable[..., Sequence[Tensor]]


def trace_with_hints(function: Function, types: Sequence[TensorType]) -> Graph:
    """The graph, its symbolic sizes owned by the trace as in `jit`."""
    trace = GraphTrace()
    with graph_running(trace):
        inputs = [trace.input(_owned(t, trace)) for t in types]
        trace.graph.outputs.extend([trace.variable_of(o) for o in function(*inputs)])
    return trace.graph


def _owned(type: TensorType, trace: GraphTrace) -> TensorType:
    shape: Shape = tuple(
        d
        if isinstance(d, int)
        else symbol(str(d), kind="hinted", hint=int(str(d)[1:]), owner=trace)
        for d in type.shape
    )
    return TensorType(type.dtype, shape)


def check_graph(row: Row) -> None:
    """A traced graph, run again, gives what the operation gives, for other sizes too."""
    dtype = row.dtypes[-1]
    for operands in row.generate():
        _check_rerun(row, lambda *xs: outputs(row.function(*xs)), operands, dtype)


def check_graph_of_gradient(row: Row) -> None:
    """So does the graph of its pullback."""
    dtype = dtypes.float64

    def backward(*xs: Tensor) -> Sequence[Tensor]:
        ys, pullback = flux.vjp(restrict(row, xs, places), *[xs[i] for i in places])
        return outputs(pullback(tuple([y + 1 for y in ys])))

    for operands in row.generate():
        places = row.is_differentiable(operands)
        if places:
            _check_rerun(row, backward, operands, dtype)


def _check_rerun(row: Row, f: Function, operands: Operands, dtype: Any) -> None:
    xs = tensors(operands, dtype)
    wanted = f(*xs)
    graph = trace_graph(f, [type_of(x) for x in xs])
    _assert_all_same(row, run_graph(graph, xs, {}), wanted)

    shapes = [symbolic_shape(row, i, x.shape) for i, x in enumerate(operands)]
    sizes = sizes_of(shapes, [x.shape for x in operands])
    types = [TensorType(x.dtype, s) for x, s in zip(xs, shapes, strict=True)]
    graph = trace_with_hints(f, types)
    assert all(holds(g, sizes) for g in graph.guards)
    _assert_all_same(row, run_graph(graph, xs, sizes), wanted)
    if not row.resizable:
        return
    doubled = {name: 2 * size for name, size in sizes.items()}
    if all(holds(g, doubled) for g in graph.guards):
        larger = tensors(tuple(map(_doubled, operands, shapes)), dtype)
        _assert_all_same(row, run_graph(graph, larger, doubled), f(*larger))


def _doubled(x: Any, shape: Shape) -> Any:
    for axis, size in enumerate(shape):
        if not isinstance(size, int):
            x = np.concatenate([x, x], axis)
    return x


def _assert_all_same(row: Row, got: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    for g, want in zip(got, wanted, strict=True):
        assert_same(row, g, want, 1)


def check_jit(row: Row) -> None:
    """The compiled operation gives what the eager one gives."""
    quick = [d for d in (dtypes.float32, dtypes.int32) if d in row.dtypes]
    for dtype in quick or row.dtypes[:1]:
        xs = tensors(row.generate()[0], dtype)
        got = outputs(flux.jit(row.function)(*xs))
        _assert_all_same(row, got, outputs(row.function(*xs)))


def check_vmap(row: Row) -> None:
    """`vmap` is a loop over the batch: each operand batched alone, and all, at several axes."""
    turns = [row.generate(turn) for turn in range(3)]
    dtype = row.dtypes[-1]
    for j, operands in enumerate(turns[0]):
        count = len(operands)
        batches = [[cast(x, dtype) for x in turn[j]] for turn in turns]
        masks = [(True,) * count]
        if count > 1:
            masks += [tuple(i == k for i in range(count)) for k in range(count)]
        for mask in masks:
            for axis in (0, -1):
                in_axes = tuple(axis if batched else None for batched in mask)
                _check_mapped(row, lambda *xs: outputs(row.function(*xs)), batches, in_axes)


def check_vmap_of_gradient(row: Row) -> None:
    """Gradients for each example of a batch, and their batch traced the other way round."""
    turns = [row.generate(turn) for turn in range(3)]
    operands = turns[0][0]
    places = row.is_differentiable(operands)
    if not places:
        return

    def backward(*xs: Tensor) -> Sequence[Tensor]:
        ys, pullback = flux.vjp(restrict(row, xs, places), *[xs[i] for i in places])
        return outputs(pullback(tuple(directions(ys, 8))))

    batches = [[cast(x, dtypes.float64) for x in turn[0]] for turn in turns]
    for mask in ([0] * len(operands), [None if i else 0 for i in range(len(operands))]):
        _check_mapped(row, backward, batches, tuple(mask))


def _check_mapped(
    row: Row, f: Function, batches: list[list[Any]], in_axes: tuple[int | None, ...]
) -> None:
    pairs = list(zip(batches[0], in_axes, strict=True))
    stacked = [
        wrap(x if axis is None else np.stack([b[i] for b in batches], axis))
        for i, (x, axis) in enumerate(pairs)
    ]
    got = flux.vmap(f, in_axes=in_axes)(*stacked)
    singles = [
        f(*[wrap(x if axis is None else b[i]) for i, (x, axis) in enumerate(pairs)])
        for b in batches
    ]
    for k, g in enumerate(got):
        assert_same(row, g, flux.stack([s[k] for s in singles]), 4)
