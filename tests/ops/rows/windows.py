"""Convolutions, pools and what rearranges pixels: against PyTorch's stored values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tests.ops.row import ALL, NUMBERS, REAL, Row, Values, distinct, numbers, of_pairs, of_shapes
from typedflux import dtypes, ops

Shape = tuple[int, ...]
# Channels and kernels belong to a layer, batch and image to its input.
_LAYER: Final[dict[int, Any]] = {0: (1,), 1: ...}


def _conv(name: str, *pairs: Sequence[Shape], **options: Any) -> Row:
    return Row(
        f"conv {name}", lambda x, w: ops.conv(x, w, **options), of_pairs(*pairs), "windows",
        NUMBERS, tolerance=64, fixed=_LAYER, promotes=True,
    )  # fmt: skip


def _transpose(name: str, *pairs: Sequence[Shape], **options: Any) -> Row:
    return Row(
        f"conv_transpose {name}", lambda x, w: ops.conv_transpose(x, w, **options),
        of_pairs(*pairs), "windows", NUMBERS, tolerance=64, fixed=_LAYER,
    )  # fmt: skip


CONVOLUTIONS: Final = [
    _conv("1d", ((2, 3, 7), (4, 3, 3)), ((1, 1, 3), (1, 1, 3)), ((0, 2, 5), (3, 2, 2))),
    _conv("1d strided", ((2, 2, 9), (3, 2, 3)), stride=2, padding=1, dilation=2),
    _conv("2d", ((2, 3, 5, 6), (4, 3, 3, 2)), ((1, 1, 4, 4), (2, 1, 1, 1))),
    _conv("2d strided", ((2, 2, 7, 6), (3, 2, 3, 2)), stride=(2, 3), padding=(1, 0)),
    _conv("2d dilated", ((2, 2, 7, 6), (3, 2, 2, 3)), dilation=(3, 2), padding=(2, 1)),
    _conv("2d same", ((2, 2, 5, 4), (3, 2, 3, 2)), padding="same"),
    _conv("2d pairs", ((1, 2, 4, 5), (2, 2, 3, 3)), padding=((2, 0), (1, 3))),
    _conv("2d groups", ((2, 4, 5, 4), (6, 2, 2, 3)), groups=2),
    _conv("2d depthwise", ((2, 3, 5, 4), (6, 1, 3, 3)), groups=3, padding=1),
    _conv("2d flipped", ((1, 2, 4, 5), (2, 2, 3, 2)), flipped=True),
    _conv("3d", ((1, 2, 3, 4, 3), (2, 2, 2, 3, 2)), stride=(1, 2, 1), padding=1),
    _transpose("1d", ((2, 3, 4), (3, 2, 3)), stride=2, padding=1, output_padding=1),
    _transpose("2d", ((2, 3, 3, 4), (3, 2, 2, 3)), ((1, 1, 1, 1), (1, 2, 3, 3))),
    _transpose("2d strided", ((2, 3, 3, 4), (3, 2, 2, 3)), stride=(3, 2), padding=(1, 0)),
    _transpose("2d groups", ((2, 4, 3, 3), (4, 3, 2, 2)), groups=2, dilation=2),
    _transpose("3d", ((1, 2, 2, 3, 2), (2, 2, 2, 2, 3)), stride=2, output_padding=(1, 0, 1)),
]


def _pool(
    name: str, *shapes: Shape, values: Values = distinct, fixed: Any = None, **more: Any
) -> Callable[[Callable[..., Any]], Row]:
    def row(function: Callable[..., Any]) -> Row:
        dtypes = REAL if "max_pool" in name else ALL
        return Row(name, function, of_shapes(*shapes, values=values), "windows", dtypes,
                   fixed=fixed or {}, tolerance=8, **more)  # fmt: skip

    return row


_MEANS: Final[dict[str, Any]] = {"values": numbers, "result": dtypes.to_inexact}
# How many cells an axis has is fixed, how large they are must be known.
_CELLS: Final[dict[int, Any]] = {0: (2, 3, 4)}

POOLS: Final = [
    _pool("max_pool 1d", (2, 3, 8), (1, 2, 3), (0, 2, 4))(lambda x: ops.max_pool(x, (2,))),
    _pool("max_pool 2d", (2, 2, 4, 5), (1, 1, 2, 2))(lambda x: ops.max_pool(x, (2, 2))),
    _pool("max_pool 2d padded", (2, 2, 5, 4))(
        lambda x: ops.max_pool(x, (3, 2), stride=(2, 1), padding=(1, 0))
    ),
    _pool("max_pool 3d", (1, 2, 3, 4, 4))(
        lambda x: ops.max_pool(x, (2, 2, 3), stride=1, padding=(0, 1, 1))
    ),
    _pool("mean_pool 1d", (2, 3, 8), (0, 2, 4), **_MEANS)(lambda x: ops.mean_pool(x, (2,))),
    _pool("mean_pool 2d", (2, 2, 4, 5), **_MEANS)(lambda x: ops.mean_pool(x, (2, 2))),
    _pool("mean_pool 2d padded", (2, 2, 5, 4), **_MEANS)(
        lambda x: ops.mean_pool(x, (3, 2), stride=(2, 1), padding=(1, 0))
    ),
    _pool("mean_pool 2d inside", (2, 2, 5, 4), **_MEANS)(
        lambda x: ops.mean_pool(x, (3, 2), stride=1, padding=1, count_include_pad=False)
    ),
    _pool("mean_pool 3d", (1, 2, 3, 4, 4), **_MEANS)(
        lambda x: ops.mean_pool(x, (2, 2, 3), stride=(1, 2, 1))
    ),
    _pool("adaptive_max_pool 1d", (2, 3, 7), (1, 1, 3), fixed=_CELLS)(
        lambda x: ops.adaptive_max_pool(x, (3,))
    ),
    _pool("adaptive_max_pool 2d", (2, 2, 5, 6), fixed=_CELLS)(
        lambda x: ops.adaptive_max_pool(x, (2, 4))
    ),
    _pool("adaptive_mean_pool 1d", (2, 3, 7), fixed=_CELLS, **_MEANS)(
        lambda x: ops.adaptive_mean_pool(x, (3,))
    ),
    _pool("adaptive_mean_pool 2d", (2, 2, 5, 6), (1, 1, 2, 4), fixed=_CELLS, **_MEANS)(
        lambda x: ops.adaptive_mean_pool(x, (2, 4))
    ),
    _pool("adaptive_mean_pool 3d", (1, 2, 3, 4, 5), fixed=_CELLS, **_MEANS)(
        lambda x: ops.adaptive_mean_pool(x, (1, 2, 3))
    ),
]


def _enlarged(x: Any) -> Any:
    return np.repeat(np.repeat(x, 2, 2), 3, 3)


PIXELS: Final = [
    Row("pixel_shuffle", lambda x: ops.pixel_shuffle(x, 2), of_shapes((2, 8, 2, 3), (0, 4, 1, 2)),
        "windows", ALL),
    Row("pixel_unshuffle", lambda x: ops.pixel_unshuffle(x, 2), of_shapes((2, 3, 4, 6)),
        "windows", ALL),
    Row("upsample_nearest", lambda x: ops.upsample_nearest(x, (2, 3)),
        of_shapes((2, 2, 2, 3), (1, 0, 2, 1)), _enlarged, ALL),
    Row("upsample_nearest one", lambda x: ops.upsample_nearest(x, 2), of_shapes((2, 2, 3)),
        lambda x: np.repeat(x, 2, 2), ALL),
]  # fmt: skip

ROWS: Final = [*CONVOLUTIONS, *POOLS, *PIXELS]
