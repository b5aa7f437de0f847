"""Data sets that are drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

import typedflux as flux
from typedflux import data


def test_spirals() -> None:
    points, labels = data.spirals(300, classes=3, rng=flux.Generator(1))
    assert points.dtype == flux.float32 and labels.dtype == flux.int64
    assert np.bincount(labels.numpy()).tolist() == [100, 100, 100]
    radius = np.hypot(*points.numpy().T)
    angle = np.arctan2(*points.numpy().T[::-1]) / (2 * np.pi)
    turned = angle - 1.5 * radius - labels.numpy() / 3
    np.testing.assert_allclose(turned - np.round(turned), 0, atol=1e-5)
    assert labels.tolist() != sorted(labels.tolist())


def test_moons() -> None:
    points, labels = data.moons(200, rng=flux.Generator(1))
    upper, lower = (points.numpy()[labels.numpy() == i] for i in (0, 1))
    np.testing.assert_allclose(np.hypot(upper[:, 0], upper[:, 1]), 1, rtol=1e-5)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, rtol=1e-5)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5


def test_curves() -> None:
    x, y = data.sine(400, noise=0.0)
    np.testing.assert_allclose(y.numpy(), np.sin(x.numpy()), atol=1e-6)
    x, y = data.sine(4000, noise=0.5, rng=flux.Generator(1))
    assert 0.45 < np.std(y.numpy() - np.sin(x.numpy())) < 0.55
    x, y = data.polynomial([1.0, -2.0], 5, start=0.0, noise=0.0)
    np.testing.assert_allclose(y.numpy(), 1 - 2 * x.numpy(), atol=1e-6)


def test_they_repeat_with_the_seed() -> None:
    for draw in (data.spirals, data.moons, data.sine):
        flux.seed(3)
        first = draw(20)[1].tolist()
        flux.seed(3)
        assert draw(20)[1].tolist() == first
        assert draw(0)[0].shape[0] == 0
        with pytest.raises(ValueError, match="n is at least 0, got -1"):
            draw(-1)
