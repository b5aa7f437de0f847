"""Closing a function: a graph of all that it does, with what it captured as inputs.

Checkpoints and control flow perform a function again, or not at all, or many times. They work on a
graph of it, in which the tensors that it captured, in variables and in the fields of objects, are
inputs like any other, and what it assigns to fields is a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from typedflux.core.graph import Graph, GraphTrace, run_graph
from typedflux.core.primitive import type_of
from typedflux.core.stateful import Captures, capturing
from typedflux.core.tracing import graph_running
from typedflux.core.tree import leaves, map_leaves, replace_leaves
from typedflux.core.types import TensorType
from typedflux.shapes.dims import Dim, Symbol, size_of, symbols
from typedflux.tensor import Tensor

Field: TypeAlias = tuple[Any, str]
"""An object and the name of one of its fields."""


@dataclass(slots=True, eq=False)
class Closed:
    """A function as a graph.

    Attributes:
        graph: takes the function's own tensors, then the captured ones.
        captured: the tensors of the outer world that it uses.
        result: what it returned, with tensors that have a type and no value; they are the graph's
            first results.
        writes: the fields it assigned to.
        sizes: the symbolic sizes that the graph depends on, `(symbol, size)`; a transformation that
            runs the graph later has numbers in the place of the second.
    """

    graph: Graph
    captured: list[Tensor]
    result: Any
    writes: list[Field]
    sizes: tuple[tuple[Symbol, Any], ...]

    def finish(self, results: Sequence[Tensor]) -> Any:
        """What the function returned, from the graph's results."""
        return replace_leaves(self.result, results)


class _BodyTrace(GraphTrace):
    __slots__ = ()

    is_body = True
    takes_outer = True


def close(
    function: Callable[..., Any],
    types: Sequence[TensorType] = (),
    fields: Sequence[Field] = (),
    field_types: Sequence[TensorType] = (),
) -> Closed:
    """Trace `function`, called with tensors of these types.

    The tensors in `fields` are further inputs of the graph, after the function's own.
    """
    trace = _BodyTrace()
    captures = Captures(trace.tracer_of)
    with graph_running(trace):
        args = [trace.input(t) for t in types]
        inputs = iter([trace.input(t) for t in field_types])
        for owner, name in fields:
            captures.preset(owner, name, map_leaves(lambda _: next(inputs), getattr(owner, name)))
        with capturing(captures):
            result = function(*args)
        trace.graph.outputs = [trace.variable_of(t) for t in leaves(result)]
    graph = trace.graph
    captured = [t for _, t in graph.constants]
    graph.inputs.extend([v for v, _ in graph.constants])
    graph.constants = []
    found = {
        s: None
        for v in [*graph.inputs, *[v for e in graph.equations for v in e.outputs]]
        for d in v.type.shape
        if isinstance(d, Dim)
        for s in symbols(d)
    }
    sizes = tuple([(s, size_of(s)) for s in found])
    return Closed(graph, captured, result, list(captures.written.values()), sizes)


def close_with_fields(
    functions: Sequence[Callable[..., Any]], types: Sequence[TensorType] = ()
) -> tuple[list[Closed], list[Field]]:
    """Close functions that are alternatives to each other, with all fields that one of them assigns
    to: each returns `(result, values of the fields)`."""
    fields: dict[tuple[int, str], Field] = {}
    closed = [close(f, types) for f in functions]
    for c in closed:
        fields.update({(id(owner), name): (owner, name) for owner, name in c.writes})
    written = list(fields.values())
    if not written:
        for c in closed:
            c.result = (c.result, [])
        return closed, written

    def both(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: (f(*args), [getattr(owner, name) for owner, name in written])

    return [close(both(f), types) for f in functions], written


def close_loop(
    body: Callable[..., tuple[Any, Any]],
    state: Sequence[TensorType],
    others: Sequence[TensorType] = (),
) -> tuple[Closed, list[Field]]:
    """Close the body of a loop, called with the tensors of the state and others; it returns
    `(new state, rest)`.

    The fields that it assigns to are part of the state. The graph takes the captured tensors, the
    state, the fields and the others; its result is `((new state, values of the fields), rest)`.

    Raises:
        TypeError: when a field's value changes its type.
    """
    fields: list[Field] = []
    while True:
        before = [leaves(getattr(owner, name)) for owner, name in fields]
        field_types = [type_of(t) for group in before for t in group]

        def both(*tensors: Tensor, fields: list[Field] = fields) -> Any:
            new, rest = body(*tensors)
            return (new, [getattr(owner, name) for owner, name in fields]), rest

        closed = close(both, [*state, *others], fields, field_types)
        known = {(id(owner), name) for owner, name in fields}
        new = [field for field in closed.writes if (id(field[0]), field[1]) not in known]
        if not new:
            break
        fields = [*fields, *new]
    for (owner, name), values, old in zip(fields, closed.result[0][1], before, strict=True):
        after = [type_of(t) for t in leaves(values)]
        if [str(t) for t in after] != [str(type_of(t)) for t in old]:
            raise TypeError(
                f"{type(owner).__name__}.{name} changes its type in a loop: it is "
                f"{', '.join(str(type_of(t)) for t in old)} before a step and "
                f"{', '.join(map(str, after))} after it"
            )
    inputs = closed.graph.inputs
    first, rest = inputs[: len(state)], inputs[len(state) :]
    inner, rest = rest[: len(others)], rest[len(others) :]
    held, captured = rest[: len(field_types)], rest[len(field_types) :]
    closed.graph.inputs = [*captured, *first, *held, *inner]
    return closed, fields


def assign(fields: Sequence[Field], values: Sequence[Any]) -> None:
    """Assign to fields what a closed function computed for them."""
    for (owner, name), value in zip(fields, values, strict=True):
        setattr(owner, name, value)


def perform(
    graph: Graph, sizes: Sequence[tuple[Symbol, Any]], tensors: Sequence[Tensor]
) -> list[Tensor]:
    """The results of a closed graph: its operations performed one by one."""
    known = all([isinstance(size, int) for _, size in sizes])
    return run_graph(graph, tensors, dict(sizes) if known else None)
