"""Padding: axes made longer at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.ops.creation import as_shape
from typedflux.ops.families import as_operand
from typedflux.ops.interchange import to_tensor
from typedflux.ops.reporting import reports
from typedflux.ops.slicing import WHOLE, embed_p
from typedflux.shapes.dims import Dimension, is_fixed
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor, TensorLike

PadMode = Literal["constant", "reflect", "edge", "wrap", "symmetric"]
_MODES = ("constant", "reflect", "edge", "wrap", "symmetric")

# The index of the element that stands at each place of a padded axis


def _pad_index_kernel(*, size: int, before: int, after: int, mode: PadMode) -> Array:
    place = np.arange(-before, size + after)
    if size == 0:
        if place.size:
            raise ShapeError(f"an empty axis has no element to pad with in mode {mode!r}")
        return place
    if mode == "edge":
        return np.clip(place, 0, size - 1)
    if mode == "wrap":
        return place % size
    turn = size - 1 if mode == "reflect" else size  # how far until the direction changes
    if turn == 0:
        return np.zeros_like(place)
    place = place % (2 * turn)
    last = 2 * turn if mode == "reflect" else 2 * turn - 1
    return np.where(place < size, place, last - place)


pad_index_p = Primitive(
    "pad_index",
    _pad_index_kernel,
    lambda *, size, before, after, mode: TensorType(dtypes.int64, (size + before + after,)),
    lowering=Lowering("opaque", "pad_index"),
)


@reports("pad")
def pad(
    x: TensorLike, /, widths: int | Sequence[int] | Sequence[Sequence[int]],
    mode: PadMode = "constant", *, value: TensorLike = 0,
) -> Tensor:  # fmt: skip
    """`x` with its axes made longer at their ends. Differentiable in all modes.

    Args:
        widths: one `(before, after)` for each axis; or one such pair, or one number, for all axes.
        mode: what stands there: "constant" the `value`; "edge" the element at the end; "reflect"
            the elements mirrored at the one at the end, "symmetric" mirrored behind it; "wrap"
            those of the other end.
        value: for "constant": a number, or a tensor of rank 0, which is differentiated through.

    Raises:
        ShapeError: for widths that do not fit the axes or are negative, or an empty axis in a mode
            that needs an element.

    >>> x = ops.asarray([1, 2, 3])
    >>> pad(x, 1), pad(x, (2, 0), "reflect")
    (Tensor([0, 1, 2, 3, 0], int64), Tensor([3, 2, 1, 2, 3], int64))
    >>> pad(ops.zeros((2, 3)), ((0, 0), (1, 2))).shape
    (2, 6)
    """
    if mode not in _MODES:
        raise ValueError(f"pad: mode is one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    tensor = to_tensor("pad", x)
    pairs = _pairs(widths, tensor.ndim)
    if all(is_fixed(w, 0) for pair in pairs for w in pair):
        return tensor
    if mode == "constant":
        return _pad_constant(tensor, pairs, value)
    for axis, (before, after) in enumerate(pairs):
        if not (is_fixed(before, 0) and is_fixed(after, 0)):
            size = tensor.shape[axis]
            index = pad_index_p.bind(size=size, before=before, after=after, mode=mode)
            tensor = ops.take(tensor, index, axis=axis)
    return tensor


def _pairs(widths: Any, ndim: int) -> list[tuple[Dimension, Dimension]]:
    if not isinstance(widths, (list, tuple)):
        (both,) = as_shape(widths)
        return [(both, both)] * ndim
    if len(widths) == 2 and not any(isinstance(w, (list, tuple)) for w in widths):
        before, after = as_shape(widths)
        return [(before, after)] * ndim
    pairs = []
    for pair in widths:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise ShapeError(
                f"widths are one (before, after) for each axis, or one pair or number for all; "
                f"got {widths}"
            )
        before, after = as_shape(pair)
        pairs.append((before, after))
    if len(pairs) != ndim:
        raise ShapeError(f"{len(pairs)} pairs of widths do not fit {ndim} axes")
    return pairs


def _pad_constant(x: Tensor, pairs: list[tuple[Dimension, Dimension]], value: Any) -> Tensor:
    given = as_operand("pad", value)
    if isinstance(given, Tensor) and given.ndim != 0:
        raise ShapeError(f"the value must have rank 0, got shape {given.shape}")
    common = (
        dtypes.promote(x.dtype, given.dtype)
        if isinstance(given, Tensor)
        else dtypes.with_scalar(x.dtype, given)
    )
    if common != x.dtype and not (type(given) is int and given == 0):  # False is such a zero
        raise DTypeError(f"a value that needs {common} does not fit {x.dtype}: use .astype(...)")
    index = tuple(
        [
            WHOLE if is_fixed(before, 0) and is_fixed(after, 0) else (before, before + n, None)
            for n, (before, after) in zip(x.shape, pairs, strict=True)
        ]
    )
    shape: Any = tuple(
        [before + n + after for n, (before, after) in zip(x.shape, pairs, strict=True)]
    )
    if not isinstance(given, Tensor):
        out: Tensor = embed_p.bind(x, index=index, shape=shape, value=given)
        return out
    inside = ops.zeros(x.shape, dtype=dtypes.bool_)
    outside = embed_p.bind(inside, index=index, shape=shape, value=True)
    padded = embed_p.bind(x, index=index, shape=shape, value=0)
    return ops.where(outside, ops.astype(given, x.dtype), padded)
