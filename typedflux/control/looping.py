"""`while_loop`: repeat as long as a value says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from typedflux import ops
from typedflux.autodiff.batching import BatchTracer, vmap
from typedflux.autodiff.forward import jvp
from typedflux.autodiff.selection import of_varying
from typedflux.control.common import predicate, require_alike, with_tensors
from typedflux.core.closing import assign, close, close_loop, perform
from typedflux.core.graph import Graph
from typedflux.core.primitive import JointPullback, Lowering, Primitive, Pullbacks, type_of
from typedflux.core.tracing import TraceError, current_graph
from typedflux.core.tree import leaves, replace_leaves
from typedflux.core.types import TensorType
from typedflux.ops.random import default_generator
from typedflux.tensor import Tensor, wrap

T = TypeVar("T")


def while_loop(cond: Callable[[T], Any], body: Callable[[T], T], state: T, /) -> T:
    """Replace `state` by `body(state)` as long as `cond(state)` is true; the last state.

    `state` is a tensor or a tree of them, of the same type after each step. Under `vmap` every
    example takes as many steps as it needs. The number of steps is not known while a function is
    traced, so there is no reverse-mode gradient under `jit`, and `scan` is what has one.

    Raises:
        ShapeError, DTypeError, TypeError: when `cond` gives no truth value, or the state changes
            its type.

    >>> import typedflux as flux
    >>> flux.while_loop(lambda x: x < 100, lambda x: x * 2, flux.asarray(3))
    Tensor(192, int64)
    """
    state = with_tensors(state)
    if current_graph() is not None:
        return _loop_in_graph(cond, body, state)  # type: ignore[no-any-return]
    while True:
        p = predicate(cond(state), "while_loop: the condition")
        if isinstance(p, BatchTracer):
            return _masked_loop(cond, body, state, p)  # type: ignore[no-any-return]
        if not bool(p):
            return state
        new = body(state)
        require_alike(state, new, "while_loop", "the state before a step", "the state after it")
        state = new


def _masked_loop(cond: Any, body: Any, state: Any, p: Any) -> Any:
    """Steps for all examples as long as one needs them; those that are done keep their state."""
    while _any(p):
        new = body(state)
        require_alike(state, new, "while_loop", "the state before a step", "the state after it")
        pairs = zip(leaves(new), leaves(state), strict=True)
        state = replace_leaves(state, [ops.where(p, a, b) for a, b in pairs])
        # One that was done stays so, whatever its condition says of a state kept.
        p = ops.logical_and(p, predicate(cond(state), "while_loop: the condition"))
    return state


def _any(p: Any) -> bool:
    """Whether a condition holds for any example, whatever `vmap`s there are."""
    while isinstance(p, BatchTracer):
        p = ops.any(p.value)
    return bool(p)


def _loop_in_graph(cond: Any, body: Any, state: Any) -> Any:
    _ = default_generator().state  # one that splits at its first use does it now, not in a step
    types = [type_of(t) for t in leaves(state)]

    def condition(*tensors: Tensor) -> Any:
        p = predicate(cond(replace_leaves(state, tensors)), "while_loop: the condition")
        return ops.asarray(p)

    def step(*tensors: Tensor) -> Any:
        new = body(replace_leaves(state, tensors))
        require_alike(state, new, "while_loop", "the state before a step", "the state after it")
        return new, None

    closed, fields = close_loop(step, types)
    held = [t for owner, name in fields for t in leaves(getattr(owner, name))]
    test = close(condition, types, fields, [type_of(t) for t in held])
    if test.writes:
        owner, name = test.writes[0]
        raise TypeError(
            f"while_loop: the condition assigns to {type(owner).__name__}.{name}; do it in the body"
        )
    own = len(types) + len(held)
    inputs = test.graph.inputs
    test.graph.inputs = [*inputs[own:], *inputs[:own]]
    out = while_p.bind(
        *test.captured,
        *closed.captured,
        *leaves(state),
        *held,
        graphs=(test.graph, closed.graph),
        sizes=(test.sizes, closed.sizes),
        counts=(len(test.captured), len(closed.captured)),
    )
    (last, values), _ = closed.finish(out)
    assign(fields, values)
    return last


Graphs: TypeAlias = tuple[Graph, Graph]


def _split(operands: Sequence[Any], counts: tuple[int, int]) -> tuple[Any, Any, Any]:
    """What the condition captured, what the body did, and the state."""
    a, b = counts[0], counts[0] + counts[1]
    return list(operands[:a]), list(operands[a:b]), list(operands[b:])


def _while_kernel(*arrays: Any, graphs: Graphs, sizes: Any, counts: tuple[int, int]) -> list[Any]:
    of_test, of_body, state = _split([wrap(a) for a in arrays], counts)
    while bool(perform(graphs[0], sizes[0], [*of_test, *state])[0]):
        state = perform(graphs[1], sizes[1], [*of_body, *state])
    return [t._data for t in state]


def _while_shape(*types: TensorType, graphs: Graphs, **params: Any) -> tuple[TensorType, ...]:
    return tuple([v.type for v in graphs[1].outputs])


def _while_vjp(out: Any, *operands: Tensor, **params: Any) -> Pullbacks:
    def refuse(arrived: Any) -> Any:
        raise TraceError(
            "while_loop has no reverse-mode gradient under jit, because the number of steps is not "
            "known: use flux.scan with a fixed number of steps, or stop_gradient, or take the "
            "gradient without jit"
        )

    return JointPullback(refuse)


def _while_jvp(
    out: Any,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    *,
    graphs: Graphs,
    sizes: Any,
    counts: tuple[int, int],
) -> list[Tensor | None]:
    filled = [
        (ops.zeros_like(x) if t is None else t) if x.dtype.is_inexact else None
        for x, t in zip(inputs, tangents, strict=True)
    ]
    of_test, of_body, state = _split(inputs, counts)
    _, moved_body, moved_state = _split(filled, counts)
    moving = [t.dtype.is_inexact for t in [*of_body, *state]]

    def test(carried: Any) -> Tensor:
        return perform(graphs[0], sizes[0], [*of_test, *carried[0]])[0]

    def step(carried: Any) -> Any:
        now, of_now = carried
        inner, varying = of_varying(
            lambda tensors: perform(graphs[1], sizes[1], tensors), [*of_body, *now], moving
        )
        directions = [t for t in moved_body if t is not None] + of_now
        new, pushed = jvp(inner, (varying,), (directions,))
        return new, [t for t in pushed if t.dtype.is_inexact]

    start = (state, [t for t in moved_state if t is not None])
    _, pushed = while_loop(test, step, start)
    found = iter(pushed)
    return [next(found) if t.dtype.is_inexact else None for t in state]


def _while_batch(
    inputs: Sequence[Tensor],
    axes: Sequence[int | None],
    *,
    graphs: Graphs,
    sizes: Any,
    counts: tuple[int, int],
) -> tuple[Any, Any]:
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    of_test, of_body, _ = _split(inputs, counts)
    test_axes, body_axes, state_axes = _split(axes, counts)
    state = [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(_split(inputs, counts)[2], state_axes, strict=True)
    ]
    mapped = [0] * len(state)

    def holds(now: list[Tensor]) -> Tensor:
        def each(captured: list[Tensor], now: list[Tensor]) -> Tensor:
            return perform(graphs[0], sizes[0], [*captured, *now])[0]

        out: Tensor = vmap(each, in_axes=(test_axes, mapped))(of_test, now)
        return out

    def step(carried: Any) -> Any:
        now, going = carried

        def each(captured: list[Tensor], going: Tensor, now: list[Tensor]) -> list[Tensor]:
            new = perform(graphs[1], sizes[1], [*captured, *now])
            return [ops.where(going, a, b) for a, b in zip(new, now, strict=True)]

        new = vmap(each, in_axes=(body_axes, 0, mapped))(of_body, going, now)
        return new, ops.logical_and(going, holds(new))

    last, _ = while_loop(lambda carried: ops.any(carried[1]), step, (state, holds(state)))
    return tuple(last), (0,) * len(last)


while_p: Primitive = Primitive(
    "while_loop",
    _while_kernel,
    _while_shape,
    _while_vjp,
    _while_jvp,
    _while_batch,
    Lowering("loop", "while"),
    multiple=True,
    calls_back=True,
)
