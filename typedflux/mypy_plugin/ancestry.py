"""Layers where another class of theirs is wanted: `Impl[3]` for `Base[3, 6]`.

mypy puts the dims of a class into what it derives from, `Base[In, "2*In"]`, without computing, and
finds `2*3` to be another argument than 6. Its message is held against the classes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mypy.nodes import MypyFile, TypeInfo
from mypy.types import Instance, LiteralType, Type, TypeVarType, get_proper_type

from typedflux.mypy_plugin.encoding import EXPRESSION, MODULE
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, equal, symbol
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in

_SPELLED = re.compile(r"(\w+)(?:\[(.*)\])?")


def may_derive(got: str, wanted: str, modules: Mapping[str, MypyFile]) -> bool:
    """Whether a layer, as messages spell its type, may be of a class that it derives from."""
    mine, theirs = _SPELLED.fullmatch(got), _SPELLED.fullmatch(wanted)
    if mine is None or theirs is None or mine[1] == theirs[1]:
        return False
    below, above = list(_classes(mine[1], modules)), list(_classes(theirs[1], modules))
    if len(below) != 1 or len(above) != 1 or above[0] not in below[0].mro:
        return False
    sizes = _climb(below[0], _sizes(mine[2]), above[0])
    given = _sizes(theirs[2])
    count = min(len(sizes), len(given)) if sizes is not None else 0
    return sizes is not None and all(
        equal(x, y) is not False for x, y in zip(sizes[:count], given[:count], strict=True)
    )


def _classes(name: str, modules: Mapping[str, MypyFile]) -> Iterator[TypeInfo]:
    found: set[TypeInfo] = set()
    for tree in _of_name(name, modules):
        entry = tree.names.get(name)
        node = entry.node if entry is not None else None
        if isinstance(node, TypeInfo) and node.has_base(MODULE) and node not in found:
            found.add(node)
            yield node


def _of_name(name: str, modules: Mapping[str, MypyFile]) -> list[MypyFile]:
    """The modules that have a class of that name; those that have none are not asked again until
    they have other names."""
    out = []
    for tree in modules.values():
        size = len(tree.names)
        known = _classes_of.get(id(tree))
        if known is None or known[0] is not tree or known[1] != size:
            held = {n for n, e in tree.names.items() if isinstance(e.node, TypeInfo)}
            known = _classes_of[id(tree)] = (tree, size, held)
        if name in known[2]:
            out.append(tree)
    return out


_classes_of: dict[int, tuple[MypyFile, int, set[str]]] = {}


def forget() -> None:
    """Begin anew: the modules of one run of mypy do not outlast it."""
    _classes_of.clear()


def _sizes(arguments: str | None) -> list[Dimension]:
    return [_evaluated(word.strip(), {}) for word in arguments.split(",")] if arguments else []


def _evaluated(text: str, sizes: Mapping[str, Dimension]) -> Dimension:
    if not text or text == "_":
        return UNKNOWN
    try:
        known = {name: sizes.get(name, symbol(name)) for name in names_in(text)}
        value = evaluate_expression(text, known)
    except (AnnotationError, ArithmeticError):
        return UNKNOWN
    return value if isinstance(value, (int, Dim)) else UNKNOWN


def _climb(info: TypeInfo, sizes: list[Dimension], above: TypeInfo) -> list[Dimension] | None:
    """The sizes that a class above has, given those of a class."""
    if info is above:
        return sizes
    names = {v.name: d for v, d in zip(info.defn.type_vars, sizes, strict=False)}
    for base in info.bases:
        if above in base.type.mro:
            return _climb(base.type, [_size(a, names) for a in base.args], above)
    return None


def _size(t: Type, sizes: Mapping[str, Dimension]) -> Dimension:
    p = get_proper_type(t)
    if isinstance(p, LiteralType) and isinstance(p.value, int):
        return p.value
    if isinstance(p, TypeVarType):
        return sizes.get(p.name, UNKNOWN)
    if isinstance(p, Instance) and p.type.fullname == EXPRESSION:
        template = get_proper_type(p.args[0])
        if isinstance(template, LiteralType) and isinstance(template.value, str):
            atoms = {f"atom_{i}": _size(a, sizes) for i, a in enumerate(p.args[1:])}
            return _evaluated(re.sub(r"\{(\d+)\}", r"atom_\1", template.value), atoms)
    return UNKNOWN
