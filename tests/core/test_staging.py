"""What a function assigns to a module's fields inside a gradient: committed once, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

import typedflux as flux
from typedflux import Tensor, ops
from typedflux.nn import Module, buffer


class Counting(Module):
    def __init__(self) -> None:
        self.weight = flux.asarray([2.0])
        self.calls = buffer(ops.zeros(()))
        self.last: Any = None

    def __call__(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        y = x * self.weight
        self.last = y
        return y


def test_a_gradient_commits_once() -> None:
    model = Counting()
    weight = model.weight
    flux.gradient(lambda m: m(flux.asarray([3.0])).sum(), model)
    assert model.calls.item() == 1
    assert type(model.last) is Tensor and model.last.tolist() == [6.0]
    assert model.weight is weight


def test_second_order_commits_once() -> None:
    model = Counting()

    def inner(m: Any) -> Tensor:
        grads = flux.gradient(lambda n: (n(flux.asarray([3.0])) * n.weight).sum(), m)
        total: Tensor = grads.weight.sum()
        return total

    flux.gradient(inner, model)
    assert model.calls.item() == 1
    assert type(model.last) is Tensor


def test_an_exception_discards() -> None:
    model = Counting()

    def f(m: Counting) -> Tensor:
        m(flux.asarray([3.0]))
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        flux.gradient(f, model)
    assert model.calls.item() == 0 and model.last is None


def test_a_non_finite_loss_discards() -> None:
    model = Counting()
    value, _ = flux.withgradient(lambda m: m(flux.asarray([float("inf")])).sum(), model)
    assert value.item() == float("inf")
    assert model.calls.item() == 0


def test_layers_are_active_under_a_gradient_of_their_model_only() -> None:
    model = Counting()
    seen: list[bool] = []

    def f(m: Counting) -> Tensor:
        seen.append(m.training)
        return m.weight.sum()

    f(model)
    flux.gradient(f, model)
    flux.gradient(lambda x: f(model) * x.sum(), flux.asarray([1.0]))
    assert seen == [False, True, False]
    assert not model.training


@pytest.mark.parametrize("value", [3.0, float("inf"), float("nan")])
def test_a_non_finite_loss_discards_in_a_jitted_step_too(value: float) -> None:
    @flux.jit
    def step(model: Counting, x: Tensor) -> tuple[Tensor, Counting]:
        return flux.withgradient(lambda m: m(x).sum(), model)

    model = Counting()
    for x in (2.0, value):
        step(model, flux.asarray([x]))
    assert model.calls.item() == (2 if value == 3.0 else 1)
    assert type(model.last) is Tensor and model.last.tolist() == ([6.0] if value == 3.0 else [4.0])
