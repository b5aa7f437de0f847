"""A program as readers of the documentation write them: it runs, and every type checker accepts it,
with the plugin and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic

import numpy.typing as npt
from jaxtyping import Bool, Float, Float32, Int
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, losses, nn, ops
from typedflux.data import DataLoader

In = TypeVar("In", default=Any)
Out = TypeVar("Out", default=Any)


class Linear(nn.Module, Generic[In, Out]):
    """A layer of one's own with class-scoped dims."""

    weight: Float[Tensor, "Out In"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = ops.zeros((out, in_))

    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        return x @ self.weight.mT


class Net(nn.Module):
    """Layers held as attributes, a parameter that is assigned again."""

    def __init__(self, hidden: int) -> None:
        self.first = nn.Dense(784, hidden, flux.relu)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(0.1)
        self.last = nn.Dense(hidden, 10)

    def __call__(self, x: Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 10"]:
        x = self.first(x)
        x = self.drop(self.norm(x))
        return self.last(x)


def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    """A function with dims of its own."""
    return x @ w


def cost(m: Callable[..., Tensor], x: Float32[Tensor, "b 784"], y: Int[Tensor, "b"]) -> Tensor:
    """What training makes small."""
    return losses.logitcrossentropy(m(x), y)


def layers() -> None:
    """Layers alone, in lists and in chains."""
    x = flux.randn((32, 784))
    layer = Linear(784, 128)
    hidden: Tensor = layer(x)
    dense = nn.Dense(784, 128)
    assert nn.Dense(128, 10)(dense(x)).shape == (32, 10) == Net(64)(x).shape
    several = [nn.Dense(128, 128) for _ in range(3)]
    for one in several:
        hidden = one(hidden)
    pictures = nn.Chain(
        nn.Conv((3, 3), 1, 8, flux.relu), nn.MaxPool((2, 2)), nn.Flatten(), nn.Dense(1352, 10)
    )
    assert pictures(flux.randn((4, 1, 28, 28))).shape == (4, 10)
    assert nn.LSTM(784, 5)(flux.randn((2, 3, 784))).shape == (2, 3, 5)
    assert nn.MultiHeadAttention(784, 8)(flux.randn((2, 3, 784))).shape == (2, 3, 784)
    assert nn.Embedding(100, 16)(flux.randint(0, 100, (7,))).shape == (7, 16)


def operations() -> None:
    """Operators, functions, methods; sizes."""
    x = flux.randn((32, 784))
    b, n = x.shape
    assert 2 * n + b == 1600
    flat = x.reshape((b, -1)).sum(axis=1, keepdims=True).mT
    mask: Bool[Tensor, "32 784"] = x > 0
    chosen = ops.where(mask, x, 0.0)
    outer = flux.einsum("bi,bj->bij", flat, flat)
    pictures = flux.rearrange(x, "b (h w) -> b h w", h=28)
    both = ops.concat([x, chosen], axis=0)
    array: npt.NDArray[Any] = both.numpy()
    assert outer.shape == (1, 32, 32) and pictures.shape == (b, 28, 28) and array.shape == (64, n)


def transformations() -> None:
    """Derivatives, batches, compiled functions."""
    x = flux.randn((3, 784))
    assert flux.gradient(lambda t: (t * t).sum(), x).shape == x.shape
    assert flux.vmap(lambda t: t.sum())(x).shape == (3,)
    assert flux.jacobian(lambda t: t * 2, x[0, :3]).shape == (3, 3)
    assert flux.jit(product)(x, flux.randn((784, 10))).shape == (3, 10)


def training() -> None:
    """A model, its data and its optimiser."""
    model = nn.Chain(nn.Dense(784, 128, flux.relu), nn.Dense(128, 10))
    x, y = flux.randn((32, 784)), flux.randint(0, 10, (32,))
    state = flux.setup(flux.Adam(1e-3), model)

    def step(x: Float32[Tensor, "b 784"], y: Int[Tensor, "b"]) -> Tensor:
        value, grads = flux.withgradient(lambda m: cost(m, x, y), model)
        flux.update(state, model, grads)
        return value

    loader = DataLoader((x, y), batchsize=8, shuffle=True)
    for i, (bx, by) in enumerate(loader):
        assert float(step(bx, by)) > 0 and i < 4


if __name__ == "__main__":
    layers()
    operations()
    transformations()
    training()
