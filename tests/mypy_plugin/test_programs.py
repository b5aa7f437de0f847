"""Small programs, right and wrong, with the types and the messages that mypy gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy_plugin.running import by_statement, check

HEADER = """
from typing import Any, Generic, Literal, overload
from typing_extensions import TypeVar
from jaxtyping import Float, Float32, Int
import typedflux as flux
from typedflux import Tensor, nn, ops
from typedflux.checks import Size
In = TypeVar("In")
Out = TypeVar("Out")

class Linear(nn.Module, Generic[In, Out]):
    weight: Float[Tensor, "Out In"]
    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = ops.zeros((out, in_))
    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        return x @ self.weight.mT

def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

@overload
def half(x: Float32[Tensor, "b n"], both: Literal[False] = False) -> Float32[Tensor, "b n//2"]: ...
@overload
def half(
    x: Float32[Tensor, "b n"], both: Literal[True]
) -> tuple[Float32[Tensor, "b n//2"], Float32[Tensor, "b n-n//2"]]: ...
def half(x: Float32[Tensor, "b n"], both: bool = False) -> Any:
    return x

K = TypeVar("K", default=Any)

class Wide(nn.Module, Generic[In, K]):
    @overload
    def __init__(self: "Wide[In, In]", a: Size[In]) -> None: ...
    @overload
    def __init__(self, a: Size[In], k: Size[K]) -> None: ...
    def __init__(self, a: int, k: int = 0) -> None: ...
    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch K"]:
        return ops.asarray(x.tolist())

def f(x: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"], z: Float32[Tensor, "2 n 784"],
      i: Int[Tensor, "32"], u: Float32[Tensor, "_ 784"], t: Tensor, k: int,
      v: Wide[784]) -> None:
"""

REVEALED = [
    ("product(x, w)", "Float32[Tensor, '32 10']"),
    ("product(u, w)", "Float32[Tensor, '_ 10']"),
    ("product(t, w)", "Float32[Tensor, '_ 10']"),
    ("x @ w + 1", "Float32[Tensor, '32 10']"),
    ("z @ w", "Float32[Tensor, '2 n 10']"),
    ("x.mT", "Float32[Tensor, '784 32']"),
    ("z.shape", "tuple[Size['2'], Size['n'], Size['784']]"),
    ("2 * z.shape[1] + 1", "Size['2*n+1']"),
    ("x.sum(axis=1, keepdims=True)", "Float32[Tensor, '32 1']"),
    ("z.sum(axis=(0, 2))", "Float32[Tensor, 'n']"),
    ("z.reshape((2, -1))", "Float32[Tensor, '2 784*n']"),
    ("ops.permute_dims(z, (2, 0, 1))", "Float32[Tensor, '784 2 n']"),
    ("ops.zeros((3, k))", "Float32[Tensor, '3 _']"),
    ("ops.zeros(z.shape)", "Float32[Tensor, '2 n 784']"),
    ("ops.greater(x, 0)", "Bool[Tensor, '32 784']"),
    ("i + x.sum(axis=1)", "Float32[Tensor, '32']"),
    ("Linear(784, 128)(x)", "Float[Tensor, '32 128']"),
    ("Linear(784, k)(z)", "Float[Tensor, '2 n _']"),
    ("flux.gradient(lambda m: m(x).sum(), Linear(784, 2)).weight", "Float[Tensor, '2 784']"),
    ("half(x)", "Float32[Tensor, '32 392']"),
    ("half(x, True)", "tuple[Float32[Tensor, '32 392'], Float32[Tensor, '32 392']]"),
    ("Wide(784)(x)", "Float[Tensor, '32 784']"),
    ("Wide(784, 5)(x)", "Float[Tensor, '32 5']"),
    ("nn.LSTM(784, 5)(z)", "Float[Tensor, '2 n 5']"),
    ("nn.GRU(784, 5, bidirectional=True)(z)", "Float[Tensor, '2 n 10']"),
    ("nn.RNN(784, 5, return_state=True)(z)", "tuple[Float[Tensor, '2 n 5'], Any]"),
    ("nn.RNN(784, 5, return_state=t.size > 0)(z)", "Any"),
    ("nn.MultiHeadAttention(784, 8)(z)", "Float[Tensor, '2 n 784']"),
    ("nn.MultiHeadAttention(784, 8)(z, return_scores=True)[1]", "Float[Tensor, '2 _ n _']"),
    ("flux.dot_product_attention(z, z, z)", "Float32[Tensor, '2 n 784']"),
    ("flux.make_causal_mask(z)", "Bool[Tensor, 'n n']"),
    (
        "flux.withgradient(lambda y: (y.sum(), nn.Dropout(0.5)(y)), x)[0][1]",
        "Float[Tensor, '32 784']",
    ),
    ("v(x)", "Float[Tensor, '32 _']"),
    ("t + x", "Inexact[Tensor, '... 32 784']"),
]

WRONG = [
    ("x @ x", "the last axis of the first operand is 784, the second to last of the second is 32"),
    ("x + w", "cannot broadcast '32 784' with '784 10': axis -2 has sizes 32 and 784"),
    ("product(w, x)", "dimension 'n' is 10 from argument \"x\" but here it is 32 (axis 0)"),
    ("x.reshape((32, 783))", "[tensor-shape]"),
    ("x.sum(axis=2)", "[tensor-shape]"),
    ("Linear(784, 128)(w)", "axis 1 is 10, not 784"),
    ("Linear(128, 10)(Linear(784, 64)(x))", "axis 1 is 64, not 128"),
    ("product(i, w)", "it wants dtype float32, not Int  [tensor-dtype]"),
    ("Wide(785)(x)", "axis 1 is 784, not 785"),
    ("nn.LSTM(785, 5)(z)", "axis 2 is 784, not 785"),
    ("flux.dot_product_attention(z, w, w)", "queries have 784 features but keys 10"),
    ("y: Float32[Tensor, '10 32'] = x @ w", "'32 10'"),
    ("q: Float32[Tensor, 'n-'] = x", "[tensor-annotation]"),
]


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    statements = [*(f"reveal_type({e})" for e, _ in REVEALED), *(s for s, _ in WRONG)]
    return by_statement(tmp_path_factory.mktemp("programs"), HEADER, statements)


@pytest.mark.parametrize("row", range(len(REVEALED)), ids=[e for e, _ in REVEALED])
def test_types(messages: list[list[str]], row: int) -> None:
    assert messages[row] == [REVEALED[row][1]]


@pytest.mark.parametrize("row", range(len(WRONG)), ids=[s for s, _ in WRONG])
def test_errors(messages: list[list[str]], row: int) -> None:
    (message,) = messages[len(REVEALED) + row]
    assert WRONG[row][1] in message


def test_a_wrong_body_is_found(tmp_path: Path) -> None:
    program = HEADER.replace("return x @ self.weight.mT", "return x @ self.weight")
    messages = check(tmp_path, {"main.py": program + "    pass\n"})
    assert any("the last axis of the first operand is In" in m for m in messages)
