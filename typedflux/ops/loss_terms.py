"""What losses are made of and compositions do not give: in fewer passes, or right at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.ops.families import align_batched, check_domain, elementwise, promote_operands
from typedflux.shapes.dims import format_shape, product, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

# The mean of squared differences


def _mean_square_kernel(x: Array, y: Array) -> Any:
    narrow = x.dtype.itemsize < 4  # a sum of many float16 numbers overflows or stands still
    error = np.subtract(x, y, dtype=np.float32) if narrow else x - y
    flat = error.reshape(-1)
    return np.asarray(np.dot(flat, flat) / error.dtype.type(flat.size), x.dtype)


def _mean_square_shape(x: TensorType, y: TensorType) -> TensorType:
    dtype = dtypes.promote(x.dtype, y.dtype)
    check_domain(dtype, dtypes.Float)
    why = (
        f"shapes '{format_shape(x.shape)}' and '{format_shape(y.shape)}' differ: there is no "
        "broadcasting here"
    )
    if x.ndim != y.ndim:
        raise ShapeError(why)
    for a, b in zip(x.shape, y.shape, strict=True):
        require_equal(a, b, why)
    return TensorType(dtype, ())


def _mean_square_vjp(out: Tensor, x: Tensor, y: Tensor) -> Pullbacks:
    count: Any = product(x.shape)
    return (lambda g: (x - y) * (g * 2 / count), lambda g: (y - x) * (g * 2 / count))


def _mean_square_jvp(out: Tensor, inputs: Operands, tangents: Tangents) -> Tensor | None:
    x, y = inputs
    tx, ty = tangents
    if ty is not None:
        tx = -ty if tx is None else tx - ty
    return None if tx is None else ops.mean((x - y) * tx) * 2


def _mean_square_batch(inputs: Operands, axes: Sequence[int | None]) -> tuple[Tensor, int]:
    x, y = align_batched(inputs, axes)
    squares = ops.square(x - y)
    return ops.mean(squares, axis=tuple(range(1, squares.ndim))), 0


mean_square_p: Primitive = Primitive(
    "mean_square",
    _mean_square_kernel,
    _mean_square_shape,
    _mean_square_vjp,
    _mean_square_jvp,
    _mean_square_batch,
    Lowering("reduction", "mean_square"),
)


def mean_square(x: Tensor, y: Tensor) -> Tensor:
    """The mean of `(x - y)**2` over all elements of two tensors of one shape.

    >>> mean_square(ops.asarray([1.0, 2.0]), ops.asarray([1.0, 4.0]))
    Tensor(2., float32)
    """
    out: Tensor = mean_square_p.bind(*promote_operands("mean_square", (x, y), dtypes.Float, True))
    return out


# Elementwise


def _logit_term_kernel(x: Array, y: Array) -> Any:
    size = np.abs(x)
    share = np.where(x > 0, 1 - y, y)
    # The certain and right answer costs nothing, though its logit may be infinite.
    return np.where(share == 0, 0, size * share) + np.log1p(np.exp(-size))


logit_term_p = elementwise(
    "logit_term",
    _logit_term_kernel,
    (lambda x, y: ops.sigmoid(x) - y, lambda x: -x),
    domain=dtypes.Float,
    inexact=True,
)


def logit_term(x: Tensor, y: Tensor) -> Tensor:
    """`-y log(sigmoid(x)) - (1 - y) log(1 - sigmoid(x))` without overflow or cancellation.

    >>> logit_term(ops.asarray([float("inf"), -100.0]), ops.asarray([1.0, 1.0]))
    Tensor([  0., 100.], float32)
    """
    return logit_term_p.apply(x, y)


def _weighted_kernel(x: Array, y: Array) -> Any:
    return np.where(x == 0, 0, x * y)


weighted_p = elementwise(
    "weighted", _weighted_kernel, (lambda y: y, lambda x: x), domain=dtypes.Float, inexact=True
)


def weighted(weight: Tensor, value: Tensor) -> Tensor:
    """`weight * value`, and 0 where the weight is 0, whatever the value: the limit for the
    logarithm of a probability that goes to 0 with its weight.

    >>> weighted(ops.asarray([0.0, 0.5]), ops.asarray([-float("inf"), -4.0]))
    Tensor([ 0., -2.], float32)
    """
    return weighted_p.apply(weight, value)
