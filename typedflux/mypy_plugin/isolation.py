"""What is executed while a program is checked does not touch the world.

A function that reads a file, asks a server or loads another library is not executed to its end:
what it gives is unknown to the checker.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


class Touched(Exception):
    """Something outside was about to be touched."""


_LEFT_ALONE = (
    "builtins.input", "ftplib.", "http.", "os.chmod", "os.chown", "os.exec", "os.fork", "os.kill",
    "os.link", "os.mkdir", "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.rmdir",
    "os.spawn", "os.startfile", "os.symlink", "os.system", "os.truncate", "os.unsetenv", "shutil.",
    "smtplib.", "socket.", "sqlite3.", "subprocess.", "tempfile.", "urllib.", "webbrowser.",
)  # fmt: skip
"""The beginnings of the names under which Python announces what a program is about to do."""

_CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib")
_OWN = frozenset(sys.stdlib_module_names) | {
    *("typedflux", "numpy", "scipy", "ml_dtypes"),
    *("beartype", "jaxtyping"),  # which compiled checks of layers ask
}

_depth = 0
_listening = False


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Inside, a function that touches anything outside of this process fails with `Touched`."""
    global _depth, _listening
    if not _listening:
        _listening = True
        sys.addaudithook(_listen)
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def _listen(event: str, args: tuple[Any, ...]) -> None:
    if not _depth:
        return
    if event == "open":
        path, _, flags = args
        reads = isinstance(flags, int) and not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not (reads and isinstance(path, str) and path.endswith(_CODE)):
            raise Touched(f"open {path!r}")
    elif event == "import":
        top = str(args[0]).partition(".")[0]
        if top not in _OWN and top not in sys.modules:
            raise Touched(f"import {args[0]}")
    elif event.startswith(_LEFT_ALONE):
        raise Touched(event)
