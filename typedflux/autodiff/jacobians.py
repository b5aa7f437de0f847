"""Jacobians and Hessians, built of forward and reverse mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from typedflux import dtypes, ops
from typedflux.autodiff.api import gradient, vjp
from typedflux.autodiff.batching import vmap
from typedflux.autodiff.forward import jvp
from typedflux.core.primitive import type_of
from typedflux.shapes.dims import Dimension
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor

T = TypeVar("T")


def jacobian(f: Callable[[Tensor], Tensor], x: Tensor, /) -> Tensor:
    """All derivatives of the tensor `f(x)`: of shape `f(x).shape + x.shape`.

    All rows backwards in one batched pass, or all columns forwards, whichever are fewer.

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
    if _at_most(y.size, x.size):
        rows = _for_each_unit(pullback, y, 0)
        return ops.reshape(ops.conj(rows) if y.dtype.is_complex else rows, (*y.shape, *x.shape))
    columns = _for_each_unit(lambda unit: jvp(f, (x,), (unit,))[1], x, -1)
    return ops.reshape(columns, (*y.shape, *x.shape))


_CHUNK = 1 << 22
"""Elements in the unit vectors of one pass: what bounds the memory that batching them takes."""


def _at_most(size: Dimension, other: Dimension) -> bool:
    """Whether one size is not above another; true for sizes of which it is not known."""
    return not (isinstance(size, int) and isinstance(other, int)) or size <= other


def _for_each_unit(linear: Callable[[Tensor], Any], like: Tensor, out_axis: int) -> Tensor:
    """The results of a linear map for all unit vectors of a tensor's shape, along `out_axis`."""
    count: Dimension = like.size
    batched: Callable[[Tensor], Tensor] = vmap(linear, out_axes=out_axis)
    if not isinstance(count, int):
        return batched(_units(like, count, 0))
    step = max(1, _CHUNK // max(count, 1))
    parts = [
        batched(_units(like, min(step, count - start), start))
        for start in range(0, max(count, 1), step)
    ]
    return parts[0] if len(parts) == 1 else ops.concat(parts, axis=out_axis)


def _units(like: Tensor, number: Any, start: int) -> Tensor:
    """Some of the unit vectors of a tensor's shape, along a first axis."""
    chosen = ops.eye(number, like.size, k=start, dtype=dtypes.bool_)
    chosen = ops.reshape(chosen, (number, *like.shape))
    return ops.where(chosen, ops.ones_like(like), ops.zeros_like(like))


def hessian(f: Callable[[Tensor], Tensor], x: Tensor, /) -> Tensor:
    """The second derivatives of the scalar `f(x)`: of shape `x.shape + x.shape`.

    >>> import typedflux as flux
    >>> flux.hessian(lambda x: (x * x * x).sum(), flux.asarray([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]], float32)
    """
    columns = _for_each_unit(lambda unit: hvp(f, x, unit), x, -1)
    return ops.reshape(columns, (*x.shape, *x.shape))


def hvp(f: Callable[[T], Any], x: T, v: T, /) -> T:
    """The Hessian of the scalar `f(x)` times `v`, without making the Hessian: forward over
    reverse (Pearlmutter, 1994). `x` and `v` may be trees of one structure.

    >>> import typedflux as flux
    >>> flux.hvp(lambda x: (x ** 3).sum(), flux.asarray([1.0, 2.0]), flux.asarray([1.0, 1.0]))
    Tensor([ 6., 12.], float32)
    """
    out: T = jvp(lambda z: gradient(f, z), (x,), (v,))[1]
    return out
