"""diff against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.shapes.dims import symbol
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.integers(-3, 2),
    st.integers(0, 3),
    st.sampled_from(["float64", "int8", "uint8", "complex128"]),
    st.sampled_from([None, 0, 2]),
    st.sampled_from([None, 0, 3, "number"]),
)
def test_diff_is_numpys(
    shape: list[int], axis: int, n: int, dtype: str, before: int | None, after: Any
) -> None:
    if not -len(shape) <= axis < len(shape):
        return
    rng = np.random.default_rng(0)

    def sample(shape: list[int]) -> Any:
        return (rng.standard_normal(shape) * 9).round().astype("int8").astype(dtype)

    def edge(size: int) -> Any:
        return sample([size if i == axis % len(shape) else s for i, s in enumerate(shape)])

    edges: dict[str, Any] = {}
    if before is not None:
        edges["prepend"] = edge(before)
    if after is not None:
        edges["append"] = np.asarray(3, dtype) if after == "number" else edge(after)
    x = sample(shape)
    size = sum([shape[axis], before or 0, 1 if after == "number" else after or 0])
    if size < n:
        with pytest.raises(ShapeError, match=f"has {size} elements, too few for n={n}"):
            flux.diff(flux.asarray(x), axis=axis, n=n, **edges)
        return
    found = flux.diff(flux.asarray(x), axis=axis, n=n, **edges)
    # numpy takes no differences at n=0 and then joins nothing
    wanted = np.diff(x, axis=axis, n=n, **edges) if n else found.numpy()
    assert found.shape == wanted.shape and found.dtype == dtypes_named(dtype)
    np.testing.assert_array_equal(found.numpy(), wanted)


def dtypes_named(name: str) -> flux.DType:
    found: flux.DType = getattr(flux, name)
    return found


def test_derivative_and_types() -> None:
    x = flux.asarray(np.random.default_rng(0).standard_normal((3, 5)))
    matrix = flux.jacobian(lambda v: flux.diff(v, n=2), x[0])
    np.testing.assert_array_equal(matrix.numpy(), np.diff(np.eye(5), n=2, axis=0))
    joined = flux.gradient(lambda v: (flux.diff(v, prepend=v[:, :1]) ** 2).sum(), x)
    assert joined.shape == x.shape
    b, n = symbol("b"), symbol("n")

    def of(function: Callable[[Tensor], Tensor]) -> str:
        return str(evaluate_types(function, [TensorType(flux.float32, (b, n + 2))]))

    assert of(lambda x: flux.diff(x, n=2)) == 'Float32[Tensor, "b n"]'
    assert of(lambda x: flux.diff(x, append=0.0)) == 'Float32[Tensor, "b n+2"]'


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: flux.diff(x, axis=2), AxisError, "diff.*axis 2 does not exist"),
        (lambda x: flux.diff(x[0, 0]), AxisError, "a scalar has no axes"),
        (lambda x: flux.diff(x > 0), DTypeError, "diff.*needs numbers, got bool"),
        (lambda x: flux.diff(x, n=-1), ValueError, "got n=-1"),
        (lambda x: flux.diff(x, prepend=x[:1]), ShapeError, "cannot concatenate"),
    ],
)
def test_messages(call: Callable[[Tensor], Tensor], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(flux.ones((2, 3)))
