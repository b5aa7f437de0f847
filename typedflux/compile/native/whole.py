"""Arithmetic of integers in generated code, with numpy's answers where the CPU has none.

Dividing by 0 gives 0, as does shifting by more places than there are; everything wraps around.
"""

from __future__ import annotations

from typedflux.compile.native.emitter import Function, Value, literal


def divide(f: Function, x: Value, y: Value, signed: bool) -> Value:
    """The quotient rounded towards minus infinity; 0 for `y = 0`."""
    return _divided(f, x, y, signed)[0]


def remainder(f: Function, x: Value, y: Value, signed: bool) -> Value:
    """What `divide` leaves over, with the sign of `y`; 0 for `y = 0`."""
    return _divided(f, x, y, signed)[1]


def _divided(f: Function, x: Value, y: Value, signed: bool) -> tuple[Value, Value]:
    zero, one = literal(x.type, 0), literal(x.type, 1)
    nothing = f.compare("eq", y, zero)
    unsafe = nothing
    if signed:  # the least number has no opposite
        least = literal(x.type, -(2 ** (x.type.bits - 1)))
        wraps = f.compare("eq", y, literal(x.type, -1))
        wraps = f.binary("and", wraps, f.compare("eq", x, least))
        unsafe = f.binary("or", nothing, wraps)
    quotient = _truncated(f, x, f.select(unsafe, one, y), signed)
    rest = f.sub(x, f.mul(quotient, y))  # 0 where it wraps: least * -1 is least again
    if signed:
        apart = f.compare("slt", f.binary("xor", rest, y), zero)
        below = f.binary("and", apart, f.compare("ne", rest, zero))
        quotient = f.select(below, f.sub(quotient, one), quotient)
        rest = f.select(below, f.add(rest, y), rest)
    return f.select(nothing, zero, quotient), f.select(nothing, zero, rest)


def _truncated(f: Function, x: Value, y: Value, signed: bool) -> Value:
    if x.type.bits == 64 or not x.type.lanes:
        return f.binary("sdiv" if signed else "udiv", x, y)
    # CPUs divide no vectors of integers; doubles hold these exactly, and their quotients well
    # enough: one that is no integer is further from the next than it is rounded.
    middle = x.type.of("i32")
    extend = "sext" if signed else "zext"
    to, back = ("sitofp", "fptosi") if signed else ("uitofp", "fptoui")
    wide = [f.cast(to, f.cast(extend, v, middle), x.type.of("double")) for v in (x, y)]
    return f.cast("trunc", f.cast(back, f.div(*wide), middle), x.type)


def shift_left(f: Function, x: Value, places: Value) -> Value:
    """The bits moved up; 0 where that is by all of them, or by a negative number."""
    enough = f.compare("ult", places, literal(x.type, x.type.bits))
    moved = f.binary("shl", x, f.select(enough, places, literal(x.type, 0)))
    return f.select(enough, moved, literal(x.type, 0))


def shift_right(f: Function, x: Value, places: Value, signed: bool) -> Value:
    """The bits moved down; only signs where that is by all of them, or by a negative number."""
    enough = f.compare("ult", places, literal(x.type, x.type.bits))
    if signed:
        most = literal(x.type, x.type.bits - 1)
        return f.binary("ashr", x, f.select(enough, places, most))
    moved = f.binary("lshr", x, f.select(enough, places, literal(x.type, 0)))
    return f.select(enough, moved, literal(x.type, 0))


def power(f: Function, x: Value, y: Value) -> Value:
    """`x**y` for `y >= 0`, by squaring."""
    result = f.cell(x.type, literal(x.type, 1))
    base, left = f.cell(x.type, x), f.cell(x.type, y)
    one, zero = literal(x.type, 1), literal(x.type, 0)
    with f.loop(0, x.type.bits):
        b, e, r = base.get(), left.get(), result.get()
        odd = f.compare("ne", f.binary("and", e, one), zero)
        result.set(f.select(odd, f.mul(r, b), r))
        base.set(f.mul(b, b))
        left.set(f.binary("lshr", e, one))
    return result.get()
