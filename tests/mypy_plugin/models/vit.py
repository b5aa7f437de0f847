"""A vision transformer: patches, a class token, encoder blocks with the package's attention."""

from __future__ import annotations

from typing import Generic

from jaxtyping import Float, Float32
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.checks import Size

D = TypeVar("D")


class Encoder(nn.Module, Generic[D]):
    def __init__(self, d: Size[D], heads: int) -> None:
        self.norm1 = nn.LayerNorm(d)
        self.attention = nn.MultiHeadAttention(d, heads=heads)
        self.norm2 = nn.LayerNorm(d)
        self.up = nn.Dense(d, 2 * d, flux.gelu)
        self.down = nn.Dense(2 * d, d)

    def __call__(self, x: Float[Tensor, "b n D"]) -> Float[Tensor, "b n D"]:
        h = self.norm1(x)
        x = x + self.attention(h)
        return x + self.down(self.up(self.norm2(x)))


class ViT(nn.Module):
    token: Float32[Tensor, "1 1 48"]
    positions: Float32[Tensor, "1 17 48"]

    def __init__(self) -> None:
        self.token = flux.zeros((1, 1, 48))
        self.positions = flux.randn((1, 17, 48)) * 0.02
        self.project = nn.Dense(192, 48)
        self.blocks = [Encoder(48, 4) for _ in range(2)]
        self.norm = nn.LayerNorm(48)
        self.head = nn.Dense(48, 10)

    def patches(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 16 192"]:
        b = x.shape[0]
        x = x.reshape((b, 3, 4, 8, 4, 8))
        x = flux.permute_dims(x, (0, 2, 4, 3, 5, 1))
        return x.reshape((b, 16, 192))

    def __call__(self, x: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 10"]:
        h = self.project(self.patches(x))
        token = flux.broadcast_to(self.token, (x.shape[0], 1, 48))
        h = flux.concat([token, h], axis=1) + self.positions
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h)[:, 0])


def main() -> None:
    model = ViT()
    assert model(flux.randn((2, 3, 32, 32))).shape == (2, 10)


if __name__ == "__main__":
    main()
