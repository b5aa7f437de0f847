"""Trigonometric functions and their inverses in generated code.

`x = q pi/2 + r` with an integer q and `|r| <= pi/4`. Up to 1e5 that takes three products with
parts of pi/2 (Cody and Waite, 1980); lanes beyond are reduced one by one with as many bits of 2/pi
as their exponent asks for (Payne and Hanek, 1983), in a branch that is hardly ever taken.
"""

from __future__ import annotations

import functools
import itertools
import math

from typedflux.compile.native.coefficients import ASIN, ATAN, COS, HALF_PI, SIN, of
from typedflux.compile.native.emitter import (
    DOUBLE,
    I64,
    PTR,
    Function,
    Type,
    Value,
    literal,
)
from typedflux.compile.native.floating import (
    absolute,
    any_lane,
    bits,
    format_of,
    from_bits,
    is_double,
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

_EASY = 1e5
_WORDS = 20


def sin(f: Function, x: Value) -> Value:
    """The sine, of numbers of any size."""
    quadrant, r, low = _reduce(f, x)
    sine, cosine = _sine(f, r, low), _cosine(f, r, low)
    out = _turned(f, f.select(_is_odd(f, quadrant), cosine, sine), quadrant)
    return f.select(f.compare("olt", absolute(f, x), like(x, 2.0**-30)), x, out)


def cos(f: Function, x: Value) -> Value:
    """The cosine, of numbers of any size."""
    quadrant, r, low = _reduce(f, x)
    sine, cosine = _sine(f, r, low), _cosine(f, r, low)
    chosen = f.select(_is_odd(f, quadrant), sine, cosine)
    return _turned(f, chosen, f.add(quadrant, literal(quadrant.type, 1)))


def tan(f: Function, x: Value) -> Value:
    """The tangent, of numbers of any size."""
    quadrant, r, low = _reduce(f, x)
    sine, cosine = _sine(f, r, low), _cosine(f, r, low)
    odd = _is_odd(f, quadrant)
    above = f.select(odd, f.negative(cosine), sine)
    out = f.div(above, f.select(odd, sine, cosine))
    return f.select(f.compare("olt", absolute(f, x), like(x, 2.0**-30)), x, out)


def _is_odd(f: Function, quadrant: Value) -> Value:
    return f.cast("trunc", quadrant, quadrant.type.of("i1"))


def _turned(f: Function, y: Value, quadrant: Value) -> Value:
    """`-y` where bit 1 of the quadrant is set."""
    place = quadrant.type.bits - 2
    two = f.binary("and", quadrant, literal(quadrant.type, 2))
    return from_bits(f, f.binary("xor", bits(f, y), shift_left(f, two, place)))


def _sine(f: Function, r: Value, low: Value | None) -> Value:
    square = strict_mul(f, r, r)
    cubic = strict_mul(f, r, square)
    tail = polynomial(f, square, of(r, SIN))
    if low is None:
        return f.fma(cubic, tail, r)
    return strict_add(f, r, f.fma(cubic, tail, low))


def _cosine(f: Function, r: Value, low: Value | None) -> Value:
    square = strict_mul(f, r, r)
    quartic = strict_mul(f, square, square)
    tail = polynomial(f, square, of(r, COS))
    if low is None:
        return f.fma(quartic, tail, f.fma(square, like(r, -0.5), like(r, 1.0)))
    half = strict_mul(f, square, like(r, 0.5))
    one = like(r, 1.0)
    top = strict_sub(f, one, half)
    lost = strict_sub(f, strict_sub(f, one, top), half)
    lost = f.fma(f.negative(r), low, lost)
    return strict_add(f, top, f.fma(quartic, tail, lost))


# Reduction


def _reduce(f: Function, x: Value) -> tuple[Value, Value, Value | None]:
    """The quadrant, in the low bits; r; of double what was lost of r."""
    shift = like(x, format_of(x.type).rounding)
    first, second, third, _ = of(x, HALF_PI)
    size = absolute(f, x)
    hard = f.compare("ogt", size, like(x, _EASY))
    safe = f.select(hard, like(x, 0.0), x)
    shifted = f.fma(safe, like(x, 2 / math.pi), shift)
    number = strict_sub(f, shifted, shift)
    r = f.fma(number, like(x, -first), safe)
    found: list[Value]
    if is_double(x):
        product = strict_mul(f, number, like(x, second))
        product_lost = f.fma(number, like(x, second), f.negative(product))
        before, r = r, strict_sub(f, r, product)
        lost = strict_sub(f, strict_sub(f, before, r), product)
        tail = f.fma(number, like(x, third), product_lost)
        found = [bits(f, shifted), r, strict_sub(f, lost, tail)]
    else:
        r = f.fma(number, like(x, -second), r)
        found = [bits(f, shifted), f.fma(number, like(x, -third), r)]
    cells = [f.cell(v.type, v) for v in found]
    with f.when(any_lane(f, hard)):
        for cell, easy, each in zip(cells, found, _reduce_each(f, x, len(found)), strict=True):
            cell.set(f.select(hard, each, easy))
    quadrant, r, *low = [cell.get() for cell in cells]
    r = pick(f, f.compare("oeq", size, like(x, math.inf)), math.nan, r)
    return quadrant, r, low[0] if low else None


def _reduce_each(f: Function, x: Value, results: int) -> list[Value]:
    """The lanes reduced one by one: quadrants, r, and what was lost of it."""
    name = _large_reduction(f)
    integer = x.type.of(format_of(x.type).integer)
    spots = [f.cell(t) for t in (x.type, integer, *[x.type] * (results - 1))]
    spots[0].set(x)
    given, *places = [Value(spot.address, PTR) for spot in spots]
    scalar = x.type.wide(0)
    with f.loop(0, max(x.type.lanes, 1)) as i:
        one = f.cast("fpext", f.load(scalar, given, i), DOUBLE)
        three = f.emit(_THREE, f"call {_THREE} @{name}(double {one.text})")
        quadrant = f.cast("fptosi", f.extract(three, 0), integer.wide(0))
        f.store(quadrant, places[0], i)
        for k, place in enumerate(places[1:], 1):
            f.store(f.cast("fptrunc", f.extract(three, k), scalar), place, i)
    return [spot.get() for spot in spots[1:]]


_THREE = Type("double", 4)


@functools.cache
def _two_over_pi() -> tuple[int, ...]:
    """A word of zeros, then the bits of 2/pi in words of 64, the most significant first; from
    Machin's formula."""
    size = 64 * (_WORDS - 1)
    unit = 1 << (2 * size)

    def arctan_of_inverse(n: int) -> int:
        power, total, k = unit // n, 0, 1
        while power:
            total += power // k if k % 4 == 1 else -(power // k)
            power //= n * n
            k += 2
        return total

    pi = 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))
    bits = (unit << (size + 1)) // pi
    return tuple((bits >> (64 * (_WORDS - 1 - k))) & (2**64 - 1) for k in range(_WORDS))


