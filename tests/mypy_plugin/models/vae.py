"""A convolutional variational autoencoder."""

from __future__ import annotations

from jaxtyping import Float, Float32

import typedflux as flux
from typedflux import Tensor, nn


class Encoder(nn.Module):
    def __init__(self) -> None:
        self.conv1 = nn.Conv((3, 3), 1, 16, flux.relu, stride=2, padding=1)
        self.conv2 = nn.Conv((3, 3), 16, 32, flux.relu, stride=2, padding=1)
        self.mean = nn.Dense(32 * 7 * 7, 20)
        self.log_variance = nn.Dense(32 * 7 * 7, 20)

    def __call__(
        self, x: Float[Tensor, "b 1 28 28"]
    ) -> tuple[Float[Tensor, "b 20"], Float[Tensor, "b 20"]]:
        h = self.conv2(self.conv1(x))
        h = h.reshape((x.shape[0], -1))
        return self.mean(h), self.log_variance(h)


class Decoder(nn.Module):
    def __init__(self) -> None:
        self.widen = nn.Dense(20, 32 * 7 * 7, flux.relu)
        self.up = nn.Chain(
            nn.ConvTranspose((4, 4), 32, 16, flux.relu, stride=2, padding=1),
            nn.ConvTranspose((4, 4), 16, 1, stride=2, padding=1),
        )

    def __call__(self, z: Float[Tensor, "b 20"]) -> Float[Tensor, "b 1 28 28"]:
        h = self.widen(z).reshape((-1, 32, 7, 7))
        return self.up(h)


class VAE(nn.Module):
    def __init__(self) -> None:
        self.encoder = Encoder()
        self.decoder = Decoder()

    def __call__(self, x: Float32[Tensor, "b 1 28 28"]) -> Float[Tensor, ""]:
        mean, log_variance = self.encoder(x)
        z = mean + flux.exp(0.5 * log_variance) * flux.randn(mean.shape)
        logits = self.decoder(z)
        flat_x, flat = x.reshape((x.shape[0], 784)), logits.reshape((x.shape[0], 784))
        reconstruction = flux.losses.logitbinarycrossentropy(flat, flat_x, agg=flux.sum)
        divergence = -0.5 * (1 + log_variance - mean**2 - flux.exp(log_variance)).sum(axis=1)
        return reconstruction / x.shape[0] + divergence.mean()


def main() -> None:
    model = VAE()
    x = flux.rand((3, 1, 28, 28))
    value, _ = flux.withgradient(lambda m: m(x), model)
    assert value.shape == ()


if __name__ == "__main__":
    main()
