"""Methods of modules are verified against their annotations; each error says what is wrong."""

from __future__ import annotations

from typing import Any, Generic, Optional, TypeVar

import numpy as np
import pytest
from jaxtyping import Bool, Float, Float32, Int

import typedflux as flux
from typedflux import Tensor, ops
from typedflux.checks import Size
from typedflux.nn import Module
from typedflux.shapes.errors import DTypeError, ShapeError

In = TypeVar("In")
Out = TypeVar("Out")
K = TypeVar("K")


class Linear(Module, Generic[In, Out]):
    weight: Float[Tensor, "Out In"]

    def __init__(self, in_: Size[In], out: Size[Out], scale: float = 1.0) -> None:
        self.weight = ops.full((out, in_), scale)

    def __call__(
        self,
        x: Float[Tensor, "*batch In"],
        mask: Optional[Bool[Tensor, "*batch"]] = None,  # noqa: UP045
    ) -> Float[Tensor, "*batch Out"]:
        return x @ self.weight.mT

    def classify(self, y: Int[Tensor, "n"], w: Float32[Tensor, "n Out 2*n"]) -> Tensor:
        return w

    def lying(self, x: Float[Tensor, "In"]) -> Float[Tensor, "Out"]:
        wrong: Any = x
        return wrong


class Square(Linear[K, K], Generic[K]):
    def __init__(self, k: Size[K]) -> None:
        super().__init__(k, k)

    def twice(self, x: Float[Tensor, "K"]) -> Float[Tensor, "K"]:
        return self(self(x))


def zeros(*shape: int) -> Tensor:
    return ops.zeros(shape)


layer: Any = Linear(4, 3)
Loose: Any = Linear


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: layer(zeros(2, 5)),
            ShapeError,
            'Linear: argument \'x\' has shape "2 5", expected Float[Tensor, "*batch In"] of '
            "Linear (In=4, Out=3): dimension 'In' is 4 but here it is 5 (axis 1)",
        ),
        (
            lambda: layer(zeros()),
            ShapeError,
            'Linear: argument \'x\' has shape "", expected Float[Tensor, "*batch In"] of '
            "Linear (In=4, Out=3): it has 0 axes, not at least 1 as '*batch In' wants",
        ),
        (
            lambda: layer(ops.zeros((2, 4), dtype="int32")),
            DTypeError,
            "Linear: argument 'x' must be Float[Tensor, \"*batch In\"], got dtype int32: convert "
            "it with .astype(flux.float32)",
        ),
        (
            lambda: layer(ops.zeros((2, 4), dtype="float64")),
            DTypeError,
            "Linear: argument 'x' is float64, but weight is float32: convert it with "
            ".astype(flux.float32)",
        ),
        (
            lambda: layer(np.zeros((2, 4), np.float32)),
            TypeError,
            "Linear: argument 'x' must be Float[Tensor, \"*batch In\"], got ndarray: convert it "
            "with flux.asarray(...)",
        ),
        (
            lambda: layer(zeros(2, 4), ops.zeros((3,), dtype="bool")),
            ShapeError,
            'Linear: argument \'mask\' has shape "3", expected Bool[Tensor, "*batch"] of '
            "Linear (In=4, Out=3): '*batch' is (2) but here it is (3)",
        ),
        (
            lambda: layer.classify(ops.zeros((2,), dtype="int64"), zeros(2, 3, 5)),
            ShapeError,
            "axis 2 is 5, but 2*n is 4 (n=2)",
        ),
        (
            lambda: layer.lying(zeros(4)),
            ShapeError,
            'Linear.lying: the result has shape "4", expected Float[Tensor, "Out"]',
        ),
        (
            lambda: Loose("4", 3),
            TypeError,
            "Linear: argument 'in_' is a size, an int of 0 or more; got '4'",
        ),
        (
            lambda: Loose(-1, 3),
            ShapeError,
            "Linear: argument 'in_' is a size, an int of 0 or more; got -1",
        ),
        (
            lambda: Loose(4, 3, scale="big"),
            TypeError,
            "Linear: argument 'scale' must be float, got str: 'big'",
        ),
    ],
)
def test_errors(call: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()  # type: ignore[operator]
    assert text in str(caught.value)


def test_what_fits_passes() -> None:
    assert layer(zeros(4)).shape == (3,)
    assert layer(zeros(7, 2, 4)).shape == (7, 2, 3)
    assert layer(zeros(0, 4), ops.zeros((0,), dtype="bool")).shape == (0, 3)
    assert layer.classify(ops.zeros((2,), dtype="int64"), zeros(2, 3, 4)).shape == (2, 3, 4)


def test_precision_is_never_raised_silently() -> None:
    double = flux.f64(layer)
    assert double(ops.zeros((2, 4), dtype="float64")).dtype == flux.float64
    assert double(zeros(2, 4)).dtype == flux.float64
    half = flux.bf16(layer)
    for wide in (zeros(2, 4), ops.zeros((2, 4), dtype="float16")):
        with pytest.raises(DTypeError, match=r"weight is bfloat16: .*\.astype\(flux\.bfloat16\)"):
            half(wide)
    # What asks for an exact dtype, or for any number, is not bound to the weight's.
    assert layer.classify(ops.zeros((2,), dtype="int64"), zeros(2, 3, 4)).dtype == flux.float32
    with pytest.raises(DTypeError, match="'x' is float64, but weight is float32"):
        flux.gradient(lambda m: m(ops.zeros((4,), dtype="float64")).sum(), layer)
    with pytest.raises(DTypeError, match="'x' is float64, but weight is float32"):
        Square(4)(ops.zeros((4,), dtype="float64"))


def test_a_subclass_speaks_of_its_own_dims() -> None:
    square = Square(4)
    assert square.twice(zeros(4)).shape == (4,)
    with pytest.raises(ShapeError, match="'K' is 4 but here it is 5"):
        square.twice(zeros(5))
    with pytest.raises(ShapeError, match="'In' is 4 but here it is 5"):
        square(zeros(5))


def test_instances_do_not_share_their_dims() -> None:
    wide, narrow = Linear(8, 2), Linear(2, 8)
    assert narrow(wide(zeros(8))).shape == (8,)


def test_dims_can_be_spelled_at_run_time() -> None:
    assert repr(Loose[784, 128]).endswith("Linear[784, 128]")
    assert repr(Loose["d", "2*d"]).endswith("Linear['d', '2*d']")


def test_under_a_gradient_the_checks_hold() -> None:
    with pytest.raises(ShapeError, match="'In' is 4 but here it is 5"):
        flux.gradient(lambda m: m(zeros(5)).sum(), layer)
