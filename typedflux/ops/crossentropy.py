"""The cross-entropy of logits with labels, and what labels pick: fused, for every training step.

The losses' backward pass needs the softmax, so the forward pass that is differentiated keeps it:
one exponential for both. The gradient is `(softmax - one_hot) * g`, without one-hot vectors.

Labels are integers of the shape of the other operand without its axis of classes, `axis`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import Shape, TensorType
from typedflux.ops.families import check_domain
from typedflux.shapes.dims import Dimension, format_shape, require_equal
from typedflux.shapes.errors import AxisError, ShapeError
from typedflux.tensor import Tensor

Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]

FEW: Final = 64
"""Up to so many classes are put before the rows: numpy reduces over a short last axis slowly."""


def _check_labels(shape: Shape, labels: TensorType, axis: int) -> None:
    check_domain(labels.dtype, dtypes.Integer)
    kept = shape[:axis] + shape[axis + 1 :]
    why = (
        f"labels of shape '{format_shape(labels.shape)}' do not fit shape '{format_shape(shape)}' "
        f"without its axis {axis} of classes"
    )
    if len(kept) != labels.ndim:
        raise ShapeError(why)
    for a, b in zip(labels.shape, kept, strict=True):
        require_equal(a, b, why)


def _check_range(labels: Array, size: int) -> None:
    if not labels.size:
        return
    # Without their sign, numbers below 0 are the largest: one pass finds both.
    if np.maximum.reduce(labels.view(f"u{labels.itemsize}"), axis=None) >= size:
        low, high = labels.min(), labels.max()
        worst = low if low < 0 else high
        known = f"labels are 0 to {size - 1}" if size else "the axis of classes is empty"
        raise AxisError(f"there is no class {worst} among {size}: {known}")


def _places(labels: Array, axis: int) -> tuple[Any, ...]:
    """The numpy index of the label's element for each label."""
    if labels.ndim == 1:
        rows: list[Any] = [np.arange(labels.size)]
    else:
        rows = list(np.ogrid[tuple([slice(n) for n in labels.shape])])
    rows.insert(axis, labels)
    return tuple(rows)


def _batched(inputs: Operands, axes: Sequence[int | None]) -> list[Tensor]:
    """All operands with the batch axis in front."""
    size = next(x.shape[a] for x, a in zip(inputs, axes, strict=True) if a is not None)
    return [
        ops.broadcast_to(x, (size, *x.shape)) if a is None else ops.moveaxis(x, a, 0)
        for x, a in zip(inputs, axes, strict=True)
    ]


# Picking an element by its label, and its transpose


def _pick_kernel(x: Array, labels: Array, *, axis: int) -> Array:
    _check_range(labels, x.shape[axis])
    return np.asarray(x[_places(labels, axis)])


def _pick_shape(x: TensorType, labels: TensorType, *, axis: int) -> TensorType:
    _check_labels(x.shape, labels, axis)
    return TensorType(x.dtype, x.shape[:axis] + x.shape[axis + 1 :])


def _pick_vjp(out: Tensor, x: Tensor, labels: Tensor, *, axis: int) -> Pullbacks:
    size: Any = x.shape[axis]
    return (lambda g: place_labels_p.bind(g, labels, size=size, axis=axis), None)


def _pick_batch(
    inputs: Operands, axes: Sequence[int | None], *, axis: int
) -> tuple[Tensor, int]:  # fmt: skip
    return pick_labels_p.bind(*_batched(inputs, axes), axis=axis + 1), 0


pick_labels_p: Primitive = Primitive(
    "pick_labels",
    _pick_kernel,
    _pick_shape,
    _pick_vjp,
    lambda out, inputs, tangents, *, axis: pick_labels(tangents[0], inputs[1], axis),
    _pick_batch,
    Lowering("gather", "pick_labels"),
)


def pick_labels(x: Tensor, labels: Tensor, axis: int) -> Tensor:
    """The elements of `x` at `labels` along `axis`, a number of 0 or more, which is dropped.

    Raises:
        AxisError: for a label that is no class.

    >>> pick_labels(ops.asarray([[0.1, 0.9], [0.7, 0.3]]), ops.asarray([1, 0]), 1)
    Tensor([0.9, 0.7], float32)
    """
    out: Tensor = pick_labels_p.bind(x, labels, axis=axis)
    return out


