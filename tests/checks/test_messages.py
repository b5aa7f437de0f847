"""The whole text of errors: what the first line says, and the table of the call."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import pytest
from jaxtyping import Bool, Float, Float32

import typedflux as flux
from typedflux import Size, Tensor

A = np.ndarray
N = TypeVar("N")


def zeros(*shape: int) -> A:
    made: A = np.zeros(shape, np.float32)
    return made


def text_of(call: Callable[[], object]) -> str:
    with pytest.raises(TypeError) as caught:  # every kind is a TypeError too
        call()
    text = str(caught.value)
    assert all(line == line.rstrip() for line in text.splitlines())
    return text


def expected(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


@flux.typed
def attend(
    q: Float32[A, "*batch queries size"],
    k: Float32[A, "*batch keys size"],
    mask: Bool[A, "queries keys"] | None = None,
    *,
    heads: int = 1,
) -> Float32[A, "*batch queries size"]:
    return q[..., :1] if heads == 2 else q


def test_an_argument() -> None:
    assert text_of(lambda: attend(zeros(8, 5, 64), zeros(8, 7, 32))) == expected("""
        attend: argument 'k' has shape "8 7 32", expected Float32[ndarray, "*batch keys size"]: \
dimension 'size' is 64 but here it is 32 (axis 2)

          attend(
            q: Float32[ndarray, "*batch queries size"]  got  float32 "8 5 64" (numpy)
            k: Float32[ndarray, "*batch keys size"]     got  float32 "8 7 32" (numpy)  <- axis 2
            mask: Bool[ndarray, "queries keys"] | None  got  None
            heads: int                                  got  1
          ) -> Float32[ndarray, "*batch queries size"]

          queries = 5    from q, axis -2
          size    = 64   from q, axis -1
          *batch  = (8)  from q
        """)


def test_the_result() -> None:
    assert text_of(lambda: attend(zeros(5, 64), zeros(7, 64), heads=2)) == expected("""
        attend: the result has shape "5 1", expected Float32[ndarray, "*batch queries size"]: \
dimension 'size' is 64 but here it is 1 (axis 1)

          attend(
            q: Float32[ndarray, "*batch queries size"]  got  float32 "5 64" (numpy)
            k: Float32[ndarray, "*batch keys size"]     got  float32 "7 64" (numpy)
            mask: Bool[ndarray, "queries keys"] | None  got  None
            heads: int                                  got  2
          ) -> Float32[ndarray, "*batch queries size"]  got  float32 "5 1" (numpy)  <- axis 1

          queries = 5   from q, axis -2
          size    = 64  from q, axis -1
          keys    = 7   from k, axis -2
          *batch  = ()  from q
        """)


def test_a_method_with_class_scoped_dims() -> None:
    @flux.typed
    class Table(Generic[N]):
        def __init__(self, n: Size[N]) -> None: ...

        def look_up(self, x: list[Float[Tensor, "N"]], scale: float = 1.0) -> None: ...

    table: Any = Table(3)
    assert text_of(lambda: table.look_up([flux.ones(3), flux.ones(4)])) == expected("""
        Table.look_up: argument 'x[1]' has shape "4", expected Float[Tensor, "N"] of Table (N=3): \
dimension 'N' is 3 but here it is 4 (axis 0)

          Table.look_up(
            x: list[Float[Tensor, "N"]]  got  list of 2: float32 "3", float32 "4"  <- [1] axis 0
            scale: float                 got  1.0
          ) -> None

          N = 3  from this Table
        """)


def test_names_bound_in_the_body_say_so() -> None:
    @flux.typed
    def f(x: Float[A, "n"]) -> Float[A, "n m"]:
        assert isinstance(zeros(2), Float[A, "m"])
        return zeros(3, 3)

    text = text_of(lambda: f(zeros(3)))
    assert "m = 2  from the body" in text and "n = 3  from x, axis 0" in text


@flux.typed
def brief(x: Float[A, "n"], y: Any, *args: int, **named: Any) -> None: ...


def test_values_are_shown_briefly() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    wrong: Any = brief
    text = text_of(lambda: wrong(3, ["x" * 200, Broken()], 1, 2, a={1: zeros(2)}))
    assert text.splitlines()[0] == "brief: argument 'x' must be Float[ndarray, \"n\"], got int"
    assert all(len(line) < 130 for line in text.splitlines())
    assert "list of 2" in text and "*args: int" in text and "**named: Any" in text


@flux.typed
def bare() -> int:
    return "x"  # type: ignore[return-value]


def test_a_function_without_arguments() -> None:
    assert text_of(bare) == (
        "bare: the result must be int, got str: 'x'\n\n  bare() -> int  got  'x'  <- here"
    )
