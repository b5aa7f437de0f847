"""Sizes that the program has found to be equal: `assert x.shape[1] == y.shape[0]`.

Where a condition is known to hold (`regions`), the sizes that it holds equal are one: every size is
read with one name, or the number, in place of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mypy.checker import TypeChecker
from mypy.errors import ErrorInfo
from mypy.nodes import Expression, MypyFile

from typedflux.mypy_plugin.constants import Constants
from typedflux.mypy_plugin.encoding import Atom, Encoder, is_variadic
from typedflux.mypy_plugin.evaluation import Undetermined
from typedflux.mypy_plugin.regions import Region, regions
from typedflux.shapes.dims import (
    Dim,
    Dimension,
    Shape,
    Symbol,
    Unknown,
    equal,
    size_of,
    solve,
    substitute,
    surely_different,
    symbols,
)

Equalities = dict[Symbol, Dimension]
"""What to read in place of each name."""


class Narrowing:
    """What is known to be equal at each place of the file that is being checked."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._checker: TypeChecker | None = None
        self._regions: dict[int, tuple[MypyFile, list[Region]]] = {}

    def later(self, checker: TypeChecker, line: int, column: int) -> Mapping[Symbol, Dimension]:
        """What is known there, found when it is asked for: in most places nobody asks."""
        self._checker = checker
        return _Later(self, checker, line, column)

    def at(self, checker: TypeChecker, line: int, column: int) -> Equalities:
        """What is known there."""
        self._checker = checker
        here = [r for r in self._of(checker.tree) if r.start <= (line, column) <= r.end]
        if not here:
            return {}
        before, self.encoder.equalities = self.encoder.equalities, {}
        try:
            return self._solved(here, Constants(self.encoder, checker))
        finally:
            self.encoder.equalities = before

    def _of(self, tree: MypyFile) -> list[Region]:
        """The regions of a file; mypy goes to and fro between the files of a cycle of imports."""
        found = self._regions.get(id(tree))
        if found is None:
            if len(self._regions) > 100:  # the daemon lives long
                self._regions.clear()
            found = self._regions[id(tree)] = (tree, regions(tree))
        return found[1]

    def checker_of(self, file: str) -> TypeChecker | None:
        """The checker of the file that is being checked, once a hook has been asked in it."""
        checker = self._checker
        return checker if checker is not None and checker.msg.errors.file == file else None

    def names_at(self, file: str, info: ErrorInfo) -> dict[str, str]:
        """The same as texts, for a message."""
        checker = self.checker_of(file)
        if checker is None or not self.encoder.ready:
            return {}
        found = self.at(checker, info.line, info.column)
        return {s.name: str(size) for s, size in found.items()}

    def _solved(self, here: list[Region], constants: Constants) -> Equalities:
        found: Equalities = {}
        for region in here:
            # `*batch` of which the rank is asked for is no longer any number of axes.
            for expression in region.ranked():
                for size in self._axes(expression, constants.checker):
                    if is_variadic(size) and isinstance(size, Dim):
                        (several,) = symbols(size)
                        found[several] = self.encoder.dim(self.encoder.unknown_axes())
            for a, b in region.equalities():
                for x, y in _paired(_value(a, constants), _value(b, constants)):
                    slots: dict[Symbol | str, Dimension] = {s: d for s, d in found.items()}
                    _note(substitute(x, slots), substitute(y, slots), found)
        return found

    def _axes(self, expression: Expression, checker: TypeChecker) -> Shape:
        t = checker.lookup_type_or_none(expression)
        tensor = self.encoder.tensor(t) if t is not None else None
        return () if tensor is None else tensor.shape


class _Later(Mapping[Symbol, Dimension]):
    """Equalities that are looked for when they are first needed."""

    def __init__(self, narrowing: Narrowing, checker: TypeChecker, line: int, column: int) -> None:
        self._place = narrowing, checker, line, column
        self._found: Equalities | None = None

    def _look(self) -> Equalities:
        if self._found is None:
            narrowing, checker, line, column = self._place
            self._found = narrowing.at(checker, line, column)
        return self._found

    def __len__(self) -> int:
        return len(self._look())

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._look())

    def __getitem__(self, name: Symbol) -> Dimension:
        return self._look()[name]


def _value(expression: Expression, constants: Constants) -> Any:
    try:
        return constants.value(expression)
    except Undetermined:
        return None


def _paired(a: Any, b: Any) -> Iterator[tuple[Dimension, Dimension]]:
    if isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                yield from _paired(x, y)
    elif _is_known(a) and _is_known(b):
        yield a, b


def _is_known(value: Any) -> bool:
    return isinstance(value, (int, Dim)) and not isinstance(value, bool)


def _note(a: Dimension, b: Dimension, found: Equalities) -> None:
    """Put a name, of two sizes that are equal, in place of the other."""
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return
    if equal(a, b) is True or surely_different(a, b):
        return  # nothing new, or a place that is never reached
    for name, size in (_as_name(a, b), _as_name(b, a), *_solutions(a, b), *_solutions(b, a)):
        if name is None or name in symbols(size) or not _is_rigid(name):
            continue
        for other, known in found.items():
            found[other] = substitute(known, {name: size})
        found[name] = size
        return


def _as_name(a: Dimension, b: Dimension) -> tuple[Symbol | None, Dimension]:
    """`a` as a name to be read as `b`."""
    held = list(symbols(a))
    if len(held) == 1 and equal(a, size_of(held[0])) is True:
        return held[0], b
    return None, b


def _solutions(a: Dimension, b: Dimension) -> Iterator[tuple[Symbol | None, Dimension]]:
    for name in sorted(symbols(a), key=lambda s: s.name):
        solved = solve(a, b, [name])
        if isinstance(solved, tuple):
            yield solved


def _is_rigid(name: Symbol) -> bool:
    return name.kind == "rigid" and isinstance(name.owner, Atom) and not name.owner.variadic
