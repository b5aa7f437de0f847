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


def check_nested_vmap(row: Row) -> None:
    """Batches of batches, and a batch of one operand against a batch of the others."""
    dtype = row.dtypes[-1]
    turns = [row.generate(turn) for turn in range(6)]

    def f(*xs: Tensor) -> Sequence[Tensor]:
        return outputs(row.function(*xs))

    for j, operands in enumerate(turns[0]):
        batches = [[cast(x, dtype) for x in turn[j]] for turn in turns]
        singles = [f(*map(wrap, b)) for b in batches]
        pairs = []
        for i in range(len(operands)):
            halves = [np.stack([b[i] for b in half]) for half in (batches[:3], batches[3:])]
            pairs.append(wrap(np.stack(halves, 1)))
        found = flux.vmap(flux.vmap(f), in_axes=1)(*pairs)
        for k, g in enumerate(found):
            wanted = flux.stack([s[k] for s in singles])
            assert_same(row, flux.reshape(g, wanted.shape), wanted, 4)
        if len(operands) > 1:
            _check_crossed(row, f, batches[:3])


def _check_crossed(row: Row, f: Function, batches: list[list[Any]]) -> None:
    first, *rest = [wrap(np.stack([b[i] for b in batches])) for i in range(len(batches[0]))]

    def outer(x: Tensor, *others: Tensor) -> Sequence[Tensor]:
        inner: Sequence[Tensor] = flux.vmap(lambda *each: f(x, *each))(*others)
        return inner

    found = flux.vmap(outer, in_axes=(0, *(None for _ in rest)))(first, *rest)
    for a, x in enumerate(batches):
        for b, others in enumerate(batches):
            for g, want in zip(found, f(wrap(x[0]), *map(wrap, others[1:])), strict=True):
                assert_same(row, g[a, b], want, 4)


def check_graph_of_vmap(row: Row) -> None:
    """A batch of symbolic size, traced, and run with another size where no guard forbids it."""
    dtype = row.dtypes[-1]
    turns = [row.generate(turn) for turn in range(5)]

    def f(*xs: Tensor) -> Sequence[Tensor]:
        mapped: Sequence[Tensor] = flux.vmap(lambda *each: outputs(row.function(*each)))(*xs)
        return mapped

    for j, operands in enumerate(turns[0]):
        batches = [[cast(x, dtype) for x in turn[j]] for turn in turns]

        def stacked(count: int, batches: Any = batches, n: int = len(operands)) -> list[Tensor]:
            return [wrap(np.stack([b[i] for b in batches[:count]])) for i in range(n)]

        few, many = stacked(3), stacked(5)
        graph = trace_with_hints(
            f, [TensorType(x.dtype, (symbol("d3"), *x.shape[1:])) for x in few]
        )
        _assert_all_same(row, run_graph(graph, few, {"d3": 3}), f(*few))
        if all(holds(guard, {"d3": 5}) for guard in graph.guards):
            _assert_all_same(row, run_graph(graph, many, {"d3": 5}), f(*many))


def check_gradient_of_vmap(row: Row) -> None:
    """The derivative of a batched operation is the batch of its derivatives."""
    turns = [row.generate(turn) for turn in range(3)]
    places = row.is_differentiable(turns[0][0])
    if not places:
        return
    batches = [[wrap(cast(x, dtypes.float64)) for x in turn[0]] for turn in turns]
    stacked = [flux.stack([b[i] for b in batches]) for i in range(len(batches[0]))]

    def batched(*some: Tensor) -> tuple[Tensor, ...]:
        full = list(stacked)
        for place, x in zip(places, some, strict=True):
            full[place] = x
        found = flux.vmap(lambda *each: outputs(row.function(*each)))(*full)
        return tuple(y for y in found if y.dtype.is_inexact)

    ys, pullback = flux.vjp(batched, *[stacked[i] for i in places])
    cotangents = directions(ys, 9)
    found = outputs(pullback(tuple(cotangents)))
    for k, batch in enumerate(batches):
        _, single = flux.vjp(restrict(row, batch, places), *[batch[i] for i in places])
        wanted = outputs(single(tuple([c[k] for c in cotangents])))
        for g, want in zip(found, wanted, strict=True):
            assert_same(row, g[k], want, 64)
