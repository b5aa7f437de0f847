"""Activation functions, elementwise: the catalogue of Flux's NNlib under its names.

Those that networks are made of are single primitives whose pullbacks keep one tensor; the rest are
compositions. Second arguments (slopes, thresholds) are operands: they broadcast and have gradients.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array
from typedflux.ops.families import Elementwise, elementwise, promote_operands
from typedflux.ops.kernels.selection import keep
from typedflux.tensor import Tensor, TensorLike

if TYPE_CHECKING:
    from typedflux.ops.random import Generator


def _reals(name: str, *operands: TensorLike) -> list[Tensor]:
    """The operands of a composition as floats of one dtype; integers become the default float."""
    return promote_operands(name, operands, dtypes.Float, True)


def identity(x: Tensor, /) -> Tensor:
    """`x` itself."""
    return x


where_positive_p: Elementwise = elementwise(
    "where_positive",
    lambda x, y: keep(y > 0, x),
    (lambda g, y: where_positive_p.bind(g, y), None),
    domain=dtypes.Real,
)
"""`x` where `y` is above 0, else 0."""

relu_p = elementwise(
    "relu",
    lambda x: np.maximum(x, x.dtype.type(0)),
    (lambda g, out: where_positive_p.bind(g, out),),
    domain=dtypes.Real,
)


def relu(x: TensorLike, /) -> Tensor:
    """The rectifier `max(x, 0)`, elementwise (Nair and Hinton, 2010); gradient 0 at 0.

    >>> from typedflux import ops
    >>> relu(ops.asarray([-1.0, 0.0, 2.0]))
    Tensor([0., 0., 2.], float32)
    """
    return relu_p.apply(x)


def relu6(x: TensorLike, /) -> Tensor:
    """`min(max(x, 0), 6)`, elementwise (Krizhevsky, 2010)."""
    return ops.clip(x, 0, 6)


def _sigmoid_kernel(x: Array) -> Any:
    return np.reciprocal(1 + np.exp(-x))  # exp may overflow to inf, which gives 0


sigmoid_p = elementwise(
    "sigmoid",
    _sigmoid_kernel,
    (lambda out: ops.multiply(out, ops.subtract(1, out)),),
    domain=dtypes.Inexact,
    inexact=True,
)


def sigmoid(x: TensorLike, /) -> Tensor:
    """The logistic function `1 / (1 + exp(-x))`, elementwise.

    >>> from typedflux import ops
    >>> sigmoid(ops.asarray([-1000.0, 0.0, 1000.0]))
    Tensor([0. , 0.5, 1. ], float32)
    """
    return sigmoid_p.apply(x)


softplus_p = elementwise(
    "softplus",
    lambda x: np.logaddexp(x, x.dtype.type(0)),
    (lambda x: sigmoid(x),),
    domain=dtypes.Float,
    inexact=True,
)


def softplus(x: TensorLike, /) -> Tensor:
    """`log(1 + exp(x))` without overflow, elementwise (Glorot et al., 2011)."""
    return softplus_p.apply(x)


def logsigmoid(x: TensorLike, /) -> Tensor:
    """`log(sigmoid(x))` without overflow, elementwise."""
    (x,) = _reals("logsigmoid", x)
    return ops.negative(softplus(ops.negative(x)))


_TANH_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_tanh_kernel(x: Array) -> Any:
    half = x.dtype.type(0.5)
    inner = x * x.dtype.type(_TANH_SCALE) * (1 + x.dtype.type(_CUBIC) * x * x)
    return half * x * (1 + np.tanh(inner))


def gelu_gate(x: Tensor) -> Tensor:
    """What `gelu_tanh` multiplies its argument with: `(1 + tanh(u)) / 2` is `sigmoid(2 u)`."""
    cubic = ops.square(x) * _CUBIC + 1
    return sigmoid(ops.multiply(x, 2 * _TANH_SCALE) * cubic)


def _gelu_tanh_slope(x: Tensor) -> Tensor:
    gate = gelu_gate(x)
    inner = ops.square(x) * (6 * _CUBIC * _TANH_SCALE) + 2 * _TANH_SCALE
    return gate + x * inner * gate * (1 - gate)


gelu_tanh_p = elementwise(
    "gelu_tanh", _gelu_tanh_kernel, (_gelu_tanh_slope,), domain=dtypes.Float, inexact=True
)


def gelu_tanh(x: TensorLike, /) -> Tensor:
    """The Gaussian error linear unit by its tanh approximation (Hendrycks and Gimpel, 2016)."""
    return gelu_tanh_p.apply(x)


def gelu(x: TensorLike, /) -> Tensor:
    """The Gaussian error linear unit; the same as `gelu_tanh`. See also `gelu_erf`."""
    return gelu_tanh_p.apply(x)


def gelu_erf(x: TensorLike, /) -> Tensor:
    """The Gaussian error linear unit, exactly: `x` times the normal distribution function."""
    x = ops.asarray(x)
    return x * (ops.erf(x * math.sqrt(0.5)) + 1) * 0.5


def gelu_sigmoid(x: TensorLike, /) -> Tensor:
    """`x * sigmoid(1.702 x)`, the sigmoid approximation of `gelu`."""
    return ops.multiply(x, sigmoid(ops.multiply(x, 1.702)))


def swish(x: TensorLike, /) -> Tensor:
    """`x * sigmoid(x)`, also called SiLU (Ramachandran et al., 2017)."""
    return ops.multiply(x, sigmoid(x))


def silu(x: TensorLike, /) -> Tensor:
    """The same as `swish`."""
    return swish(x)


leakyrelu_p = elementwise(
    "leakyrelu",
    lambda x, y: np.where(x > 0, x, y * x),
    (
        lambda x, y: ops.where(ops.greater(x, 0), 1, y),
        lambda x: ops.where(ops.greater(x, 0), 0, x),
    ),
    domain=dtypes.Float,
    inexact=True,
)


def leakyrelu(x: TensorLike, a: TensorLike = 0.01, /) -> Tensor:
    """`x` above 0, `a * x` below (Maas et al., 2013); `a` has a gradient, as PReLU needs."""
    return leakyrelu_p.apply(x, a)


def rrelu(
    x: TensorLike,
    lower: TensorLike = 1 / 8,
    upper: TensorLike = 1 / 3,
    /,
    *,
    rng: Generator | None = None,
) -> Tensor:
    """`x` above 0, `a * x` below, with `a` drawn for each element from `lower` to `upper` (Xu et
    al., 2015). It draws at every call: for predictions use `leakyrelu` with the mean slope.

    >>> from typedflux import ops
    >>> y = rrelu(ops.asarray([3.0, -24.0]))
    >>> y[0].item(), -8 <= y[1].item() <= -3
    (3.0, True)
    """
    (x,) = promote_operands("rrelu", (x,), dtypes.Float, inexact=True)
    return leakyrelu(x, ops.uniform(x.shape, lower, upper, dtype=x.dtype, rng=rng))


elu_p = elementwise(
    "elu",
    lambda x, y: np.where(x > 0, x, y * np.expm1(np.minimum(x, 0))),
    (
        lambda x, y: ops.where(ops.greater(x, 0), 1, y * ops.exp(ops.minimum(x, 0))),
        lambda x: ops.expm1(ops.minimum(x, 0)),
    ),
    domain=dtypes.Float,
    inexact=True,
)


def elu(x: TensorLike, alpha: TensorLike = 1.0, /) -> Tensor:
    """`x` above 0, `alpha * (exp(x) - 1)` below (Clevert et al., 2015)."""
    return elu_p.apply(x, alpha)


def celu(x: TensorLike, alpha: TensorLike = 1.0, /) -> Tensor:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))` (Barron, 2017)."""
    x, alpha = _reals("celu", x, alpha)
    below = ops.multiply(alpha, ops.expm1(ops.divide(ops.minimum(x, 0), alpha)))
    return ops.add(relu(x), below)


