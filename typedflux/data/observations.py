"""Observations: what data of any form is a collection of, counted, picked and put together.

A tensor or numpy array holds one observation per position of its first axis. A tuple, named tuple,
dict or dataclass of data holds them side by side: its parts have equally many. A list, and any
other object with `__len__` and `__getitem__`, holds one per index.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from typedflux import ops
from typedflux.shapes.dims import equal
from typedflux.shapes.errors import AxisError, ShapeError
from typedflux.static import Leading
from typedflux.tensor import Tensor, wrap

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
D = TypeVar("D")

Indices = npt.NDArray[np.int64] | slice


class Dataset(Protocol[T_co]):
    """Any object that has a length and gives an observation for an index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...


class DataclassData(Protocol):
    """Any dataclass instance."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Subset(Generic[T_co]):
    """Some observations of a data set, in a given order, read when they are asked for."""

    def __init__(self, data: Dataset[T_co], indices: Sequence[int]) -> None:
        self.data = data
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> T_co:
        return self.data[int(self.indices[index])]

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {len(self.data)} observations)"


def count(what: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`; `what` says what it counts."""
    if isinstance(value, (bool, float, str)) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is an int of at least {least}, got {value!r:.60}")
    if value.__index__() < least:
        raise ValueError(f"{what} is at least {least}, got {value!r}")
    return int(value.__index__())


def numobs(data: object) -> int:
    """How many observations `data` holds.

    Raises:
        ShapeError: when its parts hold different numbers, naming them.
        TypeError: for an object that holds none.

    >>> import typedflux as flux
    >>> numobs({"x": flux.zeros((5, 2)), "y": flux.zeros((5,))})
    5
    """
    counts: dict[str, int] = {}
    _count(data, "", counts)
    if not counts:
        raise ValueError(f"data without any part: an empty {type(data).__name__}")
    if any(equal(a, b) is False for a, b in itertools.pairwise(counts.values())):
        listed = ", ".join(f"data{where} has {n}" for where, n in counts.items())
        raise ShapeError(f"the parts of data hold different numbers of observations: {listed}")
    return next(iter(counts.values()))


def _count(data: Any, where: str, counts: dict[str, int]) -> None:
    found = parts(data)
    if found is not None:
        for name, part in found:
            _count(part, f"{where}[{name!r}]", counts)
        return
    if isinstance(data, (Tensor, np.ndarray)):
        if data.ndim == 0:
            raise ShapeError(
                f"data{where} is a single number: observations lie along the first axis, so wanted "
                "at least one axis"
            )
        counts[where] = data.shape[0]
        return
    kind = type(data)
    if isinstance(data, (str, bytes)) or not _is_dataset(kind):
        raise TypeError(
            f"data{where} is of type {kind.__name__}: wanted a tensor, an array, a tuple, dict or "
            "dataclass of them, or an object with __len__ and __getitem__"
        )
    counts[where] = len(data)


def _is_dataset(kind: type) -> bool:
    return hasattr(kind, "__len__") and hasattr(kind, "__getitem__")


def _is_record(data: Any) -> bool:
    """Whether this is a dataclass of data, and not a data set that happens to be a dataclass."""
    kind = type(data)
    return dataclasses.is_dataclass(kind) and not _is_dataset(kind)


def parts(data: Any) -> list[tuple[Any, Any]] | None:
    """The parts of data that holds observations side by side; `None` for other data."""
    if isinstance(data, tuple):
        return list(enumerate(data))
    if isinstance(data, dict):
        return list(data.items())
    if _is_record(data):
        return [(f.name, getattr(data, f.name)) for f in dataclasses.fields(data)]
    return None


def map_parts(function: Callable[[Any], Any], data: D) -> Any:
    """Data of the form of `data` with `function` applied to each part that has no parts."""
    if isinstance(data, tuple):
        items = [map_parts(function, part) for part in data]
        return type(data)(*items) if hasattr(data, "_fields") else tuple(items)
    if isinstance(data, dict):
        mapped = {key: map_parts(function, part) for key, part in data.items()}
        if type(data) is dict:
            return mapped
        subclass = copy.copy(data)  # with what else it holds
        subclass.update(mapped)
        return subclass
    if _is_record(data):
        return _record(data, [map_parts(function, part) for _, part in parts(data) or ()])
    return function(data)


