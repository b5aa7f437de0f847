"""Where the sizes of an error come from, and values that each branch of an `if` gives a name."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.running import check

PROGRAM = """\
import typedflux as flux
from jaxtyping import Float, Float32
from typedflux import Tensor, nn

WIDTH = 46

class Net(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Dense(784, 128)
        self.second = nn.Dense(WIDTH, 10)

    def __call__(self, x: Float32[Tensor, "b 784"]) -> Float[Tensor, "b 10"]:
        h = self.first(x)
        return self.second(h)

def table(n: int) -> Tensor:
    w = flux.ones((n, 2))
    return w @ w

table(3)
table(5)  # type: ignore[tensor-shape]

def wrong(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    y = x.mT
    return y

def branches(
    x: Float32[Tensor, "b 8"], v: Float32[Tensor, "8 6"], w: Float32[Tensor, "8 5"], deep: bool
) -> Float32[Tensor, "b 6"]:
    if deep:
        h = x @ v
    else:
        h = x @ w
    y = 2 * flux.relu(h)
    y.reshape((-1, 1))
    print(y @ flux.ones((6, 1)))
    return h

def together(
    x: Float32[Tensor, "b 8"], v: Float32[Tensor, "8 6"], w: Float32[Tensor, "8 5"], deep: bool
) -> Tensor:
    if deep:
        h, g = x @ v, flux.ones((6, 2))
    else:
        h, g = x @ w, flux.ones((5, 2))
    gram = h @ h.mT
    if not deep:
        h = h @ flux.ones((5, 6))
    return h @ flux.ones((6, 1)) + gram.sum()

def narrowed(x: Float32[Tensor, "b 8"], deep: bool) -> float:
    if deep:
        h = x.sum(axis=1)
    else:
        h = x
    if h.ndim == 2:
        return h.sum(axis=1).mean().item()
    total: float = h.mean().item()
    return total

def rows(x: Float32[Tensor, "b 10"]) -> None:
    x.reshape((-1, 5))
    x.reshape((-1, 20))
    x.reshape((-1, 4))
"""

WANTED = {
    5: ['note: "WIDTH" comes from here: 46'],
    9: ['note: "self.first" comes from here: Dense[784, 128]'],
    10: ['note: "self.second" comes from here: Dense[46, 10]'],
    13: ['note: "h" comes from here: Float[Tensor, "b 128"]'],
    14: [
        'error: Argument 1 ("x") to "__call__" of "Dense" is Float[Tensor, "b 128"], expected '
        'Float[Tensor, "*batch 46"]: axis 1 is 128, not 46  [tensor-shape]'
    ],
    18: ["note: Here it does not fit what is given in line 20"],
    20: [
        'error: matmul(Float32[Tensor, "3 2"], Float32[Tensor, "3 2"]): the last axis of the first '
        "operand is 2, the second to last of the second is 3: the second would fit transposed, as "
        '.mT, in line 18 of "table"  [tensor-shape]'
    ],
    24: ['note: "y" comes from here: Float32[Tensor, "n b"]'],
    25: [
        "error: Incompatible return value type (got \"Float32[Tensor, 'n b']\", expected "
        "\"Float32[Tensor, 'b n']\")  [tensor-shape]"
    ],
    36: [
        'error: matmul(Float32[Tensor, "b 5"], Float32[Tensor, "6 1"]): the last axis of the first '
        "operand is 5, the second to last of the second is 6  [tensor-shape]"
    ],
    37: [
        "error: Incompatible return value type (got \"Float32[Tensor, 'b 6'] | Float32[Tensor, "
        "'b 5']\", expected \"Float32[Tensor, 'b 6']\")  [tensor-shape]"
    ],
    64: [
        "error: reshape(Float32[Tensor, \"b 10\"]): cannot reshape 'b 10' (10*b elements) to "
        "'-1 4': 10*b is not a multiple of 4 for most sizes  [tensor-shape]"
    ],
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    messages: dict[int, list[str]] = {}
    folder = tmp_path_factory.mktemp("origins")
    for message in check(folder, {"main.py": PROGRAM}, origins=True):
        line, _, text = message.partition(": ")
        messages.setdefault(int(line), []).append(text)
    return messages


@pytest.mark.parametrize("line", WANTED)
def test_messages(found: dict[int, list[str]], line: int) -> None:
    assert found.get(line) == WANTED[line]


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    errors = {line for line, texts in found.items() if any(t.startswith("error") for t in texts)}
    assert errors == {14, 20, 25, 36, 37, 64}
