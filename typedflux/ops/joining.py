"""Joining tensors and taking them apart: concat, stack, split, unstack."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, JointPullback, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.families import promote_operands
from typedflux.ops.interchange import to_tensor
from typedflux.ops.manipulation import linear
from typedflux.ops.reporting import reports
from typedflux.ops.slicing import batched_alike, slice_along
from typedflux.shapes.dims import Dim, Dimension, Unknown, require_equal
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.reshape import concat_shapes, normalize_axis, stack_shapes
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
    if not hasattr(type(arrays), "__iter__"):
        raise TypeError(f"{name} takes a list or tuple of tensors, got {type(arrays).__name__}")
    if not arrays:
        raise ShapeError("needs at least one tensor")
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
) -> tuple[Tensor, ...]:
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
        n = operator.index(indices_or_sections)  # type: ignore[arg-type]
        if n < 1:
            raise ShapeError(f"the number of parts must be at least 1, got {n}")
        require_equal(
            size % n, 0, lambda: f"axis {along} of size {size} does not divide into {n} equal parts"
        )
        sizes = (size // n,) * n
    if not sizes:
        return (tensor,)
    parts: tuple[Tensor, ...] = split_p.bind(tensor, axis=along, sizes=sizes)
    return parts


def _between(cuts: Sequence[Any], size: Dimension) -> tuple[Dimension, ...]:
    places = [0, *(c.__index__() if not isinstance(c, (Dim, Unknown)) else c for c in cuts), size]
    sizes = []
    for start, stop in itertools.pairwise(places):
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
