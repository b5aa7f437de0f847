"""What a gradient records: depth, memory, threads, and uses that it refuses."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor
from typedflux.core.tracing import TraceError
from typedflux.shapes.errors import DTypeError, ShapeError

DEPTH = 10_000


def deep(x: Tensor) -> Tensor:
    for _ in range(DEPTH):
        x = x + 1e-4
    return x


def test_deep_chains_need_no_recursion() -> None:
    x = flux.asarray(1.0)
    assert flux.gradient(deep, x).item() == 1.0
    assert flux.jvp(deep, (x,), (x,))[1].item() == 1.0
    value, pullback = flux.vjp(deep, x)
    assert pullback(x).item() == 1.0
    del value, pullback  # freed without recursion too
    assert flux.gradient(flux.checkpoint(deep), x).item() == 1.0
    assert flux.jit(flux.vmap(deep))(flux.zeros(2)).shape == (2,)


def test_the_record_is_freed_with_the_result() -> None:
    x = flux.asarray(np.linspace(0, 1, 1 << 16))

    def loss(x: Tensor) -> Tensor:
        for _ in range(20):
            x = flux.sin(x)
        return x.sum()

    gc.disable()
    tracemalloc.start()
    try:
        flux.gradient(loss, x)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            flux.gradient(loss, x)
        assert tracemalloc.get_traced_memory()[0] - before < x.nbytes
    finally:
        tracemalloc.stop()
        gc.enable()


def test_what_the_result_does_not_depend_on_is_freed_while_it_runs() -> None:
    freed: list[bool] = []

    def loss(x: Tensor) -> Tensor:
        unused = flux.exp(x) * 2
        ref = weakref.ref(unused)
        del unused
        freed.append(ref() is None)
        return x.sum()

    flux.gradient(loss, flux.ones(3))
    assert freed == [True]


def test_threads_do_not_see_each_other() -> None:
    def work(seed: int) -> bool:
        x = flux.asarray(np.random.default_rng(seed).normal(size=50))
        grad = flux.gradient(lambda x: (flux.sin(x) ** 2).sum(), x)
        second = flux.hvp(lambda x: (x**3).sum(), x, flux.ones_like(x))
        compiled = flux.jit(lambda x: flux.gradient(lambda z: (z**2).sum(), x))(x)
        return (
            np.allclose(grad.numpy(), np.sin(2 * x.numpy()))
            and np.allclose(second.numpy(), 6 * x.numpy())
            and np.allclose(compiled.numpy(), 2 * x.numpy())
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (float, "stop_gradient"),
        (lambda x: x.item(), "stop_gradient"),
        (lambda x: x.tolist(), "stop_gradient"),
        (np.asarray, "stop_gradient"),
        (lambda x: bool(x > 0) and float(x), "stop_gradient"),
    ],
)
def test_a_traced_value_is_no_number(use: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(TraceError, match=words):
        flux.gradient(lambda x: x * use(x), flux.asarray(2.0))


def test_errors_say_what_to_do() -> None:
    x: Any = flux.ones(3)
    whole: Any = flux.asarray([1, 2])
    with pytest.raises(ShapeError, match=r"scalar result, got .*: reduce it with \.sum\(\)"):
        flux.gradient(lambda x: x * 2, x)
    with pytest.raises(DTypeError, match=r"convert it with \.astype\(flux\.float32\)"):
        flux.gradient(lambda x: x.sum(), whole)
    with pytest.raises(DTypeError, match="real floating-point result"):
        flux.gradient(lambda x: (x * 1j).sum(), x)
    with pytest.raises(TypeError, match="it returned str"):
        flux.gradient(lambda x: "loss", x)
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x)
        return x.sum()

    flux.gradient(keep, x)
    with pytest.raises(TraceError, match="kept after gradient"):
        kept[0] + 1
    with pytest.raises(TypeError, match=r"\.at\["):
        x[0] = 1.0


def test_the_same_argument_twice_has_two_gradients() -> None:
    x: Any = flux.asarray([1.0, 2.0])
    first, second = flux.gradient(lambda a, b: (a * a * b).sum(), x, x)
    assert first.tolist() == [2.0, 8.0]
    assert second.tolist() == [1.0, 4.0]


def test_what_nothing_depends_on() -> None:
    tree = {"used": flux.ones(2), "unused": flux.ones((1000, 1000))}
    grads = flux.gradient(lambda t: t["used"].sum(), tree)
    assert grads["unused"].shape == (1000, 1000)
    assert not grads["unused"].numpy().any()
    nothing = flux.gradient(lambda t: t["used"].sum(), tree, unused="none")
    assert nothing["unused"] is None
