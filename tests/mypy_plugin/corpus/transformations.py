"""Gradients, products with Jacobians, compiled functions, scans, partials, decorators."""

PROGRAMS = """
=== gradient_step
def loss(
    w: Float32[Tensor, "d"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"]
) -> Float32[Tensor, ""]:
    return ((x @ w - y) ** 2).mean()


def step(
    w: Float32[Tensor, "d"], x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"]
) -> Float32[Tensor, "d"]:
    slope = flux.gradient(lambda w: loss(w, x, y), w)
    #! slope = flux.gradient(lambda w: loss(x, w, y), w)
    return w - 0.1 * slope


def main() -> None:
    step(flux.zeros(3), flux.rand((5, 3)), flux.rand((5,)))

=== gradient_of_two silent
def fit(
    x: Float32[Tensor, "n 4"], y: Float32[Tensor, "n 2"]
) -> tuple[Float32[Tensor, "4 2"], Float32[Tensor, "2"]]:
    w, b = flux.zeros((4, 2)), flux.zeros(2)

    def loss(w: Float32[Tensor, "4 2"], b: Float32[Tensor, "2"]) -> Float32[Tensor, ""]:
        return ((x @ w + b - y) ** 2).mean()

    w_bar, b_bar = flux.gradient(loss, w, b)
    #! b_bar, w_bar = flux.gradient(loss, w, b)
    w = w - 0.1 * w_bar
    return w, b - 0.1 * b_bar  #?


def main() -> None:
    fit(flux.rand((5, 4)), flux.rand((5, 2)))

=== value_and_gradient silent
def energy(x: Float32[Tensor, "n 3"]) -> Float32[Tensor, ""]:
    gap = x[:, None] - x[None, :]
    return (gap**2).sum()


def relax(x: Float32[Tensor, "n 3"]) -> Float32[Tensor, "n 3"]:
    value, force = flux.withgradient(energy, x)
    print(value.item())
    return x - 0.01 * force
    #! return value - 0.01 * value


def main() -> None:
    relax(flux.rand((4, 3)))

=== model_gradient
class Net(nn.Module):
    def __init__(self) -> None:
        self.dense = nn.Dense(6, 2)

    def __call__(self, x: Float32[Tensor, "b 6"]) -> Float[Tensor, "b 2"]:
        return self.dense(x)


def train(x: Float32[Tensor, "b 6"], y: Float32[Tensor, "b 2"]) -> float:
    net = Net()
    state = flux.setup(flux.Adam(1e-3), net)
    value, slope = flux.withgradient(lambda m: losses.mse(m(x), y), net)
    #! value, slope = flux.withgradient(lambda m: losses.mse(m(y), x), net)
    flux.update(state, net, slope)
    return float(value)


def main() -> None:
    train(flux.rand((3, 6)), flux.rand((3, 2)))

=== jacobian_shape silent
def squash(x: Float64[Tensor, "3"]) -> Float64[Tensor, "2"]:
    return flux.tanh(x[:2] * x[1:])


def sensitivity(x: Float64[Tensor, "3"]) -> Float64[Tensor, "2 3"]:
    return flux.jacobian(squash, x)
    #! return flux.jacobian(squash, x).T


def main() -> None:
    sensitivity(flux.ones(3, dtype=flux.float64))

=== newton_step
def objective(x: Float64[Tensor, "n"]) -> Float64[Tensor, ""]:
    return (x**4).sum() + (x**2).sum()


def newton(x: Float64[Tensor, "n"]) -> Float64[Tensor, "n"]:
    g = flux.gradient(objective, x)
    h = flux.hessian(objective, x)
    d = flux.einsum("ii->i", h)
    #! d = flux.einsum("iij->i", h)
    return x - g / d


def main() -> None:
    newton(flux.ones(3, dtype=flux.float64))

=== pullback
def model(w: Float32[Tensor, "8 3"], x: Float32[Tensor, "n 8"]) -> Float32[Tensor, "n 3"]:
    return flux.tanh(x @ w)


def sensitivities(
    w: Float32[Tensor, "8 3"], x: Float32[Tensor, "5 8"], seed: Float32[Tensor, "5 3"]
) -> Float32[Tensor, "8 3"]:
    y, pull = flux.vjp(lambda w: model(w, x), w)
    back: Float32[Tensor, "8 3"] = pull(seed + y)
    #! back: Float32[Tensor, "8 3"] = pull(seed.T + y)
    return back


def main() -> None:
    sensitivities(flux.rand((8, 3)), flux.rand((5, 8)), flux.ones((5, 3)))

=== tangents
def flow(x: Float32[Tensor, "4"]) -> Float32[Tensor, "4"]:
    return flux.sin(x) * x


def directional(x: Float32[Tensor, "4"], v: Float32[Tensor, "4"]) -> Float32[Tensor, "4"]:
    _, t = flux.jvp(flow, (x,), (v,))
    #! _, t = flux.jvp(flow, (x,), (v[1:],))
    out: Float32[Tensor, "4"] = t
    return out


def main() -> None:
    directional(flux.ones(4), flux.ones(4))

=== compiled_function
@flux.jit
def scores(
    x: Float32[Tensor, "n d"], centres: Float32[Tensor, "k d"]
) -> Float32[Tensor, "n k"]:
    return -((x[:, None] - centres[None]) ** 2).sum(axis=-1)


def assign(x: Float32[Tensor, "n 2"], centres: Float32[Tensor, "k 2"]) -> Int[Tensor, "n"]:
    return flux.argmax(scores(x, centres), axis=1)
    #! return flux.argmax(scores(x, centres.T), axis=1)


def main() -> None:
    assign(flux.rand((5, 2)), flux.rand((3, 2)))

=== jit_call
def forward(w: Float32[Tensor, "m n"], x: Float32[Tensor, "n"]) -> Float32[Tensor, "m"]:
    return flux.relu(w @ x)


def main() -> None:
    fast = flux.jit(forward)
    y = fast(flux.rand((4, 3)), flux.rand((3,)))
    #! y = fast(flux.rand((4, 3)), flux.rand((4,)))
    print(y.sum())

=== checkpointed
def block(x: Float32[Tensor, "b 16"], w: Float32[Tensor, "16 16"]) -> Float32[Tensor, "b 16"]:
    return x + flux.gelu(x @ w)


def deep(
    x: Float32[Tensor, "b 16"], ws: list[Float32[Tensor, "16 16"]]
) -> Float32[Tensor, "b 16"]:
    cheap = flux.checkpoint(block)
    for w in ws:
        x = cheap(x, w)
        #! x = cheap(w, x)
    return x


def main() -> None:
    deep(flux.rand((2, 16)), [flux.eye(16)])

=== batched_function
def similarity(a: Float32[Tensor, "d"], b: Float32[Tensor, "d"]) -> Float32[Tensor, ""]:
    return (a @ b) / flux.sqrt((a @ a) * (b @ b))


def pairwise(x: Float32[Tensor, "n d"], y: Float32[Tensor, "n d"]) -> Float32[Tensor, "n"]:
    each = flux.vmap(similarity)
    scores: Float32[Tensor, "n"] = each(x, y)
    #! scores: Float32[Tensor, "n"] = each(x, y.T)
    return scores


def main() -> None:
    pairwise(flux.rand((3, 4)), flux.rand((3, 4)))

=== conditional_function
def double(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    return 2 * x


def same(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "n d"]:
    return x


def maybe(
    x: Float32[Tensor, "n d"], flag: Bool[Tensor, ""], w: Float32[Tensor, "d k"]
) -> Float32[Tensor, "n k"]:
    y = flux.cond(flag, double, same, x)
    return y @ w
    #! return w @ y


def main() -> None:
    maybe(flux.rand((2, 3)), flux.asarray(True), flux.rand((3, 4)))

=== partial_application
def affine(
    w: Float32[Tensor, "n m"], b: Float32[Tensor, "m"], x: Float32[Tensor, "batch n"]
) -> Float32[Tensor, "batch m"]:
    return x @ w + b


def main() -> None:
    layer = partial(affine, flux.rand((6, 3)), flux.zeros(3))
    #! layer = partial(affine, flux.rand((6, 3)), flux.zeros(6))
    y = layer(flux.rand((4, 6)))  #?
    print(y @ flux.ones((3, 1)))

=== higher_order
Matrix = Float32[Tensor, "n n"]


def iterate(
    f: Callable[[Float32[Tensor, "k"]], Float32[Tensor, "k"]], x: Float32[Tensor, "k"], steps: int
) -> Float32[Tensor, "k"]:
    for _ in range(steps):
        x = f(x)
    return x


def stationary(p: Float32[Tensor, "5 5"]) -> Float32[Tensor, "5"]:
    return iterate(lambda v: v @ p, flux.full((5,), 0.2), 10)
    #! return iterate(lambda v: v @ p, flux.full((4,), 0.2), 10)


def main() -> None:
    stationary(flux.eye(5))

=== plain_decorator imports
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typedflux as flux
from jaxtyping import Float32
from typedflux import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def logged(f: Callable[P, R]) -> Callable[P, R]:
    @wraps(f)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        print(f.__name__)
        return f(*args, **kwargs)

    return inner


@logged
def product(a: Float32[Tensor, "n k"], b: Float32[Tensor, "k m"]) -> Float32[Tensor, "n m"]:
    return a @ b


def main() -> None:
    x = flux.rand((2, 3))
    print(product(x, x.T))
    #! print(product(x, x))
    print(product(x.T, b=x) @ flux.ones((3, 1)))
    #! print(product(x.T, b=x) @ flux.ones((2, 1)))
"""
