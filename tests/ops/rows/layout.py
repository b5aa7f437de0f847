"""Shapes changed, tensors joined and taken apart, repeated, rolled and padded: against numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tests.ops.row import (
    ALL,
    NUMBERS,
    Array,
    Random,
    Row,
    always,
    numbers,
    of_pairs,
    of_shapes,
)
from typedflux import dtypes, ops

Shape = tuple[int, ...]


def layout(
    name: str, function: Callable[..., Any], reference: Callable[..., Any],
    *shapes: Shape | Sequence[Shape], dtypes: Any = ALL, **more: Any,
) -> Row:  # fmt: skip
    """An operation that moves elements: of one operand, or of several whose shapes are given."""
    several = [s for s in shapes if s and not isinstance(s[0], int)]
    samples = of_pairs(*several) if several else of_shapes(*shapes)  # type: ignore[arg-type]
    return Row(name, function, samples, reference, dtypes, **more)


SHAPE: Final = [
    layout("reshape flat", lambda x: ops.reshape(x, (-1,)), np.ravel, (3, 4), (), (2, 0)),
    layout("reshape number", lambda x: ops.reshape(x, 12), np.ravel, (3, 4), fixed={0: ...}),
    layout("reshape split", lambda x: ops.reshape(x, (x.shape[0], 2, -1)),
           lambda x: x.reshape(x.shape[0], 2, -1), (3, 4), (2, 6, 1)),
    layout("reshape list", lambda x: ops.reshape(x, [4, 3]), lambda x: x.reshape(4, 3), (3, 4),
           (2, 6), fixed={0: ...}),
    layout("reshape empty", lambda x: ops.reshape(x, (0, 5)), lambda x: x.reshape(0, 5), (3, 0),
           resizable=False),
    layout("reshape merge", lambda x: ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])),
           lambda x: x.reshape(-1, *x.shape[2:]), (2, 3, 4), (3, 2)),
    layout("flatten", ops.flatten, lambda x: x.reshape(x.shape[0], int(np.prod(x.shape[1:]))),
           (2, 3, 4), (3,), (3, 4), (0, 2, 3)),
    layout("expand_dims", lambda x: ops.expand_dims(x, axis=1), lambda x: np.expand_dims(x, 1),
           (3, 4), (3,), (0, 2)),
    layout("expand_dims several", lambda x: ops.expand_dims(x, axis=(0, -1)),
           lambda x: np.expand_dims(x, (0, -1)), (3, 4), ()),
    layout("squeeze", lambda x: ops.squeeze(x, axis=(0, -1)), lambda x: np.squeeze(x, (0, -1)),
           (1, 3, 1), (1, 1), (1, 0, 2, 1)),
    layout("permute_dims", lambda x: ops.permute_dims(x, (2, 0, -2)),
           lambda x: np.transpose(x, (2, 0, 1)), (2, 3, 4), (1, 0, 2)),
    layout("permute_dims none", lambda x: ops.permute_dims(x, ()), lambda x: x, ()),
    layout("matrix_transpose", ops.matrix_transpose, lambda x: np.swapaxes(x, -1, -2), (2, 3, 4),
           (3, 1), (0, 3)),
    layout("transpose_matrix_only", lambda x: x.T, np.transpose, (3, 4), (0, 1)),
    layout("moveaxis", lambda x: ops.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1),
           (2, 3, 4), (3,)),
    layout("moveaxis several", lambda x: ops.moveaxis(x, (0, 1), (2, 0)),
           lambda x: np.moveaxis(x, (0, 1), (2, 0)), (2, 3, 4)),
    layout("broadcast_to", lambda x: ops.broadcast_to(x, (2, 3, 4)),
           lambda x: np.broadcast_to(x, (2, 3, 4)), (3, 4), (3, 1), (), (2, 1, 4),
           fixed={0: ...}),
    layout("broadcast_to empty", lambda x: ops.broadcast_to(x, (0, 3)),
           lambda x: np.broadcast_to(x, (0, 3)), (3,), (1, 1), (0, 1), fixed={0: ...}),
    layout("broadcast_arrays", lambda x, y: ops.broadcast_arrays(x, y), np.broadcast_arrays,
           ((3, 1), (2, 1, 4)), ((), (2,)), ((0, 3), (1, 1))),
    layout("tril", lambda x: ops.tril(x), np.tril, (3, 4), (2, 3, 3), (0, 2)),
    layout("tril above", lambda x: ops.tril(x, k=1), lambda x: np.tril(x, 1), (3, 4), (2, 1, 3)),
    layout("triu", lambda x: ops.triu(x), np.triu, (3, 4), (2, 3, 3)),
    layout("triu below", lambda x: ops.triu(x, k=-1), lambda x: np.triu(x, -1), (4, 3)),
    layout("meshgrid", lambda *xs: ops.meshgrid(*xs), np.meshgrid, ((2,), (3,)), ((3,), (0,))),
    layout("meshgrid ij", lambda *xs: ops.meshgrid(*xs, indexing="ij"),
           lambda *xs: np.meshgrid(*xs, indexing="ij"), ((2,), (3,), (4,))),
]  # fmt: skip

JOINING: Final = [
    layout("concat", lambda *xs: ops.concat(xs), lambda *xs: np.concatenate(xs),
           ((2, 3), (1, 3)), ((0, 3), (2, 3)), ((2,), (3,)), promotes=True),
    layout("concat axis", lambda *xs: ops.concat(xs, axis=-1),
           lambda *xs: np.concatenate(xs, -1), ((2, 3), (2, 1), (2, 4))),
    layout("concat flat", lambda *xs: ops.concat(xs, axis=None),
           lambda *xs: np.concatenate(xs, None), ((2, 3), (4,), ())),
    layout("concat one", lambda x: ops.concat([x]), lambda x: x, (3, 2)),
    layout("stack", lambda *xs: ops.stack(xs), lambda *xs: np.stack(xs), ((2, 3), (2, 3)),
           ((), ()), ((0, 2), (0, 2))),
    layout("stack axis", lambda *xs: ops.stack(xs, axis=-1), lambda *xs: np.stack(xs, -1),
           ((2, 3), (2, 3), (2, 3))),
    layout("split", lambda x: ops.split(x, 2), lambda x: np.split(x, 2), (4, 3), (2,), (0, 3)),
    layout("split indices", lambda x: ops.split(x, [1, 3], axis=1),
           lambda x: np.split(x, [1, 3], 1), (2, 5), (0, 4)),
    layout("split empty", lambda x: ops.split(x, [2, 2, 4]),
           lambda x: np.split(x, [2, 2, 4]), (5, 2)),
    layout("unstack", lambda x: ops.unstack(x), list, (3, 2), (2,), (1, 0), fixed={0: (0,)}),
    layout("unstack axis", lambda x: ops.unstack(x, axis=-1),
           lambda x: list(np.moveaxis(x, -1, 0)), (2, 3), fixed={0: (-1,)}),
]  # fmt: skip


def _counted(random: Random) -> list[tuple[Array, ...]]:
    """An operand and how often to repeat each of its rows."""
    return [
        (numbers(random, 3, 4), np.array([2, 0, 3])),
        (numbers(random, 2), np.array([1])),
        (numbers(random, 0, 2), np.zeros(0, np.int64)),
    ]


def _pad(mode: Any) -> Row:
    return layout(
        f"pad {mode}",
        lambda x: ops.pad(x, ((1, 2), (0, 3)), mode),
        lambda x: np.pad(x, ((1, 2), (0, 3)), mode),
        (3, 4),
        (1, 2),
        (2, 1),
    )


REPEATING: Final = [
    layout("repeat", lambda x: ops.repeat(x, 2), lambda x: np.repeat(x, 2), (3, 4), (), (0, 2)),
    layout("repeat axis", lambda x: ops.repeat(x, 3, axis=1), lambda x: np.repeat(x, 3, 1),
           (2, 4), (2, 1, 3)),
    layout("repeat zero", lambda x: ops.repeat(x, 0, axis=0), lambda x: np.repeat(x, 0, 0),
           (2, 4)),
    Row("repeat each", lambda x, n: ops.repeat(x, n, axis=0), _counted,
        lambda x, n: np.repeat(x, n, 0), ALL, unknown=True, batched=False),
    layout("tile", lambda x: ops.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), (2, 4), (3,), (),
           (2, 1, 3), (0, 2)),
    layout("tile long", lambda x: ops.tile(x, (2, 1, 0)), lambda x: np.tile(x, (2, 1, 0)),
           (3, 4)),
    layout("roll", lambda x: ops.roll(x, 2), lambda x: np.roll(x, 2), (3, 4), (5,), (), (0, 2)),
    layout("roll axis", lambda x: ops.roll(x, -1, axis=0), lambda x: np.roll(x, -1, 0), (3, 4)),
    layout("roll axes", lambda x: ops.roll(x, (1, 7), axis=(0, -1)),
           lambda x: np.roll(x, (1, 7), (0, -1)), (3, 4), (1, 2)),
    layout("flip", lambda x: ops.flip(x), np.flip, (3, 4), (), (0, 2), (5,)),
    layout("flip axis", lambda x: ops.flip(x, axis=-1), lambda x: np.flip(x, -1), (3, 4)),
    layout("flip axes", lambda x: ops.flip(x, axis=(0, 2)), lambda x: np.flip(x, (0, 2)),
           (2, 3, 4)),
    layout("pad", lambda x: ops.pad(x, 1), lambda x: np.pad(x, 1), (3, 4), (2,), (0, 2), ()),
    layout("pad ends", lambda x: ops.pad(x, (2, 0)), lambda x: np.pad(x, (2, 0)), (3, 4)),
    layout("pad each", lambda x: ops.pad(x, ((0, 0), (1, 2)), value=1),
           lambda x: np.pad(x, ((0, 0), (1, 2)), constant_values=1), (3, 4), (2, 0),
           dtypes=NUMBERS),
    Row("pad value", lambda x, v: ops.pad(x, (1, 2), value=v),
        of_pairs(((3, 4), ()), ((2,), ())), lambda x, v: np.pad(x, (1, 2), constant_values=v),
        ALL),
    *map(_pad, ("reflect", "edge", "wrap", "symmetric")),
    layout("pad reflect far", lambda x: ops.pad(x, (5, 7), "reflect"),
           lambda x: np.pad(x, (5, 7), "reflect"), (3,), (1,), (2, 3)),
]  # fmt: skip


def _cut(name: str, function: Callable[[Any], Any], *shapes: Shape, **more: Any) -> Row:
    """An index that numpy takes as it is."""
    return layout(f"getitem {name}", function, function, *shapes, **more)


SLICING: Final = [
    _cut("number", lambda x: x[1], (3, 4), (2,)),
    _cut("negative", lambda x: x[..., -1], (3, 4), (2, 1, 3)),
    _cut("slice", lambda x: x[1:3], (4, 2), (2, 2), (0, 3)),
    _cut("steps", lambda x: x[::2, ::-1], (3, 4), (1, 0)),
    _cut("backwards", lambda x: x[-1:0:-2], (6, 2), (1, 2)),
    _cut("new axes", lambda x: x[None, :, None], (3, 4), (2,)),
    _cut("everything", lambda x: x[...], (3, 4), ()),
    _cut("none of it", lambda x: x[2:2], (3, 4)),
    _cut("to the end", lambda x: x[:-1] - x[1:], (3, 4), (1, 2), dtypes=NUMBERS),
    Row("getitem by size", lambda x: x[: x.shape[1], x.shape[0] :], of_shapes((2, 5), (3, 4)),
        lambda x: x[: x.shape[1], x.shape[0] :], ALL, resizable=False),
]  # fmt: skip


CREATION: Final = [
    layout("zeros_like", ops.zeros_like, np.zeros_like, (3, 4), (), (0, 2), differentiable=()),
    layout("ones_like", ops.ones_like, np.ones_like, (3, 4), (), differentiable=()),
    layout("empty_like", ops.empty_like, np.zeros_like, (3, 4), differentiable=()),
    layout("full_like", lambda x: ops.full_like(x, 2), lambda x: np.full_like(x, 2), (3, 4), (),
           differentiable=()),
    layout("zeros_like dtype", lambda x: ops.zeros_like(x, dtype="int8"),
           lambda x: np.zeros_like(x, "int8"), (3, 4), result=always(dtypes.int8),
           differentiable=()),
    *(
        layout(name, function, reference, (3, 4), (2, 1), result=always(dtype),
               differentiable=())
        for name, function, reference, dtype in (
            ("zeros", lambda x: ops.zeros(x.shape), lambda x: np.zeros(x.shape), dtypes.float32),
            ("ones", lambda x: ops.ones(x.shape, dtype="int64"),
             lambda x: np.ones(x.shape, np.int64), dtypes.int64),
            ("empty", lambda x: ops.empty(x.shape), lambda x: np.zeros(x.shape),
             dtypes.float32),
            ("full", lambda x: ops.full(x.shape, True), lambda x: np.full(x.shape, True),
             dtypes.bool_),
            ("arange", lambda x: ops.arange(1, x.shape[0] * x.shape[1], 2),
             lambda x: np.arange(1, x.size, 2), dtypes.int64),
            ("arange down", lambda x: ops.arange(x.shape[1], 0, -1),
             lambda x: np.arange(x.shape[1], 0, -1), dtypes.int64),
            ("linspace", lambda x: ops.linspace(-1, 2, x.shape[0] + 1),
             lambda x: np.linspace(-1, 2, x.shape[0] + 1), dtypes.float32),
            ("linspace open", lambda x: ops.linspace(-1, 2, 5, endpoint=False, dtype="float64"),
             lambda x: np.linspace(-1, 2, 5, endpoint=False), dtypes.float64),
            ("eye", lambda x: ops.eye(x.shape[0], x.shape[1], k=1),
             lambda x: np.eye(x.shape[0], x.shape[1], 1), dtypes.float32),
            ("eye square", lambda x: ops.eye(x.shape[0], dtype=dtypes.bool_),
             lambda x: np.eye(x.shape[0], dtype=bool), dtypes.bool_),
        )
    ),
    Row("full value", lambda x: ops.full((2, 3), x), of_shapes(()),
        lambda x: np.full((2, 3), x), ALL),
    Row("asarray size", lambda x: x * x.shape[0] + x.shape[1], of_shapes((3, 4), (2, 1)),
        lambda x: x * x.shape[0] + x.shape[1], ALL, lambda d: dtypes.with_scalar(d, 1)),
    Row("asarray", lambda x, y: ops.asarray([[x, y], [y, 1]]), of_pairs(((), ())),
        lambda x, y: np.array([[x, y], [y, 1]]), ALL, lambda d: dtypes.with_scalar(d, 1)),
]  # fmt: skip

ROWS: Final = [*SHAPE, *JOINING, *REPEATING, *SLICING, *CREATION]
