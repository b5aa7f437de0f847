"""Logarithms in generated code, and what is made of them: softplus, inverse hyperbolic functions.

`x = 2**e m` with m between sqrt(1/2) and sqrt(2), so `log(x) = e log(2) + log(1 + r)`, `r = m - 1`,
where `log(1 + r)` is r and a correction: a polynomial of r for float, of `s = r / (2 + r)` for
double (as in Sun's fdlibm), which keeps the result right to about an ulp near 1 too.
"""

from __future__ import annotations

import math

from typedflux.compile.native.coefficients import LN2, LOG, LOG2_E, LOG10_2, LOG10_E, of
from typedflux.compile.native.emitter import Function, Value, literal
from typedflux.compile.native.exponentials import exp
from typedflux.compile.native.floating import (
    absolute,
    bits,
    format_of,
    from_bits,
    is_double,
    like,
    pick,
    polynomial,
    shift_left,
    shift_right,
    sqrt,
    strict_add,
    strict_mul,
    strict_sub,
    two_sum,
    with_sign,
)

_SQRT_HALF = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}


def log(f: Function, x: Value) -> Value:
    """The natural logarithm: error below 1.1 ulp; -inf at 0, NaN below."""
    e, r = split(f, x)
    high, low = of(x, LN2)
    tail = f.fma(e, like(x, low), log1p_correction(f, r))
    return _limits(f, x, f.fma(e, like(x, high), strict_add(f, r, tail)))


def log2(f: Function, x: Value) -> Value:
    """The logarithm to base 2; exact for powers of 2."""
    e, r = split(f, x)
    return _limits(f, x, strict_add(f, e, _scaled(f, r, *of(x, LOG2_E))))


def log10(f: Function, x: Value) -> Value:
    """The logarithm to base 10."""
    e, r = split(f, x)
    high, low = of(x, LOG10_2)
    small = f.fma(e, like(x, low), _scaled(f, r, *of(x, LOG10_E)))
    return _limits(f, x, f.fma(e, like(x, high), small))


def _scaled(f: Function, r: Value, high: float, low: float) -> Value:
    """`(high + low) log(1 + r)`."""
    total, lost = two_sum(f, r, log1p_correction(f, r))
    tail = f.fma(lost, like(r, high), strict_mul(f, total, like(r, low)))
    return f.fma(total, like(r, high), tail)


def log1p(f: Function, x: Value) -> Value:
    """`log(1 + x)`: error below 2 ulp."""
    e, r = split_1p(f, x)
    high, low = of(x, LN2)
    tail = f.fma(e, like(x, low), log1p_correction(f, r))
    out = f.fma(e, like(x, high), strict_add(f, r, tail))
    out = f.select(f.compare("olt", absolute(f, x), like(x, 2.0**-60)), x, out)
    above = f.compare("ogt", x, like(x, -1.0))
    below = pick(f, f.compare("oeq", x, like(x, -1.0)), -math.inf, like(x, math.nan))
    out = f.select(above, out, below)
    return f.select(f.compare("ueq", x, like(x, math.inf)), x, out)


def split(f: Function, x: Value) -> tuple[Value, Value]:
    """`e` and `r` of `x = 2**e (1 + r)`, for `0 < x < inf`, denormal numbers too."""
    form = format_of(x.type)
    denormal = f.compare("olt", x, like(x, form.smallest_normal))
    raised = f.select(denormal, strict_mul(f, x, like(x, 2.0**form.fraction)), x)
    one = form.bias << form.fraction
    offset = _SQRT_HALF[x.type.scalar]
    raw = bits(f, raised)
    moved = f.add(raw, literal(raw.type, one - offset))
    m = from_bits(
        f,
        f.add(
            f.binary("and", moved, literal(raw.type, (1 << form.fraction) - 1)),
            literal(raw.type, offset),
        ),
    )
    bias = pick(f, denormal, float(form.bias + form.fraction), like(x, form.bias))
    return _exponent(f, moved, bias), strict_sub(f, m, like(x, 1.0))


def _exponent(f: Function, moved: Value, bias: Value) -> Value:
    """The exponent in the bits of positive numbers, without their bias, as a float.

    It is put below the exponent of a number whose last bit is worth 1: few CPUs convert i64.
    """
    form = format_of(bias.type)
    unit = literal(moved.type, (form.bias + form.fraction) << form.fraction)
    field = f.binary("or", shift_right(f, moved, form.fraction, signed=False), unit)
    return strict_sub(f, from_bits(f, field), f.add(bias, like(bias, 2.0**form.fraction)))


