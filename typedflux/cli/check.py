"""`typedflux check`: mypy with the plugin, each error with its line and what stands in it."""

from __future__ import annotations

import argparse
import json
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    ComparisonExpr,
    Expression,
    IndexExpr,
    MemberExpr,
    MypyFile,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    ReturnStmt,
    UnaryExpr,
)
from mypy.options import Options
from mypy.types import FunctionLike, get_proper_type

from typedflux.cli import CLEAN, FOUND
from typedflux.cli.builds import Checked, Message, Refused, check, spelled
from typedflux.cli.colours import Colours
from typedflux.mypy_plugin.syntax import walk
from typedflux.mypy_plugin.traversal import speaks_of_shapes


@dataclass(frozen=True)
class Operand:
    """A part of the source and its type."""

    line: int
    column: int
    end_column: int
    text: str
    type: str


def run(arguments: argparse.Namespace) -> int:
    """Check the given files and folders and print what was found; the exit code."""
    others = arguments.mypy
    checked = check(arguments.paths, config_file=arguments.config_file, others=others)
    shown = [m for m in checked.messages if m.of_tensors or not arguments.only_shapes]
    shown.sort(key=lambda m: m.file)  # of each file in the order that mypy gives
    operands = _operands(shown, arguments.config_file, others)
    if arguments.json:
        records = [
            {**asdict(m), "operands": [asdict(o) for o in found]}
            for m, found in zip(shown, operands, strict=True)
        ]
        print(json.dumps(records, indent=1))
    else:
        colours = Colours(arguments.colour, sys.stdout)
        sources: dict[str, list[str]] = {}
        for m, found in zip(shown, operands, strict=True):
            if m.file not in sources:
                sources[m.file] = _lines(m.file)
            print("\n".join(_paragraph(m, found, sources[m.file], colours)))
        print(_count(shown, len(checked.sources), colours))
    return FOUND if any(m.severity == "error" for m in shown) else CLEAN


def _lines(path: str) -> list[str]:
    try:
        with tokenize.open(path) as file:
            return file.read().splitlines()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return []


# What stands in an error's place


def _operands(
    messages: list[Message], config_file: str | None, others: list[str]
) -> list[list[Operand]]:
    """The operands of each message about tensors, from a second look at the files."""
    files = sorted({m.file for m in messages if m.of_tensors})
    if not files:
        return [[] for _ in messages]
    try:
        checked = check(files, config_file=config_file, others=others, typed=True)
    except Refused:  # as when two of them are one module for mypy
        return [[] for _ in messages]
    compounds = {path: list(_compounds(tree)) for path, tree in checked.trees.items()}
    return [
        operands_of(m, compounds.get(m.file, []), checked) if m.of_tensors else [] for m in messages
    ]


def _compounds(tree: MypyFile) -> Iterator[tuple[Node, list[Expression]]]:
    for node in walk(tree):
        match node:
            case OpExpr(left=a, right=b) | OperatorAssignmentStmt(lvalue=a, rvalue=b):
                yield node, [a, b]
            case ComparisonExpr(operands=items):
                yield node, items
            case UnaryExpr(expr=inner) | MemberExpr(expr=inner):
                yield node, [inner]
            case IndexExpr(base=a, index=b):
                yield node, [a, b]
            case CallExpr(callee=MemberExpr(expr=receiver), args=args):
                yield node, [receiver, *args]
            case CallExpr(callee=callee, args=args):
                yield node, [callee, *args]
            case ReturnStmt(expr=value) if value is not None:
                yield node, [value]
            case AssignmentStmt(rvalue=value):
                yield node, [value]


