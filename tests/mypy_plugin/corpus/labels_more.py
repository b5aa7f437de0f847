"""Labels and dtypes, in longer programs."""

PROGRAMS = """
=== detector_loss
class Output(NamedTuple):
    boxes: Float32[Tensor, "100 4"]
    scores: Float32[Tensor, "100 21"]


def loss(
    out: Output, boxes: Float32[Tensor, "k 4"], labels: Int[Tensor, "k"], match: Int[Tensor, "k"]
) -> Float32[Tensor, ""]:
    chosen = out.boxes[match]
    #! chosen = out.scores[match]
    place = flux.abs(chosen - boxes).sum(axis=1).mean()  #?
    kind = losses.logitcrossentropy(out.scores[match], labels)
    #! kind = losses.logitcrossentropy(out.scores, labels[:, None, None])
    return place + kind


def matched(out: Output, boxes: Float32[Tensor, "k 4"]) -> Int[Tensor, "k"]:
    gap = flux.abs(out.boxes[:, None] - boxes[None]).sum(axis=-1)
    return flux.argmin(gap, axis=0)
    #! return flux.min(gap, axis=0)


def main() -> None:
    out = Output(flux.rand((100, 4)), flux.randn((100, 21)))
    boxes = flux.rand((3, 4))
    loss(out, boxes, flux.asarray([1, 20, 5]), matched(out, boxes))  #?

=== multi_label
def targets(sets: list[list[int]], classes: int) -> Float32[Tensor, "_ 20"]:
    rows = [flux.one_hot(flux.asarray(s), 20).max(axis=0) for s in sets]
    return flux.stack(rows)


def f1(
    logits: Float32[Tensor, "n 20"], target: Float32[Tensor, "n 20"], threshold: float = 0.5
) -> Float32[Tensor, "20"]:
    guess = (flux.sigmoid(logits) > threshold).astype(flux.float32)
    hits = (guess * target).sum(axis=0)
    both = guess.sum(axis=0) + target.sum(axis=0)
    #! both = guess.sum(axis=0) + target.sum(axis=(0, 1, 2))
    return 2 * hits / flux.maximum(both, 1.0)


def loss(
    model: nn.Dense[Any, Any], x: Float32[Tensor, "n 64"], y: Float32[Tensor, "n 20"]
) -> Tensor:
    return losses.logitbinarycrossentropy(model(x), y)


def main() -> None:
    y = targets([[1, 2], [3], [0, 19]], 20)
    model = nn.Dense(64, 20)
    #! model = nn.Dense(64, 10)
    x = flux.rand((3, 64))
    loss(model, x, y)  #?
    f1(model(x).astype(flux.float32), y)  #?
    #! f1(y, flux.asarray([1, 3, 19]))

=== quantisation
def quantise(
    x: Float32[Tensor, "n d"], levels: int = 255
) -> tuple[Int[Tensor, "n d"], Float32[Tensor, "n 1"]]:
    scale = flux.abs(x).max(axis=1, keepdims=True) / 127
    #! scale = flux.abs(x).max(axis=1) / 127
    code = flux.round(x / scale).astype(flux.int8)  #?
    return code, scale


def dequantise(code: Int[Tensor, "n d"], scale: Float32[Tensor, "n 1"]) -> Float32[Tensor, "n d"]:
    return code.astype(flux.float32) * scale
    #! return code.astype(flux.float32) @ scale


def product(x: Float32[Tensor, "b d"], w: Float32[Tensor, "n d"]) -> Float32[Tensor, "b n"]:
    code, scale = quantise(w)
    return x @ dequantise(code, scale).T
    #! return x @ dequantise(code, scale)


def main() -> None:
    product(flux.rand((2, 4)), flux.rand((3, 4)))

=== counting silent
def histogram(values: Int[Tensor, "n"], bins: Literal[10] = 10) -> Int64[Tensor, "10"]:
    hot = flux.one_hot(values, 10, dtype=flux.int64)
    #! hot = flux.one_hot(values, 10, dtype=flux.float32)
    return hot.sum(axis=0)  #?


def mask(x: Float32[Tensor, "n"]) -> Bool[Tensor, "n"]:
    return (x > 0) & (x < 1)
    #! return (x > 0).astype(flux.int32)


def mean(x: Int[Tensor, "n d"]) -> Float[Tensor, "d"]:
    return x.astype(flux.float32).mean(axis=0)
    #! return x.sum(axis=0)


def main() -> None:
    histogram(flux.asarray([1, 9, 9]))
    mask(flux.rand((4,)))
    mean(flux.ones((3, 2), dtype=flux.int32))

=== ordinal_regression
class Ordinal(nn.Module):
    cuts: Float32[Tensor, "4"]

    def __init__(self) -> None:
        self.dense = nn.Dense(10, 1)
        self.cuts = flux.linspace(-2.0, 2.0, 4, dtype=flux.float32)
        #! self.cuts = flux.linspace(-2.0, 2.0, 5, dtype=flux.float32)

    def __call__(self, x: Float32[Tensor, "n 10"]) -> Float[Tensor, "n 5"]:
        z = self.dense(x)
        below = flux.sigmoid(self.cuts - z)
        #! below = flux.sigmoid(self.cuts - self.dense(z))
        n = x.shape[0]
        edges = flux.concat([flux.zeros((n, 1)), below, flux.ones((n, 1))], axis=1)
        return edges[:, 1:] - edges[:, :-1]  #?
        #! return edges[:, 1:] - edges


def main() -> None:
    p = Ordinal()(flux.rand((3, 10)))
    print(losses.crossentropy(p, flux.asarray([0, 4, 2])))
    #! print(losses.crossentropy(p, flux.asarray([0, 4, 2, 1])))

=== pairwise_labels imports
from __future__ import annotations

import typedflux as flux
from jaxtyping import Bool, Float32, Int, Num
from library import CLASSES, Labels, Logits, Points, distances
from typedflux import Tensor, losses


def neighbours(train: Points, labels: Int[Tensor, "n"], test: Float32[Tensor, "m d"]) -> Tensor:
    gap = distances(test, train)
    #! gap = distances(test.T, train)
    nearest = flux.argmin(gap, axis=1)
    return labels[nearest]


def error(logits: Logits, labels: Labels) -> Float32[Tensor, ""]:
    wrong: Bool[Tensor, "batch"] = flux.argmax(logits, axis=1) != labels
    #! wrong: Bool[Tensor, "batch"] = flux.argmax(logits, axis=1) != flux.one_hot(labels, CLASSES)
    return wrong.astype(flux.float32).mean()


def scaled(x: Num[Tensor, "n"], by: float) -> Num[Tensor, "n"]:
    return x * by


def main() -> None:
    train, test = flux.rand((5, 2)), flux.rand((3, 2))
    neighbours(train, flux.asarray([0, 1, 2, 3, 4]), test)
    logits = flux.randn((4, 10))
    #! logits = flux.randn((5, 10))
    labels = flux.asarray([1, 2, 3, 4])
    print(error(logits, labels), losses.logitcrossentropy(logits, labels))  #?
    scaled(labels, 2)
"""
