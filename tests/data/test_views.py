"""Mapped, filtered, grouped, joined and cut data, and classes in balance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux.data import (
    DataLoader,
    batchseq,
    chunk,
    filterobs,
    group_counts,
    group_indices,
    groupobs,
    joinobs,
    mapobs,
    oversample,
    randobs,
    rpad,
    shuffleobs,
    slidingwindow,
    undersample,
)

of: Any = flux.data  # what type checkers would refuse is tried here
LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=30)


def test_mapping_is_lazy_and_by_observation() -> None:
    seen: list[int] = []

    def double(observation: Any) -> Any:
        x, name = observation
        seen.append(int(x))
        return {"x": 2 * x, "name": name}

    mapped = mapobs(double, (flux.arange(4), list("abcd")))
    assert len(mapped) == 4 and seen == []
    assert mapped[-1]["name"] == "d" and seen == [3]
    loader: Any = DataLoader(mapped, batchsize=3)
    (first, _) = loader
    assert first["x"].tolist() == [0, 2, 4] and first["name"] == ["a", "b", "c"]
    with pytest.raises(IndexError, match="no observation 4 among 4"):
        mapped[4]
    assert len(list(iter(mapped))) == 4
    assert repr(mapped) == "mapobs(4 observations)"


@given(LABELS)
def test_groups_and_filters_partition(labels: list[int]) -> None:
    data = (flux.arange(len(labels)), labels)
    groups = groupobs(lambda o: o[1], data)
    assert list(groups) == list(dict.fromkeys(labels))
    flat = sorted(i for x, _ in groups.values() for i in x.tolist())
    assert flat == list(range(len(labels)))
    assert {k: len(v[1]) for k, v in groups.items()} == group_counts(labels)
    assert {k: v[0].tolist() for k, v in groups.items()} == group_indices(labels)
    kept, of_kept = filterobs(lambda o: o[1] == labels[0], data)
    assert kept.tolist() == groups[labels[0]][0].tolist()
    assert set(of_kept) == {labels[0]}


def test_labels_as_tensors_are_numbers_in_groups() -> None:
    assert group_counts(flux.asarray([2, 1, 2])) == {2: 2, 1: 1}
    assert group_indices(np.array(["b", "a", "b"])) == {"b": [0, 2], "a": [1]}
    assert group_counts([flux.asarray(1), flux.asarray(1)]) == {1: 2}
    with pytest.raises(flux.ShapeError, match="label 0 is of type list"):
        group_counts(flux.ones((2, 2)))
    with pytest.raises(flux.ShapeError, match="got a single number"):
        group_counts(flux.asarray(3))


def test_joined_data() -> None:
    joined = joinobs(flux.arange(2), [], flux.arange(3) + 10)
    assert [int(joined[i]) for i in range(5)] == [0, 1, 10, 11, 12]
    assert len(joinobs()) == 0
    (batch,) = DataLoader(joined, batchsize=5)
    assert batch.tolist() == [0, 1, 10, 11, 12]


@given(n=st.integers(0, 30), seed=st.integers(0, 5))
def test_shuffled_and_random_observations(n: int, seed: int) -> None:
    x = flux.arange(n)
    shuffled = shuffleobs(x, rng=flux.Generator(seed))
    assert sorted(shuffled.tolist()) == list(range(n))
    assert shuffleobs(x, rng=flux.Generator(seed)).tolist() == shuffled.tolist()
    if n:
        drawn = randobs((x, list(range(n))), 40, rng=flux.Generator(seed))
        assert drawn[0].tolist() == drawn[1] and len(drawn[1]) == 40
        assert set(drawn[1]) <= set(range(n))


@given(n=st.integers(0, 30), k=st.integers(1, 8))
def test_chunks(n: int, k: int) -> None:
    parts = [p.tolist() for p in chunk(flux.arange(n), k)]
    assert len(parts) == k and max(map(len, parts)) - min(map(len, parts)) <= 1
    sized = [p.tolist() for p in chunk(flux.arange(n), size=k)]
    assert all(len(p) == k for p in sized[:-1])
    for form in (parts, sized):
        assert [i for p in form for i in p] == list(range(n))


@given(n=st.integers(0, 20), size=st.integers(1, 6), stride=st.integers(1, 4))
def test_windows(n: int, size: int, stride: int) -> None:
    windows = slidingwindow({"x": flux.arange(n)}, size, stride)
    starts = list(range(0, n - size + 1, stride))
    got = [windows[i]["x"].tolist() for i in range(len(windows))]
    assert got == [list(range(s, s + size)) for s in starts]


@given(labels=LABELS, fraction=st.sampled_from([0.0, 0.5, 1.0]), shuffle=st.booleans())
def test_oversampling(labels: list[int], fraction: float, shuffle: bool) -> None:
    x = flux.arange(len(labels))
    got = oversample((x, labels), labels, fraction, shuffle=shuffle, rng=flux.Generator(1))
    times = np.bincount(got[0].numpy(), minlength=len(labels))
    assert times.min() >= 1
    counts, before = group_counts(got[1]), group_counts(labels)
    most = max(before.values())
    assert all(counts[c] == max(before[c], int(np.ceil(fraction * most))) for c in before)
    for indices in group_indices(labels).values():
        assert np.ptp(times[indices]) <= 1
    assert shuffle or got[0].tolist()[: len(labels)] == list(range(len(labels)))


@given(labels=LABELS, shuffle=st.booleans())
def test_undersampling(labels: list[int], shuffle: bool) -> None:
    x = flux.arange(len(labels))
    got = undersample((x, labels), flux.asarray(labels), shuffle=shuffle, rng=flux.Generator(1))
    least = min(group_counts(labels).values())
    assert group_counts(got[1]) == dict.fromkeys(group_counts(got[1]), least)
    assert len(set(got[0].tolist())) == len(got[1])
    assert shuffle or got[0].tolist() == sorted(got[0].tolist())


def test_sequences_of_different_lengths() -> None:
    sequences = [flux.ones((2, 3)), flux.zeros((0, 3)), flux.ones((4, 3))]
    x, mask = batchseq(sequences, -1.0, return_mask=True)
    assert x.shape == (3, 4, 3) and mask.shape == (3, 4) and mask.dtype == flux.bool_
    assert mask.sum(axis=1).tolist() == [2, 0, 4]
    assert x[0, :, 0].tolist() == [1.0, 1.0, -1.0, -1.0]
    assert batchseq([[1, 2], [3]]).tolist() == [[1, 2], [3, 0]]
    assert batchseq([np.ones(2), np.ones(1)]).dtype == flux.float64
    gradients = flux.gradient(lambda s: (batchseq(s, 5.0) ** 2).sum(), sequences)
    assert [g.shape for g in gradients] == [(2, 3), (0, 3), (4, 3)]
    assert gradients[0].tolist() == [[2.0] * 3] * 2


def test_padding_at_the_end() -> None:
    x = flux.asarray([[1, 2], [3, 4]])
    assert rpad(x, 3, 9).tolist() == [[1, 2], [3, 4], [9, 9]]
    assert rpad(x, 3, axis=-1).tolist() == [[1, 2, 0], [3, 4, 0]]
    assert rpad(x, 2) is x


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: of.chunk(x), TypeError, "either the number of parts, n, or their size"),
        (lambda x: of.chunk(x, 2, size=2), TypeError, "either"),
        (lambda x: of.chunk(x, 0), ValueError, "chunk: n is at least 1, got 0"),
        (lambda x: of.slidingwindow(x, 2, 0), ValueError, "stride is at least 1, got 0"),
        (lambda x: of.slidingwindow(x, 1.5), TypeError, "size is an int of at least 1, got 1.5"),
        (lambda x: of.randobs(x[:0], 2), ValueError, "2 observations of none"),
        (lambda x: of.randobs(x, -1), ValueError, "n is at least 0, got -1"),
        (lambda x: of.mapobs(abs, 3), TypeError, "data is of type int"),
        (lambda x: of.oversample(x, [1, 2]), flux.ShapeError,
         "wanted one label for each of 5 observations, got 2"),
        (lambda x: of.oversample(x, [1] * 5, 1.5), ValueError, "from 0 to 1, got 1.5"),
        (lambda x: of.undersample(x, [1] * 6), flux.ShapeError, "5 observations, got 6"),
        (lambda x: of.batchseq([]), flux.ShapeError, "at least one sequence, got none"),
        (lambda x: of.batchseq([flux.ones((2, 3)), flux.ones((2, 4))]), flux.ShapeError,
         r"sequence 0 has shape \(2, 3\) and sequence 1 has \(2, 4\)"),
        (lambda x: of.batchseq([flux.ones(2), x]), flux.DTypeError,
         "sequence 0 is float32 and sequence 1 is int64: convert"),
        (lambda x: of.batchseq([flux.ones(())]), flux.ShapeError, "0 is a single number"),
        (lambda x: of.rpad(x, 3), flux.ShapeError, "axis 0 has size 5, more than 3"),
        (lambda x: of.rpad(x, 9, axis=2), flux.ShapeError, "axis 2"),
    ],
)  # fmt: skip
def test_bad_arguments(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(flux.arange(5))
