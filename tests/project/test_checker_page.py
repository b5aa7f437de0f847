"""docs/static-checking.md shows what the checker says: its programs are checked, those that stand
before a block of text with exactly that result. `python -m tests.project.test_checker_page` writes
these blocks."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from mypy import api

from tests.mypy_plugin.running import ROOT
from tests.project.run_snippets import Block, blocks
from typedflux.cli import main

PAGE = ROOT / "docs" / "static-checking.md"


def programs(text: str) -> list[tuple[Block, Block | None]]:
    """The programs of the page, each with the block of text right behind it."""
    found = [block for block in blocks(text) if block.info not in ("sh", "ini")]
    return [
        (block, after if after is not None and after.info.startswith("text") else None)
        for block, after in zip(found, [*found[1:], None], strict=True)
        if block.info.startswith("python")
    ]


def check(folder: Path, all_programs: list[str]) -> list[str]:
    """What mypy says of each program."""
    for i, program in enumerate(all_programs):
        (folder / f"program_{i}.py").write_text(program)
    (folder / "mypy.ini").write_text(
        f"[mypy]\nplugins = typedflux.mypy_plugin\nmypy_path = {ROOT}\nstrict = True\n"
    )
    out, err, _ = api.run(
        ["--config-file", str(folder / "mypy.ini"), "--cache-dir", str(folder / "cache"),
         "--no-error-summary", *(str(folder / f"program_{i}.py") for i in range(len(all_programs)))]
    )  # fmt: skip
    assert not err, err
    said = ["" for _ in all_programs]
    for line in out.splitlines():
        name, _, rest = line.removeprefix(f"{folder}{os.sep}program_").partition(".py:")
        said[int(name)] += f"program.py:{rest}\n"
    return said


def command(folder: Path, name: str, program: str) -> str:
    """What `typedflux NAME first.py` prints."""
    (folder / "first.py").write_text(program)
    output = io.StringIO()  # with the configuration of the others, which spares checking all anew
    with contextlib.chdir(folder), contextlib.redirect_stdout(output):
        main([name, "first.py", "--", "--cache-dir", str(folder / "cache")])
    return output.getvalue().rstrip() + "\n"


def results(text: str, folder: Path) -> list[tuple[Block, Block | None, str]]:
    """Each program, what the page says of it, and what the checker says."""
    found = programs(text)
    said = check(folder, [program.text for program, _ in found])
    return [
        (
            program,
            shown,
            command(folder, shown.info.split()[1], program.text)
            if shown is not None and " " in shown.info
            else expected,
        )
        for (program, shown), expected in zip(found, said, strict=True)
    ]


def test_the_page_shows_what_the_checker_says(tmp_path: Path) -> None:
    wrong = 0
    for program, shown, said in results(PAGE.read_text(encoding="utf-8"), tmp_path):
        assert (shown.text if shown is not None else "") == said, f"line {program.line}"
        wrong += shown is not None
    assert wrong >= 6


@pytest.mark.parametrize("code", ["shape", "dtype", "broadcast", "annotation", "internal"])
def test_all_codes_are_explained(code: str) -> None:
    assert f"### tensor-{code}\n" in PAGE.read_text(encoding="utf-8")


def write() -> None:
    """Put what the checker says into the page."""
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        found = results(text, Path(folder).resolve())
    lines = text.splitlines(keepends=True)
    for _, shown, said in reversed(found):
        if shown is not None:
            start = shown.line - 1
            lines[start : start + len(shown.text.splitlines())] = [said]
    PAGE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
