"""Labels, targets and dtypes in losses and lookups."""

PROGRAMS = """
=== float_indices
def embed(
    tokens: Int[Tensor, "batch time"], table: Float32[Tensor, "vocabulary d"]
) -> Float32[Tensor, "batch time d"]:
    return flux.gather(table, tokens)
    #! return flux.gather(table, tokens / 1)


def main() -> None:
    embed(flux.randint(0, 5, (2, 3)), flux.rand((5, 4)))

=== crossentropy_labels
def loss(model: nn.Dense[Any, Any], x: Float32[Tensor, "b 8"], y: Int[Tensor, "b"]) -> Tensor:
    return losses.logitcrossentropy(model(x), y)


def evaluate(x: Float32[Tensor, "b 8"], y: Int[Tensor, "b"]) -> Float[Tensor, ""]:
    model = nn.Dense(8, 3)
    logits = model(x)
    return losses.logitcrossentropy(logits, y)
    #! return losses.logitcrossentropy(logits, y.astype(flux.float32))


def main() -> None:
    evaluate(flux.rand((4, 8)), flux.asarray([0, 1, 2, 1]))

=== swapped_arguments
def objective(
    logits: Float32[Tensor, "batch classes"], labels: Int[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    return losses.logitcrossentropy(logits, labels)
    #! return losses.logitcrossentropy(labels, logits)


def main() -> None:
    objective(flux.randn((4, 3)), flux.asarray([0, 2, 1, 1]))

=== one_hot_depth
def soft_labels(labels: Int[Tensor, "batch"]) -> Float32[Tensor, "batch 10"]:
    hot = flux.one_hot(labels, 10)
    return 0.9 * hot + 0.1 / 10


def loss(logits: Float32[Tensor, "batch 10"], labels: Int[Tensor, "batch"]) -> Float32[Tensor, ""]:
    target = soft_labels(labels)
    #! target = flux.one_hot(labels, 12)
    return -(target * flux.logsoftmax(logits, axis=-1)).sum(axis=-1).mean()  #?


def main() -> None:
    loss(flux.randn((3, 10)), flux.asarray([0, 9, 4]))

=== probabilities_shape
def distil(
    student: Float32[Tensor, "batch classes"], teacher: Float32[Tensor, "batch classes"]
) -> Float32[Tensor, ""]:
    return losses.logitcrossentropy(student, flux.softmax(teacher))
    #! return losses.logitcrossentropy(student, flux.softmax(teacher).T)


def main() -> None:
    distil(flux.randn((4, 3)), flux.randn((4, 3)))

=== regression_targets
def train_step(
    x: Float32[Tensor, "batch 13"], y: Float32[Tensor, "batch"]
) -> Float[Tensor, ""]:
    model = nn.Dense(13, 1)
    prediction = model(x)
    return losses.mse(prediction[:, 0], y)
    #! return losses.mse(prediction, y)


def main() -> None:
    train_step(flux.rand((4, 13)), flux.rand((4,)))

=== wrong_dtype_argument silent
def normalise(x: Float32[Tensor, "b d"]) -> Float32[Tensor, "b d"]:
    return (x - x.mean()) / x.std()


def load(n: int) -> Float32[Tensor, "_ 4"]:
    raw = flux.randint(0, 256, (n, 4))
    return normalise(raw.astype(flux.float32) / 255)
    #! return normalise(raw)


def main() -> None:
    load(5)

=== argmax_is_int silent
def predict(logits: Float32[Tensor, "batch classes"]) -> Int[Tensor, "batch"]:
    return flux.argmax(logits, axis=-1)
    #! return flux.max(logits, axis=-1)


def main() -> None:
    predict(flux.randn((3, 4)))

=== mask_of_ints
def select(x: Float32[Tensor, "n d"], keep: Bool[Tensor, "n"]) -> Float32[Tensor, "_ d"]:
    return x[keep]
    #! return x[keep.astype(flux.float32)]


def main() -> None:
    select(flux.rand((3, 2)), flux.asarray([True, False, True]))

=== binary_targets
def accuracy(
    logits: Float32[Tensor, "batch"], target: Float32[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    return ((logits > 0).astype(flux.float32) == target).astype(flux.float32).mean()


def loss(logits: Float32[Tensor, "batch 1"], target: Float32[Tensor, "batch"]) -> Tensor:
    flat = logits.squeeze(1)
    print(accuracy(flat, target))
    return losses.logitbinarycrossentropy(flat, target)
    #! return losses.logitbinarycrossentropy(logits, target)


def main() -> None:
    loss(flux.randn((5, 1)), flux.ones(5))

=== imported_aliases imports
import typedflux as flux
from library import Labels, Logits, accuracy
from typedflux import losses


def report(logits: Logits, labels: Labels) -> float:
    loss = losses.logitcrossentropy(logits, labels)
    return float(loss + accuracy(logits, labels))
    #! return float(loss + accuracy(logits.T, labels))


def main() -> None:
    report(flux.randn((4, 10)), flux.asarray([1, 2, 3, 4]))

=== boolean_arithmetic silent
def f1(predicted: Bool[Tensor, "n"], actual: Bool[Tensor, "n"]) -> Float32[Tensor, ""]:
    hits = (predicted & actual).astype(flux.float32).sum()
    wrong = (predicted ^ actual).astype(flux.float32).sum()
    score = 2 * hits / (2 * hits + wrong)
    return score
    #! return score > 0.5


def main() -> None:
    f1(flux.asarray([True, False]), flux.asarray([True, True]))

=== precision_mixed silent
def accumulate(parts: list[Float32[Tensor, "3"]]) -> Float64[Tensor, "3"]:
    total = flux.zeros(3, dtype=flux.float64)
    for part in parts:
        total = total + part.astype(flux.float64)
    return total / len(parts)
    #! return (total / len(parts)).astype(flux.float32)


def main() -> None:
    accumulate([flux.rand((3,)), flux.ones(3)])

=== segmentation
class Segment(nn.Module):
    def __init__(self) -> None:
        self.conv = nn.Conv((1, 1), 16, 5)

    def __call__(self, x: Float32[Tensor, "b 16 h w"]) -> Float[Tensor, "b 5 h w"]:
        return self.conv(x)


def loss(
    model: Segment, x: Float32[Tensor, "b 16 h w"], labels: Int[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    logits = flux.permute_dims(model(x), (0, 2, 3, 1))
    #! logits = flux.permute_dims(model(x), (0, 1, 2, 3))
    return losses.logitcrossentropy(logits, labels)  #?


def main() -> None:
    loss(Segment(), flux.rand((2, 16, 4, 6)), flux.randint(0, 5, (2, 4, 6)))

=== label_count
def main() -> None:
    digits = flux.rand((32, 64))
    labels = flux.randint(0, 10, (32,))
    #! labels = flux.randint(0, 10, (23,))
    model = nn.Dense(64, 10)
    loss = losses.logitcrossentropy(model(digits), labels)  #?
    right = flux.argmax(model(digits), axis=1) == labels
    print(loss, right.astype(flux.float32).mean())

=== bitwise_on_floats
def parity(
    x: Int64[Tensor, "n"], weights: Float32[Tensor, "n"]
) -> tuple[Int64[Tensor, "n"], Float32[Tensor, ""]]:
    bits = x & 1
    #! bits = weights & 1
    return bits, (weights * bits.astype(flux.float32)).sum()


def main() -> None:
    parity(flux.arange(4), flux.ones(4))
"""
