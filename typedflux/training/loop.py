"""`train`: gradients and updates over the batches of some data, with a progress bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

from typedflux.autodiff import withgradient
from typedflux.optim import OptimiserState, update
from typedflux.tensor import Tensor


class NonFiniteLoss(ArithmeticError):
    """The loss became infinite or nan; the model has the weights from before that step."""


@dataclass(slots=True)
class History:
    """What a training run recorded.

    Attributes:
        steps: the loss of each step.
        epochs: the mean loss of each epoch.
        metrics: what `validate` returned after each epoch.
    """

    steps: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)


def train(
    loss: Callable[..., Tensor],
    model: Any,
    data: Iterable[Any],
    state: OptimiserState,
    *,
    epochs: int = 1,
    progress: bool = True,
    validate: Callable[[Any], dict[str, float]] | None = None,
    callbacks: Sequence[Callable[[int, History], bool | None]] = (),
) -> History:
    """Train `model` in place.

    Args:
        loss: called as `loss(model, *batch)` for each batch that `data` yields; a batch that is no
            tuple is one argument.
        data: iterated over once for each epoch.
        state: from `setup`.
        progress: whether to show a bar with the loss and the metrics.
        validate: called with the model after each epoch; what it returns is shown and recorded.
        callbacks: called as `callback(epoch, history)` after each epoch; one that returns true
            ends the training.

    Raises:
        NonFiniteLoss: naming the epoch and step; the model keeps its last good weights.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Dense(2, 1)
    >>> state = flux.setup(flux.Descent(0.1), model)
    >>> batch = (flux.ones((4, 2)), flux.zeros((4, 1)))
    >>> history = flux.train(
    ...     lambda m, x, y: flux.mse(m(x), y), model, [batch] * 20, state, progress=False)
    >>> history.steps[-1] < 0.01
    True
    """
    history = History()
    for epoch in range(1, epochs + 1):
        with _Bar(data, epoch, epochs, progress) as bar:
            total = 0.0
            count = 0
            for batch in bar:
                args = batch if isinstance(batch, tuple) else (batch,)
                value = _step(loss, model, args, state, epoch, count + 1)
                history.steps.append(value)
                total += value
                count += 1
                bar.show(loss=total / count)
            history.epochs.append(total / count if count else math.nan)
            metrics = {} if validate is None else dict(validate(model))
            history.metrics.append(metrics)
            bar.show(loss=history.epochs[-1], **metrics)
        if any([callback(epoch, history) for callback in callbacks]):
            break
    return history


def _step(
    loss: Callable[..., Tensor],
    model: Any,
    args: tuple[Any, ...],
    state: OptimiserState,
    epoch: int,
    step: int,
) -> float:
    result, grads = withgradient(lambda m: loss(m, *args), model)
    value = float(result[0] if isinstance(result, tuple) else result)
    if not math.isfinite(value):
        raise NonFiniteLoss(
            f"the loss is {value} in epoch {epoch}, step {step}: the model keeps the weights from "
            "before; try a smaller learning rate, or ClipNorm"
        )
    update(state, model, grads)
    return value


class _Bar:
    """A tqdm bar over an epoch's batches, or none."""

    def __init__(self, data: Iterable[Any], epoch: int, epochs: int, shown: bool) -> None:
        from tqdm import tqdm

        total = len(data) if isinstance(data, Sized) else None
        label = f"epoch {epoch}/{epochs}"
        self.data = data
        self.bar = tqdm(
            desc=label, total=total, disable=not shown, unit="batch", dynamic_ncols=True
        )

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *raised: object) -> None:
        self.bar.close()

    def __iter__(self) -> Iterator[Any]:
        for batch in self.data:
            yield batch
            self.bar.update()

    def show(self, **values: float) -> None:
        self.bar.set_postfix({k: f"{v:.4f}" for k, v in values.items()})
