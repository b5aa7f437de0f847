"""Sizes that guards pin to a number become that number.

Where the traced function demanded `d == 784`, the graph runs for no other `d`: so it is 784 in all
types and parameters. The guards stay, and choose the graph at each call.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from typedflux.core.graph import Equation, Graph, Guard, Variable
from typedflux.core.types import TensorType
from typedflux.shapes.dims import Dim, Dimension, solve, substitute, symbols
from typedflux.shapes.polynomials import Symbol

Pins: TypeAlias = dict[Symbol | str, Dimension]
"""The numbers that symbols are."""


def pin_sizes(graph: Graph) -> Graph:
    """The graph with sizes that can only be one number as that number."""
    pins = pinned_by(graph.guards)
    return _pinned(graph, pins) if pins else graph


def pinned_by(guards: list[Guard]) -> Pins:
    """The symbols that guards leave one value, and those values."""
    pins: Pins = {}
    waiting = [g for g in guards if g.relation == "==" and g.holds]
    while True:
        count = len(pins)
        for guard in waiting:
            left, right = substitute(guard.left, pins), substitute(guard.right, pins)
            if isinstance(left, int):
                left, right = right, left
            if isinstance(left, Dim) and isinstance(right, int) and len(symbols(left)) == 1:
                found = solve(left, right)
                if isinstance(found, tuple) and isinstance(found[1], int):
                    pins[found[0]] = found[1]
        if len(pins) == count:
            return pins


def _pinned(graph: Graph, pins: Pins) -> Graph:
    place: dict[Variable, Variable] = {}

    def here(variable: Variable) -> Variable:
        found = place.get(variable)
        if found is None:
            shape = _value(variable.type.shape, pins)
            same = shape is variable.type.shape
            found = variable if same else Variable(TensorType(variable.type.dtype, shape))
            place[variable] = found
        return found

    inputs = [here(v) for v in graph.inputs]
    constants = [(here(v), t) for v, t in graph.constants]
    equations = []
    for e in graph.equations:
        params = {name: _value(value, pins) for name, value in e.params.items()}
        operands, outputs = tuple(map(here, e.inputs)), tuple(map(here, e.outputs))
        equations.append(Equation(e.primitive, operands, params, outputs, e.scope))
    results = [here(v) for v in graph.outputs]
    return Graph(inputs, constants, equations, results, graph.guards)


def _value(value: Any, pins: Pins) -> Any:
    """A parameter with pinned sizes as numbers; itself where there are none."""
    if isinstance(value, Dim):
        return substitute(value, pins) if symbols(value) & pins.keys() else value
    if isinstance(value, Graph):
        return _pinned(value, pins)
    if type(value) is tuple:
        new = tuple([_value(item, pins) for item in value if not _is_pin(item, pins)])
        same = len(new) == len(value) and all([a is b for a, b in zip(new, value, strict=True)])
        return value if same else new
    return value


def _is_pin(item: Any, pins: Pins) -> bool:
    """Whether it is a pinned symbol with its size, as closed graphs list them."""
    return type(item) is tuple and len(item) == 2 and type(item[0]) is Symbol and item[0] in pins
