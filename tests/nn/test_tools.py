"""Parameters and layers of whole models, one flat vector, and precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.nn.models import Words, loss, plain, same_state
from typedflux import Tensor, nn


def test_trainables() -> None:
    model = Words()
    found = flux.trainables(model, path=True)
    assert list(found) == [
        "embedding.weight", "first.weight", "first.bias", "blocks[2].layers[1].scale",
        "blocks[2].layers[1].shift", "table.a", "table.b",
    ]  # fmt: skip
    assert all(a is b for a, b in zip(found.values(), flux.trainables(model), strict=True))
    assert flux.trainables(flux.ones(2), path=True).keys() == {""}
    assert flux.trainables([flux.asarray(1), 2, "x"]) == []
    assert len(flux.trainables(flux.asarray(1j))) == 1


def test_trainables_are_differentiable() -> None:
    model = nn.Chain(nn.Dense(2, 1), nn.Scale(1))
    grad = flux.gradient(lambda m: sum([(w * w).sum() for w in flux.trainables(m)]), model)
    assert np.allclose(grad[0].weight.numpy(), 2 * model[0].weight.numpy())


def test_modules() -> None:
    model = Words()
    found = flux.modules(model, path=True)
    assert list(found) == [
        "", "decoder", "embedding", "first", "blocks[2]", "blocks[2].layers[0]",
        "blocks[2].layers[1]",
    ]  # fmt: skip
    assert flux.modules(model) == list(found.values())
    assert flux.modules(flux.relu) == []
    assert flux.modules([model.first, {"a": model.first}]) == [model.first]


def test_destructure_and_rebuild() -> None:
    model = Words()
    flat, rebuild = flux.destructure(model)
    tensors = flux.trainables(model)
    assert flat.shape == (sum(t.size for t in tensors),)
    assert np.array_equal(flat.numpy(), np.concatenate([t.numpy().ravel() for t in tensors]))
    again = rebuild(flat)
    assert same_state(again, model) and again is not model
    assert again.blocks[0] is again.first and again.decoder.weight is again.embedding.weight
    other = rebuild(flat * 2)
    assert np.array_equal(other.first.weight.numpy(), 2 * model.first.weight.numpy())
    assert other.count.item() == 7
    flux.load_state(model, flux.state(Words()))
    assert same_state(rebuild(flat), again)  # the rest is kept from when it was destructured


def test_destructure_is_differentiable_both_ways() -> None:
    model = flux.testmode(flux.f64(Words()))
    flat, rebuild = flux.destructure(model)
    gradient = flux.gradient(lambda v: loss(rebuild(v)), flat)
    by_model = flux.destructure(flux.gradient(loss, model))[0]
    assert np.allclose(gradient.numpy(), by_model.numpy())
    step = 1e-6
    for i in range(flat.size):
        there = flux.asarray(np.eye(flat.size)[i] * step)
        slope = (loss(rebuild(flat + there)) - loss(rebuild(flat - there))) / (2 * step)
        assert abs(float(slope) - float(gradient[i])) < 1e-6
    weights = flux.arange(flat.size, dtype=flux.float64)
    back = flux.gradient(lambda m: (flux.destructure(m)[0] * weights).sum(), model)
    assert np.array_equal(flux.destructure(back)[0].numpy(), weights.numpy())


def test_destructure_promotes_and_rebuild_restores() -> None:
    tree = [
        flux.ones(2, dtype=flux.float16),
        flux.asarray(2j),
        flux.asarray([3]),
        flux.ones((0, 2)),
    ]
    flat, rebuild = flux.destructure(tree)
    assert flat.dtype == flux.complex64 and flat.tolist() == [1, 1, 2j]
    again = rebuild(flat * 2)
    assert [t.dtype for t in again] == [t.dtype for t in tree]
    assert plain(again) == [[2, 2], 4j, [3], []]
    flat, rebuild_nothing = flux.destructure(nn.Flatten())
    assert flat.shape == (0,) and isinstance(rebuild_nothing(flat), nn.Flatten)
    assert flux.destructure(flux.ones((2, 2)))[1](flux.arange(4.0)).tolist() == [[0, 1], [2, 3]]


def test_a_rebuilt_model_is_active_where_the_vector_is_differentiated() -> None:
    flat, rebuild = flux.destructure(nn.Chain(nn.Scale(1), nn.Dropout(0.5)))
    seen = []

    def check(v: Tensor) -> Tensor:
        model = rebuild(v)
        seen.append(model[1].training)
        total: Tensor = model[0].scale.sum()
        return total

    check(flat)
    flux.gradient(check, flat)
    flux.jit(check)(flat)
    flux.jit(lambda v: flux.gradient(check, v))(flat)
    flux.gradient(lambda x: check(flat) * x, flux.asarray(1.0))
    assert seen == [False, True, False, True, False]
    assert not rebuild(flat)[1].training


def test_frozen_parameters_are_not_destructured() -> None:
    model = nn.Chain(nn.Dense(2, 3), nn.Scale(3))
    flux.freeze(model[0])
    flat, rebuild = flux.destructure(model)
    assert flat.tolist() == [1, 1, 1, 0, 0, 0]
    assert rebuild(flat + 1)[0].weight is model[0].weight


def test_bad_vectors() -> None:
    _, rebuild = flux.destructure(nn.Dense(2, 1))
    for wrong in (flux.ones(4), flux.ones((1, 3)), flux.ones(())):
        with pytest.raises(flux.ShapeError, match='shape "3"; got'):
            rebuild(wrong)
    with pytest.raises(TypeError, match="rebuild takes a vector of parameters, got a list"):
        rebuild([1, 2, 3])  # type: ignore[arg-type]


def test_precision() -> None:
    model = Words()
    flux.freeze(model.first)
    for function, dtype in [
        (flux.f16, flux.float16), (flux.bf16, flux.bfloat16), (flux.f64, flux.float64),
        (flux.f32, flux.float32),
    ]:  # fmt: skip
        other = function(model)
        assert other.count.dtype == flux.int64
        floats = [t for _, t in leaves(other) if t.dtype != flux.int64]
        assert {t.dtype for t in floats} == {dtype} and len(floats) == 9
        assert other.blocks[0] is other.first and other.blocks[2] is not model.blocks[2]
        assert other.decoder.weight is other.embedding.weight
    assert model.first.weight.dtype == flux.float32
    dropout = nn.Dropout(0.5)
    flux.trainmode(flux.f32(nn.Chain(dropout)))
    assert not dropout.training
    tree = {"z": flux.asarray(1j), "n": 3, "i": flux.asarray(1), "b": flux.asarray(True)}
    assert flux.f64(tree)["z"].dtype == flux.complex128  # type: ignore[attr-defined]
    assert flux.f16(tree)["z"].dtype == flux.complex64  # type: ignore[attr-defined]
    assert flux.f32(flux.f64(tree))["z"].dtype == flux.complex64  # type: ignore[attr-defined]
    assert flux.f16(flux.ones(1)).dtype == flux.float16


def leaves(tree: object) -> list[tuple[str, Tensor]]:
    found = []

    def visit(state: Any, path: str) -> None:
        if isinstance(state, Tensor):
            found.append((path, state))
        elif isinstance(state, (dict, list, tuple)):
            items = state.items() if isinstance(state, dict) else enumerate(state)
            for name, part in items:
                if id(part) not in seen or isinstance(part, Tensor):
                    seen.add(id(part))
                    visit(part, f"{path}/{name}")

    seen: set[int] = set()
    visit(flux.state(tree), "")
    return found


def test_precision_is_differentiable() -> None:
    model = nn.Dense(2, 1)
    grad = flux.gradient(lambda m: flux.f16(m)(flux.ones((1, 2), dtype=flux.float16)).sum(), model)
    assert grad.weight.dtype == flux.float32
    assert grad.weight.tolist() == [[1, 1]]
