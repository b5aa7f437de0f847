"""Operands that broadcast by NumPy's rules, but not as they were meant to."""

PROGRAMS = """
=== targets_without_axis silent
def loss(
    prediction: Float32[Tensor, "batch 1"], target: Float32[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    error = prediction[:, 0] - target
    #! error = prediction - target
    return (error**2).mean()


def main() -> None:
    loss(flux.rand((4, 1)), flux.rand((4,)))

=== dense_output silent
def mae(x: Float32[Tensor, "batch 8"], y: Float32[Tensor, "batch"]) -> Tensor:
    model = nn.Dense(8, 1)
    prediction = model(x)
    return flux.abs(prediction.squeeze(1) - y).mean()
    #! return flux.abs(prediction - y).mean()


def main() -> None:
    mae(flux.rand((4, 8)), flux.rand((4,)))

=== row_normalisation silent
def normalise(x: Float32[Tensor, "n n"]) -> Float32[Tensor, "n n"]:
    total = x.sum(axis=1)
    return x / total[:, None]


def centred(k: Float32[Tensor, "n 1"], mean: Float32[Tensor, "n"]) -> Tensor:
    return k - mean[:, None]
    #! return k - mean


def main() -> None:
    normalise(flux.rand((3, 3)))
    centred(flux.rand((3, 1)), flux.rand((3,)))

=== binary_accuracy silent
def accuracy(logits: Float32[Tensor, "batch 1"], labels: Bool[Tensor, "batch"]) -> Tensor:
    guess = logits > 0
    hit = guess[:, 0] == labels
    #! hit = guess == labels
    return hit.astype(flux.float32).mean()


def main() -> None:
    accuracy(flux.randn((5, 1)), flux.ones(5, dtype=flux.bool_))

=== advantage silent
def advantage(
    returns: Float32[Tensor, "time"], values: Float32[Tensor, "time 1"], weights: Tensor
) -> Tensor:
    gap = returns - values.squeeze(-1)
    #! gap = returns - values
    return (gap * gap).mean()


def main() -> None:
    advantage(flux.rand((6,)), flux.rand((6, 1)), flux.ones(6))

=== bellman_targets silent
def targets(
    reward: Float32[Tensor, "batch"],
    done: Float32[Tensor, "batch"],
    after: Float32[Tensor, "batch actions"],
) -> Float32[Tensor, "batch"]:
    best = after.max(axis=1)
    #! best = after.max(axis=1, keepdims=True)
    return reward + 0.9 * (1 - done) * best  #?


def main() -> None:
    targets(flux.ones(3), flux.zeros(3), flux.rand((3, 2)))

=== weights_per_example silent
def weighted_loss(
    logits: Float32[Tensor, "batch 1"],
    target: Float32[Tensor, "batch 1"],
    weight: Float32[Tensor, "batch"],
) -> Tensor:
    each = flux.softplus(logits) - logits * target
    return (each[:, 0] * weight).mean()
    #! return (each * weight).mean()


def main() -> None:
    weighted_loss(flux.randn((3, 1)), flux.ones((3, 1)), flux.ones(3))

=== written_axes silent
def distances(x: Float32[Tensor, "n"], y: Float32[Tensor, "n 1"]) -> Float32[Tensor, "n n"]:
    all_pairs = x[:, None] - x[None, :]
    square = all_pairs**2
    diagonal = x - y[:, 0]
    #! diagonal = x - y
    print(diagonal.sum())
    return square / (square.sum(axis=0, keepdims=True) + 1)


def main() -> None:
    distances(flux.rand((4,)), flux.rand((4, 1)))

=== literal_batch silent
def main() -> None:
    prediction = flux.rand((32, 1))
    target = flux.rand((32,))
    error = prediction - target[:, None]
    #! error = prediction - target
    print((error**2).mean())

=== gradient_penalty silent
def penalty(score: Float32[Tensor, "n 1"], x: Float32[Tensor, "n d"]) -> Tensor:
    norms = flux.sqrt((x**2).sum(axis=1))
    total = score[:, 0] + 10 * (norms - 1) ** 2
    #! total = score + 10 * (norms - 1) ** 2
    return total.mean()


def main() -> None:
    penalty(flux.rand((3, 1)), flux.rand((3, 2)))

=== per_sample_mask silent
def masked(loss: Float32[Tensor, "b 1"], keep: Bool[Tensor, "b"]) -> Tensor:
    zero = flux.zeros_like(loss)
    kept = flux.where(keep[:, None], loss, zero)
    #! kept = flux.where(keep, loss, zero)
    return kept.sum() / keep.astype(flux.float32).sum()


def main() -> None:
    masked(flux.rand((3, 1)), flux.ones(3, dtype=flux.bool_))

=== batch_of_images silent
def scale_each(x: Float32[Tensor, "b 1 1 1"], factor: Float32[Tensor, "b"]) -> Tensor:
    return x * factor[:, None, None, None]
    #! return x * factor


def main() -> None:
    scale_each(flux.rand((2, 1, 1, 1)), flux.rand((2,)))

=== log_likelihood silent
class Gaussian(nn.Module):
    def __init__(self) -> None:
        self.mean = nn.Dense(5, 1)
        self.spread = nn.Dense(5, 1)

    def __call__(self, x: Float[Tensor, "b 5"], y: Float[Tensor, "b"]) -> Tensor:
        mean = self.mean(x)[:, 0]
        #! mean = self.mean(x)
        spread = self.spread(x)[:, 0]
        z = (y - mean) * flux.exp(-spread)  #?
        return (0.5 * z**2 + spread).mean()


def main() -> None:
    Gaussian()(flux.rand((3, 5)), flux.rand((3,)))

=== maximum_of_two silent
def clipped(
    ratio: Float32[Tensor, "n"], advantage: Float32[Tensor, "n 1"], eps: float = 0.2
) -> Tensor:
    a = advantage.reshape((-1,))
    plain = ratio * a
    bounded = flux.clip(ratio, 1 - eps, 1 + eps) * a
    #! bounded = flux.clip(ratio, 1 - eps, 1 + eps) * advantage
    return -flux.minimum(plain, bounded).mean()


def main() -> None:
    clipped(flux.ones(4), flux.rand((4, 1)))
"""
