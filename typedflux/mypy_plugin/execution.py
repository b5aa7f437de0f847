"""Calls of the package's own functions, executed on abstract tensors for their result's type."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from mypy.errorcodes import ErrorCode
from mypy.errors import ErrorWatcher
from mypy.nodes import (
    ARG_POS,
    ARG_STAR,
    ARG_STAR2,
    CallExpr,
    ComparisonExpr,
    Context,
    Expression,
    IndexExpr,
    LambdaExpr,
    MemberExpr,
    NameExpr,
    OperatorAssignmentStmt,
    OpExpr,
    TempNode,
    UnaryExpr,
)
from mypy.plugin import AttributeContext, FunctionContext, MethodContext
from mypy.types import AnyType, Instance, ProperType, TupleType, Type, UnionType, get_proper_type

from typedflux.core.types import TensorType
from typedflux.mypy_plugin.branching import is_from_branches
from typedflux.mypy_plugin.broadcasts import BROADCAST
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.constants import Constants
from typedflux.mypy_plugin.construction import Applied, Construct, encoded
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import DIM_OF, MODULE, TENSOR, Encoder, is_instance
from typedflux.mypy_plugin.evaluation import (
    Alternatives,
    Deferred,
    Later,
    Other,
    Undetermined,
    evaluate,
    evaluate_fully,
    forget,
)
from typedflux.mypy_plugin.joining import Joins
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.objects import declared_type
from typedflux.mypy_plugin.questions import Choice, anything
from typedflux.mypy_plugin.results import join
from typedflux.mypy_plugin.signatures import withdraw
from typedflux.mypy_plugin.values import Reader
from typedflux.nn.module import Module
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor

PYTHONS_OWN: dict[str, Callable[..., Any]] = {"builtins.abs": abs, "builtins.pow": pow}
"""Python's functions that call a method of what they are given."""


