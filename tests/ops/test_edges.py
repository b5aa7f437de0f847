"""Derivatives where functions have kinks, ties, zeros and infinities; results of one dtype only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.ops.row import FLOATS, INTEGERS
from typedflux import Tensor, dtypes, ops

INF, NAN = float("inf"), float("nan")

# What, where, and its gradient there: by the docstrings, or the mathematics.
GRADIENTS: list[tuple[str, Callable[[Tensor], Tensor], list[Any], list[Any]]] = [
    ("relu", ops.relu, [-1, 0, 2, INF], [0, 0, 1, 1]),
    ("abs", ops.abs, [-2, 0, 3], [-1, 0, 1]),
    ("sign", ops.sign, [-2, 0, 3], [0, 0, 0]),
    ("square root", ops.sqrt, [0, 4], [INF, 0.25]),
    ("half power", lambda x: x**0.5, [0, 4], [INF, 0.25]),
    ("power 0", lambda x: x**0, [0, 4, -1], [0, 0, 0]),
    ("power 1", lambda x: x**1.0, [0, 4, -1], [1, 1, 1]),
    ("power 2", lambda x: x**2, [0, 4, -1], [0, 8, -2]),
    ("power 3 of negatives", lambda x: ops.pow(x, flux.asarray(3.0)), [-2, 0], [12, 0]),
    ("powers of 0", lambda x: ops.pow(0.0, x), [1, 2], [0, 0]),
    ("powers of 1", lambda x: ops.pow(1.0, x), [0, -2], [0, 0]),
    ("maximum of equals", lambda x: ops.maximum(x, 1.0), [0, 1, 2], [0, 0.5, 1]),
    ("minimum of equals", lambda x: ops.minimum(x, 1.0), [0, 1, 2], [1, 0.5, 0]),
    ("max of equals", ops.max, [3, 1, 3], [0.5, 0, 0.5]),
    ("min of infinities", ops.min, [-INF, 1], [1, 0]),
    ("product with a zero", ops.prod, [2, 0, 3], [0, 6, 0]),
    ("product with zeros", ops.prod, [2, 0, 0], [0, 0, 0]),
    ("running product with a zero", ops.cumulative_prod, [2, 0, 3], [1, 2 + 6, 0]),
    ("sigmoid", ops.sigmoid, [-1000, 0, 1000], [0, 0.25, 0]),
    ("softplus", ops.softplus, [-1000, 0, 1000], [0, 0.5, 1]),
    ("logsigmoid", ops.logsigmoid, [-1000, 0, 1000], [1, 0.5, 0]),
    ("tanh", ops.tanh, [-1000, 0, INF], [0, 1, 0]),
    ("logcosh", ops.logcosh, [-1000, 0, 1000], [-1, 0, 1]),
    ("elu", ops.elu, [-1000, 1000], [0, 1]),
    ("gelu", ops.gelu, [-100, 0, 100], [0, 0.5, 1]),
    ("mish", ops.mish, [-1000, 1000], [0, 1]),
    ("erf", ops.erf, [-INF, INF], [0, 0]),
    ("logsumexp", ops.logsumexp, [-INF, 0, -INF], [0, 1, 0]),
    ("logsumexp of large numbers", ops.logsumexp, [100, 100], [0.5, 0.5]),
    ("softmax", lambda x: ops.softmax(x)[0], [1000, 0], [0, 0]),
    ("logsoftmax", lambda x: ops.logsoftmax(x)[0], [0, 1000], [1, -1]),
    ("logaddexp", lambda x: ops.logaddexp(x, 0.0), [-INF, 1000], [0, 1]),
    ("xlogx", ops.xlogx, [0, 1], [-INF, 1]),
    ("xlogy by x", lambda x: ops.xlogy(x, 0.5), [0, 1], [np.log(0.5)] * 2),
    ("xlogy by y", lambda x: ops.xlogy(0.0, x), [0, 2], [0, 0]),
    ("variance of equals", ops.var, [2, 2], [0, 0]),
    ("normalise equals", lambda x: ops.normalise(x)[0], [2, 2], [158.1139, -158.1139]),
    ("sort", lambda x: ops.sort(x)[0], [3, 1, 2], [0, 1, 0]),
    ("clip", lambda x: ops.clip(x, -1, 1), [-2, 0, INF], [0, 1, 0]),
    ("where", lambda x: ops.where(x > 0, x, 0), [-1, 1], [0, 1]),
    ("a place read twice", lambda x: x[[0, 0]], [5, 7], [2, 0]),
    ("a place written twice", lambda x: ops.zeros((2,)).at[[0, 0]].set(x), [5, 7], [0, 1]),
    ("a place updated", lambda x: x.at[0].set(0.0), [5, 7], [0, 1]),
    ("scatter of equals", lambda x: ops.scatter([0, 0], x, 1, "max"), [5, 5], [0.5, 0.5]),
    ("scattered product with a zero", lambda x: ops.scatter([0, 0], x, 1, "mul"), [0, 7], [7, 0]),
    ("max_pool of equals", lambda x: ops.max_pool(x.reshape((1, 1, 2)), (2,)), [4, 4], [1, 0]),
]


@pytest.mark.parametrize(
    ("function", "x", "wanted"), [c[1:] for c in GRADIENTS], ids=[c[0] for c in GRADIENTS]
)
def test_gradient(function: Callable[[Tensor], Tensor], x: list[Any], wanted: list[Any]) -> None:
    at = flux.asarray(x, dtype="float32")
    found = flux.gradient(lambda x: function(x).sum(), at)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-5, atol=1e-6)
    value, pullback = flux.vjp(function, at)
    ones = flux.ones_like(value)
    for k in range(len(x)):  # forward mode, column by column
        direction = ops.one_hot(k, len(x))
        column = flux.jvp(function, (at,), (direction,))[1]
        if np.isfinite(wanted).all():
            np.testing.assert_allclose(ops.sum(column).item(), wanted[k], rtol=1e-5, atol=1e-6)
    assert pullback(ones).shape == at.shape


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_nextafter_takes_the_steps_of_its_dtype(dtype: flux.DType) -> None:
    x = flux.asarray([0.0, 1.0, -1.0, 1.0, 3.0, NAN], dtype=dtype)
    y = flux.asarray([1.0, 2.0, 0.0, 1.0, -INF, 0.0], dtype=dtype)
    found = flux.nextafter(x, y)
    assert found.dtype is dtype
    np.testing.assert_array_equal(
        found.numpy().astype(float), np.nextafter(x.numpy(), y.numpy()).astype(float)
    )
    assert found[1].item() == 1 + float(flux.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS, ids=str)
def test_rows_without_values_hold_what_the_maximum_of_nothing_is(dtype: flux.DType) -> None:
    values = flux.asarray([3, 5], dtype=dtype)
    largest = ops.scatter([1, 1], values, 2, "max")
    smallest = ops.scatter([1, 1], values, 2, "min")
    assert largest.dtype is smallest.dtype is dtype
    low: Any = -INF if dtype.is_floating else flux.iinfo(dtype).min
    high: Any = INF if dtype.is_floating else flux.iinfo(dtype).max
    assert largest.tolist() == [low, 5] and smallest.tolist() == [high, 3]


@pytest.mark.parametrize("dtype", FLOATS[:2], ids=str)
def test_sums_of_many_narrow_numbers_do_not_stand_still(dtype: flux.DType) -> None:
    ones = flux.ones((5000,), dtype=dtype)
    assert flux.sum(ones).item() == pytest.approx(5000, rel=0.01)
    assert flux.mean(ones).item() == 1
    assert flux.var(ones).item() == 0
    assert ops.cumulative_sum(ones)[-1].item() == pytest.approx(5000, rel=0.01)
    assert (ones @ ones).item() == pytest.approx(5000, rel=0.01)
    gradient = flux.gradient(lambda x: (x * ones).sum(), flux.asarray(1.0, dtype=dtype))
    assert gradient.item() == pytest.approx(5000, rel=0.01)


def test_numbers_that_an_integer_dtype_cannot_hold() -> None:
    x: Any = flux.asarray([1, 2], dtype="int8")
    for function in (lambda: x + 300, lambda: 300 * x, lambda: ops.where(x > 1, x, -200)):
        with pytest.raises(flux.DTypeError, match=r"int8 cannot hold (300|-200)"):
            function()
    assert (x + 100).dtype is dtypes.int8
