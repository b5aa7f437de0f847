"""Silent broadcasts, in the words of others."""

PROGRAMS = """
=== residual_plot silent
def residuals(
    w: Float64[Tensor, "d 1"], x: Float64[Tensor, "n d"], y: Float64[Tensor, "n"]
) -> Float64[Tensor, ""]:
    fitted = x @ w
    error = y - fitted[:, 0]
    #! error = y - fitted
    return flux.sqrt((error * error).mean())


def main() -> None:
    f = flux.float64
    residuals(flux.ones((2, 1), dtype=f), flux.rand((5, 2), dtype=f), flux.rand((5,), dtype=f))

=== value_baseline silent
class Value(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(6, 32, flux.tanh), nn.Dense(32, 1))

    def __call__(self, s: Float[Tensor, "time 6"]) -> Float[Tensor, "time 1"]:
        v: Float[Tensor, "time 1"] = self.net(s)
        return v


def advantages(
    value: Value, states: Float32[Tensor, "time 6"], returns: Float32[Tensor, "time"]
) -> Tensor:
    baseline = value(states)
    gap = returns[:, None] - baseline
    #! gap = returns - baseline
    return flux.stop_gradient(gap)


def main() -> None:
    advantages(Value(), flux.rand((5, 6)), flux.ones(5))

=== probabilities_and_targets silent
def bce(p: Float32[Tensor, "n 1"], t: Float32[Tensor, "n"]) -> Tensor:
    q = p.reshape((p.shape[0],))
    positive = t * flux.log(q + 1e-7)
    #! positive = t * flux.log(p + 1e-7)
    negative = (1 - t) * flux.log(1 - q + 1e-7)
    return -(positive + negative).mean()


def main() -> None:
    bce(flux.rand((4, 1)), flux.ones(4))

=== correct_outer_forms silent
def kernels(x: Float32[Tensor, "n"], y: Float32[Tensor, "m"], c: Float32[Tensor, "n 1"]) -> Tensor:
    a = flux.exp(-((x[:, None] - y[None, :]) ** 2))
    b = flux.expand_dims(x, axis=1) * flux.expand_dims(y, axis=0)
    s = a.sum(axis=0, keepdims=True) + a.mean(axis=1, keepdims=True)
    d = x.reshape((-1, 1)) - x.reshape((1, -1))
    e = c - c.T
    f = x - c.squeeze(1)
    #! f = x - c
    print(d.sum(), e.sum(), f.sum(), (x[:, None] - x).sum())
    return a + b + s


def main() -> None:
    kernels(flux.rand((3,)), flux.rand((4,)), flux.rand((3, 1)))

=== wrong_side silent
def weighted(
    x: Float32[Tensor, "batch 1 d"], w: Float32[Tensor, "batch d"], y: Float32[Tensor, "batch d"]
) -> Tensor:
    a = x[:, 0] * w
    #! a = x * w
    return (a + y).sum(axis=-1)


def main() -> None:
    x = flux.rand((3, 1, 4))
    weighted(x, flux.rand((3, 4)), flux.rand((3, 4)))
"""
