"""Indexing against NumPy, eagerly and traced: values, types, gradients, updates and messages."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor, dtypes, ops
from typedflux.core.graph import evaluate_types, run_graph, trace_graph
from typedflux.core.primitive import type_of
from typedflux.core.types import TensorType
from typedflux.shapes.dims import UNKNOWN, symbol
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError

# Random indices: NumPy's meaning is the reference


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, tuple[Any, ...]]:
    """An array and an index that mixes all forms."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    block = draw(st.lists(st.integers(1, 3), max_size=2))
    entries: list[Any] = []
    axis = 0
    dots = draw(st.booleans())
    while axis < len(shape):
        size = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "slice", "array", "mask", "new", "stop"]))
        if kind == "new":
            entries.append(None)
            continue
        if kind == "stop":
            break
        if kind == "int":
            entries.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            limit = st.none() | st.integers(-size - 1, size + 1)
            step = draw(st.none() | st.sampled_from([-2, -1, 1, 2]))
            entries.append(slice(draw(limit), draw(limit), step))
        elif kind == "array":
            used = draw(st.sampled_from([block, [1] * len(block), block[-1:], []]))
            count = int(np.prod(used, dtype=int))
            numbers = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
            entries.append(np.array(numbers, np.int64).reshape(used))
        else:
            rank = draw(st.integers(1, min(2, len(shape) - axis)))
            part = tuple(shape[axis : axis + rank])
            bits = draw(st.lists(st.booleans(), min_size=1, max_size=int(np.prod(part))))
            entries.append(np.resize(np.array(bits), part))
            axis += rank - 1
        axis += 1
    if dots and axis < len(shape):
        entries.insert(draw(st.integers(0, len(entries))), Ellipsis)
        # What now follows the dots indexes other axes: keep it only where it still fits.
    size = int(np.prod(shape))
    return np.arange(1.0, size + 1).reshape(shape), tuple(entries)


def reference(x: np.ndarray, index: tuple[Any, ...]) -> np.ndarray | None:
    try:
        return np.asarray(x[index])
    except (IndexError, ValueError):
        return None


def as_tensors(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(ops.asarray(e) if isinstance(e, np.ndarray) else e for e in index)


@settings(max_examples=250, deadline=None)
@given(cases())
def test_reading_is_numpys(case: tuple[np.ndarray, tuple[Any, ...]]) -> None:
    x, index = case
    wanted = reference(x, index)
    tensor = ops.asarray(x)
    if wanted is None:
        with pytest.raises((ShapeError, DTypeError)):
            tensor[as_tensors(index)]
        return
    np.testing.assert_array_equal(tensor[index].numpy(), wanted)
    np.testing.assert_array_equal(tensor[as_tensors(index)].numpy(), wanted)
    traced = flux.jit(lambda t: t[as_tensors(index)])(tensor)
    np.testing.assert_array_equal(traced.numpy(), wanted)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_gradient_adds_where_it_was_read(case: tuple[np.ndarray, tuple[Any, ...]]) -> None:
    x, index = case
    wanted = reference(x, index)
    if wanted is None:
        return
    weights = np.arange(1.0, wanted.size + 1).reshape(wanted.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, weights)
    found = flux.gradient(lambda t: (t[as_tensors(index)] * weights).sum(), ops.asarray(x))
    np.testing.assert_array_equal(found.numpy(), expected)


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from(["set", "add", "multiply", "min", "max"]), st.booleans())
def test_updates_are_numpys(
    case: tuple[np.ndarray, tuple[Any, ...]], kind: str, scalar: bool
) -> None:
    x, index = case
    part = reference(x, index)
    if part is None:
        return
    values = np.float64(7) if scalar else np.arange(part.size)[::-1].reshape(part.shape) + 0.5
    expected = x.copy()
    if kind == "set":
        expected[index] = values
    else:
        ufuncs = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}
        ufuncs[kind].at(expected, index, values)
    for way in (as_tensors(index), index):
        update = ops.asarray(x).at[way]
        found = getattr(update, kind)(ops.asarray(values))
        np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(x, np.arange(1.0, x.size + 1).reshape(x.shape))


@settings(max_examples=100, deadline=None)
@given(cases())
def test_abstract_types_are_those_at_run_time(case: tuple[np.ndarray, tuple[Any, ...]]) -> None:
    x, index = case
    wanted = reference(x, index)
    if wanted is None:
        return
    arrays = [e for e in as_tensors(index) if isinstance(e, Tensor)]

    def read(t: Tensor, *traced: Tensor) -> Tensor:
        rest = iter(traced)
        return t[tuple(next(rest) if isinstance(e, np.ndarray) else e for e in index)]

    found = evaluate_types(read, [type_of(ops.asarray(x)), *map(type_of, arrays)])
    assert isinstance(found, TensorType)
    assert found.dtype is dtypes.float64
    assert len(found.shape) == wanted.ndim
    for size, real in zip(found.shape, wanted.shape, strict=True):
        assert size is UNKNOWN or size == real


