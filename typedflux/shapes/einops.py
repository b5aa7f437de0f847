"""Patterns such as `"b (h d) -> b h d"`: the language of einops, planned over symbolic sizes.

A plan says how to carry a pattern out with four ordinary operations: reshape into elementary
axes, reduce some, permute the rest, put repeated axes in, and reshape into the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from typedflux.shapes.dims import (
    UNKNOWN,
    Dimension,
    Shape,
    Unknown,
    format_shape,
    is_fixed,
    product,
    require_equal,
)
from typedflux.shapes.errors import AnnotationError, ShapeError

EinopsKind: TypeAlias = Literal["rearrange", "reduce", "repeat"]
Group: TypeAlias = tuple[str, ...]

ELLIPSIS: Final = "..."
MERGED: Final = "(...)"  # the ellipsis within brackets, whose axes become part of one


@dataclass(frozen=True, slots=True)
class EinopsPattern:
    """Both sides, each as groups of elementary axes; `1` and `()` are groups of no axis.

    An axis written as a number has, in its group, its side and place behind it (`3@<2`).
    """

    left: tuple[Group, ...]
    right: tuple[Group, ...]
    text: str


@dataclass(frozen=True, slots=True)
class EinopsPlan:
    """`x.reshape(split)`, reduce over `reduced`, then `.transpose(order)`, then insert the
    axes of `inserted` (place in `expanded`, size), then `.reshape(shape)`."""

    split: Shape
    reduced: tuple[int, ...]
    order: tuple[int, ...]
    inserted: tuple[tuple[int, Dimension], ...]
    expanded: Shape
    shape: Shape


@lru_cache(maxsize=1024)
def parse_einops(text: str, kind: EinopsKind) -> EinopsPattern:
    """Parse a pattern and check that its two sides belong together.

    >>> parse_einops("b (h d) 1 -> b h d", "rearrange").left
    (('b',), ('h', 'd'), ())
    >>> parse_einops("b c -> b", "rearrange")
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AnnotationError: rearrange 'b c -> b': 'c' is only on the left
    """
    left_text, arrow, right_text = text.partition("->")
    if not arrow or "->" in right_text:
        raise _refuse(kind, text, "exactly one '->' is wanted")
    left, right = _parse_side(left_text, "<", text, kind), _parse_side(right_text, ">", text, kind)
    if MERGED in _flat(left):
        raise _refuse(kind, text, "'...' cannot be in brackets on the left")
    on_left = _flat(left)
    on_right = tuple(ELLIPSIS if name == MERGED else name for name in _flat(right))
    only_left = [name for name in on_left if name not in on_right]
    only_right = [name for name in on_right if name not in on_left]
    if kind != "reduce" and only_left:
        raise _refuse(kind, text, f"'{_shown(only_left[0])}' is only on the left")
    if only_right and (kind != "repeat" or ELLIPSIS in only_right):
        raise _refuse(kind, text, f"'{_shown(only_right[0])}' is only on the right")
    return EinopsPattern(left, right, text)


def _refuse(kind: EinopsKind, text: str, reason: str) -> AnnotationError:
    return AnnotationError(f"{kind} '{text}': {reason}")


def _flat(groups: Sequence[Group]) -> tuple[str, ...]:
    return tuple(name for group in groups for name in group)


def _shown(name: str) -> str:
    return name.partition("@")[0]


def _parse_side(side: str, mark: str, text: str, kind: EinopsKind) -> tuple[Group, ...]:
    groups: list[Group] = []
    inside: list[str] | None = None
    seen: set[str] = set()
    words = side.replace("(", " ( ").replace(")", " ) ").split()
    for place, word in enumerate(words):
        if word == "(":
            if inside is not None:
                raise _refuse(kind, text, "brackets cannot be nested")
            inside = []
            continue
        if word == ")":
            if inside is None:
                raise _refuse(kind, text, "')' closes nothing")
            groups.append(tuple(inside))
            inside = None
            continue
        names = _names(word, f"{mark}{place}", text, kind)
        for name in names:
            if name in seen:
                raise _refuse(kind, text, f"'{_shown(name)}' is twice on one side")
            seen.add(name)
        if inside is None:
            groups.append(names)
        else:
            inside.extend(MERGED if name == ELLIPSIS else name for name in names)
    if inside is not None:
        raise _refuse(kind, text, "'(' is not closed")
    return tuple(groups)


def _names(word: str, place: str, text: str, kind: EinopsKind) -> Group:
    if word == "1":
        return ()
    if word == ELLIPSIS:
        return (word,)
    if word.isdecimal() and int(word) > 1 and kind != "rearrange":
        return (f"{int(word)}@{place}",)
    if word.isidentifier() and not word.startswith("_") and not word.endswith("_"):
        return (word,)
    raise _refuse(kind, text, f"'{word}' is no name for an axis")


def plan_einops(
    kind: EinopsKind,
    text: str,
    shape: Sequence[Dimension],
    sizes: Mapping[str, Dimension] | None = None,
) -> EinopsPlan:
    """Work out a pattern for an array of this shape; `sizes` are the sizes given by name.

    >>> from typedflux.shapes.dims import symbol
    >>> plan = plan_einops("rearrange", "b (h d) -> b h d", (symbol("batch"), 64), {"h": 8})
    >>> plan.split, plan.order, plan.shape
    ((batch, 8, 8), (0, 1, 2), (batch, 8, 8))
    >>> plan_einops("reduce", "b (t k) -> b t", (2, 7), {"k": 2})
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: reduce 'b (t k) -> b t': axis 1 of '2 7' has size 7, \
which is no multiple of k=2
    """
    pattern = parse_einops(text, kind)
    given = dict(sizes or {})
    names = set(_flat(pattern.left)) | set(_flat(pattern.right))
    for name in given:
        if name not in names:
            raise ShapeError(f"{kind} '{text}': a size is given for '{name}', which is not in it")
    left, right = _spread_ellipsis(kind, pattern, shape)
    if len(left) != len(shape):
        raise ShapeError(
            f"{kind} '{text}': the left side has {len(left)} axes, "
            f"but '{format_shape(shape)}' has {len(shape)}"
        )
    known: dict[str, Dimension] = {}
    for name in (*_flat(left), *_flat(right)):
        number, mark, _ = name.partition("@")
        if mark and number:
            known[name] = int(number)
        elif name in given:
            known[name] = given[name]
    for axis, group in enumerate(left):
        _solve_group(f"{kind} '{text}'", group, axis, shape, known)
    for name in _flat(right):
        if name not in known:
            raise ShapeError(f"{kind} '{text}': the size of the new axis '{name}' is not given")
    source, target = _flat(left), _flat(right)
    kept = [name for name in source if name in target]
    return EinopsPlan(
        split=tuple(known[name] for name in source),
        reduced=tuple(i for i, name in enumerate(source) if name not in target),
        order=tuple(kept.index(name) for name in target if name in kept),
        inserted=tuple((i, known[name]) for i, name in enumerate(target) if name not in kept),
        expanded=tuple(known[name] for name in target),
        shape=tuple(product(known[name] for name in group) for group in right),
    )


def _spread_ellipsis(
    kind: EinopsKind, pattern: EinopsPattern, shape: Sequence[Dimension]
) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Put one invented name (`@0`, `@1`, ...) for each axis under the ellipsis."""
    if ELLIPSIS not in _flat(pattern.left):
        return pattern.left, pattern.right
    extra = len(shape) - (len(pattern.left) - 1)
    if extra < 0:
        raise ShapeError(
            f"{kind} '{pattern.text}': the left side has at least {len(pattern.left) - 1} axes, "
            f"but '{format_shape(shape)}' has {len(shape)}"
        )
    invented = tuple(f"@{i}" for i in range(extra))
    return _spread(pattern.left, invented), _spread(pattern.right, invented)


