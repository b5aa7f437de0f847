"""Reductions, running sums and products, softmax: against numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from scipy import special

from tests.ops.row import (
    ALL,
    BOOL,
    NUMBERS,
    REAL,
    SPECIAL,
    Array,
    Operands,
    Random,
    Row,
    Values,
    accumulated,
    always,
    distinct,
    numbers,
    of_shapes,
)
from typedflux import dtypes, ops

_NOT_COMPLEX: Final = BOOL + REAL
_INT: Final = always(dtypes.int64)
_TO_BOOL: Final = always(dtypes.bool_)


def sparse(random: Random, *shape: int) -> Array:
    """Numbers of which about half are 0."""
    return np.asarray(numbers(random, *shape) * (random.random(shape) < 0.5))


def near_one(random: Random, *shape: int) -> Array:
    """Numbers whose product stays small."""
    return np.asarray(numbers(random, *shape) / 4 + 1)


def special_rows() -> Sequence[Operands]:
    """Infinities and nan in pairs, to be reduced along the last axis, or all axes."""
    pairs = np.stack(np.meshgrid(SPECIAL, SPECIAL), -1)
    return [(row[None],) for row in pairs.reshape(-1, 2)]


# axis, keepdims, the shapes that it is for
AXES: Final[tuple[tuple[Any, bool, Sequence[tuple[int, ...]]], ...]] = (
    (None, False, ((3, 4), (), (1,), (2, 1, 3))),
    (0, True, ((3, 4), (5,))),
    (-1, False, ((3, 4), (2, 0, 3))),
    ((0, 2), False, ((2, 3, 4), (1, 3, 1))),
    ((-1, 0), True, ((2, 3, 4),)),
)
EMPTY: Final = ((0,), (0, 3))


def reduction(
    name: str, reference: Callable[..., Any], *, values: Values = numbers,
    axes: Sequence[tuple[Any, bool, Sequence[tuple[int, ...]]]] = AXES, empty: bool = True,
    **more: Any,
) -> list[Row]:  # fmt: skip
    """A row for each form of axis."""
    function = getattr(ops, name)
    rows = []
    for axis, keepdims, shapes in axes:

        def run(x: Any, axis: Any = axis, keepdims: bool = keepdims) -> Any:
            return function(x, axis=axis, keepdims=keepdims)

        def compare(x: Any, axis: Any = axis, keepdims: bool = keepdims) -> Any:
            return reference(x, axis=axis, keepdims=keepdims)

        extra = EMPTY if empty and axis is None else ()
        label = f"{name} axis={axis}{' keepdims' if keepdims else ''}"
        samples = of_shapes(*shapes, *extra, values=values)
        edges = special_rows if axis in (None, -1) else None
        rows.append(Row(label, run, samples, compare, edges=edges, **more))
    return rows


def _moments(function: Any) -> Callable[..., Any]:
    """numpy's variance of booleans and integers, as of floats."""

    def compare(x: Any, **options: Any) -> Any:
        return function(x if x.dtype.kind in "fc" else x.astype(float), **options)

    return compare


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    if x.size == 0:
        return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
    with np.errstate(all="ignore"):
        return special.logsumexp(x.astype(float), axis=axis, keepdims=keepdims)


ONE_AXIS: Final = tuple((a, k, s) for a, k, s in AXES if not isinstance(a, tuple))

REDUCTIONS: Final = [
    *reduction("sum", np.sum, dtypes=ALL, result=accumulated, tolerance=2),
    *reduction(
        "prod", np.prod, values=near_one, dtypes=ALL, result=accumulated, tolerance=4
    ),
    *reduction("mean", _moments(np.mean), dtypes=ALL, result=dtypes.to_inexact, empty=False),
    *reduction(
        "var", _moments(np.var), dtypes=ALL, tolerance=8, empty=False,
        result=lambda d: dtypes.real_part(dtypes.to_inexact(d)),
    ),
    *reduction(
        "std", _moments(np.std), dtypes=ALL, tolerance=8, empty=False,
        result=lambda d: dtypes.real_part(dtypes.to_inexact(d)),
        axes=[
            (0, True, [(3, 4), (5,)]),
            (-1, False, [(3, 4), (2, 0, 3)]),
            ((0, 2), False, [(2, 3, 4)]),
        ],
    ),
    Row("var correction", lambda x: ops.var(x, axis=1, correction=1), of_shapes((3, 4), (2, 3, 4)),
        lambda x: _moments(np.var)(x, axis=1, ddof=1), ALL,
        lambda d: dtypes.real_part(dtypes.to_inexact(d)), tolerance=8),
    Row("sum dtype", lambda x: ops.sum(x, axis=0, dtype=dtypes.float64), of_shapes((3, 4)),
        lambda x: np.sum(x, axis=0, dtype=float), BOOL + REAL, always(dtypes.float64),
        differentiable=()),
    *reduction("max", np.max, values=distinct, dtypes=_NOT_COMPLEX, empty=False),
    *reduction("min", np.min, values=distinct, dtypes=_NOT_COMPLEX, empty=False),
    *reduction("argmax", np.argmax, values=distinct, dtypes=_NOT_COMPLEX, result=_INT,
               axes=ONE_AXIS, empty=False),
    *reduction("argmin", np.argmin, values=distinct, dtypes=_NOT_COMPLEX, result=_INT,
               axes=ONE_AXIS, empty=False),
    *reduction("any", np.any, values=sparse, dtypes=ALL, result=_TO_BOOL),
    *reduction("all", np.all, values=sparse, dtypes=ALL, result=_TO_BOOL),
    *reduction("count_nonzero", np.count_nonzero, values=sparse, dtypes=ALL, result=_INT),
    *reduction("logsumexp", _logsumexp, dtypes=_NOT_COMPLEX, result=dtypes.to_inexact,
               tolerance=2, empty=False),
    Row("logsumexp empty", lambda x: ops.logsumexp(x, axis=0), of_shapes((0, 2)),
        lambda x: _logsumexp(x, 0, False), _NOT_COMPLEX, dtypes.to_inexact, differentiable=()),
]  # fmt: skip


