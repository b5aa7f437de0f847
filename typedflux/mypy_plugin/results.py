"""Several possible results read as one: what they have in common, the rest unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedflux import dtypes
from typedflux.core.types import TensorType
from typedflux.dtypes import AnyDType
from typedflux.mypy_plugin.encoding import ANY_AXES, is_variadic
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, Shape, Symbol, equal, symbols

Expansion = Mapping[Symbol, tuple[Dimension, ...]]
"""What stands for each open place of shapes in one evaluation: axes, as many as are tried."""


@dataclass(frozen=True)
class Alike:
    """A tuple or list of items of one type, of which the number is not known."""

    kind: type
    item: Any


class Differ(Exception):
    """The results have nothing in common."""


def join(results: Sequence[tuple[Any, Expansion]]) -> Any:
    """What all results are, each with the axes that stood for open places.

    Raises:
        Differ: when they are not even of one kind.
    """
    first, _ = results[0]
    if isinstance(first, TensorType):
        if not all(isinstance(r, TensorType) for r, _ in results):
            raise Differ
        dtype = common_dtype([r.dtype for r, _ in results])
        return TensorType(dtype, join_shapes([(r.shape, e) for r, e in results]))
    if all(type(r) is tuple and r and all(map(is_size, r)) for r, _ in results):
        return join_shapes(results)  # the sizes of shapes
    if type(first) in (list, tuple):
        if not all(type(r) is type(first) for r, _ in results):
            raise Differ
        if not all(len(r) == len(first) for r, _ in results):
            items = [(item, e) for r, e in results for item in r]
            return Alike(type(first), join(items))
        return type(first)(join([(r[i], e) for r, e in results]) for i in range(len(first)))
    if isinstance(first, Alike):
        if not all(isinstance(r, Alike) and r.kind is first.kind for r, _ in results):
            raise Differ
        return Alike(first.kind, join([(r.item, e) for r, e in results]))
    if is_size(first):
        if not all(is_size(r) for r, _ in results):
            raise Differ
        sizes = {str(_size(r, e)): _size(r, e) for r, e in results}
        return next(iter(sizes.values())) if len(sizes) == 1 else UNKNOWN
    if all(r is first or (type(r) is type(first) and r == first) for r, _ in results):
        return first
    raise Differ


def is_size(value: Any) -> bool:
    """Whether a value is the size of an axis, known or not."""
    return (isinstance(value, (int, Dim)) and not isinstance(value, bool)) or value is UNKNOWN


def common_dtype(found: Sequence[AnyDType]) -> AnyDType:
    """The one dtype, or the smallest family that holds all."""
    if all(d == found[0] for d in found):
        return found[0]
    held = frozenset[dtypes.DType]().union(*map(dtypes.members, found))
    return dtypes.family_around(dtypes.simplify(held))


def join_shapes(shapes: Sequence[tuple[Shape, Expansion]]) -> Shape:
    """What shapes have in common: `batch n` for runs of axes that stand for `*batch`."""
    folded = [fold(shape, expansion) for shape, expansion in shapes]
    distinct = list({_key(s): s for s in folded}.values())
    if len(distinct) == 1:
        return distinct[0]
    # Where `*batch` was no axes at all nothing is left to fold: the others tell its place.
    for candidate in distinct:
        if all(
            _key(s) == _key(candidate) or _key(s) == _key(_without(candidate, e))
            for s, (_, e) in zip(folded, shapes, strict=True)
        ):
            return candidate
    if len({len(s) for s in distinct}) == 1 and not any(map(is_variadic, sum(distinct, ()))):
        return tuple(_common(sizes) for sizes in zip(*distinct, strict=True))
    least = min(len(s) - sum(map(is_variadic, s)) for s in distinct)
    front: list[Dimension] = []
    while len(front) < least and _same([s[len(front)] for s in distinct]):
        front.append(distinct[0][len(front)])
    back: list[Dimension] = []
    while len(front) + len(back) < least:
        sizes = [s[-1 - len(back)] for s in distinct]
        if any(map(is_variadic, sizes)):
            break
        back.append(_common(sizes))
    return (*front, ANY_AXES, *reversed(back))


def fold(shape: Shape, expansion: Expansion) -> Shape:
    """A shape with each run of axes that stands for an open place folded back; what is left of
    such a run is of unknown size."""
    out = list(shape)
    for s, run in expansion.items():
        names = [str(d) for d in run]
        for i in range(len(out) - len(run) + 1):
            if run and [str(d) for d in out[i : i + len(run)]] == names:
                out[i : i + len(run)] = [Dim(((((s,), 1)),))]
                break
    inner = {i for run in expansion.values() for d in run for i in symbols(d)} - set(expansion)
    kept = set(expansion)
    return tuple(d if _is_open(d, kept) else _size(d, expansion, inner) for d in out)


def _is_open(d: Dimension, opened: set[Symbol]) -> bool:
    return isinstance(d, Dim) and len(d.terms) == 1 and d.terms[0][0] in {(s,) for s in opened}


def _size(size: Dimension, expansion: Expansion, inner: set[Symbol] | None = None) -> Dimension:
    """A size that does not speak of the axes which stand for an open place."""
    if not isinstance(size, Dim):
        return size
    if inner is None:
        inner = {i for run in expansion.values() for d in run for i in symbols(d)}
    return UNKNOWN if any(s in inner or s in expansion for s in symbols(size)) else size


def _without(shape: Shape, expansion: Expansion) -> Shape:
    """A folded shape without the open places that an expansion leaves empty."""
    empty = {s for s, run in expansion.items() if not run}
    return tuple(d for d in shape if not _is_open(d, empty))


def _common(sizes: Sequence[Dimension]) -> Dimension:
    return sizes[0] if _same(sizes) else UNKNOWN


def _same(sizes: Sequence[Dimension]) -> bool:
    if any(map(is_variadic, sizes)):
        return len({str(d) for d in sizes}) == 1
    return all(d is sizes[0] or equal(d, sizes[0]) is True for d in sizes)


def _key(shape: Shape) -> tuple[str, ...]:
    return tuple(str(d) for d in shape)
