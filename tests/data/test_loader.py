"""DataLoader: every observation once per pass, in every form of data."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor
from typedflux.data import DataLoader, Dataset, mapobs


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


@dataclasses.dataclass(frozen=True)
class Record:
    x: Tensor
    y: Any

    def __post_init__(self) -> None:
        assert isinstance(self.x, Tensor), "a batch is not made by __init__"


class Squares:
    """A data set that is read by index."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < self.n:
            raise IndexError(index)
        return flux.full((2,), index * index), index


SIZES = st.integers(0, 40)
BATCHES = st.integers(1, 12)


@given(
    n=SIZES, batchsize=BATCHES, shuffle=st.booleans(), ahead=st.integers(0, 3),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_every_observation_once_per_pass(
    n: int, batchsize: int, shuffle: bool, ahead: int, seed: int
) -> None:
    data = (flux.arange(n), np.arange(n), list(range(n)), {"a": flux.arange(n).astype("float32")})
    loader = DataLoader(
        data,
        batchsize,
        shuffle=shuffle,
        rng=flux.Generator(seed),
        prefetch=ahead,
        workers=1 + ahead,
    )
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader)
        seen = [x.tolist() for x, *_ in batches]
        assert [len(b) for b in seen[:-1]] == [batchsize] * max(len(batches) - 1, 0)
        flat = [i for b in seen for i in b]
        assert sorted(flat) == list(range(n))
        assert shuffle or flat == list(range(n))
        for x, y, z, rest in batches:
            assert isinstance(x, Tensor) and isinstance(y, np.ndarray)
            assert x.tolist() == y.tolist() == z.tolist() == rest["a"].tolist()


@given(n=SIZES, batchsize=BATCHES, shuffle=st.booleans())
def test_without_partial_batches_all_are_whole(n: int, batchsize: int, shuffle: bool) -> None:
    loader = DataLoader(flux.arange(n), batchsize, shuffle=shuffle, partial=False)
    batches = [b.tolist() for b in loader]
    assert len(loader) == len(batches) == n // batchsize
    assert all(len(b) == batchsize for b in batches)
    flat = [i for b in batches for i in b]
    assert len(set(flat)) == len(flat)


def order(loader: DataLoader[Tensor]) -> list[Any]:
    return [i for batch in loader for i in batch.tolist()]


def test_the_order_is_new_each_pass_and_repeats_with_the_seed() -> None:
    loader = DataLoader(flux.arange(50), 7, shuffle=True)
    flux.seed(4)
    first, second = order(loader), order(loader)
    assert first != second
    flux.seed(4)
    assert order(loader) == first
    mine = DataLoader(flux.arange(50), 7, shuffle=True, rng=flux.Generator(4))
    again = DataLoader(flux.arange(50), 7, shuffle=True, rng=flux.Generator(4), workers=3)
    assert [order(mine), order(mine)] == [order(again), order(again)]


def test_the_order_is_drawn_when_the_pass_begins() -> None:
    loader = DataLoader(flux.arange(20), 5, shuffle=True)
    flux.seed(1)
    undisturbed = order(loader)
    flux.seed(1)
    disturbed = []
    for batch in loader:
        flux.rand((3,))
        disturbed += batch.tolist()
    assert disturbed == undisturbed


def test_a_pass_draws_as_much_whatever_the_size() -> None:
    after = []
    for n in (3, 300):
        flux.seed(1)
        iter(DataLoader(flux.arange(n), shuffle=True))
        after.append(flux.rand(()).item())
    assert after[0] == after[1]


def test_structures() -> None:
    x, y = flux.zeros((5, 3)), flux.arange(5)
    forms: list[Any] = [
        (x, y), Pair(x, y), {"x": x, "y": y}, Record(x, y), {"deep": (x, Pair(x, y))},
    ]  # fmt: skip
    for data in forms:
        batches = list(DataLoader(data, batchsize=2))
        assert len(batches) == 3
        assert type(batches[0]) is type(data)
    (pair,) = DataLoader(Pair(x, y), batchsize=9)
    assert pair.y.tolist() == [0, 1, 2, 3, 4]
    (record,) = DataLoader(Record(x, y), batchsize=9)
    assert record.x.shape == (5, 3)


def test_one_tensor_and_one_array() -> None:
    batches = list(DataLoader(flux.zeros((4, 2)), batchsize=3))
    assert [b.shape for b in batches] == [(3, 2), (1, 2)]
    arrays = list(DataLoader(np.zeros((4, 2)), batchsize=3))
    assert [type(a) for a in arrays] == [np.ndarray, np.ndarray]


def test_default_is_one_observation_per_batch() -> None:
    assert [b.shape for b in DataLoader(flux.zeros((2, 3)))] == [(1, 3), (1, 3)]


def test_data_sets() -> None:
    loader: Any = DataLoader(Squares(5), batchsize=2)
    (squares, indices) = list(loader)[1]
    assert squares.tolist() == [[4.0, 4.0], [9.0, 9.0]]
    assert indices.tolist() == [2, 3]
    assert [b for b in DataLoader(["a", "b", "c"], batchsize=2)] == [["a", "b"], ["c"]]


@dataclasses.dataclass
class Stored:
    """A data set that happens to be a dataclass."""

    values: list[int]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> int:
        return self.values[index]


def test_a_data_set_may_be_a_dataclass() -> None:
    assert [b.tolist() for b in DataLoader(Stored([3, 1, 2]), batchsize=2)] == [[3, 1], [2]]