def _large_reduction(f: Function) -> str:
    """The name of a function from one number of at least 1 to its quadrant, r and what it lost."""
    name = "reduce_by_half_pi"
    module = f.module
    if any(f" @{name}(" in text.split("\n", 1)[0] for text in module.functions):
        return name
    words = ", ".join(f"i64 {w - 2**64 if w >= 2**63 else w}" for w in _two_over_pi())
    module.globals.append(f"@two_over_pi = internal constant [{_WORDS} x i64] [{words}]")
    g = Function(module, name, [("x", DOUBLE)], _THREE)
    (x,) = g.parameters

    def number(value: int, type: Type = I64) -> Value:
        return literal(type, value)

    raw = bits(g, absolute(g, x))
    exponent = g.binary("lshr", raw, number(52))
    whole = g.binary("or", g.binary("and", raw, number(2**52 - 1)), number(2**52))
    # x = whole * 2**(exponent - 1075). Bit j of 2/pi gives it a multiple of 4 for j <= exponent -
    # 1077, so take 192 bits after those (and after 64 zeros): the product's upper two bits of 192
    # are the quadrant, the others the fraction.
    start = g.intrinsic("smax", g.sub(exponent, number(1077 - 64)), number(0))
    word, places = g.binary("lshr", start, number(6)), g.binary("and", start, number(63))
    table = Value("@two_over_pi", PTR)
    w = [g.load(I64, table, g.plus(word, k)) for k in range(4)]
    high, middle, low = [
        g.call("llvm.fshl.i64", I64, a, b, places) for a, b in itertools.pairwise(w)
    ]
    wide = Type("i128")

    def product(a: Value) -> Value:
        return g.binary("mul", g.cast("zext", whole, wide), g.cast("zext", a, wide))

    def upper(a: Value) -> Value:
        return g.binary("lshr", a, number(64, wide))

    last = product(low)
    second = g.binary("add", product(middle), upper(last))
    first = g.add(g.mul(whole, high), g.cast("trunc", upper(second), I64))
    second, last = g.cast("trunc", second, I64), g.cast("trunc", last, I64)
    two = number(2)
    top = g.call("llvm.fshl.i64", I64, first, second, two)
    rest = g.call("llvm.fshl.i64", I64, second, last, two)
    # to the nearest quadrant: the fraction is a signed number, and its size taken apart
    quadrant = g.add(g.binary("lshr", first, number(62)), g.binary("lshr", top, number(63)))
    turn = g.binary("ashr", top, number(63))
    top, rest = g.binary("xor", top, turn), g.binary("xor", rest, turn)
    exact = g.cast("sitofp", g.binary("and", top, number(-2048)), DOUBLE)
    beyond = g.cast("sitofp", g.binary("and", top, number(2047)), DOUBLE)
    beyond = g.fma(g.cast("uitofp", rest, DOUBLE), literal(DOUBLE, 2.0**-64), beyond)
    unit = literal(DOUBLE, 2.0**-64)
    a, b = strict_mul(g, exact, unit), strict_mul(g, beyond, unit)
    big, small = (literal(DOUBLE, c) for c in HALF_PI["double"][:2])
    r, lost = two_product(g, a, big)
    lost = g.fma(a, small, lost)
    r, lost = two_sum(g, r, g.fma(b, big, lost))
    sign = g.intrinsic("copysign", literal(DOUBLE, 1.0), x)
    out = Value("zeroinitializer", _THREE)
    side = g.cast("sitofp", g.binary("or", turn, number(1)), DOUBLE)
    r, lost = strict_mul(g, r, side), strict_mul(g, lost, side)
    for k, value in enumerate((g.cast("sitofp", quadrant, DOUBLE), r, lost)):
        turned = strict_mul(g, value, sign)
        out = g.emit(_THREE, f"insertelement {_THREE} {out.text}, double {turned.text}, i64 {k}")
    g.close(out)
    return name


