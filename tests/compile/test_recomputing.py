"""Cheap values that are computed again instead of being kept, and sums that go over memory once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.compile.test_scheduling import agree
from typedflux import Tensor


def large_values(program: Any, elements: int) -> list[str]:
    """What groups leave in memory of at least so many elements."""
    return [b.name for _, stored in program.block.groups for b in stored if b.elements >= elements]


def normalised(x: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
    y = flux.exp(x)
    centred = y - y.mean(axis=0)
    deviation = flux.sqrt((centred * centred).mean(axis=0) + 1e-3)
    z = centred / deviation * scale
    return (flux.tanh(z.T @ z),)


def test_normalised_values_are_not_kept_twice() -> None:
    """What is centred is read by the sum of squares and by the rest: only `exp(x)` is in memory."""
    program = agree(normalised, (300, 20), (20,))
    assert large_values(program, 6000) == ["exp", "multiply"]


def test_what_costs_is_kept() -> None:
    def f(x: Tensor) -> tuple[Tensor, ...]:
        y = flux.exp(x)
        return (y.sum(axis=0) + flux.tanh(y).sum(axis=0) @ (y.T @ y),)

    program = agree(f, (300, 20))
    assert "exp" in large_values(program, 6000)


def test_outputs_are_in_memory_anyway() -> None:
    def f(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        z = x + y.sum(axis=0)
        return z, z.sum(axis=0), (z * 2).sum(axis=0)

    program = agree(f, (300, 20), (300, 20))
    assert large_values(program, 6000) == ["add"]


def test_sums_of_the_same_values_are_one_group() -> None:
    def f(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        d = flux.exp(x @ y)
        return d.sum(axis=0), (d * 3).sum(axis=0), (d * d).sum(axis=0)

    program = agree(f, (60, 30), (30, 20))
    kinds = [group.kind for group, _ in program.block.groups]
    assert kinds.count("columns") == 1


def test_a_sum_that_needs_another_follows_it() -> None:
    def f(x: Tensor) -> tuple[Tensor, ...]:
        d = flux.exp(x)
        total = d.sum(axis=0)
        squares = (d * d * (1 / total)).sum(axis=0)
        cubes = (d * squares).sum(axis=0)
        return total, squares, cubes, (d * 2).sum(axis=0)

    program = agree(f, (70, 20))
    assert [g.kind for g, _ in program.block.groups].count("columns") == 3


@pytest.mark.parametrize("seed", range(6))
def test_random_programs(seed: int) -> None:
    """Chains of cheap and costly steps, with sums and products in between, read at random."""
    random = np.random.default_rng(seed)
    choices = random.integers(0, 7, 24)
    picks = random.random((24, 2))

    def step(choice: int, one: Tensor, other: Tensor, w: Tensor) -> Tensor:
        if choice == 0:
            return one * 0.5 + other * 0.25
        if choice == 1:
            return one - one.mean(axis=0)
        if choice == 2:
            return one - other.mean(axis=1, keepdims=True)
        if choice == 3:
            return flux.tanh(one)
        if choice == 4:
            return flux.tanh(one @ w) * 0.5
        if choice == 5:
            return one * (other * other).mean(axis=0)
        return flux.where(other > 0, one, -one)

    def f(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        values = [x]
        for choice, (a, b) in zip(choices, picks, strict=True):
            one, other = values[int(a * len(values))], values[int(b * len(values))]
            values.append(step(int(choice), one, other, w))
        return values[-1], values[-2].sum(axis=0), sum(values[1:], x)

    agree(f, (40, 24), (24, 24))
