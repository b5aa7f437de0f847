"""Elements by index: take, gather and scatter, one-hot vectors, searching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.dtypes import AnyDType, DType
from typedflux.ops.creation import as_shape
from typedflux.ops.families import check_domain, promote_operands
from typedflux.ops.interchange import resolve_dtype, to_tensor
from typedflux.ops.reporting import reports
from typedflux.ops.scattering import gather_p, index_update_p, scatter_add_p
from typedflux.ops.slicing import batched_alike
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import UNKNOWN, Dimension, format_shape, require_equal
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Axis, DTypeLike, Tensor, TensorLike

# Reading


def _index_operand(name: str, value: Any) -> Tensor:
    index = ops.asarray(value) if isinstance(value, (list, tuple)) else to_tensor(name, value)
    if isinstance(value, (list, tuple)) and index.size == 0:
        index = ops.astype(index, dtypes.int64)
    if dtypes.belongs(index.dtype, dtypes.Integer) is False:
        raise DTypeError(f"the index holds integers, got {index.dtype}")
    return index


@reports("take")
def take(
    x: TensorLike, indices: TensorLike | Sequence[int], /, *, axis: int | None = None
) -> Tensor:
    """The slices of `x` at `indices`, of any rank, along `axis`.

    Args:
        axis: needed unless `x` is a vector. The axes of `indices` stand in its place.

    Raises:
        AxisError: for an index that is out of range.

    >>> take(ops.asarray([10, 20, 30]), ops.asarray([2, 0]))
    Tensor([30, 10], int64)
    """
    tensor = to_tensor("take", x)
    if axis is None:
        if tensor.ndim != 1:
            raise ShapeError(f"needs axis= for a tensor of rank {tensor.ndim}")
        axis = 0
    along = normalize_axis(axis, tensor.ndim)
    index = _index_operand("take", indices)
    out: Tensor = gather_p.bind(tensor, index, axes=(along,), place=along)
    return out


@reports("take_along_axis")
def take_along_axis(x: TensorLike, indices: TensorLike, /, *, axis: int = -1) -> Tensor:
    """Elements picked along `axis`, by other indices for each place of the other axes.

    `x` and `indices` have the same rank and broadcast along the other axes. What `argsort` and
    `argmax(keepdims=True)` return can be given here.

    Raises:
        ShapeError: when the ranks or the other axes differ.
        AxisError: for an index that is out of range.

    >>> x = ops.asarray([[3, 1, 2], [9, 8, 7]])
    >>> take_along_axis(x, ops.asarray([[1], [2]]), axis=1)
    Tensor([[1],
            [7]], int64)
    """
    tensor, index = to_tensor("take_along_axis", x), _index_operand("take_along_axis", indices)
    if tensor.ndim != index.ndim:
        raise ShapeError(f"needs indices of the rank of x, {tensor.ndim}, got rank {index.ndim}")
    along = normalize_axis(axis, tensor.ndim)
    sizes, wanted = list(tensor.shape), list(index.shape)
    size, count = sizes[along], wanted[along]
    sizes[along] = wanted[along] = 1
    shape: Any = list(broadcast_shapes(sizes, wanted))
    shape[along] = size
    tensor = ops.broadcast_to(tensor, tuple(shape))
    shape[along] = count
    index = ops.broadcast_to(index, tuple(shape))
    places = []
    for i, n in enumerate(shape):
        if i == along:
            places.append(index)
        else:
            own: Any = [n if j == i else 1 for j in range(tensor.ndim)]
            places.append(ops.reshape(ops.arange(n), tuple(own)))
    out: Tensor = gather_p.bind(tensor, *places, axes=tuple(range(tensor.ndim)), place=0)
    return out


@reports("gather")
def gather(x: TensorLike, index: TensorLike | Sequence[int], /) -> Tensor:
    """Rows of `x`: `"n *rest"` at `"*shape"` gives `"*shape *rest"`. The opposite of `scatter`.

    Raises:
        AxisError: for an index that is out of range.

    >>> gather(ops.asarray([[1, 2], [3, 4]]), [1, 1, 0])
    Tensor([[3, 4],
            [3, 4],
            [1, 2]], int64)
    """
    tensor = to_tensor("gather", x)
    if tensor.ndim == 0:
        raise ShapeError("needs rows, a tensor of rank 0 has none")
    out: Tensor = gather_p.bind(tensor, _index_operand("gather", index), axes=(0,), place=0)
    return out


# Writing

ScatterKind = Literal["add", "mul", "max", "min", "mean"]


@reports("scatter")
def scatter(
    index: TensorLike | Sequence[int], values: TensorLike, size: int, op: ScatterKind = "add"
) -> Tensor:
    """`size` rows, each combined from the values whose index names it: the opposite of `gather`.

    `index` is `"*shape"`, `values` `"*shape *rest"` (or a number), the result `"size *rest"`. A row
    that no index names is what `op` starts from: 0 for "add" and "mean", 1 for "mul", the least
    value of the dtype (-inf) for "max" and the greatest for "min". Where several values are the
    largest (or smallest) they share the gradient.

    Raises:
        ShapeError: when `values` does not start with the shape of `index`.
        AxisError: for an index that is out of range.

    >>> scatter([0, 2, 0], ops.asarray([1.0, 2.0, 3.0]), 3)
    Tensor([4., 0., 2.], float32)
    >>> scatter([0, 2, 0], ops.asarray([1.0, 2.0, 3.0]), 3, "mean")
    Tensor([2., 0., 2.], float32)
    """
    if op not in ("add", "mul", "max", "min", "mean"):
        raise ValueError(f"scatter: op is 'add', 'mul', 'max', 'min' or 'mean', got {op!r}")
    places, data = _index_operand("scatter", index), to_tensor("scatter", values)
    check_domain(data.dtype, dtypes.Num if op in ("add", "mul") else dtypes.Real)
    if data.ndim == 0:
        data = ops.broadcast_to(data, places.shape)
    _check_rows(places, data)
    (count,) = as_shape(size)
    shape: Any = (count, *data.shape[places.ndim :])
    where: dict[str, Any] = {"axes": (0,), "place": 0}
    out: Tensor
    if op in ("add", "mean"):
        if op == "mean":
            data = ops.astype(data, dtypes.to_inexact(data.dtype))  # type: ignore[arg-type]
        out = scatter_add_p.bind(data, places, shape=shape, **where)
        return out if op == "add" else ops.divide(out, _counts(places, count, out))
    start = ops.full(shape, 1 if op == "mul" else _extreme(data.dtype, op), dtype=data.dtype)
    kind = "multiply" if op == "mul" else op
    out = index_update_p.bind(start, data, places, kind=kind, **where)
    return out


def _check_rows(index: Tensor, values: Tensor) -> None:
    why = (
        f"values of shape '{format_shape(values.shape)}' do not start with the shape of the index, "
        f"'{format_shape(index.shape)}'"
    )
    if values.ndim < index.ndim:
        raise ShapeError(why)
    for a, b in zip(index.shape, values.shape, strict=False):
        require_equal(a, b, why)


def _counts(index: Tensor, size: Dimension, like: Tensor) -> Tensor:
    """How many values each row has, at least 1, to broadcast against the rows."""
    ones = ops.ones(index.shape, dtype=like.dtype)
    counts = scatter_add_p.bind(ones, index, axes=(0,), place=0, shape=(size,))
    return ops.reshape(ops.maximum(counts, 1), (size, *(1,) * (like.ndim - 1)))  # type: ignore[arg-type]


def _extreme(dtype: AnyDType, op: str) -> float:
    """What the maximum (minimum) of nothing is: the least (greatest) value."""
    if dtype.is_floating:
        return -np.inf if op == "max" else np.inf
    if isinstance(dtype, dtypes.DTypeSet):
        return 0  # under the type checker, which asks for no value
    info = np.iinfo(dtype.dtype)
    return int(info.min if op == "max" else info.max)


# One-hot vectors


def _one_hot_kernel(labels: Array, *, size: int, dtype: DType) -> Array:
    if labels.size:
        low, high = labels.min(), labels.max()
        if low < 0 or high >= size:
            worst = low if low < 0 else high
            raise AxisError(f"there is no class {worst} among {size}: labels are 0 to {size - 1}")
    out = np.zeros((labels.size, size), dtype.dtype)
    out[np.arange(labels.size), labels.reshape(-1)] = 1
    return out.reshape(*labels.shape, size)


def _one_hot_shape(labels: TensorType, *, size: Dimension, dtype: DType) -> TensorType:
    check_domain(labels.dtype, dtypes.Integer)
    return TensorType(dtype, (*labels.shape, size))


def _one_hot_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], **params: Any
) -> tuple[Tensor, int]:
    return one_hot_p.bind(ops.moveaxis(inputs[0], axes[0] or 0, 0), **params), 0


one_hot_p = Primitive(
    "one_hot",
    _one_hot_kernel,
    _one_hot_shape,
    batch=_one_hot_batch,
    lowering=Lowering("elementwise", "one_hot"),
)


@reports("one_hot")
def one_hot(
    labels: TensorLike | Sequence[int], size: int, /, *, dtype: DTypeLike = dtypes.float32
) -> Tensor:
    """Vectors of zeros with a 1 at each label: `"*shape"` to `"*shape size"`.

    Raises:
        AxisError: for a label outside 0 to `size - 1`.
        DTypeError: for labels that are no integers.

    >>> one_hot([2, 0], 3)
    Tensor([[0., 0., 1.],
            [1., 0., 0.]], float32)
    """
    index = _index_operand("one_hot", labels)
    (count,) = as_shape(size)
    out: Tensor = one_hot_p.bind(index, size=count, dtype=resolve_dtype(dtype, dtypes.float32))
    return out


# Searching


def _nonzero_shape(x: TensorType) -> tuple[TensorType, ...]:
    if x.ndim == 0:
        raise ShapeError("needs a tensor of rank 1 or more")
    return (TensorType(dtypes.int64, (UNKNOWN,)),) * x.ndim


def _nonzero_batch(inputs: Sequence[Tensor], axes: Sequence[int | None]) -> Any:
    raise ShapeError(
        "the number of nonzero elements differs within a batch, so the results have no common "
        "shape: use flux.where, or loop over the batch"
    )


nonzero_p = Primitive(
    "nonzero",
    lambda x: tuple(np.nonzero(x)),
    _nonzero_shape,
    batch=_nonzero_batch,
    lowering=Lowering("opaque", "nonzero"),
    multiple=True,
)


@reports("nonzero")
def nonzero(x: TensorLike, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero: one vector for each axis.

    Their number depends on the values, so it is unknown until run time.

    Raises:
        ShapeError: for a tensor of rank 0.

    >>> nonzero(ops.asarray([[0, 3], [4, 0]]))
    (Tensor([0, 1], int64), Tensor([1, 0], int64))
    """
    tensor = to_tensor("nonzero", x)
    if tensor.ndim == 0:
        raise ShapeError("needs a tensor of rank 1 or more")
    out: tuple[Tensor, ...] = nonzero_p.bind(tensor)
    return out


