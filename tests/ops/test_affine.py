"""What `affine` refuses: numpy would broadcast some of it."""

from __future__ import annotations

from typing import Any

import pytest

import typedflux as flux
from typedflux.shapes.errors import ShapeError


@pytest.mark.parametrize(
    ("x", "weight", "bias", "words"),
    [
        ((2, 3), (4, 3), (1,), "the weight has 4 rows, the bias 1 elements"),
        ((2, 3), (4, 3), (2, 4), 'needs operands of shapes "\\*batch in", "out in" and "out"'),
        ((2, 3), (4, 5), (4,), "the last axis of the input is 3, of the weight 5"),
        ((), (4, 3), (4,), "needs operands of shapes"),
        ((2, 3), (3,), (3,), "needs operands of shapes"),
    ],
)
def test_sizes_that_do_not_fit(x: Any, weight: Any, bias: Any, words: str) -> None:
    given: Any = [flux.zeros(shape) for shape in (x, weight, bias)]
    with pytest.raises(ShapeError, match=words) as raised:
        flux.affine(*given)
    assert str(raised.value).startswith("affine(Float32[Tensor")
