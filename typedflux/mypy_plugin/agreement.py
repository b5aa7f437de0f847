"""Whether a complaint of mypy's that two types do not fit is about anything that is known.

Types are read from the message as they are spelled there, in the words of annotations.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from typedflux.dtypes import DType, Shaped, members
from typedflux.mypy_plugin.encoding import DTYPE_OF_CLASS, NEW_MARK
from typedflux.shapes.dims import Dim, Dimension, equal, evaluate, symbol, symbols
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in

SPELLED = re.compile(r"(\w+)\[Tensor, '([^']*)'\]|(Size)\['([^']*)'\]")
_WORD = re.compile(r"[\w.@`*+-]+|'[^']*'")


@dataclass
class _Spelled:
    """A type as it is spelled: a name and its arguments, or a tensor or size with its axes."""

    name: str
    arguments: list[list[_Spelled]]
    axes: str | None = None


def may_agree(got: str, wanted: str, names: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Whether two spelled types differ only in axes and dtypes that one of them leaves open; of
    unions, whether some members do, and none is `None` that is not wanted. `names` says what names
    are to be read as."""
    mine, theirs = got.split(" | "), wanted.split(" | ")
    if "None" in mine and "None" not in theirs:
        return False
    # That both may be None says nothing of the tensors that they may be.
    mine, theirs = ([m for m in members if m != "None"] or members for members in (mine, theirs))
    return any(_members_may_agree(a, b, names) for a in mine for b in theirs)


def shapes_may_agree(
    got: str, wanted: str, names: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Whether two spelled types may agree but for their dtypes."""
    mine, theirs = (
        SPELLED.sub(lambda m: m[0].replace(f"{m[1]}[", "Shaped[", 1) if m[1] else m[0], text)
        for text in (got, wanted)
    )
    return may_agree(mine, theirs, names)


def _members_may_agree(got: str, wanted: str, names: Mapping[str, str]) -> bool:
    try:
        return _agree(_read(got), _read(wanted), names)
    except _Unread:
        pass
    mine, theirs = SPELLED.findall(got), SPELLED.findall(wanted)
    if SPELLED.sub("@", got) != SPELLED.sub("@", wanted) or len(mine) != len(theirs):
        return False
    return all(
        _dtypes_may_agree(a[0], b[0]) and _shapes_may_agree(a[1] or a[3], b[1] or b[3], names)
        for a, b in zip(mine, theirs, strict=True)
    )


def _agree(mine: list[_Spelled], theirs: list[_Spelled], names: Mapping[str, str]) -> bool:
    """Whether some members of two unions may agree."""
    return any(_one_agrees(a, b, names) for a in mine for b in theirs)


def _one_agrees(a: _Spelled, b: _Spelled, names: Mapping[str, str]) -> bool:
    if "Any" in (a.name, b.name):
        return True
    if a.axes is not None and b.axes is not None:
        return _dtypes_may_agree(a.name, b.name) and _shapes_may_agree(a.axes, b.axes, names)
    if a.name != b.name or (a.axes is None) != (b.axes is None):
        return False
    if "..." in (x[0].name for x in (*a.arguments, *b.arguments) if x):
        return True
    return len(a.arguments) == len(b.arguments) and all(
        _agree(x, y, names) for x, y in zip(a.arguments, b.arguments, strict=True)
    )


class _Unread(Exception):
    """A type is spelled in a way that is not understood: a signature."""


def _read(text: str) -> list[_Spelled]:
    """The members of a spelled type."""
    members, end = _union(text, 0)
    if end != len(text):
        raise _Unread
    return members


def _union(text: str, at: int) -> tuple[list[_Spelled], int]:
    found = []
    while True:
        member, at = _member(text, at)
        found.append(member)
        if not text.startswith(" | ", at):
            return found, at
        at += 3


def _member(text: str, at: int) -> tuple[_Spelled, int]:
    spelled = SPELLED.match(text, at)
    if spelled is not None:
        dtype, shape, size, axis = spelled.groups()
        return _Spelled(dtype or size, [], shape if dtype else axis), spelled.end()
    if text.startswith("[", at):  # the parameters in `Callable[[x], y]`
        return _generic("", text, at)
    word = _WORD.match(text, at)
    if word is None or (text.startswith(" ", word.end()) and word[0] == "def"):
        raise _Unread
    if text.startswith("[", word.end()):
        return _generic(word[0], text, word.end())
    return _Spelled(word[0], []), word.end()


def _generic(name: str, text: str, at: int) -> tuple[_Spelled, int]:
    arguments: list[list[_Spelled]] = []
    at += 1
    while not text.startswith("]", at):
        argument, at = _union(text, at)
        arguments.append(argument)
        if text.startswith(", ", at):
            at += 2
        elif not text.startswith("]", at):
            raise _Unread
    return _Spelled(name, arguments), at + 1


def _dtypes_may_agree(a: str, b: str) -> bool:
    return bool(_dtypes(a) & _dtypes(b))


def _dtypes(name: str) -> frozenset[DType]:
    return members(DTYPE_OF_CLASS.get(name, Shaped))


def _shapes_may_agree(mine: str, theirs: str, names: Mapping[str, str]) -> bool:
    a, b = ([names.get(t, t) if t[0] == "*" else t for t in s.split()] for s in (mine, theirs))
    if "..." in a or "..." in b:
        return True
    return len(a) == len(b) and all(
        x == y or "_" in (x, y) or _undecided(x, y, names) for x, y in zip(a, b, strict=True)
    )


def _undecided(a: str, b: str, names: Mapping[str, str]) -> bool:
    """Whether two sizes may be equal: `n*(d//n)` is `d` exactly when `n` divides `d`."""
    try:
        sizes = {name: _evaluated(size, {}) for name, size in names.items()}
        x, y = (_evaluated(text, sizes) for text in (a, b))
    except (AnnotationError, ArithmeticError):
        return False  # `*batch`
    if not isinstance(x, (int, Dim)) or not isinstance(y, (int, Dim)) or equal(x, y) is False:
        return False
    return equal(x, y) is True or _equal_somewhere(x, y)


_SIZES = (*range(1, 9), 10, 12, 15, 16, 20, 24, 30, 31, 32, 33, 48, 60, 63, 64, 65, 96, 100, 120)
"""Sizes to try: small ones, odd ones, ones with many divisors."""


def _equal_somewhere(x: Dimension, y: Dimension) -> bool:
    """Whether two sizes are one for some sizes of the names in them, and not 0 there: `h//2` and
    `h//3` never are."""
    names = sorted({s.name for s in (*symbols(x), *symbols(y))})
    pick = random.Random(0)
    for i in range(len(_SIZES) if len(names) == 1 else 400):
        sizes = {n: _SIZES[i] if len(names) == 1 else pick.choice(_SIZES) for n in names}
        try:
            if evaluate(x, sizes) == evaluate(y, sizes) > 0:
                return True
        except ArithmeticError:
            return True
    return False


def _evaluated(text: str, sizes: Mapping[str, object]) -> object:
    new = set(re.findall(rf"(\w+){NEW_MARK}", text))  # these can be any size
    text = text.replace(NEW_MARK, "")
    names = {n: symbol(n, kind="flexible" if n in new else "rigid") for n in names_in(text)}
    return evaluate_expression(text, {n: sizes.get(n, own) for n, own in names.items()})
