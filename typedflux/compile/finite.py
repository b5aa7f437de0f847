"""The search for the first operation that produced a NaN or an infinity."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from typedflux.compile.stepping import Step, perform_each
from typedflux.core.graph import Graph, Variable, run_graph
from typedflux.core.quiet import quiet
from typedflux.tensor import Tensor

VARIABLE = "TYPEDFLUX_CHECK_FINITE"


class NonFiniteError(ValueError):
    """What a function compiled with `check_finite=True` computed is not finite."""


def is_requested() -> bool:
    """Whether functions are checked that do not say: by the environment variable
    `TYPEDFLUX_CHECK_FINITE`."""
    return os.environ.get(VARIABLE, "").lower() not in ("", "0", "off")


@dataclass(frozen=True, slots=True)
class _Culprit:
    step: Step
    graph: Graph
    place: str  # the loops and branches that it is in


def require_finite(
    name: str,
    graph: Graph,
    inputs: Sequence[Tensor],
    sizes: Mapping[Any, int],
    outputs: Sequence[Tensor],
) -> None:
    """Raise for the graph's outputs that are not finite, those aside that are its inputs.

    Where one is NaN, the operation is named that first gave NaN of operands without; else the one
    that first gave an infinity of finite operands. Only operations count that the output depends
    on. For this the graph is performed again by the interpreter.

    Raises:
        NonFiniteError: naming the operation, its operands' types and their ranges.
    """
    given = {*graph.inputs, *[v for v, _ in graph.constants]}
    bad = [
        (variable, tensor)
        for variable, tensor in zip(graph.outputs, outputs, strict=True)
        if variable not in given and not _is_finite(tensor)
    ]
    if not bad:
        return
    nan = any(_has(tensor, nan=True) for _, tensor in bad)
    wanted = {variable for variable, tensor in bad if not nan or _has(tensor, nan=True)}
    what = "NaN" if nan else "inf"
    culprit = _find(graph, inputs, sizes, wanted, nan)
    first = next(v for v in graph.outputs if v in wanted)
    start = f"{name}: {_names(graph)[first]}: {first.type} is not finite"
    if culprit is not None:
        text = _describe(culprit, what)
        infinite = _infinite_operands(culprit)
        if nan and infinite and culprit.graph is graph:
            cause = _find(graph, inputs, sizes, infinite, False)
            if cause is not None:
                text += f"; before it, {_describe(cause, 'inf')}"
        raise NonFiniteError(f"{start}; {text}")
    values = [*zip(graph.inputs, inputs, strict=True), *graph.constants]
    for variable, tensor in values:
        if _has(tensor, nan=nan):
            label = f"{_names(graph)[variable]}: {variable.type}"
            raise NonFiniteError(f"{start}: the function was given {what} already, in {label}")
    raise NonFiniteError(
        f"{start} when compiled, though it is where the interpreter computes it: the values are "
        "at the limit of their data type"
    )


def _find(
    graph: Graph,
    inputs: Sequence[Tensor],
    sizes: Mapping[Any, int],
    wanted: set[Variable],
    nan: bool,
    place: str = "",
) -> _Culprit | None:
    """The first operation that made what is looked for, among those that `wanted` depend on."""
    needed = set(wanted)
    for equation in reversed(graph.equations):
        if not needed.isdisjoint(equation.outputs):
            needed.update(equation.inputs)
    for step in perform_each(graph, inputs, sizes):
        equation = step.equation
        results = zip(equation.outputs, step.results, strict=True)
        if not any([v in needed and _has(tensor, nan=nan) for v, tensor in results]):
            continue
        if any([_has(t, nan=True) or (not nan and _has(t, nan=False)) for t in step.operands]):
            continue
        inner = _find_inside(step, graph, nan, place)
        return _Culprit(step, graph, place) if inner is None else inner
    return None


def _find_inside(step: Step, graph: Graph, nan: bool, place: str) -> _Culprit | None:
    """The operation inside a loop, a branch or a checkpoint."""
    params, operands = step.params, step.operands
    name = step.equation.primitive.name
    if name == "checkpoint":
        inner: Graph = params["graph"]
        return _find(inner, operands, dict(params["sizes"]), set(inner.outputs), nan, place)
    if name == "cond":
        which = 0 if operands[0].item() else 1
        count = params["count"]
        mine = operands[1 : 1 + count] if which == 0 else operands[1 + count :]
        inner, sizes = params["graphs"][which], dict(params["sizes"][which])
        where = f"{place}in the {('first', 'second')[which]} branch of cond, "
        return _find(inner, mine, sizes, set(inner.outputs), nan, where)
    if name == "while_loop":
        return _find_in_while(step, nan, place)
    if name != "scan":
        return None
    constants, states, length = params["constants"], params["states"], params["length"]
    inner, sizes = params["graph"], dict(params["sizes"])
    fixed = operands[:constants]
    state = list(operands[constants : constants + states])
    for i in reversed(range(length)) if params["reverse"] else range(length):
        given = [*fixed, *state, *[x[i] for x in operands[constants + states :]]]
        where = f"{place}at index {i} of scan, "
        found = _find(inner, given, sizes, set(inner.outputs), nan, where)
        if found is not None:
            return found
        values: dict[Variable, Tensor] = dict(zip(inner.inputs, given, strict=True))
        values.update(inner.constants)
        for done in perform_each(inner, given, sizes):
            values.update(zip(done.equation.outputs, done.results, strict=True))
        state = [values[v] for v in inner.outputs[:states]]
    return None


def _find_in_while(step: Step, nan: bool, place: str) -> _Culprit | None:
    params, operands = step.params, step.operands
    a, b = params["counts"]
    of_test, of_body, state = operands[:a], operands[a : a + b], list(operands[a + b :])
    test, body = params["graphs"]
    sizes = [dict(s) for s in params["sizes"]]
    number = 0
    while bool(run_graph(test, [*of_test, *state], sizes[0])[0]):
        given = [*of_body, *state]
        where = f"{place}in step {number} of while_loop, "
        found = _find(body, given, sizes[1], set(body.outputs), nan, where)
        if found is not None:
            return found
        state = run_graph(body, given, sizes[1])
        number += 1
    return None


def _infinite_operands(culprit: _Culprit) -> set[Variable]:
    step = culprit.step
    operands = zip(step.equation.inputs, step.operands, strict=True)
    return {v for v, tensor in operands if _has(tensor, nan=False)}


def _describe(culprit: _Culprit, what: str) -> str:
    names = _names(culprit.graph)
    step = culprit.step
    equation = step.equation
    operands = ", ".join([f"{names[v]}: {v.type}" for v in equation.inputs])
    results = ", ".join([names[v] for v in equation.outputs])
    text = (
        f"{culprit.place}the first operation that gave {what} is "
        f"{results} = {equation.primitive.name}({operands})"
    )
    ranges = [
        f"{names[v]} from {low} to {high}"
        for v, (low, high) in {
            v: _range(t) for v, t in zip(equation.inputs, step.operands, strict=True) if t.size
        }.items()
    ]
    if ranges:
        text += f" with {', '.join(ranges)}"
    return text if equation.place is None else f"{text} ({equation.place})"


def _names(graph: Graph) -> dict[Variable, str]:
    from typedflux.compile.explaining import names_of

    return names_of(graph)


def _range(tensor: Tensor) -> tuple[str, str]:
    array = _plain(tensor)
    if np.iscomplexobj(array):
        array = np.abs(array)
    if array.dtype == np.bool_:
        return str(array.min()), str(array.max())
    low, high = (quiet.run(f, array) for f in (np.min, np.max))
    return f"{low:.6g}", f"{high:.6g}"


def _plain(tensor: Tensor) -> Any:
    """The values in a data type that numpy itself knows."""
    array = tensor._data
    return array if array.dtype.kind in "biufc" else array.astype(np.float32)


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.dtype.is_inexact or bool(np.isfinite(_plain(tensor)).all())


def _has(tensor: Tensor, *, nan: bool) -> bool:
    """Whether NaN is among the values, or else an infinity."""
    if not tensor.dtype.is_inexact:
        return False
    array = _plain(tensor)
    return bool((np.isnan(array) if nan else np.isinf(array)).any())
