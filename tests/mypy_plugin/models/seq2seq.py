"""A recurrent translator: a bidirectional encoder, and a decoder that attends at each step."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int64

import typedflux as flux
from typedflux import Tensor, losses, nn

SOURCE = 50
TARGET = 60
WIDTH = 32


class Encoder(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        self.embed = nn.Embedding(vocabulary, width)
        self.rnn = nn.GRU(width, width, bidirectional=True)
        self.bridge = nn.Dense(2 * width, width, flux.tanh)

    def __call__(
        self, tokens: Int64[Tensor, "b s"]
    ) -> tuple[Float[Tensor, "b s d"], Float[Tensor, "b d"]]:
        states = self.bridge(self.rnn(self.embed(tokens)))
        return states, states.mean(axis=1)


class AdditiveAttention(nn.Module):
    """Bahdanau's: v . tanh(W q + U k)."""

    def __init__(self, width: int, hidden: int) -> None:
        self.query = nn.Dense(width, hidden, bias=False)
        self.key = nn.Dense(width, hidden, bias=False)
        self.energy = flux.randn((hidden,)) * 0.1

    def __call__(
        self,
        state: Float[Tensor, "b d"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "b s"],
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b s"]]:
        mixed = flux.tanh(flux.expand_dims(self.query(state), axis=1) + self.key(memory))
        scores = mixed @ self.energy
        scores = flux.where(mask, scores, -1e9)
        weights = flux.softmax(scores, axis=-1)
        context = flux.squeeze(weights[:, None, :] @ memory, axis=1)
        return context, weights


class Decoder(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        self.embed = nn.Embedding(vocabulary, width)
        self.cell = nn.GRUCell(2 * width, width)
        self.attend = AdditiveAttention(width, 24)
        self.readout = nn.Chain(nn.Dense(2 * width, width, flux.relu), nn.Dense(width, vocabulary))

    def step(
        self,
        token: Int64[Tensor, "b"],
        state: Float[Tensor, "b d"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "b s"],
    ) -> tuple[Float[Tensor, "b v"], Float[Tensor, "b d"]]:
        context, _ = self.attend(state, memory, mask)
        joined = flux.concat([self.embed(token), context], axis=-1)
        out, state = self.cell(joined, state)
        return self.readout(flux.concat([out, context], axis=1)), state


class Seq2Seq(nn.Module):
    def __init__(self) -> None:
        self.encoder = Encoder(SOURCE, WIDTH)
        self.decoder = Decoder(TARGET, WIDTH)

    def __call__(
        self, source: Int64[Tensor, "b s"], target: Int64[Tensor, "b t"]
    ) -> Float[Tensor, "b t 60"]:
        memory, state = self.encoder(source)
        mask = source != 0
        outputs = []
        for i in range(target.shape[1]):
            scores, state = self.decoder.step(target[:, i], state, memory, mask)
            outputs.append(scores)
        return flux.stack(outputs, axis=1)

    def translate(self, source: Int64[Tensor, "b s"], length: int) -> Int64[Tensor, "b n"]:
        memory, state = self.encoder(source)
        mask = source != 0
        token = flux.ones((source.shape[0],), dtype=flux.int64)
        found = []
        for _ in range(length):
            scores, state = self.decoder.step(token, state, memory, mask)
            token = flux.argmax(scores, axis=-1)
            found.append(token)
        return flux.stack(found, axis=1)


def cost(
    model: Seq2Seq, source: Int64[Tensor, "b s"], target: Int64[Tensor, "b t"]
) -> Float[Tensor, ""]:
    scores = model(source, target[:, :-1])
    wanted = target[:, 1:]
    flat = scores.reshape((-1, TARGET))
    return losses.logitcrossentropy(flat, wanted.reshape((flat.shape[0],)))


def main() -> None:
    model = Seq2Seq()
    source, target = flux.randint(1, SOURCE, (3, 7)), flux.randint(1, TARGET, (3, 6))
    value, _ = flux.withgradient(lambda m: cost(m, source, target), model)
    assert value.shape == ()
    assert model.translate(source, 4).shape == (3, 4)


if __name__ == "__main__":
    main()
