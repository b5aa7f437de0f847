"""Reshaping, axes, einsum, joining and indexing, as people write them in scripts."""

PROGRAMS = r"""
=== mnist_flatten imports
import typedflux as flux
from jaxtyping import Float32, UInt8
from typedflux import Tensor


def preprocess(images: UInt8[Tensor, "n 28 28"]) -> Float32[Tensor, "n 784"]:
    scaled = images.astype(flux.float32) / 255.0
    return scaled.reshape((images.shape[0], 28 * 28))
    #! return scaled.reshape((images.shape[0], 28 * 27))


def main() -> None:
    raw = flux.randint(0, 256, (6, 28, 28)).astype(flux.uint8)
    flat = preprocess(raw)
    weight = flux.zeros((784, 10))
    #! weight = flux.zeros((10, 784))
    print((flat @ weight).argmax(axis=1))  #?

=== windows_by_stack
def windows(series: Float[Tensor, "t"], width: int) -> Float[Tensor, "_ _"]:
    return flux.stack([series[i : i + width] for i in range(series.shape[0] - width + 1)])


def fixed(series: Float[Tensor, "10"]) -> Float[Tensor, "3 8"]:
    return flux.stack([series[0:8], series[1:9], series[2:10]])
    #! return flux.stack([series[0:8], series[1:8], series[2:10]])


def main() -> None:
    s = flux.arange(10, dtype=flux.float32)
    print(windows(s, 3).shape, fixed(s).mean(axis=1) * flux.ones(3))
    #! print(windows(s, 3).shape, fixed(s).mean(axis=1) * flux.ones(8))

=== patchify_einops
def patchify(img: Float[Tensor, "b 3 32 32"]) -> Float[Tensor, "b 64 48"]:
    return flux.rearrange(img, "b c (h p) (w q) -> b (h w) (c p q)", p=4, q=4)
    #!later return flux.rearrange(img, "b c (h p) (w q) -> b (h w) (c p q)", p=8, q=4)


def unpatchify(tokens: Float[Tensor, "b 64 48"]) -> Float[Tensor, "b 3 32 32"]:
    return flux.rearrange(tokens, "b (h w) (c p q) -> b c (h p) (w q)", h=8, c=3, p=4)
    #!later return flux.rearrange(tokens, "b (h w) (c p q) -> b c (w p) (h q)", h=4, c=3, p=4)


def main() -> None:
    x = flux.randn((2, 3, 32, 32))
    print(flux.abs(unpatchify(patchify(x)) - x).max(), patchify(x) + flux.ones((64, 48)))

=== einsum_bilinear
def bilinear(
    x: Float[Tensor, "b i"], w: Float[Tensor, "o i j"], y: Float[Tensor, "b j"]
) -> Float[Tensor, "b o"]:
    return flux.einsum("bi,oij,bj->bo", x, w, y)
    #! return flux.einsum("bi,oij,bj->bo", x, y, w)


def trace(a: Float[Tensor, "n n"]) -> Float[Tensor, ""]:
    return flux.einsum("ii->", a)
    #!silent return flux.einsum("ij->i", a)


def main() -> None:
    out = bilinear(flux.ones((3, 4)), flux.ones((5, 4, 6)), flux.ones((3, 6)))
    #! out = bilinear(flux.ones((3, 4)), flux.ones((5, 6, 4)), flux.ones((3, 6)))
    print(out, trace(flux.einsum("bo,bp->op", out, out)))

=== transpose_tuple_variable
TO_CHANNELS_LAST: Final = (0, 2, 3, 1)


def channels_last(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h w c"]:
    return flux.permute_dims(x, TO_CHANNELS_LAST)


def channels_first(x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b c h w"]:
    order = (0, 3, 1, 2)
    #!silent order = (0, 2, 3, 1)
    return x.permute_dims(order)  #?


def main() -> None:
    x = flux.randn((2, 3, 8, 6))
    y = channels_last(x)
    print(y[..., 0] + x[:, 0], channels_first(y).shape)
    #! print(y[..., 0] + x[..., 0], channels_first(y).shape)

=== moveaxis_and_swap
def frames_last(video: Float[Tensor, "t c h w"]) -> Float[Tensor, "c h w t"]:
    return flux.moveaxis(video, 0, -1)
    #!later return flux.moveaxis(video, -1, 0)


def main() -> None:
    clip = flux.randn((5, 3, 8, 8))
    smooth = frames_last(clip) @ flux.full((5, 5), 0.2)
    #! smooth = clip @ flux.full((5, 5), 0.2)
    print(smooth.mT.shape, smooth.mean(axis=(1, 2)) @ flux.ones(5))
    #! print(smooth.mT.shape, smooth.mean(axis=(1, 3)) @ flux.ones(5))

=== star_args_concat
def cat(*parts: Tensor, axis: int = -1) -> Tensor:
    return flux.concat(list(parts), axis=axis)


def embed(a: Float[Tensor, "b 4"], b: Float[Tensor, "b 6"]) -> Float[Tensor, "b 10"]:
    _ = cat(a, b)
    return flux.concat((a, b), axis=1)
    #!later return flux.concat((a, a), axis=1)


def main() -> None:
    e = embed(flux.ones((3, 4)), flux.zeros((3, 6)))
    first, second = flux.split(e, 2, axis=1)
    print(first + second, flux.stack([first, second], axis=1) + flux.ones((2, 5)))
    #! print(first + second, flux.stack([first, second], axis=1) + flux.ones((3, 5)))

=== unstack_loop
def ema(xs: Float[Tensor, "time d"], decay: float) -> Float[Tensor, "d"]:
    avg = flux.zeros(xs.shape[1])
    #! avg = flux.zeros(xs.shape[0])
    for row in flux.unstack(xs):
        avg = decay * avg + (1 - decay) * row  #?
    return avg


def main() -> None:
    q, k, v = flux.unstack(flux.randn((3, 5, 4)), axis=0)
    #! q, k, v = flux.unstack(flux.randn((3, 4, 5)), axis=0)
    print(ema(q @ k.T @ v, 0.9) + flux.ones(4))  #?

=== boolean_masks
def keep_positive(x: Float[Tensor, "n d"]) -> Float[Tensor, "_ d"]:
    mask = x.sum(axis=1) > 0
    #! mask = x.sum(axis=0) > 0
    return x[mask]  #?


def clamp_nans(x: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    return flux.where(flux.isnan(x), 0.0, x)


def main() -> None:
    x = flux.randn((6, 3))
    kept = keep_positive(clamp_nans(x))
    print(kept @ flux.ones((3, 2)))
    #! print(kept @ flux.ones((6, 2)))

=== fancy_indexing
def pick(table: Float[Tensor, "v d"], ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    return table[ids]


def class_scores(logits: Float[Tensor, "b c"], labels: Int[Tensor, "b"]) -> Float[Tensor, "b"]:
    return logits[flux.arange(logits.shape[0]), labels]
    #!silent return logits[:, labels]


def main() -> None:
    ids = flux.randint(0, 9, (2, 4))
    e = pick(flux.randn((9, 5)), ids)
    e = e.mean(axis=1)
    #! e = e.mean(axis=2)
    s = class_scores(e, flux.asarray([1, 3]))
    print(e @ flux.ones((5, 5)), flux.ones((4, 2)) @ s)  #?

=== take_and_gather
def nucleus(
    p: Float[Tensor, "b v"], k: Size["k"]
) -> tuple[Float[Tensor, "b k"], Int[Tensor, "b k"]]:
    best, where = flux.topk(p, k)
    return best, where


def main() -> None:
    probs = flux.softmax(flux.randn((3, 20)))
    values, index = nucleus(probs, 5)
    again = flux.take_along_axis(probs, index, axis=1)
    #! again = flux.take_along_axis(probs, index[0], axis=1)
    print((again - values).sum(), again / values.sum(axis=1, keepdims=True))
    #! print((again - values).sum(), again / values.sum(axis=1))

=== scatter_mean
def segment_mean(
    values: Float32[Tensor, "n d"], segment: Int64[Tensor, "n"], count: int
) -> Float32[Tensor, "_ d"]:
    total = flux.scatter(segment, values, count)
    number = flux.scatter(segment, flux.ones(values.shape[0]), count)
    #! number = flux.scatter(segment, flux.ones(values.shape[1]), count)
    return total / flux.maximum(number, 1.0)[:, None]  #?


def main() -> None:
    seg = flux.asarray([0, 0, 1, 2, 2, 2])
    out = segment_mean(flux.randn((6, 3)), seg, 3)
    #! out = segment_mean(flux.randn((3, 6)), seg, 3)
    print(out)

=== squeeze_expand
def add_channel(x: Float[Tensor, "b h w"]) -> Float[Tensor, "b 1 h w"]:
    return flux.expand_dims(x, axis=1)
    #! return flux.expand_dims(x, axis=-1)


def drop_channel(x: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b h w"]:
    return x.squeeze(axis=1)


def main() -> None:
    grey = flux.rand((2, 8, 8))
    rgb = flux.repeat(add_channel(grey), 3, axis=1)
    #! rgb = flux.repeat(add_channel(grey), 2, axis=1)
    print(rgb * flux.asarray([0.2, 0.7, 0.1])[:, None, None], drop_channel(add_channel(grey)))  #?

=== slicing_with_steps
def downsample(x: Float[Tensor, "b 64 64"]) -> Float[Tensor, "b 32 32"]:
    return x[:, ::2, ::2]
    #!later return x[:, ::2, ::3]


def interleave(even: Float[Tensor, "n"], odd: Float[Tensor, "n"]) -> Float[Tensor, "2*n"]:
    return flux.stack([even, odd], axis=1).reshape((-1,))
    #!later return flux.stack([even, odd], axis=1)


def main() -> None:
    x = downsample(flux.rand((3, 64, 64)))
    corner = x[:, -8:, :8]
    print(corner @ flux.eye(8), interleave(x[0, 0], x[0, 1]) + flux.zeros(64))
    #! print(corner @ flux.eye(32), interleave(x[0, 0], x[0, 1]) + flux.zeros(64))

=== numpy_mixed imports
import numpy as np
import numpy.typing as npt
import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor


def grid(n: int) -> npt.NDArray[np.float32]:
    axis = np.linspace(0.0, 1.0, n, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def features(points: Float[Tensor, "n 2"]) -> Float[Tensor, "n 5"]:
    x, y = points[:, 0], points[:, 1]
    return flux.stack([x, y, x * x, y * y, x * y], axis=1)
    #!later return flux.stack([x, y, x * x, y * y, x * y], axis=0)


def main() -> None:
    pts = flux.asarray(grid(4))
    z = features(pts) @ flux.randn((5, 1))
    #! z = features(pts) @ flux.randn((4, 1))
    print(np.asarray(z.numpy()).shape)

=== causal_shift
def shift_right(tokens: Int[Tensor, "b t"], start: int) -> Int[Tensor, "b t"]:
    begin = flux.full((tokens.shape[0], 1), start)
    #! begin = flux.full((tokens.shape[0],), start)
    return flux.concat([begin, tokens[:, :-1]], axis=1)  #?
    #!later return flux.concat([begin, tokens], axis=1)


def main() -> None:
    t = flux.randint(0, 7, (2, 6))
    print(shift_right(t, 0) == t)

=== pad_and_roll
def reflect(x: Float[Tensor, "n"]) -> Float[Tensor, "n+4"]:
    return flux.pad(x, ((2, 2),))
    #!later return flux.pad(x, ((2, 1),))


def circular(x: Float[Tensor, "n"], k: Float[Tensor, "3"]) -> Float[Tensor, "n"]:
    return k[0] * flux.roll(x, 1) + k[1] * x + k[2] * flux.roll(x, -1)
    #! return k * flux.roll(x, 1) + k[1] * x + k[2] * flux.roll(x, -1)


def main() -> None:
    y = circular(reflect(flux.arange(6, dtype=flux.float32)), flux.ones(3))
    print(y * flux.ones(10))
    #! print(y * flux.ones(8))

=== tile_and_broadcast
def positions(h: Size["h"], w: Size["w"]) -> Float[Tensor, "h w 2"]:
    rows = flux.broadcast_to(flux.arange(h)[:, None], (h, w))
    cols = flux.broadcast_to(flux.arange(w), (h, w))
    #! cols = flux.broadcast_to(flux.arange(w), (w, h))
    return flux.stack([rows, cols], axis=-1).astype(flux.float32)  #?


def main() -> None:
    p = positions(4, 6)
    print(p.reshape((24, 2)) @ flux.randn((2, 8)), flux.tile(p[0], (3, 1)) + flux.ones((18, 2)))
    #! print(p.reshape((24, 2)) @ flux.randn((2, 8)), flux.tile(p[0], (1, 3)) + flux.ones((18, 2)))
"""
