"""Joining tensors and taking them apart: concat, stack, split, unstack, repeat, tile, roll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, JointPullback, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.core.tracing import Tracer
from typedflux.ops.creation import as_shape
from typedflux.ops.families import promote_operands
from typedflux.ops.interchange import to_tensor
from typedflux.ops.manipulation import LAYOUT, linear
from typedflux.ops.reporting import reports
from typedflux.ops.slicing import batched_alike, slice_along
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, Unknown, is_fixed, product, require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import concat_shapes, normalize_axes, normalize_axis, stack_shapes
from typedflux.tensor import Tensor, TensorLike

# concat


def _concat_kernel(*arrays: Array, axis: int) -> Array:
    return np.concatenate(arrays, axis)


def _concat_shape(*types: TensorType, axis: int) -> TensorType:
    dtype = dtypes.promote_all(*(t.dtype for t in types))
    return TensorType(dtype, concat_shapes([t.shape for t in types], axis))


def _concat_vjp(out: Tensor, *arrays: Tensor, axis: int) -> Pullbacks:
    pullbacks = []
    start: Dimension = 0
    for a in arrays:
        stop = start + a.shape[axis]
        pullbacks.append(lambda g, start=start, stop=stop: slice_along(g, axis, start, stop))
        start = stop
    return pullbacks


def _join_jvp(primitive: Primitive) -> Any:
    def jvp(
        out: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], *, axis: int
    ) -> Tensor:
        parts = [
            ops.zeros_like(x) if t is None else t for x, t in zip(inputs, tangents, strict=True)
        ]
        tangent: Tensor = primitive.bind(*parts, axis=axis)
        return tangent

    return jvp


def _join_batch(primitive: Primitive) -> Any:
    def batch(
        inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: int
    ) -> tuple[Tensor, int]:
        return primitive.bind(*batched_alike(inputs, axes), axis=axis + 1), 0

    return batch


concat_p = Primitive(
    "concat", _concat_kernel, _concat_shape, vjp=_concat_vjp, lowering=Lowering("layout", "concat")
)
concat_p.jvp = _join_jvp(concat_p)
concat_p.batch = _join_batch(concat_p)


def _operands(name: str, arrays: Sequence[TensorLike]) -> list[Tensor]:
    if isinstance(arrays, Tensor):
        raise TypeError(f"{name} takes a list or tuple of tensors, got one tensor")
    if not arrays:
        raise ShapeError(f"{name} needs at least one tensor")
    return [to_tensor(name, t) for t in promote_operands(name, [*arrays])]


@reports("concat")
def concat(arrays: Sequence[TensorLike], /, *, axis: int | None = 0) -> Tensor:
    """The tensors one after the other along `axis`; flattened first where it is `None`.

    Raises:
        ShapeError: when the other axes differ in size, or for tensors of rank 0.

    >>> from typedflux import ops
    >>> concat([ops.zeros((2, 3)), ops.ones((1, 3))]).shape
    (3, 3)
    """
    tensors = _operands("concat", arrays)
    if axis is None:
        tensors, axis = [ops.reshape(t, (-1,)) for t in tensors], 0
    if tensors[0].ndim == 0:
        raise ShapeError("tensors of rank 0 have no axis to be joined along: use stack")
    out: Tensor = concat_p.bind(*tensors, axis=normalize_axis(axis, tensors[0].ndim))
    return out


# stack


def _stack_kernel(*arrays: Array, axis: int) -> Array:
    shape = arrays[0].shape
    if any(a.shape != shape for a in arrays):
        raise ValueError("all input arrays must have the same shape")
    out = np.empty((*shape[:axis], len(arrays), *shape[axis:]), arrays[0].dtype)
    places = np.moveaxis(out, axis, 0)
    for i, a in enumerate(arrays):
        places[i] = a
    return out


def _stack_shape(*types: TensorType, axis: int) -> TensorType:
    dtype = dtypes.promote_all(*(t.dtype for t in types))
    return TensorType(dtype, stack_shapes([t.shape for t in types], axis))


def _stack_vjp(out: Tensor, *arrays: Tensor, axis: int) -> Pullbacks:
    return JointPullback(lambda g: unstack(g, axis=axis))


stack_p = Primitive(
    "stack", _stack_kernel, _stack_shape, vjp=_stack_vjp, lowering=Lowering("layout", "stack")
)
stack_p.jvp = _join_jvp(stack_p)
stack_p.batch = _join_batch(stack_p)


@reports("stack")
def stack(arrays: Sequence[TensorLike], /, *, axis: int = 0) -> Tensor:
    """The tensors, of one shape, side by side along a new axis that stands at `axis`.

    Raises:
        ShapeError: when the shapes differ.

    >>> from typedflux import ops
    >>> stack([ops.zeros((2, 3)), ops.ones((2, 3))], axis=-1).shape
    (2, 3, 2)
    """
    tensors = _operands("stack", arrays)
    out: Tensor = stack_p.bind(*tensors, axis=normalize_axis(axis, tensors[0].ndim + 1))
    return out


# split


def _split_kernel(x: Array, *, axis: int, sizes: tuple[int, ...]) -> tuple[Array, ...]:
    if sum(sizes) != x.shape[axis]:
        raise ValueError("the sizes do not add up")
    before = (slice(None),) * axis
    parts, start = [], 0
    for size in sizes:
        parts.append(x[(*before, slice(start, start + size))])
        start += size
    return tuple(parts)


def _split_shape(x: TensorType, *, axis: int, sizes: Shape) -> tuple[TensorType, ...]:
    total: Dimension = 0
    for size in sizes:
        total = total + size
    require_equal(
        total,
        x.shape[axis],
        lambda: f"axis {axis} has size {x.shape[axis]}, the parts take {total}",
    )
    return tuple([TensorType(x.dtype, (*x.shape[:axis], s, *x.shape[axis + 1 :])) for s in sizes])


def _split_vjp(out: tuple[Tensor, ...], x: Tensor, *, axis: int, sizes: Shape) -> Pullbacks:
    return JointPullback(lambda gs: (concat_p.bind(*gs, axis=axis),))


def _split_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: int, sizes: Shape
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    return split_p.bind(x, axis=axis + 1, sizes=sizes), (0,) * len(sizes)


split_p = linear(
    Primitive(
        "split",
        _split_kernel,
        _split_shape,
        vjp=_split_vjp,
        batch=_split_batch,
        lowering=Lowering("layout", "split"),
        multiple=True,
    )
)


@reports("split")
def split(
    x: TensorLike, indices_or_sections: int | Sequence[int], /, *, axis: int = 0
) -> list[Tensor]:
    """`x` in `n` equal parts along `axis`, or cut before each of some indices.

    Raises:
        ShapeError: when the size is not a multiple of `n`, or the indices do not increase.

    >>> from typedflux import ops
    >>> [part.shape for part in split(ops.zeros((6, 2)), 3)]
    [(2, 2), (2, 2), (2, 2)]
    >>> [part.shape for part in split(ops.zeros((6, 2)), [1, 5])]
    [(1, 2), (4, 2), (1, 2)]
    """
    tensor = to_tensor("split", x)
    along = normalize_axis(axis, tensor.ndim)
    size: Dimension = tensor.shape[along]
    sizes: tuple[Dimension, ...]
    if isinstance(indices_or_sections, (list, tuple)):
        sizes = _between(indices_or_sections, size)
    else:
        n = int(indices_or_sections)  # type: ignore[call-overload]
        if n < 1:
            raise ShapeError(f"the number of parts must be at least 1, got {n}")
        require_equal(
            size % n, 0, lambda: f"axis {along} of size {size} does not divide into {n} equal parts"
        )
        sizes = (size // n,) * n
    if not sizes:
        return [tensor]
    parts: tuple[Tensor, ...] = split_p.bind(tensor, axis=along, sizes=sizes)
    return list(parts)


def _between(cuts: Sequence[Any], size: Dimension) -> tuple[Dimension, ...]:
    places = [0, *(c.__index__() if not isinstance(c, (Dim, Unknown)) else c for c in cuts), size]
    sizes = []
    for start, stop in zip(places, places[1:]):
        length = stop - start
        if isinstance(length, int) and length < 0:
            raise ShapeError(
                f"the cuts must increase from 0 to the size of the axis, {size}; got {list(cuts)}"
            )
        sizes.append(length)
    return tuple(sizes)


# unstack


def _unstack_kernel(x: Array, *, axis: int, count: int) -> tuple[Array, ...]:
    if x.shape[axis] != count:
        raise ValueError("the count is not the size")
    return tuple(np.moveaxis(x, axis, 0))


def _unstack_shape(x: TensorType, *, axis: int, count: int) -> tuple[TensorType, ...]:
    require_equal(x.shape[axis], count, f"axis {axis} has size {x.shape[axis]}, not {count}")
    return (TensorType(x.dtype, (*x.shape[:axis], *x.shape[axis + 1 :])),) * count


def _unstack_vjp(out: tuple[Tensor, ...], x: Tensor, *, axis: int, count: int) -> Pullbacks:
    return JointPullback(lambda gs: (stack_p.bind(*gs, axis=axis),))


def _unstack_batch(
    inputs: Sequence[Tensor], axes: Sequence[int | None], *, axis: int, count: int
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
    return unstack_p.bind(x, axis=axis + 1, count=count), (0,) * count


unstack_p = linear(
    Primitive(
        "unstack",
        _unstack_kernel,
        _unstack_shape,
        vjp=_unstack_vjp,
        batch=_unstack_batch,
        lowering=Lowering("layout", "unstack"),
        multiple=True,
    )
)


@reports("unstack")
def unstack(x: TensorLike, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of `x` along `axis`, which goes away: the opposite of `stack`.

    A symbolic size is taken at its present value, because their number must be known.

    Raises:
        ShapeError: when the axis does not exist.

    >>> from typedflux import ops
    >>> unstack(ops.asarray([[1, 2], [3, 4]]))
    (Tensor([1, 2], int64), Tensor([3, 4], int64))
    """
    tensor = to_tensor("unstack", x)
    along = normalize_axis(axis, tensor.ndim)
    count = int(tensor.shape[along])
    if count == 0:
        return ()
    parts: tuple[Tensor, ...] = unstack_p.bind(tensor, axis=along, count=count)
    return parts


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
    if (
        isinstance(repeats, (list, tuple, np.ndarray))
        or isinstance(repeats, Tracer)
        or (isinstance(repeats, Tensor) and repeats.ndim > 0)
    ):
        return _repeat_each(tensor, ops.asarray(repeats), along)
    (times,) = as_shape(repeats)
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
