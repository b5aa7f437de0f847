"""Norms: running statistics, modes, narrow floats. `test_layers.py` checks values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tree import leaves


def sample(*shape: int, seed: int = 0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return flux.asarray(values.astype(np.float32))


def statistics(layer: Any) -> Any:
    return np.stack([layer.mean.numpy(), layer.var.numpy()])


def test_running_statistics_approach_those_of_the_data() -> None:
    layer = nn.BatchNorm(3)
    flux.trainmode(layer)
    for i in range(200):
        layer(sample(64, 3, seed=i) * 2 + 5)
    np.testing.assert_allclose(statistics(layer), [[5] * 3, [4] * 3], rtol=0.15)
    flux.testmode(layer)
    before = statistics(layer)
    y = layer(sample(64, 3, seed=1) * 2 + 5).numpy()
    assert abs(y.mean()) < 0.3 and abs(y.var() - 1) < 0.3
    np.testing.assert_array_equal(statistics(layer), before)


def test_statistics_follow_a_gradient_by_the_model_alone() -> None:
    layer, x = nn.BatchNorm(3), sample(8, 3)
    before = statistics(layer)
    layer(x)
    flux.gradient(lambda x: (layer(x) ** 2).sum(), x)
    np.testing.assert_array_equal(statistics(layer), before)
    flux.gradient(lambda m: (m(x) ** 2).sum(), layer)
    np.testing.assert_allclose(layer.mean.numpy(), 0.1 * x.numpy().mean(axis=0), rtol=1e-5)  # type: ignore[union-attr]
    unbiased = 0.9 + 0.1 * x.numpy().var(axis=0, ddof=1)
    np.testing.assert_allclose(layer.var.numpy(), unbiased, rtol=1e-5)  # type: ignore[union-attr]


def test_statistics_are_no_parameters() -> None:
    layer = nn.BatchNorm(3)
    assert len(flux.trainables(layer)) == 2 and len(leaves(layer)) == 4
    grads = flux.gradient(lambda m: m(sample(8, 3)).sum(), layer)
    assert grads.mean is None and grads.var is None
    trackless = nn.BatchNorm(3, affine=False, track_stats=False)
    assert leaves(trackless) == []
    y = trackless(sample(8, 3)).numpy()  # by the batch, in testing too
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)


def test_a_loss_that_is_not_finite_leaves_the_statistics() -> None:
    layer = nn.BatchNorm(3)
    before = statistics(layer)
    flux.gradient(lambda m: m(sample(8, 3)).sum() * float("nan"), layer)
    np.testing.assert_array_equal(statistics(layer), before)


def test_one_compilation_for_all_batches() -> None:
    def step(m: Any, x: Float[Tensor, "batch 3 time"]) -> Any:
        return flux.withgradient(lambda m: (m(x) ** 3).mean(), m)

    compiled: Any = flux.jit(step)
    eager, traced = nn.BatchNorm(3), nn.BatchNorm(3)
    for batch in (2, 5, 3):
        x = sample(batch, 3, 4, seed=batch)
        wanted, found = step(eager, x), compiled(traced, x)
        np.testing.assert_allclose(found[0].numpy(), wanted[0].numpy(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(statistics(traced), statistics(eager), rtol=1e-5)
    assert compiled.compilations == 1


NORMS: list[Any] = [
    nn.BatchNorm(4),
    nn.BatchNorm(4, track_stats=False),
    nn.LayerNorm(6),
    nn.RMSNorm(6),
    nn.GroupNorm(4, 2),
    nn.InstanceNorm(4),
]


@pytest.mark.parametrize("layer", NORMS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("narrow", [flux.f16, flux.bf16])
def test_narrow_floats(layer: Any, narrow: Any) -> None:
    """Squares of these inputs are beyond float16."""
    x = narrow(sample(2, 4, 6) * 400)
    layer = flux.trainmode(narrow(layer))
    wide = flux.trainmode(flux.f32(layer))
    y = layer(x)
    assert y.dtype is x.dtype
    expected = wide(x.astype(flux.float32)).numpy()
    np.testing.assert_allclose(y.numpy().astype(np.float32), expected, atol=0.02)
    assert all(leaf.dtype is x.dtype for leaf in leaves(layer))
    grads = flux.gradient(lambda m: (m(x) * m(x)).sum(), layer)
    for grad in leaves(grads):
        assert grad.dtype is x.dtype and np.isfinite(grad.numpy().astype(np.float32)).all()


@pytest.mark.parametrize("layer", [nn.LayerNorm(6), nn.GroupNorm(4, 2), nn.InstanceNorm(4)])
def test_floats_in_16_bits_through_a_norm_in_32(layer: Any) -> None:
    x = flux.f16(sample(2, 4, 6))
    assert layer(x).dtype is flux.float16


def test_what_is_normalised() -> None:
    x = sample(3, 4, 5, 6) * 3 + 1
    for layer, axes in (
        (nn.LayerNorm(6), (3,)),
        (nn.InstanceNorm(4), (2, 3)),
        (flux.trainmode(nn.BatchNorm(4)), (0, 2, 3)),
    ):
        y = layer(x).numpy()
        np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-5)
        np.testing.assert_allclose(y.var(axis=axes), 1, rtol=1e-4)
    grouped = nn.GroupNorm(4, 2)(x).numpy().reshape(3, 2, -1)
    np.testing.assert_allclose(grouped.var(axis=-1), 1, rtol=1e-4)
    power = (nn.RMSNorm(6)(x).numpy() ** 2).mean(axis=-1)
    np.testing.assert_allclose(power, 1, rtol=1e-4)


@pytest.mark.parametrize("layer", NORMS, ids=lambda layer: type(layer).__name__)
def test_constants_become_zeros(layer: Any) -> None:
    if not isinstance(layer, nn.RMSNorm):
        flux.trainmode(layer)
        assert not layer(flux.full((2, 4, 6), 7.0)).numpy().any()


def test_no_channels() -> None:
    assert nn.BatchNorm(0)(flux.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert flux.trainmode(nn.BatchNorm(0))(flux.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert nn.GroupNorm(0, 1)(flux.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert nn.LayerNorm(0)(flux.zeros((2, 0))).shape == (2, 0)
