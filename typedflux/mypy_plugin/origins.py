"""Where the sizes of an error come from: a note at each line that made them.

Two shapes disagree in one line, and what is wrong is often another: where a layer was constructed,
or a name assigned. Of the names in the expression that an error is about, and of those in what they
were assigned, each whose type has one of the disagreeing sizes in it is pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.nodes import (
    AssignmentStmt,
    Block,
    CallExpr,
    ClassDef,
    Expression,
    ForStmt,
    FuncDef,
    IntExpr,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    ReturnStmt,
    StarExpr,
    Statement,
    TupleExpr,
    TypeInfo,
    Var,
    WithStmt,
)
from mypy.types import FunctionLike, Instance, LiteralType, Type, get_proper_type

from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.messages import spell
from typedflux.mypy_plugin.syntax import walk

_DEEPEST = 3
_MOST = 6
_ELSEWHERE = re.compile(r', in line (\d+)(?: of "[^"]*")?$')
_SHAPE = re.compile(r"""\w+\[Tensor, ["']([^"']*)["']\]""")
_DIMS = re.compile(r"\b[A-Z]\w*\[([^\[\]\"']*)\]")
_SIZE = re.compile(r"""\bSize\[["']([^"']*)["']\]""")
_AXIS = re.compile(r"\baxis -?\d+|\bArgument \d+|\baxis \d+ of|\(axis \d+\)")
_WORD = re.compile(r"[\w+*/@-]+")

Ref = NameExpr | MemberExpr


@dataclass
class _Tree:
    """What a file has at each line."""

    tree: MypyFile
    by_line: dict[int, list[Expression | Statement]] = field(default_factory=dict)
    calls: dict[int, CallExpr] = field(default_factory=dict)
    """The call that an expression is an argument of."""
    functions: list[FuncDef] = field(default_factory=list)
    attributes: dict[str, list[AssignmentStmt]] = field(default_factory=dict)


class Origins:
    """Points at where sizes come from."""

    def __init__(self) -> None:
        self._read: _Tree | None = None

    def note(self, checker: TypeChecker | None, info: ErrorInfo) -> None:
        """Add the notes that belong to an error."""
        if checker is None or info.code not in (SHAPE, DTYPE):
            return
        _tidy(checker)
        noted = {info.line}
        inside = _ELSEWHERE.search(info.message)
        if inside is not None:
            line = int(inside[1])
            noted.add(line)
            _add(checker, line, f"Here it does not fit what is given in line {info.line}", info)
        sizes = _disagreeing(info.message)
        for line, name, told in self._origins(checker, info, sizes):
            if line not in noted and len(noted) <= _MOST:
                noted.add(line)
                _add(checker, line, f'"{name}" comes from here: {told}', info)

    def _origins(
        self, checker: TypeChecker, info: ErrorInfo, sizes: set[str]
    ) -> Iterator[tuple[int, str, str]]:
        read = self._of(checker.tree)
        found = self._parts(read, info)
        for _ in range(_DEEPEST):
            following: list[Node] = []
            for ref in _refs(found):
                t = _type_of(ref, checker)
                if t is None or isinstance(get_proper_type(t), FunctionLike):
                    continue
                made = self._assignment(ref, read, checker)
                number = made.rvalue if isinstance(made, AssignmentStmt) else None
                told = str(number.value) if isinstance(number, IntExpr) else spelled(t)
                if made is None or not _speaks(told, sizes):
                    continue
                yield made.line, _name(ref), told
                if isinstance(made, AssignmentStmt):
                    following.append(made.rvalue)
            found = following

    def _of(self, tree: MypyFile) -> _Tree:
        if self._read is None or self._read.tree is not tree:
            read = self._read = _Tree(tree)
            for node in walk(tree):
                if isinstance(node, (Expression, Statement)):
                    read.by_line.setdefault(node.line, []).append(node)
                if isinstance(node, CallExpr):
                    read.calls.update((id(a), node) for a in node.args)
                elif isinstance(node, FuncDef):
                    read.functions.append(node)
                elif isinstance(node, AssignmentStmt):
                    for target in node.lvalues:
                        if isinstance(target, MemberExpr):
                            read.attributes.setdefault(target.name, []).append(node)
        return self._read

    def _parts(self, read: _Tree, info: ErrorInfo) -> list[Node]:
        """What an error is about: an expression, and the callee that it is given to."""
        here = [
            node
            for node in read.by_line.get(info.line, ())
            if node.column == info.column and isinstance(node, (Expression, ReturnStmt))
        ]
        exact = [n for n in here if (n.end_line, n.end_column) == (info.end_line, info.end_column)]
        found: list[Node] = []
        for node in exact or here[:1] or read.by_line.get(info.line, ())[:1]:
            found.append(node)
            call = read.calls.get(id(node))
            if call is not None:
                found.append(call.callee)
        return found

    def _assignment(self, ref: Ref, read: _Tree, checker: TypeChecker) -> Statement | None:
        """The statement that gave a name what it holds where it is used."""
        if isinstance(ref, MemberExpr):
            return self._attribute(ref, read, checker)
        if not isinstance(ref.node, Var):
            return None
        around = [f for f in read.functions if f.line <= ref.line <= (f.end_line or f.line)]
        around.sort(key=lambda f: f.line)
        for block in [*(f.body.body for f in reversed(around)), read.tree.defs]:
            if any(ref.node is v for s in _every(block) for v in _bound(s)):
                before = _last(block, ref, ref.node)
                if before is not None or around:
                    return before
                return _last(block, None, ref.node)
        return None

    def _attribute(self, ref: MemberExpr, read: _Tree, checker: TypeChecker) -> Statement | None:
        held = _type_of(ref.expr, checker)
        owner = get_proper_type(held) if held is not None else None
        if not isinstance(owner, Instance):
            return None
        entry = owner.type.get(ref.name)
        if entry is None or not isinstance(entry.node, Var):
            return None
        made = [
            s for s in read.attributes.get(ref.name, ())
            if any(_is_attribute(target, owner.type, entry.node) for target in s.lvalues)
        ]  # fmt: skip
        return made[0] if len(made) == 1 else None


def _type_of(expression: Expression, checker: TypeChecker) -> Type | None:
    """The type of an expression; what mypy has just inferred is on its way still."""
    found = checker.lookup_type_or_none(expression)
    if found is not None:
        return found
    for *_, types in checker.expr_checker.expr_cache.values():
        if expression in types:
            return types[expression]
    return None


def _is_attribute(target: Expression, owner: TypeInfo, variable: Var) -> bool:
    if not isinstance(target, MemberExpr) or target.name != variable.name:
        return False
    if isinstance(target.node, Var):
        return target.node is variable
    return isinstance(target.expr, NameExpr) and target.expr.name == "self"


def _tidy(checker: TypeChecker) -> None:
    """Drop the notes of errors that were taken back."""
    errors = checker.msg.errors
    kept = errors.error_info_map.get(errors.file, [])
    there = {id(e) for e in kept}
    if any(e.parent_error is not None and id(e.parent_error) not in there for e in kept):
        kept[:] = [e for e in kept if e.parent_error is None or id(e.parent_error) in there]


def _add(checker: TypeChecker, line: int, text: str, info: ErrorInfo) -> None:
    """A note that goes with an error: where that is ignored, it is too."""
    errors = checker.msg.errors
    kept = errors.error_info_map.get(errors.file, ())
    if any(e.line == line and e.message == text for e in kept):
        return
    errors.report(
        line, 0, text, info.code, severity="note", origin_span=info.origin_span, parent_error=info
    )


# Sizes in words


def _disagreeing(message: str) -> set[str]:
    """The sizes that a message holds against each other; none where it does not tell."""
    text = _ELSEWHERE.sub("", message)
    axes = {
        word
        for shape in (*_SHAPE.findall(text), *_DIMS.findall(text))
        for word in _WORD.findall(shape)
    }
    rest = _AXIS.sub("", _DIMS.sub("", _SHAPE.sub("", text)))
    return {word for word in _WORD.findall(rest) if word.isdigit() or word in axes} - {"0", "1"}


def _speaks(told: str, sizes: set[str]) -> bool:
    """Whether a type, or a number, has one of some sizes in it; where they are not known, whether
    it has any."""
    shapes = [*_SHAPE.findall(told), *_DIMS.findall(told), *_SIZE.findall(told)]
    words = {told} if told.isdigit() else {w for shape in shapes for w in _WORD.findall(shape)}
    return bool(words & sizes) if sizes else bool(shapes)


def spelled(t: Type) -> str:
    """A type in the words of annotations."""
    p = get_proper_type(t)
    if isinstance(p, Instance) and p.last_known_value is not None:
        p = p.last_known_value
    if isinstance(p, LiteralType):
        return str(p.value)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", spell(str(p))).replace("'", '"')


# Names in the program


def _refs(nodes: Iterable[Node]) -> Iterator[Ref]:
    for node in nodes:
        for inner in walk(node):
            if isinstance(inner, (NameExpr, MemberExpr)):
                yield inner


def _name(ref: Expression) -> str:
    if isinstance(ref, MemberExpr):
        return f"{_name(ref.expr)}.{ref.name}"
    return ref.name if isinstance(ref, NameExpr) else "..."


def _bound(statement: Statement) -> list[Var]:
    """The variables that a statement itself assigns."""
    targets: list[Expression | None] = []
    match statement:
        case AssignmentStmt(lvalues=lvalues):
            targets += lvalues
        case OperatorAssignmentStmt(lvalue=target) | ForStmt(index=target):
            targets.append(target)
        case WithStmt(target=several):
            targets += several
    found = []
    while targets:
        match targets.pop():
            case NameExpr(node=Var() as variable):
                found.append(variable)
            case TupleExpr(items=items) | ListExpr(items=items):
                targets += items
            case StarExpr(expr=inner):
                targets.append(inner)
    return found


def _every(block: Iterable[Statement]) -> Iterator[Statement]:
    for statement in block:
        for node in walk(statement):
            if isinstance(node, Statement) and not isinstance(node, (Block, ClassDef, FuncDef)):
                yield node


def _last(block: Iterable[Statement], use: Ref | None, variable: Var) -> Statement | None:
    """The last statement of a block before a use that surely assigned a variable."""
    found: Statement | None = None
    for statement in block:
        if use is not None and statement.line > use.line:
            break
        if use is not None and use.line <= (statement.end_line or statement.line):
            inner = [n for n in walk(statement) if isinstance(n, Block) and n is not statement]
            around = [b for b in inner if b.line <= use.line <= (b.end_line or b.line)]
            around.sort(key=lambda b: (b.line, b.column))
            if isinstance(statement, (ForStmt, WithStmt)) and variable in _bound(statement):
                found = statement
            for b in around[:1]:
                found = _last(b.body, use, variable) or found
            break
        if variable in _bound(statement):
            found = statement
        elif not isinstance(statement, (FuncDef, ClassDef)) and any(
            variable in _bound(s) for s in _every([statement])
        ):
            found = None
    return found
