"""Losses: `loss(prediction, target, agg=flux.mean)`; shapes must match exactly.

`agg` makes one number of the losses of the elements: `flux.mean`, `flux.sum`, `flux.identity` or
any function of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typedflux import ops
from typedflux.core.primitive import type_of
from typedflux.shapes.dims import require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Tensor

Aggregate = Callable[[Tensor], Any]


def _match(name: str, prediction: Tensor, target: Tensor) -> None:
    """No silent broadcasting: a batch of predictions against a column of targets is an error."""

    def reason() -> str:
        return (
            f"{name}: prediction {type_of(prediction)} and target {type_of(target)} must have one "
            "shape"
        )

    if prediction.ndim != target.ndim:
        raise ShapeError(reason())
    for a, b in zip(prediction.shape, target.shape, strict=True):
        require_equal(a, b, reason)


def mse(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The squared error.

    >>> import typedflux as flux
    >>> mse(flux.asarray([1.0, 2.0]), flux.asarray([1.0, 4.0]))
    Tensor(2., float32)
    """
    _match("mse", prediction, target)
    return agg(ops.square(prediction - target))  # type: ignore[no-any-return]


def mae(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The absolute error."""
    _match("mae", prediction, target)
    return agg(ops.abs(prediction - target))  # type: ignore[no-any-return]


def huber_loss(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, delta: float = 1.0
) -> Tensor:
    """Quadratic within `delta`, linear beyond (Huber, 1964)."""
    _match("huber_loss", prediction, target)
    error = ops.abs(prediction - target)
    inner = ops.minimum(error, delta)
    return agg(inner * (error - inner * 0.5))  # type: ignore[no-any-return]


def _labelled(name: str, scores: Tensor, target: Tensor, axis: int) -> bool:
    """Whether the target holds integer labels; else it must be of the scores' shape."""
    if target.dtype.is_floating:
        _match(name, scores, target)
        return False
    if not target.dtype.is_integer:
        raise DTypeError(
            f"{name}: the target holds integer labels or probabilities, got {type_of(target)}"
        )
    kept = [n for i, n in enumerate(scores.shape) if i != axis]

    def reason() -> str:
        return (
            f"{name}: labels {type_of(target)} must have the shape of the prediction "
            f"{type_of(scores)} without its axis {axis} of classes"
        )

    if target.ndim != len(kept):
        raise ShapeError(reason())
    for a, b in zip(target.shape, kept, strict=True):
        require_equal(a, b, reason)
    return True


def _negative_log_likelihood(
    name: str, logs: Tensor, target: Tensor, axis: int, agg: Aggregate
) -> Tensor:
    place = normalize_axis(axis, logs.ndim)
    if _labelled(name, logs, target, place):
        picked = ops.take_along_axis(logs, ops.expand_dims(target, axis=place), axis=place)
        return agg(-ops.squeeze(picked, axis=place))  # type: ignore[no-any-return]
    return agg(-ops.sum(target * logs, axis=place))  # type: ignore[no-any-return]


def logitcrossentropy(
    logits: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1
) -> Tensor:
    """The cross-entropy of `softmax(logits)`: labels `"*batch"` or probabilities
    `"*batch classes"`.

    >>> import typedflux as flux
    >>> logitcrossentropy(flux.asarray([[0.0, 0.0]]), flux.asarray([1]))
    Tensor(0.6931472, float32)
    """
    logs = ops.logsoftmax(logits, axis=axis)
    return _negative_log_likelihood("logitcrossentropy", logs, target, axis, agg)


def crossentropy(
    probabilities: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1,
    eps: float = 1e-7,
) -> Tensor:  # fmt: skip
    """The cross-entropy of probabilities; `logitcrossentropy` is more exact where it serves."""
    logs = ops.log(ops.maximum(probabilities, eps))
    return _negative_log_likelihood("crossentropy", logs, target, axis, agg)


def binarycrossentropy(
    probability: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, eps: float = 1e-7
) -> Tensor:
    """The cross-entropy of one probability for each target from 0 to 1."""
    _match("binarycrossentropy", probability, target)
    yes, no = ops.log(probability + eps), ops.log((1 - probability) + eps)
    return agg(-(target * yes) - (1 - target) * no)  # type: ignore[no-any-return]


def logitbinarycrossentropy(logit: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The cross-entropy of `sigmoid(logit)` for each target from 0 to 1."""
    _match("logitbinarycrossentropy", logit, target)
    return agg((1 - target) * logit - ops.logsigmoid(logit))  # type: ignore[no-any-return]


def kldivergence(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1,
    eps: float = 1e-7,
) -> Tensor:  # fmt: skip
    """The divergence of the predicted distribution from the target's (Kullback, Leibler, 1951)."""
    _match("kldivergence", prediction, target)
    entropy = ops.sum(ops.xlogx(target), axis=axis)
    cross = ops.sum(target * ops.log(prediction + eps), axis=axis)
    return agg(entropy - cross)  # type: ignore[no-any-return]


def poisson_loss(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The Poisson likelihood's `prediction - target * log(prediction)`."""
    _match("poisson_loss", prediction, target)
    return agg(prediction - ops.xlogy(target, prediction))  # type: ignore[no-any-return]


def hinge_loss(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """`max(0, 1 - prediction * target)` for targets -1 and 1."""
    _match("hinge_loss", prediction, target)
    return agg(ops.relu(1 - prediction * target))  # type: ignore[no-any-return]
