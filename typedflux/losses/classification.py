"""Losses of classes, in which the target holds integer labels or probabilities.

Labels have the shape of the prediction without its axis of classes (`"*batch"` for
`"*batch classes"`; with `axis=1`, `"batch h w"` for `"batch classes h w"`); probabilities, one-hot
vectors among them, have the prediction's shape.
"""

from __future__ import annotations

from typedflux import ops
from typedflux.losses.common import (
    Aggregate,
    aggregate,
    epsilon,
    negative_log,
    paired,
    require_not_negative,
    scores_and_target,
)
from typedflux.ops.crossentropy import logitcrossentropy_p, pick_labels
from typedflux.ops.interchange import to_tensor
from typedflux.ops.loss_terms import logit_term, weighted
from typedflux.ops.reporting import reports
from typedflux.shapes.errors import DTypeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Tensor


@reports("logitcrossentropy")
def logitcrossentropy(
    logits: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1
) -> Tensor:
    """The cross-entropy of `softmax(logits)`, exact where that would be 0 or 1.

    Args:
        logits: `"*batch classes"`; a class whose logit is -inf has probability 0.
        target: integer labels `"*batch"`, or probabilities `"*batch classes"`.
        agg: makes the result of the losses `"*batch"`.
        axis: that of the classes.

    Raises:
        ShapeError: when the shapes do not fit.
        AxisError: for a label that is no class.

    >>> import typedflux as flux
    >>> logits = flux.asarray([[0.0, 0.0], [1000.0, 0.0]])
    >>> flux.logitcrossentropy(logits, flux.asarray([1, 0]), agg=flux.identity)
    Tensor([0.6931472, 0.       ], float32)
    >>> flux.logitcrossentropy(logits, flux.asarray([[0.5, 0.5], [1.0, 0.0]]), agg=flux.sum)
    Tensor(0.6931472, float32)
    """
    x, y, labelled, place = scores_and_target("logitcrossentropy", logits, target, axis)
    if labelled:
        return aggregate(agg, logitcrossentropy_p.bind(x, y, axis=place))
    return aggregate(agg, negative_log(ops.logsoftmax(x, axis=place), y, False, place))


@reports("crossentropy")
def crossentropy(
    probabilities: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1,
    eps: float | None = None,
) -> Tensor:  # fmt: skip
    """The cross-entropy `-sum(target * log(probabilities + eps))`; where the probabilities come of
    a softmax, `logitcrossentropy` without it is faster and more exact.

    Args:
        probabilities: `"*batch classes"`.
        target: integer labels `"*batch"`, or probabilities `"*batch classes"`.
        agg: makes the result of the losses `"*batch"`.
        axis: that of the classes.
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes do not fit.
        AxisError: for a label that is no class.

    >>> import typedflux as flux
    >>> flux.crossentropy(flux.asarray([[0.25, 0.75]]), flux.asarray([0])).item()  # -log(1/4)
    1.38629...
    """
    p, y, labelled, place = scores_and_target("crossentropy", probabilities, target, axis)
    if labelled:
        return aggregate(agg, -ops.log(pick_labels(p, y, place) + epsilon(eps, p)))
    return aggregate(agg, negative_log(ops.log(p + epsilon(eps, p)), y, False, place))


@reports("binarycrossentropy")
def binarycrossentropy(
    probability: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, eps: float | None = None
) -> Tensor:
    """The cross-entropy of one probability p for each target t from 0 to 1:
    `-t * log(p + eps) - (1 - t) * log(1 - p + eps)`.

    Args:
        probability: from 0 to 1, of any shape.
        target: 0 or 1 (booleans will do), or anything between, of the same shape.
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> flux.binarycrossentropy(flux.asarray([0.5, 1.0]), flux.asarray([True, True])).item()
    0.34657...
    """
    p, y = paired("binarycrossentropy", probability, target)
    small = epsilon(eps, p)
    yes, no = ops.log(p + small), ops.log((1 - p) + small)
    return aggregate(agg, -weighted(y, yes) - weighted(1 - y, no))


