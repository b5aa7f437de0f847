"""Exponentials, logarithms and roots, elementwise."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike

exp_p = elementwise("exp", np.exp, (lambda out: out,), domain=dtypes.Inexact, inexact=True)


def exp(x: TensorLike, /) -> Tensor:
    """`e` to the power `x`, elementwise."""
    return exp_p.apply(x)


def _complex_expm1(x: Array) -> Array:
    from scipy import special  # takes a tenth of a second to import

    out: Array = np.asarray(special.expm1(x))  # numpy's makes nan of infinite operands
    return out


expm1_p = elementwise(
    "expm1",
    np.expm1,
    (lambda out: ops.add(out, 1),),
    domain=dtypes.Inexact,
    inexact=True,
    complex_kernel=_complex_expm1,
)


def expm1(x: TensorLike, /) -> Tensor:
    """`exp(x) - 1`, exact for small `x`."""
    return expm1_p.apply(x)


log_p = elementwise(
    "log", np.log, (lambda x: ops.reciprocal(x),), domain=dtypes.Inexact, inexact=True
)


def log(x: TensorLike, /) -> Tensor:
    """The natural logarithm, elementwise; -inf at 0 and nan below."""
    return log_p.apply(x)


def _complex_log1p(x: Array) -> Array:
    from scipy import special

    # numpy's adds the 1; scipy's is exact, but for the sign of a zero
    out: Array = np.asarray(special.log1p(x))
    out.imag = np.copysign(out.imag, x.imag)
    return out


log1p_p = elementwise(
    "log1p",
    np.log1p,
    (lambda x: ops.reciprocal(ops.add(x, 1)),),
    domain=dtypes.Inexact,
    inexact=True,
    complex_kernel=_complex_log1p,
)


def log1p(x: TensorLike, /) -> Tensor:
    """`log(1 + x)`, exact for small `x`."""
    return log1p_p.apply(x)


log2_p = elementwise(
    "log2",
    np.log2,
    (lambda x: ops.divide(1 / np.log(2).item(), x),),
    domain=dtypes.Inexact,
    inexact=True,
)


def log2(x: TensorLike, /) -> Tensor:
    """The logarithm to base 2, elementwise."""
    return log2_p.apply(x)


log10_p = elementwise(
    "log10",
    np.log10,
    (lambda x: ops.divide(1 / np.log(10).item(), x),),
    domain=dtypes.Inexact,
    inexact=True,
)


def log10(x: TensorLike, /) -> Tensor:
    """The logarithm to base 10, elementwise."""
    return log10_p.apply(x)


logaddexp_p = elementwise(
    "logaddexp",
    np.logaddexp,
    (lambda x, out: exp(ops.subtract(x, out)), lambda y, out: exp(ops.subtract(y, out))),
    domain=dtypes.Float,
    inexact=True,
)


def logaddexp(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """`log(exp(x1) + exp(x2))` without overflow."""
    return logaddexp_p.apply(x1, x2)


sqrt_p = elementwise(
    "sqrt", np.sqrt, (lambda out: ops.divide(0.5, out),), domain=dtypes.Inexact, inexact=True
)


def sqrt(x: TensorLike, /) -> Tensor:
    """The square root, elementwise; nan below 0."""
    return sqrt_p.apply(x)


rsqrt_p = elementwise(
    "rsqrt",
    lambda x: np.reciprocal(np.sqrt(x)),
    (lambda out, x: ops.multiply(ops.divide(out, x), -0.5),),
    domain=dtypes.Inexact,
    inexact=True,
)


def rsqrt(x: TensorLike, /) -> Tensor:
    """`1 / sqrt(x)`, elementwise."""
    return rsqrt_p.apply(x)
