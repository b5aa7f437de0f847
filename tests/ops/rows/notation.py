"""`rearrange`, `reduce`, `einops_repeat`: against the transposes and sums that they stand for."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tests.ops.row import ALL, NUMBERS, Array, Row, accumulated, distinct, of_pairs, of_shapes
from tests.ops.row import BOOL as _BOOL
from tests.ops.row import REAL as _REAL
from typedflux import dtypes, ops


def _heads(x: Array) -> Array:
    b, t, n = x.shape
    return np.transpose(x.reshape(b, t, 2, n // 2), (0, 2, 1, 3)).reshape(b * 2, t, n // 2)


def _pooled(reduction: Any) -> Any:
    def compare(x: Array) -> Any:
        b, h, w = x.shape
        return reduction(x.reshape(b, h // 2, 2, w), axis=(2, 3))

    return compare


def _reduce(how: Any, reduction: Any, **more: Any) -> Row:
    return Row(
        f"reduce {how}", lambda x: ops.reduce(x, "b (h two) w -> b h", how, two=2),
        of_shapes((3, 4, 5), (1, 2, 1), values=distinct), _pooled(reduction), tolerance=4, **more,
    )  # fmt: skip


ROWS: Final = [
    Row("rearrange", lambda x: ops.rearrange(x, "b t (h d) -> (b h) t d", h=2),
        of_shapes((2, 3, 4), (1, 1, 2), (0, 3, 2)), _heads, ALL, fixed={0: (2,)}),
    Row("rearrange ellipsis", lambda x: ops.rearrange(x, "... c -> c ... 1"),
        of_shapes((2, 3, 4), (3,)), lambda x: np.moveaxis(x, -1, 0)[..., None], ALL),
    Row("rearrange several", lambda *xs: ops.rearrange([*xs], "k a b -> b (k a)"),
        of_pairs(((2, 3), (2, 3))), lambda x, y: np.concatenate([x, y]).T, ALL),
    _reduce("sum", np.sum, dtypes=ALL, result=accumulated, fixed={0: (1,)}),
    _reduce("mean", lambda x, axis: np.mean(x.astype(complex if x.dtype.kind == "c" else float),
                                            axis), dtypes=ALL, result=dtypes.to_inexact,
            fixed={0: (1,)}),
    _reduce("max", np.max, dtypes=_BOOL + _REAL, fixed={0: (1,)}),
    _reduce("min", np.min, dtypes=_BOOL + _REAL, fixed={0: (1,)}),
    Row("einops_repeat", lambda x: ops.einops_repeat(x, "a b -> b n a", n=2),
        of_shapes((3, 4), (1, 2)), lambda x: np.repeat(x.T[:, None], 2, 1), ALL),
    Row("einops_repeat pixels", lambda x: ops.einops_repeat(x, "h w -> (h two) w", two=2),
        of_shapes((3, 4), (0, 2)), lambda x: np.repeat(x, 2, 0), NUMBERS + _BOOL),
]  # fmt: skip
