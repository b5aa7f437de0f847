"""Splitting into parts and folds: nothing is lost, nothing is twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux.data import kfolds, leavepout, splitobs, timeseries_kfolds

of: Any = flux.data  # what type checkers would refuse is tried here


@given(
    n=st.integers(0, 60), at=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    shuffle=st.booleans(), seed=st.integers(0, 5),
)  # fmt: skip
def test_the_parts_are_the_whole(n: int, at: list[float], shuffle: bool, seed: int) -> None:
    total = sum(at)
    cuts = tuple(cut / total for cut in at) if total > 1 else tuple(at)
    parts = splitobs(flux.arange(n), cuts, shuffle=shuffle, rng=flux.Generator(seed))
    assert len(parts) == len(cuts) + 1
    flat = [i for part in parts for i in part.tolist()]
    assert sorted(flat) == list(range(n))
    assert shuffle or flat == list(range(n))
    wanted = np.cumsum(cuts) * n
    assert np.all(np.abs(np.cumsum([p.shape[0] for p in parts[:-1]]) - wanted) <= 0.5 + 1e-9)


def test_counts_and_forms() -> None:
    data: Any = {"x": flux.arange(5), "y": list("abcde")}
    first, rest = splitobs(data, at=2)
    assert first["x"].tolist() == [0, 1] and rest["y"] == ["c", "d", "e"]
    a, b, c = splitobs(flux.arange(5), at=(1, 3))
    assert (a.tolist(), b.tolist(), c.tolist()) == ([0], [1, 2, 3], [4])
    count: Any = np.int64(4)
    assert splitobs(flux.arange(5), at=count)[0].shape == (4,)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.booleans())
def test_stratified_parts_have_their_share_of_each_class(labels: list[int], shuffle: bool) -> None:
    x = flux.arange(len(labels))
    train, test = splitobs(x, at=0.7, stratified=labels, shuffle=shuffle, rng=flux.Generator(1))
    assert sorted(train.tolist() + test.tolist()) == list(range(len(labels)))
    if not shuffle:
        assert train.tolist() == sorted(train.tolist())
    for label in set(labels):
        part = sum(labels[i] == label for i in train.tolist())
        assert abs(part - 0.7 * labels.count(label)) <= 0.5


def test_labels_of_any_kind_stratify() -> None:
    for labels in (list("aabb"), np.array(["a", "a", "b", "b"]), flux.asarray([0, 0, 1, 1])):
        train, _ = splitobs(flux.arange(4), at=0.5, stratified=labels)
        assert train.tolist() == [0, 2]


def test_a_shuffled_split_repeats_with_the_seed() -> None:
    flux.seed(1)
    first = splitobs(flux.arange(30), shuffle=True)[0].tolist()
    second = splitobs(flux.arange(30), shuffle=True)[0].tolist()
    flux.seed(1)
    assert splitobs(flux.arange(30), shuffle=True)[0].tolist() == first != second


@given(st.data())
def test_every_observation_is_validated_on_once(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 40))
    k = data.draw(st.integers(2, n))
    options: dict[str, Any] = {"shuffle": data.draw(st.booleans()), "rng": flux.Generator(2)}
    if data.draw(st.booleans()):
        options["stratified"] = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    folds = list(kfolds((flux.arange(n), list(range(n))), k, **options))
    assert len(folds) == k
    seen: list[int] = []
    for (x, xs), (v, vs) in folds:
        assert x.tolist() == xs and v.tolist() == vs
        assert sorted(xs + vs) == list(range(n))
        assert len(vs) in (n // k, n // k + 1)
        seen += vs
    assert sorted(seen) == list(range(n))


@given(st.data())
def test_leaving_some_out(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 30))
    p = data.draw(st.integers(1, n // 2))
    shuffle = data.draw(st.booleans())
    folds = list(leavepout(flux.arange(n), p, shuffle=shuffle, rng=flux.Generator(2)))
    seen = [i for _, v in folds for i in v.tolist()]
    assert sorted(seen) == list(range(n))
    assert all(v.shape[0] == p for _, v in folds[:-1])
    assert all(sorted(t.tolist() + v.tolist()) == list(range(n)) for t, v in folds)


@given(st.data())
def test_time_goes_forward(data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 50))
    k = data.draw(st.integers(2, n - 1))
    folds = list(timeseries_kfolds(flux.arange(n), k))
    assert len(folds) == k
    end: int = folds[0][0].shape[0]
    for train, test in folds:
        assert train.tolist() == list(range(end))
        assert test.shape[0] >= 1
        assert test.tolist() == list(range(end, end + test.shape[0]))
        end += test.shape[0]
    assert end == n


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: of.splitobs(x, at=1.5), ValueError, "from 0 to 1 or a count, got 1.5"),
        (lambda x: of.splitobs(x, at=-0.1), ValueError, "got -0.1"),
        (lambda x: of.splitobs(x, at=float("nan")), ValueError, "got nan"),
        (lambda x: of.splitobs(x, at=9), ValueError, "at=9 asks for 9 observations of 5"),
        (lambda x: of.splitobs(x, at=(0.6, 0.6)), ValueError, r"at=\(0.6, 0.6\) asks for 6 .*of 5"),
        (lambda x: of.splitobs(x, at="half"), TypeError, "got 'half'"),
        (lambda x: of.splitobs(x, at=True), TypeError, "got True"),
        (lambda x: of.splitobs(x, at=2, stratified=[0] * 5), ValueError, "needs fractions"),
        (lambda x: of.splitobs(x, stratified=[0, 1]), flux.ShapeError,
         r"one class for each of 5 observations, got shape \(2,\)"),
        (lambda x: of.splitobs(x, shuffle=True, rng=1), TypeError, "rng is a generator"),
        (lambda x: of.kfolds(x, 1), ValueError, "kfolds: k is at least 2, got 1"),
        (lambda x: of.kfolds(x, 6), ValueError, "k is from 2 to 5 for .*, got 6"),
        (lambda x: of.kfolds(x, 2.0), TypeError, "k is an int of at least 2, got 2.0"),
        (lambda x: of.leavepout(x, 3), ValueError, "p is at most half of the 5 .*, got 3"),
        (lambda x: of.timeseries_kfolds(x, 5), ValueError, "k is from 2 to 4"),
    ],
)  # fmt: skip
def test_bad_arguments(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(flux.arange(5))
