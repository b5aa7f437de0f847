"""Training and testing modes, and freezing."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

import typedflux as flux
from tests.nn.models import Words, loss, plain
from typedflux import Tensor, nn
from typedflux.optim import Rule


def active(model: nn.Module) -> tuple[bool, bool]:
    """Whether it is in training outside of a gradient, and in one."""
    inside = []

    def look(m: nn.Module) -> Tensor:
        inside.append(m.training)
        return flux.asarray(0.0)

    flux.gradient(look, model)
    return model.training, inside[0]


def test_three_modes() -> None:
    layer = nn.Dropout(0.5)
    assert active(layer) == (False, True)
    assert flux.trainmode(layer) is layer and active(layer) == (True, True)
    assert active(flux.trainmode(layer, False)) == (False, False)
    assert active(flux.trainmode(layer, None)) == (False, True)
    assert active(flux.testmode(layer)) == (False, False)
    assert active(flux.testmode(layer, False)) == (True, True)
    assert active(flux.testmode(layer, None)) == (False, True)
    assert flux.testmode(flux.relu) is flux.relu
    for function in (flux.trainmode, flux.testmode):
        with pytest.raises(TypeError, match="mode is True, False or None, got 'auto'"):
            function(layer, "auto")  # type: ignore[arg-type]


def test_modes_reach_all_modules_but_not_through_ties() -> None:
    model = Words()
    flux.testmode(model.decoder)
    assert active(model.embedding) == (False, True)
    flux.testmode(model)
    assert all(active(m) == (False, False) for m in flux.modules(model))
    assert active(copy.deepcopy(model).first) == (False, False)


def test_dropout_and_batchnorm_under_a_gradient() -> None:
    model = nn.Chain(nn.Scale(1000), nn.Dropout(0.5))
    ones = flux.ones(1000)

    def zeros(gradient: nn.Chain) -> int:
        return int((gradient[0].bias == 0).sum())

    assert 400 < zeros(flux.gradient(lambda m: m(ones).sum(), model)) < 600
    assert zeros(flux.gradient(lambda m: m(ones).sum(), flux.testmode(model))) == 0
    norm = nn.BatchNorm(2)
    x = flux.asarray([[1.0, 2.0], [3.0, 6.0]])
    for mode, follows in [(None, True), (False, False), (True, True)]:
        before = norm.mean
        flux.gradient(lambda m: m(x).sum(), flux.trainmode(norm, mode))
        assert (norm.mean is not before) is follows
    before = norm.mean
    norm(x)
    assert norm.mean is not before  # train mode, also without a gradient


def test_a_mode_is_part_of_what_jit_specialises_by() -> None:
    model = nn.Chain(nn.Scale(100), nn.Dropout(0.5))
    run = flux.jit(lambda m, x: m(x))
    ones = flux.ones(100)
    assert (run(flux.trainmode(model), ones) == 0).sum() > 0
    assert (run(flux.testmode(model), ones) == 0).sum() == 0


RULES: list[Rule] = [
    flux.Descent(0.1),
    flux.Adam(0.1),
    flux.AdamW(0.1),
    flux.OptimiserChain(flux.ClipNorm(1.0), flux.WeightDecay(0.1), flux.Momentum(0.1)),
    flux.AccumGrad(1, flux.RMSProp(0.1)),
]


def network() -> nn.Chain:
    return nn.Chain(nn.Dense(2, 3), nn.BatchNorm(3), nn.Dropout(0.5), nn.Dense(3, 1))


def step(model: nn.Chain, state: flux.OptimiserState) -> nn.Chain:
    x = flux.asarray([[1.0, 2.0], [-3.0, 4.0], [5.0, 0.0]])
    grads = flux.gradient(lambda m: ((m(x) - 1) ** 2).sum(), model)
    flux.update(state, model, grads)
    return grads


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("jitted", [False, True])
def test_a_frozen_part_of_a_model_stays(rule: Rule, jitted: bool) -> None:
    flux.seed(1)
    run = flux.jit(step) if jitted else step
    model = network()
    state = flux.setup(rule, model)
    run(model, state)
    flux.freeze(model[0])
    flux.freeze(model[1])
    kept = plain(flux.state(model[:2])), plain(flux.state(state.layers[0]))
    before = plain(flux.state(model[3]))
    grads = run(model, state)
    run(model, state)
    assert (plain(flux.state(model[:2])), plain(flux.state(state.layers[0]))) == kept
    assert plain(flux.state(model[3])) != before
    assert grads[0].weight is None and grads[3].weight is not None
    flux.thaw(model)
    run(model, state)
    assert plain(flux.state(model[:2])) != kept[0]
    assert plain(flux.state(state.layers[0])) != kept[1] or isinstance(rule, flux.Descent)


def test_a_frozen_part_can_be_set_up_and_thawed_later() -> None:
    model = network()
    flux.freeze(model)
    state = flux.setup(flux.Adam(0.1), model)
    before = plain(flux.state(model))
    step(model, state)
    assert plain(flux.state(model)) == before
    assert flux.trainables(model) == []
    flux.thaw(model[3])
    assert list(flux.trainables(model, path=True)) == ["layers[3].weight", "layers[3].bias"]
    step(model, state)
    assert plain(flux.state(model))["layers"][0] == before["layers"][0]
    assert plain(flux.state(model))["layers"][3] != before["layers"][3]


def test_nothing_is_computed_for_the_gradient_of_a_frozen_part() -> None:
    seen = []

    def watched(x: Tensor) -> Tensor:
        seen.append(type(x).__name__)
        return x

    model = nn.Chain(nn.Dense(2, 2), watched, nn.Dense(2, 2), watched)
    flux.freeze(model[0])
    flux.gradient(lambda m: m(flux.ones((1, 2))).sum(), model)
    assert seen == ["Tensor", "ReverseTracer"]


def test_a_frozen_part_behaves_as_in_testing_unless_told() -> None:
    model = nn.Chain(nn.Scale(1), nn.Dropout(0.5))
    flux.freeze(model)
    assert active(model[1]) == (False, False)
    assert active(flux.trainmode(model[1])) == (True, True)
    assert active(flux.trainmode(model[1], None)) == (False, False)
    flux.thaw(model)
    assert active(model[1]) == (False, True)


def test_freezing_and_ties() -> None:
    """A tied parameter belongs to the module that it lives in."""
    model = Words()
    flux.freeze(model.decoder)
    assert "embedding.weight" in flux.trainables(model, path=True)
    assert flux.gradient(loss, model).embedding.weight is not None
    flux.freeze(model.embedding)
    assert "embedding.weight" not in flux.trainables(model, path=True)
    assert flux.gradient(loss, model).embedding.weight is None
    flux.thaw(model)
    assert "embedding.weight" in flux.trainables(model, path=True)


def test_freezing_tensors_in_containers() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            self.parts: list[Any] = [flux.ones(1), nn.Scale(1)]
            self.more: dict[str, Any] = {"a": (flux.ones(1),)}

    model = Mixed()
    flux.freeze(model)
    assert flux.trainables(model) == []
    scale = model.parts[1]
    flux.thaw(scale)
    assert "more.a[0]" not in flux.trainables(model, path=True)
    gradient = flux.gradient(lambda m: m.parts[1].scale.sum(), model)
    assert gradient.parts[1].scale.tolist() == [1] and gradient.more["a"] == (None,)


def test_freezing_is_kept_by_copies() -> None:
    model = network()
    flux.freeze(model[0])
    for other in (copy.deepcopy(model), flux.f64(model), pickle.loads(pickle.dumps(model))):
        assert len(flux.trainables(other)) == 4


def test_freezing_part_of_a_state_concerns_that_optimiser() -> None:
    model = network()
    state = flux.setup(flux.Descent(0.1), model)
    flux.freeze(state.layers[0].bias)
    before = model[0].weight, model[0].bias
    step(model, state)
    assert model[0].bias is before[1] and model[0].weight is not before[0]
    flux.thaw(state)
    step(model, state)
    assert model[0].bias is not before[1]


def test_what_cannot_be_frozen() -> None:
    for wrong, text in [
        (flux.ones(1), "a Tensor"), (flux.Adam(), "the rule Adam"), (3, "a int"),
        (nn.Dense, "the class Dense"), (flux.relu, "a function"), ([], "a list"),
    ]:  # fmt: skip
        message = re.escape(
            f"or a part of one such as model.layers[0] or state.layers[0].weight; got {text}"
        )
        for function in (flux.freeze, flux.thaw):
            with pytest.raises(TypeError, match=message):
                function(wrong)


def test_one_tensor_in_two_places_is_refused_where_it_would_be_trained_twice() -> None:
    model = nn.Chain(nn.Dense(2, 2), nn.Dense(2, 2))
    model[1].weight = model[0].weight
    with pytest.raises(ValueError, match=r"layers\[0\].weight and layers\[1\].weight are the same"):
        flux.setup(flux.Adam(), model)
    model[1].weight = nn.tied(model[0], "weight")
    assert len(flux.trainables(model)) == 3
    flux.setup(flux.Adam(), model)
