"""Every operation through every check: one test for each row and check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.ops import derivatives, harness, transformed
from tests.ops.row import Row
from tests.ops.rows import ROWS

VALUES: dict[str, Callable[[Row], None]] = {
    "value": harness.check_value,
    "dtypes": harness.check_dtypes,
    "types": harness.check_types,
    "memory": harness.check_memory,
    "graph": transformed.check_graph,
    "jit": transformed.check_jit,
}
DERIVATIVES: dict[str, Callable[[Row], None]] = {
    "gradient": derivatives.check_gradient,
    "gradient dtypes": derivatives.check_gradient_dtypes,
    "jvp": derivatives.check_jvp,
    "graph of gradient": transformed.check_graph_of_gradient,
}


def checks(row: Row) -> Iterator[tuple[str, Callable[[Row], None]]]:
    """The checks that make sense for a row."""
    yield from VALUES.items()
    if row.edges is not None:
        yield "edges", harness.check_edges
    if row.batched:
        yield "vmap", transformed.check_vmap
        yield "nested vmap", transformed.check_nested_vmap
        yield "graph of vmap", transformed.check_graph_of_vmap
    if derivatives.differentiable(row):
        yield from DERIVATIVES.items()
        if row.smooth:
            yield "second", derivatives.check_second
        if row.batched:
            yield "vmap of gradient", transformed.check_vmap_of_gradient
            yield "gradient of vmap", transformed.check_gradient_of_vmap


def cases() -> list[Any]:
    return [
        pytest.param(row, check, id=f"{row.name}-{name}")
        for row in ROWS
        for name, check in checks(row)
    ]


@pytest.mark.parametrize(("row", "check"), cases())
def test_operation(row: Row, check: Callable[[Row], None]) -> None:
    check(row)


def test_names_are_unique() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})
