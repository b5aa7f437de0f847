"""Programs that say in comments what mypy shall find in their lines.

`# => T` stands after a `reveal_type(...)`: the type is exactly T. `# !! words` stands where exactly
one error is reported, in whose text the words occur. Several types or errors of one line are
separated by `;;`, and a line may have both comments. In all other lines nothing is reported.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.mypy_plugin.running import check, revealed

_MARK = re.compile(r"\s+# (=>|!!) ?")
_ELSEWHERE = "note: Here it does not fit what is given in line "
"""What is noted in the body of a function for an error that is reported where it is called."""


def expected(program: str) -> list[tuple[int, str, str, str]]:
    """For each comment: the number of its line, the line's source, its kind and its text."""
    found = []
    for number, line in enumerate(program.splitlines(), start=1):
        source, *marks = _MARK.split(line)
        for kind, wanted in zip(marks[::2], marks[1::2], strict=True):
            found.append((number, source.strip(), kind, wanted.strip()))
    return found


def findings(
    folder: Path, program: str, others: Mapping[str, str] | None = None, *options: str
) -> dict[int, list[str]]:
    """What mypy says of a program that may import `others`, by line."""
    bare = "\n".join(_MARK.split(line)[0] for line in program.splitlines())
    found: dict[int, list[str]] = {}
    for message in check(folder, {**(others or {}), "main.py": bare}, options=options):
        line, _, text = message.partition(": ")
        found.setdefault(int(line), []).append(text)
    return found


def problem(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> str | None:
    """What is not as expected in one line."""
    messages, parts = found.get(number, []), [part.strip() for part in wanted.split(";;")]
    if kind == "=>":
        said = revealed(messages)
        right = said == parts
    else:
        said = [m for m in messages if m.startswith("error: ")]
        right = len(said) == len(parts) and all(map(str.__contains__, said, parts))
    return None if right else f"wanted {parts}, got {messages}"


def unexpected(found: dict[int, list[str]], program: str) -> dict[int, list[str]]:
    """The messages in lines of which nothing is expected, or no error."""
    kinds: dict[int, set[str]] = {}
    for number, _, kind, _ in expected(program):
        kinds.setdefault(number, set()).add(kind)
    return {
        line: messages
        for line, messages in found.items()
        if (line not in kinds and not all(_ELSEWHERE in m for m in messages))
        or (
            line in kinds
            and "!!" not in kinds[line]
            and any(m.startswith("error: ") for m in messages)
        )
    }


def verify(
    folder: Path, program: str, others: Mapping[str, str] | None = None, *options: str
) -> None:
    """Check a program as a whole."""
    text = textwrap.dedent(program)
    found = findings(folder, text, others, *options)
    problems = {
        f"{number}: {source}": reason
        for number, source, kind, wanted in expected(text)
        if (reason := problem(found, number, kind, wanted)) is not None
    }
    assert problems == {}
    assert unexpected(found, text) == {}


def parametrised(program: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the test is called with `number`, `kind` and `wanted` of each such line."""
    rows = expected(program)
    mark = pytest.mark.parametrize(
        ("number", "kind", "wanted"),
        [(number, kind, wanted) for number, _, kind, wanted in rows],
        ids=[f"{number}: {source}" for number, source, *_ in rows],
    )
    return mark
