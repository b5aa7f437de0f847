"""The error function and its inverse in generated code."""

from __future__ import annotations

import math

from typedflux.compile.native.coefficients import (
    ERF,
    ERFINV_HIGH,
    ERFINV_LOW,
    ERFINV_MIDDLE,
    LOG_ERFC,
    of,
)
from typedflux.compile.native.emitter import Function, Value
from typedflux.compile.native.exponentials import exp_normal
from typedflux.compile.native.floating import (
    absolute,
    is_double,
    least,
    like,
    pick,
    polynomial,
    sqrt,
    strict_mul,
    strict_sub,
    with_sign,
)
from typedflux.compile.native.logarithms import log


def erf(f: Function, x: Value) -> Value:
    """The error function: error below 2 ulp.

    A polynomial up to 1; beyond it `1 - exp(q(x))`, where q is one for the logarithm of erfc.
    """
    size = absolute(f, x)
    square = strict_mul(f, size, size)
    near = f.fma(size, polynomial(f, square, of(x, ERF)), size)
    inside = least(f, size, 6.0 if is_double(x) else 4.0)
    centred = strict_sub(f, inside, like(x, 2.5)) if is_double(x) else inside
    tail = exp_normal(f, polynomial(f, centred, of(x, LOG_ERFC)))
    far = strict_sub(f, like(x, 1.0), tail)
    limit = 1.0 if is_double(x) else 0.95
    return with_sign(f, f.select(f.compare("olt", size, like(x, limit)), near, far), x)


def erfinv(f: Function, x: Value) -> Value:
    """The inverse of `erf`: infinite at -1 and 1, NaN beyond.

    `x` times polynomials of `w = -log(1 - x**2)` and, for large w, of its root (Giles, 2012).
    """
    w = f.negative(log(f, f.fma(f.negative(x), x, like(x, 1.0))))
    root = sqrt(f, w)

    def at(variable: Value, centre: float, table: dict[str, tuple[float, ...]]) -> Value:
        return polynomial(f, strict_sub(f, variable, like(x, centre)), of(x, table))

    def below(limit: float, a: Value, b: Value) -> Value:
        return f.select(f.compare("olt", w, like(x, limit)), a, b)

    if is_double(x):
        high = below(16.0, at(root, 3.25, ERFINV_MIDDLE), at(root, 5.0, ERFINV_HIGH))
        factor = below(6.25, at(w, 3.125, ERFINV_LOW), high)
    else:
        factor = below(5.0, at(w, 2.5, ERFINV_LOW), at(root, 3.0, ERFINV_HIGH))
    edge = f.compare("oeq", absolute(f, x), like(x, 1.0))
    return strict_mul(f, x, pick(f, edge, math.inf, factor))
