"""Making tensors from data, from sizes and from ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes
from typedflux.core.device import as_device
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import AnyDType, DType, DTypeSet, as_dtype
from typedflux.shapes.dims import Dim, Dimension, Unknown
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import FROM_NUMPY, Tensor, wrap

# asarray


def asarray(
    data: Any, /, *, dtype: DType | str | type | None = None, device: object = None,
    copy: bool | None = None,
) -> Tensor:  # fmt: skip
    """A tensor of `data`: nested sequences, numbers, or an array of another library.

    Python floats become float32, ints int64; arrays keep their dtype and are copied unless
    `copy=False`, which shares the memory and promises that nobody writes to it.

    Raises:
        ShapeError: for ragged nested sequences.
        DTypeError: for elements that are no numbers, or a dtype that does not exist here.

    >>> asarray([[1, 2], [3, 4]], dtype="float32").dtype
    float32
    """
    as_device(device)
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(data, Tensor):
        from typedflux import ops

        return data if wanted is None or wanted is data.dtype else ops.astype(data, wanted)
    if isinstance(data, (Dim, Unknown)):
        size: Tensor = size_p.bind(size=data)
        return size
    array = _to_array(data, wanted, copy)
    if array.dtype not in FROM_NUMPY:
        raise dtypes.DTypeError(f"asarray: elements of dtype {array.dtype} are not supported")
    return wrap(array)


def _to_array(data: Any, wanted: DType | None, copy: bool | None) -> Array:
    target = None if wanted is None else wanted.dtype
    if isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__dlpack__"):
        if not isinstance(data, (np.ndarray, np.generic)):
            data = np.from_dlpack(data)
        return np.array(data, dtype=target, copy=None if copy is False else True, order="C")
    try:
        array = np.asarray(data) if target is None else np.asarray(data, dtype=target)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise ShapeError("asarray: the nested sequences have different lengths") from None
        raise
    if target is None and array.dtype == np.float64:
        return array.astype(np.float32)
    if target is None and array.dtype == np.complex128:
        return array.astype(np.complex64)
    return array


# A symbolic size as a value

size_p = Primitive(
    "size",
    lambda *, size: np.asarray(size, np.int64),
    lambda *, size: TensorType(dtypes.int64, ()),
    lowering=Lowering("layout"),
)

# full


def _full_kernel(*, shape: tuple[int, ...], value: Any, dtype: DType) -> Array:
    return np.full(shape, value, dtype.dtype)


full_p = Primitive(
    "full",
    _full_kernel,
    lambda *, shape, value, dtype: TensorType(dtype, shape),
    lowering=Lowering("elementwise", "constant"),
)


def full(
    shape: int | Sequence[int], fill_value: bool | int | float | complex, *,
    dtype: DType | str | type | None = None, device: object = None,
) -> Tensor:  # fmt: skip
    """A tensor of `shape` with every element `fill_value`."""
    as_device(device)
    exact: AnyDType = (
        as_dtype(type(fill_value) if dtype is None else dtype)
        if not isinstance(dtype, DTypeSet)
        else dtype
    )
    out: Tensor = full_p.bind(shape=as_shape(shape), value=fill_value, dtype=exact)
    return out


def as_shape(shape: int | Dimension | Sequence[int]) -> Shape:
    """A shape argument as a tuple of sizes.

    Raises:
        ShapeError: for a negative size.
        TypeError: for a size that is not an integer.
    """
    sizes: Sequence[Any] = shape if isinstance(shape, (tuple, list)) else (shape,)  # type: ignore[assignment]
    out: list[Dimension] = []
    for size in sizes:
        if isinstance(size, (Dim, Unknown)):
            out.append(size)
            continue
        n = size.__index__() if hasattr(size, "__index__") else None
        if n is None:
            raise TypeError(f"sizes are integers, got {size!r} in shape {tuple(sizes)}")
        if n < 0:
            raise ShapeError(f"sizes are at least 0, got {n} in shape {tuple(sizes)}")
        out.append(n)
    return tuple(out)


def zeros(
    shape: int | Sequence[int], *, dtype: DType | str | type | None = None, device: object = None
) -> Tensor:
    """A tensor of zeros, float32 by default.

    >>> zeros((2, 3)).dtype
    float32
    """
    return full(shape, 0, dtype=dtype or dtypes.default_float, device=device)


def zeros_like(x: Tensor, /, *, dtype: DType | None = None, device: object = None) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return full(x.shape, 0, dtype=dtype or x.dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: DType | None = None, device: object = None) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return full(x.shape, 1, dtype=dtype or x.dtype, device=device)
