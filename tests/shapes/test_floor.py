"""The floor as a whole: its documentation runs, and nothing in it needs NumPy."""

import ast
import doctest
import importlib
import pickle
import pkgutil
from pathlib import Path

import pytest

from typedflux import shapes
from typedflux.shapes import errors

MODULES = sorted(f"typedflux.shapes.{info.name}" for info in pkgutil.iter_modules(shapes.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_documentation_runs(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


@pytest.mark.parametrize("name", MODULES)
def test_only_the_standard_library_is_imported(name: str) -> None:
    source = importlib.import_module(name).__file__
    assert source is not None
    for node in ast.walk(ast.parse(Path(source).read_text(encoding="utf-8"))):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        for module in modules:
            assert module.startswith("typedflux.shapes") or module.split(".")[0] in {
                "__future__", "ast", "collections", "contextlib", "contextvars", "dataclasses",
                "functools", "math", "operator", "re", "string", "types", "typing",
            }  # fmt: skip


def test_errors_are_also_builtins() -> None:
    assert issubclass(errors.ShapeError, ValueError)
    assert issubclass(errors.DTypeError, TypeError)
    assert issubclass(errors.AnnotationError, ValueError)
    assert issubclass(errors.AxisError, IndexError)


def test_specs_are_hashable_and_can_be_pickled() -> None:
    spec = shapes.parse("batch *s 2*n")
    assert pickle.loads(pickle.dumps(spec)) == spec and hash(spec) == hash(shapes.parse(spec.text))
