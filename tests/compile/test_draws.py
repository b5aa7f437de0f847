"""Random numbers of compiled functions are those of eager ones, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, dtypes, nn
from typedflux.compile import Jitted
from typedflux.core.tree import leaves
from typedflux.ops.random import Generator, default_generator, random_p


def bits(*shape: int) -> Tensor:
    state = default_generator()._next()
    out: Tensor = random_p.bind(state, kind="bits", shape=shape, dtype=dtypes.uint64)
    return out


def same(f: Callable[..., Any], *args: Any, native: bool = True) -> None:
    """The same numbers, and the same state of the generator, in three calls after another."""
    flux.seed(7)
    wanted = [leaves(f(*args)) for _ in range(3)]
    state = default_generator().state.numpy()
    compiled = Jitted(f)
    if native:
        text = flux.explain(f, *args)
        assert "through numpy" not in text, text
    flux.seed(7)
    for want in wanted:
        for a, b in zip(leaves(compiled(*args)), want, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(default_generator().state.numpy(), state)


SHAPES = [(), (1,), (3,), (4,), (7,), (8,), (9,), (16,), (33, 7), (0, 3), (100, 101)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_uniform_numbers_and_bits(shape: tuple[int, ...]) -> None:
    same(lambda: [flux.rand(shape), flux.rand(shape, dtype=flux.float64), bits(*shape)])


def test_other_distributions() -> None:
    p = flux.asarray([0.2, 0.9])
    same(lambda p: [flux.bernoulli(p), flux.randint(0, 9, (50,))], p)
    same(lambda: [flux.randn((5, 5)), flux.permutation(9)], native=False)


def test_generators_of_ones_own() -> None:
    def f(rng: Generator) -> list[Tensor]:
        a, b, c = rng.split(3)
        return [flux.rand(9, rng=a), flux.rand(9, rng=c.split()[1]), b.state, rng.state]

    same(lambda: f(Generator(3)))
    same(lambda: f(Generator(-3)))


def test_within_loops_and_under_vmap() -> None:
    def noisy(x: Tensor) -> tuple[Tensor, Tensor]:
        def step(c: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            c = c * 0.5 + flux.rand(c.shape) * t
            return c, c

        return flux.scan(step, flux.zeros(4), x)

    same(noisy, flux.ones(6))
    same(lambda x: flux.vmap(lambda t: t + flux.rand(3))(x), flux.ones((5, 3)), native=False)


def test_dropout() -> None:
    layer = flux.trainmode(nn.Dropout(0.3))
    same(lambda x: flux.gradient(lambda m: (m["d"](x) * m["w"]).sum(), {"d": layer, "w": x})["w"],
         flux.ones((13, 5)))  # fmt: skip


def test_symbolic_sizes() -> None:
    def f(x: Float32[Tensor, "n d"]) -> Tensor:
        return x + flux.rand(x.shape)

    compiled = Jitted(f)
    for n in (1, 5, 64, 1000):
        x = flux.zeros((n, 3))
        flux.seed(n)
        want = f(x)
        flux.seed(n)
        np.testing.assert_array_equal(compiled(x).numpy(), want.numpy())
    assert compiled.compilations == 1
