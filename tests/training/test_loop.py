"""The training loop: what it records, and that a step happens as a whole or not at all."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float, Int

import typedflux as flux
from typedflux import Tensor, data, nn
from typedflux.compile import Jitted
from typedflux.core.tracing import TraceError
from typedflux.core.tree import leaves
from typedflux.optim import slots
from typedflux.training import snapshot

Loss = Callable[..., Any]


def loss(model: Any, x: Float[Tensor, "batch 3"], y: Int[Tensor, "batch"]) -> Float[Tensor, ""]:
    return flux.logitcrossentropy(model(x), y)


def batches(n: int = 4, rows: int = 5, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    draw = np.random.default_rng(seed)
    return [
        (
            flux.asarray(draw.standard_normal((rows, 3)).astype(np.float32)),
            flux.asarray(draw.integers(0, 2, rows)),
        )
        for _ in range(n)
    ]


def made(seed: int = 1) -> tuple[nn.Chain, flux.OptimiserState]:
    flux.seed(seed)
    model = nn.Chain(nn.Dense(3, 4, flux.tanh), nn.BatchNorm(4), nn.Dropout(0.2), nn.Dense(4, 2))
    return model, flux.setup(flux.Adam(0.05), model)


def content(*trees: object) -> list[Any]:
    return [leaf.tolist() for leaf in leaves((*trees, flux.default_generator()))]


def of_batch(x: Tensor, y: Tensor, model: Any) -> Tensor:
    return loss(model, x, y)


def run(model: Any, state: Any, of: Any, **options: Any) -> flux.History:
    """Eagerly, but for a jitted loss."""
    used = options.pop("loss", loss)
    options.setdefault("jit", isinstance(used, Jitted))
    return flux.train(used, model, of, state, progress=False, **options)


def test_it_is_the_loop_one_would_write() -> None:
    model, state = made()
    history = run(model, state, batches(), epochs=2)
    other, other_state = made()
    for epoch in range(2):
        for step, (x, y) in enumerate(batches()):
            value, grads = flux.withgradient(functools.partial(of_batch, x, y), other)
            flux.update(other_state, other, grads)
            assert history.steps[4 * epoch + step] == float(value)
    assert content(model, state) == content(other, other_state)
    assert history.epochs == [sum(history.steps[:4]) / 4, sum(history.steps[4:]) / 4]
    assert history.metrics == [{}, {}]
    assert history.epochs[1] < history.epochs[0]


def test_a_jitted_loss_compiles_the_whole_step_once_for_all_batch_sizes() -> None:
    traced = 0

    def counted(
        model: Any, x: Float[Tensor, "batch 3"], y: Int[Tensor, "batch"]
    ) -> Float[Tensor, ""]:
        nonlocal traced
        traced += 1
        return loss(model, x, y)

    uneven = [*batches(2), *batches(2, rows=3), *batches(1, rows=7)]
    model, state = made()
    expected = run(model, state, uneven, epochs=2)
    compiled, compiled_state = made()
    history = run(compiled, compiled_state, uneven, epochs=2, loss=flux.jit(counted))
    assert traced == 1
    np.testing.assert_allclose(history.steps, expected.steps, rtol=1e-5)
    for a, b in zip(leaves((compiled, compiled_state)), leaves((model, state)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_steps_are_compiled_by_default() -> None:
    model, state = made()
    expected = run(model, state, batches(6), epochs=2)
    compiled, compiled_state = made()
    traced = 0

    def counted(m: Any, x: Tensor, y: Tensor) -> Tensor:
        nonlocal traced
        traced += 1
        return loss(m, x, y)

    history = flux.train(counted, compiled, batches(6), compiled_state, epochs=2, progress=False)
    assert traced == 1
    np.testing.assert_allclose(history.steps, expected.steps, rtol=1e-5)
    for a, b in zip(leaves((compiled, compiled_state)), leaves((model, state)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


def test_a_loss_that_cannot_be_traced_says_what_to_do() -> None:
    def looks(m: Any, x: Tensor, y: Tensor) -> Tensor:
        value = loss(m, x, y)
        return value if value > 0 else -value

    model, state = made()
    with pytest.raises(TraceError, match="cannot decide a branch") as caught:
        flux.train(looks, model, batches(), state, progress=False)
    assert caught.value.__notes__ == ["flux.train compiles its step: jit=False performs it eagerly"]
    assert len(flux.train(looks, model, batches(), state, progress=False, jit=False).steps) == 4


def test_compiled_steps_write_in_place() -> None:
    model, state = made()
    wanted: set[int] = set()

    def data() -> Iterator[tuple[Tensor, Tensor]]:
        for place, batch in enumerate(batches(8)):
            if place >= 4:
                wanted.add(model[0].weight._data.ctypes.data)
            yield batch

    flux.train(flux.jit(loss), model, data(), state, progress=False)
    assert len(wanted) == 1


def test_an_interruption_waits_for_a_compiled_step(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    model, state = made()
    run(model, state, batches(3), loss=flux.jit(loss))
    expected = content(model, state)
    other, other_state = made()
    calls = 0
    call = Jitted.__call__

    def interrupted(jitted: Jitted, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return call(jitted, *args, **kwargs)

    monkeypatch.setattr(Jitted, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(other, other_state, batches(), loss=flux.jit(loss))
    assert content(other, other_state) == expected


def test_losses_with_more_than_a_loss() -> None:
    def pair(model: Any, x: Tensor, y: Tensor) -> Any:
        return loss(model, x, y), {"rows": len(y), "x": x, "first": x[0, 0]}

    def named(model: Any, x: Tensor, y: Tensor) -> Any:
        return {"loss": loss(model, x, y), "rows": len(y)}

    for kind in (pair, named, flux.jit(pair), flux.jit(named)):
        model, state = made()
        history = run(model, state, [*batches(1, 4), *batches(1, 6)], loss=kind, epochs=2)
        assert [m["rows"] for m in history.metrics] == [5.0, 5.0]
        assert "x" not in history.metrics[0]
        assert len(history.steps) == 4


def test_batches_of_every_form() -> None:
    x, y = batches(1)[0]
    forms: list[tuple[Any, Loss]] = [
        ((x, y), loss),
        ({"x": x, "y": y}, lambda m, b: loss(m, b["x"], b["y"])),
        ([x, y], lambda m, b: loss(m, b[0], b[1])),
        (x, lambda m, b: (m(b) ** 2).mean()),
        ((x,), lambda m, b: (m(b) ** 2).mean()),
    ]
    for batch, fitting in forms:
        model, state = made()
        assert len(run(model, state, [batch] * 3, loss=fitting).steps) == 3


def test_validation_and_callbacks() -> None:
    model, state = made()
    seen: list[tuple[int, int]] = []
    modes: list[bool] = []

    def validate(m: nn.Chain) -> dict[str, Any]:
        modes.extend(layer.training for layer in m.layers if isinstance(layer, nn.Dropout))
        return {"accuracy": flux.asarray(0.5), "n": 3}

    def stop(epoch: int, history: flux.History) -> bool:
        seen.append((epoch, len(history.epochs)))
        return epoch == 2

    history = run(model, state, batches(), epochs=5, validate=validate, callbacks=[stop])
    assert seen == [(1, 1), (2, 2)]
    assert history.metrics == [{"accuracy": 0.5, "n": 3.0}] * 2
    assert modes == [False, False]


def test_a_history_goes_on() -> None:
    model, state = made()
    history = run(model, state, batches(), epochs=1)
    seen: list[int] = []
    again = run(model, state, batches(), epochs=2, history=history,
                callbacks=[lambda epoch, h: seen.append(epoch)])  # fmt: skip
    assert again is history
    assert seen == [2, 3]
    assert len(history.steps) == 12


def test_no_epochs_are_no_steps() -> None:
    model, state = made()
    before = content(model, state)
    assert run(model, state, batches(), epochs=0) == flux.History()
    assert content(model, state) == before


# What goes wrong


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_a_non_finite_loss_keeps_everything_from_before_the_step(bad: float, jitted: bool) -> None:
    good = batches(3)
    poisoned = (flux.full((5, 3), bad), good[0][1])
    model, state = made()
    run(model, state, good)
    expected = content(model, state)
    other, other_state = made()
    history = flux.History()
    with pytest.raises(flux.NonFiniteLoss, match=r"in epoch 1, step 4:") as caught:
        run(
            other, other_state, [*good, poisoned, *good], epochs=3, history=history,
            loss=flux.jit(loss) if jitted else loss,
        )  # fmt: skip
    assert (caught.value.epoch, caught.value.step) == (1, 4)
    assert not math.isfinite(caught.value.value)
    assert "\n" not in str(caught.value)
    assert len(history.steps) == 3 and history.epochs == []
    if jitted:
        for a, b in zip(content(other, other_state), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    else:
        assert content(other, other_state) == expected


@pytest.mark.parametrize("where", ["loss", "update"])
def test_an_interruption_leaves_whole_steps(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, state = made()
    run(model, state, batches(2))
    expected = content(model, state)
    other, other_state = made()
    calls = 0

    def interrupted(m: Any, x: Tensor, y: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        value = loss(m, x, y)
        if calls == 3 and where == "loss":
            raise KeyboardInterrupt
        return value

    if where == "update":

        def half(changes: Any) -> None:
            if calls == 3:
                slots.put(list(changes)[:2])
                raise KeyboardInterrupt
            slots.put(changes)

        monkeypatch.setattr("typedflux.optim.state.put", half)
    with pytest.raises(KeyboardInterrupt):
        run(other, other_state, batches(), loss=interrupted)
    assert content(other, other_state) == expected


def test_models_of_containers_are_restored_too() -> None:
    model = {"layers": [flux.ones((3, 2)), flux.zeros(2)], "norm": nn.BatchNorm(2)}
    state = flux.setup(flux.Adam(0.1), model)
    before = content(model, state)
    inner = model["layers"]

    def failing(m: Any, x: Tensor, y: Tensor) -> Tensor:
        value = flux.logitcrossentropy(m["norm"](x @ m["layers"][0] + m["layers"][1]), y)
        return value / 0.0

    with pytest.raises(flux.NonFiniteLoss):
        run(model, state, batches(), loss=failing)
    assert content(model, state) == before
    assert model["layers"] is inner
    run(model, state, batches(), loss=lambda m, x, y: (m["layers"][0] ** 2).sum())
    assert content(model, state) != before


def test_a_snapshot_restores_what_was_added_and_removed() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            self.items = [1, flux.ones(1)]
            self.named = {"a": flux.ones(1)}

    holder = Holder()
    items, first = holder.items, holder.items[1]
    saved = snapshot.Snapshot(holder)
    holder.extra = 3
    del holder.named["a"]
    holder.items.append(4)
    holder.items[1] = flux.zeros(1)
    saved.restore()
    assert holder.items is items and len(items) == 2 and items[1] is first
    assert list(holder.named) == ["a"]
    assert not hasattr(holder, "extra")


def exhausted() -> Iterator[tuple[Tensor, Tensor]]:
    yield from batches(2)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        ([], "data yielded no batches in epoch 1: wanted a DataLoader or a list with at least one"),
        (data.DataLoader(flux.ones((2, 3)), batchsize=4, partial=False), "no batches in epoch 1"),
        (exhausted(), "in epoch 2: an iterator can be gone through once; wanted a DataLoader"),
    ],
)
def test_no_batches(of: Any, text: str) -> None:
    model, state = made()
    with pytest.raises(ValueError, match=text):
        run(model, state, of, epochs=2)


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        (lambda m, x, y: m(x), flux.ShapeError, r'needs a scalar .*got Float32\[Tensor, "5 2"\]'),
        (lambda m, x, y: None, TypeError, "it returned NoneType"),
        (lambda m, x, y: "low", TypeError, "it returned str"),
        (lambda m, x, y: flux.sum(y), flux.DTypeError, "got Int64"),
        (lambda m, x: x.sum(), TypeError, r"this batch is a tuple of 2, and the loss takes "
         r"\(model, ...\) as \(m, x\): too many positional arguments"),
        (lambda m, x, y, z: x.sum(), TypeError, "missing a required argument: 'z'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("jitted", [False, True], ids=["eager", "jit"])
def test_a_loss_of_another_kind(bad: Loss, error: type[Exception], text: str, jitted: bool) -> None:
    model, state = made()
    before = content(model, state)
    with pytest.raises(error, match=text):
        run(model, state, batches(), loss=flux.jit(bad) if jitted else bad)
    assert content(model, state) == before


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"loss": 3.0}, TypeError, "takes the loss first, a function of the .*; got 3.0"),
        ({"state": flux.Adam(0.1)}, TypeError, r"setup\(rule, model\) returned .*got Adam"),
        ({"data": 7}, TypeError, "takes batches to go through, got int"),
        ({"data": flux.ones((4, 3))}, TypeError, "got Tensor: make batches of it with"),
        ({"data": {"x": flux.ones(3)}}, TypeError, "got dict: make batches of it with"),
        ({"epochs": -1}, ValueError, "epochs is an int of at least 0, got -1"),
        ({"epochs": 1.5}, ValueError, "got 1.5"),
        ({"validate": lambda m: 0.9}, TypeError, "validate returns a dict .*it returned a float"),
    ],
)  # fmt: skip
def test_arguments_of_other_kinds(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    model, state = made()
    given = {"loss": loss, "data": batches(), "state": state, **arguments}
    with pytest.raises(error, match=text):
        flux.train(
            given.pop("loss"), model, given.pop("data"), given.pop("state"), progress=False, **given
        )


# The progress bar


def test_the_bar_can_be_switched_off(capsys: pytest.CaptureFixture[str]) -> None:
    model, state = made()
    flux.train(loss, model, batches(), state, progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_bar_shows_epoch_loss_and_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    model, state = made()
    flux.train(loss, model, batches(), state, epochs=2, validate=lambda m: {"accuracy": 0.25})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "epoch 1/2: 100%" in shown.err and "epoch 2/2: 100%" in shown.err
    assert "accuracy=0.2500" in shown.err and "loss=" in shown.err
    assert "4/4" in shown.err


def test_data_of_unknown_length_has_a_bar_too(capsys: pytest.CaptureFixture[str]) -> None:
    model, state = made()
    flux.train(loss, model, exhausted(), state)
    assert "epoch 1/1: 2batch" in capsys.readouterr().err
