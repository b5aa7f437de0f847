"""Functions and classes of a program's own whose sizes are plain ints."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.expecting import findings, verify

PROGRAM = '''
from __future__ import annotations
import dataclasses
from dataclasses import dataclass
from typing import Any, Generic
import typedflux as flux
from jaxtyping import Float, Float32
from typedflux import Size, Tensor, nn
from typing_extensions import TypeVar

D = TypeVar("D", default=Any)
x = flux.zeros((2, 8, 16, 16))
v = flux.zeros((3, 5))


def stage(in_: int, out: int, kernel: int = 3, *, norm: bool = True) -> nn.Chain:
    """A convolution that keeps the image."""
    conv = nn.Conv((kernel, kernel), in_, out, padding=kernel // 2)
    return nn.Chain(conv, nn.BatchNorm(out)) if norm else nn.Chain(conv)


def two(width: int) -> nn.Chain:
    return nn.Chain(stage(8, width), stage(width, 2 * width))


reveal_type(stage(8, 12)(x))  # => Float[Tensor, '2 12 16 16']
reveal_type(stage(8, 12, 4)(x))  # => Float[Tensor, '2 12 17 17']
reveal_type(stage(8, 12, norm=False)(x))  # => Float32[Tensor, '2 12 16 16']
reveal_type(two(6)(x))  # => Float[Tensor, '2 12 16 16']


@dataclass(frozen=True)
class Config:
    width: int
    depth: int = 2
    residual: bool = False


@dataclass
class Loose:
    width: int


reveal_type(flux.zeros((Config(4).width, Config(4).depth)))  # => Float32[Tensor, '4 2']
reveal_type(flux.zeros(Loose(4).width))  # => Float32[Tensor, '4']
reveal_type(flux.zeros(dataclasses.replace(Config(4), width=5).width))  # => Float32[Tensor, '_']


class Block(nn.Module):
    def __init__(self, config: Config, width: int = 5) -> None:
        hidden = config.width * config.depth
        self.hidden = hidden
        self.first = nn.Dense(width, self.hidden)
        self.second = nn.Dense(hidden, config.width)
        self.residual = config.residual and width == config.width
        self.later = nn.Dense(1, width)

    def __call__(self, x: Float[Tensor, "n w"]) -> Float[Tensor, "n v"]:
        h = self.second(self.first(x))
        return x + h if self.residual else h

    def resize(self) -> None:
        self.later = nn.Dense(2, 2)


block = Block(Config(7))
reveal_type(block.first)  # => Dense[5, 14]
reveal_type(block.second)  # => Dense[14, 7]
reveal_type(block.later)  # => Dense[1, _]
reveal_type(block(v))  # => Float[Tensor, '3 7']
reveal_type(Block(Config(7, residual=True))(v))  # => Float[Tensor, '3 7']
reveal_type(Block(Config(5, residual=True))(v))  # => Float[Tensor, '3 5']
block(flux.zeros((3, 6)))  # !! axis 1 is 6, not 5, in line 59 of "Block"


class Model(nn.Module):
    def __init__(self) -> None:
        self.blocks = [Block(Config(5)) for _ in range(3)]
        self.mixed = [Block(Config(5)), Block(Config(9), 5)]
        self.body = nn.Chain(Block(Config(7)), Block(Config(3), 7))
        self.last = nn.Dense(4, 1)

    def __call__(self, x: Float[Tensor, "b 5"]) -> Float[Tensor, "b 1"]:
        for block in self.blocks:
            x = block(x)
        for other in self.mixed:
            reveal_type(other(x))  # => Float[Tensor, 'b _']
        reveal_type(self.body(x))  # => Float[Tensor, 'b 3']
        return self.last(self.body(x))  # !! axis 1 is 3, not 4


class Heads(nn.Module, Generic[D]):
    def __init__(self, size: Size[D], heads: int) -> None:
        self.heads = heads
        self.qkv = nn.Dense(size, 3 * size)

    def __call__(self, x: Float[Tensor, "b t D"]) -> Float[Tensor, "b h t _"]:
        b, t, d = x.shape
        q, _, _ = flux.split(self.qkv(x), 3, axis=-1)
        return q.reshape((b, t, self.heads, d // self.heads)).permute_dims((0, 2, 1, 3))


reveal_type(Heads(12, 4)(flux.zeros((2, 7, 12))))  # => Float[Tensor, '2 4 7 3']
Heads(12, 5)(flux.zeros((2, 7, 12)))  # !! cannot reshape


def guarded(x: Float[Tensor, "n m"], square: int) -> Float[Tensor, "n m"]:
    if x.shape[0] != x.shape[1]:
        return x
    return x + x.T


def decided(x: Float[Tensor, "n m"], turn: bool, size: int = 3) -> Float[Tensor, "_ _"]:
    if turn:
        return x.T @ x
    return x @ flux.zeros((size, 2))


reveal_type(guarded(v, 3))  # => Float[Tensor, '3 5']
reveal_type(decided(v, True))  # => Float[Tensor, '5 5']
decided(v, False)  # !! the last axis of the first operand is 5
decided(flux.zeros((3, 3)), False)


def starred(x: Float32[Tensor, "b t 32"]) -> Float32[Tensor, "b t 4 8"]:
    return x.reshape((*x.shape[:2], 4, 8))


reveal_type(starred(flux.zeros((2, 3, 32))))  # => Float32[Tensor, '2 3 4 8']


def silent(x: Float[Tensor, "n m"]) -> Float[Tensor, "n n"]:
    return x @ x  # type: ignore[tensor-shape]


silent(v)


def scaled(width: int) -> nn.Chain:
    return nn.Chain(nn.Dense(5, width), lambda h: h @ flux.zeros((width, 2)), nn.Dense(2, 1))


reveal_type(scaled(4)(v))  # => Float[Tensor, '3 1']
reveal_type(scaled(6)(v))  # => Float[Tensor, '3 1']
narrow, wide = scaled(4), scaled(6)
reveal_type(narrow(v))  # => Float[Tensor, '3 1']
reveal_type(wide(v))  # => Float[Tensor, '3 1']


def endless(x: Float[Tensor, "n m"], times: int) -> Float[Tensor, "n m"]:
    return x if times == 0 else endless(x, times - 1)


endless(v, 50)
'''


def test_functions_and_classes_with_plain_ints(tmp_path: Path) -> None:
    verify(tmp_path, PROGRAM)


REFUSED = """
import typedflux as flux
from jaxtyping import Float32
from typedflux import Tensor, nn

