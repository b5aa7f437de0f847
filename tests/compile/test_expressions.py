"""Code of every elementwise primitive against its numpy kernel, for every data type it takes."""

from __future__ import annotations

import importlib
import inspect
import itertools
import platform
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.compile.building import Elementwise, machine_of
from typedflux import dtypes, ops
from typedflux.autodiff.api import stop_gradient_p
from typedflux.compile.native.emitter import FLOAT, Function, Module, Value
from typedflux.compile.native.expressions import KNOWN, express, supports
from typedflux.core.primitive import Primitive
from typedflux.core.quiet import quiet
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.ops.families import Elementwise as ElementwisePrimitive
from typedflux.shapes.errors import DTypeError

Array = npt.NDArray[Any]

# By their paths: some functions of `ops` are called like modules.
_MODULES = [
    importlib.import_module(f"typedflux.ops.{name}")
    for name in (
        "activations", "arithmetic", "bitwise", "comparison", "complex_numbers", "conversion",
        "creation", "exponential", "gathering", "loss_terms", "rounding", "softmax", "special",
        "trigonometric",
    )
]  # fmt: skip
PRIMITIVES: dict[str, Primitive] = {
    value.lowering.detail: value
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, Primitive) and value.lowering.kind == "elementwise"
}
PRIMITIVES["identity"] = stop_gradient_p
X86 = platform.machine().lower() in ("x86_64", "amd64")
UNIFORM = sorted(detail for detail, p in PRIMITIVES.items() if isinstance(p, ElementwisePrimitive))
REAL = [d for d in dtypes.ALL if not d.is_complex]

# Units in the last place that a function of several steps may be off, beside eager's own error.
_ULPS = {
    "tan": 5, "logcosh": 4, "xlogy": 4, "xlogx": 4, "logit_term": 4, "logaddexp": 4, "erfinv": 4,
    "gelu_tanh": 5, "elu": 4, "sigmoid": 4, "softplus": 4,
}  # fmt: skip
# Those that cancel: right to so many units of the largest of operands, 1 and the result.
_CANCELLING = {"logcosh", "logaddexp", "logit_term", "gelu_tanh"}
_SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -7.0, 100.0, -100.0, 5e4, -6.5e4, 1e-7,
    -1e-7, 1e-40, -1e-40, 3e38, -3e38, 1e30, 88.8, -88.0, -104.5, 0.99, np.inf, -np.inf, np.nan,
]  # fmt: skip


