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

_PLAIN = frozenset(
    {"line", "column", "end_line", "end_column", "op", "kind", "name", "fullname", "value_type",
     "arg_kinds", "arg_names", "as_type", "method_type", "type_guard", "type_is", "docstring",
     "right_always", "right_unreachable", "abstract_status", "deprecated", "max_pos", "min_args",
     "unanalyzed_type", "index_type", "inferred_item_type", "inferred_iterator_type",
     "unanalyzed_index_type", "unreachable_else", "dataclass_transform_spec", "original_first_arg",
     "def_or_infer_vars", "type_annotation"}
)  # fmt: skip
"""What is no syntax; looking there only takes time."""


def walk(node: Node) -> Iterator[Node]:
    """A node and all statements and expressions in it, in no particular order."""
    stack: list[object] = [node]
    seen: set[int] = set()
    while stack:
        found = stack.pop()
        cls = type(found)
        names = _known_fields.get(cls) or _fields_of(cls)
        if isinstance(found, dict):
            stack.extend(found.values())
        elif isinstance(found, (list, tuple)):
            stack.extend(found)
        elif names is not _NOTHING and id(found) not in seen:
            assert isinstance(found, Node)
            seen.add(id(found))
            yield found
            for name in names:
                part = getattr(found, name, None)
                if part is not None:
                    stack.append(part)


_NOTHING, _NONE = ("nothing",), ("line",)
"""What stands for the fields of what is no piece of syntax, and of a leaf."""


def _fields_of(cls: type[object]) -> tuple[str, ...]:
    if cls not in _known_fields:
        _known_fields[cls] = _fields(cls) or _NONE
    return _known_fields[cls]


def _fields(cls: type[object]) -> tuple[str, ...]:
    """The fields of a class of nodes in which there may be others."""
    if cls is MypyFile:
        return ("defs",)
    if not issubclass(cls, (Expression, Statement)) and not _is_part(cls):
        return _NOTHING
    names = {name for base in cls.__mro__ for name in getattr(base, "__mypyc_attrs__", ())}
    held = names - _ELSEWHERE - _PLAIN
    return tuple(sorted(n for n in held if not n.startswith(("_", "is_"))))


def _is_part(cls: type[object]) -> bool:
    """Whether a node is a piece of syntax that is no statement and no expression."""
    if issubclass(cls, Pattern):
        return True
    return issubclass(cls, Node) and cls.__name__ in ("Argument", "Block", "TypeParam")


_known_fields: dict[type[object], tuple[str, ...]] = {}


def blocks(body: list[Statement]) -> Iterator[list[Statement]]:
    """The blocks inside a block, at any depth, without those of functions and classes."""
    for statement in body:
        if isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef, ClassDef)):
            continue
        for name in _fields_of(type(statement)):
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
