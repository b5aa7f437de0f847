"""A U-Net for segmentation, with skip connections by concatenation."""

from __future__ import annotations

from typing import Generic

from jaxtyping import Float, Float32, Int
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Tensor, losses, nn
from typedflux.checks import Size

In = TypeVar("In")
Out = TypeVar("Out")


class DoubleConv(nn.Module, Generic[In, Out]):
    def __init__(self, in_channels: Size[In], out_channels: Size[Out]) -> None:
        self.conv1 = nn.Conv((3, 3), in_channels, out_channels, padding=1)
        self.norm1 = nn.BatchNorm(out_channels)
        self.conv2 = nn.Conv((3, 3), out_channels, out_channels, padding=1)
        self.norm2 = nn.BatchNorm(out_channels)

    def __call__(self, x: Float[Tensor, "b In h w"]) -> Float[Tensor, "b Out h w"]:
        x = flux.relu(self.norm1(self.conv1(x)))
        return flux.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    def __init__(self) -> None:
        self.enter = DoubleConv(3, 8)
        self.down1 = DoubleConv(8, 16)
        self.down2 = DoubleConv(16, 32)
        self.pool = nn.MaxPool((2, 2))
        self.up1 = nn.ConvTranspose((2, 2), 32, 16, stride=2)
        self.merge1 = DoubleConv(32, 16)
        self.up2 = nn.ConvTranspose((2, 2), 16, 8, stride=2)
        self.merge2 = DoubleConv(16, 8)
        self.head = nn.Conv((1, 1), 8, 5)

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 5 32 32"]:
        a = self.enter(x)
        b = self.down1(self.pool(a))
        c = self.down2(self.pool(b))
        y = self.up1(c)
        y = self.merge1(flux.concat([y, b], axis=1))
        y = self.up2(y)
        y = self.merge2(flux.concat([y, a], axis=1))
        return self.head(y)


def dice(scores: Float[Tensor, "b classes h w"], labels: Int[Tensor, "b h w"]) -> Float[Tensor, ""]:
    p = flux.softmax(scores, axis=1)
    t = flux.moveaxis(flux.one_hot(labels, scores.shape[1]), -1, 1)
    both = (p * t).sum(axis=(0, 2, 3))
    total = p.sum(axis=(0, 2, 3)) + t.sum(axis=(0, 2, 3))
    return 1 - (2 * both / (total + 1e-6)).mean()


def step(
    model: UNet, x: Float32[Tensor, "b 3 32 32"], labels: Int[Tensor, "b 32 32"]
) -> Float[Tensor, ""]:
    scores = model(x)
    return losses.logitcrossentropy(scores, labels, axis=1) + dice(scores, labels)


def main() -> None:
    model = UNet()
    x = flux.randn((2, 3, 32, 32))
    labels = flux.randint(0, 5, (2, 32, 32))
    value, _ = flux.withgradient(lambda m: step(m, x, labels), model)
    assert value.shape == ()


if __name__ == "__main__":
    main()
