"""What an argument may be, where that is not known exactly: questions with possible answers.

A call is evaluated for each answer, and the results are read as one (`results`). So an axis that is
not known gives the rank that every axis would give, and an unknown `keepdims` what both of its
values have in common, with no knowledge of the function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from typedflux import dtypes
from typedflux.core.tree import children, rebuild
from typedflux.core.types import TensorType
from typedflux.dtypes import DType, DTypeSet
from typedflux.mypy_plugin.encoding import ANY_AXES
from typedflux.shapes.dims import Dim, Unknown, symbols


class Question:
    """A part of an argument that has several possible values; equal to itself only."""


class Choice(Question):
    """One of some values.

    Attributes:
        options: the values.
        every: whether the program declares that each of them may come, so that all must fit.
        anything: whether these are samples only, of a value of which nothing is known.
    """

    def __init__(
        self, options: Sequence[Any], *, every: bool = False, anything: bool = False
    ) -> None:
        self.options = tuple(options)
        self.every, self.anything = every, anything


class Whole(Question):
    """An integer of which nothing is known: mostly a size, which need not be known."""

    def candidates(self, rank: int) -> Sequence[int]:
        """What to try where the value decides: all axes of tensors of that rank, and more."""
        return [*range(-rank, rank), *(n for n in (2, 3, 5) if n >= rank)]


class Fraction(Question):
    """A floating-point number of which nothing is known."""

    candidates = (0.25, 0.5, 2.0)


class Many(Question):
    """A tuple or list of equal items of unknown number."""

    def __init__(self, kind: type, item: Any) -> None:
        self.kind, self.item = kind, item


def anything() -> Choice:
    """A value of which nothing is known."""
    return Choice(
        (Whole(), None, True, False, Fraction(), TensorType(dtypes.Shaped, (ANY_AXES,)),
         Many(tuple, Whole()), slice(None), dtypes.Shaped),
        anything=True,
    )  # fmt: skip


class Parted:
    """A value of an evaluation that has parts in which questions may be."""

    def parts(self) -> list[Any]:
        """The parts."""
        raise NotImplementedError

    def with_parts(self, parts: list[Any]) -> Any:
        """The same of other parts."""
        raise NotImplementedError


def questioned(value: Any) -> Any:
    """A value with a question in place of each number of which nothing is known."""
    if isinstance(value, Unknown):
        return Whole()
    if isinstance(value, float) and math.isnan(value):
        return Fraction()
    return rebuilt(value, questioned)


def rebuilt(value: Any, function: Callable[[Any], Any]) -> Any:
    """A value with `function` of each of its direct parts."""
    if isinstance(value, slice):
        return slice(function(value.start), function(value.stop), function(value.step))
    if isinstance(value, Parted):
        return value.with_parts([function(part) for part in value.parts()])
    if isinstance(value, Choice):
        options = [function(option) for option in value.options]
        same = all(a is b for a, b in zip(options, value.options, strict=True))
        return value if same else Choice(options, every=value.every, anything=value.anything)
    if isinstance(value, (TensorType, Question)):
        return value
    parts = children(value)
    return value if not parts else rebuild(value, [function(part) for _, part in parts])


def walk(value: Any, answers: Mapping[Question, Any] = MappingProxyType({})) -> Iterator[Any]:
    """A value and all its parts; of a choice the part that is chosen, or all there are."""
    yield value
    if isinstance(value, slice):
        parts: Sequence[Any] = (value.start, value.stop, value.step)
    elif isinstance(value, Parted):
        parts = value.parts()
    elif isinstance(value, Choice):
        parts = (answers[value],) if value in answers else value.options
    elif isinstance(value, Many):
        parts = (value.item,)
    elif isinstance(value, TensorType):
        return
    else:
        parts = [part for _, part in children(value) or ()]
    for part in parts:
        yield from walk(part, answers)


class Unkeyed(Exception):
    """The value has no key."""


def key_of(value: Any) -> Any:
    """What is equal for arguments that are evaluated alike.

    Raises:
        Unkeyed: for what cannot be told from its like.
    """
    return _Keys().key(value)


class _Keys:
    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}

    def _number(self, thing: object) -> int:
        return self.numbers.setdefault(id(thing), len(self.numbers))

    def key(self, value: Any) -> Any:
        kind = type(value).__name__
        if isinstance(value, TensorType):
            return ("T", str(value.dtype), *map(self._size, value.shape))
        if isinstance(value, Dim):
            return self._size(value)
        if value is None or value is ... or isinstance(value, (bool, int, float, complex, str)):
            return (kind, repr(value))
        if isinstance(value, (DType, DTypeSet, Unknown)):
            return (kind, repr(value))
        if isinstance(value, Question):
            number = self._number(value)
            flags = (value.every, value.anything) if isinstance(value, Choice) else ()
            inner = list(walk(value))[1:] if not isinstance(value, Choice) else value.options
            return (kind, number, flags, *map(self.key, inner))
        if isinstance(value, Parted):
            return (kind, *map(self.key, value.parts()))
        if isinstance(value, slice):
            return (kind, *map(self.key, (value.start, value.stop, value.step)))
        if isinstance(value, (tuple, list)):
            return (kind, *map(self.key, value))
        if isinstance(value, dict):
            return (kind, *((k, self.key(v)) for k, v in value.items()))
        name = getattr(value, "__qualname__", None)
        if callable(value) and name is not None and "<" not in name:
            return (getattr(value, "__module__", ""), name)
        raise Unkeyed

    def _size(self, size: Any) -> Any:
        if not isinstance(size, Dim):
            return (type(size).__name__, repr(size))
        owners = []
        for s in sorted(symbols(size), key=lambda s: s.name):
            # Open places are all alike, each on its own; of others their owner is kept alive.
            owners.append((s.name, self._number(s.owner) if s.name == "..." else id(s.owner)))
        return (str(size), *owners)
