"""Exponentials in generated code: exp, exp2, expm1, hyperbolic functions, the logistic function.

`x = n log(2) + r` with an integer n and a small r; `exp(r)` is `1 + (r + r**2 Q(r))` with a
polynomial Q, and the bits of n are added to the exponent. Adding and subtracting
`1.5 * 2**fraction` rounds to an integer, which the sum's low bits then hold.
"""

from __future__ import annotations

import math

from typedflux.compile.native.coefficients import EXP, LN2, TANH, TANH_SATURATES, of
from typedflux.compile.native.emitter import Function, Value, literal
from typedflux.compile.native.floating import (
    absolute,
    bits,
    format_of,
    from_bits,
    greatest,
    is_double,
    least,
    like,
    polynomial,
    shift_left,
    strict_add,
    strict_mul,
    strict_sub,
    with_sign,
)

_LOG2_E = 1.4426950408889634
_LOG_2 = 0.6931471805599453


def exp(f: Function, x: Value) -> Value:
    """`e**x`: error below 1 ulp; denormal results are right."""
    x = greatest(f, x, -746.0 if is_double(x) else -104.0)
    n, r = reduce_exp(f, x)
    return _finish_exp(f, x, n, one_plus(f, r))


def exp_normal(f: Function, x: Value) -> Value:
    """`exp` for results that are added to something normal: what would be denormal is not 0, but
    small; infinite as `exp` is."""
    x = greatest(f, x, _least_normal(x))
    n, r = reduce_exp(f, x)
    raised = from_bits(f, f.add(bits(f, one_plus(f, r)), n))
    return _overflow(f, x, raised, _largest_exponent(x))


def exp_with_tail(f: Function, x: Value, tail: Value) -> Value:
    """`exp(x + tail)`, where the tail is what was lost of the exponent."""
    low, high = (-746.0, 720.0) if is_double(x) else (-104.0, 90.0)
    inside = least(f, greatest(f, x, low), high)
    n, r = reduce_exp(f, inside)
    raised = _denormal(f, x, n, one_plus(f, strict_add(f, r, tail)), _least_normal(x))
    # near the largest number the tail may decide
    top = _largest_exponent(x)
    over = f.compare("ugt", strict_add(f, strict_sub(f, x, like(x, top)), tail), like(x, 0.0))
    return f.select(over, strict_mul(f, x, like(x, math.inf)), raised)


def exp2(f: Function, x: Value) -> Value:
    """`2**x`: error below 1 ulp."""
    low, high = (-1080.0, 1024.0) if is_double(x) else (-152.0, 128.0)
    x = greatest(f, x, low)
    inside = least(f, x, high)
    shift = like(x, format_of(x.type).rounding)
    shifted = strict_add(f, inside, shift)
    n = shift_left(f, bits(f, shifted), format_of(x.type).fraction)
    rest = strict_sub(f, inside, strict_sub(f, shifted, shift))
    p = one_plus(f, strict_mul(f, rest, like(x, _LOG_2)))
    raised = _denormal(f, x, n, p, -1021.0 if is_double(x) else -125.0)
    return _overflow(f, x, raised, high - 2.0**-40 if is_double(x) else high - 2.0**-17)


def expm1(f: Function, x: Value) -> Value:
    """`e**x - 1`: error below 2 ulp."""
    inside = greatest(f, x, -38.0 if is_double(x) else -18.0)
    inside = least(f, inside, _largest_exponent(x))
    half = half_expm1(f, inside)
    out = strict_add(f, half, half)
    tiny = f.compare("olt", absolute(f, x), like(x, 2.0**-60))
    out = f.select(tiny, x, out)  # itself, the sign of 0 and denormal numbers included
    return _overflow(f, x, out, _largest_exponent(x))