# Symbolic sizes


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ((slice(1, None),), "n-1 3"),
        ((slice(None, None, -1),), "n 3"),
        ((slice(None, None, 2),), "(n+1)//2 3"),
        ((0,), "3"),
        ((None, slice(None), None), "1 n 1 3"),
        ((..., slice(0, 2)), "n 2"),
        ((slice(None), [2, 0]), "n 2"),
        (([0, 0, 0, 0], 1), "4"),
    ],
)
def test_symbolic_sizes(index: Any, expected: str) -> None:
    n = symbol("n")
    start = TensorType(dtypes.float32, (n, 3))
    graph = trace_graph(lambda t: [t[index]], [start])
    assert str(graph.outputs[0].type) == f'Float32[Tensor, "{expected}"]'
    x = ops.asarray(np.arange(15.0).reshape(5, 3))
    (found,) = run_graph(graph, [x], {"n": 5})
    np.testing.assert_array_equal(found.numpy(), x.numpy()[index])


def test_a_slice_may_end_at_a_symbolic_size() -> None:
    table = ops.asarray(np.arange(10.0))
    n = symbol("n")
    graph = trace_graph(
        lambda t: [t + table[: t.shape[0]], table.at[: t.shape[0]].set(0)],
        [TensorType(dtypes.float64, (n,))],
    )
    added, blanked = run_graph(graph, [ops.asarray(np.ones(4))], {"n": 4})
    np.testing.assert_array_equal(added.numpy(), np.arange(4.0) + 1)
    np.testing.assert_array_equal(blanked.numpy(), [0, 0, 0, 0, 4, 5, 6, 7, 8, 9])


def test_a_mask_gives_an_unknown_size() -> None:
    types = [TensorType(dtypes.float32, (symbol("n"), 4)), TensorType(dtypes.bool_, (symbol("n"),))]
    assert str(evaluate_types(lambda x, m: x[m], types)) == 'Float32[Tensor, "_ 4"]'
    filled = evaluate_types(lambda x, m: x.at[m].set(0), types)
    assert str(filled) == 'Float32[Tensor, "n 4"]'


# Particular forms


def test_rank_0_tensors_as_indices() -> None:
    x = ops.asarray([[1, 2], [3, 4]])
    i = ops.asarray(1)
    assert x[i].tolist() == [3, 4]
    assert x[i, i].item() == 4
    assert x[ops.argmax(x[:, 0])].tolist() == [3, 4]
    assert x[: ops.asarray(1)].tolist() == [[1, 2]]


def test_truth_values_pick_a_new_axis() -> None:
    x = np.arange(6).reshape(2, 3)
    for index in (True, False, (slice(None), True), (True, [0, 1]), np.array(True)):
        tensor = ops.asarray(x)
        np.testing.assert_array_equal(tensor[index].numpy(), x[index])
        traced = flux.jit(lambda t, i=index: t[i])(tensor)
        np.testing.assert_array_equal(traced.numpy(), x[index])


def test_lists_ranges_and_unsigned_integers() -> None:
    x = ops.asarray([10, 20, 30, 40])
    assert x[[]].shape == (0,)
    assert x[[True, False, False, True]].tolist() == [10, 40]
    assert x[range(1, 3)].tolist() == [20, 30]
    assert x[np.int8(2)].item() == 30
    for name in ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32"):
        assert x[ops.asarray([3, 0], dtype=name)].tolist() == [40, 10]


def test_an_unsigned_index_never_wraps_round() -> None:
    x = ops.asarray([1, 2, 3])
    with pytest.raises(AxisError, match="out of range"):
        x[ops.asarray(np.array([2**64 - 1], np.uint64))]


MESSAGES = [
    (lambda x: x[2], AxisError, "index 2 is out of range for axis 0 of size 2: valid are -2 to 1"),
    (lambda x: x[0, -4], AxisError, "index -4 is out of range for axis 1 of size 3"),
    (lambda x: x[0, 0, 0], AxisError, "too many indices: 3 for '2 3', which has 2 axes"),
    (lambda x: x[..., ...], AxisError, "only one ellipsis"),
    (lambda x: x[1.0], DTypeError, "got float 1.0"),
    (lambda x: x["a"], DTypeError, "an index is an integer, a slice"),
    (lambda x: x[0:1.5], DTypeError, "limits of a slice are integers, got 1.5"),
    (lambda x: x[0:2:0], ShapeError, "step of a slice cannot be 0"),
    (lambda x: x[ops.asarray([0.0])], DTypeError, "got a tensor of float32"),
    (lambda x: x[[0, 5]], AxisError, "index 5 is out of range for axis 0 of size 2"),
    (lambda x: x[:, [0, -7]], AxisError, "index -7 is out of range for axis 1 of size 3"),
    (lambda x: x[[0, 1], [0, 1, 2]], ShapeError, "do not fit together"),
    (lambda x: x[ops.asarray([True, False, True])], ShapeError, "a mask of shape '3' does not fit"),
    (lambda x: x.at[0].set([1, 2]), TypeError, "convert it with flux.asarray"),
    (lambda x: x.at[0].set(ops.ones(2)), ShapeError, "axis -1 has size 2, where 1 or 3"),
    (lambda x: x.at[[0, 0]].add(ops.ones((3, 3))), ShapeError, "cannot broadcast"),
    (lambda x: x.at[0].set(1j), DTypeError, "need complex64 do not fit float32"),
    (lambda x: x.at[0].add(ops.ones(3, dtype="float64")), DTypeError, "need float64"),
    (lambda x: x.at[7].set(0), AxisError, "index 7 is out of range"),
    (lambda x: x.at[[7]].set(0), AxisError, "index 7 is out of range"),
]


