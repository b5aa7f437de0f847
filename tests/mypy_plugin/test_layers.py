"""Layers and models: shapes after layers whose results annotations cannot spell, and what does not
fit together."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.running import by_statement

HEADER = """
from typing import Any, Generic
from typing_extensions import TypeVar
from jaxtyping import Float, Float32, Int
import typedflux as flux
from typedflux import Tensor, nn
from typedflux.checks import Size
In = TypeVar("In")
Out = TypeVar("Out")
K = TypeVar("K")

class Block(nn.Module, Generic[In, Out]):
    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.conv = nn.Conv((3, 3), in_, out, padding="same")
        self.norm = nn.BatchNorm(out)
        self.down = nn.Chain(nn.Conv((3, 3), out, out, flux.relu, padding=1), nn.MaxPool((2, 2)))

    def __call__(self, x: Float[Tensor, "b In h w"]) -> Float[Tensor, "b Out h//2 w//2"]:
        return self.down(flux.relu(self.norm(self.conv(x))))

class Pool2(nn.Module, Generic[K]):
    def __init__(self, k: Size[K]) -> None:
        self.k = k

    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h//K w//K"]:
        return flux.mean_pool(x, (self.k, self.k))

class Pooled(nn.Module):
    def __call__(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c"]:
        return x.mean(axis=(2, 3))

def swish(x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    return x * flux.sigmoid(x)

def classifier() -> nn.Chain:
    return nn.Chain(nn.Flatten(), nn.Dense(3 * 32 * 32, 10))

class Net(nn.Module):
    def __init__(self) -> None:
        self.features = nn.Chain(Block(3, 16), Block(16, 32))
        self.head = nn.Dense(32 * 8 * 8, 10)
        self.blocks = [nn.Dense(16, 16) for _ in range(3)]

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        x = self.features(x)
        x = x.reshape((x.shape[0], -1))
        return self.head(x)

net = nn.Chain(Block(3, 16), Block(16, 32), Pooled(), nn.Dense(32, 10))

def f(x: Float32[Tensor, "b 3 32 32"], s: Float32[Tensor, "b time 8"], t: Int[Tensor, "b time"],
      v: Float32[Tensor, "b 16"], w: Float32[Tensor, "b 4 n"], c: bool, k: int, u: Tensor,
      z: Float32[Tensor, "2 3 h w"], layers: list[nn.Dense[16, 16]], anything: Any) -> None:
"""

REVEALED = [
    ("nn.Conv((3, 3), 3, 8, stride=2)(x)", "Float32[Tensor, 'b 8 15 15']"),
    ("nn.Conv((3, 3), 3, 8, padding=1)(x)", "Float32[Tensor, 'b 8 32 32']"),
    (
        "nn.Conv((3, 5), 3, 8, padding=(1, 2), stride=(2, 1))(x)",
        "Float32[Tensor, 'b 8 16 32']",
    ),
    ("nn.Conv((3, 3), 3, 9, groups=3, dilation=2)(x)", "Float32[Tensor, 'b 9 28 28']"),
    ("nn.Conv((3,), 4, 8)(w)", "Float32[Tensor, 'b 8 n-2']"),
    ("nn.Conv((3, 3), 3, 8, padding='same')(z)", "Float32[Tensor, '2 8 h w']"),
    ("nn.Conv((3, 3), 3, k)(x)", "Float32[Tensor, 'b _ 30 30']"),
    ("nn.Conv((k, 3), 3, 8)(x)", "Float32[Tensor, 'b 8 _ 30']"),
    ("nn.Conv((3, 3), 3, 8, stride=k)(x)", "Float32[Tensor, 'b 8 _ _']"),
    ("nn.Conv((3, 3), 3, 8)", "Conv[3, 8]"),
    ("nn.ConvTranspose((2, 2), 3, 8, stride=2)(x)", "Float32[Tensor, 'b 8 64 64']"),
    ("nn.MaxPool((2, 2))(x)", "Float32[Tensor, 'b 3 16 16']"),
    ("nn.MaxPool((2, 2))(z)", "Float32[Tensor, '2 3 h//2 w//2']"),
    ("nn.MeanPool((3, 3), stride=2, padding=1)(x)", "Float32[Tensor, 'b 3 16 16']"),
    ("nn.AdaptiveMeanPool((4, 4))(x)", "Float32[Tensor, 'b 3 4 4']"),
    ("nn.GlobalMeanPool()(x)", "Float32[Tensor, 'b 3 1 1']"),
    ("nn.Flatten()(x)", "Float32[Tensor, 'b 3072']"),
    ("nn.Flatten()(z)", "Float32[Tensor, '2 3*h*w']"),
    ("nn.Upsample(2)(x)", "Float32[Tensor, 'b 3 64 64']"),
    (
        "nn.PixelShuffle(2)(nn.Conv((3, 3), 3, 16, padding=1)(x))",
        "Float32[Tensor, 'b 4 64 64']",
    ),
    ("Pool2(4)(x)", "Float[Tensor, 'b 3 8 8']"),
    ("Block(3, 16)(x)", "Float[Tensor, 'b 16 16 16']"),
    ("Block(3, 16).down(nn.Conv((1, 1), 3, 16)(x))", "Float32[Tensor, 'b 16 16 16']"),
    ("Net()(x)", "Float[Tensor, 'b 10']"),
    ("Net().features(x)", "Float[Tensor, 'b 32 8 8']"),
    ("net(x)", "Float[Tensor, 'b 10']"),
    ("net[1]", "Block[16, 32]"),
    (
        "net.activations(x)",
        "tuple[Float[Tensor, 'b 16 16 16'], Float[Tensor, 'b 32 8 8'], Float[Tensor, 'b 32'], "
        "Float[Tensor, 'b 10']]",
    ),
    ("classifier()(x)", "Float[Tensor, 'b 10']"),
    ("nn.Chain(swish, nn.Dense(16, 3), flux.softmax)(v)", "Float[Tensor, 'b 3']"),
    ("nn.Chain()(v)", "Float32[Tensor, 'b 16']"),
    ("nn.Chain(*layers)(v)", "Any"),
    ("nn.Chain(first=nn.Dense(16, 4), second=nn.Dense(4, 2))(v)", "Float[Tensor, 'b 2']"),
    (
        "nn.Chain(nn.Dense(16, 4), nn.Dropout(0.1) if c else flux.identity, nn.Dense(4, 2))(v)",
        "Float[Tensor, 'b 2']",
    ),
    ("nn.Chain(nn.Dense(16, 4), anything, nn.Dense(5, 2))(v)", "Any"),
    ("nn.Chain(nn.Dense(16, 4), lambda h: h.reshape((-1, 2, 2)))(v)", "Float[Tensor, 'b 2 2']"),
    ("nn.Chain(lambda h: h[:, :4], nn.Dense(4, 2))(v)", "Float[Tensor, 'b 2']"),
    (
        "nn.Chain(nn.Embedding(100, 16), nn.LSTM(16, 32), lambda h: h[:, -1], nn.Dense(32, 2))(t)",
        "Float[Tensor, 'b 2']",
    ),
    ("nn.Chain(nn.GRU(8, 12), nn.GRU(12, 6))(s)", "Float[Tensor, 'b time 6']"),
    ("nn.Chain(nn.Chain(nn.Dense(16, 8)), nn.Chain(nn.Dense(8, 4)))(v)", "Float[Tensor, 'b 4']"),
    ("nn.Parallel(flux.add, nn.Dense(16, 4), nn.Dense(16, 4))(v)", "Float[Tensor, 'b 4']"),
    (
        "nn.Parallel(lambda a, b: flux.concat([a, b], axis=-1), nn.Dense(16, 4), "
        "nn.Dense(16, 5))(v)",
        "Float[Tensor, 'b 9']",
    ),
    (
        "nn.SkipConnection(nn.Chain(nn.Dense(16, 32), nn.Dense(32, 16)), flux.add)(v)",
        "Float[Tensor, 'b 16']",
    ),
    (
        "nn.SkipConnection(nn.Dense(16, 8), lambda y, x: flux.concat([y, x], axis=1))(v)",
        "Float[Tensor, 'b 24']",
    ),
    ("nn.Maxout(nn.Dense(16, 4), nn.Dense(16, 4))(v)", "Float[Tensor, 'b 4']"),
    (
        "nn.PairwiseFusion(flux.add, nn.Dense(16, 16), nn.Dense(16, 5))(v)",
        "tuple[Float[Tensor, 'b 16'], Float[Tensor, 'b 5']]",
    ),
    ("nn.Conv((3, 3), 3, 8).weight", "Float32[Tensor, '8 3 3 3']"),
]

WRONG = [
    ("nn.Chain(nn.Dense(16, 8), nn.Dense(4, 2))", "Dense[4, 2]: "),
    ("nn.Chain(nn.Conv((3, 3), 3, 8), nn.Conv((3, 3), 3, 8))", "'In' is 3 but here it is 8"),
    ("nn.Chain(nn.Conv((3, 3), 3, 8), nn.BatchNorm(3))", "axis 1 is 8, not 3"),
    ("nn.Chain(nn.Conv((3, 3), 3, 8), Pooled(), nn.Dense(7, 2))", "axis 1 is 8, not 7"),
    ("nn.Chain(swish, nn.Dense(4, 5), swish, nn.Dense(4, 5))", "axis 0 is 5, not 4"),
    ("nn.Chain(nn.Dense(16, 8), lambda h: h @ flux.ones((7, 2)))", "8"),
    ("nn.SkipConnection(nn.Dense(16, 8), flux.add)(v)", "cannot broadcast 'b 8' with 'b 16'"),
    ("nn.Parallel(flux.add, nn.Dense(16, 4), nn.Dense(16, 5))", "sizes 4 and 5"),
    ("nn.Maxout(nn.Dense(16, 4), nn.Dense(16, 5))", "sizes 4 and 5"),
    ("nn.Chain(nn.Flatten(), nn.Dense(100, 2))(x)", "axis 1 is 3072, not 100"),
    ("nn.Conv((3, 3), 4, 8)(x)", "'In' is 4 but here it is 3"),
    ("nn.Conv((33, 33), 3, 8)(x)", "[tensor-shape]"),
    ("nn.Conv((3, 3), 3, 8)(v)", "[tensor-shape]"),
    ("net(z.reshape((2, -1)))", "[tensor-shape]"),
    ("classifier()(v)", "axis 1 is 16, not 3072"),
    ("net[1](x)", "axis 1 is 3, not 16"),
    ("Block(4, 8)(x)", "axis 1 is 3, not 4"),
    ("Net()(v)", "2 axes, not 4"),
    ("nn.Chain(nn.Embedding(100, 16), nn.LSTM(8, 32))", "LSTM[8, 32]: Argument 1"),
    (
        "nn.Chain(nn.Dense(16, 4), nn.Dropout(0.1) if c else flux.identity, nn.Dense(5, 2))",
        "4, not",
    ),
    ("nn.PixelShuffle(2)(x)", "[tensor-shape]"),
    ("nn.MultiHeadAttention(48, heads=5)", "48 features of queries and keys do not divide into 5"),
    ("nn.Conv((3, 3), 3, 8, groups=2)", "in_channels 3 does not divide into 2 groups"),
    ("nn.GroupNorm(10, 3)", "10 channels do not divide into 3 groups"),
]


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    statements = [*(f"reveal_type({e})" for e, _ in REVEALED), *(s for s, _ in WRONG)]
    return by_statement(tmp_path_factory.mktemp("layers"), HEADER, statements)


@pytest.mark.parametrize("row", range(len(REVEALED)), ids=[e for e, _ in REVEALED])
def test_types(messages: list[list[str]], row: int) -> None:
    assert messages[row] == [REVEALED[row][1]]


@pytest.mark.parametrize("row", range(len(WRONG)), ids=[s for s, _ in WRONG])
def test_errors(messages: list[list[str]], row: int) -> None:
    (message,) = messages[len(REVEALED) + row]
    assert WRONG[row][1] in message
