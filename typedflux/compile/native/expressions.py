"""Code of the elementwise primitives: what a lane becomes, as the primitives' numpy kernels say.

Operands and results are as registers hold them (see `conversions`). An expression is named by the
`lowering.detail` of its primitive. Where a kernel takes several steps in float16 or bfloat16, here
they are taken in float32 and the result is rounded once.

The reach of a lane beyond its own elements:

- `constant` has no operands, and gives a scalar: splat it.
- `iota` takes one operand of int64, the place along its axis, instead of none.
- `one_hot` takes the labels and, of int64, the place along the new axis. A label without a class
  gives zeros: whether there is one must be found out elsewhere, where an error can be raised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from typedflux.compile.native import composites as c
from typedflux.compile.native import division, whole
from typedflux.compile.native import elementary as e
from typedflux.compile.native.conversions import astype as astype
from typedflux.compile.native.conversions import compute_type as compute_type
from typedflux.compile.native.conversions import load as load
from typedflux.compile.native.conversions import memory_type as memory_type
from typedflux.compile.native.conversions import rounded
from typedflux.compile.native.conversions import store as store
from typedflux.compile.native.emitter import Function, Value, literal
from typedflux.compile.native.floating import (
    absolute,
    bits,
    from_bits,
    like,
    sqrt,
    strict_add,
    strict_mul,
    with_sign,
)
from typedflux.dtypes import DType, bool_, float64, int64

_Float1: TypeAlias = Callable[[Function, Value], Value]
_Float2: TypeAlias = Callable[[Function, Value, Value], Value]


@dataclass(frozen=True, slots=True)
class _Lane:
    """An application of a primitive: its operands, their data types, the result's, parameters."""

    f: Function
    operands: Sequence[Value]
    types: Sequence[DType]
    result: DType
    params: Mapping[str, Any]

    @property
    def signed(self) -> bool:
        """Whether the first operand is of signed integers."""
        return self.types[0].kind == "int"

    @property
    def floating(self) -> bool:
        """Whether the first operand is of floats."""
        return self.types[0].is_floating


_Rule: TypeAlias = Callable[[_Lane], Value]


def supports(
    detail: str, operands: Sequence[DType], result: DType, params: Mapping[str, Any]
) -> bool:
    """Whether `express` knows the primitive for operands of these data types.

    >>> from typedflux import dtypes
    >>> supports("add", [dtypes.float32] * 2, dtypes.float32, {})
    True
    >>> supports("add", [dtypes.complex64] * 2, dtypes.complex64, {})
    False
    """
    if any(d.is_complex for d in (*operands, result)):
        return False
    if detail in _FLOATS:
        return all(d.is_floating for d in operands)
    if detail not in _RULES:
        return False
    if detail == "pow":  # to a negative power integers are an error, which nothing here can raise
        return operands[0].is_floating or operands[0].kind == "uint"
    if detail == "constant":
        return isinstance(params["value"], (bool, int, float, np.bool_, np.number))
    if detail == "iota":
        return all(type(params[name]) in (int, float) for name in ("start", "step"))
    return True


def express(
    f: Function,
    detail: str,
    operands: Sequence[Value],
    types: Sequence[DType],
    result: DType,
    params: Mapping[str, Any],
) -> Value:
    """The value of an elementwise primitive.

    Args:
        f: where its code goes.
        detail: the primitive's `lowering.detail`.
        operands: scalars, or vectors of one length.
        types: the operands' data types.
        result: the result's, of which the value has the compute type and the precision.
        params: of the primitive.

    Raises:
        NotImplementedError: for what `supports` refuses.
    """
    if not supports(detail, types, result, params):
        raise NotImplementedError(f"no code for {detail} of {', '.join(map(str, types))}")
    rule = _FLOATS.get(detail)
    value = rule(f, *operands) if rule else _RULES[detail](
        _Lane(f, operands, types, result, params)
    )  # fmt: skip
    if result.is_floating and detail not in _EXACT:
        value = rounded(f, value, result)
    return value


# Functions of floats alone

