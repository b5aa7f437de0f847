"""Every rule: its steps against PyTorch's or the formula's, in jit, in blocks, in all dtypes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.optim.formulas import FORMULAS, Memory
from tests.optim.problem import BIAS, STEPS, WEIGHT, loss, model, slopes, trajectory
from tests.optim.rules import RULES
from typedflux import nn, optim
from typedflux.core.tree import leaves
from typedflux.optim.blocks import BLOCK

STORED = np.load(Path(__file__).parents[1] / "references" / "optim.npz")
TORCH = sorted({name.partition("/")[0] for name in STORED.files})


def test_every_rule_has_a_row_and_a_reference() -> None:
    public = {
        name
        for name, value in vars(optim).items()
        if isinstance(value, type) and issubclass(value, optim.Rule) and value is not optim.Rule
    }
    assert public == {name.partition(" ")[0] for name in RULES}
    assert set(RULES) == {*TORCH, *FORMULAS}


@pytest.mark.parametrize("name", TORCH)
def test_steps_are_those_of_pytorch(name: str) -> None:
    weights, biases = trajectory(RULES[name]())
    np.testing.assert_allclose(weights, STORED[f"{name}/weight"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(biases, STORED[f"{name}/bias"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_steps_are_those_of_the_formula(name: str) -> None:
    weights, biases = trajectory(RULES[name]())
    parameters = [WEIGHT, BIAS]
    memory: Memory = {}
    for t in range(1, STEPS + 1):
        gradients = list(slopes(*parameters))
        parameters = FORMULAS[name](t, parameters, gradients, memory)
        np.testing.assert_allclose(weights[t - 1], parameters[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(biases[t - 1], parameters[1], rtol=1e-9, atol=1e-12)


def step(state: Any, layer: Any, dtype: Any) -> Any:
    value, gradient = flux.withgradient(lambda m: loss(m, dtype), layer)
    flux.update(state, layer, gradient)
    return value


def assert_close(a: Any, b: Any, tolerance: float = 2e-5) -> None:
    """Equal to within rounding: native code adds up and multiplies in another order."""
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", RULES)
def test_jit_gives_the_eager_steps(name: str) -> None:
    compiled = flux.jit(lambda state, layer: step(state, layer, flux.float32))
    a, b = model(flux.float32), model(flux.float32)
    states = flux.setup(RULES[name](), a), flux.setup(RULES[name](), b)
    for _ in range(7):
        assert_close(compiled(states[0], a), step(states[1], b, flux.float32))
        assert_close(a, b)
        assert_close(*states)
    assert compiled.compilations == 1  # type: ignore[attr-defined]  # of a Jitted


@pytest.mark.parametrize("name", RULES)
def test_large_parameters_in_blocks_equal_whole_ones(name: str) -> None:
    random = np.random.default_rng(0)
    start = random.standard_normal((3, BLOCK)).astype(np.float32)
    gradients = [flux.asarray(random.standard_normal((3, BLOCK)), dtype="float32") for _ in "12"]
    whole = {"w": flux.asarray(start)}
    parts = {"w": flux.asarray(start)}
    states = flux.setup(RULES[name](), whole), flux.setup(RULES[name](), parts)
    for gradient in gradients:
        jitted_update(states[0], whole, gradient)
        flux.update(states[1], parts, {"w": gradient})
        assert_close(whole["w"], parts["w"])
    assert_close(*states)


def jitted_update(state: Any, holder: dict[str, Any], gradient: Any) -> None:
    """An update in a graph, where parameters are not taken apart."""

    class Holder(nn.Module):
        w: Any

        def __init__(self, w: Any) -> None:
            self.w = w

    module = Holder(holder["w"])
    flux.jit(lambda s, m, g: flux.update(s, m, Holder(g)))(state, module, gradient)
    holder["w"] = module.w


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16, flux.float32])
def test_narrow_parameters_keep_their_dtype(name: str, dtype: Any) -> None:
    wide, narrow = model(), model(dtype)
    states = flux.setup(RULES[name](), wide), flux.setup(RULES[name](), narrow)
    for _ in range(3):
        gradient = flux.gradient(loss, wide)
        flux.update(states[0], wide, gradient)
        for layer in (narrow,):
            layer_gradient = flux.gradient(lambda m: loss(m, dtype), layer)
            flux.update(states[1], layer, layer_gradient)
    assert narrow.weight.dtype is dtype
    tolerance = {flux.float16: 0.02, flux.bfloat16: 0.15, flux.float32: 1e-3}[dtype]
    if name != "Lion":  # whose steps jump where a gradient is near 0
        np.testing.assert_allclose(
            narrow.weight.numpy().astype(float), wide.weight.numpy(), atol=tolerance
        )
    for tensor in leaves(states[1]):
        assert tensor.dtype.bits in (32, 64)


COMPLEX = sorted(set(RULES) - {"Rprop"})


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_parameters_go_downhill(name: str) -> None:
    holder = {"z": flux.asarray([1.0 + 1j, -0.5 + 0.25j, 0.5 + 2j])}
    state = flux.setup(RULES[name](), holder)
    before = flux.sum(flux.abs(holder["z"])).item()
    for _ in range(12):
        gradient = flux.gradient(lambda m: flux.sum(flux.real(m["z"] * flux.conj(m["z"]))), holder)
        flux.update(state, holder, gradient)
    assert holder["z"].dtype is flux.complex64
    assert flux.sum(flux.abs(holder["z"])).item() < before


def test_mixed_precision_keeps_small_steps() -> None:
    # At 1 the next number of bfloat16 below is 0.004 away: a step of 0.001 alone is lost.
    def run(rule: flux.Rule) -> float:
        holder = {"w": flux.ones(3, dtype=flux.bfloat16)}
        state = flux.setup(rule, holder)
        for _ in range(100):
            flux.update(state, holder, {"w": flux.ones(3, dtype=flux.bfloat16)})
        assert holder["w"].dtype is flux.bfloat16
        return float(holder["w"][0])

    assert run(optim.Descent(0.001)) == 1.0
    assert run(optim.MixedPrecision(optim.Descent(0.001))) == pytest.approx(0.9, abs=0.004)


def test_no_elements() -> None:
    for name, make in RULES.items():
        holder = {"w": flux.zeros((0, 3))}
        flux.update(flux.setup(make(), holder), holder, {"w": flux.zeros((0, 3))})
        assert holder["w"].shape == (0, 3), name


def test_no_gradient_at_all_moves_nothing() -> None:
    for name, make in RULES.items():
        holder = {"w": flux.zeros(3)}
        state = flux.setup(make(), holder)
        for _ in range(2):
            flux.update(state, holder, {"w": flux.zeros(3)})
        assert holder["w"].tolist() == [0.0, 0.0, 0.0], name


def test_centred_rmsprop_is_finite_for_a_constant_gradient() -> None:
    holder = {"w": flux.zeros(1000)}
    gradient = flux.asarray(np.linspace(-3, 3, 1000, dtype=np.float32))
    state = flux.setup(optim.RMSProp(centred=True), holder)
    for _ in range(200):
        flux.update(state, holder, {"w": gradient})
    assert np.isfinite(holder["w"].numpy()).all()