def count_nonzero(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements along `axis` (all axes by default) are not zero.

    >>> count_nonzero(ops.asarray([[0, 3], [4, 5]]), axis=0)
    Tensor([1, 2], int64)
    """
    tensor = to_tensor("count_nonzero", x)
    if tensor.dtype != dtypes.bool_:
        tensor = ops.not_equal(tensor, 0)
    return ops.sum(tensor, axis=axis, keepdims=keepdims)


def _search_kernel(sorted_values: Array, values: Array, *, side: Literal["left", "right"]) -> Array:
    batch = sorted_values.ndim - 1
    if batch == 0:
        return np.asarray(np.searchsorted(sorted_values, values, side), np.int64)
    if sorted_values.shape[:-1] != values.shape[:batch]:
        raise ValueError("the batch axes differ")
    out = np.empty(values.shape, np.int64)
    for place in np.ndindex(*sorted_values.shape[:-1]):
        out[place] = np.searchsorted(sorted_values[place], values[place], side)
    return out


def _search_shape(sorted_values: TensorType, values: TensorType, *, side: str) -> TensorType:
    check_domain(dtypes.promote(sorted_values.dtype, values.dtype), dtypes.Real)
    for i, size in enumerate(sorted_values.shape[:-1]):
        why = f"batch axis {i} has sizes {size} and {values.shape[i]}"
        require_equal(size, values.shape[i], why)
    return TensorType(dtypes.int64, values.shape)


def _search_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, side: str
) -> tuple[Tensor, int]:
    if axes[0] is None:
        values = ops.moveaxis(inputs[1], axes[1] or 0, 0)
        if inputs[0].ndim == 1:
            return searchsorted_p.bind(inputs[0], values, side=side), 0
    return searchsorted_p.bind(*batched_alike(inputs, axes), side=side), 0


searchsorted_p = Primitive(
    "searchsorted",
    _search_kernel,
    _search_shape,
    batch=_search_batch,
    lowering=Lowering("opaque", "searchsorted"),
)


@reports("searchsorted")
def searchsorted(
    x1: TensorLike, x2: TensorLike, /, *, side: Literal["left", "right"] = "left",
    sorter: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Where each element of `x2` would be inserted into the sorted vector `x1`.

    Args:
        side: before ("left") or after ("right") equal elements.
        sorter: the indices that sort `x1`, where it is not sorted.

    Raises:
        ShapeError: when `x1` is no vector.

    >>> searchsorted(ops.asarray([1, 3, 5]), ops.asarray([3, 4]))
    Tensor([1, 2], int64)
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side is 'left' or 'right', got {side!r}")
    order, values = promote_operands("searchsorted", (x1, x2), dtypes.Real)
    if order.ndim != 1:
        raise ShapeError(f"needs a sorted vector, got rank {order.ndim}")
    if sorter is not None:
        order = take(order, sorter)
    out: Tensor = searchsorted_p.bind(order, values, side=side)
    return out