_FLOATS: Final[dict[str, Callable[..., Value]]] = {
    "exp": e.exp, "expm1": e.expm1, "log": e.log, "log1p": e.log1p, "log2": e.log2,
    "log10": e.log10, "logaddexp": e.logaddexp, "sqrt": sqrt, "rsqrt": c.rsqrt, "tanh": e.tanh,
    "sinh": e.sinh, "cosh": e.cosh, "asinh": e.asinh, "acosh": e.acosh, "atanh": e.atanh,
    "sin": e.sin, "cos": e.cos, "tan": e.tan, "asin": e.asin, "acos": e.acos, "atan": e.atan,
    "atan2": e.atan2, "erf": e.erf, "erfinv": e.erfinv, "sigmoid": e.sigmoid,
    "softplus": e.softplus, "hypot": e.hypot, "copysign": with_sign, "gelu_tanh": c.gelu_tanh,
    "leakyrelu": c.leakyrelu, "elu": c.elu, "logcosh": c.logcosh, "xlogy": c.xlogy,
    "xlogx": lambda f, x: c.xlogy(f, x, x), "weighted": c.weighted, "logit_term": c.logit_term,
    "divide": lambda f, x, y: f.div(x, y),
    "reciprocal": lambda f, x: f.div(like(x, 1.0), x),
}  # fmt: skip


# What integers and booleans have too


def _binary(emit: Callable[[Function, Value, Value], Value]) -> _Rule:
    return lambda lane: emit(lane.f, lane.operands[0], lane.operands[1])


def _arithmetic(instruction: str) -> _Rule:
    """Of float32 and float64 LLVM may contract it with its neighbours, but not where the result is
    rounded between: it would take both for operations of half precision."""

    def rule(lane: _Lane) -> Value:
        x, y = lane.operands[0], lane.operands[-1]
        if not lane.floating:
            return lane.f.binary(instruction, x, y)
        contract = " contract" if lane.result.bits > 16 else ""
        return lane.f.binary(f"f{instruction}{contract}", x, y)

    return rule


def _first(lane: _Lane) -> Value:
    return lane.operands[0]


def _last(lane: _Lane) -> Value:
    return lane.operands[-1]


def _bitwise(instruction: str) -> _Rule:
    return lambda lane: lane.f.binary(instruction, lane.operands[0], lane.operands[1])


def _invert(lane: _Lane) -> Value:
    (x,) = lane.operands
    return lane.f.binary("xor", x, literal(x.type, 1 if x.type.scalar == "i1" else -1))


def _comparison(of_floats: str, of_integers: str) -> _Rule:
    def rule(lane: _Lane) -> Value:
        predicate = of_floats
        if not lane.floating:
            equality = of_integers in ("eq", "ne")
            predicate = of_integers if equality else "us"[lane.signed] + of_integers
        return lane.f.compare(predicate, lane.operands[0], lane.operands[1])

    return rule


def _extreme(of_floats: str, of_integers: str) -> _Rule:
    def rule(lane: _Lane) -> Value:
        f, (x, y) = lane.f, lane.operands
        if not lane.floating:
            return f.intrinsic("us"[lane.signed] + of_integers, x, y)
        if lane.result.name == "float16":  # of two zeros numpy takes the first there
            x, y = y, x
        out = f.select(f.compare(of_floats, x, y), x, y)  # y where it is NaN
        return f.select(f.compare("uno", x, x), x, out)

    return rule


def _negative(lane: _Lane) -> Value:
    return lane.f.negative(lane.operands[0])


def _abs(lane: _Lane) -> Value:
    f, (x,) = lane.f, lane.operands
    if lane.floating:
        return absolute(f, x)
    if not lane.signed:
        return x
    return f.select(f.compare("slt", x, literal(x.type, 0)), f.negative(x), x)


