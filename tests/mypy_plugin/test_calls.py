"""Calls of annotated functions: how arguments bind dims, and what is said when they disagree."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.running import by_statement

HEADER = """
from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar, overload

from jaxtyping import Float, Float32, Int, Shaped

import typedflux as flux
from typedflux import Size, Tensor

N = TypeVar("N")
T = TypeVar("T")

def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

def first(*xs: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    return xs[0]

def named(**xs: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    return xs["a"]

def masked(
    x: Float32[Tensor, "b n"],
    mask: Float32[Tensor, "b"] | None = None,
    *,
    scale: Float32[Tensor, "n"] | float = 1.0,
) -> Float32[Tensor, "b n"]:
    return x * scale

def of_list(xs: list[Float32[Tensor, "b n"]]) -> Float32[Tensor, "n"]:
    return xs[0][0]

def of_several(
    xs: Sequence[Float32[Tensor, "b n"]], w: Float32[Tensor, "n"]
) -> Float32[Tensor, "n"]:
    return w

def of_dict(xs: dict[str, Float32[Tensor, "b n"]]) -> Float32[Tensor, "n"]:
    return xs["a"][0]

def of_pair(pair: tuple[Float32[Tensor, "b n"], Float32[Tensor, "n"]]) -> Float32[Tensor, "b"]:
    return pair[0] @ pair[1]

def added(x: Float32[Tensor, "#b n"], y: Float32[Tensor, "#b n"]) -> Float32[Tensor, "b n"]:
    return x + y

def doubled(x: Float32[Tensor, "n"], y: Float32[Tensor, "2*n"]) -> Float32[Tensor, "n+1"]:
    return flux.zeros(x.shape[0] + 1)

def half(y: Float32[Tensor, "2*n"]) -> Float32[Tensor, "n"]:
    return flux.zeros(y.shape[0] // 2)

def per_row(
    x: Float32[Tensor, "*batch n"], y: Float32[Tensor, "*batch"]
) -> Float32[Tensor, "*batch 1"]:
    return flux.zeros((*y.shape, 1))

def same(*xs: Float32[Tensor, "*s"]) -> Float32[Tensor, "*s"]:
    return xs[0]

def attend(
    q: Float32[Tensor, "*b q d"],
    k: Float32[Tensor, "*b k d"],
    v: Float32[Tensor, "*b k e"],
    mask: Shaped[Tensor, "#q #k"] | None = None,
) -> Float32[Tensor, "*b q e"]:
    return flux.softmax(q @ k.mT, axis=-1) @ v

def made(n: Size["n"], k: Size["k"]) -> Float32[Tensor, "n k"]:
    return flux.zeros((n, k))

async def later(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n b"]:
    return x.mT

def each(x: Float32[Tensor, "t b n"]) -> Iterator[Float32[Tensor, "b n"]]:
    for i in range(3):
        yield x[i]

@contextmanager
def turned(x: Float32[Tensor, "b n"]) -> Iterator[Float32[Tensor, "n b"]]:
    yield x.mT

def again(x: Float32[Tensor, "b n"], times: int) -> Float32[Tensor, "b n"]:
    return x if times == 0 else again(x, times - 1)

def identity(x: T) -> T:
    return x

def some(xs: Sequence[T]) -> T:
    return xs[0]

@overload
def either(x: Float32[Tensor, "3 n"]) -> Float32[Tensor, "n"]: ...
@overload
def either(x: Float32[Tensor, "4 n"]) -> Float32[Tensor, "n 2"]: ...
@overload
def either(x: Int[Tensor, "n"], y: Int[Tensor, "n"]) -> Int[Tensor, "n 1"]: ...
def either(x: Any, y: Any = None) -> Any:
    return x

class Tools:
    @staticmethod
    def fixed(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n b"]:
        return x.mT
    @classmethod
    def of_class(cls, x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n b"]:
        return x.mT
    def method(self, x: Float32[Tensor, "b n"], y: Float32[Tensor, "b"]) -> Float32[Tensor, "n b"]:
        return x.mT
    @property
    def value(self) -> Float32[Tensor, "3 4"]:
        return flux.zeros((3, 4))
    def __call__(self, x: Float32[Tensor, "b n"], y: Float32[Tensor, "b"]) -> Float32[Tensor, "n"]:
        return y @ x
    def __getitem__(self, i: int) -> Float32[Tensor, "5"]:
        return flux.zeros(5)

class Record(TypedDict):
    x: Float32[Tensor, "32 784"]

class Pair(NamedTuple):
    x: Float32[Tensor, "32 784"]
    y: Int[Tensor, "32"]

@dataclass
class Batch(Generic[N]):
    x: Float32[Tensor, "N 784"]
    y: Int[Tensor, "N"]

@dataclass(frozen=True)
class State:
    h: Float32[Tensor, "32 16"]
    step: int = 0

class Bank(Generic[N]):
    def __init__(self, n: Size[N]) -> None:
        self.keys: Float32[Tensor, "N 8"] = flux.zeros((n, 8))
    def look(self, q: Float32[Tensor, "b 8"]) -> Float32[Tensor, "b N"]:
        return q @ self.keys.mT

def united(bank: Bank[N], q: Float32[Tensor, "N"]) -> Float32[Tensor, "N N"]:
    return flux.zeros((q.shape[0], q.shape[0]))

async def f(
    a: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"], v: Float32[Tensor, "785 10"],
    e: Float32[Tensor, "32"], g: Float32[Tensor, "784"], s: Float32[Tensor, "7 32 784"],
    i: Int[Tensor, "32"], k: int, flag: bool, name: str, anything: Any, plain: Tensor,
    rows: Float32[Tensor, "_ 784"], deep: Float32[Tensor, "... 784"],
    perhaps: Float32[Tensor, "32 784"] | None,
    two: Float32[Tensor, "32 784"] | Float32[Tensor, "32 785"],
    pair: tuple[Float32[Tensor, "32 784"], Float32[Tensor, "784 10"]],
    odd: tuple[Float32[Tensor, "32 784"], Float32[Tensor, "785 10"]],
    tools: Tools, record: Record, held: Pair, state: State,
    by_name: dict[str, Float32[Tensor, "32 784"]], listed: list[Float32[Tensor, "32 784"]],
    z3: Float32[Tensor, "3 7"], z4: Float32[Tensor, "4 7"], z5: Float32[Tensor, "5 7"],
) -> None:
    functions = [product, product]
    table = {"product": product}
    alias = product
    turn = Tools.fixed
    branched = a if flag else w
    one_of = product if flag else masked
"""

# fmt: off
REVEALED = [
    ("product(a, w)", "Float32[Tensor, '32 10']"),
    ("product(w=w, x=a)", "Float32[Tensor, '32 10']"),
    ("product(a, w=w)", "Float32[Tensor, '32 10']"),
    ("product(*pair)", "Float32[Tensor, '32 10']"),
    ("product(*(a, w))", "Float32[Tensor, '32 10']"),
    ('product(**{"x": a, "w": w})', "Float32[Tensor, '_ _']"),
    ("first(a, a)", "Float32[Tensor, '32 784']"),
    ("first(*[a, a])", "Float32[Tensor, '32 784']"),
    ("first(*listed)", "Float32[Tensor, '32 784']"),
    ("named(a=a, b=a)", "Float32[Tensor, '32 784']"),
    ("named(**by_name)", "Float32[Tensor, '32 784']"),
    ("masked(a)", "Float32[Tensor, '32 784']"),
    ("masked(a, e)", "Float32[Tensor, '32 784']"),
    ("masked(a, None, scale=g)", "Float32[Tensor, '32 784']"),
    ("masked(a, scale=2.0)", "Float32[Tensor, '32 784']"),
    ("masked(a, mask=e, scale=3)", "Float32[Tensor, '32 784']"),
    ("of_list([a, a])", "Float32[Tensor, '784']"),
    ("of_list(listed)", "Float32[Tensor, '784']"),
    ("of_list([])", "Float32[Tensor, '_']"),
    ("of_several([a], g)", "Float32[Tensor, '784']"),
    ("of_several((a, a), g)", "Float32[Tensor, '784']"),
    ("of_several(listed, g)", "Float32[Tensor, '784']"),
    ("of_several([x for x in listed], g)", "Float32[Tensor, '784']"),
    ('of_dict({"a": a})', "Float32[Tensor, '784']"),
    ("of_dict(by_name)", "Float32[Tensor, '784']"),
    ("of_pair((a, g))", "Float32[Tensor, '32']"),
    ("added(a, a)", "Float32[Tensor, '32 784']"),
    ("added(a, flux.zeros((1, 784)))", "Float32[Tensor, '32 784']"),
    ("added(flux.zeros((1, 784)), a)", "Float32[Tensor, '32 784']"),
    ("doubled(e, flux.zeros(64))", "Float32[Tensor, '33']"),
    ("half(flux.zeros(64))", "Float32[Tensor, '32']"),
    ("half(flux.zeros((k,)))", "Float32[Tensor, '_']"),
    ("per_row(a, e)", "Float32[Tensor, '32 1']"),
    ("per_row(s, flux.zeros((7, 32)))", "Float32[Tensor, '7 32 1']"),
    ("same(s, s, deep)", "Float32[Tensor, '7 32 784']"),
    ("attend(s, s, s)", "Float32[Tensor, '7 32 784']"),
    ("attend(s, s, s, flux.zeros((1, 32)))", "Float32[Tensor, '7 32 784']"),
    ("made(3, 4)", "Float32[Tensor, '3 4']"),
    ("made(3, k)", "Float32[Tensor, '3 _']"),
    ("made(k=a.shape[0], n=e.shape[0] + 1)", "Float32[Tensor, '33 32']"),
    ("await later(a)", "Float32[Tensor, '784 32']"),
    ("next(each(s))", "Float32[Tensor, '32 784']"),
    ("[x for x in each(s)]", "list[Float32[Tensor, '32 784']]"),
    ("again(a, 3)", "Float32[Tensor, '32 784']"),
    ("product(identity(a), identity(w))", "Float32[Tensor, '32 10']"),
    ("product(some([a]), some([w]))", "Float32[Tensor, '32 10']"),
    ("either(z3)", "Float32[Tensor, '7']"),
    ("either(z4)", "Float32[Tensor, '7 2']"),
    ("either(i, i)", "Int[Tensor, '32 1']"),
    ("either(identity(z4))", "Float32[Tensor, '7 2']"),
    ("Tools.fixed(a)", "Float32[Tensor, '784 32']"),
    ("tools.fixed(a)", "Float32[Tensor, '784 32']"),
    ("Tools.of_class(a)", "Float32[Tensor, '784 32']"),
    ("tools.method(a, e)", "Float32[Tensor, '784 32']"),
    ("tools.value", "Float32[Tensor, '3 4']"),
    ("tools(a, e)", "Float32[Tensor, '784']"),
    ("tools[0]", "Float32[Tensor, '5']"),
    ('product(record["x"], w)', "Float32[Tensor, '32 10']"),
    ("product(held.x, w)", "Float32[Tensor, '32 10']"),
    ("Batch(a, i).x", "Float32[Tensor, '32 784']"),
    ("State(flux.zeros((32, 16)), 3).h", "Float32[Tensor, '32 16']"),
    ("Bank(5).look(flux.zeros((2, 8)))", "Float32[Tensor, '2 5']"),
    ("united(Bank(5), flux.zeros(5))", "Float32[Tensor, '5 5']"),
    ("functions[0](a, w)", "Float32[Tensor, '32 10']"),
    ('table["product"](a, w)', "Float32[Tensor, '32 10']"),
    ("alias(a, w)", "Float32[Tensor, '32 10']"),
    ("turn(a)", "Float32[Tensor, '784 32']"),
    ("one_of(a, w)", "Float32[Tensor, '32 10']"),
    ("product(anything, w)", "Float32[Tensor, '_ 10']"),
    ("product(plain, w)", "Float32[Tensor, '_ 10']"),
    ("product(rows, w)", "Float32[Tensor, '_ 10']"),
    ("product(deep, w)", "Float32[Tensor, '_ 10']"),
    ("product(branched, w)", "Float32[Tensor, '32 10']"),
    ("masked(branched)", "Float32[Tensor, '32 784'] | Float32[Tensor, '784 10']"),
    ("masked(two)", "Float32[Tensor, '32 784'] | Float32[Tensor, '32 785']"),
    ("product(perhaps, w) if perhaps is not None else None", "Float32[Tensor, '32 10'] | None"),
    ("functools.partial(product, w=w)(a)", "Float32[Tensor, '32 10']"),
    ("functools.partial(product, a)(w)", "Float32[Tensor, '32 10']"),
    ("functools.partial(product)(a, w)", "Float32[Tensor, '32 10']"),
    ("flux.matmul(identity(a), identity(w))", "Float32[Tensor, '32 10']"),
]

WRONG = [
    ("product(a, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(w=v, x=a)",
     'Argument "w" to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, "n '
     'm"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(v, w=w)",
     'Argument "w" to "product" is Float32[Tensor, "784 10"], expected Float32[Tensor, "n '
     'm"]: dimension \'n\' is 10 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("product(*odd)",
     'Argument 1 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(*[a, a])",
     'Argument 1 ("w") to "product" is Float32[Tensor, "32 784"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("product(product(a, v), w)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(a, i)",
     'Argument 2 ("w") to "product" is Int[Tensor, "32"], expected Float32[Tensor, "n m"]: '
     "it wants dtype float32, not Int  [tensor-dtype]"),
    ("product(i, w)",
     'Argument 1 ("x") to "product" is Int[Tensor, "32"], expected Float32[Tensor, "b n"]: '
     "it wants dtype float32, not Int  [tensor-dtype]"),
    ("product(a, e)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "32"], expected Float32[Tensor, "n '
     "m\"]: it has 1 axis, not 2 as 'n m' wants  [tensor-shape]"),
    ("product(a, 3)",
     'Argument 2 ("w") to "product" has incompatible type "int"; expected "Float32[Tensor, '
     "'n m']\"  [arg-type]"),
    ('product("x", w)',
     'Argument 1 ("x") to "product" has incompatible type "str"; expected "Float32[Tensor, '
     "'b n']\"  [arg-type]"),
    ("product(None, w)",
     'Argument 1 ("x") to "product" has incompatible type "None"; expected '
     '"Float32[Tensor, \'b n\']"  [arg-type]'),
    ("product(perhaps, w)",
     'Argument 1 ("x") to "product" has incompatible type "Float32[Tensor, \'32 784\'] | '
     'None"; expected "Float32[Tensor, \'b n\']"  [arg-type]'),
    ("product(identity(a), identity(v))",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("first(a, w)",
     'Argument 2 to "first" is Float32[Tensor, "784 10"], expected Float32[Tensor, "b n"]: '
     "dimension 'b' is 32 from argument 1 but here it is 784 (axis 0)  [tensor-shape]"),
    ("named(a=a, b=w)",
     'Argument "b" to "named" is Float32[Tensor, "784 10"], expected Float32[Tensor, "b '
     "n\"]: dimension 'b' is 32 from argument 1 but here it is 784 (axis 0)  [tensor-shape]"),
    ("masked(a, g)",
     'Argument 2 ("mask") to "masked" is Float32[Tensor, "784"], expected Float32[Tensor, '
     '"b"] | None: dimension \'b\' is 32 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("masked(a, scale=e)",
     'Argument "scale" to "masked" is Float32[Tensor, "32"], expected Float32[Tensor, "n"] '
     '| float: dimension \'n\' is 784 from argument "x" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("masked(a, mask=flux.zeros(31))",
     'Argument "mask" to "masked" is Float32[Tensor, "31"], expected Float32[Tensor, "b"] '
     '| None: dimension \'b\' is 32 from argument "x" but here it is 31 (axis 0)  '
     "[tensor-shape]"),
    ('masked(a, scale="x")',
     'Argument "scale" to "masked" has incompatible type "str"; expected "Float32[Tensor, '
     "'n'] | float\"  [arg-type]"),
    ("of_list([a, w])",
     'Argument 1 ("xs") to "of_list" is list[Shaped[Tensor, "..."]], expected '
     'list[Float32[Tensor, "b n"]]: dimension \'b\' is 32 but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("of_several([a], e)",
     'Argument 2 ("w") to "of_several" is Float32[Tensor, "32"], expected Float32[Tensor, '
     '"n"]: dimension \'n\' is 784 from argument "xs" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("of_several((a, a), e)",
     'Argument 2 ("w") to "of_several" is Float32[Tensor, "32"], expected Float32[Tensor, '
     '"n"]: dimension \'n\' is 784 from argument "xs" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("of_several(listed, e)",
     'Argument 2 ("w") to "of_several" is Float32[Tensor, "32"], expected Float32[Tensor, '
     '"n"]: dimension \'n\' is 784 from argument "xs" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ('of_dict({"a": a, "b": w})',
     'Argument 1 ("xs") to "of_dict" is dict[str, Shaped[Tensor, "..."]], expected '
     'dict[str, Float32[Tensor, "b n"]]: dimension \'b\' is 32 but here it is 784 (axis '
     "0)  [tensor-shape]"),
    ("of_pair((a, e))",
     'Argument 1 ("pair") to "of_pair" is tuple[Float32[Tensor, "32 784"], Float32[Tensor, '
     '"32"]], expected tuple[Float32[Tensor, "b n"], Float32[Tensor, "n"]]: dimension '
     "'n' is 784 but here it is 32 (axis 0)  [tensor-shape]"),
    ("added(a, w)",
     'Argument 2 ("y") to "added" is Float32[Tensor, "784 10"], expected Float32[Tensor, '
     '"#b n"]: dimension \'b\' is 32 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("added(a, flux.zeros((3, 784)))",
     'Argument 2 ("y") to "added" is Float32[Tensor, "3 784"], expected Float32[Tensor, '
     '"#b n"]: dimension \'b\' is 32 from argument "x" but here it is 3 (axis 0)  '
     "[tensor-shape]"),
    ("doubled(e, flux.zeros(63))",
     'Argument 2 ("y") to "doubled" is Float32[Tensor, "63"], expected Float32[Tensor, '
     '"2*n"]: axis 0 is 63, but 2*n is 64: n is 32 from argument "x"  [tensor-shape]'),
    ("doubled(flux.zeros(31), flux.zeros(64))",
     'Argument 2 ("y") to "doubled" is Float32[Tensor, "64"], expected Float32[Tensor, '
     '"2*n"]: axis 0 is 64, but 2*n is 62: n is 31 from argument "x"  [tensor-shape]'),
    ("half(flux.zeros(63))",
     'Argument 1 ("y") to "half" is Float32[Tensor, "63"], expected Float32[Tensor, '
     '"2*n"]: axis 0 is 63, and no integer n makes 2*n equal to 63  [tensor-shape]'),
    ("per_row(a, g)",
     'Argument 2 ("y") to "per_row" is Float32[Tensor, "784"], expected Float32[Tensor, '
     '"*batch"]: \'*batch\' is (32) from argument "x" but here it is (784)  [tensor-shape]'),
    ("per_row(s, e)",
     'Argument 2 ("y") to "per_row" is Float32[Tensor, "32"], expected Float32[Tensor, '
     '"*batch"]: \'*batch\' is (7 32) from argument "x" but here it is (32)  [tensor-shape]'),
    ("same(s, a)",
     'Argument 2 to "same" is Float32[Tensor, "32 784"], expected Float32[Tensor, "*s"]: '
     "'*s' is (7 32 784) from argument 1 but here it is (32 784)  [tensor-shape]"),
    ("attend(s, s[..., :5], s)",
     'Argument 2 ("k") to "attend" is Float32[Tensor, "7 32 5"], expected Float32[Tensor, '
     '"*b k d"]: dimension \'d\' is 784 from argument "q" but here it is 5 (axis 2)  '
     "[tensor-shape]"),
    ("attend(s, s, s[:, :5])",
     'Argument 3 ("v") to "attend" is Float32[Tensor, "7 5 784"], expected Float32[Tensor, '
     '"*b k e"]: dimension \'k\' is 32 from argument "k" but here it is 5 (axis 1)  '
     "[tensor-shape]"),
    ("attend(s, s, s, flux.zeros((3, 32)))",
     'Argument 4 ("mask") to "attend" is Float32[Tensor, "3 32"], expected Shaped[Tensor, '
     '"#q #k"] | None: dimension \'q\' is 32 from argument "q" but here it is 3 (axis 0)  '
     "[tensor-shape]"),
    ("await later(e)",
     'Argument 1 ("x") to "later" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "n\"]: it has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("each(a)",
     'Argument 1 ("x") to "each" is Float32[Tensor, "32 784"], expected Float32[Tensor, "t '
     "b n\"]: it has 2 axes, not 3 as 't b n' wants  [tensor-shape]"),
    ("again(e, 3)",
     'Argument 1 ("x") to "again" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "n\"]: it has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("either(z5)",
     'Argument 1 ("x") to "either" is Float32[Tensor, "5 7"], expected Float32[Tensor, "3 '
     'n"]: axis 0 is 5, not 3  [tensor-shape]'),
    ("Tools.fixed(e)",
     'Argument 1 ("x") to "fixed" of "Tools" is Float32[Tensor, "32"], expected '
     'Float32[Tensor, "b n"]: it has 1 axis, not 2 as \'b n\' wants  [tensor-shape]'),
    ("tools.method(a, g)",
     'Argument 2 ("y") to "method" of "Tools" is Float32[Tensor, "784"], expected '
     'Float32[Tensor, "b"]: dimension \'b\' is 32 from argument "x" but here it is 784 '
     "(axis 0)  [tensor-shape]"),
    ("tools(a, g)",
     'Argument 2 ("y") to "__call__" of "Tools" is Float32[Tensor, "784"], expected '
     'Float32[Tensor, "b"]: dimension \'b\' is 32 from argument "x" but here it is 784 '
     "(axis 0)  [tensor-shape]"),
    ('product(record["x"], v)',
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(held.x, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("Pair(a, e)",
     'Argument 2 ("y") to "Pair" is Float32[Tensor, "32"], expected Int[Tensor, "32"]: it '
     "wants dtype Int, not float32  [tensor-dtype]"),
    ("Pair(w, i)",
     'Argument 1 ("x") to "Pair" is Float32[Tensor, "784 10"], expected Float32[Tensor, '
     '"32 784"]: axis 0 is 784, not 32  [tensor-shape]'),
    ("Record(x=w)",
     'Incompatible types (expression has type "Float32[Tensor, \'784 10\']", TypedDict '
     'item "x" has type "Float32[Tensor, \'32 784\']")  [typeddict-item]'),
    ("Batch(a, flux.zeros((31,), dtype=flux.int32))",
     'Argument 2 ("y") to "Batch" is Int32[Tensor, "31"], expected Int[Tensor, "N"]: '
     'dimension \'N\' is 32 from argument "x" but here it is 31 (axis 0)  [tensor-shape]'),
    ("State(flux.zeros((32, 17)))",
     'Argument 1 ("h") to "State" is Float32[Tensor, "32 17"], expected Float32[Tensor, '
     '"32 16"]: axis 1 is 17, not 16  [tensor-shape]'),
    ("Bank(5).look(flux.zeros((2, 9)))",
     'Argument 1 ("q") to "look" of "Bank" is Float32[Tensor, "2 9"], expected '
     'Float32[Tensor, "b 8"]: axis 1 is 9, not 8  [tensor-shape]'),
    ("united(Bank(5), flux.zeros(6))",
     'Argument 2 ("q") to "united" is Float32[Tensor, "6"], expected Float32[Tensor, "N"]: '
     'dimension \'N\' is 5 from argument "bank" but here it is 6 (axis 0)  [tensor-shape]'),
    ("functions[0](a, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ('table["product"](a, v)',
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("[product][0](v, w)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "784 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 10 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("alias(a, v)",
     'Argument 2 ("w") to "alias" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("turn(e)",
     'Argument 1 ("x") to "turn" is Float32[Tensor, "32"], expected Float32[Tensor, "b '
     "n\"]: it has 1 axis, not 2 as 'b n' wants  [tensor-shape]"),
    ("(product if flag else identity(product))(a, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("product(two, w)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "784 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 785 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("masked(two, g)",
     'Argument 2 ("mask") to "masked" is Float32[Tensor, "784"], expected Float32[Tensor, '
     '"b"] | None: dimension \'b\' is 32 from argument "x" but here it is 784 (axis 0)  '
     "[tensor-shape]"),
    ("product(rows, a)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "32 784"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("product(deep, a)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "32 784"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 32 (axis 0)  '
     "[tensor-shape]"),
    ("functools.partial(product, a, v)",
     'Argument 2 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"n m"]: dimension \'n\' is 784 from argument "x" but here it is 785 (axis 0)  '
     "[tensor-shape]"),
    ("functools.partial(product, w=w)(w)",
     'Argument 1 ("x") to "product" is Float32[Tensor, "784 10"], expected Float32[Tensor, '
     '"b 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("functools.partial(product, a)(v)",
     'Argument 1 ("w") to "product" is Float32[Tensor, "785 10"], expected Float32[Tensor, '
     '"784 m"]: axis 0 is 785, not 784  [tensor-shape]'),
    ("flux.abs(name)",
     'Argument 1 to "abs" has incompatible type "str"; expected "Shaped[Tensor, \'...\'] | '
     'bool | int | float | complex | ndarray[tuple[Any, ...], dtype[Any]] | generic[Any]"  '
     "[arg-type]"),
    ("flux.zeros_like(None)",
     'Argument 1 to "zeros_like" has incompatible type "None"; expected "Shaped[Tensor, '
     "'...'] | bool | int | float | complex | ndarray[tuple[Any, ...], dtype[Any]] | "
     'generic[Any]"  [arg-type]'),
    ("flux.matmul(a, 2.0)",
     'Argument 2 to "matmul" has incompatible type "float"; expected "Shaped[Tensor, '
     "'...']\"  [arg-type]"),
    ("flux.matmul(identity(a), v)",
     'matmul(Float32[Tensor, "32 784"], Float32[Tensor, "785 10"]): the last axis of the '
     "first operand is 784, the second to last of the second is 785  [tensor-shape]"),
]
# fmt: on


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    statements = [*(f"reveal_type({e})" for e, _ in REVEALED), *(s for s, _ in WRONG)]
    return by_statement(tmp_path_factory.mktemp("calls"), HEADER, statements)


@pytest.mark.parametrize("row", range(len(REVEALED)), ids=[e for e, _ in REVEALED])
def test_types(messages: list[list[str]], row: int) -> None:
    assert messages[row] == [REVEALED[row][1]]


@pytest.mark.parametrize("row", range(len(WRONG)), ids=[s for s, _ in WRONG])
def test_errors(messages: list[list[str]], row: int) -> None:
    assert messages[len(REVEALED) + row] == [WRONG[row][1]]
