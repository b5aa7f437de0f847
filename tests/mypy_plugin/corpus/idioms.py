"""Python as it is written around tensors, whatever the family: what a checker may stumble over."""

PROGRAMS = '''
=== shrinking_loop
def tournament(x: Float32[Tensor, "n d"]) -> Float32[Tensor, "d"]:
    while x.shape[0] > 1:
        if x.shape[0] % 2 == 1:
            x = flux.concat([x, x[-1:]])
        x = flux.maximum(x[::2], x[1::2])
    return x[0]


def pyramid(x: Float32[Tensor, "b c 64 64"]) -> list[Tensor]:
    levels = [x]
    for _ in range(3):
        x = flux.mean_pool(x, (2, 2))
        levels.append(x)
    return levels


def main() -> None:
    tournament(flux.rand((7, 3)))
    sizes = [level.shape[-1] for level in pyramid(flux.rand((1, 2, 64, 64)))]
    assert sizes == [64, 32, 16, 8]
    print(tournament(flux.rand((4, 3))) @ flux.ones((3, 2)))
    #! print(tournament(flux.rand((4, 3))) @ flux.ones((4, 2)))

=== builtin_functions
def combine(parts: list[Float32[Tensor, "n d"]]) -> Float32[Tensor, "n d"]:
    total = parts[0]
    for part in parts[1:]:
        total += part
    doubled = list(map(lambda x: 2 * x, parts))
    longest = max(len(part) for part in parts)
    ordered = sorted(parts, key=lambda p: float(p.sum()))
    count = sum(1 for p in parts if p.shape[0] == longest)
    return (total + doubled[0] + ordered[-1]) / count
    #! return (total + doubled[0].T + ordered[-1]) / count


def main() -> None:
    x = combine([flux.rand((3, 2)), flux.ones((3, 2))])
    print(abs(x), -x, x**2, 1 / (x + 1), x // 1, x % 2, 2**x)
    print(float(x[0, 0]), int(x.sum()), bool(x.max() > 0), x.item() if x.size == 1 else x.tolist())

=== shapes_as_values
def flattened(x: Float32[Tensor, "b c h w"]) -> Float32[Tensor, "b c*h*w"]:
    b, *rest = x.shape
    size = math.prod(rest)
    y = x.reshape(b, size)
    assert y.ndim == 2
    return x.reshape((x.shape[0], -1))


def like(x: Float32[Tensor, "*batch d"], k: int) -> Float32[Tensor, "*batch _"]:
    zero = flux.zeros(x.shape[:-1] + (k,))
    one = flux.ones((*x.shape[:-1], k))
    return zero + one


def same(x: Float32[Tensor, "b n"], y: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    shape = x.shape
    flat = x.flatten() + y.reshape(-1)
    back = flat.reshape(shape)
    return back + x
    #! return back + flat


def main() -> None:
    flattened(flux.rand((2, 3, 4, 5)))
    like(flux.rand((2, 3, 4)), 7)
    x = flux.rand((3, 4))
    same(x, x)
    assert len(x) == x.shape[0] and x.size == 12

=== train_test_split
def split(
    x: Float32[Tensor, "n d"], y: Int[Tensor, "n"], share: float = 0.8
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n = x.shape[0]
    cut = int(n * share)
    order = flux.permutation(n)
    x, y = x[order], y[order]
    return x[:cut], y[:cut], x[cut:], y[cut:]


def nearest_centroid(
    x: Float32[Tensor, "n d"], y: Int[Tensor, "n"], test: Float32[Tensor, "m d"], k: int
) -> Int[Tensor, "m"]:
    centres = flux.stack([x[y == label].mean(axis=0) for label in range(k)])
    gap = test[:, None] - centres
    return flux.argmin((gap * gap).sum(axis=-1), axis=-1)
    #! return flux.argmin((gap * gap).sum(axis=-1), axis=2)


def main() -> None:
    iris = data.iris()
    x, y, x_test, y_test = split(iris.features, iris.labels)
    guess = nearest_centroid(x, y, x_test, 3)
    print((guess == y_test).astype(flux.float32).mean())

=== numpy_around imports
import numpy as np
import numpy.typing as npt
import typedflux as flux
from jaxtyping import Float32
from typedflux import Tensor


def load(n: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 6)).astype(np.float32)


def scores(x: Float32[Tensor, "n 6"], w: Float32[Tensor, "6 2"]) -> npt.NDArray[np.float32]:
    y = x @ w
    #! y = w @ x
    return np.asarray(y.numpy(), dtype=np.float32)


def main() -> None:
    x = flux.asarray(load(5))
    w: Float32[Tensor, "6 2"] = flux.asarray(np.ones((6, 2), dtype=np.float32))
    out = scores(x, w)
    assert out.shape == (5, 2) and isinstance(out, np.ndarray)

=== protocols_and_abstract imports
from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import typedflux as flux
from jaxtyping import Float, Float32, Int
from typedflux import Tensor, losses, nn


class Classifier(Protocol):
    def __call__(self, x: Float32[Tensor, "batch 20"]) -> Float[Tensor, "batch 4"]: ...


class Base(nn.Module, ABC):
    @abstractmethod
    def features(self, x: Float[Tensor, "batch 20"]) -> Float[Tensor, "batch 8"]: ...

    def __call__(self, x: Float[Tensor, "batch 20"]) -> Float[Tensor, "batch 4"]:
        return self.features(x)[:, :4]
        #! return self.features(x[:, :4])


class Shallow(Base):
    def __init__(self) -> None:
        self.dense = nn.Dense(20, 8)
        #! self.dense = nn.Dense(20, 9)

    def features(self, x: Float[Tensor, "batch 20"]) -> Float[Tensor, "batch 8"]:
        return self.dense(x)  #?


def evaluate(model: Classifier, x: Float32[Tensor, "n 20"], y: Int[Tensor, "n"]) -> float:
    return float(losses.logitcrossentropy(model(x), y))
    #! return float(losses.logitcrossentropy(model(x)[:, 0], y))


def main() -> None:
    evaluate(Shallow(), flux.rand((3, 20)), flux.asarray([0, 1, 3]))  #?

=== default_mask
def attend(
    q: Float32[Tensor, "b n d"],
    k: Float32[Tensor, "b m d"] | None = None,
    mask: Bool[Tensor, "b n m"] | None = None,
    *,
    scale: float | None = None,
) -> Float32[Tensor, "b n _"]:
    if k is None:
        k = q
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    scores = q @ k.mT * scale
    #! scores = q @ k.T * scale
    if mask is None:
        mask = flux.ones(scores.shape, dtype=flux.bool_)
    return flux.softmax(flux.where(mask, scores, -1e9))


def main() -> None:
    q = flux.rand((2, 3, 4))
    attend(q)
    attend(q, flux.rand((2, 5, 4)), flux.ones((2, 3, 5), dtype=flux.bool_))
    attend(q, scale=0.5)

=== rank_by_branch
def batched(x: Float32[Tensor, "*batch 3 h w"]) -> Tensor:
    return x if x.ndim == 4 else x[None]


def images(x: Float32[Tensor, "3 h w"], several: bool) -> Float32[Tensor, "..."]:
    y = flux.stack([x, x]) if several else x
    if several:
        y = y.mean(axis=0)
    return y * 2


def pick(x: Float32[Tensor, "n d"], axis: int | None) -> Tensor:
    total = x.sum() if axis is None else x.sum(axis=axis)
    return total / x.size


def checked(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d k"]) -> Float32[Tensor, "n k"]:
    y = x @ w if x.shape[1] > 2 else flux.tanh(x) @ w
    y = y[None] if y.ndim == 1 else y
    return y
    #! return y @ w


def main() -> None:
    batched(flux.rand((3, 4, 5)))
    images(flux.rand((3, 4, 5)), True)
    pick(flux.rand((3, 4)), 0)
    checked(flux.rand((3, 4)), flux.rand((4, 2)))

=== generators
def chunks(x: Float32[Tensor, "n d"], size: int) -> Iterator[Float32[Tensor, "_ d"]]:
    for start in range(0, x.shape[0], size):
        yield x[start : start + size]


def total(x: Float32[Tensor, "n d"], w: Float32[Tensor, "d"]) -> float:
    result = 0.0
    for chunk in chunks(x, 2):
        result += float((chunk @ w).sum())
        #! result += float((w @ chunk.T[:-1]).sum())
    return result


def rows(x: Float32[Tensor, "n d"]) -> list[Float32[Tensor, "d"]]:
    return [row / row.sum() for row in x if float(row.sum()) > 0]


def main() -> None:
    total(flux.rand((5, 3)), flux.ones(3))
    first, *others = rows(flux.rand((4, 3)))
    print(first @ flux.ones(3), len(others))
    #! print(first @ flux.ones(4), len(others))

=== recursion_and_closures
def power(a: Float64[Tensor, "n n"], k: int) -> Float64[Tensor, "n n"]:
    if k == 0:
        return flux.eye(a.shape[0], dtype=flux.float64)
    half = power(a, k // 2)
    return half @ half if k % 2 == 0 else half @ half @ a


def make_filter(
    kernel: Float64[Tensor, "n n"], steps: int
) -> Callable[[Float64[Tensor, "n"]], Float64[Tensor, "n"]]:
    repeated = power(kernel, steps)

    def apply(x: Float64[Tensor, "n"]) -> Float64[Tensor, "n"]:
        return repeated @ x

    return apply


def main() -> None:
    smooth = make_filter(flux.eye(4, dtype=flux.float64) / 2, 3)
    print(smooth(flux.ones(4, dtype=flux.float64)))
    print(power(flux.eye(3, dtype=flux.float64), 5) @ flux.ones(3, dtype=flux.float64))
    #! print(power(flux.eye(3, dtype=flux.float64), 5) @ flux.ones(4, dtype=flux.float64))

=== static_and_class_methods
class Geometry:
    origin: ClassVar[tuple[float, float]] = (0.0, 0.0)

    def __init__(self, points: Float32[Tensor, "n 2"]) -> None:
        self.points = points

    @classmethod
    def grid(cls, n: int) -> "Geometry":
        line = flux.linspace(0.0, 1.0, n, dtype=flux.float32)
        x, y = flux.meshgrid(line, line)
        return cls(flux.stack([x.flatten(), y.flatten()], axis=1))

    @staticmethod
    def rotation(angle: float) -> Float32[Tensor, "2 2"]:
        c, s = math.cos(angle), math.sin(angle)
        return flux.asarray([[c, -s], [s, c]], dtype=flux.float32)

    @property
    def centre(self) -> Float32[Tensor, "2"]:
        return self.points.mean(axis=0)
        #! return self.points.mean(axis=2)

    def turned(self, angle: float) -> "Geometry":
        moved = (self.points - self.centre) @ self.rotation(angle).T
        #! moved = (self.points - self.centre) @ self.rotation(angle)[:1]
        return Geometry(moved + self.centre)


def main() -> None:
    g = Geometry.grid(3).turned(0.5)
    print(g.centre)

=== heterogeneous_layers
class Net(nn.Module):
    def __init__(self, sizes: Sequence[int]) -> None:
        self.layers = [nn.Dense(a, b, flux.relu) for a, b in zip(sizes, sizes[1:], strict=False)]
        self.mixed = [nn.Dense(8, 16), nn.LayerNorm(16), nn.Dense(16, 4)]

    def __call__(self, x: Float[Tensor, "n 10"]) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        for other in self.mixed:
            x = other(x)
        return x


def predict(x: Float32[Tensor, "n 10"]) -> Tensor:
    net = Net([10, 20, 8])
    y = net(x)
    z = net(x[:, ::-1])
    return y + z + x.sum(axis=1, keepdims=True)
    #! return y + z + x.sum(axis=2, keepdims=True)


def main() -> None:
    predict(flux.rand((3, 10)))

=== untyped_parts
def untyped(x: Any, w: Any) -> Any:
    return x @ w + flux.ones((3, 1, 4)).sum()


def gradual(x: Tensor, w: Any) -> Tensor:
    y = untyped(x, w)
    z = y.reshape((-1, 2)) if hasattr(y, "reshape") else x
    result: Tensor = z + w[0]
    return result


def known(x: Float32[Tensor, "n 4"]) -> Float32[Tensor, "n 2"]:
    w = flux.ones((4, 2))
    y: Float32[Tensor, "n 2"] = untyped(x, w)
    print(gradual(x, w))
    return y + x @ w
    #! return y + w @ x


def main() -> None:
    known(flux.rand((3, 4)))

=== try_and_with
class Recorder:
    def __init__(self) -> None:
        self.seen: dict[str, Tensor] = {}

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.seen.clear()

    def keep(self, name: str, x: Tensor) -> Tensor:
        self.seen[name] = x
        return x


def robust(x: Float64[Tensor, "n n"], b: Float64[Tensor, "n"]) -> Float64[Tensor, "n"]:
    with Recorder() as recorder:
        recorder.keep("x", x)
        try:
            scale = 1 / float(flux.einsum("ii->", x))
        except ZeroDivisionError:
            scale = 1.0
        else:
            recorder.keep("b", b)
        finally:
            print(len(recorder.seen))
        if (top := flux.abs(x).max()) > 0:
            x = x / top
        return scale * (x @ b)
        #! return scale * (b @ x @ b @ x)


def main() -> None:
    robust(flux.eye(3, dtype=flux.float64), flux.ones(3, dtype=flux.float64))

=== module_constants imports
"""A module with constants, a docstring and everything spelled out."""

from typing import Final

import jaxtyping
import typedflux
import typedflux.nn
from typedflux import Tensor

MEAN: Final = typedflux.asarray([0.1, 0.2, 0.3], dtype=typedflux.float32)
WEIGHT: jaxtyping.Float32[Tensor, "3 5"] = typedflux.ones((3, 5))
SIZES = {"small": 8, "large": 16}
LAYER = typedflux.nn.Dense(5, SIZES["small"])


def encode(x: jaxtyping.Float32[Tensor, "n 3"]) -> jaxtyping.Float[Tensor, "n _"]:
    return LAYER((x - MEAN) @ WEIGHT)
    #! return LAYER((x - MEAN) @ WEIGHT.T)


def main() -> None:
    assert encode(typedflux.zeros((2, 3))).shape == (2, 8)

=== swaps_and_chained_assignments
def fibonacci(a: Float64[Tensor, "n n"], steps: int) -> Float64[Tensor, "n n"]:
    last = now = a
    for _ in range(steps):
        last, now = now, last + now @ a
    return now


def momentum(
    w: Float32[Tensor, "d k"], g: Float32[Tensor, "d k"], steps: int
) -> tuple[Float32[Tensor, "d k"], Float32[Tensor, "d k"]]:
    v = u = flux.zeros_like(w)
    for i in range(1, steps + 1):
        v, u = 0.9 * v + 0.1 * g, 0.99 * u + 0.01 * g**2
        first, second = v / (1 - 0.9**i), u / (1 - 0.99**i)
        w -= 0.1 * first / (flux.sqrt(second) + 1e-8)
        #! w -= 0.1 * first.T / (flux.sqrt(second) + 1e-8)
    return w, v


def main() -> None:
    fibonacci(flux.eye(2, dtype=flux.float64), 4)
    w, _ = momentum(flux.ones((3, 2)), flux.rand((3, 2)), 3)
    w @= flux.eye(2)
    #! w @= flux.eye(3)
    print(w)
'''