class Execution:
    """Executes what the configuration allows: the package, and modules that it lists."""

    def __init__(self, encoder: Encoder, executable: tuple[str, ...]) -> None:
        self.encoder = encoder
        self.executable = executable
        forget()

    def function(self, fullname: str) -> Callable[..., Any] | None:
        """The function to execute for a call: an operation or a method of `Tensor`."""
        if fullname in PYTHONS_OWN:
            return PYTHONS_OWN[fullname]
        if fullname.startswith(TENSOR + "."):
            return getattr(Tensor, fullname[len(TENSOR) + 1 :], None)
        if fullname.endswith(" of Tensor"):  # of a union of tensors
            return getattr(Tensor, fullname.partition(" ")[0], None)
        if not fullname.startswith(self.executable):
            return None
        module, _, name = fullname.rpartition(".")
        if name.startswith("_") and not name.startswith("__"):
            return None  # what a module keeps to itself promises nothing
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            return self._method(module, name)
        return found if inspect.isfunction(found) else None

    def held(self, ctx: CallContext) -> tuple[Callable[..., Any], FunctionContext] | None:
        """The function that a variable or an attribute holds which is called, and the call."""
        call = ctx.context
        if not isinstance(call, CallExpr) or not isinstance(call.callee, (NameExpr, MemberExpr)):
            return None
        checker = checker_of(ctx)
        constants = Constants(self.encoder, checker)
        fields = {name: getattr(ctx, name) for name in FunctionContext._fields}
        if isinstance(call.callee, NameExpr):
            own = checker.lookup_type_or_none(call.callee)
            if own is not None and isinstance(constants.definition(call.callee), LambdaExpr):
                first: list[tuple[str, Any]] = [
                    ("args", call.callee), ("arg_types", own), ("arg_kinds", ARG_POS),
                    ("arg_names", None), ("callee_arg_names", None),
                ]  # fmt: skip
                for name, value in first:
                    alone = value if name == "callee_arg_names" else [value]
                    fields[name] = [alone, *fields[name]]
                return _applied, FunctionContext(**fields)
        found = constants.renamed(call.callee)
        function = None if found is None else self.function(found.fullname)
        return None if function is None else (function, FunctionContext(**fields))

    def _method(self, owner: str, name: str) -> Callable[..., Any] | None:
        """A method of a class of the package that is neither a tensor nor a layer."""
        module, _, held = owner.rpartition(".")
        try:
            cls = getattr(importlib.import_module(module), held, None)
        except ImportError:
            return None
        if not isinstance(cls, type) or issubclass(cls, Module):
            return None
        found = getattr(cls, name, None)
        return found if inspect.isfunction(found) else None

    def call(self, function: Callable[..., Any], ctx: CallContext) -> Type | None:
        """The type that the function gives for these arguments; `None` when that is not known."""
        checker = checker_of(ctx)
        watch(checker.msg.errors)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        try:
            self._read(ctx, args, kwargs)
            given = (*args, *kwargs.values())
            if function is not _applied and any(map(_is_model, given)):
                # It may look into it, where nothing is in an evaluation; but when it is given a
                # function to call as well, what that refuses is refused.
                held = [leaf for value in given for leaf in leaves(value)]
                if any(isinstance(leaf, Applied) and not _is_model(leaf) for leaf in held):
                    evaluate(function, args, kwargs)
                return None
            found = evaluate_fully(function, args, kwargs)
        except Undetermined:
            return None
        except (ShapeError, DTypeError) as error:
            withdraw(checker, ctx)
            report(str(error), DTYPE if isinstance(error, DTypeError) else SHAPE, ctx)
            return self._after_error(ctx)
        names = _spelled(ctx, args)
        for repeat in found.repeats:
            report(repeat.text(names), BROADCAST, ctx)
        try:
            value = found.result
            constants = Constants(self.encoder, checker)
            if isinstance(value, list) and constants.taken_apart(ctx.context):
                value = tuple(value)
            return self._plain(value, ctx.default_return_type)
        except Undetermined:
            return None

    def _read(self, ctx: CallContext, args: list[Any], kwargs: dict[str, Any]) -> None:
        """The values of the arguments, in the order that the function takes them."""
        reader = Reader(self.encoder, checker_of(ctx), ctx.context)
        if isinstance(ctx, MethodContext):
            args.append(self._receiver(reader, ctx))
        spread: set[int] = set()
        for types, expressions, names, kinds in zip(
            ctx.arg_types, ctx.args, ctx.arg_names, ctx.arg_kinds, strict=True
        ):
            for t, expression, name, kind in zip(types, expressions, names, kinds, strict=True):
                if kind.is_star():
                    if id(expression) in spread:
                        continue  # mypy lists it for every parameter that it may reach
                    spread.add(id(expression))
                    held = reader.value(expression, t)
                    if kind == ARG_STAR and isinstance(held, (tuple, list)):
                        args.extend(held)
                    elif kind == ARG_STAR2 and isinstance(held, dict):
                        kwargs.update(held)
                    else:
                        raise Undetermined
                    continue
                try:
                    value = reader.value(expression, t)
                except Undetermined:
                    value = anything()
                if name is None:
                    args.append(value)
                else:
                    kwargs[name] = value

    def _receiver(self, reader: Reader, ctx: MethodContext) -> Any:
        """What the method is called on. mypy asks for the members of a union one by one: where the
        program does not declare it, one of them is enough."""
        written = receiver(ctx)
        if written is None:
            return reader.of_type(ctx.type)
        found = reader.checker.lookup_type_or_none(written)
        union = None if found is None else get_proper_type(found)
        if isinstance(union, UnionType) and self.encoder.tensor(ctx.type) is not None:
            if declared_type(written) == union or is_from_branches(written, reader.checker):
                return reader.of_type(ctx.type)
            tensors = [self.encoder.tensor(item) for item in union.items]
            return Choice([t for t in tensors if t is not None])
        if self.encoder.tensor(ctx.type) is not None:
            return reader.of_type(ctx.type)
        return reader.value(written, ctx.type)

    def _after_error(self, ctx: CallContext) -> Type | None:
        """What a call gives of which the operands do not fit: so nothing follows from it."""
        return None

    def _plain(self, value: Any, default: Type) -> Type:
        """The type of a result in which no function or layer is left."""
        if any(isinstance(leaf, Deferred) for leaf in leaves(value)):
            raise Undetermined
        t = get_proper_type(default)
        if isinstance(value, Alternatives):
            return UnionType.make_union([self._plain(v, default) for v in value.results])
        if isinstance(value, tuple) and isinstance(t, TupleType) and len(t.items) == len(value):
            items = [self._part(v, d) for v, d in zip(value, t.items, strict=True)]
            return t.copy_modified(items=items)
        if isinstance(value, list) and value:
            value = [join([(v, {}) for v in value])]
        return encoded(value, self.encoder)

    def _part(self, value: Any, default: Type) -> Type:
        return default if isinstance(value, Other) else self._plain(value, default)

    def attribute(self, name: str, ctx: AttributeContext) -> Type:
        if not self.encoder.ready:
            return ctx.default_attr_type
        place = ctx.context
        held = place.expr if isinstance(place, MemberExpr) else None
        whole = get_proper_type(self.encoder.known(ctx.type, held, checker_of(ctx)))
        if isinstance(whole, UnionType):
            return self._of_any(name, whole, ctx)
        operand = self.encoder.tensor(whole)
        function = getattr(Tensor, name, None)
        if operand is None or not isinstance(function, property) or function.fget is None:
            return ctx.default_attr_type
        watch(checker_of(ctx).msg.errors)
        try:
            found = encoded(evaluate(getattr, [operand, name], {}), self.encoder)
            return ctx.default_attr_type if _says_nothing(get_proper_type(found)) else found
        except Undetermined:
            return ctx.default_attr_type
        except (ShapeError, DTypeError) as error:
            ctx.api.fail(str(error), _place(ctx.context), code=SHAPE)
            return ctx.default_attr_type

    def _of_any(self, name: str, union: UnionType, ctx: AttributeContext) -> Type:
        """An attribute of a tensor that is one of several: mypy asks for each of them, and does
        not say for which."""
        found: Type | None = None
        for item in map(get_proper_type, union.items):
            if self.encoder.tensor(item) is None:
                continue
            own = self.attribute(name, replace_type(ctx, item))
            joined = (
                own
                if found is None
                else Joins(self.encoder).join(get_proper_type(found), get_proper_type(own))
            )
            if joined is None:
                return ctx.default_attr_type
            found = joined
        return ctx.default_attr_type if found is None else found


