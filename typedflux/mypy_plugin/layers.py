"""Constructing and calling layers whose types hold what they were built from.

When such a layer is constructed, what it was built from goes into its type, and it is called on a
tensor of which nothing is known: layers in it that no input can pass one after another are reported
at the argument. When it is called, its own code is executed on the input's type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mypy.nodes import CallExpr, Context, Expression, FuncDef, LambdaExpr, RefExpr, ReturnStmt
from mypy.plugin import AttributeContext, FunctionContext, MethodContext
from mypy.subtypes import is_subtype
from mypy.types import Instance, Type, TypeVarLikeType, get_proper_type

from typedflux import dtypes
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.construction import (
    Applied,
    Applier,
    Construct,
    built_index,
    class_of,
    construct_of,
    encoded,
    frozen,
    is_built,
    recipe,
    recipe_of,
)
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import MODULE, Encoder
from typedflux.mypy_plugin.evaluation import Deferred, Undetermined, culprits, evaluate
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.syntax import statements
from typedflux.mypy_plugin.traversal import TypeCollector
from typedflux.mypy_plugin.values import Reader
from typedflux.shapes.errors import DTypeError, ShapeError


@dataclass
class _Argument:
    """One argument of a constructor: as it was written, and what is known of it."""

    name: str | None
    expression: Expression
    type: Type
    value: Any = None


class Layers:
    """Layers that are built again to be evaluated."""

    def __init__(self, encoder: Encoder, executable: tuple[str, ...]) -> None:
        self.encoder = encoder
        self.executable = executable

    # Construction

    def constructed(self, fullname: str, ctx: FunctionContext, result: Type) -> Type:
        """The type of a layer, or of a function that another was made into, that was just
        constructed, with what it was built from in it."""
        p = get_proper_type(result)
        if not isinstance(p, Instance) or not (p.type.has_base(MODULE) or is_built(p.type)):
            return result
        index = built_index(p)
        if p.type.fullname != fullname:
            return result if index is None else self._returned(p, ctx)
        if not fullname.startswith(self.executable) or _has_stars(ctx):
            return result
        checker = checker_of(ctx)
        watch(checker.msg.errors)
        reader = Reader(self.encoder, checker, ctx.context)
        arguments = [
            _Argument(name, expression, t)
            for types, expressions, names in zip(
                ctx.arg_types, ctx.args, ctx.arg_names, strict=True
            )
            for t, expression, name in zip(types, expressions, names, strict=True)
        ]
        for argument in arguments:
            self._read(argument, reader)
        if index is None:
            self._try(Construct(p, class_of(p), *_called_with(arguments)), arguments, ctx, [])
            return result
        built = self._with_recipe(p, index, arguments, ctx.context, checker.path)
        if not self._call_blindly(built, arguments, ctx):
            return result  # reported: nothing follows from it
        for argument in arguments:
            applied = argument.value
            if isinstance(applied, Applied) and isinstance(applied.expression, LambdaExpr):
                written = applied.expression
                self.encoder.lambdas[checker.path, written.line, written.column] = written
                if applied.seen:
                    general = Applier(self.encoder, checker).generalised(written, applied.seen)
                    argument.type = general or argument.type
        return self._with_recipe(p, index, arguments, ctx.context, checker.path)

    def _returned(self, p: Instance, ctx: FunctionContext) -> Type:
        """The layer that a function of this module returns, whose annotation says no more than
        `nn.Chain`."""
        callee = ctx.context.callee if isinstance(ctx.context, CallExpr) else None
        function = callee.node if isinstance(callee, RefExpr) else None
        if recipe_of(p) is not None or not isinstance(function, FuncDef):
            return p
        checker = checker_of(ctx)
        found = [
            checker.lookup_type_or_none(statement.expr)
            for statement in statements(function.body.body)
            if isinstance(statement, ReturnStmt) and statement.expr is not None
        ]
        if not found or found[0] is None or any(t != found[0] for t in found):
            return p
        returned = get_proper_type(found[0])
        if recipe_of(returned) is None or not is_subtype(returned, p):
            return p
        if any(v.id.namespace.startswith(function.fullname) for v in _variables(returned)):
            return p  # in the function's own dims
        return returned

    def _read(self, argument: _Argument, reader: Reader) -> None:
        try:
            argument.value = reader.value(argument.expression, argument.type)
        except Undetermined:
            argument.value = argument.type
            return
        if isinstance(argument.value, Applied):
            argument.type = argument.value.type
        elif not isinstance(argument.value, (Deferred, TensorType)):
            argument.type = frozen(argument.value, self.encoder) or argument.type

    def _with_recipe(
        self, p: Instance, index: int, arguments: list[_Argument], context: Context, path: str
    ) -> Instance:
        places = [context, *map(_written, arguments)]
        built = recipe(
            [a.name for a in arguments],
            f"{path}:" + ";".join(f"{c.line},{c.column}" for c in places),
            [a.type for a in arguments],
            self.encoder,
        )
        return p.copy_modified(args=[*p.args[:index], built, *p.args[index + 1 :]])

    def _call_blindly(
        self, built: Instance, arguments: list[_Argument], ctx: FunctionContext
    ) -> bool:
        """Build the layer, and call one of layers on a tensor of which nothing is known. Whether
        there is nothing to report."""
        layer = Construct(built, class_of(built), *_called_with(arguments))
        holds_layers = any(isinstance(a.value, Deferred) for a in arguments)
        if not holds_layers or not built.type.has_base(MODULE):
            return self._try(layer, arguments, ctx, [])
        return self._try(layer, arguments, ctx, [self._anything()] * _wanted(layer.cls.__call__))

    def _try(
        self, layer: Construct, arguments: list[_Argument], ctx: FunctionContext, inputs: list[Any]
    ) -> bool:
        """Build a layer, and call it on `inputs` if there are any. Whether that is not refused."""
        if any(isinstance(a.value, Type) for a in arguments):
            return True  # not known
        call = layer.cls.__call__ if inputs else _nothing
        try:
            evaluate(call, [layer, *inputs], {})
        except Undetermined:
            return True
        except (ShapeError, DTypeError) as error:
            inside = culprits(error)
            guilty = [a for a in arguments if any(a.value is d for d in inside)]
            where: Context = guilty[0].expression if guilty else ctx.context
            ctx.api.fail(_told(error, inside), where, code=_code(error))
            self._note(inside, checker_of(ctx).path, ctx)
            return False
        return True

    def _anything(self) -> TensorType:
        return TensorType(dtypes.Shaped, (self.encoder.dim(self.encoder.unknown_axes()),))

    # Use

    def method(self, name: str, ctx: MethodContext) -> Type | None:
        """What a method of such a layer gives; `None` when the layer's type does not tell."""
        p = get_proper_type(ctx.type)
        if not isinstance(p, Instance) or recipe_of(p) is None or _has_stars(ctx):
            return None
        checker = checker_of(ctx)
        watch(checker.msg.errors)
        reader = Reader(self.encoder, checker, ctx.context)
        try:
            layer = construct_of(p, reader)
            function = getattr(layer.cls, name, None) if layer is not None else None
            if layer is None or not inspect.isfunction(function):
                return None
            args: list[Any] = [layer]
            kwargs: dict[str, Any] = {}
            for types, expressions, names in zip(
                ctx.arg_types, ctx.args, ctx.arg_names, strict=True
            ):
                for t, expression, key in zip(types, expressions, names, strict=True):
                    value = reader.value(expression, t)
                    if key is None:
                        args.append(value)
                    else:
                        kwargs[key] = value
            return encoded(evaluate(function, args, kwargs), self.encoder)
        except Undetermined:
            return None
        except (ShapeError, DTypeError) as error:
            inside = culprits(error)
            ctx.api.fail(_told(error, inside), ctx.context, code=_code(error))
            self._note(inside, checker.path, ctx)
            return self.encoder.tensor_type(self._anything())  # nothing follows from it

    def attribute(self, name: str, ctx: AttributeContext) -> Type | None:
        """A field or property of such a layer; `None` when the layer's type does not tell."""
        p = get_proper_type(ctx.type)
        if ctx.is_lvalue or not isinstance(p, Instance) or recipe_of(p) is None:
            return None
        try:
            layer = construct_of(p, Reader(self.encoder, checker_of(ctx), ctx.context))
            return encoded(evaluate(lambda own: getattr(own, name), [layer], {}), self.encoder)
        except (Undetermined, ShapeError, DTypeError):
            return None

    def _note(self, inside: list[Deferred], path: str, ctx: CallContext) -> None:
        """Point at the layer that refused its input."""
        for layer in reversed(inside):
            if layer.place is None:
                continue
            file, line, column = layer.place
            if file == path and line != ctx.context.line:
                here = Context(line, column)
                checker_of(ctx).msg.note(
                    f"this {_kind(layer)}, in the call in line {ctx.context.line}", here
                )
            return


