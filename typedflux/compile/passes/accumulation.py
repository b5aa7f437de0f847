"""Sums of matrix products become one product.

A weight that is used at every step of a recurrent layer has a gradient `a1.T @ b1 + a2.T @ b2 +
...`, which is `concat(a).T @ concat(b)`: one product with a long inner axis instead of many that
read and write the whole sum. The terms are added in another order, as any product adds its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.rewriting import Rewrites, Rewriting, rewrite
from typedflux.core.graph import Equation, Graph, Variable
from typedflux.core.primitive import Primitive
from typedflux.ops.arithmetic import add_p
from typedflux.ops.joining import concat_p, stack_p
from typedflux.ops.linear import matmul_p
from typedflux.ops.manipulation import broadcast_to_p, permute_dims_p, reshape_p
from typedflux.shapes.dims import product

FEWEST: Final = 4
"""How many products are worth being made one."""

PLAIN: Final = Rewrites(share=True, finish=drop_dead)


@dataclass(frozen=True, slots=True, eq=False)
class _Sum:
    """What a sum adds up: products `left.T @ right`, as pairs, and other terms.

    `stack` is an equation of the graph that stacks the right operands already.
    """

    products: list[tuple[Variable, Variable]]
    others: list[Variable]
    stack: Equation | None


def accumulate(graph: Graph, rewrites: Rewrites = PLAIN) -> Graph:
    """The graph with sums of many products of transposed matrices as one product each.

    Args:
        rewrites: what else is done to its equations.
    """
    sums = _Search(graph).sums()
    if not sums:
        return graph

    def rule(x: Any, y: Any) -> Any:
        found = sums.get((x.variable, y.variable))
        return None if found is None else _written(found, x._trace)

    rules = {**rewrites.rules, add_p: (rule, *rewrites.rules.get(add_p, ()))}
    return rewrite(graph, replace(rewrites, rules=rules))


def _written(found: _Sum, trace: Rewriting) -> Any:
    """The sum as one product and other terms."""
    lefts = trace.tracers([left for left, _ in found.products])
    rights = trace.tracers([right for _, right in found.products])
    untransposed = [_transposed(left, trace) for left in lefts]
    if found.stack is None:
        a, b = concat_p.bind(*untransposed, axis=0), concat_p.bind(*rights, axis=0)
    else:
        axis = found.stack.params["axis"]
        places = {v: i for i, v in enumerate(found.stack.inputs)}
        order = sorted(range(len(rights)), key=lambda i: places[rights[i].variable])
        a = _rows(stack_p.bind(*[untransposed[i] for i in order], axis=axis))
        b = _rows(stack_p.bind(*[rights[i] for i in order], axis=axis))
    total = matmul_p.bind(permute_dims_p.bind(a, axes=(1, 0)), b)
    for other in trace.tracers(found.others):
        total = add_p.bind(total, other)
    return total


def _transposed(x: Any, trace: Rewriting) -> Any:
    equation = trace.definitions[x.variable]
    (before,) = trace.tracers(equation.inputs)
    if equation.primitive is permute_dims_p:
        return before
    return broadcast_to_p.bind(before, shape=x.shape[::-1])


def _rows(x: Any) -> Any:
    """All axes but the last as one."""
    return reshape_p.bind(x, shape=(product(x.shape[:-1]), x.shape[-1]))


class _Search:
    """Finds the sums of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.definitions = {v: e for e in graph.equations for v in e.outputs}
        self.uses = Counter([v for e in graph.equations for v in e.inputs] + graph.outputs)
        self.stacks = {frozenset(e.inputs): e for e in graph.equations if e.primitive is stack_p}

    def sums(self) -> dict[tuple[Variable, ...], _Sum]:
        """By the operands of the last addition, what is added up."""
        found: dict[tuple[Variable, ...], _Sum] = {}
        within: set[Variable] = set()
        for equation in reversed(self.graph.equations):
            if equation.primitive is not add_p or equation.outputs[0] in within:
                continue
            terms = self._terms(equation, within)
            if terms is not None:
                found[equation.inputs] = terms
        return found

    def _terms(self, last: Equation, within: set[Variable]) -> _Sum | None:
        products: list[tuple[Variable, Variable]] = []
        others: list[Variable] = []
        waiting = list(reversed(last.inputs))
        shape = last.outputs[0].type.shape
        if len(shape) != 2:
            return None
        while waiting:
            variable = waiting.pop()
            equation = self.definitions.get(variable)
            mine = (
                equation is not None and equation.scope is last.scope and self.uses[variable] == 1
            )
            if mine and equation is not None and equation.primitive is add_p:
                within.add(variable)
                waiting.extend(reversed(equation.inputs))
            elif mine and equation is not None and self._is_product(equation):
                products.append((equation.inputs[0], equation.inputs[1]))
            else:
                others.append(variable)
        if len(products) < FEWEST or any([len(v.type.shape) != 2 for v in others]):
            return None
        stack = self.stacks.get(frozenset([right for _, right in products]))
        if stack is not None and len(stack.inputs) != len(products):
            stack = None
        return _Sum(products, others, stack)

    def _is_product(self, equation: Equation) -> bool:
        """Whether it is a product of matrices, the first one transposed."""
        if equation.primitive is not matmul_p or len(equation.outputs[0].type.shape) != 2:
            return False
        return self._is_by(equation.inputs[0], (permute_dims_p, broadcast_to_p))

    def _is_by(self, variable: Variable, primitives: Sequence[Primitive]) -> bool:
        equation = self.definitions.get(variable)
        return equation is not None and equation.primitive in primitives
