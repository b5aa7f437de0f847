"""The problem that optimisers are compared on: a layer fitted to targets, in float64."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

import typedflux as flux
from tests.ops.row import Array
from typedflux import Tensor, nn

STEPS: Final = 20
_RANDOM: Final = np.random.default_rng(12)
X: Final[Array] = _RANDOM.standard_normal((8, 4))
TARGET: Final[Array] = np.tanh(_RANDOM.standard_normal((8, 3)))
WEIGHT: Final[Array] = _RANDOM.standard_normal((3, 4)) / 2
BIAS: Final[Array] = _RANDOM.standard_normal(3) / 2


def model(dtype: Any = flux.float64) -> Any:
    """The layer as every run starts."""
    layer: Any = nn.Dense(4, 3, flux.tanh)
    layer.weight, layer.bias = (flux.asarray(p, dtype=dtype) for p in (WEIGHT, BIAS))
    return layer


def loss(layer: Any, dtype: Any = flux.float64) -> Tensor:
    """What is minimised."""
    return flux.mse(layer(flux.asarray(X, dtype=dtype)), flux.asarray(TARGET, dtype=dtype))


def slopes(weight: Array, bias: Array) -> tuple[Array, Array]:
    """The gradient of the loss, by hand."""
    y = np.tanh(X @ weight.T + bias)
    back = 2 * (y - TARGET) * (1 - y**2) / TARGET.size
    return back.T @ X, back.sum(axis=0)


def trajectory(rule: flux.Rule) -> tuple[Array, Array]:
    """Weights and biases after each step."""
    layer = model()
    state = flux.setup(rule, layer)
    weights, biases = [], []
    for _ in range(STEPS):
        flux.update(state, layer, flux.gradient(loss, layer))
        weights.append(layer.weight.numpy())
        biases.append(layer.bias.numpy())
    return np.stack(weights), np.stack(biases)
