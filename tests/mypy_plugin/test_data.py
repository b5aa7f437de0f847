"""Data: what batches, splits, folds and rows are, and what a loss is called with."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected

PROGRAM = """
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict
from jaxtyping import Float, Float32, Int, Int64
import typedflux as flux
from typedflux import Tensor, data, losses, nn, zeros
from typedflux.data import DataLoader

class Pair(NamedTuple):
    image: Float32[Tensor, "n 1 8 8"]
    label: Int64[Tensor, "n"]

Parts = TypedDict("Parts", {"x": Float32[Tensor, "10 3"], "y": Int[Tensor, "10"]})

model = nn.Chain(nn.Dense(784, 32, flux.relu), nn.Dense(32, 10))
state = flux.setup(flux.Adam(1e-3), model)

def fixed(x: Float32[Tensor, "32 784"]) -> None: ...

def classify(
    m: nn.Dense[784, 10], x: Float32[Tensor, "b 784"], y: Int[Tensor, "b"]
) -> Float[Tensor, ""]:
    return losses.logitcrossentropy(m(x), y)

def wider(
    m: nn.Dense[784, 10], x: Float32[Tensor, "b 785"], y: Int[Tensor, "b"]
) -> Float[Tensor, ""]:
    return losses.logitcrossentropy(zeros((x.shape[0], 10)), y)

def rows(x: Float32[Tensor, "b n"], y: Int[Tensor, "b"], z: Float32[Tensor, "*s 3 k"],
         t: Tensor, s: Float32[Tensor, ""]) -> None:
    for row in x:
        reveal_type(row)  # => Float32[Tensor, 'n']
        row @ x  # !! the last axis of the first operand is n, the second to last of the second is
        row @ x.mT
        row[0, 0]  # !! too many indices: 2 for 'n', which has 1 axis  [tensor-shape]
    for e in y:
        reveal_type(e)  # => Int[Tensor, '']
    for u in z:
        reveal_type(u)  # => Float32[Tensor, '...']
    for q in t:
        reveal_type(q)  # => Shaped[Tensor, '...']
        q @ x
    for r, e in zip(x, y):
        reveal_type((r, e))  # => tuple[Float32[Tensor, 'n'], Int[Tensor, '']]
    for i, r in enumerate(x):
        reveal_type(r)  # => Float32[Tensor, 'n']
    for i, (r, e) in enumerate(zip(x, y)):
        r.sum(axis=1)  # !! axis 1 does not exist in 1 axis: valid are -1 to 0  [tensor-shape]
    reveal_type([r for r in x])  # => list[Float32[Tensor, 'n']]
    reveal_type({i: r for i, r in enumerate(x)})  # => dict[int, Float32[Tensor, 'n']]
    reveal_type(list(zip(x, y)))  # => list[tuple[Float32[Tensor, 'n'], Int[Tensor, '']]]
    reveal_type(next(iter(x)))  # => Float32[Tensor, 'n']
    first, *others = x
    reveal_type(first)  # => Float32[Tensor, 'n']
    reveal_type(others)  # => list[Float32[Tensor, 'n']]
    reveal_type(flux.stack([r for r in x]))  # => Float32[Tensor, '_ n']
    reveal_type(sum(r.sum() for r in x))  # => Float32[Tensor, '']
    reveal_type([a @ b for a, b in zip(x, x)])  # => list[Float32[Tensor, '']]

