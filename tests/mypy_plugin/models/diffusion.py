"""A denoising diffusion model: a U-Net that is told the time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Generic

from jaxtyping import Float, Float32, Int64
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, nn

In = TypeVar("In", default=Any)
Out = TypeVar("Out", default=Any)
C = TypeVar("C", default=Any)


def time_embedding(t: Int64[Tensor, "b"], size: int = 32) -> Float[Tensor, "b 32"]:
    """Sines and cosines of a time at growing wavelengths."""
    half = size // 2
    frequencies = flux.exp(-math.log(10000.0) * flux.arange(half, dtype=flux.float32) / half)
    angles = t.astype(flux.float32)[:, None] * frequencies[None, :]
    return flux.concat([flux.sin(angles), flux.cos(angles)], axis=-1)


class ResBlock(nn.Module, Generic[In, Out]):
    """Two convolutions, between which the time comes in."""

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.norm1 = nn.GroupNorm(in_, 4)
        self.conv1 = nn.Conv((3, 3), in_, out, padding=1)
        self.time = nn.Dense(64, out)
        self.norm2 = nn.GroupNorm(out, 4)
        self.conv2 = nn.Conv((3, 3), out, out, padding="same")
        self.shortcut = nn.Conv((1, 1), in_, out)

    def __call__(
        self, x: Float[Tensor, "b In h w"], t: Float[Tensor, "b 64"]
    ) -> Float[Tensor, "b Out h w"]:
        h = self.conv1(flux.silu(self.norm1(x)))
        h = h + self.time(flux.silu(t))[:, :, None, None]
        h = self.conv2(flux.silu(self.norm2(h)))
        return h + self.shortcut(x)


class SpatialAttention(nn.Module, Generic[C]):
    """Pixels look at each other."""

    def __init__(self, channels: Size[C], heads: int = 4) -> None:
        self.heads = heads
        self.norm = nn.GroupNorm(channels, 4)
        self.qkv = nn.Conv((1, 1), channels, 3 * channels)
        self.out = nn.Conv((1, 1), channels, channels)

    def __call__(self, x: Float[Tensor, "b C h w"]) -> Float[Tensor, "b C h w"]:
        b, c, h, w = x.shape
        q, k, v = flux.split(self.qkv(self.norm(x)), 3, axis=1)
        q = flux.rearrange(q, "b (n d) h w -> b n (h w) d", n=self.heads)
        k = flux.rearrange(k, "b (n d) h w -> b n (h w) d", n=self.heads)
        v = flux.rearrange(v, "b (n d) h w -> b n (h w) d", n=self.heads)
        scores = flux.einsum("bnid,bnjd->bnij", q, k) / math.sqrt(c // self.heads)
        mixed = flux.einsum("bnij,bnjd->bnid", flux.softmax(scores, axis=-1), v)
        mixed = mixed.permute_dims((0, 1, 3, 2)).reshape((b, c, h, w))
        return x + self.out(mixed)


class UNet(nn.Module):
    """Predicts the noise."""

    def __init__(self) -> None:
        self.embed = nn.Chain(nn.Dense(32, 64, flux.silu), nn.Dense(64, 64))
        self.enter = nn.Conv((3, 3), 1, 16, padding=1)
        self.down1 = ResBlock(16, 16)
        self.shrink = nn.Conv((3, 3), 16, 32, stride=2, padding=1)
        self.down2 = ResBlock(32, 32)
        self.middle = SpatialAttention(32)
        self.grow = nn.ConvTranspose((4, 4), 32, 16, stride=2, padding=1)
        self.up1 = ResBlock(32, 16)
        self.leave = nn.Chain(nn.GroupNorm(16, 4), flux.silu, nn.Conv((3, 3), 16, 1, padding=1))

    def __call__(
        self, x: Float[Tensor, "b 1 16 16"], t: Int64[Tensor, "b"]
    ) -> Float[Tensor, "b 1 16 16"]:
        time = self.embed(time_embedding(t))
        h1 = self.down1(self.enter(x), time)
        h2 = self.down2(self.shrink(h1), time)
        h = self.grow(self.middle(h2))
        h = self.up1(flux.concat([h, h1], axis=1), time)
        return self.leave(h)


@dataclass
class Schedule:
    """How much noise there is at each step."""

    steps: int = 50
    alphas: Tensor = field(init=False)

    def __post_init__(self) -> None:
        betas = flux.linspace(1e-4, 0.02, self.steps)
        self.alphas = flux.exp(flux.cumulative_sum(flux.log(1 - betas)))

    def noised(
        self,
        x: Float32[Tensor, "b 1 h w"],
        noise: Float32[Tensor, "b 1 h w"],
        t: Int64[Tensor, "b"],
    ) -> Float32[Tensor, "b 1 h w"]:
        kept = flux.take(self.alphas, t, axis=0).reshape((-1, 1, 1, 1)).astype(flux.float32)
        return flux.sqrt(kept) * x + flux.sqrt(1 - kept) * noise


def cost(model: UNet, schedule: Schedule, x: Float32[Tensor, "b 1 16 16"]) -> Float[Tensor, ""]:
    t = flux.randint(0, schedule.steps, (x.shape[0],))
    noise = flux.randn(x.shape)
    guess = model(schedule.noised(x, noise, t), t)
    per_image = flux.sum((guess - noise) ** 2, axis=(1, 2, 3))
    return flux.mean(per_image)


def main() -> None:
    model, schedule = UNet(), Schedule()
    x = flux.rand((2, 1, 16, 16))
    value, _ = flux.withgradient(lambda m: cost(m, schedule, x), model)
    assert value.shape == ()


if __name__ == "__main__":
    main()
