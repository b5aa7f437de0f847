"""Written without a look at the checker: class-scoped modules, containers and branches, transformations, arithmetic."""

# Programs are as their authors wrote them.
# ruff: noqa: E501

PROGRAMS = """
=== mixture_layer
In = TypeVar("In")
Out = TypeVar("Out")
K = TypeVar("K")

class Experts(nn.Module, Generic[In, Out, K]):
    weight: Float32[Tensor, "K In Out"]
    gate: nn.Dense[In, K]

    def __init__(self, in_: Size[In], out: Size[Out], experts: Size[K]) -> None:
        self.weight = 0.1 * flux.randn((experts, in_, out))
        #! self.weight = 0.1 * flux.randn((experts, out, in_))
        self.gate = nn.Dense(in_, experts)
        #! self.gate = nn.Dense(in_, out)

    def __call__(self, x: Float32[Tensor, "batch In"]) -> Float32[Tensor, "batch Out"]:
        share = flux.softmax(self.gate(x), axis=-1)
        each = flux.einsum("bi,kio->bko", x, self.weight)
        #! each = flux.einsum("bi,koi->bko", x, self.weight)
        return (share[..., None] * each).sum(axis=1)  #?
        #! return (share[:, None] * each).sum(axis=1)
        #! return (share[..., None] * each).sum(axis=2)

def main() -> None:
    layer = Experts(6, 4, 3)
    #! layer = Experts(4, 6, 3)
    y = layer(flux.randn((5, 6)))  #?
    print(y + flux.ones((4,)), layer.weight[0] @ flux.ones((4, 2)))
    #! print(y + flux.ones((3,)), layer.weight[0] @ flux.ones((4, 2)))
    #! print(y + flux.ones((4,)), layer.weight[0] @ flux.ones((6, 2)))

=== subclassed_encoder
D = TypeVar("D")

class Encoder(nn.Module, Generic[D]):
    def __init__(self, d: Size[D]) -> None:
        self.first = nn.Dense(30, d)
        self.size = d

    def encode(self, x: Float32[Tensor, "b 30"]) -> Float[Tensor, "b D"]:
        return self.first(x)

    @property
    def weights(self) -> Float[Tensor, "D 30"]:
        return self.first.weight

class Classifier(Encoder[D]):
    def __init__(self, d: Size[D]) -> None:
        super().__init__(d)
        self.head = nn.Dense(d, 7)
        #! self.head = nn.Dense(30, 7)

    def __call__(self, x: Float32[Tensor, "b 30"]) -> Float[Tensor, "b 7"]:
        return self.head(self.encode(x))  #?
        #! return self.head(x)
        #! return self.encode(x)

def main() -> None:
    c = Classifier(12)
    print(c.encode(flux.ones((2, 30))) @ c.weights)
    #! print(c.encode(flux.ones((2, 30))) @ c.weights.T)
    y = c(flux.ones((2, 30)))
    #! y = c(c.encode(flux.ones((2, 30))))
    print(flux.concat([y, c.encode(flux.ones((2, 30)))], axis=1) @ flux.ones((19, 1)))
    #! print(flux.concat([y, c.encode(flux.ones((2, 30)))], axis=1) @ flux.ones((14, 1)))

=== configured imports
from dataclasses import dataclass

import typedflux as flux
from jaxtyping import Float32, Int
from typedflux import Tensor, nn


@dataclass(frozen=True)
class Config:
    vocabulary: int = 64
    width: int = 32
    heads: int = 4
    layers: int = 2


CONFIG = Config()


class Mlp(nn.Module):
    def __init__(self, config: Config) -> None:
        self.up = nn.Dense(config.width, 4 * config.width, flux.gelu)
        #! self.up = nn.Dense(config.width, 2 * config.width, flux.gelu)
        self.down = nn.Dense(4 * config.width, config.width)

    def __call__(self, x: Float32[Tensor, "b t 32"]) -> Float32[Tensor, "b t 32"]:
        return self.down(self.up(x))  #?


def main() -> None:
    embed = nn.Embedding(CONFIG.vocabulary, CONFIG.width)
    #! embed = nn.Embedding(CONFIG.vocabulary, CONFIG.heads)
    mlp = Mlp(CONFIG)
    #! mlp = Mlp(Config(width=48))
    x = mlp(embed(flux.randint(0, 64, (2, 5))))  #?
    table = embed.weight
    logits = x @ table.T
    #! logits = x @ table
    parts = logits.reshape((2, 5, CONFIG.heads, CONFIG.vocabulary // CONFIG.heads))
    #! parts = logits.reshape((2, 5, CONFIG.heads, CONFIG.width // CONFIG.heads))
    print(parts + flux.zeros((16,)))  #?
    #! print(parts + flux.zeros((8,)))

=== optional_projection
class Residual(nn.Module):
    def __init__(self, a: int, b: int) -> None:
        self.main = nn.Dense(a, b)
        self.skip = nn.Dense(a, b) if a != b else None
        #! self.skip = nn.Dense(b, a) if a != b else None

    def __call__(self, x: Tensor) -> Tensor:
        y = flux.relu(self.main(x))
        if self.skip is not None:
            x = self.skip(x)  #?
        return x + y  #?

def main() -> None:
    net = nn.Chain(Residual(10, 20), Residual(20, 20), nn.Dense(20, 2))
    #! net = nn.Chain(Residual(10, 20), Residual(24, 20), nn.Dense(20, 2))
    #! net = nn.Chain(Residual(10, 20), Residual(20, 20), nn.Dense(10, 2))
    y = net(flux.ones((3, 10)))  #?
    #! y = net(flux.ones((3, 20)))
    print(y @ flux.ones((2, 2)))
    #! print(y @ flux.ones((3, 2)))

=== dictionary_of_heads
class MultiTask(nn.Module):
    def __init__(self, width: int, tasks: dict[str, int]) -> None:
        self.trunk = nn.Dense(12, width, flux.relu)
        self.heads = {name: nn.Dense(width, n) for name, n in tasks.items()}

    def __call__(self, x: Float32[Tensor, "b 12"]) -> dict[str, Tensor]:
        h = self.trunk(x)
        #! h = self.trunk(x.T)
        return {name: head(h) for name, head in self.heads.items()}
        #! return {name: head(x) for name, head in self.heads.items()}

def total(logits: dict[str, Float32[Tensor, "b k"]], labels: dict[str, Int[Tensor, "b"]]) -> Tensor:
    loss = flux.zeros(())
    for name, scores in logits.items():
        loss = loss + losses.logitcrossentropy(scores, labels[name])
        #! loss = loss + losses.logitcrossentropy(labels[name], scores)
        #! loss = loss + losses.logitcrossentropy(scores.sum(axis=0), labels[name])
    return loss

def main() -> None:
    model = MultiTask(16, {"digit": 10, "parity": 2})
    x = flux.randn((4, 12))
    #! x = flux.randn((4, 16))
    labels = {"digit": flux.asarray([1, 2, 3, 4]), "parity": flux.asarray([1, 0, 1, 0])}
    print(total(model(x), labels))  #?

=== branch_on_rank
def as_batch(x: Float32[Tensor, "h w"] | Float32[Tensor, "b h w"]) -> Float32[Tensor, "_ 1 h w"]:
    if x.ndim == 2:
        return x[None, None]
        #!silent return x[None]
    return x[:, None]
    #!silent return x

def pick(x: Float32[Tensor, "b 8"], deep: bool, a: nn.Dense[8, 4], b: nn.Dense[8, 4]) -> Float[Tensor, "b 4"]:
    if deep:
        h = flux.relu(a(x))
    else:
        h = b(x)
        #!silent h = b(x)[:, :3]
        #!silent h = b(x).T
    return h  #?

def main() -> None:
    print(as_batch(flux.ones((4, 4))).shape)
    print(pick(flux.ones((2, 8)), True, nn.Dense(8, 4), nn.Dense(8, 4)))
    print(pick(flux.ones((2, 8)), False, nn.Dense(8, 4), nn.Dense(8, 4)))
    #! print(pick(flux.ones((2, 8)), False, nn.Dense(8, 4), nn.Dense(4, 8)))
    sizes = [4, 8]
    layers = [nn.Dense(16, n) for n in sizes]
    outputs = [layer(flux.ones((3, 16))) for layer in layers]
    #! outputs = [layer(flux.ones((3, 15))) for layer in layers]
    print(flux.concat(outputs, axis=1) @ flux.ones((12, 1)))

=== history_buffer
class History:
    def __init__(self, length: int, width: int) -> None:
        self.rows: list[Float32[Tensor, "6"]] = []
        self.length = length

    def push(self, row: Float32[Tensor, "6"]) -> None:
        self.rows.append(row)
        #!later self.rows.append(row[None])
        if len(self.rows) > self.length:
            self.rows.pop(0)

    def table(self) -> Float32[Tensor, "n 6"]:
        return flux.stack(self.rows)
        #!later return flux.concat(self.rows)
        #!later return flux.stack(self.rows, axis=1)

def main() -> None:
    h = History(4, 6)
    for step in range(5):
        h.push(flux.full((6,), float(step)))
        #!later h.push(flux.full((7,), float(step)))
    best = max(h.rows, key=lambda r: float(r.sum()))
    pairs = list(zip(h.rows, h.rows[1:]))
    change = flux.stack([b - a for a, b in pairs])
    #! change = flux.stack([b - a[:5] for a, b in pairs])
    print(h.table() @ best, change @ flux.ones((6, 2)))
    #! print(h.table() @ best, change @ flux.ones((4, 2)))

=== newton
def objective(w: Float64[Tensor, "d"], x: Float64[Tensor, "n d"], y: Float64[Tensor, "n"]) -> Float64[Tensor, ""]:
    p = flux.sigmoid(x @ w)
    #! p = flux.sigmoid(w @ x)
    #! p = flux.sigmoid(x.T @ w)
    return -(y * flux.log(p) + (1 - y) * flux.log(1 - p)).mean()

def main() -> None:
    x = flux.randn((20, 3), dtype=flux.float64)
    y = (x[:, 0] > 0).astype(flux.float64)
    #! y = (x[0] > 0).astype(flux.float64)
    w = flux.zeros((3,), dtype=flux.float64)
    #! w = flux.zeros((20,), dtype=flux.float64)
    f = partial(objective, x=x, y=y)  #?
    g = flux.gradient(f, w)  #?
    h = flux.hessian(f, w)
    #! h = flux.hessian(f, x)
    step = (0.1 * h + flux.eye(3, dtype=flux.float64)) @ g
    #! step = (0.1 * h + flux.eye(4, dtype=flux.float64)) @ g
    #! step = g @ (h[0] * x)
    w = w - step
    #! w = w - h @ x
    print(w)

=== per_example
def loss(w: Float32[Tensor, "5 3"], x: Float32[Tensor, "5"], y: Int64[Tensor, ""]) -> Float32[Tensor, ""]:
    return -flux.logsoftmax(x @ w, axis=-1)[y]
    #! return -flux.logsoftmax(w @ x, axis=-1)[y]

def main() -> None:
    w = flux.randn((5, 3))
    xs, ys = flux.randn((8, 5)), flux.randint(0, 3, (8,))
    #! xs, ys = flux.randn((8, 4)), flux.randint(0, 3, (8,))
    #! xs, ys = flux.randn((8, 5)), flux.randint(0, 3, (7,))
    def one(x: Float32[Tensor, "5"], y: Int64[Tensor, ""]) -> Float32[Tensor, "5 3"]:
        return flux.gradient(lambda v: loss(v, x, y), w)
        #! return flux.gradient(lambda v: loss(v, x, y), w.T)
    each = flux.vmap(one)(xs, ys)  #?
    #! each = flux.vmap(one, in_axes=(1, 0))(xs, ys)
    norms = flux.sqrt((each**2).sum(axis=(1, 2)))
    #! norms = flux.sqrt((each**2).sum(axis=(1, 3)))
    clipped = each / norms[:, None, None]
    #! clipped = each / norms[:, None]
    print(w - 0.1 * clipped.mean(axis=0))
    #! print(w - 0.1 * clipped.mean(axis=1))

=== pushforward
def surface(z: Float32[Tensor, "n 2"]) -> Float32[Tensor, "n 3"]:
    x, y = z[:, 0], z[:, 1]
    return flux.stack([x * y, x + y, flux.sin(x)], axis=-1)
    #!later return flux.stack([x * y, x + y], axis=-1)
    #!later return flux.stack([x * y, x + y, flux.sin(x)], axis=0)

def main() -> None:
    z = flux.randn((6, 2))
    #! z = flux.randn((6, 3))
    value, tangent = flux.jvp(surface, (z,), (flux.ones((6, 2)),))  #?
    #! value, tangent = flux.jvp(surface, (z,), (flux.ones((6, 3)),))
    out, pullback = flux.vjp(surface, z)
    back = pullback(flux.ones((6, 3)))
    #! back = pullback(flux.ones((6, 2)))
    print(value + tangent, z - back)
    #! print(value + tangent, value - back)
    j = flux.jacobian(lambda v: surface(v[None])[0], z[0])
    #!later j = flux.jacobian(lambda v: surface(v[None])[0], z[:, 0])
    print(j @ z[0])
    #! print(j @ value[0])

=== scanned_decay
def step(carry: Float32[Tensor, "b h"], x: Float32[Tensor, "b h"]) -> tuple[Float32[Tensor, "b h"], Float32[Tensor, "b"]]:
    new = 0.9 * carry + 0.1 * x
    return new, new.sum(axis=-1)
    #!later return new, new.sum(axis=-1, keepdims=True)
    #! return new.sum(axis=-1), new

@flux.jit
def smooth(xs: Float32[Tensor, "t b h"]) -> Float32[Tensor, "t b"]:
    start = flux.zeros((xs.shape[1], xs.shape[2]))
    #! start = flux.zeros((xs.shape[0], xs.shape[2]))
    _, sums = flux.scan(step, start, xs)  #?
    #!later sums, _ = flux.scan(step, start, xs)
    return sums  #?

def main() -> None:
    xs = flux.randn((7, 2, 4))
    y = smooth(xs)
    #! y = smooth(xs[0])
    print(y.T @ xs[:, 0])
    #! print(y @ xs[:, 0])

=== training_closure imports
from jaxtyping import Float32, Int64
import typedflux as flux
from typedflux import Tensor, nn

model = nn.Chain(nn.Dense(20, 32, flux.relu), nn.Dense(32, 5))
#! model = nn.Chain(nn.Dense(20, 32, flux.relu), nn.Dense(23, 5))
optimiser = flux.setup(flux.Adam(1e-3), model)


def train_step(x: Float32[Tensor, "b 20"], y: Int64[Tensor, "b"]) -> float:
    def objective(m: nn.Chain) -> Tensor:
        scores = model(x)
        #! scores = model(x.mT)
        return flux.logitcrossentropy(scores, y)
        #! return flux.logitcrossentropy(scores, x)
        #! return flux.logitcrossentropy(scores[0], y)

    value, grads = flux.withgradient(objective, model)
    flux.update(optimiser, model, grads)
    return value.item()


def main() -> None:
    loader = flux.data.DataLoader((flux.randn((30, 20)), flux.randint(0, 5, (30,))), batchsize=10)
    #! loader = flux.data.DataLoader((flux.randn((30, 21)), flux.randint(0, 5, (30,))), batchsize=10)
    #! loader = flux.data.DataLoader((flux.randn((30, 20)), flux.rand((30,))), batchsize=10)
    for x, y in loader:
        print(train_step(x, y))  #?
        #! print(train_step(y, x))

=== strided_sizes
def windows(x: Float32[Tensor, "n c"], w: Size["w"]) -> Float32[Tensor, "n-w+1 w c"]:
    n = x.shape[0]
    rows = [x[i : i + n - w + 1] for i in range(w)]
    return flux.stack(rows, axis=1)
    #!later return flux.stack(rows, axis=0).sum(axis=0)

def pairs(x: Float32[Tensor, "2*n d"]) -> Float32[Tensor, "n 2*d"]:
    n, d = x.shape[0] // 2, x.shape[1]
    return x.reshape((n, 2 * d))
    #! return x.reshape((2 * n, 2 * d))
    #! return x.reshape((n, 2, d))

def interleave(a: Float32[Tensor, "n d"], b: Float32[Tensor, "n d"]) -> Float32[Tensor, "2*n d"]:
    both = flux.stack([a, b], axis=1)
    #! both = flux.stack([a, b, b], axis=1)
    return both.reshape((-1, a.shape[1]))  #?
    #! return both.reshape((a.shape[0], -1))

def main() -> None:
    x = flux.randn((10, 3))
    #! x = flux.randn((9, 3))
    print(interleave(x[::2], x[1::2]) + x)  #?
    #! print(interleave(x[::2], x[1::2]) + x[:5])
    print(pairs(x) @ flux.ones((6, 2)))  #?
    #! print(pairs(x) @ flux.ones((3, 2)))
    print(windows(x, 4).reshape((7, 12)))
    #! print(windows(x, 4).reshape((6, 12)))

=== padded_batches
def pad_to(x: Float32[Tensor, "t d"], total: Size["total"]) -> Float32[Tensor, "total d"]:
    missing = total - x.shape[0]
    return flux.concat([x, flux.zeros((missing, x.shape[1]))], axis=0)
    #!later return flux.concat([x, flux.zeros((total, x.shape[1]))], axis=0)
    #! return flux.concat([x, flux.zeros((missing, x.shape[0]))], axis=0)

def chunks(x: Float32[Tensor, "batch 4*k d"]) -> Float32[Tensor, "batch 4 k d"]:
    batch, n, d = x.shape
    return x.reshape((batch, 4, n // 4, d))
    #!silent return x.reshape((batch, n // 4, 4, d))
    #! return x.reshape((batch, 4, n, d))

def tail(x: Float32[Tensor, "t+3 d"], y: Float32[Tensor, "t d"]) -> Float32[Tensor, "t d"]:
    return x[3:] * y
    #! return x[2:] * y
    #! return x[:3] * y

def main() -> None:
    sequences = [flux.randn((n, 5)) for n in (3, 6, 8)]
    batch = flux.stack([pad_to(s, 8) for s in sequences])
    #! batch = flux.stack([pad_to(s, 8).T for s in sequences]) @ flux.ones((5, 1))
    print(chunks(batch) @ flux.ones((5, 2)))  #?
    #! print(chunks(batch) @ flux.ones((8, 2)))
    print(tail(batch[0], batch[1, :5]))
    #! print(tail(batch[0], batch[1]))

=== coordinate_grid
def grid(h: int, w: int) -> Float32[Tensor, "h w 2"]:
    ys, xs = flux.meshgrid(flux.linspace(-1.0, 1.0, h), flux.linspace(-1.0, 1.0, w), indexing="ij")
    return flux.stack([xs, ys], axis=-1)
    #!later return flux.stack([xs, ys], axis=-1).sum(axis=-1)[..., None]

def radial(points: Float32[Tensor, "h w 2"]) -> Float32[Tensor, "h w"]:
    return flux.sqrt((points**2).sum(axis=-1))
    #!later return flux.sqrt((points**2).sum(axis=0))
    #!later return flux.sqrt(points @ points.mT)

def main() -> None:
    g = grid(6, 8)
    flat = g.reshape((48, 2))
    #! flat = g.reshape((48, 3))
    #! flat = g.reshape((6 * 6, 2))
    rotation = flux.asarray([[0.0, -1.0], [1.0, 0.0]])
    turned = flat @ rotation
    #! turned = rotation @ flat
    distance = flux.sqrt(((turned[:, None] - turned[None, :]) ** 2).sum(axis=-1))
    #! distance = flux.sqrt(((turned[:, None] - turned[None, :, None]) ** 2).sum(axis=(1, 4)))
    print(distance @ radial(g).reshape((48,)))
    #! print(distance @ radial(g))
    #! print(distance @ radial(g).reshape((6, 8)).sum(axis=0))
"""
