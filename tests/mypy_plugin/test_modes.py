"""The same messages in all modes of mypy: caches, edits, the daemon, workers, parsers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api

from tests.mypy_plugin.running import ROOT

LIBRARY = """
from typing import Generic, TypeVar
from jaxtyping import Float, Float32
import typedflux as flux
from typedflux import Tensor, nn, ops
from typedflux.checks import Size

In = TypeVar("In")
Out = TypeVar("Out")

class Linear(nn.Module, Generic[In, Out]):
    weight: Float[Tensor, "Out In"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = ops.zeros((out, in_))

    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        return x @ self.weight.mT

def product(x: Float32[Tensor, "b n"], w: Float32[Tensor, "n m"]) -> Float32[Tensor, "b m"]:
    return x @ w

def flip(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n b"]:
    return x.mT

model = nn.Chain(nn.Dense(784, 128, flux.relu), nn.Dense(128, 10))
"""

MAIN = """
from jaxtyping import Float32
from typedflux import Tensor
from library import Linear, flip, model, product
from shapes import Image, invert

layer = Linear(784, 128)

def f(x: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"], i: Image) -> None:
    reveal_type(product(x, w))
    reveal_type(flip(x))
    reveal_type(layer(x))
    reveal_type(layer.weight)
    reveal_type(model(x))
    reveal_type(invert(i))
    b, n = x.shape
    reveal_type(2 * n + b)
    product(w, x)
    x @ x
    layer(w)
    y: Float32[Tensor, "784 32"] = x

def g(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b n"]:
    return flip(x)
"""

SHAPES = """
from jaxtyping import Float32
from typedflux import Tensor

Image = Float32[Tensor, "3 h w"]

def invert(x: Image) -> Image:
    return 1 - x
"""

EXPECTED = [
    "10: note: Revealed type is \"Float32[Tensor, '32 10']\"",
    "11: note: Revealed type is \"Float32[Tensor, '784 32']\"",
    "18: error: Argument 2",
    "19: error: matmul(",
    "20: error: Argument 1",
    "21: error: ",
    "24: error: ",
]


class Project:
    """A folder with programs, and mypy run on it in one mode or another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.configuration = {
            "plugins": "typedflux.mypy_plugin",
            "strict": "True",
            "cache_dir": str(folder.parent / "cache"),
        }
        self.own: dict[str, str] = {}

    def write(self, **files: str) -> None:
        """Write modules; what was written just before has another time of change."""
        for name, text in files.items():
            path = self.folder / f"{name}.py"
            before = path.stat().st_mtime if path.exists() else 0
            path.write_text(textwrap.dedent(text))
            os.utime(path, (before + 5, before + 5) if before else None)

    def configure(self) -> str:
        path = self.folder / "mypy.ini"
        settings = {"mypy_path": f"{ROOT}:{self.folder}", **self.configuration}
        sections = {"mypy": settings, "typedflux": self.own}
        path.write_text(
            "".join(
                f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())
                for name, section in sections.items()
            )
        )
        return str(path)

    def arguments(self, *options: str) -> list[str]:
        return [
            "--config-file", self.configure(), "--no-error-summary", *options,
            str(self.folder / "main.py"),
        ]  # fmt: skip

    def check(self, *options: str, cache: str = "cache") -> list[str]:
        """What mypy says in this process, `line: kind: text`."""
        self.configuration["cache_dir"] = str(self.folder.parent / cache)
        out, err, _ = api.run(self.arguments(*options))
        assert not err, err
        return self.messages(out)

    def messages(self, out: str) -> list[str]:
        return [line.replace(str(self.folder) + os.sep, "") for line in out.splitlines()]

    def outside(self, *options: str, module: str = "mypy") -> list[str]:
        """What mypy says in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", module, *options],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return self.messages(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all programs here stand: what is in the cache is said of these very files."""
    return tmp_path_factory.mktemp("modes") / "project"


@pytest.fixture
def project(folder: Path) -> Project:
    made = Project(folder)
    made.write(main=MAIN, library=LIBRARY, shapes=SHAPES)
    return made


@pytest.fixture(scope="module")
def baseline(folder: Path) -> list[str]:
    """The messages from an empty cache with mypy's defaults."""
    made = Project(folder)
    made.write(main=MAIN, library=LIBRARY, shapes=SHAPES)
    messages = made.check()
    for expected in EXPECTED:
        assert any(m.startswith(f"main.py:{expected}") for m in messages), (expected, messages)
    return messages


# Caches and edits


def test_a_warm_cache_gives_the_same_messages(project: Project, baseline: list[str]) -> None:
    assert project.check() == baseline
    assert project.check() == baseline
    project.write(main=MAIN)  # newer, with the same text
    assert project.check() == baseline
    project.write(library=LIBRARY)
    assert project.check() == baseline


EDITS = {
    "a function's result": ("library", '"n b"]:', '"n n"]:', "'784 784'"),
    "a layer's method": (
        "library", '-> Float[Tensor, "*batch Out"]', '-> Float[Tensor, "Out *batch"]', "'128 32'",
    ),
    "a layer's field": ("library", 'weight: Float[Tensor, "Out In"]',
                        'weight: Float[Tensor, "In Out"]', "'784 128'"),
    "a constructor": ("library", "def __init__(self, in_: Size[In], out: Size[Out])",
                      "def __init__(self, out: Size[Out], in_: Size[In])", "'784 128'"),
    "a model": ("library", "nn.Dense(128, 10))", "nn.Dense(128, 7))", "'32 7'"),
    "the program": ("main", "2 * n + b", "2 * n + b + 1", "Size['1601']"),
}  # fmt: skip


@pytest.mark.parametrize("edit", list(EDITS), ids=[e.replace(" ", "-") for e in EDITS])
def test_edits_on_either_side_of_an_import(
    project: Project, baseline: list[str], edit: str
) -> None:
    module, old, new, part = EDITS[edit]
    text = {"library": LIBRARY, "main": MAIN}[module]
    assert old in text
    assert project.check() == baseline
    project.write(**{module: text.replace(old, new)})
    edited = project.check()
    assert any(part in m for m in edited) and not any(part in m for m in baseline)
    project.write(**{module: text})
    assert project.check() == baseline


@pytest.mark.deep
@pytest.mark.parametrize("edit", list(EDITS), ids=[e.replace(" ", "-") for e in EDITS])
def test_edits_give_what_an_empty_cache_gives(project: Project, edit: str) -> None:
    module, old, new, _ = EDITS[edit]
    project.check()
    project.write(**{module: {"library": LIBRARY, "main": MAIN}[module].replace(old, new)})
    assert project.check() == project.check("--no-incremental")


def test_an_edit_of_an_alias(project: Project) -> None:
    before = project.check()
    project.write(shapes=SHAPES.replace("3 h w", "4 h w"))
    project.check()
    project.write(shapes=SHAPES)
    assert project.check() == before


RULES = """
from typedflux import Tensor
def narrow(x: Tensor) -> Tensor:
    return x[:, :3]
"""

LISTED = """
from jaxtyping import Float32
from typedflux import Tensor
from rules import narrow
def f(x: Float32[Tensor, "b 5"]) -> None:
    reveal_type(narrow(x))
"""


def test_a_listed_module_is_executed_anew_when_its_body_changes(project: Project) -> None:
    project.own["execute"] = "rules"
    project.write(main=LISTED, rules=RULES)
    assert "'b 3'" in project.outside(*project.arguments())[0]
    project.write(rules=RULES.replace(":3", ":4"))
    assert "'b 4'" in project.outside(*project.arguments())[0]


# Ways to run mypy


@pytest.mark.parametrize("flag", ["--native-parser", "--no-native-parser"])
def test_both_parsers(project: Project, baseline: list[str], flag: str) -> None:
    assert project.check(flag, cache=f"cache{flag}") == baseline
    assert project.check(flag, cache=f"cache{flag}") == baseline


def test_annotations_of_the_future(project: Project, baseline: list[str]) -> None:
    future = "from __future__ import annotations"  # in the place of the first, empty line
    project.write(main=future + MAIN, library=future + LIBRARY, shapes=future + SHAPES)
    assert project.check() == baseline


@pytest.mark.deep
def test_workers(project: Project, baseline: list[str]) -> None:
    for _ in range(2):
        assert project.outside(*project.arguments("--num-workers", "2")) == baseline


MODERN = """
from jaxtyping import Float, Float32
from typedflux import Size, Tensor, nn, ops

type Row = Float32[Tensor, "784"]

class Linear[In, Out](nn.Module):
    weight: Float[Tensor, "Out In"]

    def __init__(self, in_: Size[In], out: Size[Out]) -> None:
        self.weight = ops.zeros((out, in_))

    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        return x @ self.weight.mT

class Square[N](Linear[N, N]):
    def __init__(self, n: Size[N]) -> None:
        super().__init__(n, n)

def twice[T](f: T, x: Float32[Tensor, "b 784"]) -> T:
    return f

def f(x: Float32[Tensor, "b 784"]) -> Float[Tensor, "b 10"]:
    reveal_type(Square(784)(x))
    reveal_type(twice(x, x))
    Linear(64, 10)(x)
    return Linear(784, 11)(x)
"""


def test_type_parameters(project: Project) -> None:
    project.write(main=MODERN)
    first = project.check("--python-version", "3.12", "--native-parser", cache="cache-3.12")
    assert [m.partition("  [")[0] for m in first[:2]] == [
        "main.py:24: note: Revealed type is \"Float[Tensor, 'b 784']\"",
        "main.py:25: note: Revealed type is \"Float32[Tensor, 'b 784']\"",
    ]
    assert first[2].startswith("main.py:26: error: ") and "64" in first[2]
    assert first[3].startswith("main.py:27: error: ") and "'b 11'" in first[3]
    assert len(first) == 4
    assert project.check("--python-version", "3.12", "--native-parser", cache="cache-3.12") == first


@pytest.fixture
def daemon(project: Project) -> Iterator[Project]:
    yield project
    project.outside("--status-file", "status.json", "stop", module="mypy.dmypy")


def dmypy(project: Project) -> list[str]:
    """What the daemon says; it tells files apart by their times, which `write` moves."""
    messages = project.outside(
        "--status-file", "status.json", "run", "--timeout", "300", "--",
        *project.arguments("--strict"), module="mypy.dmypy",
    )  # fmt: skip
    return [m for m in messages if m != "Daemon started"]


@pytest.mark.deep
def test_the_daemon(daemon: Project, baseline: list[str]) -> None:
    assert sorted(dmypy(daemon)) == sorted(baseline)
    for edit in ("a function's result", "a layer's field", "the program"):
        module, old, new, part = EDITS[edit]
        text = {"library": LIBRARY, "main": MAIN}[module]
        daemon.write(**{module: text.replace(old, new)})
        edited = dmypy(daemon)
        assert any(part in m for m in edited), (edit, edited)
        daemon.write(**{module: text})
        assert sorted(dmypy(daemon)) == sorted(baseline), edit


@pytest.mark.deep
def test_the_daemon_starts_anew_when_a_listed_module_changes(daemon: Project) -> None:
    daemon.own["execute"] = "rules"
    daemon.write(main=LISTED, rules=RULES)
    assert "'b 3'" in dmypy(daemon)[0]
    daemon.write(rules=RULES.replace(":3", ":4"))
    restarted = dmypy(daemon)
    assert "Restarting: plugins changed" in restarted
    assert any("'b 4'" in m for m in restarted)
