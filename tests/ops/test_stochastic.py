"""Activations that draw random numbers, gated units, and the numbers that they draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Generator
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.evaluation import evaluate
from typedflux.shapes.dims import symbol
from typedflux.shapes.errors import DTypeError, ShapeError

FLOATS = [flux.float16, flux.bfloat16, flux.float32, flux.float64]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_rrelu_draws_a_slope_for_each_element(dtype: flux.DType) -> None:
    x = flux.full((1000,), -1.0, dtype=dtype)
    y = flux.rrelu(x, 0.25, 0.5, rng=Generator(0))
    assert y.dtype == dtype
    slopes = -y.astype(flux.float64).numpy()
    assert slopes.min() >= 0.25 and slopes.max() <= 0.5 and len(np.unique(slopes)) > 50
    assert abs(slopes.mean() - 0.375) < 0.01
    np.testing.assert_array_equal(flux.rrelu(-x).numpy(), -x.numpy())


def test_the_gradient_of_rrelu_is_the_slope() -> None:
    x = flux.asarray([-2.0, 3.0, -0.5])

    def value(x: flux.Tensor) -> flux.Tensor:
        return flux.rrelu(x, rng=Generator(1)).sum()

    slope = flux.gradient(value, x)
    y = flux.rrelu(x, rng=Generator(1))
    np.testing.assert_allclose((slope * x).numpy(), y.numpy(), rtol=1e-6)
    assert slope[1].item() == 1.0 and 1 / 8 <= slope[0].item() <= 1 / 3
    # The bounds of the slopes are operands with derivatives.
    lower, upper = flux.gradient(
        lambda a, b: flux.rrelu(x, a, b, rng=Generator(1)).sum(),
        flux.asarray(0.1),
        flux.asarray(0.3),
    )
    assert (lower + upper).item() == pytest.approx(-2.5)  # the negative elements' sum
    assert flux.rrelu(flux.asarray([1, -1])).dtype == flux.float32
    imaginary: Any = flux.asarray([1j])
    with pytest.raises(DTypeError, match="rrelu"):
        flux.rrelu(imaginary)


def test_gumbel_softmax_is_a_sample() -> None:
    logits = flux.log(flux.asarray([0.1, 0.6, 0.3]))
    rows = flux.broadcast_to(logits, (4000, 3))
    soft = flux.gumbel_softmax(rows, temperature=0.5, rng=Generator(0))
    np.testing.assert_allclose(soft.sum(axis=-1).numpy(), 1, rtol=1e-5)
    hard = flux.gumbel_softmax(rows, temperature=0.5, hard=True, rng=Generator(0))
    assert hard.dtype == flux.float32
    np.testing.assert_array_equal(hard.numpy(), np.eye(3)[soft.numpy().argmax(axis=-1)])
    np.testing.assert_allclose(hard.mean(axis=0).numpy(), [0.1, 0.6, 0.3], atol=0.03)
    # A low temperature alone comes close to it, another axis is as good.
    cold = flux.gumbel_softmax(rows.T, temperature=1e-3, axis=0, rng=Generator(0))
    assert (flux.max(cold, axis=0) > 0.999).numpy().mean() > 0.99
    turned = flux.gumbel_softmax(rows.T, hard=True, axis=0, rng=Generator(0))
    assert turned.shape == (3, 4000) and set(turned.sum(axis=0).tolist()) == {1.0}


def test_a_hard_sample_has_the_gradient_of_the_soft_one() -> None:
    logits = flux.randn((5, 4), dtype=flux.float64, rng=Generator(2))
    weight = flux.randn((5, 4), dtype=flux.float64, rng=Generator(3))

    def value(logits: flux.Tensor, temperature: flux.Tensor, hard: bool) -> flux.Tensor:
        sample = flux.gumbel_softmax(logits, temperature=temperature, hard=hard, rng=Generator(4))
        return (sample * weight).sum()

    t = flux.asarray(0.7, dtype=flux.float64)
    soft = flux.gradient(lambda x, t: value(x, t, False), logits, t)
    hard = flux.gradient(lambda x, t: value(x, t, True), logits, t)
    for a, b in zip(soft, hard, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    step = 1e-6
    moved = value(logits, t + step, False) - value(logits, t - step, False)
    assert soft[1].item() == pytest.approx(moved.item() / (2 * step), rel=1e-6)
    tangent = flux.jvp(lambda x: value(x, t, True), (logits,), (weight,))[1]
    assert tangent.item() == pytest.approx((hard[0] * weight).sum().item())


def test_gated_units() -> None:
    x = flux.randn((3, 8), dtype=flux.float64, rng=Generator(5))
    a, b = np.split(x.numpy(), 2, axis=1)
    np.testing.assert_allclose(flux.swiglu(x).numpy(), a * b / (1 + np.exp(-b)))
    np.testing.assert_allclose(flux.swiglu(x.T, axis=0).numpy(), flux.swiglu(x).numpy().T)
    odd: Any = x[:, 1:]
    with pytest.raises(ShapeError, match="split"):
        flux.swiglu(odd)


def test_uniform_numbers_keep_their_dtype() -> None:
    for dtype in FLOATS:
        assert flux.uniform((3,), 0.1, 0.5, dtype=dtype).dtype == dtype
    ends = flux.asarray([0.0, 10.0], dtype=flux.float64), np.asarray([1.0, 11.0])
    x = flux.uniform((500, 2), *ends)
    assert x.dtype == flux.float64
    assert ((x.numpy() >= ends[0].numpy()) & (x.numpy() < ends[1])).all()


def test_gumbel_numbers_are_finite_where_a_uniform_one_is_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def zeros(shape: tuple[int, ...], *, dtype: flux.DType, rng: object) -> flux.Tensor:
        return flux.zeros(shape, dtype=dtype)

    monkeypatch.setattr("typedflux.ops.random.rand", zeros)
    for dtype in FLOATS:
        draws = flux.gumbel((3,), dtype=dtype)
        assert draws.dtype == dtype and bool(flux.all(flux.isfinite(draws)))


def test_types() -> None:
    n, k = symbol("n"), symbol("k")
    x = TensorType(flux.float32, (n, 2 * k))
    assert evaluate_types(flux.rrelu, [x]) == x
    assert evaluate_types(lambda x: flux.gumbel_softmax(x, hard=True, axis=0), [x]) == x
    assert evaluate_types(flux.swiglu, [x]) == TensorType(flux.float32, (n, k))


def test_the_checker_can_draw_twice() -> None:
    # The ambient generator must not keep a state without a value.
    wide = TensorType(flux.dtypes.Float, (symbol("n"),))
    for _ in range(2):
        assert evaluate(flux.rrelu, [wide], {}) == wide
        assert evaluate(flux.bernoulli, [wide], {}) == TensorType(flux.bool_, wide.shape)
    assert type(flux.rand(2)) is flux.Tensor
