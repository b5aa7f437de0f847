"""`setup`, `update`, `adjust`, `freeze` and `thaw` on models of every form, and their errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.optim.problem import loss, model
from typedflux import Tensor, nn, optim
from typedflux.shapes.errors import DTypeError, ShapeError


class Pair(nn.Module):
    """Two layers, a buffer and static fields."""

    first: nn.Dense
    second: nn.Dense

    def __init__(self) -> None:
        self.first = nn.Dense(4, 5, flux.tanh)
        self.second = nn.Dense(5, 3)
        self.calls = nn.buffer(flux.zeros(()))
        self.name = "pair"

    def __call__(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def run(state: Any, network: Any, steps: int = 1) -> None:
    x = flux.ones((2, 4))
    for _ in range(steps):
        flux.update(state, network, flux.gradient(lambda m: flux.mean(m(x) ** 2), network))


def values(network: Any) -> list[Any]:
    return [t.numpy().copy() for t in flux.trainables(network)]


def moved(before: list[Any], after: list[Any]) -> list[bool]:
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


# The state mirrors the model


def test_the_state_has_the_fields_of_the_model() -> None:
    state: Any = flux.setup(flux.Adam(), Pair())
    assert list(vars(state)) == ["first", "second"]
    assert isinstance(state.first.weight, optim.ParameterState)
    assert state.first.weight.state.mean.shape == (5, 4)
    assert "calls" not in repr(state)
    assert (
        repr(state.second.bias) == "ParameterState(Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))"
    )


def test_containers() -> None:
    holder: Any = {"a": [flux.ones(2), (flux.ones(3), 5)], 7: flux.zeros(1), "n": flux.arange(3)}
    state: Any = flux.setup(flux.Descent(1.0), holder)
    assert len(state["a"]) == 2
    assert isinstance(state["a"][1][0], optim.ParameterState)
    assert isinstance(state[7], optim.ParameterState)
    assert state["a"][-1][0] is state["a"][1][0]
    with pytest.raises(KeyError, match="no part 'n'"):
        state["n"]
    flux.update(state, holder, {"a": [flux.ones(2), (flux.ones(3), None)], 7: None, "n": None})
    assert holder["a"][0].tolist() == [0, 0]
    assert holder["a"][1][0].tolist() == [0, 0, 0]
    assert holder["a"][1][1] == 5
    assert holder[7].tolist() == [0]


def test_layers_of_a_chain_by_index() -> None:
    flux.seed(3)  # with another, the two hidden numbers may both be cut off
    chain = nn.Chain(nn.Dense(4, 2), flux.relu, nn.Dense(2, 1))
    state: Any = flux.setup(flux.Momentum(0.1), chain)
    assert isinstance(state.layers[2].weight, optim.ParameterState)
    before = values(chain)
    run(state, chain)
    assert all(moved(before, values(chain)))


def test_a_state_can_be_copied() -> None:
    network = Pair()
    state = flux.setup(flux.Adam(0.1), network)
    run(state, network, 2)
    other, other_state = copy.deepcopy((network, state))
    run(state, network, 2)
    run(other_state, other, 2)
    for a, b in zip(values(network), values(other), strict=True):
        np.testing.assert_array_equal(a, b)


# Sharing


class Twice(nn.Module):
    """One layer under two names."""

    def __init__(self) -> None:
        self.one: Any = nn.Dense(3, 3)
        self.other: Any = self.one

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = self.other(self.one(x))
        return out


def test_a_shared_module_has_one_state_and_one_update() -> None:
    network = Twice()
    state: Any = flux.setup(flux.Momentum(0.1), network)
    assert state.one is state.other
    x = flux.ones((2, 3))
    weight = network.one.weight
    gradient: Any = flux.gradient(lambda m: flux.sum(m(x)), network)
    flux.update(state, network, gradient)
    np.testing.assert_allclose(
        network.one.weight.numpy(), (weight - 0.1 * gradient.one.weight).numpy(), rtol=1e-6
    )
    assert network.other is network.one

    def by_hand(w: Tensor) -> Tensor:
        b = network.one.bias
        inner = flux.matmul(x, w.mT) + b
        return flux.sum(flux.matmul(inner, w.mT) + b)

    fresh: Any = flux.gradient(lambda m: flux.sum(m(x)), network)
    wanted = flux.gradient(by_hand, network.one.weight)
    np.testing.assert_allclose(fresh.one.weight.numpy(), wanted.numpy(), rtol=1e-5)


class Tied(nn.Module):
    """An embedding whose table is the output's weight too."""

    def __init__(self) -> None:
        self.embedding: Any = nn.Embedding(6, 4)
        self.out: Any = nn.Dense(4, 6, bias=False)
        self.out.weight = nn.tied(self.embedding, "weight")

    def __call__(self, i: Tensor) -> Tensor:
        out: Tensor = self.out(self.embedding(i))
        return out


