"""Sizes as values: of shapes, of constants, through arithmetic and Python's functions of ints."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected

PROGRAM = """
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Final, Generic, NamedTuple
from typing_extensions import TypeVar
from jaxtyping import Float, Float32, Int
import typedflux as flux
from typedflux import Tensor, nn, ops, zeros
from typedflux.checks import Size

WIDTH: Final = 64
HEADS = 4
INNER = WIDTH * HEADS
width = 3
changing = 3
changing = 4
D = TypeVar("D")

class Kind(Enum):
    HIDDEN = 128

class Dims(IntEnum):
    HIDDEN = 128

@dataclass(frozen=True)
class Frozen:
    width: int
    depth: int = 2

@dataclass
class Loose:
    width: int = 3

@dataclass
class Config(Generic[D]):
    d: Size[D]
    heads: int = 4

class Record(NamedTuple):
    width: int
    depth: int = 2

class Net:
    HIDDEN = 32
    hidden: Final = 64
    loose = 3

    def f(self) -> None:
        reveal_type(zeros((self.HIDDEN, self.hidden, self.loose)))  # => Float32[Tensor, '32 64 _']

class Embedding(nn.Module):
    def __init__(self, table: Float32[Tensor, "n d"], width: Size["width"]) -> None:
        self.table = table
        self.n = table.shape[0]
        self.dense = nn.Dense(width, 4)

    def __call__(self, i: Int[Tensor, "b"]) -> Float32[Tensor, "b d"]:
        reveal_type(self.table)  # => Float32[Tensor, '_ _']
        reveal_type(self.dense)  # => Dense[_, 4]
        self.n = 5
        i.reshape(self.n)
        return self.table[i]

cfg = Frozen(64)
rec = Record(7, depth=9)

def square(x: Float32[Tensor, "n n"]) -> None: ...

def shapes(x: Float32[Tensor, "b n"], z: Float32[Tensor, "*batch 3 k"], t: Tensor) -> None:
    reveal_type(x.shape)  # => tuple[Size['b'], Size['n']]
    reveal_type(x.shape[0])  # => Size['b']
    reveal_type(x.shape[-1])  # => Size['n']
    reveal_type(x.shape[:-1])  # => tuple[Size['b']]
    reveal_type((*x.shape, 3))  # => tuple[Size['b'], Size['n'], Literal[3]?]
    reveal_type(x.shape[::-1])  # => tuple[Size['n'], Size['b']]
    reveal_type(len(x))  # => Size['b']
    reveal_type(len(x.shape))  # => Size['2']
    reveal_type(x.ndim)  # => Size['2']
    reveal_type(x.size)  # => Size['b*n']
    reveal_type(z.shape)  # => tuple[*tuple[Size['*batch'], ...], Size['3'], Size['k']]
    reveal_type(z.shape[-1])  # => Size['k']
    reveal_type(z.shape[:-2])  # => tuple[*tuple[Size['*batch'], ...]]
    reveal_type(zeros(z.shape[:-2]))  # => Float32[Tensor, '*batch']
    reveal_type(zeros((*z.shape[:-1], 2)))  # => Float32[Tensor, '*batch 3 2']
    reveal_type(zeros(z.shape[:-2] + (x.shape[0],)))  # => Float32[Tensor, '*batch b']
    reveal_type(z.reshape((*z.shape[:-2], -1)))  # => Float32[Tensor, '*batch 3*k']
    reveal_type(zeros(t.shape))  # => Float32[Tensor, '...']
    reveal_type(zeros(tuple(x.shape)))  # => Float32[Tensor, 'b n']
    reveal_type(zeros(x.shape[:-1] + (2,)))  # => Float32[Tensor, 'b 2']
    *lead, last = z.shape
    lead.append(3)
    reveal_type(zeros((*lead, last)))  # => Float32[Tensor, '... k']
    first, *rest = x.shape
    rest.append(3)
    p, q = t.shape
    reveal_type(zeros((p, q)))  # => Float32[Tensor, '_ _']
    dims = list(x.shape)
    dims[0] = 7
    reveal_type(zeros(dims))  # => Float32[Tensor, '...']
    sizes = [x.shape[0], x.shape[1]]
    sizes.append(5)
    square(x)  # !! dimension 'n' is b but here it is n (axis 1)  [tensor-shape]
    square(zeros((x.shape[0], x.shape[1])))  # !! dimension 'n' is b but here it is n (axis 1)
    square(zeros((x.shape[0], x.shape[0])))
    x.reshape((x.shape[0], 5))  # !! cannot reshape 'b n' (b*n elements) to 'b 5' (5*b elements)
    z.reshape((*z.shape[:-2], 4))  # !! cannot reshape '*batch 3 k'
    x @ zeros(x.shape)  # !! the last axis of the first operand is n, the second to last of the
    x + zeros(x.shape[::-1])  # !! axis -2 has sizes b and n  [tensor-shape]
    x + zeros((len(x), 3))  # !! axis -1 has sizes n and 3  [tensor-shape]
    x + zeros((x.shape[0], x.shape[1], 1))  # !! axis -2 has sizes b and n; 'b n 1' would fit
    y: Float32[Tensor, "b 3"] = zeros((x.shape[0], 4))  # !! Incompatible types in assignment
    w: Float32[Tensor, "n b"] = zeros(x.shape)  # !! Incompatible types in assignment

