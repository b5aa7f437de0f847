"""Reductions, in longer programs."""

PROGRAMS = '''
=== metrics_class
class Metrics:
    """Counts of a classifier, added up over batches."""

    def __init__(self, classes: int) -> None:
        self.table: Float32[Tensor, "5 5"] = flux.zeros((5, 5))

    def update(self, logits: Float32[Tensor, "n 5"], labels: Int[Tensor, "n"]) -> None:
        guess = flux.one_hot(flux.argmax(logits, axis=1), 5)
        #! guess = flux.one_hot(flux.argmax(logits, axis=1), 6)
        truth = flux.one_hot(labels, 5)
        self.table = self.table + truth.T @ guess  #?

    def precision(self) -> Float32[Tensor, "5"]:
        hits = flux.einsum("ii->i", self.table)
        return hits / flux.maximum(self.table.sum(axis=0), 1)
        #! return hits / flux.maximum(self.table.sum(axis=2), 1)

    def accuracy(self) -> float:
        hits = flux.einsum("ii->i", self.table)
        return float(hits.sum() / self.table.sum())


def main() -> None:
    m = Metrics(5)
    m.update(flux.randn((7, 5)), flux.randint(0, 5, (7,)))
    m.precision()
    m.accuracy()

=== batch_statistics silent
def moments(
    x: Float32[Tensor, "batch time d"], valid: Float32[Tensor, "batch time"]
) -> tuple[Float32[Tensor, "d"], Float32[Tensor, "d"]]:
    weight = valid[:, :, None]
    total = weight.sum()
    mean = (x * weight).sum(axis=(0, 1)) / total
    #! mean = (x * weight).sum(axis=0) / total
    var = (weight * (x - mean) ** 2).sum(axis=(0, 1)) / total  #?
    return mean, var  #?


def main() -> None:
    moments(flux.rand((5, 5, 5)), flux.ones((5, 5)))

=== label_smoothing
def smooth(labels: Int[Tensor, "batch"], classes: int, alpha: float) -> Float32[Tensor, "batch _"]:
    hot = flux.one_hot(labels, classes)
    return (1 - alpha) * hot + alpha / classes


def focal(
    logits: Float32[Tensor, "batch classes"],
    labels: Int[Tensor, "batch"],
    weight: Float32[Tensor, "classes"],
    gamma: float = 2.0,
) -> Float32[Tensor, ""]:
    logp = flux.logsoftmax(logits, axis=-1)
    hot = flux.one_hot(labels, logits.shape[1])
    pt = (flux.exp(logp) * hot).sum(axis=-1)
    #! pt = (flux.exp(logp) * hot).sum(axis=0)
    ce = -(logp * hot * weight).sum(axis=-1)
    #! ce = -(logp * hot * weight[:, None]).sum(axis=-1)
    return ((1 - pt) ** gamma * ce).mean()  #?


def main() -> None:
    labels = flux.asarray([0, 2, 1, 1])
    smooth(labels, 3, 0.1)
    focal(flux.randn((4, 3)), labels, flux.ones(3))

=== spectral_norm
def spectral(
    w: Float32[Tensor, "out inp"], u: Float32[Tensor, "out"], steps: int = 1
) -> tuple[Float32[Tensor, "out inp"], Float32[Tensor, "out"]]:
    v = u @ w
    for _ in range(steps):
        v = w.T @ u
        v = v / flux.sqrt((v**2).sum())
        u = w @ v
        #! u = v @ w
        u = u / flux.sqrt((u**2).sum())
    sigma = (u * (w @ v)).sum()  #?
    return w / sigma, u


def main() -> None:
    spectral(flux.rand((4, 3)), flux.ones(4), steps=2)

=== whitening
def whiten(x: Float64[Tensor, "n d"], eps: float = 1e-3) -> Float64[Tensor, "n d"]:
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = flux.einsum("ni,nj->ij", centred, centred) / x.shape[0]
    scale = flux.rsqrt(flux.einsum("ii->i", covariance) + eps)
    #! scale = flux.rsqrt(covariance.sum(axis=(0, 1, 2)) + eps)
    return centred * scale


def correlation(x: Float64[Tensor, "n d"]) -> Float64[Tensor, "d d"]:
    z = whiten(x)
    z = z / z.std(axis=0)
    return z.T @ z / x.shape[0]
    #! return z.T @ z.mean(axis=1, keepdims=True).T / x.shape[0]


def main() -> None:
    correlation(flux.randn((8, 3), dtype=flux.float64))

=== arg_of_reduction imports
import jaxtyping as jt
import typedflux as flux
from typedflux import Tensor, mean, sqrt
from typedflux import sum as total


def rms(x: jt.Float32[Tensor, "*batch d"]) -> jt.Float32[Tensor, "*batch"]:
    return sqrt(mean(x * x, axis=-1))


def rms_norm(
    x: jt.Float32[Tensor, "batch time d"], gain: jt.Float32[Tensor, "d"]
) -> jt.Float32[Tensor, "batch time d"]:
    return x / rms(x)[..., None] * gain
    #! return x / rms(x)[:, None] * gain


def pooled(
    x: jt.Float32[Tensor, "batch time d"], score: jt.Float32[Tensor, "batch time"]
) -> jt.Float32[Tensor, "batch d"]:
    share = score / total(score, axis=1, keepdims=True)
    #! share = score / total(score, axis=1)
    return total(x * share[:, :, None], axis=1)  #?


def main() -> None:
    x = rms_norm(flux.rand((2, 5, 4)), flux.ones(4))
    pooled(x, flux.rand((2, 5)))

=== hidden_markov
def forward(
    start: Float64[Tensor, "s"],
    move: Float64[Tensor, "s s"],
    emit: Float64[Tensor, "s o"],
    seen: Int[Tensor, "time"],
) -> Float64[Tensor, ""]:
    alpha = flux.log(start) + flux.log(emit[:, seen[0]])
    #! alpha = flux.log(start) + flux.log(emit[seen[0]])
    for t in range(1, seen.shape[0]):
        reach = flux.logsumexp(alpha[:, None] + flux.log(move), axis=0)  #?
        alpha = reach + flux.log(emit[:, seen[t]])
    return flux.logsumexp(alpha)


def viterbi_step(
    best: Float64[Tensor, "s"], move: Float64[Tensor, "s s"], emit: Float64[Tensor, "s"]
) -> tuple[Float64[Tensor, "s"], Int[Tensor, "s"]]:
    scores = best[:, None] + flux.log(move)
    last = flux.argmax(scores, axis=0)
    return scores.max(axis=0) + emit, last
    #! return scores.max(axis=-3) + emit, last


def main() -> None:
    f = flux.float64
    start = flux.full((3,), 1 / 3, dtype=f)
    move = flux.full((3, 3), 1 / 3, dtype=f)
    emit = flux.full((3, 4), 0.25, dtype=f)
    forward(start, move, emit, flux.asarray([0, 3, 2]))
    viterbi_step(start, move, emit[:, 0])
'''
