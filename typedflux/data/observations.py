"""Observations: what data of any form is a collection of, counted, picked and put together.

A tensor or numpy array holds one observation per position of its first axis. A tuple, named tuple
or dict of data holds them side by side: its parts have equally many. A list, and any other object
with `__len__` and `__getitem__`, holds one per index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from typedflux import ops
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor, wrap

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
D = TypeVar("D")

Indices = npt.NDArray[np.int64] | slice


class Dataset(Protocol[T_co]):
    """Any object that has a length and gives an observation for an index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> T_co: ...


class Subset(Generic[T_co]):
    """Some observations of a data set, in a given order, read when they are asked for."""

    def __init__(self, data: Dataset[T_co], indices: Sequence[int]) -> None:
        self.data = data
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> T_co:
        return self.data[int(self.indices[index])]


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
    if len(set(counts.values())) > 1:
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
    if isinstance(data, (str, bytes)) or not (
        hasattr(kind, "__len__") and hasattr(kind, "__getitem__")
    ):
        raise TypeError(
            f"data{where} is a {kind.__name__}: wanted a tensor, an array, a tuple or dict of "
            "them, or an object with __len__ and __getitem__"
        )
    counts[where] = len(data)


def parts(data: Any) -> list[tuple[Any, Any]] | None:
    """The parts of data that holds observations side by side; `None` for other data."""
    if isinstance(data, tuple):
        return list(enumerate(data))
    return list(data.items()) if isinstance(data, dict) else None


def map_parts(function: Callable[[Any], Any], data: D) -> Any:
    """Data of the form of `data` with `function` applied to each part that has no parts."""
    if isinstance(data, tuple):
        items = [map_parts(function, part) for part in data]
        return type(data)(*items) if hasattr(data, "_fields") else tuple(items)
    if isinstance(data, dict):
        return {key: map_parts(function, part) for key, part in data.items()}
    return function(data)


def getobs(data: D, indices: Indices) -> D:
    """The observations at `indices`, in the form of `data`; slices of tensors share memory.

    >>> import typedflux as flux
    >>> getobs((flux.arange(4), ["a", "b", "c", "d"]), slice(1, 3))
    (Tensor([1, 2], int64), ['b', 'c'])
    """
    return cast(D, map_parts(lambda part: _subset(part, indices), data))


def _subset(part: Any, indices: Indices) -> Any:
    if isinstance(part, Tensor):
        return wrap(part.numpy()[indices])
    if isinstance(part, np.ndarray):
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
    """Observations put together: tensors and arrays are stacked, numbers become a tensor, tuples
    and dicts are put together part by part, and anything else stays a list.

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
    return list(items)
