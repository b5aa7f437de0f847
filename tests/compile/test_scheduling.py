"""The order of groups, and operands that are packed once for several products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from tests.compile.passes.helpers import of, traced
from typedflux import Tensor, nn
from typedflux.compile.lowering.blocks import LoopItem
from typedflux.compile.lowering.kernels import Stage
from typedflux.compile.lowering.program import Program, compile_graph
from typedflux.compile.passes import optimise
from typedflux.core.graph import run_graph


def agree(function: Any, *shapes: tuple[int, ...]) -> Program:
    """The program, which gives what the operations do one after the other."""
    graph = traced(function, *[of(*shape) for shape in shapes])
    random = np.random.default_rng(1)
    xs = [flux.asarray(0.2 * random.standard_normal(shape, np.float32)) for shape in shapes]
    want = run_graph(graph, xs, {})
    program = compile_graph(optimise(graph))
    for _ in range(2):
        got = program.run([x.numpy() for x in xs])
        for w, g in zip(want, got, strict=True):
            np.testing.assert_allclose(g, w.numpy(), rtol=2e-5, atol=2e-5)
    return program


def test_updates_follow_their_gradients() -> None:
    """Each weight's update comes right after the last product that reads the weight."""

    def step(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        h = flux.tanh(x @ a)
        k = flux.tanh(h @ b)
        dk = (k @ c - x) * (1 - k * k)
        dh = (dk @ b.T) * (1 - h * h)
        return a - x.T @ dh, b - h.T @ dk, c - k.T @ (k @ c - x)

    program = agree(step, (30, 40), *[(40, 40)] * 3)
    writers = [
        next(i for i, (_, stored) in enumerate(program.block.groups) if view.buffer in stored)
        for view in program.outputs
    ]
    assert writers[2] == min(writers[:2]) - 2  # only the product for dh in between
    assert sorted(program.donations) == [0, 1, 2]


def test_what_others_read_later_is_not_written_over_before() -> None:
    def step(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        y = flux.exp(x) @ w
        return w - 0.1 * w, flux.tanh(y) @ w

    program = agree(step, (20, 20), (20, 20))
    updates = [i for i, (g, _) in enumerate(program.block.groups) if g.kind == "rows"]
    assert updates[-1] == len(program.block.groups) - 1
    assert 1 in program.donations[0]


def test_nothing_is_written_over_before_all_indices_are_known_to_be_inside() -> None:
    table = flux.asarray(np.arange(12, dtype=np.float32).reshape(6, 2))

    @flux.jit
    def step(t: Tensor, i: Any, w: Tensor) -> tuple[Tensor, Tensor]:
        return w + 1, flux.gather(flux.exp(t), i)

    w = flux.ones((3,))
    step(table, flux.asarray([0, 5]), w)
    with pytest.raises(IndexError):
        step(table, flux.asarray([0, 6]), w)
    np.testing.assert_array_equal(w.numpy(), 1)


def test_a_weight_of_many_steps_is_packed_once() -> None:
    def unrolled(x: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        for i in range(5):
            h = flux.tanh(x[:, i] + h @ w.T)
        return (h,)

    program = agree(unrolled, (9, 5, 48), (9, 48), (48, 48))
    panels = [stored[0].name for _, stored in program.block.groups if stored]
    assert panels.count("panels") == 1


@pytest.mark.parametrize("rows", [1, 2, 9, 33])
def test_a_weight_is_packed_before_the_loop(rows: int) -> None:
    def scanned(x: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        v = flux.exp(w)

        def step(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            h = flux.tanh(x + h @ v)
            return h, h

        last, all = flux.scan(step, h, x)
        return last, all

    program = agree(scanned, (5, rows, 40), (rows, 40), (40, 40))
    (loop,) = [item for item in program.block.items if isinstance(item, LoopItem)]
    assert [buffer.name for buffer in loop.packed] == ["panels"]
    names = [b.name for _, stored in program.block.groups for b in stored]
    assert names.count("panels") == 1
    before = program.block.items[program.block.items.index(loop) - 1]
    assert isinstance(before, Stage)
    assert loop.packed[0] in before.args


def test_what_a_loop_computes_is_packed_in_each_step() -> None:
    def scanned(x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        def step(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            w = flux.exp(-x * x)
            h = flux.tanh(h @ w.T) + flux.tanh(h @ w.T @ w.T)
            return h, h.sum()

        last, all = flux.scan(step, h, x)
        return last, all

    program = agree(scanned, (4, 40, 40), (7, 40))
    (loop,) = [item for item in program.block.items if isinstance(item, LoopItem)]
    assert not loop.packed
    names = [b.name for _, stored in loop.body.groups for b in stored]
    assert names.count("panels") == 1


def test_loops_in_loops_read_what_is_packed_outside() -> None:
    def nested(x: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        def inner(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            h = flux.tanh(x + h @ w.T)
            return h, h.sum()

        def outer(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            h, sums = flux.scan(inner, h, x)
            return h, sums.sum()

        last, all = flux.scan(outer, h, x)
        return last, all

    program = agree(nested, (3, 4, 6, 40), (6, 40), (40, 40))
    (loop,) = [item for item in program.block.items if isinstance(item, LoopItem)]
    assert [buffer.name for buffer in loop.packed] == ["panels"]


def test_a_recurrent_step_of_any_batch() -> None:
    cell: Any = nn.LSTM(24, 40)

    @flux.jit
    def run(model: Any, x: Float32[Tensor, "batch steps 24"]) -> Tensor:
        return model(x)

    for batch in (1, 2, 3, 7, 40):
        x = flux.randn((batch, 6, 24))
        np.testing.assert_allclose(run(cell, x).numpy(), cell(x).numpy(), rtol=1e-5, atol=1e-6)
