"""Names in annotations, wherever they are, leave sizes symbolic under `jit`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile import Jitted


@dataclass
class Batch:
    x: Float32[Tensor, "n 3"]
    y: Float32[Tensor, "n"]
    label: str = ""


@dataclass
class Pair:
    first: Batch
    second: Batch


class Named(NamedTuple):
    x: Float32[Tensor, "n 3"]
    y: Float32[Tensor, "n"]


class Keys(TypedDict):
    x: Float32[Tensor, "n 3"]


class Model(nn.Module):
    weight: Float32[Tensor, "3 2"]

    def __init__(self) -> None:
        self.weight = flux.ones((3, 2))

    def __call__(self, x: Float32[Tensor, "n 3"]) -> Float32[Tensor, "n 2"]:
        return x @ self.weight


def rows(n: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng((n, seed))
    return flux.asarray(rng.standard_normal((n, 3)).astype(np.float32))


def of_tuple(b: tuple[Float32[Tensor, "n 3"], Float32[Tensor, "n"]]) -> Tensor:
    return b[0].sum(axis=1) * b[1]


def of_list(xs: list[Float32[Tensor, "n 3"]]) -> Tensor:
    return xs[0] + xs[1]


def of_dict(xs: dict[str, Float32[Tensor, "n 3"]]) -> Tensor:
    return xs["a"] * 2


def of_optional(x: Float32[Tensor, "n 3"] | None = None) -> Tensor:
    assert x is not None
    return x * 2


def of_many(*xs: Float32[Tensor, "n 3"]) -> Tensor:
    return xs[0] + xs[1]


def of_keywords(**xs: Float32[Tensor, "n 3"]) -> Tensor:
    return xs["a"] * 2


def of_dataclass(b: Batch) -> Tensor:
    return b.x.sum(axis=1) * b.y


def of_nested(p: Pair) -> Tensor:
    return p.first.x @ p.second.x.T


def of_named_tuple(b: Named) -> Tensor:
    return b.x.sum(axis=1) * b.y


def of_keys(b: Keys) -> Tensor:
    return b["x"].sum(axis=1)


def of_first(scale: float, x: Float32[Tensor, "n 3"]) -> Tensor:
    return x * scale


CASES: dict[str, tuple[Callable[..., Tensor], Callable[[int], tuple[Any, ...]]]] = {
    "tuple": (of_tuple, lambda n: ((rows(n), rows(n)[:, 0]),)),
    "list": (of_list, lambda n: ([rows(n), rows(n, 1)],)),
    "dict": (of_dict, lambda n: ({"a": rows(n)},)),
    "optional": (of_optional, lambda n: (rows(n),)),
    "many": (of_many, lambda n: (rows(n), rows(n, 1))),
    "dataclass": (of_dataclass, lambda n: (Batch(rows(n), rows(n)[:, 0]),)),
    "nested": (
        of_nested,
        lambda n: (Pair(Batch(rows(n), rows(n)[:, 0]), Batch(rows(5), rows(5)[:, 0])),),
    ),
    "named tuple": (of_named_tuple, lambda n: (Named(rows(n), rows(n)[:, 0]),)),
    "typed dict": (of_keys, lambda n: ({"x": rows(n)},)),
    "model": (Model(), lambda n: (rows(n),)),
    "bound method": (Model().__call__, lambda n: (rows(n),)),
    "partial": (functools.partial(of_first, 2.0), lambda n: (rows(n),)),
    "dense": (nn.Dense(3, 2), lambda n: (rows(n),)),
}


@pytest.mark.parametrize("name", CASES)
def test_another_size_compiles_nothing(name: str) -> None:
    f, arguments = CASES[name]
    compiled = Jitted(f)
    for n in (4, 7, 7, 7, 2, 4):
        args = arguments(n)
        np.testing.assert_allclose(compiled(*args).numpy(), f(*args).numpy(), rtol=1e-5, atol=1e-6)
    assert compiled.compilations == 1


def test_names_of_keyword_arguments() -> None:
    compiled = Jitted(of_keywords)
    for n in (4, 7, 2):
        np.testing.assert_array_equal(compiled(a=rows(n)).numpy(), 2 * rows(n).numpy())
    assert compiled.compilations == 1


def test_names_of_two_records_are_two_sizes() -> None:
    compiled = Jitted(lambda p: of_nested(p))
    compiled.function.__annotations__["p"] = Pair
    for n, m in ((4, 4), (4, 7), (2, 3)):
        first, second = (Batch(rows(k), rows(k)[:, 0]) for k in (n, m))
        want = of_nested(Pair(first, second)).numpy()
        np.testing.assert_allclose(compiled(Pair(first, second)).numpy(), want, rtol=1e-5)
    assert compiled.compilations == 1
    assert "p.first.n" in flux.explain(compiled, Pair(first, second))
