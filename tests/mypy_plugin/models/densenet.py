"""A DenseNet: each layer sees what all before it gave."""

from __future__ import annotations

from typing import Generic

from jaxtyping import Float, Float32, Int
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Tensor, losses, nn
from typedflux.checks import Size

C = TypeVar("C")
Out = TypeVar("Out")


class DenseLayer(nn.Module, Generic[C]):
    """Adds 12 channels."""

    def __init__(self, channels: Size[C]) -> None:
        self.norm1 = nn.BatchNorm(channels)
        self.reduce = nn.Conv((1, 1), channels, 48, bias=False)
        self.norm2 = nn.BatchNorm(48)
        self.grow = nn.Conv((3, 3), 48, 12, padding=1, bias=False)

    def __call__(self, x: Float[Tensor, "b C h w"]) -> Float[Tensor, "b C+12 h w"]:
        y = self.reduce(flux.relu(self.norm1(x)))
        y = self.grow(flux.relu(self.norm2(y)))
        return flux.concat([x, y], axis=1)


class Transition(nn.Module, Generic[C, Out]):
    def __init__(self, channels: Size[C], out: Size[Out]) -> None:
        self.norm = nn.BatchNorm(channels)
        self.conv = nn.Conv((1, 1), channels, out)
        self.pool = nn.MeanPool((2, 2))

    def __call__(self, x: Float[Tensor, "b C h w"]) -> Float[Tensor, "b Out h//2 w//2"]:
        return self.pool(self.conv(flux.relu(self.norm(x))))


class DenseNet(nn.Module):
    def __init__(self) -> None:
        self.stem = nn.Chain(
            nn.Conv((3, 3), 3, 24, stride=2, padding=1), nn.BatchNorm(24), flux.relu
        )
        self.layer1 = DenseLayer(24)
        self.layer2 = DenseLayer(36)
        self.narrow = Transition(48, 24)
        self.layer3 = DenseLayer(24)
        self.layer4 = DenseLayer(36)
        self.norm = nn.BatchNorm(48)
        self.head = nn.Dense(48, 10)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        x = self.stem(x)
        x = self.layer2(self.layer1(x))
        x = self.narrow(x)
        x = self.layer4(self.layer3(x))
        x = flux.relu(self.norm(x))
        features: Float[Tensor, "b 48"] = x.mean(axis=(2, 3))
        return self.head(features)


def accuracy(
    model: DenseNet, x: Float32[Tensor, "b 3 32 32"], y: Int[Tensor, "b"]
) -> Float[Tensor, ""]:
    guesses = flux.argmax(model(x), axis=1)
    return (guesses == y).astype(flux.float32).mean()


def main() -> None:
    model = DenseNet()
    x, y = flux.randn((2, 3, 32, 32)), flux.randint(0, 10, (2,))
    value, _ = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y), model)
    assert value.shape == () and accuracy(model, x, y).shape == ()


if __name__ == "__main__":
    main()
