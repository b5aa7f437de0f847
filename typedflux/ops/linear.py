"""Products of matrices and tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks, located, type_of
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import Num, bfloat16, float16, promote
from typedflux.ops.families import check_domain, promote_operands, unbroadcast
from typedflux.ops.kernels.products import multiply
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import equal, product, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

# matmul


def _matmul_shape(x: TensorType, y: TensorType) -> TensorType:
    check_domain(promote(x.dtype, y.dtype), Num)
    if x.ndim < 2 or y.ndim < 2:
        raise ShapeError("needs tensors of rank 1 or more, a tensor of rank 0 is multiplied by *")
    require_equal(x.shape[-1], y.shape[-2], lambda: _mismatch(x.shape, y.shape))
    batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return TensorType(promote(x.dtype, y.dtype), (*batch, x.shape[-2], y.shape[-1]))


def _mismatch(x: Shape, y: Shape) -> str:
    """What does not fit in a product, and what would."""
    inner, other = x[-1], y[max(-2, -len(y))]
    which = "second to last" if len(y) > 1 else "axis"
    text = f"the last axis of the first operand is {inner}, the {which} of the second is {other}"
    if len(y) > 1 and equal(inner, y[-1]) is True:
        text += ": the second would fit transposed, as .mT"
    elif len(x) > 1 and equal(x[-2], other) is True:
        text += ": the first would fit transposed, as .mT"
    elif len(x) > 1 and len(y) > 1 and equal(x[-2], y[-1]) is True:
        text += ": they would fit in the other order"
    return text


_HALVES = (float16.dtype, bfloat16.dtype)


def _matmul_kernel(x: Array, y: Array) -> Array:
    if x.dtype.itemsize == 2 and x.dtype in _HALVES:
        # BLAS has no halves, and numpy gives the product of bfloat16 as float32.
        single: Array = _matmul_kernel(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
        return single
    if y.ndim == 2:
        if x.ndim == 2:
            return multiply(x, y)
        if x.ndim > 2 and x.flags.c_contiguous:
            # One large product instead of one for each matrix in the stack.
            *stack, inner = x.shape
            return multiply(x.reshape(math.prod(stack), inner), y).reshape(*stack, y.shape[-1])
    product: Array = np.matmul(x, y)
    return product


def _matmul_vjp(out: Tensor, x: Tensor, y: Tensor) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None
    x_shape, y_shape = x.shape, y.shape

    def to_x(g: Tensor) -> Tensor:
        return unbroadcast(matmul(g, _adjoint(y)), x_shape)

    def to_y(g: Tensor) -> Tensor:
        if len(y_shape) == 2 and len(x_shape) > 2:
            # Sum over the stack inside one product.
            rows: Any = product(x_shape[:-1])
            flat_x = ops.reshape(x, (rows, x_shape[-1]))
            return matmul(_adjoint(flat_x), ops.reshape(g, (rows, y_shape[-1])))
        return unbroadcast(matmul(_adjoint(x), g), y_shape)

    return to_x, to_y


def _adjoint(x: Tensor) -> Tensor:
    transposed = ops.matrix_transpose(x)
    return ops.conj(transposed) if x.dtype.is_complex else transposed


def _matmul_jvp(
    out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> Tensor | None:
    (x, y), (tx, ty) = inputs, tangents
    parts = [matmul(tx, y)] if tx is not None else []
    parts += [matmul(x, ty)] if ty is not None else []
    return parts[0] if len(parts) == 1 else ops.add(*parts)


def _matmul_batch(inputs: Sequence[Tensor], axes: Sequence[int | None]) -> tuple[Tensor, int]:
    rank = max(x.ndim - (a is not None) for x, a in zip(inputs, axes, strict=True))
    aligned = []
    for x, axis in zip(inputs, axes, strict=True):
        if axis is not None:
            x = ops.moveaxis(x, axis, 0)
            if x.ndim < rank + 1:
                x = ops.reshape(x, (x.shape[0], *(1,) * (rank + 1 - x.ndim), *x.shape[1:]))
        aligned.append(x)
    return matmul_p.bind(*aligned), 0


matmul_p = Primitive(
    "matmul",
    _matmul_kernel,
    _matmul_shape,
    _matmul_vjp,
    _matmul_jvp,
    _matmul_batch,
    Lowering("contraction", "matmul"),
)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product, over stacks of matrices with broadcasting; vectors as NumPy treats them.

    Raises:
        ShapeError: when the inner sizes differ, or an operand has rank 0.

    >>> matmul(ops.asarray([[1.0, 2.0]]), ops.asarray([3.0, 4.0]))
    Tensor([11.], float32)
    """
    x, y = promote_operands("matmul", (x1, x2), Num)
    if x.ndim >= 2 and y.ndim >= 2:
        out: Tensor = matmul_p.bind(x, y)
        return out
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError("matmul needs tensors of rank 1 or more: use * with a tensor of rank 0")
    if equal(x.shape[-1], y.shape[max(-2, -y.ndim)]) is False:
        reason = ShapeError(_mismatch(x.shape, y.shape))
        raise located(reason, "matmul", [type_of(x), type_of(y)])
    row = ops.reshape(x, (1, x.shape[0])) if x.ndim == 1 else x
    column = ops.reshape(y, (y.shape[0], 1)) if y.ndim == 1 else y
    product: Tensor = matmul_p.bind(row, column)
    shape = list(product.shape)
    if y.ndim == 1:
        del shape[-1]
    if x.ndim == 1:
        del shape[-1 if y.ndim == 1 else -2]
    return ops.reshape(product, shape)
