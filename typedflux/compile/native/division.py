"""Division with remainder of floats in generated code, exact for numbers of any sizes."""

from __future__ import annotations

import math

from typedflux.compile.native.emitter import Function, Value
from typedflux.compile.native.floating import (
    absolute,
    any_lane,
    format_of,
    is_double,
    like,
    strict_add,
    strict_mul,
    strict_sub,
    with_sign,
)


def remainder(f: Function, x: Value, y: Value) -> Value:
    """What a quotient rounded towards minus infinity leaves over, with the sign of `y`; NaN for
    `y = 0` and for infinite `x`."""
    rest = modulo(f, x, y)
    zero = like(x, 0.0)
    adjusted = f.select(_turned(f, rest, y), strict_add(f, rest, y), rest)
    return f.select(f.compare("oeq", rest, zero), with_sign(f, zero, y), adjusted)


def floor_divide(f: Function, x: Value, y: Value) -> Value:
    """The quotient rounded towards minus infinity; `x / y` where one is infinite or `y` is 0."""
    rest = modulo(f, x, y)
    one, zero = like(x, 1.0), like(x, 0.0)
    quotient = f.div(strict_sub(f, x, rest), y)
    quotient = f.select(_turned(f, rest, y), strict_sub(f, quotient, one), quotient)
    down = f.intrinsic("floor", quotient)
    up = f.compare("ogt", strict_sub(f, quotient, down), like(x, 0.5))
    down = f.select(up, strict_add(f, down, one), down)
    plain = f.div(x, y)
    down = f.select(f.compare("oeq", quotient, zero), with_sign(f, zero, plain), down)
    endless = like(x, math.inf)
    outside = f.binary(
        "or",
        f.compare("oeq", absolute(f, x), endless),
        f.compare("oeq", absolute(f, y), endless),
    )
    return f.select(f.binary("or", outside, f.compare("oeq", y, zero)), plain, down)


def _turned(f: Function, rest: Value, y: Value) -> Value:
    """Whether the remainder is not 0 and has the other sign."""
    zero = like(y, 0.0)
    apart = f.binary("xor", f.compare("olt", y, zero), f.compare("olt", rest, zero))
    return f.binary("and", apart, f.compare("une", rest, zero))


def modulo(f: Function, x: Value, y: Value) -> Value:
    """C's `fmod`: `x - n y` for the integer n next to `x / y` towards 0, with the sign of `x`.

    `x - n y` is a number of the type for every n of fewer bits than it has: quotients like that
    are taken off at once, and larger ones, in a branch that is hardly ever taken, bit by bit.
    """
    a, b = absolute(f, x), absolute(f, y)
    endless, zero = like(x, math.inf), like(x, 0.0)
    ratio = f.div(a, b)
    fits = f.compare("olt", ratio, like(x, 2.0 ** (format_of(x.type).fraction - 2)))
    rest = f.cell(x.type, _less(f, a, b, f.select(fits, ratio, zero)))
    proper = f.binary("and", f.compare("olt", a, endless), f.compare("ogt", b, zero))

    def left() -> Value:
        return f.binary("and", proper, f.compare("oge", rest.get(), b))

    reduce, done = f.fresh("reduce"), f.fresh("reduced")
    f.branch(any_lane(f, left()), reduce, done)
    f.label(reduce)
    current, divisor = rest.get(), b
    for places in (1000, 1000, 512, 256, 128, 64, 32) if is_double(x) else (127, 127, 64, 32, 16):
        larger = strict_mul(f, divisor, like(x, 2.0**places))
        divisor = f.select(f.compare("ole", larger, current), larger, divisor)
    reduced = _less(f, current, divisor, f.div(current, divisor))
    rest.set(f.select(left(), reduced, current))
    f.branch(any_lane(f, left()), reduce, done)
    f.label(done)
    out = f.select(f.compare("oeq", b, endless), a, rest.get())
    out = f.select(proper, out, like(x, math.nan))
    out = f.select(f.compare("uno", x, y), strict_add(f, x, y), out)
    return with_sign(f, out, x)


def _less(f: Function, a: Value, b: Value, ratio: Value) -> Value:
    """`a` less the multiple of `b` that the quotient gives; it may have been rounded up."""
    out = f.fma(f.negative(f.intrinsic("trunc", ratio)), b, a)
    return f.select(f.compare("olt", out, like(a, 0.0)), strict_add(f, out, b), out)
