"""Sizes as values: arithmetic on them, and Python's own functions of ints, stay dimensions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from mypy.checker import TypeChecker
from mypy.nodes import ARG_POS, CallExpr, Expression, OpExpr, RefExpr, UnaryExpr
from mypy.plugin import FunctionContext, MethodContext
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    ProperType,
    TupleType,
    Type,
    UnionType,
    get_proper_type,
)

from typedflux.mypy_plugin.construction import encoded
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import DIM_OF, TENSOR, Encoder, is_instance
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.pure import PURE, Range, absolute, divide, is_size, power, whole
from typedflux.mypy_plugin.values import Reader
from typedflux.shapes.dims import (
    Unknown,
    bounds,
    dim_max,
)
from typedflux.shapes.errors import UndecidedError

INT = "builtins.int"
FLOAT = "builtins.float"


class Sizes:
    """What is known of ints that are dimensions."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def arithmetic(self, method: str, ctx: MethodContext) -> Type:
        """`2 * n + 1` on sizes stays a dimension."""
        if "pow" in method:
            ctx = ctx._replace(default_return_type=self.power(ctx, ctx.default_return_type))
        if isinstance(ctx.context, (OpExpr, UnaryExpr)):
            found = self._operation(ctx.context, checker_of(ctx), ctx.default_return_type)
            if found is not None:
                return found
        name = method.strip("_")
        reader = Reader(self.encoder, checker_of(ctx), ctx.context)
        operands: list[Any] = [self.encoder.dim(ctx.type)]
        for expressions, types in zip(ctx.args, ctx.arg_types, strict=True):
            for expression, t in zip(expressions, types, strict=True):
                try:
                    operands.append(reader.value(expression, t))
                except Undetermined:
                    return ctx.default_return_type
        if name in _REVERSED:
            operands, name = operands[::-1], name[1:]
        return self._computed(_OPERATORS.get(name), operands, ctx.default_return_type)

    def int_arithmetic(
        self, ctx: MethodContext, otherwise: Callable[[MethodContext], Type] | None
    ) -> Type:
        """The same for the plain int that stands beside a dimension in `Size["n"]`: mypy computes
        with both in turn, and would keep the plain one."""
        if isinstance(ctx.context, (OpExpr, UnaryExpr)):
            found = self._operation(ctx.context, checker_of(ctx), None)
            if found is not None:
                return found
        return self.power(ctx, ctx.default_return_type if otherwise is None else otherwise(ctx))

    def power(self, ctx: CallContext, default: Type) -> Type:
        """`d**-0.5` is a float: for mypy it might be complex, so anything, and a tensor times
        anything is anything. The same for `2**n`, which is an int."""
        if not isinstance(get_proper_type(default), AnyType):
            return default
        operands = [t for types in ctx.arg_types for t in types]
        if isinstance(ctx, MethodContext):
            operands.append(ctx.type)
        if len(operands) != 2 or not all(map(_is_number, operands)):
            return default
        floats = any(_is_float(t) for t in operands)
        return self.encoder.instance(FLOAT if floats else INT)

    def _operation(
        self, node: OpExpr | UnaryExpr, checker: TypeChecker, default: Type | None
    ) -> Type | None:
        """The result of an operation on sizes as a whole; without a default only if an operand is
        of a type such as `Size["n"]`, a union with int."""
        parts = [node.left, node.right] if isinstance(node, OpExpr) else [node.expr]
        types = [checker.lookup_type_or_none(part) for part in parts]
        if not any(t is not None and _is_size_union(get_proper_type(t)) for t in types):
            if default is None:
                return None
        elif default is None:
            default = self.encoder.instance(INT)
        reader = Reader(self.encoder, checker, node)
        try:
            operands = [reader.value(p, t) for p, t in zip(parts, types, strict=True)]
        except Undetermined:
            return None
        return self._computed(_SYMBOLS.get((node.op, len(operands))), operands, default)

    def builtin(self, fullname: str, ctx: FunctionContext, default: Type) -> Type:
        """`len(x)`, `max(n, 3)`, `math.prod(x.shape)`, ...: of sizes and tensors."""
        if fullname == "builtins.list":
            return self._list(ctx)
        if fullname == "builtins.pow":
            default = self.power(ctx, default)
        total = get_proper_type(default)
        if fullname == "builtins.sum" and isinstance(total, UnionType):
            tensors = [i for i in total.items if is_instance(get_proper_type(i), TENSOR)]
            if len(tensors) == len(total.items) - 1:
                return tensors[0]  # and not the 0 that it begins with
        if not any(
            _speaks_of_sizes(get_proper_type(t)) for types in ctx.arg_types for t in types
        ) and not _counts_a_range(ctx):
            return default
        if any(kind != ARG_POS for kinds in ctx.arg_kinds for kind in kinds):
            return default
        reader = Reader(self.encoder, checker_of(ctx), ctx.context)
        try:
            args = [
                _range_length(expression, reader) if fullname == "builtins.len"
                and _is_call_of(expression, "builtins.range") else reader.value(expression, t)
                for expressions, types in zip(ctx.args, ctx.arg_types, strict=True)
                for expression, t in zip(expressions, types, strict=True)
            ]  # fmt: skip
        except Undetermined:
            return default
        return self._computed(PURE[fullname], args, default)

    def _list(self, ctx: FunctionContext) -> Type:
        """`list(x.shape)` can be changed: a list of ints."""
        for t in (get_proper_type(t) for types in ctx.arg_types for t in types):
            if (
                isinstance(t, TupleType)
                and _speaks_of_sizes(t)
                and is_int_list(get_proper_type(ctx.default_return_type))
            ):
                return self.encoder.instance("builtins.list", [self.encoder.instance(INT)])
        return ctx.default_return_type

    def _computed(
        self, function: Callable[..., Any] | None, args: Sequence[Any], default: Type
    ) -> Type:
        if function is None:
            return default
        try:
            result = function(*args)
            if not is_size(result) or isinstance(result, Unknown):
                return default
            return encoded(result, self.encoder)
        except (UndecidedError, ArithmeticError, TypeError, ValueError, Undetermined):
            return default  # an order of unknown sizes, a division by 0, no sizes at all


