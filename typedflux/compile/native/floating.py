"""Floating-point building blocks of generated code: bits, signs, exact steps, polynomials.

All take scalars and vectors of `float` and `double`. `strict_*` are for results that compensate
rounding: LLVM may contract the other ones with their neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typedflux.compile.native.emitter import Function, Type, Value, literal


@dataclass(frozen=True, slots=True)
class Format:
    """How a type keeps numbers: bits of the fraction, bias of the exponent, its integer."""

    fraction: int
    bias: int
    integer: str

    @property
    def rounding(self) -> float:
        """Added and subtracted, it rounds to integers; the sum's low bits hold the integer."""
        return 1.5 * 2.0**self.fraction

    @property
    def smallest_normal(self) -> float:
        """The least number above the denormal ones."""
        return 2.0 ** (1 - self.bias)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2 - 2.0**-self.fraction) * 2.0**self.bias


_FORMATS = {"float": Format(23, 127, "i32"), "double": Format(52, 1023, "i64")}


def format_of(type: Type) -> Format:
    """The format of a `float` or `double` type."""
    return _FORMATS[type.scalar]


def is_double(x: Value) -> bool:
    """Whether `x` is of `double`, not `float`."""
    return x.type.scalar == "double"


@functools.lru_cache(maxsize=4096)
def constant(type: Type, number: float) -> Value:
    """`number` in every lane."""
    return literal(type, number)


def like(x: Value, number: float) -> Value:
    """`number` in the type of `x`."""
    return constant(x.type, number)


# Bits


def bits(f: Function, x: Value) -> Value:
    """The representation as an integer."""
    return f.cast("bitcast", x, x.type.of(format_of(x.type).integer))


def from_bits(f: Function, x: Value) -> Value:
    """The float that an integer represents."""
    return f.cast("bitcast", x, x.type.of("float" if x.type.scalar == "i32" else "double"))


def shift_left(f: Function, x: Value, places: int) -> Value:
    """Bits of an integer moved up."""
    return f.binary("shl", x, literal(x.type, places))


def shift_right(f: Function, x: Value, places: int, signed: bool = True) -> Value:
    """Bits of an integer moved down."""
    return f.binary("ashr" if signed else "lshr", x, literal(x.type, places))


def absolute(f: Function, x: Value) -> Value:
    """`|x|`, NaN as it is."""
    return f.intrinsic("fabs", x)


def with_sign(f: Function, x: Value, sign: Value) -> Value:
    """The magnitude of `x` with the sign of `sign`."""
    return f.intrinsic("copysign", x, sign)


# Arithmetic


def strict_add(f: Function, a: Value, b: Value) -> Value:
    """`a + b`, rounded by itself."""
    return f.binary("fadd", a, b)


def strict_sub(f: Function, a: Value, b: Value) -> Value:
    """`a - b`, rounded by itself."""
    return f.binary("fsub", a, b)


def strict_mul(f: Function, a: Value, b: Value) -> Value:
    """`a * b`, rounded by itself."""
    return f.binary("fmul", a, b)


def sqrt(f: Function, x: Value) -> Value:
    """The square root, rounded correctly; NaN below 0."""
    return f.intrinsic("sqrt", x)


def least(f: Function, x: Value, bound: float) -> Value:
    """The smaller of `x` and a number; NaN where `x` is."""
    b = like(x, bound)
    return f.select(f.compare("olt", b, x), b, x)


def greatest(f: Function, x: Value, bound: float) -> Value:
    """The larger of `x` and a number; NaN where `x` is."""
    b = like(x, bound)
    return f.select(f.compare("ogt", b, x), b, x)


def pick(f: Function, condition: Value, a: Value | float, b: Value | float) -> Value:
    """`a` where the condition holds, else `b`; one of them may be a number."""
    if not isinstance(a, Value):
        assert isinstance(b, Value)
        a = like(b, a)
    if not isinstance(b, Value):
        b = like(a, b)
    return f.select(condition, a, b)


def any_lane(f: Function, mask: Value) -> Value:
    """Whether a lane of a mask is set."""
    if not mask.type.lanes:
        return mask
    whole = Type(f"i{mask.type.lanes}")
    return f.compare("ne", f.cast("bitcast", mask, whole), literal(whole, 0))


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """`c[0] + c[1] x + c[2] x**2 + ...` by Horner's rule."""
    total = like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = f.fma(total, x, like(x, c))
    return total


def two_sum(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """`a + b` and its rounding error, for `|a| >= |b|` (Dekker, 1971)."""
    total = strict_add(f, a, b)
    return total, strict_sub(f, b, strict_sub(f, total, a))


def two_product(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """`a * b` and its rounding error."""
    product = strict_mul(f, a, b)
    return product, f.fma(a, b, f.negative(product))


def in_double(f: Function, function: Callable[..., Value], *operands: Value) -> Value:
    """A function of doubles for floats: as right as rounding its result makes it."""
    wide = operands[0].type.of("double")
    out = function(f, *[f.cast("fpext", x, wide) for x in operands])
    return f.cast("fptrunc", out, operands[0].type)
