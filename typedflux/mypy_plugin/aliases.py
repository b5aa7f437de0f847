"""Type aliases of annotations: `Image = Float32[Tensor, "3 h w"]`.

mypy drops the string where it reads the definition of an alias. It is read from the statement, kept
in what the alias stands for, as `Written[Tensor, Literal["Float32"], Literal["3 h w"]]`, which mypy
writes to its cache and hands to other modules, and given a meaning where the alias is used: each
use binds the names anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    DictExpr,
    Expression,
    IndexExpr,
    ListExpr,
    MemberExpr,
    NameExpr,
    Node,
    OpExpr,
    StrExpr,
    TupleExpr,
    TypeAliasStmt,
)
from mypy.type_visitor import TypeTranslator
from mypy.types import Type, TypeAliasType, UnboundType

from typedflux.mypy_plugin.carriers import WRITTEN, carried, mentions


class Expander(TypeTranslator):
    """Replaces what aliases wrote down: `meaning` is asked what it stands for here."""

    def __init__(self, meaning: Callable[[Sequence[Type]], Type]) -> None:
        super().__init__()
        self.meaning = meaning

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        written = carried(t, WRITTEN)
        if written is not None:
            return self.meaning(written)
        if not mentions(t, WRITTEN) or t.is_recursive:
            return t
        return t._expand_once().accept(self)


def annotations_around(
    statement: Node | None, name: UnboundType
) -> Iterator[tuple[str, str | None]]:
    """The subscripts around a name in the definition of an alias, from the inside out: what is
    subscripted, and the string, `None` if it is not written out."""
    if isinstance(statement, AssignmentStmt):
        value: Expression = statement.rvalue
    elif isinstance(statement, TypeAliasStmt):
        value = statement.value.expr()
    else:
        return
    for subscript in _around(value, name, []):
        dotted = _dotted(subscript.base)
        if dotted is not None and isinstance(subscript.index, TupleExpr):
            text = subscript.index.items[1]
            yield dotted, text.value if isinstance(text, StrExpr) else None


def _around(e: Expression, name: UnboundType, path: list[IndexExpr]) -> list[IndexExpr]:
    """Which of the subscripts in an expression have that name as the first of two arguments, or
    inside a union there; from the inside out."""
    if isinstance(e, (NameExpr, MemberExpr)):
        return path[::-1] if (e.line, e.column) == (name.line, name.column) else []
    if isinstance(e, IndexExpr):
        base = (_dotted(e.base) or "").rpartition(".")[2]
        if isinstance(e.index, TupleExpr):
            first, *rest = e.index.items or [e.base]
            union = len(rest) != 1 or base == "Union"
            inner = _around(first, name, path if union else [*path, e])
            return inner or _first(rest, name, path if union else [])
        return _around(e.index, name, path if base == "Optional" else [])
    if isinstance(e, OpExpr):
        return _first([e.left, e.right], name, path)
    if isinstance(e, CallExpr) and len(e.args) > 1 and _is_record(e):
        return _first(e.args[1:], name, [])
    if isinstance(e, DictExpr):
        return _first([value for _, value in e.items], name, [])
    if isinstance(e, (TupleExpr, ListExpr)):
        return _first(e.items, name, [])
    return []


def _is_record(e: CallExpr) -> bool:
    """Whether a call makes a class from annotations."""
    return (_dotted(e.callee) or "").rpartition(".")[2] in ("NamedTuple", "TypedDict")


def makes_record(statement: Node | None) -> bool:
    """Whether a statement is `Pair = NamedTuple("Pair", [...])`, or a `TypedDict` made so."""
    if not isinstance(statement, AssignmentStmt):
        return False
    value = statement.rvalue
    return isinstance(value, CallExpr) and _is_record(value)


def _first(
    expressions: Sequence[Expression], name: UnboundType, path: list[IndexExpr]
) -> list[IndexExpr]:
    return next((found for e in expressions if (found := _around(e, name, path))), [])


def _dotted(e: Expression) -> str | None:
    if isinstance(e, NameExpr):
        return e.name
    if isinstance(e, MemberExpr):
        prefix = _dotted(e.expr)
        return None if prefix is None else f"{prefix}.{e.name}"
    return None
