"""Complex numbers: parts, conjugates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Pullbacks
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike

Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

conj_p = elementwise("conj", np.conjugate, (lambda g: conj(g),))


def conj(x: TensorLike, /) -> Tensor:
    """The complex conjugate; a real tensor as it is."""
    return conj_p.apply(x)


real_p = elementwise("real", np.real, (None,), result=dtypes.real_part)
imag_p = elementwise("imag", np.imag, (None,), domain=dtypes.Complex, result=dtypes.real_part)


def _real_vjp(out: Tensor, x: Tensor) -> Pullbacks:
    dtype = x.dtype
    return (lambda g: ops.astype(g, dtype),) if out.dtype.is_inexact else None


def _imag_vjp(out: Tensor, x: Tensor) -> Pullbacks:
    dtype = x.dtype
    return (lambda g: ops.multiply(ops.astype(g, dtype), 1j),)


def _real_jvp(out: Tensor, operands: Operands, tangents: Tangents) -> Tensor | None:
    return real(tangents[0]) if tangents[0] is not None and out.dtype.is_inexact else None


def _imag_jvp(out: Tensor, operands: Operands, tangents: Tangents) -> Tensor | None:
    return None if tangents[0] is None else imag(tangents[0])


real_p.vjp, real_p.jvp = _real_vjp, _real_jvp
imag_p.vjp, imag_p.jvp = _imag_vjp, _imag_jvp


def real(x: TensorLike, /) -> Tensor:
    """The real part, elementwise; a real tensor as it is."""
    return real_p.apply(x)


def imag(x: TensorLike, /) -> Tensor:
    """The imaginary part of complex numbers, elementwise.

    Raises:
        DTypeError: for real numbers, which have none.
    """
    return imag_p.apply(x)
