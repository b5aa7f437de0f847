"""Graphs for tests of passes, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from typedflux import dtypes
from typedflux.compile.jit import Jitted
from typedflux.compile.passes.checking import check_graph
from typedflux.compile.signature import flatten
from typedflux.core.graph import Graph, run_graph, trace_graph
from typedflux.core.tree import leaves
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import DType
from typedflux.tensor import Tensor

Pass = Callable[[Graph], Graph]


def of(*shape: Any, dtype: DType = dtypes.float32) -> TensorType:
    """A type."""
    sizes: Shape = shape
    return TensorType(dtype, sizes)


def traced(function: Callable[..., Any], *types: TensorType) -> Graph:
    """The graph of a function of tensors of these types that returns one tensor or a list."""

    def listed(*xs: Tensor) -> Sequence[Tensor]:
        out = function(*xs)
        return [out] if isinstance(out, Tensor) else list(out)

    return trace_graph(listed, types)


def after(run: Pass, function: Callable[..., Any], *types: TensorType) -> Graph:
    """The graph after a pass, verified; the graph before it is left as it was."""
    graph = traced(function, *types)
    return applied(run, graph)


def applied(run: Pass, graph: Graph) -> Graph:
    """The same for a graph."""
    before = str(graph)
    new = run(graph)
    check_graph(new, graph)
    assert str(graph) == before
    return new


def names(graph: Graph) -> list[str]:
    """What its equations do."""
    return [e.primitive.name for e in graph.equations]


def text(graph: Graph) -> str:
    """Its equations and results without types, one on each line."""
    lines = []
    for line in str(graph).splitlines()[1:]:
        left, _, right = line.strip().partition(" = ")
        if right:
            lines.append(f"{', '.join(p.split(':')[0] for p in left.split('], '))} = {right}")
        elif left.startswith("return"):
            lines.append(left)
    return "\n".join(lines)


def specialised(
    function: Callable[..., Any], *args: Any
) -> tuple[Graph, list[Tensor], dict[Any, int]]:
    """The graph that `jit` makes of a call, its inputs and the symbolic sizes."""
    found, sizes = Jitted(function).specialise(args, {})
    inputs = list(flatten((args, {})).leaves)
    for owner, name in found.captured_now():
        inputs.extend(leaves(getattr(owner, name)))
    return found.graph, inputs, sizes


def assert_same_values(
    new: Graph, old: Graph, inputs: Sequence[Tensor], sizes: dict[Any, int], tolerance: float
) -> None:
    """Two graphs give the same."""
    pairs = zip(run_graph(new, inputs, sizes), run_graph(old, inputs, sizes), strict=True)
    for place, (got, want) in enumerate(pairs):
        assert got.dtype is want.dtype
        assert got.shape == want.shape
        np.testing.assert_allclose(
            got.numpy(), want.numpy(), rtol=tolerance, atol=tolerance, err_msg=f"result {place}"
        )
