"""Trigonometric and hyperbolic functions and their inverses, elementwise."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike

sin_p = elementwise("sin", np.sin, (lambda x: cos(x),), domain=dtypes.Inexact, inexact=True)


def sin(x: TensorLike, /) -> Tensor:
    """The sine of `x` in radians."""
    return sin_p.apply(x)


cos_p = elementwise(
    "cos", np.cos, (lambda x: ops.negative(sin(x)),), domain=dtypes.Inexact, inexact=True
)


def cos(x: TensorLike, /) -> Tensor:
    """The cosine of `x` in radians."""
    return cos_p.apply(x)


def _complex_tan(x: Array) -> Array:
    """`-1j * tanh(1j * x)`, special values included."""
    turned = np.empty_like(x)
    turned.real, turned.imag = -x.imag, x.real
    tanh = _complex_tanh(turned)
    out = np.empty_like(x)
    out.real, out.imag = tanh.imag, -tanh.real
    return out


tan_p = elementwise(
    "tan",
    np.tan,
    (lambda out: ops.add(1, ops.square(out)),),
    domain=dtypes.Inexact,
    inexact=True,
    complex_kernel=_complex_tan,
)


def tan(x: TensorLike, /) -> Tensor:
    """The tangent of `x` in radians."""
    return tan_p.apply(x)


asin_p = elementwise(
    "asin",
    np.arcsin,
    (lambda x: ops.rsqrt(ops.subtract(1, ops.square(x))),),
    domain=dtypes.Inexact,
    inexact=True,
)


def asin(x: TensorLike, /) -> Tensor:
    """The inverse sine, in radians; nan outside [-1, 1]."""
    return asin_p.apply(x)


acos_p = elementwise(
    "acos",
    np.arccos,
    (lambda x: ops.negative(ops.rsqrt(ops.subtract(1, ops.square(x)))),),
    domain=dtypes.Inexact,
    inexact=True,
)


def acos(x: TensorLike, /) -> Tensor:
    """The inverse cosine, in radians; nan outside [-1, 1]."""
    return acos_p.apply(x)


atan_p = elementwise(
    "atan",
    np.arctan,
    (lambda x: ops.reciprocal(ops.add(1, ops.square(x))),),
    domain=dtypes.Inexact,
    inexact=True,
)


def atan(x: TensorLike, /) -> Tensor:
    """The inverse tangent, in radians."""
    return atan_p.apply(x)


atan2_p = elementwise(
    "atan2",
    np.arctan2,
    (
        lambda x, y: ops.divide(y, ops.add(ops.square(x), ops.square(y))),
        lambda x, y: ops.divide(ops.negative(x), ops.add(ops.square(x), ops.square(y))),
    ),
    domain=dtypes.Float,
    inexact=True,
)


def atan2(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The angle of the point (`x2`, `x1`), in radians from -pi to pi."""
    return atan2_p.apply(x1, x2)


sinh_p = elementwise("sinh", np.sinh, (lambda x: cosh(x),), domain=dtypes.Inexact, inexact=True)


def sinh(x: TensorLike, /) -> Tensor:
    """The hyperbolic sine."""
    return sinh_p.apply(x)


cosh_p = elementwise("cosh", np.cosh, (lambda x: sinh(x),), domain=dtypes.Inexact, inexact=True)


def cosh(x: TensorLike, /) -> Tensor:
    """The hyperbolic cosine."""
    return cosh_p.apply(x)


def _complex_tanh(x: Array) -> Array:
    # The zero beside the limits 1 and -1 has the sign of sin(2 * imag) in C, of imag here.
    out = np.array(np.tanh(x))
    infinite = np.isinf(x.real)
    np.copyto(out.real, np.copysign(1, x.real), where=infinite)
    np.copyto(out.imag, np.copysign(0, x.imag), where=infinite)
    np.copyto(out.real, x.real, where=(x.real == 0) & ~np.isfinite(x.imag))  # nan in older C
    return out


tanh_p = elementwise(
    "tanh",
    np.tanh,
    (lambda out: ops.subtract(1, ops.square(out)),),
    domain=dtypes.Inexact,
    inexact=True,
    complex_kernel=_complex_tanh,
)


def tanh(x: TensorLike, /) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    return tanh_p.apply(x)


asinh_p = elementwise(
    "asinh",
    np.arcsinh,
    (lambda x: ops.rsqrt(ops.add(ops.square(x), 1)),),
    domain=dtypes.Inexact,
    inexact=True,
)


def asinh(x: TensorLike, /) -> Tensor:
    """The inverse hyperbolic sine."""
    return asinh_p.apply(x)


acosh_p = elementwise(
    "acosh",
    np.arccosh,
    (
        lambda x: ops.reciprocal(
            ops.multiply(ops.sqrt(ops.subtract(x, 1)), ops.sqrt(ops.add(x, 1)))
        ),
    ),
    domain=dtypes.Inexact,
    inexact=True,
)


def acosh(x: TensorLike, /) -> Tensor:
    """The inverse hyperbolic cosine; nan below 1."""
    return acosh_p.apply(x)


atanh_p = elementwise(
    "atanh",
    np.arctanh,
    (lambda x: ops.reciprocal(ops.subtract(1, ops.square(x))),),
    domain=dtypes.Inexact,
    inexact=True,
)


def atanh(x: TensorLike, /) -> Tensor:
    """The inverse hyperbolic tangent."""
    return atanh_p.apply(x)
