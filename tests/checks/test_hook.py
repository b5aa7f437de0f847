"""Whole packages: the import hook, the pytest option and the IPython magic."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.checks.test_typed import refused
from typedflux.checks.hook import Hook, Instrumenter, Loader, typed_package
from typedflux.checks.settings import settings

ROOT = Path(__file__).parents[2]
PART = '''
"""A module of a package that knows nothing of checks."""
from __future__ import annotations
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Generic, TypeVar, no_type_check, overload
import numpy as np
from jaxtyping import Float
if TYPE_CHECKING:
    from nowhere import Missing

A = np.ndarray
N = TypeVar("N")
TOP: Float[A, "3"] = np.zeros(3)


def decorate(f):
    @wraps(f)
    def wrapper(*args):
        return f(*args)
    wrapper.inner = f
    return wrapper


@decorate
def f(x: Float[A, "n"], late: Missing = None) -> Float[A, "n"]:
    y: Float[A, "n m"] = np.zeros((x.shape[0], 2))
    z: Float[A, "m"] = np.zeros(2 if x.shape[0] < 5 else 3)
    unknown: Missing = 3
    return x


def by_size(n: int):
    Row = Float[A, f"{n}"]
    row: Row = np.zeros(3)
    return row


@dataclass
class Data:
    x: Float[A, "n"]
    y: Float[A, "n"] = field(default_factory=lambda: np.zeros(3))

    def length(self, k: int) -> int:
        self.k: int = k
        return str(k)


class Plain(Generic[N]):
    w: Float[A, "N"]

    def __init__(self, w: Float[A, "N"]):
        self.w = w

    @property
    def bad(self) -> int:
        return "x"

    @overload
    def over(self, x: int) -> int: ...
    @overload
    def over(self, x: str) -> str: ...
    def over(self, x):
        return x

    async def later(self) -> int:
        def inner(q: Float[A, "2"]): ...
        return inner(np.zeros(3))


@no_type_check
def free(x: int) -> str:
    z: str = x
    return z


class _Private:
    def _method(self, x: int): ...
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `checked_package`, importable and forgotten afterwards."""
    root = tmp_path / "checked_package"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "part.py").write_text(PART)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield root
    for name in [n for n in sys.modules if n.partition(".")[0].startswith("checked_")]:
        del sys.modules[name]
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, Hook)]
    importlib.invalidate_caches()


def zeros(*shape: int) -> Any:
    return np.zeros(shape)


def check_part(part: Any) -> None:
    assert part.f(zeros(3)).shape == (3,)
    refused(lambda: part.f(zeros(3, 3)), "f: argument 'x'")
    refused(lambda: part.f.inner(zeros(3, 3)), "f: argument 'x'")  # the innermost decorator
    refused(lambda: part.f(zeros(6)), "f: variable 'z' has shape \"3\", expected Float[ndarray")
    assert part.by_size(3).shape == (3,)
    refused(lambda: part.by_size(4), "by_size: variable 'row'")
    refused(lambda: part.Data(zeros(4)), "Data: argument 'y' has shape \"3\"")
    data = part.Data(zeros(3))
    refused(lambda: data.length("3"), "argument 'k' must be int", TypeError)
    refused(lambda: data.length(3), "Data.length: the result must be int, got str", TypeError)
    refused(lambda: setattr(data, "x", 3), "field 'x'", TypeError)
    plain = part.Plain(zeros(3))
    refused(lambda: plain.bad, "Plain.bad: the result", TypeError)
    refused(lambda: setattr(plain, "w", zeros(4)), "field 'w'")
    assert plain.over("x") == "x" and part.free(3) == 3
    with pytest.raises(flux.ShapeError, match=r"Plain\.later\.inner: argument 'q'"):
        plain.later().send(None)


def test_a_program_names_packages(package: Path) -> None:
    with typed_package("checked_package") as hook:
        part = importlib.import_module("checked_package.part")
        assert typed_package("checked_package") is hook
    assert not any(isinstance(f, Hook) for f in sys.meta_path)
    assert isinstance(part.__loader__, Loader) and part.__doc__ == PART.split('"""')[1]
    check_part(part)
    with pytest.raises(RuntimeError, match=r"already imported are checked_package, checked_pack"):
        typed_package("checked_package")


def test_a_package_installs_it_for_itself(package: Path) -> None:
    (package / "__init__.py").write_text(
        "import typedflux as flux\nflux.typed_package()\nfrom checked_package import part\n"
    )
    check_part(importlib.import_module("checked_package").part)