_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


def selu(x: TensorLike, /) -> Tensor:
    """The self-normalising unit: `elu` with fixed scale and slope (Klambauer et al., 2017)."""
    return ops.multiply(elu(x, _SELU_ALPHA), _SELU_SCALE)


def hardsigmoid(x: TensorLike, /) -> Tensor:
    """`clip(x / 6 + 1/2, 0, 1)`, the piecewise linear sigmoid (Howard et al., 2019)."""
    return ops.clip(ops.divide(ops.add(x, 3), 6), 0, 1)


def hardswish(x: TensorLike, /) -> Tensor:
    """`x * hardsigmoid(x)` (Howard et al., 2019)."""
    return ops.multiply(x, hardsigmoid(x))


def hardtanh(x: TensorLike, /) -> Tensor:
    """`x` limited to [-1, 1]."""
    return ops.clip(x, -1, 1)


def lisht(x: TensorLike, /) -> Tensor:
    """`x * tanh(x)` (Roy et al., 2019)."""
    return ops.multiply(x, ops.tanh(x))


def _logcosh_kernel(x: Array) -> Any:
    size = np.abs(x)
    return size + np.log1p(np.exp(-2 * size)) - x.dtype.type(math.log(2))


logcosh_p = elementwise(
    "logcosh", _logcosh_kernel, (lambda x: ops.tanh(x),), domain=dtypes.Float, inexact=True
)