def _sign(lane: _Lane) -> Value:
    f, (x,) = lane.f, lane.operands
    if lane.floating:
        one = like(x, 1.0)
        zero = like(x, 0.0)
        # NaN stays, and a negative zero loses its sign but in bfloat16
        rest = x if lane.result.name == "bfloat16" else strict_add(f, x, zero)
        rest = f.select(f.compare("olt", x, zero), like(x, -1.0), rest)
        return f.select(f.compare("ogt", x, zero), one, rest)
    zero, one = literal(x.type, 0), literal(x.type, 1)
    if not lane.signed:
        return f.intrinsic("umin", x, one)
    return f.intrinsic("smax", f.intrinsic("smin", x, one), literal(x.type, -1))


def _rounding(intrinsic: str) -> _Rule:
    def rule(lane: _Lane) -> Value:
        (x,) = lane.operands
        return lane.f.intrinsic(intrinsic, x) if lane.floating else x

    return rule


def _zero(x: Value) -> Value:
    return like(x, 0.0) if x.type.is_float else literal(x.type, 0)


def _is_positive(lane: _Lane, x: Value) -> Value:
    if lane.floating:
        return lane.f.compare("ogt", x, _zero(x))
    return lane.f.compare("sgt" if lane.signed else "ugt", x, _zero(x))


def _relu(lane: _Lane) -> Value:
    f, (x,) = lane.f, lane.operands
    if not lane.floating:
        return f.intrinsic("smax", x, _zero(x)) if lane.signed else x
    if lane.result.name == "float16":
        return f.select(f.compare("olt", x, _zero(x)), _zero(x), x)
    return f.select(f.compare("ugt", x, _zero(x)), x, _zero(x))


def _where_positive(lane: _Lane) -> Value:
    x, y = lane.operands
    return lane.f.select(_is_positive(lane, y), x, _zero(x))


def _where(lane: _Lane) -> Value:
    return lane.f.select(*lane.operands)


def _floor_divide(lane: _Lane) -> Value:
    f, (x, y) = lane.f, lane.operands
    return division.floor_divide(f, x, y) if lane.floating else whole.divide(f, x, y, lane.signed)


def _remainder(lane: _Lane) -> Value:
    f, (x, y) = lane.f, lane.operands
    return division.remainder(f, x, y) if lane.floating else whole.remainder(f, x, y, lane.signed)


def _pow(lane: _Lane) -> Value:
    f, (x, y) = lane.f, lane.operands
    return e.power(f, x, y) if lane.floating else whole.power(f, x, y)


def _right_shift(lane: _Lane) -> Value:
    return whole.shift_right(lane.f, lane.operands[0], lane.operands[1], lane.signed)


def _test_float(test: Callable[[Function, Value], Value], of_integers: bool) -> _Rule:
    def rule(lane: _Lane) -> Value:
        (x,) = lane.operands
        if lane.floating:
            return test(lane.f, x)
        return literal(x.type.of("i1"), of_integers)

    return rule


def _is_infinite(f: Function, x: Value) -> Value:
    return f.compare("oeq", absolute(f, x), like(x, math.inf))


def _is_finite(f: Function, x: Value) -> Value:
    return f.compare("olt", absolute(f, x), like(x, math.inf))


def _sign_bit(f: Function, x: Value) -> Value:
    raw = bits(f, x)
    return f.compare("slt", raw, literal(raw.type, 0))


def _nextafter(lane: _Lane) -> Value:
    f, (x, y) = lane.f, lane.operands
    # In the order of their bits numbers are sorted by size. Those of 16-bit floats are what
    # float32 has on top (bfloat16), or their own.
    raw = bits(f, x)
    if lane.result.name == "float16":
        half = f.cast("fptrunc", x, x.type.of("half"))
        raw = f.cast("bitcast", half, x.type.of("i16"))
    step = literal(raw.type, 1 << 16 if lane.result.name == "bfloat16" else 1)
    zero = like(x, 0.0)
    grows = f.compare("ogt", y, x)
    outwards = f.binary("xor", f.compare("olt", x, zero), grows)
    moved = f.select(outwards, f.add(raw, step), f.sub(raw, step))
    out = _of_bits(f, moved, x)
    least = _of_bits(f, step, x)
    out = f.select(f.compare("oeq", x, zero), with_sign(f, least, y), out)
    same = x if lane.result.name == "float16" else y  # zeros differ
    out = f.select(f.compare("oeq", x, y), same, out)
    return f.select(f.compare("uno", x, y), strict_add(f, x, y), out)


