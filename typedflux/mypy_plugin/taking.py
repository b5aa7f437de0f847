"""Functions that are called later, with what other arguments give: `flux.train(loss, model, data)`.

A parameter `loss: Taking[Callable[..., Any], "model *data"]` says that the function given for it is
called with the argument `model` and with an item of `data`, the parts of which are arguments of
their own when it is a tuple. Whether it takes them is checked where it is given.
"""

from __future__ import annotations

from mypy.nodes import Decorator, Expression, FuncDef, LambdaExpr, SymbolNode
from mypy.plugin import FunctionContext
from mypy.types import (
    AnyType,
    CallableType,
    TupleType,
    Type,
    UninhabitedType,
    UnpackType,
    get_proper_type,
)

from typedflux.mypy_plugin.carriers import carried, text_of
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.construction import Applied, Applier
from typedflux.mypy_plugin.context import checker_of
from typedflux.mypy_plugin.encoding import STATIC, Encoder
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.traversal import speaks_of_shapes
from typedflux.mypy_plugin.values import Reader
from typedflux.shapes.errors import DTypeError, ShapeError

TAKES = f"{STATIC}.Takes"


def promises(node: SymbolNode | None) -> dict[str, list[str]]:
    """What the functions given to a function are called with, by the names of the parameters."""
    function = node.func if isinstance(node, Decorator) else node
    kind = function.type if isinstance(function, FuncDef) else None
    found: dict[str, list[str]] = {}
    if isinstance(kind, CallableType):
        for name, t in zip(kind.arg_names, kind.arg_types, strict=True):
            held = carried(t, TAKES)
            text = text_of(held[1]) if held is not None else None
            if name is not None and text is not None:
                found[name] = text.split()
    return found


class Taking:
    """Checks functions against what they will be called with."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def check(self, called_with: dict[str, list[str]], ctx: FunctionContext) -> None:
        """Report the functions among the arguments of a call that cannot take what they will
        get."""
        given: dict[str, tuple[Expression, Type]] = {
            name: (expressions[0], types[0])
            for name, expressions, types in zip(
                ctx.callee_arg_names, ctx.args, ctx.arg_types, strict=True
            )
            if name is not None and len(expressions) == 1
        }
        for name, tokens in called_with.items():
            if name in given and all(token.lstrip("*") in given for token in tokens):
                self._check(*given[name], tokens, given, ctx)

    def _check(
        self,
        expression: Expression,
        function: Type,
        tokens: list[str],
        given: dict[str, tuple[Expression, Type]],
        ctx: FunctionContext,
    ) -> None:
        checker = checker_of(ctx)
        types: list[Type] = []
        for token in tokens:
            t = given[token.lstrip("*")][1]
            if not token.startswith("*"):
                types.append(t)
                continue
            parts = self._items(t, ctx)
            if parts is None:
                return
            types += parts
        if not any(map(speaks_of_shapes, types)):
            return
        written = expression if isinstance(expression, LambdaExpr) else None
        reader = Reader(self.encoder, checker, ctx.context)
        applied = Applied(function, reader, expression, written)
        try:
            Applier(self.encoder, checker).apply(applied, types, [None] * len(types))
        except (ShapeError, DTypeError) as error:
            code = DTYPE if isinstance(error, DTypeError) else SHAPE
            ctx.api.fail(f"this function cannot take the data: {error}", expression, code=code)
        except Undetermined:
            pass  # too little is known of it

    def _items(self, t: Type, ctx: FunctionContext) -> list[Type] | None:
        """The arguments that an item of some data is."""
        checker = checker_of(ctx)
        with checker.msg.filter_errors(filter_errors=True) as watcher:
            _, item = checker.analyze_iterable_item_type_without_expression(t, ctx.context)
        p = get_proper_type(item)
        if watcher.has_new_errors() or isinstance(p, (AnyType, UninhabitedType)):
            return None
        if not isinstance(p, TupleType):
            return [item]
        return None if any(isinstance(i, UnpackType) for i in p.items) else list(p.items)
