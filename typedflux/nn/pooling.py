"""Pooling layers and layers that rearrange pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic

from jaxtyping import Float, Shaped

from typedflux import ops
from typedflux.nn.arguments import check_positive, check_spatial
from typedflux.nn.module import Module
from typedflux.static import Built_co
from typedflux.tensor import Tensor

Images = Float[Tensor, "batch channels *spatial"]
Pooled = Float[Tensor, "batch channels ..."]


class MaxPool(Module, Generic[Built_co]):
    """The largest element of each window.

    >>> import typedflux as flux
    >>> MaxPool((2, 2))(flux.ones((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        window: tuple[int, ...],
        stride: int | Sequence[int] | None = None,
        padding: int | str | Sequence[Any] = 0,
    ) -> None:
        check_spatial("MaxPool", "window", window)
        if stride is not None:
            check_positive("MaxPool", stride=stride)
        self.window, self.stride, self.padding = window, stride, padding

    def __call__(self, x: Images) -> Pooled:
        return ops.max_pool(x, self.window, stride=self.stride, padding=self.padding)


class MeanPool(Module, Generic[Built_co]):
    """The mean of each window.

    >>> import typedflux as flux
    >>> MeanPool((2, 2))(flux.ones((1, 3, 8, 8))).shape
    (1, 3, 4, 4)
    """

    def __init__(
        self,
        window: tuple[int, ...],
        stride: int | Sequence[int] | None = None,
        padding: int | str | Sequence[Any] = 0,
    ) -> None:
        check_spatial("MeanPool", "window", window)
        if stride is not None:
            check_positive("MeanPool", stride=stride)
        self.window, self.stride, self.padding = window, stride, padding

    def __call__(self, x: Images) -> Pooled:
        return ops.mean_pool(x, self.window, stride=self.stride, padding=self.padding)


class AdaptiveMeanPool(Module, Generic[Built_co]):
    """The means of a fixed number of cells along each spatial axis.

    >>> import typedflux as flux
    >>> AdaptiveMeanPool((2, 2))(flux.ones((1, 3, 7, 9))).shape
    (1, 3, 2, 2)
    """

    def __init__(self, out: tuple[int, ...]) -> None:
        check_spatial("AdaptiveMeanPool", "out", out)
        self.out = out

    def __call__(self, x: Images) -> Pooled:
        return ops.adaptive_mean_pool(x, self.out)


class AdaptiveMaxPool(Module, Generic[Built_co]):
    """The largest elements of a fixed number of cells along each spatial axis."""

    def __init__(self, out: tuple[int, ...]) -> None:
        check_spatial("AdaptiveMaxPool", "out", out)
        self.out = out

    def __call__(self, x: Images) -> Pooled:
        return ops.adaptive_max_pool(x, self.out)


class GlobalMeanPool(Module, Generic[Built_co]):
    """The mean over all spatial axes, which stay with size 1."""

    def __call__(self, x: Images) -> Pooled:
        return ops.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)


class GlobalMaxPool(Module, Generic[Built_co]):
    """The largest element over all spatial axes, which stay with size 1."""

    def __call__(self, x: Images) -> Pooled:
        return ops.max(x, axis=tuple(range(2, x.ndim)), keepdims=True)


class PixelShuffle(Module, Generic[Built_co]):
    """Channels laid out as finer pixels (Shi et al., 2016)."""

    def __init__(self, r: int) -> None:
        check_positive("PixelShuffle", r=r)
        self.r = r

    def __call__(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch _ _ _"]:
        return ops.pixel_shuffle(x, self.r)


class Upsample(Module, Generic[Built_co]):
    """Each pixel repeated `scale` times along each spatial axis."""

    def __init__(self, scale: int | tuple[int, ...]) -> None:
        check_positive("Upsample", scale=scale)
        self.scale = scale

    def __call__(self, x: Images) -> Pooled:
        return ops.upsample_nearest(x, self.scale)


class Flatten(Module, Generic[Built_co]):
    """All axes but that of the batch made one.

    >>> import typedflux as flux
    >>> Flatten()(flux.ones((2, 3, 4, 4))).shape
    (2, 48)
    """

    def __call__(self, x: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "batch _"]:
        return ops.flatten(x)