def logcosh(x: TensorLike, /) -> Tensor:
    """`log(cosh(x))` without overflow."""
    return logcosh_p.apply(x)


def mish(x: TensorLike, /) -> Tensor:
    """`x * tanh(softplus(x))` (Misra, 2019)."""
    return ops.multiply(x, ops.tanh(softplus(x)))


def softsign(x: TensorLike, /) -> Tensor:
    """`x / (1 + abs(x))` (Turian et al., 2009)."""
    (x,) = _reals("softsign", x)
    return ops.divide(x, ops.add(ops.abs(x), 1))


def softshrink(x: TensorLike, threshold: TensorLike = 0.5, /) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it."""
    x, threshold = _reals("softshrink", x, threshold)
    return ops.subtract(relu(ops.subtract(x, threshold)), relu(-ops.add(x, threshold)))


def hardshrink(x: TensorLike, threshold: TensorLike = 0.5, /) -> Tensor:
    """`x`, and 0 within `threshold` of 0."""
    x, threshold = _reals("hardshrink", x, threshold)
    return ops.where(ops.greater(ops.abs(x), threshold), x, 0)


def tanhshrink(x: TensorLike, /) -> Tensor:
    """`x - tanh(x)`."""
    return ops.subtract(x, ops.tanh(x))


def trelu(x: TensorLike, threshold: TensorLike = 1.0, /) -> Tensor:
    """`x` above `threshold`, else 0 (Konda et al., 2014)."""
    x, threshold = _reals("trelu", x, threshold)
    return ops.where(ops.greater(x, threshold), x, 0)


def thresholdrelu(x: TensorLike, threshold: TensorLike = 1.0, /) -> Tensor:
    """The same as `trelu`."""
    return trelu(x, threshold)


def tanh_fast(x: TensorLike, /) -> Tensor:
    """The hyperbolic tangent: numpy's own is as fast as an approximation."""
    return ops.tanh(x)


def sigmoid_fast(x: TensorLike, /) -> Tensor:
    """The logistic function: `sigmoid` is as fast as an approximation."""
    return sigmoid(x)


def glu(x: Tensor, /, *, axis: int = -1) -> Tensor:
    """The gated linear unit: the first half of `axis` times the sigmoid of the second
    (Dauphin et al., 2016).

    Raises:
        ShapeError: when the axis has an odd size.
    """
    first, second = ops.split(x, 2, axis=axis)
    return first * sigmoid(second)


def swiglu(x: Tensor, /, *, axis: int = -1) -> Tensor:
    """The gated linear unit with `swish` for the gate: the first half of `axis` times the swish of
    the second (Shazeer, 2020).

    Raises:
        ShapeError: when the axis has an odd size.

    >>> from typedflux import ops
    >>> swiglu(ops.ones((2, 6))).shape
    (2, 3)
    """
    first, second = ops.split(x, 2, axis=axis)
    return first * swish(second)
