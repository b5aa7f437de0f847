"""Reading and writing at indices, sorting, searching: against numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tests.ops.row import (
    ALL,
    BOOL,
    INEXACT,
    NUMBERS,
    REAL,
    Array,
    Operands,
    Random,
    Row,
    always,
    distinct,
    numbers,
    of_shapes,
)
from typedflux import Tensor, dtypes, ops

Shape = tuple[int, ...]
Part = Shape | Array
_NOT_COMPLEX: Final = BOOL + REAL
_INT: Final = always(dtypes.int64)


def made_of(*samples: Sequence[Part], values: Any = numbers) -> Callable[[Random], list[Operands]]:
    """Samples whose operands are random, where a shape is given, or the index that is given."""

    def samples_of(random: Random) -> list[Operands]:
        return [
            tuple(p if isinstance(p, np.ndarray) else values(random, *p) for p in parts)
            for parts in samples
        ]

    return samples_of


def index(*values: Any, dtype: Any = np.int64) -> Array:
    return np.array(values, dtype)


NONE: Final = np.zeros(0, np.int64)
MASK: Final = np.array([[True, False, True], [False, False, True]])


def _reading(name: str, function: Callable[..., Any], *samples: Sequence[Part], **more: Any) -> Row:
    """A form of index that numpy understands too."""
    return Row(f"getitem {name}", function, made_of(*samples), function, ALL, **more)


READING: Final = [
    _reading("index", lambda x, i: x[i], [(4, 3), index(2, 0, 0, -1)],
             [(3,), index([0, 1], [2, 2])], [(3, 2), NONE], [(4, 2), np.array(1)]),
    _reading("narrow index", lambda x, i: x[i], [(4, 3), index(2, 0, 1, dtype=np.uint8)],
             [(4,), index(-2, 3, dtype=np.int16)]),
    _reading("second axis", lambda x, i: x[:, i], [(2, 4), index(3, 1)],
             [(2, 3, 4), index([0], [2])]),
    _reading("slice and index", lambda x, i: x[1:, i, ::2], [(3, 4, 5), index(3, 1)]),
    _reading("two indices", lambda x, i, j: x[i, j], [(4, 5), index(2, 0, 2), index(1, 1, 4)],
             [(4, 5, 2), index([2], [0]), index(1, 4)]),
    _reading("two apart", lambda x, i, j: x[i, :, j], [(4, 2, 5), index(2, 0), index(1, -1)]),
    _reading("number and index", lambda x, i: x[0, :, i], [(2, 3, 4), index(2, 0)]),
    _reading("new axis and index", lambda x, i: x[None, i, ..., None], [(3, 2), index(2, 0)]),
    _reading("list", lambda x: x[[0, 2]], [(3, 2)]),
    _reading("mask", lambda x, m: x[m], [(2, 3), MASK], [(2, 3, 2), MASK],
             [(0, 2), np.zeros((0, 2), bool)], unknown=True, batched=False),
    _reading("mask and slice", lambda x, m: x[:, m], [(2, 3), MASK[0]], unknown=True,
             batched=False),
    Row("take", lambda x, i: ops.take(x, i, axis=1),
        made_of([(2, 4), index(3, 0, 0)], [(2, 4, 2), index([3, -1], [1, 1])], [(2, 3), NONE]),
        lambda x, i: np.take(x, i, 1), ALL),
    Row("take vector", lambda x: ops.take(x, [2, 0, 2]), made_of([(3,)]),
        lambda x: np.take(x, [2, 0, 2]), ALL),
    Row("take_along_axis", lambda x, i: ops.take_along_axis(x, i, axis=1),
        made_of([(2, 4), index([3, 0, 0], [1, 1, -1])], [(2, 4), index([1], [2])],
                [(1, 3), index([0, 2], [1, 1])]),
        lambda x, i: np.take_along_axis(np.broadcast_to(x, (i.shape[0], x.shape[1])), i, 1), ALL),
    Row("take_along_axis first", lambda x, i: ops.take_along_axis(x, i, axis=0),
        made_of([(4, 2), index([3, 0], [1, 1], [2, 2])]),
        lambda x, i: np.take_along_axis(x, i, 0), ALL),
    Row("gather", ops.gather,
        made_of([(4, 3), index(2, 0, 2)], [(4,), index([2, 0], [1, 1])], [(3, 2), NONE],
                [(2, 0), index(1)]),
        lambda x, i: x[i], ALL),
]  # fmt: skip


# Writing


def _written(kind: str, place: Callable[..., Any]) -> Callable[..., Any]:
    def compare(x: Array, v: Array, *indices: Array) -> Array:
        out = x.copy()
        at = place(*indices)
        if kind == "set":
            out[at] = v
        else:
            name = {"min": "minimum", "max": "maximum"}.get(kind, kind)
            getattr(np, name).at(out, at, v)
        return out

    return compare


def _updating(
    kind: str, name: str, place: Callable[..., Any], *samples: Sequence[Part], **more: Any
) -> Row:
    def function(x: Tensor, v: Any, *indices: Any) -> Any:
        return getattr(x.at[place(*indices)], kind)(v)

    allowed = {"min": REAL, "max": REAL, "divide": INEXACT, "set": ALL}.get(kind, NUMBERS)
    values = distinct_parts if kind in ("min", "max") else numbers
    return Row(
        f"At {kind} {name}", function, made_of(*samples, values=values), _written(kind, place),
        allowed, covers=("getitem",), tolerance=4, **more,
    )  # fmt: skip


def distinct_parts(random: Random, *shape: int) -> Array:
    """Values that do not tie with those of another operand either."""
    return np.asarray(distinct(random, *shape) + random.integers(1, 16) / 1024)


_PLACES: Final[Sequence[tuple[str, Callable[..., Any], Sequence[Sequence[Part]]]]] = (
    ("slice", lambda: (slice(1, None), slice(None, None, 2)), ([(3, 4), (2, 2)], [(2, 3), ()])),
    ("number", lambda: (..., -1), ([(3, 4), (3,)], [(2,), ()])),
    ("index", lambda i: (slice(None), i), ([(2, 4), (2, 3), index(3, 0, -2)],
                                           [(2, 4, 1), (1,), index([3, 2])])),
    ("index twice", lambda i: i, ([(4,), (5,), index(3, 0, 0, -1, 0)],
                                  [(2, 2), (2,), index(0, 0)])),
    ("two indices", lambda i, j: (i, slice(None), j),
     ([(3, 2, 4), (2, 2), index(2, 0), index(1, -1)],)),
    ("mask", lambda m: m, ([(2, 3), (), MASK],)),
)  # fmt: skip

WRITING: Final = [
    *(
        _updating(kind, name, place, *samples, fixed={0: ..., 1: ...} if name == "slice" else {})
        for kind in ("set", "add", "multiply", "min", "max")
        for name, place, samples in _PLACES
        # Which of several writes to one place stays is tested in test_indexing.
    ),
    _updating("subtract", "index twice", _PLACES[3][1], *_PLACES[3][2]),
    _updating("divide", "index twice", _PLACES[3][1], *_PLACES[3][2]),
    Row("At apply", lambda x: x.at[1:].apply(lambda part: part * part), of_shapes((3, 2)),
        lambda x: np.concatenate([x[:1], x[1:] ** 2]), NUMBERS),
    Row("At get", lambda x: x.at[1].get(), of_shapes((3, 2)), lambda x: x[1], ALL),
]  # fmt: skip


_STARTS: Final = {"add": 0.0, "mul": 1.0, "min": np.inf, "max": -np.inf, "mean": 0.0}


def _scattered(op: str, size: int) -> Callable[..., Any]:
    def compare(v: Array, i: Array) -> Array:
        shape = (size, *v.shape[i.ndim :])
        start = _STARTS[op]
        if op in ("min", "max") and v.dtype.kind in "iu":
            start = 0  # not seen: every row is named
        out = np.full(shape, start, np.float64 if op == "mean" else v.dtype)
        if op in ("min", "max") and v.dtype.kind in "iu":
            out[i.ravel()] = v.reshape(-1, *shape[1:])
        function: Any = {"mul": np.multiply, "min": np.minimum, "max": np.maximum}.get(op, np.add)
        function.at(out, i, v)
        if op == "mean":
            counts = np.maximum(np.bincount(i.ravel(), minlength=size), 1)
            out = out / counts.reshape(-1, *(1,) * (out.ndim - 1))
        return out

    return compare


def _scatter(op: Any, dtypes: Any, *samples: Sequence[Part], **more: Any) -> Row:
    return Row(
        f"scatter {op}", lambda v, i: ops.scatter(i, v, 4, op),
        made_of(*samples, values=distinct), _scattered(op, 4), dtypes, tolerance=4, **more,
    )  # fmt: skip


_EVERY_ROW: Final = index(2, 0, 1, 0, 3)

SCATTERING: Final = [
    _scatter("add", NUMBERS, [(3, 2), index(2, 0, 2)], [(2, 2), index([2, 0], [1, -1])],
             [(0, 2), NONE], [(3, 0), index(1, 2, 0)]),
    _scatter("mul", NUMBERS, [(3, 2), index(2, 0, 2)], [(4,), index(1, 1, 1, 0)]),
    _scatter("mean", REAL, [(3, 2), index(2, 0, 2)], [(4,), index(1, 1, 1, 0)],
             result=dtypes.to_inexact),
    _scatter("min", REAL, [(5, 2), _EVERY_ROW], [(5,), _EVERY_ROW]),
    _scatter("max", REAL, [(5, 2), _EVERY_ROW], [(5,), _EVERY_ROW]),
    Row("one_hot", lambda i: ops.one_hot(i, 4), lambda _: [(index(2, 0),), (index([1, 3], [0, 0]),),
        (np.array(1),), (NONE,), (index(1, 2, dtype=np.uint8),)],
        lambda i: np.eye(4)[i.astype(np.int64)], (dtypes.int64,), always(dtypes.float32)),
    Row("one_hot dtype", lambda i: ops.one_hot(i, 3, dtype="bool"), lambda _: [(index(2, 0),)],
        lambda i: np.eye(3, dtype=bool)[i], (dtypes.int64,), always(dtypes.bool_)),
    Row("nonzero", ops.nonzero, lambda random: [(MASK * numbers(random, 2, 3),),
        (np.zeros((2, 0)),), (np.array([0.0, 1.0]),)], np.nonzero, ALL, _INT, unknown=True,
        batched=False, differentiable=()),
]  # fmt: skip


# Sorting


def tied(random: Random, *shape: int) -> Array:
    """Few different values, many times."""
    return np.asarray(random.integers(-2, 3, shape) + 0.5)


def _descending(x: Array, axis: int = -1) -> Array:
    return np.argsort(-x.astype(float), axis, kind="stable")


def _ascending(random: Random, *shape: int) -> Array:
    return np.sort(tied(random, *shape))


def _edges() -> list[Operands]:
    return [(np.array([[np.nan, 1.0, -np.inf], [np.inf, np.nan, -0.0]]),)]


_SIZES: Final = ((3, 4), (5,), (1,), (0,), (2, 1, 3))

SORTING: Final = [
    Row("sort", lambda x: ops.sort(x), of_shapes(*_SIZES, values=distinct), np.sort, _NOT_COMPLEX,
        edges=_edges),
    Row("sort axis", lambda x: ops.sort(x, axis=0), of_shapes((3, 4), (0, 2), values=distinct),
        lambda x: np.sort(x, 0), _NOT_COMPLEX),
    Row("sort descending", lambda x: ops.sort(x, descending=True),
        of_shapes(*_SIZES, values=distinct), lambda x: np.flip(np.sort(x), -1), _NOT_COMPLEX,
        edges=_edges),
    Row("argsort", lambda x: ops.argsort(x), of_shapes(*_SIZES, values=tied),
        lambda x: np.argsort(x, kind="stable"), _NOT_COMPLEX, _INT, edges=_edges),
    Row("argsort descending", lambda x: ops.argsort(x, descending=True, axis=0),
        of_shapes((5, 2), (0, 3), values=tied), lambda x: _descending(x, 0), _NOT_COMPLEX, _INT),
    Row("argsort unstable", lambda x: ops.take(x, ops.argsort(x, stable=False)),
        of_shapes((5,), values=distinct), np.sort, _NOT_COMPLEX),
    Row("topk", lambda x: ops.topk(x, 2), of_shapes((3, 4), (5,), (2,), (0, 3), values=distinct),
        lambda x: (np.flip(np.sort(x), -1)[..., :2], _descending(x)[..., :2]),
        _NOT_COMPLEX, lambda d: (d, dtypes.int64)),
    Row("topk smallest", lambda x: ops.topk(x, 1, axis=0, largest=False),
        of_shapes((3, 4), values=distinct),
        lambda x: (np.sort(x, 0)[:1], np.argsort(x, 0, kind="stable")[:1]), _NOT_COMPLEX,
        lambda d: (d, dtypes.int64)),
    Row("searchsorted", ops.searchsorted,
        lambda random: [(_ascending(random, 6), tied(random, *s)) for s in ((2, 4), (), (0,))],
        np.searchsorted, REAL, _INT, resizable=False, promotes=True),
    Row("searchsorted right", lambda x, v: ops.searchsorted(x, v, side="right"),
        lambda random: [(_ascending(random, 6), tied(random, 4))],
        lambda x, v: np.searchsorted(x, v, "right"), REAL, _INT, resizable=False),
    Row("searchsorted sorter", lambda x, v: ops.searchsorted(x, v, sorter=ops.argsort(x)),
        lambda random: [(tied(random, 6), tied(random, 4))],
        lambda x, v: np.searchsorted(np.sort(x), v), REAL, _INT),
    Row("unique_values", ops.unique_values, of_shapes((3, 4), (), (0,), values=tied), np.unique,
        ALL, unknown=True, batched=False, differentiable=()),
    Row("unique_counts", ops.unique_counts, of_shapes((3, 4), (), (0,), values=tied),
        lambda x: np.unique(x, return_counts=True), ALL, lambda d: (d, dtypes.int64),
        unknown=True, batched=False, differentiable=(), covers=("UniqueCounts",)),
    Row("unique_inverse", ops.unique_inverse, of_shapes((3, 4), (), (0,), values=tied),
        lambda x: np.unique(x, return_inverse=True), ALL, lambda d: (d, dtypes.int64),
        unknown=True, batched=False, differentiable=(), covers=("UniqueInverse",)),
    Row("unique_all", ops.unique_all, of_shapes((3, 4), (), (0, 2), values=tied),
        lambda x: np.unique(x, return_index=True, return_inverse=True, return_counts=True), ALL,
        lambda d: (d, *(dtypes.int64,) * 3), unknown=True, batched=False, differentiable=(),
        covers=("UniqueAll",)),
]  # fmt: skip

ROWS: Final = [*READING, *WRITING, *SCATTERING, *SORTING]
