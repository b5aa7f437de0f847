"""A small GPT: token and position embeddings, pre-norm blocks, a tied-size head, and generation."""

from __future__ import annotations

from typing import Generic

from jaxtyping import Bool, Float, Int
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Tensor, losses, nn
from typedflux.checks import Size

D = TypeVar("D")
V = TypeVar("V")


class Attention(nn.Module, Generic[D]):
    def __init__(self, d: Size[D], heads: int) -> None:
        self.qkv = nn.Dense(d, 3 * d)
        self.out = nn.Dense(d, d)
        self.heads = heads

    def __call__(self, x: Float[Tensor, "batch time D"]) -> Float[Tensor, "batch time D"]:
        b, t, d = x.shape
        q, k, v = flux.split(self.qkv(x), 3, axis=-1)
        q = q.reshape((b, t, self.heads, d // self.heads)).permute_dims((0, 2, 1, 3))
        k = k.reshape((b, t, self.heads, d // self.heads)).permute_dims((0, 2, 1, 3))
        v = v.reshape((b, t, self.heads, d // self.heads)).permute_dims((0, 2, 1, 3))
        scores = q @ k.mT / (d // self.heads) ** 0.5
        mask: Bool[Tensor, "time time"] = flux.tril(flux.ones((t, t), dtype=flux.bool))
        weights = flux.softmax(flux.where(mask, scores, -1e9), axis=-1)
        y = (weights @ v).permute_dims((0, 2, 1, 3)).reshape((b, t, d))
        return self.out(y)


class Block(nn.Module, Generic[D]):
    def __init__(self, d: Size[D], heads: int) -> None:
        self.norm1 = nn.LayerNorm(d)
        self.attention = Attention(d, heads)
        self.norm2 = nn.LayerNorm(d)
        self.mlp = nn.Chain(nn.Dense(d, 4 * d, flux.gelu), nn.Dense(4 * d, d), nn.Dropout(0.1))

    def __call__(self, x: Float[Tensor, "batch time D"]) -> Float[Tensor, "batch time D"]:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module, Generic[V, D]):
    def __init__(self, vocabulary: Size[V], context: int, d: Size[D], heads: int) -> None:
        self.tokens = nn.Embedding(vocabulary, d)
        self.positions = nn.Embedding(context, d)
        self.blocks = [Block(d, heads) for _ in range(2)]
        self.norm = nn.LayerNorm(d)
        self.head = nn.Dense(d, vocabulary, bias=False)

    def __call__(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time V"]:
        positions = flux.arange(tokens.shape[1])
        x = self.tokens(tokens) + self.positions(positions)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def loss(model: GPT[96, 32], tokens: Int[Tensor, "batch time+1"]) -> Float[Tensor, ""]:
    logits = model(tokens[:, :-1])
    return losses.logitcrossentropy(logits, tokens[:, 1:])


def generate(
    model: GPT[96, 32], prompt: Int[Tensor, "batch time"], steps: int
) -> Int[Tensor, "batch _"]:
    tokens = prompt
    for _ in range(steps):
        logits = model(tokens)[:, -1]
        chosen = flux.argmax(logits, axis=-1)
        tokens = flux.concat([tokens, chosen[:, None]], axis=1)
    return tokens


def main() -> None:
    model = GPT(96, 16, 32, 4)
    tokens = flux.randint(0, 96, (2, 9))
    value, grads = flux.withgradient(lambda m: loss(m, tokens), model)
    assert value.shape == () and grads is not None
    assert generate(model, tokens[:, :5], 3).shape == (2, 8)


if __name__ == "__main__":
    main()
