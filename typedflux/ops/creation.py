"""Making tensors from sizes and from ranges. Sizes may be symbolic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.device import as_device
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import DType, as_dtype
from typedflux.ops.interchange import resolve_dtype, to_tensor
from typedflux.ops.reporting import reports
from typedflux.shapes.dims import Dim, Dimension, Unknown, bounds, ceil_div, dim_max, hint_of
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import DTypeLike, Scalar, Tensor, TensorLike


def as_shape(shape: int | Dimension | Sequence[int]) -> Shape:
    """A shape argument as a tuple of sizes.

    Raises:
        ShapeError: for a negative size.
        TypeError: for a size that is not an integer.
    """
    sizes: Sequence[Any] = shape if isinstance(shape, (tuple, list)) else (shape,)
    out: list[Dimension] = []
    for size in sizes:
        if isinstance(size, (Dim, Unknown)):
            out.append(size)
            continue
        n = size.__index__() if hasattr(size, "__index__") else None
        if n is None:
            raise DTypeError(f"sizes are integers, got {size!r:.40} in shape {tuple(sizes)!r:.80}")
        if n < 0:
            raise ShapeError(f"sizes are at least 0, got {n} in shape {tuple(sizes)}")
        out.append(n)
    return tuple(out)


# full


def _full_kernel(*, shape: tuple[int, ...], value: Any, dtype: DType) -> Array:
    if type(value) is int and value == 0:
        return np.zeros(shape, dtype.dtype)  # untouched pages cost nothing
    return np.full(shape, value, dtype.dtype)


full_p = Primitive(
    "full",
    _full_kernel,
    lambda *, shape, value, dtype: TensorType(dtype, shape),
    lowering=Lowering("elementwise", "constant"),
)


@reports("full")
def full(
    shape: int | Sequence[int], fill_value: TensorLike, *,
    dtype: DTypeLike | None = None, device: object = None,
) -> Tensor:  # fmt: skip
    """A tensor of `shape` with every element `fill_value`, a number or a tensor of rank 0.

    The dtype is that of `fill_value` by default: float32 for a Python float, int64 for an int.

    Raises:
        ShapeError: for a negative size, or a `fill_value` of another rank.
        DTypeError: when the dtype cannot hold the value.

    >>> full((2, 2), 0.5)
    Tensor([[0.5, 0.5],
            [0.5, 0.5]], float32)
    """
    return _filled(shape, fill_value, dtype, device)


def _filled(shape: Any, fill_value: TensorLike, dtype: Any, device: object) -> Tensor:
    as_device(device)
    sizes: Any = as_shape(shape)
    if not isinstance(fill_value, (bool, int, float, complex)) or isinstance(
        fill_value, np.generic
    ):
        return _full_of_tensor(sizes, to_tensor("full", fill_value), dtype)
    exact = resolve_dtype(dtype, as_dtype(_number_type(fill_value)))
    if isinstance(exact, DType):
        _check_value(fill_value, exact)
    out: Tensor = full_p.bind(shape=sizes, value=fill_value, dtype=exact)
    return out


def _full_of_tensor(shape: Any, value: Tensor, dtype: DTypeLike | None) -> Tensor:
    if value.ndim != 0:
        raise ShapeError(
            f"the fill value must have rank 0, got shape {value.shape}: "
            "use broadcast_to(value, shape)"
        )
    if dtype is not None:
        value = ops.astype(value, dtype)
    return ops.broadcast_to(value, shape)


def _number_type(value: Scalar) -> type:
    return next(kind for kind in (bool, int, float, complex) if isinstance(value, kind))


def _check_value(value: Scalar, dtype: DType) -> None:
    if isinstance(value, complex) and not dtype.is_complex:
        raise DTypeError(f"{dtype} cannot hold {value!r}: say dtype=flux.complex64")
    if not dtype.is_integer or isinstance(value, bool):
        return
    assert isinstance(value, (int, float))
    low = 0 if dtype.kind == "uint" else -(2 ** (dtype.bits - 1))
    high = low + 2**dtype.bits - 1
    if not (math.isfinite(value) and low <= value <= high):
        raise DTypeError(f"{dtype} holds {low} to {high}, got {value!r:.40}")


@reports("zeros")
def zeros(
    shape: int | Sequence[int], *, dtype: DTypeLike | None = None, device: object = None
) -> Tensor:
    """A tensor of zeros, float32 by default.

    >>> zeros((2, 3)).dtype
    float32
    """
    return _filled(shape, 0, dtype or dtypes.default_float, device)


@reports("ones")
def ones(
    shape: int | Sequence[int], *, dtype: DTypeLike | None = None, device: object = None
) -> Tensor:
    """A tensor of ones, float32 by default.

    >>> ones(3)
    Tensor([1., 1., 1.], float32)
    """
    return _filled(shape, 1, dtype or dtypes.default_float, device)


def empty(
    shape: int | Sequence[int], *, dtype: DTypeLike | None = None, device: object = None
) -> Tensor:
    """A tensor whose values do not matter. Tensors are immutable, so these are zeros."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(
    x: TensorLike,
    /,
    fill_value: TensorLike,
    *,
    dtype: DTypeLike | None = None,
    device: object = None,
) -> Tensor:
    """`fill_value` in the shape and dtype of `x`."""
    like = to_tensor("full_like", x)
    return full(like.shape, fill_value, dtype=dtype or like.dtype, device=device)


