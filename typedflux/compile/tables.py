"""Numbers and tables as text, for `explain` and `profile`."""

from __future__ import annotations

from collections.abc import Sequence

from typedflux.core.types import Shape
from typedflux.shapes.dims import format_shape


def shape_text(shape: Shape) -> str:
    """A shape as annotations write it; that of a number, which they leave empty, in a word."""
    return format_shape(shape) or "scalar"


def bytes_text(count: float) -> str:
    """A number of bytes with three digits.

    >>> bytes_text(512), bytes_text(5_321), bytes_text(1_234_567)
    ('512 B', '5.32 kB', '1.23 MB')
    """
    return scaled_text(count, ("B", "kB", "MB", "GB", "TB"))


def seconds_text(seconds: float) -> str:
    """A time with three digits.

    >>> seconds_text(0.00123), seconds_text(2.5)
    ('1.23 ms', '2.5 s')
    """
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return scaled_text(seconds * 1e9, ("ns", "us", "ms"))


def scaled_text(value: float, units: Sequence[str]) -> str:
    """A number in the largest unit of which it has one; each is a thousand of the one before."""
    for unit in units[:-1]:
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} {units[-1]}" if value < 999.5 else f"{value:.0f} {units[-1]}"


def shortened(text: str, width: int) -> str:
    """Text that fits, with dots where some was left out.

    >>> shortened("add, multiply", 10)
    'add, mu...'
    """
    return text if len(text) <= width else f"{text[: width - 3]}..."


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines of columns; the columns numbered in `right` end at the same place.

    >>> aligned([["a", "10"], ["bcd", "5"]], right=[1])
    ['a    10', 'bcd   5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [
                cell.rjust(width) if place in right else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
        ).rstrip()
        for row in rows
    ]