def arithmetic(x: Float32[Tensor, "b n"], s: Size["q"], k: int) -> Float32[Tensor, "b 2*n"]:
    b, n = x.shape
    reveal_type(2 * n + 1)  # => Size['2*n+1']
    reveal_type(n // HEADS)  # => Size['n//4']
    reveal_type(n % 2)  # => Size['n%2']
    reveal_type(-n)  # => Size['-n']
    reveal_type(n**2)  # => Size['n*n']
    reveal_type(divmod(n, 2))  # => tuple[Size['n//2'], Size['n%2']]
    reveal_type(min(n, 3))  # => Size['min(n,3)']
    reveal_type(max(n, b))  # => Size['max(b,n)']
    reveal_type(abs(n))  # => Size['n']
    reveal_type(sum(x.shape))  # => Size['b+n']
    reveal_type(math.prod(x.shape))  # => Size['b*n']
    reveal_type(int(n))  # => Size['n']
    reveal_type(len(range(n)))  # => Size['n']
    reveal_type(len(range(1, n + 1)))  # => Size['n']
    reveal_type(n / 2)  # => float
    reveal_type(n // k)  # => int
    reveal_type(s * 2)  # => Size['2*q']
    reveal_type(2 * s)  # => Size['2*q']
    reveal_type(s * n)  # => Size['n*q']
    reveal_type(-s)  # => Size['-q']
    reveal_type(n == 3)  # => bool
    m = b
    m += 1
    reveal_type(m)  # => Size['b+1']
    reveal_type(zeros((m, s, k)))  # => Float32[Tensor, 'b+1 q _']
    total = 0
    for i in range(n):
        total += n
    reveal_type(zeros((total,)))  # => Float32[Tensor, '_']
    half = n
    while half > 1:
        half = half // 2
    reveal_type(zeros((half, 3)))  # => Float32[Tensor, '_ 3']
    either = n if k else 4
    reveal_type(zeros((either,)))  # => Float32[Tensor, '_']
    print(f"{n} {b:>3}")
    x.reshape((b, HEADS, n // HEADS)).reshape((b, n))
    x.reshape((b, n // k, k))
    x.reshape((b * n,)).reshape((n, b))
    x.reshape((2 * b, n))  # !! cannot reshape 'b n' (b*n elements) to '2*b n' (2*b*n elements)
    x.reshape((b + 1, n))  # !! cannot reshape 'b n' (b*n elements) to 'b+1 n' (b*n+n elements)
    x.reshape((b * n + 1,))  # !! cannot reshape 'b n' (b*n elements) to 'b*n+1' (b*n+1 elements)
    x + zeros((b, n + 1))  # !! axis -1 has sizes n and n+1  [tensor-shape]
    x + zeros((m, n))  # !! axis -2 has sizes b and b+1  [tensor-shape]
    x + zeros((b, 2 * n))  # !! axis -1 has sizes n and 2*n  [tensor-shape]
    x @ zeros((b, n))  # !! the last axis of the first operand is n, the second to last of the
    zeros((s, 2)) + zeros((s * 2, 2))  # !! axis -2 has sizes q and 2*q  [tensor-shape]
    zeros((math.prod(x.shape),)) + zeros((sum(x.shape),))  # !! axis -1 has sizes b*n and
    zeros((max(n, 0),)) + x
    zeros((n - 1,)) + x  # !! axis -1 has sizes n-1 and n  [tensor-shape]
    ops.concat([x, x], axis=1) + x  # !! axis -1 has sizes 2*n and n  [tensor-shape]
    square(zeros((n, n + b)))  # !! dimension 'n' is n but here it is b+n (axis 1)
    square(zeros((n + b, b + n)))
    if k:
        return zeros((b, 2 * n + 1))  # !! Incompatible return value type (got "Float32[Tensor,
    return ops.concat([x, x], axis=1)

def constants(x: Float32[Tensor, "b n"], i: int, d: int = 5) -> None:
    inner = 64
    reveal_type(zeros((inner, HEADS, INNER, width)))  # => Float32[Tensor, '64 4 256 3']
    reveal_type(zeros((changing, i, d)))  # => Float32[Tensor, '_ _ _']
    h, w = 3, inner + 1
    reveal_type(zeros((h, w)))  # => Float32[Tensor, '3 65']
    shape = (inner, x.shape[0])
    reveal_type(zeros((*shape, 3)))  # => Float32[Tensor, '64 b 3']
    reveal_type(inner * x.shape[1])  # => Size['64*n']
    kinds = (Kind.HIDDEN.value, Dims.HIDDEN, Net.HIDDEN, Net.hidden)
    reveal_type(zeros(kinds))  # => Float32[Tensor, '128 128 32 64']
    recorded = (cfg.width, cfg.depth, rec.width, rec.depth)
    reveal_type(zeros(recorded))  # => Float32[Tensor, '64 2 7 9']
    reveal_type(zeros((Loose().width, Config(5).d, Config(5).heads)))  # => Float32[Tensor, '3 5 4']
    axis = 1
    keep = True
    reveal_type(x.sum(axis=axis, keepdims=keep))  # => Float32[Tensor, 'b 1']
    j = 3
    j += 1
    reveal_type(zeros((j,)))  # => Float32[Tensor, '_']
    if i:
        branch = 1
    else:
        branch = 2
    reveal_type(zeros((branch,)))  # => Float32[Tensor, '_']
    if (p := 7) > i:
        reveal_type(zeros((p,)))  # => Float32[Tensor, '7']
    reveal_type(nn.Dense(inner, HEADS))  # => Dense[64, 4]
    reveal_type(zeros((max(inner, 100), min(HEADS, 2), 2**10)))  # => Float32[Tensor, '100 2 1024']
    m: int = x.shape[0]
    reveal_type(zeros((m,)))  # => Float32[Tensor, 'b']
    pattern = "b n -> n b"
    reveal_type(flux.rearrange(x, pattern))  # => Float32[Tensor, 'n b']
    nn.Dense(inner, HEADS)(zeros((2, 65)))  # !! axis 1 is 65, not 64  [tensor-shape]
    nn.Dense(HEADS * 3 * 3, 10)(zeros((2, 35)))  # !! axis 1 is 35, not 36  [tensor-shape]
    x + zeros((x.shape[0], inner))  # !! axis -1 has sizes n and 64  [tensor-shape]
    zeros((inner, 2)) @ zeros((HEADS, 2))  # !! the last axis of the first operand is 2,
    zeros((Net.HIDDEN, 2)) + zeros((Dims.HIDDEN, 2))  # !! axis -2 has sizes 32 and 128
    zeros((cfg.width, 2)) + zeros((rec.width, 2))  # !! axis -2 has sizes 64 and 7
    zeros(shape) + zeros((65, x.shape[0]))  # !! axis -2 has sizes 64 and 65  [tensor-shape]
    zeros((5, 5)).sum(axis=h)  # !! valid are -2 to 1  [tensor-shape]
    square(zeros((inner, INNER)))  # !! dimension 'n' is 64 but here it is 256 (axis 1)
    square(zeros((inner, WIDTH)))
    square(zeros((d, i)))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("sizes"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}
