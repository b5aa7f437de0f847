"""Contrastive learning: two views of a picture, and a twin network for pairs."""

from __future__ import annotations

from typing import Any, Generic

from jaxtyping import Bool, Float, Float32, Int64
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, losses, nn

W = TypeVar("W", default=Any)


class Residual(nn.Module, Generic[W]):
    """x + f(x) by the library's own container."""

    def __init__(self, width: Size[W]) -> None:
        self.body = nn.SkipConnection(
            nn.Chain(
                nn.Conv((3, 3), width, width, padding=1),
                nn.BatchNorm(width),
                flux.relu,
                nn.Conv((3, 3), width, width, padding=1),
            ),
            flux.add,
        )

    def __call__(self, x: Float[Tensor, "b W h w"]) -> Float[Tensor, "b W h w"]:
        return flux.relu(self.body(x))


class Backbone(nn.Module):
    def __init__(self, features: int = 64) -> None:
        self.stem = nn.Chain(nn.Conv((5, 5), 1, 12, flux.relu, padding="same"), nn.MaxPool((2, 2)))
        self.block1 = Residual(12)
        self.branches = nn.Parallel(
            lambda *parts: flux.concat(parts, axis=1),
            nn.Conv((1, 1), 12, 12),
            nn.Conv((3, 3), 12, 12, padding=1),
        )
        self.block2 = Residual(24)
        self.head = nn.Dense(24 * 2, features)

    def __call__(self, x: Float32[Tensor, "b 1 20 20"]) -> Float[Tensor, "b features"]:
        h = self.block1(self.stem(x))
        h = self.block2(self.branches(h))
        average = h.mean(axis=(2, 3))
        largest = h.max(axis=(2, 3))
        return self.head(flux.concat([average, largest], axis=1))


def unit(x: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
    """Vectors of length 1."""
    return x / flux.sqrt(flux.sum(x * x, axis=-1, keepdims=True) + 1e-6)


class Projector(nn.Module):
    def __init__(self) -> None:
        self.layers = nn.Chain(
            nn.Dense(64, 64, bias=False),
            nn.BatchNorm(64),
            flux.relu,
            nn.Dense(64, 32),
        )

    def __call__(self, x: Float[Tensor, "b 64"]) -> Float[Tensor, "b 32"]:
        return unit(self.layers(x))


class SimCLR(nn.Module):
    def __init__(self) -> None:
        self.backbone = Backbone()
        self.projector = Projector()
        self.prototypes = flux.randn((10, 32))

    def embed(self, x: Float32[Tensor, "b 1 20 20"]) -> Float[Tensor, "b 32"]:
        return self.projector(self.backbone(x))

    def nearest(self, x: Float32[Tensor, "b 1 20 20"]) -> Int64[Tensor, "b"]:
        difference = self.embed(x)[:, None, :] - self.prototypes[None, :, :]
        distances = flux.sum(difference**2, axis=2)
        return flux.argmin(distances, axis=1)


def augment(x: Float32[Tensor, "b 1 20 20"]) -> Float32[Tensor, "b 1 20 20"]:
    """Mirrored, moved, and noisy."""
    mirrored = flux.flip(x, axis=3)
    padded = flux.pad(mirrored, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return padded[:, :, 1:21, 3:23] + 0.05 * flux.randn(x.shape)


def contrast(
    a: Float[Tensor, "b d"], b: Float[Tensor, "b d"], temperature: float = 0.5
) -> Float[Tensor, ""]:
    """NT-Xent: each view is to find its twin among all others."""
    n = a.shape[0]
    z = flux.concat([a, b], axis=0)
    similarity = z @ z.T / temperature
    itself: Bool[Tensor, "m m"] = flux.eye(2 * n) > 0
    similarity = flux.where(itself, -1e9, similarity)
    twins = flux.roll(flux.arange(2 * n), n, axis=0)
    return losses.logitcrossentropy(similarity, twins)


def pair_loss(
    model: SimCLR,
    left: Float32[Tensor, "b 1 20 20"],
    right: Float32[Tensor, "b 1 20 20"],
    same: Float32[Tensor, "b"],
) -> Float[Tensor, ""]:
    gap = model.embed(left) - model.embed(right)
    squared = flux.sum(gap**2, axis=1)
    margin = flux.relu(1 - flux.sqrt(squared + 1e-6))
    return flux.mean(same * squared + (1 - same) * margin**2)


def main() -> None:
    model = SimCLR()
    x, y = flux.rand((4, 1, 20, 20)), flux.rand((4, 1, 20, 20))

    def both(m: SimCLR) -> Float[Tensor, ""]:
        views = contrast(m.embed(augment(x)), m.embed(augment(x)))
        return views + pair_loss(m, x, y, flux.ones((4,)))

    value, _ = flux.withgradient(both, model)
    assert value.shape == ()
    assert model.nearest(x).shape == (4,)


if __name__ == "__main__":
    main()
