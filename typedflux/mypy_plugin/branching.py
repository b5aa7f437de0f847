"""Names that each branch of an `if` has given a value: `if deep: h = f(x)`, `else: h = g(x)`.

What follows is executed with each of the values, so each must fit, where in general one of the
types that mypy knows a name to have is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.nodes import (
    AssignmentStmt,
    Block,
    ConditionalExpr,
    Expression,
    ExpressionStmt,
    FuncDef,
    IfStmt,
    LambdaExpr,
    MypyFile,
    NameExpr,
    OpExpr,
    ReturnStmt,
    Statement,
    Var,
)
from mypy.types import Instance, Type, UnionType, get_proper_type

from typedflux.mypy_plugin.encoding import TENSOR, is_instance
from typedflux.mypy_plugin.syntax import blocks, walk

_Place = tuple[list[Statement], int]
_DEEPEST = 5


class _Places:
    """Where the names of a file stand: in which statement of which block."""

    def __init__(self, tree: MypyFile) -> None:
        self.tree = tree
        self.of: dict[int, _Place] = {}
        bodies = [tree.defs, *(n.body.body for n in walk(tree) if isinstance(n, FuncDef))]
        for body in bodies:
            for block in [body, *blocks(body)]:
                for i, statement in enumerate(block):
                    if isinstance(statement, (AssignmentStmt, ExpressionStmt, ReturnStmt)):
                        self.of.update((id(n), (block, i)) for n in _names(statement))


_known: list[_Places] = []


def is_from_branches(expression: Expression, checker: TypeChecker, depth: int = 0) -> bool:
    """Whether an expression has one of several types because of a name that each branch of an `if`
    before it has given a value of its own type."""
    unions = [n for n in _names(expression) if _is_union(checker.lookup_type_or_none(n))]
    if len(unions) != 1 or depth > _DEEPEST:
        return False
    (name,) = unions
    if not _known or _known[0].tree is not checker.tree:
        _known[:] = [_Places(checker.tree)]
    place = _known[0].of.get(id(name))
    if place is None or not isinstance(name.node, Var):
        return False
    block, i = place
    use = block[i]
    whole = use.rvalue if isinstance(use, AssignmentStmt) else use
    if sum(_is_union(checker.lookup_type_or_none(n)) for n in _names(whole)) != 1:
        return False  # of values that belong together not every combination comes
    if _is_optional(name, use):
        return False
    for statement in reversed(block[:i]):
        if not any(n.node is name.node for n in _names(statement)):
            continue
        if isinstance(statement, IfStmt):
            return _gives_each(statement, name.node, checker)
        if isinstance(statement, AssignmentStmt) and _assigns(statement, name.node):
            return is_from_branches(statement.rvalue, checker, depth + 1)
        if not isinstance(statement, (AssignmentStmt, ExpressionStmt)):
            return False
    return False


def must_all_fit(checker: TypeChecker | None, info: ErrorInfo) -> bool:
    """Whether a complaint is about what is returned, or assigned, that is such an expression."""
    code = info.code.code if info.code is not None else ""
    if checker is None or code not in ("return-value", "assignment") or " | " not in info.message:
        return False
    for node in walk(checker.tree):
        match node:
            case ReturnStmt(expr=Expression() as value) | AssignmentStmt(rvalue=value):
                if node.line == info.line and is_from_branches(value, checker):
                    return True
    return False


def _gives_each(statement: IfStmt, variable: Var, checker: TypeChecker) -> bool:
    """Whether each branch ends with another assignment of a value whose type is known."""
    if statement.else_body is None:
        return False
    for body in _branches(statement):
        made = [s for s in body if _assigns(s, variable)]
        nested = [
            s for s in body if s not in made and not isinstance(s, (AssignmentStmt, ExpressionStmt))
        ]
        if not made or any(n.node is variable for s in nested for n in _names(s)):
            return False
        last = made[-1]
        assert isinstance(last, AssignmentStmt)
        t = checker.lookup_type_or_none(last.rvalue)
        if t is None or not is_instance(get_proper_type(t), TENSOR):
            return False
    return True


def _branches(statement: IfStmt) -> Iterator[Sequence[Statement]]:
    for body in statement.body:
        yield body.body
    last = statement.else_body
    if last is not None and len(last.body) == 1 and isinstance(last.body[0], IfStmt):
        inner = last.body[0]  # `elif`
        yield from _branches(inner)
        if inner.else_body is None:
            yield []
    elif last is not None:
        yield last.body


def _assigns(statement: Statement, variable: Var) -> bool:
    return isinstance(statement, AssignmentStmt) and any(
        isinstance(target, NameExpr) and target.node is variable for target in statement.lvalues
    )


def _is_optional(name: NameExpr, statement: Statement) -> bool:
    """Whether a statement may come by without looking at a name in it."""
    for node in walk(statement):
        inner: list[Expression | Block] = []
        match node:
            case ConditionalExpr(if_expr=yes, else_expr=no):
                inner = [yes, no]
            case OpExpr(op="and" | "or", right=right):
                inner = [right]
            case LambdaExpr(body=body):
                inner = [body]
        if any(n is name for part in inner for n in walk(part)):
            return True
    return False


def _names(node: Statement | Expression) -> list[NameExpr]:
    return [n for n in walk(node) if isinstance(n, NameExpr)]


def _is_union(t: Type | None) -> bool:
    p = get_proper_type(t)
    if not isinstance(p, UnionType):
        return False
    return all(isinstance(get_proper_type(i), Instance) for i in p.items) and any(
        is_instance(get_proper_type(i), TENSOR) for i in p.items
    )
