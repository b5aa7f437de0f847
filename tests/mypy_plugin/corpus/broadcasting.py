"""Operands of different shapes, elementwise."""

PROGRAMS = """
=== standardise
def standardise(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    mean = x.mean(axis=1, keepdims=True)
    #! mean = x.mean(axis=1)
    deviation = x.std(axis=1, keepdims=True)
    return (x - mean) / (deviation + 1e-6)  #?


def main() -> None:
    standardise(flux.randn((6, 4)))

=== pairwise_differences
def pairwise(x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "n m"]:
    gap = x[:, None, :] - y[None, :, :]
    #! gap = x[:, None, :] - y[:, :, None]
    return flux.sqrt((gap**2).sum(axis=-1))


def main() -> None:
    pairwise(flux.randn((5, 3)), flux.randn((4, 3)))

=== softmax_by_hand
def softmax(logits: Float32[Tensor, "batch classes"]) -> Float32[Tensor, "batch classes"]:
    top = flux.max(logits, axis=-1, keepdims=True)
    e = flux.exp(logits - top)
    return e / e.sum(axis=-1, keepdims=True)
    #! return e / e.sum(axis=-1)


def main() -> None:
    softmax(flux.randn((8, 10)))

=== batch_norm_by_hand
class Norm(nn.Module):
    gamma: Float32[Tensor, "c"]
    beta: Float32[Tensor, "c"]

    def __init__(self, c: int) -> None:
        self.gamma = flux.ones(c)
        self.beta = flux.zeros(c)


def batch_norm(
    x: Float32[Tensor, "n c h w"], gamma: Float32[Tensor, "c"], beta: Float32[Tensor, "c"]
) -> Float32[Tensor, "n c h w"]:
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    x = (x - mean) * flux.rsqrt(var + 1e-5)
    x = x * gamma[:, None, None] + beta[:, None, None]
    #! x = x * gamma[:, None] + beta[:, None, None]
    return x


def main() -> None:
    norm = Norm(3)
    batch_norm(flux.randn((2, 3, 5, 4)), norm.gamma, norm.beta)

=== positional_encoding
def encoding(time: Size["time"], size: Size["size"]) -> Float32[Tensor, "time size"]:
    position = flux.arange(time, dtype=flux.float32)[:, None]
    rate = flux.exp(flux.arange(size, dtype=flux.float32) * (-math.log(10000.0) / size))
    return flux.sin(position * rate)


def embed(
    x: Float32[Tensor, "batch time size"], table: Float32[Tensor, "time size"]
) -> Float32[Tensor, "batch time size"]:
    return x + table
    #! return x + table.T


def main() -> None:
    embed(flux.zeros((2, 7, 4)), encoding(7, 4))

=== normalise_images
MEAN = flux.asarray([0.485, 0.456, 0.406], dtype=flux.float32)


def normalise(
    images: Float32[Tensor, "batch 3 h w"],
    mean: Float32[Tensor, "3"],
    std: Float32[Tensor, "3"],
) -> Float32[Tensor, "batch 3 h w"]:
    images = images - mean.reshape((3, 1, 1))
    #! images = images - mean.reshape((1, 1, 3))
    return images / std[:, None, None]


def main() -> None:
    normalise(flux.rand((2, 3, 6, 8)), MEAN, flux.full((3,), 0.2))

=== mask_by_length
def mask(lengths: Int[Tensor, "batch"], time: Size["time"]) -> Bool[Tensor, "batch time"]:
    return flux.arange(time)[None, :] < lengths[:, None]


def masked_mean(
    x: Float32[Tensor, "batch time d"], valid: Bool[Tensor, "batch time"]
) -> Float32[Tensor, "batch d"]:
    weights = valid.astype(flux.float32)
    total = (x * weights[:, :, None]).sum(axis=1)
    #! total = (x * weights[:, None, :]).sum(axis=1)
    count = weights.sum(axis=1, keepdims=True)
    return total / flux.maximum(count, 1.0)


def main() -> None:
    x = flux.randn((3, 6, 4))
    masked_mean(x, mask(flux.asarray([6, 2, 4]), 6))

=== mixup silent
def mixup(
    x: Float32[Tensor, "batch 3 h w"],
    y: Float32[Tensor, "batch classes"],
    order: Int[Tensor, "batch"],
    weight: Float32[Tensor, "batch"],
) -> tuple[Float32[Tensor, "batch 3 h w"], Float32[Tensor, "batch classes"]]:
    wx = weight[:, None, None, None]
    wy = weight[:, None]
    mixed_x = wx * x + (1 - wx) * x[order]
    mixed_y = wy * y + (1 - wy) * y[order]
    #! mixed_y = wy * y + (1 - wx) * y[order]
    return mixed_x, mixed_y  #?


def main() -> None:
    n = 4
    x = flux.rand((n, 3, 8, 6))
    y = flux.one_hot(flux.arange(n), 10)
    mixup(x, y, flux.permutation(n), flux.rand((n,)))

=== literal_sizes
def main() -> None:
    grid = flux.zeros((4, 5))
    rows = flux.arange(4, dtype=flux.float32)
    columns = flux.arange(5, dtype=flux.float32)
    grid = grid + columns
    #! grid = grid + rows
    grid = grid + rows[:, None]
    grid *= columns
    offset = flux.maximum(grid, columns)
    #! offset = flux.maximum(grid, rows)
    print(offset.sum())

=== outer_by_hand
def rotary(
    x: Float32[Tensor, "batch time size"], inverse: Float32[Tensor, "size"]
) -> Float32[Tensor, "batch time size"]:
    steps = flux.arange(x.shape[1], dtype=flux.float32)
    angle = steps[:, None] * inverse[None, :]
    #! angle = steps * inverse
    return x * flux.cos(angle) + flux.roll(x, 1, axis=-1) * flux.sin(angle)


def main() -> None:
    rotary(flux.randn((2, 5, 4)), flux.rand((4,)))

=== where_three
def clamp_scores(
    scores: Float32[Tensor, "b q k"], allowed: Bool[Tensor, "b k"], low: float = -1e9
) -> Float32[Tensor, "b q k"]:
    return flux.where(allowed[:, None, :], scores, low)
    #! return flux.where(allowed[:, :, None], scores, low)


def main() -> None:
    clamp_scores(flux.randn((2, 3, 5)), flux.ones((2, 5), dtype=flux.bool_))

=== gaussian_log_density
def log_density(
    x: Float32[Tensor, "n d"], means: Float32[Tensor, "k d"], scales: Float32[Tensor, "k"]
) -> Float32[Tensor, "n k"]:
    gap = x[:, None] - means
    square = (gap**2).sum(axis=2)
    d = x.shape[1]
    return -0.5 * square / scales**2 - d * flux.log(scales)
    #! return -0.5 * gap / scales**2 - d * flux.log(scales)


def responsibilities(
    x: Float32[Tensor, "n d"], means: Float32[Tensor, "k d"], scales: Float32[Tensor, "k"]
) -> Float32[Tensor, "n k"]:
    logits = log_density(x, means, scales)
    return flux.exp(logits - flux.logsumexp(logits, axis=1, keepdims=True))
    #! return flux.exp(logits - flux.logsumexp(logits, axis=1))


def main() -> None:
    responsibilities(flux.randn((7, 2)), flux.randn((3, 2)), flux.ones(3))

=== feature_scale
class FeatureScale(nn.Module):
    def __init__(self) -> None:
        self.scale = flux.ones((64,))
        self.shift = flux.zeros((64,))
        #! self.shift = flux.zeros((46,))

    def __call__(self, x: Float32[Tensor, "batch 64"]) -> Float32[Tensor, "batch 64"]:
        return x * self.scale + self.shift  #?


def main() -> None:
    FeatureScale()(flux.rand((2, 64)))

=== temperature_per_head
def sharpen(
    scores: Float32[Tensor, "batch heads q k"], temperature: Float32[Tensor, "heads"]
) -> Float32[Tensor, "batch heads q k"]:
    return scores / flux.expand_dims(temperature, axis=(1, 2))
    #! return scores / flux.expand_dims(temperature, axis=1)


def main() -> None:
    sharpen(flux.randn((2, 8, 5, 6)), flux.ones(8))
"""
