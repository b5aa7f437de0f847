"""Programs that say in comments what mypy shall find in their lines.

`# -> T` stands after a `reveal_type(...)`: the type is exactly T. `# !! words` stands where exactly
one error is reported, in whose text the words occur. In all other lines nothing is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mypy_plugin.running import check

_MARK = re.compile(r"  # (->|!!) ?(.*)$")


def expected(program: str) -> list[tuple[int, str, str, str]]:
    """For each line with a comment: its number, source, kind of comment and text."""
    found = []
    for number, line in enumerate(program.splitlines(), start=1):
        mark = _MARK.search(line)
        if mark is not None:
            found.append((number, line[: mark.start()].strip(), mark[1], mark[2]))
    return found


def findings(folder: Path, program: str) -> dict[int, list[str]]:
    """What mypy says, by line."""
    found: dict[int, list[str]] = {}
    for message in check(folder, {"main.py": program}):
        line, _, text = message.partition(": ")
        found.setdefault(int(line), []).append(text)
    return found


def problem(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> str | None:
    """What is not as expected in one line."""
    messages = found.get(number, [])
    if kind == "->":
        if messages == [f'note: Revealed type is "{wanted}"']:
            return None
    elif len([m for m in messages if m.startswith("error:")]) == 1 and any(
        wanted in m for m in messages
    ):
        return None
    return f"wanted {wanted!r}, got {messages}"


def unexpected(found: dict[int, list[str]], program: str) -> dict[int, list[str]]:
    """The messages in lines of which nothing is expected."""
    marked = {number for number, *_ in expected(program)}
    return {line: messages for line, messages in found.items() if line not in marked}


def parametrised(program: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the test is called with `number`, `kind` and `wanted` of each such line."""
    rows = expected(program)
    mark = pytest.mark.parametrize(
        ("number", "kind", "wanted"),
        [(number, kind, wanted) for number, _, kind, wanted in rows],
        ids=[f"{number}: {source}" for number, source, *_ in rows],
    )
    return mark
