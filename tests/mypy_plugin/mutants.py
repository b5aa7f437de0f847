"""Mutants of whole models: one literal changed, run, and checked by mypy with the plugin.

    python -m tests.mypy_plugin.mutants [--verbose] [model ...]

Of the mutants that fail when they run, the checker should report nearly all; of those that run, one
that is reported is worth a look: it is wrong for other sizes, or a false alarm.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import io
import re
import sys
import tempfile
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mypy import api

from tests.mypy_plugin.running import ROOT

MODELS = Path(__file__).parent / "models"


@dataclass
class Mutant:
    """A model with one literal changed."""

    model: str
    line: int
    change: str
    source: str
    fails: str | None = None
    """How it fails when it runs, `None` if it does not."""
    messages: tuple[str, ...] = ()


def mutants(model: str) -> Iterator[Mutant]:
    """The mutants of one model."""
    tree = ast.parse((MODELS / f"{model}.py").read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside_main = {
        id(inner)
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name == "main") or isinstance(node, ast.If)
        for inner in ast.walk(node)
    }
    annotations = {
        id(inner)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        for inner in ast.walk(getattr(node, field, None) or ast.Pass())
    }
    for place, node in enumerate(ast.walk(tree)):
        if not isinstance(node, ast.Constant):
            continue
        if id(node) in docstrings | inside_main | annotations:
            continue
        for value in _changed(node.value):
            other = copy.deepcopy(tree)
            for at, twin in enumerate(ast.walk(other)):
                if at == place:
                    assert isinstance(twin, ast.Constant)
                    twin.value = value
            source = ast.unparse(other)
            yield Mutant(model, node.lineno, f"{node.value!r} -> {value!r}", source)


def _changed(value: object) -> list[int | str]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value] if value > 1 else [value + 1]
    if value in ("same", "valid"):
        return ["valid" if value == "same" else "same"]
    return []


def run(mutant: Mutant) -> None:
    """Execute the mutant's `main`."""
    module = types.ModuleType(f"mutant_of_{mutant.model}")
    space = module.__dict__
    sys.modules[module.__name__] = module  # dataclasses look there for what annotations name
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(mutant.source, f"<{mutant.model}>", "exec", dont_inherit=True), space)
            main = space["main"]
            assert callable(main)
            main()
    except Exception as error:
        mutant.fails = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    finally:
        del sys.modules[module.__name__]


def check(found: list[Mutant]) -> None:
    """Have mypy check all mutants in one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, mutant in enumerate(found):
            (folder / f"m{i}.py").write_text(mutant.source)
        configuration = folder / "mypy.ini"
        configuration.write_text(
            "[mypy]\nplugins = typedflux.mypy_plugin\n"
            f"cache_dir = {ROOT / '.mypy_cache'}\nmypy_path = {ROOT}\n"
        )
        files = [str(folder / f"m{i}.py") for i in range(len(found))]
        out, err, _ = api.run(["--config-file", str(configuration), "--no-error-summary", *files])
    assert not err, err
    messages: dict[int, list[str]] = {}
    for line in out.splitlines():
        at = re.search(r"m(\d+)\.py:\d+: error: (.*)", line)
        if at is not None:
            messages.setdefault(int(at[1]), []).append(at[2])
    for i, mutant in enumerate(found):
        mutant.messages = tuple(messages.get(i, ()))


def measured(model: str) -> list[Mutant]:
    """The mutants of one model, run and checked."""
    found = list(mutants(model))
    for mutant in found:
        run(mutant)
    check(found)
    return found


def names() -> list[str]:
    """The models there are."""
    return sorted(p.stem for p in MODELS.glob("[a-z]*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--verbose", action="store_true", help="print what was not found")
    options = parser.parse_args()
    total = failing = 0
    for model in options.models or names():
        found = measured(model)
        broken = [m for m in found if m.fails is not None]
        caught = [m for m in broken if m.messages]
        flagged = [m for m in found if m.fails is None and m.messages]
        total, failing = total + len(caught), failing + len(broken)
        print(
            f"{model:12} {len(caught):3} of {len(broken):3} that fail are found; "
            f"{len(flagged)} of {len(found) - len(broken)} that run are reported"
        )
        if options.verbose:
            for m in broken:
                if not m.messages:
                    print(f"    MISSED {m.line}: {m.change}: {m.fails}")
            for m in flagged:
                print(f"    REPORTED {m.line}: {m.change}: {m.messages[0]}")
    print(f"{total} of {failing} ({100 * total / max(failing, 1):.1f} %)")


if __name__ == "__main__":
    main()
