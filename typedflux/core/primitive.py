"""Primitives: the operations that everything else is composed of, each whole in one object.

A primitive knows its shape rule (over symbolic dims), its numpy kernel, its derivatives written
with other operations, how it is batched, and its lowering kind, which is all that a compiler knows
of it. `bind` performs it: at once on plain tensors, by the highest trace on traced ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

from typedflux.core import tracing
from typedflux.core.quiet import quiet
from typedflux.core.types import TensorType
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor, wrap

Array: TypeAlias = npt.NDArray[Any]
Pullback: TypeAlias = Callable[[Any], Any]
"""From the cotangent of the result (a tuple of them where there are several results) to that of
one operand."""

LoweringKind: TypeAlias = Literal[
    "elementwise", "reduction", "contraction", "window", "gather", "scatter", "layout", "loop",
    "random", "opaque",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lowering:
    """What a compiler may know of a primitive: its kind, and which expression or combiner it is."""

    kind: LoweringKind
    detail: str = ""


class JointPullback:
    """A pullback that gives the cotangents of all operands at once, where they share work.

    `function(cotangent)` returns one cotangent per operand, `None` for those without a derivative.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Any], Sequence[Tensor | None]]) -> None:
        self.function = function


Pullbacks: TypeAlias = Sequence[Pullback | None] | JointPullback | None
"""One pullback per operand, `None` where an operand has no derivative; `None` for all when the
result does not depend on the operands differentiably."""


@dataclass(slots=True, eq=False)
class Primitive:
    """One operation.

    Attributes:
        name: as messages and graphs print it.
        kernel: `(*arrays, **params) -> array`, or a tuple of arrays where `multiple`. Operands have
            been promoted already. It may return a view of an operand, never write to one.
        shape: `(*types, **params) -> TensorType` (or a tuple), over symbolic dims; raises
            `ShapeError` or `DTypeError` with the reason alone: where it happened is added here.
        vjp: `(out, *inputs, **params) -> pullbacks`, see `Pullbacks`. A pullback should capture
            only what it needs, because that is kept alive until the backward pass.
        jvp: `(out, inputs, tangents, **params) -> tangent of out` (or `None`: zero); a tangent that
            is zero is `None`.
        batch: `(inputs, axes, **params) -> (out, axis)`, the operands having an extra axis where
            `axes` says (`None`: none); with `multiple`, `(outs, axes)`.
        lowering: what the compiler knows of it.
        multiple: whether it returns a tuple.
        calls_back: whether the kernel performs operations itself (control flow, custom rules).
    """

    name: str
    kernel: Callable[..., Any]
    shape: Callable[..., Any]
    vjp: Callable[..., Pullbacks] | None = None
    jvp: Callable[..., Any] | None = None
    batch: Callable[..., Any] | None = None
    lowering: Lowering = Lowering("opaque")
    multiple: bool = False
    calls_back: bool = False

    def bind(self, *args: Tensor, **params: Any) -> Any:
        """Perform the operation on operands that are tensors, promoted and validated."""
        for arg in args:
            if type(arg) is not Tensor:
                return tracing.find_top_trace(args).process(self, args, params)
        if tracing.graphs_under_way:
            trace = tracing.find_graph_for(params)
            if trace is not None:
                return trace.process(self, args, params)
        try:
            if self.calls_back:
                out = self.kernel(*[arg._data for arg in args], **params)
            else:
                out = quiet.run(self.kernel, *[arg._data for arg in args], **params)
        except Exception as error:
            reason = explain(self, args, params, error)
            if reason is error:
                raise
            raise reason from error
        if self.multiple:
            return tuple([wrap(item) for item in out])
        return wrap(out)

    def linearize(self, args: Sequence[Tensor], params: dict[str, Any]) -> tuple[Any, Pullbacks]:
        """The result together with its pullbacks."""
        out = self.bind(*args, **params)
        if self.vjp is None:
            return out, None
        return out, self.vjp(out, *args, **params)

    def push(
        self, args: Sequence[Tensor], tangents: Sequence[Tensor | None], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        """The result together with its tangent, where the rule is given; `None` is zero."""
        out = self.bind(*args, **params)
        if self.jvp is None:
            return out, None
        return out, self.jvp(out, args, tangents, **params)

    def infer(self, types: Sequence[TensorType], params: dict[str, Any]) -> Any:
        """Result types by the shape rule, with the operation and operands named in errors."""
        try:
            return self.shape(*types, **params)
        except (ShapeError, DTypeError) as error:
            raise located(error, self.name, types) from None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def located(error: Exception, name: str, types: Sequence[TensorType]) -> Exception:
    """`error` with the operation and its operands in front, once."""
    if getattr(error, "operation", None) is not None:
        return error
    operands = ", ".join(str(t) for t in types)
    new = type(error)(f"{name}({operands}): {error}")
    new.operation = name  # type: ignore[attr-defined]
    return new


def explain(
    primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any], error: Exception
) -> Exception:
    """The error to raise when a kernel failed: the shape rule's reason where it has one.

    Eager calls go straight to the kernel, so that a correct program pays nothing for its checks.
    """
    types = [type_of(a) for a in args]
    if isinstance(error, (ShapeError, DTypeError)):
        return located(error, primitive.name, types)
    try:
        primitive.infer(types, params)
    except (ShapeError, DTypeError) as reason:
        return reason
    return error


def type_of(tensor: Tensor) -> TensorType:
    """Dtype and shape of a tensor, traced or not."""
    return TensorType(tensor.dtype, tensor.shape)
