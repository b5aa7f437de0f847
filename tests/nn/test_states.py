"""`state` and `load_state`."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import numpy as np
import pytest

import typedflux as flux
from tests.nn.models import Words, plain, same_state
from typedflux import Tensor, nn


def test_state_is_plain_containers_with_tensors_as_leaves() -> None:
    model = Words()
    state = flux.state(model)
    assert list(state) == ["decoder", "embedding", "first", "blocks", "table", "count"][1:]
    assert state["embedding"]["weight"] is model.embedding.weight
    assert state["blocks"][0] is state["first"]
    assert state["blocks"][1] == {} and state["blocks"][2]["layers"][0] == {}
    assert list(state["blocks"][2]["layers"][1]) == ["scale", "shift", "mean", "var"]
    assert state["table"]["b"].shape == ()
    x = flux.ones(2)
    assert flux.state(x) is x
    assert flux.state(nn.Chain(flux.relu, nn.Flatten())) == {}
    assert flux.state([flux.relu, (x, 3)]) == [{}, (x, {})]
    assert flux.state(3) == {}


def test_state_and_back() -> None:
    model, other = Words(), Words()
    state = flux.state(other)
    assert not same_state(model, other)
    assert flux.load_state(model, state) is model
    assert same_state(model, other)
    assert model.blocks[0] is model.first
    assert model.decoder.weight is other.embedding.weight
    assert flux.load_state(Words(), other).first.weight is other.first.weight


def test_a_state_does_not_change_with_the_model() -> None:
    model = nn.Chain(nn.Dense(2, 2), nn.BatchNorm(2))
    state = flux.state(model)
    before = plain(state)
    optimiser = flux.setup(flux.Descent(0.1), model)
    x = flux.asarray([[1.0, 2.0], [4.0, 3.0]])
    flux.update(optimiser, model, flux.gradient(lambda m: (m(x) ** 3).sum(), model))
    assert plain(flux.state(model)) != before
    assert plain(flux.state(flux.load_state(model, state))) == before


class Pair(NamedTuple):
    a: Tensor
    b: Any


def test_states_of_plain_trees() -> None:
    x, y = flux.ones(2), flux.zeros(2)
    assert flux.state(Pair(x, [y])) == {"a": x, "b": [y]}
    assert flux.load_state(Pair(x, [y]), {"a": y, "b": [x]}) == Pair(y, [x])
    assert flux.load_state(x, y) is y
    assert flux.load_state((x, [x, 1]), [y, (y, {})]) == (y, [y, 1])
    assert flux.load_state({"a": x}, {"a": np.zeros(2, np.float32), "b": {}})["a"].tolist() == [
        0,
        0,
    ]
    assert flux.load_state(flux.relu, {}) is flux.relu


def test_states_survive_other_programs() -> None:
    """Lists for tuples, arrays for tensors, copies for what was shared."""
    model, other = Words(), Words()

    def stored(state: Any) -> Any:
        if isinstance(state, Tensor):
            return state.numpy()
        if isinstance(state, dict):
            return {k: stored(v) for k, v in state.items()}
        return [stored(v) for v in state]

    flux.load_state(model, pickle.loads(pickle.dumps(stored(flux.state(other)))))
    assert same_state(model, other)
    state = flux.state(other)
    del state["first"]  # it is among the blocks
    assert same_state(flux.load_state(Words(), state), other)


def test_a_tied_parameter_whose_module_is_elsewhere() -> None:
    model, other = Words(), Words()
    state = flux.state(other.decoder)
    assert list(state) == ["_ties"]
    flux.load_state(model.decoder, state)
    assert model.embedding.weight is other.embedding.weight
    assert list(flux.trainables(model.decoder, path=True)) == ["_ties[0][0].weight"]


def test_an_optimiser_state_has_a_state() -> None:
    model = nn.Dense(2, 1)
    x = flux.ones((1, 2))
    states = [flux.setup(flux.Adam(0.1), model) for _ in range(2)]
    flux.update(states[0], model, flux.gradient(lambda m: m(x).sum(), model))
    assert not same_state(*states)
    assert same_state(flux.load_state(states[1], flux.state(states[0])), states[0])


def test_all_that_does_not_fit_is_listed_and_nothing_loaded() -> None:
    model = Words()
    before = plain(flux.state(model))
    state = flux.state(Words())
    state["embedding"] = {"weight": flux.zeros((5, 4)), "bias": flux.zeros(5)}
    state["first"] = {"weight": flux.zeros((3, 3), dtype=flux.float64)}
    state["blocks"][1] = {"scale": flux.ones(3)}
    state["blocks"][2]["layers"] = (*state["blocks"][2]["layers"], {"x": [flux.ones(1)]})
    state["blocks"].append(flux.ones(1))
    state["table"] = flux.ones(3)
    state["count"] = 7
    state["extra"] = {"deep": [flux.ones(1)], "empty": {}}
    with pytest.raises(flux.ShapeError) as raised:
        flux.load_state(model, state)
    assert str(raised.value).splitlines() == [
        "this state does not fit this Words, into which nothing was loaded:",
        '  embedding.weight: wanted Float32[Tensor, "5 3"], got Float32[Tensor, "5 4"]',
        "  embedding.bias: in the state, but not in the model",
        '  first.weight: wanted Float32[Tensor, "3 3"], got Float64[Tensor, "3 3"]',
        "  first.bias: missing in the state",
        "  blocks[0]: differs from first, with which it is shared",
        "  blocks[1].scale: in the state, but not in the model",
        "  blocks[2].layers[2].x[0]: in the state, but not in the model",
        "  blocks[3]: in the state, but not in the model",
        '  table: wanted a dict, got Float32[Tensor, "3"]',
        '  count: wanted Int64[Tensor, ""], got a int',
        "  extra.deep[0]: in the state, but not in the model",
    ]
    assert plain(flux.state(model)) == before
    with pytest.raises(flux.ShapeError, match=r"the whole: wanted a dict, got Float32"):
        flux.load_state(nn.Dense(1, 1), flux.ones(1))
    with pytest.raises(flux.ShapeError, match=r"layers\[0\].bias: missing"):
        flux.load_state(nn.Chain(nn.Dense(1, 1)), {})
