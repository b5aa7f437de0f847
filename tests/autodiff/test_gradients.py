"""Gradients, Jacobians and their kin as functions of functions; operations are in `tests/ops`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, ops
from typedflux.core.tracing import TraceError
from typedflux.shapes.errors import DTypeError, ShapeError


def sample(*shape: int, seed: int = 0) -> Tensor:
    return flux.asarray(np.random.default_rng(seed).standard_normal(shape))


def test_jacobians_have_the_shapes_of_result_and_argument() -> None:
    a, x = sample(3, 4), sample(4)
    np.testing.assert_allclose(flux.jacobian(lambda x: a @ x, x).numpy(), a.numpy())
    np.testing.assert_allclose(flux.jacobian(lambda x: a.mT @ x, sample(3)).numpy(), a.numpy().T)
    assert flux.jacobian(lambda x: x.sum(), sample(2, 3)).shape == (2, 3)
    assert flux.jacobian(lambda x: x, sample(0)).shape == (0, 0)
    s = a.numpy().T @ a.numpy()
    hessian = flux.hessian(lambda x: ((a @ x) ** 2).sum() / 2, x)
    np.testing.assert_allclose(hessian.numpy(), s, rtol=1e-12)


def test_nested_derivatives_are_not_confused() -> None:
    # The classic trap: d/dx (x * d/dy (x + y)) is 1, not 2 (Siskind and Pearlmutter, 2005).
    one = flux.asarray(1.0)
    inner = flux.gradient(lambda x: x * flux.gradient(lambda y: x + y, one), one)
    assert inner.item() == 1.0
    forward = flux.jvp(lambda x: x * flux.jvp(lambda y: x + y, (one,), (one,))[1], (one,), (one,))
    assert forward[1].item() == 1.0
    third = flux.gradient(lambda x: flux.hvp(lambda z: z**4, x, one), flux.asarray(2.0))
    assert third.item() == pytest.approx(48.0)


def test_trees_and_what_does_not_matter() -> None:
    x = flux.asarray([1.0, 2.0])
    tree: Any = {"a": x, "b": [x * 3, flux.asarray([1, 2])], "c": "text"}
    grads = flux.gradient(lambda t: (t["a"] ** 2).sum(), tree)
    assert grads["a"].tolist() == [2.0, 4.0]
    assert grads["b"][0].tolist() == [0.0, 0.0] and grads["b"][1] is None and grads["c"] == "text"
    assert flux.gradient(lambda a, b: a.sum(), x, x, unused="none")[1] is None
    assert [g.tolist() for g in flux.gradient(lambda a, b: (a * b).sum(), x, x)] == [[1, 2], [1, 2]]
    value, grad = flux.withgradient(lambda x: ((x * x).sum(), "aux"), x)
    assert value[0].item() == 5.0 and value[1] == "aux" and grad.tolist() == [2.0, 4.0]


def test_complex_gradients_point_uphill() -> None:
    z = flux.asarray([1 + 2j, 3 - 1j])
    grad = flux.gradient(lambda z: (ops.abs(z) ** 2).sum(), z)
    np.testing.assert_allclose(grad.numpy(), 2 * z.numpy(), rtol=1e-6)
    grad = flux.gradient(lambda z: ops.real(z * (2 - 3j)).sum(), z)
    np.testing.assert_allclose(grad.numpy(), [2 + 3j] * 2, rtol=1e-6)


def test_a_chain_of_ten_thousand_operations() -> None:
    def f(x: Tensor) -> Tensor:
        for _ in range(10_000):
            x = x + 1e-6
        return x.sum()

    assert flux.gradient(f, flux.asarray([1.0])).tolist() == [1.0]


def test_errors_say_what_to_do() -> None:
    x: Any = flux.asarray([1.0, 2.0])
    whole: Any = flux.asarray([1, 2])
    with pytest.raises(ShapeError, match=r"scalar result, got Float32\[Tensor, \"2\"\].*jacobian"):
        flux.gradient(lambda x: x * 2, x)
    with pytest.raises(DTypeError, match="argument 0 is Int64"):
        flux.gradient(lambda x: x.sum(), whole)
    with pytest.raises(TraceError, match="stop_gradient"):
        flux.gradient(lambda x: x.sum() * float(x[0]), x)
    with pytest.raises(TypeError, match=r"x\.at\[i\]\.set"):
        flux.gradient(lambda x: x.__setitem__(0, 1.0), x)
    kept: list[Tensor] = []

    def leak(x: Tensor) -> Tensor:
        kept.append(x * 2)
        return x.sum()

    flux.gradient(leak, x)
    with pytest.raises(TraceError, match="was kept after"):
        kept[0] + 1
