"""A recommender: dense features and categories, crossed with each other."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int64

import typedflux as flux
from typedflux import Tensor, losses, nn


@dataclass(frozen=True)
class Config:
    """Sizes of the tables and of the networks."""

    dense_features: int = 13
    width: int = 16
    users: int = 100
    items: int = 200
    cities: int = 30
    cross_layers: int = 2


class CrossLayer(nn.Module):
    """x0 * (W x + b) + x, as in DCN."""

    weight: Float[Tensor, "d d"]
    bias: Float[Tensor, "d"]

    def __init__(self, size: int) -> None:
        self.weight = flux.randn((size, size)) * 0.05
        self.bias = flux.zeros((size,))

    def __call__(self, x0: Float[Tensor, "b d"], x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return x0 * (x @ self.weight + self.bias) + x


def interactions(vectors: Float[Tensor, "b n d"]) -> Float[Tensor, "b n n"]:
    """Products of all pairs, each once."""
    return flux.tril(flux.einsum("bnd,bmd->bnm", vectors, vectors), k=-1)


class Recommender(nn.Module):
    def __init__(self, config: Config) -> None:
        self.config = config
        self.user = nn.Embedding(config.users, config.width)
        self.item = nn.Embedding(config.items, config.width)
        self.city = nn.Embedding(config.cities, config.width)
        self.bottom = nn.Chain(
            nn.Dense(config.dense_features, 32, flux.relu), nn.Dense(32, config.width, flux.relu)
        )
        joined = 4 * config.width
        self.crosses = [CrossLayer(joined) for _ in range(config.cross_layers)]
        self.top = nn.Chain(
            nn.Dense(joined + 4 * 4, 32, flux.relu),
            nn.LayerNorm(32),
            nn.Dense(32, 1),
        )

    def vectors(
        self, dense: Float32[Tensor, "b 13"], categories: Int64[Tensor, "b 3"]
    ) -> Float[Tensor, "b 4 16"]:
        found = [
            self.bottom(dense),
            self.user(categories[:, 0]),
            self.item(categories[:, 1]),
            self.city(categories[:, 2]),
        ]
        return flux.stack(found, axis=1)

    def __call__(
        self, dense: Float32[Tensor, "b 13"], categories: Int64[Tensor, "b 3"]
    ) -> Float[Tensor, "b"]:
        v = self.vectors(dense, categories)
        b = v.shape[0]
        x0 = v.reshape((b, -1))
        x = x0
        for layer in self.crosses:
            x = layer(x0, x)
        pairs = flux.flatten(interactions(v))
        scores = self.top(flux.concat([x, pairs], axis=1))
        return scores[:, 0]


def popularity(history: Int64[Tensor, "n"], items: int) -> Float[Tensor, "items"]:
    """How often each item was taken, relative to the most common one."""
    counts = flux.sum(flux.one_hot(history, items, dtype=flux.float32), axis=0)
    return counts / flux.max(counts)


def ranked(
    model: Recommender, dense: Float32[Tensor, "b 13"], categories: Int64[Tensor, "b 3"], k: int
) -> tuple[Float[Tensor, "k"], Int64[Tensor, "k"]]:
    """The best of candidates."""
    return flux.topk(model(dense, categories), k)


def cost(
    model: Recommender,
    dense: Float32[Tensor, "b 13"],
    categories: Int64[Tensor, "b 3"],
    clicks: Float32[Tensor, "b"],
) -> Float[Tensor, ""]:
    scores = model(dense, categories)
    norm = flux.mean(flux.sqrt(flux.sum(model.vectors(dense, categories) ** 2, axis=-1)))
    return losses.logitbinarycrossentropy(scores, clicks) + 1e-4 * norm


def main() -> None:
    model = Recommender(Config())
    dense, categories = flux.randn((5, 13)), flux.randint(0, 30, (5, 3))
    clicks = flux.ones((5,))
    value, _ = flux.withgradient(lambda m: cost(m, dense, categories, clicks), model)
    assert value.shape == ()
    best, _ = ranked(model, dense, categories, 3)
    assert best.shape == (3,)
    assert popularity(flux.randint(0, 30, (9,)), 30).shape == (30,)


if __name__ == "__main__":
    main()
