"""Products of two matrices, by the way through BLAS that is fastest for their shape.

Layers make products with few rows (`x @ weight.T` for a small batch) and of few terms (the gradient
of a weight, `g.T @ x`). There BLAS spends more time on packing the large operand, and on waking its
threads, than on multiplying. OpenBLAS has kernels that do neither on processors with AVX-512; it
takes them for products of up to a million multiplications, so somewhat larger ones are cut into
blocks of that size (measured: 1.3 to 3 times as fast on one thread, about the same on two).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

# What OpenBLAS takes its small kernels for: multiplications, and elements of the result where the
# second operand is a transpose (`*gemm_small_kernel_permit` in its sources).
_BLOCK: Final = 10**6
_BLOCK_OF_TRANSPOSE: Final = 1200

_BLOCK_OF_RESULT: Final = 40_000
"""Elements of a block of rows that a cache holds while the terms are added to it."""

_LEAST: Final = 10**5
"""Multiplications below which nothing is worth a second call."""
_MOST: Final = 4 * _BLOCK
"""Multiplications above which threads and packing pay."""
_FEW_ROWS: Final = 12
_FEW_TERMS: Final = 16
_TURNED_ROWS: Final = 32
"""Rows below which a product with a transpose is made on the other side."""


def _has_small_kernels() -> bool:
    """Whether numpy's BLAS has kernels for small matrices on this processor."""
    config: Any = np.show_config(mode="dicts")
    features = config.get("SIMD Extensions", {}).get("found", ())
    blas = config.get("Build Dependencies", {}).get("blas", {}).get("name", "")
    return "openblas" in blas and not {"AVX512_SKX", "X86_V4"}.isdisjoint(features)


_SMALL_KERNELS: Final = _has_small_kernels()
_SUPPORTED: Final = (np.dtype(np.float32), np.dtype(np.float64))


def multiply(x: Array, y: Array) -> Array:
    """`x @ y` for matrices.

    Raises:
        ValueError: when the inner sizes differ.
    """
    rows, terms = x.shape
    columns = y.shape[1]
    if terms == 1 and y.shape[0] == 1:
        return np.multiply(x, y, order="C")  # numpy does not leave these to BLAS
    work = rows * terms * columns
    if work <= _LEAST:
        product: Array = np.matmul(x, y)
        return product
    turned = y.strides[0] == y.itemsize  # the second operand is a transpose
    if _SMALL_KERNELS and work <= _MOST and x.dtype in _SUPPORTED:
        if rows <= _FEW_ROWS:
            if work > _BLOCK or (turned and rows * columns > _BLOCK_OF_TRANSPOSE):
                return _by_columns(x, y, turned)
        elif terms <= _FEW_TERMS and work > _BLOCK and columns >= rows:
            return _by_rows(x, y)
    if turned and rows < _TURNED_ROWS:
        # Few columns are twice as fast as few rows. The copy is small, and what comes after works
        # on rows.
        return np.ascontiguousarray((y.T @ x.T).T)
    product = np.matmul(x, y)
    return product


def _by_columns(x: Array, y: Array, turned: bool) -> Array:
    rows, terms = x.shape
    columns = y.shape[1]
    size = _BLOCK // (rows * terms)
    if turned:
        size = min(size, _BLOCK_OF_TRANSPOSE // rows)
    size = _even(columns, size)
    out = np.empty((rows, columns), np.result_type(x, y))
    for start in range(0, columns, size):
        np.matmul(x, y[:, start : start + size], out=out[:, start : start + size])
    return out


def _by_rows(x: Array, y: Array) -> Array:
    rows, terms = x.shape
    columns = y.shape[1]
    size = _even(rows, min(_BLOCK // terms, _BLOCK_OF_RESULT) // columns)
    out = np.empty((rows, columns), np.result_type(x, y))
    for start in range(0, rows, size):
        np.matmul(x[start : start + size], y, out=out[start : start + size])
    return out


def _even(length: int, most: int) -> int:
    """The size of blocks of about equal length, in multiples of a vector's 16 numbers."""
    most = max(most // 16, 1) * 16
    blocks = -(-length // most)
    return -(-length // (16 * blocks)) * 16
