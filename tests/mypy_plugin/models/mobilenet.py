"""An inverted-residual image network with squeeze-and-excitation, sized by a config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jaxtyping import Float, Float32, Int64

import typedflux as flux
from typedflux import Tensor, losses, nn

CLASSES: Final = 10


@dataclass(frozen=True)
class Stage:
    """Sizes of a group of blocks."""

    in_channels: int
    out_channels: int
    expansion: int
    stride: int = 1


def conv_bn(in_: int, out: int, kernel: int, stride: int, groups: int = 1) -> nn.Chain:
    """A convolution that keeps or halves the image, normalised."""
    return nn.Chain(
        nn.Conv(
            (kernel, kernel),
            in_,
            out,
            stride=stride,
            padding=kernel // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm(out),
    )


class SqueezeExcite(nn.Module):
    """Weights channels by what the whole image holds."""

    def __init__(self, channels: int, reduced: int) -> None:
        self.squeeze = nn.Dense(channels, reduced, flux.silu)
        self.excite = nn.Dense(reduced, channels, flux.sigmoid)

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        pooled = x.mean(axis=(2, 3))
        scale = self.excite(self.squeeze(pooled))
        return x * scale[:, :, None, None]


class InvertedResidual(nn.Module):
    """Widens, filters by depth, weights, and narrows again."""

    def __init__(self, stage: Stage) -> None:
        hidden = stage.in_channels * stage.expansion
        self.expand = conv_bn(stage.in_channels, hidden, 1, 1)
        self.depthwise = conv_bn(hidden, hidden, 3, stage.stride, groups=hidden)
        self.attention = SqueezeExcite(hidden, hidden // 4)
        self.project = conv_bn(hidden, stage.out_channels, 1, 1)
        self.residual = stage.stride == 1 and stage.in_channels == stage.out_channels

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        h = flux.silu(self.expand(x))
        h = flux.silu(self.depthwise(h))
        h = self.project(self.attention(h))
        return x + h if self.residual else h


class MobileNet(nn.Module):
    """From images to scores."""

    def __init__(self) -> None:
        self.stem = nn.Conv((3, 3), 3, 8, flux.silu, stride=2, padding=1)
        self.first = InvertedResidual(Stage(8, 8, 2))
        self.second = InvertedResidual(Stage(8, 16, 4, stride=2))
        self.third = InvertedResidual(Stage(16, 16, 4))
        self.head = nn.Chain(
            nn.Conv((1, 1), 16, 32, flux.silu),
            nn.GlobalMeanPool(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Dense(32, CLASSES),
        )

    def __call__(self, images: Float32[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        x = self.stem(images)
        x = self.first(x)
        x = self.second(x)
        x = self.third(x)
        return self.head(x)


def cost(
    model: MobileNet, images: Float32[Tensor, "b 3 32 32"], labels: Int64[Tensor, "b"]
) -> Float[Tensor, ""]:
    return losses.logitcrossentropy(model(images), labels)


def main() -> None:
    model = MobileNet()
    images, labels = flux.randn((2, 3, 32, 32)), flux.randint(0, CLASSES, (2,))
    state = flux.setup(flux.Adam(1e-3), model)
    value, grads = flux.withgradient(lambda m: cost(m, images, labels), model)
    flux.update(state, model, grads)
    assert value.shape == ()


if __name__ == "__main__":
    main()
