"""Branches, loops and containers: what is known after them; what is not known is no error."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected

PROGRAM = """
from collections import deque
from collections.abc import Sequence
from typing import Any, Optional
from jaxtyping import Float, Float32, Int
import typedflux as flux
from typedflux import Tensor, concat, nn, stack, zeros

class Dense(nn.Module):
    def __init__(self, count: int) -> None:
        self.first = nn.Dense(8, 16)
        self.layers = [nn.Dense(16, 16) for _ in range(count)]
        self.last = nn.Dense(16, 4)
        self.norm = nn.LayerNorm(16) if count > 1 else None

    def __call__(self, x: Float[Tensor, "b 8"]) -> Float[Tensor, "b 4"]:
        y = self.first(x)
        for layer in self.layers:
            y = layer(y)
            y @ zeros((15, 2))  # !! the last axis of the first operand is 16, the second to last
        if self.norm is not None:
            y = self.norm(y)
        reveal_type(y)  # => Float[Tensor, 'b 16']
        self.last(x)  # !! axis 1 is 8, not 16  [tensor-shape]
        return self.last(y)

class Growth(nn.Module):
    def __init__(self) -> None:
        self.parts = [nn.Dense(8, 8), nn.Dense(16, 8), nn.Dense(24, 8)]

    def __call__(self, x: Float[Tensor, "b 8"]) -> Float[Tensor, "b _"]:
        for part in self.parts:
            x = concat([x, part(x)], axis=1)
        return x

def expressions(
    x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"], w: Float32[Tensor, "n n"], c: bool
) -> None:
    same = x if c else x + 1
    reveal_type(same @ w)  # => Float32[Tensor, 'b n']
    same @ y  # !! the last axis of the first operand is n, the second to last of the second is b
    other = x if c else y
    reveal_type(other.sum(axis=1))  # => Float32[Tensor, 'b']
    reveal_type(other.shape[0])  # => Size['b']
    other.sum(axis=2)  # !! axis 2 does not exist in 2 axes: valid are -2 to 1  [tensor-shape]
    (x + y) if c else x  # !! axis -1 has sizes n and m  [tensor-shape]
    (x @ w if c else x) @ w
    (x @ w if c else x) @ y  # !! the last axis of the first operand is n, the second to last of
    z = (x @ w, y) if c else (x, y)
    reveal_type(z[0])  # => Float32[Tensor, 'b n']
    z[0] + z[1]  # !! cannot broadcast 'b n' with 'b m': axis -1 has sizes n and m  [tensor-shape]
    (x or None)
    n = x.shape[1] if c else y.shape[1]
    reveal_type(zeros((n,)))  # => Float32[Tensor, '_']

def statements(
    x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"], w: Float32[Tensor, "n n"], k: int
) -> Float32[Tensor, "b n"]:
    if k > 1:
        a = x @ w
    elif k > 0:
        a = x
    else:
        a = zeros(x.shape)
    reveal_type(a)  # => Float32[Tensor, 'b n']
    a @ y  # !! the last axis of the first operand is n, the second to last of the second is b
    try:
        b = x @ w
    except ValueError:
        b = x
    finally:
        k = 3
    reveal_type(b)  # => Float32[Tensor, 'b n']
    b.reshape((x.shape[0], 3))  # !! cannot reshape 'b n' (b*n elements) to 'b 3' (3*b elements)
    match k:
        case 0:
            d = x
        case 1:
            d = x @ w
        case _:
            d = zeros(x.shape)
    reveal_type(d)  # => Float32[Tensor, 'b n']
    d + y  # !! cannot broadcast 'b n' with 'b m': axis -1 has sizes n and m  [tensor-shape]
    if (s := x @ w).shape[0] > 3:
        reveal_type(s)  # => Float32[Tensor, 'b n']
        s + y  # !! cannot broadcast 'b n' with 'b m': axis -1 has sizes n and m  [tensor-shape]
    while k < 5:
        x = x @ w
        k += 1
    else:
        x = x + 1
    reveal_type(x)  # => Float32[Tensor, 'b n']
    x @ y  # !! the last axis of the first operand is n, the second to last of the second is b
    for _ in range(k):
        if k == 3:
            continue
        x = flux.relu(x) + 1
        if k == 4:
            break
    if k > 3:
        return y  # !! Incompatible return value type (got "Float32[Tensor, 'b m']", expected
    with open("f") as f:
        x = x * 2
    return x

def optional(
    x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"],
    bias: Float32[Tensor, "m"] | None = None, mask: Optional[Float32[Tensor, "b n"]] = None,
) -> Float32[Tensor, "b m"]:
    if mask is not None:
        x = x * mask
        mask @ x  # !! the last axis of the first operand is n, the second to last of the second is
    reveal_type(mask)  # => Float32[Tensor, 'b n'] | None
    filled = zeros(x.shape) if mask is None else mask
    reveal_type(filled)  # => Float32[Tensor, 'b n']
    out = x @ w
    if bias is None:
        return out
    out + bias[:, None]  # !! axis -2 has sizes b and m  [tensor-shape]
    reveal_type(out + bias)  # => Float32[Tensor, 'b m']
    return out + bias

def early(x: Float32[Tensor, "b n"], c: int) -> Float32[Tensor, "b"]:
    if c == 0:
        return x.sum(axis=1)
    if c == 1:
        return x.sum(axis=0)  # !! Incompatible return value type (got "Float32[Tensor, 'n']",
    if c == 2:
        return x.sum(axis=1, keepdims=True)  # !! Incompatible return value type (got
    return x[:, 0]

