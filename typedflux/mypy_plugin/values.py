"""What an argument of a call is, as far as it is known before the program runs.

Tensors are known by type; numbers, strings, tuples, slices and the like by value where they are
written out or have a literal type; sizes as dims; functions and dtypes of the package themselves.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import Any

from mypy.checker import TypeChecker
from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    Context,
    EllipsisExpr,
    Expression,
    FloatExpr,
    GeneratorExpr,
    IndexExpr,
    IntExpr,
    LambdaExpr,
    ListComprehension,
    ListExpr,
    MemberExpr,
    NameExpr,
    OpExpr,
    RefExpr,
    SliceExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    UnaryExpr,
)
from mypy.types import (
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    UnionType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.constants import Constants
from typedflux.mypy_plugin.construction import CONSTANT, Applied, construct_of, is_callable, thawed
from typedflux.mypy_plugin.encoding import DIM_OF, Encoder, is_instance
from typedflux.mypy_plugin.evaluation import Deferred, Several, Undetermined
from typedflux.shapes.dims import UNKNOWN, Dim, Unknown

_SEQUENCES = ("builtins.tuple", "builtins.list", "typing.Sequence")


class Reader:
    """Reads the arguments of one call; `context` is where it stands."""

    def __init__(self, encoder: Encoder, checker: TypeChecker, context: Context) -> None:
        self.encoder = encoder
        self.checker = checker
        self.context = context
        self.constants = Constants(encoder, checker)

    def value(self, expression: Expression, type_: Type | None = None) -> Any:
        """The value of an argument.

        Raises:
            Undetermined: when too little is known of it.
        """
        if not isinstance(expression, _PERHAPS_CONSTANT):
            return self._value(expression, type_)
        try:
            found = self._value(expression, type_)
        except Undetermined:
            return self.constants.value(expression)
        if _is_vague(found):
            try:
                return self.constants.value(expression)
            except Undetermined:
                pass  # then what little is known
        return found

    def _value(self, expression: Expression, type_: Type | None) -> Any:
        match expression:
            case IntExpr(value=value) | FloatExpr(value=value) | StrExpr(value=value):
                return value
            case UnaryExpr(op="-"):
                inner = self.value(expression.expr)
                if isinstance(inner, (int, float)):
                    return -inner
            case EllipsisExpr():
                return ...
            case ConditionalExpr():
                return self._either(expression)
            case SliceExpr():
                bounds = (expression.begin_index, expression.end_index, expression.stride)
                return slice(*[None if b is None else self.value(b) for b in bounds])
            case TupleExpr():
                return tuple(self._items(expression.items))
            case ListExpr():
                return self._items(expression.items)
            case ListComprehension(generator=GeneratorExpr(left_expr=item)):
                # Its own type is what the function asks for.
                return Several(self.value(item))
            case OpExpr(op="*", left=ListExpr(items=items), right=times) if items:
                return self._repeated(self._items(items), times)
            case NameExpr(fullname="builtins.True"):
                return True
            case NameExpr(fullname="builtins.False"):
                return False
            case NameExpr() | MemberExpr():
                own = self._own_object(expression)
                if own is not None:
                    return own
        if isinstance(expression, LambdaExpr) and type_ is not None:
            return Applied(type_, self, expression, expression)
        if type_ is None:
            type_ = self.checker.lookup_type_or_none(expression)
            if type_ is None:
                type_ = self.checker.expr_checker.accept(expression)
        return self.of_type(type_)

    def _either(self, expression: ConditionalExpr) -> Any:
        """One of two values: what is known of both."""
        first, second = self.value(expression.if_expr), self.value(expression.else_expr)
        if all(isinstance(v, Deferred) or inspect.isfunction(v) for v in (first, second)):
            types = [
                self.checker.lookup_type(e) for e in (expression.if_expr, expression.else_expr)
            ]
            return Applied(UnionType(types), self, expression)
        if type(first) is type(second) and first == second:
            return first
        if all(isinstance(v, (int, Dim, Unknown)) for v in (first, second)):
            return UNKNOWN
        raise Undetermined

    def _repeated(self, held: list[Any], times: Expression) -> Any:
        try:
            count = self.value(times)
        except Undetermined:
            count = None
        if isinstance(count, int) and 0 <= count <= 64:
            return held * count
        if len(held) == 1:
            return Several(held[0])
        raise Undetermined

    def _items(self, expressions: Sequence[Expression]) -> list[Any]:
        held: list[Any] = []
        for item in expressions:
            if isinstance(item, StarExpr):
                spread = self.value(item.expr)
                if not isinstance(spread, (tuple, list)):
                    raise Undetermined
                held += spread
            else:
                held.append(self.value(item))
        return held

    def of_type(self, type_: Type) -> Any:
        """The value as its type tells it."""
        t = get_proper_type(type_)
        tensor = self.encoder.tensor(t)
        if tensor is not None:
            return tensor
        if isinstance(t, NoneType):
            return None
        if isinstance(t, Instance) and t.last_known_value is not None:
            t = t.last_known_value
        if isinstance(t, LiteralType) and not t.fallback.type.is_enum:
            return t.value
        if isinstance(t, TupleType):
            return self._tuple(t)
        if is_size(t):
            return self.encoder.dim(t)
        if isinstance(t, Instance):
            if t.type.fullname in _SEQUENCES and self.encoder.tensor(t.args[0]) is not None:
                kind = tuple if t.type.fullname == "builtins.tuple" else list
                return Several(self.of_type(t.args[0]), kind)
            if t.type.fullname in _SEQUENCES and is_size(get_proper_type(t.args[0])):
                return self.encoder.sizes(UnpackType(t))  # a shape of any rank
            if t.type.fullname == "builtins.float":
                return 1.0  # a weak scalar: its value does not change any type
            if t.type.fullname == CONSTANT:
                return thawed(t)
            layer = construct_of(t, self)
            if layer is not None:
                return layer
        if is_callable(t):
            return Applied(t, self, self.context)
        raise Undetermined

    def _tuple(self, t: TupleType) -> tuple[Any, ...]:
        if t.partial_fallback.type.fullname != "builtins.tuple":
            raise Undetermined  # a class of its own, which functions may ask for
        held: list[Any] = []
        for item in t.items:
            if isinstance(item, UnpackType):
                inner = get_proper_type(item.type)
                if not isinstance(inner, Instance) or not is_size(get_proper_type(inner.args[0])):
                    raise Undetermined
                held += self.encoder.sizes(item)
            else:
                held.append(self.of_type(item))
        return tuple(held)

    def _own_object(self, expression: RefExpr) -> Any:
        """A dtype or a function of the package."""
        module, _, name = expression.fullname.rpartition(".")
        if not module.startswith("typedflux"):
            return None
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ModuleNotFoundError:
            return None  # an attribute of a class, or a name inside a function
        return found if callable(found) or type(found).__name__ == "DType" else None


_PERHAPS_CONSTANT = (NameExpr, MemberExpr, OpExpr, UnaryExpr, CallExpr, IndexExpr)


def _is_vague(value: Any) -> bool:
    """Whether a value is a size of which nothing is known, or a shape with such."""
    if isinstance(value, tuple):
        return any(map(_is_vague, value))
    return isinstance(value, Unknown) or str(value) == "..."


def is_size(t: ProperType) -> bool:
    """Whether a type is an int, or a union of ints such as `Size["n"]`."""
    if isinstance(t, UnionType):
        return all(is_size(get_proper_type(item)) for item in t.items)
    return isinstance(t, Instance) and (t.type.fullname == "builtins.int" or is_instance(t, DIM_OF))
