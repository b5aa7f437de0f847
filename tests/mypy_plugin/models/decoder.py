"""A convolutional autoencoder in chains, with layers built by functions of numbers."""

from __future__ import annotations

from typing import Final

from jaxtyping import Float, Float32

import typedflux as flux
from typedflux import Tensor, losses, nn

LATENT: Final = 16
BASE: Final[int] = 8
SIDE: Final = 4


def down(in_: int, out: int) -> nn.Chain:
    """Halves an image."""
    return nn.Chain(
        nn.Conv((4, 4), in_, out, stride=2, padding=1, bias=False),
        nn.BatchNorm(out),
        flux.leakyrelu,
    )


def up(in_: int, out: int) -> nn.Chain:
    """Doubles an image."""
    return nn.Chain(
        nn.ConvTranspose((4, 4), in_, out, stride=2, padding=1, bias=False),
        nn.BatchNorm(out),
        flux.relu,
    )


class Unflatten(nn.Module):
    """Gives rows the axes of images again."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __call__(self, x: Float[Tensor, "batch n"]) -> Float[Tensor, "batch c h w"]:
        return x.reshape((x.shape[0], *self.shape))


def encoder() -> nn.Chain:
    return nn.Chain(
        down(3, BASE),
        down(BASE, 2 * BASE),
        down(2 * BASE, 4 * BASE),
        nn.Flatten(),
        nn.Dense(4 * BASE * SIDE * SIDE, 2 * LATENT),
    )


class Decoder(nn.Module):
    """From codes to images."""

    def __init__(self, latent: int) -> None:
        self.enter = nn.Dense(latent, 4 * BASE * SIDE * SIDE, flux.relu)
        self.body = nn.Chain(up(4 * BASE, 2 * BASE), up(2 * BASE, BASE))
        self.leave = nn.Chain(
            nn.Upsample(2),
            nn.Conv((3, 3), BASE, 3, flux.sigmoid, padding=1),
        )

    def __call__(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 3 32 32"]:
        h = self.enter(z)
        h = flux.reshape(h, (-1, 32, 4, 4))
        h = self.body(h)
        return self.leave(h)


def reparametrise(
    moments: Float[Tensor, "batch 2*n"],
) -> tuple[Float[Tensor, "batch n"], Float[Tensor, "batch"]]:
    """A sample, and how far its distribution is from a standard normal one."""
    mean, logvar = flux.split(moments, 2, axis=1)
    sample = mean + flux.exp(0.5 * logvar) * flux.randn(mean.shape)
    divergence = -0.5 * flux.sum(1 + logvar - mean**2 - flux.exp(logvar), axis=1)
    return sample, divergence


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        self.encoder = encoder()
        self.decoder = Decoder(LATENT)
        self.discriminator = nn.Chain(
            down(3, 8),
            down(8, 16),
            nn.AdaptiveMeanPool((2, 2)),
            nn.Flatten(),
            nn.Dense(16 * 2 * 2, 1),
        )

    def __call__(
        self, x: Float32[Tensor, "batch 3 32 32"]
    ) -> tuple[Float[Tensor, "batch 3 32 32"], Float[Tensor, "batch"]]:
        z, divergence = reparametrise(self.encoder(x))
        return self.decoder(z), divergence

    def realism(self, x: Float[Tensor, "batch 3 32 32"]) -> Float[Tensor, "batch"]:
        return flux.squeeze(self.discriminator(x), axis=1)


def cost(model: Autoencoder, x: Float32[Tensor, "batch 3 32 32"]) -> Float[Tensor, ""]:
    output, divergence = model(x)
    pixels = losses.mse(output, x)
    fooled = flux.mean(flux.softplus(-model.realism(output)))
    return pixels + 1e-3 * divergence.mean() + 0.1 * fooled


def sample(model: Autoencoder, n: int) -> Float[Tensor, "n 3 32 32"]:
    return model.decoder(flux.randn((n, LATENT)))


def main() -> None:
    model = Autoencoder()
    x = flux.rand((2, 3, 32, 32))
    value, _ = flux.withgradient(lambda m: cost(m, x), model)
    assert value.shape == ()
    assert sample(model, 5).shape == (5, 3, 32, 32)
    assert Unflatten(2, 3, 4)(flux.ones((5, 24))).shape == (5, 2, 3, 4)


if __name__ == "__main__":
    main()
