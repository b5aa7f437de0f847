"""What the programs of the corpus do when they run.

python -m tests.mypy_plugin.corpus.oracle [family or program...]
"""

from __future__ import annotations

import importlib.util
import io
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import typedflux as flux
from tests.mypy_plugin.corpus import library
from tests.mypy_plugin.corpus.measure import choose, programs, write
from tests.mypy_plugin.corpus.pairs import Pair
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError

WRONG = (ShapeError, DTypeError, AxisError)
# What Python says of a tensor or a shape that is taken apart into another number of parts.
TAKEN_APART = ("values to unpack (expected", "tuple index out of range")


@contextmanager
def library_at_hand() -> Iterator[None]:
    """`import library` finds the corpus's module for the time."""
    sys.modules["library"] = library
    try:
        yield
    finally:
        del sys.modules["library"]


def outcome(folder: Path, name: str) -> Exception | None:
    """Import a written program and run its `main`: what it raised."""
    specification = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        flux.seed(0)
        with redirect_stdout(io.StringIO()):
            specification.loader.exec_module(module)
            module.main()
    except Exception as error:
        return error
    finally:
        del sys.modules[name]
    return None


def complaint(pair: Pair, name: str, error: Exception | None) -> str:
    """What is wrong with how a program ran, or nothing."""
    if name != pair.name:
        return "" if error is None else "the good program fails"
    if pair.silent:
        return "" if error is None else "a bug that is marked silent raises"
    if error is None:
        return "the bug raises nothing"
    if not isinstance(error, WRONG) and not any(words in str(error) for words in TAKEN_APART):
        return "the bug raises something else"
    here = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.name != "outcome"]
    lines = {pair.line, *pair.uses}
    # The result of a method is checked where it was called.
    if pair.later or ": the result" in str(error):
        return ""
    return "" if lines & set(here) else f"the bug raises elsewhere: {here}, not in {sorted(lines)}"


def complaints(chosen: list[Pair], folder: Path) -> dict[str, str]:
    """Run pairs: for each program that does not behave, what is wrong with it."""
    texts = programs(chosen)
    write(folder, texts)
    found = {}
    with library_at_hand():
        for pair in chosen:
            for name in (pair.name, f"{pair.name}_good"):
                if name in texts:
                    error = outcome(folder, name)
                    if wrong := complaint(pair, name, error):
                        found[name] = f"{wrong}: {type(error).__name__}: {error}"
    return found


def main() -> int:
    chosen = [pair for family in choose(sys.argv[1:]).values() for pair in family]
    with tempfile.TemporaryDirectory() as folder:
        found = complaints(chosen, Path(folder))
    for name, wrong in found.items():
        print(f"{name}: {wrong}")
    print(f"{len(chosen)} pairs, {len(found)} programs misbehave")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