def test_collate() -> None:
    x, y = flux.arange(5), flux.zeros((5, 2))
    counts = DataLoader((x, y), 3, collate=len)
    assert list(counts) == [3, 2]
    (first, second) = DataLoader((x, y), 3, collate=False)
    assert isinstance(first, list) and len(first) == 3 and len(second) == 2
    assert [item.item() for item, _ in first] == [0, 1, 2]

    def padded(items: list[Tensor]) -> Tensor:
        return flux.data.batchseq(items)

    ragged = [flux.ones((n,)) for n in (1, 3, 2)]
    assert [b.shape for b in DataLoader(ragged, 2, collate=padded)] == [(2, 3), (1, 2)]


def test_observations_of_different_shapes_name_the_way_out() -> None:
    ragged = [flux.ones((n,)) for n in (1, 3)]
    with pytest.raises(flux.ShapeError, match=r"\(1,\) and \(3,\) .* give DataLoader collate="):
        list(DataLoader(ragged, 2))


def test_ahead_by_threads_in_order() -> None:
    names: set[str] = set()

    def note(x: Tensor) -> Tensor:
        names.add(threading.current_thread().name.split("_")[0])
        return x * 2

    loader = DataLoader(mapobs(note, flux.arange(20)), 3, prefetch=2, workers=2)
    assert order(loader) == list(range(0, 40, 2))
    assert names == {"DataLoader"}


def test_an_error_in_a_thread_arrives() -> None:
    def fail(x: Tensor) -> Tensor:
        raise RuntimeError("observation is broken")

    with pytest.raises(RuntimeError, match="observation is broken"):
        list(DataLoader(mapobs(fail, flux.arange(4)), 2, workers=2))


def test_a_pass_that_is_left_early_stops_its_threads() -> None:
    before = threading.active_count()
    for batch in DataLoader(flux.arange(100), 2, prefetch=4, workers=3):
        assert batch.tolist() == [0, 1]
        break
    assert threading.active_count() == before


def test_it_is_differentiable_through_a_loader() -> None:
    def total(x: Tensor) -> Tensor:
        value = flux.zeros(())
        for weight, batch in enumerate(DataLoader(x, 2)):
            value = value + (weight + 1.0) * batch.sum()
        return value

    assert flux.gradient(total, flux.ones((5,))).tolist() == [1.0, 1.0, 2.0, 2.0, 3.0]


def test_it_prints() -> None:
    assert repr(DataLoader(flux.arange(5), 2, shuffle=True)) == (
        "DataLoader(5 observations, 3 batches, batchsize=2, shuffle=True)"
    )


def test_element_types_are_those_of_the_data() -> None:
    images, labels = flux.zeros((6, 4)), flux.arange(6)
    for x, y in DataLoader((images, labels), batchsize=2):
        assert (x @ flux.ones((4, 3))).shape == (2, 3)
        assert flux.one_hot(y, 6).shape == (2, 6)


def numbers() -> Iterator[int]:
    yield 1


class NoLength:
    def __getitem__(self, index: int) -> int:
        return index


BAD: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "unequal tuple": (
        (flux.zeros((5, 2)), flux.zeros((4,))), {}, flux.ShapeError,
        r"different numbers of observations: data\[0\] has 5, data\[1\] has 4",
    ),
    "unequal deep": (
        {"x": (flux.zeros(3), flux.zeros(2)), "y": [1, 2, 3]}, {}, flux.ShapeError,
        r"data\['x'\]\[0\] has 3, data\['x'\]\[1\] has 2, data\['y'\] has 3",
    ),
    "unequal dataclass": (
        Record(flux.zeros(3), flux.zeros(2)), {}, flux.ShapeError,
        r"data\['x'\] has 3, data\['y'\] has 2",
    ),
    "one number": (flux.zeros(()), {}, flux.ShapeError, "data is a single number"),
    "one number inside": (
        (flux.zeros(3), flux.zeros(())), {}, flux.ShapeError, r"data\[1\] is a single number",
    ),
    "nothing": ((), {}, ValueError, "data without any part: an empty tuple"),
    "text": ("text", {}, TypeError, "data is of type str: wanted a tensor"),
    "None": (None, {}, TypeError, "data is of type NoneType"),
    "no length": (NoLength(), {}, TypeError, "an object with __len__ and __getitem__"),
    "iterator": (numbers(), {}, TypeError, "an iterator can be passed to flux.train as it is"),
    "batchsize 0": (flux.zeros(3), {"batchsize": 0}, ValueError, "batchsize is at least 1, got 0"),
    "batchsize 2.0": (flux.zeros(3), {"batchsize": 2.0}, TypeError, "is an int .*got 2.0"),
    "batchsize True": (flux.zeros(3), {"batchsize": True}, TypeError, "got True"),
    "workers": (flux.zeros(3), {"workers": 0}, ValueError, "workers is at least 1, got 0"),
    "prefetch": (flux.zeros(3), {"prefetch": -1}, ValueError, "prefetch is at least 0, got -1"),
    "collate": (flux.zeros(3), {"collate": 5}, TypeError, "collate is a function .*got 5"),
    "rng": (flux.zeros(3), {"rng": 7}, TypeError, r"such as flux.Generator\(3\), got 7"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(name: str) -> None:
    data, options, error, text = BAD[name]
    with pytest.raises(error, match=text) as caught:
        DataLoader(data, **options)
    assert "\n" not in str(caught.value)


def test_a_numpy_int_is_a_batchsize() -> None:
    batchsize: Any = np.int64(2)
    assert len(DataLoader(flux.zeros(3), batchsize)) == 2


def test_a_data_set_of_the_protocol_is_typed() -> None:
    data: Dataset[tuple[Tensor, int]] = Squares(3)
    assert len(list(DataLoader(data, 2))) == 2
