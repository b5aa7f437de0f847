"""`train`: gradients and updates over the batches of some data, with a progress bar."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, TypeVar

from typedflux.autodiff import withgradient
from typedflux.compile.finite import is_requested
from typedflux.compile.jit import Jitted
from typedflux.core.tracing import TraceError
from typedflux.ops.halting import Halted, halt_unless_finite
from typedflux.ops.random import default_generator
from typedflux.optim import OptimiserState, update
from typedflux.static import Taking
from typedflux.tensor import Tensor
from typedflux.training.history import Callback, History
from typedflux.training.interruption import uninterrupted
from typedflux.training.snapshot import Snapshot

Batch = TypeVar("Batch")
"""Makes mypy infer what the batches are, instead of taking them to be anything."""


class NonFiniteLoss(ArithmeticError):
    """The loss became infinite or nan; the model is as it was before that step.

    Attributes:
        value: the loss.
        epoch: in which epoch it happened, counted from 1.
        step: at which batch of that epoch, counted from 1.
    """

    def __init__(self, value: float, epoch: int, step: int) -> None:
        super().__init__(value, epoch, step)
        self.value, self.epoch, self.step = value, epoch, step

    def __str__(self) -> str:
        return (
            f"the loss is {self.value} in epoch {self.epoch}, step {self.step}: the model, its "
            "statistics and the optimiser's state are as they were before that step; look for bad "
            "values in that batch, or try a smaller learning rate or flux.ClipNorm"
        )


def train(
    loss: Taking[Callable[..., Any], "model *data"],
    model: Any,
    data: Iterable[Batch],
    state: OptimiserState,
    *,
    epochs: int = 1,
    progress: bool = True,
    validate: Callable[[Any], Mapping[str, Any]] | None = None,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
    jit: bool = True,
) -> History:
    """Train `model` in place.

    The whole step is compiled by `flux.jit`: loss, gradient and update. With `jit=False` it is
    performed operation by operation, so that the loss can be looked at while it runs.

    A step takes place as a whole or not at all: when it fails, by an error, a loss that is not
    finite or an interruption from the keyboard, the model with its statistics, the optimiser's
    state and the random generator are as they were before it.

    Args:
        loss: called as `loss(model, *batch)` for each batch that `data` yields; a batch that is no
            tuple is one argument. It returns a scalar, or `(scalar, {"name": number})` or
            `{"loss": scalar, "name": number}`: the numbers are averaged over each epoch and
            recorded. Sizes that its annotations name stay symbolic, as with `flux.jit`: a last,
            smaller batch compiles nothing. Where it is itself made by `flux.jit(check_finite=True)`
            the step is checked so.
        data: iterated over once for each epoch.
        state: from `setup`.
        epochs: how many.
        progress: whether to show a bar with the loss and the metrics.
        validate: called with the model after each epoch; what it returns is shown and recorded.
        callbacks: called as `callback(epoch, history)` after each epoch; when one returns true,
            training ends. See `flux.training` for those that come with it.
        history: what an earlier call returned: this one counts epochs from there, and adds to it.
        jit: whether the step is compiled.

    Raises:
        NonFiniteLoss: naming the epoch and step.
        ValueError: when `data` yields no batches.
        TypeError: for arguments of other types, or a loss that does not take the batch.

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
    _check(loss, data, state, epochs)
    history = History() if history is None else history
    step = _CompiledStep(loss, model, state) if jit else _Step(loss, model, state)
    done = len(history.epochs)
    for epoch in range(done + 1, done + epochs + 1):
        with _Bar(data, epoch, done + epochs, progress) as bar:
            means = _Means()
            for batch in bar:
                values = step(batch, epoch, means.count + 1)
                history.steps.append(values["loss"])
                means.add(values)
                bar.show({"loss": means.of("loss")})
            if not means.count:
                again = " an iterator can be gone through once;" if iter(data) is data else ""
                raise ValueError(
                    f"train: data yielded no batches in epoch {epoch}:{again} wanted a DataLoader "
                    "or a list with at least one batch"
                )
            metrics = {name: means.of(name) for name in means.sums if name != "loss"}
            metrics |= _validated(validate, model)
            history.epochs.append(means.of("loss"))
            history.metrics.append(metrics)
            bar.show({"loss": history.epochs[-1], **metrics}, last=True)
        if any([callback(epoch, history) for callback in callbacks]):
            break
    return history


def _check(loss: Any, data: Any, state: Any, epochs: Any) -> None:
    if not callable(loss) or isinstance(loss, (Tensor, type)):
        raise TypeError(
            f"train takes the loss first, a function of the model and a batch; got {loss!r:.60}"
        )
    if not isinstance(state, OptimiserState):
        raise TypeError(
            "train takes the optimiser state that flux.setup(rule, model) returned as its fourth "
            f"argument, got {type(state).__name__}"
        )
    if not isinstance(data, Iterable):
        raise TypeError(f"train takes batches to go through, got {type(data).__name__}")
    if isinstance(data, (Tensor, dict)):
        raise TypeError(
            f"train takes batches to go through, got {type(data).__name__}: make batches of it "
            "with flux.data.DataLoader(data, batchsize=32)"
        )
    if type(epochs) is not int or epochs < 0:
        raise ValueError(f"train: epochs is an int of at least 0, got {epochs!r}")


