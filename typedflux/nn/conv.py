"""Convolutional layers, over one to three spatial axes by the length of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic

from jaxtyping import Float
from typing_extensions import TypeVar

from typedflux import init as initialisers
from typedflux import ops
from typedflux.checks import Size
from typedflux.init import Initialiser
from typedflux.nn.arguments import check_positive, check_spatial, initial
from typedflux.nn.module import Module
from typedflux.shapes.dims import equal, surely_below
from typedflux.shapes.errors import ShapeError
from typedflux.static import Built_co
from typedflux.tensor import Tensor

In = TypeVar("In", default=Any)
Out = TypeVar("Out", default=Any)
Activation = Callable[[Tensor], Tensor]


def _check_groups(name: str, in_channels: int, out_channels: int, groups: int) -> None:
    for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if surely_below(groups, 1) or equal(channels % groups, 0) is False:
            raise ShapeError(f"{name}: {what} {channels} does not divide into {groups} groups")


def _along_channels(bias: Tensor, rank: int) -> Tensor:
    return ops.reshape(bias, (-1, *(1,) * rank))


class Conv(Module, Generic[In, Out, Built_co]):
    """A convolution (cross-correlation) layer: `activation(conv(x, weight) + bias)`.

    >>> import typedflux as flux
    >>> layer = Conv((3, 3), 1, 16, flux.relu, padding="same")
    >>> layer(flux.ones((2, 1, 8, 8))).shape
    (2, 16, 8, 8)
    """

    weight: Float[Tensor, "Out _ *kernel"]
    bias: Float[Tensor, "Out"] | None

    def __init__(
        self,
        kernel: tuple[int, ...],
        in_channels: Size[In],
        out_channels: Size[Out],
        activation: Activation = ops.identity,
        *,
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[Any] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        init: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        check_spatial("Conv", "kernel", kernel)
        check_positive("Conv", stride=stride, dilation=dilation)
        _check_groups("Conv", in_channels, out_channels, groups)
        self.weight = initial(init, (out_channels, in_channels // groups, *kernel))
        self.bias = ops.zeros((out_channels,)) if bias else None
        self.activation = activation
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups = groups

    def shown_arguments(self) -> dict[str, Any]:
        return {"kernel": self.weight.shape[2:]}

    def __call__(self, x: Float[Tensor, "batch In *spatial"]) -> Float[Tensor, "batch Out ..."]:
        y = ops.conv(
            x, self.weight, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups,
        )  # fmt: skip
        if self.bias is not None:
            y = y + _along_channels(self.bias, y.ndim - 2)
        return self.activation(y)


class ConvTranspose(Module, Generic[In, Out, Built_co]):
    """The transpose of a convolution, which enlarges by its stride (Zeiler et al., 2010).

    >>> import typedflux as flux
    >>> ConvTranspose((2, 2), 8, 4, stride=2)(flux.ones((1, 8, 5, 5))).shape
    (1, 4, 10, 10)
    """

    weight: Float[Tensor, "In _ *kernel"]
    bias: Float[Tensor, "Out"] | None

    def __init__(
        self,
        kernel: tuple[int, ...],
        in_channels: Size[In],
        out_channels: Size[Out],
        activation: Activation = ops.identity,
        *,
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[Any] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        output_padding: int | Sequence[int] = 0,
        bias: bool = True,
        init: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        check_spatial("ConvTranspose", "kernel", kernel)
        check_positive("ConvTranspose", stride=stride, dilation=dilation)
        _check_groups("ConvTranspose", in_channels, out_channels, groups)
        self.weight = initial(init, (in_channels, out_channels // groups, *kernel))
        self.bias = ops.zeros((out_channels,)) if bias else None
        self.activation = activation
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.groups, self.output_padding = groups, output_padding

    def shown_arguments(self) -> dict[str, Any]:
        return {"kernel": self.weight.shape[2:]}

    def __call__(self, x: Float[Tensor, "batch In *spatial"]) -> Float[Tensor, "batch Out ..."]:
        y = ops.conv_transpose(
            x, self.weight, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups, output_padding=self.output_padding,
        )  # fmt: skip
        if self.bias is not None:
            y = y + _along_channels(self.bias, y.ndim - 2)
        return self.activation(y)
