"""Infinities, nan and signed zeros, as the standard's lists of special cases want them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import typedflux as flux
from typedflux import DType, Tensor

INF = math.inf
NAN = math.nan


def same(got: Tensor, wanted: list[complex]) -> None:
    """Equal values, nan being one, and equal signs of zeros."""
    wide = got.numpy().reshape(-1)
    wide = wide.astype("complex128" if got.dtype.is_complex else "float64")
    for mine, theirs in [(wide.real, np.real(wanted)), (wide.imag, np.imag(wanted))]:
        np.testing.assert_array_equal(mine, theirs)
        known = ~np.isnan(theirs)
        np.testing.assert_array_equal(np.signbit(mine)[known], np.signbit(theirs)[known])


@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16, flux.float32, flux.float64])
@pytest.mark.parametrize(
    "x, y, quotient",
    [
        (INF, 2.0, INF),
        (INF, -2.0, -INF),
        (-INF, 2.0, -INF),
        (-INF, -2.0, INF),
        (INF, INF, NAN),
        (INF, 0.0, INF),
        (3.0, -INF, -0.0),
        (-3.0, INF, -0.0),
        (3.0, INF, 0.0),
        (-3.0, -INF, 0.0),
        (-0.0, 2.0, -0.0),
        (0.0, 0.0, NAN),
        (NAN, INF, NAN),
        (-7.0, 2.0, -4.0),
    ],
)
def test_floor_divide(x: float, y: float, quotient: float, dtype: DType) -> None:
    """As `floor(x / y)`, for numbers beside the infinite ones too."""
    a, b = flux.asarray([x, 7.0], dtype=dtype), flux.asarray([y, 2.0], dtype=dtype)
    same(a // b, [quotient, 3.0])
    same(a[0] // b[0], [quotient])


def test_floor_divide_keeps_python_for_finite_numbers() -> None:
    """1 / 0.1 rounds to 10, but 1 holds 0.1 (a bit more than a tenth) nine times."""
    x = flux.asarray([1.0, INF], dtype=flux.float64)
    assert (x // 0.1).tolist() == [9.0, INF]
    assert (flux.asarray([7, -7]) // 2).tolist() == [3, -4]


@pytest.mark.parametrize("dtype", [flux.complex64, flux.complex128])
@pytest.mark.parametrize(
    "x, value",
    [
        (complex(-0.0, 0.0), 0j),
        (complex(INF, 0.0), complex(INF, 0.0)),
        (complex(-INF, 1.0), complex(-1.0, 0.0)),
        (complex(-INF, INF), complex(-1.0, 0.0)),
        (complex(INF, INF), complex(INF, NAN)),
        (complex(-INF, NAN), complex(-1.0, 0.0)),
        (complex(NAN, 0.0), complex(NAN, 0.0)),
        (complex(NAN, 1.0), complex(NAN, NAN)),
        (complex(1.0, INF), complex(NAN, NAN)),
    ],
)
def test_complex_expm1(x: complex, value: complex, dtype: DType) -> None:
    same(flux.expm1(flux.asarray([x], dtype=dtype)), [value])


def test_complex_log1p_is_exact_for_small_numbers_and_odd_across_the_cut() -> None:
    x = flux.asarray([1e-20 + 1e-21j, complex(0.5, -0.0), complex(-0.0, -0.0)], dtype="complex128")
    y = flux.log1p(x).numpy()
    assert y[0] == pytest.approx(1e-20 + 1e-21j, rel=1e-15)
    assert np.signbit(y.imag[1:]).all()
    assert flux.log1p(x[1]).item().imag == 0.0


@pytest.mark.parametrize("dtype", [flux.complex64, flux.complex128])
@pytest.mark.parametrize(
    "x, value",
    [
        (complex(INF, 2.0), complex(1.0, 0.0)),
        (complex(INF, -2.0), complex(1.0, -0.0)),
        (complex(-INF, 2.0), complex(-1.0, 0.0)),
        (complex(INF, INF), complex(1.0, 0.0)),
        (complex(0.0, INF), complex(0.0, NAN)),
        (complex(-0.0, NAN), complex(-0.0, NAN)),
        (complex(1.0, INF), complex(NAN, NAN)),
        (complex(NAN, 0.0), complex(NAN, 0.0)),
    ],
)
def test_complex_tanh_and_tan(x: complex, value: complex, dtype: DType) -> None:
    """`tan(x)` is `-1j * tanh(1j * x)`, with the parts exchanged rather than multiplied."""
    same(flux.tanh(flux.asarray([x, 0j], dtype=dtype)), [value, 0j])
    turned = flux.asarray(complex(x.imag, -x.real), dtype=dtype)
    same(flux.tan(turned), [complex(value.imag, -value.real)])


def test_complex_tan_of_ordinary_numbers() -> None:
    x = flux.asarray([1 + 2j, -0.3 + 0.1j, 4.0 - 30j], dtype=flux.complex128)
    np.testing.assert_allclose(flux.tan(x).numpy(), np.tan(x.numpy()), rtol=1e-14)
    np.testing.assert_allclose(flux.tanh(x).numpy(), np.tanh(x.numpy()), rtol=1e-14)


def test_exponentials_of_rank_0() -> None:
    x = flux.asarray(1e-10 + 1e-11j)
    assert flux.log1p(x).shape == flux.expm1(x).shape == ()
    assert flux.log1p(x).item() == pytest.approx(flux.expm1(x).item(), rel=1e-6)
