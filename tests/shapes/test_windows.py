"""Sizes of convolutions and pooling against counting the windows."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes.strategies import Twin
from typedflux.shapes.dims import UNKNOWN, evaluate, hint_of, symbol
from typedflux.shapes.errors import ShapeError
from typedflux.shapes.windows import (
    conv_size,
    conv_transpose_size,
    pool_size,
    resolve_padding,
    same_padding,
)

h = symbol("h")
sizes = st.integers(0, 12)
small = st.integers(1, 4)
pairs = st.tuples(st.integers(0, 3), st.integers(0, 3))


def starts(size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int) -> list[int]:
    last = size + pad[0] + pad[1] - dilation * (kernel - 1) - 1
    return list(range(0, last + 1, stride))


@given(sizes, small, small, pairs, st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_convolution(
    size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int
) -> None:
    wanted = len(starts(size, kernel, stride, pad, dilation))
    traced = Twin("hinted").size(size)
    if not wanted:
        for given_size in (size, traced):
            with pytest.raises(ShapeError, match="does not fit"):
                conv_size(given_size, kernel, stride, pad, dilation)
        return
    assert conv_size(size, kernel, stride, pad, dilation) == wanted
    assert hint_of(conv_size(traced, kernel, stride, pad, dilation)) == wanted
    assert evaluate(conv_size(h, kernel, stride, pad, dilation), {"h": size}) == wanted
    # The transposed convolution leads back to the smallest size with as many windows.
    least = (wanted - 1) * stride + dilation * (kernel - 1) + 1 - sum(pad)
    if least >= 0:
        assert conv_transpose_size(wanted, kernel, stride, pad, dilation) == least
        assert size - stride < least <= size


@given(st.integers(1, 12), small, small, st.integers(0, 2), st.integers(1, 2))
@settings(max_examples=300, deadline=None)
def test_pooling_with_incomplete_windows(
    size: int, kernel: int, stride: int, pad: int, dilation: int
) -> None:
    reach = dilation * (kernel - 1) + 1
    if pad * 2 > reach or size + 2 * pad < reach:
        return
    padding = (pad, pad)
    complete = len(starts(size, kernel, stride, padding, dilation))
    # One more window, if what is left over is not covered and it starts in the input.
    start = complete * stride
    more = start - stride + reach < size + 2 * pad and start < size + pad
    assert pool_size(size, kernel, stride, padding, dilation) == complete
    assert pool_size(size, kernel, stride, padding, dilation, ceil_mode=True) == complete + more
    symbolic = pool_size(h, kernel, stride, padding, dilation, ceil_mode=True)
    assert evaluate(symbolic, {"h": size}) == complete + more


@given(st.integers(1, 20), st.integers(1, 7), small, st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_same_padding_keeps_the_size(size: int, kernel: int, stride: int, dilation: int) -> None:
    padding = same_padding(kernel, dilation)
    assert conv_size(size, kernel, stride, padding, dilation) == -(-size // stride)
    assert str(conv_size(h, kernel, 1, padding, dilation)) == "h"


def test_symbolic_sizes() -> None:
    assert str(conv_size(h, 3)) == "h-2"
    assert str(conv_size(h, 3, 2, (1, 1))) == "(h+1)//2"
    assert str(pool_size(2 * h, 2, 2)) == "h"
    assert str(conv_transpose_size(h, 2, 2)) == "2*h"
    assert str(conv_transpose_size(h, 3, 2, (1, 1), 1, 1)) == "2*h"
    assert str(conv_size(h, symbol("k"))) == "h-k+1"
    assert conv_size(UNKNOWN, 3) is UNKNOWN
    assert pool_size(UNKNOWN, 3, 2, ceil_mode=True) is UNKNOWN


def test_every_way_of_writing_a_padding() -> None:
    two = ((3, 3), (1, 1), (1, 2))
    assert resolve_padding(1, *two) == resolve_padding((1, 1), *two) == ((1, 1), (1, 1))
    assert resolve_padding((0, 1, 2, 3), *two) == ((0, 1), (2, 3))
    assert resolve_padding([(0, 1), (2, 3)], *two) == ((0, 1), (2, 3))
    assert resolve_padding("same", *two) == ((1, 1), (2, 2))
    assert resolve_padding("valid", *two) == ((0, 0), (0, 0))
    assert resolve_padding((), (), (), ()) == ()


ERRORS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: conv_size(3, 5, axis="height"),
        "kernel of size 5 does not fit axis 'height' of size 3",
    ),
    (
        lambda: conv_size(3, 5, 1, (0, 1), 2, axis=2),
        "kernel of size 5 with dilation 2 does not fit axis 2 of size 3 padded by 0 and 1",
    ),
    (lambda: conv_size(3, 2, 0), "the stride of an axis is 0, but must be at least 1"),
    (
        lambda: conv_transpose_size(3, 2, 2, output_padding=2, axis="width"),
        (
            "output padding 2 of axis 'width' must be at least 0 and smaller than the stride or "
            "the dilation, here 2"
        ),
    ),
    (
        lambda: conv_transpose_size(1, 1, 1, (1, 1), axis="width"),
        "axis 'width' of size 1 would get the size -1: the padding 1, 1 takes away too much",
    ),
    (
        lambda: resolve_padding((1, 2, 3), (3, 3), (1, 1), (1, 1)),
        (
            "padding (1, 2, 3) does not fit 2 axes: give one number, 2 numbers, 4 numbers (before "
            "and behind for each axis) or 2 pairs"
        ),
    ),
    (
        lambda: resolve_padding("full", (3,), (1,), (1,)),
        "padding 'full' is neither 'same' nor 'valid' nor numbers",
    ),
    (
        lambda: resolve_padding(-1, (3,), (1,), (1,)),
        "the padding of axis 0 is (-1, -1), but cannot be negative",
    ),
    (
        lambda: resolve_padding(1, (3, 3), (1,), (1, 1)),
        "stride (1,) has 1 numbers, but the kernel (3, 3) has 2 axes",
    ),
    (
        lambda: resolve_padding(1, (3,), (1,), (0,)),
        "the dilation of axis 0 is 0, but must be at least 1",
    ),
]


@pytest.mark.parametrize(("call", "text"), ERRORS)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ShapeError) as caught:
        call()
    assert str(caught.value) == text