@pytest.mark.parametrize(("use", "kind", "text"), MESSAGES, ids=[m[2] for m in MESSAGES])
@pytest.mark.parametrize("traced", [False, True], ids=["eager", "gradient"])
def test_messages(use: Any, kind: type[Exception], text: str, traced: bool) -> None:
    x = ops.asarray(np.arange(6.0).reshape(2, 3), dtype="float32")
    with pytest.raises(kind) as caught:
        if traced:
            flux.gradient(lambda t: use(t).sum(), x)
        else:
            use(x)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_assignment_says_what_to_do_instead() -> None:
    x = ops.zeros(3)
    with pytest.raises(TypeError, match=r"x\.at\[i\]\.set"):
        x[0] = 1


# Updates


def test_every_method_of_an_update() -> None:
    x = ops.asarray([1.0, 2.0, 4.0])
    assert x.at[1].get().item() == 2
    assert x.at[1].set(9).tolist() == [1, 9, 4]
    assert x.at[[2, 2]].add(1).tolist() == [1, 2, 6]
    assert x.at[[2, 2]].subtract(1).tolist() == [1, 2, 2]
    assert x.at[[2, 2]].multiply(3).tolist() == [1, 2, 36]
    assert x.at[[2, 2]].divide(2).tolist() == [1, 2, 1]
    assert x.at[1:].min(3).tolist() == [1, 2, 3]
    assert x.at[1:].max(3).tolist() == [1, 3, 4]
    assert x.at[1:].apply(ops.exp).tolist()[0] == 1
    whole: Any = ops.asarray([1])
    with pytest.raises(DTypeError, match="a quotient is no int64"):
        whole.at[0].divide(2)


def test_the_last_of_several_writes_stays_and_has_the_gradient() -> None:
    values = ops.asarray([1.0, 2.0, 3.0])
    index = [0, -2, 0]
    found = ops.zeros(2).at[index].set(values)
    assert found.tolist() == [3, 0]
    grad = flux.gradient(lambda v: ops.zeros(2).at[index].set(v).sum(), values)
    assert grad.tolist() == [0, 0, 1]


def test_products_have_gradients_where_factors_are_zero() -> None:
    x = ops.asarray([2.0, 5.0])
    values = ops.asarray([0.0, 3.0, 0.0, 4.0])
    index = [0, 0, 1, 1]

    def product(t: Tensor, v: Tensor) -> Tensor:
        return t.at[index].multiply(v).sum()

    to_x, to_values = flux.gradient(product, x, values)
    assert to_x.tolist() == [0, 0]
    assert to_values.tolist() == [6, 0, 20, 0]
    # d2 / (dv0 dv1) = x0: a zero among the factors takes nothing from the second derivative.
    second = flux.gradient(lambda v: flux.gradient(lambda w: product(x, w), v)[0], values)
    assert second.tolist() == [0, 2, 0, 0]


def test_equal_extremes_share_the_gradient() -> None:
    x, values = ops.asarray([3.0, 1.0]), ops.asarray([3.0, 2.0])

    def largest(t: Tensor, v: Tensor) -> Tensor:
        return t.at[[0, 0]].max(v).sum()

    to_x, to_values = flux.gradient(largest, x, values)
    assert to_x.tolist() == [0.5, 1]
    assert to_values.tolist() == [0.5, 0]


# Large sums go through a sparse product, small ones through numpy


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "complex64", "int32", "float16", "bfloat16"]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_large_sums(dtype: str, axis: int) -> None:
    rng = np.random.default_rng(0)
    index = rng.integers(-50, 50, 700)
    shape = (700, 8) if axis == 0 else (8, 700)
    values = ops.asarray(rng.integers(-4, 5, shape), dtype=dtype)
    zeros = ops.zeros((50, 8) if axis == 0 else (8, 50), dtype=dtype)
    place = (index,) if axis == 0 else (slice(None), index)
    found = zeros.at[place].add(values)
    expected = np.zeros(zeros.shape, np.complex128)
    np.add.at(expected, cast(Any, place), values.numpy().astype(np.complex128))
    np.testing.assert_array_equal(found.numpy().astype(np.complex128), expected)
    if zeros.dtype.is_inexact and axis == 0:
        summed = ops.scatter(index % 50, values, 50)
        assert summed.dtype is zeros.dtype
        np.testing.assert_array_equal(summed.numpy().astype(np.complex128), expected)
    if zeros.dtype.is_floating:
        most = zeros.at[place].max(values).numpy()
        reference_most = np.zeros(zeros.shape)
        np.maximum.at(reference_most, cast(Any, place), values.numpy().astype(float))
        np.testing.assert_array_equal(most.astype(float), reference_most)
