"""Products of matrices: every way through BLAS gives the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from typedflux.ops.kernels import products
from typedflux.ops.kernels.products import multiply

Array = np.ndarray[Any, np.dtype[Any]]

SIZES = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (1, 5, 1), (5, 1, 7), (300, 1, 500), (1, 800, 600),
    (2, 1024, 1024), (4, 512, 784), (7, 300, 1100), (8, 784, 512), (12, 130, 1900), (31, 90, 70),
    (512, 8, 784), (300, 16, 700), (257, 5, 1001), (700, 16, 100), (40, 50, 60),
]  # fmt: skip


def matrix(rows: int, columns: int, dtype: str, turned: bool) -> Array:
    rng = np.random.default_rng(rows * 7919 + columns)
    values = rng.integers(-4, 5, (columns, rows) if turned else (rows, columns)).astype(dtype)
    return values.T if turned else values


@pytest.fixture(params=[True, False])
def small_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on processors whose BLAS has kernels for small matrices, and on others."""
    monkeypatch.setattr(products, "_SMALL_KERNELS", request.param)


@pytest.mark.usefixtures("small_kernels")
@pytest.mark.parametrize("turned", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("sizes", SIZES)
def test_product_is_that_of_numpy(
    sizes: tuple[int, int, int], turned: tuple[bool, bool]
) -> None:  # fmt: skip
    rows, terms, columns = sizes
    for dtype in ("float32", "float64", "int64", "complex64"):
        if dtype in ("int64", "complex64") and rows * terms * columns > 10**5:
            continue  # numpy's own loops are slow
        x = matrix(rows, terms, dtype, turned[0])
        y = matrix(terms, columns, dtype, turned[1])
        out = multiply(x, y)
        assert out.dtype == dtype and out.flags.c_contiguous
        # Whole numbers as small as these are multiplied and added exactly.
        assert np.array_equal(out, x @ y)


@pytest.mark.usefixtures("small_kernels")
@pytest.mark.parametrize("sizes", SIZES)
def test_inner_sizes_must_be_equal(sizes: tuple[int, int, int]) -> None:
    rows, terms, columns = sizes
    with pytest.raises(ValueError, match="mismatch"):
        multiply(np.zeros((rows, terms), "f"), np.zeros((terms + 1, columns), "f"))


def test_operands_need_no_layout() -> None:
    x, y = matrix(16, 784, "float32", False)[::2], matrix(784, 1024, "float32", False)[:, ::2]
    assert np.array_equal(multiply(x, y), np.ascontiguousarray(x) @ np.ascontiguousarray(y))


def test_blocks_are_whole_vectors_of_about_equal_length() -> None:
    for length, most in ((512, 159), (784, 97), (100, 1), (17, 16), (1024, 1024)):
        size = products._even(length, most)
        assert size % 16 == 0 and size <= max(most, 16)
        assert -(-length // size) <= -(-length // max(most // 16 * 16, 16))
