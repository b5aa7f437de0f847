"""A sequence-to-sequence transformer: encoder, decoder with cross-attention, greedy decoding."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int

import typedflux as flux
from typedflux import Tensor, nn


@dataclass(frozen=True)
class Config:
    d_model: int = 32
    n_heads: int = 4
    d_ff: int = 64
    source_words: int = 50
    target_words: int = 60


def sinusoids(length: int, width: int) -> Float[Tensor, "_ _"]:
    position = flux.arange(length, dtype=flux.float32)[:, None]
    rate = flux.exp(flux.arange(0, width, 2, dtype=flux.float32) * (-math.log(10000.0) / width))
    angle = position * rate
    return flux.stack([flux.sin(angle), flux.cos(angle)], axis=-1).reshape((length, width))


class Attention(nn.Module):
    def __init__(self) -> None:
        self.q = nn.Dense(32, 32)
        self.kv = nn.Dense(32, 64)
        self.out = nn.Dense(32, 32)

    def __call__(
        self,
        x: Float[Tensor, "b t 32"],
        memory: Float[Tensor, "b s 32"],
        mask: Bool[Tensor, "t s"] | None = None,
    ) -> Float[Tensor, "b t 32"]:
        q = flux.rearrange(self.q(x), "b t (h d) -> b h t d", h=4)
        k, v = flux.split(self.kv(memory), 2, axis=-1)
        k = flux.rearrange(k, "b s (h d) -> b h s d", h=4)
        v = flux.rearrange(v, "b s (h d) -> b h s d", h=4)
        scores = flux.einsum("bhtd,bhsd->bhts", q, k) / math.sqrt(8)
        if mask is not None:
            scores = flux.where(mask, scores, -math.inf)
        mixed = flux.einsum("bhts,bhsd->bhtd", flux.softmax(scores, axis=-1), v)
        return self.out(flux.rearrange(mixed, "b h t d -> b t (h d)"))


class FeedForward(nn.Module):
    def __init__(self) -> None:
        self.widen = nn.Dense(32, 64, flux.relu)
        self.narrow = nn.Dense(64, 32)

    def __call__(self, x: Float[Tensor, "*lead 32"]) -> Float[Tensor, "*lead 32"]:
        return self.narrow(self.widen(x))


class EncoderLayer(nn.Module):
    def __init__(self) -> None:
        self.attention = Attention()
        self.feed = FeedForward()
        self.norms = (nn.LayerNorm(32), nn.LayerNorm(32))

    def __call__(self, x: Float[Tensor, "b s 32"]) -> Float[Tensor, "b s 32"]:
        first, second = self.norms
        x = first(x + self.attention(x, x))
        return second(x + self.feed(x))


class DecoderLayer(nn.Module):
    def __init__(self) -> None:
        self.own = Attention()
        self.cross = Attention()
        self.feed = FeedForward()
        self.norm1 = nn.LayerNorm(32)
        self.norm2 = nn.LayerNorm(32)
        self.norm3 = nn.LayerNorm(32)

    def __call__(
        self, y: Float[Tensor, "b t 32"], memory: Float[Tensor, "b s 32"]
    ) -> Float[Tensor, "b t 32"]:
        t = y.shape[1]
        causal = flux.arange(t)[:, None] >= flux.arange(t)
        y = self.norm1(y + self.own(y, y, mask=causal))
        y = self.norm2(y + self.cross(y, memory))
        return self.norm3(y + self.feed(y))


class Transformer(nn.Module):
    def __init__(self, config: Config) -> None:
        self.source = nn.Embedding(50, 32)
        self.target = nn.Embedding(60, 32)
        self.encoder = [EncoderLayer() for _ in range(2)]
        self.decoder = [DecoderLayer() for _ in range(2)]
        self.head = nn.Dense(32, 60)
        self.scale = math.sqrt(config.d_model)

    def encode(self, tokens: Int[Tensor, "b s"]) -> Float[Tensor, "b s 32"]:
        x = self.source(tokens) * self.scale + sinusoids(tokens.shape[1], 32)
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(
        self, tokens: Int[Tensor, "b t"], memory: Float[Tensor, "b s 32"]
    ) -> Float[Tensor, "b t 60"]:
        y = self.target(tokens) * self.scale + sinusoids(tokens.shape[1], 32)
        for layer in self.decoder:
            y = layer(y, memory)
        return self.head(y)


def smoothed_loss(
    logits: Float[Tensor, "b t 60"], targets: Int[Tensor, "b t"]
) -> Float[Tensor, ""]:
    wanted = 0.9 * flux.one_hot(targets, 60) + 0.1 / 60
    return -(wanted * flux.logsoftmax(logits, axis=-1)).sum(axis=-1).mean()


def loss(
    model: Transformer, source: Int[Tensor, "b s"], target: Int[Tensor, "b t"]
) -> Float[Tensor, ""]:
    logits = model.decode(target[:, :-1], model.encode(source))
    return smoothed_loss(logits, target[:, 1:])


def greedy(model: Transformer, source: Int[Tensor, "b s"], steps: int) -> Int[Tensor, "b _"]:
    memory = model.encode(source)
    tokens = flux.zeros((source.shape[0], 1), dtype=flux.int64)
    for _ in range(steps):
        best = model.decode(tokens, memory)[:, -1].argmax(axis=-1)
        tokens = flux.concat([tokens, best[:, None]], axis=1)
    return tokens


def main() -> None:
    model = Transformer(Config())
    source, target = flux.randint(0, 50, (3, 7)), flux.randint(0, 60, (3, 6))
    value, _ = flux.withgradient(lambda m: loss(m, source, target), model)
    assert value.shape == ()
    assert greedy(model, source, 2).shape == (3, 3)


if __name__ == "__main__":
    main()
