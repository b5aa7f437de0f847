"""What goes wrong in or around the plugin: failures inside, settings, versions of mypy."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mypy import api

import typedflux.mypy_plugin.hooks as hooks
from tests.mypy_plugin.running import ROOT
from typedflux.mypy_plugin import versions
from typedflux.mypy_plugin.versions import complaint

PROGRAM = """
from typing import TypeVar
from jaxtyping import Float32
from typedflux import Size, Tensor, nn

N = TypeVar("N")

def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

def sizes(n: Size[N]) -> Float32[Tensor, "N"]:
    raise NotImplementedError

layer: nn.Dense[784, 128]

def f(x: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"]) -> int:
    y = product(x, w)
    z = x.mT @ x + x.sum()
    b, n = x.shape
    k = 2 * n
    nn.Dense(784, 128)(x)
    sizes(3)
    return "a"  # the one error that mypy finds itself
"""


_count = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robust")


def run(folder: Path, *, section: str = "", program: str = PROGRAM) -> tuple[str, str, int]:
    # A length of its own each time, or messages would come from the cache.
    (folder / "main.py").write_text(f"{program}\n" + "#" * next(_count))
    (folder / "mypy.ini").write_text(
        "[mypy]\nplugins = typedflux.mypy_plugin\n"
        f"cache_dir = {folder / 'cache'}\nmypy_path = {ROOT}\n{section}"
    )
    return api.run(
        ["--config-file", str(folder / "mypy.ini"), str(folder / "main.py"), "--no-error-summary"]
    )


def boom(*args: object, **kwargs: object) -> Any:
    raise ZeroDivisionError("in the plugin")


def dive(*args: object, **kwargs: object) -> Any:
    return dive(*args, **kwargs)


# Failures


def test_the_program(folder: Path) -> None:
    out, err, code = run(folder)
    assert (out.count("error"), err, code) == (1, "", 1)


PLACES: dict[str, Callable[[hooks.TypedfluxPlugin], tuple[object, str]]] = {
    "annotations": lambda p: (p.annotations, "tensor"),
    "sizes in annotations": lambda p: (p.annotations, "size"),
    "modules in annotations": lambda p: (p.annotations, "module"),
    "signatures": lambda p: (p.signatures, "relax"),
    "calls": lambda p: (p.signatures, "bind"),
    "operations": lambda p: (p.execution, "call"),
    "attributes": lambda p: (p.execution, "attribute"),
    "looking for functions": lambda p: (p.execution, "function"),
    "arithmetic": lambda p: (p.sizes, "arithmetic"),
    "types to tensors": lambda p: (p.encoder, "tensor"),
    "tensors to types": lambda p: (p.encoder, "tensor_type"),
    "dims": lambda p: (p.encoder, "dim"),
    "axes": lambda p: (p.encoder, "axis_type"),
}


def sabotage(
    monkeypatch: pytest.MonkeyPatch, place: str, failure: Callable[..., Any] = boom
) -> None:
    """From now on every new plugin fails in one place."""
    original = hooks.TypedfluxPlugin.set_modules

    def set_modules(self: hooks.TypedfluxPlugin, modules: Any) -> None:
        original(self, modules)
        where, name = PLACES[place](self)
        assert callable(getattr(where, name))
        monkeypatch.setattr(where, name, failure)

    monkeypatch.setattr(hooks.TypedfluxPlugin, "set_modules", set_modules)


@pytest.mark.parametrize("failure", [boom, dive])
@pytest.mark.parametrize("place", list(PLACES))
def test_a_failure_becomes_what_mypy_knows_without_the_plugin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, failure: Callable[..., Any]
) -> None:
    sabotage(monkeypatch, place, failure)
    out, err, _ = run(folder)
    assert "INTERNAL ERROR" not in out + err and not err
    assert 'main.py:23: error: Incompatible return value type (got "str", expected "int")' in out
    wrong = [line for line in out.splitlines() if "error:" in line and "main.py:23:" not in line]
    assert wrong == []


@pytest.mark.parametrize("place", ["annotations", "calls", "operations", "attributes"])
def test_debugging_makes_a_failure_an_error_with_its_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    sabotage(monkeypatch, place)
    out, err, code = run(folder, section="[typedflux]\ndebug = true\n")
    assert (err, code) == ("", 1)
    assert re.search(
        r"main\.py:\d+: error: The typedflux plugin failed here: ZeroDivisionError: in the plugin\n"
        r"Traceback .*\n(.*\n)+ZeroDivisionError: in the plugin  \[tensor-internal\]",
        out,
    )


def test_debugging_a_recursion(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch, "operations", dive)
    out, err, _ = run(folder, section="[typedflux]\ndebug = true\n")
    assert "failed here: RecursionError" in out and not err
    assert out.count("in dive") < 200


def test_deep_expressions(folder: Path) -> None:
    terms = " + ".join(["x"] * 300)
    program = PROGRAM.replace("y = product(x, w)", f"y = {terms}").replace('"a"  #', "3  #")
    out, err, code = run(folder, program=program)
    assert (out, err, code) == ("", "", 0)


# Settings


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ("debgu = true", "has 'debgu'; what it may have is 'execute' and 'debug'"),
        ("debug = perhaps", "debug = 'perhaps' in the typedflux section; true or false"),
    ],
)
def test_wrong_settings(folder: Path, section: str, complaint: str) -> None:
    out, err, code = run(folder, section=f"[typedflux]\n{section}\n")
    assert complaint in out + err and "Traceback" not in out + err
    assert code == 2


def test_settings_in_toml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage(monkeypatch, "operations")
    (folder / "main.py").write_text(PROGRAM)
    configuration = folder / "pyproject.toml"
    configuration.write_text(
        f'[tool.mypy]\nplugins = ["typedflux.mypy_plugin"]\nmypy_path = "{ROOT}"\n'
        f"cache_dir = '{folder / 'cache'}'\n[tool.typedflux]\ndebug = true\nexecute = ['json']\n"
    )
    out, _, _ = api.run(["--config-file", str(configuration), str(folder / "main.py")])
    assert "[tensor-internal]" in out


# Versions


def test_an_unsupported_mypy_is_told_which_are_supported(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "SUPPORTED", ((1, 18), (1, 19), (1, 20)))
    out, err, code = run(folder)
    assert code == 2
    assert "the typedflux plugin works with mypy 1.18, 1.19 and 1.20, and this is mypy 2." in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("version", ["1.20.2", "2.1.0", "2.5.0+dev.0123", "3.0", "x"])
def test_unsupported_versions(version: str) -> None:
    assert complaint(version) is not None


@pytest.mark.parametrize("version", ["2.2.0", "2.3.1", "2.4.1+dev.0123"])
def test_supported_versions(version: str) -> None:
    assert complaint(version) is None


def test_the_package_asks_for_the_versions_that_are_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (lowest, *_, highest) = versions.SUPPORTED
    wanted = f"mypy>={lowest[0]}.{lowest[1]},<{highest[0]}.{highest[1] + 1}"
    assert project["optional-dependencies"]["mypy"] == [wanted]


# Where there are no tensors


PLAIN = """
import collections
import dataclasses
import enum
import functools
import re
from typing import NamedTuple, TypedDict

class Movie(TypedDict, total=False):
    name: str
    year: int

class Point(NamedTuple):
    x: int
    y: int = 0

@dataclasses.dataclass(frozen=True)
class Config:
    size: int
    names: list[str] = dataclasses.field(default_factory=list)

class Colour(enum.Enum):
    RED = 1

@functools.lru_cache
def cached(n: int) -> dict[str, int]:
    return {"a": n}

@functools.singledispatch
def show(x: object) -> str: ...
@show.register
def _(x: int) -> str:
    return x

def f(movie: Movie, d: dict[str, int], c: Config) -> None:
    reveal_type(movie.get("name"))
    reveal_type(movie.get("year", 0))
    reveal_type(movie.pop("name"))
    reveal_type(movie.setdefault("year", 1))
    reveal_type(d.get("a"))
    reveal_type(d.get("a", None))
    reveal_type(dataclasses.replace(c, size="1"))
    reveal_type(functools.partial(cached, 3)())
    reveal_type(functools.partial(cached, "3"))
    reveal_type(Colour.RED.value)
    reveal_type(2**3)
    reveal_type(-3)
    reveal_type((1,) * 3)
    reveal_type(collections.Counter("abc").most_common(1)[0])
    reveal_type(re.match("a", "b"))
    reveal_type(Point(1)._replace(x="3"))
    reveal_type(sum(x for x in range(3)))
    reveal_type(show(3))
    reveal_type(len(d) + "a")
    cached("a")
    Config(3, 4)
    Point("x", z=3)
    x = 3
    x = "4"
"""


@pytest.mark.parametrize("awake", [False, True], ids=["asleep", "awake"])
def test_the_output_is_plain_mypys_where_there_are_no_tensors(folder: Path, awake: bool) -> None:
    program = PLAIN + "import typedflux\n" * awake
    (folder / "main.py").write_text(program)
    arguments = [str(folder / "main.py"), "--strict", "--no-error-summary"]
    (folder / "plain.ini").write_text(f"[mypy]\nmypy_path = {ROOT}\n")
    plain = api.run(
        ["--config-file", str(folder / "plain.ini"), "--cache-dir", str(folder / "c"), *arguments]
    )
    (folder / "mypy.ini").write_text(
        f"[mypy]\nmypy_path = {ROOT}\nplugins = typedflux.mypy_plugin\n"
    )
    ours = api.run(
        ["--config-file", str(folder / "mypy.ini"), "--cache-dir", str(folder / "d"), *arguments]
    )
    assert ours == plain
    assert plain[0].count("error") > 8
