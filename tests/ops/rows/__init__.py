"""The table: one row for each operation, in files by family."""

from __future__ import annotations

from typing import Final

from tests.ops.row import Row
from tests.ops.rows import (
    activations,
    contraction,
    elementwise,
    indexing,
    layout,
    losses,
    notation,
    reductions,
    windows,
)

ROWS: Final[tuple[Row, ...]] = (
    *elementwise.ROWS,
    *activations.ROWS,
    *reductions.ROWS,
    *contraction.ROWS,
    *windows.ROWS,
    *losses.ROWS,
    *layout.ROWS,
    *indexing.ROWS,
    *notation.ROWS,
)
