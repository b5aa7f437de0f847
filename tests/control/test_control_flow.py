"""Control flow: eagerly, traced, differentiated, batched, and with state that it changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.graph import evaluate_types
from typedflux.core.tracing import TraceError
from typedflux.core.tree import leaves
from typedflux.core.types import TensorType
from typedflux.shapes.dims import symbol
from typedflux.shapes.errors import DTypeError, ShapeError

X = flux.asarray(np.array([0.3, -0.2, 1.0]))
XS = flux.asarray(np.array([[0.3, -0.2, 1.0], [1.5, 0.1, 0.4]]))
W = flux.asarray(np.array([[0.1, 0.7, 0.2], [0.3, -0.4, 0.6], [0.9, 0.1, -0.3]]))


def agree(a: Any, b: Any) -> None:
    for p, q in zip(leaves(a), leaves(b), strict=True):
        assert p.shape == q.shape
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-10, atol=1e-12)


def branch(x: Tensor) -> Tensor:
    return flux.cond(x.sum() > 0, lambda x: flux.sin(x) * x, lambda x: x * 2, x)


def branch_on_all(x: Tensor) -> Tensor:
    return flux.cond(flux.asarray(True), lambda: flux.cos(x), lambda: x)


def recur(x: Tensor) -> Tensor:
    def step(h: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        h = flux.tanh(W @ h + v)
        return h, h * v

    h, ys = flux.scan(step, x, flux.asarray(np.array([0.1, -0.5, 0.25, 2.0])))
    return flux.concat([h, ys[1]]) + flux.concat([ys[0], x])


def recur_backwards(x: Tensor) -> Tensor:
    def step(total: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return total * v + 1, flux.exp(total)

    total, ys = flux.scan(step, flux.asarray(np.array(1.0)), x, reverse=True)
    return ys * total


def double(x: Tensor) -> Tensor:
    return flux.while_loop(lambda s: flux.abs(s).sum() < 20, lambda s: s * 1.5 + 0.1, x)


SCANS = [branch, branch_on_all, recur, recur_backwards]


@pytest.mark.parametrize("f", [*SCANS, double])
def test_traced_is_eager(f: Callable[[Tensor], Tensor]) -> None:
    for x in (X, -X):
        agree(flux.jit(f)(x), f(x))
        agree(
            flux.jit(lambda x, t: flux.jvp(f, (x,), (t,)))(x, x * x),
            flux.jvp(f, (x,), (x * x,)),
        )


@pytest.mark.parametrize("f", [*SCANS, double])
def test_batched_is_a_loop(f: Callable[[Tensor], Tensor]) -> None:
    expected = flux.stack([f(x) for x in XS])
    agree(flux.vmap(f)(XS), expected)
    agree(flux.jit(flux.vmap(f))(XS), expected)


@pytest.mark.parametrize("f", SCANS)
def test_derivatives_under_jit_are_those_of_python(f: Callable[[Tensor], Tensor]) -> None:
    def total(x: Tensor) -> Tensor:
        return (f(x) ** 2).sum()

    def second(x: Tensor) -> Tensor:
        return flux.gradient(lambda z: (flux.gradient(total, z) ** 2).sum(), x)

    for x in (X, -X):
        agree(flux.jit(lambda x: flux.gradient(total, x))(x), flux.gradient(total, x))
        agree(flux.jit(lambda x: flux.hvp(total, x, x))(x), flux.hvp(total, x, x))
        agree(flux.jit(second)(x), second(x))
    each = flux.vmap(lambda x: flux.gradient(total, x))
    agree(each(XS), flux.stack([flux.gradient(total, x) for x in XS]))
    agree(flux.jit(each)(XS), each(XS))


def test_eager_gradients_agree_with_differences() -> None:
    step = 1e-6
    for f in SCANS:
        grad = flux.gradient(lambda x: f(x).sum(), X)  # noqa: B023
        for i in range(3):
            e = np.eye(3)[i] * step
            up = f(flux.asarray(X.numpy() + e)).sum().item()
            down = f(flux.asarray(X.numpy() - e)).sum().item()
            assert grad[i].item() == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_a_captured_value_gets_its_gradient() -> None:
    def loss(w: Tensor) -> Tensor:
        h, _ = flux.scan(lambda h, v: (flux.tanh(w @ h) + v, None), X, X)
        return flux.cond(h.sum() > 0, lambda: (h * w[0]).sum(), lambda: h.sum())

    agree(flux.jit(lambda w: flux.gradient(loss, w))(W), flux.gradient(loss, W))
    checkpointed = flux.checkpoint(loss)
    agree(flux.gradient(checkpointed, W), flux.gradient(loss, W))


def test_only_the_branch_taken_runs_under_jit() -> None:
    def f(n: Tensor) -> Tensor:
        return flux.cond(
            n > 0,
            lambda: n,
            lambda: flux.while_loop(lambda s: s < 0, lambda s: s - 1, n),  # would not end
        )

    assert flux.jit(f)(flux.asarray(3)).item() == 3


def test_one_graph_serves_every_length() -> None:
    @flux.jit
    def total(xs: Float[Tensor, "time 3"]) -> tuple[Tensor, Tensor]:
        return flux.scan(lambda c, x: (c + x, c.sum()), flux.zeros(3, dtype=flux.float64), xs)

    for n in (2, 5, 0):
        xs = flux.asarray(np.ones((n, 3)))
        last, ys = total(xs)
        assert last.tolist() == [n] * 3
        assert ys.tolist() == [3.0 * i for i in range(n)]
    jitted: Any = total
    assert jitted.compilations == 1


def test_types_without_values() -> None:
    t, b = symbol("time"), symbol("batch")
    out = evaluate_types(
        lambda xs, h: flux.scan(lambda h, x: (h + x, x @ flux.zeros((4, 2))), h, xs),
        [TensorType(flux.float32, (t, b, 4)), TensorType(flux.float32, (b, 4))],
    )
    assert [str(o) for o in out] == [  # type: ignore[union-attr]
        'Float32[Tensor, "batch 4"]',
        'Float32[Tensor, "time batch 2"]',
    ]


def test_trees_numbers_and_lengths() -> None:
    state, ys = flux.scan(
        lambda s, _: ({"n": s["n"] + 1, "x": s["x"] * 0.5}, (s["n"], None)),
        {"n": flux.asarray(0), "x": flux.asarray(8.0)},
        length=3,
    )
    assert (state["n"].item(), state["x"].item()) == (3, 1.0)
    assert ys[0].tolist() == [0, 1, 2]
    assert ys[1] is None
    last, empty = flux.scan(lambda c, x: (c + x, x * c), flux.asarray(2.0), flux.zeros((0,)))
    assert (last.item(), empty.shape) == (2.0, (0,))
    start: Any = (0, 1.0)  # numbers become tensors
    end = flux.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2.0), start)
    assert end[1].item() == 8.0
    assert flux.cond(True, lambda: "yes", lambda: "no") == "yes"


class Counter(nn.Module):
    def __init__(self) -> None:
        self.count = nn.buffer(flux.zeros(()))

    def __call__(self, x: Tensor) -> Tensor:
        self.count = self.count + 1
        return x * flux.rand(()) + self.count


@pytest.mark.parametrize("passed", [True, False])
def test_state_and_random_numbers_in_loops_and_branches(passed: bool) -> None:
    def run(c: Counter, x: Tensor) -> tuple[Tensor, Any]:
        first = flux.cond(x.sum() > 0, lambda: c(x), lambda: x)
        last, ys = flux.scan(lambda h, v: (c(h), c(v).sum()), first, flux.stack([x, x]))
        return flux.while_loop(lambda s: s.max() < 20, c, last), ys

    results = []
    for transform in (flux.jit, lambda f: f):
        counter = Counter()
        call: Any = transform(run if passed else lambda x, c=counter: run(c, x))
        flux.seed(5)
        x = flux.asarray([1.0, 2.0])
        out = [call(counter, x) if passed else call(x) for _ in range(2)]
        results.append([*leaves(out), counter.count, flux.rand(())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_random_numbers_in_a_batched_loop_differ() -> None:
    def walk(x: Tensor) -> Tensor:
        return flux.scan(lambda c, _: (c + flux.rand(()), None), x, length=3)[0]

    for f in (flux.vmap(walk), flux.jit(flux.vmap(walk))):
        assert len(set(f(flux.zeros(4)).tolist())) == 4


def test_what_is_refused() -> None:
    wrong: Any = lambda c, x: c  # noqa: E731
    widening: Any = lambda c, x: (c + 0.5, x)  # noqa: E731
    number: Any = flux.asarray(1.0)
    several: Any = X > 0
    with pytest.raises(DTypeError, match="cond: the condition is a bool"):
        flux.cond(number, lambda: X, lambda: X)
    with pytest.raises(ShapeError, match=r"one truth value, of shape \(\)"):
        flux.cond(several, lambda: X, lambda: X)
    with pytest.raises(ShapeError, match=r"the first branch's result is .*; they must be of one"):
        flux.jit(lambda p: flux.cond(p, lambda: X, lambda: X[:2]))(flux.asarray(True))
    with pytest.raises(TypeError, match="structured differently"):
        flux.jit(lambda p: flux.cond(p, lambda: X, lambda: (X,)))(flux.asarray(True))
    with pytest.raises(ShapeError, match="scan: the state before a step is"):
        flux.scan(lambda c, x: (flux.concat([c, c]), x), X, X)
    with pytest.raises(DTypeError, match="the state after it is Float32"):
        flux.scan(widening, 0, length=2)
    with pytest.raises(TypeError, match=r"returns \(state, result\), got Tensor"):
        flux.scan(wrong, X, X)
    with pytest.raises(ShapeError, match=r"scan: xs\[1\] has 3 steps, expected 2"):
        flux.scan(lambda c, x: (c, x), X, (XS, X))
    with pytest.raises(TypeError, match="or length="):
        flux.scan(lambda c, x: (c, x), X)
    with pytest.raises(TraceError, match="no reverse-mode gradient under jit"):
        flux.jit(lambda x: flux.gradient(lambda z: double(z).sum(), x))(X)
