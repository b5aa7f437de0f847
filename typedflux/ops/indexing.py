"""Indexing as NumPy does it: `x[...]` reads, `x.at[...]` gives an updated copy.

An index is taken apart into a basic one (numbers, slices, new axes: `ops.slicing`) and, where it
has index tensors, an advanced one on what that leaves (`ops.scattering`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NoReturn

import numpy as np

from typedflux import dtypes, ops
from typedflux.core import tracing
from typedflux.core.primitive import located, type_of
from typedflux.core.types import Shape
from typedflux.ops.families import as_operand, cast, check_domain
from typedflux.ops.gathering import nonzero_p
from typedflux.ops.scattering import UpdateKind, gather_p, index_update_p
from typedflux.ops.slicing import WHOLE, BasicIndex, Cut, slice_p, slice_update_p
from typedflux.shapes.broadcasting import broadcast_shapes, require_broadcastable_to
from typedflux.shapes.dims import Dim, Unknown, is_fixed
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.indexing import ArrayIndex, Entry, MaskIndex, index_shape
from typedflux.tensor import Tensor, TensorLike, wrap

_FORMS = "an index is an integer, a slice, None, ..., or a tensor (or list) of integers or booleans"


@dataclass(frozen=True, slots=True)
class Parsed:
    """An index taken apart.

    Attributes:
        basic: the part that numbers, slices and new axes pick; `None` where that is everything.
        indices: integer tensors on axes `axes` of what `basic` leaves.
        place: where their block of axes stands in the result; see `ops.scattering`.
    """

    basic: BasicIndex | None
    indices: tuple[Tensor, ...]
    axes: tuple[int, ...]
    place: int


# Reading


def getitem(x: Tensor, index: Any, /) -> Tensor:
    """`x[index]` with NumPy's meaning: numbers, slices, `None`, `...`, booleans, index tensors.

    Raises:
        AxisError: for an index that is out of range, too many of them, or a mask of another shape
            (sizes of 0 fit every axis and pick nothing).
        ShapeError: for index tensors that do not fit together.
        DTypeError: for an index that is no integer or boolean.

    >>> x = ops.asarray([[1, 2, 3], [4, 5, 6]])
    >>> getitem(x, (0, slice(1, None))), getitem(x, x > 4), x[:, [2, 0]]
    (Tensor([2, 3], int64), Tensor([5, 6], int64), Tensor([[3, 1],
            [6, 4]], int64))
    """
    if type(x) is Tensor and not tracing.graphs_under_way:
        plain = _plain(index)
        if plain is not _NOT_PLAIN:
            try:
                return wrap(x._data[plain])
            except (IndexError, TypeError, ValueError):
                return _getitem(x, index)  # which has the words for it
    return _getitem(x, index)


_NOT_PLAIN: Any = object()
_AS_THEY_ARE = frozenset((int, slice, type(None), EllipsisType))


def _plain(index: Any) -> Any:
    """An index that numpy takes as it is, with the tensors' arrays; else `_NOT_PLAIN`."""
    kind = type(index)
    if kind in _AS_THEY_ARE:
        return index
    if kind is tuple:
        items = []
        for item in index:
            if type(item) not in _AS_THEY_ARE:
                item = _plain(item) if type(item) is not tuple else _NOT_PLAIN
                if item is _NOT_PLAIN:
                    return _NOT_PLAIN
            items.append(item)
        return tuple(items)
    if kind is Tensor:
        index = index._data
    elif kind is not np.ndarray:
        return _NOT_PLAIN
    return index if index.dtype.kind in "biu" and index.dtype != np.uint64 else _NOT_PLAIN


def _getitem(x: Tensor, index: Any) -> Tensor:
    try:
        parsed = parse_index(x, index)
    except (ShapeError, DTypeError) as error:
        raise located(error, "getitem", [type_of(x)]) from None
    if parsed.basic is not None:
        x = slice_p.bind(x, index=parsed.basic)
    if parsed.indices:
        x = gather_p.bind(x, *parsed.indices, axes=parsed.axes, place=parsed.place)
    return x


# Taking an index apart


def parse_index(x: Tensor, index: Any) -> Parsed:
    """The basic and the advanced part of an index into `x`.

    Raises:
        ShapeError: with the reason alone.
        DTypeError: likewise.
    """
    entries = [_entry(e) for e in (index if isinstance(index, tuple) else (index,))]
    arrays = [e for e in entries if isinstance(e, Tensor)]
    missing = x.ndim - sum([_axes_taken(e) for e in entries])
    dots = [i for i, e in enumerate(entries) if e is Ellipsis]
    if missing < 0 or len(dots) > 1 or any([_is_mask(a) for a in arrays]):
        index_shape(x.shape, tuple([_described(e) for e in entries]))  # raises what is wrong
    place = dots[0] if dots else len(entries)
    entries[place : place + len(dots)] = [_WHOLE_SLICE] * missing
    if not arrays:
        basic = tuple([_as_cut(e) for e in entries])
        return Parsed(None if _is_whole(basic) else basic, (), (), 0)
    return _take_apart(entries)