def test_compiled_files_have_a_tag_of_their_own(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for change in ("", "\nADDED = 1\n"):
        (package / "part.py").write_text(PART + change)
        for _ in range(2):  # compiled, then loaded
            with typed_package("checked_package"):
                part = importlib.import_module("checked_package.part")
            refused(lambda part=part: part.f(zeros(3, 3)), "f: argument 'x'")  # type: ignore[misc]
            assert hasattr(part, "ADDED") == bool(change)
            for name in ("checked_package", "checked_package.part"):
                del sys.modules[name]
    plain = importlib.import_module("checked_package.part")
    assert plain.f(zeros(3, 3)).shape == (3, 3)
    names = sorted(path.name for path in (package / "__pycache__").iterdir())
    assert [n for n in names if "typedflux1all" in n and n.startswith("part")]
    assert [n for n in names if "typedflux" not in n and n.startswith("part")]


def test_modes(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "mode", "boundaries")
    with typed_package("checked_package"):
        part = importlib.import_module("checked_package.part")
    refused(lambda: part.f(zeros(3, 3)), "f: argument 'x'")
    part.f(zeros(6))  # annotated assignments are inside
    part._Private()._method("x")
    monkeypatch.setattr(settings, "mode", "off")
    with typed_package("checked_other"):
        assert not any(isinstance(f, Hook) for f in sys.meta_path)


def test_odd_modules_survive() -> None:
    for source in ("", '"""Only words."""', "from __future__ import annotations\nx: int = 1"):
        tree = Instrumenter().visit(ast.parse(source))
        exec(compile(tree, "odd", "exec"), {"__name__": "odd"})


def run_pytest(package: Path, *arguments: str) -> str:
    tests = package.parent / "test_it.py"
    tests.write_text(
        textwrap.dedent("""
            import numpy as np, pytest
            import checked_package.part as part

            @pytest.mark.parametrize("shape", [(3,), (3, 3)])
            def test(shape):
                assert part.f(np.zeros(shape)).shape == shape
            """)
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "-p", "no:typedflux", "-p", "typedflux.checks.pytest_plugin", *arguments, str(tests)],
        check=False, capture_output=True, text=True, timeout=100, cwd=package.parent,
        env={**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    return run.stdout + run.stderr


def test_the_pytest_option(package: Path) -> None:
    output = run_pytest(package, "--typedflux-packages=checked_package")
    assert "1 failed, 1 passed" in output and "f: argument 'x' has shape" in output
    assert "imported already" in run_pytest(package, "--typedflux-packages=numpy")


class Shell:
    """What the extension needs of an IPython shell."""

    def __init__(self) -> None:
        self.ast_transformers: list[Any] = []
        self.magics: dict[str, Any] = {}
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def register_magic_function(self, function: Any, kind: str, name: str) -> None:
        assert kind == "line"
        self.magics[name] = function

    def run(self, cell: str) -> None:
        tree = ast.parse(textwrap.dedent(cell))
        for transformer in self.ast_transformers:
            tree = transformer.visit(tree)
        exec(compile(tree, "<cell>", "exec"), self.names)


def test_the_ipython_magic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "mode", settings.mode)
    shell = Shell()
    flux.load_ipython_extension(shell)
    shell.run("""
        import numpy as np
        from jaxtyping import Float
        def before(x: Float[np.ndarray, "3"]): ...
        """)
    shell.magics["typedflux.checks"]("")
    shell.run("""
        def first(x: Float[np.ndarray, "3"]):
            y: Float[np.ndarray, "3"] = x[:3]
            return y
        """)
    shell.run("""
        def second(x: Float[np.ndarray, "4"]):
            y: Float[np.ndarray, "3"] = x
        """)
    names = shell.names
    names["before"](zeros(4))
    names["first"](zeros(3))
    refused(lambda: names["first"](zeros(4)), "first: argument 'x'")
    refused(lambda: names["second"](zeros(4)), "second: variable 'y'")
    refused(lambda: shell.run("z: int = 'x'"), "variable 'z' must be int", TypeError)
    shell.magics["typedflux.checks"]("off")
    shell.run("z: int = 'x'")
    settings.mode = "all"
    shell.magics["typedflux.checks"]("boundaries")
    assert len(shell.ast_transformers) == 1
    flux.unload_ipython_extension(shell)
    assert shell.ast_transformers == []
    with pytest.raises(ValueError, match="one of off"):
        shell.magics["typedflux.checks"]("sometimes")
