"""`checkpoint`: compute again in the backward pass what would take memory to keep."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from typedflux.autodiff.api import vjp
from typedflux.autodiff.batching import vmap
from typedflux.autodiff.forward import jvp
from typedflux.autodiff.selection import of_varying
from typedflux.core.closing import assign, close_with_fields, perform
from typedflux.core.graph import Graph, trace_graph
from typedflux.core.primitive import JointPullback, Primitive, Pullbacks, type_of
from typedflux.core.types import TensorType
from typedflux.tensor import Tensor, wrap

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(f: Callable[P, R], /) -> Callable[P, R]:
    """`f`, of which a gradient keeps the arguments alone and computes the rest again when needed.

    What it captures, models among it, is differentiated like its arguments. Random numbers are the
    same the second time, and what it assigns to fields, such as running statistics, is assigned
    once. It is traced at each call, so branching on values in it needs `flux.cond` and the like.
    (Chen et al., "Training deep nets with sublinear memory cost", 2016.)

    >>> import typedflux as flux
    >>> layer = flux.checkpoint(lambda x: flux.tanh(flux.tanh(x)))
    >>> flux.gradient(lambda x: layer(x).sum(), flux.asarray([0.0])).tolist()
    [1.0]
    """

    @functools.wraps(f)
    def checkpointed(*args: P.args, **kwargs: P.kwargs) -> R:
        (closed,), fields = close_with_fields([lambda: f(*args, **kwargs)])
        out = checkpoint_p.bind(*closed.captured, graph=closed.graph, sizes=closed.sizes)
        result, values = closed.finish(out)
        assign(fields, values)
        return result  # type: ignore[no-any-return]

    return checkpointed


def _kernel(*arrays: Any, graph: Graph, sizes: Any) -> list[Any]:
    return [t._data for t in perform(graph, sizes, [wrap(a) for a in arrays])]


def _shape(*types: TensorType, graph: Graph, sizes: Any) -> tuple[TensorType, ...]:
    return tuple([v.type for v in graph.outputs])


def _differentiable(graph: Graph, sizes: Any) -> Callable[[list[Tensor]], list[Tensor]]:
    """The graph, with those of its results that have derivatives."""
    return lambda tensors: [o for o in perform(graph, sizes, tensors) if o.dtype.is_inexact]


def _vjp(out: Any, *inputs: Tensor, graph: Graph, sizes: Any) -> Pullbacks:
    def back(arrived: Sequence[Tensor]) -> list[Tensor | None]:
        differentiable = [t.dtype.is_inexact for t in inputs]

        again, varying = of_varying(_differentiable(graph, sizes), inputs, differentiable)
        _, pullback = vjp(again, varying)
        found = iter(pullback([c for c in arrived if c.dtype.is_inexact]))
        return [next(found) if d else None for d in differentiable]

    return JointPullback(back)


def _jvp(
    out: Any, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], *, graph: Graph,
    sizes: Any,
) -> list[Tensor | None]:  # fmt: skip
    moving = [t is not None for t in tangents]

    again, points = of_varying(_differentiable(graph, sizes), inputs, moving)
    directions = [t for t in tangents if t is not None]
    pushed = iter(jvp(again, (points,), (directions,))[1])
    return [next(pushed) if o.dtype.is_inexact else None for o in out]


def _batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, graph: Graph, sizes: Any
) -> tuple[Any, tuple[int, ...]]:
    each = vmap(lambda *tensors: tuple(perform(graph, sizes, tensors)), in_axes=tuple(axes))
    batched = trace_graph(lambda *tensors: each(*tensors), [type_of(x) for x in inputs])
    captured = [t for _, t in batched.constants]
    batched.inputs.extend([v for v, _ in batched.constants])
    batched.constants = []
    out = checkpoint_p.bind(*inputs, *captured, graph=batched, sizes=sizes)
    return out, (0,) * len(out)


checkpoint_p: Primitive = Primitive(
    "checkpoint",
    _kernel,
    _shape,
    _vjp,
    _jvp,
    _batch,
    multiple=True,
    calls_back=True,
)

__all__ = ["checkpoint"]
