"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import DTypeSet
from typedflux.ops.families import check_domain
from typedflux.ops.reporting import axes_of
from typedflux.shapes.errors import DTypeError
from typedflux.shapes.reshape import reduce_shape
from typedflux.tensor import Axis, DTypeLike, Tensor, TensorLike


def reduction(
    name: str,
    kernel: Callable[..., Any],
    vjp: Callable[..., Pullbacks] | None,
    jvp: Callable[..., Any] | None = None,
    *,
    domain: DTypeSet = dtypes.Num,
    result: Callable[[dtypes.AnyDType], dtypes.AnyDType] | None = None,
) -> Primitive:
    """A primitive `(x, *, axis, keepdims)` that combines the elements along `axis`, a tuple."""

    def shape(x: TensorType, *, axis: tuple[int, ...], keepdims: bool) -> TensorType:
        check_domain(x.dtype, domain)
        dtype = result(x.dtype) if result else x.dtype
        return TensorType(dtype, reduce_shape(x.shape, axis, keepdims))

    def batch(
        inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: tuple[int, ...],
        keepdims: bool,
    ) -> tuple[Tensor, int]:  # fmt: skip
        x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
        inner = tuple(a + 1 for a in axis)
        return primitive.bind(x, axis=inner, keepdims=keepdims), 0

    primitive = Primitive(name, kernel, shape, vjp, jvp, batch, Lowering("reduction", name))
    return primitive


ORDERED = DTypeSet([*dtypes.Real, dtypes.bool_], "Real")
"""The dtypes of which one value can be larger than another."""


def ordered(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """`kernel` for dtypes in `ORDERED` alone: numpy orders complex numbers too, by their parts."""

    def run(x: Array, **params: Any) -> Any:
        if x.dtype.kind == "c":
            raise TypeError("complex numbers have no order")  # the shape rule's words are better
        return kernel(x, **params)

    return run


def restore_axes(g: Tensor, shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    """A reduction's cotangent with its reduced axes back, of size 1: it broadcasts to `shape`."""
    if keepdims or g.ndim == 0:
        return g
    kept = tuple(1 if i in axis else size for i, size in enumerate(shape))
    return ops.reshape(g, kept)  # type: ignore[arg-type]


def _sum_vjp(out: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None
    shape = x.shape
    return (lambda g: ops.broadcast_to(restore_axes(g, shape, axis, keepdims), shape),)


def _linear_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], **params: Any
) -> Tensor | None:
    (t,) = tangents
    if t is None:
        return None
    tangent: Tensor = sum_p.bind(t, **params)
    return tangent


def accumulated(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of a numpy reduction that keeps the dtype, and adds up narrow floats in float32.

    numpy widens narrow integers, and stands still at 2048 in float16 and 256 in bfloat16.
    """

    def kernel(x: Array, **params: Any) -> Any:
        dtype = x.dtype
        if dtype in _WIDE:
            return reduce(x, **params)
        if dtype in _NARROW:
            return reduce(x, dtype=np.float32, **params).astype(dtype)
        return reduce(x, dtype=dtype, **params)

    return kernel


def to_accumulate(name: str, x: TensorLike, dtype: DTypeLike | None) -> Tensor:
    """`x` in the dtype that the function `name` adds or multiplies it in.

    That is its own for floats and complex numbers, int64 or uint64 for the rest, unless `dtype`
    says otherwise.

    Raises:
        DTypeError: where `dtype` is bool.
    """
    if not isinstance(x, Tensor):
        x = ops.asarray(x)
    if dtype is None:
        if x.dtype.is_inexact:
            return x
        return ops.astype(x, dtypes.uint64 if x.dtype.kind == "uint" else dtypes.int64)
    x = ops.astype(x, dtype)
    if x.dtype == dtypes.bool_:
        raise DTypeError(f"{name} has a result that is a number, got dtype=bool: use any or all")
    return x


_NARROW = frozenset((dtypes.float16.dtype, dtypes.bfloat16.dtype))
# What numpy reduces in its own dtype without being told.
_WIDE = frozenset(
    map(np.dtype, ("float32", "float64", "complex64", "complex128", "int64", "uint64"))
)

sum_p = reduction("sum", accumulated(np.add.reduce), _sum_vjp, _linear_jvp)


def sum(
    x: TensorLike, /, *, axis: Axis = None, dtype: DTypeLike | None = None,
    keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The sum over `axis` (all axes by default).

    Booleans and integers are summed as int64, unsigned ones as uint64, unless `dtype` says another.

    Raises:
        DTypeError: where `dtype` is bool.

    >>> sum(ops.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.], float32)
    """
    x = to_accumulate("sum", x, dtype)
    out: Tensor = sum_p.bind(x, axis=axes_of("sum", x, axis), keepdims=keepdims)
    return out
