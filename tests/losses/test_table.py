"""Every loss, and what losses are made of, through the checks of operations: values and gradients
in all dtypes, derivatives by differences and to second order, symbolic types, graphs, jit, vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.losses.rows import ROWS, TERMS
from tests.ops.row import Row
from tests.ops.test_table import checks
from typedflux import losses

# Losses take numbers of other dtypes than those of their row, integers and booleans, as floats.
SKIPPED = {"dtypes"}


def cases() -> list[Any]:
    return [
        pytest.param(row, check, id=f"{row.name}-{name}")
        for row in (*ROWS, *TERMS)
        for name, check in checks(row)
        if name not in SKIPPED
    ]


@pytest.mark.parametrize(("row", "check"), cases())
def test_loss(row: Row, check: Callable[[Row], None]) -> None:
    check(row)


def test_every_loss_has_a_row() -> None:
    public = {n for n in vars(losses) if callable(getattr(losses, n)) and n != "Aggregate"}
    assert public == {name for row in ROWS for name in row.names}