def zeros_like(
    x: TensorLike, /, *, dtype: DTypeLike | None = None, device: object = None
) -> Tensor:
    """Zeros of the shape and dtype of `x`."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: TensorLike, /, *, dtype: DTypeLike | None = None, device: object = None) -> Tensor:
    """Ones of the shape and dtype of `x`."""
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(
    x: TensorLike, /, *, dtype: DTypeLike | None = None, device: object = None
) -> Tensor:
    """A tensor of the shape and dtype of `x` whose values do not matter: zeros."""
    return full_like(x, 0, dtype=dtype, device=device)


# Ranges


def _arange_kernel(*, start: float, step: float, size: int, dtype: DType) -> Array:
    if isinstance(start, int) and isinstance(step, int):
        exact = np.uint64 if start + step * size >= 2**63 else np.int64
        if step == 1 and dtype.is_integer:
            return np.arange(start, start + size, dtype=dtype.dtype)
        places = np.arange(size, dtype=exact)
        return (places * exact(step) + exact(start)).astype(dtype.dtype, copy=False)
    return (np.arange(size, dtype=np.float64) * step + start).astype(dtype.dtype, copy=False)


arange_p = Primitive(
    "arange",
    _arange_kernel,
    lambda *, start, step, size, dtype: TensorType(dtype, (size,)),
    lowering=Lowering("elementwise", "iota"),
)


@reports("arange")
def arange(
    start: float, /, stop: float | None = None, step: float = 1, *,
    dtype: DTypeLike | None = None, device: object = None,
) -> Tensor:  # fmt: skip
    """The numbers from `start` (0 where only `stop` is given) up to, not including, `stop`.

    int64 for integers, which may be symbolic sizes, else float32. There are
    `ceil((stop - start) / step)` of them, element `i` being `start + i * step`.

    Raises:
        ShapeError: for a step of 0, or symbolic limits with a step that is no fixed integer.

    >>> arange(5), arange(1, 2, 0.25)
    (Tensor([0, 1, 2, 3, 4], int64), Tensor([1.  , 1.25, 1.5 , 1.75], float32))
    """
    as_device(device)
    first, last = (0, start) if stop is None else (_number(start), stop)
    last, step = _number(last), _number(step)
    integers = not any(isinstance(v, float) for v in (first, last, step))
    exact = resolve_dtype(dtype, dtypes.default_int if integers else dtypes.default_float)
    if exact in (dtypes.bool_, dtypes.complex64, dtypes.complex128):
        raise DTypeError(f"makes real numbers, not {exact}: convert them with .astype")
    size = _arange_size(first, last, step)
    out: Tensor = arange_p.bind(start=first, step=step, size=size, dtype=exact)
    return out


def _number(value: Any) -> Any:
    """A Python number or a symbolic size; numpy scalars and tensors of rank 0 become numbers."""
    if isinstance(value, (Dim, Unknown)):
        return value
    if hasattr(value, "__index__"):
        return value.__index__()
    if isinstance(value, (float, np.floating, Tensor)):
        return float(value)
    raise DTypeError(f"needs real numbers, got {value!r:.40}")


def _arange_size(start: Any, stop: Any, step: Any) -> Dimension:
    if not isinstance(step, (int, float)):
        raise ShapeError(f"needs a step that is a fixed number, got {step}")
    if step == 0:
        raise ShapeError("the step cannot be 0")
    if isinstance(start, (int, float)) and isinstance(stop, (int, float)):
        if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
            return max(-((start - stop) // step), 0)
        if not all(map(math.isfinite, (start, stop, step))):
            raise ShapeError(f"needs finite numbers, got {start}, {stop}, {step}")
        return max(math.ceil((stop - start) / step), 0)
    if isinstance(step, float):
        raise ShapeError(f"a symbolic size needs a step that is an integer, got {step}")
    if isinstance(start, float) or isinstance(stop, float):
        raise ShapeError("symbolic sizes and floats do not go together: use integers")
    span = ceil_div(stop - start, step) if step > 0 else ceil_div(start - stop, -step)
    return _at_least_zero(span)


def _at_least_zero(span: Dimension) -> Dimension:
    if isinstance(span, Unknown):
        return span
    lowest = bounds(span)[0]
    if lowest is not None and lowest >= 0:
        return span
    if hint_of(span) is None:
        return dim_max(span, 0)
    return 0 if span < 0 else span  # decided, and recorded, by the hint


def _linspace_kernel(
    *, start: complex, stop: complex, num: int, endpoint: bool, dtype: DType
) -> Array:
    wide = np.complex128 if dtype.is_complex else np.float64
    values = np.linspace(start, stop, num, endpoint=endpoint, dtype=wide)
    if dtype.is_integer:
        values = np.floor(values)
    return values.astype(dtype.dtype)


linspace_p = Primitive(
    "linspace",
    _linspace_kernel,
    lambda *, start, stop, num, endpoint, dtype: TensorType(dtype, (num,)),
    lowering=Lowering("opaque", "linspace"),
)


@reports("linspace")
def linspace(
    start: complex, stop: complex, /, num: int, *, dtype: DTypeLike | None = None,
    device: object = None, endpoint: bool = True,
) -> Tensor:  # fmt: skip
    """`num` evenly spaced numbers from `start` to `stop`, which is included unless told otherwise.

    Raises:
        ShapeError: for a negative `num`.

    >>> linspace(0, 1, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], float32)
    """
    as_device(device)
    limits = [v.item() if isinstance(v, (Tensor, np.generic)) else v for v in (start, stop)]
    is_complex = any(isinstance(v, complex) for v in limits)
    default = dtypes.default_complex if is_complex else dtypes.default_float
    exact = resolve_dtype(dtype, default)
    if is_complex and isinstance(exact, DType) and not exact.is_complex:
        raise DTypeError(f"complex limits need a complex dtype, got {exact}")
    (size,) = as_shape(num)
    out: Tensor = linspace_p.bind(
        start=limits[0], stop=limits[1], num=size, endpoint=endpoint, dtype=exact
    )
    return out


# Matrices


@reports("eye")
def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0,
    dtype: DTypeLike | None = None, device: object = None,
) -> Tensor:  # fmt: skip
    """A matrix with ones on the diagonal, or the `k`-th one above it, and zeros elsewhere.

    >>> eye(2, 3)
    Tensor([[1., 0., 0.],
            [0., 1., 0.]], float32)
    """
    as_device(device)
    (rows,) = as_shape(n_rows)
    (columns,) = as_shape(n_rows if n_cols is None else n_cols)
    exact: Any = resolve_dtype(dtype, dtypes.default_float)
    return ops.astype(_diagonal_offsets(rows, columns, k, ops.equal), exact)


_FAR_AWAY = 2**62  # a diagonal that no matrix has, and `row + _FAR_AWAY` is an int64


def _diagonal_offsets(rows: Any, columns: Any, k: int, compare: Any) -> Tensor:
    """`compare(column, row + k)` for each place of a matrix."""
    if isinstance(k, int):
        k = min(max(k, -_FAR_AWAY), _FAR_AWAY)
    row = ops.expand_dims(arange(k, rows + k), axis=1)
    out: Tensor = compare(arange(columns), row)
    return out


@reports("tril")
def tril(x: TensorLike, /, *, k: int = 0) -> Tensor:
    """The lower triangle of each matrix, with zeros above the `k`-th diagonal.

    Raises:
        ShapeError: for a tensor of rank 0 or 1.

    >>> tril(ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]], float32)
    """
    return _triangle(to_tensor("tril", x), k, ops.less_equal)


@reports("triu")
def triu(x: TensorLike, /, *, k: int = 0) -> Tensor:
    """The upper triangle of each matrix, with zeros below the `k`-th diagonal.

    Raises:
        ShapeError: for a tensor of rank 0 or 1.

    >>> triu(ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]], float32)
    """
    return _triangle(to_tensor("triu", x), k, ops.greater_equal)


def _triangle(x: Tensor, k: int, compare: Any) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"needs a tensor of rank 2 or more, got rank {x.ndim}")
    keep = _diagonal_offsets(x.shape[-2], x.shape[-1], k, compare)
    return ops.where(keep, x, zeros((), dtype=x.dtype))


@reports("meshgrid")
def meshgrid(*arrays: TensorLike, indexing: Literal["xy", "ij"] = "xy") -> list[Tensor]:
    """Coordinate tensors from coordinate vectors: each of rank `len(arrays)`.

    With "ij" axis `i` belongs to vector `i`; with "xy" the first two axes are exchanged.

    Raises:
        ShapeError: for operands that are no vectors.
        DTypeError: for operands of different dtypes.

    >>> [a.shape for a in meshgrid(arange(3), arange(2))]
    [(2, 3), (2, 3)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing is 'xy' or 'ij', got {indexing!r}")
    vectors = [to_tensor("meshgrid", a) for a in arrays]
    for place, v in enumerate(vectors):
        if v.ndim != 1:
            raise ShapeError(f"needs vectors, operand {place} has rank {v.ndim}")
    if len({v.dtype for v in vectors}) > 1:
        raise DTypeError("needs vectors of one dtype: convert them with .astype")
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[:2] = [1, 0]
    shape: Any = [0] * len(vectors)
    for place, v in zip(order, vectors, strict=True):
        shape[place] = v.shape[0]
    grids = []
    for place, v in zip(order, vectors, strict=True):
        own = [1] * len(vectors)
        own[place] = v.shape[0]
        grids.append(ops.broadcast_to(ops.reshape(v, tuple(own)), tuple(shape)))
    return grids
