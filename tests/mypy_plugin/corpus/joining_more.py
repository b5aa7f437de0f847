"""Concatenation and splits, in longer programs."""

PROGRAMS = """
=== densenet
class DenseBlock(nn.Module):
    def __init__(self) -> None:
        self.norm1 = nn.BatchNorm(32)
        self.conv1 = nn.Conv((3, 3), 32, 12, padding=1, bias=False)
        self.norm2 = nn.BatchNorm(44)
        #! self.norm2 = nn.BatchNorm(32)
        self.conv2 = nn.Conv((3, 3), 44, 12, padding=1, bias=False)
        #! self.conv2 = nn.Conv((3, 3), 56, 12, padding=1, bias=False)
        self.squeeze = nn.Conv((1, 1), 56, 28)
        #! self.squeeze = nn.Conv((1, 1), 44, 28)

    def __call__(self, x: Float[Tensor, "b 32 h w"]) -> Float[Tensor, "b 28 h w"]:
        y = self.conv1(flux.relu(self.norm1(x)))
        x = flux.concat([x, y], axis=1)
        #! x = flux.concat([x, y], axis=2)
        y = self.conv2(flux.relu(self.norm2(x)))  #?
        x = flux.concat([x, y], axis=1)
        return self.squeeze(x)  #?


def main() -> None:
    DenseBlock()(flux.rand((2, 32, 4, 5)))

=== wide_and_deep
class Features(NamedTuple):
    numbers: Float32[Tensor, "n 13"]
    country: Int[Tensor, "n"]
    device: Int[Tensor, "n"]


class WideDeep(nn.Module):
    def __init__(self) -> None:
        self.country = nn.Embedding(200, 8)
        self.device = nn.Embedding(10, 3)
        self.deep = nn.Dense(24, 16, flux.relu)
        #! self.deep = nn.Dense(21, 16, flux.relu)
        self.out = nn.Dense(29, 1)
        #! self.out = nn.Dense(24, 1)

    def __call__(
        self,
        numbers: Float32[Tensor, "n 13"],
        country: Int[Tensor, "n"],
        device: Int[Tensor, "n"],
    ) -> Float[Tensor, "n 1"]:
        c, d = self.country(country), self.device(device)
        x = flux.concat([numbers, c, d], axis=-1)
        #! x = flux.concat([numbers, c, country], axis=-1)
        h = self.deep(x)  #?
        return self.out(flux.concat([h, numbers], axis=1))  #?


def main() -> None:
    f = Features(flux.rand((4, 13)), flux.randint(0, 200, (4,)), flux.randint(0, 10, (4,)))
    WideDeep()(f.numbers, f.country, f.device)

=== coupling_layer
def coupling(
    x: Float32[Tensor, "n 10"], w: Float32[Tensor, "5 10"], b: Float32[Tensor, "10"]
) -> tuple[Float32[Tensor, "n 10"], Float32[Tensor, "n"]]:
    a, c = flux.split(x, 2, axis=1)
    scale, shift = flux.split(a @ w + b, 2, axis=1)
    #! scale, shift = flux.split(a @ w + b, [4], axis=1)
    scale = flux.tanh(scale)
    y = flux.concat([a, c * flux.exp(scale) + shift], axis=1)  #?
    return y, scale.sum(axis=1)


def flow(
    x: Float32[Tensor, "n 10"], layers: list[Float32[Tensor, "5 10"]]
) -> Float32[Tensor, "n"]:
    logdet = flux.zeros(x.shape[0])
    for w in layers:
        x, change = coupling(x, w, flux.zeros(10))
        #! x, change = coupling(x, w, flux.zeros(5))
        x = flux.flip(x, axis=1)
        logdet = logdet + change
    return logdet - 0.5 * (x**2).sum(axis=1)
    #! return logdet - 0.5 * (x**2).sum(axis=2)


def main() -> None:
    flow(flux.randn((4, 10)), [flux.randn((5, 10)), flux.randn((5, 10))])

=== grouped_queries
def grouped(
    q: Float32[Tensor, "b 8 t d"], k: Float32[Tensor, "b 2 t d"], v: Float32[Tensor, "b 2 t d"]
) -> Float32[Tensor, "b t 8*d"]:
    k = flux.repeat(k, 4, axis=1)
    #! k = flux.repeat(k, 2, axis=1)
    v = flux.repeat(v, 4, axis=1)
    scores = flux.softmax(q @ k.mT)  #?
    heads = flux.unstack(scores @ v, axis=1)
    return flux.concat(heads, axis=-1)


def cache(
    keys: Float32[Tensor, "b 2 past d"], new: Float32[Tensor, "b 2 1 d"]
) -> Float32[Tensor, "b 2 past+1 d"]:
    return flux.concat([keys, new], axis=2)
    #! return flux.concat([keys, new], axis=1)


def main() -> None:
    q, k = flux.rand((2, 8, 5, 4)), flux.rand((2, 2, 4, 4))
    k = cache(k, flux.rand((2, 2, 1, 4)))
    grouped(q, k, k)
    #! grouped(q, k, k.mT)

=== multi_scale_crops
def crops(image: Float32[Tensor, "3 64 64"]) -> Float32[Tensor, "5 3 32 32"]:
    corners = [image[:, :32, :32], image[:, :32, 32:], image[:, 32:, :32], image[:, 32:, 32:]]
    #! corners = [image[:, :32, :32], image[:, :32, 32:], image[:, 32:, :32], image[:, 31:, 32:]]
    centre = image[:, 16:48, 16:48]
    return flux.stack([*corners, centre])  #?


def features(image: Float32[Tensor, "3 64 64"], w: Float32[Tensor, "3072 10"]) -> Tensor:
    x = crops(image).reshape((5, -1))
    flipped = crops(image[..., ::-1]).reshape((5, -1))
    both = flux.concat([x, flipped])
    #! both = flux.concat([x, flipped], axis=1)
    return (both @ w).mean(axis=0)  #?


def main() -> None:
    features(flux.rand((3, 64, 64)), flux.rand((3072, 10)))

=== boxes_and_anchors
def iou(a: Float32[Tensor, "n 4"], b: Float32[Tensor, "m 4"]) -> Float32[Tensor, "n m"]:
    low = flux.maximum(a[:, None, :2], b[None, :, :2])
    high = flux.minimum(a[:, None, 2:], b[None, :, 2:])
    #! high = flux.minimum(a[:, None, 2:], b[None, :, 1:])
    size = flux.clip(high - low, 0.0)
    overlap = size[..., 0] * size[..., 1]
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    #! area_a = (a[:, 2] - a[:, 0]) * (a[:, 4] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return overlap / (area_a[:, None] + area_b[None, :] - overlap)
    #! return overlap / (area_a[None, :] + area_b[:, None] - overlap)


def anchors(centres: Float32[Tensor, "k 2"], sizes: Float32[Tensor, "k 2"]) -> Tensor:
    return flux.concat([centres - sizes / 2, centres + sizes / 2], axis=1)


def main() -> None:
    a = anchors(flux.rand((3, 2)), flux.ones((3, 2)))
    b = anchors(flux.rand((5, 2)), flux.ones((5, 2)))
    iou(a, b)
"""
