"""An MLP-mixer and a little of linear algebra: pairwise distances, whitening, a kernel."""

from __future__ import annotations

from typing import Generic

from jaxtyping import Float, Float32
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.checks import Size

N = TypeVar("N")
D = TypeVar("D")


class Mixer(nn.Module, Generic[N, D]):
    def __init__(self, tokens: Size[N], d: Size[D], hidden: int) -> None:
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.across = nn.Chain(nn.Dense(tokens, hidden, flux.gelu), nn.Dense(hidden, tokens))
        self.along = nn.Chain(nn.Dense(d, hidden, flux.gelu), nn.Dense(hidden, d))

    def __call__(self, x: Float[Tensor, "b N D"]) -> Float[Tensor, "b N D"]:
        y = flux.matrix_transpose(self.norm1(x))
        x = x + flux.matrix_transpose(self.across(y))
        return x + self.along(self.norm2(x))


def distances(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "n m"]:
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :]
    return flux.sqrt(flux.maximum(squares - 2 * x @ y.mT, 0.0))


def kernel(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "n m"]:
    return flux.exp(-(distances(x, y) ** 2) / 2)


def predict(
    x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"], new: Float32[Tensor, "m d"]
) -> Float32[Tensor, "m"]:
    weights = kernel(new, x)
    return (weights * y).sum(axis=1) / weights.sum(axis=1)


def standardise(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    mean = x.mean(axis=0, keepdims=True)
    deviation = flux.sqrt(((x - mean) ** 2).mean(axis=0, keepdims=True))
    return (x - mean) / (deviation + 1e-6)


def covariance(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "d d"]:
    x = standardise(x)
    return x.mT @ x / x.shape[0]


def main() -> None:
    model = nn.Chain(
        Mixer(16, 24, 32), Mixer(16, 24, 48), lambda h: h.mean(axis=1), nn.Dense(24, 5)
    )
    out = model(flux.randn((2, 16, 24)))
    assert out.shape == (2, 5)
    x, y, new = flux.randn((6, 4)), flux.randn((6,)), flux.randn((3, 4))
    assert predict(x, y, new).shape == (3,) and covariance(x).shape == (4, 4)


if __name__ == "__main__":
    main()
