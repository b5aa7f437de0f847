"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive, Pullbacks
from typedflux.core.types import TensorType
from typedflux.ops.families import check_domain, elementwise, promote_operands
from typedflux.ops.reductions import reduction, restore_axes
from typedflux.ops.reporting import axes_of, axis_of
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Axis, Tensor, TensorLike

if TYPE_CHECKING:
    from typedflux.ops.random import Generator

Operands = Sequence[Tensor]
Tangents = Sequence[Tensor | None]


def _shape(x: TensorType, *, axis: int) -> TensorType:
    check_domain(x.dtype, dtypes.Float)
    return x


def _along_axis(name: str, kernel: Any, vjp: Any, jvp: Any) -> Primitive:
    """A primitive that keeps the shape and works along one axis."""

    def batch(inputs: Operands, axes: Sequence[int | None], *, axis: int) -> tuple[Tensor, int]:
        x = ops.moveaxis(inputs[0], axes[0] or 0, 0)
        return primitive.bind(x, axis=axis + 1), 0

    primitive = Primitive(name, kernel, _shape, vjp, jvp, batch, Lowering("reduction", name))
    return primitive


def _shifted(x: Array, axis: int | tuple[int, ...]) -> tuple[Array, Array]:
    """`x` less its largest value along the axis, and that value, 0 where it is infinite."""
    peak = np.max(x, axis=axis, keepdims=True, initial=-np.inf).astype(x.dtype, copy=False)
    peak = np.where(np.isfinite(peak), peak, x.dtype.type(0))
    return x - peak, peak


def _softmax_kernel(x: Array, *, axis: int) -> Any:
    shifted, _ = _shifted(x, axis)
    weights = np.exp(shifted, out=shifted)
    weights /= np.add.reduce(weights, axis=axis, keepdims=True)
    return weights


def _softmax_vjp(out: Tensor, x: Tensor, *, axis: int) -> Pullbacks:
    def pullback(g: Tensor) -> Tensor:
        weighted = g * out
        return weighted - out * ops.sum(weighted, axis=axis, keepdims=True)

    return (pullback,)


def _softmax_jvp(out: Tensor, inputs: Operands, tangents: Tangents, *, axis: int) -> Tensor | None:
    if tangents[0] is None:
        return None
    weighted = tangents[0] * out
    return weighted - out * ops.sum(weighted, axis=axis, keepdims=True)


softmax_p = _along_axis("softmax", _softmax_kernel, _softmax_vjp, _softmax_jvp)


def softmax(x: TensorLike, /, *, axis: int = -1) -> Tensor:
    """`exp(x)` divided by its sum along `axis`, without overflow.

    >>> softmax(ops.asarray([1000.0, 1000.0]))
    Tensor([0.5, 0.5], float32)
    """
    (x,) = promote_operands("softmax", (x,), dtypes.Float, True)
    out: Tensor = softmax_p.bind(x, axis=axis_of("softmax", x, axis))
    return out


def softmin(x: TensorLike, /, *, axis: int = -1) -> Tensor:
    """`softmax(-x)`."""
    (x,) = promote_operands("softmin", (x,), dtypes.Float, True)
    return softmax(ops.negative(x), axis=axis)


straight_through_p = elementwise("straight_through", lambda x, y: y, (1, None))


def gumbel_softmax(
    logits: TensorLike,
    /,
    *,
    temperature: TensorLike = 1.0,
    hard: bool = False,
    axis: int = -1,
    rng: Generator | None = None,
) -> Tensor:
    """Samples of the Gumbel-softmax, or concrete, distribution along `axis` (Jang et al., 2017;
    Maddison et al., 2017): `softmax((logits + gumbel noise) / temperature)`, differentiable by
    `logits` and `temperature`.

    The lower the temperature, the closer to one-hot vectors drawn with the probabilities
    `softmax(logits)`. With `hard` the result is such a vector exactly, and its derivatives are
    those of the soft sample.

    >>> y = gumbel_softmax(ops.asarray([0.0, 0.0, 100.0]), hard=True)
    >>> y
    Tensor([0., 0., 1.], float32)
    """
    (x,) = promote_operands("gumbel_softmax", (logits,), dtypes.Float, inexact=True)
    noise = ops.gumbel(x.shape, dtype=x.dtype, rng=rng)
    soft = softmax((x + noise) / temperature, axis=axis)
    if not hard:
        return soft
    place = normalize_axis(axis, x.ndim)
    chosen = ops.one_hot(ops.argmax(soft, axis=place), x.shape[place], dtype=soft.dtype)
    return straight_through_p.apply(soft, ops.moveaxis(chosen, -1, place))


def _logsoftmax_kernel(x: Array, *, axis: int) -> Any:
    shifted, _ = _shifted(x, axis)
    shifted -= np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))
    return shifted


def _logsoftmax_vjp(out: Tensor, x: Tensor, *, axis: int) -> Pullbacks:
    return (lambda g: g - ops.exp(out) * ops.sum(g, axis=axis, keepdims=True),)


def _logsoftmax_jvp(
    out: Tensor, inputs: Operands, tangents: Tangents, *, axis: int
) -> Tensor | None:
    t = tangents[0]
    return None if t is None else t - ops.sum(t * ops.exp(out), axis=axis, keepdims=True)


logsoftmax_p = _along_axis("logsoftmax", _logsoftmax_kernel, _logsoftmax_vjp, _logsoftmax_jvp)


def logsoftmax(x: TensorLike, /, *, axis: int = -1) -> Tensor:
    """`log(softmax(x))` along `axis`, without overflow or loss of small values."""
    (x,) = promote_operands("logsoftmax", (x,), dtypes.Float, True)
    out: Tensor = logsoftmax_p.bind(x, axis=axis_of("logsoftmax", x, axis))
    return out


def _logsumexp_kernel(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    shifted, peak = _shifted(x, axis)
    total = np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True)) + peak
    return total if keepdims else total.squeeze(axis)


def _logsumexp_vjp(out: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Pullbacks:
    def pullback(g: Tensor) -> Tensor:
        weights = ops.exp(x - restore_axes(out, x.shape, axis, keepdims))
        return restore_axes(g, x.shape, axis, keepdims) * weights

    return (pullback,)


def _logsumexp_jvp(
    out: Tensor, inputs: Operands, tangents: Tangents, *, axis: tuple[int, ...], keepdims: bool
) -> Tensor | None:
    if tangents[0] is None:
        return None
    x = inputs[0]
    weights = ops.exp(x - restore_axes(out, x.shape, axis, keepdims))
    return ops.sum(tangents[0] * weights, axis=axis, keepdims=keepdims)


logsumexp_p = reduction(
    "logsumexp", _logsumexp_kernel, _logsumexp_vjp, _logsumexp_jvp, domain=dtypes.Float
)


def logsumexp(x: TensorLike, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` over `axis` (all axes by default), without overflow."""
    (x,) = promote_operands("logsumexp", (x,), dtypes.Float, True)
    out: Tensor = logsumexp_p.bind(x, axis=axes_of("logsumexp", x, axis), keepdims=keepdims)
    return out


def normalise(x: TensorLike, /, *, axis: Axis = -1, eps: float = 1e-5) -> Tensor:
    """`x` with mean 0 and variance 1 over `axis`: `(x - mean) / sqrt(var + eps)`."""
    (x,) = promote_operands("normalise", (x,), dtypes.Float, True)
    centred = x - ops.mean(x, axis=axis, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=axis, keepdims=True) + eps)
