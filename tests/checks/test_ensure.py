"""`flux.ensure`: values verified in the middle of a function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32, Int

import typedflux as flux
from typedflux import Tensor
from typedflux.checks.errors import TypeCheckError


def test_a_value_that_fits_is_returned_itself() -> None:
    x = flux.zeros((2, 3))
    assert flux.ensure(x, Float32[Tensor, "n 3"]) is x
    array = np.zeros((2, 2), np.float32)
    assert flux.ensure(array, Float32[np.ndarray, "n n"]) is array
    assert flux.ensure(5, int) == 5
    assert flux.ensure([x, x], list[Float32[Tensor, "2 _"]]) == [x, x]
    assert flux.ensure(flux.zeros(()), Float32[Tensor, ""]).shape == ()
    assert flux.ensure(flux.zeros((0, 4)), Float32[Tensor, "*batch 4"]).shape == (0, 4)


@pytest.mark.parametrize(
    ("value", "annotation", "error", "words"),
    [
        (flux.zeros((2, 3)), Float32[Tensor, "n n"], flux.ShapeError, "'n' is 2 but here it is 3"),
        (flux.zeros((2, 3)), Float32[Tensor, "3"], flux.ShapeError, "it has 2 axes, not 1"),
        (flux.zeros((2,)), Int[Tensor, "n"], flux.DTypeError, "got dtype float32"),
        (np.zeros(2), Float32[np.ndarray, "n"], flux.DTypeError, "got dtype float64"),
        (3.0, Float32[Tensor, ""], TypeError, "convert it with flux.asarray(...)"),
        ([flux.zeros((2,))], list[Float32[Tensor, "3"]], flux.ShapeError, "the value[0] has shape"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    value: Any, annotation: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error if error is not TypeError else TypeCheckError) as caught:
        flux.ensure(value, annotation)
    assert words in str(caught.value)
    assert str(caught.value).startswith("ensure: the value")


def test_names_are_those_of_one_call() -> None:
    flux.ensure(flux.zeros((2,)), Float32[Tensor, "n"])
    flux.ensure(flux.zeros((3,)), Float32[Tensor, "n"])


def test_in_a_checked_function_names_mean_what_they_mean_there() -> None:
    @flux.typed
    def product(x: Float32[Tensor, "n"], y: Any) -> Float32[Tensor, "m"]:
        z: Float32[Tensor, "n m"] = flux.ensure(y, Float32[Tensor, "n m"])
        return x @ z

    assert product(flux.zeros((2,)), flux.zeros((2, 5))).shape == (5,)
    with pytest.raises(flux.ShapeError, match="'n' is 2 but here it is 3"):
        product(flux.zeros((2,)), flux.zeros((3, 5)))