# Inverses


def asin(f: Function, x: Value) -> Value:
    """The inverse sine; NaN beyond 1."""
    above, s, tail = _asin_parts(f, x)
    high, low, _, _ = of(x, HALF_PI)
    # pi/2 - 2 asin(sqrt((1 - |x|) / 2))
    twice = strict_sub(f, like(x, high), strict_add(f, s, s))
    rest = strict_sub(f, strict_add(f, tail, tail), like(x, low))
    near = strict_add(f, s, tail)
    out = f.select(above, strict_sub(f, twice, rest), near)
    return with_sign(f, out, x)


def acos(f: Function, x: Value) -> Value:
    """The inverse cosine; NaN beyond 1."""
    above, s, tail = _asin_parts(f, x)
    high, low, _, _ = of(x, HALF_PI)
    s_signed, tail_signed = with_sign(f, s, x), with_sign(f, tail, x)
    middle = strict_sub(
        f, strict_sub(f, like(x, high), s_signed), strict_sub(f, tail_signed, like(x, low))
    )
    near_one = strict_add(f, strict_add(f, s, s), strict_add(f, tail, tail))
    near_minus = strict_sub(
        f,
        strict_sub(f, like(x, 2 * high), strict_add(f, s, s)),
        strict_sub(f, strict_add(f, tail, tail), like(x, 2 * low)),
    )
    far = f.select(f.compare("ogt", x, like(x, 0.0)), near_one, near_minus)
    return f.select(above, far, middle)


