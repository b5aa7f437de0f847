"""A user's own functions under `@jaxtyped(typechecker=beartype)`, on plain and traced tensors."""

from __future__ import annotations

from typing import Any

import pytest
from beartype import beartype
from jaxtyping import Float, Float32, TypeCheckError, jaxtyped

import typedflux as flux
from typedflux import Tensor, ops


@jaxtyped(typechecker=beartype)
def product(x: Float[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w


def test_it_accepts_what_fits() -> None:
    assert product(ops.zeros((2, 3)), ops.zeros((3, 4))).shape == (2, 4)


@pytest.mark.parametrize(
    "args",
    [
        (ops.zeros((2, 3)), ops.zeros((4, 4))),
        (ops.zeros((2,)), ops.zeros((3, 4))),
        (ops.zeros((2, 3), dtype="int64"), ops.zeros((3, 4))),
        (ops.zeros((2, 3)), ops.zeros((3, 4), dtype="float64")),
    ],
)
def test_it_refuses_what_does_not(args: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(TypeCheckError):
        product(*args)


def test_it_works_under_a_gradient_and_jit() -> None:
    x, w = ops.ones((2, 3)), ops.ones((3, 4))
    assert flux.gradient(lambda w: product(x, w).sum(), w).tolist() == [[2.0] * 4] * 3
    assert flux.jit(lambda x, w: product(x, w).sum())(x, w).item() == 24
    with pytest.raises(TypeCheckError):
        wrong: Any = w
        flux.gradient(lambda w: product(wrong, w).sum(), w)


@pytest.mark.parametrize("name", ["bool", "int8", "uint16", "float16", "bfloat16", "complex64"])
def test_every_dtype_is_recognised(name: str) -> None:
    import jaxtyping

    spelling = {"uint16": "UInt16", "bfloat16": "BFloat16"}.get(name, name.capitalize())
    x = ops.zeros((2,), dtype=name)
    expected: Any = getattr(jaxtyping, spelling)
    integers: Any = jaxtyping.Int
    assert isinstance(x, expected[Tensor, "2"])
    assert isinstance(x, integers[Tensor, "2"]) == (name == "int8")
