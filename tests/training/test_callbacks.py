"""Stopping early, and checkpoints from which a run goes on."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, data, nn
from typedflux.core.tree import leaves
from typedflux.training import Checkpoint, EarlyStopping, History


def loss(model: Any, x: Tensor, y: Tensor) -> Any:
    scores = model(x)
    right = (flux.argmax(flux.stop_gradient(scores), axis=-1) == y).mean()
    return flux.logitcrossentropy(scores, y), {"accuracy": right}


def made(seed: int) -> tuple[nn.Chain, flux.OptimiserState, Any]:
    flux.seed(seed)
    draw = np.random.default_rng(1)
    x = flux.asarray(draw.standard_normal((12, 3)).astype(np.float32))
    y = flux.asarray(draw.integers(0, 2, 12))
    model = nn.Chain(nn.Dense(3, 4), nn.Dropout(0.3), nn.Dense(4, 2))
    loader = data.DataLoader((x, y), batchsize=4, shuffle=True)
    return model, flux.setup(flux.Adam(0.05), model), loader


def run(model: Any, state: Any, loader: Any, epochs: int, **options: Any) -> History:
    return flux.train(loss, model, loader, state, epochs=epochs, progress=False, **options)


def content(*trees: object) -> list[Any]:
    return [leaf.tolist() for leaf in leaves((*trees, flux.default_generator()))]


# History


def test_the_best_epoch() -> None:
    history = History(epochs=[3.0, 1.0, 2.0, 0.95], metrics=[{"a": v} for v in (1, 5, 5, 2)])
    assert history.best_epoch() == 4
    assert history.best_epoch(delta=0.1) == 2
    assert history.best_epoch("a", "max") == 2
    assert history.best_epoch("a") == 1
    assert History().best_epoch() == 0


def test_epochs_without_a_metric_are_never_the_best() -> None:
    history = History(epochs=[3.0, 2.0, 1.0], metrics=[{}, {"a": 7.0}, {"a": math.nan}])
    np.testing.assert_equal(history.values("a"), [math.nan, 7.0, math.nan])
    assert history.best_epoch("a") == history.best_epoch("a", "max") == 2
    infinite = History(epochs=[1.0, 1.0], metrics=[{"a": math.inf}, {"a": math.inf}])
    assert infinite.best_epoch("a") == 1


def test_a_metric_that_is_not_there() -> None:
    history = History(epochs=[1.0], metrics=[{"accuracy": 0.5}])
    with pytest.raises(KeyError, match="no epoch recorded 'acuracy': there are loss, accuracy"):
        history.values("acuracy")
    with pytest.raises(ValueError, match='mode is "min" or "max", got \'least\''):
        history.best_epoch(mode="least")  # type: ignore[arg-type]  # that is the point


# Early stopping


def test_stopping_early() -> None:
    stop = EarlyStopping("accuracy", 2, mode="max")
    values = [0.5, 0.7, 0.7, 0.6, 0.9]
    verdicts = [
        stop(n, History(epochs=[0.0] * n, metrics=[{"accuracy": v} for v in values[:n]]))
        for n in range(1, 6)
    ]
    assert verdicts == [False, False, False, True, False]


def test_training_ends_when_told() -> None:
    model, state, loader = made(1)
    history = run(model, state, loader, 50, callbacks=[EarlyStopping(patience=1, delta=100.0)])
    assert len(history.epochs) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"patience": 0}, "patience is an int of at least 1, got 0"),
        ({"mode": "up"}, 'mode is "min" or "max", got \'up\''),
        ({"delta": -1.0}, "delta is at least 0, got -1.0"),
        ({"delta": math.nan}, "delta is at least 0, got nan"),
    ],
)
def test_bad_options(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        EarlyStopping(**options)


# Checkpoints


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    model, state, loader = made(1)
    expected = run(model, state, loader, 4)
    whole = content(model, state)

    model, state, loader = made(1)
    first = Checkpoint(tmp_path / "run", model, state)
    assert first.resume() == History()
    run(model, state, loader, 2, callbacks=[first])

    model, state, loader = made(77)  # a fresh process
    second = Checkpoint(tmp_path / "run", model, state)
    history = second.resume()
    assert history == History(expected.steps[:6], expected.epochs[:2], expected.metrics[:2])
    run(model, state, loader, 2, history=history, callbacks=[second])
    assert history == expected
    assert content(model, state) == whole
    assert os.listdir(tmp_path) == ["run"]


def test_when_it_is_written(tmp_path: Path) -> None:
    model, state, loader = made(1)
    seen: list[int] = []

    def when(history: History) -> bool:
        seen.append(len(history.epochs))
        return len(history.epochs) == 2

    path = tmp_path / "best"
    run(model, state, loader, 6, callbacks=[Checkpoint(path, model, state, every=2, when=when)])
    assert seen == [2, 4, 6]
    assert len(Checkpoint(path, model, state).resume().epochs) == 2
    with pytest.raises(ValueError, match="every is an int of at least 1, got 0"):
        Checkpoint(path, model, state, every=0)


def test_what_else_is_stored(tmp_path: Path) -> None:
    model, state, loader = made(1)
    generator = flux.Generator(5)
    also = {"rng": generator, "step": 3}
    checkpoint = Checkpoint(tmp_path / "run", model, state, also=also)
    run(model, state, loader, 1, callbacks=[checkpoint])
    expected = flux.rand((3,), rng=generator).tolist()
    also["step"] = 0
    checkpoint.resume()
    assert also["step"] == 3
    assert flux.rand((3,), rng=generator).tolist() == expected


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path: Path) -> None:
    model, state, loader = made(1)
    run(model, state, loader, 1, callbacks=[Checkpoint(tmp_path / "run", model, state)])
    other = nn.Chain(nn.Dense(3, 5), nn.Dropout(0.3), nn.Dense(5, 2))
    other_state = flux.setup(flux.Adam(0.1), other)
    before = content(other, other_state)
    with pytest.raises(flux.WeightsError, match="does not fit") as caught:
        Checkpoint(tmp_path / "run", other, other_state).resume()
    assert 'model.layers[0].weight: wanted Float32[Tensor, "5 3"]' in str(caught.value)
    assert content(other, other_state) == before
