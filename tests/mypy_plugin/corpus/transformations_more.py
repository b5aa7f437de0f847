"""Transformations of functions, in longer programs."""

PROGRAMS = """
=== second_order
def rosenbrock(x: Float64[Tensor, "2"]) -> Float64[Tensor, ""]:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    #! return (1 - x[0]) ** 2 + 100 * (x[2] - x[0] ** 2) ** 2


def inverse(m: Float64[Tensor, "2 2"]) -> Float64[Tensor, "2 2"]:
    det = m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]
    top = flux.stack([m[1, 1], -m[0, 1]])
    low = flux.stack([-m[1, 0], m[0, 0]])
    return flux.stack([top, low]) / det


def newton(x: Float64[Tensor, "2"]) -> Float64[Tensor, "2"]:
    for _ in range(5):
        g = flux.gradient(rosenbrock, x)
        h = flux.hessian(rosenbrock, x)
        x = x - inverse(h) @ g
        #! x = x - inverse(g) @ h
    return x


def main() -> None:
    newton(flux.asarray([0.5, 0.4], dtype=flux.float64))
    #! newton(flux.asarray([0.5, 0.4, 0.1], dtype=flux.float64))

=== meta_learning
def predict(w: Float32[Tensor, "d k"], x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n k"]:
    return flux.tanh(x @ w)


def loss(
    w: Float32[Tensor, "d k"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n k"]
) -> Float32[Tensor, ""]:
    return ((predict(w, x) - y) ** 2).mean()
    #! return ((predict(x, w) - y) ** 2).mean()


def adapted(
    w: Float32[Tensor, "d k"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n k"]
) -> Float32[Tensor, "d k"]:
    return w - 0.1 * flux.gradient(lambda v: loss(v, x, y), w)


def outer(
    w: Float32[Tensor, "8 3"],
    support: tuple[Float32[Tensor, "5 8"], Float32[Tensor, "5 3"]],
    query: tuple[Float32[Tensor, "7 8"], Float32[Tensor, "7 3"]],
) -> Float32[Tensor, "8 3"]:
    def objective(v: Float32[Tensor, "8 3"]) -> Float32[Tensor, ""]:
        return loss(adapted(v, *support), *query)
        #! return loss(adapted(v, support[0], query[1]), *query)

    value, slope = flux.withgradient(objective, w)
    print(value)
    return w - 0.01 * slope
    #! return w - 0.01 * (slope @ w)


def main() -> None:
    s = (flux.rand((5, 8)), flux.rand((5, 3)))
    q = (flux.rand((7, 8)), flux.rand((7, 3)))
    outer(flux.rand((8, 3)), s, q)

=== compiled_training
class Net(nn.Module):
    def __init__(self) -> None:
        self.hidden = nn.Dense(30, 20, flux.relu)
        self.out = nn.Dense(20, 1)
        #! self.out = nn.Dense(30, 1)

    def __call__(self, x: Float[Tensor, "n 30"]) -> Float[Tensor, "n"]:
        return self.out(self.hidden(x))[:, 0]  #?


@flux.jit
def loss(model: Net, x: Float32[Tensor, "n 30"], y: Float32[Tensor, "n"]) -> Float[Tensor, ""]:
    return losses.logitbinarycrossentropy(model(x), y)
    #! return losses.logitbinarycrossentropy(model(x), x)


def fit(x: Float32[Tensor, "n 30"], y: Float32[Tensor, "n"]) -> Net:
    model = Net()
    state = flux.setup(flux.Adam(1e-2), model)
    for _ in range(2):
        slope = flux.gradient(lambda m: loss(m, x, y), model)
        #! slope = flux.gradient(lambda m: loss(m, y, x), model)
        flux.update(state, model, slope)
    return model


def main() -> None:
    fit(flux.rand((6, 30)), flux.ones(6))

=== scanned_filter
State = tuple[Float32[Tensor, "2"], Float32[Tensor, "2 2"]]


def track(
    observed: Float32[Tensor, "time 1"], move: Float32[Tensor, "2 2"], look: Float32[Tensor, "1 2"]
) -> Float32[Tensor, "time 2"]:
    def step(
        state: tuple[Float32[Tensor, "2"], Float32[Tensor, "2 2"]], y: Float32[Tensor, "1"]
    ) -> tuple[tuple[Float32[Tensor, "2"], Float32[Tensor, "2 2"]], Float32[Tensor, "2"]]:
        mean, cov = state
        mean = move @ mean
        cov = move @ cov @ move.T + 0.1 * flux.eye(2)
        gain = cov @ look.T / (look @ cov @ look.T + 1.0)
        #! gain = look @ cov / (look @ cov @ look.T + 1.0)
        mean = mean + gain @ (y - look @ mean)  #?
        #! mean = mean + gain @ (y - look @ cov)
        cov = cov - gain @ look @ cov
        return (mean, cov), mean  #?

    start = (flux.zeros(2), flux.eye(2))
    _, means = flux.scan(step, start, observed)  #?
    return means @ move
    #! return move @ means @ observed.T


def main() -> None:
    track(flux.rand((5, 1)), flux.eye(2), flux.ones((1, 2)))

=== ode_solver
Field = Callable[[Float64[Tensor, "d"]], Float64[Tensor, "d"]]


def euler(
    f: Callable[[Float64[Tensor, "d"]], Float64[Tensor, "d"]], x: Float64[Tensor, "d"], h: float
) -> Float64[Tensor, "d"]:
    return x + h * f(x)


def runge_kutta(
    f: Callable[[Float64[Tensor, "d"]], Float64[Tensor, "d"]], x: Float64[Tensor, "d"], h: float
) -> Float64[Tensor, "d"]:
    k1 = f(x)
    k2 = f(x + h / 2 * k1)
    k3 = f(x + h / 2 * k2)
    k4 = f(x + h * k3)
    #! k4 = f(x + h * k3[:-1])
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def simulate(x: Float64[Tensor, "3"], steps: int) -> Float64[Tensor, "_ 3"]:
    a = flux.asarray([[0, 1, 0], [-1, 0, 0], [0, 0, -0.1]], dtype=flux.float64)
    path = [x]
    for _ in range(steps):
        x = runge_kutta(lambda v: a @ v, x, 0.1)
        #! x = runge_kutta(lambda v: a[:2] @ v, x, 0.1)
        path.append(x)
    return flux.stack(path)


def main() -> None:
    simulate(flux.ones(3, dtype=flux.float64), 4)
    euler(lambda v: -v, flux.ones(2, dtype=flux.float64), 0.1)

=== partials_and_keywords
def augment(
    x: Float32[Tensor, "b c h w"], noise: Float32[Tensor, "c h w"], *, flip: bool = False
) -> Float32[Tensor, "b c h w"]:
    x = x + noise
    return x[..., ::-1] if flip else x


def pipeline(
    x: Float32[Tensor, "b 3 16 16"],
    stages: Sequence[Callable[[Float32[Tensor, "b 3 16 16"]], Float32[Tensor, "b 3 16 16"]]],
) -> Float32[Tensor, "b 3 16 16"]:
    for stage in stages:
        x = stage(x)
    return x


def main() -> None:
    noisy = partial(augment, noise=flux.zeros((3, 16, 16)))
    #! noisy = partial(augment, noise=flux.zeros((3, 16, 61)))
    flipped = partial(augment, noise=flux.zeros((3, 16, 16)), flip=True)
    x = flux.rand((2, 3, 16, 16))
    y = noisy(x)  #?
    y = flipped(y)
    print(y.reshape((2, 768)).sum(axis=1))
    #! print(y.reshape((2, 786)).sum(axis=1))

=== memoised_and_composed imports
from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import ParamSpec, TypeVar

import typedflux as flux
from jaxtyping import Float32
from typedflux import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def timed(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    def decorate(f: Callable[P, R]) -> Callable[P, R]:
        def inner(*args: P.args, **kwargs: P.kwargs) -> R:
            result = f(*args, **kwargs)
            print(name)
            return result

        return inner

    return decorate


@timed("encode")
def encode(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d k"]) -> Float32[Tensor, "n k"]:
    return flux.tanh(x @ w)
    #! return flux.tanh(w @ x)


@timed("decode")
def decode(z: Float32[Tensor, "n k"], w: Float32[Tensor, "d k"]) -> Float32[Tensor, "n d"]:
    return z @ w.T


def main() -> None:
    w = flux.rand((6, 2))
    x = flux.rand((4, 6))
    z = encode(x, w)
    #! z = encode(x, w.T)
    y = decode(z, w=w)
    #! y = decode(x, w=w)
    total = reduce(lambda a, b: a + b, [x, y])
    print(total)
"""
