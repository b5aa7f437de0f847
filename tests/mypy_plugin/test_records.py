"""Names in the fields of records: sizes of the object that is read."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.expecting import findings, unexpected, verify

CLASSES = """
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypedDict
import typedflux as flux
from jaxtyping import Float32, Int
from typedflux import Tensor


@dataclass
class Batch:
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]
    w: Float32[Tensor, "d k"]
    longer: Float32[Tensor, "n+1 d"]
    mask: Float32[Tensor, "n 1"] | None
    many: list[Float32[Tensor, "n q"]]


@dataclass(frozen=True)
class Two:
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]


class Pair(NamedTuple):
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]


class Parts(TypedDict):
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]


class HasBoth(Protocol):
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]


class Plain:
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]

    def total(self) -> Float32[Tensor, "m"]:
        self.x @ self.y  # !! the last axis of the first operand is d, the axis of the second is n
        return self.x.sum(axis=1) * self.y


def load() -> Tensor:
    return flux.zeros((3, 4))


def step(p: Pair) -> Pair:
    return Pair(p.x * 2, p.y)


"""

READ = (
    CLASSES
    + """
def read(b: Batch, c: Batch, p: Pair, t: Parts, s: HasBoth, three: Float32[Tensor, "3 3"]) -> None:
    reveal_type(b.x)  # => Float32[Tensor, 'n d']
    reveal_type(b.longer)  # => Float32[Tensor, 'n+1 d']
    reveal_type(b.many)  # => list[Float32[Tensor, 'n _']]
    reveal_type(b.x @ b.w)  # => Float32[Tensor, 'n k']
    reveal_type(b.longer[1:] - b.x)  # => Float32[Tensor, 'n d']
    reveal_type(b.x.reshape((-1,)))  # => Float32[Tensor, 'd*n']
    b.x @ b.y[:, None]  # !! the last axis of the first operand is d, the second to last
    b.longer - b.x  # !! axis -2 has sizes n+1 and n
    b.x.mean(axis=0) / b.y  # !! axis -1 has sizes d and n
    b.x / b.y  # !! cannot broadcast 'n d' with 'n'
    b.x @ three  # a number may be any size of an object
    b.x @ c.w  # so may the size of another object
    b.x.sum(axis=1) / three[:, 0]
    flux.concat([b.y, b.x.sum(axis=0)]) / flux.concat([b.y, b.y])  # !! sizes d+n and 2*n
    if b.mask is not None:
        b.y * b.mask  # !! n is repeated
        b.y[:, None] * b.mask
    b.x.mean(axis=1)[:, None] * flux.zeros((1, 64)) - b.y  # !! n of b.y meets 64
    p.x @ p.y[:, None]  # !! the last axis of the first operand is d
    t["x"] @ t["y"][:, None]  # !! the last axis of the first operand is d
    s.x @ s.y[:, None]  # !! the last axis of the first operand is d
    x, y = p
    x @ y[:, None]  # !! the last axis of the first operand is d
    u, v = t["x"], t["y"]
    u @ v[:, None]  # !! the last axis of the first operand is d
    u.T @ v[:, None]


def others(bs: list[Batch], found: dict[str, Two], it: Iterator[Pair]) -> None:
    for b in bs:
        b.x.sum(axis=0) + b.y  # !! axis -1 has sizes d and n
        b.x @ b.w
    first, second = bs[0], bs[1]
    first.x @ second.w
    first.x.sum(axis=0) + second.y
    first.x.sum(axis=0) + first.y  # !! axis -1 has sizes d and n
    bs[0].x.sum(axis=0) + bs[0].y  # !! axis -1 has sizes d and n
    bs[0].x.sum(axis=0) + bs[1].y
    [two.x.sum(axis=0) + two.y for two in found.values()]  # !! axis -1 has sizes d and n
    found["a"].x @ found["b"].x
    found["a"].x @ found["a"].x  # !! the last axis of the first operand is d
    for x, y in it:
        x @ y  # !! the last axis of the first operand is d
    next(it).x.sum(axis=0) + next(it).y


def returned(b: Two) -> Float32[Tensor, "rows columns"]:
    return b.x


def wrong(b: Two) -> Float32[Tensor, "rows columns"]:
    return b.y  # !! Incompatible return value


