"""Indexing and slicing against NumPy, on numbers and on symbols."""

from types import EllipsisType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes.strategies import Twin
from typedflux.shapes.dims import UNKNOWN, Dimension, evaluate, format_shape, hint_of, symbol
from typedflux.shapes.errors import AxisError, ShapeError
from typedflux.shapes.indexing import ArrayIndex, Entry, MaskIndex, index_shape, slice_length

n, k = symbol("n"), symbol("k")
limits = st.none() | st.integers(-7, 7)
cuts = st.builds(slice, limits, limits, st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3]))
arrays = st.lists(st.integers(0, 3), max_size=2).map(lambda s: ArrayIndex(tuple(s)))
entries = st.one_of(st.integers(-4, 4), cuts, cuts, st.none(), st.just(...), arrays)
NumpyEntry = int | slice | EllipsisType | np.ndarray[tuple[int, ...], np.dtype[np.intp]] | None


@given(st.integers(0, 6), cuts)
@settings(max_examples=800, deadline=None)
def test_slices(size: int, cut: slice) -> None:
    wanted = len(range(size)[cut])
    assert slice_length(size, cut) == wanted
    assert hint_of(slice_length(Twin("hinted").size(size), cut)) == wanted
    if abs(cut.start or 0) + abs(cut.stop or 0) < size:
        flexible = Twin("flexible")
        assert evaluate(slice_length(flexible.size(size), cut), flexible.values) == wanted


def for_numpy(entry: Entry) -> NumpyEntry:
    if isinstance(entry, ArrayIndex):
        return np.zeros([int(str(size)) for size in entry.shape], np.intp)
    assert entry is None or isinstance(entry, (int, slice, EllipsisType))
    return entry


@given(
    st.lists(st.integers(1, 5), max_size=4).map(tuple),
    st.lists(entries, max_size=5).map(tuple),
)
@settings(max_examples=1200, deadline=None)
def test_indexing(shape: tuple[int, ...], index: tuple[Entry, ...]) -> None:
    traced = Twin("hinted").shape(shape)
    try:
        wanted = np.zeros(shape, np.int8)[tuple(map(for_numpy, index))].shape
    except IndexError:
        for sizes in (shape, traced):
            with pytest.raises(ShapeError):
                index_shape(sizes, index)
        return
    assert index_shape(shape, index) == wanted
    assert tuple(map(hint_of, index_shape(traced, index))) == wanted
    flexible = Twin("flexible")
    assert len(index_shape(flexible.shape(shape), index)) == len(wanted)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple), st.integers(0, 3), st.data())
@settings(max_examples=200, deadline=None)
def test_masks(shape: tuple[int, ...], before: int, data: st.DataObject) -> None:
    before = min(before, len(shape))
    rank = data.draw(st.integers(0, len(shape) - before))
    mask_shape = shape[before : before + rank]
    index = (slice(None),) * before
    mask: tuple[slice | np.ndarray[tuple[int, ...], np.dtype[np.bool_]], ...]
    mask = (*index, np.ones(mask_shape, np.bool_))
    wanted = np.zeros(shape, np.int8)[mask].shape
    got = index_shape(shape, (*index, MaskIndex(mask_shape)))
    assert len(got) == len(wanted) and got[before] is UNKNOWN
    assert [a for a in got if a is not UNKNOWN] == [w for i, w in enumerate(wanted) if i != before]


SLICES: list[tuple[slice, str]] = [
    (slice(None), "n"),
    (slice(1, None), "n-1"),
    (slice(None, -1), "n-1"),
    (slice(1, -1), "n-2"),
    (slice(None, None, 2), "(n+1)//2"),
    (slice(1, None, 2), "n//2"),
    (slice(None, None, -1), "n"),
    (slice(None, 5), "min(n,5)"),
    (slice(-3, None), "min(n,3)"),
    (slice(-3, -1), "min(n,3)-1"),
    (slice(3, 1), "0"),
    (slice(None, k), "min(k,n)"),
    (slice(k, None), "n-k"),
    (slice(None, -k), "n-k"),
    (slice(-k, None), "min(k,n)"),
    (slice(None, n), "n"),
    (slice(None, UNKNOWN), "_"),
]


@pytest.mark.parametrize(("cut", "text"), SLICES)
def test_slices_of_a_named_size(cut: slice, text: str) -> None:
    assert str(slice_length(n, cut)) == text


def test_a_split_into_equal_parts() -> None:
    parts = [slice_length(3 * n, slice(i * n, (i + 1) * n)) for i in range(3)]
    assert parts == [n, n, n]


def test_symbolic_and_unknown_entries() -> None:
    assert index_shape((n, 5), (k, UNKNOWN)) == ()
    assert index_shape((n, 5), slice_entry()) == (n - 1, 5)
    assert index_shape((n, n), MaskIndex((n, n))) == (UNKNOWN,)
    assert index_shape((n, 5), (None, True)) == (1, UNKNOWN, n, 5)
    assert format_shape(index_shape((n, 3, k), (ArrayIndex((k,)), ..., 0))) == "k 3"


def slice_entry() -> Entry:
    return slice(1, None)


ERRORS: list[tuple[tuple[Dimension, ...], Entry | tuple[Entry, ...], str]] = [
    ((5, n), 5, "index 5 is out of range for axis 0 of size 5: valid are -5 to 4"),
    ((0,), 0, "index 0 is out of range for axis 0 of size 0: an empty axis has no element"),
    ((n, 5), (0, -6), "index -6 is out of range for axis 1 of size 5: valid are -5 to 4"),
    ((n,), n + 1, "index n+1 is out of range for axis 0 of size n"),
    ((n,), (0, 0), "too many indices: 2 for 'n', which has 1 axis"),
    ((n,), (..., ...), "an index can contain only one ellipsis (...)"),
    (
        (n, 5),
        MaskIndex((n, 4)),
        "a mask of shape 'n 4' does not fit axis 1 of 'n 5': 4 is not 5",
    ),
    (
        (5, 5),
        (ArrayIndex((2,)), ArrayIndex((3,))),
        (
            "index arrays do not fit together: cannot broadcast '2' with '3': axis -1 has sizes 2 "
            "and 3"
        ),
    ),
    ((5,), slice(None, None, 0), "the step of a slice cannot be 0"),
]


@pytest.mark.parametrize(("shape", "index", "text"), ERRORS)
def test_errors(shape: tuple[Dimension, ...], index: Entry | tuple[Entry, ...], text: str) -> None:
    with pytest.raises(ShapeError) as caught:
        index_shape(shape, index)
    assert str(caught.value) == text


def test_a_wrong_index_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        index_shape((3,), 7)
    assert issubclass(AxisError, ShapeError)
