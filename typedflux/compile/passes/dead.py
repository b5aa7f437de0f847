"""Dead code: equations and constants that no result depends on are dropped.

No primitive has an effect, so nothing else is kept: the state of random generators and what is
assigned to fields are results of a graph.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from typedflux.compile.passes.loops import prune
from typedflux.core.graph import Equation, Graph, Variable
from typedflux.tensor import Tensor


def _without_unused(equation: Equation, used: set[Variable]) -> Equation:
    pruned = prune(equation, used)
    if pruned is equation:
        return equation
    params = {name: _dropped(value) for name, value in pruned.params.items()}
    return replace(pruned, params=params)


def _dropped(value: Any) -> Any:
    if type(value) is Graph:
        return drop_dead(value)
    if type(value) is tuple and any([type(item) is Graph for item in value]):
        return tuple([_dropped(item) for item in value])
    return value


def drop_dead(graph: Graph) -> Graph:
    """The graph without equations whose results are not used, and constants in order of use.

    Inputs stay, used or not: they are the graph's signature. What loops and branches compute for
    results that are not used goes too.
    """
    used: set[Variable] = set(graph.outputs)
    kept: list[Equation] = []
    for equation in reversed(graph.equations):
        if not used.isdisjoint(equation.outputs):
            if equation.primitive.calls_back:
                equation = _without_unused(equation, used)
            kept.append(equation)
            used.update(equation.inputs)
    kept.reverse()
    waiting = {v: t for v, t in graph.constants if v in used}
    constants: list[tuple[Variable, Tensor]] = []
    if waiting:
        order = [v for e in kept for v in e.inputs if v in waiting]
        order += [v for v in graph.outputs if v in waiting]
        constants = [(v, waiting[v]) for v in dict.fromkeys(order)]
    return Graph(list(graph.inputs), constants, kept, list(graph.outputs), list(graph.guards))
