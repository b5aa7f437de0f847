"""Batching rules that serve primitives which have no shorter way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typedflux import ops
from typedflux.core.primitive import Primitive
from typedflux.core.types import TensorType
from typedflux.tensor import Tensor


def batch_by_loop(
    primitive: Primitive, inputs: Sequence[Tensor], axes: Sequence[int | None], **params: Any
) -> tuple[Any, Any]:
    """Perform `primitive` for each element of the batch and stack the results in front."""
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    moved = [x if a is None else ops.moveaxis(x, a, 0) for x, a in zip(inputs, axes, strict=True)]
    results = []
    for i in range(size):
        operands = [x if a is None else x[i] for x, a in zip(moved, axes, strict=True)]
        out = primitive.bind(*operands, **params)
        results.append(out if primitive.multiple else (out,))
    if results:
        stacked = [ops.stack(parts, axis=0) for parts in zip(*results, strict=True)]
    else:  # nothing to perform it on: what it would give is known by its rule
        types = [
            TensorType(x.dtype, x.shape if a is None else x.shape[1:])
            for x, a in zip(moved, axes, strict=True)
        ]
        found = primitive.infer(types, params)
        stacked = [
            ops.zeros((0, *t.shape), dtype=t.dtype)
            for t in (found if primitive.multiple else (found,))
        ]
    if primitive.multiple:
        return tuple(stacked), (0,) * len(stacked)
    return stacked[0], 0


def merge_batch(x: Tensor, axis: int | None, size: Any) -> Tensor:
    """`x` with its batch axis merged into the leading axis; repeated where it has none."""
    if axis is None:
        x = ops.broadcast_to(ops.expand_dims(x, axis=0), (size, *x.shape))
        axis = 0
    x = ops.moveaxis(x, axis, 0)
    return ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def split_batch(x: Tensor, size: Any) -> Tensor:
    """The opposite of `merge_batch`: the batch axis in front again."""
    return ops.reshape(x, (size, -1, *x.shape[1:]))
