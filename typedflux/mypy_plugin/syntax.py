"""Walking through a program's tree.

mypy's own visitors are compiled and cannot be derived from: "interpreted classes cannot inherit
from compiled traits".
"""

from __future__ import annotations

from collections.abc import Iterator

from mypy.nodes import (
    Block,
    ClassDef,
    Decorator,
    Expression,
    FuncDef,
    MypyFile,
    Node,
    OverloadedFuncDef,
    Statement,
)
from mypy.patterns import Pattern

_ELSEWHERE = frozenset(
    {"node", "info", "analyzed", "type", "def_var", "definition", "expanded", "original_def",
     "unanalyzed_items"}
)  # fmt: skip
"""What a node refers to without containing it."""


def walk(node: Node) -> Iterator[Node]:
    """A node and all statements and expressions in it, in no particular order."""
    stack: list[object] = [node]
    seen: set[int] = set()
    while stack:
        found = stack.pop()
        if isinstance(found, (list, tuple)):
            stack.extend(found)
        elif isinstance(found, dict):
            stack.extend(found.values())
        elif isinstance(found, (Expression, Statement, MypyFile)) or _is_part(type(found)):
            assert isinstance(found, Node)
            if id(found) in seen:
                continue
            seen.add(id(found))
            yield found
            for name in _fields(type(found)):
                part = getattr(found, name, None)
                if part is not None and not isinstance(part, (str, int, float)):
                    stack.append(part)


def _is_part(cls: type[object]) -> bool:
    """Whether a node is a piece of syntax that is no statement and no expression."""
    if issubclass(cls, Pattern):
        return True
    return issubclass(cls, Node) and cls.__name__ in ("Argument", "Block", "TypeParam")


def _fields(cls: type[object]) -> tuple[str, ...]:
    if cls not in _known_fields:
        names = {name for base in cls.__mro__ for name in getattr(base, "__mypyc_attrs__", ())}
        found = tuple(sorted(n for n in names - _ELSEWHERE if not n.startswith("_")))
        _known_fields[cls] = ("defs",) if cls is MypyFile else found
    return _known_fields[cls]


_known_fields: dict[type[object], tuple[str, ...]] = {}


def blocks(body: list[Statement]) -> Iterator[list[Statement]]:
    """The blocks inside a block, at any depth, without those of functions and classes."""
    for statement in body:
        if isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef, ClassDef)):
            continue
        for name in _fields(type(statement)):
            part = getattr(statement, name, None)
            for block in part if isinstance(part, (list, tuple)) else [part]:
                if isinstance(block, Block):
                    yield block.body
                    yield from blocks(block.body)


def statements(body: list[Statement]) -> Iterator[Statement]:
    """The statements of a block and of the blocks in it, without those of functions and classes."""
    yield from body
    for block in blocks(body):
        yield from block
