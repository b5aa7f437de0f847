"""Reductions, in the words of others."""

PROGRAMS = """
=== pooled_embeddings
class Bag(nn.Module):
    def __init__(self, words: int, size: int = 50) -> None:
        self.table = nn.Embedding(words, 50)
        self.out = nn.Dense(50, 3)

    def __call__(self, ids: Int[Tensor, "b t"], valid: Bool[Tensor, "b t"]) -> Float[Tensor, "b 3"]:
        x = self.table(ids)
        m = valid.astype(flux.float32)
        mean = (x * m[..., None]).sum(axis=1) / m.sum(axis=1)[:, None]
        #! mean = (x * m[..., None]).sum(axis=1) / m.sum(axis=1)
        return self.out(mean)
        #! return self.out(mean.sum(axis=-1))


def main() -> None:
    Bag(9)(flux.randint(0, 9, (2, 5)), flux.ones((2, 5), dtype=flux.bool_))

=== calibration
def reliability(
    p: Float64[Tensor, "n k"], y: Int[Tensor, "n"]
) -> tuple[Float64[Tensor, "n"], Bool[Tensor, "n"]]:
    confidence = p.max(axis=1)
    #! confidence = p.max(axis=2)
    right = flux.argmax(p, axis=1) == y
    return confidence, right  #?


def ece(p: Float64[Tensor, "n k"], y: Int[Tensor, "n"], bins: int = 5) -> float:
    confidence, right = reliability(p, y)
    edges = flux.linspace(0.0, 1.0, bins + 1, dtype=flux.float64)
    inside = (confidence[:, None] > edges[:-1]) & (confidence[:, None] <= edges[1:])
    weight = inside.astype(flux.float64)
    hits = (weight * right.astype(flux.float64)[:, None]).sum(axis=0)
    #! hits = (weight * right.astype(flux.float64)[:, None]).sum(axis=2)
    return float(flux.abs(hits - (weight * confidence[:, None]).sum(axis=0)).sum()) / p.shape[0]


def brier(p: Float64[Tensor, "n k"], y: Int[Tensor, "n"]) -> Float64[Tensor, ""]:
    hot = flux.one_hot(y, p.shape[1], dtype=flux.float64)
    return ((p - hot) ** 2).sum(axis=1).mean()
    #! return ((p - hot.sum(axis=0)[:-1]) ** 2).sum(axis=1).mean()


def main() -> None:
    p = flux.softmax(flux.randn((6, 3), dtype=flux.float64))
    y = flux.asarray([0, 1, 2, 0, 1, 2])
    ece(p, y)
    brier(p, y)

=== summary_statistics silent
def describe(x: Float64[Tensor, "n d"]) -> dict[str, Float64[Tensor, "d"]]:
    return {
        "mean": x.mean(axis=0),
        #! "mean": x.mean(axis=1),
        "std": x.std(axis=0, correction=1),
        "min": flux.min(x, axis=0),
        #! "min": flux.min(x, axis=1),
        "max": x.max(axis=0),
    }


def table(x: Float64[Tensor, "n d"]) -> Float64[Tensor, "4 d"]:
    return flux.stack(list(describe(x).values()))


def main() -> None:
    table(flux.randn((4, 4), dtype=flux.float64)[:, :4])

=== total_variation
def total_variation(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b"]:
    across = flux.abs(x[:, :, :, 1:] - x[:, :, :, :-1])
    down = flux.abs(x[:, :, 1:] - x[:, :, :-1])
    return across.sum(axis=(1, 2, 3)) + down.sum(axis=(1, 2, 3))
    #! return (across + down).sum(axis=(1, 2, 3))


def perceptual(
    x: Float32[Tensor, "b c h w"], y: Float32[Tensor, "b c h w"], weight: Float32[Tensor, "c"]
) -> Float32[Tensor, "b"]:
    gap = ((x - y) ** 2).mean(axis=(2, 3))
    #! gap = ((x - y) ** 2).mean(axis=(1, 2))
    return (gap * weight).sum(axis=1)  #?


def main() -> None:
    x = flux.rand((2, 3, 5, 6))
    perceptual(x, x, flux.ones(3)) + total_variation(x)
"""
