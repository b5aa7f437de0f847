"""Losses of numbers: how far a prediction lies from its target."""

from __future__ import annotations

from typedflux import dtypes, ops
from typedflux.losses.common import Aggregate, aggregate, epsilon, paired, require_positive
from typedflux.ops.loss_terms import mean_square_p
from typedflux.ops.reporting import reports
from typedflux.tensor import Tensor


@reports("mse")
def mse(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The squared error `|prediction - target|**2`; by default its mean.

    Args:
        prediction: numbers of any shape `"*shape"`.
        target: numbers of the same shape.
        agg: makes the result of the losses of the elements, `"*shape"`.

    Raises:
        ShapeError: when the shapes differ: there is no broadcasting.

    >>> import typedflux as flux
    >>> flux.mse(flux.asarray([1.0, 2.0]), flux.asarray([1.0, 4.0]))
    Tensor(2., float32)
    >>> flux.mse(flux.asarray([1.0, 2.0]), flux.asarray([1.0, 4.0]), agg=flux.identity)
    Tensor([0., 4.], float32)
    """
    x, y = paired("mse", prediction, target, dtypes.Inexact)
    if x.dtype.is_complex or y.dtype.is_complex:
        error = x - y
        return aggregate(agg, ops.real(error * ops.conj(error)))
    if agg is ops.mean and x.dtype == y.dtype:
        out: Tensor = mean_square_p.bind(x, y)
        return out
    return aggregate(agg, ops.square(x - y))


@reports("mae")
def mae(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """The absolute error `|prediction - target|`; by default its mean. Gradient 0 at 0.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> flux.mae(flux.asarray([1.0, 2.0]), flux.asarray([1.0, 4.0]))
    Tensor(1., float32)
    """
    x, y = paired("mae", prediction, target, dtypes.Inexact)
    return aggregate(agg, ops.abs(x - y))


@reports("msle")
def msle(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, eps: float | None = None
) -> Tensor:
    """The squared error of logarithms, `log((prediction + eps) / (target + eps))**2`: for numbers
    of 0 or more whose ratio matters.

    Args:
        eps: keeps the logarithm of 0 finite; by default that of the dtype.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> flux.msle(flux.asarray([1.0, 200.0]), flux.asarray([2.0, 100.0])).item()  # log(2) ** 2
    0.48045...
    """
    x, y = paired("msle", prediction, target)
    small = epsilon(eps, x)
    return aggregate(agg, ops.square(ops.log(x + small) - ops.log(y + small)))


@reports("huber_loss")
def huber_loss(
    prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean, *, delta: float = 1.0
) -> Tensor:
    """Half the squared error where the error is at most `delta`; beyond, linear with the same
    slope, `delta * (|error| - delta / 2)`, so outliers pull no harder.

    Huber, "Robust estimation of a location parameter", 1964.

    Raises:
        ShapeError: when the shapes differ.
        ValueError: when `delta` is not above 0.

    >>> import typedflux as flux
    >>> flux.huber_loss(flux.asarray([0.5, 3.0]), flux.zeros(2), agg=flux.identity)
    Tensor([0.125, 2.5  ], float32)
    """
    require_positive("huber_loss: delta", delta)
    x, y = paired("huber_loss", prediction, target)
    error = ops.abs(x - y)
    inner = ops.minimum(error, delta)
    return aggregate(agg, inner * (error - inner * 0.5))


@reports("poisson_loss")
def poisson_loss(prediction: Tensor, target: Tensor, agg: Aggregate = ops.mean) -> Tensor:
    """`prediction - target * log(prediction)`: of counts that are Poisson distributed with the
    predicted mean, minus the log-likelihood without the term that depends on the target alone.

    Args:
        prediction: expected counts, above 0 (or 0 where the target is 0).
        target: counts.

    Raises:
        ShapeError: when the shapes differ.

    >>> import typedflux as flux
    >>> flux.poisson_loss(flux.asarray([1.0, 0.0]), flux.asarray([3.0, 0.0]))
    Tensor(0.5, float32)
    """
    x, y = paired("poisson_loss", prediction, target)
    return aggregate(agg, x - ops.xlogy(y, x))
