"""Normalising layers."""

from __future__ import annotations

import math
from typing import Any, Generic

from jaxtyping import Float
from typing_extensions import TypeVar

from typedflux import dtypes, ops
from typedflux.autodiff import stop_gradient
from typedflux.checks import Size
from typedflux.nn.arguments import check_between
from typedflux.nn.module import Module, buffer
from typedflux.shapes.dims import format_shape, product
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

C = TypeVar("C", default=Any)
_NARROW = (dtypes.float16, dtypes.bfloat16)


def _wide(x: Tensor) -> Tensor:
    """Statistics of 16-bit floats are made in 32 bits: a square of 256 overflows in float16."""
    return ops.astype(x, dtypes.float32) if x.dtype in _NARROW else x


def _as_wide_as(x: Tensor, y: Tensor) -> Tensor:
    return ops.astype(y, x.dtype) if x.dtype in _NARROW else y


def _columns(v: Tensor, rank: int) -> Tensor:
    return ops.reshape(v, (1, -1, *(1,) * (rank - 2)))


class BatchNorm(Module, Generic[C]):
    """Normalises each channel over the batch and space, then scales and shifts it
    (Ioffe and Szegedy, 2015).

    In training by the statistics of the batch, which are followed by running means with
    `momentum`; otherwise by those.

    >>> import typedflux as flux
    >>> layer = BatchNorm(3)
    >>> flux.gradient(lambda m: m(flux.ones((4, 3, 2, 2))).sum(), layer).shift.shape
    (3,)
    """

    scale: Float[Tensor, "C"] | None
    shift: Float[Tensor, "C"] | None

    def __init__(
        self, channels: Size[C], *, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True,
        track_stats: bool = True,
    ) -> None:  # fmt: skip
        self.scale = ops.ones((channels,)) if affine else None
        self.shift = ops.zeros((channels,)) if affine else None
        self.mean: Tensor | None = buffer(ops.zeros((channels,)) if track_stats else None)
        self.var: Tensor | None = buffer(ops.ones((channels,)) if track_stats else None)
        check_between("BatchNorm", 0, 1, momentum=momentum)
        check_between("BatchNorm", 0, math.inf, eps=eps)
        self.momentum, self.eps = momentum, eps

    def shown_arguments(self) -> dict[str, Any]:
        return {"affine": self.scale is not None, "track_stats": self.mean is not None}

    def __call__(self, x: Float[Tensor, "batch C *spatial"]) -> Float[Tensor, "batch C *spatial"]:
        rank, wide = x.ndim, _wide(x)
        if self.training or self.mean is None or self.var is None:
            axes = (0, *range(2, rank))
            count: Any = product([x.shape[axis] for axis in axes])
            if count < 2:
                raise ShapeError(
                    f"BatchNorm: a variance takes 2 values or more of each channel, in "
                    f'"{format_shape(x.shape)}" there are {count}: train with a larger batch, or '
                    "use testmode"
                )
            mean = ops.mean(wide, axis=axes, keepdims=True)
            centred = wide - mean
            var = ops.mean(ops.square(centred), axis=axes, keepdims=True)
            if self.training and self.mean is not None and self.var is not None:
                # Bessel's correction, as for every running variance
                unbiased = stop_gradient(ops.reshape(var, (-1,))) * count / (count - 1)
                self.mean = self._follow(self.mean, stop_gradient(ops.reshape(mean, (-1,))))
                self.var = self._follow(self.var, unbiased)
            y = centred * ops.rsqrt(var + self.eps)
        else:
            factor = _columns(ops.rsqrt(_wide(self.var) + self.eps), rank)
            y = (wide - _columns(self.mean, rank)) * factor
        if self.scale is not None and self.shift is not None:
            y = y * _columns(self.scale, rank) + _columns(self.shift, rank)
        return _as_wide_as(x, y)

    def _follow(self, running: Tensor, batch: Tensor) -> Tensor:
        new = running * (1 - self.momentum) + batch * self.momentum
        return ops.astype(new, running.dtype)


