"""Losses of masks, by how much of them overlaps: for the segmentation of images.

By default all masks of a batch count as one. With `axis` each is compared by itself: for
`"batch h w"`, `axis=(1, 2)` gives a loss for each image, of which `agg` makes the result.
"""

from __future__ import annotations

from typedflux import ops
from typedflux.losses.common import Aggregate, aggregate, paired, require_not_negative
from typedflux.ops.reporting import reports
from typedflux.tensor import Axis, Tensor


@reports("dice_coeff_loss")
def dice_coeff_loss(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, smooth: float = 1.0,
    axis: Axis = None,
) -> Tensor:  # fmt: skip
    """One less the soft coefficient of Dice (1945): `1 - (2 * sum(prediction * target) + smooth) /
    (sum(prediction**2) + sum(target**2) + smooth)`.

    Milletari, Navab and Ahmadi, "V-Net", 2016.

    Args:
        prediction: how sure each element is in the mask, from 0 to 1.
        target: 0 or 1 (booleans will do), of the same shape.
        agg: makes the result of the losses of masks.
        smooth: 0 or more; above 0, two empty masks are the same.
        axis: those of one mask, by default all.

    Raises:
        ShapeError: when the shapes differ.
        ValueError: for a negative `smooth`.

    >>> import typedflux as flux
    >>> mask = flux.asarray([[1.0, 1.0], [0.0, 0.0]])
    >>> flux.dice_coeff_loss(mask, mask), flux.dice_coeff_loss(1 - mask, mask)
    (Tensor(0., float32), Tensor(0.8, float32))
    """
    require_not_negative("dice_coeff_loss: smooth", smooth)
    x, y = paired("dice_coeff_loss", prediction, target)
    common = ops.sum(x * y, axis=axis)
    sizes = ops.sum(ops.square(x), axis=axis) + ops.sum(ops.square(y), axis=axis)
    return aggregate(agg, 1 - (2 * common + smooth) / (sizes + smooth))


@reports("tversky_loss")
def tversky_loss(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, beta: float = 0.7,
    smooth: float = 1.0, axis: Axis = None,
) -> Tensor:  # fmt: skip
    """One less the index of Tversky (1977): `1 - (TP + smooth) / (TP + beta * FN + (1 - beta) * FP
    + smooth)` with TP = `sum(prediction * target)`, FN = `sum((1 - prediction) * target)` and
    FP = `sum(prediction * (1 - target))`.

    Salehi, Erdogmus and Gholipour, "Tversky loss function for image segmentation", 2017.

    Args:
        prediction: how sure each element is in the mask, from 0 to 1.
        target: 0 or 1 (booleans will do), of the same shape.
        agg: makes the result of the losses of masks.
        beta: from 0 to 1: how much more what is missed counts than what is wrongly found.
        smooth: 0 or more; above 0, two empty masks are the same.
        axis: those of one mask, by default all.

    Raises:
        ShapeError: when the shapes differ.
        ValueError: when `beta` is not from 0 to 1, and for a negative `smooth`.

    >>> import typedflux as flux
    >>> mask, nothing = flux.ones(3), flux.zeros(3)
    >>> missed = flux.tversky_loss(nothing, mask, beta=1.0)
    >>> missed, flux.tversky_loss(mask, nothing, beta=1.0)
    (Tensor(0.75, float32), Tensor(0., float32))
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"tversky_loss: beta is from 0 to 1, got {beta!r}")
    require_not_negative("tversky_loss: smooth", smooth)
    x, y = paired("tversky_loss", prediction, target)
    found = ops.sum(x * y, axis=axis)
    missed, wrong = ops.sum((1 - x) * y, axis=axis), ops.sum(x * (1 - y), axis=axis)
    whole = found + beta * missed + (1 - beta) * wrong
    return aggregate(agg, 1 - (found + smooth) / (whole + smooth))
