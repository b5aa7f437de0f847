"""Calls of the package's own functions, executed on abstract tensors for their result's type."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from mypy.plugin import AttributeContext, MethodContext
from mypy.types import Instance, ProperType, Type, UnionType, get_proper_type

from typedflux.mypy_plugin.calls import DTYPE, SHAPE
from typedflux.mypy_plugin.construction import Applied, Construct, encoded
from typedflux.mypy_plugin.context import CallContext, checker_of
from typedflux.mypy_plugin.encoding import MODULE, TENSOR, Encoder
from typedflux.mypy_plugin.evaluation import Deferred, Undetermined, evaluate
from typedflux.mypy_plugin.joining import Joins
from typedflux.mypy_plugin.messages import watch
from typedflux.mypy_plugin.signatures import withdraw
from typedflux.mypy_plugin.values import Reader
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor


class Execution:
    """Executes what the configuration allows: the package, and modules that it lists."""

    def __init__(self, encoder: Encoder, executable: tuple[str, ...]) -> None:
        self.encoder = encoder
        self.executable = executable

    def function(self, fullname: str) -> Callable[..., Any] | None:
        """The function to execute for a call: an operation or a method of `Tensor`."""
        if fullname.startswith(TENSOR + "."):
            return getattr(Tensor, fullname[len(TENSOR) + 1 :], None)
        if not fullname.startswith(self.executable):
            return None
        module, _, name = fullname.rpartition(".")
        if name.startswith("_"):
            return None  # what a module keeps to itself promises nothing
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            return None
        return found if inspect.isfunction(found) else None

    def call(self, function: Callable[..., Any], ctx: CallContext) -> Type | None:
        """The type that the function gives for these arguments; `None` when that is not known."""
        checker = checker_of(ctx)
        watch(checker.msg.errors)
        reader = Reader(self.encoder, checker, ctx.context)
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        try:
            if isinstance(ctx, MethodContext):
                args.append(reader.of_type(ctx.type))
            for types, expressions, names in zip(
                ctx.arg_types, ctx.args, ctx.arg_names, strict=True
            ):
                for t, expression, name in zip(types, expressions, names, strict=True):
                    value = reader.value(expression, t)
                    if name is None:
                        args.append(value)
                    else:
                        kwargs[name] = value
            given = (*args, *kwargs.values())
            if any(map(_is_model, given)):
                # It may look into it, where nothing is in an evaluation; but when it is given a
                # function to call as well, what that refuses is refused.
                if any(isinstance(leaf, Applied) for value in given for leaf in leaves(value)):
                    evaluate(function, args, kwargs)
                return None
            return self._plain(evaluate(function, args, kwargs))
        except Undetermined:
            return None
        except (ShapeError, DTypeError) as error:
            code = DTYPE if isinstance(error, DTypeError) else SHAPE
            withdraw(checker, ctx)
            ctx.api.fail(str(error), ctx.context, code=code)
            return None

    def _plain(self, value: Any) -> Type:
        """The type of a result in which no function or layer is left."""
        if any(isinstance(leaf, Deferred) for leaf in leaves(value)):
            raise Undetermined
        return encoded(value, self.encoder)

    def attribute(self, name: str, ctx: AttributeContext) -> Type:
        if not self.encoder.ready:
            return ctx.default_attr_type
        whole = get_proper_type(ctx.type)
        if isinstance(whole, UnionType):
            return self._of_any(name, whole, ctx)
        operand = self.encoder.tensor(whole)
        function = getattr(Tensor, name, None)
        if operand is None or not isinstance(function, property) or function.fget is None:
            return ctx.default_attr_type
        watch(checker_of(ctx).msg.errors)
        try:
            return encoded(evaluate(lambda x: getattr(x, name), [operand], {}), self.encoder)
        except Undetermined:
            return ctx.default_attr_type
        except (ShapeError, DTypeError) as error:
            ctx.api.fail(str(error), ctx.context, code=SHAPE)
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