def operands_of(
    message: Message, compounds: list[tuple[Node, list[Expression]]], checked: Checked
) -> list[Operand]:
    """The parts, with their types, of the smallest expression that holds a message's place."""
    start, end = (message.line, message.column), (message.end_line, message.end_column)
    around = [
        (node, parts)
        for node, parts in compounds
        if (node.line, node.column) <= start and end <= _end(node)
    ]
    around.sort(key=lambda pair: (pair[0].line, pair[0].column), reverse=True)
    around.sort(key=lambda pair: _end(pair[0]))
    if message.text.startswith("Incompatible "):  # about a whole value, not its parts
        around.sort(key=lambda pair: not isinstance(pair[0], (AssignmentStmt, ReturnStmt)))
    if message.text.startswith("Argument "):  # about the call that has it, not one inside it
        around.sort(key=lambda pair: not any(_spans(part, start, end) for part in pair[1]))
    for _, parts in around:
        found = []
        for part in parts:
            kind = checked.types.get(part)
            if kind is None or isinstance(get_proper_type(kind), FunctionLike):
                continue
            if speaks_of_shapes(kind):
                end_line, end_column = _end(part)
                found.append(
                    Operand(
                        part.line,
                        part.column,
                        end_column if end_line == part.line else part.column + 1,
                        getattr(part, "name", ""),
                        spelled(kind, Options()),
                    )
                )
        if found:
            return found
    return []


def _spans(node: Node, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return (node.line, node.column) == start and _end(node) == end


def _end(node: Node) -> tuple[int, int]:
    return node.end_line or node.line, node.end_column or node.column


# Printing


def _paragraph(
    m: Message, operands: list[Operand], source: list[str], colours: Colours
) -> Iterator[str]:
    code = f"  [{m.code}]" if m.code and m.severity == "error" else ""
    yield (
        f"{colours('bold', f'{m.file}:{m.line}:{m.column + 1}:')} "
        f"{colours(m.severity, f'{m.severity}:')} {m.text}{colours('dim', code)}"
    )
    if 0 < m.line <= len(source):
        margin = " " * (len(str(m.line)) + 1)
        bar = colours("dim", "|")
        yield f"  {m.line} {bar} {source[m.line - 1].expandtabs()}"
        for line in _labels(m, operands, source[m.line - 1], colours):
            yield f"  {margin}{bar} {line}"
        for o in operands:
            if o.line != m.line:
                yield f"  {margin}{bar} line {o.line}: {colours('type', o.type)}"
    for note in m.notes:
        yield f"  {colours('note', 'note:')} {note}"
    yield ""


def _labels(m: Message, operands: list[Operand], line: str, colours: Colours) -> Iterator[str]:
    """Marks under the operands, and their types, the last on top."""

    def place(column: int) -> int:
        # Columns count characters for one of mypy's parsers and bytes for the other, which differ
        # in few lines; a mark beyond the line would help nobody.
        return len(line[:column].expandtabs())

    here = sorted((o for o in operands if o.line == m.line), key=lambda o: o.column)
    if not here:
        start = place(m.column)
        end = place(m.end_column) if m.end_line == m.line else len(line.expandtabs())
        yield " " * start + colours("error", "^" + "~" * (end - start - 1))
        return
    marks = [(place(o.column), max(place(o.end_column), place(o.column) + 1)) for o in here]
    under = ""
    for a, b in marks:
        if a >= len(under):
            under += " " * (a - len(under)) + "^" + "~" * (b - a - 1)
    yield colours("error", under)
    for i in reversed(range(len(here))):
        bars = ""
        for a, _ in marks[:i]:
            bars += " " * (a - len(bars)) + "|"
        yield bars + " " * (marks[i][0] - len(bars)) + colours("type", here[i].type)


def _count(shown: list[Message], files: int, colours: Colours) -> str:
    errors = [m for m in shown if m.severity == "error"]
    checked = f"({_many(files, 'file')} checked)"
    if not errors:
        return colours("good", "Nothing found ") + checked
    tensors = sum(m.of_tensors for m in errors)
    parts = [_many(tensors, "error") + " about tensors"] if tensors else []
    if tensors < len(errors):
        parts.append(_many(len(errors) - tensors, "other error" if tensors else "error"))
    places = _many(len({m.file for m in errors}), "file")
    return colours("error", f"Found {' and '.join(parts)} in {places} ") + checked


def _many(n: int, what: str) -> str:
    return f"{n} {what}" + "s" * (n != 1)
