"""Transformations, in the words of others."""

PROGRAMS = """
=== physics_informed
def network(p: Float64[Tensor, "16"], t: Float64[Tensor, ""]) -> Float64[Tensor, ""]:
    hidden = flux.tanh(p[:8] * t)
    return hidden @ p[8:]
    #! return hidden @ p[7:]


def residual(p: Float64[Tensor, "16"], t: Float64[Tensor, ""]) -> Float64[Tensor, ""]:
    slope = flux.gradient(lambda s: network(p, s), t)
    return slope + network(p, t)


def loss(p: Float64[Tensor, "16"], ts: Float64[Tensor, "n"]) -> Float64[Tensor, ""]:
    each = flux.stack([residual(p, t) for t in ts])
    return (each**2).mean() + (network(p, flux.asarray(0.0, dtype=flux.float64)) - 1) ** 2


def main() -> None:
    p = flux.randn((16,), dtype=flux.float64)
    value = loss(p, flux.linspace(0.0, 1.0, 3, dtype=flux.float64))
    step = flux.gradient(lambda q: network(q, value), p)
    print(p - 0.1 * step)
    #! print(p - 0.1 * step[:8])

=== hamiltonian
def energy(q: Float64[Tensor, "n"], p: Float64[Tensor, "n"]) -> Float64[Tensor, ""]:
    return (p @ p) / 2 + (q @ q) / 2
    #! return (p @ p) / 2 + (q @ q[1:]) / 2


def leapfrog(
    q: Float64[Tensor, "n"], p: Float64[Tensor, "n"], h: float
) -> tuple[Float64[Tensor, "n"], Float64[Tensor, "n"]]:
    dq, dp = flux.gradient(energy, q, p)
    p = p - h / 2 * dq
    q = q + h * p
    dq, dp = flux.gradient(energy, q, p)
    return q, p - h / 2 * dq
    #! return q, p - h / 2 * (dq[:, None] @ dp)


def main() -> None:
    q, p = flux.ones(3, dtype=flux.float64), flux.zeros(3, dtype=flux.float64)
    for _ in range(3):
        q, p = leapfrog(q, p, 0.1)
    print(energy(q, p), q + p)
    #! print(energy(q, p), q + p[:2])

=== linearised
def model(x: Float64[Tensor, "4"]) -> Float64[Tensor, "3"]:
    w = flux.ones((3, 4), dtype=flux.float64)
    return flux.sin(w @ x)
    #! return flux.sin(x @ w)


def gauss_newton(
    x: Float64[Tensor, "4"], y: Float64[Tensor, "3"]
) -> Float64[Tensor, "4"]:
    j = flux.jacobian(model, x)
    r = y - model(x)
    change = j.T @ r
    #! change = j @ r
    return x + 0.1 * change


def tangent(x: Float64[Tensor, "4"], v: Float64[Tensor, "4"]) -> Float64[Tensor, "3"]:
    value, slope = flux.jvp(model, (x,), (v,))
    out: Float64[Tensor, "3"] = value + slope
    return out


def main() -> None:
    f = flux.float64
    x = gauss_newton(flux.ones(4, dtype=f), flux.zeros(3, dtype=f))
    tangent(x, x)

=== mapped_over_batches
def single(x: Float32[Tensor, "d"], w: Float32[Tensor, "d k"]) -> Float32[Tensor, "k"]:
    return flux.softmax(x @ w)
    #! return flux.softmax(w @ x)


def batched(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d k"]) -> Float32[Tensor, "n k"]:
    each = flux.vmap(single, in_axes=(0, None))
    y: Float32[Tensor, "n k"] = each(x, w)
    return y
    #! return y @ w


def main() -> None:
    batched(flux.rand((4, 3)), flux.rand((3, 2)))

=== jitted_methods
class Model(nn.Module):
    def __init__(self) -> None:
        self.w = flux.randn((5, 7))

    def __call__(self, x: Float32[Tensor, "n 5"]) -> Float32[Tensor, "n 7"]:
        return x @ self.w
        #! return x @ self.w.T


@flux.jit
def predict(model: Model, x: Float32[Tensor, "n 5"]) -> Float32[Tensor, "n 7"]:
    return flux.relu(model(x))


@flux.checkpoint
def heavy(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    for _ in range(3):
        x = flux.tanh(x @ x.T @ x)
        #! x = flux.tanh(x @ x)
    return x


def main() -> None:
    model = Model()
    y = predict(model, flux.rand((4, 5)))
    #! y = predict(model, flux.rand((4, 7)))
    print(heavy(y) @ flux.ones((7, 1)))
    #! print(heavy(y) @ flux.ones((5, 1)))
"""
