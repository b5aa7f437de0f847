"""Colours in a terminal, plain text in a pipe."""

from __future__ import annotations

import os
from typing import TextIO

_CODES = {"error": "1;31", "note": "34", "type": "36", "dim": "2", "bold": "1", "good": "32"}


class Colours:
    """Paints text, or leaves it as it is."""

    def __init__(self, choice: str, stream: TextIO) -> None:
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.on = choice == "always" or (choice == "auto" and wanted and stream.isatty())

    def __call__(self, kind: str, text: str) -> str:
        """`text` as what it is: an error, a note, a type, ..."""
        return f"\x1b[{_CODES[kind]}m{text}\x1b[0m" if self.on and text else text
