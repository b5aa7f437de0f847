"""Verification of graphs: that a pass has left one that can be run, of the types it had."""

from __future__ import annotations

import os
from typing import Any, Final

from typedflux.core.graph import Graph, Variable
from typedflux.core.types import TensorType
from typedflux.ops.families import same_shape

REQUESTED: Final = bool(os.environ.get("TYPEDFLUX_CHECK_PASSES"))
"""Whether every pass is to be verified: by the environment variable `TYPEDFLUX_CHECK_PASSES`."""


class GraphError(AssertionError):
    """A graph is not what it must be: an error in the compiler."""


def same_type(a: TensorType, b: TensorType) -> bool:
    """Whether two types are surely the same; no question is asked of symbolic sizes."""
    return a is b or (a.dtype is b.dtype and same_shape(a.shape, b.shape))


def check_graph(graph: Graph, like: Graph | None = None) -> None:
    """Verify that each variable is defined once, before it is used, and that the equations' types
    are what the shape rules say, in the graphs inside them too.

    Args:
        like: the graph before a pass: inputs, results and guards must be of the same types.

    Raises:
        GraphError: with the equation that is wrong.
    """
    defined: set[Variable] = set()

    def define(variable: Variable, where: str) -> None:
        if variable in defined:
            raise GraphError(f"{where} defines a variable again: {variable.type}\n{graph}")
        defined.add(variable)

    for variable in graph.inputs:
        define(variable, "the inputs")
    for variable, tensor in graph.constants:
        define(variable, "the constants")
        if not same_type(variable.type, TensorType(tensor.dtype, tensor.shape)):
            raise GraphError(f"a constant of type {variable.type} is {tensor.dtype}{tensor.shape}")
    for place, equation in enumerate(graph.equations):
        where = f"equation {place}, {equation.primitive.name}"
        for variable in equation.inputs:
            if variable not in defined:
                raise GraphError(f"{where}, uses an undefined {variable.type}\n{graph}")
        for value in equation.params.values():
            _check_inside(value)
        _check_types(graph, where, equation)
        for variable in equation.outputs:
            define(variable, where)
    for variable in graph.outputs:
        if variable not in defined:
            raise GraphError(f"the results use an undefined {variable.type}\n{graph}")
    if like is not None:
        _check_like(graph, like)


def _check_types(graph: Graph, where: str, equation: Any) -> None:
    types = equation.primitive.infer([v.type for v in equation.inputs], equation.params)
    wanted = types if equation.primitive.multiple else (types,)
    if len(wanted) != len(equation.outputs):
        raise GraphError(f"{where}, has {len(equation.outputs)} results, not {len(wanted)}")
    for variable, type in zip(equation.outputs, wanted, strict=True):
        if not same_type(variable.type, type):
            raise GraphError(f"{where}, gives {type}, not {variable.type}\n{graph}")


def _check_inside(value: Any) -> None:
    if isinstance(value, Graph):
        check_graph(value)
    elif type(value) is tuple:
        for item in value:
            _check_inside(item)


def _check_like(graph: Graph, like: Graph) -> None:
    for what, new, old in (
        ("inputs", graph.inputs, like.inputs),
        ("results", graph.outputs, like.outputs),
    ):
        if len(new) != len(old):
            raise GraphError(f"there are {len(new)} {what}, before {len(old)}")
        for a, b in zip(new, old, strict=True):
            if not same_type(a.type, b.type):
                raise GraphError(f"among the {what} is {a.type}, before {b.type}")
    if [str(g) for g in graph.guards] != [str(g) for g in like.guards]:
        raise GraphError(f"guards {graph.guards}, before {like.guards}")
