"""Symbolic axes such as `2*n+1` as Python code over the local variables of a checked function.

Only what gives the same number as jaxtyping's two stages (filling in placeholders as text, then
evaluating that text) is compiled; anything else is left to `shapes.expressions`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_OPERATORS: Final = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
_PLACEHOLDER: Final = re.compile(r"\{(\w+(?:\.\w+)*)\}")


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """An expression, and the conditions under which it may not be what is meant."""

    code: str
    doubts: list[str]


def compiled_axis(
    text: str, sizes: Mapping[str, str], parameters: frozenset[str]
) -> Arithmetic | None:
    """The code of a symbolic axis; `None` where it has another form or needs an unbound name.

    Args:
        text: as in the annotation.
        sizes: the local variable for each name that is surely bound.
        parameters: the names that placeholders may start with.

    >>> compiled_axis("2*n+{k}", {"n": "v0"}, frozenset("k"))
    Arithmetic(code='(2 * v0 + k)', doubts=['k.__class__ is not int or k < 0'])
    >>> compiled_axis("n+m", {"n": "v0"}, frozenset()) is None
    True
    """
    holes: dict[str, str] = {}

    def hole(match: re.Match[str]) -> str:
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        glued = re.match(r"[\w.]", before) or re.match(r"[\w.(\[]", after)
        if glued or match[1].partition(".")[0] not in parameters:
            return "{"  # no expression
        name = f"_hole{len(holes)}"
        holes[name] = match[1]
        return name

    source = _PLACEHOLDER.sub(hole, text)
    if any(mark in source for mark in "{}'\\"):
        return None
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError:
        return None
    names = {**sizes, **holes}
    if not _is_plain(tree, names):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id) or f"_tf_{node.id}"
    doubts = [f"{path}.__class__ is not int or {path} < 0" for path in holes.values()]
    return Arithmetic(f"({ast.unparse(tree)})", doubts)


def _is_plain(node: ast.expr, names: Mapping[str, str]) -> bool:
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.Name(id=name):
            return name in names
        case ast.BinOp(left=left, op=op, right=right):
            return isinstance(op, _OPERATORS) and _is_plain(left, names) and _is_plain(right, names)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _is_plain(inner, names)
        case ast.Call(func=ast.Name(id=("min" | "max")), args=args, keywords=[]) if len(args) > 1:
            hidden = any(n in names for n in ("min", "max"))
            return not hidden and all(_is_plain(arg, names) for arg in args)
    return False