def is_int_list(t: ProperType) -> bool:
    """Whether this is a list of ints of some kind."""
    return (
        isinstance(t, Instance)
        and t.type.fullname == "builtins.list"
        and (is_instance(get_proper_type(t.args[0]), INT))
    )


def _is_size_union(t: ProperType) -> bool:
    return isinstance(t, UnionType) and any(
        is_instance(get_proper_type(item), DIM_OF) for item in t.items
    )


def _is_number(t: Type) -> bool:
    proper = get_proper_type(t)
    if isinstance(proper, UnionType):
        return all(map(_is_number, proper.items))
    if isinstance(proper, LiteralType):
        proper = proper.fallback
    return isinstance(proper, Instance) and proper.type.fullname in (INT, FLOAT, DIM_OF)


def _is_float(t: Type) -> bool:
    proper = get_proper_type(t)
    if isinstance(proper, UnionType):
        return any(map(_is_float, proper.items))
    return is_instance(proper, FLOAT)


def _speaks_of_sizes(t: ProperType) -> bool:
    if isinstance(t, UnionType):
        return any(_speaks_of_sizes(get_proper_type(item)) for item in t.items)
    if isinstance(t, TupleType):
        return any(_speaks_of_sizes(get_proper_type(item)) for item in t.items)
    if isinstance(t, Instance) and t.type.fullname in ("builtins.list", "builtins.tuple"):
        return any(_speaks_of_sizes(get_proper_type(item)) for item in t.args)
    return is_instance(t, DIM_OF) or is_instance(t, "typedflux.tensor.Tensor")


def _is_call_of(expression: Expression, fullname: str) -> bool:
    return (
        isinstance(expression, CallExpr)
        and isinstance(expression.callee, RefExpr)
        and expression.callee.fullname == fullname
    )


def _counts_a_range(ctx: FunctionContext) -> bool:
    return any(_is_call_of(e, "builtins.range") for expressions in ctx.args for e in expressions)


def _range_length(expression: Expression, reader: Reader) -> Range:
    assert isinstance(expression, CallExpr)
    if any(kind != ARG_POS for kind in expression.arg_kinds):
        raise Undetermined
    bounds_ = [reader.value(a) for a in expression.args]
    if not all(map(is_size, bounds_)) or len(bounds_) > 2:
        raise Undetermined
    length = bounds_[-1] - (bounds_[0] if len(bounds_) == 2 else 0)
    lowest = bounds(length)[0]
    return Range(length if lowest is not None and lowest >= 0 else dim_max(length, 0))


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": power,
    "divmod": divide,
    "neg": operator.neg,
    "pos": whole,
    "abs": absolute,
    "int": whole,
    "index": whole,
}
_REVERSED = {f"r{name}" for name in ("add", "sub", "mul", "floordiv", "mod", "pow", "divmod")}
_SYMBOLS: dict[tuple[str, int], Callable[..., Any]] = {
    ("+", 2): operator.add,
    ("-", 2): operator.sub,
    ("*", 2): operator.mul,
    ("//", 2): operator.floordiv,
    ("%", 2): operator.mod,
    ("**", 2): power,
    ("divmod", 2): divide,  # mypy makes an operation of divmod(a, b)
    ("-", 1): operator.neg,
    ("+", 1): whole,
}

INT_METHODS = {
    f"builtins.int.__{reverse}{name}__"
    for name in ("add", "sub", "mul", "floordiv", "mod", "pow")
    for reverse in ("", "r")
} | {"builtins.int.__neg__", "builtins.int.__pos__"}
FLOAT_POWERS = frozenset({"builtins.float.__pow__", "builtins.float.__rpow__"})
