"""Modules with sizes of their own, in longer programs."""

PROGRAMS = '''
=== residual_tower
D = TypeVar("D")


class Residual(nn.Module, Generic[D]):
    def __init__(self, d: Size[D], dropout: float = 0.1) -> None:
        self.norm = nn.LayerNorm(d)
        self.dense = nn.Dense(d, d, flux.gelu)
        self.dropout = nn.Dropout(dropout)

    def __call__(self, x: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
        return x + self.dropout(self.dense(self.norm(x)))
        #! return self.norm(x) @ self.dense.weight[0]


class Tower(nn.Module):
    def __init__(self, classes: int) -> None:
        self.stem = nn.Dense(20, 64)
        #! self.stem = nn.Dense(20, 46)
        self.blocks = [Residual(64) for _ in range(3)]
        self.last = Residual(64)
        #! self.last = Residual(32)
        self.head = nn.Dense(64, 5)

    def __call__(self, x: Float[Tensor, "batch 20"]) -> Float[Tensor, "batch 5"]:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)  #?
        return self.head(self.last(x))  #?


def main() -> None:
    Tower(5)(flux.rand((2, 20)))

=== variational
Data = TypeVar("Data")
Latent = TypeVar("Latent")


class Encoder(nn.Module, Generic[Data, Latent]):
    def __init__(self, size: Size[Data], latent: Size[Latent]) -> None:
        self.body = nn.Dense(size, 50, flux.relu)
        self.mean = nn.Dense(50, latent)
        self.spread = nn.Dense(50, latent)
        #! self.spread = nn.Dense(50, size)

    def __call__(
        self, x: Float[Tensor, "b Data"]
    ) -> tuple[Float[Tensor, "b Latent"], Float[Tensor, "b Latent"]]:
        h = self.body(x)
        return self.mean(h), self.spread(h)  #?


class Decoder(nn.Module, Generic[Latent, Data]):
    def __init__(self, latent: Size[Latent], size: Size[Data]) -> None:
        self.body = nn.Dense(latent, 50, flux.relu)
        self.out = nn.Dense(50, size, flux.sigmoid)

    def __call__(self, z: Float[Tensor, "b Latent"]) -> Float[Tensor, "b Data"]:
        return self.out(self.body(z))
        #! return self.out(z)


def elbo(
    encoder: Encoder[Data, Latent], decoder: Decoder[Latent, Data], x: Float32[Tensor, "b Data"]
) -> Float[Tensor, ""]:
    mean, log_var = encoder(x)
    z = mean + flux.exp(0.5 * log_var) * flux.randn(mean.shape)
    y = decoder(z)
    #! y = decoder(x)
    kl = -0.5 * (1 + log_var - mean**2 - flux.exp(log_var)).sum(axis=1)
    return ((x - y) ** 2).sum(axis=1).mean() + kl.mean()


def main() -> None:
    elbo(Encoder(12, 3), Decoder(3, 12), flux.rand((4, 12)))
    #! elbo(Encoder(12, 3), Decoder(4, 12), flux.rand((4, 12)))

=== subclass_with_literals
In = TypeVar("In")
Out = TypeVar("Out")


class Affine(nn.Module, Generic[In, Out]):
    weight: Float32[Tensor, "In Out"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = flux.randn((in_, out))

    def __call__(self, x: Float32[Tensor, "n In"]) -> Float32[Tensor, "n Out"]:
        return x @ self.weight
        #! return self.weight @ x


class Digits(Affine[Literal[64], Literal[10]]):
    def __init__(self) -> None:
        super().__init__(64, 10)

    def probabilities(self, x: Float32[Tensor, "n 64"]) -> Float32[Tensor, "n 10"]:
        return flux.softmax(self(x), axis=-1)
        #! return flux.softmax(self(x.T), axis=-1)


def main() -> None:
    d = Digits()
    d.probabilities(flux.rand((2, 64)))
    print(d(flux.rand((3, 64))) @ flux.ones((10, 1)))
    #! print(d(flux.rand((3, 64))) @ flux.ones((64, 1)))

=== self_attention_heads
Width = TypeVar("Width")
Head = TypeVar("Head")


class OneHead(nn.Module, Generic[Width, Head]):
    q: Float32[Tensor, "Width Head"]
    k: Float32[Tensor, "Width Head"]
    v: Float32[Tensor, "Width Head"]

    def __init__(self, width: Size[Width], head: Size[Head]) -> None:
        self.q, self.k, self.v = (flux.randn((width, head)) for _ in range(3))

    def __call__(self, x: Float32[Tensor, "b t Width"]) -> Float32[Tensor, "b t Head"]:
        q, k, v = x @ self.q, x @ self.k, x @ self.v
        #! q, k, v = x @ self.q, x @ self.k.T, x @ self.v
        scores = flux.softmax(q @ k.mT / q.shape[-1] ** 0.5)
        #! scores = flux.softmax(q @ self.k / q.shape[-1] ** 0.5)
        return scores @ v


def two_heads(x: Float32[Tensor, "b t 16"]) -> Float32[Tensor, "b t 12"]:
    first, second = OneHead(16, 4), OneHead(16, 8)
    #! first, second = OneHead(16, 4), OneHead(15, 8)
    return flux.concat([first(x), second(x)], axis=-1)  #?
    #! return flux.concat([first(x), second(x)], axis=1)


def main() -> None:
    two_heads(flux.rand((2, 3, 16)))

=== pointwise_network
C = TypeVar("C")
F = TypeVar("F")


class PointNet(nn.Module, Generic[C, F]):
    """Features of a cloud of points, whatever their order."""

    def __init__(self, coordinates: Size[C], features: Size[F]) -> None:
        self.lift = nn.Dense(coordinates, features, flux.relu)
        self.mix = nn.Dense(2 * features, features, flux.relu)
        #! self.mix = nn.Dense(features, features, flux.relu)

    def __call__(self, x: Float32[Tensor, "b n C"]) -> Float[Tensor, "b F"]:
        h = self.lift(x)
        top = h.max(axis=1, keepdims=True)
        pair = flux.concat([h, flux.broadcast_to(top, h.shape)], axis=-1)
        #! pair = flux.concat([h, top], axis=-1)
        return self.mix(pair).max(axis=1)  #?


def classify(cloud: Float32[Tensor, "b n 3"]) -> Float[Tensor, "b 40"]:
    net = PointNet(3, 32)
    head = nn.Dense(32, 40)
    return head(net(cloud))
    #! return head(net(cloud.mT))


def main() -> None:
    classify(flux.rand((2, 7, 3)))

=== memory_bank
N = TypeVar("N")
D = TypeVar("D")


class Bank(Generic[N, D]):
    """The last `n` keys, oldest first."""

    keys: Float32[Tensor, "N D"]

    def __init__(self, n: Size[N], d: Size[D]) -> None:
        self.keys = flux.zeros((n, d))

    def push(self, new: Float32[Tensor, "b D"]) -> None:
        n = self.keys.shape[0]
        self.keys = flux.concat([self.keys, new])[-n:]
        #! self.keys = flux.concat([self.keys, new], axis=1)[-n:]

    def scores(self, query: Float32[Tensor, "b D"]) -> Float32[Tensor, "b N"]:
        return query @ self.keys.T
        #! return query @ self.keys


def moco(bank: Bank[N, D], q: Float32[Tensor, "b D"], k: Float32[Tensor, "b D"]) -> Tensor:
    positive = (q * k).sum(axis=1, keepdims=True)
    logits = flux.concat([positive, bank.scores(q)], axis=1)
    #! logits = flux.concat([positive, bank.scores(q).T], axis=1)
    bank.push(k)
    return losses.logitcrossentropy(logits, flux.zeros(q.shape[0], dtype=flux.int64))


def main() -> None:
    bank = Bank(8, 4)
    moco(bank, flux.rand((2, 4)), flux.rand((2, 4)))
    bank.push(flux.rand((3, 4)))
    #! bank.push(flux.rand((3, 5)))

=== modern_syntax imports
from __future__ import annotations

from typing import Generic, TypeVar

import typedflux as flux
from jaxtyping import Float
from typedflux import Size, Tensor, nn

Model = TypeVar("Model")
Inner = TypeVar("Inner")


class SwiGLU(nn.Module, Generic[Model, Inner]):
    gate: nn.Dense[Model, Inner]
    value: nn.Dense[Model, Inner]
    out: nn.Dense[Inner, Model]

    def __init__(self, model: Size[Model], inner: Size[Inner]) -> None:
        self.gate = nn.Dense(model, inner, flux.swish, bias=False)
        self.value = nn.Dense(model, inner, bias=False)
        #! self.value = nn.Dense(inner, model, bias=False)
        self.out = nn.Dense(inner, model, bias=False)

    def __call__(self, x: Float[Tensor, "*batch Model"]) -> Float[Tensor, "*batch Model"]:
        return self.out(self.gate(x) * self.value(x))  #?
        #! return self.out(self.gate(x) * x)


class Block(nn.Module, Generic[Model]):
    def __init__(self, model: Size[Model]) -> None:
        self.norm = nn.RMSNorm(model)
        self.ff = SwiGLU(model, 3 * model)

    def __call__(self, x: Float[Tensor, "b t Model"]) -> Float[Tensor, "b t Model"]:
        return x + self.ff(self.norm(x))
        #! return x + self.ff.gate(self.norm(x))


def main() -> None:
    Block(4)(flux.rand((2, 3, 4)))
'''