def split_1p(f: Function, x: Value) -> tuple[Value, Value]:
    """`e` and `r` of `1 + x = 2**e (1 + r)`, for `-1 < x < inf`; r is x where e is 0."""
    form = format_of(x.type)
    one = form.bias << form.fraction
    raw = bits(f, strict_add(f, x, like(x, 1.0)))
    moved = f.add(raw, literal(raw.type, one - _SQRT_HALF[x.type.scalar]))
    e = _exponent(f, moved, like(x, form.bias))
    field = shift_right(f, moved, form.fraction, signed=False)
    n = shift_left(f, f.sub(field, literal(raw.type, form.bias)), form.fraction)
    scaled = from_bits(f, f.sub(bits(f, x), n))
    # 2**-e; for the largest x it would be denormal, and does not matter
    scale = f.intrinsic("smax", f.sub(literal(raw.type, one), n), literal(raw.type, 0))
    return e, strict_add(f, scaled, strict_sub(f, from_bits(f, scale), like(x, 1.0)))


def log1p_correction(f: Function, r: Value) -> Value:
    """`log(1 + r) - r` for `1 + r` between sqrt(1/2) and sqrt(2)."""
    if is_double(r):
        s = f.div(r, strict_add(f, r, like(r, 2.0)))
        square = strict_mul(f, s, s)
        half = strict_mul(f, strict_mul(f, r, r), like(r, 0.5))
        rest = strict_mul(f, square, polynomial(f, square, of(r, LOG)))
        return f.fma(s, strict_add(f, half, rest), f.negative(half))
    cubic = f.fma(polynomial(f, r, of(r, LOG)), r, like(r, -0.5))
    return strict_mul(f, strict_mul(f, r, r), cubic)


def _limits(f: Function, x: Value, y: Value) -> Value:
    """A logarithm where x is positive and finite, else what it is there."""
    below = pick(f, f.compare("oeq", x, like(x, 0.0)), -math.inf, like(x, math.nan))
    y = f.select(f.compare("ogt", x, like(x, 0.0)), y, below)
    return f.select(f.compare("ueq", x, like(x, math.inf)), x, y)


# Sums of exponentials


def softplus(f: Function, x: Value) -> Value:
    """`log(1 + exp(x))` without overflow."""
    zero = like(x, 0.0)
    top = f.select(f.compare("ugt", x, zero), x, zero)
    return strict_add(f, top, log1p_exp(f, f.negative(absolute(f, x))))


def logaddexp(f: Function, x: Value, y: Value) -> Value:
    """`log(exp(x) + exp(y))` without overflow."""
    apart = absolute(f, strict_sub(f, x, y))
    larger = f.select(f.compare("ogt", x, y), x, y)
    out = strict_add(f, larger, log1p_exp(f, f.negative(apart)))
    same = f.compare("oeq", x, y)  # infinite ones have no difference
    out = f.select(same, strict_add(f, x, like(x, math.log(2))), out)
    return f.select(f.compare("uno", x, y), strict_add(f, x, y), out)


def log1p_exp(f: Function, x: Value) -> Value:
    """`log(1 + exp(x))` for `x <= 0`."""
    return log1p_unit(f, exp(f, x))


def log1p_unit(f: Function, t: Value) -> Value:
    """`log(1 + t)` for t from 0 to 1; NaN where it is."""
    above = f.compare("ogt", t, like(t, math.sqrt(2) - 1))
    halved = f.fma(t, like(t, 0.5), like(t, -0.5))
    r = f.select(above, halved, t)
    out = strict_add(f, r, log1p_correction(f, r))
    return f.select(above, strict_add(f, out, like(t, math.log(2))), out)


# Inverse hyperbolic functions


def asinh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic sine."""
    size = absolute(f, x)
    one = like(x, 1.0)
    big = f.compare("ogt", size, like(x, 2.0**60))
    square = strict_mul(f, size, size)
    root = sqrt(f, f.fma(size, size, one))
    small = strict_add(f, size, f.div(square, strict_add(f, root, one)))
    out = log1p(f, f.select(big, size, small))
    out = f.select(big, strict_add(f, out, like(x, math.log(2))), out)
    return with_sign(f, out, x)


def acosh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic cosine; NaN below 1."""
    big = f.compare("ogt", x, like(x, 2.0**60))
    t = strict_sub(f, x, like(x, 1.0))
    root = sqrt(f, f.fma(t, t, strict_add(f, t, t)))
    out = log1p(f, f.select(big, x, strict_add(f, t, root)))
    out = f.select(big, strict_add(f, out, like(x, math.log(2))), out)
    return pick(f, f.compare("olt", x, like(x, 1.0)), math.nan, out)


def atanh(f: Function, x: Value) -> Value:
    """The inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond."""
    size = absolute(f, x)
    twice = strict_add(f, size, size)
    out = log1p(f, f.div(twice, strict_sub(f, like(x, 1.0), size)))
    return with_sign(f, strict_mul(f, out, like(x, 0.5)), x)
