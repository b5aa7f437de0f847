"""What all losses share: operands of one shape, labels, and how one number is made of many."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from typedflux import dtypes, ops
from typedflux.dtypes import DType, DTypeSet
from typedflux.ops.crossentropy import pick_labels
from typedflux.ops.families import check_domain, same_shape
from typedflux.ops.interchange import to_tensor
from typedflux.ops.loss_terms import weighted
from typedflux.shapes.dims import is_fixed, require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Tensor, TensorLike

Aggregate: TypeAlias = Callable[[Tensor], Any]
"""From the losses of the elements to the result: `flux.mean`, `flux.sum`, `flux.identity`, or a
function of one's own, as `lambda each: flux.mean(weights * each)`."""


def aggregate(agg: Aggregate, each: Tensor) -> Tensor:
    """`agg` of the losses of the elements.

    Raises:
        TypeError: when it is no function.
    """
    if not callable(agg):
        raise TypeError(
            f"agg is a function of the losses of the elements, such as flux.mean, flux.sum or "
            f"flux.identity, got {agg!r:.80}"
        )
    out: Tensor = agg(each)
    return out


def paired(
    name: str, prediction: TensorLike, target: TensorLike, domain: DTypeSet = dtypes.Float
) -> tuple[Tensor, Tensor]:
    """Prediction and target as tensors of one shape; integers and booleans become floats.

    A loss does not broadcast: a batch of predictions against a column of targets would compare each
    with all, silently.

    Raises:
        ShapeError: where the shapes differ.
        DTypeError: where a dtype is outside `domain`.
    """
    x, y = to_tensor(name, prediction), to_tensor(name, target)
    if not same_shape(x.shape, y.shape):
        _require_one_shape(x, y)
    if not x.dtype.is_inexact:
        x = ops.astype(x, dtypes.to_inexact(x.dtype))  # type: ignore[arg-type]
    if not y.dtype.is_inexact:
        y = ops.astype(y, x.dtype)
    check_domain(x.dtype, domain)
    check_domain(y.dtype, domain)
    return x, y


def _require_one_shape(x: Tensor, y: Tensor) -> None:
    why = "prediction and target must have one shape, because a loss does not broadcast"
    if x.ndim != y.ndim:
        raise ShapeError(f"{why}: their ranks are {x.ndim} and {y.ndim}{_what_fits(x, y)}")
    for i, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)):
        require_equal(a, b, f"{why}: axis {i} is {a} in one, {b} in the other")


def _what_fits(x: Tensor, y: Tensor) -> str:
    """How two operands of unequal rank get one shape."""
    for one, other, name in ((x, y, "the prediction"), (y, x, "the target")):
        if one.ndim == other.ndim + 1 and is_fixed(one.shape[-1], 1):
            return f"; take the last axis, of size 1, off {name} with [..., 0]"
    return ", so reshape one of them"


def scores_and_target(
    name: str, scores: TensorLike, target: TensorLike, axis: int
) -> tuple[Tensor, Tensor, bool, int]:
    """Scores of classes along `axis` with their target, whether that holds integer labels, and the
    axis from the front. Labels have the scores' shape without the axis, else a target has theirs.

    Raises:
        ShapeError: where the shapes do not fit.
        DTypeError: for labels that are no integers.
    """
    x, y = to_tensor(name, scores), to_tensor(name, target)
    axis = normalize_axis(axis, x.ndim)
    if not y.dtype.is_integer:
        if y.ndim == x.ndim - 1:
            raise DTypeError(
                f"the target holds {y.dtype} numbers without an axis of classes: labels are "
                "integers, as target.astype(flux.int64)"
            )
        return *paired(name, x, y), False, axis
    if not x.dtype.is_inexact:
        x = ops.astype(x, dtypes.to_inexact(x.dtype))  # type: ignore[arg-type]
    check_domain(x.dtype, dtypes.Float)
    kept = x.shape[:axis] + x.shape[axis + 1 :]
    if not same_shape(y.shape, kept):
        _require_labels(x, y, axis)
    return x, y, True, axis


def _require_labels(x: Tensor, y: Tensor, axis: int) -> None:
    kept = x.shape[:axis] + x.shape[axis + 1 :]
    why = f"integer labels must have the shape of the prediction without its axis {axis} of classes"
    if y.ndim == x.ndim and same_shape(x.shape, y.shape):
        why += "; for probabilities or one-hot vectors give floats: target.astype(flux.float32)"
    if y.ndim != len(kept):
        raise ShapeError(f"{why}: {len(kept)} axes, not {y.ndim}")
    for i, (a, b) in enumerate(zip(y.shape, kept, strict=True)):
        require_equal(a, b, f"{why}: axis {i} of the labels is {a}, where {b} is wanted")


def negative_log(logs: Tensor, target: Tensor, labelled: bool, axis: int) -> Tensor:
    """Minus the logarithm of the target's probability: at the label, or the mean over classes."""
    if labelled:
        return -pick_labels(logs, target, axis)
    return -ops.sum(weighted(target, logs), axis=axis)


def epsilon(eps: float | None, x: Tensor) -> float:
    """`eps`, by default the distance from 1 to the next number of the tensor's dtype.

    >>> epsilon(None, ops.asarray(1.0)) == 2.0**-23
    True
    """
    return _spacing(x.dtype) if eps is None else eps


@functools.cache
def _spacing(dtype: DType | DTypeSet) -> float:
    # A set of dtypes comes from the type checker, which asks for no values.
    return ops.finfo(dtype).eps if isinstance(dtype, DType) else 2.0**-23


def require_positive(name: str, value: float) -> None:
    """Raise `ValueError` unless a setting is above 0."""
    if not value > 0:
        raise ValueError(f"{name} is a number above 0, got {value!r}")


def require_not_negative(name: str, value: float) -> None:
    """Raise `ValueError` unless a setting is 0 or more."""
    if not value >= 0:
        raise ValueError(f"{name} is a number of 0 or more, got {value!r}")
