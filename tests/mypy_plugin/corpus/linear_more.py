"""Matrix products and linear layers, in longer programs."""

PROGRAMS = '''
=== conjugate_gradient
Vector = Float64[Tensor, "n"]
Matrix = Float64[Tensor, "n n"]


def conjugate_gradient(a: Matrix, b: Vector, *, tolerance: float = 1e-10) -> Vector:
    x = flux.zeros_like(b)
    r = b - a @ x
    p = r
    rr = r @ r
    for _ in range(b.shape[0]):
        ap = a @ p
        alpha = rr / (p @ ap)
        x = x + alpha * p
        #! x = x + alpha @ p
        r = r - alpha * ap
        new = r @ r
        if float(new) < tolerance:
            break
        p = r + (new / rr) * p
        rr = new
    return x


def residual(a: Matrix, b: Vector) -> Float64[Tensor, ""]:
    gap = a @ conjugate_gradient(a, b) - b
    return (gap @ gap) ** 0.5


def main() -> None:
    m = flux.randn((5, 5), dtype=flux.float64)
    a = m @ m.T + flux.eye(5, dtype=flux.float64)
    print(residual(a, flux.ones(5, dtype=flux.float64)))
    #! print(residual(a, flux.ones(4, dtype=flux.float64)))

=== logistic_newton
def sigmoid(z: Float64[Tensor, "*shape"]) -> Float64[Tensor, "*shape"]:
    return 1 / (1 + flux.exp(-z))


def newton_step(
    w: Float64[Tensor, "d"], x: Float64[Tensor, "n d"], y: Float64[Tensor, "n"], ridge: float
) -> tuple[Float64[Tensor, "d"], Float64[Tensor, "d d"]]:
    p = sigmoid(x @ w)
    g = x.T @ (p - y) + ridge * w
    #! g = (p - y) @ x.T + ridge * w
    s = p * (1 - p)
    h = (x * s[:, None]).T @ x
    #! h = (x * s[None, :]).T @ x
    h = h + ridge * flux.eye(w.shape[0], dtype=flux.float64)
    return g, h


def train(x: Float64[Tensor, "n d"], y: Float64[Tensor, "n"]) -> Float64[Tensor, "d"]:
    w = flux.zeros(x.shape[1], dtype=flux.float64)
    for _ in range(3):
        g, h = newton_step(w, x, y, 1e-3)
        w = w - g / flux.einsum("ii->i", h)
        #! w = w - g / h[0, :-1]
    return w


def main() -> None:
    x = flux.randn((12, 3), dtype=flux.float64)
    train(x, (x[:, 0] > 0).astype(flux.float64))

=== autoencoder_class imports
from __future__ import annotations

import typedflux as tf
from jaxtyping import Float
from typedflux import Tensor
from typedflux.nn import Dense, Module


class Autoencoder(Module):
    """Two layers down, two layers up."""

    def __init__(self, *, noise: float = 0.1) -> None:
        self.down1 = Dense(784, 128, tf.relu)
        self.down2 = Dense(128, 16)
        self.up1 = Dense(16, 128, tf.relu)
        #! self.up1 = Dense(128, 16, tf.relu)
        self.up2 = Dense(128, 784, tf.sigmoid)
        self.noise = noise

    def encode(self, x: Float[Tensor, "batch 784"]) -> Float[Tensor, "batch 16"]:
        return self.down2(self.down1(x))
        #! return self.down1(x)

    def decode(self, z: Float[Tensor, "batch 16"]) -> Float[Tensor, "batch 784"]:
        return self.up2(self.up1(z))  #?

    def __call__(self, x: Float[Tensor, "batch 784"]) -> Float[Tensor, "batch 784"]:
        noisy = x + self.noise * tf.randn(x.shape)
        z = self.encode(noisy)
        return self.decode(z)
        #! return self.decode(noisy)


def reconstruction(model: Autoencoder, x: Float[Tensor, "batch 784"]) -> Float[Tensor, ""]:
    return ((model(x) - x) ** 2).mean()


def main() -> None:
    reconstruction(Autoencoder(), tf.rand((3, 784)))

=== lora
class Adapter(nn.Module):
    down: Float32[Tensor, "64 4"]
    up: Float32[Tensor, "4 64"]

    def __init__(self, scale: float = 1.0) -> None:
        self.base = nn.Dense(64, 64)
        self.down = flux.randn((64, 4)) / 8
        #! self.down = flux.randn((4, 64)) / 8
        self.up = flux.zeros((4, 64))
        self.scale = scale

    def __call__(self, x: Float32[Tensor, "*batch 64"]) -> Float32[Tensor, "*batch 64"]:
        delta = x @ self.down @ self.up  #?
        #! delta = x @ self.up @ self.down
        return (self.base(x) + self.scale * delta).astype(flux.float32)

    def merged(self) -> Float32[Tensor, "64 64"]:
        change = (self.down @ self.up).T  #?
        return (self.base.weight + self.scale * change).astype(flux.float32)


def main() -> None:
    adapter = Adapter()
    adapter(flux.rand((2, 5, 64)))
    adapter.merged()

=== gaussian_process
def rbf(a: Float64[Tensor, "n d"], b: Float64[Tensor, "m d"]) -> Float64[Tensor, "n m"]:
    square = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=-1)
    return flux.exp(-0.5 * square)


def posterior(
    x: Float64[Tensor, "n d"],
    y: Float64[Tensor, "n"],
    test: Float64[Tensor, "m d"],
    inverse: Float64[Tensor, "n n"],
) -> tuple[Float64[Tensor, "m"], Float64[Tensor, "m m"]]:
    cross = rbf(test, x)
    #! cross = rbf(x, test)
    mean = cross @ inverse @ y  #?
    #! mean = inverse @ cross @ y
    prior = rbf(test, test)
    covariance = prior - cross @ inverse @ cross.T
    #! covariance = prior - cross.T @ inverse @ cross
    return mean, covariance


def main() -> None:
    f = flux.float64
    x, test = flux.randn((5, 2), dtype=f), flux.randn((3, 2), dtype=f)
    posterior(x, flux.ones(5, dtype=f), test, flux.eye(5, dtype=f))

=== graph_convolution
class GraphConv(nn.Module):
    def __init__(self, inp: int, out: int) -> None:
        self.weight = flux.randn((inp, out))


def normalise(a: Float32[Tensor, "v v"]) -> Float32[Tensor, "v v"]:
    a = a + flux.eye(a.shape[0])
    degree = a.sum(axis=1)
    root = flux.rsqrt(degree)
    return root[:, None] * a * root[None, :]


def convolve(
    a: Float32[Tensor, "v v"], h: Float32[Tensor, "v f"], w: Float32[Tensor, "f g"]
) -> Float32[Tensor, "v g"]:
    return flux.relu(normalise(a) @ h @ w)
    #! return flux.relu(h @ normalise(a) @ w)


def network(a: Float32[Tensor, "v v"], x: Float32[Tensor, "v 34"]) -> Float32[Tensor, "v 7"]:
    w1, w2 = flux.randn((34, 16)), flux.randn((16, 7))
    h = convolve(a, x, w1)
    h = convolve(a, h, w2)
    #! h = convolve(a, h, w1)
    return flux.logsoftmax(h, axis=-1)


def readout(h: Float32[Tensor, "v 7"], graph: Float32[Tensor, "g v"]) -> Float32[Tensor, "g 7"]:
    return graph @ h / flux.maximum(graph.sum(axis=1, keepdims=True), 1)
    #! return graph.T @ h / flux.maximum(graph.sum(axis=1, keepdims=True), 1)


def main() -> None:
    a = (flux.rand((6, 6)) > 0.5).astype(flux.float32)
    readout(network(a, flux.rand((6, 34))), flux.ones((2, 6)))

=== recommender
@dataclass
class Factors:
    users: Float32[Tensor, "1000 32"]
    items: Float32[Tensor, "500 32"]
    user_bias: Float32[Tensor, "1000"]
    item_bias: Float32[Tensor, "500"]


def rate(f: Factors, user: Int[Tensor, "batch"], item: Int[Tensor, "batch"]) -> Tensor:
    u, v = f.users[user], f.items[item]
    score = (u * v).sum(axis=1)
    return score + f.user_bias[user] + f.item_bias[item]


def top(f: Factors, user: int, k: Literal[10] = 10) -> Int[Tensor, "10"]:
    scores = f.items @ f.users[user] + f.item_bias
    #! scores = f.items @ f.users[user] + f.user_bias
    _, best = flux.topk(scores, 10)
    return best


def all_scores(f: Factors) -> Float32[Tensor, "1000 500"]:
    return f.users @ f.items.T + f.user_bias[:, None] + f.item_bias
    #! return f.users @ f.items.T + f.user_bias + f.item_bias[:, None]


def main() -> None:
    f = Factors(
        users=flux.randn((1000, 32)),
        items=flux.randn((500, 32)),
        #! items=flux.randn((32, 500)),
        user_bias=flux.zeros(1000),
        item_bias=flux.zeros(500),
    )
    rate(f, flux.asarray([1, 2]), flux.asarray([3, 4]))  #?
    top(f, 3)  #?
    all_scores(f)  #?
'''
