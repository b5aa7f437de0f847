"""Written without a look at the checker: products, broadcasting, reductions, reshaping."""

# Programs are as their authors wrote them.
# ruff: noqa: E501

PROGRAMS = """
=== whitening
def covariance(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "d d"]:
    centred = x - x.mean(axis=0)
    #! centred = x - x.mean(axis=1)
    return centred.T @ centred / (x.shape[0] - 1)  #?
    #! return centred @ centred.T / (x.shape[0] - 1)

def project(x: Float32[Tensor, "n d"], basis: Float32[Tensor, "d k"]) -> Float32[Tensor, "n k"]:
    return (x - flux.mean(x, axis=0, keepdims=True)) @ basis
    #! return (x - flux.mean(x, axis=0, keepdims=True)) @ basis.T

def main() -> None:
    x = flux.randn((50, 6))
    c = covariance(x)
    top = c[:, :2]
    #! top = c[:2, :]
    z = project(x, top)  #?
    #! z = project(x.T, top)
    print(z)

=== low_rank imports
import typedflux as tf
from jaxtyping import Float
from typedflux import Size, Tensor


class LoRA:
    def __init__(self, n_in: int, n_out: int, rank: int) -> None:
        self.w = tf.randn((n_in, n_out))
        self.a = tf.randn((n_in, rank))
        self.b = tf.zeros((rank, n_out))
        #! self.b = tf.zeros((n_out, rank))

    def merged(self) -> Tensor:
        return self.w + self.a @ self.b  #?


def adapt(x: Float[Tensor, "*b 32"], w: Float[Tensor, "32 48"], a: Float[Tensor, "32 r"],
          b: Float[Tensor, "r 48"]) -> Float[Tensor, "*b 48"]:
    low = tf.matmul(tf.matmul(x, a), b)
    #! low = tf.matmul(tf.matmul(x, b), a)
    return tf.matmul(x, w) + 0.5 * low
    #! return tf.matmul(x, w.T) + 0.5 * low


def main() -> None:
    lora = LoRA(32, 48, 4)
    full = lora.merged()
    y = adapt(tf.ones((3, 5, 32)), full, lora.a, lora.b)
    #! y = adapt(tf.ones((3, 5, 32)), full, lora.b, lora.a)
    #! y = adapt(tf.ones((3, 32, 5)), full, lora.a, lora.b)
    print(y.shape)

=== two_towers imports
from typing import Any, Generic, TypeVar

import jaxtyping as jt
import typedflux as flux
from typedflux import nn


def normalised(v: jt.Float32[flux.Tensor, "n d"]) -> jt.Float32[flux.Tensor, "n d"]:
    norm = flux.sqrt(flux.sum(v * v, axis=-1, keepdims=True))
    #! norm = flux.sqrt(flux.sum(v * v, axis=-1))
    return v / norm  #?


def similarity(q: jt.Float32[flux.Tensor, "n d"], p: jt.Float32[flux.Tensor, "m d"]) -> jt.Float32[flux.Tensor, "n m"]:
    return normalised(q) @ normalised(p).mT
    #!silent return normalised(p) @ normalised(q).mT


def main() -> None:
    users = nn.Chain(nn.Dense(20, 64, flux.relu), nn.Dense(64, 16))
    #! users = nn.Chain(nn.Dense(20, 64, flux.relu), nn.Dense(46, 16))
    items = nn.Dense(30, 16)
    #! items = nn.Dense(30, 18)
    s = similarity(users(flux.randn((8, 20))), items(flux.randn((11, 30))))  #?
    #! s = similarity(users(flux.randn((8, 30))), items(flux.randn((11, 30))))
    print(s)

=== kernel_regression
def rbf(a: Float64[Tensor, "n d"], b: Float64[Tensor, "m d"], width: float = 1.0) -> Float64[Tensor, "n m"]:
    difference = a[:, None, :] - b[None, :, :]
    #! difference = a[None, :, :] - b[None, :, :]
    squared = flux.sum(difference**2, axis=-1)  #?
    #! squared = flux.sum(difference**2, axis=1)
    return flux.exp(-squared / (2 * width * width))  #?

def fit(x: Float64[Tensor, "n d"], y: Float64[Tensor, "n"]) -> Float64[Tensor, "n"]:
    k = rbf(x, x) + 0.1 * flux.eye(x.shape[0], dtype=flux.float64)
    #! k = rbf(x, x) + 0.1 * flux.eye(x.shape[1], dtype=flux.float64)
    alpha = flux.zeros_like(y)
    for _ in range(20):
        alpha = alpha - 0.05 * (k @ alpha - y)
    return alpha

def predict(x: Float64[Tensor, "n d"], alpha: Float64[Tensor, "n"], new: Float64[Tensor, "m d"]) -> Float64[Tensor, "m"]:
    return rbf(new, x) @ alpha
    #! return rbf(x, new) @ alpha

def main() -> None:
    x = flux.rand((12, 3), dtype=flux.float64)
    y = x.sum(axis=1)
    #!silent y = x.sum(axis=1, keepdims=True)[:, 0] + x.sum(axis=1)[:, None]
    print(predict(x, fit(x, y), flux.rand((4, 3), dtype=flux.float64)))  #?

=== colour_correction
MATRIX: Final = flux.asarray([[1.2, -0.1, 0.0], [0.0, 1.1, -0.1], [0.1, 0.0, 0.9]])
#! MATRIX: Final = flux.asarray([[1.2, -0.1, 0.0], [0.0, 1.1, -0.1]]).T

def correct(image: Float32[Tensor, "h w 3"]) -> Float32[Tensor, "h w 3"]:
    gain = flux.asarray([1.0, 0.9, 1.1])
    #! gain = flux.asarray([1.0, 0.9, 1.1, 1.0])
    lifted = image * gain + flux.zeros((3,))  #?
    mixed = lifted @ MATRIX.T  #?
    return flux.clip(mixed, 0.0, 1.0)

def channels_first(image: Float32[Tensor, "h w 3"], gain: Float32[Tensor, "3"]) -> Float32[Tensor, "3 h w"]:
    planes = image.permute_dims((2, 0, 1))
    return planes * gain[:, None, None]
    #! return planes * gain[None, None, :]

def main() -> None:
    picture = flux.rand((4, 6, 3))
    out = channels_first(correct(picture), flux.ones((3,)))
    #! out = channels_first(correct(picture), flux.ones((4,)))
    print(out)

=== batch_statistics silent
def standardise(x: Float32[Tensor, "batch features"]) -> Float32[Tensor, "batch features"]:
    mean = x.mean(axis=0)
    std = x.std(axis=0)
    return (x - mean) / (std + 1e-5)

def residuals(model: nn.Dense[5, 1], x: Float32[Tensor, "batch 5"], y: Float32[Tensor, "batch"]) -> Float32[Tensor, ""]:
    guess = model(x)[:, 0]
    #! guess = model(x)
    return ((guess - y) ** 2).mean()  #?

def r_squared(y: Float32[Tensor, "batch"], guess: Float32[Tensor, "batch 1"]) -> float:
    rest = flux.sum((y - guess.squeeze(axis=1)) ** 2)
    #! rest = flux.sum((y - guess) ** 2)
    return 1.0 - float(rest / flux.sum((y - y.mean()) ** 2))

def main() -> None:
    model = nn.Dense(5, 1)
    x = standardise(flux.randn((7, 5)))
    y = flux.randn((7,))
    print(residuals(model, x, y), r_squared(y, model(x)))

=== quantile_loss silent
def pinball(quantiles: Float[Tensor, "batch q"], target: Float[Tensor, "batch"], levels: Float[Tensor, "q"]) -> Float[Tensor, ""]:
    error = target[:, None] - quantiles
    over = levels * error
    under = (levels - 1.0) * error
    return flux.maximum(over, under).mean()

def coverage(low: Float[Tensor, "batch 1"], high: Float[Tensor, "batch 1"], target: Float[Tensor, "batch"]) -> Float[Tensor, ""]:
    inside = (low[:, 0] <= target) & (target <= high[:, 0])
    #! inside = (low <= target) & (target <= high)
    return inside.astype(flux.float32).mean()

def main() -> None:
    levels = flux.asarray([0.1, 0.5, 0.9])
    print(pinball(flux.randn((6, 3)), flux.randn((6,)), levels))
    print(coverage(flux.zeros((6, 1)), flux.ones((6, 1)), flux.rand((6,))))

=== positional_tables
def table(steps: int, width: int) -> Tensor:
    position = flux.arange(steps, dtype=flux.float32)[:, None]
    rate = flux.exp(flux.arange(width // 2, dtype=flux.float32) * (-math.log(10000.0) / width))
    return flux.concat([flux.sin(position * rate), flux.cos(position * rate)], axis=1)
    #! return flux.concat([flux.sin(position * rate), flux.cos(position + rate).T], axis=1)

def encode(x: Float32[Tensor, "batch 20 32"]) -> Float32[Tensor, "batch 20 32"]:
    return x + table(20, 32)
    #! return x + table(32, 20)
    #! return x + table(20, 64)

def main() -> None:
    print(encode(flux.zeros((2, 20, 32))))
    print(encode(flux.zeros((1, 20, 32))) + table(1, 32))
    #! print(encode(flux.zeros((1, 20, 32))) + table(2, 32))

=== pooling_tokens
def masked_mean(h: Float32[Tensor, "batch time d"], mask: Bool[Tensor, "batch time"]) -> Float32[Tensor, "batch d"]:
    weights = mask.astype(h.dtype)
    total = flux.sum(h * weights[..., None], axis=1)
    #! total = flux.sum(h * weights, axis=1)
    #!silent total = flux.sum(h * weights[..., None], axis=2)
    #! total = flux.sum(h * weights[..., None], axis=1, keepdims=True)
    count = flux.sum(weights, axis=1, keepdims=True)
    #! count = flux.sum(weights, axis=1)
    return total / count  #?

def first_token(h: Float32[Tensor, "batch time d"]) -> Float32[Tensor, "batch d"]:
    return h[:, 0]
    #! return h[0]

def main() -> None:
    h = flux.randn((3, 5, 8))
    mask = flux.arange(5)[None, :] < flux.asarray([5, 3, 2])[:, None]
    #! mask = flux.arange(8)[None, :] < flux.asarray([5, 3, 2])[:, None]
    both = flux.concat([masked_mean(h, mask), first_token(h)], axis=-1)  #?
    print(both)

=== entropy
def entropy(p: Float[Tensor, "*shape k"]) -> Float[Tensor, "*shape"]:
    return -(p * flux.log(p + 1e-9)).sum(axis=-1)
    #!later return -(p * flux.log(p + 1e-9)).sum(axis=-1, keepdims=True)
    #!later return -(p * flux.log(p + 1e-9)).sum()

def mutual_information(joint: Float[Tensor, "a b"]) -> Float[Tensor, ""]:
    rows = joint.sum(axis=1, keepdims=True)
    #! rows = joint.sum(axis=1)
    columns = joint.sum(axis=0, keepdims=True)
    return (joint * (flux.log(joint) - flux.log(rows * columns))).sum()  #?

def main() -> None:
    joint = flux.softmax(flux.randn((12,)), axis=0).reshape((3, 4))
    #! joint = flux.softmax(flux.randn((12,)), axis=1).reshape((3, 4))
    #! joint = flux.softmax(flux.randn((12,)), axis=0).reshape((3, 5))
    both = mutual_information(joint) + entropy(joint.sum(axis=0)) + entropy(joint).mean()
    print(both.item(), entropy(joint)[None] @ flux.ones((3, 2)))
    #! print(both.item(), entropy(joint)[None] @ flux.ones((4, 2)))

=== moments_of_groups
def group_norm(x: Float32[Tensor, "batch 32 h w"], groups: int = 8) -> Float32[Tensor, "batch 32 h w"]:
    batch, channels, h, w = x.shape
    g = x.reshape((batch, 8, channels // 8, h, w))
    #! g = x.reshape((batch, 6, channels // 8, h, w))
    mean = g.mean(axis=(2, 3, 4), keepdims=True)
    #! mean = g.mean(axis=(2, 3, 4))
    #! mean = g.mean(axis=(2, 3, 5), keepdims=True)
    var = flux.var(g, axis=(2, 3, 4), keepdims=True)
    g = (g - mean) / flux.sqrt(var + 1e-5)  #?
    return g.reshape((batch, channels, h, w))
    #!silent return g.reshape((batch, channels, w, h))

def main() -> None:
    y = group_norm(flux.randn((2, 32, 4, 5)))
    scale = flux.ones((32,))
    print((y * scale[:, None, None]).max(axis=(0, 2, 3)) + scale)
    #! print((y * scale[:, None, None]).max(axis=(0, 1, 2)) + scale)
    #! print((y * scale[:, None]).max(axis=(0, 2, 3)) + scale)

=== patches
def patchify(images: Float32[Tensor, "b 3 32 32"], size: int) -> Tensor:
    b, c, h, w = images.shape
    grid = images.reshape((b, c, h // size, size, w // size, size))
    return grid.permute_dims((0, 2, 4, 3, 5, 1)).reshape((b, (h // size) * (w // size), size * size * c))
    #! return grid.permute_dims((0, 2, 4, 3, 5)).reshape((b, (h // size) * (w // size), size * size * c))

def embed(images: Float32[Tensor, "b 3 32 32"], w: Float32[Tensor, "48 64"]) -> Float32[Tensor, "b 64 64"]:
    return patchify(images, 4) @ w
    #! return patchify(images, 8) @ w

def unpatchify(x: Float32[Tensor, "b 64 48"]) -> Float32[Tensor, "b 3 32 32"]:
    b = x.shape[0]
    grid = x.reshape((b, 8, 8, 4, 4, 3))
    #! grid = x.reshape((b, 8, 8, 4, 3))
    #! grid = x.reshape((b, 8, 8, 4, 4, 4))
    grid = flux.permute_dims(grid, (0, 5, 1, 3, 2, 4))
    return grid.reshape((b, 3, 32, 32))  #?
    #!silent return grid.reshape((b, 3, 8 * 4, -1))[:, :, :, ::2]

def main() -> None:
    x = flux.rand((2, 3, 32, 32))
    tokens = embed(x, flux.randn((48, 64)))
    back = unpatchify(tokens @ flux.randn((64, 48)))
    #! back = unpatchify(tokens @ flux.randn((48, 64)).T[:, :24])
    print(back)

=== sliding_windows
WINDOW: Final = 6

def frames(signal: Float32[Tensor, "120"], hop: int = 3) -> Float32[Tensor, "20 6"]:
    return signal.reshape((-1, WINDOW))
    #!later return signal.reshape((WINDOW, -1))
    #! return signal.reshape((-1, WINDOW + 1))

def overlap(signal: Float32[Tensor, "n"]) -> Float32[Tensor, "n-2 3"]:
    return flux.stack([signal[:-2], signal[1:-1], signal[2:]], axis=1)
    #! return flux.stack([signal[:-2], signal[1:-1], signal[1:]], axis=1)
    #!later return flux.stack([signal[:-2], signal[1:-1], signal[2:]], axis=0)
    #!later return flux.stack([signal[:-1], signal[1:], signal[1:]], axis=1)

def main() -> None:
    wave = flux.sin(flux.linspace(0.0, 6.0, 120))
    f = frames(wave)
    print(f * flux.ones((WINDOW,)))
    #! print(f * flux.ones((20,)))
    print(overlap(wave).mean(axis=1) * wave[1:-1])
    #! print(overlap(wave).mean(axis=1) * wave[1:])

=== flatten_heads imports
from __future__ import annotations

from jaxtyping import Float32
from typedflux import Tensor, flatten, nn, randn, zeros


class Head(nn.Module):
    def __init__(self, channels: int, side: int, classes: int) -> None:
        self.project = nn.Dense(channels * side * side, classes)

    def __call__(self, x: Float32[Tensor, "batch c h w"]) -> Tensor:
        return self.project(flatten(x))


def predict(x: Float32[Tensor, "batch 16 5 5"]) -> Float32[Tensor, "batch 10"]:
    head = Head(16, 5, 10)
    #! head = Head(16, 4, 10)
    #!later head = Head(16, 5, 11)
    return head(x)  #?


def main() -> None:
    y = predict(randn((3, 16, 5, 5)))
    z = y.reshape((y.shape[0] * 10,))
    #! z = y.reshape((y.shape[0] * 10, 2))
    #! z = y.reshape((y.shape[0], 10, -1)) @ zeros((2, 1))
    w = z + zeros((30,))
    #! w = z + zeros((10,))
    assert w.ndim == 1
"""
