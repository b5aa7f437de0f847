"""Control flow: the bodies of `scan`, `while_loop` and `cond` taken apart as the graph around is.

What a body reads of the outer graph it reads in place. The elements of `scan`'s tensors and its
stacked results are moving buffers: their pointers change from step to step. The state of a loop
lies in one place: a step computes the new one elsewhere, then copies it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from typedflux.compile.lowering.analysis import (
    Analysis,
    Node,
    analyse_into,
    copy_of,
    copy_to,
    part_of,
    place_fresh,
)
from typedflux.compile.lowering.errors import UnsupportedError
from typedflux.compile.lowering.views import Buffer, View
from typedflux.core.graph import Equation, Graph
from typedflux.shapes.dims import Dim, Dimension, Symbol, product


@dataclass(frozen=True, slots=True)
class Moving:
    """A buffer that lies elsewhere in each step: `start + step * i` elements into another."""

    buffer: Buffer
    within: Buffer
    start: Dimension
    step: Dimension


@dataclass(eq=False, slots=True)
class Body:
    """A graph inside a node: its nodes, what must be in memory after them, then copies."""

    analysis: Analysis
    wanted: set[Buffer] = field(default_factory=set)
    copies: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Loop:
    """A body that is run `length` times, or while a test gives true."""

    body: Body
    moving: list[Moving] = field(default_factory=list)
    length: Dimension = 0
    reverse: bool = False
    test: Body | None = None
    flag: View | None = None
    """What the test gives."""


@dataclass(eq=False, slots=True)
class Choice:
    """Two bodies of which one is run."""

    flag: View
    bodies: tuple[Body, Body]


def place_control(found: Analysis, equation: Equation, operands: tuple[View, ...]) -> bool:
    """Give an equation of control flow its node; False where a body needs the interpreter."""
    place = _PLACES[equation.primitive.name]
    nodes, views = len(found.nodes), dict(found.views)
    try:
        place(found, equation, operands)
    except UnsupportedError:
        del found.nodes[nodes:]
        found.views = views
        return False
    return True


def _require_same_sizes(sizes: Sequence[tuple[Symbol, object]]) -> None:
    """A body's symbols have to be those of the graph around it."""
    for symbol, size in sizes:
        if not isinstance(size, Dim) or str(size) != symbol.name:
            raise UnsupportedError("a body has sizes of its own")


def _body(found: Analysis, graph: Graph, inputs: Sequence[View]) -> Body:
    inner = Analysis(graph)
    inner.views.update(zip(graph.inputs, inputs, strict=True))
    analyse_into(inner)
    if any(node.kind == "call" for node in inner.nodes):
        raise UnsupportedError("a body has an operation without code")
    found.constants.extend(inner.constants)
    return Body(inner)


def _state(found: Analysis, equation: Equation, initial: View, place: int) -> tuple[View, View]:
    """Memory for one tensor of a loop's state, filled before it: as the loop reads it, and whole,
    as it is after the loop."""
    whole = place_fresh(equation.outputs[place], "state")
    before = part_of(whole, whole, "state before")
    found.nodes.append(copy_to(equation, initial, before))
    return before, whole


def _carry(body: Body, equation: Equation, state: View, result: View) -> None:
    """At the end of a step, the new state takes the place of the old."""
    made = {v.buffer for node in body.analysis.nodes for v in node.outputs}
    if result.buffer not in made:
        node, result = copy_of(equation, result, result.shape)
        body.analysis.nodes.append(node)
    body.wanted.add(result.buffer)
    after = part_of(state, state, "state after")
    body.copies.append(copy_to(equation, result, after))


def _scan(found: Analysis, equation: Equation, operands: tuple[View, ...]) -> None:
    params = equation.params
    constants, states = params["constants"], params["states"]
    _require_same_sizes(params["sizes"])
    graph: Graph = params["graph"]
    length = params["length"]
    kept = [
        _state(found, equation, view, place)
        for place, view in enumerate(operands[constants : constants + states])
    ]
    moving = []
    elements = []
    for view in operands[constants + states :]:
        buffer = Buffer(view.dtype, product(view.shape[1:]), "element")
        elements.append(View(buffer, view.shape[1:], view.strides[1:]))
        moving.append(Moving(buffer, view.buffer, view.offset, view.strides[0]))
    inputs = [*operands[:constants], *[before for before, _ in kept], *elements]
    body = _body(found, graph, inputs)
    results = [body.analysis.views[v] for v in graph.outputs]
    outputs = [whole for _, whole in kept]
    for variable, result in zip(equation.outputs[states:], results[states:], strict=True):
        whole = place_fresh(variable, "results")
        buffer = Buffer(whole.dtype, product(result.shape), "result")
        target = View(buffer, result.shape, whole.strides[1:])
        body.analysis.nodes.append(copy_to(equation, result, target))
        body.wanted.add(buffer)
        moving.append(Moving(buffer, whole.buffer, 0, whole.strides[0]))
        outputs.append(whole)
    for (_, whole), result in zip(kept, results[:states], strict=True):
        _carry(body, equation, whole, result)
    loop = Loop(body, moving, length, params["reverse"])
    read = [*operands[:constants], *[b for b, _ in kept], *operands[constants + states :]]
    _finish(found, equation, read, outputs, loop)


def _while(found: Analysis, equation: Equation, operands: tuple[View, ...]) -> None:
    params = equation.params
    a, b = params["counts"]
    for sizes in params["sizes"]:
        _require_same_sizes(sizes)
    of_test, of_body, initial = operands[:a], operands[a : a + b], operands[a + b :]
    kept = [_state(found, equation, view, place) for place, view in enumerate(initial)]
    inputs = [before for before, _ in kept]
    test = _body(found, params["graphs"][0], [*of_test, *inputs])
    flag = test.analysis.views[params["graphs"][0].outputs[0]]
    test.wanted.add(flag.buffer)
    body = _body(found, params["graphs"][1], [*of_body, *inputs])
    for (_, whole), variable in zip(kept, params["graphs"][1].outputs, strict=True):
        _carry(body, equation, whole, body.analysis.views[variable])
    loop = Loop(body, test=test, flag=flag)
    read = [*of_test, *of_body, *inputs]
    _finish(found, equation, read, [whole for _, whole in kept], loop)


def _cond(found: Analysis, equation: Equation, operands: tuple[View, ...]) -> None:
    params = equation.params
    count = params["count"]
    for sizes in params["sizes"]:
        _require_same_sizes(sizes)
    flag, rest = operands[0], operands[1:]
    outputs = [place_fresh(v, "chosen") for v in equation.outputs]
    bodies = []
    for graph, mine in zip(params["graphs"], (rest[:count], rest[count:]), strict=True):
        body = _body(found, graph, mine)
        for variable, whole in zip(graph.outputs, outputs, strict=True):
            target = part_of(whole, whole, "chosen")
            result = body.analysis.views[variable]
            body.analysis.nodes.append(copy_to(equation, result, target))
            body.wanted.add(target.buffer)
        bodies.append(body)
    _finish(found, equation, list(operands), outputs, Choice(flag, (bodies[0], bodies[1])))


def _finish(
    found: Analysis,
    equation: Equation,
    read: list[View],
    outputs: list[View],
    control: Loop | Choice,
) -> None:
    node = Node("control", equation, tuple(read), tuple(outputs), (), control=control)
    found.nodes.append(node)
    found.views.update(zip(equation.outputs, outputs, strict=True))


_PLACES: dict[str, Callable[[Analysis, Equation, tuple[View, ...]], None]] = {
    "scan": _scan,
    "while_loop": _while,
    "cond": _cond,
}