def _of_bits(f: Function, raw: Value, x: Value) -> Value:
    if raw.type.scalar != "i16":
        return from_bits(f, raw)
    return f.cast("fpext", f.cast("bitcast", raw, raw.type.of("half")), x.type)


def _astype(lane: _Lane) -> Value:
    return astype(lane.f, lane.operands[0], lane.types[0], lane.result)


def _constant(lane: _Lane) -> Value:
    value = np.asarray(lane.params["value"]).astype(lane.result.dtype)
    return literal(compute_type(lane.result), value.item())


def _iota(lane: _Lane) -> Value:
    f, (place,) = lane.f, lane.operands
    start, step = lane.params["start"], lane.params["step"]
    if isinstance(start, int) and isinstance(step, int):
        number = f.mul(place, literal(place.type, _wrapped(step)))
        number = f.add(number, literal(place.type, _wrapped(start)))
        return astype(f, number, int64, lane.result)
    number = f.cast("sitofp", place, place.type.of("double"))
    number = strict_mul(f, number, like(number, float(step)))
    number = strict_add(f, number, like(number, float(start)))
    return astype(f, number, float64, lane.result)


def _wrapped(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def _one_hot(lane: _Lane) -> Value:
    f, (labels, place) = lane.f, lane.operands
    chosen = f.compare("eq", astype(f, labels, lane.types[0], int64), place)
    return astype(f, chosen, bool_, lane.result)


_RULES: Final[dict[str, _Rule]] = {
    "add": _arithmetic("add"), "subtract": _arithmetic("sub"),
    "multiply": _arithmetic("mul"), "negative": _negative, "positive": _first, "abs": _abs,
    "square": _arithmetic("mul"), "sign": _sign, "maximum": _extreme("ogt", "max"),
    "minimum": _extreme("olt", "min"), "floor_divide": _floor_divide, "remainder": _remainder,
    "pow": _pow, "floor": _rounding("floor"), "ceil": _rounding("ceil"),
    "trunc": _rounding("trunc"), "round": _rounding("rint"), "nextafter": _nextafter,
    "relu": _relu, "where_positive": _where_positive, "where": _where,
    "conj": _first, "real": _first, "identity": _first, "straight_through": _last,
    "equal": _comparison("oeq", "eq"), "not_equal": _comparison("une", "ne"),
    "less": _comparison("olt", "lt"), "less_equal": _comparison("ole", "le"),
    "greater": _comparison("ogt", "gt"), "greater_equal": _comparison("oge", "ge"),
    "isnan": _test_float(lambda f, x: f.compare("uno", x, x), False),
    "isinf": _test_float(_is_infinite, False), "isfinite": _test_float(_is_finite, True),
    "signbit": _test_float(_sign_bit, False),
    "bitwise_and": _bitwise("and"), "bitwise_or": _bitwise("or"), "bitwise_xor": _bitwise("xor"),
    "bitwise_invert": _invert, "bitwise_left_shift": _binary(whole.shift_left),
    "bitwise_right_shift": _right_shift, "logical_and": _bitwise("and"),
    "logical_or": _bitwise("or"), "logical_xor": _bitwise("xor"), "logical_not": _invert,
    "astype": _astype, "constant": _constant, "iota": _iota, "one_hot": _one_hot,
}  # fmt: skip

_EXACT: Final = frozenset(
    {
        "negative", "positive", "abs", "sign", "maximum", "minimum", "floor", "ceil", "trunc",
        "round", "nextafter", "relu", "where_positive", "where", "conj", "real", "identity",
        "straight_through", "copysign", "astype", "constant", "iota", "one_hot",
    }
)  # fmt: skip
"""Expressions whose results need no rounding to the precision of 16-bit floats."""

KNOWN: Final = frozenset(_FLOATS) | frozenset(_RULES)
"""Every `lowering.detail` that has code, for some data types at least."""
