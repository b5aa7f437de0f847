"""Constructors that infer dims, composition, inheritance, members of unions."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.running import by_statement

HEADER = """
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, overload

from jaxtyping import Float32, Int

import typedflux as flux
from typedflux import Size, Tensor, nn

In = TypeVar("In")
Hidden = TypeVar("Hidden")
Out = TypeVar("Out")
N = TypeVar("N")
M = TypeVar("M")
L = TypeVar("L", bound=nn.Module)
WIDTH: Final = 784

class Dense(nn.Module, Generic[In, Out]):
    weight: Float32[Tensor, "Out In"]
    bias: Float32[Tensor, "Out"]
    def __init__(self, in_: Size[In], out: Size[Out], bias: bool = True) -> None:
        self.weight = flux.zeros((out, in_))
        self.bias = flux.zeros((out,))
    def __call__(self, x: Float32[Tensor, "*batch In"]) -> Float32[Tensor, "*batch Out"]:
        return x @ self.weight.mT + self.bias
    @classmethod
    def square(cls, n: Size["k"]) -> Dense["k", "k"]:
        return Dense(n, n)
    @classmethod
    def of_weight(cls, w: Float32[Tensor, "o i"]) -> Dense["i", "o"]:
        return Dense(w.shape[1], w.shape[0])
    @property
    def turned(self) -> Float32[Tensor, "In Out"]:
        return self.weight.mT

class Block(nn.Module, Generic[In, Hidden, Out]):
    def __init__(self, first: Dense[In, Hidden], second: Dense[Hidden, Out]) -> None:
        self.first = first
        self.second = second
    def __call__(self, x: Float32[Tensor, "b In"]) -> Float32[Tensor, "b Out"]:
        return self.second(flux.relu(self.first(x)))

class Same(Dense[N, N]):
    def __init__(self, n: Size[N]) -> None:
        super().__init__(n, n)
    def twice(self, x: Float32[Tensor, "b N"]) -> Float32[Tensor, "b N"]:
        return self(self(x))

class Wrapped(nn.Module, Generic[M]):
    def __init__(self, inner: M) -> None:
        self.inner = inner

class Stack(nn.Module, Generic[L]):
    def __init__(self, layers: list[L]) -> None:
        self.layers = layers
    def first(self) -> L:
        return self.layers[0]

class Affine(nn.Module, Generic[In, Out]):
    def __init__(
        self,
        w: Float32[Tensor, "In Out"],
        b: Float32[Tensor, "Out"] | None = None,
        out: Size[Out] | None = None,
    ) -> None:
        self.w = w
    def __call__(self, x: Float32[Tensor, "b In"]) -> Float32[Tensor, "b Out"]:
        return x @ self.w

class Head(nn.Module, Generic[In]):
    def __init__(self, n: Size[In], width: int = 16) -> None:
        self.out = Dense(n, 3)
    def __call__(self, x: Float32[Tensor, "b In"]) -> Float32[Tensor, "b 3"]:
        return self.out(x)

class Either(nn.Module, Generic[In, Out]):
    @overload
    def __init__(self: Either[In, In], n: Size[In]) -> None: ...
    @overload
    def __init__(self, n: Size[In], out: Size[Out]) -> None: ...
    def __init__(self, n: int, out: int = 0) -> None: ...
    def __call__(self, x: Float32[Tensor, "b In"]) -> Float32[Tensor, "b Out"]:
        return flux.zeros((x.shape[0], 3))  # type: ignore[tensor-shape]

class Codebook(Generic[N, M]):
    def __init__(self, codes: Float32[Tensor, "N M"]) -> None:
        self.codes = codes
    def distances(self, x: Float32[Tensor, "b M"]) -> Float32[Tensor, "b N"]:
        return x @ self.codes.mT

@dataclass
class Settings:
    width: int = 784
    depth: Final = 2

def through(x: Float32[Tensor, "b i"], layer: Dense["i", "o"]) -> Float32[Tensor, "b o"]:
    return layer(x)

def stacked(a: Dense["i", "h"], b: Dense["h", "o"]) -> Dense["i", "o"]:
    return Dense(a.weight.shape[1], b.weight.shape[0])

def all_through(layers: Sequence[Dense["d", "d"]], x: Float32[Tensor, "b d"]) -> Dense["d", "d"]:
    return layers[0]