def _applied(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


# Where and how to report


def report(text: str, code: ErrorCode, ctx: CallContext) -> None:
    """Report an error of a call where it is.

    mypy tries an operator with both operands' methods and keeps what it finds to itself until one
    of them does; what is wrong with the shapes is wrong for both, and told at once.
    """
    watchers = checker_of(ctx).msg.errors._watchers
    held: list[ErrorWatcher] = []
    if isinstance(ctx.context, (OpExpr, ComparisonExpr, OperatorAssignmentStmt)):
        while len(held) < 2 and watchers and watchers[-1]._filter is True:
            held.append(watchers.pop())
    try:
        ctx.api.fail(text, _place(ctx.context, ctx.args), code=code)
    finally:
        watchers.extend(reversed(held))


def _place(context: Context, args: Sequence[Sequence[Expression]] = ()) -> Context:
    """The line of the operator or of the method's name, where an expression takes several."""
    line = context.line
    if isinstance(context, CallExpr) and isinstance(context.callee, MemberExpr):
        context = context.callee
    if isinstance(context, MemberExpr) and context.end_line is not None:
        line = context.end_line
    elif isinstance(context, (OpExpr, ComparisonExpr)):
        line = max([line, *(a.line for group in args for a in group)])
    if line == context.line:
        return context
    place = Context(line, 0)
    place.end_line = line
    return place


def receiver(ctx: MethodContext) -> Expression | None:
    """The expression that a method or operator is called on."""
    match ctx.context:
        case CallExpr(callee=MemberExpr(expr=inner)):
            return inner
        case IndexExpr(base=inner):
            return inner
        case UnaryExpr(expr=inner):
            return inner
        case OpExpr(left=left, right=right):
            return _other(left, right, ctx)
        case OperatorAssignmentStmt(lvalue=left, rvalue=right):
            return _other(left, right, ctx)
        case ComparisonExpr(operands=[left, right]):
            return _other(left, right, ctx)
    return None


def _other(left: Expression, right: Expression, ctx: MethodContext) -> Expression:
    """The operand whose method is called: the right one is an argument of the left one's."""
    return left if any(a is right for group in ctx.args for a in group) else right


def _spelled(ctx: CallContext, args: Sequence[Any]) -> list[str | None]:
    """How the program spells the tensors among the operands, in their order."""
    written: list[Expression | None] = [e for group in ctx.args for e in group]
    if isinstance(ctx, MethodContext):
        written.insert(0, receiver(ctx))
    if len(written) != len(args) or any(isinstance(a, Later) for a in args):
        return []
    if isinstance(ctx.context, OpExpr) and isinstance(written[1], TempNode):
        written[1] = ctx.context.left
    return [_name(e) for e, a in zip(written, args, strict=True) if isinstance(a, TensorType)]


def _name(expression: Expression | None) -> str | None:
    match expression:
        case NameExpr(name=name):
            return name
        case MemberExpr(expr=inner, name=name):
            owner = _name(inner)
            return None if owner is None else f"{owner}.{name}"
    return None


def replace_type(ctx: AttributeContext, t: ProperType) -> AttributeContext:
    return AttributeContext(t, ctx.default_attr_type, ctx.is_lvalue, ctx.context, ctx.api)


def leaves(value: Any) -> list[Any]:
    """What lists and tuples hold."""
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def _is_model(value: Any) -> bool:
    return any(
        isinstance(leaf, Construct)
        or (
            isinstance(leaf, Applied)
            and isinstance(t := get_proper_type(leaf.type), Instance)
            and t.type.has_base(MODULE)
        )
        for leaf in leaves(value)
    )


def _says_nothing(t: ProperType) -> bool:
    """Whether a size is unknown, or a shape of which neither a size nor the rank is known."""
    if is_instance(t, DIM_OF) or is_instance(t, "builtins.tuple"):
        assert isinstance(t, Instance)
        inner = get_proper_type(t.args[0])
        return isinstance(inner, AnyType) or _says_nothing(inner)
    return False
