"""Functions whose derivative the program gives: `custom_vjp` and `custom_jvp`.

Either rule serves every transformation. Forward mode through a `custom_vjp` is the transpose of its
backward rule, which is linear in the cotangent; reverse mode through a `custom_jvp` is the
transpose of its rule, which is linear in the tangents.
"""

from __future__ import annotations

import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, cast

from typedflux import ops
from typedflux.autodiff.api import vjp
from typedflux.autodiff.batching import vmap
from typedflux.core.graph import GraphTracer, evaluate_types
from typedflux.core.primitive import JointPullback, Primitive, Pullbacks, type_of
from typedflux.core.tracing import Tracer, find_top_trace
from typedflux.core.tree import children, format_path, leaves, replace_leaves
from typedflux.core.types import TensorType
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor, wrap

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(eq=False)
class _Call:
    """One call of a function with a rule, on the tensors in its arguments.

    Attributes:
        function: from the tensors to the result.
        result: what it returned when it last ran; the structure is the same each time.
    """

    name: str
    function: Callable[[Sequence[Tensor]], Any]
    result: Any

    def run(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The tensors in the result."""
        self.result = self.function(tensors)
        return tuple(leaves(self.result))

    @abstractmethod
    def linearize(self, tensors: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Pullbacks]: ...

    @abstractmethod
    def push(
        self, tensors: Sequence[Tensor], tangents: Sequence[Tensor | None]
    ) -> tuple[tuple[Tensor, ...], Any]: ...

    @abstractmethod
    def batched(self) -> _Call: ...


class _WithRule(Primitive):
    """Asks the call for its derivatives, so that what the rules keep is made only when needed."""

    __slots__ = ()

    def linearize(self, args: Sequence[Tensor], params: dict[str, Any]) -> tuple[Any, Pullbacks]:
        call: _Call = params["call"]
        return call.linearize(args)

    def push(
        self, args: Sequence[Tensor], tangents: Sequence[Tensor | None], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        call: _Call = params["call"]
        return call.push(args, tangents)


def _kernel(*arrays: Any, call: _Call) -> list[Any]:
    return [t._data for t in call.run([wrap(a) for a in arrays])]


def _shape(*types: TensorType, call: _Call) -> tuple[TensorType, ...]:
    found = evaluate_types(lambda *tensors: call.run(tensors), types)
    return found if isinstance(found, tuple) else (found,)


def _batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, call: _Call
) -> tuple[Any, tuple[int, ...]]:
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    moved = [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(inputs, axes, strict=True)
    ]
    inner = call.batched()
    out = rule_p.bind(*moved, call=inner)
    call.result = inner.result
    return out, (0,) * len(out)


rule_p: Primitive = _WithRule(
    "a function with a rule of its own",
    _kernel,
    _shape,
    batch=_batch,
    multiple=True,
    calls_back=True,
)


def _perform(call: _Call, tensors: Sequence[Tensor]) -> Any:
    """The result of a call: by the rule where a transformation asks for it."""
    if not any(isinstance(t, Tracer) for t in tensors):
        return call.function(tensors)
    trace = find_top_trace(tensors)
    # A graph that nobody differentiates needs no rule.
    inline = all(isinstance(t, GraphTracer) or not isinstance(t, Tracer) for t in tensors)
    if inline and not getattr(trace, "is_body", False):
        return call.function(tensors)
    out = rule_p.bind(*tensors, call=call)
    return replace_leaves(call.result, out)


def _positional(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> list[Any]:
    """The arguments by position, defaults included."""
    if not kwargs:
        return list(args)
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise TypeError(
            f"{_name(function)} has a derivative rule, which sees arguments by position: "
            f"{', '.join(bound.kwargs)} must not be keyword-only"
        )
    return list(bound.args)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


class _Custom(Generic[P, R]):
    """What the two kinds of rules share: which arguments are differentiable."""

    def __init__(self, function: Callable[P, R], nondiff_argnums: Sequence[int] = ()) -> None:
        self.function: Callable[..., Any] = function
        self.nondiff = frozenset(nondiff_argnums)
        functools.update_wrapper(cast(Any, self), function, updated=())

    @abstractmethod
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def split(self, args: list[Any]) -> tuple[list[Any], list[Any]]:
        """The arguments that are not differentiated, and those that are."""
        constant = [a for i, a in enumerate(args) if i in self.nondiff]
        return constant, [a for i, a in enumerate(args) if i not in self.nondiff]

    def merge(self, constant: Sequence[Any], varying: Sequence[Any]) -> list[Any]:
        """The opposite of `split`."""
        first, second = iter(constant), iter(varying)
        count = len(constant) + len(varying)
        return [next(first if i in self.nondiff else second) for i in range(count)]

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else functools.partial(self, instance)


class custom_vjp(_Custom[P, R]):
    """A function with a backward rule of its own, given by `defvjp`.

    Args:
        function: what it computes.
        nondiff_argnums: positions of arguments, such as functions and options, that the rules get
            as they are, before the others.

    >>> import typedflux as flux
    >>> @flux.custom_vjp
    ... def clip_gradient(x: flux.Tensor) -> flux.Tensor:
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda _, g: (flux.clip(g, -1.0, 1.0),))
    >>> flux.gradient(lambda x: (3 * clip_gradient(x)).sum(), flux.asarray([1.0, 2.0])).tolist()
    [1.0, 1.0]
    """

    _forward: Callable[..., tuple[R, Any]] | None = None
    _backward: Callable[..., Any] | None = None

    def defvjp(self, forward: Callable[..., tuple[R, Any]], backward: Callable[..., Any]) -> None:
        """Give the rule.

        Args:
            forward: takes the function's arguments and returns `(result, residuals)`; the residuals
                are any tree.
            backward: takes `nondiff_argnums`' arguments, the residuals and the cotangent of the
                result, structured like it; returns a tuple of one cotangent for each other
                argument, structured like it, `None` for zero.
        """
        self._forward, self._backward = forward, backward

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._forward is None or self._backward is None:
            raise AttributeError(
                f"{_name(self.function)} has no rule yet: call its defvjp(forward, backward)"
            )
        given = _positional(self.function, args, kwargs)
        constant, varying = self.split(given)
        forward, backward, name = self._forward, self._backward, _name(self.function)

        def arguments(tensors: Sequence[Tensor]) -> list[Any]:
            return self.merge(constant, replace_leaves(varying, tensors))

        def back(residuals: Any, cotangent: Any) -> list[Tensor | None]:
            return _cotangents(name, varying, backward(*constant, residuals, cotangent))

        def ahead(tensors: Sequence[Tensor]) -> tuple[Any, Any]:
            out: Any = forward(*arguments(tensors))
            if not isinstance(out, tuple) or len(out) != 2:
                raise TypeError(
                    f"the forward rule of {name} returns (result, residuals), got "
                    f"{type(out).__name__}"
                )
            return out

        call = _VjpCall(name, lambda tensors: self.function(*arguments(tensors)), None, ahead, back)
        result: R = _perform(call, leaves(varying))
        return result


def _cotangents(name: str, args: list[Any], given: Any) -> list[Tensor | None]:
    """What a backward rule returned, one for each tensor in the arguments; checked."""
    if isinstance(given, Tensor) or not isinstance(given, (tuple, list)) or len(given) != len(args):
        got = f"{len(given)}" if isinstance(given, (tuple, list)) else type(given).__name__
        raise TypeError(
            f"the backward rule of {name} returns a tuple with one cotangent for each of its "
            f"{len(args)} arguments, got {got}"
        )
    found: list[Tensor | None] = []
    for i, (arg, cotangent) in enumerate(zip(args, given, strict=True)):
        _match(f"the backward rule of {name}, argument {i}", arg, cotangent, found)
    return found


def _match(where: str, arg: Any, cotangent: Any, found: list[Tensor | None]) -> None:
    if isinstance(arg, Tensor):
        if cotangent is None:
            found.append(None)
            return
        value = ops.asarray(cotangent)
        if value.ndim != arg.ndim or value.shape != arg.shape:
            raise ShapeError(f"{where}: the cotangent of {type_of(arg)} is {type_of(value)}")
        found.append(value if value.dtype == arg.dtype else ops.astype(value, arg.dtype))
        return
    parts = children(arg)
    below = children(cotangent)
    for i, (key, part) in enumerate(parts or ()):
        if below is None:
            if cotangent is not None:
                raise TypeError(
                    f"{where}: the cotangent is structured like the argument, a "
                    f"{type(arg).__name__}, or None; got {type(cotangent).__name__}"
                )
            _match(where, part, None, found)
        elif i >= len(below) or below[i][0] != key:
            raise TypeError(f"{where}: the cotangent has no {format_path((key,))}")
        else:
            _match(f"{where}{format_path((key,))}", part, below[i][1], found)


@dataclass(eq=False)
class _VjpCall(_Call):
    forward: Callable[[Sequence[Tensor]], tuple[Any, Any]]
    backward: Callable[[Any, Any], list[Tensor | None]]

    def linearize(self, tensors: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Pullbacks]:
        self.result, residuals = self.forward(tensors)
        template = self.result
        return tuple(leaves(template)), JointPullback(
            lambda arrived: self.backward(residuals, replace_leaves(template, arrived))
        )

    def push(
        self, tensors: Sequence[Tensor], tangents: Sequence[Tensor | None]
    ) -> tuple[tuple[Tensor, ...], Any]:
        self.result, residuals = self.forward(tensors)
        template = self.result
        out = tuple(leaves(template))
        zeros = [ops.zeros_like(o) for o in out]
        found = self.backward(residuals, replace_leaves(template, zeros))
        used = [
            i
            for i, (c, t) in enumerate(zip(found, tangents, strict=True))
            if c is not None and t is not None
        ]
        if not used:
            return out, None

        def transposed(cotangents: list[Tensor]) -> list[Tensor | None]:
            remaining = iter(cotangents)
            arrived = [next(remaining) if z.dtype.is_inexact else z for z in zeros]
            found = self.backward(residuals, replace_leaves(template, arrived))
            return [found[i] for i in used]

        _, pullback = vjp(transposed, [z for z in zeros if z.dtype.is_inexact])
        pushed = iter(pullback([tangents[i] for i in used]))
        return out, [next(pushed) if z.dtype.is_inexact else None for z in zeros]

    def batched(self) -> _Call:
        def function(tensors: Sequence[Tensor]) -> Any:
            return vmap(lambda *each: self.function(each))(*tensors)

        def forward(tensors: Sequence[Tensor]) -> tuple[Any, Any]:
            out: tuple[Any, Any] = vmap(lambda *each: self.forward(each))(*tensors)
            return out

        def backward(residuals: Any, cotangent: Any) -> list[Tensor | None]:
            out: list[Tensor | None] = vmap(self.backward)(residuals, cotangent)
            return out

        return _VjpCall(self.name, function, None, forward, backward)


class custom_jvp(_Custom[P, R]):
    """A function with a forward rule of its own, given by `defjvp`; it serves reverse mode too.

    Args:
        function: what it computes.
        nondiff_argnums: positions of arguments that the rule gets as they are, before the others.

    >>> import typedflux as flux
    >>> @flux.custom_jvp
    ... def safe_sqrt(x: flux.Tensor) -> flux.Tensor:
    ...     return flux.sqrt(x)
    >>> @safe_sqrt.defjvp
    ... def rule(primals, tangents):
    ...     y = safe_sqrt(primals[0])
    ...     return y, tangents[0] / (2 * flux.maximum(y, 1e-3))
    >>> flux.gradient(lambda x: safe_sqrt(x).sum(), flux.asarray([4.0, 0.0])).tolist()
    [0.25, 499.9999694824219]
    """

    _rule: Callable[..., tuple[R, Any]] | None = None

    def defjvp(self, rule: Callable[..., tuple[R, Any]]) -> Callable[..., tuple[R, Any]]:
        """Give the rule: `rule(*nondiff, primals, tangents)` returns the result and its tangent.

        `primals` and `tangents` are tuples with one item for each other argument; the rule is
        linear in the tangents.
        """
        self._rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Give one rule for each argument: `rule(tangent, result, *primals)` is its share of the
        result's tangent; `None` where it has none. For functions that return one tensor."""

        def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
            out = self(*primals)  # type: ignore[call-arg]
            shares = [
                part(t, out, *primals)
                for part, t in zip(rules, tangents, strict=True)
                if part is not None
            ]
            total = shares[0] if shares else ops.zeros_like(out)  # type: ignore[arg-type]
            return out, functools.reduce(ops.add, shares[1:], total)

        self._rule = rule

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._rule is None:
            raise AttributeError(f"{_name(self.function)} has no rule yet: call its defjvp(rule)")
        given = _positional(self.function, args, kwargs)
        constant, varying = self.split(given)
        rule, name = self._rule, _name(self.function)

        def arguments(tensors: Sequence[Tensor]) -> list[Any]:
            return self.merge(constant, replace_leaves(varying, tensors))

        def both(tensors: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
            out = rule(
                *constant,
                tuple(replace_leaves(varying, tensors)),
                tuple(replace_leaves(varying, tangents)),
            )
            if not isinstance(out, tuple) or len(out) != 2:
                raise TypeError(
                    f"the rule of {name} returns (result, tangent), got {type(out).__name__}"
                )
            _check_tangent(name, *out)
            return out

        call = _JvpCall(name, lambda tensors: self.function(*arguments(tensors)), None, both)
        result: R = _perform(call, leaves(varying))
        return result


def _check_tangent(name: str, out: Any, tangent: Any) -> None:
    values, tangents = leaves(out), leaves(tangent)
    if len(values) != len(tangents):
        raise TypeError(
            f"the rule of {name} returns a tangent structured like the result, which holds "
            f"{len(values)} tensors; it holds {len(tangents)}"
        )
    for value, t in zip(values, tangents, strict=True):
        if value.ndim != t.ndim or value.shape != t.shape:
            raise ShapeError(f"the rule of {name}: the tangent of {type_of(value)} is {type_of(t)}")


@dataclass(eq=False)
class _JvpCall(_Call):
    rule: Callable[[Sequence[Tensor], Sequence[Tensor]], tuple[Any, Any]]

    def linearize(self, tensors: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Pullbacks]:
        varying = [t.dtype.is_inexact for t in tensors]

        def tangent(directions: list[Tensor]) -> tuple[Any, Any]:
            remaining = iter(directions)
            full = [
                next(remaining) if varies else t for t, varies in zip(tensors, varying, strict=True)
            ]
            return self.rule(tensors, full)

        zeros = [ops.zeros_like(t) for t, v in zip(tensors, varying, strict=True) if v]
        (self.result, _), pullback = vjp(tangent, zeros)
        out = leaves(self.result)

        def back(arrived: Sequence[Tensor]) -> list[Tensor | None]:
            nothing = replace_leaves(self.result, [ops.zeros_like(o) for o in out])
            found = iter(pullback((nothing, replace_leaves(self.result, arrived))))
            return [next(found) if v else None for v in varying]

        return tuple(out), JointPullback(back)

    def push(
        self, tensors: Sequence[Tensor], tangents: Sequence[Tensor | None]
    ) -> tuple[tuple[Tensor, ...], Any]:
        full = [
            ops.zeros_like(t) if d is None else d for t, d in zip(tensors, tangents, strict=True)
        ]
        self.result, tangent = self.rule(tensors, full)
        return tuple(leaves(self.result)), leaves(tangent)

    def batched(self) -> _Call:
        def function(tensors: Sequence[Tensor]) -> Any:
            return vmap(lambda *each: self.function(each))(*tensors)

        def rule(tensors: Sequence[Tensor], tangents: Sequence[Tensor]) -> tuple[Any, Any]:
            out: tuple[Any, Any] = vmap(self.rule)(list(tensors), list(tangents))
            return out

        return _JvpCall(self.name, function, None, rule)


__all__ = ["custom_jvp", "custom_vjp"]
