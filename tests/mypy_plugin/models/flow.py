"""A normalising flow with a mixture of experts in its couplings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic

from jaxtyping import Float
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, nn

In = TypeVar("In")
Out = TypeVar("Out")


class Experts(nn.Module, Generic[In, Out]):
    """The best two of four experts, weighted by a gate."""

    weight: Float[Tensor, "4 In Out"]
    bias: Float[Tensor, "4 Out"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.gate = nn.Dense(in_, 4)
        self.weight = flux.randn((4, in_, out)) * 0.1
        self.bias = flux.zeros((4, out))

    def __call__(self, x: Float[Tensor, "batch In"]) -> Float[Tensor, "batch Out"]:
        best, chosen = flux.topk(self.gate(x), 2)
        share = flux.softmax(best, axis=-1)
        dense = flux.einsum("bi,kio->bko", x, self.weight) + self.bias
        picked = flux.take_along_axis(dense, chosen[:, :, None], axis=1)
        return (share[:, :, None] * picked).sum(axis=1)

    def balance(self, x: Float[Tensor, "batch In"]) -> Float[Tensor, ""]:
        share = flux.softmax(self.gate(x), axis=-1).mean(axis=0)
        return (share * share).sum() * 4


class Coupling(nn.Module):
    def __init__(self, *, swap: bool) -> None:
        self.net = nn.Chain(nn.Dense(3, 16, flux.tanh), Experts(16, 6))
        self.swap = swap

    def __call__(
        self, x: Float[Tensor, "batch 6"]
    ) -> tuple[Float[Tensor, "batch 6"], Float[Tensor, "batch"]]:
        a, b = flux.split(x, 2, axis=1)
        if self.swap:
            a, b = b, a
        shift, scale = flux.split(self.net(a), 2, axis=1)
        scale = flux.tanh(scale)
        b = b * flux.exp(scale) + shift
        y = flux.concat([b, a] if self.swap else [a, b], axis=1)
        return y, scale.sum(axis=1)

    def inverse(self, y: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 6"]:
        a, b = y[:, :3], y[:, 3:]
        if self.swap:
            a, b = b, a
        both = self.net(a)
        shift, scale = both[:, :3], flux.tanh(both[:, 3:])
        b = (b - shift) * flux.exp(-scale)
        return flux.concat((b, a) if self.swap else (a, b), axis=1)


class Mixing(nn.Module):
    """An invertible linear map, as a product of triangular matrices."""

    lower: Float[Tensor, "6 6"]
    upper: Float[Tensor, "6 6"]
    diagonal: Float[Tensor, "6"]

    def __init__(self) -> None:
        self.lower = 0.1 * flux.randn((6, 6))
        self.upper = 0.1 * flux.randn((6, 6))
        self.diagonal = flux.zeros(6)

    def __call__(
        self, x: Float[Tensor, "batch 6"]
    ) -> tuple[Float[Tensor, "batch 6"], Float[Tensor, "batch"]]:
        left = flux.tril(self.lower, k=-1) + flux.eye(6)
        right = flux.triu(self.upper, k=1) + flux.exp(self.diagonal)[:, None] * flux.eye(6)
        y = x @ (left @ right).T
        return y, flux.broadcast_to(self.diagonal.sum(), (x.shape[0],))


class Flow(nn.Module):
    def __init__(self, steps: int) -> None:
        layers: list[Coupling | Mixing] = []
        for i in range(steps):
            layers.append(Coupling(swap=i % 2 == 1))
            layers.append(Mixing())
        self.layers: Sequence[Coupling | Mixing] = layers

    def __call__(
        self, x: Float[Tensor, "batch 6"]
    ) -> tuple[Float[Tensor, "batch 6"], Float[Tensor, "batch"]]:
        total = flux.zeros(x.shape[0])
        for layer in self.layers:
            x, change = layer(x)
            total = total + change
        return x, total

    def log_density(self, x: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch"]:
        z, change = self(x)
        normal = -0.5 * (z**2).sum(axis=-1) - 3 * math.log(2 * math.pi)
        return normal + change


def main() -> None:
    model = Flow(2)
    x = flux.randn((5, 6))
    value, grads = flux.withgradient(lambda m: -m.log_density(x).mean(), model)
    flux.update(flux.setup(flux.Adam(), model), model, grads)
    assert value.shape == ()
    coupling = Coupling(swap=True)
    y, _ = coupling(x)
    assert float(flux.abs(coupling.inverse(y) - x).max()) < 1e-4
    assert Experts(6, 2).balance(x).shape == ()


if __name__ == "__main__":
    main()
