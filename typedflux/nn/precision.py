"""Models in another precision."""

from __future__ import annotations

from typing import TypeVar

from typedflux import dtypes, ops
from typedflux.core.tree import map_leaves
from typedflux.dtypes import DType
from typedflux.tensor import Tensor

T = TypeVar("T")

_COMPLEX = {dtypes.float32: dtypes.complex64, dtypes.float64: dtypes.complex128}


def f16(tree: T) -> T:
    """A copy of a model, or of any tree of tensors, with its floats in half precision.

    Buffers are converted too; integers, booleans and complex tensors stay as they are.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> flux.f16(nn.Dense(2, 1)).weight.dtype
    float16
    """
    return _converted(tree, dtypes.float16)


def bf16(tree: T) -> T:
    """A copy of a model, or of any tree of tensors, with its floats as `bfloat16`.

    Buffers are converted too; integers, booleans and complex tensors stay as they are.
    """
    return _converted(tree, dtypes.bfloat16)


def f32(tree: T) -> T:
    """A copy of a model, or of any tree of tensors, in single precision: floats as `float32`,
    complex tensors as `complex64`. Buffers are converted too; integers and booleans stay."""
    return _converted(tree, dtypes.float32)


def f64(tree: T) -> T:
    """A copy of a model, or of any tree of tensors, in double precision: floats as `float64`,
    complex tensors as `complex128`. Buffers are converted too; integers and booleans stay."""
    return _converted(tree, dtypes.float64)


def _converted(tree: T, dtype: DType) -> T:
    def convert(tensor: Tensor) -> Tensor:
        if tensor.dtype.is_floating:
            return ops.astype(tensor, dtype)
        if tensor.dtype.is_complex and dtype in _COMPLEX:
            return ops.astype(tensor, _COMPLEX[dtype])
        return tensor

    # Modules without tensors are copied as well: their settings are not to be shared.
    return map_leaves(convert, tree, on_copy=lambda original, copy: None)
