"""Functions as values: passed, returned, decorated, composed, and transformed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy_plugin.running import by_statement, check

HEADER = """
from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar

from jaxtyping import Float, Float32

import typedflux as flux
from typedflux import Tensor, nn

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

def rows(x: Float32[Tensor, "p q"]) -> Float32[Tensor, "p"]:
    return x.sum(axis=1)

def turned(x: Float32[Tensor, "p q"]) -> Float32[Tensor, "q p"]:
    return x.mT

def halved(x: Float32[Tensor, "*s"]) -> Float32[Tensor, "*s"]:
    return x / 2

def to_ten(x: Float32[Tensor, "p 784"]) -> Float32[Tensor, "p 10"]:
    return x[:, :10]

def to_eleven(x: Float32[Tensor, "p 784"]) -> Float32[Tensor, "p 11"]:
    return x[:, :11]

def three_to_ten(x: Float32[Tensor, "3 784"]) -> Float32[Tensor, "3 10"]:
    return x[:, :10]

def by_rows(
    f: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b"]], x: Float32[Tensor, "b n"]
) -> Float32[Tensor, "b"]:
    return f(x)

def trained(f: Callable[[Float32[Tensor, "batch 784"]], Float32[Tensor, "batch 10"]]) -> None:
    f(flux.zeros((32, 784)))
    f(flux.zeros((33, 784)))