def _place_kernel(g: Array, labels: Array, *, size: int, axis: int) -> Array:
    _check_range(labels, size)
    out = np.zeros((*g.shape[:axis], size, *g.shape[axis:]), g.dtype)
    out[_places(labels, axis)] = g
    return out


def _place_shape(g: TensorType, labels: TensorType, *, size: Dimension, axis: int) -> TensorType:
    shape = (*g.shape[:axis], size, *g.shape[axis:])
    _check_labels(shape, labels, axis)
    return TensorType(g.dtype, shape)


def _place_batch(
    inputs: Operands, axes: Sequence[int | None], *, size: Dimension, axis: int
) -> tuple[Tensor, int]:
    return place_labels_p.bind(*_batched(inputs, axes), size=size, axis=axis + 1), 0


place_labels_p: Primitive = Primitive(
    "place_labels",
    _place_kernel,
    _place_shape,
    lambda out, g, labels, *, size, axis: (lambda c: pick_labels(c, labels, axis), None),
    lambda out, inputs, tangents, **params: place_labels_p.bind(tangents[0], inputs[1], **params),
    _place_batch,
    Lowering("scatter", "place_labels"),
)


# (weights - one_hot(labels)) * g


def _subtract_kernel(weights: Array, labels: Array, g: Array, *, axis: int) -> Array:
    out: Array = weights * np.expand_dims(g, axis)
    out[_places(labels, axis)] -= g
    return out


def _subtract_shape(
    weights: TensorType, labels: TensorType, g: TensorType, *, axis: int
) -> TensorType:
    _check_labels(weights.shape, labels, axis)
    return weights


def _subtract_vjp(
    out: Tensor, weights: Tensor, labels: Tensor, g: Tensor, *, axis: int
) -> Pullbacks:
    def to_g(c: Tensor) -> Tensor:
        return ops.sum(c * weights, axis=axis) - pick_labels(c, labels, axis)

    return (lambda c: c * ops.expand_dims(g, axis=axis), None, to_g)


def _subtract_jvp(
    out: Tensor, inputs: Operands, tangents: Tangents, *, axis: int
) -> Tensor | None:  # fmt: skip
    weights, labels, g = inputs
    t_weights, _, t_g = tangents
    total: Tensor | None = None
    if t_weights is not None:
        total = t_weights * ops.expand_dims(g, axis=axis)
    if t_g is not None:
        part: Tensor = subtract_labels_p.bind(weights, labels, t_g, axis=axis)
        total = part if total is None else total + part
    return total


def _subtract_batch(
    inputs: Operands, axes: Sequence[int | None], *, axis: int
) -> tuple[Tensor, int]:  # fmt: skip
    return subtract_labels_p.bind(*_batched(inputs, axes), axis=axis + 1), 0


subtract_labels_p: Primitive = Primitive(
    "subtract_labels",
    _subtract_kernel,
    _subtract_shape,
    _subtract_vjp,
    _subtract_jvp,
    _subtract_batch,
    Lowering("scatter", "subtract_labels"),
)


# The cross-entropy


def _by_class(x: Array, axis: int) -> tuple[Array, bool]:
    """`x` as three axes with that of classes in the middle: `"before classes after"`, or, where
    classes are few and last, the copy `"1 classes rows"`; and whether it is that."""
    size = x.shape[axis]
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    if axis == x.ndim - 1 and size <= FEW:
        return np.array(x.reshape(before, size).T, order="C")[None], True
    return x.reshape(before, size, after), False


