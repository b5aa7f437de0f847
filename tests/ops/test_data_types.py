"""finfo, iinfo, isdtype, result_type, can_cast, and what the namespace tells of itself."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import typedflux as flux
from typedflux import dtypes, ops
from typedflux.dtypes import DType
from typedflux.ops.data_types import KINDS
from typedflux.shapes.errors import DTypeError, UndecidedError

FLOATS = [d for d in dtypes.ALL if d.is_floating]
INTEGERS = [d for d in dtypes.ALL if d.is_integer]
NUMPYS = [d for d in dtypes.ALL if d is not flux.bfloat16]
any_dtype = st.sampled_from(dtypes.ALL)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_a_dtype_by_whatever_means_it(dtype: DType) -> None:
    for like in (dtype, str(dtype), dtype.dtype, dtype.type):
        assert dtypes.as_dtype(like) is dtype
        assert flux.zeros(1, dtype=like).dtype is dtype
    assert np.dtype(dtype) == dtype.dtype
    assert [dtypes.as_dtype(t) for t in (bool, int, float, complex)] == [
        flux.bool_, flux.int64, flux.float32, flux.complex64,
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_finfo_by_what_arithmetic_does(dtype: DType) -> None:
    limits = flux.finfo(dtype)
    real = dtype.type

    def number(value: float) -> Any:
        return real(value)

    assert (limits.bits, limits.dtype) == (dtype.bits, dtype)
    values = (limits.eps, limits.max, limits.min, limits.smallest_normal)
    assert all(type(x) is float and float(number(x)) == x for x in values)
    one = number(1)
    assert one + number(limits.eps) > one and one + number(limits.eps / 4) == one
    assert limits.min == -limits.max and math.isfinite(limits.max)
    with np.errstate(over="ignore"):
        assert math.isinf(float(number(limits.max) * number(1 + 2 * limits.eps)))
    # Below the smallest normal number, half a unit in the last place is lost.
    below = number(limits.smallest_normal * (1 + limits.eps)) / number(2)
    assert below * number(2) != number(limits.smallest_normal * (1 + limits.eps))


@pytest.mark.parametrize("dtype", [d for d in FLOATS if d in NUMPYS], ids=str)
def test_finfo_is_numpys(dtype: DType) -> None:
    limits, wanted = flux.finfo(dtype), np.finfo(dtype.dtype)
    for name in ("bits", "eps", "max", "min", "smallest_normal"):
        assert getattr(limits, name) == getattr(wanted, name)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_iinfo(dtype: DType) -> None:
    limits, wanted = flux.iinfo(dtype), np.iinfo(dtype.dtype)
    assert (limits.bits, limits.max, limits.min) == (wanted.bits, wanted.max, wanted.min)
    assert limits.dtype is dtype and type(limits.max) is int
    assert flux.iinfo(flux.zeros(3, dtype=dtype)) == limits


def test_limits_of_what_has_a_dtype() -> None:
    single = flux.finfo(flux.float32)
    for like in (flux.complex64, flux.zeros(2), np.zeros(2, np.float32), "float32", float, complex):
        assert flux.finfo(like) == single
    assert flux.finfo(flux.asarray(1j)).dtype == flux.float32
    assert flux.iinfo(np.int16(3)) == flux.iinfo("int16")
    with pytest.raises(DTypeError, match=r"finfo.*got int8: see iinfo"):
        flux.finfo(flux.int8)
    with pytest.raises(DTypeError, match=r"iinfo.*got bfloat16: see finfo"):
        flux.iinfo(flux.bfloat16)
    with pytest.raises(DTypeError, match=r"got bool$"):
        flux.iinfo(flux.asarray(True))
    with pytest.raises(DTypeError, match="there is no dtype 'float8'"):
        flux.finfo("float8")
    with pytest.raises(UndecidedError, match="any of Float"):
        flux.finfo(cast(DType, dtypes.Float))


def test_isdtype() -> None:
    for dtype in dtypes.ALL:
        kinds = {kind for kind in KINDS if flux.isdtype(dtype, kind)}
        if dtype in NUMPYS:
            assert kinds == {kind for kind in KINDS if np.isdtype(dtype.dtype, kind)}
        else:
            assert kinds == {"real floating", "numeric"}
        assert flux.isdtype(dtype, dtype) and flux.isdtype(str(dtype), (dtype, "bool"))
    assert not flux.isdtype(flux.int8, ()) and not flux.isdtype(flux.int8, flux.int16)
    assert flux.isdtype(flux.int8, ("bool", flux.float32, "integral"))
    with pytest.raises(DTypeError, match="'floating'; the kinds are 'bool', 'signed integer'"):
        flux.isdtype(flux.int8, "floating")


def test_isdtype_of_a_family() -> None:
    some = cast(DType, dtypes.Int)
    assert flux.isdtype(some, "integral") and not flux.isdtype(some, "real floating")
    with pytest.raises(UndecidedError, match="not decided"):
        flux.isdtype(cast(DType, dtypes.Num), "integral")


@given(st.lists(any_dtype, min_size=1, max_size=4), st.randoms())
def test_result_type_is_what_operations_compute_in(kinds: list[DType], random: Any) -> None:
    tensors = [flux.zeros(2, dtype=d) for d in kinds]
    try:
        wanted = flux.concat(tensors).dtype
    except DTypeError:
        # uint64 with signed integers, and no float that would take both
        assert any(d is flux.uint64 for d in kinds) and any(d.kind == "int" for d in kinds)
        return
    mixed = [random.choice((d, str(d), t)) for d, t in zip(kinds, tensors, strict=True)]
    assert flux.result_type(*mixed) == wanted


@given(any_dtype, st.sampled_from([True, 3, 2.5, 1j]))
def test_result_type_with_python_numbers(dtype: DType, number: complex) -> None:
    wanted = flux.where(flux.asarray(True), flux.zeros(2, dtype=dtype), number).dtype
    assert flux.result_type(dtype, number) == flux.result_type(number, dtype) == wanted


def test_result_type_of_what() -> None:
    assert flux.result_type(np.float64(1), flux.float32) == flux.float64  # not weak: it has a dtype
    assert flux.result_type(flux.int8, 1, 2.0, 3j) == flux.complex64
    with pytest.raises(TypeError, match="Python numbers alone have none"):
        flux.result_type(1, 2.0)
    with pytest.raises(TypeError, match="needs a tensor or a dtype"):
        flux.result_type()
    with pytest.raises(DTypeError, match="no integer type holds both uint64 and int8"):
        flux.result_type(flux.uint64, flux.int8)


@given(any_dtype, any_dtype)
def test_can_cast(a: DType, b: DType) -> None:
    try:
        wanted = flux.result_type(a, b) == b
    except DTypeError:
        wanted = False
    assert flux.can_cast(a, b) is wanted
    assert flux.can_cast(flux.zeros(1, dtype=a), str(b)) is wanted


def test_the_namespace_tells_all_that_the_standard_asks() -> None:
    info = flux.zeros(1).__array_namespace__().__array_namespace_info__()
    assert info.capabilities()["boolean indexing"] is True
    assert info.capabilities().keys() == {
        "boolean indexing", "data-dependent shapes", "max dimensions",
    }  # fmt: skip
    device = info.default_device()
    assert info.devices() == [device] and flux.zeros(1).device == device
    defaults = info.default_dtypes(device=device)
    assert defaults["real floating"] == flux.asarray(1.0).dtype
    assert defaults["complex floating"] == flux.asarray(1j).dtype
    assert defaults["integral"] == flux.asarray(1).dtype
    assert defaults["indexing"] == flux.argmax(flux.zeros(2)).dtype
    standard = set(dtypes.ALL) - {flux.float16, flux.bfloat16}
    assert set(info.dtypes().values()) == standard
    for kind in KINDS:
        assert set(info.dtypes(kind=kind).values()) == {d for d in standard if d in KINDS[kind]}
    assert info.dtypes(kind=("bool", "complex floating")).keys() == {
        "bool",
        "complex64",
        "complex128",
    }
    assert info.dtypes(kind=()) == {}
    assert all(getattr(flux, name) is d for name, d in info.dtypes().items())
    with pytest.raises(ValueError, match="no kind 'floats'"):
        info.dtypes(kind="floats")
    with pytest.raises(ValueError, match="no device 'tpu'"):
        info.dtypes(device="tpu")
    assert ops.asarray(1.0, device=device).to_device("cpu").device == device
