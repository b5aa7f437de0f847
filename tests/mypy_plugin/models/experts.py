"""A transformer block whose network is a mixture of experts."""

from __future__ import annotations

from typing import Any, Generic

from jaxtyping import Float, Float32, Int64
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, losses, nn

D = TypeVar("D", default=Any)
H = TypeVar("H", default=Any)
E = TypeVar("E", default=Any)


class Experts(nn.Module, Generic[E, D, H]):
    """All experts at once: one leading axis for each of them."""

    enter: Float32[Tensor, "E D H"]
    bias: Float32[Tensor, "E 1 H"]
    leave: Float32[Tensor, "E H D"]

    def __init__(self, experts: Size[E], size: Size[D], hidden: Size[H]) -> None:
        self.enter = flux.randn((experts, size, hidden)) * 0.1
        self.bias = flux.zeros((experts, 1, hidden))
        self.leave = flux.randn((experts, hidden, size)) * 0.1

    def __call__(self, x: Float[Tensor, "E tokens D"]) -> Float[Tensor, "E tokens D"]:
        h = flux.gelu(x @ self.enter + self.bias)
        return h @ self.leave


class Router(nn.Module, Generic[D, E]):
    """Which tokens go where, and how much they count."""

    def __init__(self, size: Size[D], experts: Size[E], k: int = 2) -> None:
        self.scores = nn.Dense(size, experts, bias=False)
        self.experts = experts
        self.k = k

    def __call__(
        self, x: Float[Tensor, "tokens D"]
    ) -> tuple[Float[Tensor, "tokens E"], Float[Tensor, ""]]:
        probabilities = flux.softmax(self.scores(x), axis=-1)
        best, chosen = flux.topk(probabilities, self.k)
        threshold = best[:, -1:]
        gates = flux.where(probabilities >= threshold, probabilities, 0.0)
        gates = gates / gates.sum(axis=-1, keepdims=True)
        first = flux.one_hot(chosen[:, 0], self.experts, dtype=flux.float32)
        load = flux.mean(first, axis=0) * flux.mean(probabilities, axis=0)
        return gates, self.experts * load.sum()


class MoE(nn.Module, Generic[D]):
    def __init__(self, size: Size[D]) -> None:
        self.router = Router(size, 4)
        self.experts = Experts(4, size, 48)

    def __call__(
        self, x: Float[Tensor, "*batch D"]
    ) -> tuple[Float[Tensor, "*batch D"], Float[Tensor, ""]]:
        *_, d = x.shape
        flat = x.reshape((-1, d))
        gates, balance = self.router(flat)
        copies = flux.einops_repeat(flat, "t d -> e t d", e=4)
        outputs = self.experts(copies)
        mixed = flux.einsum("te,etd->td", gates, outputs)
        return mixed.reshape(x.shape), balance


class Block(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        self.norm1 = nn.RMSNorm(size)
        self.attention = nn.MultiHeadAttention(size, heads)
        self.norm2 = nn.RMSNorm(size)
        self.network = MoE(size)

    def __call__(
        self, x: Float[Tensor, "b t d"]
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, ""]]:
        mask = flux.make_causal_mask(x.shape[1])
        x = x + self.attention(self.norm1(x), mask=mask)
        y, balance = self.network(self.norm2(x))
        return x + y, balance


class Model(nn.Module):
    def __init__(self, vocabulary: int = 40, size: int = 24, depth: int = 2) -> None:
        self.embed = nn.Embedding(vocabulary, size)
        self.positions = flux.randn((16, size)) * 0.02
        self.blocks = [Block(size, 3) for _ in range(depth)]
        self.norm = nn.RMSNorm(size)
        self.unembed = nn.Dense(size, vocabulary)

    def __call__(
        self, tokens: Int64[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b t vocabulary"], Float[Tensor, ""]]:
        t = tokens.shape[1]
        x = self.embed(tokens) + self.positions[:t]
        penalty = flux.zeros(())
        for block in self.blocks:
            x, balance = block(x)
            penalty = penalty + balance
        return self.unembed(self.norm(x)), penalty


def cost(model: Model, tokens: Int64[Tensor, "b t"]) -> Float[Tensor, ""]:
    scores, penalty = model(tokens[:, :-1])
    b, t, classes = scores.shape
    wanted = tokens[:, 1:].reshape((b * t,))
    return losses.logitcrossentropy(scores.reshape((b * t, classes)), wanted) + 0.01 * penalty


def main() -> None:
    model = Model()
    tokens = flux.randint(0, 40, (2, 9))
    value, _ = flux.withgradient(lambda m: cost(m, tokens), model)
    assert value.shape == ()


if __name__ == "__main__":
    main()