def stage(in_: int, out: int) -> nn.Chain:
    return nn.Chain(nn.Dense(in_, out), nn.LayerNorm(out))

def two(width: int) -> nn.Chain:
    return nn.Chain(stage(8, width), stage(2 * width, 1))

stage(8, 3)(flux.zeros((2, 7)))
two(4)

def flat(x: Float32[Tensor, "*any 6"]) -> Float32[Tensor, "_ 6"]:
    return x.reshape((-1, 5))

flat(flux.rand((2, 5, 6)))
"""


def test_layers_that_functions_return(tmp_path: Path) -> None:
    found = findings(tmp_path, REFUSED)
    assert "axis 1 is 7, not 8" in found[12][0]
    assert 'axis 0 is 4, not 8, in line 10 of "two"' in found[13][0]
    assert found[10] == ["note: Here it does not fit what is given in line 13"]
    assert set(found) == {7, 10, 12, 13, 16}  # line 7 has a note: this layer refused its input


LEFT_OPEN = """
from typing import Any
import typedflux as flux
from typedflux import nn


class Held(nn.Module):
    def __init__(self) -> None:
        self.layer: Any = nn.Dense(3, 4)
        self.names: dict[str, Any] = {"name": "held"}
        self.other = nn.Dense(3, 4)


def read() -> None:
    held = Held()
    reveal_type(held.layer)  # => Any
    reveal_type(held.layer.bias)  # => Any
    reveal_type(held.names["call"])  # => Any
    held.names["call"](3)
    reveal_type(held.other)  # => Dense[3, 4]
"""


def test_what_is_declared_any_stays_so(tmp_path: Path) -> None:
    verify(tmp_path, LEFT_OPEN)
