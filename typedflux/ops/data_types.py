"""Questions about data types: their limits, their kinds, and what promotion makes of them.

The rules of promotion themselves are in `typedflux.dtypes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import ml_dtypes
import numpy as np

from typedflux import dtypes
from typedflux.dtypes import AnyDType, DType, DTypeSet, as_dtype, members, promote_all, with_scalar
from typedflux.shapes.errors import DTypeError, UndecidedError
from typedflux.tensor import DTypeLike, Scalar, Tensor, TensorLike

KINDS: Final[dict[str, DTypeSet]] = {
    "bool": DTypeSet([dtypes.bool_]),
    "signed integer": dtypes.Int,
    "unsigned integer": dtypes.UInt,
    "integral": dtypes.Integer,
    "real floating": dtypes.Float,
    "complex floating": dtypes.Complex,
    "numeric": dtypes.Num,
}
"""The array API standard's names for kinds of data types."""


@dataclass(frozen=True, slots=True)
class FloatLimits:
    """Limits of a floating data type; see `finfo`."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True, slots=True)
class IntegerLimits:
    """Limits of an integer data type; see `iinfo`."""

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: DTypeLike | TensorLike, /) -> FloatLimits:
    """Limits of a floating data type, or of the parts of a complex one.

    The attributes: `bits`; `eps`, the distance from 1 to the next larger number; `max` and `min`,
    the largest and the lowest finite number; `smallest_normal`, the smallest positive number of
    full precision; `dtype`.

    Raises:
        DTypeError: for integers and booleans.

    >>> from typedflux import ops
    >>> finfo("bfloat16").eps, finfo(ops.zeros((), dtype="complex64")).dtype
    (0.0078125, float32)
    """
    dtype = _exact("finfo", type)
    if not dtype.is_inexact:
        hint = ": see iinfo" if dtype.is_integer else ""
        raise DTypeError(f"finfo is about floating and complex data types, got {dtype}{hint}")
    part = dtypes.real_part(dtype)
    assert isinstance(part, DType)
    return _float_limits(part)


@cache
def _float_limits(dtype: DType) -> FloatLimits:
    # ml_dtypes answers for bfloat16, and for numpy's own as numpy does.
    limits: Any = ml_dtypes.finfo
    found = limits(dtype.dtype)
    return FloatLimits(
        dtype.bits,
        float(found.eps),
        float(found.max),
        float(found.min),
        float(found.smallest_normal),
        dtype,
    )


def iinfo(type: DTypeLike | TensorLike, /) -> IntegerLimits:
    """Limits of an integer data type: `bits`, `max`, `min`, `dtype`.

    Raises:
        DTypeError: for other data types.

    >>> from typedflux import int16
    >>> iinfo(int16)
    IntegerLimits(bits=16, max=32767, min=-32768, dtype=int16)
    """
    dtype = _exact("iinfo", type)
    if not dtype.is_integer:
        hint = ": see finfo" if dtype.is_inexact else ""
        raise DTypeError(f"iinfo is about integer data types, got {dtype}{hint}")
    found = np.iinfo(dtype.dtype)
    return IntegerLimits(dtype.bits, int(found.max), int(found.min), dtype)


def _exact(name: str, given: DTypeLike | TensorLike) -> DType:
    dtype = _dtype_of(given)
    if isinstance(dtype, DTypeSet):
        raise UndecidedError(f"{name} needs one data type, it may be any of {dtype!r} here")
    return dtype


def _dtype_of(given: DTypeLike | TensorLike) -> AnyDType:
    """The data type of a tensor or an array, or the one that is meant by a name or type."""
    dtype: object = given
    if isinstance(given, (Tensor, np.ndarray, np.generic)):
        dtype = given.dtype
    return dtype if isinstance(dtype, DTypeSet) else as_dtype(dtype)


def isdtype(dtype: DTypeLike, kind: DTypeLike | str | tuple[DTypeLike | str, ...]) -> bool:
    """Whether a data type is of a kind, is another data type, or is any of several of these.

    The kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating"
    (float16 and bfloat16 are among them), "complex floating" and "numeric".

    Raises:
        DTypeError: for a kind or data type that does not exist.

    >>> from typedflux import bfloat16, int8
    >>> isdtype(bfloat16, "real floating"), isdtype(int8, ("bool", "unsigned integer"))
    (True, False)
    """
    family = _union(kind)
    known = _dtype_of(dtype)
    answer = dtypes.belongs(known, family)
    if answer is None:
        raise UndecidedError(
            f"the dtype may be any of {known!r}: whether it is one of {family!r} is not decided"
        )
    return answer


def _union(kind: DTypeLike | str | tuple[DTypeLike | str, ...]) -> DTypeSet:
    if isinstance(kind, tuple):
        return DTypeSet(d for k in kind for d in _union(k))
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    try:
        return DTypeSet(members(_dtype_of(kind)))
    except DTypeError:
        kinds = ", ".join(map(repr, KINDS))
        raise DTypeError(
            f"there is no dtype and no kind of dtypes {kind!r}; the kinds are {kinds}"
        ) from None


def result_type(*arrays_and_dtypes: DTypeLike | TensorLike | Scalar) -> DType:
    """The data type of an operation on these tensors, data types and Python numbers.

    Python numbers are weak: their kind counts, not their width. A Python *type* is a data type:
    `float` is float32 here.

    Raises:
        DTypeError: when no data type holds all, as for uint64 with a signed integer.
        TypeError: when there is neither a tensor nor a data type.

    >>> from typedflux import bfloat16, float16, int8, uint8
    >>> result_type(int8, uint8), result_type(float16, bfloat16), result_type(int8, 2.5)
    (int16, float32, float32)
    """
    numbers = [x for x in arrays_and_dtypes if _is_number(x)]
    known = [_dtype_of(x) for x in arrays_and_dtypes if not _is_number(x)]
    if not known:
        raise TypeError("result_type needs a tensor or a dtype: Python numbers alone have none")
    dtype = promote_all(*known)
    for number in numbers:
        dtype = with_scalar(dtype, number)  # type: ignore[arg-type]
    return dtype  # type: ignore[return-value]


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic)


def can_cast(from_: DTypeLike | TensorLike, to: DTypeLike, /) -> bool:
    """Whether promotion leads from one data type to the other: `result_type(from_, to)` is `to`.

    Any conversion that is asked for, by `astype`, works but that from complex to real.

    >>> from typedflux import float16, float32, int64
    >>> can_cast(float16, float32), can_cast(float32, float16), can_cast(int64, float16)
    (True, False, True)
    """
    target = _dtype_of(to)
    try:
        return dtypes.promote(_dtype_of(from_), target) == target
    except DTypeError:
        return False