def batches(x: Float32[Tensor, "n 784"], y: Int[Tensor, "n"], size: int, t: Tensor) -> None:
    for a, b in DataLoader((x, y), batchsize=32):
        reveal_type((a, b))  # => tuple[Float32[Tensor, 'batch 784'], Int[Tensor, 'batch']]
        logits = model(a)
        reveal_type(logits)  # => Float[Tensor, 'batch 10']
        reveal_type(losses.logitcrossentropy(logits, b))  # => Float[Tensor, '']
        a @ zeros((785, 3))  # !! the last axis of the first operand is 784, the second to last of
        a.T @ zeros((784, 3))  # !! the last axis of the first operand is batch, the second to last
        losses.mse(logits, b)  # !! their ranks are 2 and 1, so reshape one of them  [tensor-shape]
        losses.mse(logits.sum(axis=0), b)  # !! axis 0 is 10 in one, batch in the other
        a.reshape((a.shape[0], 28, 27))  # !! cannot reshape 'batch 784' (784*batch elements) to
        a.reshape((-1, 28, 28))
        fixed(a)
        c: Float32[Tensor, "32 784"] = a
        d: Float32[Tensor, "32 785"] = a  # !! Incompatible types in assignment (expression has
        a + zeros((31, 784))  # !! axis -2 has sizes batch and 31  [tensor-shape]
        reveal_type(flux.one_hot(b, 10))  # => Float32[Tensor, 'batch 10']
    for a, b in DataLoader((x, y), batchsize=32, partial=False, shuffle=True):
        reveal_type((a, b))  # => tuple[Float32[Tensor, '32 784'], Int[Tensor, '32']]
        a @ zeros((32, 784))  # !! the last axis of the first operand is 784, the second to last of
    for i, (a, b) in enumerate(DataLoader((x, y), size)):
        reveal_type((a, b))  # => tuple[Float32[Tensor, 'batch 784'], Int[Tensor, 'batch']]
        fixed(a)
        fixed(a.T)  # !! axis 0 is 784, not 32  [tensor-shape]
    for parts in DataLoader({"x": x, "w": x}, batchsize=16):
        reveal_type(parts["x"])  # => Float32[Tensor, 'batch 784']
        parts["x"] @ zeros((16, 784))  # !! the last axis of the first operand is 784, the second
    for (a, _), v in zip(DataLoader((x, y), batchsize=16), DataLoader(t, 16)):
        reveal_type((a, v))  # => tuple[Float32[Tensor, 'batch 784'], Shaped[Tensor, '...']]
        flux.concat([a, v], axis=1)
    for (a, _), v in zip(DataLoader((x, y), batchsize=16), DataLoader(x, 16)):
        reveal_type(a + v)  # => Float32[Tensor, 'batch 784']
    for whole in DataLoader(zeros((100, 3)), batchsize=20):
        reveal_type(whole)  # => Float32[Tensor, '20 3']
    for whole in DataLoader(zeros((10, 3)), batchsize=20):
        reveal_type(whole)  # => Float32[Tensor, '10 3']
        whole @ zeros((20, 3))  # !! the last axis of the first operand is 3, the second to last of
    for whole in DataLoader(zeros((50, 3)), batchsize=20):
        reveal_type(whole)  # => Float32[Tensor, 'batch 3']
    for every in DataLoader(x, batchsize=len(x)):
        reveal_type(every)  # => Float32[Tensor, 'n 784']
    for odd in DataLoader(x, batchsize=31):
        fixed(odd)  # !! axis 0 is batch, not 32  [tensor-shape]
    loader = DataLoader((x, y), 64)
    batch = next(iter(loader))
    reveal_type(batch[0])  # => Float32[Tensor, 'batch 784']
    for epoch in range(3):
        for a, b in loader:
            a.T @ zeros((784, 2))  # !! the last axis of the first operand is batch, the second to