class _Step:
    """One step of training, which takes place as a whole or not at all."""

    def __init__(self, loss: Callable[..., Any], model: Any, state: OptimiserState) -> None:
        self.loss = loss.function if isinstance(loss, Jitted) else loss
        self.model = model
        self.state = state

    def perform(self, *batch: Any) -> dict[str, float]:
        """Take the step, and give the numbers that the loss returned.

        Raises:
            Halted: when the loss is not finite.
        """
        before = Snapshot(self.model, self.state, default_generator())
        try:
            result, grads = withgradient(lambda m: self.loss(m, *batch), self.model)
            update(self.state, self.model, grads)
            values = _numbers(result)
            if not math.isfinite(values["loss"]):
                raise Halted(values["loss"])
        except BaseException:
            before.restore()
            raise
        return values

    def __call__(self, batch: Any, epoch: int, number: int) -> dict[str, float]:
        args = batch if isinstance(batch, tuple) else (batch,)
        try:
            return self.perform(*args)
        except Halted as halted:
            raise NonFiniteLoss(halted.value, epoch, number) from None
        except TypeError as error:
            self._explain(batch, args, error)
            raise

    def _explain(self, batch: Any, args: tuple[Any, ...], error: TypeError) -> None:
        """Raise a better error when the loss does not take the batch."""
        try:
            signature = inspect.signature(self.loss)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(self.model, *args)
        except TypeError as misfit:
            kind = type(batch).__name__
            raise TypeError(
                f"train calls loss(model, *batch) for a batch that is a tuple and loss(model, "
                f"batch) for any other; this batch is a {kind}"
                f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}, and the "
                f"loss takes (model, ...) as {signature}: {misfit}"
            ) from error


class _CompiledStep(_Step):
    """The same in compiled code, which halts where the loss is not finite, before anything is
    written."""

    def __init__(self, loss: Callable[..., Any], model: Any, state: OptimiserState) -> None:
        super().__init__(loss, model, state)
        self.check_finite = loss.check_finite if isinstance(loss, Jitted) else is_requested()
        self.whole: Jitted | None = None

    def perform(self, *batch: Any) -> dict[str, float]:
        if self.whole is None:
            # Where all results are looked at, the first operation to blame is named instead.
            whole = _whole(self.loss, halting=not self.check_finite)
            self.whole = Jitted(whole, check_finite=self.check_finite)
        with uninterrupted():
            try:
                return _numbers(self.whole(self.state, self.model, *batch))
            except TraceError as error:
                error.add_note("flux.train compiles its step: jit=False performs it eagerly")
                raise


def _whole(loss: Callable[..., Any], *, halting: bool) -> Callable[..., Any]:
    """A step as a function. The sizes that the loss's annotations name stay symbolic in it."""

    @functools.wraps(loss)
    def whole(state: OptimiserState, model: Any, *batch: Any) -> Any:
        result, grads = withgradient(lambda m: loss(m, *batch), model)
        if halting:
            result = _halting(result)
        update(state, model, grads)
        return result

    first = inspect.Parameter("_state", inspect.Parameter.POSITIONAL_ONLY)
    try:
        rest = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):  # a builtin
        return whole
    whole.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]
    return whole


def _halting(result: Any) -> Any:
    """What a loss returned, with a loss that halts the step where it is not finite."""
    if isinstance(result, tuple):
        return (_halting(result[0]), *result[1:])
    if isinstance(result, dict):
        return {**result, "loss": _halting(result["loss"])}
    if isinstance(result, Tensor):
        return halt_unless_finite(result)
    if not math.isfinite(result):
        raise Halted(result)
    return result


def _numbers(result: Any) -> dict[str, float]:
    """The loss and what came with it that has a name and is one number."""
    loss, rest = result, {}
    if isinstance(result, tuple):
        loss = result[0]
        rest = {k: v for part in result[1:] if isinstance(part, dict) for k, v in part.items()}
    elif isinstance(result, dict):
        rest = dict(result)
        loss = rest.pop("loss")
    named = {
        str(name): float(value)
        for name, value in rest.items()
        if isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.ndim == 0)
    }
    return {**named, "loss": float(loss)}


class _Means:
    """The means of the numbers of each step of an epoch."""

    def __init__(self) -> None:
        self.count = 0
        self.sums: dict[str, float] = {}

    def add(self, values: dict[str, float]) -> None:
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def of(self, name: str) -> float:
        return self.sums[name] / self.count


def _validated(validate: Callable[[Any], Mapping[str, Any]] | None, model: Any) -> dict[str, float]:
    if validate is None:
        return {}
    found = validate(model)
    if not isinstance(found, Mapping):
        raise TypeError(
            'train: validate returns a dict of numbers such as {"accuracy": 0.9}, it returned a '
            f"{type(found).__name__}"
        )
    return {str(name): float(value) for name, value in found.items()}


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

    def show(self, values: dict[str, float], *, last: bool = False) -> None:
        """Show these numbers when the bar is drawn next; at once if they are the `last`."""
        if not self.bar.disable:
            self.bar.set_postfix({k: f"{v:.4f}" for k, v in values.items()}, refresh=last)