def _losses(x: Array, labels: Array, axis: int) -> tuple[Array, Array, Array, bool]:
    """The losses; the exponentials by class, less than 1, and their sums; the order of axes."""
    _check_range(labels, x.shape[axis])
    # Two-byte floats have too few digits for a sum of exponentials.
    z, turned = _by_class(x.astype(np.float32) if x.dtype.itemsize < 4 else x, axis)
    peak = np.maximum.reduce(z, axis=1, keepdims=True, initial=-np.inf)
    if not np.isfinite(peak).all():
        peak = np.where(np.isfinite(peak), peak, z.dtype.type(0))
    z = np.subtract(z, peak, out=z if turned else None)
    rows, _, columns = z.shape
    at = labels.reshape(rows, columns)
    picked = z[np.arange(rows)[:, None], at, np.arange(columns)]
    np.exp(z, out=z)
    total = np.add.reduce(z, axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - picked
    return losses.reshape(labels.shape).astype(x.dtype, copy=False), z, total, turned


def _kernel(x: Array, labels: Array, *, axis: int) -> Array:
    return _losses(x, labels, axis)[0]


def _with_weights_kernel(x: Array, labels: Array, *, axis: int) -> tuple[Array, Array]:
    losses, z, total, turned = _losses(x, labels, axis)
    z /= total
    weights = (z[0].T if turned else z).reshape(x.shape)
    return losses, weights.astype(x.dtype, copy=False)


def _shape(x: TensorType, labels: TensorType, *, axis: int) -> TensorType:
    check_domain(x.dtype, dtypes.Float)
    return _pick_shape(x, labels, axis=axis)


def _with_weights_shape(
    x: TensorType, labels: TensorType, *, axis: int
) -> tuple[TensorType, TensorType]:
    return _shape(x, labels, axis=axis), x


def _with_weights_vjp(
    out: tuple[Tensor, Tensor], x: Tensor, labels: Tensor, *, axis: int
) -> Pullbacks:
    weights = out[1]

    def to_x(g: tuple[Tensor, Tensor]) -> Tensor:
        to_loss: Tensor = subtract_labels_p.bind(weights, labels, g[0], axis=axis)
        return to_loss + _centred(weights, g[1], axis)

    return (to_x, None)


def _centred(weights: Tensor, t: Tensor, axis: int) -> Tensor:
    """The derivative of the softmax `weights` times `t`; the matrix of derivatives is symmetric."""
    weighted = weights * t
    return weighted - weights * ops.sum(weighted, axis=axis, keepdims=True)


def _with_weights_jvp(
    out: tuple[Tensor, Tensor], inputs: Operands, tangents: Tangents, *, axis: int
) -> tuple[Tensor, Tensor] | None:
    t = tangents[0]
    if t is None:
        return None
    slope = ops.sum(out[1] * t, axis=axis) - pick_labels(t, inputs[1], axis)
    return slope, _centred(out[1], t, axis)


def _with_weights_batch(
    inputs: Operands, axes: Sequence[int | None], *, axis: int
) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
    return with_weights_p.bind(*_batched(inputs, axes), axis=axis + 1), (0, 0)


with_weights_p: Primitive = Primitive(
    "logitcrossentropy_with_weights",
    _with_weights_kernel,
    _with_weights_shape,
    _with_weights_vjp,
    _with_weights_jvp,
    _with_weights_batch,
    Lowering("reduction", "logitcrossentropy_with_weights"),
    multiple=True,
)


class _LogitCrossEntropy(Primitive):
    """Keeps the softmax of the logits instead of them."""

    __slots__ = ()

    def linearize(self, args: Sequence[Tensor], params: dict[str, Any]) -> tuple[Any, Pullbacks]:
        x, labels = args
        losses, weights = with_weights_p.bind(x, labels, **params)
        return losses, (lambda g: subtract_labels_p.bind(weights, labels, g, **params), None)


def _jvp(out: Tensor, inputs: Operands, tangents: Tangents, *, axis: int) -> Tensor | None:
    t = tangents[0]
    if t is None:
        return None
    weights = ops.softmax(inputs[0], axis=axis)
    return ops.sum(weights * t, axis=axis) - pick_labels(t, inputs[1], axis)


def _batch(inputs: Operands, axes: Sequence[int | None], *, axis: int) -> tuple[Tensor, int]:
    return logitcrossentropy_p.bind(*_batched(inputs, axes), axis=axis + 1), 0


logitcrossentropy_p: Primitive = _LogitCrossEntropy(
    "logitcrossentropy",
    _kernel,
    _shape,
    None,
    _jvp,
    _batch,
    Lowering("reduction", "logitcrossentropy"),
)
