"""`typedflux hints`: source with the shape and dtype of every tensor that is assigned."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from mypy.nodes import (
    AssignmentExpr,
    AssignmentStmt,
    Expression,
    ForStmt,
    FuncDef,
    IndexExpr,
    ListExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    StarExpr,
    TupleExpr,
    Var,
    WithStmt,
)
from mypy.options import Options
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    TupleType,
    Type,
    UnpackType,
    get_proper_type,
)

from typedflux.cli import CLEAN, FOUND
from typedflux.cli.builds import Checked, Message, Refused, check, spelled
from typedflux.cli.colours import Colours
from typedflux.mypy_plugin.syntax import walk
from typedflux.mypy_plugin.traversal import speaks_of_shapes


@dataclass(frozen=True)
class Hint:
    """What a name, an attribute or an item is where it is assigned."""

    line: int
    column: int
    name: str
    type: str


def run(arguments: argparse.Namespace) -> int:
    """Print the hints for the given files; the exit code."""
    for path in arguments.paths:
        if not pathlib.Path(path).is_file():
            raise Refused(f"{path} is no file")
    checked = check(
        arguments.paths,
        config_file=arguments.config_file,
        others=arguments.mypy,
        typed=True,
        untyped_too=True,
    )
    wanted = {pathlib.Path(path).resolve() for path in arguments.paths}
    errors = [
        m
        for m in checked.messages
        if m.severity == "error" and pathlib.Path(m.file).resolve() in wanted
    ]
    found = {
        path: sorted(
            hints(tree, checked, parameters=arguments.parameters), key=lambda h: (h.line, h.column)
        )
        for path, tree in checked.trees.items()
    }
    if arguments.json:
        print(json.dumps(_records(found, errors), indent=1))
    else:
        colours = Colours(arguments.colour, sys.stdout)
        for path, of_file in found.items():
            if len(found) > 1:
                print(colours("bold", f"# {path}"))
            _print(path, of_file, colours)
        sys.stdout.flush()
        for m in errors:
            code = f"  [{m.code}]" if m.code else ""
            print(f"{m.file}:{m.line}: error: {m.text}{code}", file=sys.stderr)
    return FOUND if errors else CLEAN


def _records(found: dict[str, list[Hint]], errors: list[Message]) -> dict[str, object]:
    return {
        "hints": [{"file": path, **asdict(h)} for path, all_ in found.items() for h in all_],
        "errors": [asdict(m) for m in errors],
    }


def _print(path: str, found: list[Hint], colours: Colours) -> None:
    by_line: dict[int, list[Hint]] = {}
    for hint in found:
        by_line.setdefault(hint.line, []).append(hint)
    with tokenize.open(path) as file:
        for number, line in enumerate(file, start=1):
            line = line.rstrip("\n")
            there = by_line.get(number, [])
            if there:
                named = len({h.name for h in there}) > 1
                texts = dict.fromkeys(f"{h.name}: {h.type}" if named else h.type for h in there)
                line += "  " + colours("type", f"# {', '.join(texts)}")
            print(line)


def hints(tree: MypyFile, checked: Checked, *, parameters: bool = False) -> Iterator[Hint]:
    """The hints of a file, in no particular order."""
    finder = _Finder(checked, tree)
    for node in walk(tree):
        match node:
            case AssignmentStmt(lvalues=targets, rvalue=value):
                for target in targets:
                    yield from finder.assigned(target, checked.types.get(value))
            case AssignmentExpr(target=target, value=value):
                yield from finder.assigned(target, checked.types.get(value))
            case OperatorAssignmentStmt(lvalue=target):
                yield from finder.assigned(target, finder.operated.get(id(target)))
            case ForStmt(index=target):
                yield from finder.assigned(target, getattr(node, "inferred_item_type", None))
            case WithStmt(target=held):
                for each in held:
                    if each is not None:
                        yield from finder.assigned(each, None)
            case FuncDef() if parameters:
                yield from finder.parameters(node)


class _Finder:
    def __init__(self, checked: Checked, tree: MypyFile) -> None:
        self.types = checked.types
        self.options = Options()
        # `x += y` is checked as an `x + y` that is nowhere in the tree.
        self.operated = {id(e.left): t for e, t in checked.types.items() if isinstance(e, OpExpr)}

    def assigned(self, target: Expression, value: Type | None) -> Iterator[Hint]:
        """Hints for a target to which a value of that type is assigned."""
        if isinstance(target, (TupleExpr, ListExpr)):
            for item, part in zip(target.items, _parts(target.items, value), strict=True):
                yield from self.assigned(item, part)
            return
        if isinstance(target, StarExpr):
            target = target.expr
        told = self._of(target)
        kind = value if value is not None and _says(value) else told
        if kind is not None and speaks_of_shapes(kind) and _says(kind):
            yield Hint(target.line, target.column, _name(target), spelled(kind, self.options))

    def _of(self, target: Expression) -> Type | None:
        found = self.types.get(target)
        if found is None and isinstance(target, NameExpr) and isinstance(target.node, Var):
            found = target.node.type
        return found

    def parameters(self, function: FuncDef) -> Iterator[Hint]:
        """Hints for what a function takes, beside what its annotations say."""
        signature = function.type
        if not isinstance(signature, CallableType):
            return
        for argument, kind in zip(function.arguments, signature.arg_types, strict=True):
            if speaks_of_shapes(kind):
                yield Hint(
                    argument.line, argument.column, argument.variable.name,
                    spelled(kind, self.options),
                )  # fmt: skip


def _parts(items: list[Expression], value: Type | None) -> list[Type | None]:
    """What of a value goes to each target."""
    t = get_proper_type(value) if value is not None else None
    if isinstance(t, Instance) and t.args and t.type.fullname in (
        "builtins.list", "builtins.tuple",
    ):  # fmt: skip
        return [None if isinstance(i, StarExpr) else t.args[0] for i in items]
    if not isinstance(t, TupleType) or any(isinstance(i, UnpackType) for i in t.items):
        return [None] * len(items)
    starred = [i for i, item in enumerate(items) if isinstance(item, StarExpr)]
    if not starred:
        return [*t.items] if len(t.items) == len(items) else [None] * len(items)
    before, after = starred[0], len(items) - starred[0] - 1
    if len(t.items) < before + after:
        return [None] * len(items)
    return [*t.items[:before], None, *t.items[len(t.items) - after :]]


def _says(kind: Type) -> bool:
    return not isinstance(get_proper_type(kind), AnyType)


def _name(target: Node) -> str:
    match target:
        case NameExpr(name=name):
            return name
        case MemberExpr(expr=inner, name=name):
            return f"{_name(inner)}.{name}"
        case IndexExpr(base=inner):
            return f"{_name(inner)}[...]"
    return "..."
