"""What sums and products are accumulated in, and their dtypes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import typedflux as flux
from typedflux import DType, Tensor

REDUCTIONS: list[Callable[..., Tensor]] = [
    flux.sum,
    flux.prod,
    flux.cumulative_sum,
    flux.cumulative_prod,
]
INTEGERS = [flux.int8, flux.int16, flux.int32, flux.int64]
UNSIGNED = [flux.uint8, flux.uint16, flux.uint32, flux.uint64]
INEXACT = [flux.float16, flux.bfloat16, flux.float32, flux.float64, flux.complex64]


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_dtypes(reduce: Callable[..., Tensor]) -> None:
    """Signed integers and booleans give int64, unsigned ones uint64, the rest their own."""
    for given, wanted in [
        *((d, flux.int64) for d in [flux.bool_, *INTEGERS]),
        *((d, flux.uint64) for d in UNSIGNED),
        *((d, d) for d in INEXACT),
    ]:
        out = reduce(flux.ones((3,), dtype=given))
        assert out.dtype == wanted, (given, out.dtype)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("dtype", [*INTEGERS, *UNSIGNED, *INEXACT])
def test_the_dtype_that_is_asked_for(reduce: Callable[..., Tensor], dtype: DType) -> None:
    """It is kept, and the elements are converted to it before they are combined."""
    assert reduce(flux.ones((3,), dtype=flux.uint8), dtype=dtype).dtype == dtype
    assert reduce(flux.ones((3,), dtype=dtype), dtype=dtype).dtype == dtype
    assert flux.sum(flux.asarray([200, 200], dtype="uint8"), dtype=flux.uint16).item() == 400


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_a_number_is_no_bool(reduce: Callable[..., Tensor]) -> None:
    with pytest.raises(flux.DTypeError, match="got dtype=bool: use any or all"):
        reduce(flux.ones((3,)), dtype=flux.bool_)


@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16])
def test_narrow_floats_do_not_stand_still(dtype: DType) -> None:
    """Adding 1 to 2048 in float16, or to 256 in bfloat16, changes nothing."""
    x = flux.ones((4096, 2), dtype=dtype)
    assert flux.sum(x, axis=0).tolist() == [4096.0, 4096.0]
    assert flux.cumulative_sum(x, axis=0)[-1].tolist() == [4096.0, 4096.0]
    assert flux.sum(x, axis=0).dtype == dtype