def forms(pair: Pair, parts: Parts, x: Float32[Tensor, "n 784"], n: int) -> None:
    for image, label in DataLoader(pair, batchsize=8):
        reveal_type(image)  # => Float32[Tensor, 'batch 1 8 8']
        image.reshape((8, 63))  # !! cannot reshape 'batch 1 8 8' (64*batch elements) to '8 63'
    for p in DataLoader(pair, batchsize=8):
        reveal_type(p.label)  # => Int64[Tensor, 'batch']
    for q in DataLoader(parts, batchsize=5):
        q["x"]
    pairs = [(row, 3) for row in x]
    for a, e in DataLoader(pairs, batchsize=4):
        reveal_type((a, e))  # => tuple[Float32[Tensor, 'batch 784'], Int64[Tensor, 'batch']]
        a.T @ zeros((784, 1))  # !! the last axis of the first operand is batch, the second to last
    for s in DataLoader(["a", "b"], 2):
        reveal_type(s)  # => list[str]
    for listed in DataLoader(pairs, 4, collate=False):
        reveal_type(listed)  # => list[tuple[Float32[Tensor, '784'], int]]
    for images, labels in DataLoader(data.digits(), batchsize=32):
        reveal_type(images)  # => Float32[Tensor, 'batch 1 8 8']
        nn.Dense(65, 10)(images.reshape((images.shape[0], -1)))  # !! axis 1 is 64, not 65

def splits(x: Float32[Tensor, "n 784"], y: Int[Tensor, "n"]) -> None:
    train, test = data.splitobs((x, y), at=0.8)
    reveal_type(train)  # => tuple[Float32[Tensor, 'part 784'], Int[Tensor, 'part']]
    reveal_type(test[0])  # => Float32[Tensor, 'rest 784']
    x_train, y_train = train
    model(x_train)
    losses.mse(model(x_train), y_train)  # !! their ranks are 2 and 1, so reshape one of them
    x_train.T @ zeros((784, 10))
    three = data.splitobs(x, at=(0.7, 0.2))
    reveal_type(three)  # => tuple[Float32[Tensor, '_ 784'], ...]
    for fit, validate in data.kfolds((x, y), 5):
        reveal_type(fit)  # => tuple[Float32[Tensor, 'part 784'], Int[Tensor, 'part']]
        fit[0] @ zeros((785, 1))  # !! the last axis of the first operand is 784, the second to
    reveal_type(data.shuffleobs((x, y)))  # => tuple[Float32[Tensor, 'n 784'], Int[Tensor, 'n']]
    reveal_type(data.randobs(x, 5))  # => Float32[Tensor, '5 784']
    picked = data.getobs((x, y), [1, 2])
    reveal_type(picked)  # => tuple[Float32[Tensor, 'part 784'], Int[Tensor, 'part']]
    reveal_type(data.chunk(x, 3)[0])  # => Float32[Tensor, '_ 784']
    reveal_type(data.slidingwindow(x, 3)[0])  # => Float32[Tensor, '3 784']
    more = data.oversample((x, y), y)
    reveal_type(more)  # => tuple[Float32[Tensor, 'part 784'], Int[Tensor, 'part']]
    for a, b in DataLoader(train, batchsize=64):
        reveal_type(a)  # => Float32[Tensor, 'batch 784']
        a @ zeros((64, 1))  # !! the last axis of the first operand is 784, the second to last of
        model(a)

def training(x: Float32[Tensor, "n 784"], y: Int[Tensor, "n"], m: nn.Dense[784, 10]) -> None:
    loader = DataLoader((x, y), batchsize=32)
    flux.train(classify, m, loader, state)
    flux.train(wider, m, loader, state)  # !! axis 1 is 784, not 785  [tensor-shape]
    flux.train(lambda m, x, y: losses.logitcrossentropy(m(x), y), model, loader, state)
    flux.train(lambda m, x, y: losses.mse(m(x), y), model, loader, state)  # !! their ranks are 2
    flux.train(lambda m, x, y: losses.mse(m(x.T), m(x)), model, loader, state)  # !! axis 1 is
    flux.train(lambda m, x: m(x).sum(), model, loader, state)  # !! Too many arguments
    flux.train(lambda m, x: m(x).sum(), model, DataLoader(x, batchsize=4), state)
    flux.train(classify, m, DataLoader((y, x), batchsize=4), state)  # !! it wants dtype float32,
    flux.train(classify, nn.Dense(784, 11), loader, state)  # !! it is 11, not 10  [tensor-shape]
    flux.train(classify, m, [(x, y)] * 10, state)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("data"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}