_WHOLE_SLICE = slice(None)


def _entry(item: Any) -> Any:
    """One entry: `None`, `...`, a slice, a number, a symbolic size, or a tensor."""
    if item is None or item is Ellipsis or isinstance(item, (Dim, Unknown)):
        return item
    if isinstance(item, slice):
        return slice(*(_limit(limit) for limit in (item.start, item.stop, item.step)))
    if isinstance(item, (bool, np.bool_)):
        return wrap(np.asarray(item))
    if isinstance(item, (int, np.integer)):
        return int(item)
    if isinstance(item, (list, tuple, range, np.ndarray)):
        if not isinstance(item, np.ndarray) and len(item) == 0:
            return wrap(np.zeros(0, np.int64))
        item = ops.asarray(list(item) if isinstance(item, range) else item)
    if not isinstance(item, Tensor):
        raise DTypeError(f"{_FORMS}; got {type(item).__name__} {item!r:.40}")
    kind = dtypes.belongs(item.dtype, _INDEX_DTYPES)
    if kind is False:
        raise DTypeError(f"{_FORMS}; got a tensor of {item.dtype}")
    return item


_INDEX_DTYPES = dtypes.DTypeSet([dtypes.bool_, *dtypes.Integer])


def _limit(value: Any) -> Any:
    if value is None or isinstance(value, (Dim, Unknown)):
        return value
    if not hasattr(value, "__index__"):
        raise DTypeError(f"the limits of a slice are integers, got {value!r:.40}")
    return value.__index__()


def _is_mask(entry: Tensor) -> bool:
    return entry.dtype == dtypes.bool_


def _described(entry: Any) -> Entry:
    if not isinstance(entry, Tensor):
        return entry  # type: ignore[no-any-return]
    return MaskIndex(entry.shape) if _is_mask(entry) else ArrayIndex(entry.shape)


def _axes_taken(entry: Any) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if isinstance(entry, Tensor) and _is_mask(entry) else 1


def _as_cut(entry: Any) -> Any:
    if entry is _WHOLE_SLICE:
        return WHOLE
    if isinstance(entry, slice):
        step = None if is_fixed(entry.step, 1) else entry.step
        start = None if is_fixed(entry.start, 0) and step is None else entry.start
        cut: Cut = (start, entry.stop, step)
        return cut
    return entry


def _is_whole(basic: Sequence[Any]) -> bool:
    return all(e is WHOLE or e == WHOLE for e in basic)


def _take_apart(entries: Sequence[Any]) -> Parsed:
    basic: list[Any] = []
    indices: list[Tensor] = []
    axes: list[int] = []
    kept = axis = 0  # axes of the result, and of what the basic part leaves, so far
    place, runs, inside = 0, 0, False
    for entry in entries:
        block = isinstance(entry, (Tensor, int, Dim, Unknown))
        if block and not inside:
            runs += 1
            place = kept if runs == 1 else 0
        inside = block
        if isinstance(entry, Tensor):
            parts: Sequence[Tensor] = (entry,)
            if _is_mask(entry):
                if entry.ndim == 0:  # a truth value picks a new axis, or nothing of it
                    basic.append(None)
                    entry = ops.reshape(entry, (1,))
                else:
                    basic += [WHOLE] * entry.ndim
                parts = nonzero_p.bind(entry)
            else:
                basic.append(WHOLE)
            indices += parts
            axes += range(axis, axis + len(parts))
            axis += len(parts)
        else:
            basic.append(_as_cut(entry))
            if not block:
                kept += 1
                axis += 1
    whole = _is_whole(basic)
    return Parsed(None if whole else tuple(basic), tuple(indices), tuple(axes), place)


# Updating


class At:
    """`x.at[index]`, whose methods give copies of `x` with other values there."""

    __slots__ = ("_x",)

    def __init__(self, x: Tensor) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> Update:
        return Update(self._x, index)


