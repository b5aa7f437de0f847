"""Derivatives of operations: reverse and forward mode, first and second order, by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, ops
from typedflux.core.tracing import TraceError
from typedflux.shapes.errors import DTypeError, ShapeError

Function = Callable[[Tensor], Tensor]


def sample(*shape: int, seed: int = 0) -> Tensor:
    return flux.asarray(np.random.default_rng(seed).standard_normal(shape))


WEIGHT = sample(6, 2, 3, 2, seed=5)
TRANSPOSED = sample(4, 3, 3, 3, seed=6)
MATRIX = sample(6, 3, seed=7)

FUNCTIONS: dict[str, Function] = {
    "add": lambda x: x + x * 2 + 1,
    "multiply": lambda x: x * x[:, :1],
    "divide": lambda x: x / (x * x + 1),
    "pow": lambda x: (x * x + 1) ** 1.5 + x**3,
    "exp log": lambda x: ops.log(ops.exp(x) + 1) + ops.expm1(x) + ops.log1p(x * x),
    "sin cos": lambda x: ops.sin(x) * ops.cos(x) + ops.tan(x / 4),
    "inverse": lambda x: ops.atan(x) + ops.asinh(x) + ops.asin(x / 9) + ops.acos(x / 9),
    "hyperbolic": lambda x: ops.sinh(x) + ops.cosh(x) + ops.tanh(x) + ops.atanh(x / 9),
    "abs max min": lambda x: ops.abs(x) * ops.maximum(x, 0.3) + ops.minimum(x, x * x),
    "hypot atan2": lambda x: ops.hypot(x, x + 2) + ops.atan2(x, x * x + 1),
    "logaddexp": lambda x: ops.logaddexp(x, 2 * x),
    "erf": lambda x: ops.erf(x) + ops.gelu_erf(x),
    "activations": lambda x: ops.relu(x) * x + ops.sigmoid(x) + ops.gelu(x) + ops.softplus(x),
    "slopes": lambda x: ops.leakyrelu(x, 0.2) * x + ops.elu(x, 0.7) + ops.selu(x) + ops.mish(x),
    "where": lambda x: ops.where(x > 0, x * x, ops.exp(x)),
    "clip": lambda x: ops.clip(x, -0.5, 0.5) * x,
    "sum": lambda x: x.sum(axis=(1, 3), keepdims=True) * x,
    "mean var std": lambda x: x.mean(axis=1) * x.var(axis=1) + x.std(axis=1, correction=1),
    "max": lambda x: ops.max(x, axis=(0, 2)) ** 2,
    "prod": lambda x: ops.prod(x, axis=1),
    "cumulative": lambda x: ops.cumulative_sum(x, axis=2) * ops.cumulative_prod(x, axis=1),
    "softmax": lambda x: ops.softmax(x, axis=1) * x,
    "logsoftmax": lambda x: ops.logsoftmax(x, axis=-1) * x,
    "logsumexp": lambda x: ops.logsumexp(x, axis=(1, 2)),
    "normalise": lambda x: ops.normalise(x, axis=(1, 2)) ** 2,
    "sort": lambda x: ops.sort(x, axis=1) ** 2,
    "reshape": lambda x: ops.permute_dims(x.reshape((8, -1)), (1, 0)) ** 2,
    "getitem": lambda x: x[:, 1:, ::2, 0] ** 2,
    "take": lambda x: ops.take(x, flux.asarray([0, 2, 2]), axis=1) ** 2,
    "concat": lambda x: ops.concat([x, x * x], axis=1),
    "pad": lambda x: ops.pad(x, ((0, 0), (1, 1), (2, 1), (0, 0)), mode="reflect") ** 2,
    "matmul": lambda x: (x @ MATRIX) ** 2,
    "conv": lambda x: ops.conv(x, WEIGHT, stride=(2, 1), padding=(1, 0), groups=2) ** 2,
    "conv_transpose": lambda x: ops.conv_transpose(x, TRANSPOSED, stride=2, padding=1) ** 2,
    "max_pool": lambda x: ops.max_pool(x, (2, 2), padding=1) ** 2,
    "mean_pool": lambda x: ops.mean_pool(x, (3, 2), stride=1) ** 2,
    "adaptive": lambda x: ops.adaptive_mean_pool(x, (3, 4)) ** 2,
    "pixel_shuffle": lambda x: ops.pixel_shuffle(x, 2) ** 2,
}


def close(a: float, b: float, tolerance: float) -> None:
    assert abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)), (a, b)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives(name: str) -> None:
    f = FUNCTIONS[name]
    x, direction = sample(2, 4, 7, 6), sample(2, 4, 7, 6, seed=1)
    y, pullback = flux.vjp(f, x)
    cotangent = sample(*y.shape, seed=2)
    step = 1e-6

    def scalar(x: Tensor) -> Tensor:
        return (f(x) * cotangent).sum()

    slope = (pullback(cotangent) * direction).sum().item()
    difference = (scalar(x + direction * step) - scalar(x - direction * step)).item()
    close(slope, difference / (2 * step), 1e-6)

    value, tangent = flux.jvp(f, (x,), (direction,))
    np.testing.assert_allclose(value.numpy(), y.numpy(), rtol=1e-12)
    close((tangent * cotangent).sum().item(), slope, 1e-10)

    def first(x: Tensor) -> Tensor:
        return (flux.gradient(scalar, x) * direction).sum()

    second = (flux.gradient(first, x) * direction).sum().item()
    difference = (first(x + direction * step) - first(x - direction * step)).item()
    close(second, difference / (2 * step), 1e-5)
    product = flux.hvp(scalar, x, direction)
    close((product * direction).sum().item(), second, 1e-9)


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
    x = flux.asarray([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"scalar result, got Float32\[Tensor, \"2\"\].*jacobian"):
        flux.gradient(lambda x: x * 2, x)
    with pytest.raises(DTypeError, match="argument 0 is Int64"):
        flux.gradient(lambda x: x.sum(), flux.asarray([1, 2]))
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
