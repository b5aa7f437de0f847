"""The table: one row for each operation, in files by family."""

from __future__ import annotations

from typing import Final

from tests.ops.row import Row
from tests.ops.rows import elementwise, indexing, layout, reductions

ROWS: Final[tuple[Row, ...]] = (*elementwise.ROWS, *reductions.ROWS, *layout.ROWS, *indexing.ROWS)
