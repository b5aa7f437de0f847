"""Callbacks for `flux.train`: stopping early, and files from which a run can go on."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typedflux import dtypes, ops
from typedflux.files import load, save
from typedflux.ops.random import default_generator
from typedflux.optim import OptimiserState
from typedflux.tensor import Tensor
from typedflux.training.history import History, Mode


class EarlyStopping:
    """Ends the training when a metric has not become better for `patience` epochs.

    It keeps nothing itself, but looks at the history: a run that is resumed stops where the
    uninterrupted one does.

    Args:
        metric: a name in `History.metrics`, or "loss" for the mean loss of the epoch.
        patience: for how many epochs in a row, at least 1.
        mode: whether small values are good or large ones.
        delta: by how much a value must be better to count, at least 0.

    >>> stop = EarlyStopping(patience=2)
    >>> stop(3, History(epochs=[0.9, 0.5, 0.6])), stop(4, History(epochs=[0.9, 0.5, 0.6, 0.5]))
    (False, True)
    """

    def __init__(
        self, metric: str = "loss", patience: int = 5, *, mode: Mode = "min", delta: float = 0.0
    ) -> None:
        if type(patience) is not int or patience < 1:
            raise ValueError(f"EarlyStopping: patience is an int of at least 1, got {patience!r}")
        if mode not in ("min", "max"):
            raise ValueError(f'EarlyStopping: mode is "min" or "max", got {mode!r}')
        if not (math.isfinite(delta) and delta >= 0):
            raise ValueError(f"EarlyStopping: delta is at least 0, got {delta!r}")
        self.metric, self.patience, self.mode, self.delta = metric, patience, mode, delta

    def __call__(self, epoch: int, history: History) -> bool:
        best = history.best_epoch(self.metric, self.mode, self.delta)
        return len(history.epochs) - best >= self.patience


class Checkpoint:
    """Writes all that a run needs to go on, bit for bit: the model, the optimiser's state, the
    random generator and the history. A file of an earlier epoch is replaced when the new one is
    whole.

        checkpoint = Checkpoint("run.safetensors", model, state)
        history = checkpoint.resume()
        flux.train(loss, model, loader, state, epochs=10 - len(history.epochs), history=history,
                   callbacks=[checkpoint])

    Args:
        path: of the file.
        model: the model.
        state: the optimiser's state.
        every: after how many epochs each.
        when: called with the history; nothing is written unless it returns true. For the best
            weights so far: `lambda h: h.best_epoch("accuracy", "max") == len(h.epochs)`.
        also: a tree of more to store, such as a generator that is not the ambient one.
    """

    def __init__(
        self, path: str | os.PathLike[str], model: Any, state: OptimiserState, *, every: int = 1,
        when: Callable[[History], bool] | None = None, also: Any = None,
    ) -> None:  # fmt: skip
        if type(every) is not int or every < 1:
            raise ValueError(f"Checkpoint: every is an int of at least 1, got {every!r}")
        self.path, self.model, self.state = Path(path), model, state
        self.every, self.when, self.also = every, when, also

    def _tree(self, history: Any) -> dict[str, Any]:
        return {
            "model": self.model,
            "state": self.state,
            "rng": default_generator(),
            "also": self.also,
            "history": history,
        }

    def __call__(self, epoch: int, history: History) -> None:
        if epoch % self.every == 0 and (self.when is None or self.when(history)):
            names = dict.fromkeys(name for metrics in history.metrics for name in metrics)
            recorded = {
                "steps": _vector(history.steps),
                "epochs": _vector(history.epochs),
                "metrics": {name: _vector(history.values(name)) for name in names},
            }
            save(self.path, self._tree(recorded))

    def resume(self) -> History:
        """Load the file into the model, the optimiser's state and the random generator, and return
        the history; an empty one where there is no file yet.

        Raises:
            WeightsError: when the file is damaged or does not fit; nothing is loaded then.
        """
        if not self.path.exists():
            return History()
        start = "history.metrics."
        found = {k: v for k, v in load(self.path).items() if k.startswith("history.")}
        blank = {
            "steps": found.get("history.steps", _vector([])),
            "epochs": found.get("history.epochs", _vector([])),
            "metrics": {k.removeprefix(start): v for k, v in found.items() if k.startswith(start)},
        }
        recorded = load(self.path, self._tree(blank))["history"]
        columns = {name: values.tolist() for name, values in recorded["metrics"].items()}
        epochs = recorded["epochs"].tolist()
        return History(
            recorded["steps"].tolist(),
            epochs,
            [
                {name: values[i] for name, values in columns.items() if not math.isnan(values[i])}
                for i in range(len(epochs))
            ],
        )


def _vector(values: list[float]) -> Tensor:
    return ops.asarray(values, dtype=dtypes.float64)
