"""Class-scoped dims, inheritance, containers, branches, and Python around models."""

PROGRAMS = r"""
=== typed_mlp imports
from typing import Generic, TypeVar

import typedflux as flux
from jaxtyping import Float
from typedflux import Size, Tensor, nn

I = TypeVar("I")
H = TypeVar("H")
O = TypeVar("O")


class MLP(nn.Module, Generic[I, H, O]):
    def __init__(self, i: Size[I], h: Size[H], o: Size[O]) -> None:
        self.first = nn.Dense(i, h, flux.relu)
        self.second = nn.Dense(h, o)
        #! self.second = nn.Dense(i, o)

    def __call__(self, x: Float[Tensor, "*b I"]) -> Float[Tensor, "*b O"]:
        return self.second(self.first(x))  #?


def ensemble(a: MLP[4, 8, 2], b: "MLP[4, 16, 2]", x: Float[Tensor, "n 4"]) -> Float[Tensor, "n 2"]:
    return 0.5 * (a(x) + b(x))


def main() -> None:
    print(ensemble(MLP(4, 8, 2), MLP(4, 16, 2), flux.ones((3, 4))))
    #!silent print(ensemble(MLP(4, 8, 2), MLP(4, 8, 2), flux.ones((3, 4))))

=== tower_of_strings
D = TypeVar("D")
K = TypeVar("K")


class Tower(nn.Module, Generic[D, K]):
    def __init__(self, d: Size[D], k: Size[K]) -> None:
        self.inner = nn.Dense(d, k)

    def __call__(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b K"]:
        return self.inner(x)


def two_towers(
    user: Tower["du", "e"],
    item: Tower["di", "e"],
    u: Float[Tensor, "b du"],
    i: Float[Tensor, "b di"],
) -> Float[Tensor, "b"]:
    return (user(u) * item(i)).sum(axis=-1)
    #! return (user(u) * item(u)).sum(axis=-1)


def doubled(tower: Tower["d", "2*d"], x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    a, b = flux.split(tower(x), 2, axis=-1)
    return a * flux.sigmoid(b)


def main() -> None:
    u, i = flux.ones((3, 5)), flux.ones((3, 7))
    print(two_towers(Tower(5, 4), Tower(7, 4), u, i))
    #! print(two_towers(Tower(5, 4), Tower(7, 6), u, i))
    print(doubled(Tower(5, 10), u))
    #!silent print(doubled(Tower(5, 12), u))

=== inherited_forward
C = TypeVar("C")


class Base(nn.Module, Generic[C]):
    def __init__(self, channels: Size[C]) -> None:
        self.gain = flux.ones((channels,))

    @property
    def vector(self) -> Float[Tensor, "C"]:
        return self.gain

    def scale(self, x: Float[Tensor, "b C"]) -> Float[Tensor, "b C"]:
        return x * self.vector


class Shifted(Base[C]):
    def __init__(self, channels: Size[C]) -> None:
        super().__init__(channels)
        self.shift = flux.zeros((channels,))

    def __call__(self, x: Float[Tensor, "b C"]) -> Float[Tensor, "b C"]:
        return self.scale(x) + self.shift
        #! return self.scale(x.T) + self.shift


def main() -> None:
    layer = Shifted(6)
    y = layer(flux.ones((2, 6)))
    #! y = layer(flux.ones((6, 2)))
    print(y, layer.vector + flux.ones(6))
    #! print(y, layer.vector + flux.ones(2))

=== dataclass_config imports
from dataclasses import dataclass

import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor, nn


@dataclass(frozen=True)
class Config:
    width: int = 32
    depth: int = 2
    classes: int = 10


class Net(nn.Module):
    def __init__(self, cfg: Config) -> None:
        self.stem = nn.Dense(20, cfg.width)
        self.body = [nn.Dense(cfg.width, cfg.width, flux.relu) for _ in range(cfg.depth)]
        self.head = nn.Dense(cfg.width, cfg.classes)

    def __call__(self, x: Float[Tensor, "b 20"]) -> Float[Tensor, "b classes"]:
        x = self.stem(x)
        for layer in self.body:
            x = x + layer(x)
        return self.head(x)


def main() -> None:
    net = Net(Config(depth=3))
    print(net(flux.randn((2, 20))))
    #! print(net(flux.randn((2, 21))))

=== static_and_class_methods
N = TypeVar("N")


class Whitener(Generic[N]):
    mean: Float32[Tensor, "N"]
    scale: Float32[Tensor, "N"]

    def __init__(self, mean: Float32[Tensor, "N"], scale: Float32[Tensor, "N"]) -> None:
        self.mean, self.scale = mean, scale

    @classmethod
    def fit(cls, x: Float32[Tensor, "m N"]) -> "Whitener[N]":
        return cls(x.mean(axis=0), x.std(axis=0))
        #!later return cls(x.mean(axis=1), x.std(axis=0))

    @staticmethod
    def shrink(x: Float32[Tensor, "*s"], by: float) -> Float32[Tensor, "*s"]:
        return flux.sign(x) * flux.relu(flux.abs(x) - by)

    def transform(self, x: Float32[Tensor, "k N"]) -> Float32[Tensor, "k N"]:
        return (x - self.mean) / self.scale


def main() -> None:
    train, test = flux.randn((20, 4)), flux.randn((5, 4))
    w = Whitener.fit(train)
    print(Whitener.shrink(w.transform(test), 0.1) @ flux.ones(4))
    #! print(Whitener.shrink(w.transform(test.T), 0.1) @ flux.ones(4))

=== optional_layers
class Block(nn.Module):
    def __init__(self, cin: int, cout: int, *, norm: bool = True) -> None:
        self.dense = nn.Dense(12, 24)
        self.norm = nn.LayerNorm(24) if norm else None
        #! self.norm = nn.LayerNorm(12) if norm else None
        self.skip: nn.Dense[12, 24] | None = nn.Dense(12, 24) if cin != cout else None
        #! self.skip: nn.Dense[12, 24] | None = nn.Dense(12, 20) if cin != cout else None

    def __call__(self, x: Float[Tensor, "b 12"]) -> Float[Tensor, "b 24"]:
        y = self.dense(x)
        if self.norm is not None:
            y = self.norm(y)  #?
        return y + self.skip(x) if self.skip is not None else y  #?
        #! return x + self.skip(x) if self.skip is not None else y


def main() -> None:
    print(Block(12, 24)(flux.ones((2, 12))))

=== module_dict
class MultiTask(nn.Module):
    def __init__(self) -> None:
        self.trunk = nn.Dense(16, 32, flux.relu)
        self.heads = {"depth": nn.Dense(32, 1), "normal": nn.Dense(32, 3)}

    def __call__(self, x: Float[Tensor, "b 16"]) -> dict[str, Tensor]:
        z = self.trunk(x)
        #! z = self.trunk(x.T)
        return {name: head(z) for name, head in self.heads.items()}


def main() -> None:
    out = MultiTask()(flux.ones((4, 16)))
    #! out = MultiTask()(flux.ones((16, 4)))
    n = out["normal"]
    print(n / flux.sqrt((n * n).sum(axis=-1, keepdims=True)))

=== match_statement imports
from typing import Literal

import typedflux as flux
from jaxtyping import Float
from typedflux import Tensor

Pool = Literal["mean", "max", "last", "all"]


def pool(x: Float[Tensor, "b t d"], how: Pool) -> Float[Tensor, "b d"]:
    match how:
        case "mean":
            return x.mean(axis=1)
            #!silent return x.mean(axis=2)
        case "max":
            return x.max(axis=1)
        case "last":
            return x[:, -1]
            #!silent return x[-1]
        case _:
            pass
    pooled = x.sum(axis=1)
    return pooled / x.shape[1]


def main() -> None:
    x = flux.randn((2, 5, 4))
    kinds: tuple[Pool, ...] = ("mean", "max", "last", "all")
    for how in kinds:
        print(pool(x, how))

=== branch_shapes
def merge(a: Float[Tensor, "b n"], b: Float[Tensor, "b n"], how: str) -> Tensor:
    if how == "sum":
        c = a + b
    elif how == "cat":
        c = flux.concat([a, b], axis=1)
    else:
        raise ValueError(how)
    return c


def normalised(x: Float[Tensor, "b n"], train: bool) -> Float[Tensor, "b n"]:
    if train:
        centre = x.mean(axis=0)
    else:
        centre = flux.zeros(x.shape[1])
    return x - centre
    #! return x.T - centre


def main() -> None:
    x = flux.randn((3, 4))
    print(merge(x, x, "sum").shape, merge(x, x, "cat").shape, normalised(x, True))

=== generator_of_batches
def batches(x: Float32[Tensor, "n 6"], size: int) -> Iterator[Float32[Tensor, "b 6"]]:
    for start in range(0, x.shape[0], size):
        yield x[start : start + size]
        #! yield x[start : start + size].T


def main() -> None:
    w = flux.randn((6, 2))
    #! w = flux.randn((2, 6))
    total = flux.zeros(2)
    for batch in batches(flux.ones((10, 6)), 5):
        total = total + (batch @ w).sum(axis=0)  #?
        #! total = total + (batch @ w.T).sum(axis=0)
    print(total)

=== records_of_tensors
@dataclass
class Transition:
    state: Float[Tensor, "4"]
    action: Int[Tensor, ""]
    reward: float


def collate(
    items: list[Transition]
) -> tuple[Float[Tensor, "b 4"], Int[Tensor, "b"], Float[Tensor, "b"]]:
    states = flux.stack([t.state for t in items])
    actions = flux.stack([t.action for t in items])
    rewards = flux.asarray([t.reward for t in items])
    return states, actions, rewards
    #!later return actions, states, rewards


def main() -> None:
    memory = [Transition(flux.randn((4,)), flux.asarray(i % 2), float(i)) for i in range(6)]
    #!later memory = [Transition(flux.randn((4, 1)), flux.asarray(i), float(i)) for i in range(2)]
    s, a, r = collate(memory)
    q = nn.Dense(4, 2)(s)
    chosen = flux.take_along_axis(q, a[:, None], axis=1)[:, 0]
    #! chosen = flux.take_along_axis(q, a, axis=1)[:, 0]
    print(losses.mse(chosen, r))

=== protocols_and_callables
class Encoder(Protocol):
    def __call__(self, x: Float[Tensor, "b 10"], /) -> Float[Tensor, "b 4"]: ...


Activation = Callable[[Tensor], Tensor]


def encode_all(encoders: Sequence[Encoder], x: Float[Tensor, "b 10"]) -> Float[Tensor, "b 4"]:
    total = encoders[0](x)
    for enc in encoders[1:]:
        total = total + enc(x)
        #! total = total @ enc(x)
    return total


def dense(x: Float[Tensor, "b 10"]) -> Float[Tensor, "b 4"]:
    return x @ flux.ones((10, 4))


def act(f: Activation, x: Float[Tensor, "*s"]) -> Tensor:
    return f(x)


def main() -> None:
    x = flux.ones((3, 10))
    y = encode_all([dense, dense], x)
    #! y = encode_all([dense, dense], x[:, :4])
    print(act(flux.tanh, y), [act(f, y) for f in (flux.relu, flux.exp)])

=== nested_functions
def gram_schmidt(vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    def project(v: Float[Tensor, "d"], u: Float[Tensor, "d"]) -> Float[Tensor, "d"]:
        return (v @ u) / (u @ u) * u

    basis: list[Tensor] = []
    for v in flux.unstack(vectors):
        for u in basis:
            v = v - project(v, u)
            #! v = v - project(v, vectors)
        basis.append(v)
    return flux.stack(basis)


def main() -> None:
    q = gram_schmidt(flux.randn((3, 5)))
    print(flux.round(q @ q.T * 100) + flux.zeros((3, 3)))
    #! print(flux.round(q.T @ q * 100) + flux.zeros((3, 3)))

=== any_and_plain imports
from typing import Any

import typedflux as flux
from jaxtyping import Float32, Shaped
from typedflux import Tensor


def load(path: str) -> Any:
    return flux.ones((4, 4)) if path else None


def debug(x: Shaped[Tensor, "..."], *rest: Any, **more: Any) -> None:
    print(x.shape, rest, more)


def forward(x: Tensor, y: Float32[Tensor, "4 2"]) -> Tensor:
    return x @ y


def main() -> None:
    w = load("weights")
    y = flux.ones((4, 2))
    debug(w @ y, y, note=forward(w, y))
    z: Float32[Tensor, "4 2"] = w[:, :2]
    print(z.T @ y + y[:2])
    #! print(z @ y + y[:2])

=== class_constants
class Codec(nn.Module):
    SIZE: ClassVar[int] = 6
    CODE: Final = 3

    def __init__(self) -> None:
        self.down = nn.Dense(6, self.CODE)
        self.up = nn.Dense(self.CODE, 6)
        #! self.up = nn.Dense(6, self.CODE)

    def __call__(self, x: Float[Tensor, "b 6"]) -> Float[Tensor, "b 6"]:
        code = self.down(x)
        return self.up(flux.tanh(code))  #?


def main() -> None:
    codec = Codec()
    print(codec(flux.ones((2, Codec.SIZE))) - flux.ones((2, 6)))
"""
