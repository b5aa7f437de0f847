"""Activation functions and terms of losses in generated code, which take several steps."""

from __future__ import annotations

import math

from typedflux.compile.native import elementary as e
from typedflux.compile.native.emitter import Function, Value
from typedflux.compile.native.floating import (
    absolute,
    like,
    sqrt,
    strict_add,
    strict_mul,
    strict_sub,
)


def rsqrt(f: Function, x: Value) -> Value:
    """`1 / sqrt(x)`."""
    return f.div(like(x, 1.0), sqrt(f, x))


def gelu_tanh(f: Function, x: Value) -> Value:
    """The Gaussian error linear unit by tanh, as `x sigmoid(2 u)`, which loses nothing below 0."""
    square = strict_mul(f, x, x)
    scale = strict_mul(f, x, like(x, 2 * math.sqrt(2 / math.pi)))
    u = strict_mul(f, scale, f.fma(square, like(x, 0.044715), like(x, 1.0)))
    one = like(x, 1.0)
    return f.div(x, strict_add(f, one, e.exp_normal(f, f.negative(u))))


def leakyrelu(f: Function, x: Value, slope: Value) -> Value:
    """`x` above 0, `slope * x` elsewhere."""
    return f.select(f.compare("ogt", x, like(x, 0.0)), x, strict_mul(f, slope, x))


def elu(f: Function, x: Value, scale: Value) -> Value:
    """`x` above 0, `scale * (exp(x) - 1)` elsewhere."""
    zero = like(x, 0.0)
    positive = f.compare("ogt", x, zero)
    below = e.expm1(f, f.select(positive, zero, x))
    return f.select(positive, x, strict_mul(f, scale, below))


def logcosh(f: Function, x: Value) -> Value:
    """`log(cosh(x))` without overflow."""
    size = absolute(f, x)
    term = e.log1p_exp(f, strict_mul(f, size, like(x, -2.0)))
    return strict_sub(f, strict_add(f, size, term), like(x, math.log(2)))


def xlogy(f: Function, x: Value, y: Value) -> Value:
    """`x log(y)`, and 0 where `x` is 0."""
    zero = like(x, 0.0)
    return f.select(f.compare("oeq", x, zero), zero, strict_mul(f, x, e.log(f, y)))


def weighted(f: Function, x: Value, y: Value) -> Value:
    """`x y`, and 0 where `x` is 0."""
    zero = like(x, 0.0)
    return f.select(f.compare("oeq", x, zero), zero, strict_mul(f, x, y))


def logit_term(f: Function, x: Value, y: Value) -> Value:
    """The cross-entropy of a logit `x` with the share `y`."""
    size, zero = absolute(f, x), like(x, 0.0)
    share = f.select(f.compare("ogt", x, zero), strict_sub(f, like(x, 1.0), y), y)
    lost = f.select(f.compare("oeq", share, zero), zero, strict_mul(f, size, share))
    return strict_add(f, lost, e.log1p_exp(f, f.negative(size)))
