"""Initial values of parameters.

Each is called with a shape, or curried with options: `init=kaiming_normal(gain=1.0)`. A shape is
that of a weight, `(out, in, *kernel)`: fan-in is `in` and fan-out `out`, times the kernel's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from typedflux import ops
from typedflux.ops.random import Generator
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

Shape: TypeAlias = tuple[int, ...]
Initialiser: TypeAlias = Callable[[Shape], Tensor]


def nfan(shape: Shape) -> tuple[int, int]:
    """Fan-in and fan-out of a weight.

    >>> nfan((64, 32, 3, 3)), nfan((10,)), nfan(())
    ((288, 576), (10, 10), (1, 1))
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _curried(make: Callable[..., Tensor], shape: Shape | None, options: dict[str, Any]) -> Any:
    return (lambda s: make(s, **options)) if shape is None else make(shape, **options)


def glorot_uniform(
    shape: Shape | None = None, *, gain: float = 1.0, rng: Generator | None = None
) -> Any:
    """Uniform up to `gain * sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010)."""

    def make(s: Shape) -> Tensor:
        limit = gain * math.sqrt(6 / max(sum(nfan(s)), 1))
        return ops.uniform(s, -limit, limit, rng=rng)

    return _curried(make, shape, {})


def glorot_normal(
    shape: Shape | None = None, *, gain: float = 1.0, rng: Generator | None = None
) -> Any:
    """Normal with deviation `gain * sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio, 2010)."""

    def make(s: Shape) -> Tensor:
        return ops.randn(s, rng=rng) * (gain * math.sqrt(2 / max(sum(nfan(s)), 1)))

    return _curried(make, shape, {})


def kaiming_uniform(
    shape: Shape | None = None, *, gain: float = math.sqrt(2), rng: Generator | None = None
) -> Any:
    """Uniform up to `gain * sqrt(3 / fan_in)` (He et al., 2015)."""

    def make(s: Shape) -> Tensor:
        limit = gain * math.sqrt(3 / max(nfan(s)[0], 1))
        return ops.uniform(s, -limit, limit, rng=rng)

    return _curried(make, shape, {})


def kaiming_normal(
    shape: Shape | None = None, *, gain: float = math.sqrt(2), rng: Generator | None = None
) -> Any:
    """Normal with deviation `gain / sqrt(fan_in)` (He et al., 2015)."""

    def make(s: Shape) -> Tensor:
        return ops.randn(s, rng=rng) * (gain / math.sqrt(max(nfan(s)[0], 1)))

    return _curried(make, shape, {})


def lecun_normal(
    shape: Shape | None = None, *, gain: float = 1.0, rng: Generator | None = None
) -> Any:
    """Normal with deviation `gain / sqrt(fan_in)` (LeCun et al., 1998)."""
    return kaiming_normal(shape, gain=gain, rng=rng)


def truncated_normal(
    shape: Shape | None = None, *, mean: float = 0.0, std: float = 1.0, low: float = -2.0,
    high: float = 2.0, rng: Generator | None = None,
) -> Any:  # fmt: skip
    """Normal numbers given that they lie between `low` and `high`."""

    def make(s: Shape) -> Tensor:
        return ops.truncated_normal(s, mean, std, low, high, rng=rng)

    return _curried(make, shape, {})


def identity_init(
    shape: Shape | None = None, *, gain: float = 1.0, rng: Generator | None = None
) -> Any:
    """`gain` on the diagonal of the first two axes, at the middle of a kernel; else zeros."""

    def make(s: Shape) -> Tensor:
        if len(s) < 2:
            raise ShapeError(f"identity_init needs a weight of rank 2 or more, got shape {s}")
        middle = tuple(k // 2 for k in s[2:])
        diagonal = ops.eye(s[0], s[1]) * gain
        return ops.zeros(s).at[(slice(None), slice(None), *middle)].set(diagonal)

    return _curried(make, shape, {})


def zeros(shape: Shape) -> Tensor:
    """Zeros."""
    return ops.zeros(shape)


def ones(shape: Shape) -> Tensor:
    """Ones."""
    return ops.ones(shape)
