"""Arguments in the places where the standard has them, and in their whole range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux.core.graph import run_graph, trace_graph
from typedflux.core.primitive import type_of
from typedflux.shapes.errors import AxisError


def test_expand_dims_takes_its_axis_by_place() -> None:
    assert flux.expand_dims(flux.zeros((2, 3)), 1).shape == (2, 1, 3)
    assert flux.expand_dims(flux.zeros((2, 3))).shape == (1, 2, 3)


@pytest.mark.parametrize("k", [2**63, -(2**63), 2**100, -(2**100)])
def test_diagonals_far_outside(k: int) -> None:
    ones = flux.ones((2, 3))
    assert not flux.any(flux.eye(2, 3, k=k))
    assert flux.all(flux.tril(ones, k=k)).item() is (k > 0)
    assert flux.all(flux.triu(ones, k=k)).item() is (k < 0)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0), (0,), ()])
def test_masks_of_size_0_fit_every_axis(shape: tuple[int, ...]) -> None:
    """And pick nothing, eagerly and traced."""
    x, mask = flux.ones((2, 3)), flux.zeros(shape, dtype=flux.bool_)
    rest = x.shape[len(shape) :]
    assert x[mask].shape == (0, *rest)
    assert flux.all(x.at[mask].set(7.0) == x)
    assert flux.all(x.at[mask].add(7.0) == x)
    assert flux.all(x.at[mask].set(flux.ones((0, *rest))) == x)

    def both(a: Any, m: Any) -> Any:
        return a[m], a.at[m].multiply(7.0)

    graph = trace_graph(both, [type_of(x), type_of(mask)])
    picked, updated = run_graph(graph, [x, mask], {})
    assert picked.shape == (0, *rest)
    np.testing.assert_array_equal(updated.numpy(), x.numpy())


@pytest.mark.parametrize("shape", [(3,), (2, 2), (0, 5), (2, 3, 1)])
def test_masks_that_do_not_fit(shape: tuple[int, ...]) -> None:
    x, mask = flux.ones((2, 3)), flux.zeros(shape, dtype=flux.bool_)
    with pytest.raises(IndexError):
        x[mask]
    with pytest.raises(AxisError):
        x.at[mask].set(0.0)
