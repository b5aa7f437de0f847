"""Variables and attributes around a compiled function: what they are at each call counts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile import Jitted
from typedflux.core.tracing import TraceError

FACTOR = 2.0
TABLE = {"factor": 2.0}
OFFSET = flux.ones(())
ITEMS = [flux.zeros(())]
traces = 0


def times(x: Tensor) -> Tensor:
    return x * FACTOR


def nested(x: Tensor) -> Tensor:
    return times(x) + 1


class Config:
    rate = 2.0

    def __init__(self) -> None:
        self.inner = 3.0


class Trainer:
    def __init__(self) -> None:
        self.model = nn.Scale(1)
        self.factor = 1.0
        self.config = Config()
        self.calls = 0
        self.unused = 0
        self.average = flux.zeros(())

    def scaled(self, x: Tensor) -> Tensor:
        return x * self.config.inner

    @flux.jit
    def predict(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.scaled(self.model(x)) * self.factor * self.config.rate

    @flux.jit
    def follow(self, x: Tensor) -> Tensor:
        self.average = 0.9 * self.average + x
        return self.average


X = flux.asarray(1.0)


@pytest.mark.parametrize(
    "f",
    [times, nested, lambda x: nested(x), functools.partial(times)],
    ids=["function", "nested", "lambda", "partial"],
)
def test_global_variables(f: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Jitted(f)
    for factor in (2.0, 2.0, 2.0, 5.0, 5.0, 5.0, 2.0):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        assert compiled(X).item() == f(X).item()
    assert compiled.compilations == 2


def test_variables_of_enclosing_functions() -> None:
    factor = 2.0
    compiled = Jitted(lambda x: x * factor)
    for factor in (2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 2.0):
        assert compiled(X).item() == factor
    assert compiled.compilations == 2


def test_tensors_and_models_that_were_replaced() -> None:
    offset = flux.ones(())
    model = nn.Dense(2, 2)
    x = flux.ones((1, 2))
    compiled = Jitted(lambda x: model(x) + offset)
    for _ in range(3):
        assert compiled(x).tolist() == (model(x) + offset).tolist()
    offset = flux.zeros(())
    assert compiled(x).tolist() == (model(x) + offset).tolist()
    model = nn.Dense(2, 2)
    for _ in range(3):
        assert compiled(x).tolist() == (model(x) + offset).tolist()


def test_items_of_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Jitted(lambda x: x * TABLE["factor"])
    for factor in (2.0, 2.0, 2.0, 3.0, 3.0, 3.0):
        monkeypatch.setitem(TABLE, "factor", factor)
        assert compiled(X).item() == factor
    assert compiled.compilations == 2


def test_attributes_of_plain_objects() -> None:
    trainer = Trainer()
    predict: Any = Trainer.__dict__["predict"]
    before = predict.compilations

    def check(wanted: float, compilations: int) -> None:
        for _ in range(3):
            trainer.unused += 1
            assert trainer.predict(flux.ones((1, 1))).item() == wanted
        assert predict.compilations - before == compilations

    check(6.0, 1)
    assert trainer.calls == 1  # it counts traces
    trainer.factor = 2.0
    check(12.0, 2)
    trainer.config.inner = 1.0
    check(4.0, 3)
    trainer.config = Config()
    check(12.0, 4)
    trainer.model.scale = trainer.model.scale * 2
    check(24.0, 4)
    trainer.model = nn.Scale(1)
    check(12.0, 5)


def test_what_the_function_counts_is_not_watched() -> None:
    seen: list[int] = []

    def f(x: Tensor) -> Tensor:
        global traces
        traces += 1
        seen.append(traces)
        return x * 2

    compiled = Jitted(f)
    start = traces
    for _ in range(5):
        compiled(X)
    assert traces == start + 1
    assert len(seen) == 1
    assert compiled.compilations == 1


def test_state_outside_of_modules_is_an_error() -> None:
    trainer = Trainer()
    with pytest.raises(TraceError, match=r"assigned a tensor to Trainer\.average"):
        trainer.follow(X)
    assert trainer.average.item() == 0.0

    def replace(x: Tensor) -> None:
        global OFFSET
        OFFSET = OFFSET + x

    with pytest.raises(TraceError, match="the global variable OFFSET"):
        Jitted(replace)(X)
    assert OFFSET.item() == 1.0

    def put(x: Tensor) -> None:
        ITEMS[0] = ITEMS[0] + x

    with pytest.raises(TraceError, match="the global variable ITEMS"):
        Jitted(put)(X)
    assert ITEMS[0].item() == 0.0
    total = flux.zeros(())

    def add(x: Tensor) -> None:
        nonlocal total
        total = total + x

    with pytest.raises(TraceError, match="total, a variable of an enclosing function"):
        Jitted(add)(X)
    assert total.item() == 0.0
