"""Containers that a compiled or differentiated function changes are changed as eagerly."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile import Jitted
from typedflux.core.tree import leaves

Change = Callable[[Any, Tensor], Tensor]


class Model(nn.Module):
    def __init__(self) -> None:
        self.weights = [flux.ones(3), flux.zeros(2)]
        self.named: dict[str, Any] = {"a": flux.ones(3), "deep": [flux.zeros(())]}
        self.seen: list[Tensor] = []
        self.layers = [nn.Scale(3)]


@dataclass
class State:
    weight: Tensor
    steps: int = 0
    past: list[Tensor] = field(default_factory=list)


def replace_item(m: Model, x: Tensor) -> Tensor:
    m.weights[0] = m.weights[0] + x
    return m.weights[0].sum()


def replace_value(m: Model, x: Tensor) -> Tensor:
    m.named["a"] = m.named["a"] * 2 + x
    m.named["deep"][0] = m.named["deep"][0] + 1
    return m.named["a"].sum()


def add_value(m: Model, x: Tensor) -> Tensor:
    m.named["b"] = x * 2
    m.weights[:] = [w + 1 for w in m.weights]
    return x.sum()


def append(m: Model, x: Tensor) -> Tensor:
    m.seen.append(x * 2)
    return x.sum()


def in_layers(m: Model, x: Tensor) -> Tensor:
    m.layers[0].scale = m.layers[0].scale * 2
    return m.layers[0](x).sum()


def swapped(change: Change, x: Tensor, m: Model) -> Tensor:
    return change(m, x)


FUNCTIONS = [replace_item, replace_value, add_value, append, in_layers]


def assert_same(a: Any, b: Any) -> None:
    for p, q in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-6)


@pytest.mark.parametrize("change", FUNCTIONS, ids=lambda f: f.__name__)
def test_containers_in_modules(change: Change) -> None:
    compiled = Jitted(change)
    eager, model = Model(), Model()
    for i in range(4):
        x = flux.full((3,), float(i))
        assert_same(compiled(model, x), change(eager, x))
        assert_same(model, eager)
    assert len(model.seen) == len(eager.seen)


@pytest.mark.parametrize("change", FUNCTIONS, ids=lambda f: f.__name__)
def test_containers_in_modules_under_gradient(change: Change) -> None:
    eager, model = Model(), Model()
    for i in range(2):
        x = flux.full((3,), float(i))
        flux.gradient(functools.partial(swapped, change, x), model)
        change(eager, x)
        assert_same(model, eager)
    compiled = Jitted(lambda m, x: flux.gradient(lambda m: change(m, x), m))
    for i in range(2):
        x = flux.full((3,), float(i))
        compiled(model, x)
        change(eager, x)
        assert_same(model, eager)


def test_containers_in_captured_modules() -> None:
    model, eager = Model(), Model()
    compiled = Jitted(lambda x: replace_item(model, x))
    for i in range(3):
        x = flux.full((3,), float(i))
        assert_same(compiled(x), replace_item(eager, x))
        assert_same(model, eager)


def test_containers_among_the_arguments() -> None:
    def step(params: dict[str, Any], past: list[Tensor], state: State, x: Tensor) -> Tensor:
        params["w"] = params["w"] - 0.1 * x
        params["inner"]["b"] = params["inner"]["b"] + 1
        past.append(params["w"].sum())
        state.weight = state.weight * 2
        state.steps += 1
        state.past.append(state.weight)
        return params["w"]

    def made() -> tuple[dict[str, Any], list[Tensor], State]:
        return {"w": flux.ones(3), "inner": {"b": flux.zeros(2)}}, [], State(flux.ones(2))

    compiled = Jitted(step)
    a, b = made(), made()
    kept = a[0]["inner"]
    for i in range(4):
        x = flux.full((3,), float(i))
        assert_same(compiled(*a, x), step(*b, x))
        assert_same(a, b)
        assert a[2].steps == b[2].steps == i + 1
    assert a[0]["inner"] is kept


def test_nothing_changes_when_the_function_raises() -> None:
    def bad(params: dict[str, Tensor], past: list[Tensor]) -> None:
        params["w"] = params["w"] + 1
        past.append(params["w"])
        raise ValueError("no")

    params, past = {"w": flux.ones(3)}, list[Tensor]()
    for f in (Jitted(bad), lambda *args: flux.gradient(bad, *args)):
        with pytest.raises(ValueError, match="no"):
            f(params, past)
        assert params["w"].tolist() == [1.0] * 3
        assert past == []


def test_what_is_not_changed_stays_the_same_object() -> None:
    model = Model()
    before = copy.copy(model.__dict__)
    Jitted(lambda m: m.weights[0].sum())(model)
    flux.gradient(lambda m: m.weights[0].sum(), model)
    assert all(model.__dict__[name] is value for name, value in before.items())


def test_parameters_in_plain_containers_are_trained() -> None:
    def made() -> tuple[Any, flux.OptimiserState]:
        flux.seed(0)
        params = [{"w": flux.randn((3, 4)), "b": flux.zeros(4)}, (flux.randn((4, 2)),)]
        return params, flux.setup(flux.Adam(0.1), params)

    def step(params: Any, state: flux.OptimiserState, x: Tensor) -> Tensor:
        def loss(params: Any) -> Tensor:
            hidden = flux.tanh(x @ params[0]["w"] + params[0]["b"])
            return ((hidden @ params[1][0]) ** 2).mean()

        value, grads = flux.withgradient(loss, params)
        flux.update(state, params, grads)
        return value

    compiled = Jitted(step)
    a, b = made(), made()
    kept = a[0][0]
    for i in range(5):
        x = flux.asarray(np.random.default_rng(i).standard_normal((5, 3)).astype(np.float32))
        np.testing.assert_allclose(compiled(*a, x).item(), step(*b, x).item(), rtol=1e-4)
    for p, q in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-4, atol=1e-5)
    assert compiled.compilations == 1
    assert a[0][0] is kept


def test_a_captured_container_is_not_updated() -> None:
    params = {"w": flux.ones(3)}
    state = flux.setup(flux.Descent(0.1), params)

    def step(x: Tensor) -> None:
        flux.update(state, params, flux.gradient(lambda p: (p["w"] * x).sum(), params))

    with pytest.raises(TypeError, match="a dict of tensors cannot be changed inside jit"):
        Jitted(step)(flux.ones(3))
    assert params["w"].tolist() == [1.0] * 3
