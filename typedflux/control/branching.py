"""`cond`: one of two functions, by a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, overload

from typedflux import ops
from typedflux.autodiff.api import vjp
from typedflux.autodiff.batching import BatchTracer, vmap
from typedflux.autodiff.forward import jvp
from typedflux.autodiff.selection import of_varying
from typedflux.control.common import predicate, require_alike
from typedflux.core.closing import assign, close_with_fields, perform
from typedflux.core.graph import Graph
from typedflux.core.primitive import JointPullback, Lowering, Primitive, Pullbacks
from typedflux.core.tracing import Tracer
from typedflux.core.tree import leaves, replace_leaves
from typedflux.core.types import TensorType
from typedflux.tensor import Tensor, wrap

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
W = TypeVar("W")


@overload
def cond(p: Any, f: Callable[[], T], g: Callable[[], T], /) -> T: ...
@overload
def cond(p: Any, f: Callable[[U], T], g: Callable[[U], T], x: U, /) -> T: ...
@overload
def cond(p: Any, f: Callable[[U, V], T], g: Callable[[U, V], T], x: U, y: V, /) -> T: ...
@overload
def cond(
    p: Any, f: Callable[[U, V, W], T], g: Callable[[U, V, W], T], x: U, y: V, z: W, /
) -> T: ...
@overload
def cond(
    p: Any, f: Callable[..., T], g: Callable[..., T], x: Any, y: Any, z: Any, w: Any, /, *args: Any
) -> T: ...
def cond(p: Any, f: Callable[..., Any], g: Callable[..., Any], /, *args: Any) -> Any:
    """`f(*args)` if `p` is true, else `g(*args)`.

    Under `jit` only the branch that is taken runs, and both must return tensors of the same types.
    Under `vmap`, where `p` may differ from example to example, both run and the results are picked.

    Args:
        p: a bool, or a boolean tensor of rank 0.

    Raises:
        ShapeError, DTypeError, TypeError: when `p` is no truth value, or the results are of
            different types.

    >>> import typedflux as flux
    >>> flux.cond(flux.asarray(2.0) > 1, lambda x: x + 1, lambda x: x - 1, flux.asarray(5.0))
    Tensor(6., float32)
    """
    p = predicate(p, "cond: the condition")
    if not isinstance(p, Tracer):
        return f(*args) if bool(p) else g(*args)
    if isinstance(p, BatchTracer):
        chosen, other = f(*args), g(*args)
        require_alike(chosen, other, "cond", "the first branch's result", "the second's")
        pairs = zip(leaves(chosen), leaves(other), strict=True)
        return replace_leaves(chosen, [ops.where(p, a, b) for a, b in pairs])
    (first, second), fields = close_with_fields([lambda: f(*args), lambda: g(*args)])
    (of_first, fields_of_first), (of_second, fields_of_second) = first.result, second.result
    require_alike(of_first, of_second, "cond", "the first branch's result", "the second's")
    require_alike(
        fields_of_first, fields_of_second, "cond", "a field after the first branch", "the second"
    )
    out = cond_p.bind(
        p,
        *first.captured,
        *second.captured,
        count=len(first.captured),
        graphs=(first.graph, second.graph),
        sizes=(first.sizes, second.sizes),
    )
    result, values = first.finish(out)
    assign(fields, values)
    return result


Branches: TypeAlias = tuple[Graph, Graph]


def _branch(
    graphs: Branches, sizes: Any, count: int, which: int, tensors: Sequence[Tensor]
) -> list[Tensor]:
    """Perform one branch on its share of the operands."""
    mine = tensors[:count] if which == 0 else tensors[count:]
    return perform(graphs[which], sizes[which], mine)


def _differentiable(params: dict[str, Any], which: int) -> Callable[[list[Tensor]], list[Tensor]]:
    """One branch, with those of its results that have derivatives."""

    def run(tensors: list[Tensor]) -> list[Tensor]:
        outs = _branch(params["graphs"], params["sizes"], params["count"], which, tensors)
        return [o for o in outs if o.dtype.is_inexact]

    return run


def _cond_kernel(p: Any, *arrays: Any, count: int, graphs: Branches, sizes: Any) -> list[Any]:
    out = _branch(graphs, sizes, count, 0 if p else 1, [wrap(a) for a in arrays])
    return [t._data for t in out]


def _cond_shape(*types: TensorType, count: int, graphs: Branches, sizes: Any) -> Any:
    return tuple([v.type for v in graphs[0].outputs])


def _cond_vjp(out: Any, p: Tensor, *operands: Tensor, **params: Any) -> Pullbacks:
    def back(arrived: Sequence[Tensor]) -> list[Tensor | None]:
        moving = [t.dtype.is_inexact for t in operands]

        def of_branch(which: int) -> list[Tensor]:
            run, varying = of_varying(_differentiable(params, which), operands, moving)
            found: list[Tensor] = vjp(run, varying)[1]([c for c in arrived if c.dtype.is_inexact])
            return found

        found = iter(cond(p, lambda: of_branch(0), lambda: of_branch(1)))
        return [None, *[next(found) if m else None for m in moving]]

    return JointPullback(back)


def _cond_jvp(
    out: Any, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], **params: Any
) -> list[Tensor | None]:
    p, *operands = inputs
    moving = [t is not None for t in tangents[1:]]
    directions = [t for t in tangents[1:] if t is not None]

    def of_branch(which: int) -> list[Tensor]:
        run, points = of_varying(_differentiable(params, which), operands, moving)
        found: list[Tensor] = jvp(run, (points,), (directions,))[1]
        return found

    pushed = iter(cond(p, lambda: of_branch(0), lambda: of_branch(1)))
    return [next(pushed) if o.dtype.is_inexact else None for o in out]


def _cond_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], **params: Any
) -> tuple[Any, Any]:
    p, *operands = inputs

    def of_branch(which: int) -> Callable[..., Any]:
        return lambda *tensors: tuple(
            _branch(params["graphs"], params["sizes"], params["count"], which, tensors)
        )

    if axes[0] is not None:

        def both(p: Tensor, *tensors: Tensor) -> Any:
            pairs = zip(of_branch(0)(*tensors), of_branch(1)(*tensors), strict=True)
            return tuple([ops.where(p, a, b) for a, b in pairs])

        out = vmap(both, in_axes=tuple(axes))(p, *operands)
    else:
        mapped = tuple(axes[1:])
        out = cond(
            p,
            lambda: vmap(of_branch(0), in_axes=mapped)(*operands),
            lambda: vmap(of_branch(1), in_axes=mapped)(*operands),
        )
    return out, (0,) * len(out)


cond_p: Primitive = Primitive(
    "cond",
    _cond_kernel,
    _cond_shape,
    _cond_vjp,
    _cond_jvp,
    _cond_batch,
    Lowering("loop", "cond"),
    multiple=True,
    calls_back=True,
)
