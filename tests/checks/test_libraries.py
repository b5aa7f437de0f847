"""Checks of other libraries' arrays, which must be installed: `pytest -m live`."""

from __future__ import annotations

import importlib
from typing import Any

import jaxtyping
import pytest
from jaxtyping import Float, Float32, Int

import typedflux as flux
from tests.checks.test_typed import refused

pytestmark = pytest.mark.live


def load(name: str) -> tuple[Any, Any, Any]:
    """The array type of a library, and how to make zeros of floats and of integers."""
    library: Any = importlib.import_module(name)
    if name == "torch":
        return (
            library.Tensor,
            lambda *shape: library.zeros(shape),
            lambda *shape: library.zeros(shape, dtype=library.int64),
        )
    numpy: Any = importlib.import_module("jax.numpy")
    return library.Array, lambda *s: numpy.zeros(s), lambda *s: numpy.zeros(s, "int32")


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_arrays_of_other_libraries(name: str) -> None:
    kind, zeros, whole = load(name)

    both: Any = Float[kind, "a b"]
    first: Any = Float[kind, "a"]

    def f(x: Any, y: Any, i: Any = None) -> Any:
        assert isinstance(x, both) and not isinstance(zeros(99), first)
        return x

    f.__annotations__ = {
        "x": Float32[kind, "a b"], "y": Float[kind, "*c b"], "i": Int[kind, "a"] | None,
        "return": Float32[kind, "a b"],
    }  # fmt: skip
    checked = flux.typed(f)
    for a in range(4):
        assert checked(zeros(a, 2), zeros(3, 4, 2), whole(a)).shape == (a, 2)
    refused(lambda: checked(zeros(2, 3), zeros(3, 4)), "argument 'y'")
    refused(lambda: checked(whole(2, 3), zeros(3)), "argument 'x'", flux.DTypeError)
    refused(lambda: checked(zeros(2, 3), zeros(3), whole(3)), "argument 'i'")
    refused(lambda: checked(flux.zeros((2, 3)), zeros(3)), "argument 'x' must be", TypeError)


def test_torch_parameters_and_compile() -> None:
    torch: Any = importlib.import_module("torch")

    def f(x: Any, w: Any) -> Any:
        return x @ w

    f.__annotations__ = {
        "x": Float32[torch.Tensor, "a b"],
        "w": Float[torch.nn.Parameter, "b c"],
        "return": Float32[torch.Tensor, "a c"],
    }
    checked = flux.typed(f)
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    assert tuple(checked(torch.zeros(2, 3), weight).shape) == (2, 4)
    refused(lambda: checked(torch.zeros(2, 3), weight.data), "got Tensor", TypeError)
    refused(lambda: checked(torch.zeros(2, 3).double(), weight), ".to(torch.float32)", TypeError)


def test_jax_transformations_and_trees() -> None:
    jax: Any = importlib.import_module("jax")
    tree: Any = importlib.import_module("jaxtyping").PyTree
    zeros = jax.numpy.zeros

    def f(x: Any, y: Any) -> Any:
        return x

    row = Float32[jax.Array, "a b"]
    f.__annotations__ = {"x": row, "y": Float32[jax.Array, "a"], "return": row}
    checked = flux.typed(f)
    x, y = zeros((2, 3)), zeros(2)
    assert jax.jit(checked)(x, y).shape == (2, 3)
    assert jax.vmap(checked)(x[None], y[None]).shape == (1, 2, 3)
    assert jax.grad(lambda x: checked(x, y).sum())(x).shape == (2, 3)
    refused(lambda: jax.jit(checked)(x, zeros(3)), "argument 'y'")

    def g(t: Any, u: Any, v: Any) -> Any:
        return t

    g.__annotations__ = {
        "t": tree[Float[jax.Array, "?n b"], "T"],
        "u": tree[Float[jax.Array, "?n"], "T"],
        "v": Float[jax.Array, "b"],
    }
    typed_g: Any = flux.typed(g)
    t, u = [zeros((2, 3)), {"a": zeros((4, 3))}], [zeros(2), {"a": zeros(4)}]
    typed_g(t, u, zeros(3))
    refused(lambda: typed_g(t, u, zeros(4)), "argument 'v'")
    refused(lambda: typed_g(t, [zeros(2)], zeros(3)), "argument 'u' must be PyTree", TypeError)
    refused(lambda: typed_g(t, [u[0], {"a": zeros(3)}], zeros(3)), "argument 'u'", TypeError)
    with pytest.raises(jaxtyping.AnnotationError):
        g.__annotations__ = {"t": Float[jax.Array, "?n"]}
        flux.typed(g)(zeros(3), u, zeros(3))
