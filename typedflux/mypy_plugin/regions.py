"""Where in a file a condition is known to hold: after an `assert`, in the branch of an `if`, after
an `if` whose branch leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mypy.nodes import (
    AssertStmt,
    Block,
    BreakStmt,
    CallExpr,
    ComparisonExpr,
    ConditionalExpr,
    ContinueStmt,
    Expression,
    ExpressionStmt,
    IfStmt,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OpExpr,
    RaiseStmt,
    RefExpr,
    ReturnStmt,
    Statement,
    UnaryExpr,
    WhileStmt,
    WithStmt,
)

from typedflux.mypy_plugin.syntax import walk

Position = tuple[int, int]
_LEAVES = ("sys.exit", "os._exit", "builtins.exit", "builtins.quit")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a file in which `condition` is `truth`."""

    start: Position
    end: Position
    condition: Expression
    truth: bool

    def equalities(self) -> Iterator[tuple[Expression, Expression]]:
        """The pairs of expressions that are equal there."""
        yield from _equalities(self.condition, self.truth)

    def ranked(self) -> Iterator[Expression]:
        """The tensors whose rank the condition asks for."""
        for node in walk(self.condition):
            match node:
                case MemberExpr(name="ndim", expr=of):
                    yield of
                case CallExpr(
                    callee=NameExpr(name="len"), args=[MemberExpr(name="shape", expr=of)]
                ):
                    yield of


def _equalities(e: Expression, truth: bool) -> Iterator[tuple[Expression, Expression]]:
    match e:
        case UnaryExpr(op="not", expr=inner):
            yield from _equalities(inner, not truth)
        case OpExpr(op="and", left=left, right=right) if truth:
            yield from _equalities(left, True)
            yield from _equalities(right, True)
        case OpExpr(op="or", left=left, right=right) if not truth:
            yield from _equalities(left, False)
            yield from _equalities(right, False)
        case ComparisonExpr(operators=operators, operands=operands):
            wanted = "==" if truth else "!="
            if truth or len(operators) == 1:  # of `a != b != c` one need not hold
                for operator, a, b in zip(operators, operands, operands[1:], strict=False):
                    if operator == wanted:
                        yield a, b


def regions(tree: MypyFile) -> list[Region]:
    """All regions of a file whose condition holds sizes against each other."""
    return [
        r
        for r in _regions(tree)
        if any(True for _ in r.equalities()) or any(True for _ in r.ranked())
    ]


def _regions(tree: MypyFile) -> Iterator[Region]:
    yield from _of_block(tree.defs)
    for node in walk(tree):
        match node:
            case Block(body=statements):
                yield from _of_block(statements)
            case IfStmt(expr=conditions, body=bodies, else_body=otherwise):
                for condition, body in zip(conditions, bodies, strict=True):
                    yield from _within(body, condition, True)
                    if otherwise is not None:
                        yield from _within(otherwise, condition, False)
            case WhileStmt(expr=condition, body=body):
                yield from _within(body, condition, True)
            case ConditionalExpr(cond=condition, if_expr=then, else_expr=otherwise_):
                yield from _within(then, condition, True)
                yield from _within(otherwise_, condition, False)
            case OpExpr(op="and" | "or" as op, left=left, right=right):
                yield from _within(right, left, op == "and")


def _within(part: Node, condition: Expression, truth: bool) -> Iterator[Region]:
    yield Region(_start(part), _end(part), condition, truth)


def _of_block(statements: Sequence[Statement]) -> Iterator[Region]:
    if not statements:
        return
    last = _end(statements[-1])
    for statement in statements:
        for condition, truth in _established(statement):
            yield Region(_end(statement), last, condition, truth)


def _established(statement: Statement) -> Iterator[tuple[Expression, bool]]:
    """What holds once control has come past a statement."""
    match statement:
        case AssertStmt(expr=condition):
            yield condition, True
        case IfStmt(expr=conditions, body=bodies, else_body=otherwise):
            for condition, body in zip(conditions, bodies, strict=True):
                if not leaves(body.body):
                    if otherwise is not None and leaves(otherwise.body):
                        yield condition, True
                    return
                yield condition, False
            if otherwise is not None and not leaves(otherwise.body):
                for inner in otherwise.body:
                    yield from _established(inner)
        case WithStmt(body=body):
            for inner in body.body:
                yield from _established(inner)


def leaves(statements: Sequence[Statement]) -> bool:
    """Whether control never comes past the end of a block."""
    match statements[-1] if statements else None:
        case RaiseStmt() | ReturnStmt() | ContinueStmt() | BreakStmt():
            return True
        case IfStmt(body=bodies, else_body=Block(body=otherwise)):
            return leaves(otherwise) and all(leaves(body.body) for body in bodies)
        case WithStmt(body=Block(body=inner)):
            return leaves(inner)
        case ExpressionStmt(expr=CallExpr(callee=RefExpr(fullname=name))):
            return name in _LEAVES
    return False


def _start(node: Node) -> Position:
    first = node.body[0] if isinstance(node, Block) and node.body else node
    return first.line, first.column


def _end(node: Node) -> Position:
    if isinstance(node, Block) and node.body:
        return _end(node.body[-1])
    return node.end_line or node.line, node.end_column or 10**6
