"""Einstein summation: equations such as `"bid,bjd->bij"` or, in words, `"batch i, i -> batch"`."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import Dimension, Shape, format_shape, require_equal
from typedflux.shapes.errors import AnnotationError, ShapeError

ELLIPSIS: Final = "..."
Labels: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EinsumEquation:
    """The labels of each operand and of the result; `...` stands for any number of axes."""

    operands: tuple[Labels, ...]
    output: Labels
    text: str

    def __str__(self) -> str:
        return f"{', '.join(map(' '.join, self.operands))} -> {' '.join(self.output)}"

    @property
    def summed(self) -> Labels:
        """The labels that the result does not have, in order of appearance."""
        every = dict.fromkeys(label for labels in self.operands for label in labels)
        return tuple(label for label in every if label not in self.output)


@lru_cache(maxsize=1024)
def parse_einsum(text: str) -> EinsumEquation:
    """Parse an equation in letters or, where a term contains spaces, in words.

    Without `->` the result has, as in NumPy, the labels that occur once, in alphabetical order.

    >>> print(parse_einsum("bid,bjd->bij"))
    b i d, b j d -> b i j
    >>> print(parse_einsum("query dim, key dim"))
    query dim, key dim -> key query
    >>> parse_einsum("ij->ik")
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.AnnotationError: einsum 'ij->ik': the result has 'k', \
which no operand has
    """
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    words = any(" " in term.strip() for term in (*terms, right))
    operands = tuple(_labels(term, words, text) for term in terms)
    output = _labels(right, words, text) if arrow else _implicit_output(operands)
    known = {label for labels in operands for label in labels} | {ELLIPSIS}
    for label in output:
        if label not in known:
            raise _refuse(text, f"the result has '{label}', which no operand has")
        if output.count(label) > 1:
            raise _refuse(text, f"the result has '{label}' twice")
    return EinsumEquation(operands, output, text)


def _refuse(text: str, reason: str) -> AnnotationError:
    return AnnotationError(f"einsum '{text}': {reason}")


def _labels(term: str, words: bool, text: str) -> Labels:
    pattern = r"\.\.\.|[^\W\d]\w*|\S" if words else r"\.\.\.|\S"
    labels = tuple(re.findall(pattern, term))
    for label in labels:
        if label != ELLIPSIS and not label.isidentifier():
            raise _refuse(text, f"'{label}' is no label")
    if labels.count(ELLIPSIS) > 1:
        raise _refuse(text, f"'{term.strip()}' has more than one ellipsis")
    return labels


def _implicit_output(operands: tuple[Labels, ...]) -> Labels:
    counts = Counter(label for labels in operands for label in labels)
    dots = counts.pop(ELLIPSIS, 0)
    once = sorted(label for label, count in counts.items() if count == 1)
    return (ELLIPSIS, *once) if dots else tuple(once)


def canonical_einsum(equation: str | EinsumEquation) -> str:
    """The equation in single letters, as NumPy wants it.

    >>> canonical_einsum("batch i, i -> batch"), canonical_einsum("...ij->...ji")
    ('ai,i->a', '...ij->...ji')
    """
    parsed = parse_einsum(equation) if isinstance(equation, str) else equation
    labels = dict.fromkeys(label for term in (*parsed.operands, parsed.output) for label in term)
    labels.pop(ELLIPSIS, None)
    letters = {label: label for label in labels if label in string.ascii_letters}
    free = (letter for letter in string.ascii_letters if letter not in letters)
    for label in labels:
        if label not in letters:
            letter = next(free, None)
            if letter is None:
                raise _refuse(parsed.text, "it has more than 52 labels")
            letters[label] = letter
    letters[ELLIPSIS] = ELLIPSIS
    terms = ["".join(letters[label] for label in term) for term in parsed.operands]
    return f"{','.join(terms)}->{''.join(letters[label] for label in parsed.output)}"


def einsum_shape(equation: str | EinsumEquation, shapes: Sequence[Sequence[Dimension]]) -> Shape:
    """The shape of the result; as in NumPy, operands may have size 1 where others have more.

    >>> from typedflux.shapes.dims import symbol
    >>> einsum_shape("bid,bjd->bij", [(symbol("batch"), 3, 8), (symbol("batch"), 5, 8)])
    (batch, 3, 5)
    >>> einsum_shape("ij,jk", [(2, 3), (4, 5)])
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: einsum 'ij,jk': 'j' is 3 in operand 0 ('2 3') \
but 4 in operand 1 ('4 5')
    """
    resolved = resolve_einsum(equation, shapes)
    return tuple(resolved.sizes[label] for label in resolved.output)


@dataclass(frozen=True, slots=True)
class ResolvedEinsum:
    """An equation for operands of known shapes: each axis has a label, each label a size.

    An axis under an ellipsis has the label `...0` where it is the last of them, `...1` before it.
    """

    operands: tuple[Labels, ...]
    output: Labels
    sizes: Mapping[str, Dimension]


def resolve_einsum(
    equation: str | EinsumEquation, shapes: Sequence[Sequence[Dimension]]
) -> ResolvedEinsum:
    """Give each axis of the operands its label and each label its size.

    >>> resolve_einsum("...i,i", [(2, 3), (3,)]).operands
    (('...0', 'i'), ('i',))

    Raises:
        ShapeError: where the shapes do not fit the equation or each other.
    """
    parsed = parse_einsum(equation) if isinstance(equation, str) else equation
    if len(shapes) != len(parsed.operands):
        raise ShapeError(
            f"einsum '{parsed.text}': it is for {len(parsed.operands)} operands, "
            f"but {len(shapes)} are given"
        )
    sizes: dict[str, tuple[Dimension, int]] = {}
    dots: Shape = ()
    spread: list[Labels] = []
    for number, (labels, shape) in enumerate(zip(parsed.operands, shapes, strict=True)):
        own, middle = _match(parsed, labels, shape, number)
        for label, size in own.items():
            known = sizes.get(label)
            if known is None:
                sizes[label] = (size, number)
                continue
            try:
                (both,) = broadcast_shapes((known[0],), (size,))
            except ShapeError:
                raise ShapeError(
                    f"einsum '{parsed.text}': '{label}' is {known[0]} in operand {known[1]} "
                    f"('{format_shape(shapes[known[1]])}') but {size} in operand {number} "
                    f"('{format_shape(shape)}')"
                ) from None
            sizes[label] = (both, known[1])
        try:
            dots = broadcast_shapes(dots, middle)
        except ShapeError as error:
            raise ShapeError(f"einsum '{parsed.text}': at '...', {error}") from None
        spread.append(_spread(labels, len(middle)))
    if dots and ELLIPSIS not in parsed.output:
        raise ShapeError(
            f"einsum '{parsed.text}': the axes '{format_shape(dots)}' under '...' are missing in "
            f"the result"
        )
    found = {label: size for label, (size, _) in sizes.items()}
    found |= zip(_spread((ELLIPSIS,), len(dots)), dots, strict=True)
    return ResolvedEinsum(tuple(spread), _spread(parsed.output, len(dots)), found)


def _spread(labels: Labels, dots: int) -> Labels:
    """The labels with those of `dots` axes in place of the ellipsis."""
    if ELLIPSIS not in labels:
        return labels
    place = labels.index(ELLIPSIS)
    middle = tuple(f"{ELLIPSIS}{i}" for i in reversed(range(dots)))
    return (*labels[:place], *middle, *labels[place + 1 :])


def _match(
    parsed: EinsumEquation, labels: Labels, shape: Sequence[Dimension], number: int
) -> tuple[dict[str, Dimension], Shape]:
    """The sizes of one operand's labels, and what stands under its ellipsis."""
    named = len(labels) - (ELLIPSIS in labels)
    start = f"einsum '{parsed.text}': operand {number} ('{format_shape(shape)}')"
    if len(shape) < named or (len(shape) > named and ELLIPSIS not in labels):
        raise ShapeError(f"{start} has {len(shape)} axes, but '{' '.join(labels)}' has {named}")
    before = labels.index(ELLIPSIS) if ELLIPSIS in labels else named
    extra = len(shape) - named
    rest = (*shape[:before], *shape[before + extra :])
    sizes: dict[str, Dimension] = {}
    for label, size in zip((x for x in labels if x != ELLIPSIS), rest, strict=True):
        if label in sizes:
            why = f"{start}: the diagonal over '{label}' needs equal sizes, not "
            require_equal(sizes[label], size, f"{why}{sizes[label]} and {size}")
        else:
            sizes[label] = size
    return sizes, tuple(shape[before : before + extra])
