"""What memory and registers hold, and conversion between all data types, against numpy's."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.compile.building import Elementwise, machine_of
from typedflux import dtypes
from typedflux.compile.native.conversions import astype, compute_type, memory_type
from typedflux.dtypes import DType

DTYPES = [d for d in dtypes.ALL if not d.is_complex]
ARM = platform.machine().lower() in ("arm64", "aarch64")


def _values(dtype: DType, rng: np.random.Generator) -> npt.NDArray[Any]:
    if dtype.kind == "bool":
        return np.asarray(rng.integers(0, 2, 333), np.bool_)
    if dtype.is_integer:
        return rng.integers(0, 256, 333 * dtype.itemsize, np.uint8).view(dtype.dtype)
    special = [
        0.0, -0.0, 1 + 2**-11 + 2**-40, 1 + 2**-8 - 2**-40, 65519.9999, 65520, 255.9, -0.9, 1e-320,
        5.96e-8, 2.98e-8, 1e-39, 3e38, -2.0**31 - 0.5, 2.0**31 - 0.5, 2.0**31 - 2.0**8,
    ]  # fmt: skip
    if not ARM:  # beyond every integer
        special += [np.nan, np.inf, -np.inf, 2.0**31, -(2.0**31), 2.0**63, 2.0**64, -1e19]
    size = 45 if not ARM else 4
    random = rng.normal(size=300) * 10.0 ** rng.integers(-size, size, 300)
    with np.errstate(all="ignore"):
        return np.concatenate([random, special]).astype(dtype.dtype)


def _same(got: npt.NDArray[Any], want: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if got.dtype.kind in "iub":
        return np.asarray(got == want)
    a, b = got.astype(np.float64), want.astype(np.float64)
    return np.asarray(((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b)))


@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_astype_is_numpys(source: DType, bits: int) -> None:
    x = _values(source, np.random.default_rng(1))
    for target in DTYPES:
        if target.name == "uint32" and source.is_floating:
            # numpy itself gives different numbers for what is out of range, by its place
            wide = x.astype(np.float64)
            x = x[(wide > -1) & (wide < 2**32)]
        function = Elementwise(
            lambda f, v, to=target: astype(f, v[0], source, to),  # type: ignore[misc]
            [source], target, bits // 32, machine_of(bits),
        )  # fmt: skip
        with np.errstate(all="ignore"):
            want = x.astype(target.dtype)
        got = function(x)
        same = _same(got, want)
        assert same.all(), (target, x[~same][:5], got[~same][:5], want[~same][:5])


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 31])
@pytest.mark.parametrize("lanes", [0, 8, 16])
def test_loads_and_stores_reach_what_they_should(count: int, lanes: int) -> None:
    for dtype in DTYPES:
        x = _values(dtype, np.random.default_rng(2))[:count]
        got = Elementwise(lambda f, v: v[0], [dtype], dtype, lanes)(x)
        assert got.tobytes() == x.tobytes()


@pytest.mark.parametrize("bits", [128, 256, 512])
@pytest.mark.parametrize("target", DTYPES, ids=str)
def test_a_known_number_of_elements_is_written(target: DType, bits: int) -> None:
    # A conversion that narrows, then a store with a literal mask: beyond it nothing is written.
    lanes = bits // 32
    x = np.random.default_rng(3).integers(0, 2, 2 * lanes).astype(np.float32)
    for source in (dtypes.float32, dtypes.int64, target):
        for count in range(2 * lanes + 1):
            function = Elementwise(
                lambda f, v, s=source: astype(f, v[0], s, target),  # type: ignore[misc]
                [source], target, lanes, machine_of(bits), count,
            )  # fmt: skip
            given = x.astype(source.dtype)[:count]
            assert _same(function(given), given.astype(target.dtype)).all()


def test_complex_numbers_have_no_registers() -> None:
    with pytest.raises(TypeError, match="complex64"):
        compute_type(dtypes.complex64)
    with pytest.raises(TypeError, match="complex128"):
        memory_type(dtypes.complex128)
