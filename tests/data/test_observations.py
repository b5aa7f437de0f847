"""Counting, picking and putting together observations."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor
from typedflux.data import Subset, collate, getobs, numobs, unbatch


@dataclasses.dataclass
class Record:
    x: Tensor
    y: list[str]


def test_the_form_is_kept() -> None:
    data: Any = OrderedDict(
        a=flux.arange(4), b=(np.arange(4), Record(flux.zeros((4, 2)), list("wxyz")))
    )
    assert numobs(data) == 4
    picked = getobs(data, [2, 0])
    assert type(picked) is OrderedDict and list(picked) == ["a", "b"]
    array, record = picked["b"]
    assert picked["a"].tolist() == [2, 0]
    assert array.tolist() == [2, 0]
    assert record.x.shape == (2, 2) and record.y == ["y", "w"]


def test_positions_of_all_kinds() -> None:
    x = flux.arange(5)
    kinds: list[Any] = [[1, 3], (1, 3), range(1, 4, 2), np.array([1, 3]), flux.asarray([1, 3])]
    for indices in [*kinds, slice(1, 5, 2)]:
        assert getobs(x, indices).tolist() == [1, 3]
    assert getobs(x, [-1, 0]).tolist() == [4, 0]
    assert getobs(x, slice(None, None, -1)).tolist() == [4, 3, 2, 1, 0]
    assert getobs(x, slice(4, 2)).tolist() == []
    assert getobs(x, slice(-2, 99)).tolist() == [3, 4]
    assert getobs(x, []).shape == (0,)


def test_slices_of_tensors_share_memory() -> None:
    x = flux.arange(6)
    assert np.shares_memory(getobs(x, slice(1, 3)).numpy(), x.numpy())


@pytest.mark.parametrize(
    ("indices", "error", "text"),
    [
        ([5], flux.ShapeError, "there is no observation 5 among 5"),
        ([-6], IndexError, "there is no observation -6 among 5"),
        (3, TypeError, "picked by a slice or by a sequence of integers, got 3"),
        ([0.5], TypeError, r"got \[0.5\]"),
        ([True, False], TypeError, r"got \[True, False\]"),
        ([[0, 1]], TypeError, r"got \[\[0, 1\]\]"),
        (None, TypeError, "got None"),
    ],
)
def test_bad_positions(indices: Any, error: type[Exception], text: str) -> None:
    for data in (flux.arange(5), list("abcde")):
        with pytest.raises(error, match=text):
            getobs(data, indices)


def test_a_data_set_is_picked_from_when_it_is_read() -> None:
    class Loud:
        def __init__(self) -> None:
            self.read: list[int] = []

        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> int:
            self.read.append(index)
            return 10 * index

    data = Loud()
    picked: Any = getobs(data, [4, 1])
    assert isinstance(picked, Subset) and len(picked) == 2
    assert data.read == []
    assert picked[1] == 10 and data.read == [1]
    assert repr(picked) == "Subset(2 of 5 observations)"


def test_collate_puts_together_what_belongs_together() -> None:
    rows = [
        {"x": flux.ones(2) * i, "n": i, "name": str(i), "deep": (i + 0.5, Record(flux.ones(1), []))}
        for i in range(3)
    ]
    got: Any = collate(rows)
    assert got["x"].shape == (3, 2)
    assert got["n"].tolist() == [0, 1, 2] and got["n"].dtype == flux.int64
    assert got["name"] == ["0", "1", "2"]
    assert got["deep"][0].tolist() == [0.5, 1.5, 2.5] and got["deep"][0].dtype == flux.float32
    assert got["deep"][1].x.shape == (3, 1)
    assert collate([]) == []
    assert collate([np.float64(1), np.float64(2)]).dtype == flux.float64
    assert type(collate([np.ones(2), np.ones(2)])) is np.ndarray


@given(n=st.integers(1, 6), width=st.integers(0, 3))
def test_unbatch_is_the_inverse_of_collate(n: int, width: int) -> None:
    batch: Any = {"x": flux.arange(n * width).reshape(n, width), "y": [str(i) for i in range(n)]}
    again = collate(unbatch(batch))
    assert again["x"].tolist() == batch["x"].tolist()
    assert again["y"] == batch["y"]
