"""Closing a function: a graph of all that it does, with what it captured as inputs.

Checkpoints and control flow perform a function again, or not at all, or many times. They work on a
graph of it, in which the tensors that it captured, in variables and in the fields of objects, are
inputs like any other, and what it assigns to fields is a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from typedflux.core.graph import Graph, GraphTrace, Variable, run_graph
from typedflux.core.stateful import Captures, capturing
from typedflux.core.tracing import graph_running
from typedflux.core.tree import children, map_leaves, rebuild
from typedflux.core.types import TensorType
from typedflux.shapes.dims import Dim, Symbol, size_of, symbols
from typedflux.tensor import Tensor

Field: TypeAlias = tuple[Any, str]
"""An object and the name of one of its fields."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Where the result's tensor of this position goes."""

    position: int


@dataclass(slots=True, eq=False)
class Closed:
    """A function as a graph.

    Attributes:
        graph: takes the function's own tensors, then the captured ones.
        captured: the tensors of the outer world that it uses.
        result: what it returned, with a `Hole` for each tensor.
        writes: fields it assigned to, and the value likewise.
        sizes: the symbolic sizes that the graph depends on, `(symbol, size)`; a transformation that
            runs the graph later has numbers in the place of the second.
    """

    graph: Graph
    captured: list[Tensor]
    result: Any
    writes: list[tuple[Field, Any]]
    sizes: tuple[tuple[Symbol, Any], ...]

    def types(self) -> tuple[TensorType, ...]:
        """Types of the graph's results."""
        return tuple([v.type for v in self.graph.outputs])


def fill_holes(template: Any, tensors: Sequence[Tensor]) -> Any:
    """The value that a template stands for."""
    if type(template) is Hole:
        return tensors[template.position]
    parts = children(template)
    if not parts:
        return template
    return rebuild(template, [fill_holes(part, tensors) for _, part in parts])


class _BodyTrace(GraphTrace):
    __slots__ = ()

    is_body = True
    takes_outer = True


def close(
    function: Callable[..., Any],
    types: Sequence[TensorType] = (),
    fields: Sequence[tuple[Field, Any, Sequence[TensorType]]] = (),
) -> Closed:
    """Trace `function`, called with tensors of these types.

    `fields` are read as further inputs of the graph, after the function's own: each with its value
    now and the types of the tensors in that.
    """
    trace = _BodyTrace()
    captures = Captures(trace.tracer_of)
    outputs: list[Variable] = trace.graph.outputs

    def template(value: Any) -> Any:
        if isinstance(value, Tensor):
            outputs.append(trace.variable_of(value))
            return Hole(len(outputs) - 1)
        parts = children(value)
        if not parts:
            return value
        return rebuild(value, [template(part) for _, part in parts])

    with graph_running(trace):
        args = [trace.input(t) for t in types]
        for (owner, name), value, inner in fields:
            inputs = iter([trace.input(t) for t in inner])
            captures.preset(owner, name, map_leaves(lambda _, i=inputs: next(i), value))  # type: ignore[misc]
        with capturing(captures):
            out = function(*args)
        result = template(out)
        writes = [
            (field, template(captures.values[key])) for key, field in captures.written.items()
        ]
    graph = trace.graph
    captured = [t for _, t in graph.constants]
    graph.inputs.extend([v for v, _ in graph.constants])
    graph.constants = []
    found = {
        s: None
        for v in _variables(graph)
        for d in v.type.shape
        if isinstance(d, Dim)
        for s in symbols(d)
    }
    sizes = tuple([(s, size_of(s)) for s in found])
    return Closed(graph, captured, result, writes, sizes)


def _variables(graph: Graph) -> list[Variable]:
    return [*graph.inputs, *[v for e in graph.equations for v in e.outputs]]


def perform(
    graph: Graph, sizes: Sequence[tuple[Symbol, Any]], tensors: Sequence[Tensor]
) -> list[Tensor]:
    """The results of a closed graph: its operations performed one by one."""
    known = all([isinstance(size, int) for _, size in sizes])
    return run_graph(graph, tensors, dict(sizes) if known else None)


def commit(writes: Sequence[tuple[Field, Any]], tensors: Sequence[Tensor]) -> None:
    """Assign to the fields what the graph computed for them."""
    for (owner, name), template in writes:
        setattr(owner, name, fill_holes(template, tensors))
