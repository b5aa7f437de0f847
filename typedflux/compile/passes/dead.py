"""Dead code: equations and constants that no result depends on are dropped.

No primitive has an effect, so nothing else is kept: the state of random generators and what is
assigned to fields are results of a graph.
"""

from __future__ import annotations

from typedflux.core.graph import Equation, Graph, Variable
from typedflux.tensor import Tensor


def drop_dead(graph: Graph) -> Graph:
    """The graph without equations whose results are not used, and constants in order of use.

    Inputs stay, used or not: they are the graph's signature.
    """
    used: set[Variable] = set(graph.outputs)
    kept: list[Equation] = []
    for equation in reversed(graph.equations):
        if not used.isdisjoint(equation.outputs):
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
