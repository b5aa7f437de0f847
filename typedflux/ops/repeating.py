"""Elements again and again, or moved round: repeat, tile, roll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.creation import as_shape
from typedflux.ops.interchange import to_tensor
from typedflux.ops.manipulation import linear
from typedflux.ops.reporting import reports
from typedflux.shapes.dims import UNKNOWN, is_fixed, product, require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axes, normalize_axis
from typedflux.tensor import Tensor, TensorLike

# repeat and tile


@reports("repeat")
def repeat(
    x: TensorLike, repeats: int | Sequence[int] | Tensor, /, *, axis: int | None = None
) -> Tensor:
    """Each element along `axis` several times in a row; `x` flattened first where it is `None`.

    Args:
        repeats: how often, at least 0: one number, or a vector with one for each element.

    Raises:
        ShapeError: for a negative number, or a vector of another length.

    >>> from typedflux import ops
    >>> repeat(ops.asarray([1, 2]), 2), repeat(ops.asarray([1, 2]), [3, 1])
    (Tensor([1, 1, 2, 2], int64), Tensor([1, 1, 1, 2], int64))
    """
    tensor = to_tensor("repeat", x)
    if axis is None:
        tensor, axis = ops.reshape(tensor, (-1,)), 0
    along = normalize_axis(axis, tensor.ndim)
    one = type(repeats) is Tensor and repeats.ndim == 0
    if isinstance(repeats, (list, tuple, np.ndarray, Tensor)) and not one:
        return _repeat_each(tensor, ops.asarray(repeats), along)
    (times,) = as_shape(repeats)  # type: ignore[arg-type]  # __index__ is all it needs
    shape: tuple[Any, ...] = tensor.shape
    spread = (*shape[: along + 1], times, *shape[along + 1 :])
    wide = ops.broadcast_to(ops.expand_dims(tensor, axis=along + 1), spread)
    return ops.reshape(wide, (*shape[:along], shape[along] * times, *shape[along + 1 :]))


def _repeat_each(x: Tensor, counts: Tensor, axis: int) -> Tensor:
    if not counts.dtype.is_integer:
        raise DTypeError(f"the numbers of repeats are integers, got {counts.dtype}")
    size = x.shape[axis]
    if counts.ndim > 1:
        raise ShapeError(f"the numbers of repeats are a vector, got rank {counts.ndim}")
    if counts.ndim == 0 or is_fixed(counts.shape[0], 1):
        counts = ops.broadcast_to(counts, (size,))
    require_equal(
        counts.shape[0],
        size,
        lambda: f"axis {axis} has size {size}, there are {counts.shape[0]} numbers of repeats",
    )
    return ops.take(x, repeat_index_p.bind(counts), axis=axis)


def _repeat_index_kernel(counts: Array) -> Array:
    if counts.size and counts.min() < 0:
        raise ShapeError(f"the numbers of repeats are at least 0, got {counts.min()}")
    return np.repeat(np.arange(counts.size), counts.astype(np.int64))


def _no_batch(what: str) -> Any:
    def batch(inputs: Sequence[Tensor], axes: Sequence[int | None], **params: Any) -> Any:
        raise ShapeError(f"{what}, so the results for a batch have no common shape: loop over it")

    return batch


repeat_index_p = Primitive(
    "repeat_index",
    _repeat_index_kernel,
    lambda counts: TensorType(dtypes.int64, (UNKNOWN,)),
    batch=_no_batch("repeat by a vector gives as many elements as its sum"),
    lowering=Lowering("opaque", "repeat_index"),
)


@reports("tile")
def tile(x: TensorLike, repetitions: Sequence[int], /) -> Tensor:
    """Copies of `x` laid side by side, so many along each axis; the ranks are aligned at the end.

    Raises:
        ShapeError: for a negative number.

    >>> from typedflux import ops
    >>> tile(ops.asarray([1, 2]), (2, 2))
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]], int64)
    """
    tensor = to_tensor("tile", x)
    times = as_shape(repetitions)
    rank = max(tensor.ndim, len(times))
    shape: Shape = (1,) * (rank - tensor.ndim) + tensor.shape
    times = (1,) * (rank - len(times)) + times
    apart: list[Any] = [1 if i % 2 == 0 else shape[i // 2] for i in range(2 * rank)]
    spread: list[Any] = [times[i // 2] if i % 2 == 0 else shape[i // 2] for i in range(2 * rank)]
    wide = ops.broadcast_to(ops.reshape(tensor, tuple(apart)), tuple(spread))
    whole: Any = tuple([n * size for n, size in zip(times, shape, strict=True)])
    return ops.reshape(wide, whole)


# roll


def _roll_vjp(
    out: Tensor, x: Tensor, *, shift: tuple[int, ...], axis: tuple[int, ...]
) -> Pullbacks:
    back = tuple([-s for s in shift])
    return (lambda g: roll_p.bind(g, shift=back, axis=axis),)


def _roll_batch(
    inputs: Sequence[Tensor],
    axes: Sequence[int | None],
    *,
    shift: tuple[int, ...],
    axis: tuple[int, ...],
) -> tuple[Tensor, int]:
    x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    return roll_p.bind(x, shift=shift, axis=tuple([a + 1 for a in axis])), 0


def _roll_kernel(x: Array, *, shift: tuple[int, ...], axis: tuple[int, ...]) -> Array:
    return np.roll(x, shift, axis)


roll_p = linear(
    Primitive(
        "roll",
        _roll_kernel,
        lambda x, *, shift, axis: x,
        vjp=_roll_vjp,
        batch=_roll_batch,
        lowering=Lowering("layout", "roll"),
    )
)


@reports("roll")
def roll(
    x: TensorLike, /, shift: int | Sequence[int], *, axis: int | Sequence[int] | None = None
) -> Tensor:
    """The elements moved `shift` places along `axis`, coming in again at the other end.

    Without `axis` the tensor is rolled as if it were flattened.

    Raises:
        ShapeError: when the numbers of shifts and of axes differ.

    >>> from typedflux import ops
    >>> roll(ops.asarray([1, 2, 3, 4]), 1)
    Tensor([4, 1, 2, 3], int64)
    """
    tensor = to_tensor("roll", x)
    if axis is None:
        if not isinstance(shift, int):
            raise ShapeError("several shifts need as many axes")
        flat = ops.reshape(tensor, (product(tensor.shape),))  # type: ignore[arg-type]
        return ops.reshape(roll_p.bind(flat, shift=(shift,), axis=(0,)), tensor.shape)
    axes = normalize_axes(axis, tensor.ndim)
    shifts = tuple(shift) if isinstance(shift, (list, tuple)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"{len(shifts)} shifts and {len(axes)} axes do not go together")
    out: Tensor = roll_p.bind(tensor, shift=shifts, axis=axes)
    return out
