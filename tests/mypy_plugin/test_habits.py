"""How people write around tensors: powers, parts of unknown number, functions under names."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected

PROGRAM = """
from functools import partial
from typing import Any
from jaxtyping import Float, Float32
import typedflux as flux
from typedflux import Size, Tensor, losses, nn, ops

def powers(
    x: Float[Tensor, "b n"], m: Float[Tensor, "m n"], d: Size["d"], k: int, r: float, a: Any
) -> None:
    n = x.shape[1]
    reveal_type(x * n**-0.5)  # => Float[Tensor, 'b n']
    reveal_type(x * d**-0.5)  # => Float[Tensor, 'b n']
    reveal_type(x * k**-0.5)  # => Float[Tensor, 'b n']
    reveal_type(x / (n // 2) ** 0.5)  # => Float[Tensor, 'b n']
    reveal_type(x / r**0.5)  # => Float[Tensor, 'b n']
    reveal_type(x / 2**k)  # => Float[Tensor, 'b n']
    reveal_type(x / n**k)  # => Float[Tensor, 'b n']
    reveal_type(x / 10000 ** (k / n))  # => Float[Tensor, 'b n']
    reveal_type(x * (-1) ** k)  # => Float[Tensor, 'b n']
    reveal_type(x * pow(k, 0.5))  # => Float[Tensor, 'b n']
    reveal_type(x ** (k / 2))  # => Float[Tensor, 'b n']
    reveal_type(n**2)  # => Size['n*n']
    reveal_type(k**2)  # => int
    reveal_type(k**-1)  # => float
    reveal_type(k**k)  # => int
    reveal_type(r**r)  # => float
    reveal_type(a**0.5)  # => Any
    x * n**-0.5 + m  # !! cannot broadcast 'b n' with 'm n'
    (x / r**0.5) @ m  # !! the last axis of the first operand is n

def parts(x: Float[Tensor, "t d"], y: Float[Tensor, "6 d"], k: int) -> None:
    reveal_type(flux.unstack(x))  # => tuple[Float[Tensor, 'd'], ...]
    reveal_type(flux.unstack(x, axis=1))  # => tuple[Float[Tensor, 't'], ...]
    reveal_type(flux.split(y, 2)[0])  # => Float[Tensor, '3 d']
    reveal_type(flux.split(x, k))  # => tuple[Float[Tensor, '_ d'], ...]
    a, b = flux.unstack(x)
    reveal_type(a + b)  # => Float[Tensor, 'd']
    a + flux.zeros(x.shape[0])  # !! axis -1 has sizes d and t
    for row in flux.unstack(x):
        row + flux.zeros(x.shape[0])  # !! axis -1 has sizes d and t
    for i, column in enumerate(flux.unstack(x, axis=1)):
        column * i + x[:, i]
        column @ x.T  # !! the last axis of the first operand is t

def four_to_three(x: Float[Tensor, "4"]) -> Float[Tensor, "3"]:
    return flux.ones((3, 4)) @ x

def same(x: Float32[Tensor, "n"]) -> Float32[Tensor, "n"]:
    return flux.tanh(x)

def derivatives(x: Float32[Tensor, "4"], y: Float32[Tensor, "k"], z: Float[Tensor, "k"]) -> None:
    j = flux.jacobian(four_to_three, x)
    reveal_type(j)  # => Float32[Tensor, '3 4']
    reveal_type(flux.jacobian(same, x))  # => Float32[Tensor, '4 4']
    reveal_type(flux.jacobian(same, y))  # => Float32[Tensor, 'k k']
    reveal_type(flux.jacobian(lambda v: v.sum() * flux.ones(7), y))  # => Float32[Tensor, '7 k']
    reveal_type(flux.jacobian(lambda v: v[:2] * v.sum(), z))  # => Float[Tensor, 'min(k,2) k']
    reveal_type(flux.hessian(lambda v: (v**2).sum(), y))  # => Float32[Tensor, 'k k']
    reveal_type(flux.hessian(lambda v: (v**2).sum(), z))  # => Float[Tensor, 'k k']
    j @ j  # !! the last axis of the first operand is 4
    j @ y  # !! the last axis of the first operand is 4
    j.T @ j + flux.hessian(lambda v: (v**2).sum(), x)
    j @ j.T + flux.hessian(lambda v: (v**2).sum(), x)  # !! axis -2 has sizes 3 and 4

class Block(nn.Module):
    def __init__(self) -> None:
        self.act = flux.relu
        self.pool, self.mix = flux.mean, flux.matmul
        self.other = flux.relu
        self.other = flux.tanh

    def __call__(self, x: Float[Tensor, "b n"]) -> None:
        reveal_type(self.act(x))  # => Float[Tensor, 'b n']
        reveal_type(self.pool(x, axis=1))  # => Float[Tensor, 'b']
        reveal_type(self.mix(x, x.T))  # => Float[Tensor, 'b b']
        reveal_type(self.other(x))  # => Shaped[Tensor, '...']
        self.mix(x, x)  # !! the last axis of the first operand is n
        self.act(x) @ x  # !! the last axis of the first operand is n

def names_of_functions(x: Float[Tensor, "b n"], c: bool) -> None:
    bce = losses.logitbinarycrossentropy
    bce(flux.ones(5), flux.ones(2))  # !! prediction and target must have one shape
    relu = flux.relu
    reveal_type(relu(x))  # => Float[Tensor, 'b n']
    mm = flux.matmul
    again = mm
    again(x, x)  # !! the last axis of the first operand is n
    either = flux.relu
    if c:
        either = flux.tanh
    reveal_type(either(x))  # => Shaped[Tensor, '...']

def dense(
    w: Float[Tensor, "i o"], b: Float[Tensor, "o"], x: Float[Tensor, "*s i"]
) -> Float[Tensor, "*s o"]:
    return x @ w + b

def scaled(x: Float[Tensor, "*s"], *, by: float = 1.0, add: Any = None) -> Float[Tensor, "*s"]:
    return x * by

def partials(x: Float[Tensor, "b 4"]) -> None:
    layer = partial(dense, flux.ones((4, 6)), flux.zeros(6))
    reveal_type(layer(x))  # => Float[Tensor, 'b 6']
    reveal_type(layer(flux.ones((2, 3, 4))))  # => Float[Tensor, '2 3 6']
    layer(flux.ones((2, 6)))  # !! axis 1 is 6, not 4
    layer(x) + x  # !! axis -1 has sizes 6 and 4
    last = partial(dense, b=flux.zeros(3), w=flux.ones((6, 3)))
    reveal_type(last(x=layer(x)))  # => Float[Tensor, 'b 3']
    last(x=x)  # !! axis 1 is 4, not 6
    reveal_type(partial(dense, flux.ones((4, 6)))(flux.ones(6), x))  # => Float[Tensor, 'b 6']
    partial(dense, flux.ones((4, 6)), flux.zeros(4))  # !! dimension 'o' is 6 from argument "w"
    twice = partial(partial(dense, flux.ones((4, 6))), flux.zeros(6))
    reveal_type(twice(x))  # => Float[Tensor, '... 6']
    reveal_type(partial(scaled, by=2.0)(x))  # => Float[Tensor, 'b 4']
    reveal_type(partial(scaled, x)())  # => Float[Tensor, 'b 4']
    reveal_type(partial(scaled, x, add=3)(by=2.0))  # => Float[Tensor, 'b 4']
    args = (flux.ones((4, 6)), flux.zeros(6))
    reveal_type(partial(dense, *args)(x))  # => Float[Tensor, 'b 6']
    conv = partial(nn.Conv, (3, 3), padding=1)
    conv(3, 8)(flux.ones((2, 3, 8, 8)))
    norm = partial(nn.LayerNorm, 4)
    norm()(x)
    partial(flux.softmax, axis=-1)(x)
    flux.gradient(partial(dense, flux.ones((4, 6)), flux.zeros(6)), x)  # !! gradient needs a scalar
    nn.Chain(nn.Dense(8, 4), layer, nn.Dense(6, 2))(flux.ones((3, 8)))

def collections_again(w: Float32[Tensor, "n d"], c: bool, k: int) -> None:
    p = {"a": w, "b": w}
    for _ in range(k):
        p = {name: v - 0.1 * p[name] for name, v in p.items()}
    reveal_type(p)  # => dict[str, Float32[Tensor, 'n d']]
    p["a"] @ w  # !! the last axis of the first operand is d
    rows = [w[0], w[1]]
    rows = [row[:3] for row in rows]
    reveal_type(rows)  # => list[Float32[Tensor, 'min(d,3)']]
    rows = [flux.ones(4)]
    rows.append(flux.ones(5))
    rows = list(w.T[:, 0] for _ in range(k))
    reveal_type(rows)  # => list[Float32[Tensor, 'd']]
    if c:
        rows = [flux.ones(4), flux.ones(4)]
    reveal_type(rows)  # => list[Float32[Tensor, '4']] | list[Float32[Tensor, 'd']]
    p = dict(a=flux.ones((2, 3)))
    p["a"] @ w.T[:2]  # !! the last axis of the first operand is 3
    p = {"a": p["a"].T, "b": flux.ones((3, 2))}
    reveal_type(p)  # => dict[str, Float32[Tensor, '3 2']]
    pair = (w, [w])
    pair = (w.T, [w.T])
    reveal_type(pair)  # => tuple[Float32[Tensor, 'd n'], list[Float32[Tensor, 'd n']]]
    halves = [flux.ones(64)]
    for _ in range(k):
        halves = [h[::2] for h in halves]
    halves[0] + flux.ones(16)

def named_lambdas(x: Float32[Tensor, "b 4"]) -> None:
    last = lambda z: z.sum(axis=1)  # noqa: E731
    reveal_type(last(x))  # => Float32[Tensor, 'b']
    reveal_type(last(flux.ones((2, 3, 5))))  # => Float32[Tensor, '2 5']
    last(flux.ones(3))  # !! axis
    reveal_type(nn.Chain(nn.Dense(4, 2), last)(x))  # => Float[Tensor, 'b']
    nn.Chain(nn.Dense(4, 2), last, nn.Dense(4, 2))(flux.ones((3, 4)))  # !! axis 0 is 3, not 4
    join = lambda y, z: flux.concat([y, z], axis=-1)  # noqa: E731
    reveal_type(nn.SkipConnection(nn.Dense(4, 2), join)(x))  # => Float[Tensor, 'b 6']
    join(x, flux.ones((2, 3)))  # !! concat
    model = nn.Dense(4, 2)
    loss = lambda m: losses.mse(m(x).sum(axis=0), flux.ones(2))  # noqa: E731
    reveal_type(loss(model))  # => Float[Tensor, '']
    loss(nn.Dense(4, 3))  # !! axis

def padded(x: Float32[Tensor, "3"], c: bool) -> Float32[Tensor, "1 1 1 1 3"]:
    while x.ndim < 5:
        if c or x.shape[0] > 0:
            x = x[None]
    return x
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("habits"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}
