"""check_finite: which operation is named, and that the call has no effects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile import Jitted, NonFiniteError
from typedflux.compile.finite import require_finite

INF = float("inf")
NAN = float("nan")


def message(function: Callable[..., Any], *args: Any) -> str:
    """Of the error of a call."""
    with pytest.raises(NonFiniteError) as caught:
        flux.jit(function, check_finite=True)(*args)
    return str(caught.value)


@pytest.mark.parametrize(
    ("function", "values", "wanted"),
    [
        (lambda x: flux.log(x).sum(), [-1, 2], 'gave NaN is %1 = log(%0: Float32[Tensor, "2"]) '
         "with %0 from -1 to 2"),
        (lambda x: flux.log(x).sum(), [0, 2], "gave inf is %1 = log("),
        (lambda x: flux.where(x > 5, flux.sqrt(x), x / 0), [1, 2], "gave inf is "),
        (lambda x: flux.exp(x) / flux.exp(x), [1, 1000],
         "gave NaN is %3 = divide(%1: Float32[Tensor, \"2\"], %2: Float32[Tensor, \"2\"]) with "
         "%1 from 2.71828 to inf, %2 from 2.71828 to inf (test_finite.py, line "),
        (lambda x: flux.exp(x) / flux.exp(x), [1, 1000], "; before it, the first operation that "
         "gave inf is %1 = exp("),
        (lambda x: x * 2 + 1, [1, NAN], "the function was given NaN already, in %0: "),
        (lambda x: x * 2 + 1, [1, INF], "the function was given inf already, in %0: "),
        (lambda x: (flux.log(x), flux.sqrt(-x))[1], [1, 2], "gave NaN is "),
        (lambda x: flux.mean(x[:0]), [1, 2], "gave NaN is "),
        (lambda x: flux.checkpoint(lambda y: flux.log(y) + 1)(x), [-1, 2], "is %2 = log("),
        (lambda x: flux.cond(x.sum() > 0, lambda x: flux.log(x), lambda x: x, x), [-1, 2],
         "in the first branch of cond, the first operation that gave NaN is %1 = log("),
        (lambda x: flux.cond(x.sum() > 9, lambda x: x, lambda x: x / 0, x), [1, 2],
         "in the second branch of cond, the first operation that gave inf is "),
    ],
)  # fmt: skip
def test_the_first_operation_is_named(
    function: Callable[[Tensor], Any], values: list[float], wanted: str
) -> None:
    assert wanted in message(function, flux.asarray(values, dtype=flux.float32))


@pytest.mark.parametrize(("reverse", "index"), [(False, 2), (True, 1)])
def test_the_step_of_a_loop_is_named(reverse: bool, index: int) -> None:
    def f(x: Tensor) -> Any:
        def walk(c: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
            return c * r, flux.sqrt(c)

        return flux.scan(walk, flux.asarray(1.0), x, reverse=reverse)

    x = flux.asarray([-1.0, -1.0, -1.0, 1.0] if reverse else [1.0, -1.0, -1.0, -1.0])
    wanted = rf"at index {index} of scan, the first operation that gave NaN is .*sqrt\("
    assert re.search(wanted, message(f, x))


def test_infinities_that_are_meant_are_left_alone() -> None:
    def f(x: Tensor) -> Tensor:
        return flux.softmax(flux.where(x > 0, x, -INF))

    x = flux.asarray([1.0, -1.0, 2.0])
    np.testing.assert_allclose(flux.jit(f, check_finite=True)(x).numpy(), f(x).numpy(), rtol=1e-6)
    same = flux.jit(lambda x: (x, x.sum() > 0), check_finite=True)
    assert same(flux.asarray([INF]))[0].item() == INF


def test_what_is_not_used_does_not_count() -> None:
    text = message(lambda x: (flux.log(-x) > 0, flux.sqrt(x - 3)), flux.asarray([1.0]))
    assert "sqrt(" in text


def test_nothing_is_assigned() -> None:
    model = nn.Dense(3, 2)
    before = model.weight.numpy().copy()

    @flux.jit(check_finite=True)
    def step(model: Any, x: Float32[Tensor, "batch 3"]) -> Tensor:
        model.weight = model.weight + 1
        return flux.exp(model(x) * 1000).sum()

    for rows in (1, 2, 2, 2):
        with pytest.raises(NonFiniteError, match=r"^step: .* gave inf is .* = exp\(.*batch 2"):
            step(model, flux.ones((rows, 3)))
    np.testing.assert_array_equal(model.weight.numpy(), before)


def test_all_calls_are_looked_at() -> None:
    f = flux.jit(lambda x: flux.log(x), check_finite=True)
    for _ in range(5):
        f(flux.asarray([1.0]))
    with pytest.raises(NonFiniteError):
        f(flux.asarray([-1.0]))


def test_training_looks_at_all_that_a_step_computes() -> None:
    @flux.jit(check_finite=True)
    def loss(model: nn.Dense, x: Tensor) -> Tensor:
        return flux.log(model(x) - 1e9).mean()

    model = nn.Dense(3, 2)
    state = flux.setup(flux.Descent(0.1), model)
    with pytest.raises(NonFiniteError, match=r"^loss: .*log\("):
        flux.train(loss, model, [(flux.ones((4, 3)),)], state, progress=False)


@pytest.mark.parametrize("dtype", [flux.float64, flux.float16, flux.bfloat16, flux.complex64])
def test_dtypes(dtype: flux.DType) -> None:
    text = message(lambda x: flux.log(x), flux.asarray([0.0, 1.0]).astype(dtype))
    assert "= log(" in text


def test_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Tensor) -> Tensor:
        return flux.log(x)

    assert not Jitted(f).check_finite
    monkeypatch.setenv("TYPEDFLUX_CHECK_FINITE", "1")
    assert Jitted(f).check_finite
    assert not Jitted(f, check_finite=False).check_finite
    monkeypatch.setenv("TYPEDFLUX_CHECK_FINITE", "off")
    assert not Jitted(f).check_finite


def test_values_at_the_limit_of_the_data_type() -> None:
    traced, sizes = Jitted(lambda x: x * 2).specialise((flux.ones((1,)),), {})
    with pytest.raises(NonFiniteError, match="at the limit of their data type"):
        require_finite("f", traced.graph, [flux.ones((1,))], sizes, [flux.asarray([INF])])


def test_the_users_line_is_named() -> None:
    def halved(x: Tensor) -> Tensor:
        y = x / 2
        z = flux.log(y - 1)  # the culprit
        return z.sum()

    with pytest.raises(
        NonFiniteError, match=r"test_finite\.py, line \d+: z = flux\.log\(y - 1\)  # the"
    ):
        flux.jit(halved, check_finite=True)(flux.asarray([4.0, 2.0]))
    with pytest.raises(NonFiniteError, match=r"test_finite\.py, line \d+: lambda m: model\(m\)"):
        model = nn.Chain(flux.sqrt, flux.sum)
        flux.jit(
            lambda x: flux.gradient(
                lambda m: model(m), x
            ),
            check_finite=True,
        )(flux.asarray([-1.0]))  # fmt: skip


def test_inside_of_while_loop() -> None:
    def f(x: Tensor) -> Tensor:
        return flux.while_loop(
            lambda s: s[0] < 5, lambda s: (s[0] + 1, flux.log(s[1])), (flux.asarray(0), x)
        )[1]

    wanted = "in step 2 of while_loop, the first operation that gave NaN is .*= log"
    with pytest.raises(NonFiniteError, match=wanted):
        flux.jit(f, check_finite=True)(flux.asarray(2.0))