def test_tied_parameters_are_updated_once_with_the_summed_gradient() -> None:
    network = Tied()
    state = flux.setup(flux.Descent(0.1), network)
    i, labels = flux.asarray([1, 2, 3]), flux.asarray([2, 3, 4])
    table = network.embedding.weight

    def by_hand(w: Tensor) -> Tensor:
        return flux.logitcrossentropy(flux.matmul(flux.take(w, i, axis=0), w.mT), labels)

    wanted = table - 0.1 * flux.gradient(by_hand, table)
    flux.update(
        state, network, flux.gradient(lambda m: flux.logitcrossentropy(m(i), labels), network)
    )
    np.testing.assert_allclose(network.embedding.weight.numpy(), wanted.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(network.out.weight.numpy(), network.embedding.weight.numpy())


def test_the_same_tensor_in_two_places_is_an_error() -> None:
    network = Pair()
    network.second.bias = flux.zeros(3)
    network.first.extra = network.second.bias
    with pytest.raises(ValueError, match=r"first\.extra and second\.bias are the same tensor") as e:
        flux.setup(flux.Descent(), network)
    assert "assign nn.tied(module, name) in one of the two places" in str(e.value)
    assert "to have two, make a tensor for each" in str(e.value)


# Freezing and adjusting


def test_frozen_parts_stay_until_thawed() -> None:
    network = Pair()
    state: Any = flux.setup(flux.Adam(0.1), network)
    flux.freeze(state.first)
    flux.freeze(state.second.bias)
    before = values(network)
    run(state, network)
    assert moved(before, values(network)) == [False, False, True, False]
    assert repr(state.second.bias).endswith("frozen)")
    assert state.first.weight.state.mean.tolist() == np.zeros((5, 4)).tolist()
    flux.thaw(state)
    before = values(network)
    run(state, network)
    assert all(moved(before, values(network)))


def test_adjust_changes_the_rate_and_keeps_the_moments() -> None:
    network = Pair()
    state: Any = flux.setup(flux.Momentum(0.1, 0.5), network)
    run(state, network)
    velocity = state.first.weight.state
    flux.adjust(state, 0.0)
    assert state.first.weight.state is velocity
    flux.adjust(state.second, rho=0.0)
    assert repr(state.first.weight) == "ParameterState(Momentum(eta=0.0, rho=0.5))"
    assert repr(state.second.weight) == "ParameterState(Momentum(eta=0.0, rho=0.0))"
    before = values(network)
    run(state, network)
    assert moved(before, values(network)) == [True, True, False, False]


def test_adjust_within_chains() -> None:
    rule = flux.OptimiserChain(flux.ClipNorm(1.0), flux.AccumGrad(2, flux.Adam(0.1)))
    state: Any = flux.setup(rule, model())
    flux.adjust(state, 0.01, omega=2.0, beta=(0.5, 0.6), n=3)
    assert repr(state.weight.rule) == (
        "OptimiserChain(ClipNorm(omega=2.0, each=False), "
        "AccumGrad(n=3, rule=Adam(eta=0.01, beta=(0.5, 0.6), eps=1e-08)))"
    )


def test_a_new_rate_compiles_nothing() -> None:
    layer = model()
    state = flux.setup(flux.Adam(0.1), layer)

    def step(state: Any, layer: Any) -> None:
        flux.update(state, layer, flux.gradient(loss, layer))

    compiled: Any = flux.jit(step)
    for eta in (0.1, 0.05, 0.0):
        flux.adjust(state, eta)
        before = layer.weight.numpy()
        compiled(state, layer)
    assert compiled.compilations == 1
    np.testing.assert_array_equal(layer.weight.numpy(), before)  # with the last rate, 0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s: flux.adjust(s, gamma=1.0), TypeError,
         "Adam has no 'gamma': its hyper-parameters are eta, beta, eps"),
        (lambda s: flux.adjust(s), TypeError, "needs a learning rate or a hyper-parameter by name"),
        (lambda s: flux.adjust(s, 0.1, eta=0.2), TypeError, "eta twice"),
        (lambda s: flux.adjust(s, "fast"), TypeError, "eta is a number, got 'fast'"),  # type: ignore[arg-type]
        (lambda s: flux.adjust(s, beta=0.9), TypeError, "beta is 2 numbers, got 0.9"),
        (lambda s: flux.adjust(s, -0.1), ValueError, "eta is a number of 0 or more, got -0.1"),
        (lambda s: flux.adjust(s, beta=(0.9, 1.0)), ValueError, "beta is from 0 to below 1"),
        (lambda s: flux.adjust(model(), 0.1), TypeError, "adjust takes the optimiser state that"),
        (lambda s: flux.freeze(flux.Adam()), TypeError, "freeze takes a model, an optimiser state"),
        (lambda s: flux.thaw(flux.Adam()), TypeError, "thaw takes a model.*got the rule Adam"),
    ],
)  # fmt: skip
def test_wrong_adjustments(call: Any, error: type[Exception], text: str) -> None:
    state: Any = flux.setup(flux.Adam(), model())
    with pytest.raises(error, match=text):
        call(state)
    assert repr(state.weight.rule) == "Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08)"


