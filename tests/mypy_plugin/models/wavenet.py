"""A stack of dilated causal convolutions over audio, predicting the next quantised sample."""

from __future__ import annotations

from typing import Any, Generic

from jaxtyping import Float, Float32, Int64
from typing_extensions import TypeVar

import typedflux as flux
from typedflux import Size, Tensor, losses, nn

Residual = TypeVar("Residual", default=Any)
Skip = TypeVar("Skip", default=Any)

LEVELS = 64


class CausalConv(nn.Module):
    """Sees the past only; as long as its input."""

    def __init__(self, in_: int, out: int, kernel: int = 2, dilation: int = 1) -> None:
        self.left = (kernel - 1) * dilation
        self.conv = nn.Conv((kernel,), in_, out, dilation=dilation)

    def __call__(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b _ t"]:
        return self.conv(flux.pad(x, ((0, 0), (0, 0), (self.left, 0))))


class GatedBlock(nn.Module, Generic[Residual, Skip]):
    """A gated convolution with a residual path and one to the output."""

    to_residual: nn.Conv[Residual, Residual]
    to_skip: nn.Conv[Residual, Skip]

    def __init__(self, residual: Size[Residual], skip: Size[Skip], dilation: int) -> None:
        self.dilated = CausalConv(residual, 2 * residual, kernel=2, dilation=dilation)
        self.to_residual = nn.Conv((1,), residual, residual)
        self.to_skip = nn.Conv((1,), residual, skip)

    def __call__(
        self, x: Float[Tensor, "b Residual t"]
    ) -> tuple[Float[Tensor, "b Residual t"], Float[Tensor, "b Skip t"]]:
        signal, gate = flux.split(self.dilated(x), 2, axis=1)
        h = flux.tanh(signal) * flux.sigmoid(gate)
        return x + self.to_residual(h), self.to_skip(h)


class WaveNet(nn.Module):
    """Scores of each level for each next sample."""

    def __init__(self) -> None:
        self.embed = nn.Embedding(LEVELS, 16)
        self.blocks = [GatedBlock(16, 24, 2**i) for i in range(4)]
        self.output = nn.Chain(
            flux.relu,
            nn.Conv((1,), 24, 32, flux.relu),
            nn.Conv((1,), 32, LEVELS),
        )

    def __call__(self, samples: Int64[Tensor, "b t"]) -> Float[Tensor, "b t 64"]:
        x = self.embed(samples).permute_dims((0, 2, 1))
        skips = flux.zeros((x.shape[0], 24, x.shape[2]))
        for block in self.blocks:
            x, skip = block(x)
            skips = skips + skip
        scores = self.output(skips)
        return flux.matrix_transpose(scores)


def quantise(wave: Float32[Tensor, "b t"]) -> Int64[Tensor, "b t"]:
    """Levels of samples in [-1, 1], finer around zero."""
    mu = LEVELS - 1
    companded = (
        flux.sign(wave) * flux.log1p(mu * flux.abs(wave)) / flux.log1p(flux.asarray(mu * 1.0))
    )
    return flux.clip(flux.round((companded + 1) / 2 * mu), 0, mu).astype(flux.int64)


def cost(model: WaveNet, wave: Float32[Tensor, "b t"]) -> Float[Tensor, ""]:
    levels = quantise(wave)
    scores = model(levels[:, :-1])
    wanted = levels[:, 1:]
    return losses.logitcrossentropy(scores.reshape((-1, LEVELS)), wanted.reshape((-1,)))


def main() -> None:
    model = WaveNet()
    wave = flux.sin(flux.linspace(0, 20, 40)).reshape((1, 40)) * flux.ones((2, 1))
    value, _ = flux.withgradient(lambda m: cost(m, wave), model)
    assert value.shape == ()
    assert model(quantise(wave)).shape == (2, 40, 64)


if __name__ == "__main__":
    main()
