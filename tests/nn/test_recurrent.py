"""Recurrent layers: states, time, layers upon each other. `test_layers.py` checks their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tree import leaves

KINDS: list[Any] = [nn.RNN, nn.LSTM, nn.GRU, nn.GRUv3]


def sample(*shape: int, seed: int = 0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return flux.asarray(values.astype(np.float32))


def close(a: Any, b: Any) -> None:
    for x, y in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_sequence_may_be_cut(kind: Any, num_layers: int) -> None:
    layer = kind(3, 4, num_layers=num_layers, return_state=True)
    x = sample(2, 7, 3)
    y, state = layer(x)
    first, between = layer(x[:, :3])
    second, last = layer(x[:, 3:], between)
    close(flux.concat([first, second], axis=1), y)
    close(last, state)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_its_cell_at_each_step(kind: Any) -> None:
    layer = kind(3, 4)
    (cell,) = layer.cells
    x = sample(2, 5, 3)
    outputs, state = [], None
    for t in range(5):
        y, state = cell(x[:, t], state)
        outputs.append(y)
    close(layer(x), flux.stack(outputs, axis=1))
    close(nn.Recurrence(cell, return_state=True)(x), (flux.stack(outputs, axis=1), state))


@pytest.mark.parametrize("kind", KINDS)
def test_two_directions_are_two_layers(kind: Any) -> None:
    both = kind(3, 4, bidirectional=True)
    x = sample(2, 5, 3)
    there, back = (nn.Recurrence(cell) for cell in both.cells)
    backwards = flux.flip(back(flux.flip(x, axis=1)), axis=1)
    close(both(x), flux.concat([there(x), backwards], axis=-1))


@pytest.mark.parametrize("kind", KINDS)
def test_no_steps_leave_the_state(kind: Any) -> None:
    layer = kind(3, 4, bidirectional=True, return_state=True)
    start = layer.initialstates(2)
    y, state = layer(flux.zeros((2, 0, 3)), start)
    assert y.shape == (2, 0, 8) and y.dtype is flux.float32
    assert all(a is b for a, b in zip(leaves(state), leaves(start), strict=True))
    grads = flux.gradient(lambda m: m(flux.zeros((2, 0, 3)))[0].sum(), layer)
    assert not any(g.numpy().any() for g in leaves(grads))


def test_initial_states() -> None:
    assert nn.GRUCell(3, 4).initialstates().shape == (4,)
    h, c = nn.LSTMCell(3, 4).initialstates((5, 2))
    assert h.shape == c.shape == (5, 2, 4)
    assert len(nn.LSTM(3, 4, num_layers=2, bidirectional=True).initialstates(5)) == 4
    assert flux.f64(nn.RNN(3, 4)).initialstates(5).dtype is flux.float64
    cell = nn.LSTMCell(3, 4)
    x = sample(5, 2, 3)
    close(cell(x), cell(x, cell.initialstates((5, 2))))  # any number of batch axes
    assert cell(x[0, 0])[0].shape == (4,)


def test_a_state_can_be_trained() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.start = flux.zeros((1, 4))
            self.rnn = nn.RNN(3, 4)

        def __call__(self, x: Tensor) -> Tensor:
            return self.rnn(x, flux.broadcast_to(self.start, (x.shape[0], 4)))

    grads = flux.gradient(lambda m: m(sample(2, 5, 3)).sum(), Model())
    assert grads.start.shape == (1, 4) and grads.start.numpy().all()


def test_the_forget_gate_may_start_open() -> None:
    assert nn.LSTMCell(3, 2, forget_bias=1.0).bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]  # type: ignore[union-attr]
    layer = nn.LSTM(3, 2, num_layers=2, forget_bias=2.0)
    assert all(cell.bias is not None and cell.bias.tolist()[2:4] == [2, 2] for cell in layer.cells)
    assert nn.LSTMCell(3, 2, bias=False).bias is None


def test_gates_are_initialised_one_by_one() -> None:
    shapes = []

    def init(shape: Any) -> Tensor:
        shapes.append(shape)
        return flux.zeros(shape)

    nn.LSTM(3, 2, init_kernel=init)
    assert shapes == [(2, 3)] * 4
    nn.GRUv3Cell(3, 2, init_recurrent_kernel=init)
    assert shapes[4:] == [(2, 2)] * 3


def test_dropout_lies_between_layers() -> None:
    x = flux.ones((50, 4, 3))
    single = flux.trainmode(nn.RNN(3, 4, dropout=0.9))
    close(single(x), single(x))
    deep = nn.RNN(3, 40, flux.relu, num_layers=2, dropout=0.5)
    close(deep(x), deep(x))
    flux.trainmode(deep)
    flux.seed(1)
    first = deep(x)
    assert not np.allclose(first.numpy(), deep(x).numpy())
    flux.seed(1)
    close(deep(x), first)


def test_any_cell_recurs() -> None:
    def mean_so_far(x: Tensor, state: Any) -> Any:
        count, total = (0, flux.zeros_like(x)) if state is None else state
        count, total = count + 1, total + x
        return total / count, (count, total)

    x = sample(2, 5, 3)
    y, (count, total) = nn.Recurrence(mean_so_far, return_state=True)(x)
    assert count == 5
    close(total, x.sum(axis=1))
    close(y[:, -1], x.mean(axis=1))
    start = (5, x.sum(axis=1))
    assert nn.Recurrence(mean_so_far, return_state=True)(x, start)[1][0] == 10


LAYERS: list[Any] = [
    nn.RNN(3, 4, return_state=True),
    nn.LSTM(3, 4, num_layers=2, bidirectional=True, return_state=True),
    nn.GRU(3, 4, return_state=True),
    nn.Recurrence(nn.GRUv3Cell(3, 4), return_state=True),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_one_compilation_for_all_lengths(layer: Any) -> None:
    def step(model: Any, x: Float[Tensor, "batch time 3"]) -> Any:
        def loss(m: Any) -> Any:
            y, state = m(x)
            return (y * y).mean(), y, state

        return flux.withgradient(loss, model)

    compiled: Any = flux.jit(step)
    for batch, time in ((2, 5), (3, 7), (2, 1)):
        x = sample(batch, time, 3, seed=time)
        close(compiled(layer, x), step(layer, x))
    assert compiled.compilations == 1


def test_the_length_may_be_unknown() -> None:
    assert flux.outputsize(nn.LSTM(3, 4, bidirectional=True), ("time", 3)) == ("time", 8)
    assert flux.outputsize(nn.GRU(3, 4, return_state=True), ("2*n", 3)) == (("2*n", 4), (4,))


def test_long_sequences() -> None:
    y = nn.GRU(1, 2)(flux.ones((1, 1000, 1)))
    assert np.isfinite(y.numpy()).all()
    grads = flux.gradient(lambda m: m(flux.ones((1, 1000, 1))).mean(), nn.GRU(1, 2))
    assert all(np.isfinite(g.numpy()).all() for g in leaves(grads))