def in_turn(
    fs: Sequence[Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b n"]]],
    x: Float32[Tensor, "b n"],
) -> Float32[Tensor, "b n"]:
    for f in fs:
        x = f(x)
    return x

def coded(
    there: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b k"]],
    back: Callable[[Float32[Tensor, "b k"]], Float32[Tensor, "b n"]],
    x: Float32[Tensor, "b n"],
) -> Float32[Tensor, "b n"]:
    return back(there(x))

def composed(f: Callable[[T], R], g: Callable[[R], S]) -> Callable[[T], S]:
    return lambda x: g(f(x))

def applied(f: Callable[[T], R], x: T) -> R:
    return f(x)

def twice(f: Callable[[T], T], x: T) -> T:
    return f(f(x))

def piped(x: T, f: Callable[[T], R], g: Callable[[R], S]) -> S:
    return g(f(x))

def scaling(w: Float32[Tensor, "d"]) -> Callable[[Float32[Tensor, "b d"]], Float32[Tensor, "b d"]]:
    return lambda x: x * w

def doubling(
    f: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b"]],
) -> Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b"]]:
    def inner(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b"]:
        return f(x) * 2
    return inner

def same(f: T) -> T:
    return f

def traced(f: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(f)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        return f(*args, **kwargs)
    return inner

def labelled(label: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    return traced

def with_one(f: Callable[Concatenate[int, P], R]) -> Callable[P, R]:
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        return f(1, *args, **kwargs)
    return inner

@traced
def product_traced(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

@same
@labelled("p")
def product_labelled(
    x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]
) -> Float32[Tensor, "b m"]:
    return x @ w

@with_one
def powered(k: int, x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n b"]:
    return x.mT**k

@doubling
def total(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b"]:
    return x.sum(axis=1)

@flux.jit
def jitted(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

@flux.checkpoint
def kept(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

@flux.custom_vjp
def clipped(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    return x

@flux.vmap
def energies(x: Float32[Tensor, "n"]) -> Float32[Tensor, ""]:
    return (x**2).sum()

class Activation(Protocol):
    def __call__(self, x: Float32[Tensor, "*s"], /) -> Float32[Tensor, "*s"]: ...

class Encoder(Protocol):
    def encode(self, x: Float32[Tensor, "b 784"]) -> Float32[Tensor, "b 10"]: ...

class Good:
    def encode(self, x: Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 10"]:
        return to_ten(x)

class Holder:
    def __init__(
        self, f: Callable[[Float32[Tensor, "b 784"]], Float32[Tensor, "b 10"]]
    ) -> None:
        self.f = f

class Params(NamedTuple):
    w: Float32[Tensor, "784 10"]
    b: Float32[Tensor, "10"]

def active(f: Activation, x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    return f(x)

def encoded(e: Encoder, x: Float32[Tensor, "b 784"]) -> Float32[Tensor, "b 10"]:
    return e.encode(x)

def loss(w: Float32[Tensor, "i o"], x: Float32[Tensor, "b i"]) -> Float32[Tensor, ""]:
    return (x @ w).sum()

def loss_of(p: Params, x: Float32[Tensor, "b 784"]) -> Float32[Tensor, ""]:
    return (x @ p.w + p.b).sum()

def pairs(x: Float32[Tensor, "n"]) -> Float32[Tensor, "n 2"]:
    return flux.stack([x, x], axis=-1)

def energy(x: Float32[Tensor, "n"]) -> Float32[Tensor, ""]:
    return (x**2).sum()

def cell(
    h: Float32[Tensor, "b h"], x: Float32[Tensor, "b i"]
) -> tuple[Float32[Tensor, "b h"], Float32[Tensor, "b 3"]]:
    return h, flux.zeros((x.shape[0], 3))

def wrong_cell(
    h: Float32[Tensor, "b h"], x: Float32[Tensor, "b i"]
) -> tuple[Float32[Tensor, "b i"], Float32[Tensor, "b i"]]:
    return x, x

def f(
    a: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"], v: Float32[Tensor, "785 10"],
    e: Float32[Tensor, "32"], g: Float32[Tensor, "784"], xs: Float32[Tensor, "7 32 5"],
    h0: Float32[Tensor, "32 16"], flag: bool, name: str, p: Params,
    steps: Float32[Tensor, "time batch 5"],
    listed: list[Callable[[Float32[Tensor, "c 784"]], Float32[Tensor, "c 10"]]],
) -> None:
    table = {"halved": halved, "turned": turned, "double": lambda q: q * 2}
    value, back = flux.vjp(pairs, e)
    (out, aux), slope = flux.withgradient(lambda w: (loss(w, a), a @ w), w)
    last, ys = flux.scan(cell, h0, xs)
"""

# fmt: off
REVEALED = [
    ("by_rows(rows, a)", "Float32[Tensor, '32']"),
    ("by_rows(lambda q: q.sum(axis=1), a)", "Float32[Tensor, '32']"),
    ("by_rows(f=rows, x=a)", "Float32[Tensor, '32']"),
    ("in_turn([halved, flux.relu, lambda q: q + 1], a)", "Float32[Tensor, '32 784']"),
    ("in_turn([], a)", "Float32[Tensor, '32 784']"),
    ("coded(to_ten, lambda q: q @ flux.zeros((10, 784)), a)", "Float32[Tensor, '32 784']"),
    ("coded(nn.Dense(784, 10), nn.Dense(10, 784), a)", "Float32[Tensor, '32 784']"),
    ("composed(turned, rows)(a)", "Float32[Tensor, '784']"),
    ("applied(rows, a)", "Float32[Tensor, '32']"),
    ("applied(lambda q: q @ w, a)", "Float32[Tensor, '32 10']"),
    ("applied(nn.Dense(784, 3), a)", "Float[Tensor, '32 3']"),
    ("applied(partial(product, w=w), a)", "Float32[Tensor, '_ 10']"),
    ("twice(halved, a)", "Float32[Tensor, '32 784']"),
    ("piped(a, turned, rows)", "Float32[Tensor, '784']"),
    ("scaling(g)", "def [b] (Float32[Tensor, 'b 784']) -> Float32[Tensor, 'b 784']"),
    ("scaling(g)(a)", "Float32[Tensor, '32 784']"),
    ("total(a)", "Float32[Tensor, '32']"),
    ("product_traced(a, w)", "Float32[Tensor, '32 10']"),
    ("product_traced(w=w, x=a)", "Float32[Tensor, '32 10']"),
    ("product_labelled(a, w)", "Float32[Tensor, '32 10']"),
    ("powered(a)", "Float32[Tensor, '784 32']"),
    ("same(product)(a, w)", "Float32[Tensor, '32 10']"),
    ("traced(product)(a, w)", "Float32[Tensor, '32 10']"),
    ("active(flux.relu, a)", "Float32[Tensor, '32 784']"),
    ("active(halved, a)", "Float32[Tensor, '32 784']"),
    ("active(lambda q: q * 2, a)", "Float32[Tensor, '32 784']"),
    ("encoded(Good(), a)", "Float32[Tensor, '32 10']"),
    ("Holder(to_ten).f(a)", "Float32[Tensor, '32 10']"),
    ("[each(a) for each in listed]", "list[Float32[Tensor, '32 10']]"),
    ("list(map(rows, [a, a]))", "list[Float32[Tensor, '32']]"),
    ("list(map(product, [a], [w]))", "list[Float32[Tensor, '32 10']]"),
    ("[product(q, w) for q in [a, a]]", "list[Float32[Tensor, '32 10']]"),
    ("sorted([a, a], key=lambda q: q.sum().item())", "list[Float32[Tensor, '32 784']]"),
    ("max([a, a], key=lambda q: q.sum().item())", "Float32[Tensor, '32 784']"),
    ("functools.reduce(product, [w.mT @ w, w.mT @ w])", "Float32[Tensor, '10 10']"),
    ("functools.reduce(operator.add, [a, a])", "Float32[Tensor, '32 784']"),
    ("functools.reduce(lambda q, r: q + r, [a, a])", "Float32[Tensor, '32 784']"),
    ("list(zip([a], [w]))", "list[tuple[Float32[Tensor, '32 784'], Float32[Tensor, '784 10']]]"),
    ('{key: rows(q) for key, q in {"x": a}.items()}', "dict[str, Float32[Tensor, '32']]"),
    ("table[name](a)", "Any"),
    ("partial(loss, x=a)(w)", "Float32[Tensor, '']"),
    ("jitted(a, w)", "Float32[Tensor, '32 10']"),
    ("kept(a, w)", "Float32[Tensor, '32 10']"),
    ("clipped(a)", "Float32[Tensor, '32 784']"),
    ("energies(a)", "Float32[Tensor, '32']"),
    ("flux.jit(energy)(e)", "Float32[Tensor, '']"),
    ("flux.gradient(loss, w, a)", "tuple[Float32[Tensor, '784 10'], Float32[Tensor, '32 784']]"),
    ("flux.gradient(lambda w: loss(w, a), w)", "Float32[Tensor, '784 10']"),
    ("flux.gradient(partial(loss, x=a), w)", "Float32[Tensor, '784 10']"),
    ("flux.gradient(loss_of, p, a)[0].b", "Float32[Tensor, '10']"),
    ("flux.gradient(lambda m: m(a).sum(), nn.Dense(784, 10))", "Dense[784, 10]"),
    ('flux.gradient(lambda d: (a @ d["w"]).sum(), {"w": w})',
     "dict[str, Float32[Tensor, '784 10']]"),
    ("flux.gradient(lambda q: (q[0] @ q[1]).sum(), (a, w))",
     "tuple[Float32[Tensor, '32 784'], Float32[Tensor, '784 10']]"),
    ("flux.withgradient(loss, w, a)",
     "tuple[Float32[Tensor, ''], tuple[Float32[Tensor, '784 10'], Float32[Tensor, '32 "
     "784']]]"),
    ("flux.withgradient(lambda w: loss(w, a), w)",
     "tuple[Float32[Tensor, ''], Float32[Tensor, '784 10']]"),
    ("aux", "Float32[Tensor, '32 10']"),
    ("slope", "Float32[Tensor, '784 10']"),
    ("value", "Float32[Tensor, '32 2']"),
    ("back(value)", "Float32[Tensor, '32']"),
    ("flux.jvp(pairs, (e,), (e,))", "tuple[Float32[Tensor, '32 2'], Float32[Tensor, '32 2']]"),
    ("flux.hvp(energy, e, e)", "Float32[Tensor, '32']"),
    ("flux.jacobian(pairs, e)", "Float32[Tensor, '32 2 32']"),
    ("flux.jacobian(lambda q: q @ a, e)", "Float32[Tensor, '784 32']"),
    ("flux.hessian(energy, e)", "Float32[Tensor, '32 32']"),
    ("flux.hessian(lambda q: loss(q, a), w)", "Float32[Tensor, '784 10 784 10']"),
    ("flux.vmap(energy)(a)", "Float32[Tensor, '32']"),
    ("flux.vmap(pairs)(a)", "Float32[Tensor, '32 784 2']"),
    ("flux.vmap(lambda q: q * 2)(a)", "Float32[Tensor, '32 784']"),
    ("flux.vmap(flux.matmul, in_axes=(0, None))(a, w)", "Float32[Tensor, '32 10']"),
    ("flux.vmap(energy, in_axes=1)(a)", "Float32[Tensor, '784']"),
    ("flux.vmap(pairs, out_axes=1)(a)", "Float32[Tensor, '784 32 2']"),
    ("flux.vmap(flux.vmap(energy))(xs)", "Float32[Tensor, '7 32']"),
    ("flux.vmap(lambda q: flux.gradient(energy, q))(a)", "Float32[Tensor, '32 784']"),
    ("flux.stop_gradient(a)", "Float32[Tensor, '32 784']"),
    ("flux.cond(flag, lambda: a, lambda: a)", "Float32[Tensor, '32 784']"),
    ("flux.cond(e.sum() > 0, halved, lambda q: -q, e)", "Float32[Tensor, '32']"),
    ("flux.while_loop(lambda s: s.sum() < 3, lambda s: s * 2, e)", "Float32[Tensor, '32']"),
    ("flux.scan(cell, h0, xs)", "tuple[Float32[Tensor, '32 16'], Float32[Tensor, '7 32 3']]"),
    ("last", "Float32[Tensor, '32 16']"),
    ("ys", "Float32[Tensor, '7 32 3']"),
    ("flux.scan(lambda h, x: (h, x @ flux.zeros((5, 2))), h0, xs)",
     "tuple[Float32[Tensor, '32 16'], Float32[Tensor, '7 32 2']]"),
    ("flux.scan(lambda h, _: (h, h), h0, None, length=9)",
     "tuple[Float32[Tensor, '32 16'], Float32[Tensor, '9 32 16']]"),
    ("flux.scan(cell, flux.zeros((steps.shape[1], 16)), steps)",
     "tuple[Float32[Tensor, 'batch 16'], Float32[Tensor, 'time batch 3']]"),
]

WRONG = [
    ("by_rows(turned, a)",
     'Argument 1 ("f") to "by_rows" is (Float32[Tensor, "p q"]) -> Float32[Tensor, "q p"], '
     'expected (Float32[Tensor, "b n"]) -> Float32[Tensor, "b"]: it returns '
     'Float32[Tensor, "784 32"], expected Float32[Tensor, "32"]: it has 2 axes, not 1 as '
     "'b' wants  [tensor-shape]"),
    ("by_rows(rows, e)",
     'Argument 2 ("x") to "by_rows" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "n\"]: it has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("by_rows(lambda q: q.sum(axis=0), a)",
     'Argument 1 ("f") to "by_rows" is (Float32[Tensor, "32 784"]) -> Float32[Tensor, '
     '"784"], expected (Float32[Tensor, "b n"]) -> Float32[Tensor, "b"]: it returns '
     'Float32[Tensor, "784"], expected Float32[Tensor, "32"]: dimension \'b\' is 32 from '
     'argument "x" but here it is 784 (axis 0)  [tensor-shape]'),
    ("by_rows(lambda q: q @ v, a)",
     'matmul(Float32[Tensor, "32 784"], Float32[Tensor, "785 10"]): the last axis of the '
     "first operand is 784, the second to last of the second is 785  [tensor-shape]"),
    ("trained(to_eleven)",
     'Argument 1 ("f") to "trained" is (Float32[Tensor, "p 784"]) -> Float32[Tensor, "p '
     '11"], expected (Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 10"]: it '
     'returns Float32[Tensor, "_ 11"], expected Float32[Tensor, "_ 10"]: axis 1 is 11, not '
     "10  [tensor-shape]"),
    ("trained(rows)",
     'Argument 1 ("f") to "trained" is (Float32[Tensor, "p q"]) -> Float32[Tensor, "p"], '
     'expected (Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 10"]: it returns '
     'Float32[Tensor, "_"], expected Float32[Tensor, "_ 10"]: it has 1 axis, not 2 as \'_ '
     "10' wants  [tensor-shape]"),
    ("trained(lambda q: q[:, :12])",
     'Argument 1 ("f") to "trained" is (Float32[Tensor, "batch 784"]) -> Float32[Tensor, '
     '"batch 12"], expected (Float32[Tensor, "batch 784"]) -> Float32[Tensor, "batch 10"]: '
     'it returns Float32[Tensor, "batch 12"], expected Float32[Tensor, "_ 10"]: axis 1 is '
     "12, not 10  [tensor-shape]"),
    ("trained(lambda q: q @ v)",
     'matmul(Float32[Tensor, "batch 784"], Float32[Tensor, "785 10"]): the last axis of '
     "the first operand is 784, the second to last of the second is 785  [tensor-shape]"),
    ("trained(nn.Dense(784, 11))",
     'Argument 1 ("f") to "trained" is Dense[784, 11], expected (Float32[Tensor, "batch '
     '784"]) -> Float32[Tensor, "batch 10"]: it returns Float[Tensor, "_ 11"], expected '
     'Float32[Tensor, "_ 10"]: axis 1 is 11, not 10  [tensor-shape]'),
    ("trained(nn.Dense(783, 10))",
     'Argument 1 ("f") to "trained" is Dense[783, 10], expected (Float32[Tensor, "batch '
     '784"]) -> Float32[Tensor, "batch 10"]: it is called with Float32[Tensor, "_ 784"], '
     'but takes Float[Tensor, "*batch 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("in_turn([halved, lambda q: q[:, :3]], a)",
     'Argument 1 ("fs") to "in_turn" is list[(Float32[Tensor, "32 784"]) -> Shaped[Tensor, '
     '"..."]], expected Sequence[(Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]]: it '
     'returns Float32[Tensor, "32 3"], expected Float32[Tensor, "32 784"]: dimension \'n\' '
     'is 784 from argument "x" but here it is 3 (axis 1)  [tensor-shape]'),
    ("in_turn([turned], a)",
     'Argument 1 ("fs") to "in_turn" is list[(Shaped[Tensor, "..."]) -> Shaped[Tensor, '
     '"..."]], expected Sequence[(Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]]: it '
     'returns Float32[Tensor, "784 32"], expected Float32[Tensor, "32 784"]: dimension '
     '\'b\' is 32 from argument "x" but here it is 784 (axis 0)  [tensor-shape]'),
    ("coded(to_ten, lambda q: q @ flux.zeros((11, 784)), a)",
     'matmul(Float32[Tensor, "32 10"], Float32[Tensor, "11 784"]): the last axis of the '
     "first operand is 10, the second to last of the second is 11  [tensor-shape]"),
    ("coded(to_ten, to_ten, a)",
     'Argument 2 ("back") to "coded" is (Float32[Tensor, "p 784"]) -> Float32[Tensor, "p '
     '10"], expected (Float32[Tensor, "b k"]) -> Float32[Tensor, "b n"]: it is called with '
     'Float32[Tensor, "32 10"], but takes Float32[Tensor, "p 784"]: axis 1 is 10, not 784  '
     "[tensor-shape]"),
    ("applied(lambda q: q @ v, a)",
     'matmul(Float32[Tensor, "32 784"], Float32[Tensor, "785 10"]): the last axis of the '
     "first operand is 784, the second to last of the second is 785  [tensor-shape]"),
    ("twice(turned, a)",
     'Argument 1 to "twice" has incompatible type "Callable[[Float32[Tensor, \'p q\']], '
     "Float32[Tensor, 'q p']]\"; expected \"Callable[[Float32[Tensor, '32 784']], "
     "Float32[Tensor, '32 784']]\"  [tensor-shape]"),
    ("piped(a, turned, lambda q: q @ w)",
     'matmul(Float32[Tensor, "784 32"], Float32[Tensor, "784 10"]): the last axis of the '
     "first operand is 32, the second to last of the second is 784: the "
     "first would fit transposed, as .mT  [tensor-shape]"),
    ("scaling(g)(w)",
     'Argument 1 has incompatible type "Float32[Tensor, \'784 10\']"; expected '
     '"Float32[Tensor, \'784 784\']"  [tensor-shape]'),
    ("total(e)",
     'Argument 1 to "total" is Float32[Tensor, "32"], expected Float32[Tensor, "b n"]: it '
     "has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("product_traced(a, v)",
     'Argument 2 ("w") to "product_traced" is Float32[Tensor, "785 10"], expected '
     'Float32[Tensor, "n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 '
     "(axis 0)  [tensor-shape]"),
    ("product_labelled(a, v)",
     'Argument 2 ("w") to "product_labelled" is Float32[Tensor, "785 10"], expected '
     'Float32[Tensor, "n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 '
     "(axis 0)  [tensor-shape]"),
    ("powered(e)",
     'Argument 1 ("x") to "powered" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "n\"]: it has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("same(product)(a, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("Holder(to_eleven)",
     'Argument 1 ("f") to "Holder" is (Float32[Tensor, "p 784"]) -> Float32[Tensor, "p '
     '11"], expected (Float32[Tensor, "b 784"]) -> Float32[Tensor, "b 10"]: it returns '
     'Float32[Tensor, "_ 11"], expected Float32[Tensor, "_ 10"]: axis 1 is 11, not 10  '
     "[tensor-shape]"),
    ("Holder(to_ten).f(w)",
     'Argument 1 to "f" is Float32[Tensor, "784 10"], expected Float32[Tensor, "b 784"]: '
     "axis 1 is 10, not 784  [tensor-shape]"),
    ("listed[0](w)",
     'Argument 1 has incompatible type "Float32[Tensor, \'784 10\']"; expected '
     '"Float32[Tensor, \'784 784\']"  [tensor-shape]'),
    ("list(map(product, [a], [v]))",
     'Argument 1 to "map" has incompatible type "Callable[[Float32[Tensor, \'b n\'], '
     "Float32[Tensor, 'n m']], Float32[Tensor, 'b m']]\"; expected "
     "\"Callable[[Float32[Tensor, '32 784'], Float32[Tensor, '785 10']], Float32[Tensor, "
     "'32 10']]\"  [tensor-shape]"),
    ("[product(q, v) for q in [a, a]]",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("partial(loss, x=a)(v)",
     'Argument 1 ("w") to "loss" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"784 o"]: axis 0 is 785, not 784  [tensor-shape]'),
    ("partial(loss, w, e)",
     'Argument 2 ("x") to "loss" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "i\"]: it has 1 axis, not 2 as 'b i' wants  [tensor-shape]"),
    ("jitted(a, v)",
     'Argument 2 ("w") to "jitted" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("kept(a, v)",
     'Argument 2 ("w") to "kept" is Float32[Tensor, "785 10"], expected Float32[Tensor, "n '
     'm"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("clipped(e)",
     'Argument 1 ("x") to "__call__" of "custom_vjp" is Float32[Tensor, "32"], expected '
     'Float32[Tensor, "b n"]: it has 1 axis, not 2 as \'b n\' wants  [tensor-shape]'),
    ("energies(e)",
     'Argument 1 ("x") to "energies" is Float32[Tensor, ""], expected Float32[Tensor, '
     '"n"]: it has 0 axes, not 1 as \'n\' wants  [tensor-shape]'),
    ("flux.gradient(loss, v, a)",
     'Argument 2 ("x") to "loss" is Float32[Tensor, "32 784"], expected Float32[Tensor, "b '
     'i"]: dimension \'i\' is 785 from argument "w" but here it is 784 (axis 1)  '
     "[tensor-shape]"),
    ("flux.gradient(lambda w: loss(w, a), v)",
     'Argument 2 ("x") to "loss" is Float32[Tensor, "32 784"], expected Float32[Tensor, "b '
     'i"]: dimension \'i\' is 785 from argument "w" but here it is 784 (axis 1)  '
     "[tensor-shape]"),
    ("flux.gradient(lambda w: a @ w, w)",
     'gradient needs a scalar result, got Float32[Tensor, "32 10"]: reduce it with .sum() '
     "or .mean(), or use vjp or jacobian  [tensor-shape]"),
    ("flux.gradient(pairs, e)",
     'gradient needs a scalar result, got Float32[Tensor, "32 2"]: reduce it with .sum() '
     "or .mean(), or use vjp or jacobian  [tensor-shape]"),
    ("flux.gradient(partial(loss, x=a), v)",
     'Argument 1 to "loss" has incompatible type "Float32[Tensor, \'785 10\']"; expected '
     '"Float32[Tensor, \'784 10\']"  [tensor-shape]'),
    ("flux.gradient(lambda m: m(a), nn.Dense(784, 10))",
     'gradient needs a scalar result, got Float[Tensor, "32 10"]: reduce it with .sum() or '
     ".mean(), or use vjp or jacobian  [tensor-shape]"),
    ("flux.gradient(lambda m: m(a).sum(), nn.Dense(785, 10))",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32 784"], expected '
     'Float[Tensor, "*batch 785"]: axis 1 is 784, not 785  [tensor-shape]'),
    ('flux.gradient(lambda d: (a @ d["w"]).sum(), {"w": v})',
     'matmul(Float32[Tensor, "32 784"], Float32[Tensor, "785 10"]): the last axis of the '
     "first operand is 784, the second to last of the second is 785  [tensor-shape]"),
    ("flux.gradient(loss_of, p, e)",
     'Argument 1 to "gradient" has incompatible type "Callable[[Params, Float32[Tensor, '
     "'b 784']], Float32[Tensor, '']]\"; expected \"Callable[[Params, Float32[Tensor, "
     "'32']], Any]\"  [arg-type]"),
    ("w - 0.1 * flux.gradient(lambda q: loss(w, q), a)",
     'subtract(Float32[Tensor, "784 10"], Float32[Tensor, "32 784"]): cannot broadcast '
     "'784 10' with '32 784': axis -2 has sizes 784 and 32  [tensor-shape]"),
    ("back(e)",
     'Argument 1 to "back" is Float32[Tensor, "32"], expected Float32[Tensor, "32 2"]: it '
     "has 1 axis, not 2 as '32 2' wants  [tensor-shape]"),
    ("flux.jvp(pairs, (e,), (g,))",
     'the tangent of Float32[Tensor, "32"] must be of that type, got Float32[Tensor, '
     '"784"]  [tensor-shape]'),
    ("flux.hessian(halved, e)",
     'gradient needs a scalar result, got Float32[Tensor, "32"]: reduce it with .sum() or '
     ".mean(), or use vjp or jacobian  [tensor-shape]"),
    ("flux.jacobian(lambda q: q @ w, e)",
     'matmul(Float32[Tensor, "32"], Float32[Tensor, "784 10"]): the last axis of the '
     "first operand is 32, the second to last of the second is 784  [tensor-shape]"),
    ("flux.jacobian(pairs, e) @ e[:31]",
     'matmul(Float32[Tensor, "32 2 32"], Float32[Tensor, "31"]): the last axis of the '
     "first operand is 32, the axis of the second is 31  [tensor-shape]"),
    ("flux.vmap(flux.matmul, in_axes=(0, None))(a, v)",
     'matmul(Float32[Tensor, "784"], Float32[Tensor, "785 10"]): the last axis of the '
     "first operand is 784, the second to last of the second is 785  [tensor-shape]"),
    ("flux.vmap(loss)(a, w)",
     "vmap: argument 0 has 32 examples (axis 0), argument 1 has 784 (axis 0)  "
     "[tensor-shape]"),
    ("flux.vmap(energy)(e)",
     'Argument 1 ("x") to "energy" is Float32[Tensor, ""], expected Float32[Tensor, "n"]: '
     "it has 0 axes, not 1 as 'n' wants  [tensor-shape]"),
    ("flux.vmap(energy, in_axes=2)(a)",
     "vmap: argument 0 has 2 axes, so there is no axis 2  [tensor-shape]"),
    ("flux.cond(e.sum() > 0, lambda: a, lambda: w)",
     'cond: the first branch\'s result is Float32[Tensor, "32 784"], the second\'s is '
     'Float32[Tensor, "784 10"]; they must be of one type  [tensor-shape]'),
    ("flux.cond(e > 0, lambda: a, lambda: a)",
     'cond: the condition is one truth value, of shape (), got Bool[Tensor, "32"]  '
     "[tensor-shape]"),
    ("flux.cond(flag, energy, energy, a)",
     'Argument 1 ("x") to "energy" is Float32[Tensor, "32 784"], expected Float32[Tensor, '
     '"n"]: it has 2 axes, not 1 as \'n\' wants  [tensor-shape]'),
    ("flux.while_loop(lambda s: s.sum() < 3, lambda s: s[:3], e)",
     'while_loop: the state before a step is Float32[Tensor, "32"], the state after it is '
     'Float32[Tensor, "3"]; they must be of one type  [tensor-shape]'),
    ("flux.while_loop(lambda s: s < 3, lambda s: s, e)",
     'while_loop: the condition is one truth value, of shape (), got Bool[Tensor, "32"]  '
     "[tensor-shape]"),
    ("flux.scan(wrong_cell, h0, xs)",
     'scan: the state before a step is Float32[Tensor, "32 16"], the state after it is '
     'Float32[Tensor, "32 5"]; they must be of one type  [tensor-shape]'),
    ("flux.scan(lambda h, x: (h, x @ flux.zeros((6, 2))), h0, xs)",
     'matmul(Float32[Tensor, "32 5"], Float32[Tensor, "6 2"]): the last axis of the first '
     "operand is 5, the second to last of the second is 6  [tensor-shape]"),
    ("flux.scan(lambda h, x: (h[:, :3], x), h0, xs)",
     'scan: the state before a step is Float32[Tensor, "32 16"], the state after it is '
     'Float32[Tensor, "32 3"]; they must be of one type  [tensor-shape]'),
    ("flux.scan(cell, e, xs)",
     'Argument 1 ("h") to "cell" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "h\"]: it has 1 axis, not 2 as 'b h' wants  [tensor-shape]"),
    ("flux.scan(cell, h0, steps)",
     'Argument 2 ("x") to "cell" is Float32[Tensor, "batch 5"], expected Float32[Tensor, '
     '"b i"]: dimension \'b\' is 32 from argument "h" but here it is batch (axis 0)  '
     "[tensor-shape]"),
    ("ys @ last",
     'matmul(Float32[Tensor, "7 32 3"], Float32[Tensor, "32 16"]): the last axis of the '
     "first operand is 3, the second to last of the second is 32: the "
     "first would fit transposed, as .mT  [tensor-shape]"),
]
# fmt: on


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    statements = [*(f"reveal_type({e})" for e, _ in REVEALED), *(s for s, _ in WRONG)]
    return by_statement(tmp_path_factory.mktemp("higher_order"), HEADER, statements)


@pytest.mark.parametrize("row", range(len(REVEALED)), ids=[e for e, _ in REVEALED])
def test_types(messages: list[list[str]], row: int) -> None:
    assert messages[row] == [REVEALED[row][1]]


@pytest.mark.parametrize("row", range(len(WRONG)), ids=[s for s, _ in WRONG])
def test_errors(messages: list[list[str]], row: int) -> None:
    assert messages[len(REVEALED) + row] == [WRONG[row][1]]


BODIES = """
from collections.abc import Callable, Sequence
from jaxtyping import Float32
import typedflux as flux
from typedflux import Tensor

def trained(f: Callable[[Float32[Tensor, "batch 784"]], Float32[Tensor, "batch 10"]]) -> None:
    reveal_type(f(flux.zeros((32, 784))))
    y: Float32[Tensor, "33 10"] = f(flux.zeros((33, 784)))
    f(flux.zeros((33, 783)))
    z: Float32[Tensor, "33 11"] = f(flux.zeros((33, 784)))

def all_of(
    fs: list[Callable[[Float32[Tensor, "b 784"]], Float32[Tensor, "b 10"]]],
    x: Float32[Tensor, "32 784"],
) -> list[Float32[Tensor, "32 10"]]:
    return [f(x) for f in fs]

def rigid(
    f: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b"]], x: Float32[Tensor, "b n"]
) -> Float32[Tensor, "n"]:
    f(x.mT)
    return f(x)

def scaling(w: Float32[Tensor, "d"]) -> Callable[[Float32[Tensor, "b d"]], Float32[Tensor, "b d"]]:
    def inner(x: Float32[Tensor, "b d"]) -> Float32[Tensor, "b d"]:
        return x * w
    return inner

def not_scaling(
    w: Float32[Tensor, "d"],
) -> Callable[[Float32[Tensor, "b d"]], Float32[Tensor, "b d"]]:
    return lambda x: x.sum(axis=1)

def composed(
    f: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b m"]],
    g: Callable[[Float32[Tensor, "b m"]], Float32[Tensor, "b k"]],
) -> Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b k"]]:
    return lambda x: g(f(x))

def wrongly_composed(
    f: Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "b m"]],
    g: Callable[[Float32[Tensor, "b k"]], Float32[Tensor, "b n"]],
    x: Float32[Tensor, "b n"],
    y: Float32[Tensor, "k"],
) -> Float32[Tensor, "b n"]:
    return g(f(x))

def running(x: Float32[Tensor, "time n"]) -> Float32[Tensor, "time n"]:
    def step(
        total: Float32[Tensor, "n"], row: Float32[Tensor, "n"]
    ) -> tuple[Float32[Tensor, "n"], Float32[Tensor, "n"]]:
        total = total + row
        return total, total
    last, totals = flux.scan(step, flux.zeros(x.shape[1]), x)
    reveal_type(last)
    return totals
"""

EXPECTED = [
    "8: note: Revealed type is \"Float32[Tensor, '32 10']\"",
    '10: error: Argument 1 to "f" is Float32[Tensor, "33 783"], expected Float32[Tensor, '
    '"batch 784"]: axis 1 is 783, not 784  [tensor-shape]',
    '11: error: Incompatible types in assignment (expression has type "Float32[Tensor, '
    "'33 10']\", variable has type \"Float32[Tensor, '33 11']\")  [tensor-shape]",
    '22: error: Argument 1 to "f" is Float32[Tensor, "n b"], expected Float32[Tensor, "b '
    'n"]: axis 0 is n, not b  [tensor-shape]',
    "23: error: Incompatible return value type (got \"Float32[Tensor, 'b']\", expected "
    "\"Float32[Tensor, 'n']\")  [tensor-shape]",
    "33: error: Incompatible return value type (got \"Callable[[Float32[Tensor, 'b d']], "
    "Float32[Tensor, 'b']]\", expected \"Callable[[Float32[Tensor, 'b d']], "
    "Float32[Tensor, 'b d']]\")  [tensor-shape]",
    "33: error: Incompatible return value type (got \"Float32[Tensor, 'b']\", expected "
    "\"Float32[Tensor, 'b d']\")  [tensor-shape]",
    '47: error: Argument 1 to "g" is Float32[Tensor, "b m"], expected Float32[Tensor, "b '
    'k"]: axis 1 is m, not k  [tensor-shape]',
    "56: note: Revealed type is \"Float32[Tensor, 'n']\"",
]


def test_bodies(tmp_path: Path) -> None:
    messages = check(tmp_path, {"main.py": BODIES})
    assert messages == EXPECTED
