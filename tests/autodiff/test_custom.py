"""Functions with rules of their own, under every transformation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor
from typedflux.core.tracing import TraceError
from typedflux.shapes.errors import ShapeError


def agree(a: Any, b: Any) -> None:
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-12)


@flux.custom_vjp
def cube(x: Tensor) -> Tensor:
    return x**3


# Twice the derivative, to see that the rule is asked.
cube.defvjp(lambda x: (x**3, x), lambda x, g: (6 * x**2 * g,))


@flux.custom_jvp
def tripled(x: Tensor) -> Tensor:
    return x**3


@tripled.defjvp
def _rule(primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    (x,), (t,) = primals, tangents
    return tripled(x), 6 * x**2 * t


X = flux.asarray(np.array([1.0, -2.0, 0.5]))


@pytest.mark.parametrize("f", [cube, tripled])
def test_the_rule_serves_every_transformation(f: Any) -> None:
    agree(f(X), X**3)
    first, second = 6 * X**2, 12 * X
    agree(flux.gradient(lambda x: f(x).sum(), X), first)
    agree(flux.vjp(f, X)[1](flux.ones_like(X)), first)
    agree(flux.jvp(f, (X,), (flux.ones_like(X),))[1], first)
    agree(flux.jacobian(f, X), np.diag(first.numpy()))
    agree(flux.vmap(lambda x: flux.gradient(f, x))(X), first)
    agree(flux.gradient(lambda x: flux.vmap(f)(x).sum(), X), first)
    agree(flux.jvp(flux.vmap(f), (X,), (flux.ones_like(X),))[1], first)
    agree(flux.hvp(lambda x: f(x).sum(), X, flux.ones_like(X)), second)
    agree(flux.gradient(lambda x: flux.gradient(lambda z: f(z).sum(), x).sum(), X), second)
    agree(flux.jit(f)(X), X**3)
    agree(flux.jit(lambda x: flux.gradient(lambda z: f(z).sum(), x))(X), first)
    agree(flux.jit(flux.vmap(f))(X), X**3)


def test_trees_options_and_several_results() -> None:
    def scaled(
        kind: str, weights: dict[str, Tensor], x: Tensor, count: int = 2
    ) -> tuple[Tensor, Tensor]:
        assert kind == "both"
        return weights["w"] * x * count, x.sum()

    marked = flux.custom_vjp(scaled, nondiff_argnums=(0, 3))

    def forward(kind: str, weights: dict[str, Tensor], x: Tensor, count: int) -> Any:
        return scaled(kind, weights, x, count), (weights, x)

    def backward(kind: str, count: int, saved: Any, g: tuple[Tensor, Tensor]) -> Any:
        weights, x = saved
        assert kind == "both"
        return {"w": g[0] * x * count}, g[0] * weights["w"] * count + g[1]

    marked.defvjp(forward, backward)

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        a, b = marked("both", weights, x, count=3)
        return (a * a).sum() + b

    def plain(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        a, b = scaled("both", weights, x, 3)
        return (a * a).sum() + b

    w = {"w": X + 1}
    found, expected = flux.gradient(loss, w, X), flux.gradient(plain, w, X)
    agree(found[0]["w"], expected[0]["w"])
    agree(found[1], expected[1])


def test_no_cotangent_is_zero() -> None:
    @flux.custom_vjp
    def first(x: Tensor, y: Tensor) -> Tensor:
        return x * y

    first.defvjp(lambda x, y: (x * y, y), lambda y, g: (g * y, None))
    gx, gy = flux.gradient(lambda x, y: first(x, y).sum(), X, X)
    agree(gx, X)
    agree(gy, 0 * X)
    agree(flux.jvp(first, (X, X), (flux.ones_like(X), flux.ones_like(X)))[1], X)


def test_rules_for_each_argument() -> None:
    @flux.custom_jvp
    def product(x: Tensor, y: Tensor) -> Tensor:
        return x * y

    product.defjvps(lambda t, out, x, y: t * y, lambda t, out, x, y: 2 * t * x)
    gx, gy = flux.gradient(lambda x, y: product(x, y).sum(), X, X + 1)
    agree(gx, X + 1)
    agree(gy, 2 * X)
    product.defjvps(None, None)
    agree(flux.gradient(lambda x: product(x, x).sum(), X), 0 * X)


def test_complex_arguments() -> None:
    z = flux.asarray(np.array([1 + 2j, -0.5j]))

    @flux.custom_vjp
    def square(z: Tensor) -> Tensor:
        return z * z

    square.defvjp(lambda z: (z * z, z), lambda z, g: (2 * flux.conj(z) * g,))
    agree(
        flux.gradient(lambda z: flux.abs(square(z)).sum(), z),
        flux.gradient(lambda z: flux.abs(z * z).sum(), z),
    )
    agree(flux.jvp(square, (z,), (z,))[1], 2 * z * z)


def test_methods_can_have_rules() -> None:
    class Doubler:
        @flux.custom_vjp
        def apply(self, x: Tensor) -> Tensor:
            return 2 * x

        apply.defvjp(lambda self, x: (2 * x, None), lambda saved, g: (None, 5 * g))

    agree(flux.gradient(lambda x: Doubler().apply(x).sum(), X), [5, 5, 5])


def test_what_it_refuses() -> None:
    @flux.custom_vjp
    def f(x: Tensor, y: Tensor) -> Tensor:
        return x * y

    with pytest.raises(AttributeError, match=r"f has no rule yet: call its defvjp"):
        f(X, X)
    f.defvjp(lambda x, y: (x * y, None), lambda saved, g: g)
    with pytest.raises(TypeError, match="one cotangent for each of its 2 arguments, got Tensor"):
        flux.gradient(lambda x: f(x, x).sum(), X)
    f.defvjp(lambda x, y: (x * y, None), lambda saved, g: (g, g[0]))
    with pytest.raises(ShapeError, match=r"backward rule of f, argument 1: the cotangent of"):
        flux.gradient(lambda x: f(x, x).sum(), X)
    f.defvjp(lambda x, y: x * y, lambda saved, g: (g, g))
    with pytest.raises(TypeError, match=r"forward rule of f returns \(result, residuals\)"):
        flux.gradient(lambda x: f(x, x).sum(), X)


def test_a_captured_value_is_named() -> None:
    def loss(x: Tensor) -> Tensor:
        @flux.custom_vjp
        def f(y: Tensor) -> Tensor:
            return x * y

        f.defvjp(lambda y: (x * y, None), lambda saved, g: (g,))
        return f(x).sum()

    with pytest.raises(TraceError, match="not among its arguments: pass it as an argument"):
        flux.gradient(loss, X)