def f(
    x: Float32[Tensor, "32 784"], y: Float32[Tensor, "784 10"], e: Float32[Tensor, "32"],
    rows: Float32[Tensor, "b 784"], k: int, flag: bool, settings: Settings, plain: Tensor,
    declared: Dense[784, 10] | Dense[784, 20], given: Dense[784, 128], any_: Dense[Any, Any],
) -> None:
    dense = Dense(784, 128)
    one = Dense(784, 10) if flag else Dense(784, 20)
    other = Dense(784, 10) if flag else Dense(7, 10)
    named = {"a": Dense(784, 3), "b": Dense(784, 3)}
    options: dict[str, Any] = {"bias": False}
    made = Dense
    listed = [Dense(784, 784), Dense(784, 784)]
    mixed = [Dense(784, 10), Dense(10, 784)]
"""

# fmt: off
REVEALED = [
    ("dense", "Dense[784, 128]"),
    ("dense(x)", "Float32[Tensor, '32 128']"),
    ("dense(flux.zeros((2, 3, 784)))", "Float32[Tensor, '2 3 128']"),
    ("dense.weight", "Float32[Tensor, '128 784']"),
    ("dense.turned", "Float32[Tensor, '784 128']"),
    ("dense(plain)", "Float32[Tensor, '... 128']"),
    ("dense(rows)", "Float32[Tensor, 'b 128']"),
    ("given(x)", "Float32[Tensor, '32 128']"),
    ("any_(x)", "Float32[Tensor, '32 _']"),
    ("Dense(in_=784, out=5)", "Dense[784, 5]"),
    ("Dense(*(784, 5))", "Dense[784, 5]"),
    ("Dense(784, 5, **options)", "Dense[784, 5]"),
    ("Dense(x.shape[1], k)", "Dense[784, _]"),
    ("Dense(rows.shape[0], 5)", "Dense[b, 5]"),
    ("Dense(WIDTH, WIDTH // 2)", "Dense[784, 392]"),
    ("Dense(2 * k, 5)(x)", "Float32[Tensor, '32 5']"),
    ("Dense(settings.width, 3)(x)", "Float32[Tensor, '32 3']"),
    ("Dense.square(784)", "Dense[784, 784]"),
    ("Dense.square(784)(x)", "Float32[Tensor, '32 784']"),
    ("Dense.of_weight(y)", "Dense[10, 784]"),
    ("Dense.of_weight(y)(flux.zeros((2, 10)))", "Float32[Tensor, '2 784']"),
    ("Block(Dense(784, 20), Dense(20, 3))", "Block[784, 20, 3]"),
    ("Block(Dense(784, 20), Dense(20, 3))(x)", "Float32[Tensor, '32 3']"),
    ("Block(Dense(784, 20), Dense(20, 3)).first.weight", "Float32[Tensor, '20 784']"),
    ("Block(second=Dense(20, 3), first=Dense(784, k))(x)", "Float32[Tensor, '32 3']"),
    ("Same(784)(x)", "Float32[Tensor, '32 784']"),
    ("Same(784).twice(x)", "Float32[Tensor, '32 784']"),
    ("Same(784).weight", "Float32[Tensor, '784 784']"),
    ("Wrapped(dense).inner(x)", "Float32[Tensor, '32 128']"),
    ("Wrapped(Wrapped(dense)).inner.inner.weight", "Float32[Tensor, '128 784']"),
    ("Stack([Dense(784, 10), Dense(784, 10)]).first()(x)", "Float32[Tensor, '32 10']"),
    ("Stack(listed).layers[1](x)", "Float32[Tensor, '32 784']"),
    ("Affine(y)(x)", "Float32[Tensor, '32 10']"),
    ("Affine(y, flux.zeros(10), 10)(x)", "Float32[Tensor, '32 10']"),
    ("Affine(y, out=10)", "Affine[784, 10]"),
    ("Head(784)(x)", "Float32[Tensor, '32 3']"),
    ("Head(784, width=3)(x)", "Float32[Tensor, '32 3']"),
    ("Either(784)(x)", "Float32[Tensor, '32 784']"),
    ("Either(784, 5)(x)", "Float32[Tensor, '32 5']"),
    ("Codebook(y).distances(flux.zeros((3, 10)))", "Float32[Tensor, '3 784']"),
    ("Codebook(y).codes", "Float32[Tensor, '784 10']"),
    ("through(x, dense)", "Float32[Tensor, '32 128']"),
    ("through(x, Dense(784, 3))", "Float32[Tensor, '32 3']"),
    ("through(plain, Dense(784, 3))", "Float32[Tensor, '_ 3']"),
    ("stacked(Dense(784, 5), Dense(5, 3))", "Dense[784, 3]"),
    ("all_through(listed, x)", "Dense[784, 784]"),
    ("all_through([Dense(784, 784)], x)", "Dense[784, 784]"),
    ("declared(x)", "Float32[Tensor, '32 10'] | Float32[Tensor, '32 20']"),
    ("one", "Dense[784, 10] | Dense[784, 20]"),
    ("one(x)", "Float32[Tensor, '32 10'] | Float32[Tensor, '32 20']"),
    ("other(x)", "Float32[Tensor, '32 10']"),
    ('named["a"](x)', "Float32[Tensor, '32 3']"),
    ("listed[0](x)", "Float32[Tensor, '32 784']"),
    ("mixed[0](x)", "Float32[Tensor, '32 _']"),
    ("made(784, 3)(x)", "Float32[Tensor, '32 3']"),
    ("[Dense][0](784, 3)(x)", "Float32[Tensor, '32 3']"),
    ("nn.Dense(784, 10)(x)", "Float[Tensor, '32 10']"),
    ("nn.Dense(784, 10).weight", "Float[Tensor, '10 784']"),
    ("nn.Embedding(50, 8)(flux.zeros((2, 3), dtype=flux.int32))", "Float[Tensor, '2 3 8']"),
]

WRONG = [
    ("dense(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("dense(e)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32"], expected '
     'Float32[Tensor, "*batch 784"]: axis 0 is 32, not 784  [tensor-shape]'),
    ("dense(flux.zeros(()))",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, ""], expected '
     'Float32[Tensor, "*batch 784"]: it has 0 axes, not at least 1 as \'*batch 784\' '
     "wants  [tensor-shape]"),
    ("given(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("dense(x)[:, 128:] @ y",
     'matmul(Float32[Tensor, "32 0"], Float32[Tensor, "784 10"]): the last axis of the '
     "first operand is 0, the second to last of the second is 784  [tensor-shape]"),
    ("Dense(784, 10, True)(dense(x))",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32 128"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 128, not 784  [tensor-shape]'),
    ("Dense.square(783)(x)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "*batch 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Dense.of_weight(y)(x)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "*batch 10"]: axis 1 is 784, not 10  [tensor-shape]'),
    ("Dense(784, 10).square(5)(x)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "*batch 5"]: axis 1 is 784, not 5  [tensor-shape]'),
    ("Block(Dense(784, 20), Dense(21, 3))",
     'Argument 2 ("second") to "Block" is Dense[21, 3], expected Dense[Hidden, Out]: '
     'dimension \'Hidden\' is 20 from argument "first" but here it is 21  [tensor-shape]'),
    ("Block(second=Dense(21, 3), first=Dense(784, 20))",
     'Argument "second" to "Block" is Dense[21, 3], expected Dense[Hidden, Out]: dimension '
     '\'Hidden\' is 20 from argument "first" but here it is 21  [tensor-shape]'),
    ("Block(Dense(784, 20), Dense(20, 3))(y)",
     'Argument 1 ("x") to "__call__" of "Block" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "b 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Block(Dense(784, 20), dense)",
     'Argument 2 ("second") to "Block" is Dense[784, 128], expected Dense[Hidden, Out]: '
     'dimension \'Hidden\' is 20 from argument "first" but here it is 784  [tensor-shape]'),
    ("Block(x, dense)",
     'Argument 1 to "Block" has incompatible type "Float32[Tensor, \'32 784\']"; expected '
     '"Dense[_, _]"  [arg-type]'),
    ("Same(783)(x)",
     'Argument 1 ("x") to "__call__" of "Same" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "*batch 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Same(783).twice(x)",
     'Argument 1 ("x") to "twice" of "Same" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "b 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Wrapped(dense).inner(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Wrapped(Wrapped(dense)).inner.inner(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Stack([Dense(784, 10), Dense(784, 10)]).first()(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Stack(listed).layers[1](y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Affine(y)(y)",
     'Argument 1 ("x") to "__call__" of "Affine" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "b 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("Affine(y, flux.zeros(11))",
     'Argument 2 ("b") to "Affine" is Float32[Tensor, "11"], expected Float32[Tensor, '
     '"Out"] | None: dimension \'Out\' is 10 from argument "w" but here it is 11 (axis 0)  '
     "[tensor-shape]"),
    ("Affine(y, flux.zeros(10), 11)",
     'Argument 3 ("out") to "Affine" is 11, expected Size["Out"]: dimension \'Out\' is 10 '
     'from argument "w" but here it is 11  [tensor-shape]'),
    ("Affine(y, out=11)",
     'Argument "out" to "Affine" is 11, expected Size["Out"]: dimension \'Out\' is 10 from '
     'argument "w" but here it is 11  [tensor-shape]'),
    ("Affine(e)",
     'Argument 1 ("w") to "Affine" is Float32[Tensor, "32"], expected Float32[Tensor, "In '
     "Out\"]: it has 1 axis, not 2 as 'In Out' wants  [tensor-shape]"),
    ("Head(783)(x)",
     'Argument 1 ("x") to "__call__" of "Head" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "b 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Either(783)(x)",
     'Argument 1 ("x") to "__call__" of "Either" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "b 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Either(783, 5)(x)",
     'Argument 1 ("x") to "__call__" of "Either" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "b 783"]: axis 1 is 784, not 783  [tensor-shape]'),
    ("Codebook(y).distances(x)",
     'Argument 1 ("x") to "distances" of "Codebook" is Float32[Tensor, "32 784"], expected '
     'Float32[Tensor, "b 10"]: axis 1 is 784, not 10  [tensor-shape]'),
    ("Codebook(e)",
     'Argument 1 ("codes") to "Codebook" is Float32[Tensor, "32"], expected '
     'Float32[Tensor, "N M"]: it has 1 axis, not 2 as \'N M\' wants  [tensor-shape]'),
    ("through(y, dense)",
     'Argument 2 ("layer") to "through" is Dense[784, 128], expected Dense[i, o]: '
     'dimension \'i\' is 10 from argument "x" but here it is 784  [tensor-shape]'),
    ("through(x, Dense(10, 3))",
     'Argument 2 ("layer") to "through" is Dense[10, 3], expected Dense[i, o]: dimension '
     '\'i\' is 784 from argument "x" but here it is 10  [tensor-shape]'),
    ("through(x, e)",
     'Argument 2 to "through" has incompatible type "Float32[Tensor, \'32\']"; expected '
     '"Dense[_, _]"  [arg-type]'),
    ("stacked(Dense(784, 5), Dense(6, 3))",
     'Argument 2 ("b") to "stacked" is Dense[6, 3], expected Dense[h, o]: dimension \'h\' '
     'is 5 from argument "a" but here it is 6  [tensor-shape]'),
    ("all_through([Dense(784, 784), Dense(784, 10)], x)",
     'Argument 1 ("layers") to "all_through" is list[Dense[_, _]], expected '
     "Sequence[Dense[d, d]]: dimension 'd' is 784 but here it is 10  [tensor-shape]"),
    ("all_through(listed, y)",
     'Argument 2 ("x") to "all_through" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "b d"]: dimension \'d\' is 784 from argument "layers" but here it is '
     "10 (axis 1)  [tensor-shape]"),
    ("declared(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("one(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("other(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ('named["a"](y)',
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("listed[0](y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("made(784, 3)(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("[Dense][0](784, 3)(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float32[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ("nn.Dense(784, 10)(y)",
     'Argument 1 ("x") to "__call__" of "Dense" is Float32[Tensor, "784 10"], expected '
     'Float[Tensor, "*batch 784"]: axis 1 is 10, not 784  [tensor-shape]'),
    ('nn.Dense("784", 10)',
     'Argument 1 to "Dense" has incompatible type "str"; expected "int"  [arg-type]'),
    ("Dense(784)",
     'Missing positional argument "out" in call to "Dense"  [call-arg]'),
    ("Dense(784, 5)(x, x)",
     'Too many arguments for "__call__" of "Dense"  [call-arg]'),
]
# fmt: on


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    statements = [*(f"reveal_type({e})" for e, _ in REVEALED), *(s for s, _ in WRONG)]
    return by_statement(tmp_path_factory.mktemp("constructors"), HEADER, statements)


@pytest.mark.parametrize("row", range(len(REVEALED)), ids=[e for e, _ in REVEALED])
def test_types(messages: list[list[str]], row: int) -> None:
    assert messages[row] == [REVEALED[row][1]]


@pytest.mark.parametrize("row", range(len(WRONG)), ids=[s for s, _ in WRONG])
def test_errors(messages: list[list[str]], row: int) -> None:
    assert messages[len(REVEALED) + row] == [WRONG[row][1]]