class Update:
    """Updated copies of a tensor. Values broadcast to the indexed part and keep the dtype.

    Where an index names one place several times, `add`, `multiply`, `divide`, `min` and `max` use
    each of its values and `set` the last one. All are differentiable in the tensor and the values.

    >>> x = ops.asarray([1.0, 2.0, 3.0])
    >>> x.at[0].set(9), x.at[[0, 0]].add(1), x.at[x > 1].multiply(10)
    (Tensor([9., 2., 3.], float32), Tensor([3., 2., 3.], float32), Tensor([ 1., 20., 30.], float32))
    """

    __slots__ = ("_index", "_x")

    def __init__(self, x: Tensor, index: Any) -> None:
        self._x = x
        self._index = index

    def get(self) -> Tensor:
        """`x[index]`."""
        return getitem(self._x, self._index)

    def set(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` with `values` at the index."""
        return self._update("set", values, lambda old, new: new)

    def add(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` with `values` added at the index."""
        return self._update("add", values, ops.add)

    def subtract(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` with `values` subtracted at the index."""
        return self.add(ops.negative(values))

    def multiply(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` multiplied by `values` at the index."""
        return self._update("multiply", values, ops.multiply)

    def divide(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` divided by `values` at the index.

        Raises:
            DTypeError: for integers, whose quotients are none.
        """
        x = self._x
        if not x.dtype.is_inexact:
            raise DTypeError(f"at.divide({type_of(x)}): a quotient is no {x.dtype}")
        return ops.divide(x, Update(ops.ones_like(x), self._index).multiply(values))

    def min(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` with the smaller of itself and `values` at the index."""
        return self._update("min", values, ops.minimum)

    def max(self, values: TensorLike, /) -> Tensor:
        """A copy of `x` with the larger of itself and `values` at the index."""
        return self._update("max", values, ops.maximum)

    def apply(self, function: Callable[[Tensor], Tensor], /) -> Tensor:
        """A copy of `x` with `function` of the indexed part in its place."""
        return self.set(function(self.get()))

    def _update(
        self, kind: UpdateKind, values: TensorLike, combine: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        x = self._x
        try:
            check_domain(x.dtype, _DOMAINS[kind])
            new = _values_like(x, values)
            if kind == "set" and type(x) is type(new) is Tensor and not tracing.graphs_under_way:
                done = _set_plain(x, _plain(self._index), new)
                if done is not None:
                    return done
            mask = _single_mask(x, self._index, new)
            if mask is not None:
                return ops.where(mask, combine(x, new), x)
            parsed = parse_index(x, self._index)
            part = x if parsed.basic is None else slice_p.bind(x, index=parsed.basic)
            if parsed.indices:
                wanted = _gathered_shape(part.shape, parsed)
                new = _fit(new, wanted)
                new = index_update_p.bind(
                    part, new, *parsed.indices, axes=parsed.axes, place=parsed.place, kind=kind
                )
            else:
                new = combine(part, _fit(new, part.shape))
        except (ShapeError, DTypeError) as error:
            raise located(error, f"at.{kind}", [type_of(x)]) from None
        if parsed.basic is None:
            return new
        updated: Tensor = slice_update_p.bind(x, new, index=parsed.basic)
        return updated

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError("tensors are immutable: x.at[i].set(v) gives a copy")


_DOMAINS = {
    "set": dtypes.Shaped, "add": dtypes.Num, "multiply": dtypes.Num, "min": dtypes.Real,
    "max": dtypes.Real,
}  # fmt: skip


def _values_like(x: Tensor, values: TensorLike) -> Tensor:
    """The values in the dtype of `x`, which must be what they promote to."""
    given = as_operand("at", values)
    if isinstance(given, Tensor):
        common = dtypes.promote(x.dtype, given.dtype)
    else:
        common = dtypes.with_scalar(x.dtype, given)
    if not dtypes.members(common) & dtypes.members(x.dtype):
        raise DTypeError(
            f"values that need {common} do not fit {x.dtype}: convert one of them with .astype(...)"
        )
    return cast(given, x.dtype)


def _set_plain(x: Tensor, index: Any, values: Tensor) -> Tensor | None:
    """The update by numpy alone; `None` where that cannot be or is an error, to be explained."""
    if index is _NOT_PLAIN:
        return None
    out = x._data.copy()
    try:
        out[index] = values._data
    except (IndexError, TypeError, ValueError):
        return None
    return wrap(out)


def _fit(values: Tensor, shape: Any) -> Tensor:
    """`values` broadcast to the shape of the indexed part; as in NumPy, leading axes of size 1
    may be too many."""
    while values.ndim > len(shape) and is_fixed(values.shape[0], 1):
        values = ops.reshape(values, values.shape[1:])
    require_broadcastable_to(values.shape, shape)
    return ops.broadcast_to(values, shape)


def _gathered_shape(shape: Shape, parsed: Parsed) -> Shape:
    rest = [size for i, size in enumerate(shape) if i not in parsed.axes]
    block = broadcast_shapes(*[i.shape for i in parsed.indices])
    return (*rest[: parsed.place], *block, *rest[parsed.place :])


def _single_mask(x: Tensor, index: Any, values: Tensor) -> Tensor | None:
    """A mask that alone is the index, to broadcast against `x`, where the values do not depend on
    how many places it picks: then a selection does it, whose shape is known."""
    if not isinstance(index, (Tensor, np.ndarray)):
        return None
    mask = ops.asarray(index)
    rest = x.ndim - mask.ndim
    if not _is_mask(mask) or values.ndim > rest:
        return None
    part_of = index_shape(x.shape, MaskIndex(mask.shape))  # raises where the mask does not fit
    require_broadcastable_to(values.shape, part_of[1:])  # and where the values do not
    if any([is_fixed(size, 0) for size in mask.shape]):
        return wrap(np.asarray(False))  # it need not fit the axes where it picks nothing
    return ops.reshape(mask, (*mask.shape, *(1,) * rest))
