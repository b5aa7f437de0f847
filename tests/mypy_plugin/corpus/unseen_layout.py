"""Written without a look at the checker: permutations and einsum, concat and split, indexing, convolutions and pooling."""

# Programs are as their authors wrote them.
# ruff: noqa: E501

PROGRAMS = """
=== channel_shuffle
def shuffle(x: Float32[Tensor, "batch 24 h w"], groups: int) -> Float32[Tensor, "batch 24 h w"]:
    batch, c, h, w = x.shape
    x = x.reshape((batch, 3, c // 3, h, w))
    x = flux.permute_dims(x, (0, 2, 1, 3, 4))
    #! x = flux.permute_dims(x, (0, 2, 1, 3))
    return x.reshape((batch, c, h, w))  #?
    #! return x.reshape((batch, c // 3, h, w))

def main() -> None:
    x = shuffle(flux.randn((2, 24, 6, 5)), 3)
    y = flux.moveaxis(x, 1, -1) @ flux.ones((24, 4))
    #! y = flux.moveaxis(x, 1, 2) @ flux.ones((24, 4))
    assert y.permute_dims((0, 3, 1, 2)).shape == (2, 4, 6, 5)

=== bilinear_pool
def outer_product(a: Float32[Tensor, "b n da"], c: Float32[Tensor, "b n dc"]) -> Float32[Tensor, "b da*dc"]:
    pooled = flux.einsum("bni,bnj->bij", a, c)
    #!later pooled = flux.einsum("bni,bmj->bijn", a, c)
    #! pooled = flux.einsum("bni,nbj->bij", a, c)
    return pooled.reshape((a.shape[0], -1))  #?
    #! return pooled.reshape((a.shape[0], a.shape[2]))

def trilinear(x: Float32[Tensor, "b i"], y: Float32[Tensor, "b j"], t: Float32[Tensor, "i j k"]) -> Float32[Tensor, "b k"]:
    return flux.einsum("bi,ijk,bj->bk", x, t, y)
    #! return flux.einsum("bi,jik,bj->bk", x, t, y)
    #!silent return flux.einsum("bi,ijk,bj->kb", x, t, y)
    #! return flux.einsum("bi,ijk->bk", x, t, y)

def main() -> None:
    a, c = flux.randn((2, 9, 3)), flux.randn((2, 9, 4))
    p = outer_product(a, c) @ flux.ones((12, 2))
    #! p = outer_product(a, c) @ flux.ones((7, 2))
    print(p, trilinear(flux.ones((2, 3)), flux.ones((2, 4)), flux.ones((3, 4, 5))))
    #! print(p, trilinear(flux.ones((2, 4)), flux.ones((2, 3)), flux.ones((3, 4, 5))))

=== rearranged_video
Clip = Float32[Tensor, "b t h w c"]

def tubelets(clip: Clip) -> Float32[Tensor, "b (t//2)*(h//4)*(w//4) 2*4*4*c"]:
    return flux.rearrange(clip, "b (t dt) (h dh) (w dw) c -> b (t h w) (dt dh dw c)", dt=2, dh=4, dw=4)
    #! return flux.rearrange(clip, "b (t dt) (h dh) (w dw) c -> b (t h w) dt dh dw c", dt=2, dh=4, dw=4)
    #! return flux.rearrange(clip, "b c (t dt) (h dh) (w dw) -> (b t h w) (dt dh dw c)", dt=2, dh=4, dw=4)

def pooled(clip: Clip) -> Float32[Tensor, "b c"]:
    return flux.reduce(clip, "b t h w c -> b c", "mean")
    #! return flux.reduce(clip, "b t h w c -> c b", "mean")
    #! return flux.reduce(clip, "b t h c -> b c", "mean")

def main() -> None:
    clip = flux.rand((2, 4, 8, 8, 3))
    tokens = tubelets(clip)
    weights = flux.randn((96, 10))
    #! weights = flux.randn((48, 10))
    print((tokens @ weights).shape)  #?
    everything = flux.einops_repeat(pooled(clip), "b c -> b n c", n=8)
    #! everything = flux.einops_repeat(pooled(clip), "b c -> b c n", n=8)
    print(flux.concat([tokens[..., :3], everything], axis=-1))  #?

=== complex_layout imports
import typedflux as flux
from typedflux import Tensor
from jaxtyping import Float32 as F


def gram(features: F[Tensor, "b c h w"]) -> F[Tensor, "b c c"]:
    b, c, h, w = features.shape
    flat = features.reshape((b, c, h * w))
    #!later flat = features.reshape((b, c * h, w))
    #! flat = features.reshape((b, c, h * h))
    return flat @ flat.mT / (h * w)  #?
    #!later return flat.mT @ flat / (h * w)
    #! return flat @ flat.T / (h * w)


def style_loss(a: F[Tensor, "b c h w"], b: F[Tensor, "b c h2 w2"]) -> F[Tensor, ""]:
    return flux.mse(gram(a), gram(b))
    #! return flux.mse(gram(a), gram(b.permute_dims((0, 2, 3, 1))))
    #! return flux.mse(a, b)


def main() -> None:
    print(style_loss(flux.rand((2, 3, 4, 4)), flux.rand((2, 3, 6, 5))))
    #! print(style_loss(flux.rand((2, 3, 4, 4)), flux.rand((2, 4, 6, 5))))
    #! print(style_loss(flux.rand((3, 4, 4)), flux.rand((3, 6, 5))))

=== skip_features
def merge(deep: Float32[Tensor, "b 64 h w"], skip: Float32[Tensor, "b 32 2*h 2*w"]) -> Float32[Tensor, "b 96 2*h 2*w"]:
    up = flux.upsample_nearest(deep, 2)
    #! up = flux.upsample_nearest(deep, 4)
    return flux.concat([up, skip], axis=1)  #?
    #! return flux.concat([deep, skip], axis=1)
    #! return flux.concat([up, skip], axis=2)
    #!later return flux.concat([up, skip, skip], axis=1)

def halves(x: Float32[Tensor, "b 96 h w"]) -> tuple[Tensor, Tensor]:
    a, b = flux.split(x, 2, axis=1)
    #! a, b, _ = flux.split(x, 2, axis=1)
    #! a, b = flux.split(x, 3, axis=1)
    return a, b

def main() -> None:
    m = merge(flux.randn((1, 64, 4, 4)), flux.randn((1, 32, 8, 8)))
    #! m = merge(flux.randn((1, 64, 4, 4)), flux.randn((1, 32, 4, 4)))
    a, b = halves(m)
    print((a * b).shape, a[:, :48] + b)
    #! print((a * b).shape, a[:, :32] + b)

=== qkv_packed
def heads(x: Float32[Tensor, "b t 48"], w: Float32[Tensor, "48 144"], n: int) -> Float32[Tensor, "b 4 t 12"]:
    q, k, v = flux.split(x @ w, 3, axis=-1)
    #! q, k, v = flux.split(x @ w, 3, axis=1)
    #! q, k, v = flux.split(x @ w, 4, axis=-1)
    #! q, k = flux.split(x @ w, 3, axis=-1); v = k
    def part(z: Float32[Tensor, "b t 48"]) -> Float32[Tensor, "b 4 t 12"]:
        return flux.rearrange(z, "b t (h d) -> b h t d", h=4)
        #!later return flux.rearrange(z, "b t (h d) -> b t h d", h=4)
        #! return flux.rearrange(z, "b t (h d) -> b h t d", h=5)
    scores = part(q) @ part(k).mT / math.sqrt(12)
    #! scores = part(q) @ part(k) / math.sqrt(12)
    return flux.softmax(scores, axis=-1) @ part(v)

def main() -> None:
    out = heads(flux.randn((2, 7, 48)), flux.randn((48, 144)), 4)
    joined = flux.concat([out[:, i] for i in range(4)], axis=-1)
    print(joined)
    everything = flux.stack(flux.unstack(out, axis=1), axis=2)
    print(everything.reshape((2, 7, 48)) + joined)
    #! print(everything.reshape((2, 7, 36)) + joined)

=== train_test_split
def split_rows(x: Float32[Tensor, "n d"], y: Int[Tensor, "n"], first: int = 80) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    order = flux.permutation(x.shape[0])
    return x[order[:first]], y[order[:first]], x[order[first:]], y[order[first:]]

def append_ones(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d+1"]:
    return flux.concat([x, flux.ones((x.shape[0], 1))], axis=1)
    #! return flux.concat([x, flux.ones((x.shape[0],))], axis=1)
    #! return flux.concat([x, flux.ones((1, x.shape[1]))], axis=1)
    #! return flux.concat([x, flux.ones((x.shape[0], 1))], axis=0)
    #! return flux.concat([x, flux.ones((x.shape[0], 2))], axis=1)

def main() -> None:
    x, y = flux.randn((100, 7)), flux.randint(0, 3, (100,))
    design = append_ones(x)
    table = flux.concat([design, y.astype(flux.float32)[:, None]], axis=1)
    #! table = flux.concat([design, y.astype(flux.float32)], axis=1)
    #! table = flux.concat([design, y.astype(flux.float32)[None]], axis=1)
    w = flux.zeros((9, 3))
    #! w = flux.zeros((8, 3))
    print(table @ w, split_rows(x, y))  #?

=== beam
def expand(scores: Float32[Tensor, "b k"], logits: Float32[Tensor, "b k v"]) -> tuple[Float32[Tensor, "b 4"], Int64[Tensor, "b 4"]]:
    b, k, v = logits.shape
    total = scores[:, :, None] + flux.logsoftmax(logits, axis=-1)
    #! total = scores[:, None, :] + flux.logsoftmax(logits, axis=-1)
    #! total = scores + flux.logsoftmax(logits, axis=-1)
    flat = total.reshape((b, k * v))  #?
    #! flat = total.reshape((b, k + v))
    best, index = flux.topk(flat, 4)
    #!silent best, index = flux.topk(flat, 5)
    #!later index, best = flux.topk(flat, 4)
    return best, index  #?

def main() -> None:
    s, i = expand(flux.zeros((2, 3)), flux.randn((2, 3, 11)))
    beams = i // 11
    chosen = flux.take_along_axis(flux.randn((2, 3)), beams, axis=1)
    print(s + chosen)
    #! print(s + chosen.T)
    table = flux.randn((11, 6))
    words = table[i % 11]
    print(words @ flux.ones((6, 1)), words[:, 0] + table[:2])
    #! print(words @ flux.ones((4, 1)), words[:, 0] + table[:2])
    #! print(words @ flux.ones((6, 1)), words[:, 0] + table[:3])

=== dynamics
def rollout(states: Float32[Tensor, "time batch 4"]) -> Float32[Tensor, "time-1 batch 4"]:
    change = states[1:] - states[:-1]
    #! change = states[1:] - states[:]
    #! change = states[2:] - states[:-1]
    #!silent change = states[:, 1:] - states[:, :-1]
    return change / 0.1  #?

def every_other(x: Float32[Tensor, "8 d"]) -> tuple[Float32[Tensor, "4 d"], Float32[Tensor, "4 d"]]:
    return x[::2], x[1::2]
    #!later return x[::2], x[2::2]
    #!later return x[::3], x[1::2]

def angle(states: Float32[Tensor, "time batch 4"]) -> Float32[Tensor, "time batch"]:
    x, y, *_ = flux.unstack(states, axis=-1)
    #!later x, y, *_ = flux.unstack(states, axis=0)
    return flux.atan2(y, x)  #?
    #!later return flux.atan2(states[..., :1], states[..., 1:2])

def main() -> None:
    s = flux.randn((8, 3, 4))
    a, b = every_other(s[:, 0])
    #!silent a, b = every_other(s[0])
    print(rollout(s).shape, angle(s) @ flux.ones((3,)), a * b)
    #! print(rollout(s).shape, angle(s) @ flux.ones((8,)), a * b)
    last = s[-1]
    print(last[:, 0] + angle(s)[-1])
    #! print(last[0] + angle(s)[-1])

=== masks_as_indices
def foreground(image: Float32[Tensor, "3 h w"], mask: Bool[Tensor, "h w"]) -> Float32[Tensor, "3"]:
    pixels = image[:, mask]
    #! pixels = image[mask]
    #! pixels = image[mask, :]
    return pixels.mean(axis=1)  #?
    #! return pixels.mean(axis=(1, 2))

def blend(a: Float32[Tensor, "3 h w"], b: Float32[Tensor, "3 h w"], mask: Bool[Tensor, "h w"]) -> Float32[Tensor, "3 h w"]:
    return flux.where(mask, a, b)
    #! return flux.where(mask[..., None], a, b)
    #! return flux.where(mask.T, a, b)

def crop(a: Float32[Tensor, "3 h w"]) -> Float32[Tensor, "3 h-2 w-2"]:
    return a[:, 1:-1, 1:-1]
    #!silent return a[1:-1, 1:-1]
    #!silent return a[:, 1:-1, 2:-1]
    #!silent return a[..., 1:-1]

def main() -> None:
    a, b = flux.rand((3, 5, 7)), flux.zeros((3, 5, 7))
    mask = a[0] > 0.5
    #! mask = a[0, 0] > 0.5
    #! mask = a[:, 0] > 0.5
    print(foreground(a, mask), crop(blend(a, b, mask)).shape)  #?
    border = a.at[:, 0, :].set(b[:, 0, :])
    #! border = a.at[:, 0, :].set(b[:, :, 0])
    print(border)

=== lenet imports
from jaxtyping import Float32, Int64
import typedflux as flux
from typedflux import Tensor, losses, nn

features = nn.Chain(
    nn.Conv((5, 5), 1, 6, flux.relu),
    nn.MaxPool((2, 2)),
    nn.Conv((5, 5), 6, 16, flux.relu),
    #! nn.Conv((5, 5), 8, 16, flux.relu),
    nn.MaxPool((2, 2)),
    nn.Flatten(),
)
classifier = nn.Chain(nn.Dense(256, 120, flux.relu), nn.Dense(120, 84, flux.relu), nn.Dense(84, 10))
#! classifier = nn.Chain(nn.Dense(400, 120, flux.relu), nn.Dense(120, 84, flux.relu), nn.Dense(84, 10))
#! classifier = nn.Chain(nn.Dense(256, 120, flux.relu), nn.Dense(120, 48, flux.relu), nn.Dense(84, 10))


def loss(x: Float32[Tensor, "b 1 28 28"], y: Int64[Tensor, "b"]) -> Float32[Tensor, ""]:
    return losses.logitcrossentropy(classifier(features(x)), y)  #?
    #! return losses.logitcrossentropy(classifier(features(x[:, 0])), y)
    #! return losses.logitcrossentropy(classifier(features(x[..., 2:-2, 2:-2])), y)
    #! return losses.logitcrossentropy(features(classifier(x)), y)


def main() -> None:
    print(loss(flux.rand((4, 1, 28, 28)), flux.randint(0, 10, (4,))))
    #! print(loss(flux.rand((4, 28, 28)), flux.randint(0, 10, (4,))))
    #! print(loss(flux.rand((4, 1, 28, 28)), flux.randint(0, 10, (4, 1))))

=== downsample_stack
class Down(nn.Module):
    def __init__(self, c: int, out: int) -> None:
        self.conv = nn.Conv((3, 3), c, out, flux.relu, stride=2, padding=1)
        self.norm = nn.BatchNorm(out)
        #! self.norm = nn.BatchNorm(c)

    def __call__(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))  #?

class Encoder(nn.Module):
    def __init__(self) -> None:
        self.a = Down(3, 16)
        self.b = Down(16, 32)
        #! self.b = Down(32, 32)
        self.head = nn.Conv((1, 1), 32, 8)
        #! self.head = nn.Conv((3, 3), 32, 8)

    def __call__(self, x: Float32[Tensor, "n 3 32 32"]) -> Float32[Tensor, "n 8 8 8"]:
        x = self.a(x)
        x = self.b(x)  #?
        return self.head(x)  #?
        #! return self.head(self.b(x))

def main() -> None:
    z = Encoder()(flux.rand((2, 3, 32, 32)))
    #! z = Encoder()(flux.rand((2, 32, 32, 3)))
    flat = nn.Chain(nn.Flatten(), nn.Dense(512, 10))
    #! flat = nn.Chain(nn.Flatten(), nn.Dense(64, 10))
    print(flat(z))  #?

=== dilated_audio
def receptive(x: Float32[Tensor, "b 1 400"]) -> Float32[Tensor, "b 16 386"]:
    first = nn.Conv((3,), 1, 16, flux.tanh, dilation=1)
    second = nn.Conv((3,), 16, 16, flux.tanh, dilation=2)
    #!silent second = nn.Conv((3,), 16, 16, flux.tanh, dilation=3)
    #! second = nn.Conv((3, 3), 16, 16, flux.tanh, dilation=2)
    third = nn.Conv((3,), 16, 16, flux.tanh, dilation=4)
    #! third = nn.Conv((3,), 8, 16, flux.tanh, dilation=4)
    return third(second(first(x)))  #?

def decimate(x: Float32[Tensor, "b c t"]) -> Float32[Tensor, "b c t//2"]:
    return nn.MeanPool((2,))(x)
    #!later return nn.MeanPool((3,))(x)
    #! return nn.MeanPool((2, 2))(x)

def main() -> None:
    wave = flux.randn((2, 1, 400))
    #! wave = flux.randn((2, 400, 1))
    h = decimate(receptive(wave))  #?
    print(h)
    up = nn.ConvTranspose((4,), 16, 1, stride=2, padding=1)
    print(up(h)[:, :, :386] - receptive(wave)[:, :1])
    #! print(up(h) - receptive(wave)[:, :1, 1:])
    #! print(up(h[0]) - receptive(wave)[:, :1])

=== depthwise
def separable(x: Float32[Tensor, "b 32 h w"], stride: int) -> Float32[Tensor, "b 64 h w"]:
    spatial = nn.Conv((3, 3), 32, 32, padding="same", groups=32)
    #! spatial = nn.Conv((3, 3), 32, 32, padding="same", groups=12)
    #!silent spatial = nn.Conv((3, 3), 32, 32, groups=32)
    #! spatial = nn.Conv((3, 3), 32, 48, padding="same", groups=16)
    point = nn.Conv((1, 1), 32, 64)
    #! point = nn.Conv((1, 1), 64, 32)
    return point(spatial(x))  #?

def squeeze_excite(x: Float32[Tensor, "b 64 h w"]) -> Float32[Tensor, "b 64 h w"]:
    s = x.mean(axis=(2, 3))
    #! s = x.mean(axis=(1, 2))
    gate = nn.Chain(nn.Dense(64, 16, flux.relu), nn.Dense(16, 64, flux.sigmoid))(s)  #?
    #! gate = nn.Chain(nn.Dense(64, 16, flux.relu), nn.Dense(16, 32, flux.sigmoid))(s)
    return x * gate[:, :, None, None]  #?
    #! return x * gate

def main() -> None:
    y = squeeze_excite(separable(flux.randn((2, 32, 6, 9)), 1))
    pool = nn.GlobalMeanPool()
    print(pool(y).reshape((2, 64)), nn.AdaptiveMeanPool((2, 3))(y).reshape((2, 64 * 6)))
    #! print(pool(y).reshape((2, 64)), nn.AdaptiveMeanPool((3, 3))(y).reshape((2, 64 * 6)))
"""
