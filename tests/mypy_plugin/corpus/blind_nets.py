"""Convolutions, attention, recurrent nets, chains and modules in other people's styles."""

PROGRAMS = r'''
=== lenet_attributes imports
from __future__ import annotations

import typedflux as flux
import typedflux.nn as nn
from jaxtyping import Float32
from typedflux import Tensor


class LeNet(nn.Module):
    """The classic, PyTorch style."""

    def __init__(self, num_classes: int = 10) -> None:
        self.conv1 = nn.Conv((5, 5), 1, 6, padding=2)
        self.conv2 = nn.Conv((5, 5), 6, 16)
        #! self.conv2 = nn.Conv((5, 5), 8, 16)
        self.pool = nn.MeanPool((2, 2))
        self.fc1 = nn.Dense(16 * 5 * 5, 120)
        #! self.fc1 = nn.Dense(16 * 4 * 4, 120)
        self.fc2 = nn.Dense(120, 84)
        self.fc3 = nn.Dense(84, num_classes)

    def __call__(self, x: Float32[Tensor, "b 1 28 28"]) -> Float32[Tensor, "b _"]:
        x = self.pool(flux.tanh(self.conv1(x)))
        x = self.pool(flux.tanh(self.conv2(x)))  #?
        x = x.reshape((x.shape[0], -1))
        x = flux.tanh(self.fc1(x))  #?
        x = flux.tanh(self.fc2(x))
        return self.fc3(x)


def main() -> None:
    net = LeNet()
    print(net(flux.randn((2, 1, 28, 28))).shape)
    #! print(net(flux.randn((2, 28, 28))).shape)

=== conv1d_text
class TextCNN(nn.Module):
    def __init__(self, vocab: int, dim: int, widths: tuple[int, ...] = (3, 4, 5)) -> None:
        self.embedding = nn.Embedding(vocab, dim)
        self.convs = [nn.Conv((w,), dim, 16, flux.relu) for w in widths]
        self.out = nn.Dense(16 * len(widths), 2)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b 2"]:
        x = self.embedding(tokens).permute_dims((0, 2, 1))
        pooled = [c(x).max(axis=2) for c in self.convs]
        return self.out(flux.concat(pooled, axis=1))


def main() -> None:
    out = TextCNN(50, 8)(flux.randint(0, 50, (3, 12)))
    #! out = TextCNN(50, 8)(flux.randn((3, 12)))
    conv = nn.Conv((3,), 8, 16, stride=2)
    #! conv = nn.Conv((3, 3), 8, 16, stride=2)
    y: Float[Tensor, "3 16 5"] = conv(flux.randn((3, 8, 12)))  #?
    print(out + flux.ones(2), y)
    #! print(out + flux.ones(16), y)

=== residual_helper imports
import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor, nn


def conv3x3(cin: int, cout: int, stride: int = 1) -> nn.Conv:
    return nn.Conv((3, 3), cin, cout, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, channels: int) -> None:
        self.a = conv3x3(channels, channels)
        self.bn1, self.bn2 = nn.BatchNorm(channels), nn.BatchNorm(channels)
        self.b = conv3x3(channels, channels)

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        out = flux.relu(self.bn1(self.a(x)))
        out = self.bn2(self.b(out))
        return flux.relu(out + x)


def main() -> None:
    block = BasicBlock(8)
    stem = nn.Conv((7, 7), 3, 8, stride=2, padding=3)
    #! stem = nn.Conv((7, 7), 1, 8, stride=2, padding=3)
    y = block(stem(flux.randn((1, 3, 32, 32))))  #?
    print(y.mean(axis=(2, 3)) + flux.zeros((1, 8)))
    #! print(y.mean(axis=(1, 2)) + flux.zeros((1, 8)))

=== functional_conv
def sobel(img: Float32[Tensor, "b 1 h w"]) -> Float32[Tensor, "b 2 h-2 w-2"]:
    kx = flux.asarray([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    k = flux.stack([kx, kx.T])[:, None]
    #! k = flux.stack([kx, kx.T])[None, :]
    return flux.conv(img, k)  #?


def main() -> None:
    edges = sobel(flux.rand((2, 1, 16, 16)))
    magnitude = flux.sqrt((edges**2).sum(axis=1))
    print(magnitude - flux.zeros((14, 14)))
    #! print(magnitude - flux.zeros((16, 16)))

=== decoder_sizes
class Decoder(nn.Module):
    def __init__(self, latent: int = 32) -> None:
        self.project = nn.Dense(latent, 64 * 4 * 4)
        #!later self.project = nn.Dense(latent, 64 * 4)
        self.up1 = nn.ConvTranspose((4, 4), 64, 32, flux.relu, stride=2, padding=1)
        self.up2 = nn.ConvTranspose((4, 4), 32, 3, stride=2, padding=1)
        #! self.up2 = nn.ConvTranspose((4, 4), 64, 3, stride=2, padding=1)

    def __call__(self, z: Float[Tensor, "b 32"]) -> Float[Tensor, "b 3 16 16"]:
        h = self.project(z).reshape((-1, 64, 4, 4))
        h = self.up1(h)
        return flux.sigmoid(self.up2(h))  #?
        #! return flux.sigmoid(self.up1(h))


def main() -> None:
    print(Decoder()(flux.randn((2, 32))).shape)

=== chain_strings
def main() -> None:
    net = nn.Chain(
        nn.Conv((3, 3), 3, 16, flux.relu, padding="same"),
        nn.MaxPool((2, 2)),
        nn.Conv((3, 3), 16, 32, flux.relu, padding="same"),
        #! nn.Conv((3, 3), 3, 32, flux.relu, padding="same"),
        nn.GlobalMeanPool(),
        nn.Flatten(),
        head=nn.Dense(32, 5),
        #! head=nn.Dense(64, 5),
    )
    x = flux.randn((2, 3, 16, 16))
    #! x = flux.randn((2, 1, 16, 16))
    y: Float32[Tensor, "2 5"] = net(x)  #?
    print(y)

=== sequential_by_loop imports
import typedflux as flux
from typedflux import nn


def mlp(sizes: list[int]) -> nn.Chain:
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers.append(nn.Dense(a, b, flux.relu))
    return nn.Chain(*layers)


def main() -> None:
    net = mlp([4, 16, 16, 2])
    out = net(flux.randn((8, 4)))
    extra = nn.Chain(nn.Dense(2, 3), nn.LayerNorm(3), flux.tanh, nn.Dense(3, 1))
    #!later extra = nn.Chain(nn.Dense(2, 3), nn.LayerNorm(4), flux.tanh, nn.Dense(3, 1))
    print(extra(flux.asarray(out)).shape, extra(flux.ones((3, 2))).shape)
    #! print(extra(flux.asarray(out)).shape, extra(flux.ones((3, 4))).shape)

=== lambda_layers
def main() -> None:
    model = nn.Chain(
        nn.Dense(10, 24, flux.relu),
        lambda h: h.reshape((-1, 4, 6)),
        #! lambda h: h.reshape((-1, 5, 6)),
        lambda h: h.mean(axis=1),
        nn.Dense(6, 2),
    )
    print(model(flux.ones((3, 10))).sum(axis=0) * flux.ones(2))  #?
    #! print(model(flux.ones((3, 10))).sum(axis=1) * flux.ones(2))

=== skip_and_parallel
def main() -> None:
    trunk = nn.SkipConnection(nn.Chain(nn.Dense(8, 32, flux.gelu), nn.Dense(32, 8)), flux.add)
    #! trunk = nn.SkipConnection(nn.Chain(nn.Dense(8, 32, flux.gelu), nn.Dense(32, 16)), flux.add)
    heads = nn.Parallel(lambda a, b: flux.concat([a, b], axis=-1), nn.Dense(8, 3), nn.Dense(8, 1))
    both = nn.Chain(trunk, heads)
    y = both(flux.randn((4, 8)))  #?
    value, policy = y[:, 3], y[:, :3]
    print(value.shape, flux.softmax(policy) @ flux.ones((3, 2)))
    #! print(value.shape, flux.softmax(policy) @ flux.ones((4, 2)))

=== single_head_attention
class Head(nn.Module):
    """One head of self-attention, after a well-known tutorial."""

    def __init__(self, n_embd: int, head_size: int) -> None:
        self.key = nn.Dense(n_embd, head_size, bias=False)
        self.query = nn.Dense(n_embd, head_size, bias=False)
        self.value = nn.Dense(n_embd, head_size, bias=False)

    def __call__(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T hs"]:
        B, T, C = x.shape
        k, q, v = self.key(x), self.query(x), self.value(x)
        wei = q @ k.mT * C**-0.5
        mask = flux.tril(flux.ones((T, T))) == 0
        #! mask = flux.tril(flux.ones((C, T))) == 0
        wei = flux.where(mask, float("-inf"), wei)  #?
        return flux.softmax(wei, axis=-1) @ v


def main() -> None:
    y = Head(12, 4)(flux.randn((2, 5, 12)))
    #! y = Head(12, 4)(flux.randint(0, 9, (2, 5, 12)))
    print(y)

=== heads_by_einsum
def attention(
    q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h t d"]:
    logits = flux.einsum("bhtd,bhsd->bhts", q, k)
    weights = flux.softmax(logits / q.shape[-1] ** 0.5, axis=-1)
    return flux.einsum("bhts,bhsd->bhtd", weights, v)
    #! return flux.einsum("bhts,bhtd->bhsd", weights, v)


def split_heads(x: Float[Tensor, "b t 24"]) -> Float[Tensor, "b 4 t 6"]:
    b, t, _ = x.shape
    return x.reshape((b, t, 4, 6)).permute_dims((0, 2, 1, 3))
    #!silent return x.reshape((b, t, 6, 4)).permute_dims((0, 2, 1, 3))


def main() -> None:
    q, kv = split_heads(flux.randn((2, 3, 24))), split_heads(flux.randn((2, 7, 24)))
    out = attention(q, kv, kv)
    #! out = attention(q, kv, q)
    print(out.permute_dims((0, 2, 1, 3)).reshape((2, 3, 24)))

=== library_attention
class CrossBlock(nn.Module):
    def __init__(self, d: int = 16) -> None:
        self.norm = nn.LayerNorm(d)
        self.attend = nn.MultiHeadAttention(16, 4)
        self.ff = nn.Chain(nn.Dense(16, 64, flux.gelu), nn.Dense(64, 16))

    def __call__(
        self, x: Float[Tensor, "b t 16"], memory: Float[Tensor, "b s 16"]
    ) -> Float[Tensor, "b t 16"]:
        x = x + self.attend(self.norm(x), memory)
        #! x = x + self.attend(memory, self.norm(x))
        return x + self.ff(x)
        #! return x + self.ff(memory)


def main() -> None:
    block = CrossBlock()
    print(block(flux.randn((2, 5, 16)), flux.randn((2, 3, 16))))
    #! print(block(flux.randn((2, 5, 16)), flux.randn((4, 3, 16))))

=== gru_loop
class Tagger(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(30, 8)
        self.cell = nn.GRUCell(8, 12)
        #! self.cell = nn.GRUCell(12, 8)
        self.tag = nn.Dense(12, 5)

    def __call__(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t 5"]:
        xs = self.embed(tokens)
        h = flux.zeros((tokens.shape[0], 12))
        #! h = flux.zeros((tokens.shape[1], 12))
        outs = []
        for t in range(tokens.shape[1]):
            y, h = self.cell(xs[:, t], h)  #?
            outs.append(self.tag(y))
        return flux.stack(outs, axis=1)


def main() -> None:
    print(Tagger()(flux.randint(0, 30, (2, 4))))

=== lstm_many_to_one
class Forecaster(nn.Module):
    def __init__(self, features: int, hidden: int = 20) -> None:
        self.lstm = nn.LSTM(3, 20)
        self.readout = nn.Dense(20, 1)

    def __call__(self, window: Float[Tensor, "b t 3"]) -> Float[Tensor, "b"]:
        out = self.lstm(window)
        last = out[:, -1]
        #! last = out[-1]
        return self.readout(last)[:, 0]  #?
        #! return self.readout(last)


def main() -> None:
    net = Forecaster(3)
    y = net(flux.randn((4, 9, 3)))
    #! y = net(flux.randn((4, 3, 9)))
    print(losses.mse(y, flux.zeros(4)))

=== bidirectional_encoder
def main() -> None:
    enc = nn.GRU(6, 10, bidirectional=True)
    x = flux.randn((2, 7, 6))
    states = enc(x)
    head = nn.Dense(20, 4)
    #! head = nn.Dense(10, 4)
    scores = head(states)  #?
    pooled = scores.mean(axis=1)
    print(pooled - flux.ones((2, 4)))
    #! print(pooled - flux.ones((7, 4)))

=== hand_written_rnn
class RNN(NamedTuple):
    wx: Float[Tensor, "5 8"]
    wh: Float[Tensor, "8 8"]
    b: Float[Tensor, "8"]

    def step(self, h: Float[Tensor, "n 8"], x: Float[Tensor, "n 5"]) -> Float[Tensor, "n 8"]:
        return flux.tanh(x @ self.wx + h @ self.wh + self.b)
        #! return flux.tanh(x @ self.wh + h @ self.wx + self.b)

    def run(self, xs: Float[Tensor, "n t 5"]) -> Float[Tensor, "n 8"]:
        h = flux.zeros((xs.shape[0], 8))
        for i in range(xs.shape[1]):
            h = self.step(h, xs[:, i, :])
            #! h = self.step(h, xs[:, :, i])
        return h


def main() -> None:
    net = RNN(flux.randn((5, 8)), flux.randn((8, 8)), flux.zeros(8))
    #!later net = RNN(flux.randn((8, 5)), flux.randn((8, 8)), flux.zeros(8))
    print(net.run(flux.randn((2, 6, 5))))
'''
