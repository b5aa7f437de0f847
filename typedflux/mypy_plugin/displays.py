"""What a name holds that is assigned a new list or dict: `weights = {k: w - g[k] for k, w in ...}`.

mypy infers the items of a display from the type of the variable that it is assigned to. That of a
name which is assigned again holds any shape, so that all displays would have items of any. Behind
such an assignment the display is looked at once more, by itself.
"""

from __future__ import annotations

from mypy.checker import TypeChecker
from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    DictExpr,
    DictionaryComprehension,
    Expression,
    ListComprehension,
    ListExpr,
    NameExpr,
    RefExpr,
    SetComprehension,
    SetExpr,
    Statement,
    TupleExpr,
)
from mypy.subtypes import is_subtype
from mypy.types import Type, get_proper_type

from typedflux.mypy_plugin.traversal import speaks_of_shapes

_MADE = frozenset(f"builtins.{n}" for n in ("list", "dict", "set", "tuple", "sorted"))


def displayed(statement: Statement) -> tuple[NameExpr, Expression] | None:
    """The one name that a statement assigns a display to, and the display."""
    if isinstance(statement, AssignmentStmt) and len(statement.lvalues) == 1:
        target = statement.lvalues[0]
        if isinstance(target, NameExpr) and _is_display(statement.rvalue):
            return target, statement.rvalue
    return None


def _is_display(value: Expression) -> bool:
    match value:
        case ListComprehension() | DictionaryComprehension() | SetComprehension():
            return True
        case ListExpr(items=items) | SetExpr(items=items):
            return bool(items)
        case DictExpr(items=items):
            return bool(items)
        case TupleExpr(items=items):
            return any(map(_is_display, items))
        case CallExpr(callee=RefExpr(fullname=name), args=args):
            return name in _MADE and bool(args)
    return False


def by_itself(value: Expression, checker: TypeChecker) -> Type | None:
    """The type of a display of tensors that no variable's type tells anything about."""
    with checker.msg.filter_errors(filter_errors=lambda file, info: True) as watcher:
        found = checker.expr_checker.accept(value)
    return None if watcher.has_new_errors() or not speaks_of_shapes(found) else found


def tells_more(found: Type, held: Type) -> bool:
    """Whether a type of a display fits in the one that it was given, and is another."""
    return found != held and is_subtype(get_proper_type(found), get_proper_type(held))
