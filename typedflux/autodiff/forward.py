"""Forward mode: values carry their tangents along.

A tangent that is zero is `None` and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, overload

from typedflux import ops
from typedflux.core.primitive import Primitive, type_of
from typedflux.core.staging import Staged
from typedflux.core.tracing import Trace, Tracer
from typedflux.core.tree import iterate, map_leaves
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor

T = TypeVar("T")
R = TypeVar("R")
U = TypeVar("U")
V = TypeVar("V")


class ForwardTracer(Tracer):
    """A value with its tangent."""

    __slots__ = ("tangent", "value")

    value: Tensor
    tangent: Tensor
    remedy: ClassVar[str] = "use stop_gradient(x) for a value outside the derivative"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def type(self) -> TensorType:
        return TensorType(self.value.dtype, self.value.shape)


class ForwardTrace(Trace):
    __slots__ = ()

    name: ClassVar[str] = "jvp"

    def tracer(self, value: Tensor, tangent: Tensor | None) -> Tensor:
        """A tracer, or the plain value where the tangent is zero."""
        if tangent is None:
            return value
        tracer: ForwardTracer = object.__new__(ForwardTracer)
        tracer._trace = self
        tracer.value = value
        tracer.tangent = tangent
        return tracer

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        values: list[Tensor] = []
        tangents: list[Tensor | None] = []
        for arg in args:
            mine = type(arg) is ForwardTracer and arg._trace is self
            values.append(arg.value if mine else arg)  # type: ignore[attr-defined]
            tangents.append(arg.tangent if mine else None)  # type: ignore[attr-defined]
        out, tangent = primitive.push(values, tangents, params)
        if primitive.calls_back:
            self.refuse_captured(primitive, out)
        if not primitive.multiple:
            return self.tracer(out, tangent)
        if tangent is None:
            return out
        return tuple([self.tracer(o, t) for o, t in zip(out, tangent, strict=True)])

    def value_of(self, tensor: Tensor) -> Tensor:
        """The value behind a tracer of this trace; any other tensor as it is."""
        mine = type(tensor) is ForwardTracer and tensor._trace is self
        return tensor.value if mine else tensor  # type: ignore[attr-defined]

    def tangent_of(self, tensor: Tensor) -> Tensor:
        """The tangent, zeros where there is none."""
        if type(tensor) is ForwardTracer and tensor._trace is self:
            return tensor.tangent
        return ops.zeros_like(tensor)


@overload
def jvp(f: Callable[[T], R], args: tuple[T], tangents: tuple[T], /) -> tuple[R, R]: ...
@overload
def jvp(f: Callable[[T, U], R], args: tuple[T, U], tangents: tuple[T, U], /) -> tuple[R, R]: ...
@overload
def jvp(
    f: Callable[[T, U, V], R], args: tuple[T, U, V], tangents: tuple[T, U, V], /
) -> tuple[R, R]: ...
@overload
def jvp(f: Callable[..., R], args: Sequence[Any], tangents: Sequence[Any], /) -> tuple[R, R]: ...
def jvp(f: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], /) -> tuple[Any, Any]:
    """`(f(*args), the derivative of f at args in the direction of tangents)`.

    `tangents` has the structure of `args`, trees included.

    Raises:
        ShapeError: when a tangent has another shape than its argument, or their numbers differ.

    >>> import typedflux as flux
    >>> flux.jvp(lambda x: x * x, (flux.asarray([1.0, 2.0]),), (flux.asarray([1.0, 10.0]),))
    (Tensor([1., 4.], float32), Tensor([ 2., 40.], float32))
    """
    if len(args) != len(tangents):
        raise ShapeError(f"jvp needs one tangent for each of {len(args)} arguments")
    directions = [leaf for _, leaf, is_state in iterate(tuple(tangents)) if not is_state]
    points = [leaf for _, leaf, is_state in iterate(tuple(args)) if not is_state]
    if len(directions) != len(points):
        raise ShapeError(
            f"jvp: the arguments hold {len(points)} tensors, the tangents {len(directions)}"
        )
    trace = ForwardTrace()
    staged = Staged(active=True)
    remaining = iter(directions)

    def lift(tensor: Tensor) -> Tensor:
        direction = next(remaining)
        if not tensor.dtype.is_inexact:
            raise DTypeError(f"{type_of(tensor)} has no tangent: only floats and complex do")
        if direction.shape != tensor.shape or direction.dtype != tensor.dtype:
            raise ShapeError(
                f"the tangent of {type_of(tensor)} must be of that type, got {type_of(direction)}"
            )
        return trace.tracer(tensor, direction)

    with trace.running():
        out = f(*staged.copy(tuple(args), lift, lambda t: t))
        out = staged.originals(out)
        value = map_leaves(trace.value_of, out)
        tangent = map_leaves(trace.tangent_of, out)
        staged.commit(trace.value_of)
    return value, tangent
