"""Losses that are content with a margin."""

from __future__ import annotations

from typedflux import ops
from typedflux.losses.common import Aggregate, aggregate, paired, require_not_negative
from typedflux.ops.reporting import reports
from typedflux.tensor import Tensor


@reports("hinge_loss")
def hinge_loss(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """`max(0, 1 - prediction * target)` for targets -1 and 1: that of support vector machines.

    Args:
        prediction: scores of any shape; their sign is the class.
        target: -1 or 1, of the same shape.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> scores, target = flux.asarray([2.0, 0.5, -1.0]), flux.asarray([1, 1, 1])
    >>> flux.hinge_loss(scores, target, agg=flux.identity)
    Tensor([0. , 0.5, 2. ], float32)
    """
    x, y = paired("hinge_loss", prediction, target)
    return aggregate(agg, ops.relu(1 - x * y))


@reports("squared_hinge_loss")
def squared_hinge_loss(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """`max(0, 1 - prediction * target)**2` for targets -1 and 1; smooth, unlike `hinge_loss`.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> scores, target = flux.asarray([2.0, 0.5, -1.0]), flux.asarray([1, 1, 1])
    >>> flux.squared_hinge_loss(scores, target, agg=flux.identity)
    Tensor([0.  , 0.25, 4.  ], float32)
    """
    x, y = paired("squared_hinge_loss", prediction, target)
    return aggregate(agg, ops.square(ops.relu(1 - x * y)))


@reports("siamese_contrastive_loss")
def siamese_contrastive_loss(
    distance: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, margin: float = 1.0
) -> Tensor:
    """Brings pairs of a kind together and holds others apart:
    `(1 - target) * distance**2 + target * max(0, margin - distance)**2`.

    Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping", 2006.

    Args:
        distance: between the two of each pair, 0 or more, of any shape.
        target: 0 for a pair of a kind, 1 for others; of the same shape.
        margin: how far apart is far enough.

    Raises:
        ShapeError: when the shapes differ.
        ValueError: for a negative margin.

    >>> import typedflux as flux
    >>> flux.siamese_contrastive_loss(flux.asarray([0.5, 0.75]), flux.asarray([0, 1])).item()
    0.15625
    """
    require_not_negative("siamese_contrastive_loss: margin", margin)
    d, y = paired("siamese_contrastive_loss", distance, target)
    return aggregate(agg, (1 - y) * ops.square(d) + y * ops.square(ops.relu(margin - d)))
