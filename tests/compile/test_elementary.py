"""Elementary functions of generated code: their errors, measured, and their special values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from tests.compile.building import Elementwise, machine_of
from typedflux import dtypes
from typedflux.compile.native import elementary
from typedflux.compile.native.elementary import ERRORS

Array = npt.NDArray[Any]

# Of doubles: the function, and numbers between which to sample more densely.
ROWS: dict[str, tuple[Callable[[Array], Array], float, float]] = {
    "exp": (np.exp, -104, 89), "exp2": (np.exp2, -150, 128), "expm1": (np.expm1, -18, 89),
    "tanh": (np.tanh, -10, 10), "sinh": (np.sinh, -90, 90), "cosh": (np.cosh, -90, 90),
    "sigmoid": (lambda x: np.where(x < -88.722832, 0, 1 / (1 + np.exp(-x))), -89, 20),
    "log": (np.log, 0, 4), "log2": (np.log2, 0, 4), "log10": (np.log10, 0, 4),
    "log1p": (np.log1p, -1, 4), "softplus": (lambda x: np.logaddexp(x, 0), -104, 20),
    "asinh": (np.arcsinh, -4, 4), "acosh": (np.arccosh, 1, 8), "atanh": (np.arctanh, -1, 1),
    "sin": (np.sin, -100, 100), "cos": (np.cos, -100, 100), "tan": (np.tan, -100, 100),
    "asin": (np.arcsin, -1, 1), "acos": (np.arccos, -1, 1), "atan": (np.arctan, -5, 5),
    "erf": (special.erf, -4, 4), "erfinv": (special.erfinv, -1, 1),
}  # fmt: skip

# Where doubles are compared with numpy's, whose own errors count too.
_DOUBLE_ULPS = {"tan": 4, "sinh": 4, "cosh": 3, "atanh": 4, "erfinv": 8, "erf": 3, "tanh": 3}


def build(name: str, dtype: dtypes.DType, lanes: int, bits: int, operands: int = 1) -> Elementwise:
    function = getattr(elementary, name)
    return Elementwise(
        lambda f, v: function(f, *v), [dtype] * operands, dtype, lanes, machine_of(bits)
    )


def ulps(got: Array, true: Array) -> Array:
    """Errors in units in the last place of the true result; infinite where a limit is missed."""
    info = np.finfo(got.dtype)
    near = true.astype(got.dtype)
    _, exponent = np.frexp(np.where(np.isfinite(true), np.abs(true), 1))
    exponent = np.clip(exponent - 1, int(info.minexp), int(info.maxexp) - 1)
    size = np.abs(got.astype(np.float64) - true) / np.ldexp(1.0, exponent - int(info.nmant))
    same = ((got == near) & (np.signbit(got) == np.signbit(near))) | (
        np.isnan(got) & np.isnan(near)
    )
    limits = ~(np.isfinite(got) & np.isfinite(true))
    return np.asarray(np.where(same & ~np.isfinite(near), 0, np.where(limits, np.inf, size)))


def worst(name: str, run: Elementwise, x: Array) -> tuple[float, float]:
    """The largest error, and where."""
    with np.errstate(all="ignore"):
        true = np.asarray(ROWS[name][0](x.astype(np.float64)))
        errors = ulps(run(x), true)
    place = int(np.argmax(errors))
    return float(errors[place]), float(x[place])


def every(step: int, offset: int = 0) -> Array:
    """Every `step`-th of all float32 bit patterns."""
    return np.arange(offset, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize(("lanes", "bits"), [(16, 512), (8, 256)])
@pytest.mark.parametrize("name", ROWS)
def test_errors_over_all_of_float32(name: str, lanes: int, bits: int) -> None:
    run = build(name, dtypes.float32, lanes, bits)
    low, high = ROWS[name][1:]
    dense = np.linspace(low, high, 2**15).astype(np.float32)
    error, where = worst(name, run, np.concatenate([every(2**16 + 1), dense]))
    assert error <= ERRORS[name], f"{name}({where!r}) is off by {error} ulp"


@pytest.mark.deep
@pytest.mark.parametrize("name", ROWS)
def test_errors_over_2_26_numbers(name: str) -> None:
    run = build(name, dtypes.float32, 16, 512)
    low, high = ROWS[name][1:]
    for part in range(16):
        error, where = worst(name, run, every(2**10, part * 61 + 5))
        assert error <= ERRORS[name], f"{name}({where!r}) is off by {error} ulp"
    between = np.linspace(low, high, 2**22).astype(np.float32)
    error, where = worst(name, run, between)
    assert error <= ERRORS[name], f"{name}({where!r}) is off by {error} ulp"


@pytest.mark.deep
@pytest.mark.parametrize(
    ("name", "low", "high", "both"),
    [
        ("exp", 2.0**-26, 105.0, True),
        ("tanh", 2.0**-14, 11.0, False),
        ("erf", 2.0**-14, 4.5, False),
        ("log", 2.0**-4, 16.0, False),
    ],
)
def test_errors_of_every_float32_between(name: str, low: float, high: float, both: bool) -> None:
    # outside they are limits, an odd function's other half, or have the same bits as inside
    run = build(name, dtypes.float32, 16, 512)
    first, last = (int(np.float32(edge).view(np.uint32)) for edge in (low, high))
    for start in range(first, last, 2**22):
        x = np.arange(start, min(start + 2**22, last + 1), dtype=np.uint32).view(np.float32)
        for given in (x, -x) if both else (x,):
            error, where = worst(name, run, given)
            assert error <= ERRORS[name] <= 2, f"{name}({where!r}) is off by {error} ulp"


SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 2.0, -2.0, 1e300, -1e300]


@pytest.mark.parametrize("name", ROWS)
def test_doubles(name: str) -> None:
    low, high = ROWS[name][1:]
    if high > 80 and name not in ("sin", "cos", "tan"):
        low, high = 8.25 * low, 8.25 * high  # results reach to the smallest and largest here too
    rng = np.random.default_rng(0)
    tiny = rng.normal(size=500) * 10.0 ** rng.integers(-320, 0, 500)
    x = np.concatenate([np.linspace(low, high, 2000), tiny, SPECIAL])
    if name in ("log", "log2", "log10", "asinh", "atan", "sin", "cos", "tan"):
        x = np.concatenate([x, 10.0 ** rng.uniform(0, 300, 500)])
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            want = np.where(x < -709.78, 0, 1 / (1 + np.exp(-x)))
            x, want = x[x > -709], want[x > -709]
        else:
            want = np.asarray(ROWS[name][0](x))
        for lanes, bits in ((16, 512), (8, 256)):
            errors = ulps(build(name, dtypes.float64, lanes, bits)(x), want)
            place = int(np.argmax(errors))
            assert errors[place] <= _DOUBLE_ULPS.get(name, 2.5), (x[place], errors[place])


# The double nearest to a multiple of pi/2, powers of 2 and others far beyond the easy range; their
# functions with pi to 1300 bits, because numpy's are 8 ulp off there.
ANGLES = [6381956970095103.0 * 2.0**797, 1e22, 2.0**1000, -(2.0**700), 1.5e5, 1e308]
OF_ANGLES = {
    "sin": [
        1.0, -0.8522008497671888, -0.15920170308624243,
        0.46054855909065234, 0.9985620082661048, 0.4533964905016491,
    ],
    "cos": [
        -4.687165924254628e-19, 0.523214785395139, 0.9872460775989135,
        0.8876345107754227, 0.05360891388159102, -0.8913089376870335,
    ],
    "tan": [
        -2.133485385753704e+18, -1.6287782256068988, -0.16125837995065806,
        0.5188493163569371, 18.626790508602433, -0.5086861259107568,
    ],
}  # fmt: skip


@pytest.mark.parametrize("lanes", [0, 4, 8])
@pytest.mark.parametrize("name", OF_ANGLES)
def test_huge_angles(name: str, lanes: int) -> None:
    got = build(name, dtypes.float64, lanes, 512)(np.asarray(ANGLES))
    assert (ulps(got, np.asarray(OF_ANGLES[name])) <= 2).all()


POWERS = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 3.0, 0.5, -0.5, 1e-40, -3e38, 2.5, -7.0, 64.0]


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
@pytest.mark.parametrize("name", ["power", "atan2", "hypot", "logaddexp"])
def test_functions_of_two(name: str, dtype: dtypes.DType) -> None:
    reference: Any = {
        "power": np.power, "atan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp
    }[name]  # fmt: skip
    rng = np.random.default_rng(4)
    values = np.asarray([*POWERS, np.inf, -np.inf, np.nan, 3.4e38, 1e-45], dtype.dtype)
    first, second = (v.ravel() for v in np.meshgrid(values, values))
    many = np.exp(rng.normal(size=3000) * 4), rng.normal(size=3000) * 15
    x = np.concatenate([first, many[0].astype(dtype.dtype)])
    y = np.concatenate([second, many[1].astype(dtype.dtype)])
    with np.errstate(all="ignore"):
        want = reference(x.astype(np.float64), y.astype(np.float64))
        for lanes, bits in ((16, 512), (8, 256), (0, 512)):
            got = build(name, dtype, lanes, bits, 2)(x, y)
            errors = ulps(got, want)
            if name == "logaddexp":  # near its zero it is as right as its operands
                errors = np.where(np.abs(got - want) < 4 * np.finfo(dtype.dtype).eps, 0, errors)
            place = int(np.argmax(errors))
            assert errors[place] <= 2.5, (x[place], y[place], got[place], want[place])


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
def test_limits(dtype: dtypes.DType) -> None:
    def value(name: str, x: float) -> float:
        return float(build(name, dtype, 0, 512)(np.asarray([x], dtype.dtype))[0])

    least = float(np.finfo(dtype.dtype).smallest_subnormal)
    for name in ("expm1", "tanh", "sinh", "log1p", "asinh", "atanh", "sin", "tan", "asin", "atan"):
        run = build(name, dtype, 16, 512)
        x = np.asarray([0.0, -0.0, least, -least, 3 * least, 1e-30, -1e-30], dtype.dtype)
        assert run(x).tobytes() == x.tobytes(), name
    assert value("exp", -np.inf) == 0 and value("exp", np.inf) == np.inf
    assert value("log", 0.0) == -np.inf and np.isnan(value("log", -1.0))
    assert value("erfinv", 1.0) == np.inf and np.isnan(value("erfinv", 1.1))
    assert value("sigmoid", -np.inf) == 0 and value("sigmoid", np.inf) == 1
    assert value("log2", 2.0**-100) == -100 and value("exp2", 100.0) == 2.0**100
