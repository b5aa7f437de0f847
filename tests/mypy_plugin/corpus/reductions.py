"""Sums, means, maxima and what keeps or drops an axis."""

PROGRAMS = """
=== row_means silent
def row_means(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n"]:
    return x.mean(axis=1)
    #! return x.mean(axis=0)


def main() -> None:
    row_means(flux.randn((4, 3)))

=== axis_out_of_range
def norms(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n"]:
    return flux.sqrt((x * x).sum(axis=1))
    #! return flux.sqrt((x * x).sum(axis=2))


def unit(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    return x / norms(x)[:, None]


def main() -> None:
    unit(flux.ones((3, 2)))

=== layer_norm_by_hand
def layer_norm(
    x: Float32[Tensor, "*batch d"],
    gain: Float32[Tensor, "d"],
    bias: Float32[Tensor, "d"],
    eps: float = 1e-5,
) -> Float32[Tensor, "*batch d"]:
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return (x - mu) / flux.sqrt(var + eps) * gain + bias


def block(x: Float32[Tensor, "batch time 16"]) -> Float32[Tensor, "batch time 16"]:
    gain, bias = flux.ones(16), flux.zeros(16)
    x = layer_norm(x, gain, bias)
    #! x = layer_norm(x.mean(axis=2), gain, bias)
    return x + layer_norm(flux.gelu(x), gain, bias)


def main() -> None:
    block(flux.randn((2, 5, 16)))

=== global_pool_then_classify
class Head(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Dense(channels, classes)


def classify(x: Float32[Tensor, "batch 32 h w"]) -> Float[Tensor, "batch 10"]:
    out = nn.Dense(32, 10)
    x = flux.mean(x, axis=(2, 3))
    #! x = flux.mean(x, axis=(1, 2))
    return out(x)  #?


def main() -> None:
    classify(flux.rand((2, 32, 7, 6)))

=== accuracy_per_class silent
def per_class(
    predicted: Int[Tensor, "n"], labels: Int[Tensor, "n"], classes: Size["classes"]
) -> Float32[Tensor, "classes"]:
    hit = (predicted == labels).astype(flux.float32)
    member = flux.one_hot(labels, classes)
    return (member * hit[:, None]).sum(axis=0) / flux.maximum(member.sum(axis=0), 1.0)
    #! return (member * hit[:, None]).sum(axis=1) / flux.maximum(member.sum(axis=1), 1.0)


def main() -> None:
    labels = flux.asarray([0, 1, 2, 1, 0])
    assert per_class(labels, labels, 3).ndim == 1

=== confusion
def confusion(p: Float32[Tensor, "n k"], t: Float32[Tensor, "n k"]) -> Float32[Tensor, "k k"]:
    return (t[:, :, None] * p[:, None, :]).sum(axis=0)


def recall(p: Float32[Tensor, "n k"], t: Float32[Tensor, "n k"]) -> Float32[Tensor, "k"]:
    table = confusion(p, t)
    total = table.sum(axis=1)
    diagonal = flux.einsum("ii->i", table)
    return diagonal / flux.maximum(total, 1.0)
    #! return diagonal.sum(axis=1) / flux.maximum(total, 1.0)


def main() -> None:
    t = flux.one_hot(flux.asarray([0, 1, 2, 2]), 3)
    recall(t, t)

=== weighted_mean
def weighted(
    x: Float32[Tensor, "n d"], w: Float32[Tensor, "n"]
) -> tuple[Float32[Tensor, "d"], Float32[Tensor, "d"]]:
    total = w.sum()
    mean = (x * w[:, None]).sum(axis=0) / total
    #! mean = (x * w[:, None]).sum(axis=1) / total
    spread = (w[:, None] * (x - mean) ** 2).sum(axis=0) / total  #?
    return mean, spread


def main() -> None:
    weighted(flux.randn((6, 3)), flux.rand((6,)))

=== instance_norm
def instance_norm(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c h w"]:
    axes = (2, 3)
    mean = flux.mean(x, axis=axes, keepdims=True)
    deviation = flux.std(x, axis=(2, 3), keepdims=True)
    #! deviation = flux.std(x, axis=(2, 3), keepdims=False)
    return (x - mean) / (deviation + 1e-5)  #?


def main() -> None:
    instance_norm(flux.randn((2, 3, 5, 6)))

=== kmeans_step
def assign(x: Float32[Tensor, "n d"], centres: Float32[Tensor, "k d"]) -> Int[Tensor, "n"]:
    square = ((x[:, None] - centres[None]) ** 2).sum(axis=-1)
    return flux.argmin(square, axis=1)


def update(
    x: Float32[Tensor, "n d"], owner: Int[Tensor, "n"], k: Size["k"]
) -> Float32[Tensor, "k d"]:
    member = flux.one_hot(owner, k)
    count = member.sum(axis=0)
    #! count = member.sum(axis=1)
    return (member.T @ x) / flux.maximum(count, 1.0)[:, None]  #?


def main() -> None:
    x = flux.randn((9, 2))
    centres = x[:3]
    for _ in range(3):
        centres = update(x, assign(x, centres), 3)

=== mean_of_squares silent
def mse(prediction: Float32[Tensor, "batch out"], target: Float32[Tensor, "batch out"]) -> Tensor:
    return ((prediction - target) ** 2).mean()


def per_example(
    prediction: Float32[Tensor, "batch out"], target: Float32[Tensor, "batch out"]
) -> Float32[Tensor, "batch"]:
    error = prediction - target
    return (error**2).mean(axis=-1)
    #! return (error**2).mean()


def main() -> None:
    p = flux.rand((4, 2))
    mse(p, p)
    per_example(p, p)

=== log_sum_exp
def mixture(
    logits: Float64[Tensor, "k"], components: Float64[Tensor, "n k"]
) -> Float64[Tensor, "n"]:
    weights = flux.logsoftmax(logits)
    return flux.logsumexp(weights + components, axis=-1)
    #! return flux.logsumexp(weights + components, axis=(1, 2))


def main() -> None:
    mixture(flux.zeros(3, dtype=flux.float64), flux.randn((5, 3), dtype=flux.float64))

=== gram_matrix_style_loss
def gram(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c c"]:
    b, c, h, w = x.shape
    flat = x.reshape((b, c, h * w))
    return flat @ flat.mT / (h * w)


def style_loss(
    generated: Float32[Tensor, "b c h w"], style: Float32[Tensor, "b c h w"]
) -> Float32[Tensor, "b"]:
    gap = gram(generated) - gram(style)
    return (gap**2).sum(axis=(1, 2))
    #! return (gap**2).sum(axis=(2, 3))


def main() -> None:
    x = flux.rand((2, 3, 4, 5))
    style_loss(x, x)

=== top_two_margin silent
def margin(scores: Float32[Tensor, "batch classes"]) -> Float32[Tensor, "batch"]:
    values, _ = flux.topk(scores, 2)
    return values[:, 0] - values[:, 1]
    #! return values[0] - values[1]


def main() -> None:
    margin(flux.randn((5, 4)))

=== running_statistics
class Statistics(nn.Module):
    mean: Float32[Tensor, "3"]
    count: Float32[Tensor, ""]

    def __init__(self) -> None:
        self.mean = nn.buffer(flux.zeros(3))
        self.count = nn.buffer(flux.asarray(0.0))

    def update(self, x: Float32[Tensor, "batch 3 h w"]) -> None:
        batch_mean = x.mean(axis=(0, 2, 3))
        #! batch_mean = x.mean(axis=(0, 2))
        self.count = self.count + 1
        self.mean = self.mean + (batch_mean - self.mean) / self.count  #?


def main() -> None:
    Statistics().update(flux.rand((2, 3, 4, 5)))
"""
