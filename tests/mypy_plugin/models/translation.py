"""A recurrent encoder and decoder with attention over the source."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int

import typedflux as flux
from typedflux import Tensor, losses, nn


class Encoder(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(50, 16)
        self.rnn = nn.GRU(16, 24)

    def __call__(self, source: Int[Tensor, "batch s"]) -> Float[Tensor, "batch s 24"]:
        return self.rnn(self.embed(source))


class Decoder(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(60, 16)
        self.rnn = nn.GRU(16, 24)
        self.key = nn.Dense(24, 24, bias=False)
        self.out = nn.Chain(nn.Dense(48, 32, flux.tanh), nn.Dense(32, 60))

    def __call__(
        self,
        target: Int[Tensor, "batch t"],
        memory: Float[Tensor, "batch s 24"],
        mask: Bool[Tensor, "batch s"],
    ) -> Float[Tensor, "batch t 60"]:
        h = self.rnn(self.embed(target))
        scores = flux.einsum("bth,bsh->bts", h, self.key(memory))
        scores = flux.where(mask[:, None, :], scores, -1e9)
        context = flux.softmax(scores, axis=-1) @ memory
        return self.out(flux.concat([h, context], axis=-1))


class Translator(nn.Module):
    def __init__(self) -> None:
        self.encoder = Encoder()
        self.decoder = Decoder()

    def loss(
        self, source: Int[Tensor, "batch s"], target: Int[Tensor, "batch t"]
    ) -> Float[Tensor, ""]:
        memory = self.encoder(source)
        logits = self.decoder(target[:, :-1], memory, source != 0)
        wanted = target[:, 1:]
        kept = (wanted != 0).astype(flux.float32)
        each = losses.logitcrossentropy(logits, wanted, agg=flux.identity)
        return (each * kept).sum() / kept.sum()


def main() -> None:
    model = Translator()
    source, target = flux.randint(1, 50, (3, 7)), flux.randint(1, 60, (3, 6))
    value, _ = flux.withgradient(lambda m: m.loss(source, target), model)
    assert value.shape == ()


if __name__ == "__main__":
    main()
