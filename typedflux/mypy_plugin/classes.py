"""Classes whose type variables stand for dims.

All those of a module do, but for choices. Those of any other class do where a string of its own
annotations names them: `class Bank(Generic[N, D])` with `Float32[Tensor, "N D"]`; that is noted in
the class while its annotations are analysed, where mypy's cache keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mypy.errors import ErrorInfo
from mypy.nodes import (
    COVARIANT,
    AssignmentStmt,
    ClassDef,
    Decorator,
    Expression,
    FuncDef,
    IndexExpr,
    MypyFile,
    RefExpr,
    StrExpr,
    TupleExpr,
    TypeInfo,
)
from mypy.typeops import get_type_vars
from mypy.types import (
    CallableType,
    RawExpressionType,
    Type,
    TypeVarType,
    UnboundType,
    UnionType,
)

from typedflux.mypy_plugin.encoding import DTYPE_OF_CLASS, MODULE
from typedflux.mypy_plugin.syntax import walk

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


def noted_dims(info: TypeInfo) -> frozenset[str]:
    """The type variables of a class, not a module, that its annotations use as dims, or that it
    hands to a class that does."""
    if not info.defn.type_vars:
        return frozenset()
    names: set[str] = {*info.metadata.get(_KEY, {}).get("dims", ()), *_written_dims(info)}
    for base in info.bases:
        theirs = noted_dims(base.type)
        if theirs:
            for variable, argument in zip(base.type.defn.type_vars, base.args, strict=False):
                if variable.name in theirs:
                    names |= {v.name for v in get_type_vars(argument)}
    return frozenset(names)


def dim_places(info: TypeInfo) -> frozenset[int]:
    """The places of the type parameters of a class that stand for dims; to be asked when all
    classes are analysed."""
    known = _places.get(info)
    if known is None or known[0] is not info.defn:
        variables = info.defn.type_vars
        if info.has_base(MODULE):
            places = frozenset(range(len(variables)))
        else:
            names = noted_dims(info)
            places = frozenset(i for i, v in enumerate(variables) if v.name in names)
        known = _places[info] = (info.defn, places)
    return known[1]


_places: dict[TypeInfo, tuple[ClassDef, frozenset[int]]] = {}


def forget() -> None:
    """Let go of the classes of the last run of mypy."""
    _places.clear()
    _written.clear()


def _written_dims(info: TypeInfo) -> frozenset[str]:
    """The type variables that are named in strings of the class's annotations, which may not be
    analysed yet."""
    known = _written.get(info.defn)
    if known is None:
        known = _written[info.defn] = frozenset(_find_written(info))
    return known


_written: dict[ClassDef, frozenset[str]] = {}


def _find_written(info: TypeInfo) -> Iterator[str]:
    names = {variable.name for variable in info.defn.type_vars}
    for statement in info.defn.defs.body:
        if isinstance(statement, Decorator):
            statement = statement.func
        if isinstance(statement, (FuncDef, AssignmentStmt)):
            found = statement.unanalyzed_type
            inner = found.arg_types if isinstance(found, CallableType) else [found]
            for t in (*inner, found.ret_type if isinstance(found, CallableType) else None):
                for text in _strings(t):
                    yield from names & set(re.findall(r"\w+", text))


def _strings(t: Type | None, *, speaks: bool = False) -> Iterator[str]:
    """The strings in `Float32[Tensor, "n"]` and `Size["n"]`: others quote types."""
    if isinstance(t, RawExpressionType) and isinstance(t.literal_value, str) and speaks:
        yield t.literal_value
    elif isinstance(t, (UnboundType, UnionType)):
        if t.original_str_expr is not None and speaks:
            yield t.original_str_expr
        own = isinstance(t, UnboundType) and t.name.rpartition(".")[2] in _SPEAK
        for inner in t.args if isinstance(t, UnboundType) else t.items:
            yield from _strings(inner, speaks=own)


_SPEAK = frozenset({*DTYPE_OF_CLASS, "Size"})


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