def _with_start(x: Any, axis: int) -> Any:
    start = np.zeros_like(x.take([0], axis) if x.shape[axis] else x.sum(axis, keepdims=True))
    return np.concatenate([start, np.cumsum(x, axis)], axis)


CUMULATIVE: Final = [
    *(
        Row(
            f"{name} axis={axis}",
            lambda x, name=name, axis=axis: getattr(ops, name)(x, axis=axis),
            of_shapes(*shapes, values=values),
            lambda x, reference=reference, axis=axis: reference(x, axis),
            ALL,
            accumulated,
            tolerance=4,
        )
        for name, reference, values in (
            ("cumulative_sum", np.cumsum, numbers),
            ("cumulative_prod", np.cumprod, near_one),
        )
        for axis, shapes in (
            (None, ((5,), (1,), (0,))),
            (0, ((3, 4), (1, 2), (0, 3), (3, 0))),
            (-1, ((3, 4), (2, 1, 3))),
        )
    ),
    Row("cumulative_sum include_initial",
        lambda x: ops.cumulative_sum(x, axis=1, include_initial=True), of_shapes((3, 4), (2, 0)),
        lambda x: _with_start(x, 1), ALL, accumulated, tolerance=4),
    Row("cumulative_prod include_initial",
        lambda x: ops.cumulative_prod(x, include_initial=True), of_shapes((4,), (0,)),
        lambda x: np.concatenate([np.ones(1, x.dtype), np.cumprod(x)]), ALL, accumulated,
        tolerance=4),
    Row("cumulative_sum dtype", lambda x: ops.cumulative_sum(x, axis=0, dtype="float64"),
        of_shapes((3, 4)), lambda x: np.cumsum(x, 0, float), BOOL + REAL, always(dtypes.float64),
        differentiable=()),
    Row("diff", lambda x: ops.diff(x), of_shapes((3, 4), (5,), (2, 1)), np.diff, NUMBERS),
    Row("diff twice", lambda x: ops.diff(x, axis=0, n=2), of_shapes((4, 3), (3, 0)),
        lambda x: np.diff(x, 2, 0), NUMBERS),
]  # fmt: skip


def _as_float(function: Any) -> Callable[..., Any]:
    return lambda x: function(x.astype(float))


def _normalise(x: Any, axis: Any) -> Any:
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


SOFTMAX: Final = [
    *(
        Row(
            f"{name} axis={axis}",
            lambda x, name=name, axis=axis: getattr(ops, name)(x, axis=axis),
            of_shapes(*shapes),
            _as_float(lambda x, reference=reference, axis=axis: reference(x, axis=axis)),
            _NOT_COMPLEX,
            dtypes.to_inexact,
            tolerance=2,
        )
        for name, reference in (
            ("softmax", special.softmax),
            ("softmin", lambda x, axis: special.softmax(-x, axis=axis)),
            ("logsoftmax", special.log_softmax),
        )
        for axis, shapes in ((-1, ((3, 4), (5,), (1,), (2, 1, 3))), (1, ((3, 4), (2, 4, 0))))
        if not (name == "softmin" and axis == 1)
    ),
    Row("normalise", lambda x: ops.normalise(x), of_shapes((3, 4), (5,), (2, 1, 3)),
        _as_float(lambda x: _normalise(x, -1)), _NOT_COMPLEX, dtypes.to_inexact, tolerance=32),
    Row("normalise axes", lambda x: ops.normalise(x, axis=(1, 2), eps=1e-5),
        of_shapes((2, 3, 4)), _as_float(lambda x: _normalise(x, (1, 2))), _NOT_COMPLEX,
        dtypes.to_inexact, tolerance=32),
]  # fmt: skip

ROWS: Final = [*REDUCTIONS, *CUMULATIVE, *SOFTMAX]