def growing(x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"], k: int) -> None:
    z = x
    for _ in range(k):
        z = concat([z, y], axis=1)
    z @ zeros((3, 4))
    u = x
    while u.shape[0] < 10:
        u = concat([u, u])
    zeros((3, 4)) @ u
    v = x
    for _ in range(3):
        v = v.reshape((v.shape[0] // 2, -1))
    v + zeros((2, 3))
    t = x
    for _ in range(3):
        t = t[None]
    t.sum(axis=1)

def containers(
    x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"], t: Tensor, w: Float32[Tensor, "n n"]
) -> None:
    same = [x, x]
    reveal_type(same)  # => list[Float32[Tensor, 'b n']]
    same[0] + y  # !! cannot broadcast 'b n' with 'b m': axis -1 has sizes n and m  [tensor-shape]
    mixed = [x, y]
    reveal_type(mixed)  # => list[Float32[Tensor, 'b _']]
    mixed[1] + 1
    mixed[0].sum(axis=2)  # !! axis 2 does not exist in 2 axes: valid are -2 to 1  [tensor-shape]
    for e in mixed:
        reveal_type(e)  # => Float32[Tensor, 'b _']
    for e in (x, y):
        reveal_type(e)  # => Float32[Tensor, 'b n'] | Float32[Tensor, 'b m']
    named = {"a": x, "b": x}
    reveal_type(named["a"] @ w)  # => Float32[Tensor, 'b n']
    named["a"] + y  # !! axis -1 has sizes n and m  [tensor-shape]
    named["c"] = y
    reveal_type(named)  # => dict[str, Float32[Tensor, 'b _']]
    features = [x]
    features.append(y)
    reveal_type(features)  # => list[Float32[Tensor, 'b _']]
    reveal_type(concat(features, axis=1))  # => Float32[Tensor, 'b _']
    concat(features, axis=2)  # !! concat(
    levels = [y]
    for _ in range(3):
        y = y[:, ::2]
        levels.append(y)
    reveal_type(levels[-1].shape[0])  # => Size['b']
    more = [x]
    more += [t]
    more.extend([x])
    reveal_type(more)  # => list[Shaped[Tensor, '...']]
    queue = deque([x])
    queue.append(x @ w)
    reveal_type(queue)  # => collections.deque[Float32[Tensor, 'b n']]
    gathered = []
    for i in range(3):
        gathered.append(x)
    reveal_type(stack(gathered))  # => Float32[Tensor, '_ b n']
    stack(gathered) @ zeros((3, 2))  # !! the last axis of the first operand is n, the second to
    table = {}
    table["x"] = x
    reveal_type(table["x"])  # => Float32[Tensor, 'b n']
    declared: list[Float32[Tensor, "b n"]] = [x]
    declared.append(x @ w)
    declared.append(w)  # !! Argument 1 to "append" of "list" has incompatible type
    free: list[Tensor] = []
    free.append(x)
    free.append(w)
    pairs = [(x, 1)]
    pairs.append((w, 2))
    reveal_type(pairs)  # => list[tuple[Float32[Tensor, '_ n'], int]]

def sequences(
    x: Float32[Tensor, "b n"], s: Sequence[Float32[Tensor, "3 k"]],
    u: tuple[Float32[Tensor, "3 k"], ...], k: int,
) -> None:
    reveal_type(stack(s))  # => Float32[Tensor, '_ 3 k']
    reveal_type(concat(u, axis=-1))  # => Float32[Tensor, '3 _']
    reveal_type(concat([x for _ in range(3)]))  # => Float32[Tensor, '3*b n']
    reveal_type(concat([x * i for i in range(3)], axis=1))  # => Float32[Tensor, 'b 3*n']
    reveal_type(stack([x] * 3))  # => Float32[Tensor, '3 b n']

    reveal_type(concat([x] * 3, axis=1))  # => Float32[Tensor, 'b 3*n']
    reveal_type(stack([x[i] for i in range(4)], axis=-1))  # => Float32[Tensor, 'n 4']
    concat(u, axis=2)  # !! concat(
    stack([x[i] for i in range(4)], axis=-1) @ x.mT  # !! the last axis of the first operand is 4,
    stack([x] * 3) @ zeros((3, 4))  # !! the last axis of the first operand is n, the second to
    concat([x] * 3, axis=1) + x  # !! axis -1 has sizes 3*n and n  [tensor-shape]
    concat(u, axis=0) @ zeros((4, 5))  # !! the last axis of the first operand is k, the second to
    first, *rest = u
    reveal_type(first)  # => Float32[Tensor, '3 k']
    reveal_type(rest)  # => list[Float32[Tensor, '3 k']]
    a, b = x, x @ x.mT
    reveal_type(b)  # => Float32[Tensor, 'b b']
    a, b = b, a
    reveal_type(a)  # => Float32[Tensor, 'b b']
    (c, (d, e)) = (x, (x.mT, 1))
    c @ c  # !! the last axis of the first operand is n, the second to last of the second is b
    reveal_type(c @ d)  # => Float32[Tensor, 'b b']
    head, *_ = [x, x]
    reveal_type(head)  # => Float32[Tensor, 'b n']
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("branches"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}
