"""Unions: which of them the user declared, and which the flow of the program made.

A declared union says that each member may come, so each must fit. A union that branches and loops
made is no more than what mypy knows of a variable: one member that fits is enough.
"""

from __future__ import annotations

from collections.abc import Iterable

from mypy.checker import TypeChecker
from mypy.nodes import (
    CallExpr,
    Decorator,
    Expression,
    FuncDef,
    MemberExpr,
    NameExpr,
    RefExpr,
    TypeInfo,
    Var,
)
from mypy.types import CallableType, Instance, Type, UnionType, get_proper_type

from typedflux.mypy_plugin.branching import is_from_branches


def is_declared(expression: Expression | None, checker: TypeChecker) -> bool:
    """Whether an expression's type is a union because an annotation says so, or because each
    branch of an `if` has given it a value."""
    match expression:
        case NameExpr(node=Var() as variable) if _declares(variable):
            return True
        case MemberExpr():
            held = checker.lookup_type_or_none(expression.expr)
            owner = get_proper_type(held) if held is not None else None
            if isinstance(owner, Instance):
                return _is_declared_in(owner.type, expression.name)
            return isinstance(expression.node, Var) and _declares(expression.node)
        case CallExpr(callee=RefExpr(node=node)):
            function = node.func if isinstance(node, Decorator) else node
            if isinstance(function, FuncDef) and isinstance(function.type, CallableType):
                if isinstance(get_proper_type(function.type.ret_type), UnionType):
                    return True
    return expression is not None and is_from_branches(expression, checker)


def _declares(variable: Var) -> bool:
    declared = variable.type is not None and not variable.is_inferred
    return declared and isinstance(get_proper_type(variable.type), UnionType)


def _is_declared_in(info: TypeInfo, name: str) -> bool:
    found = info.get(name)
    return found is not None and isinstance(found.node, Var) and _declares(found.node)


def united(types: Iterable[Type]) -> Type:
    """A union of the different ones among some types."""
    found: list[Type] = []
    for t in types:
        if all(t != other for other in found):
            found.append(t)
    return found[0] if len(found) == 1 else UnionType.make_union(found)
