"""Calls become what they call: functions with rules of their own, checkpoints, decided branches.

By now every derivative has been taken, so a function's own rule has done its work, and
`stop_gradient` too. The equations of a checkpoint remember it (`Equation.scope`), so that what is
computed twice on purpose is not shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from typedflux.autodiff.api import stop_gradient_p
from typedflux.autodiff.checkpoint import checkpoint_p
from typedflux.autodiff.custom import rule_p
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.rewriting import (
    Rewrites,
    Rewriting,
    Rule,
    given_by,
    rewrite,
    value_of,
)
from typedflux.control.branching import cond_p
from typedflux.control.looping import while_p
from typedflux.control.scanning import scan_p
from typedflux.core.closing import perform
from typedflux.core.graph import Equation, Graph, Variable
from typedflux.core.primitive import Primitive
from typedflux.core.stateful import Captures, capturing
from typedflux.core.tracing import TraceError
from typedflux.core.types import TensorType
from typedflux.ops.arithmetic import positive_p
from typedflux.ops.manipulation import broadcast_to_p
from typedflux.ops.softmax import straight_through_p
from typedflux.tensor import Tensor


def _call(graph: Graph, sizes: Any, tensors: Sequence[Any]) -> list[Tensor]:
    """The results of a closed graph, its equations performed here."""
    trace: Rewriting = tensors[0]._trace
    if sizes and all([isinstance(size, int) for _, size in sizes]):
        return perform(graph, sizes, tensors)  # it is symbolic, and run with these numbers
    place = dict(zip(graph.inputs, [t.variable for t in tensors], strict=True))
    return list(trace.tracers(trace.replay(graph, place, fresh=True)))


def _checkpoint(*tensors: Any, graph: Graph, sizes: Any) -> list[Tensor] | None:
    if not tensors:
        return None
    trace: Rewriting = tensors[0]._trace
    outer, trace.scope = trace.scope, object()
    try:
        return _call(graph, sizes, tensors)
    finally:
        trace.scope = outer


def _function(*tensors: Any, call: Any) -> Any:
    captures = Captures(lambda t: t)
    try:
        with capturing(captures):
            found = call.run(list(tensors))
    except TraceError:
        return None  # it uses values of a transformation that has ended, and will say so when run
    if captures.fields or captures.written:
        return None  # it works on more than its operands
    return found


def _cond(p: Any, *tensors: Any, count: int, graphs: Any, sizes: Any) -> list[Tensor] | None:
    value = value_of(p)
    if value is None:
        return _specialised_cond(p, tensors, count, graphs, sizes)
    which = 0 if value.item() else 1
    mine = [p, *(tensors[:count] if which == 0 else tensors[count:])]
    graph = graphs[which]
    closed = Graph([Variable(p.type), *graph.inputs], graph.constants, graph.equations,
                   graph.outputs, graph.guards)  # fmt: skip
    return _call(closed, sizes[which], mine)


# What is constant for a body is a constant of the body: then it takes part in its simplification


def number_behind(tensor: Any) -> Tensor | None:
    """The constant of rank 0 that a tracer is a broadcast of."""
    found = given_by(tensor, broadcast_to_p)
    value = None if found is None else value_of(found[0][0])
    return value if value is not None and not value.ndim else None


def _specialised(graph: Graph, captured: Sequence[Any]) -> tuple[Graph, list[Any]] | None:
    """A graph whose first inputs are `captured`, those that are constants being constants of it,
    and those that it does not use being dropped; with the rest. `None` where all stay."""
    used = {v for e in graph.equations for v in e.inputs} | set(graph.outputs)
    inputs, constants, broadcasts, rest = [], [], [], []
    for variable, tensor in zip(graph.inputs, captured, strict=False):
        if variable not in used:
            continue
        value, number = value_of(tensor), number_behind(tensor)
        if value is not None:
            constants.append((variable, value))
        elif number is not None:
            scalar = Variable(TensorType(variable.type.dtype, ()))
            constants.append((scalar, number))
            shape = {"shape": variable.type.shape}
            broadcasts.append(Equation(broadcast_to_p, (scalar,), shape, (variable,)))
        else:
            inputs.append(variable)
            rest.append(tensor)
    if len(rest) == len(captured):
        return None
    inputs += graph.inputs[len(captured) :]
    equations = [*broadcasts, *graph.equations]
    new = Graph(inputs, constants + graph.constants, equations, graph.outputs, graph.guards)
    return new, rest


def _specialised_cond(
    p: Any, tensors: Sequence[Any], count: int, graphs: Any, sizes: Any
) -> Any:  # fmt: skip
    first = _specialised(graphs[0], tensors[:count])
    second = _specialised(graphs[1], tensors[count:])
    if first is None and second is None:
        return None
    a, of_first = first or (graphs[0], list(tensors[:count]))
    b, of_second = second or (graphs[1], list(tensors[count:]))
    return cond_p.bind(
        p, *of_first, *of_second, count=len(of_first), graphs=(a, b), sizes=sizes
    )  # fmt: skip


def _scan(*tensors: Any, graph: Graph, constants: int, states: int, **params: Any) -> Any:
    after = constants + states
    # One number at every step is captured like any other.
    numbers = [i for i in range(after, len(tensors)) if number_behind(tensors[i]) is not None]
    walked = [i for i in range(after, len(tensors)) if i not in numbers]
    order = [*numbers, *range(after), *walked]
    inputs = [graph.inputs[i] for i in order]
    found = _specialised(
        replace(graph, inputs=inputs), [tensors[i] for i in order[: len(numbers) + constants]]
    )
    if found is None:
        return None
    body, rest = found
    others = [tensors[i] for i in (*range(constants, after), *walked)]
    return scan_p.bind(
        *rest, *others, graph=body, constants=len(rest), states=states, **params
    )  # fmt: skip


def _while(*tensors: Any, graphs: Any, counts: tuple[int, int], sizes: Any) -> Any:
    a, b = counts[0], counts[0] + counts[1]
    test = _specialised(graphs[0], tensors[:a])
    body = _specialised(graphs[1], tensors[a:b])
    if test is None and body is None:
        return None
    first, of_test = test or (graphs[0], list(tensors[:a]))
    second, of_body = body or (graphs[1], list(tensors[a:b]))
    return while_p.bind(
        *of_test, *of_body, *tensors[b:], graphs=(first, second), sizes=sizes,
        counts=(len(of_test), len(of_body)),
    )  # fmt: skip


def _same(x: Any, *_: Any) -> Any:
    return x


RULES: Final[dict[Primitive, Rule]] = {
    checkpoint_p: _checkpoint,
    rule_p: _function,
    cond_p: _cond,
    scan_p: _scan,
    while_p: _while,
    stop_gradient_p: _same,
    positive_p: _same,
    straight_through_p: lambda soft, hard: hard,
}


def inline(graph: Graph) -> Graph:
    """The graph without calls that are nothing but calls."""
    rules = {primitive: (rule,) for primitive, rule in RULES.items()}
    return rewrite(graph, Rewrites(rules, finish=drop_dead))
