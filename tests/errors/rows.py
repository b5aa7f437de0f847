"""What the tables of bad input share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Row = tuple[Callable[[], object], type[Exception], str]
"""The call, the error, and pieces of its message in order, separated by ` ... `."""


def parameters(groups: dict[str, dict[str, Row]]) -> list[object]:
    """The rows as arguments of `pytest.mark.parametrize`."""
    return [
        pytest.param(*row, id=f"{group}: {name}")
        for group, rows in groups.items()
        for name, row in rows.items()
    ]


def check(call: Callable[[], object], kind: type[Exception], pieces: str) -> None:
    """That a call raises the error, with these pieces in its first line."""
    with pytest.raises(kind) as caught:
        call()
    # Run-time checks go on, after an empty line, with the whole call.
    text = str(caught.value).partition("\n\n")[0]
    place = 0
    for piece in pieces.split(" ... "):
        assert piece in text[place:], f"{piece!r} is not in order in {text!r}"
        place = text.index(piece, place) + len(piece)
    if kind is not KeyError:
        assert "\n" not in text
    assert len(text) < 400
