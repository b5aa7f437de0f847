"""The affine map of a fully connected layer, in one pass forwards and one per operand backwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from typedflux import ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.dtypes import Num, promote_all
from typedflux.ops.families import check_domain, promote_operands
from typedflux.ops.linear import matmul, matmul_p
from typedflux.ops.reductions import sum_p
from typedflux.shapes.dims import product, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor


def _kernel(x: Array, weight: Array, bias: Array) -> Array:
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise ValueError("the bias would broadcast")  # the shape rule says what is wrong
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    out: Array = matmul_p.kernel(rows, weight.T)
    out += bias
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], weight.shape[0])


def _shape(x: TensorType, weight: TensorType, bias: TensorType) -> TensorType:
    dtype = promote_all(x.dtype, weight.dtype, bias.dtype)
    check_domain(dtype, Num)
    if x.ndim == 0 or weight.ndim != 2 or bias.ndim != 1:
        raise ShapeError('needs operands of shapes "*batch in", "out in" and "out"')
    size, (out, inner) = x.shape[-1], weight.shape
    require_equal(
        size, inner, lambda: f"the last axis of the input is {size}, of the weight {inner}"
    )
    require_equal(
        bias.shape[0], out, lambda: f"the weight has {out} rows, the bias {bias.shape[0]} elements"
    )
    return TensorType(dtype, (*x.shape[:-1], out))


def _conj(x: Tensor) -> Tensor:
    return ops.conj(x) if x.dtype.is_complex else x


def _rows(x: Tensor) -> Tensor:
    """All axes but the last as one."""
    if x.ndim == 2:
        return x
    rows: Any = product(x.shape[:-1])
    return ops.reshape(x, (rows, x.shape[-1]))


def _vjp(out: Tensor, x: Tensor, weight: Tensor, bias: Tensor) -> Pullbacks:
    if not out.dtype.is_inexact:
        return None
    # A cotangent has the dtype of the result, which is that of the operands: nothing to promote.
    return (
        lambda g: matmul(g, _conj(weight)) if g.ndim < 2 else matmul_p.bind(g, _conj(weight)),
        lambda g: matmul_p.bind(ops.matrix_transpose(_rows(g)), _conj(_rows(x))),
        lambda g: sum_p.bind(_rows(g), axis=(0,), keepdims=False),
    )


def _jvp(out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None]) -> Tensor | None:
    (x, weight, _), (tx, tw, tb) = inputs, tangents
    if not out.dtype.is_inexact:
        return None
    parts = [matmul(tx, ops.matrix_transpose(weight))] if tx is not None else []
    parts += [matmul(x, ops.matrix_transpose(tw))] if tw is not None else []
    parts += [ops.broadcast_to(tb, out.shape)] if tb is not None else []
    total = parts[0]
    for part in parts[1:]:
        total = ops.add(total, part)
    return total


def _batch(inputs: Sequence[Tensor], axes: Sequence[int | None]) -> tuple[Tensor, int]:
    x, weight, bias = [
        t if a is None else ops.moveaxis(t, a, 0) for t, a in zip(inputs, axes, strict=True)
    ]
    if axes[1] is None and axes[2] is None:
        out: Tensor = affine_p.bind(x, weight, bias)
        return out, 0
    size = next(t.shape[a] for t, a in zip(inputs, axes, strict=True) if a is not None)
    inner = x.shape[:-1] if axes[0] is None else x.shape[1:-1]
    rows: Any = product(inner)
    lead: tuple[Any, ...] = () if axes[0] is None else (size,)
    flat = ops.reshape(x, (*lead, rows, x.shape[-1]))
    if axes[2] is not None:
        bias = ops.expand_dims(bias, axis=1)
    mixed = ops.add(matmul(flat, ops.matrix_transpose(weight)), bias)
    return ops.reshape(mixed, (size, *inner, mixed.shape[-1])), 0


affine_p: Primitive = Primitive(
    "affine", _kernel, _shape, _vjp, _jvp, _batch, Lowering("contraction", "affine")
)


def affine(x: Tensor, weight: Tensor, bias: Tensor, /) -> Tensor:
    """`x @ weight.T + bias`: `"*batch in"`, `"out in"` and `"out"` to `"*batch out"`.

    Raises:
        ShapeError: when the sizes do not fit.

    >>> affine(ops.asarray([[1.0, 2.0]]), ops.asarray([[3.0, 4.0]]), ops.asarray([0.5]))
    Tensor([[11.5]], float32)
    """
    out: Tensor = affine_p.bind(*promote_operands("affine", (x, weight, bias), Num))
    return out
