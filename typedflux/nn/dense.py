"""Layers that multiply by matrices and scale features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

from jaxtyping import Float
from typing_extensions import TypeVar

from typedflux import init as initialisers
from typedflux import ops
from typedflux.checks import Size
from typedflux.checks.class_dims import bind_dims
from typedflux.init import Initialiser
from typedflux.nn.arguments import initial
from typedflux.nn.module import Module
from typedflux.tensor import Tensor

In = TypeVar("In", default=Any)
Out = TypeVar("Out", default=Any)
In1 = TypeVar("In1", default=Any)
In2 = TypeVar("In2", default=Any)
N = TypeVar("N", default=Any)
Activation = Callable[[Tensor], Tensor]


class Dense(Module, Generic[In, Out]):
    """A fully connected layer: `activation(x @ weight.T + bias)`.

    >>> import typedflux as flux
    >>> layer = Dense(4, 3, flux.relu)
    >>> layer
    Dense(4, 3, relu)  # 15 parameters
    >>> layer(flux.ones((2, 4))).shape
    (2, 3)
    """

    weight: Float[Tensor, "Out In"]
    bias: Float[Tensor, "Out"] | None

    def __init__(
        self,
        in_: Size[In],
        out: Size[Out],
        activation: Activation = ops.identity,
        *,
        bias: bool = True,
        init: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.weight = initial(init, (out, in_))
        self.bias = ops.zeros((out,)) if bias else None
        self.activation = activation

    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        if self.bias is None:
            return self.activation(x @ self.weight.mT)
        return self.activation(ops.affine(x, self.weight, self.bias))


class Bilinear(Module, Generic[In1, In2, Out]):
    """`activation(x1' W y + b)` for each output, W a stack of matrices.

    >>> import typedflux as flux
    >>> Bilinear((3, 4), 5)(flux.ones((2, 3)), flux.ones((2, 4))).shape
    (2, 5)
    """

    weight: Float[Tensor, "Out In1 In2"]
    bias: Float[Tensor, "Out"] | None

    def __init__(
        self,
        in_: tuple[Size[In1], Size[In2]],
        out: Size[Out],
        activation: Activation = ops.identity,
        *,
        bias: bool = True,
        init: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        self.weight = initial(init, (out, *in_))
        bind_dims(self, In1=in_[0], In2=in_[1])
        self.bias = ops.zeros((out,)) if bias else None
        self.activation = activation

    def shown_arguments(self) -> dict[str, Any]:
        return {"in_": self.weight.shape[1:]}

    def __call__(
        self, x: Float[Tensor, "*batch In1"], y: Float[Tensor, "*batch In2"]
    ) -> Float[Tensor, "*batch Out"]:
        rows = ops.expand_dims(ops.expand_dims(x, axis=-2), axis=-2)
        columns = ops.expand_dims(ops.expand_dims(y, axis=-2), axis=-1)
        z = ops.squeeze(rows @ self.weight @ columns, axis=(-2, -1))
        if self.bias is not None:
            z = z + self.bias
        return self.activation(z)


class Scale(Module, Generic[N]):
    """An elementwise affine map: `activation(scale * x + bias)`.

    >>> import typedflux as flux
    >>> Scale(3)(flux.ones((2, 3))).shape
    (2, 3)
    """

    scale: Float[Tensor, "N"]
    bias: Float[Tensor, "N"] | None

    def __init__(
        self,
        size: Size[N],
        activation: Activation = ops.identity,
        *,
        bias: bool = True,
        init: Initialiser = initialisers.ones,
    ) -> None:
        self.scale = initial(init, (size,))
        self.bias = ops.zeros((size,)) if bias else None
        self.activation = activation

    def __call__(self, x: Float[Tensor, "*batch N"]) -> Float[Tensor, "*batch N"]:
        y = x * self.scale
        return self.activation(y if self.bias is None else y + self.bias)