# Errors in the user's words


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: flux.Adam(lr=0.1), TypeError, "Adam has no 'lr': its hyper-parameters are eta"),  # type: ignore[call-arg]
        (lambda: flux.Adam(-1.0), ValueError, "Adam: eta is a number of 0 or more, got -1.0"),
        (lambda: flux.Adam(float("nan")), ValueError, "Adam: eta is a number of 0 or more"),
        (lambda: flux.Adam("0.1"), TypeError, "'eta' must be float, got str: '0.1'"),  # type: ignore[arg-type]
        (lambda: flux.Adam(beta=0.9), TypeError, "'beta' must be tuple.*got float: 0.9"),  # type: ignore[arg-type]
        (lambda: flux.Momentum(0.1, 1.0), ValueError, "Momentum: rho is from 0 to below 1"),
        (lambda: flux.Rprop(factors=(1.5, 1.2)), ValueError, "one below and one above 1"),
        (lambda: flux.AccumGrad(0, flux.Adam()), ValueError, "n is at least 1, got 0"),
        (lambda: flux.AccumGrad(2.0, flux.Adam()), TypeError, "'n' must be int, got float: 2.0"),  # type: ignore[arg-type]
        (lambda: flux.AccumGrad(2, flux.Adam), TypeError, "'rule' must be Rule, got type"),  # type: ignore[arg-type]
        (lambda: flux.OptimiserChain(), ValueError, "at least one rule"),
        (lambda: flux.OptimiserChain(0.1), TypeError, "takes rules, such as Adam.*got 0.1"),  # type: ignore[arg-type]
        (lambda: flux.OptimiserChain(flux.Adam), TypeError, "takes rules.*got the class Adam"),  # type: ignore[arg-type]
        (lambda: flux.MixedPrecision(None), TypeError, "'rule' must be Rule, got None"),  # type: ignore[arg-type]
        (lambda: flux.setup(flux.Adam, model()), TypeError, r"got the class Adam: write Adam\(\)"),  # type: ignore[arg-type]
        (lambda: flux.setup(model(), flux.Adam()), TypeError, "a rule such as .* got the model"),
        (lambda: flux.setup(flux.Adam(), flux.Adam()), TypeError, "a model that holds its param"),
        (lambda: flux.setup(flux.Adam(), flux.ones(3)), TypeError, "a model that holds its param"),
        (lambda: flux.setup(flux.Adam(), {"n": flux.arange(3)}), ValueError, "no parameters"),
    ],
)  # fmt: skip
def test_wrong_rules_and_models(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def gradient_of(layer: Any) -> Any:
    return flux.gradient(loss, layer)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda s, m: flux.update(s, m, flux.withgradient(loss, m)), TypeError,
         r"update takes the gradient with respect to the model, got a tuple: withgradient returns "
         r"\(value, gradient\)"),
        (lambda s, m: flux.update(flux.Adam(), m, gradient_of(m)), TypeError,  # type: ignore[arg-type]
         r"update takes the optimiser state that flux.setup\(rule, model\) returned; got the rule"),
        (lambda s, m: flux.update(m, s, gradient_of(m)), TypeError, "got the model Dense"),
        (lambda s, m: flux.update(s, Pair(), gradient_of(m)), TypeError,
         "this state is not of this model: the Pair at its root has no 'weight'"),
        (lambda s, m: flux.update(s, m, {"weight": None}), TypeError,
         "the gradient does not have the structure of the model: it has nothing at bias"),
        (lambda s, m: flux.update(s, m, {"weight": 3, "bias": None}), TypeError,
         "the gradient of weight is a int, no tensor"),
        (lambda s, m: flux.update(s, m, {"weight": flux.ones((4, 3)), "bias": None}), ShapeError,
         'update: weight is Float64.Tensor, "3 4".*its gradient Float32.Tensor, "4 3"'),
        (lambda s, m: flux.update(s, m, {"weight": flux.ones((3, 4), dtype="complex64"),
                                         "bias": None}), DTypeError,
         "update: weight is float64, its gradient complex"),
    ],
)  # fmt: skip
def test_wrong_updates_change_nothing(call: Any, error: type[Exception], text: str) -> None:
    layer = model()
    state = flux.setup(flux.Adam(), layer)
    weight = layer.weight
    with pytest.raises(error, match=text):
        call(state, layer)
    assert layer.weight is weight


