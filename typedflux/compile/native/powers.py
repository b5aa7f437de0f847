"""Powers and distances in generated code.

Floats are computed in double, where the logarithm of the base has bits enough; doubles with the
logarithm in two parts, because an error in it grows with the exponent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from typedflux.compile.native.coefficients import EXP_ROUGH, LN2, LOG_ROUGH, LOG_TAIL, of
from typedflux.compile.native.emitter import Function, Value, literal
from typedflux.compile.native.exponentials import exp_with_tail
from typedflux.compile.native.floating import (
    absolute,
    bits,
    format_of,
    from_bits,
    greatest,
    in_double,
    is_double,
    least,
    like,
    pick,
    polynomial,
    shift_left,
    sqrt,
    strict_add,
    strict_mul,
    strict_sub,
    two_product,
    two_sum,
    with_sign,
)
from typedflux.compile.native.logarithms import split

_Size: TypeAlias = Callable[[Function, Value, Value], Value]


def power(f: Function, x: Value, y: Value) -> Value:
    """`x**y` with all the limits of C's `pow`: 1 for y = 0 and for x = 1, NaN for negative x and
    fractional y."""
    if is_double(x):
        return _power(f, x, y, _exact_size)
    return in_double(f, lambda f, x, y: _power(f, x, y, _rough_size), x, y)


def _power(f: Function, x: Value, y: Value, size: _Size) -> Value:
    """The power from that of `|x|`."""
    zero, one, endless = like(x, 0.0), like(x, 1.0), like(x, math.inf)
    base = absolute(f, x)
    out = size(f, base, y)
    whole = f.compare("oeq", f.intrinsic("rint", y), y)
    half = strict_mul(f, y, like(x, 0.5))
    odd = f.binary("and", whole, f.compare("une", f.intrinsic("rint", half), half))
    out = f.select(odd, with_sign(f, out, x), out)
    fractional = f.binary("xor", whole, literal(whole.type, 1))
    negative = f.binary("and", f.compare("olt", x, zero), f.compare("olt", base, endless))
    out = pick(f, f.binary("and", negative, fractional), math.nan, out)
    certain = f.binary("or", f.compare("oeq", x, one), f.compare("oeq", y, zero))
    turning = f.binary(
        "and", f.compare("oeq", base, one), f.compare("oeq", absolute(f, y), endless)
    )
    return f.select(f.binary("or", certain, turning), one, out)


def _logarithm_limits(f: Function, x: Value, y: Value) -> Value:
    """`y`, the logarithm of x, but where x is 0 or infinite or NaN."""
    y = pick(f, f.compare("oeq", x, like(x, 0.0)), -math.inf, y)
    return f.select(f.compare("ueq", x, like(x, math.inf)), x, y)


def _rough_size(f: Function, x: Value, y: Value) -> Value:
    """`x**y` for `x >= 0` to about 30 bits."""
    e, r = split(f, x)
    s = f.div(r, strict_add(f, r, like(x, 2.0)))
    square = strict_mul(f, s, s)
    series = f.fma(square, polynomial(f, square, of(x, LOG_ROUGH)), like(x, 2.0))
    scaled = strict_mul(f, s, like(x, 1 / math.log(2)))
    t = strict_mul(f, y, _logarithm_limits(f, x, f.fma(scaled, series, e)))
    t = greatest(f, least(f, t, 1000.0), -1000.0)
    form = format_of(x.type)
    shift = like(x, form.rounding)
    shifted = strict_add(f, t, shift)
    rest = strict_mul(f, strict_sub(f, t, strict_sub(f, shifted, shift)), like(x, math.log(2)))
    tail = polynomial(f, rest, of(x, EXP_ROUGH))
    p = strict_add(f, f.fma(strict_mul(f, rest, rest), tail, rest), like(x, 1.0))
    raw = bits(f, shifted)
    scale = shift_left(f, f.add(raw, literal(raw.type, form.bias)), form.fraction)
    return strict_mul(f, p, from_bits(f, scale))


def _exact_size(f: Function, x: Value, y: Value) -> Value:
    """`x**y` for `x >= 0` to about an ulp."""
    high, low = _log_in_two(f, x)
    high = _logarithm_limits(f, x, high)
    t, t_low = two_product(f, y, high)
    t_low = f.fma(y, low, t_low)
    inside = f.compare("olt", absolute(f, t), like(x, 760.0))
    return exp_with_tail(f, t, f.select(inside, t_low, like(x, 0.0)))


def _log_in_two(f: Function, x: Value) -> tuple[Value, Value]:
    """The logarithm of positive finite numbers, and what it lost.

    `2 atanh(s) = 2 s + 2/3 s**3 + ...` with `s = r / (2 + r)`, its first terms in two parts.
    """
    e, r = split(f, x)
    two = like(x, 2.0)
    d, d_low = two_sum(f, two, r)
    s = f.div(r, d)
    left = f.fma(f.negative(s), d_low, f.fma(f.negative(s), d, r))
    s_low = f.div(left, d)
    z, z_low = two_product(f, s, s)
    z_low = f.fma(strict_add(f, s, s), s_low, z_low)
    third = like(x, 2 / 3)
    u, u_low = two_sum(f, third, strict_mul(f, z, polynomial(f, z, of(x, LOG_TAIL))))
    u_low = strict_add(f, u_low, like(x, _TWO_THIRDS_LOST))
    v, v_low = two_product(f, z, u)
    v_low = f.fma(z, u_low, f.fma(z_low, u, v_low))
    w, w_low = two_product(f, s, v)
    w_low = f.fma(s, v_low, f.fma(s_low, v, w_low))
    ln2, ln2_low = of(x, LN2)
    total, lost = two_sum(f, strict_mul(f, e, like(x, ln2)), strict_add(f, s, s))
    total, lost_again = two_sum(f, total, w)
    tail = f.fma(e, like(x, ln2_low), f.fma(two, s_low, w_low))
    tail = strict_add(f, strict_add(f, lost, lost_again), tail)
    return two_sum(f, total, tail)


_TWO_THIRDS_LOST = 3.700743415417188e-17


def hypot(f: Function, x: Value, y: Value) -> Value:
    """`sqrt(x**2 + y**2)` without overflow; infinite where one of them is, beside NaN too."""
    out = _distance(f, x, y) if is_double(x) else in_double(f, _root_of_squares, x, y)
    endless = like(x, math.inf)
    infinite = f.binary(
        "or",
        f.compare("oeq", absolute(f, x), endless),
        f.compare("oeq", absolute(f, y), endless),
    )
    return f.select(infinite, endless, out)


def _distance(f: Function, x: Value, y: Value) -> Value:
    x, y = absolute(f, x), absolute(f, y)
    larger = f.select(f.compare("ogt", x, y), x, y)
    one = like(x, 1.0)
    scale = pick(f, f.compare("ogt", larger, like(x, 2.0**500)), 2.0**-600, one)
    scale = pick(f, f.compare("olt", larger, like(x, 2.0**-400)), 2.0**600, scale)
    back = pick(f, f.compare("ogt", larger, like(x, 2.0**500)), 2.0**600, one)
    back = pick(f, f.compare("olt", larger, like(x, 2.0**-400)), 2.0**-600, back)
    root = _root_of_squares(f, strict_mul(f, x, scale), strict_mul(f, y, scale))
    return strict_mul(f, root, back)


def _root_of_squares(f: Function, x: Value, y: Value) -> Value:
    return sqrt(f, f.fma(x, x, strict_mul(f, y, y)))
