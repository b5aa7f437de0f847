"""Elementwise operations against numpy's and scipy's functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from scipy import special

from tests.ops.row import (
    ALL,
    BOOL,
    COMPLEX,
    FLOATS,
    INTEGERS,
    NUMBERS,
    PAIRS,
    REAL,
    SHAPES,
    Row,
    Values,
    always,
    fractions,
    numbers,
    of_pairs,
    of_shapes,
    positive,
    same,
    special_pairs,
    special_values,
)
from typedflux import dtypes, ops
from typedflux.dtypes import DType

_TO_BOOL = always(dtypes.bool_)
_NOT_COMPLEX: Final = BOOL + REAL


def unary(
    name: str, reference: Callable[..., Any], *, values: Values = numbers,
    dtypes: Sequence[Any] = ALL, result: Any = dtypes.to_inexact, **more: Any,
) -> Row:  # fmt: skip
    """A function of one operand; integers give the default float unless told otherwise."""
    return Row(
        name,
        getattr(ops, name),
        of_shapes(*SHAPES, values=values),
        reference,
        dtypes,
        result,
        edges=special_values,
        **more,
    )


def binary(
    name: str, reference: Callable[..., Any], *, values: Sequence[Values] = (numbers, numbers),
    dtypes: Sequence[Any] = ALL, result: Any = same, **more: Any,
) -> Row:  # fmt: skip
    """A function of two operands, which broadcast and promote."""
    return Row(
        name,
        getattr(ops, name),
        of_pairs(*PAIRS, values=values),
        reference,
        dtypes,
        result,
        edges=special_pairs,
        promotes=True,
        weak=True,
        **more,
    )


def between(random: np.random.Generator, *shape: int) -> Any:
    """Numbers that are no multiples of those that `numbers` makes."""
    return numbers(random, *shape) + 1 / 64


def with_number(number: float) -> Callable[[DType], Any]:
    """The `result` of operations with a Python number, which is weak."""
    return lambda dtype: dtypes.with_scalar(dtype, number)


def above_one(random: np.random.Generator, *shape: int) -> Any:
    return positive(random, *shape) + 1


def _floor_divide(x: Any, y: Any) -> Any:
    # The standard's infinities, which are not Python's.
    return np.where(np.isinf(x) | np.isinf(y), np.floor(x / y), np.floor_divide(x, y))


def _xlogy(x: Any, y: Any) -> Any:
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))


ARITHMETIC: Final = [
    binary("add", np.add, dtypes=NUMBERS),
    binary("subtract", np.subtract, dtypes=NUMBERS),
    binary("multiply", np.multiply, dtypes=NUMBERS),
    binary("divide", np.divide, result=dtypes.to_inexact),
    binary("floor_divide", _floor_divide, dtypes=REAL, differentiable=()),
    binary("remainder", np.remainder, values=(between, numbers), dtypes=REAL),
    binary("pow", np.power, values=(positive, positive), dtypes=NUMBERS, tolerance=4),
    binary("maximum", np.maximum, values=(between, numbers), dtypes=REAL),
    binary("minimum", np.minimum, values=(between, numbers), dtypes=REAL),
    binary(
        "copysign", np.copysign, dtypes=_NOT_COMPLEX, result=dtypes.to_inexact, differentiable=(0,)
    ),
    Row("nextafter", ops.nextafter, of_pairs(*PAIRS), np.nextafter, FLOATS, differentiable=(0,),
        promotes=True),
    binary("hypot", np.hypot, dtypes=_NOT_COMPLEX, result=dtypes.to_inexact),
    unary("negative", np.negative, dtypes=NUMBERS, result=same),
    unary("positive", np.positive, dtypes=NUMBERS, result=same),
    unary("reciprocal", lambda x: np.divide(1, x)),
    unary("square", np.square, dtypes=NUMBERS, result=same),
    unary("sign", np.sign, dtypes=NUMBERS, result=same),
    unary("abs", np.abs, dtypes=NUMBERS, result=dtypes.real_part),
    Row(
        "pow cube",
        lambda x: ops.pow(x, 3),
        of_shapes(*SHAPES),
        lambda x: np.power(x, 3),
        ALL,
        with_number(3),
        edges=special_values,
        tolerance=4,
    ),
    Row("pow square", lambda x: ops.pow(x, 2), of_shapes(*SHAPES), lambda x: np.power(x, 2), ALL,
        with_number(2)),
    Row(
        "pow negative",
        lambda x: x**-2.0,
        of_shapes(*SHAPES),
        lambda x: 1 / np.power(x, 2.0),
        ALL,
        with_number(-2.0),
        tolerance=4,
    ),
    Row(
        "pow of_two",
        lambda x: 2.0**x,
        of_shapes(*SHAPES),
        lambda x: np.power(2.0, x),
        ALL,
        with_number(2.0),
        edges=special_values,
    ),
    Row(
        "clip",
        lambda x: ops.clip(x, -1, 1),
        of_shapes(*SHAPES),
        lambda x: np.clip(x, -1, 1) if x.dtype.kind != "u" else np.clip(x, 0, 1),
        INTEGERS[:4] + FLOATS,
        edges=special_values,
    ),
    Row(
        "clip bounds",
        lambda x, low, width: ops.clip(x, low, low + width),
        of_pairs(((3, 4), (4,), ()), ((), (), ()), ((0, 2), (2,), (1, 2)),
                 values=(between, numbers, positive)),
        lambda x, low, width: np.clip(x, low, low + width),
        REAL,
    ),
    Row("clip below", lambda x: ops.clip(x, max=1), of_shapes((5,)), lambda x: np.minimum(x, 1),
        REAL),
]  # fmt: skip

EXPONENTIAL: Final = [
    unary("exp", np.exp, tolerance=2),
    unary("expm1", np.expm1, tolerance=2),
    unary("log", np.log, values=positive),
    unary("log1p", np.log1p, values=positive),
    unary("log2", np.log2, values=positive, tolerance=2),
    unary("log10", np.log10, values=positive, tolerance=2),
    binary("logaddexp", np.logaddexp, dtypes=_NOT_COMPLEX, result=dtypes.to_inexact),
    unary("sqrt", np.sqrt, values=positive),
    unary("rsqrt", lambda x: np.divide(1, np.sqrt(x)), values=positive),
    unary("erf", special.erf, dtypes=_NOT_COMPLEX),
    unary("erfinv", special.erfinv, values=fractions, dtypes=_NOT_COMPLEX, tolerance=4),
    unary("xlogx", lambda x: _xlogy(x, x), values=positive),
    binary("xlogy", _xlogy, values=(numbers, positive), result=dtypes.to_inexact),
]

TRIGONOMETRIC: Final = [
    unary("sin", np.sin),
    unary("cos", np.cos),
    unary("tan", np.tan, values=fractions, tolerance=2),
    unary("asin", np.arcsin, values=fractions, tolerance=2),
    unary("acos", np.arccos, values=fractions, tolerance=2),
    unary("atan", np.arctan),
    binary("atan2", np.arctan2, dtypes=_NOT_COMPLEX, result=dtypes.to_inexact),
    unary("sinh", np.sinh, tolerance=2),
    unary("cosh", np.cosh, tolerance=2),
    unary("tanh", np.tanh),
    unary("asinh", np.arcsinh, tolerance=2),
    unary("acosh", np.arccosh, values=above_one, tolerance=4),
    unary("atanh", np.arctanh, values=fractions, tolerance=2),
]

ROUNDING: Final = [
    unary("floor", np.floor, dtypes=REAL, result=same),
    unary("ceil", np.ceil, dtypes=REAL, result=same),
    unary("trunc", np.trunc, dtypes=REAL, result=same),
    unary("round", np.round, dtypes=NUMBERS, result=same),
]

COMPLEX_NUMBERS: Final = [
    unary("conj", np.conj, dtypes=NUMBERS, result=same),
    unary("real", np.real, dtypes=NUMBERS, result=dtypes.real_part),
    Row("imag", ops.imag, of_shapes(*SHAPES), np.imag, COMPLEX, dtypes.real_part),
]

COMPARISONS: Final = [
    *(
        binary(name, getattr(np, name), dtypes=ALL, result=_TO_BOOL)
        for name in ("equal", "not_equal")
    ),
    *(
        binary(name, getattr(np, name), dtypes=REAL, result=_TO_BOOL)
        for name in ("less", "less_equal", "greater", "greater_equal")
    ),
    *(
        unary(name, getattr(np, name), dtypes=NUMBERS, result=_TO_BOOL)
        for name in ("isnan", "isinf", "isfinite")
    ),
    unary("signbit", np.signbit, dtypes=FLOATS, result=_TO_BOOL),
    Row(
        "where",
        lambda x, y, c: ops.where(c, x, y),
        lambda random: [
            (numbers(random, *a), numbers(random, *b), random.random(c) > 0.5)
            for a, b, c in (((3, 4), (3, 4), (3, 4)), ((4,), (), (3, 1)), ((), (), ()),
                            ((0, 3), (3,), (1,)))
        ],
        lambda x, y, c: np.where(c, x, y),
        ALL,
        promotes=True,
    ),
    Row(
        "where number",
        lambda x, c: ops.where(c, x, 0),
        lambda random: [(numbers(random, 3, 4), random.random((4,)) > 0.5)],
        lambda x, c: np.where(c, x, 0),
        ALL,
        with_number(0),
    ),
]  # fmt: skip

BITWISE: Final = [
    *(
        binary(name, getattr(np, name), dtypes=BOOL + INTEGERS)
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    ),
    *(
        Row(name, getattr(ops, name), of_pairs(*PAIRS, values=(numbers, positive)), reference,
            INTEGERS, promotes=True)
        for name, reference in (("bitwise_left_shift", np.left_shift),
                                ("bitwise_right_shift", np.right_shift))
    ),
    unary("bitwise_invert", np.invert, dtypes=BOOL + INTEGERS, result=same),
    *(
        binary(name, getattr(np, name), dtypes=BOOL)
        for name in ("logical_and", "logical_or", "logical_xor")
    ),
    unary("logical_not", np.logical_not, dtypes=BOOL, result=same),
]  # fmt: skip

CONVERSION: Final = [
    *(
        Row(
            f"astype {target}",
            lambda x, target=target: ops.astype(x, target),
            of_shapes(*SHAPES, values=positive),
            lambda x, target=target: x.astype(target if target != "bfloat16" else float),
            ALL if target in ("bool", "complex128") else BOOL + REAL,
            always(dtypes.as_dtype(target)),
            # Rounding to a narrower dtype is no smooth step.
            differentiable=None if target in ("float64", "complex128") else (),
        )
        for target in ("bool", "int8", "int64", "uint16", "float16", "bfloat16", "float32",
                       "float64", "complex128")
    ),
    Row("astype of complex", lambda x: ops.astype(x, "complex64"), of_shapes((3, 4)),
        lambda x: x, ALL, always(dtypes.complex64), differentiable=()),
]  # fmt: skip

ROWS: Final = [
    *ARITHMETIC,
    *EXPONENTIAL,
    *TRIGONOMETRIC,
    *ROUNDING,
    *COMPLEX_NUMBERS,
    *COMPARISONS,
    *BITWISE,
    *CONVERSION,
]