def _called_with(arguments: list[_Argument]) -> tuple[list[Any], dict[str, Any]]:
    named = {a.name: a.value for a in arguments if a.name is not None}
    return [a.value for a in arguments if a.name is None], named


def _written(argument: _Argument) -> Expression:
    """Where an argument is written out: a lambda that was given a name, where it was given it."""
    applied = argument.value
    named = isinstance(applied, Applied) and isinstance(applied.expression, LambdaExpr)
    return applied.expression if named else argument.expression


def _nothing(layer: object) -> bool:
    """What is called where it is enough that a layer can be built."""
    return True


def _variables(t: Type) -> list[TypeVarLikeType]:
    collector = TypeCollector()
    t.accept(collector)
    return collector.variables


def _kind(held: Deferred) -> str:
    t = get_proper_type(held.type) if isinstance(held, (Construct, Applied)) else None
    return "layer" if isinstance(t, Instance) and t.type.has_base(MODULE) else "function"


def _has_stars(ctx: CallContext) -> bool:
    return any(kind.is_star() for kinds in ctx.arg_kinds for kind in kinds)


def _wanted(call: Callable[..., Any]) -> int:
    """How many inputs a layer's `__call__` needs."""
    parameters = list(inspect.signature(call).parameters.values())[1:]
    needed = [
        p for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    return len(needed) or 1


def _code(error: Exception) -> Any:
    return DTYPE if isinstance(error, DTypeError) else SHAPE


def _told(error: Exception, inside: list[Deferred]) -> str:
    """An error in words: which layer refused what."""
    layers = [str(d) for d in inside if isinstance(d, (Construct, Applied))]
    text = str(error).partition("\n")[0]  # the lines that follow are about values
    if len(layers) > 1 and layers[-1] not in text:
        return f"{layers[-1]}: {text}"
    return text