def half_expm1(f: Function, x: Value) -> Value:
    """`(e**x - 1) / 2`, for numbers in the range where neither overflows."""
    n, r = reduce_exp(f, x)
    q = polynomial(f, r, of(x, EXP))
    small = f.fma(strict_mul(f, r, r), q, r)  # exp(r) - 1
    form = format_of(x.type)
    scale = from_bits(f, f.add(n, literal(n.type, (form.bias - 1) << form.fraction)))
    return f.fma(scale, small, strict_sub(f, scale, like(x, 0.5)))


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent: error below 2 ulp."""
    size = absolute(f, x)
    twice = least(f, strict_add(f, size, size), of(x, TANH_SATURATES)[0])
    half = half_expm1(f, twice)
    far = f.div(half, strict_add(f, half, like(x, 1.0)))
    # near 0 the sum would lose more than the result may
    square = strict_mul(f, size, size)
    cubic = strict_mul(f, square, polynomial(f, square, of(x, TANH)))
    near = f.fma(size, cubic, size)
    return with_sign(f, f.select(f.compare("olt", size, like(x, 0.6)), near, far), x)


def sinh(f: Function, x: Value) -> Value:
    """The hyperbolic sine."""
    size = absolute(f, x)
    limit = 350.0 if is_double(x) else 40.0
    e = half_expm1(f, least(f, size, limit))
    # with h = expm1(|x|) / 2: h + h / (2h + 1)
    near = strict_add(f, e, f.div(e, strict_add(f, strict_add(f, e, e), like(x, 1.0))))
    tiny = f.compare("olt", size, like(x, 2.0**-60))
    out = f.select(tiny, size, near)
    out = f.select(f.compare("ogt", size, like(x, limit)), half_exp(f, size), out)
    return with_sign(f, out, x)


def cosh(f: Function, x: Value) -> Value:
    """The hyperbolic cosine."""
    half = half_exp(f, absolute(f, x))
    return strict_add(f, half, f.div(like(x, 0.25), half))


def half_exp(f: Function, x: Value) -> Value:
    """`e**x / 2` for `x >= 0`, which overflows later than `e**x`."""
    top = 710.4758600739439 if is_double(x) else 89.41598510742188
    inside = least(f, x, top)
    n, r = reduce_exp(f, inside)
    one = literal(n.type, 1 << format_of(x.type).fraction)
    return _overflow(f, x, from_bits(f, f.add(bits(f, one_plus(f, r)), f.sub(n, one))), top)


def sigmoid(f: Function, x: Value) -> Value:
    """`1 / (1 + exp(-x))`: 0 where the exponential overflows."""
    one = like(x, 1.0)
    return f.div(one, strict_add(f, one, exp_normal(f, f.negative(x))))


# Parts


def reduce_exp(f: Function, x: Value) -> tuple[Value, Value]:
    """`n` in the place of the exponent's bits and `r`, so that `exp(x) = 2**n exp(r)`."""
    form = format_of(x.type)
    shift = like(x, form.rounding)
    shifted = f.fma(x, like(x, _LOG2_E), shift)
    number = strict_sub(f, shifted, shift)
    high, low = of(x, LN2)
    r = f.fma(number, like(x, -high), x)
    r = f.fma(number, like(x, -low), r)
    return shift_left(f, bits(f, shifted), form.fraction), r


def one_plus(f: Function, r: Value) -> Value:
    """`exp(r)` for `|r| <= log(2) / 2`."""
    q = polynomial(f, r, of(r, EXP))
    return strict_add(f, f.fma(strict_mul(f, r, r), q, r), like(r, 1.0))


def _least_normal(x: Value) -> float:
    # below it, exponentials may be denormal
    return -708.0 if is_double(x) else -87.0


def _largest_exponent(x: Value) -> float:
    # the largest number whose exponential is finite
    return 709.782712893384 if is_double(x) else 88.72283172607422


def _finish_exp(f: Function, x: Value, n: Value, p: Value) -> Value:
    raised = _denormal(f, x, n, p, _least_normal(x))
    return _overflow(f, x, raised, _largest_exponent(x))


def _denormal(f: Function, x: Value, n: Value, p: Value, below: float) -> Value:
    """`2**n p`, where a result may be denormal for `x < below`: there by way of a normal one."""
    form = format_of(x.type)
    lift = 128 if is_double(x) else 64
    low = f.compare("olt", x, like(x, below))
    exponent = f.add(bits(f, p), n)
    lifted = f.add(exponent, literal(n.type, lift << form.fraction))
    y = from_bits(f, f.select(low, lifted, exponent))
    return f.select(low, strict_mul(f, y, like(x, 2.0**-lift)), y)


def _overflow(f: Function, x: Value, y: Value, top: float) -> Value:
    """Infinity where `x > top`, NaN where it is, else `y`."""
    infinite = strict_mul(f, x, like(x, math.inf))
    return f.select(f.compare("ugt", x, like(x, top)), infinite, y)