@reports("logitbinarycrossentropy")
def logitbinarycrossentropy(logit: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The cross-entropy of the probability `sigmoid(logit)` for each target from 0 to 1, exact
    where that would be 0 or 1.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> logits = flux.asarray([0.0, 1000.0, 1000.0])
    >>> flux.logitbinarycrossentropy(logits, flux.asarray([1, 1, 0]), agg=flux.identity)
    Tensor([6.931472e-01, 0.000000e+00, 1.000000e+03], float32)
    """
    x, y = paired("logitbinarycrossentropy", logit, target)
    return aggregate(agg, logit_term(x, y))


@reports("kldivergence")
def kldivergence(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, axis: int = -1,
    eps: float | None = None,
) -> Tensor:  # fmt: skip
    """The divergence of the predicted distribution from the target's along `axis`:
    `sum(target * (log(target) - log(prediction + eps)))`. It is 0 where they are the same.

    Kullback and Leibler, "On information and sufficiency", 1951.

    Args:
        prediction: probabilities `"*batch classes"`.
        target: probabilities of the same shape.
        agg: makes the result of the losses `"*batch"`.
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> flux.kldivergence(flux.asarray([[0.5, 0.5]]), flux.asarray([[1.0, 0.0]])).item()
    0.69314...
    """
    p, y = paired("kldivergence", prediction, target)
    place = normalize_axis(axis, p.ndim)
    cross = negative_log(ops.log(p + epsilon(eps, p)), y, False, place)
    return aggregate(agg, ops.sum(ops.xlogx(y), axis=place) + cross)


@reports("focal_loss")
def focal_loss(
    probabilities: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, gamma: float = 2.0,
    axis: int = -1, eps: float | None = None,
) -> Tensor:  # fmt: skip
    """Cross-entropy in which sure answers count less:
    `-sum(target * (1 - p)**gamma * log(p + eps))`; with `gamma=0` it is `crossentropy`.

    Lin et al., "Focal loss for dense object detection", 2017.

    Args:
        probabilities: `"*batch classes"`.
        target: integer labels `"*batch"`, or probabilities `"*batch classes"`.
        agg: makes the result of the losses `"*batch"`.
        gamma: 0 or more; the larger, the less sure answers count.
        axis: that of the classes.
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes do not fit.
        AxisError: for a label that is no class.
        ValueError: for a negative `gamma`.

    >>> import typedflux as flux
    >>> p = flux.asarray([[0.75, 0.25], [0.5, 0.5]])
    >>> flux.focal_loss(p, flux.asarray([0, 1]), agg=flux.identity).tolist()
    [0.01798..., 0.17328...]
    """
    require_not_negative("focal_loss: gamma", gamma)
    p, y, labelled, place = scores_and_target("focal_loss", probabilities, target, axis)
    if labelled:
        return aggregate(agg, _focal(pick_labels(p, y, place), gamma, eps))
    return aggregate(agg, ops.sum(weighted(y, _focal(p, gamma, eps)), axis=place))


@reports("binary_focal_loss")
def binary_focal_loss(
    probability: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, gamma: float = 2.0,
    eps: float | None = None,
) -> Tensor:  # fmt: skip
    """Binary cross-entropy in which sure answers count less: `-(1 - p)**gamma * log(p + eps)` with
    the probability `p = target * probability + (1 - target) * (1 - probability)` of the target.

    Lin et al., "Focal loss for dense object detection", 2017.

    Args:
        probability: from 0 to 1, of any shape.
        target: 0 or 1, of the same shape.
        gamma: 0 or more; the larger, the less sure answers count.
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes differ.
        ValueError: for a negative `gamma`.

    >>> import typedflux as flux
    >>> flux.binary_focal_loss(flux.asarray([0.5, 1.0]), flux.asarray([1, 1])).item()
    0.08664...
    """
    require_not_negative("binary_focal_loss: gamma", gamma)
    x, y = paired("binary_focal_loss", probability, target)
    return aggregate(agg, _focal(y * x + (1 - y) * (1 - x), gamma, eps))


def _focal(p: Tensor, gamma: float, eps: float | None) -> Tensor:
    small = epsilon(eps, p)
    each = -ops.log(p + small)
    # Where p is 1, or a rounding error above it, the power has no finite slope below gamma = 1.
    return ops.pow(ops.maximum(1 - p, small), gamma) * each if gamma else each


@reports("label_smoothing")
def label_smoothing(target: Tensor, alpha: float, *, axis: int | None = -1) -> Tensor:
    """A target that is less sure: `(1 - alpha) * target + alpha / classes`.

    Szegedy et al., "Rethinking the inception architecture for computer vision", 2016.

    Args:
        target: probabilities or one-hot vectors `"*batch classes"`.
        alpha: from 0 to 1: which share is spread over all classes.
        axis: that of the classes; `None` for a binary target, which has two: `"*shape"`.

    Raises:
        ValueError: when `alpha` is not from 0 to 1.
        DTypeError: for integers: labels must be made vectors first.

    >>> import typedflux as flux
    >>> flux.label_smoothing(flux.one_hot([1], 4), 0.2)
    Tensor([[0.05, 0.85, 0.05, 0.05]], float32)
    >>> flux.label_smoothing(flux.asarray([1.0, 0.0]), 0.5, axis=None)
    Tensor([0.75, 0.25], float32)
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"label_smoothing: alpha is from 0 to 1, got {alpha!r}")
    y = to_tensor("label_smoothing", target)
    if axis is None:
        if not y.dtype.is_inexact:
            y = ops.astype(y, "float32")
        return y * (1 - alpha) + alpha / 2
    if not y.dtype.is_floating:
        raise DTypeError(
            f"needs probabilities, got {y.dtype}: make labels vectors with "
            f"flux.one_hot(labels, classes)"
        )
    share = ops.full((), alpha, dtype=y.dtype) / y.shape[normalize_axis(axis, y.ndim)]
    return y * (1 - alpha) + share