def _one(dtype: DType, rng: np.random.Generator) -> Array:
    if dtype.kind == "bool":
        return np.asarray([False, True])
    if dtype.is_integer:
        info = np.iinfo(dtype.dtype)
        some = [0, 1, 2, 3, 5, 7, info.max, info.min, info.max // 2, info.bits - 1, info.bits]
        if dtype.kind == "int":
            some += [-1, -2, -3, info.min + 1]
        random = rng.integers(info.min, info.max, 20, dtype.dtype, endpoint=True)
        return np.concatenate([np.asarray(some, dtype.dtype), random])
    random = np.concatenate([rng.normal(size=8) * 3, rng.uniform(-1, 1, 8), rng.normal(size=8)])
    with np.errstate(all="ignore"):
        return np.concatenate([np.asarray(_SPECIAL), random]).astype(dtype.dtype)


def _operands(arity: int, dtype: DType) -> list[Array]:
    """All combinations of special and of random values."""
    rng = np.random.default_rng(5)
    ones = [_one(dtype, rng) for _ in range(arity)]
    if arity == 1 and dtype.is_floating:
        more = np.concatenate([rng.normal(size=300), rng.normal(size=300) * 30])
        return [np.concatenate([ones[0], more.astype(dtype.dtype)])]
    return [np.asarray(column) for column in zip(*itertools.product(*ones), strict=True)]


def _takes(primitive: ElementwisePrimitive, dtype: DType) -> bool:
    if dtype.is_complex or (primitive.inexact and not dtype.is_inexact):
        return False
    try:
        primitive.infer([TensorType(dtype, ())] * _arity(primitive), {})
    except DTypeError:
        return False
    return True


def _arity(primitive: ElementwisePrimitive) -> int:
    if primitive.kernel.__class__ is np.ufunc:
        return int(primitive.kernel.nin)
    return len(inspect.signature(primitive.kernel).parameters)


def _result(primitive: Primitive, types: list[DType], params: dict[str, Any]) -> DType:
    out: TensorType = primitive.infer([TensorType(d, ()) for d in types], params)
    assert isinstance(out.dtype, DType)
    return out.dtype


def _compiled(
    detail: str, types: list[DType], result: DType, params: dict[str, Any], lanes: int, bits: int
) -> Elementwise:
    def body(f: Function, values: Any) -> Value:
        return express(f, detail, values, types, result, params)

    return Elementwise(body, types, result, lanes, machine_of(bits))


def _wrong(detail: str, got: Array, operands: list[Array], kernel: Any, result: DType) -> Array:
    """Which results differ from the kernel's by more than they may."""
    wide = {"float16": np.float32, "bfloat16": np.float32, "float32": np.float64}
    want = np.asarray(quiet.run(kernel, *operands))
    if not result.is_floating:
        return np.asarray(got != want)
    a, b = got.astype(np.float64), want.astype(np.float64)
    same = ((a == b) & (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
    if detail in ("maximum", "minimum", "relu") and not X86:
        same |= (a == 0) & (b == 0)  # which of two zeros is numpy's choice for each CPU
    if same.all() or detail in EXACT:
        return np.asarray(~same)
    precise = operands
    if result.name in wide:
        precise = [np.asarray(x, wide[result.name]) for x in operands]
    with np.errstate(all="ignore"):
        true = np.asarray(quiet.run(kernel, *precise)).astype(np.float64)
        fraction = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[result.name]
        least = {"float16": -14, "float64": -1022}.get(result.name, -126)
        exponent = np.clip(np.floor(np.log2(np.abs(true))), least, 1023)
        unit = np.exp2(exponent - fraction)
        if detail in _CANCELLING:
            largest = np.maximum.reduce([np.abs(x) for x in (*precise, np.ones_like(true), true)])
            unit = np.maximum(unit, np.where(np.isfinite(largest), largest, 0) * 2.0**-fraction)
        near = np.abs(a - true) <= _ULPS.get(detail, 3) * unit
        near |= (np.abs(a) < 2.0**least) & (np.abs(b) < 2.0**least) & (detail == "sigmoid")
        narrow = result.bits == 16
        near |= narrow & (a == np.asarray(true).astype(result.dtype).astype(np.float64))
    return np.asarray(~(same | near))


EXACT = {
    "add", "subtract", "multiply", "divide", "reciprocal", "square", "sqrt", "negative",
    "positive", "abs", "sign", "maximum", "minimum", "floor", "ceil", "trunc", "round", "relu",
    "nextafter", "where_positive", "copysign", "conj", "real", "straight_through", "floor_divide",
    "remainder", "weighted", "leakyrelu",
}  # fmt: skip


def _check(detail: str, dtype: DType, lanes: int, bits: int) -> None:
    primitive = PRIMITIVES[detail]
    assert isinstance(primitive, ElementwisePrimitive)
    arity = _arity(primitive)
    types = [dtype] * arity
    result = _result(primitive, types, {})
    if not supports(detail, types, result, {}):
        assert detail == "pow" and dtype.kind == "int"
        return
    operands = _operands(arity, dtype)
    got = _compiled(detail, types, result, {}, lanes, bits)(*operands)
    wrong = _wrong(detail, got, operands, primitive.kernel, result)
    want = quiet.run(primitive.kernel, *operands)
    shown = [tuple(c) for c in zip(*(x[wrong][:6] for x in (*operands, got, want)), strict=True)]
    assert not wrong.any(), f"{detail} of {dtype}: operands, got, want: {shown}"


@pytest.mark.parametrize("detail", [d for d in UNIFORM if d != "imag"])
def test_every_dtype_in_the_widest_vectors(detail: str) -> None:
    primitive = PRIMITIVES[detail]
    assert isinstance(primitive, ElementwisePrimitive)
    taken = [d for d in REAL if _takes(primitive, d)]
    assert taken
    for dtype in taken:
        _check(detail, dtype, 16, 512)


@pytest.mark.parametrize("detail", [d for d in UNIFORM if d != "imag"])
def test_narrower_vectors_and_scalars(detail: str) -> None:
    primitive = PRIMITIVES[detail]
    assert isinstance(primitive, ElementwisePrimitive)
    taken = [d for d in REAL if _takes(primitive, d)]
    first = dtypes.float32 if dtypes.float32 in taken else taken[0]
    other = taken[zlib.crc32(detail.encode()) % len(taken)]
    _check(detail, first, 8, 256)
    _check(detail, other, 4, 128)
    _check(detail, taken[-1], 0, 512)


def test_every_elementwise_primitive_is_known_or_complex() -> None:
    assert set(PRIMITIVES) - KNOWN == {"imag"}
    assert KNOWN - set(PRIMITIVES) == set()


@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_where_selects(dtype: DType) -> None:
    x, y = _operands(2, dtype)
    mask = np.random.default_rng(1).integers(0, 2, len(x)).astype(np.bool_)
    run = _compiled("where", [dtypes.bool_, dtype, dtype], dtype, {}, 16, 512)
    assert run(mask, x, y).tobytes() == np.where(mask, x, y).tobytes()


@pytest.mark.parametrize("dtype", REAL, ids=str)
def test_conversions_identities_and_constants(dtype: DType) -> None:
    (x,) = _operands(1, dtype)
    assert _compiled("identity", [dtype], dtype, {}, 16, 512)(x).tobytes() == x.tobytes()
    to = {"dtype": dtypes.float32}
    got = _compiled("astype", [dtype], dtypes.float32, to, 16, 512)(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, x.astype(np.float32))
    for value in (True, 1, 0) if dtype.kind == "bool" else (3, 2.5, float("inf")):
        if dtype.is_integer and value != 3:
            continue
        params = {"shape": (5,), "value": value, "dtype": dtype}
        run = _compiled("constant", [], dtype, params, 8, 512)
        want = PRIMITIVES["constant"].kernel(**params)
        assert run(count=5).tobytes() == want.tobytes()


@pytest.mark.parametrize(
    ("start", "step"), [(0, 1), (-3, 7), (2**40, -(2**33)), (0.5, 0.1), (-1, 0.25), (3.0, 1)]
)
def test_ranges(start: float, step: float) -> None:
    places = np.arange(37, dtype=np.int64)
    for dtype in REAL:
        if dtype.is_integer and (isinstance(start, float) or isinstance(step, float)):
            continue
        params = {"start": start, "step": step, "size": 37, "dtype": dtype}
        run = _compiled("iota", [dtypes.int64], dtype, params, 16, 512)
        with np.errstate(all="ignore"):
            want = PRIMITIVES["iota"].kernel(**params)
        np.testing.assert_array_equal(run(places), want)


@pytest.mark.parametrize("labels", [dtypes.int8, dtypes.uint16, dtypes.int64], ids=str)
def test_one_hot_vectors(labels: DType) -> None:
    given = np.asarray([0, 3, 2, 4, 1], labels.dtype)
    for dtype in REAL:
        params = {"size": 5, "dtype": dtype}
        run = _compiled("one_hot", [labels, dtypes.int64], dtype, params, 16, 512)
        got = run(np.repeat(given, 5), np.tile(np.arange(5, dtype=np.int64), 5))
        np.testing.assert_array_equal(
            got.reshape(5, 5), PRIMITIVES["one_hot"].kernel(given, **params)
        )


def test_what_has_no_code_is_refused() -> None:
    pair = [dtypes.complex64] * 2
    assert not supports("add", pair, dtypes.complex64, {})
    assert not supports("astype", [dtypes.float32], dtypes.complex64, {})
    assert not supports("matmul", [dtypes.float32] * 2, dtypes.float32, {})
    assert not supports("pow", [dtypes.int32] * 2, dtypes.int32, {})
    assert not supports("exp", [dtypes.int32], dtypes.int32, {})
    assert not supports("constant", [], dtypes.float32, {"value": 1j})
    assert not supports("iota", [dtypes.int64], dtypes.int64, {"start": object(), "step": 1})
    f = Function(Module(), "f", [("x", FLOAT)])
    with pytest.raises(NotImplementedError, match="matmul of float32"):
        express(f, "matmul", f.parameters, [dtypes.float32], dtypes.float32, {})


def test_16_bit_floats_are_rounded_after_each_expression() -> None:
    for dtype in (dtypes.float16, dtypes.bfloat16):
        x = np.linspace(0.1, 3, 64).astype(dtype.dtype)
        types = [dtype, dtype]

        def body(f: Function, values: Any, types: Any = types, dtype: DType = dtype) -> Value:
            (v,) = values
            product = express(f, "multiply", [v, v], types, dtype, {})
            return express(f, "subtract", [product, v], types, dtype, {})

        got = Elementwise(body, [dtype], dtype)(x)
        assert got.tobytes() == np.asarray(x * x - x).tobytes()
        assert ops.asarray(x).dtype is dtype
