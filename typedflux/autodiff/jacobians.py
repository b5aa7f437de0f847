"""Jacobians and Hessians, built of forward and reverse mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from typedflux import ops
from typedflux.autodiff.api import gradient, vjp
from typedflux.autodiff.forward import jvp
from typedflux.core.primitive import type_of
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor, wrap


def jacobian(f: Callable[[Tensor], Tensor], x: Tensor, /) -> Tensor:
    """All derivatives of the tensor `f(x)`: of shape `f(x).shape + x.shape`.

    Row by row backwards, or column by column forwards, whichever takes fewer passes.

    Raises:
        DTypeError: when `x` is an integer tensor.

    >>> import typedflux as flux
    >>> flux.jacobian(lambda x: x * x, flux.asarray([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]], float32)
    """
    if not isinstance(x, Tensor) or not x.dtype.is_inexact:
        raise DTypeError("jacobian needs a floating-point or complex tensor to differentiate by")
    y, pullback = vjp(f, x)
    if not isinstance(y, Tensor):
        raise TypeError(f"jacobian needs a function that returns a tensor, got {type(y).__name__}")
    if not y.dtype.is_inexact:
        raise DTypeError(f"jacobian: the result {type_of(y)} has no derivative")
    if y.size <= x.size:
        rows = [pullback(unit) for unit in _units(y)]
        if y.dtype.is_complex:
            rows = [ops.conj(row) for row in rows]
        if not rows:
            return ops.zeros((*y.shape, *x.shape), dtype=x.dtype)
        return ops.reshape(ops.stack(rows, axis=0), (*y.shape, *x.shape))
    columns = [jvp(f, (x,), (unit,))[1] for unit in _units(x)]
    if not columns:
        return ops.zeros((*y.shape, *x.shape), dtype=y.dtype)
    return ops.reshape(ops.stack(columns, axis=-1), (*y.shape, *x.shape))


def _units(like: Tensor) -> list[Tensor]:
    """The unit vectors of a tensor's shape."""
    eye = np.eye(like.size, dtype=like.dtype.dtype)
    return [wrap(row.reshape(like.shape)) for row in eye]


def hessian(f: Callable[[Tensor], Tensor], x: Tensor, /) -> Tensor:
    """The second derivatives of the scalar `f(x)`: of shape `x.shape + x.shape`.

    >>> import typedflux as flux
    >>> flux.hessian(lambda x: (x * x * x).sum(), flux.asarray([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]], float32)
    """
    columns = [hvp(f, x, unit) for unit in _units(x)]
    if not columns:
        return ops.zeros((*x.shape, *x.shape), dtype=x.dtype)
    return ops.reshape(ops.stack(columns, axis=-1), (*x.shape, *x.shape))


def hvp(f: Callable[[Any], Tensor], x: Any, v: Any, /) -> Any:
    """The Hessian of the scalar `f(x)` times `v`, without making the Hessian: forward over
    reverse (Pearlmutter, 1994). `x` and `v` may be trees of one structure.

    >>> import typedflux as flux
    >>> flux.hvp(lambda x: (x ** 3).sum(), flux.asarray([1.0, 2.0]), flux.asarray([1.0, 1.0]))
    Tensor([ 6., 12.], float32)
    """
    return jvp(lambda z: gradient(f, z), (x,), (v,))[1]
