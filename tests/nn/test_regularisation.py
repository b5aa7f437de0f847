"""Dropout: its statistics, when it is active, and where its masks come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.ops import Generator

ONES = flux.ones((40, 50))


def active(layer: Any, x: Tensor) -> Any:
    """What the layer gives in training, as an array."""
    return flux.trainmode(layer)(x).numpy()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(p: float) -> None:
    flux.seed(0)
    y = active(nn.Dropout(p), flux.ones((200, 200)))
    values = np.unique(y)
    np.testing.assert_allclose(values, [0, 1 / (1 - p)], rtol=1e-6)
    assert abs((y == 0).mean() - p) < 0.01
    assert abs(y.mean() - 1) < 0.05


def test_nothing_is_dropped_with_probability_zero() -> None:
    layer = flux.trainmode(nn.Dropout(0.0))
    assert layer(ONES) is ONES
    assert flux.trainmode(nn.AlphaDropout(0.0))(ONES) is ONES


def test_masks_differ_along_axes() -> None:
    flux.seed(0)
    channels = active(nn.Dropout(0.5, axes=(0, 1)), flux.ones((8, 16, 5, 5)))
    assert (channels == channels[:, :, :1, :1]).all()
    assert len(np.unique(channels[:, :, 0, 0], axis=0)) == 8
    last = active(nn.Dropout(0.5, axes=(-1,)), flux.ones((8, 16)))
    assert (last == last[:1]).all() and len(np.unique(last)) == 2


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.AlphaDropout(0.5)])
def test_active_only_for_a_model_under_a_gradient(layer: Any) -> None:
    chain = nn.Chain(nn.Scale(50), layer)
    seen: list[Any] = []

    def loss(m: Any, x: Tensor) -> Tensor:
        y: Tensor = m(x)
        seen.append(flux.stop_gradient(y))
        return y.sum()

    def changed() -> bool:
        return bool((flux.stop_gradient(seen.pop()) != ONES).any())

    loss(chain, ONES)
    assert not changed()
    flux.gradient(lambda x: loss(chain, x), ONES)  # a saliency map
    assert not changed()
    _, kept = flux.withgradient(lambda m: (m(ONES).sum(), m(ONES)), chain)[0]
    assert (kept != ONES).numpy().any()
    flux.testmode(chain)
    _, kept = flux.withgradient(lambda m: (m(ONES).sum(), m(ONES)), chain)[0]
    assert not (kept != ONES).numpy().any()
    flux.trainmode(chain)
    assert (chain(ONES) != ONES).numpy().any()


def test_gradients_pass_where_values_did() -> None:
    flux.seed(5)
    layer = flux.trainmode(nn.Dropout(0.5))
    (_, y), grad = flux.withgradient(lambda x: ((y := layer(x)).sum(), y), ONES)
    np.testing.assert_array_equal(grad.numpy(), y.numpy())


def test_masks_come_from_the_generator() -> None:
    ambient, own = nn.Dropout(0.5), nn.Dropout(0.5, rng=Generator(1))
    flux.seed(2)
    first, second = active(ambient, ONES), active(ambient, ONES)
    assert (first != second).any()
    flux.seed(2)
    np.testing.assert_array_equal(active(ambient, ONES), first)
    ours = [active(own, ONES) for _ in range(2)]
    again = nn.Dropout(0.5, rng=Generator(1))
    np.testing.assert_array_equal(ours, [active(again, ONES) for _ in range(2)])
    np.testing.assert_array_equal(active(ambient, ONES), second)  # untouched by the other one


@pytest.mark.parametrize("kind", [nn.Dropout, nn.AlphaDropout])
def test_compiled_masks_are_those_of_eager_mode(kind: Any) -> None:
    for layer in (kind(0.5), kind(0.5, rng=Generator(1))):
        flux.trainmode(layer)
        compiled = flux.jit(lambda m, x: m(x))
        flux.seed(4)
        start = None if layer.rng is None else layer.rng.state
        wanted = [layer(ONES).numpy() for _ in range(3)]
        flux.seed(4)
        if layer.rng is not None:
            layer.rng.state = start
        found = [compiled(layer, ONES).numpy() for _ in range(3)]
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    flux.seed(0)
    y = active(nn.AlphaDropout(p), flux.randn((400, 400)))
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03
    lowest, count = np.unique(np.round(y, 5), return_counts=True)
    assert abs(count.max() / y.size - p) < 0.01  # all that were dropped are one value
    saturated = lowest[count.argmax()]
    wanted = -1.7580993 * (1 - p) / np.sqrt((1 - p) * (1 + p * 1.7580993**2))
    np.testing.assert_allclose(saturated, wanted, rtol=1e-4)


@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16, flux.float64])
def test_dtypes_stay(dtype: flux.DType) -> None:
    for layer in (nn.Dropout(0.5), nn.AlphaDropout(0.5)):
        assert flux.trainmode(layer)(ONES.astype(dtype)).dtype is dtype
        assert flux.trainmode(layer)(flux.ones((0, 3), dtype=dtype)).shape == (0, 3)
