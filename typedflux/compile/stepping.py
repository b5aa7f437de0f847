"""A graph performed operation by operation, for those who look at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedflux.core.graph import Equation, Graph, Variable, concrete_param
from typedflux.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation, done.

    Attributes:
        params: with the sizes of the call in the place of symbolic ones.
    """

    equation: Equation
    operands: tuple[Tensor, ...]
    params: dict[str, Any]
    results: tuple[Tensor, ...]


def perform_each(
    graph: Graph,
    inputs: Sequence[Tensor],
    sizes: Mapping[Any, int],
    around: Callable[[Callable[[], Any]], Any] = lambda perform: perform(),
) -> Iterator[Step]:
    """Perform a graph as `run_graph` does, and give each operation after it was done.

    Args:
        graph: closed or not, with its constants.
        inputs: one tensor for each of its inputs.
        sizes: what its symbolic sizes are.
        around: called with what performs an operation; returns the result.

    >>> import typedflux as flux
    >>> from typedflux.core.graph import trace_graph
    >>> from typedflux.core.types import TensorType
    >>> graph = trace_graph(lambda x: [flux.exp(-x)], [TensorType(flux.float32, ())])
    >>> [step.equation.primitive.name for step in perform_each(graph, [flux.asarray(0.0)], {})]
    ['negative', 'exp']
    """
    values: dict[Variable, Tensor] = dict(zip(graph.inputs, inputs, strict=True))
    values.update(graph.constants)
    known = dict(sizes)
    last: dict[Variable, int] = {}
    for number, equation in enumerate(graph.equations):
        last.update(dict.fromkeys(equation.inputs, number))
    for number, equation in enumerate(graph.equations):
        operands = tuple([values[v] for v in equation.inputs])
        params = {name: concrete_param(value, known) for name, value in equation.params.items()}

        def perform(
            equation: Equation = equation,
            operands: tuple[Tensor, ...] = operands,
            params: dict[str, Any] = params,
        ) -> Any:
            return equation.primitive.bind(*operands, **params)

        out = around(perform)
        results = tuple(out) if equation.primitive.multiple else (out,)
        values.update(zip(equation.outputs, results, strict=True))
        yield Step(equation, operands, params, results)
        for variable in equation.inputs:
            if last[variable] == number:
                values.pop(variable, None)
