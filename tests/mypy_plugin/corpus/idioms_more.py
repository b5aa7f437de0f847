"""More of Python around tensors, and more of the annotations' language."""

PROGRAMS = """
=== broadcast_dims
def add_bias(
    x: Float32[Tensor, "*batch n"], b: Float32[Tensor, "#*batch n"]
) -> Float32[Tensor, "*batch n"]:
    return x + b


def blend(
    x: Float32[Tensor, "b h w"], y: Float32[Tensor, "b #h #w"], share: Float32[Tensor, "#b 1 1"]
) -> Float32[Tensor, "b h w"]:
    return share * x + (1 - share) * y


def main() -> None:
    x = flux.rand((2, 3, 4))
    add_bias(x, flux.rand((1, 1, 4)))
    add_bias(x, flux.rand((1, 3, 4)))
    blend(x, flux.rand((2, 1, 4)), flux.rand((1, 1, 1)))
    blend(x, x, flux.rand((2, 1, 1)))
    #! blend(x, x, flux.rand((3, 1, 1)))

=== named_literals
def lookup(
    table: Float32[Tensor, "rows=16 d"], index: Int[Tensor, "n=4"]
) -> Float32[Tensor, "n=4 d"]:
    return table[index]


def any_rank(x: Float[Tensor, "..."], scale: Float[Tensor, ""]) -> Float[Tensor, "..."]:
    return x * scale


def middle(x: Float[Tensor, "a ... z"], w: Float[Tensor, "z k"]) -> Float[Tensor, "a ... k"]:
    return x @ w
    #! return x @ w[:-1]


def main() -> None:
    y = lookup(flux.rand((16, 3)), flux.asarray([1, 2, 3, 15]))
    any_rank(y, flux.asarray(2.0))
    middle(flux.rand((2, 5, 6, 3)), flux.rand((3, 2)))
    middle(y, flux.rand((3, 2)))

=== unions_of_tensors
Vector = Float32[Tensor, "d"]
Matrix = Float32[Tensor, "n d"]


def unit(
    x: Float32[Tensor, "n d"] | Float32[Tensor, "d"],
) -> Float32[Tensor, "n d"] | Float32[Tensor, "d"]:
    return x / flux.sqrt((x * x).sum(axis=-1, keepdims=True))


def number(x: Float32[Tensor, ""] | float) -> float:
    return x if isinstance(x, float) else float(x)


def score(x: Vector | None, y: Vector) -> Float32[Tensor, ""]:
    if x is None:
        return flux.asarray(0.0)
    return x @ y
    #! return x[None, :] @ y[None, :]


def main() -> None:
    x = unit(flux.rand((3, 4)))
    unit(flux.rand((4,)))
    number(2.5)
    number(flux.asarray(1.5))
    score(None, flux.ones(4))
    score(flux.ones(4), flux.ones(4))
    #! score(flux.ones(4), flux.ones(5))
    print(x)

=== enumerated_configuration imports
from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import typedflux as flux
from jaxtyping import Float, Float32
from typedflux import Tensor, nn


class Kind(Enum):
    RELU = "relu"
    GELU = "gelu"


@dataclass
class Settings:
    inner: int = 24
    kind: Kind = Kind.GELU
    rates: list[float] = field(default_factory=lambda: [0.1, 0.2])


class Net(nn.Module):
    def __init__(self, settings: Settings) -> None:
        activation = {Kind.RELU: flux.relu, Kind.GELU: flux.gelu}[settings.kind]
        self.up = nn.Dense(12, settings.inner, activation)
        self.down = nn.Dense(settings.inner, 12)
        self.dropouts = [nn.Dropout(rate) for rate in settings.rates]

    def __call__(self, x: Float[Tensor, "n 12"]) -> Float[Tensor, "n 12"]:
        y = self.down(self.up(x))
        for dropout in self.dropouts:
            y = dropout(y)
        return x + y
        #! return x + y[:, :6]


def main() -> None:
    x: Float32[Tensor, "3 12"] = flux.rand((3, 12))
    Net(Settings(inner=6))(x)
    Net(Settings(kind=Kind.RELU))(x)
    #! Net(Settings(kind=Kind.RELU))(x.T)

=== generic_helpers
T = TypeVar("T")
S = TypeVar("S", bound=Tensor)


def first(items: Sequence[T]) -> T:
    return items[0]


def twice(f: Callable[[T], T], x: T) -> T:
    return f(f(x))


def logged(x: S, name: str) -> S:
    print(name, x.shape)
    return x


def pairs(items: Iterable[T]) -> list[tuple[T, T]]:
    known = list(items)
    return list(zip(known, known[1:], strict=False))


def main() -> None:
    xs = [flux.rand((3, 4)), flux.rand((3, 4))]
    x = logged(first(xs), "x")
    y = twice(lambda v: v * 2, x)
    w = flux.ones((4, 2))
    print(y @ w)
    #! print(w @ y)
    for a, b in pairs(xs):
        print(a.T @ b)
        #! print(a @ b)

=== running_average_with_none silent
class Average:
    def __init__(self, rate: float = 0.9) -> None:
        self.rate = rate
        self.value: Float32[Tensor, "8"] | None = None

    def update(self, x: Float32[Tensor, "n 8"]) -> Float32[Tensor, "8"]:
        mean = x.mean(axis=0)
        #! mean = x.mean(axis=0, keepdims=True)
        if self.value is None:
            self.value = mean  #?
        else:
            self.value = self.rate * self.value + (1 - self.rate) * mean  #?
        return self.value

    def reset(self) -> None:
        self.value = None


def main() -> None:
    average = Average()
    average.update(flux.rand((3, 8)))
    y = average.update(flux.rand((5, 8)))
    print(y @ flux.ones(8))

=== cached_and_lazy imports
from functools import cached_property, lru_cache

import typedflux as flux
from jaxtyping import Float32, Float64
from typedflux import Tensor


class Basis:
    def __init__(self, size: int) -> None:
        self.size = size

    @cached_property
    def matrix(self) -> Float64[Tensor, "_ _"]:
        n = flux.arange(self.size, dtype=flux.float64)
        return flux.cos(3.14159 / self.size * (n[:, None] + 0.5) * n)
        #! return flux.cos(3.14159 / self.size * (n[:, None] + 0.5) * n)[0, 0] @ n

    def transform(self, x: Float64[Tensor, "b n"]) -> Float64[Tensor, "b _"]:
        return x @ self.matrix


@lru_cache(maxsize=4)
def window(n: int) -> Float32[Tensor, "_"]:
    return 0.5 - 0.5 * flux.cos(2 * 3.14159 * flux.arange(n, dtype=flux.float32) / n)


def main() -> None:
    Basis(6).transform(flux.ones((2, 6), dtype=flux.float64))
    assert window(8).shape == (8,)
    x: Float32[Tensor, "2 8"] = flux.rand((2, 8))
    print(x * window(8))
    print(x @ flux.ones((8, 1)))
    #! print(x.T @ flux.ones((8, 1)))

=== comparison_and_logic
def outliers(x: Float32[Tensor, "n d"], limit: float = 3.0) -> Bool[Tensor, "n"]:
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    far = flux.abs(z) > limit
    broken = ~flux.isfinite(x) | flux.isnan(z)
    return flux.any(far | broken, axis=1)
    #! return flux.any(far | broken[:, 0], axis=1)


def clean(x: Float32[Tensor, "n d"]) -> tuple[Float32[Tensor, "_ d"], int]:
    bad = outliers(x)
    good = flux.logical_not(bad)
    count = int(bad.sum())
    if not bool(good.any()):
        return x[:0], count
    return x[good], count
    #! return x[good.T[None]], count


def agreement(a: Int[Tensor, "n"], b: Int[Tensor, "n"]) -> float:
    same = (a == b) & (a >= 0) & (b != -1)
    return float(same.astype(flux.float32).mean())


def main() -> None:
    clean(flux.rand((7, 3)))
    a = flux.asarray([0, 1, -1])
    agreement(a, a)

=== sorting_and_ranks
def ranks(x: Float64[Tensor, "n"]) -> Int[Tensor, "n"]:
    return flux.argsort(flux.argsort(x))


def spearman(x: Float64[Tensor, "n"], y: Float64[Tensor, "n"]) -> Float64[Tensor, ""]:
    a, b = ranks(x).astype(flux.float64), ranks(y).astype(flux.float64)
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / flux.sqrt((a @ a) * (b @ b))
    #! return (a @ b) / flux.sqrt((a @ a) * (b @ b)) @ a


def auc(scores: Float64[Tensor, "n"], labels: Bool[Tensor, "n"]) -> float:
    order = flux.argsort(scores, descending=True)
    hits = flux.cumulative_sum(labels[order].astype(flux.float64))
    total = hits[-1]
    share = hits / total
    return float(share.mean())


def quantile(x: Float64[Tensor, "n d"], q: float) -> Float64[Tensor, "d"]:
    place = int(q * (x.shape[0] - 1))
    return flux.sort(x, axis=0)[place]
    #! return flux.sort(x, axis=2)[place]


def main() -> None:
    x = flux.randn((6,), dtype=flux.float64)
    spearman(x, x * 2)
    auc(x, x > 0)
    quantile(flux.randn((6, 2), dtype=flux.float64), 0.5)

=== text_of_shapes
def describe(x: Tensor, name: str = "x") -> str:
    sizes = " x ".join(str(size) for size in x.shape)
    return f"{name}: {sizes} {x.dtype} {x.ndim}"


def report(model: nn.Chain, x: Float32[Tensor, "n 8"]) -> list[str]:
    lines = [describe(x)]
    for i, layer in enumerate(model.layers):
        x = layer(x)
        lines.append(describe(x, f"after {i}"))
    return lines


def main() -> None:
    model = nn.Chain(nn.Dense(8, 4, flux.relu), nn.Dense(4, 2))
    #! model = nn.Chain(nn.Dense(8, 4, flux.relu), nn.Dense(5, 2))
    print("\\n".join(report(model, flux.rand((3, 8)))))  #?
    kinds = {describe(p) for p in flux.trainables(model)}
    print(len(kinds), flux.outputsize(model, (8,)))

=== simulated_annealing
def energy(spins: Int[Tensor, "n n"]) -> Int[Tensor, ""]:
    right = spins * flux.roll(spins, 1, axis=0)
    down = spins * flux.roll(spins, 1, axis=1)
    return -(right + down).sum()


def neighbours(grid: Float32[Tensor, "h w"]) -> Float32[Tensor, "h w"]:
    total = flux.zeros_like(grid)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if (dy, dx) != (0, 0):
                total = total + flux.roll(grid, (dy, dx), axis=(0, 1))
                #! total = total + flux.roll(grid, (dy, dx), axis=(0, 2))
    return total


def life(grid: Float32[Tensor, "h w"]) -> Float32[Tensor, "h w"]:
    n = neighbours(grid)
    born = (grid == 0) & (n == 3)
    stays = (grid == 1) & ((n == 2) | (n == 3))
    return (born | stays).astype(flux.float32)
    #! return (born.T | stays).astype(flux.float32)


def main() -> None:
    spins = 2 * flux.randint(0, 2, (4, 4)) - 1
    energy(spins)
    life((flux.rand((5, 6)) > 0.5).astype(flux.float32))

=== callbacks_and_registries
Loss = Callable[[Tensor, Tensor], Tensor]
REGISTRY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}


def register(name: str) -> Callable[[Loss], Loss]:
    def keep(f: Loss) -> Loss:
        REGISTRY[name] = f
        return f

    return keep


@register("l2")
def l2(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) ** 2).mean()


@register("l1")
def l1(x: Float32[Tensor, "*shape"], y: Float32[Tensor, "*shape"]) -> Float32[Tensor, ""]:
    return flux.abs(x - y).mean()


def evaluate(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d d"]) -> dict[str, float]:
    y = x @ w
    #! y = w @ x
    return {name: float(f(x, y)) for name, f in REGISTRY.items()}


def main() -> None:
    evaluate(flux.rand((3, 2)), flux.eye(2))

=== iterating_over_tensors
def rows(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d"]) -> list[float]:
    out = []
    for row in x:
        out.append(float(row @ w))
        #! out.append(float(row[0] @ w))
    for i, row in enumerate(x):
        out[i] += float(row.sum())
    a, b = x[0], x[1]
    for left, right in zip(a, b, strict=True):
        out.append(float(left * right))
    return out


def stepwise(x: Float32[Tensor, "time n d"], w: Float32[Tensor, "d d"]) -> Float32[Tensor, "n d"]:
    h = flux.zeros(x.shape[1:])
    for frame in x:
        h = flux.tanh(frame + h @ w)
        #! h = flux.tanh(frame[0, 0] @ h @ w)
    return h


def main() -> None:
    rows(flux.rand((3, 4)), flux.ones(4))
    stepwise(flux.rand((3, 2, 4)), flux.eye(4))
    w, b = flux.rand((2, 5))
    print(w @ b)

=== inner_functions_of_modules
class Solver(nn.Module):
    def __init__(self) -> None:
        self.dense = nn.Dense(6, 6)

    def __call__(self, x: Float[Tensor, "n 6"], *, steps: int = 3) -> Float[Tensor, "n 6"]:
        def step(z: Float[Tensor, "n 6"]) -> Float[Tensor, "n 6"]:
            return flux.tanh(self.dense(z) + x)
            #! return flux.tanh(self.dense(z.T) + x)

        z = flux.zeros_like(x)
        for _ in range(steps):
            z = step(z)  #?
        gap = z - step(z)
        if float(flux.abs(gap).max()) > 10:
            raise ValueError(f"did not settle: {gap.shape}")
        return z


def main() -> None:
    solver = Solver()
    y = solver(flux.rand((2, 6)), steps=2)
    print(y.sum())

=== many_returns
class Outputs(NamedTuple):
    logits: Float32[Tensor, "n 10"]
    features: Float32[Tensor, "n 16"]
    attention: Float32[Tensor, "n n"] | None = None


def forward(
    x: Float32[Tensor, "n 16"], w: Float32[Tensor, "16 10"], *, full: bool = False
) -> Outputs:
    h = flux.tanh(x)
    if full:
        return Outputs(h @ w, h, flux.softmax(h @ h.T))
        #! return Outputs(h @ w, h, flux.softmax(h.T @ h[0, 0]))
    return Outputs(logits=h @ w, features=h)
    #! return Outputs(logits=h @ w.T, features=h)


def main() -> None:
    logits, features, attention = forward(flux.rand((4, 16)), flux.rand((16, 10)), full=True)
    print(logits.sum(), features.shape)
    if attention is not None:
        print(attention @ features)
        #! print(attention @ features[0, 0])
    out = forward(flux.rand((4, 16)), flux.rand((16, 10)))
    assert out.attention is None
    print(out.logits + out._replace(features=features).logits)
"""
