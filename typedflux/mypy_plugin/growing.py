"""Lists and dictionaries that come to hold tensors of other shapes: `features.append(layer(x))`.

For mypy a list has the type of what it held first. When a tensor of another shape is put into one
whose type the program has not written down, what the shapes differ in becomes unknown in its type.
"""

from __future__ import annotations

from mypy.erasetype import remove_instance_last_known_values
from mypy.literals import literal_hash
from mypy.nodes import (
    CallExpr,
    Context,
    Expression,
    IndexExpr,
    ListExpr,
    MemberExpr,
    NameExpr,
    OperatorAssignmentStmt,
    TupleExpr,
    TypeInfo,
    Var,
)
from mypy.plugin import MethodContext, MethodSigContext
from mypy.types import AnyType, CallableType, FunctionLike, Instance, Type, get_proper_type

from typedflux.mypy_plugin.calls import relax
from typedflux.mypy_plugin.context import checker_of
from typedflux.mypy_plugin.encoding import Encoder
from typedflux.mypy_plugin.joining import Joins
from typedflux.mypy_plugin.traversal import speaks_of_shapes

ADDING: dict[str, tuple[int, bool]] = {
    "builtins.list.append": (0, False),
    "builtins.list.insert": (1, False),
    "builtins.list.extend": (0, True),
    "builtins.list.__iadd__": (0, True),
    "builtins.list.__setitem__": (1, False),
    "builtins.set.add": (0, False),
    "collections.deque.append": (0, False),
    "collections.deque.appendleft": (0, False),
    "collections.deque.extend": (0, True),
    "builtins.dict.__setitem__": (1, False),
    "builtins.dict.setdefault": (1, False),
    "collections.defaultdict.__setitem__": (1, False),
    "collections.OrderedDict.__setitem__": (1, False),
}
"""Methods that put something into a collection: which argument, and whether its items."""


class Growing:
    """Lets collections hold other shapes."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def open(self, ctx: MethodSigContext) -> FunctionLike:
        """The signature that takes tensors of any shape."""
        signature = ctx.default_signature
        if not isinstance(signature, CallableType) or not speaks_of_shapes(ctx.type):
            return signature
        if self._variable(ctx.context, ctx) is None:
            return signature
        return relax(signature, self.encoder)

    def added(self, place: tuple[int, bool], ctx: MethodContext) -> Type:
        """After the call: the collection's type, which holds what was put in too."""
        index, spread = place
        held = get_proper_type(ctx.type)
        found = self._variable(ctx.context, ctx)
        if (
            found is None
            or not isinstance(held, Instance)
            or not held.args
            or not speaks_of_shapes(held)
            or index >= len(ctx.arg_types)
            or not ctx.arg_types[index]
        ):
            return ctx.default_return_type
        checker = checker_of(ctx)
        expression, variable = found
        joined: Type | None = held.args[-1]
        for new in self._put_in(ctx.args[index][0], ctx.arg_types[index][0], spread, ctx):
            item = get_proper_type(remove_instance_last_known_values(new))
            known = get_proper_type(joined)
            if known is not None and not isinstance(item, AnyType) and item != known:
                joined = Joins(self.encoder).join(known, item)
        if joined == held.args[-1]:
            return ctx.default_return_type
        declared = get_proper_type(variable.type)
        if joined is None or not isinstance(declared, Instance) or declared.type is not held.type:
            return ctx.default_return_type
        both = held.copy_modified(args=[*held.args[:-1], joined])
        variable.type = both
        key = literal_hash(expression)
        if key is not None:
            checker.binder.declarations[key] = both
            checker.binder.put(expression, both)
        return ctx.default_return_type

    def _put_in(
        self, expression: Expression, t: Type, spread: bool, ctx: MethodContext
    ) -> list[Type]:
        """The types of what is put in."""
        checker = checker_of(ctx)
        if not spread:
            return [t]
        if isinstance(expression, (ListExpr, TupleExpr)):
            found = [checker.lookup_type_or_none(item) for item in expression.items]
            return [item for item in found if item is not None]
        with checker.msg.filter_errors():
            return [checker.analyze_iterable_item_type_without_expression(t, ctx.context)[1]]

    def _variable(
        self, node: Context, ctx: MethodSigContext | MethodContext
    ) -> tuple[Expression, Var] | None:
        """The variable that holds the collection, if its type was inferred."""
        receiver: Expression
        match node:
            case CallExpr(callee=MemberExpr(expr=receiver)):
                pass
            case IndexExpr(base=receiver):
                pass
            case OperatorAssignmentStmt(lvalue=receiver):
                pass
            case _:
                return None
        variable = None
        if isinstance(receiver, NameExpr):
            variable = receiver.node
        elif isinstance(receiver, MemberExpr):
            variable = receiver.node
            if variable is None:
                t = checker_of(ctx).lookup_type_or_none(receiver.expr)
                owner = get_proper_type(t)
                info: TypeInfo | None = owner.type if isinstance(owner, Instance) else None
                entry = info.get(receiver.name) if info is not None else None
                variable = entry.node if entry is not None else None
        if isinstance(variable, Var) and variable.is_inferred and not variable.explicit_self_type:
            return receiver, variable
        return None
