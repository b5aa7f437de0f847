"""Transformations, labels, training and silent broadcasts, as in scripts and notebooks."""

PROGRAMS = r"""
=== jax_style_training imports
from functools import partial

import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor

Params = tuple[Float[Tensor, "3 1"], Float[Tensor, "1"]]


def predict(params: Params, x: Float[Tensor, "b 3"]) -> Float[Tensor, "b 1"]:
    w, b = params
    return x @ w + b


def mse(params: Params, x: Float[Tensor, "b 3"], y: Float[Tensor, "b 1"]) -> Float[Tensor, ""]:
    return ((predict(params, x) - y) ** 2).mean()


def step(
    params: Params, x: Float[Tensor, "b 3"], y: Float[Tensor, "b 1"], lr: float = 0.1
) -> Params:
    gw, gb = flux.gradient(lambda p: mse(p, x, y), params)
    w, b = params
    return w - lr * gw, b - lr * gb
    #! return w - lr * gb, b - lr * gw


def main() -> None:
    x = flux.randn((16, 3))
    y = x @ flux.asarray([[1.0], [2.0], [3.0]])
    #!silent y = x @ flux.asarray([1.0, 2.0, 3.0])
    params: Params = (flux.zeros((3, 1)), flux.zeros(1))
    fast = partial(step, lr=0.2)
    for _ in range(3):
        params = fast(params, x, y)  #?
    print(mse(params, x, y))  #?

=== gradients_of_dicts imports
import typedflux as flux
from jaxtyping import Float32
from typedflux import Tensor


def energy(w: Float32[Tensor, "n n"], s: Float32[Tensor, "n"]) -> Float32[Tensor, ""]:
    return -0.5 * s @ w @ s


def main() -> None:
    w, s = flux.randn((5, 5)), flux.ones(5)
    dw, ds = flux.gradient(energy, w, s)
    #! dw, ds = flux.gradient(energy, s, w)
    print(w - 0.1 * dw, s - 0.1 * ds)
    value, grad = flux.withgradient(lambda v: energy(w, v), s)
    print(value, grad @ dw)
    #! print(value, grad @ flux.ones((4, 5)))

=== jacobians_and_hessians
def f(x: Float[Tensor, "4"]) -> Float[Tensor, "3"]:
    return flux.tanh(flux.ones((3, 4)) @ x)


def scalar(x: Float[Tensor, "4"]) -> Float[Tensor, ""]:
    return (f(x) ** 2).sum()


def main() -> None:
    x = flux.arange(4, dtype=flux.float32)
    J = flux.jacobian(f, x)
    H = flux.hessian(scalar, x)
    gauss_newton = J.T @ J
    #! gauss_newton = J @ J.T
    print(gauss_newton + H)  #?
    print(J @ x + flux.ones(3))
    #! print(x @ J + flux.ones(3))

=== pullbacks
def layer(w: Float[Tensor, "6 2"], x: Float[Tensor, "6"]) -> Float[Tensor, "2"]:
    return flux.sigmoid(x @ w)


def main() -> None:
    w, x = flux.randn((6, 2)), flux.randn((6,))
    y, pull = flux.vjp(layer, w, x)
    dw, dx = pull(flux.ones(2))
    #! dw, dx = pull(flux.ones(6))
    print(y, dw.sum(axis=1) + dx)
    #! print(y, dw.sum(axis=0) + dx)
    out, tangent = flux.jvp(lambda v: layer(w, v), (x,), (flux.ones(6),))
    #! out, tangent = flux.jvp(lambda v: layer(w, v), (x,), (flux.ones(2),))
    print(out + tangent)

=== vmapped_distance
def distance(a: Float[Tensor, "d"], b: Float[Tensor, "d"]) -> Float[Tensor, ""]:
    return flux.sqrt(((a - b) ** 2).sum())


def main() -> None:
    xs, ys = flux.randn((7, 3)), flux.randn((7, 3))
    #! xs, ys = flux.randn((7, 3)), flux.randn((7, 4))
    each = flux.vmap(distance)(xs, ys)  #?
    print(each + flux.ones(7))
    #! print(each + flux.ones(3))
    to_first = flux.vmap(distance, in_axes=(0, None))(xs, ys[0])
    print(to_first - each)

=== jitted_step
@flux.jit
def update(
    w: Float32[Tensor, "n"], x: Float32[Tensor, "b n"], y: Float32[Tensor, "b"]
) -> Float32[Tensor, "n"]:
    error = x @ w - y
    return w - 0.1 * (x.T @ error) / x.shape[0]
    #! return w - 0.1 * (x @ error) / x.shape[0]


def main() -> None:
    w = flux.zeros(3)
    x, y = flux.randn((8, 3)), flux.randn((8,))
    #! x, y = flux.randn((8, 3)), flux.randn((3,))
    for _ in range(2):
        w = update(w, x, y)  #?
    print(w)

=== scan_filter
class Carry(NamedTuple):
    level: Float[Tensor, "d"]
    trend: Float[Tensor, "d"]


def smooth(
    carry: tuple[Float[Tensor, "2"], Float[Tensor, "2"]], x: Float[Tensor, "2"]
) -> tuple[tuple[Float[Tensor, "2"], Float[Tensor, "2"]], Float[Tensor, "2"]]:
    level, trend = carry
    new = 0.5 * x + 0.5 * (level + trend)
    return (new, 0.9 * trend + 0.1 * (new - level)), new
    #!silent return (new, 0.9 * trend + 0.1 * (new - level)), new[0]


def main() -> None:
    xs = flux.randn((9, 2))
    #! xs = flux.randn((9, 3))
    (level, trend), path = flux.scan(smooth, (flux.zeros(2), flux.zeros(2)), xs)  #?
    print(level + trend, path[-1] - level, path.sum(axis=0) + trend)
    #! print(level + trend, path[-1] - level, path.sum(axis=1) + trend)

=== cond_and_while
def soft(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return x / (1 + flux.abs(x))


def hard(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return flux.clip(x, -1.0, 1.0)


def main() -> None:
    x = flux.randn((5,))
    y = flux.cond(x.sum() > 0, soft, hard, x)
    z = flux.while_loop(lambda s: (s * s).sum() > 1.0, lambda s: s / 2, y)
    print(y + z + flux.ones(5))
    #! print(y + z + flux.ones(4))

=== decorators
P = TypeVar("P")
R = TypeVar("R")


def twice(f: Callable[[R], R]) -> Callable[[R], R]:
    def wrapped(x: R) -> R:
        return f(f(x))

    return wrapped


@twice
def smooth(x: Float[Tensor, "8"]) -> Float[Tensor, "8"]:
    return (x + flux.roll(x, 1)) / 2


@flux.checkpoint
def heavy(x: Float[Tensor, "b 8"], w: Float[Tensor, "8 k"]) -> Float[Tensor, "b k"]:
    return flux.relu(x @ w)
    #! return flux.relu(w @ x)


def main() -> None:
    y = heavy(flux.ones((2, 8)), flux.ones((8, 3)))
    #! y = heavy(flux.ones((2, 8)), flux.ones((3, 8)))
    print(smooth(flux.ones(8)), y)
    #!silent print(smooth(flux.ones(9)), y)

=== hypernetwork_partial
def dense(
    w: Float[Tensor, "i o"], b: Float[Tensor, "o"], x: Float[Tensor, "*s i"]
) -> Float[Tensor, "*s o"]:
    return x @ w + b


def main() -> None:
    layer = partial(dense, flux.ones((4, 6)), flux.zeros(6))
    #! layer = partial(dense, flux.ones((4, 6)), flux.zeros(4))
    h = layer(flux.ones((2, 4)))  #?
    #! h = layer(flux.ones((2, 6)))
    out = partial(dense, b=flux.zeros(3), w=flux.ones((6, 3)))(x=h)
    print(out + flux.ones(3))
    #! print(out + flux.ones(6))

=== labels_and_onehot
def train_step(logits: Float32[Tensor, "b 10"], labels: Int[Tensor, "b"]) -> Float32[Tensor, ""]:
    hard = losses.logitcrossentropy(logits, labels)
    soft = losses.logitcrossentropy(logits, flux.one_hot(labels, 10))
    #! soft = losses.logitcrossentropy(logits, flux.one_hot(labels, 9))
    return 0.5 * (hard + soft)


def main() -> None:
    y = flux.randint(0, 10, (8,))
    #! y = flux.rand((8,))
    scores = flux.randn((8, 10))
    #! scores = flux.randn((10, 8))
    print(train_step(scores, y))  #?

=== confusion
def confusion(
    pred: Int[Tensor, "n"], true: Int[Tensor, "n"], k: Size["k"]
) -> Float32[Tensor, "k k"]:
    p, t = flux.one_hot(pred, k), flux.one_hot(true, k)
    return t.T @ p
    #!later return t @ p.T


def main() -> None:
    guess = flux.randn((12, 4)).argmax(axis=-1)
    #! guess = flux.randn((12, 4)).argmax(axis=0)
    truth = flux.randint(0, 4, (12,))
    table = confusion(guess, truth, 4)  #?
    recall = table[flux.arange(4), flux.arange(4)] / table.sum(axis=1)
    print(recall)

=== segmentation_loss
def pixel_loss(logits: Float[Tensor, "b c h w"], target: Int[Tensor, "b h w"]) -> Float[Tensor, ""]:
    c = logits.shape[1]
    flat = flux.permute_dims(logits, (0, 2, 3, 1)).reshape((-1, c))
    #! flat = flux.permute_dims(logits, (0, 2, 3, 1)).reshape((c, -1))
    return losses.logitcrossentropy(flat, target.reshape((-1,)))  #?


def main() -> None:
    net = nn.Chain(nn.Conv((3, 3), 3, 8, flux.relu, padding=1), nn.Conv((1, 1), 8, 5))
    #! net = nn.Chain(nn.Conv((3, 3), 3, 8, flux.relu, padding=1), nn.Conv((1, 1), 16, 5))
    x = flux.randn((2, 3, 8, 8))
    print(pixel_loss(net(x), flux.randint(0, 5, (2, 8, 8))))  #?
    #! print(pixel_loss(net(x), flux.randint(0, 5, (2, 6, 8))))

=== loader_loop imports
import typedflux as flux
from typedflux import losses, nn
from typedflux.data import DataLoader


def main() -> None:
    x, y = flux.randn((64, 20)), flux.randint(0, 4, (64,))
    loader = DataLoader((x, y), batchsize=16, shuffle=True)
    net = nn.Chain(nn.Dense(20, 32, flux.relu), nn.Dropout(0.2), nn.Dense(32, 4))
    #! net = nn.Chain(nn.Dense(28, 32, flux.relu), nn.Dropout(0.2), nn.Dense(32, 4))
    opt = flux.setup(flux.Adam(1e-3), net)
    for epoch in range(2):
        correct = 0.0
        for i, (xb, yb) in enumerate(loader):
            loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(xb), yb), net)  #?
            #! loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(yb), xb), net)
            flux.update(opt, net, grads)
            hits = net(xb).argmax(axis=1) == yb
            #! hits = net(xb).argmax(axis=0) == yb[:, None] + xb[:3]
            correct += float(hits.astype(flux.float32).sum())
        print(epoch, correct / 64)

=== autoencoder_training
class AE(nn.Module):
    def __init__(self) -> None:
        self.enc = nn.Chain(nn.Dense(64, 16, flux.relu), nn.Dense(16, 4))
        self.dec = nn.Chain(nn.Dense(4, 16, flux.relu), nn.Dense(16, 64, flux.sigmoid))
        #! self.dec = nn.Chain(nn.Dense(8, 16, flux.relu), nn.Dense(16, 64, flux.sigmoid))

    def __call__(self, x: Float[Tensor, "b 64"]) -> Float[Tensor, "b 64"]:
        z = self.enc(x)
        return self.dec(z)  #?


def objective(model: AE, x: Float[Tensor, "b 64"]) -> Float[Tensor, ""]:
    return losses.mse(model(x), x)
    #! return losses.mse(model.enc(x), x)


def main() -> None:
    images = flux.rand((32, 8, 8))
    flat = images.reshape((32, -1))
    #! flat = images.reshape((64, -1))
    model = AE()
    state = flux.setup(flux.Adam(), model)
    flux.train(objective, model, [(flat,)], state, epochs=1)  #?

=== gan_step
class D(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(2, 16, flux.leakyrelu), nn.Dense(16, 1))

    def __call__(self, x: Float[Tensor, "b 2"]) -> Float[Tensor, "b"]:
        return self.net(x).squeeze(axis=1)
        #! return self.net(x).squeeze(axis=0)


def d_loss(d: D, real: Float[Tensor, "b 2"], fake: Float[Tensor, "b 2"]) -> Float[Tensor, ""]:
    ones, zeros = flux.ones(real.shape[0]), flux.zeros(fake.shape[0])
    #! ones, zeros = flux.ones(real.shape[1]), flux.zeros(fake.shape[0])
    bce = losses.logitbinarycrossentropy
    return bce(d(real), ones) + bce(d(fake), zeros)  #?


def main() -> None:
    g = nn.Chain(nn.Dense(8, 16, flux.relu), nn.Dense(16, 2))
    fake = g(flux.randn((5, 8)))
    #! fake = g(flux.randn((5, 2)))
    print(d_loss(D(), flux.randn((5, 2)), fake))

=== silent_regression silent
class Regressor(nn.Module):
    def __init__(self) -> None:
        self.net = nn.Chain(nn.Dense(5, 16, flux.tanh), nn.Dense(16, 1))

    def __call__(self, x: Float32[Tensor, "batch 5"]) -> Float32[Tensor, "batch 1"]:
        return self.net(x)


def loss(
    m: Regressor, x: Float32[Tensor, "batch 5"], y: Float32[Tensor, "batch"]
) -> Float32[Tensor, ""]:
    residual = m(x)[:, 0] - y
    #! residual = m(x) - y
    return (residual**2).mean()


def main() -> None:
    print(loss(Regressor(), flux.randn((6, 5)), flux.randn((6,))))

=== silent_returns silent
def discounted(rewards: Float[Tensor, "t"], values: Float[Tensor, "t 1"]) -> Float[Tensor, ""]:
    advantage = rewards[:, None] - values
    #! advantage = rewards - values
    return advantage.mean()


def main() -> None:
    print(discounted(flux.ones(4), flux.ones((4, 1))))

=== silent_weighting silent
def weighted(per_example: Float[Tensor, "n"], model_out: Float[Tensor, "n 1"]) -> Float[Tensor, ""]:
    w = flux.sigmoid(model_out).squeeze(axis=-1)
    #! w = flux.sigmoid(model_out)
    return (w * per_example).sum()  #?


def main() -> None:
    print(weighted(flux.rand(5), flux.randn((5, 1))))
"""
