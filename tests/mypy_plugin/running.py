"""Running mypy with the plugin on small programs."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from mypy import api

ROOT = Path(__file__).resolve().parents[2]


ORIGIN = re.compile(r"\d+: note: \"[^\"]*\" comes from here: ")
"""What a note says of where the sizes of an error come from."""


def check(
    folder: Path,
    files: dict[str, str],
    *,
    execute: str = "",
    options: Sequence[str] = (),
    origins: bool = False,
) -> list[str]:
    """Check `main.py` among `files`; its messages as `line: kind: text  [code]`, in order, with
    the notes on where the sizes of errors come from if `origins` are wanted.

    `options` are mypy's. The cache is shared by the programs of one test run: checking the package
    itself takes longest.
    """
    for name, text in files.items():
        path = folder / name
        before = path.stat().st_mtime if path.exists() else None
        path.write_text(textwrap.dedent(text))
        if before is not None:  # mypy tells texts of one length apart by the second they are of
            os.utime(path, (before + 2, before + 2))
    configuration = folder / "mypy.ini"
    configuration.write_text(
        "[mypy]\nplugins = typedflux.mypy_plugin\nstrict = True\n"
        f"cache_dir = {folder.parent / 'mypy-cache'}\n"
        f"mypy_path = {ROOT}:{folder}\n[typedflux]\nexecute = {execute}\n"
    )
    out, err, _ = api.run(
        [*options, "--config-file", str(configuration), "--no-error-summary", f"{folder}/main.py"]
    )
    assert not err, err
    messages = []
    for line in out.splitlines():
        found = re.search(r"main\.py:(\d+): (.*)", line)
        assert found is not None, line
        messages.append(f"{found[1]}: {found[2]}")
    return [m for m in messages if origins or not ORIGIN.match(m)]


def revealed(messages: list[str]) -> list[str]:
    """The types that `reveal_type` printed, in order."""
    found = (re.search(r'Revealed type is "(.*)"', m) for m in messages)
    return [m[1] for m in found if m is not None]


def by_statement(folder: Path, header: str, statements: Sequence[str]) -> list[list[str]]:
    """The messages of each of some statements, checked in one run below a header that ends in the
    head of a function; what `reveal_type` says as the type alone.

    The header must be right; notes that point into it are left out.
    """
    body = "".join(f"    {statement}\n" for statement in statements)
    first = header.count("\n") + 1
    found: list[list[str]] = [[] for _ in statements]
    for message in check(folder, {"main.py": header + body}):
        line, _, text = message.partition(": ")
        kind, _, words = text.partition(": ")
        if int(line) < first and kind == "note":
            continue
        assert int(line) >= first, message
        type_ = re.fullmatch(r'Revealed type is "(.*)"', words)
        found[int(line) - first].append(words if type_ is None else type_[1])
        assert kind in ("error", "note"), message
    return found
