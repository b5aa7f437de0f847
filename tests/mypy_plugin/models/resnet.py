"""A ResNet from containers: residual blocks as skip connections in a chain."""

from __future__ import annotations

from jaxtyping import Float, Float32, Int

import typedflux as flux
from typedflux import Tensor, losses, nn


def basic(channels: int) -> nn.Chain:
    return nn.Chain(
        nn.SkipConnection(
            nn.Chain(
                nn.Conv((3, 3), channels, channels, padding="same"),
                nn.BatchNorm(channels),
                flux.relu,
                nn.Conv((3, 3), channels, channels, padding="same"),
                nn.BatchNorm(channels),
            ),
            flux.add,
        ),
        flux.relu,
    )


class ResNet(nn.Module):
    def __init__(self) -> None:
        self.stem = nn.Chain(nn.Conv((3, 3), 3, 16, padding=1), nn.BatchNorm(16), flux.relu)
        self.stage1 = nn.SkipConnection(
            nn.Chain(
                nn.Conv((3, 3), 16, 16, flux.relu, padding=1), nn.Conv((3, 3), 16, 16, padding=1)
            ),
            flux.add,
        )
        self.down1 = nn.Conv((2, 2), 16, 32, stride=2)
        self.stage2 = nn.SkipConnection(
            nn.Chain(
                nn.Conv((3, 3), 32, 32, flux.relu, padding=1), nn.Conv((3, 3), 32, 32, padding=1)
            ),
            flux.add,
        )
        self.down2 = nn.Conv((2, 2), 32, 64, stride=2)
        self.shortcut = nn.Parallel(
            flux.add,
            nn.Conv((1, 1), 64, 64, stride=2),
            nn.Conv((3, 3), 64, 64, stride=2, padding=1),
        )
        self.head = nn.Chain(nn.GlobalMeanPool(), nn.Flatten(), nn.Dense(64, 100))

    def __call__(self, x: Float[Tensor, "b 3 64 64"]) -> Float[Tensor, "b 100"]:
        x = self.stage1(self.stem(x))
        x = flux.relu(self.down1(x))
        x = self.stage2(x)
        x = flux.relu(self.down2(x))
        x = self.shortcut(x)
        features: Float[Tensor, "b 64 8 8"] = x
        return self.head(features)


def evaluate(
    model: ResNet, x: Float32[Tensor, "b 3 64 64"], labels: Int[Tensor, "b"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    logits = model(x)
    loss = losses.logitcrossentropy(logits, labels)
    top5 = flux.argsort(logits, axis=1)[:, -5:]
    hit = (top5 == labels[:, None]).any(axis=1)
    return loss, hit.astype(flux.float32).mean()


def main() -> None:
    model = ResNet()
    x, labels = flux.randn((2, 3, 64, 64)), flux.randint(0, 100, (2,))
    loss, top5 = evaluate(model, x, labels)
    assert loss.shape == top5.shape == ()
    assert basic(4)(flux.randn((1, 4, 5, 5))).shape == (1, 4, 5, 5)


if __name__ == "__main__":
    main()