def _record(like: Any, items: Sequence[Any]) -> Any:
    """A dataclass like `like` with these fields. Its `__init__` and checks are for whole data."""
    new = object.__new__(type(like))
    for f, item in zip(dataclasses.fields(like), items, strict=True):
        object.__setattr__(new, f.name, item)
    return new


def getobs(data: D, indices: Indices | Sequence[int] | Tensor) -> Leading[D, "n -> ?part"]:
    """The observations at `indices`, in the form of `data`; slices of tensors share memory.

    Args:
        indices: a slice, or positions as a list, range, array or tensor of integers.

    Raises:
        AxisError: for a position that `data` does not have, which can also count from the end.
        TypeError: for positions that are no integers.

    >>> import typedflux as flux
    >>> getobs((flux.arange(4), ["a", "b", "c", "d"]), slice(1, 3))
    (Tensor([1, 2], int64), ['b', 'c'])
    """
    wanted = as_indices(indices, numobs(data))
    picked = map_parts(lambda part: _subset(part, wanted), data)
    return cast("Leading[D, 'n -> ?part']", picked)


def as_indices(indices: Any, n: int) -> Indices:
    """Positions among `n` observations, checked, none of them negative."""
    if isinstance(indices, slice):
        start, stop, step = indices.indices(n)
        if step == 1:
            return slice(start, max(start, stop))
        return np.arange(start, stop, step)
    given = np.asarray(indices)
    if given.size == 0:
        given = given.astype(np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise TypeError(
            f"observations are picked by a slice or by a sequence of integers, got {indices!r:.60}"
        )
    outside = given[(given < -n) | (given >= n)]
    if outside.size:
        raise AxisError(f"there is no observation {outside[0]} among {n}")
    return np.where(given < 0, given + n, given).astype(np.int64)


def _subset(part: Any, indices: Indices) -> Any:
    if type(part) is Tensor:
        return wrap(part.numpy()[indices])
    if isinstance(part, (Tensor, np.ndarray)):  # a traced tensor stays traced
        return part[indices]
    positions = _positions(indices)
    if isinstance(part, list):
        return [part[i] for i in positions]
    return Subset(part, positions)


def _positions(indices: Indices) -> list[int] | range:
    if isinstance(indices, slice):
        return range(indices.start, indices.stop)
    return cast("list[int]", indices.tolist())


def batch(data: Any, indices: Indices) -> Any:
    """The observations at `indices` put together, with one leading axis for all of them."""

    def gather(part: Any) -> Any:
        if isinstance(part, (Tensor, np.ndarray)):
            return _subset(part, indices)
        return collate([part[i] for i in _positions(indices)])

    return map_parts(gather, data)


def observation(data: Any, index: int) -> Any:
    """One observation, in the form of `data`."""
    return map_parts(lambda part: part[index], data)


def collate(items: Sequence[Any]) -> Any:
    """Observations put together: tensors and arrays are stacked, numbers become a tensor, tuples,
    dicts and dataclasses are put together part by part, and anything else stays a list.

    Raises:
        ShapeError: for tensors of different shapes, naming them.

    >>> collate([(1.0, "a"), (2.0, "b")])
    (Tensor([1., 2.], float32), ['a', 'b'])
    """
    if not items:
        return []
    first = items[0]
    if isinstance(first, (Tensor, np.ndarray)):
        shapes = sorted({tuple(item.shape) for item in items})
        if len(shapes) > 1:
            raise ShapeError(
                f"observations of shapes {shapes[0]} and {shapes[1]} cannot be stacked into a "
                "batch: give DataLoader collate=, a function of the list of observations"
            )
        return ops.stack(list(items)) if isinstance(first, Tensor) else np.stack(items)
    if isinstance(first, (bool, int, float, complex, np.generic)):
        return ops.asarray(list(items))
    if isinstance(first, tuple):
        columns = [collate(column) for column in zip(*items, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    if isinstance(first, dict):
        return {key: collate([item[key] for item in items]) for key in first}
    if _is_record(first):
        columns = [[getattr(item, f.name) for item in items] for f in dataclasses.fields(first)]
        return _record(first, [collate(column) for column in columns])
    return list(items)
