"""One-hot labels, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux.data import onecold, onehot, onehotbatch

of: Any = flux.data  # what type checkers would refuse is tried here


@given(st.lists(st.sampled_from("abcd"), max_size=8))
def test_onecold_is_the_inverse(labels: list[str]) -> None:
    batch = onehotbatch(labels, "abcd")
    assert batch.shape == (len(labels), 4)
    assert batch.sum().item() == len(labels)
    assert onecold(batch, "abcd") == labels
    assert onecold(batch).tolist() == ["abcd".index(label) for label in labels]


def test_labels_of_all_kinds() -> None:
    wanted = [[0.0, 1.0], [1.0, 0.0]]
    kinds: list[Any] = [
        [7, 3], (7, 3), np.array([7, 3]), flux.asarray([7, 3]), [flux.asarray(7), flux.asarray(3)],
        [7.0, 3.0], np.array([7, 3], np.uint8), iter([7, 3]),
    ]  # fmt: skip
    for labels in kinds:
        assert onehotbatch(labels, [3, 7]).tolist() == wanted
    for classes in ([3, 7], (3, 7), np.array([3, 7]), flux.asarray([3, 7]), range(3, 11, 4)):
        assert onehotbatch([7, 3], classes).tolist() == wanted  # type: ignore[arg-type]  # as it says
    assert onehotbatch([True, False], [False, True]).tolist() == wanted


def test_more_axes() -> None:
    labels = flux.asarray([[0, 1, 2], [2, 2, 0]])
    batch = onehotbatch(labels, range(3))
    assert batch.shape == (2, 3, 3)
    assert onecold(batch).tolist() == labels.tolist()
    assert of.onecold(batch, "xyz") == [["x", "y", "z"], ["z", "z", "x"]]
    assert onehotbatch(flux.asarray(1), range(3)).tolist() == [0.0, 1.0, 0.0]
    assert of.onecold(onehot("b", "abc"), "abc") == "b"


def test_defaults_and_dtypes() -> None:
    batch = onehotbatch(["cat", "eel"], ["cat", "other"], default="other", dtype=flux.int8)
    assert batch.dtype == flux.int8
    assert batch.tolist() == [[1, 0], [0, 1]]
    assert onehot(9, [0, 1], default=0).tolist() == [1.0, 0.0]


def test_it_is_not_slow_for_many_labels() -> None:
    labels = np.tile(np.arange(10), 2000)
    assert onecold(onehotbatch(labels, range(10))).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: of.onehotbatch(["cat", "eel"], ["cat"]), ValueError,
         "onehotbatch: label 1 is 'eel', which is not among the 1 classes: add it there, or give"),
        (lambda: of.onehot("eel", ["cat"]), ValueError, "onehot: label is 'eel', which is not"),
        (lambda: of.onehotbatch([0], [0, 1, 0]), ValueError, "the class 0 occurs twice"),
        (lambda: of.onehotbatch([0], [0], default=5), ValueError, "default 5 is not among"),
        (lambda: of.onehotbatch([0], 10), TypeError, r"such as range\(10\), got 10"),
        (lambda: of.onehotbatch(3, range(10)), TypeError, "got 3; for one label, use onehot"),
        (lambda: of.onehotbatch([[1], [2]], range(3)), TypeError, "label 0 is of type list"),
        (lambda: of.onecold(flux.asarray(1.0)), flux.ShapeError, "got a single number"),
        (lambda: of.onecold(flux.ones((2, 3)), "ab"), flux.ShapeError,
         r"wanted 2 scores along the last axis, one for each class, got shape \(2, 3\)"),
    ],
)  # fmt: skip
def test_bad_arguments(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        call()
    assert "\n" not in str(caught.value)
