"""Losses and their gradients against PyTorch's, stored by `tests.references.make_losses`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, losses

STORED = np.load(Path(__file__).parents[1] / "references" / "losses.npz")


def smoothed(x: Tensor, y: Tensor) -> Tensor:
    return losses.logitcrossentropy(x, losses.label_smoothing(flux.one_hot(y, x.shape[1]), 0.1))


LOSSES: dict[str, Callable[..., Tensor]] = {
    "mse": losses.mse,
    "mae": losses.mae,
    "huber_loss": partial(losses.huber_loss, delta=1.5),
    "poisson_loss": losses.poisson_loss,
    "logitcrossentropy labels": losses.logitcrossentropy,
    "logitcrossentropy many": losses.logitcrossentropy,
    "logitcrossentropy images": partial(losses.logitcrossentropy, axis=1),
    "logitcrossentropy": losses.logitcrossentropy,
    "logitcrossentropy soft images": partial(losses.logitcrossentropy, axis=1),
    "label_smoothing": smoothed,
    "crossentropy labels": losses.crossentropy,
    "binarycrossentropy": losses.binarycrossentropy,
    "logitbinarycrossentropy": losses.logitbinarycrossentropy,
    "kldivergence": losses.kldivergence,
}


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient(name: str) -> None:
    loss = LOSSES[name]
    x, y = (flux.asarray(STORED[f"{name}/{part}"]) for part in ("prediction", "target"))
    value, gradient = flux.withgradient(lambda x: loss(x, y), x)
    # One-hot vectors are float32 there, whose tenth is not that of float64.
    rtol = 1e-6 if name == "label_smoothing" else 1e-12
    np.testing.assert_allclose(value.numpy(), STORED[f"{name}/value"], rtol=rtol)
    wanted = STORED[f"{name}/gradient"]
    np.testing.assert_allclose(gradient.numpy(), wanted, rtol=rtol, atol=rtol)


def test_every_stored_loss_is_compared() -> None:
    assert {key.partition("/")[0] for key in STORED.files} == set(LOSSES)


@pytest.mark.parametrize("name", ["mse", "logitcrossentropy labels", "logitcrossentropy"])
def test_jit_gives_the_eager_gradient(name: str) -> None:
    loss = LOSSES[name]
    x, y = (flux.asarray(STORED[f"{name}/{part}"]) for part in ("prediction", "target"))

    def step(x: Any, y: Any) -> Any:
        return flux.withgradient(lambda x: loss(x, y), x)

    for got, wanted in zip(flux.jit(step)(x, y), step(x, y), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-7)
