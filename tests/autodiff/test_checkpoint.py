"""`checkpoint` gives the same values, derivatives and state, and keeps less."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tree import leaves

X = flux.asarray(np.array([[0.3, -0.2], [1.0, 0.5], [0.1, 2.0]]))


def agree(a: Any, b: Any, rtol: float = 1e-12) -> None:
    for p, q in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=rtol)


def block(x: Tensor) -> Tensor:
    return flux.sin(x @ x.T).sum(axis=0) * 2


def test_it_agrees_under_every_transformation() -> None:
    f = flux.checkpoint(block)

    def total(g: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: (g(x) ** 2).sum()

    agree(f(X), block(X))
    agree(flux.gradient(total(f), X), flux.gradient(total(block), X))
    agree(flux.jvp(f, (X,), (X,)), flux.jvp(block, (X,), (X,)))
    agree(flux.hvp(total(f), X, X), flux.hvp(total(block), X, X))
    agree(flux.jacobian(f, X), flux.jacobian(block, X))
    second = flux.gradient(lambda x: flux.gradient(total(f), x).sum(), X)
    agree(second, flux.gradient(lambda x: flux.gradient(total(block), x).sum(), X))
    stacked = flux.stack([X, 2 * X])
    agree(flux.vmap(f)(stacked), flux.vmap(block)(stacked))
    agree(
        flux.vmap(lambda x: flux.gradient(total(f), x))(stacked),
        flux.vmap(lambda x: flux.gradient(total(block), x))(stacked),
    )
    agree(flux.jit(lambda x: flux.gradient(total(f), x))(X), flux.gradient(total(block), X))
    nested = flux.checkpoint(lambda x: f(x) + 1)
    agree(flux.gradient(total(nested), X), flux.gradient(lambda x: ((block(x) + 1) ** 2).sum(), X))


def make_model() -> nn.Chain:
    flux.seed(1)
    return nn.Chain(nn.Dense(2, 4, flux.tanh), nn.BatchNorm(4), nn.Dropout(0.3), nn.Dense(4, 3))


def test_models_noise_and_running_statistics() -> None:
    results = []
    for transform in (flux.checkpoint, lambda f: f):
        model = make_model()

        def loss(m: Any, transform: Any = transform) -> Tensor:
            out: Tensor = (transform(m)(X.astype(flux.float32)) ** 2).sum()
            return out

        flux.seed(2)
        value, grads = flux.withgradient(loss, model)
        after = flux.rand((2,))
        results.append((value, grads, after, model))
    (v1, g1, a1, m1), (v2, g2, a2, m2) = results
    agree(v1, v2, 1e-6)
    agree(g1, g2, 1e-5)
    agree(a1, a2)
    agree(m1, m2, 1e-6)
    assert m1[1].mean is not None and m1[1].mean.tolist() != [0.0] * 4


def test_under_jit_it_is_the_same() -> None:
    model = make_model()

    def step(m: Any, x: Tensor) -> Any:
        return flux.withgradient(lambda m: (flux.checkpoint(m)(x) ** 2).sum(), m)

    x = X.astype(flux.float32)
    flux.seed(3)
    eager = step(model, x)
    second = make_model()
    flux.seed(3)
    compiled = flux.jit(step)(second, x)
    agree(eager, compiled, 1e-4)
    agree(model, second, 1e-4)


def test_what_is_inside_is_not_kept() -> None:
    x = flux.asarray(np.linspace(0, 1, 1 << 17))

    def deep(x: Tensor) -> Tensor:
        for _ in range(10):
            x = flux.sin(x)
        return x

    def kept_by(f: Callable[[Tensor], Tensor]) -> float:
        tracemalloc.start()
        try:
            value, pullback = flux.vjp(f, x)
            size = tracemalloc.get_traced_memory()[0]
            agree(pullback(x), flux.vjp(deep, x)[1](x))
            return size / value.nbytes
        finally:
            tracemalloc.stop()

    assert kept_by(deep) > 9
    assert kept_by(flux.checkpoint(deep)) < 2


def test_integers_and_trees_pass_through() -> None:
    @flux.checkpoint
    def f(tree: dict[str, Tensor], scale: float) -> tuple[Tensor, dict[str, Tensor]]:
        return tree["x"].sum() * scale, {"index": tree["i"] + 1}

    tree = {"x": X, "i": flux.asarray([1, 2])}
    (value, aux), grads = flux.withgradient(lambda t: f(t, 3.0), tree)
    assert value.item() == 3 * X.sum().item()
    assert aux["index"].tolist() == [2, 3]
    assert grads["x"].tolist() == [[3.0, 3.0]] * 3
