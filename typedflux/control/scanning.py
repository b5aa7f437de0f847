"""`scan`: a walk along an axis with a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typedflux import ops
from typedflux.autodiff.api import vjp
from typedflux.autodiff.batching import vmap
from typedflux.autodiff.forward import jvp
from typedflux.autodiff.selection import of_varying
from typedflux.control.common import require_alike, with_tensors
from typedflux.core.closing import assign, close, close_loop, perform
from typedflux.core.graph import Graph
from typedflux.core.primitive import JointPullback, Lowering, Primitive, Pullbacks, type_of
from typedflux.core.tracing import current_graph
from typedflux.core.tree import format_path, iterate, leaves, map_leaves, replace_leaves
from typedflux.core.types import Shape, TensorType
from typedflux.ops.random import default_generator
from typedflux.shapes.dims import evaluate, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.static import Reshaped
from typedflux.tensor import Tensor, wrap

T = TypeVar("T")
C = TypeVar("C")
Y = TypeVar("Y")


def scan(
    f: Callable[[C, Any], tuple[C, Y]],
    carry: C,
    xs: Any = None,
    /,
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[C, Reshaped[Y]]:
    """Walk along the leading axis of `xs` with a state: the last state, and all results stacked.

    `f(carry, x)` returns `(carry, y)`, the new state of the same type as the old. `carry`, `xs` and
    what `f` returns are tensors or trees of them, or `None`.

    Args:
        xs: tensors `"length ..."`; `None` to count `length` steps alone.
        length: the number of steps, where `xs` does not say it.
        reverse: walk from the last to the first; results stay in their places.

    Raises:
        ShapeError, DTypeError, TypeError: when lengths differ, or the state changes its type.

    >>> import typedflux as flux
    >>> def step(total, x):
    ...     return total + x, total * x
    >>> flux.scan(step, flux.asarray(0.0), flux.asarray([1.0, 2.0, 3.0]))
    (Tensor(6., float32), Tensor([0., 2., 9.], float32))
    """
    carry, steps = with_tensors(carry), _steps(xs, length)
    if current_graph() is not None:
        return _scan_in_graph(f, carry, xs, steps, reverse)
    if steps == 0:
        return _scan_of_nothing(f, carry, xs)
    results: list[Any] = []
    for i in reversed(range(steps)) if reverse else range(steps):
        before = carry
        carry, y = _step_result(f(carry, map_leaves(lambda t, i=i: t[i], xs)))  # type: ignore[misc]
        require_alike(before, carry, "scan", "the state before a step", "the state after it")
        results.append(y)
    if reverse:
        results.reverse()
    return carry, _stacked(results)


def _steps(xs: Any, length: int | None) -> Any:
    sized = [(path, t) for path, t, _ in iterate(xs)]
    for path, t in sized:
        where = f"xs{format_path(path)}" if path else "xs"
        if t.ndim == 0:
            raise ShapeError(f"scan: {where} has rank 0, so no leading axis to walk along")
        if length is None:
            length = t.shape[0]
        known = length
        require_equal(t.shape[0], known, f"scan: {where} has {t.shape[0]} steps, expected {known}")
    if length is None:
        raise TypeError("scan needs xs, tensors to walk along, or length=")
    return length


def _step_result(out: Any) -> tuple[Any, Any]:
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(f"scan: the function returns (state, result), got {type(out).__name__}")
    return out


def _stacked(results: list[Any]) -> Any:
    columns = zip(*[leaves(y) for y in results], strict=True)
    return replace_leaves(results[0], [ops.stack(list(c), axis=0) for c in columns])


def _scan_of_nothing(f: Callable[..., Any], carry: Any, xs: Any) -> tuple[Any, Any]:
    """The state as it is and empty results, of the types that `f` would give."""
    types = [type_of(t) for t in leaves(carry)]
    types += [TensorType(t.dtype, t.shape[1:]) for t in leaves(xs)]
    count = len(leaves(carry))

    def body(*tensors: Tensor) -> Any:
        state = replace_leaves(carry, tensors[:count])
        return _step_result(f(state, replace_leaves(xs, tensors[count:])))[1]

    y = close(body, types).result
    empty = [ops.zeros((0, *t.shape), dtype=t.dtype) for t in leaves(y)]
    return carry, replace_leaves(y, empty)


def _scan_in_graph(
    f: Callable[..., Any], carry: Any, xs: Any, steps: Any, reverse: bool
) -> tuple[Any, Any]:
    count = len(leaves(carry))
    inner = [TensorType(t.dtype, t.shape[1:]) for t in leaves(xs)]

    def body(*tensors: Tensor) -> Any:
        given = replace_leaves(carry, tensors[:count])
        new, y = _step_result(f(given, replace_leaves(xs, tensors[count:])))
        require_alike(carry, new, "scan", "the state before a step", "the state after it")
        return new, y

    _ = default_generator().state  # one that splits at its first use does it now, not in a step
    closed, fields = close_loop(body, [type_of(t) for t in leaves(carry)], inner)
    held = [t for owner, name in fields for t in leaves(getattr(owner, name))]
    out = scan_p.bind(
        *closed.captured,
        *leaves(carry),
        *held,
        *leaves(xs),
        graph=closed.graph,
        sizes=closed.sizes,
        constants=len(closed.captured),
        states=count + len(held),
        length=steps,
        reverse=reverse,
    )
    (last, values), ys = closed.finish(out)
    assign(fields, values)
    return last, ys


class _Operands:
    """The operands of `scan_p` by their parts."""

    def __init__(self, operands: Sequence[Any], constants: int, states: int) -> None:
        self.constants = list(operands[:constants])
        self.states = list(operands[constants : constants + states])
        self.xs = list(operands[constants + states :])


def _scan_kernel(
    *arrays: Any, graph: Graph, sizes: Any, constants: int, states: int, length: int, reverse: bool
) -> list[Any]:
    given = _Operands([wrap(a) for a in arrays], constants, states)
    state = given.states
    results: list[list[Tensor]] = []
    for i in reversed(range(length)) if reverse else range(length):
        out = perform(graph, sizes, [*given.constants, *state, *[x[i] for x in given.xs]])
        state = out[:states]
        results.append(out[states:])
    if reverse:
        results.reverse()
    if results:
        stacked = [ops.stack(list(column), axis=0) for column in zip(*results, strict=True)]
    else:
        known = dict(sizes)
        stacked = [
            ops.zeros((0, *evaluated(v.type.shape, known)), dtype=v.type.dtype)  # type: ignore[arg-type]
            for v in graph.outputs[states:]
        ]
    return [t._data for t in [*state, *stacked]]


def evaluated(shape: Shape, sizes: dict[Any, int]) -> tuple[int, ...]:
    """A shape with its symbols replaced by numbers."""
    return tuple([evaluate(d, sizes) for d in shape])


def _scan_shape(
    *types: TensorType, graph: Graph, states: int, length: Any, **params: Any
) -> tuple[TensorType, ...]:
    outputs = [v.type for v in graph.outputs]
    stacked = [TensorType(t.dtype, (length, *t.shape)) for t in outputs[states:]]
    return (*outputs[:states], *stacked)


def _scan_vjp(
    out: Any,
    *operands: Tensor,
    graph: Graph,
    sizes: Any,
    constants: int,
    states: int,
    length: Any,
    reverse: bool,
) -> Pullbacks:
    given = _Operands(operands, constants, states)

    def run(tensors: Sequence[Tensor]) -> list[Tensor]:
        return perform(graph, sizes, tensors)

    def back(arrived: Sequence[Tensor]) -> list[Tensor | None]:
        # Forwards once more, to have the state before each step.
        def record(state: list[Tensor], x: list[Tensor]) -> Any:
            return run([*given.constants, *state, *x])[:states], state

        _, before = scan(record, given.states, given.xs, length=length, reverse=reverse)
        moving = [t.dtype.is_inexact for t in operands]
        kinds = _Operands(moving, constants, states)
        results = [v.type.dtype.is_inexact for v in graph.outputs]
        final = [c for c, m in zip(arrived[:states], kinds.states, strict=True) if m]
        of_ys = [c for c, m in zip(arrived[states:], results[states:], strict=True) if m]
        zeros = [
            ops.zeros_like(t) for t, m in zip(given.constants, kinds.constants, strict=True) if m
        ]

        def step(carried: Any, x: Any) -> Any:
            of_state, of_constants = carried
            state, element, of_y = x
            tensors = [*given.constants, *state, *element]

            def differentiable(tensors: list[Tensor]) -> list[Tensor]:
                return [o for o, m in zip(run(tensors), results, strict=True) if m]

            inner, varying = of_varying(differentiable, tensors, moving)
            found = vjp(inner, varying)[1]([*of_state, *of_y])
            a, b = len(of_constants), len(of_constants) + len(of_state)
            summed = [ops.add(c, d) for c, d in zip(of_constants, found[:a], strict=True)]
            return (found[a:b], summed), found[b:]

        (of_state, of_constants), of_xs = scan(
            step, (final, zeros), (before, given.xs, of_ys), length=length, reverse=not reverse
        )
        found = iter([*of_constants, *of_state, *of_xs])
        return [next(found) if m else None for m in moving]

    return JointPullback(back)


def _scan_jvp(
    out: Any,
    inputs: Sequence[Tensor],
    tangents: Sequence[Tensor | None],
    *,
    graph: Graph,
    sizes: Any,
    constants: int,
    states: int,
    length: Any,
    reverse: bool,
) -> list[Tensor | None]:
    moving = [t.dtype.is_inexact for t in inputs]
    filled = [
        (ops.zeros_like(x) if t is None else t) if m else None
        for x, t, m in zip(inputs, tangents, moving, strict=True)
    ]
    given, pushed = _Operands(inputs, constants, states), _Operands(filled, constants, states)
    results = [v.type.dtype.is_inexact for v in graph.outputs]

    def step(carried: Any, x: Any) -> Any:
        (state, of_state), (element, of_element) = carried, x
        tensors = [*given.constants, *state, *element]

        inner, varying = of_varying(lambda ts: perform(graph, sizes, ts), tensors, moving)
        directions = [t for t in pushed.constants if t is not None] + of_state + of_element
        outs, moved = jvp(inner, (varying,), (directions,))
        moved = [t for t, m in zip(moved, results, strict=True) if m]
        kept = sum(results[:states])
        return (outs[:states], moved[:kept]), (outs[states:], moved[kept:])

    of_states = [t for t in pushed.states if t is not None]
    of_xs = [t for t in pushed.xs if t is not None]
    (_, of_state), (_, of_ys) = scan(
        step, (given.states, of_states), (given.xs, of_xs), length=length, reverse=reverse
    )
    found = iter([*of_state, *of_ys])
    return [next(found) if m else None for m in results]


def _scan_batch(
    inputs: Sequence[Tensor],
    axes: Sequence[int | None],
    *,
    graph: Graph,
    sizes: Any,
    constants: int,
    states: int,
    length: Any,
    reverse: bool,
) -> tuple[Any, Any]:
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    given, places = _Operands(inputs, constants, states), _Operands(axes, constants, states)
    state = [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(given.states, places.states, strict=True)
    ]
    xs = [
        x if a is None else ops.moveaxis(x, a, 1) for x, a in zip(given.xs, places.xs, strict=True)
    ]
    of_xs = [None if a is None else 0 for a in places.xs]

    def each(constants: list[Tensor], state: list[Tensor], x: list[Tensor]) -> Any:
        out = perform(graph, sizes, [*constants, *state, *x])
        return out[:states], out[states:]

    def step(state: list[Tensor], x: list[Tensor]) -> Any:
        mapped = vmap(each, in_axes=(places.constants, [0] * states, of_xs))
        return mapped(given.constants, state, x)

    last, ys = scan(step, state, xs, length=length, reverse=reverse)
    return (*last, *ys), (*[0] * len(last), *[1] * len(ys))


scan_p: Primitive = Primitive(
    "scan",
    _scan_kernel,
    _scan_shape,
    _scan_vjp,
    _scan_jvp,
    _scan_batch,
    Lowering("loop", "scan"),
    multiple=True,
    calls_back=True,
)
