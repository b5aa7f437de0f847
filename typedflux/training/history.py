"""`History`: what a training run recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["min", "max"]


@dataclass(slots=True)
class History:
    """What a training run recorded.

    Attributes:
        steps: the loss of each step.
        epochs: the mean loss of each epoch.
        metrics: for each epoch, the means of what the loss returned beside itself, and what
            `validate` returned.

    >>> history = History(epochs=[0.9, 0.5, 0.6], metrics=[{"auc": a} for a in (0.5, 0.8, 0.7)])
    >>> history.values("auc"), history.best_epoch("auc", "max"), history.best_epoch()
    ([0.5, 0.8, 0.7], 2, 2)
    """

    steps: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)

    def values(self, metric: str = "loss") -> list[float]:
        """A metric, or the mean loss, of each epoch.

        Raises:
            KeyError: when no epoch recorded such a metric, naming those that are; nan stands for
                single epochs without it.
        """
        if metric == "loss":
            return list(self.epochs)
        if self.metrics and not any(metric in m for m in self.metrics):
            known = ", ".join(dict.fromkeys(["loss", *[n for m in self.metrics for n in m]]))
            raise KeyError(f"no epoch recorded {metric!r}: there are {known}")
        return [m.get(metric, math.nan) for m in self.metrics]

    def best_epoch(self, metric: str = "loss", mode: Mode = "min", delta: float = 0.0) -> int:
        """The epoch, counted from 1, in which `metric` was best; 0 before there is one.

        Args:
            mode: whether small values are good or large ones.
            delta: by how much a later value must be better to count as such.
        """
        if mode not in ("min", "max"):
            raise ValueError(f'mode is "min" or "max", got {mode!r}')
        sign = 1.0 if mode == "min" else -1.0
        best, where = math.inf, 0
        for epoch, value in enumerate(self.values(metric), start=1):
            if sign * value < best - delta or (where == 0 and not math.isnan(value)):
                best, where = sign * value, epoch
        return where


Callback = Callable[[int, History], bool | None]
"""Called as `callback(epoch, history)`; a true result ends the training."""
