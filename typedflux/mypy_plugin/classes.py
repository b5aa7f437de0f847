"""Classes whose type variables stand for dims.

All those of a module do, but for choices. Those of any other class do where a string of its own
annotations names them: `class Bank(Generic[N, D])` with `Float32[Tensor, "N D"]`; that is noted in
the class while its annotations are analysed, where mypy's cache keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mypy.errors import ErrorInfo
from mypy.nodes import (
    COVARIANT,
    ClassDef,
    Expression,
    IndexExpr,
    MypyFile,
    RefExpr,
    StrExpr,
    TupleExpr,
    TypeInfo,
)
from mypy.plugin import ClassDefContext
from mypy.types import TypeVarType

from typedflux.mypy_plugin.encoding import MODULE
from typedflux.mypy_plugin.syntax import walk
from typedflux.mypy_plugin.traversal import is_choice

_KEY = "typedflux"
_WORD = re.compile(r'Name "(\w+)" is not defined|Variable "[\w.]*?(\w+)" is not valid as a type')
_VARIANCE = re.compile(r'\w+ type variable "(\w+)" used in protocol where ')


def note_dim(info: TypeInfo, name: str) -> None:
    """The class's type variable of that name stands for a dim."""
    names = info.metadata.setdefault(_KEY, {"dims": []})["dims"]
    if name not in names:
        names.append(name)
    for variable in info.defn.type_vars:
        if variable.name == name and isinstance(variable, TypeVarType):
            # Such objects with different dims have the class in common, not only `object`.
            variable.variance = COVARIANT


def noted_dims(info: TypeInfo) -> list[str]:
    """The type variables that the class's own annotations use as dims."""
    names: list[str] = info.metadata.get(_KEY, {}).get("dims", [])
    return names


def loosen(ctx: ClassDefContext) -> None:
    """Modules of one class with different dims have the class in common, not only `object`."""
    for variable in ctx.cls.type_vars:
        if isinstance(variable, TypeVarType) and not is_choice(variable):
            variable.variance = COVARIANT


def only_dims(info: TypeInfo) -> bool:
    """Whether a class is a module: its type variables stand for dims."""
    return any(base.fullname == MODULE for base in info.mro[1:]) and info.fullname != MODULE


class Subscripts:
    """What mypy says of dims in subscripts of classes, which it takes for types: `Dense[784, "n"]`
    as the base of a class or in an alias."""

    def __init__(self, modules: Mapping[str, MypyFile]) -> None:
        self.modules = modules

    def settled(self, file: str, info: ErrorInfo) -> bool:
        """Whether a message is about dims, and nothing is wrong."""
        code = info.code.code if info.code is not None else ""
        protocol = _VARIANCE.match(info.message)
        word = _WORD.match(info.message)
        literal = info.message.startswith(("Invalid type: try using Lit", "Invalid type comment"))
        if not (protocol or word or literal) or code not in ("misc", "valid-type", "name-defined"):
            return False
        tree = next((t for t in self.modules.values() if t.path == file), None)
        if tree is None:
            return False
        for node in walk(tree):
            if protocol and isinstance(node, ClassDef) and node.line == info.line:
                return protocol[1] in noted_dims(node.info)
            if isinstance(node, ClassDef) and not protocol:
                for base in (*node.base_type_exprs, *node.removed_base_type_exprs):
                    if _concerns(base, info, word):
                        return True
            if isinstance(node, IndexExpr) and _concerns(node, info, word):
                return True
        return False


def _concerns(e: Expression, info: ErrorInfo, word: re.Match[str] | None) -> bool:
    if not isinstance(e, IndexExpr) or not e.line <= info.line <= (e.end_line or e.line):
        return False
    owner = e.base.node if isinstance(e.base, RefExpr) else None
    if not isinstance(owner, TypeInfo) or not (only_dims(owner) or noted_dims(owner)):
        return False
    if word is None:
        return True
    items = e.index.items if isinstance(e.index, TupleExpr) else [e.index]
    texts = " ".join(i.value for i in items if isinstance(i, StrExpr))
    return (word[1] or word[2]) in re.findall(r"\w+", texts)