def _asin_parts(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """Whether `|x|` is above 1/2; s and the rest of `asin(s)`, where s is `|x|`, or
    `sqrt((1 - |x|) / 2)` above 1/2."""
    size = absolute(f, x)
    above = f.compare("ogt", size, like(x, 0.5))
    half = f.fma(size, like(x, -0.5), like(x, 0.5))
    square = f.select(above, half, strict_mul(f, size, size))
    s = f.select(above, sqrt(f, half), size)
    tail = strict_mul(f, strict_mul(f, s, square), polynomial(f, square, of(x, ASIN)))
    return above, s, tail


def atan(f: Function, x: Value) -> Value:
    """The inverse tangent."""
    size = absolute(f, x)
    return with_sign(f, _angle(f, size, like(x, 1.0)), x)


def atan2(f: Function, y: Value, x: Value) -> Value:
    """The angle of the point (x, y), from -pi to pi; a negative zero is below 0."""
    huge = 0.125 * format_of(x.type).largest
    up, along = absolute(f, y), absolute(f, x)
    large = f.binary(
        "or", f.compare("ogt", up, like(x, huge)), f.compare("ogt", along, like(x, huge))
    )
    scale = f.select(large, like(x, 0.125), like(x, 1.0))
    up, along = strict_mul(f, up, scale), strict_mul(f, along, scale)
    angle = _angle(f, up, along)
    nothing = f.binary("and", f.compare("oeq", up, like(x, 0.0)), f.compare("ord", x, x))
    angle = f.select(nothing, up, angle)
    high, low, _, _ = of(x, HALF_PI)
    behind = strict_sub(f, like(x, 2 * high), strict_sub(f, angle, like(x, 2 * low)))
    left = f.compare("slt", bits(f, x), literal(x.type.of(format_of(x.type).integer), 0))
    return with_sign(f, f.select(left, behind, angle), y)


def _angle(f: Function, up: Value, along: Value) -> Value:
    """The angle from 0 to pi/2 of a point that is not the origin.

    From pi/8 on it is measured from pi/4, from 3 pi/8 on from pi/2.
    """
    zero = like(up, 0.0)
    steep = f.compare("oge", up, strict_mul(f, along, like(up, math.sqrt(2) - 1)))
    steeper = f.compare("ogt", up, strict_mul(f, along, like(up, math.sqrt(2) + 1)))
    above = f.select(steep, strict_sub(f, up, along), up)
    above = f.select(steeper, f.negative(along), above)
    below = f.select(steep, strict_add(f, up, along), along)
    below = f.select(steeper, up, below)
    t = f.select(f.compare("oeq", up, along), zero, f.div(above, below))
    square = strict_mul(f, t, t)
    high, low, _, _ = of(up, HALF_PI)
    quarters = f.select(steeper, like(up, 1.0), f.select(steep, like(up, 0.5), zero))
    tail = strict_mul(f, strict_mul(f, t, square), polynomial(f, square, of(up, ATAN)))
    tail = f.fma(quarters, like(up, low), tail)
    return f.fma(quarters, like(up, high), strict_add(f, t, tail))
