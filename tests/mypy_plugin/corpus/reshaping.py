"""Reshape, flatten, squeeze, expand and broadcast_to."""

PROGRAMS = """
=== flatten_images
def features(images: Float32[Tensor, "batch 1 28 28"]) -> Float32[Tensor, "batch 784"]:
    return images.reshape((images.shape[0], 784))
    #! return images.reshape((images.shape[0], 748))


def main() -> None:
    features(flux.rand((3, 1, 28, 28)))

=== split_heads
def split_heads(
    x: Float32[Tensor, "batch time 512"], heads: Literal[8] = 8
) -> Float32[Tensor, "batch 8 time 64"]:
    b, t, _ = x.shape
    x = x.reshape((b, t, 8, 64))
    #! x = x.reshape((b, t, 8, 46))
    return x.permute_dims((0, 2, 1, 3))


def main() -> None:
    split_heads(flux.randn((2, 3, 512)))

=== minus_one silent
def flatten(x: Float32[Tensor, "batch 3 8 8"]) -> Float32[Tensor, "batch 192"]:
    return flux.reshape(x, (x.shape[0], -1))
    #! return flux.reshape(x, (-1, x.shape[1]))


def main() -> None:
    flatten(flux.zeros((4, 3, 8, 8)))

=== minus_one_then_dense
class Classifier(nn.Module):
    def __init__(self) -> None:
        self.hidden = nn.Dense(3 * 16 * 16, 100, flux.relu)
        #! self.hidden = nn.Dense(3 * 16, 100, flux.relu)
        self.out = nn.Dense(100, 10)

    def __call__(self, x: Float32[Tensor, "batch 3 16 16"]) -> Float[Tensor, "batch 10"]:
        flat = x.reshape((x.shape[0], -1))
        return self.out(self.hidden(flat))  #?


def main() -> None:
    Classifier()(flux.rand((2, 3, 16, 16)))

=== patches
def patchify(x: Float32[Tensor, "b c 32 32"]) -> Float32[Tensor, "b 64 16*c"]:
    b, c, h, w = x.shape
    p = 4
    x = x.reshape((b, c, h // p, p, w // p, p))
    #! x = x.reshape((b, c, h // p, p, w // p, 2 * p))
    x = flux.permute_dims(x, (0, 2, 4, 1, 3, 5))
    return x.reshape((b, (h // p) * (w // p), c * p * p))
    #! return x.reshape((b, h * w, c * p * p))


def main() -> None:
    patchify(flux.rand((2, 3, 32, 32)))

=== squeeze_last
def value(
    states: Float32[Tensor, "batch 8"], w: Float32[Tensor, "8 1"]
) -> Float32[Tensor, "batch"]:
    return flux.squeeze(states @ w, axis=-1)
    #! return flux.squeeze(states @ w, axis=0)


def main() -> None:
    value(flux.randn((5, 8)), flux.ones((8, 1)))

=== squeeze_forgotten silent
class Value(nn.Module):
    def __init__(self, size: int) -> None:
        self.dense = nn.Dense(size, 1)

    def __call__(self, x: Float32[Tensor, "batch size"]) -> Tensor:
        return self.dense(x)


def critic(x: Float32[Tensor, "batch 6"], layer: nn.Dense[Any, Any]) -> Tensor:
    return layer(x)


def returns(x: Float32[Tensor, "batch 6"]) -> Float[Tensor, "batch"]:
    layer = nn.Dense(6, 1)
    return layer(x).squeeze(-1)
    #! return layer(x)


def main() -> None:
    returns(flux.rand((3, 6)))

=== image_grid
def grid(images: Float32[Tensor, "16 h w"]) -> Float32[Tensor, "4*h 4*w"]:
    h, w = images.shape[1:]
    rows = images.reshape((4, 4, h, w))
    #! rows = images.reshape((4, 5, h, w))
    return flux.permute_dims(rows, (0, 2, 1, 3)).reshape((4 * h, 4 * w))


def main() -> None:
    assert grid(flux.rand((16, 5, 6))).shape == (20, 24)

=== windows_of_signal
def frames(signal: Float32[Tensor, "1024"], size: int = 128) -> Float32[Tensor, "8 128"]:
    return signal.reshape((8, 128))
    #! return signal.reshape((8, 182))


def energy(signal: Float32[Tensor, "1024"]) -> Float32[Tensor, "8"]:
    return (frames(signal) ** 2).mean(axis=1)


def main() -> None:
    energy(flux.rand((1024,)))

=== merge_batch_and_time
def apply_over_time(
    x: Float32[Tensor, "batch time 3 h w"], kernel: Float32[Tensor, "8 3 3 3"]
) -> Float32[Tensor, "batch time 8 h w"]:
    b, t, c, h, w = x.shape
    y = flux.conv(x.reshape((b * t, c, h, w)), kernel, padding="same")
    return y.reshape((b, t, 8, h, w))
    #! return y.reshape((b, t, c, h, w))


def main() -> None:
    apply_over_time(flux.rand((2, 4, 3, 6, 5)), flux.randn((8, 3, 3, 3)))

=== expand_and_tile
def tiled(code: Float32[Tensor, "batch z"], size: Size["s"]) -> Float32[Tensor, "batch z s s"]:
    b, z = code.shape
    x = flux.expand_dims(code, axis=(2, 3))
    return flux.broadcast_to(x, (b, z, size, size))
    #! return flux.broadcast_to(x, (z, b, size, size))


def main() -> None:
    tiled(flux.rand((2, 5)), 4)

=== literals_only
def main() -> None:
    x = flux.arange(24, dtype=flux.float32)
    y = x.reshape((2, 3, 4))
    #! y = x.reshape((2, 3, 5))
    z = y.reshape((6, -1))
    #! z = y.reshape((7, -1))
    w = z.flatten()
    print(w.reshape((4, 6)).sum(axis=0))
    #! print(w.reshape((4, 7)).sum(axis=0))

=== decoder_from_code
class Decoder(nn.Module):
    def __init__(self, code: int) -> None:
        self.dense = nn.Dense(16, 64 * 4 * 4, flux.relu)
        self.up = nn.ConvTranspose((2, 2), 64, 32, stride=2)

    def __call__(self, z: Float32[Tensor, "batch 16"]) -> Float[Tensor, "batch 32 8 8"]:
        h = self.dense(z)
        h = h.reshape((z.shape[0], 64, 4, 4))
        #! h = h.reshape((z.shape[0], 32, 4, 4))
        return self.up(h)


def main() -> None:
    Decoder(16)(flux.randn((2, 16)))

=== group_channels
def channel_shuffle(
    x: Float32[Tensor, "b 12 h w"], groups: Literal[3] = 3
) -> Float32[Tensor, "b 12 h w"]:
    b, c, h, w = x.shape
    x = x.reshape((b, 3, 4, h, w))
    #! x = x.reshape((b, 3, 5, h, w))
    x = x.permute_dims((0, 2, 1, 3, 4))
    return x.reshape((b, c, h, w))


def main() -> None:
    channel_shuffle(flux.rand((2, 12, 3, 3)))

=== alias_flatten imports
import typedflux as flux
from jaxtyping import Float32 as F32
from typedflux import Tensor

Image = F32[Tensor, "3 32 32"]
Batch = F32[Tensor, "n 3072"]


def row(image: Image) -> F32[Tensor, "3072"]:
    return image.reshape((3 * 32 * 32,))
    #! return image.reshape((3 * 32 * 23,))


def rows(images: list[Image]) -> Batch:
    return flux.stack([row(image) for image in images])


def main() -> None:
    rows([flux.zeros((3, 32, 32)) for _ in range(4)])
"""
