"""Arithmetic, elementwise: each primitive beside the function that performs it."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, type_of
from typedflux.ops.families import elementwise
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor, TensorLike

add_p = elementwise("add", np.add, (1, 1))


def add(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The sum `x1 + x2`, elementwise with broadcasting.

    >>> from typedflux import ops
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
    (lambda y: reciprocal(y), lambda out, y: negative(divide(out, y))),
    domain=dtypes.Inexact,
    inexact=True,
)


def divide(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The quotient `x1 / x2`; integers give the default float."""
    return divide_p.apply(x1, x2)


def _floor_divide_kernel(x: Array, y: Array) -> Array:
    out: Array = np.floor_divide(x, y)
    if out.dtype.kind in "iu" or (np.isfinite(x) & np.isfinite(y)).all():
        return out
    # Python pairs `//` with `%`, which gives nan for inf // 2 and -1 for 1 // -inf.
    return np.where(np.isinf(x) | np.isinf(y), np.divide(x, y), out)


floor_divide_p = elementwise("floor_divide", _floor_divide_kernel, (None, None), domain=dtypes.Real)


def floor_divide(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The quotient rounded towards minus infinity.

    Infinities are those of `floor(x1 / x2)`, as the array API standard prefers, not Python's.

    >>> from typedflux import ops
    >>> floor_divide(ops.asarray([7.0, -7.0, float("inf")]), 2)
    Tensor([ 3., -4., inf], float32)
    """
    return floor_divide_p.apply(x1, x2)


remainder_p = elementwise(
    "remainder",
    np.remainder,
    (1, lambda x, y: negative(ops.floor(divide(x, y)))),
    domain=dtypes.Real,
)


def remainder(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """What `floor_divide` leaves over; it has the sign of `x2`."""
    return remainder_p.apply(x1, x2)


negative_p = elementwise("negative", np.negative, (-1,))


def negative(x: TensorLike, /) -> Tensor:
    """`-x`, elementwise."""
    return negative_p.apply(x)


positive_p = elementwise("positive", np.positive, (1,))


def positive(x: TensorLike, /) -> Tensor:
    """`+x`: `x` itself."""
    return positive_p.apply(x)


reciprocal_p = elementwise(
    "reciprocal",
    np.reciprocal,
    (lambda out: negative(square(out)),),
    domain=dtypes.Inexact,
    inexact=True,
)


def reciprocal(x: TensorLike, /) -> Tensor:
    """`1 / x`, elementwise."""
    return reciprocal_p.apply(x)


square_p = elementwise("square", np.square, (lambda x: multiply(x, 2),))


def square(x: TensorLike, /) -> Tensor:
    """`x * x`, elementwise."""
    return square_p.apply(x)


def _sign_derivative(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    if not x.dtype.is_complex:
        return ops.zeros_like(g)
    # It turns by the part of the change across it: a symmetric map, so its own transpose.
    along = ops.astype(ops.real(multiply(ops.conj(out), g)), x.dtype)
    across = subtract(g, multiply(out, along))
    size = abs(x)
    return ops.where(ops.equal(size, 0), 0, divide(across, ops.where(ops.equal(size, 0), 1, size)))


sign_p = elementwise("sign", np.sign, (_sign_derivative,))


def sign(x: TensorLike, /) -> Tensor:
    """-1, 0 or 1 by the sign of `x`; `x / abs(x)` for complex; nan for nan."""
    return sign_p.apply(x)


def _abs_pullback(g: Tensor, x: Tensor) -> Tensor:
    if x.dtype.is_complex:  # the derivative of a modulus points along the number
        return multiply(ops.astype(g, x.dtype), sign(x))
    return multiply(g, sign(x))


def _abs_jvp(
    out: Tensor, operands: tuple[Tensor, ...], tangents: tuple[Tensor | None, ...]
) -> Tensor | None:
    (x,), (t,) = operands, tangents
    if t is None or not out.dtype.is_inexact:
        return None
    if x.dtype.is_complex:
        return ops.real(multiply(ops.conj(sign(x)), t))
    return multiply(t, sign(x))


abs_p = elementwise("abs", np.abs, (_abs_pullback,), result=dtypes.real_part)
abs_p.jvp = _abs_jvp


def abs(x: TensorLike, /) -> Tensor:
    """The absolute value, elementwise; gradient 0 at 0."""
    return abs_p.apply(x)


def _share(wins: Tensor, x: Tensor, y: Tensor) -> Tensor:
    # Where both are equal each takes half; where one is nan it is the one that counts.
    whole = ops.astype(ops.logical_or(wins, ops.not_equal(x, x)), x.dtype)
    return add(whole, multiply(ops.astype(ops.equal(x, y), x.dtype), 0.5))


maximum_p = elementwise(
    "maximum",
    np.maximum,
    (
        lambda x, y: _share(ops.greater(x, y), x, y),
        lambda x, y: _share(ops.greater(y, x), y, x),
    ),
    domain=dtypes.Real,
)


def maximum(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The larger of `x1` and `x2`, elementwise; nan where either is. Ties share the gradient."""
    return maximum_p.apply(x1, x2)


minimum_p = elementwise(
    "minimum",
    np.minimum,
    (
        lambda x, y: _share(ops.less(x, y), x, y),
        lambda x, y: _share(ops.less(y, x), y, x),
    ),
    domain=dtypes.Real,
)


def minimum(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The smaller of `x1` and `x2`, elementwise; nan where either is. Ties share the gradient."""
    return minimum_p.apply(x1, x2)


def clip(x: TensorLike, /, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """`x` limited to the range from `min` to `max`, of the dtype of `x`.

    >>> from typedflux import ops
    >>> clip(ops.asarray([-1.0, 0.5, 2.0]), 0, 1)
    Tensor([0. , 0.5, 1. ], float32)
    """
    x = ops.asarray(x)
    if dtypes.belongs(x.dtype, dtypes.Real) is False:
        raise DTypeError(f"clip({type_of(x)}): needs real numbers")
    for bound, choose in ((min, maximum), (max, minimum)):
        if bound is not None:
            x = ops.astype(choose(x, bound), x.dtype)
    return x


def _pow_base(x: Tensor, y: Tensor) -> Tensor:
    # Where the exponent is 0 the result is constant, and x ** -1 may be infinite.
    less = ops.where(ops.equal(y, 0), 1, subtract(y, 1))
    return multiply(y, pow(x, less))


def _pow_exponent(x: Tensor, out: Tensor) -> Tensor:
    # 0 ** y is constant for y > 0, where log(0) would make nan of it.
    nonzero = ops.not_equal(x, 0)
    return ops.where(nonzero, multiply(out, ops.log(ops.where(nonzero, x, 1))), 0)


pow_p = elementwise("pow", np.power, (_pow_base, _pow_exponent))


def pow(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """`x1` to the power `x2`, elementwise with broadcasting."""
    if type(x2) in (int, float) and x2 == 2 and isinstance(x1, Tensor) and x1.dtype.is_inexact:
        return square_p.apply(x1)
    try:
        return pow_p.apply(x1, x2)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise DTypeError(  # NumPy's only reason
            "pow: integers to negative powers are no integers: convert one operand with "
            ".astype(flux.float32)"
        ) from None


copysign_p = elementwise(
    "copysign",
    np.copysign,
    (lambda x, y: multiply(_sign_bits(x), _sign_bits(y)), None),
    domain=dtypes.Float,
    inexact=True,
)


def copysign(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The magnitude of `x1` with the sign of `x2`."""
    return copysign_p.apply(x1, x2)


def _sign_bits(x: Tensor) -> Tensor:
    return copysign(ops.ones_like(x), x)


nextafter_p = elementwise("nextafter", np.nextafter, (1, None), domain=dtypes.Float)


def nextafter(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The next representable number after `x1` towards `x2`."""
    return nextafter_p.apply(x1, x2)


hypot_p = elementwise(
    "hypot",
    np.hypot,
    (lambda x, out: divide(x, out), lambda y, out: divide(y, out)),
    domain=dtypes.Float,
    inexact=True,
)


def hypot(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """`sqrt(x1**2 + x2**2)` without overflow."""
    return hypot_p.apply(x1, x2)
