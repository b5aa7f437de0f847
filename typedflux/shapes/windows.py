"""Sizes of convolutions and pooling: windows that slide along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from typedflux.shapes.dims import (
    Dim,
    Dimension,
    Unknown,
    bounds,
    ceil_div,
    dim_min,
    hint_of,
    surely_below,
)
from typedflux.shapes.errors import ShapeError

Pair: TypeAlias = tuple[int, int]
PaddingSpec: TypeAlias = int | str | Sequence[int] | Sequence[Sequence[int]]


def conv_size(
    size: Dimension,
    kernel: Dimension,
    stride: int = 1,
    padding: Pair = (0, 0),
    dilation: int = 1,
    axis: str | int = "",
) -> Dimension:
    """How many windows fit: `(size + padding - dilation*(kernel-1) - 1) // stride + 1`.

    >>> from typedflux.shapes.dims import symbol
    >>> conv_size(28, 3, stride=2, padding=(1, 1)), conv_size(symbol("h"), 3)
    (14, h-2)
    >>> conv_size(3, 5, axis="height")
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: kernel of size 5 does not fit axis 'height' of size 3
    """
    room = _room(size, kernel, stride, padding, dilation, axis)
    return room // stride + 1


def pool_size(
    size: Dimension,
    kernel: Dimension,
    stride: int,
    padding: Pair = (0, 0),
    dilation: int = 1,
    ceil_mode: bool = False,
    axis: str | int = "",
) -> Dimension:
    """As `conv_size`; with `ceil_mode` a last, incomplete window counts if it starts inside.

    >>> pool_size(7, 2, 2), pool_size(7, 2, 2, ceil_mode=True)
    (3, 4)
    """
    room = _room(size, kernel, stride, padding, dilation, axis)
    if not ceil_mode:
        return room // stride + 1
    last_start = (size + padding[0] - 1) // stride
    return dim_min(ceil_div(room, stride), last_start) + 1


def _room(
    size: Dimension,
    kernel: Dimension,
    stride: int,
    padding: Pair,
    dilation: int,
    axis: str | int,
) -> Dimension:
    """How far the window can move."""
    _check_steps(stride, dilation, axis)
    room = size + sum(padding) - dilation * (kernel - 1) - 1
    if not isinstance(room, Unknown):
        if hint_of(room) is not None:
            fits = room >= 0
        else:
            highest = bounds(room)[1]
            fits = highest is None or highest >= 0
        if not fits:
            padded = f" padded by {padding[0]} and {padding[1]}" if any(padding) else ""
            dilated = f" with dilation {dilation}" if dilation != 1 else ""
            raise ShapeError(
                f"kernel of size {kernel}{dilated} does not fit {_name(axis)} of size "
                f"{size}{padded}"
            )
    return room


def conv_transpose_size(
    size: Dimension,
    kernel: Dimension,
    stride: int = 1,
    padding: Pair = (0, 0),
    dilation: int = 1,
    output_padding: int = 0,
    axis: str | int = "",
) -> Dimension:
    """The size that a transposed convolution gives: the inverse of `conv_size`.

    >>> conv_transpose_size(14, 2, stride=2), conv_transpose_size(14, 3, 2, (1, 1), 1, 1)
    (28, 28)
    """
    _check_steps(stride, dilation, axis)
    if not 0 <= output_padding < max(stride, dilation):
        raise ShapeError(
            f"output padding {output_padding} of {_name(axis)} must be at least 0 and smaller than "
            f"the stride or the dilation, here {max(stride, dilation)}"
        )
    result = (size - 1) * stride - sum(padding) + dilation * (kernel - 1) + output_padding + 1
    highest = bounds(result)[1]
    if highest is not None and highest < 0:
        raise ShapeError(
            f"{_name(axis)} of size {size} would get the size {result}: "
            f"the padding {padding[0]}, {padding[1]} takes away too much"
        )
    return result


def _check_steps(stride: int, dilation: int, axis: str | int) -> None:
    for what, value in (("stride", stride), ("dilation", dilation)):
        if surely_below(value, 1):
            raise ShapeError(f"the {what} of {_name(axis)} is {value}, but must be at least 1")


def _name(axis: str | int) -> str:
    if isinstance(axis, int):
        return f"axis {axis}"
    return f"axis '{axis}'" if axis else "an axis"


def same_padding(kernel: int, dilation: int = 1) -> Pair:
    """The padding with which a stride of s turns n into n/s, rounded up; the odd one goes behind.

    >>> same_padding(3), same_padding(4), same_padding(3, dilation=2)
    ((1, 1), (1, 2), (2, 2))
    """
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def resolve_padding(
    padding: PaddingSpec,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> tuple[Pair, ...]:
    """Any way of writing a padding as one `(before, behind)` pair for each axis.

    >>> resolve_padding("same", (3, 5), (1, 1), (1, 1)), resolve_padding(1, (3,), (1,), (1,))
    (((1, 1), (2, 2)), ((1, 1),))
    >>> resolve_padding((1, 2, 3, 4), (3, 3), (1, 1), (1, 1))
    ((1, 2), (3, 4))
    """
    rank = len(kernel)
    for what, values in (("stride", stride), ("dilation", dilation)):
        if len(values) != rank:
            raise ShapeError(
                f"{what} {tuple(values)} has {len(values)} numbers, "
                f"but the kernel {tuple(kernel)} has {rank} axes"
            )
        for axis, value in enumerate(values):
            if surely_below(value, 1):
                raise ShapeError(f"the {what} of axis {axis} is {value}, but must be at least 1")
    if isinstance(padding, str):
        if padding == "same":
            return tuple(map(same_padding, kernel, dilation))
        if padding == "valid":
            return ((0, 0),) * rank
        raise ShapeError(f"padding '{padding}' is neither 'same' nor 'valid' nor numbers")
    pairs = _numbers(padding, rank)
    if pairs is None:
        raise ShapeError(
            f"padding {padding!r} does not fit {rank} axes: give one number, {rank} numbers, "
            f"{2 * rank} numbers (before and behind for each axis) or {rank} pairs"
        )
    for axis, pair in enumerate(pairs):
        if any(surely_below(number, 0) for number in pair):
            raise ShapeError(f"the padding of axis {axis} is {pair}, but cannot be negative")
    return pairs


def _numbers(
    padding: int | Sequence[int] | Sequence[Sequence[int]], rank: int
) -> tuple[Pair, ...] | None:
    if isinstance(padding, (int, Dim, Unknown)):
        return ((padding, padding),) * rank
    flat: list[int] = []
    pairs: list[Pair] = []
    for item in padding:
        if isinstance(item, (int, Dim, Unknown)):
            flat.append(item)
        elif len(item) == 2:
            pairs.append((item[0], item[1]))
        else:
            return None
    if pairs and flat:
        return None
    if len(pairs) == rank and pairs:
        return tuple(pairs)
    if len(flat) == rank:
        return tuple((item, item) for item in flat)
    if len(flat) == 2 * rank:
        return tuple(zip(flat[::2], flat[1::2], strict=True))
    return None
