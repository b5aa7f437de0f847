"""Where in the user's program something happens: the line that called this package."""

from __future__ import annotations

import linecache
import os
import sys
import types
from typing import NamedTuple

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_is_inside: dict[types.CodeType, bool] = {}


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        """Its name and number, with the line where it can be read."""
        text = linecache.getline(self.file, self.line).strip()
        start = f"{os.path.basename(self.file)}, line {self.line}"
        return f"{start}: {text}" if text else start


def users_place() -> Place | None:
    """The innermost line under way that is not this package's; `None` where there is none."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        inside = _is_inside.get(code)
        if inside is None:
            name = code.co_filename
            inside = _is_inside[code] = name.startswith((_PACKAGE, "<checks"))
        if not inside:
            return Place(code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None
