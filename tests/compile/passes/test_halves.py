"""Compiled sums and products of float16 and bfloat16: native, and as the kernels round them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, dtypes, nn
from typedflux.compile import Jitted
from typedflux.core.tree import leaves
from typedflux.dtypes import DType

RNG = np.random.default_rng(0)
HALVES = [dtypes.float16, dtypes.bfloat16]


def half(dtype: DType, *shape: int) -> Tensor:
    return flux.asarray(RNG.standard_normal(shape)).astype(dtype)


def native(f: Callable[..., Any], *args: Any) -> None:
    """The compiled function gives what the eager one does, but for one rounding, and runs without
    kernels of numpy."""
    text = flux.explain(f, *args)
    assert "through numpy" not in text, text
    for got, want in zip(leaves(Jitted(f)(*args)), leaves(f(*args)), strict=True):
        assert got.dtype == want.dtype
        digits = 2.0**-10 if want.dtype == dtypes.float16 else 2.0**-7
        a, b = (x.numpy().astype(np.float64) for x in (got, want))
        np.testing.assert_allclose(a, b, rtol=1.5 * digits, atol=4 * digits)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_products(dtype: DType) -> None:
    x, y, b = half(dtype, 3, 17, 9), half(dtype, 9, 33), half(dtype, 33)
    native(lambda x, y, b: [x @ y, flux.affine(x, y.T, b), flux.einsum("bij,bkj->bik", x, x)],
           x, y, b)  # fmt: skip
    native(
        lambda x, y: flux.gradient(lambda y: flux.tanh(x @ y).astype(flux.float32).sum(), y), x, y
    )


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_sums_do_not_stand_still(dtype: DType) -> None:
    x = flux.ones(5000, dtype=dtype)
    assert Jitted(lambda x: x.sum())(x).item() == pytest.approx(5000, rel=2.0**-8)
    native(
        lambda x: [
            x.sum(axis=0), x.mean(axis=1), x.max(axis=1), x.min(axis=(0, 1)), x.std(),
            flux.prod(x[:3], axis=0), flux.softmax(x), flux.cumulative_sum(x[:, :5], axis=1),
            flux.scatter(flux.arange(6) % 2, x, 2),
        ],
        half(dtype, 6, 40),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_images(dtype: DType) -> None:
    model = nn.Chain(
        nn.Conv((3, 3), 2, 4, flux.relu, padding=1), nn.MaxPool((2, 2)),
        nn.Conv((3, 3), 4, 8), nn.MeanPool((2, 2)), nn.Flatten(), nn.Dense(32, 3),
    )  # fmt: skip
    model = (flux.f16 if dtype == dtypes.float16 else flux.bf16)(model)
    x = half(dtype, 3, 2, 12, 12)
    native(lambda m, x: m(x), model, x)
    native(
        lambda m, x: leaves(flux.gradient(lambda m: m(x).astype(flux.float32).sum(), m)), model, x
    )
