"""Elementwise arithmetic and functions: each primitive beside the function that performs it."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike

# Arithmetic

add_p = elementwise("add", np.add, (1, 1))


def add(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The sum `x1 + x2`, elementwise with broadcasting.

    >>> add(ops.asarray([1.0, 2.0]), 10)
    Tensor([11., 12.], float32)
    """
    return add_p.apply(x1, x2)


subtract_p = elementwise("subtract", np.subtract, (1, -1))


def subtract(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The difference `x1 - x2`, elementwise with broadcasting."""
    return subtract_p.apply(x1, x2)


multiply_p = elementwise("multiply", np.multiply, (lambda y: y, lambda x: x))


def multiply(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The product `x1 * x2`, elementwise with broadcasting."""
    return multiply_p.apply(x1, x2)


divide_p = elementwise(
    "divide",
    np.divide,
    (lambda y: divide(1, y), lambda out, y: negative(divide(out, y))),
    inexact=True,
    domain=dtypes.Inexact,
)


def divide(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The quotient `x1 / x2`, elementwise with broadcasting; integers give the default float."""
    return divide_p.apply(x1, x2)


negative_p = elementwise("negative", np.negative, (-1,))


def negative(x: TensorLike, /) -> Tensor:
    """`-x`, elementwise."""
    return negative_p.apply(x)


# Exponentials

exp_p = elementwise("exp", np.exp, (lambda out: out,), inexact=True, domain=dtypes.Inexact)


def exp(x: TensorLike, /) -> Tensor:
    """`e` to the power `x`, elementwise."""
    return exp_p.apply(x)


log_p = elementwise("log", np.log, (lambda x: divide(1, x),), inexact=True, domain=dtypes.Inexact)


def log(x: TensorLike, /) -> Tensor:
    """The natural logarithm, elementwise; -inf at 0 and nan below."""
    return log_p.apply(x)


tanh_p = elementwise(
    "tanh",
    np.tanh,
    (lambda out: subtract(1, multiply(out, out)),),
    inexact=True,
    domain=dtypes.Inexact,
)


def tanh(x: TensorLike, /) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    return tanh_p.apply(x)


conj_p = elementwise("conj", np.conjugate, (lambda g: conj(g),))


def conj(x: TensorLike, /) -> Tensor:
    """The complex conjugate; a real tensor as it is."""
    return conj_p.apply(x)


# Larger and smaller

maximum_p = elementwise(
    "maximum",
    np.maximum,
    (
        lambda x, y: _share(ops.greater(x, y), ops.equal(x, y), x),
        lambda x, y: _share(ops.less(x, y), ops.equal(x, y), x),
    ),
    domain=dtypes.Real,
)


def maximum(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The larger of `x1` and `x2`, elementwise; nan where either is. Ties share the gradient."""
    return maximum_p.apply(x1, x2)


def _share(wins: Tensor, ties: Tensor, like: Tensor) -> Tensor:
    whole = ops.astype(wins, like.dtype)
    return add(whole, multiply(ops.astype(ties, like.dtype), 0.5))


relu_p = elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    (lambda g, out: ops.where(ops.greater(out, 0), g, 0),),
    domain=dtypes.Real,
)


def relu(x: TensorLike, /) -> Tensor:
    """The rectifier `max(x, 0)`, elementwise (Nair and Hinton, 2010); gradient 0 at 0."""
    return relu_p.apply(x)