class LayerNorm(Module, Generic[C]):
    """Normalises over the last axis, then scales and shifts (Ba et al., 2016).

    >>> import typedflux as flux
    >>> LayerNorm(3)(flux.asarray([[1.0, 2.0, 3.0]])).shape
    (1, 3)
    """

    scale: Float[Tensor, "C"] | None
    shift: Float[Tensor, "C"] | None

    def __init__(self, size: Size[C], *, eps: float = 1e-5, affine: bool = True) -> None:
        self.scale = ops.ones((size,)) if affine else None
        self.shift = ops.zeros((size,)) if affine else None
        check_between("LayerNorm", 0, math.inf, eps=eps)
        self.eps = eps

    def shown_arguments(self) -> dict[str, Any]:
        return {"affine": self.scale is not None}

    def __call__(self, x: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
        y = ops.normalise(_wide(x), axis=-1, eps=self.eps)
        if self.scale is not None and self.shift is not None:
            y = y * self.scale + self.shift
        return _as_wide_as(x, y)


class RMSNorm(Module, Generic[C]):
    """Divides by the root of the mean square over the last axis (Zhang and Sennrich, 2019)."""

    scale: Float[Tensor, "C"]

    def __init__(self, size: Size[C], *, eps: float = 1e-6) -> None:
        self.scale = ops.ones((size,))
        check_between("RMSNorm", 0, math.inf, eps=eps)
        self.eps = eps

    def __call__(self, x: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch C"]:
        wide = _wide(x)
        power = ops.mean(ops.square(wide), axis=-1, keepdims=True)
        return _as_wide_as(x, wide * ops.rsqrt(power + self.eps) * self.scale)


class GroupNorm(Module, Generic[C]):
    """Normalises groups of channels over space for each example (Wu and He, 2018).

    >>> import typedflux as flux
    >>> GroupNorm(4, 2)(flux.randn((2, 4, 3, 3))).shape
    (2, 4, 3, 3)
    """

    scale: Float[Tensor, "C"] | None
    shift: Float[Tensor, "C"] | None

    def __init__(
        self, channels: Size[C], groups: int, *, eps: float = 1e-5, affine: bool = True
    ) -> None:
        if groups < 1 or channels % groups:
            raise ShapeError(f"GroupNorm: {channels} channels do not divide into {groups} groups")
        self.scale = ops.ones((channels,)) if affine else None
        self.shift = ops.zeros((channels,)) if affine else None
        check_between(type(self).__name__, 0, math.inf, eps=eps)
        self.groups, self.eps = groups, eps

    def shown_arguments(self) -> dict[str, Any]:
        return {"affine": self.scale is not None}

    def __call__(self, x: Float[Tensor, "batch C *spatial"]) -> Float[Tensor, "batch C *spatial"]:
        size: Any = product(x.shape[1:]) // self.groups
        grouped = ops.reshape(_wide(x), (x.shape[0], self.groups, size))
        y = ops.reshape(ops.normalise(grouped, axis=-1, eps=self.eps), x.shape)
        if self.scale is not None and self.shift is not None:
            y = y * _columns(self.scale, x.ndim) + _columns(self.shift, x.ndim)
        return _as_wide_as(x, y)


class InstanceNorm(GroupNorm[C], Generic[C]):
    """Normalises each channel over space for each example (Ulyanov et al., 2016).

    >>> import typedflux as flux
    >>> InstanceNorm(4)(flux.randn((2, 4, 3, 3))).shape
    (2, 4, 3, 3)
    """

    def __init__(self, channels: Size[C], *, eps: float = 1e-5, affine: bool = False) -> None:
        super().__init__(channels, int(channels), eps=eps, affine=affine)

    def __call__(self, x: Float[Tensor, "batch C *spatial"]) -> Float[Tensor, "batch C *spatial"]:
        if x.ndim < 3:
            raise ShapeError(
                f'InstanceNorm normalises over space, which "{format_shape(x.shape)}" has not: '
                "LayerNorm normalises over features"
            )
        return super().__call__(x)
