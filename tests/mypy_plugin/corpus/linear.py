"""Matrix products and linear layers."""

PROGRAMS = """
=== regression_gradient
def predict(
    x: Float32[Tensor, "n d"], w: Float32[Tensor, "d"], b: Float32[Tensor, ""]
) -> Float32[Tensor, "n"]:
    return x @ w + b


def step(
    x: Float32[Tensor, "n d"],
    y: Float32[Tensor, "n"],
    w: Float32[Tensor, "d"],
    b: Float32[Tensor, ""],
    rate: float = 0.1,
) -> tuple[Float32[Tensor, "d"], Float32[Tensor, ""]]:
    residual = predict(x, w, b) - y
    n = x.shape[0]
    w_bar = x.T @ residual / n
    #! w_bar = x @ residual / n
    b_bar = residual.mean()
    return w - rate * w_bar, b - rate * b_bar


def main() -> None:
    x, y = flux.randn((20, 3)), flux.randn((20,))
    w, b = flux.zeros((3,)), flux.asarray(0.0)
    for _ in range(3):
        w, b = step(x, y, w, b)

=== two_layers_by_hand
def forward(
    x: Float32[Tensor, "batch 784"],
    w1: Float32[Tensor, "784 128"],
    b1: Float32[Tensor, "128"],
    w2: Float32[Tensor, "128 10"],
    b2: Float32[Tensor, "10"],
) -> Float32[Tensor, "batch 10"]:
    h = flux.relu(x @ w1 + b1)
    #! h = flux.relu(w1 @ x + b1)
    return h @ w2 + b2
    #! return x @ w2 + b2


def main() -> None:
    w1 = flux.randn((784, 128))
    w2 = flux.randn((128, 10))
    forward(flux.rand((4, 784)), w1, flux.zeros(128), w2, flux.zeros(10))

=== covariance
def covariance(x: Float32[Tensor, "samples features"]) -> Float32[Tensor, "features features"]:
    centred = x - x.mean(axis=0)
    return centred.T @ centred / (x.shape[0] - 1)
    #! return centred @ centred / (x.shape[0] - 1)


def main() -> None:
    c = covariance(flux.randn((50, 4)))
    assert c.shape == (4, 4)

=== power_iteration
def leading(a: Float32[Tensor, "n n"], steps: int) -> tuple[Tensor, Float32[Tensor, "n"]]:
    v: Float32[Tensor, "n"] = flux.ones(a.shape[0])
    for _ in range(steps):
        v = a @ v
        v = v / flux.sqrt((v * v).sum())
    return v @ (a @ v), v


def pca(x: Float32[Tensor, "samples d"], steps: int = 10) -> Float32[Tensor, "samples"]:
    centred = x - x.mean(axis=0, keepdims=True)
    _, direction = leading(centred.T @ centred, steps)
    return centred @ direction
    #! return direction @ centred


def main() -> None:
    pca(flux.randn((9, 5)))

=== mlp_module
class MLP(nn.Module):
    def __init__(self, hidden: int = 64) -> None:
        self.first = nn.Dense(784, 128, flux.relu)
        self.second = nn.Dense(128, 32, flux.relu)
        #! self.second = nn.Dense(182, 32, flux.relu)
        self.head = nn.Dense(32, 10)

    def __call__(self, x: Float32[Tensor, "batch 784"]) -> Float[Tensor, "batch 10"]:
        x = self.first(x)
        x = self.second(x)  #?
        return self.head(x)
        #! return self.second(x)


def main() -> None:
    model = MLP()
    model(flux.rand((3, 784)))

=== dense_literal_sizes
def main() -> None:
    flux.seed(1)
    images = flux.rand((32, 28, 28))
    flat = flux.reshape(images, (32, 784))
    encode = nn.Dense(784, 64, flux.tanh)
    decode = nn.Dense(64, 784, flux.sigmoid)
    code = encode(flat)
    #! code = encode(images)
    restored = decode(code)
    #! restored = encode(code)
    error = losses.mse(restored, flat)
    print(error.item())

=== kernel_ridge
def gram(
    x: Float32[Tensor, "n d"], y: Float32[Tensor, "m d"], gamma: float = 0.5
) -> Float32[Tensor, "n m"]:
    xx = (x * x).sum(axis=1)
    yy = (y * y).sum(axis=1)
    distance = xx[:, None] + yy[None, :] - 2 * x @ y.T
    #! distance = xx[:, None] + yy[None, :] - 2 * x.T @ y
    return flux.exp(-gamma * distance)


def predict(
    train: Float32[Tensor, "n d"],
    alpha: Float32[Tensor, "n k"],
    test: Float32[Tensor, "m d"],
) -> Float32[Tensor, "m k"]:
    return gram(test, train) @ alpha
    #! return gram(train, test) @ alpha


def main() -> None:
    predict(flux.randn((7, 2)), flux.randn((7, 3)), flux.randn((4, 2)))

=== batched_products
def mix(
    values: Float32[Tensor, "batch heads time d"],
    weights: Float32[Tensor, "batch heads time time"],
    out: Float32[Tensor, "d e"],
) -> Float32[Tensor, "batch heads time e"]:
    mixed = flux.matmul(weights, values)
    #! mixed = flux.matmul(values, weights)
    return flux.matmul(mixed, out)
    #! return flux.matmul(mixed, out.T)


def main() -> None:
    mix(flux.randn((2, 3, 5, 4)), flux.rand((2, 3, 5, 5)), flux.randn((4, 6)))

=== low_rank
class LowRank(nn.Module):
    u: Float32[Tensor, "out rank"]
    v: Float32[Tensor, "rank inp"]

    def __init__(self, inp: int, out: int, rank: int) -> None:
        self.u = flux.randn((out, rank))
        self.v = flux.randn((rank, inp))


def apply(
    u: Float32[Tensor, "out rank"], v: Float32[Tensor, "rank inp"], x: Float32[Tensor, "b inp"]
) -> Float32[Tensor, "b out"]:
    small = x @ v.mT
    #! small = x @ v
    return small @ u.mT
    #! return small @ v.mT


def main() -> None:
    layer = LowRank(8, 6, rank=2)
    apply(layer.u, layer.v, flux.rand((3, 8)))

=== quadratic_forms
def mahalanobis(
    x: Float64[Tensor, "n d"], mean: Float64[Tensor, "d"], precision: Float64[Tensor, "d d"]
) -> Float64[Tensor, "n"]:
    gap = x - mean
    return flux.vecdot(gap @ precision, gap)
    #! return flux.vecdot(precision, gap)


def main() -> None:
    x = flux.randn((6, 3), dtype=flux.float64)
    d = mahalanobis(x, x.mean(axis=0), flux.eye(3, dtype=flux.float64))
    assert d.shape == (6,)

=== calls_with_keywords
def project(
    x: Float32[Tensor, "b n"], *, weight: Float32[Tensor, "m n"], bias: Float32[Tensor, "m"]
) -> Float32[Tensor, "b m"]:
    return x @ weight.T + bias


def network(x: Float32[Tensor, "b 16"]) -> Float32[Tensor, "b 4"]:
    weight = flux.randn((32, 16))
    x = flux.relu(project(x, weight=weight, bias=flux.zeros(32)))
    #! x = flux.relu(project(x, weight=weight, bias=flux.zeros(16)))
    last = flux.randn((4, 32))
    return project(x, bias=flux.zeros(4), weight=last)
    #! return project(x, bias=flux.zeros(4), weight=weight)


def main() -> None:
    network(flux.ones((2, 16)))

=== gram_schmidt
def orthonormal(columns: Float64[Tensor, "n k"]) -> Float64[Tensor, "n k"]:
    done: list[Float64[Tensor, "n"]] = []
    for i in range(columns.shape[1]):
        v = columns[:, i]
        for q in done:
            v = v - (q @ v) * q
        done.append(v / flux.sqrt(v @ v))
        #! done.append(v / flux.sqrt(v @ columns))
    return flux.stack(done, axis=1)


def main() -> None:
    q = orthonormal(flux.randn((5, 3), dtype=flux.float64))
    print((q.T @ q).round())

=== bilinear_scores imports
from __future__ import annotations

import jaxtyping as jt
import typedflux as flux
from typedflux import Tensor


def scores(
    users: jt.Float32[Tensor, "u k"], items: jt.Float32[Tensor, "i k"], m: jt.Float32[Tensor, "k k"]
) -> jt.Float32[Tensor, "u i"]:
    return users @ m @ items.T
    #! return users @ m @ items


def best(users: jt.Float32[Tensor, "u k"], items: jt.Float32[Tensor, "i k"]) -> jt.Int[Tensor, "u"]:
    return flux.argmax(scores(users, items, flux.eye(users.shape[1])), axis=1)


def main() -> None:
    best(flux.randn((4, 3)), flux.randn((6, 3)))

=== tied_autoencoder
class Tied(nn.Module):
    def __init__(self, width: int, code: int) -> None:
        self.encoder = nn.Dense(width, code, flux.tanh)
        self.bias = flux.zeros(width)

    def __call__(self, x: Float[Tensor, "batch width"]) -> Tensor:
        return self.encoder(x) @ self.encoder.weight + self.bias


def compress(x: Float32[Tensor, "batch 100"]) -> Float[Tensor, "batch 100"]:
    layer = nn.Dense(100, 10, flux.tanh)
    code = layer(x)
    return code @ layer.weight
    #! return code @ layer.weight.T


def main() -> None:
    compress(flux.rand((2, 100)))
    Tied(6, 2)(flux.rand((2, 6)))
"""
