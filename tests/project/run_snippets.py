"""Run the Python of a Markdown file: `python run_snippets.py README.md`.

The blocks of one file run in order and share their names, as they do for a reader who types them
in. A block is fenced with three backticks and one of:

    python          runs as a program
    python no-run   must be valid Python, but is shown to the type checker only
    pycon           runs as a doctest

Tracebacks and `inspect.getsource` see the lines of the Markdown file, at the same numbers.
"""

import ast
import doctest
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_OPENING = re.compile(r"(?P<indent> *)(?P<fence>`{3,}) *(?P<info>[^`]*)")
_LANGUAGES = {"python": "python", "python no-run": "python no-run", "pycon": "pycon"}


@dataclass(frozen=True)
class Block:
    """One fenced block: what its fence says, the line its text begins at (from 1), its text."""

    info: str
    line: int
    text: str


def blocks(markdown: str) -> Iterator[Block]:
    """All fenced blocks of `markdown`, whatever their language.

    >>> [block] = blocks("Text\\n```python\\nx = 1\\n```\\n")
    >>> block
    Block(info='python', line=3, text='x = 1\\n')
    """
    lines = iter(enumerate(markdown.splitlines(), start=1))
    for number, line in lines:
        opening = _OPENING.fullmatch(line)
        if opening is None:
            continue
        text = []
        for _, inner in lines:
            if inner.strip() == opening["fence"]:
                break
            text.append(inner.removeprefix(opening["indent"]))
        else:
            raise SyntaxError(f"line {number}: this block is never closed")
        yield Block(
            info=" ".join(opening["info"].split()),
            line=number + 1,
            text="".join(f"{one}\n" for one in text),
        )


def snippets(markdown: str) -> list[Block]:
    """The blocks that are Python; a misspelt fence is an error, or it would silently not run."""
    found = []
    for block in blocks(markdown):
        if block.info in _LANGUAGES:
            found.append(block)
        elif re.match(r"(py|python|pycon)\b", block.info, re.IGNORECASE):
            raise SyntaxError(
                f"line {block.line - 1}: a block is {', '.join(_LANGUAGES)}; not {block.info!r}"
            )
    return found


def at_its_lines(blocks: list[Block]) -> str:
    """The blocks' text, each at the line that it has in the Markdown file."""
    lines: list[str] = []
    for block in blocks:
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    return "".join(f"{line}\n" for line in lines)


def run(path: Path) -> int:
    """Run the snippets of a file in a fresh `__main__`; the number of examples that went wrong."""
    found = snippets(path.read_text(encoding="utf-8"))
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, f"{path.stem}.py")
        source.write_text(
            at_its_lines([block for block in found if block.info == "python"]), encoding="utf-8"
        )
        module.__file__ = str(source)
        for block in found:
            match block.info:
                case "python":
                    exec(compile(at_its_lines([block]), source, "exec"), module.__dict__)
                case "python no-run":
                    ast.parse(textwrap.dedent(at_its_lines([block])), path.name)
                case "pycon":
                    example = doctest.DocTestParser().get_doctest(
                        block.text, {}, path.name, str(path), block.line - 1
                    )
                    example.globs = module.__dict__
                    runner.run(example, clear_globs=False)
    return runner.failures


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve()) > 0)