def test_no_gradient_leaves_a_parameter_and_its_state() -> None:
    network = Pair()
    state: Any = flux.setup(flux.Adam(0.1), network)
    x = flux.ones((2, 4))
    gradient = flux.gradient(lambda m: flux.sum(m.first(x)), network, unused="none")
    before = values(network)
    flux.update(state, network, gradient)
    assert moved(before, values(network)) == [True, True, False, False]
    assert state.second.weight.state.powers[0].item() == 1.0


def test_a_rule_of_ones_own() -> None:
    class Halved(optim.Rule):
        """Steps that halve."""

        def __init__(self, eta: float = 1.0) -> None:
            self.eta = eta

        def init(self, parameter: Tensor) -> dict[str, Tensor]:
            return {"scale": flux.ones(())}

        def apply(self, state: Any, parameter: Tensor, gradient: Tensor) -> Any:
            return {"scale": state["scale"] / 2}, self.eta * state["scale"] * gradient

    holder = {"w": flux.zeros(2)}
    state: Any = flux.setup(flux.OptimiserChain(flux.ClipGrad(1.0), Halved()), holder)
    for _ in range(3):
        flux.update(state, holder, {"w": flux.full(2, -5.0)})
    assert holder["w"].tolist() == [1.75, 1.75]
    with pytest.raises(NotImplementedError, match="Rule has no method apply"):
        bare = flux.setup(optim.Rule(), holder)
        flux.update(bare, holder, {"w": flux.ones(2)})


def test_numbers_given_to_a_state_keep_their_digits() -> None:
    state: Any = flux.setup(flux.Descent(0.1), {"w": flux.zeros(2)})
    assert state["w"].rule.eta.dtype is flux.float64
    assert state["w"].rule.eta.item() == 0.1