def _spread(side: tuple[Group, ...], invented: tuple[str, ...]) -> tuple[Group, ...]:
    groups: list[Group] = []
    for group in side:
        if group == (ELLIPSIS,):
            groups.extend((name,) for name in invented)
        else:
            parts = (invented if name == MERGED else (name,) for name in group)
            groups.append(tuple(name for names in parts for name in names))
    return tuple(groups)


def _solve_group(
    start: str, group: Group, axis: int, shape: Sequence[Dimension], known: dict[str, Dimension]
) -> None:
    """Find the one size of a group that is not given, or check that all multiply to the axis."""
    size = shape[axis]
    where = f"{start}: axis {axis} of '{format_shape(shape)}' has size {size}"
    missing = [name for name in group if name not in known]
    rest = product(known[name] for name in group if name in known)
    factors = "*".join(_factor(name, known) for name in group if name in known)
    if not missing:
        written = f"{factors} is {rest}" if len(group) > 1 else f"{factors or '1'} is wanted"
        require_equal(size, rest, f"{where}, but {written}")
        return
    if len(missing) > 1:
        names = " and ".join(f"'{name}'" for name in missing)
        raise ShapeError(f"{where}: give the sizes of all but one of {names}")
    if len(group) == 1:
        known[missing[0]] = size
    elif is_fixed(rest, 0):
        raise ShapeError(f"{where}: next to a size of 0, '{missing[0]}' could be anything")
    elif isinstance(size, Unknown) or isinstance(rest, Unknown):
        known[missing[0]] = UNKNOWN
    else:
        require_equal(size % rest, 0, f"{where}, which is no multiple of {factors}")
        known[missing[0]] = size // rest


def _factor(name: str, known: Mapping[str, Dimension]) -> str:
    number, mark, _ = name.partition("@")
    return number if mark else f"{name}={known[name]}"