def own(x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"]) -> Float32[Tensor, "n"]:
    return x.sum(axis=1) + y


def handed(b: Two, p: Pair) -> None:
    own(b.x, b.y)
    own(b.x.T, b.y)  # !! dimension 'n' is d
    own(b.x, p.y)
    own(p.x, p.x.sum(axis=0))  # !! dimension 'n' is n
"""
)

MADE = (
    CLASSES
    + """
def made(t: Tensor) -> None:
    two = Two(flux.zeros((3, 4)), flux.zeros((3,)))
    reveal_type(two.x)  # => Float32[Tensor, '3 4']
    reveal_type(Two(t, flux.zeros((3,))).x)  # => Float32[Tensor, '3 d']
    reveal_type(Two(load(), flux.zeros((3,))).x)  # => Float32[Tensor, '3 4']
    Two(flux.zeros((3, 4)), flux.zeros((5,)))  # !! dimension 'n' is 3
    Pair(flux.zeros((3, 4)), flux.zeros((5,)))  # !! dimension 'n' is 3
    Pair(two.x, two.x)  # !! it has 2 axes, not 1
    p = Pair(flux.zeros((3, 4)), flux.zeros((3,)))
    reveal_type(p.x)  # => Float32[Tensor, '3 4']
    reveal_type(p._replace(y=t).x)  # => Float32[Tensor, '3 4']
    reveal_type(p._replace(x=flux.zeros((5, 4)), y=flux.zeros((5,))).x)  # => Float32[Tensor, '5 4']
    reveal_type(step(p).x)  # => Float32[Tensor, '3 4']
    x, y = p
    reveal_type(y)  # => Float32[Tensor, '3']
    reveal_type(replace(two, x=t).x)  # => Float32[Tensor, 'n d']
    q = Pair(flux.zeros((3, 4)), t)
    for _ in range(3):
        q = step(q)
    reveal_type(q.x)  # => Float32[Tensor, '3 4']


def several(first: bool) -> None:
    two = Two(flux.zeros((3, 4)), flux.zeros((3,)))
    if first:
        two = Two(flux.zeros((5, 4)), flux.zeros((5,)))
    reveal_type(two.x)  # => Float32[Tensor, 'n d']
    two.x @ flux.zeros((4, 7))
    flux.zeros((5, 3)) @ two.x
    p = Pair(flux.zeros((3, 4)), flux.zeros((3,)))
    if first:
        p = Pair(flux.zeros((5, 4)), flux.zeros((5,)))
    flux.zeros((5, 5)) @ p.x
    for i in range(3):
        p = Pair(flux.concat([p.x, p.x]), flux.concat([p.y, p.y]))
    flux.zeros((7, 24)) @ p.x


def kept() -> None:
    pairs = [Pair(flux.zeros((3, 4)), flux.zeros((3,)))]
    pairs.append(Pair(flux.zeros((5, 4)), flux.zeros((5,))))
    pairs.append(step(pairs[-1]))
    flux.zeros((8, 5)) @ pairs[1].x
"""
)

CHANGED = (
    CLASSES
    + """
class Buffer:
    x: Float32[Tensor, "n d"]
    y: Float32[Tensor, "n"]

    def __init__(self, x: Float32[Tensor, "n d"], y: Float32[Tensor, "n"]) -> None:
        self.x, self.y = x, y

    def add_row(self, row: Float32[Tensor, "d"]) -> None:
        self.x = flux.concat([self.x, row[None]])

    def add(self, row: Float32[Tensor, "d"], value: Float32[Tensor, ""]) -> Tensor:
        self.x = flux.concat([self.x, row[None]])
        self.y = flux.concat([self.y, value[None]])
        return self.x.sum(axis=1) * self.y

    def apart(self, row: Float32[Tensor, "d"]) -> Tensor:
        before = self.x
        self.add_row(row)
        return self.x - flux.concat([before, row[None]])

    def turned(self) -> Buffer:
        return Buffer(self.x.T, self.x.sum(axis=0))


def grow(buffer: Buffer, rows: Float32[Tensor, "k d"]) -> Tensor:
    old = buffer.x
    for i in range(3):
        before = buffer.x
        buffer.add_row(rows[i])
        before + buffer.x[: before.shape[0]]
        flux.concat([before, rows[:1]]) - buffer.x
    buffer = buffer.turned()
    return old.T[:3] @ buffer.x.T[:, :3].T


class Holder:
    def __init__(self, pair: Pair, two: Two) -> None:
        self.pair, self.two = pair, two
        self.state = Pair(flux.zeros((1, 4)), flux.zeros((1,)))

    def use(self) -> Tensor:
        self.two.x @ self.two.x  # !! the last axis of the first operand is d
        old = self.two
        old.x @ self.two.x
        return self.pair.x.T @ self.pair.y[:, None]

    def change(self) -> None:
        self.state = step(self.state)
        self.state = Pair(flux.zeros((9, 4)), flux.zeros((9,)))

    def show(self) -> Tensor:
        return flux.zeros((5, 9)) @ self.state.x


def walrus(found: dict[str, Two]) -> None:
    if (two := found.get("a")) is not None:
        two.x.T @ two.y[:, None]
        two.x @ two.y[:, None]  # !! the last axis of the first operand is d
    if (two := found.get("b")) is not None:
        two.x.T @ two.y[:, None]


def swapped(a: Two, b: Two) -> Tensor:
    kept = a.x
    a = Two(b.x.T, b.x.sum(axis=0))
    b, a = a, b
    kept @ a.x
    kept @ b.x
    match b:
        case Two(x=x, y=y):
            return x.T @ y[:, None]
    return kept
"""
)


def test_fields_that_are_read(tmp_path: Path) -> None:
    verify(tmp_path, READ)


def test_objects_that_are_constructed(tmp_path: Path) -> None:
    verify(tmp_path, MADE)


def test_objects_that_change(tmp_path: Path) -> None:
    verify(tmp_path, "from __future__ import annotations\n" + CHANGED)


def test_classes_of_another_module(tmp_path: Path) -> None:
    here = READ[len(CLASSES) :]
    program = f"from records import *\nimport typedflux as flux\n{_IMPORTS}{here}"
    others = {"records.py": CLASSES.partition("class Plain")[0]}
    verify(tmp_path, program, others)
    again = findings(tmp_path, program, others)  # with a warm cache
    assert unexpected(again, program) == {}


_IMPORTS = """from collections.abc import Iterator
from jaxtyping import Float32
from typedflux import Tensor
from records import Batch, HasBoth, Pair, Parts, Two
"""
