"""Control flow: results that nobody uses are not computed in it, and two walks with the same state
are one.

A gradient of `scan` walks forwards a second time to have the state before each step; what it needs
is recorded in the first walk instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from typedflux.compile.passes.rewriting import Rewriting, Rule
from typedflux.compile.passes.sharing import hashable
from typedflux.control.branching import cond_p
from typedflux.control.looping import while_p
from typedflux.control.scanning import scan_p
from typedflux.core.graph import Equation, Graph, Variable
from typedflux.core.primitive import Primitive
from typedflux.core.types import TensorType

# Results that nobody uses


def prune(equation: Equation, used: Collection[Variable]) -> Equation:
    """An equation of control flow without results that are not in `used`, without what is computed
    for them alone, and without operands that are then not needed."""
    pruning = {scan_p: _pruned_scan, while_p: _pruned_while, cond_p: _pruned_cond}
    found = pruning.get(equation.primitive)
    return equation if found is None else found(equation, used)


def needed(graph: Graph, outputs: Iterable[Variable]) -> set[Variable]:
    """The variables that some results of a graph depend on."""
    found = set(outputs)
    for equation in reversed(graph.equations):
        if not found.isdisjoint(equation.outputs):
            found.update(equation.inputs)
    return found


def _pruned_scan(equation: Equation, used: Collection[Variable]) -> Equation:
    params = equation.params
    graph, constants, states = params["graph"], params["constants"], params["states"]
    after = constants + states
    kept_ys = [v in used for v in equation.outputs[states:]]
    ys = _chosen(graph.outputs[states:], kept_ys)
    live = [v in used for v in equation.outputs[:states]]
    while True:
        outputs = [*_chosen(graph.outputs[:states], live), *ys]
        found = needed(graph, outputs)
        more = [a or v in found for a, v in zip(live, graph.inputs[constants:after], strict=True)]
        if more == live:
            break
        live = more
    mine = [v in found for v in graph.inputs]
    mine[constants:after] = live
    if all([*mine, *kept_ys]):
        return equation
    body = Graph(
        _chosen(graph.inputs, mine), graph.constants, graph.equations, outputs, graph.guards
    )
    return Equation(
        scan_p,
        tuple(_chosen(equation.inputs, mine)),
        {**params, "graph": body, "constants": sum(mine[:constants]), "states": sum(live)},
        tuple(_chosen(equation.outputs, [*live, *kept_ys])),
        equation.scope,
    )


def _pruned_while(equation: Equation, used: Collection[Variable]) -> Equation:
    test, body = equation.params["graphs"]
    first, second = equation.params["counts"]
    of_test = needed(test, test.outputs)
    states = test.inputs[first:]
    live = [v in used or s in of_test for v, s in zip(equation.outputs, states, strict=True)]
    while True:
        outputs = _chosen(body.outputs, live)
        of_body = needed(body, outputs)
        more = [a or v in of_body for a, v in zip(live, body.inputs[second:], strict=True)]
        if more == live:
            break
        live = more
    mine_test = [v in of_test for v in test.inputs[:first]]
    mine_body = [v in of_body for v in body.inputs[:second]]
    if all([*mine_test, *mine_body, *live]):
        return equation
    graphs = (
        replace(test, inputs=_chosen(test.inputs, [*mine_test, *live])),
        replace(body, inputs=_chosen(body.inputs, [*mine_body, *live]), outputs=outputs),
    )
    return Equation(
        while_p,
        tuple(_chosen(equation.inputs, [*mine_test, *mine_body, *live])),
        {**equation.params, "graphs": graphs, "counts": (sum(mine_test), sum(mine_body))},
        tuple(_chosen(equation.outputs, live)),
        equation.scope,
    )


def _pruned_cond(equation: Equation, used: Collection[Variable]) -> Equation:
    first, second = equation.params["graphs"]
    live = [v in used for v in equation.outputs]
    of_first = _chosen(first.outputs, live)
    of_second = _chosen(second.outputs, live)
    found_first, found_second = needed(first, of_first), needed(second, of_second)
    mine_first = [v in found_first for v in first.inputs]
    mine_second = [v in found_second for v in second.inputs]
    if all([*live, *mine_first, *mine_second]):
        return equation
    graphs = (
        replace(first, inputs=_chosen(first.inputs, mine_first), outputs=of_first),
        replace(second, inputs=_chosen(second.inputs, mine_second), outputs=of_second),
    )
    return Equation(
        cond_p,
        tuple(_chosen(equation.inputs, [True, *mine_first, *mine_second])),
        {**equation.params, "graphs": graphs, "count": sum(mine_first)},
        tuple(_chosen(equation.outputs, live)),
        equation.scope,
    )


def _chosen(items: Sequence[Variable], which: Sequence[bool]) -> list[Variable]:
    return [item for item, chosen in zip(items, which, strict=True) if chosen]


# Walks with the same state


def _merged(*tensors: Any, graph: Graph, **params: Any) -> Any:
    """The results of a walk from one that has been performed on the same operands, which gives
    what both are to give."""
    if not tensors:
        return None
    trace: Rewriting = tensors[0]._trace
    inputs = tuple([t.variable for t in tensors])
    key = _key(params)
    for place in reversed(range(len(trace.graph.equations))):
        earlier = trace.graph.equations[place]
        if (
            earlier.primitive is scan_p
            and earlier.inputs == inputs
            and earlier.scope is trace.scope
            and _key(earlier.params) == key
        ):
            found = _with_results_of(trace, earlier, place, graph)
            if found is not None:
                return trace.tracers(found)
    return None


def _key(params: dict[str, Any]) -> Any:
    names = ("constants", "states", "length", "reverse", "sizes")
    return [hashable(params[name]) for name in names]


def _with_results_of(
    trace: Rewriting, earlier: Equation, place: int, graph: Graph
) -> list[Variable] | None:
    states = earlier.params["states"]
    both, first, second = trace.joined(earlier.params["graph"], graph)
    if any([a is not b for a, b in zip(first[:states], second[:states], strict=True)]):
        return None
    ys, outputs, results = first[states:], list(earlier.outputs), list(earlier.outputs[:states])
    for y in second[states:]:
        if y not in ys:
            ys.append(y)
            shape = (earlier.params["length"], *y.type.shape)
            outputs.append(Variable(TensorType(y.type.dtype, shape)))
        results.append(outputs[states + ys.index(y)])
    both.outputs = [*first[:states], *ys]
    merged = replace(
        earlier, params={**earlier.params, "graph": trace.finished(both)}, outputs=tuple(outputs)
    )
    trace.graph.equations[place] = merged
    for variable in outputs:
        trace.definitions[variable] = merged
    return results


RULES: Final[dict[Primitive, Rule]] = {scan_p: _merged}
