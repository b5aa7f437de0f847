"""A convolutional Wasserstein GAN with a gradient penalty."""

from __future__ import annotations

from jaxtyping import Float

import typedflux as flux
from typedflux import Tensor, nn

LATENT = 16

Images = Float[Tensor, "batch 3 32 32"]


class Generator(nn.Module):
    def __init__(self) -> None:
        self.project = nn.Dense(LATENT, 64 * 4 * 4)
        self.norm = nn.BatchNorm(64)
        self.body = nn.Chain(
            nn.ConvTranspose((4, 4), 64, 32, stride=2, padding=1, bias=False),
            nn.BatchNorm(32),
            flux.relu,
            nn.ConvTranspose((4, 4), 32, 16, stride=2, padding=1, bias=False),
            nn.BatchNorm(16),
            flux.relu,
            nn.ConvTranspose((4, 4), 16, 3, flux.tanh, stride=2, padding=1),
        )

    def __call__(self, z: Float[Tensor, "batch 16"]) -> Images:
        h = self.project(z).reshape((-1, 64, 4, 4))
        return self.body(flux.relu(self.norm(h)))


class Critic(nn.Module):
    def __init__(self) -> None:
        self.blocks = (
            nn.Conv((4, 4), 3, 16, flux.leakyrelu, stride=2, padding=1),
            nn.Conv((4, 4), 16, 32, flux.leakyrelu, stride=2, padding=1),
            nn.Conv((4, 4), 32, 64, flux.leakyrelu, stride=2, padding=1),
        )
        self.score = nn.Conv((4, 4), 64, 1)

    def features(self, x: Images) -> Float[Tensor, "batch 64 4 4"]:
        first, second, third = self.blocks
        return third(second(first(x)))

    def __call__(self, x: Images) -> Float[Tensor, "batch"]:
        return self.score(self.features(x)).reshape((x.shape[0],))


def penalty(critic: Critic, real: Images, fake: Images) -> Float[Tensor, ""]:
    share = flux.rand((real.shape[0], 1, 1, 1))
    between = share * real + (1 - share) * fake
    slope = flux.gradient(lambda x: critic(x).sum(), between)
    norm = flux.sqrt((slope**2).sum(axis=(1, 2, 3)) + 1e-12)
    return ((norm - 1) ** 2).mean()


def critic_loss(critic: Critic, real: Images, fake: Images) -> Float[Tensor, ""]:
    return critic(fake).mean() - critic(real).mean() + 10 * penalty(critic, real, fake)


def generator_loss(
    generator: Generator, critic: Critic, z: Float[Tensor, "batch 16"]
) -> Float[Tensor, ""]:
    return -critic(generator(z)).mean()


def main() -> None:
    generator, critic = Generator(), Critic()
    state_g = flux.setup(flux.Adam(1e-4), generator)
    state_c = flux.setup(flux.Adam(1e-4), critic)
    real, z = flux.randn((2, 3, 32, 32)), flux.randn((2, LATENT))
    fake = generator(z)
    _, grads = flux.withgradient(lambda c: critic_loss(c, real, fake), critic)
    flux.update(state_c, critic, grads)
    value, grads_g = flux.withgradient(lambda g: generator_loss(g, critic, z), generator)
    flux.update(state_g, generator, grads_g)
    assert value.shape == ()


if __name__ == "__main__":
    main()
