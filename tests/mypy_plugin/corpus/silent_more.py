"""Silent broadcasts, in longer programs."""

PROGRAMS = """
=== dqn silent
class QNet(nn.Module):
    def __init__(self) -> None:
        self.hidden = nn.Dense(4, 32, flux.relu)
        self.out = nn.Dense(32, 2)

    def __call__(self, x: Float[Tensor, "b 4"]) -> Float[Tensor, "b 2"]:
        return self.out(self.hidden(x))


def loss(
    net: QNet,
    target: QNet,
    s: Float32[Tensor, "b 4"],
    a: Int[Tensor, "b 1"],
    r: Float32[Tensor, "b"],
    after: Float32[Tensor, "b 4"],
) -> Tensor:
    q = flux.take_along_axis(net(s), a, axis=1)
    best = target(after).max(axis=1)
    goal = r + 0.99 * flux.stop_gradient(best)
    gap = q[:, 0] - goal
    #! gap = q - goal
    return (gap**2).mean()


def main() -> None:
    a = flux.randint(0, 2, (5, 1))
    loss(QNet(), QNet(), flux.rand((5, 4)), a, flux.ones(5), flux.rand((5, 4)))

=== regression_head silent
class Regressor(nn.Module):
    def __init__(self) -> None:
        self.body = nn.Chain(nn.Dense(13, 32, flux.relu))
        self.head = nn.Dense(13, 1)

    def __call__(self, x: Float[Tensor, "n 13"]) -> Float[Tensor, "n 1"]:
        return self.head(x)


def evaluate(model: Regressor, x: Float32[Tensor, "n 13"], y: Float32[Tensor, "n"]) -> float:
    prediction = model(x)
    residual = prediction[:, 0] - y
    #! residual = prediction - y
    total = y - y.mean()
    return 1 - float((residual**2).sum() / (total**2).sum())


def main() -> None:
    evaluate(Regressor(), flux.rand((6, 13)), flux.rand((6,)))

=== huber silent
def huber(
    prediction: Float32[Tensor, "batch 1"], target: Float32[Tensor, "batch"], delta: float = 1.0
) -> Tensor:
    p = flux.squeeze(prediction, axis=1)
    small = flux.abs(p - target) < delta
    #! small = flux.abs(prediction - target) < delta
    square = 0.5 * (p - target) ** 2
    line = delta * (flux.abs(p - target) - 0.5 * delta)
    return flux.where(small, square, line).mean()


def main() -> None:
    huber(flux.rand((4, 1)), flux.rand((4,)))

=== importance_weights silent
def importance(
    logp: Float32[Tensor, "time batch 1"],
    logq: Float32[Tensor, "time batch 1"],
    reward: Float32[Tensor, "time batch"],
) -> Tensor:
    log_ratio = logp - logq
    ratio = flux.exp(log_ratio.squeeze(2))
    total = (ratio * reward).sum(axis=0)
    plain = reward.sum(axis=0)
    bound = flux.minimum(total, plain)
    scale = log_ratio[0]
    weighted = scale[:, 0] * bound
    #! weighted = scale * bound
    return weighted.mean()


def main() -> None:
    p = flux.rand((3, 4, 1))
    importance(p, p, flux.ones((3, 4)))

=== in_place_update silent
def centre(scores: Float32[Tensor, "n 1"], offsets: Float32[Tensor, "n"]) -> Tensor:
    x = scores
    x -= offsets[:, None]
    #! x = x - offsets
    return x.mean()


def fine(x: Float32[Tensor, "n"], y: Float32[Tensor, "m"]) -> Float32[Tensor, "n m"]:
    outer = x[:, None] * y
    mean = outer.mean(axis=1, keepdims=True)
    grid = outer - mean + y
    return grid * x.reshape((-1, 1))


def main() -> None:
    centre(flux.rand((3, 1)), flux.rand((3,)))
    fine(flux.rand((3,)), flux.rand((4,)))

=== class_with_column silent
N = TypeVar("N")


class Column(nn.Module, Generic[N]):
    values: Float32[Tensor, "N 1"]

    def __init__(self, n: Size[N]) -> None:
        self.values = flux.ones((n, 1))

    def shifted(self, by: Float32[Tensor, "N"]) -> Tensor:
        return self.values + by[:, None]
        #! return self.values + by


def main() -> None:
    Column(4).shifted(flux.ones(4))

=== functions_of_two silent
def kl(
    mean: Float32[Tensor, "batch 1"],
    log_var: Float32[Tensor, "batch 1"],
    prior: Float32[Tensor, "batch"],
) -> Tensor:
    flat_mean, flat_var = mean[:, 0], log_var[:, 0]
    divergence = flux.exp(flat_var) + flat_mean**2 - 1 - flat_var
    weight = flux.maximum(prior, flat_var)
    #! weight = flux.maximum(prior, log_var)
    return (0.5 * divergence * weight).mean()


def main() -> None:
    x = flux.rand((4, 1))
    kl(x, x, flux.rand((4,)))
"""
