"""Bits of integers, and logic of booleans, elementwise."""

from __future__ import annotations

import numpy as np

from typedflux import dtypes
from typedflux.dtypes import DTypeSet
from typedflux.ops.families import elementwise
from typedflux.tensor import Tensor, TensorLike

_BITS = DTypeSet([*dtypes.Integer, dtypes.bool_])
_BOOL = DTypeSet([dtypes.bool_], "bool")


bitwise_and_p = elementwise("bitwise_and", np.bitwise_and, (None, None), domain=_BITS)


def bitwise_and(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The bits set in both; logical and for booleans."""
    return bitwise_and_p.apply(x1, x2)


bitwise_or_p = elementwise("bitwise_or", np.bitwise_or, (None, None), domain=_BITS)


def bitwise_or(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The bits set in either; logical or for booleans."""
    return bitwise_or_p.apply(x1, x2)


bitwise_xor_p = elementwise("bitwise_xor", np.bitwise_xor, (None, None), domain=_BITS)


def bitwise_xor(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The bits set in one of the two; exclusive or for booleans."""
    return bitwise_xor_p.apply(x1, x2)


bitwise_left_shift_p = elementwise(
    "bitwise_left_shift", np.left_shift, (None, None), domain=dtypes.Integer
)


def bitwise_left_shift(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The bits of `x1` moved up by `x2`."""
    return bitwise_left_shift_p.apply(x1, x2)


bitwise_right_shift_p = elementwise(
    "bitwise_right_shift", np.right_shift, (None, None), domain=dtypes.Integer
)


def bitwise_right_shift(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """The bits of `x1` moved down by `x2`."""
    return bitwise_right_shift_p.apply(x1, x2)


bitwise_invert_p = elementwise("bitwise_invert", np.invert, (None,), domain=_BITS)


def bitwise_invert(x: TensorLike, /) -> Tensor:
    """Every bit turned; logical not for booleans."""
    return bitwise_invert_p.apply(x)


logical_and_p = elementwise("logical_and", np.logical_and, (None, None), domain=_BOOL)


def logical_and(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether both are true."""
    return logical_and_p.apply(x1, x2)


logical_or_p = elementwise("logical_or", np.logical_or, (None, None), domain=_BOOL)


def logical_or(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether one at least is true."""
    return logical_or_p.apply(x1, x2)


logical_xor_p = elementwise("logical_xor", np.logical_xor, (None, None), domain=_BOOL)


def logical_xor(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Whether exactly one is true."""
    return logical_xor_p.apply(x1, x2)


logical_not_p = elementwise("logical_not", np.logical_not, (None,), domain=_BOOL)


def logical_not(x: TensorLike, /) -> Tensor:
    """Whether `x` is false."""
    return logical_not_p.apply(x)
