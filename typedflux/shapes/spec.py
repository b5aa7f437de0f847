"""The language of shape annotations, which is jaxtyping's: `"batch *spatial #c 2*n+1 _"`.

One tokenizer cuts a word into modifiers, a label and a body; one parser turns the tokens into an
axis. Whatever jaxtyping refuses when an annotation is written is refused here as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from typedflux.shapes.errors import AnnotationError


@dataclass(frozen=True, slots=True)
class FixedAxis:
    """`4`; or `#4`, which accepts 1 as well."""

    size: int
    broadcast: bool = False

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{self.size}"


@dataclass(frozen=True, slots=True)
class NamedAxis:
    """`n`; `#n` accepts 1 as well; `?n` has one value for each leaf of a tree."""

    name: str
    broadcast: bool = False
    tree: bool = False

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{'?' * self.tree}{self.name or '='}"


@dataclass(frozen=True, slots=True)
class AnonymousAxis:
    """`_` or `_name`: one axis of any size."""

    def __str__(self) -> str:
        return "_"


@dataclass(frozen=True, slots=True)
class ExpressionAxis:
    """`2*n+1`: computed, when a shape is checked, by `expressions.evaluate_expression`."""

    text: str
    broadcast: bool = False

    def __str__(self) -> str:
        return f"{'#' * self.broadcast}{self.text}"


@dataclass(frozen=True, slots=True)
class VariadicAxis:
    """`*name`: any number of axes; `...` (name None) any number of axes that nobody compares."""

    name: str | None
    broadcast: bool = False
    tree: bool = False

    def __str__(self) -> str:
        if self.name is None:
            return "..."
        label = "=" if not self.name and (self.broadcast or self.tree) else ""
        return f"*{'#' * self.broadcast}{'?' * self.tree}{self.name}{label}"


Axis: TypeAlias = FixedAxis | NamedAxis | AnonymousAxis | ExpressionAxis | VariadicAxis


@dataclass(frozen=True, slots=True)
class ShapeSpec:
    """A parsed annotation; `str()` gives its canonical text, `text` what was written."""

    axes: tuple[Axis, ...]
    text: str

    def __str__(self) -> str:
        return " ".join(map(str, self.axes))

    @property
    def variadic_index(self) -> int | None:
        """The place of the axis that stands for any number of axes, if there is one."""
        for place, axis in enumerate(self.axes):
            if isinstance(axis, VariadicAxis):
                return place
        return None


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of one word: a modifier `# * _ ?`, a label `doc=`, or the body."""

    kind: Literal["modifier", "label", "ellipsis", "number", "name", "expression"]
    text: str


_MODIFIERS: Final = "#*_?"
_MEANINGS: Final = {
    "#": "broadcasting",
    "*": "any number of axes",
    "_": "an anonymous axis",
    "?": "one size for each leaf of a tree",
}


def tokenize(word: str) -> Iterator[Token]:
    """Cut one word of an annotation into tokens; the last one is the body.

    >>> [token.text for token in tokenize("#rows=n+1")]
    ['#', 'rows=', 'n+1']
    """
    if word == "...":
        yield Token("ellipsis", word)
        return
    rest = word
    while rest:
        if rest[0] in _MODIFIERS:
            yield Token("modifier", rest[0])
            rest = rest[1:]
        elif rest.count("=") == 1:
            label, rest = rest.split("=")
            yield Token("label", f"{label}=")
        else:
            break
    if not rest or rest.isidentifier():
        yield Token("name", rest)
    else:
        yield Token("number" if _is_number(rest) else "expression", rest)


def _is_number(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def parse(text: str) -> ShapeSpec:
    """Parse an annotation.

    >>> parse("batch #c rows=4 2*n").axes[:2]
    (NamedAxis(name='batch', broadcast=False, tree=False), \
NamedAxis(name='c', broadcast=True, tree=False))
    >>> str(parse("  batch  rows=4 _anything "))
    'batch 4 _'
    >>> parse("batch *4")
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AnnotationError: '*4' in "batch *4": a fixed size is one axis, \
so it cannot be combined with '*'
    """
    if not isinstance(text, str):
        raise AnnotationError(f"a shape is written as a string, not {text!r}")
    axes: list[Axis] = []
    variadic: str | None = None
    for word in text.split():
        axis = _parse_word(word, text)
        if isinstance(axis, VariadicAxis):
            if variadic is not None:
                raise _refuse(word, text, f"'{variadic}' already stands for any number of axes")
            variadic = word
        axes.append(axis)
    return ShapeSpec(tuple(axes), text)


def _refuse(word: str, text: str, reason: str) -> AnnotationError:
    return AnnotationError(f"'{word}' in \"{text}\": {reason}")


def _parse_word(word: str, text: str) -> Axis:
    if "," in word and "(" not in word:
        raise _refuse(word, text, "axes are separated by spaces, not commas")
    if word.endswith("#"):
        raise _refuse(word, text, "'#' stands in front of an axis, as in '#n'")
    if "..." in word and word != "...":
        raise _refuse(word, text, "'...' stands on its own")
    *tokens, body = tokenize(word)
    modifiers = [token.text for token in tokens if token.kind == "modifier"]
    for mark in _MODIFIERS:
        if modifiers.count(mark) > 1:
            raise _refuse(word, text, f"'{mark}' ({_MEANINGS[mark]}) is given twice")
    broadcast, variadic, anonymous, tree = (mark in modifiers for mark in _MODIFIERS)
    if body.kind == "ellipsis":
        return VariadicAxis(None)
    if body.kind == "name":
        if not anonymous:
            make = VariadicAxis if variadic else NamedAxis
            return make(body.text, broadcast, tree)
        if broadcast:
            raise _refuse(word, text, "an anonymous axis accepts every size, so '#' says nothing")
        return VariadicAxis(None) if variadic else AnonymousAxis()
    for mark in "*_?":
        if mark in modifiers:
            what = "a fixed size" if body.kind == "number" else "a symbolic expression"
            raise _refuse(word, text, f"{what} is one axis, so it cannot be combined with '{mark}'")
    if body.kind == "number":
        return FixedAxis(int(body.text), broadcast)
    return ExpressionAxis(body.text, broadcast)
