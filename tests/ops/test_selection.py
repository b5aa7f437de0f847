"""Selection by a mask: with and without the quick way for zeros, numpy's `where` to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from typedflux import dtypes
from typedflux.ops.kernels.selection import keep, select

Array = np.ndarray[Any, np.dtype[Any]]


def samples(dtype: np.dtype[Any]) -> Array:
    values = np.array([[0.0, -0.0, 1.5], [np.inf, -np.inf, np.nan]])
    if dtype.kind in "iub":
        return np.array([[0, 1, 2], [3, 100, 7]]).astype(dtype)
    return values.astype(dtype)


MASK = np.array([[True, False, True], [False, True, False]])


def equal_bits(a: Array, b: Array) -> bool:
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


@pytest.mark.parametrize("dtype", [d.dtype for d in dtypes.ALL], ids=str)
def test_bits_are_those_of_where(dtype: np.dtype[Any]) -> None:
    x, zero = samples(dtype), np.zeros((), dtype)
    for mask in (MASK, ~MASK, MASK[0], MASK[:, :1], np.array(True)):
        for value in (x, x.T.copy().T, x[:, ::-1], np.broadcast_to(x[0], (2, 3))):
            assert equal_bits(keep(mask, value), np.where(mask, value, zero))
            assert equal_bits(select(mask, value, zero), np.where(mask, value, zero))
            assert equal_bits(select(mask, zero, value), np.where(mask, zero, value))
            assert equal_bits(select(mask, value, x), np.where(mask, value, x))


def test_a_zero_with_a_sign_keeps_it() -> None:
    x = np.ones((2, 3), np.float32)
    out = select(MASK, x, np.array(-0.0, np.float32))
    assert np.signbit(out).tolist() == (~MASK).tolist()


def test_order_in_memory_is_kept() -> None:
    x = np.ones((3, 4, 5), np.float32).transpose(2, 1, 0)
    assert keep(x > 0, x).strides == x.strides
