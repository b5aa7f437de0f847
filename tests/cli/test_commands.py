"""`typedflux check` and `typedflux hints`: what they print, what they return."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mypy_plugin.running import ROOT
from typedflux.cli import main
from typedflux.mypy_plugin import versions

PROGRAM = '''
import contextlib
from collections.abc import Iterator
from jaxtyping import Float32, Int
import typedflux as flux
from typedflux import Tensor, nn
from typedflux.data import DataLoader

class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        self.first = nn.Dense(784, 128)  #: Dense[784, 128]
        self.table = flux.zeros((3, 4))  #: Float32[Tensor, "3 4"]

    def __call__(self, x: Float32[Tensor, "batch 784"]) -> Tensor:
        x = self.first(x)  #: Float[Tensor, "batch 128"]
        b, n = x.shape  #: b: Size["batch"], n: Size["128"]
        (first, *_), last = (x, x, x.mT), x @ x.mT  #: last: Float[Tensor, "batch batch"]
        return x

@contextlib.contextmanager
def held(x: Float32[Tensor, "b n"]) -> Iterator[Float32[Tensor, "n b"]]:
    yield x.mT

def never_called(x: Float32[Tensor, "b 784"], y: Int[Tensor, "b"]) -> None:
    x += 1  # a comment  #: Float32[Tensor, "b 784"]
    x = x @ flux.ones((  #: Float32[Tensor, "b 10"]
        784, 10
    ))
    with held(x) as z:  #: Float32[Tensor, "10 b"]
        print(z)
    for i, row in enumerate([x, x]):  #: Float32[Tensor, "b 10"]
        d = {"a": row}  #: dict[str, Float32[Tensor, "b 10"]]
        d["b"] = row  #: Float32[Tensor, "b 10"]
    if (k := x.sum()) > 0:  #: Float32[Tensor, ""]
        s = """
        t = x
        """
    u = v = x[0]  #: u: Float32[Tensor, "10"], v: Float32[Tensor, "10"]

def untyped(q):
    y = flux.zeros((2, 3))  #: Float32[Tensor, "2 3"]
    z = 3
    model = nn.Chain(nn.Dense(3, 4), nn.Dense(4, 5))  #: Chain
    r = model(y)  #: "2 5"]
    return r
'''

WRONG = """
from jaxtyping import Float32
from typedflux import Tensor, nn

layer = nn.Dense(784, 10)

def f(x: Float32[Tensor, "32 784"], w: Float32[Tensor, "784 10"]) -> Float32[Tensor, "32 784"]:
    y = x @ x
    layer(w)
    return x @ w

number: int = "no"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run; what they keep is kept for all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYPYPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    monkeypatch.setenv("MYPY_CACHE_DIR", str(tmp_path.parent / "mypy-cache"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "right.py").write_text("import typedflux\n")
    return tmp_path


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


# hints


def test_hints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = output(capsys, "hints", "program.py")
    assert (code, err) == (0, "")
    for before, after in zip(PROGRAM.splitlines(), out.splitlines(), strict=True):
        assert after.startswith(before)
        _, _, wanted = before.partition("  #: ")
        if wanted:
            assert wanted in after[len(before) :], after
        else:
            assert after == before


def test_hints_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = output(capsys, "hints", "--json", "program.py", "wrong.py")
    found = json.loads(out)
    assert code == 1
    assert {
        "file": "program.py", "line": 11, "column": 8, "name": "self.first",
        "type": "Dense[784, 128]",
    } in found["hints"]  # fmt: skip
    assert {h["file"] for h in found["hints"]} == {"program.py", "wrong.py"}
    assert [e["line"] for e in found["errors"]] == [8, 9, 10, 12]


def test_hints_of_parameters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = output(capsys, "hints", "--parameters", "program.py")
    (line,) = [line for line in out.splitlines() if line.startswith("def never_called")]
    assert line.endswith('# x: Float32[Tensor, "b 784"], y: Int[Tensor, "b"]')


def test_hints_in_colour(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = output(capsys, "hints", "--colour", "always", "program.py")
    assert "\x1b[36m# Dense[784, 128]\x1b[0m" in out


def test_hints_of_a_file_with_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = output(capsys, "hints", "wrong.py")
    assert code == 1
    assert "layer = nn.Dense(784, 10)  # Dense[784, 10]" in out.splitlines()
    assert "wrong.py:8: error: matmul(" in err and err.count("error:") == 4


# check


def test_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = output(capsys, "check", "wrong.py", "right.py")
    assert (code, err) == (1, "")
    paragraphs = out.split("\n\n")
    assert paragraphs[0].splitlines()[1:] == [
        "  8 |     y = x @ x",
        "    |         ^   ^",
        '    |         |   Float32[Tensor, "32 784"]',
        '    |         Float32[Tensor, "32 784"]',
    ]
    assert paragraphs[1].splitlines()[1:] == [
        "  9 |     layer(w)",
        "    |     ^~~~~ ^",
        '    |     |     Float32[Tensor, "784 10"]',
        "    |     Dense[784, 10]",
    ]
    assert paragraphs[2].splitlines()[1:] == [
        "  10 |     return x @ w",
        "     |            ^~~~~",
        '     |            Float32[Tensor, "32 10"]',
    ]
    assert paragraphs[3].splitlines()[0].startswith("wrong.py:12:15: error: Incompatible types in")
    assert paragraphs[3].splitlines()[1:] == [
        '  12 | number: int = "no"',
        "     |               ^~~~",
    ]
    assert paragraphs[4] == (
        "Found 3 errors about tensors and 1 other error in 1 file (2 files checked)\n"
    )


def test_check_of_what_is_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "check", "right.py") == (0, "Nothing found (1 file checked)\n", "")


def test_check_only_shapes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = output(capsys, "check", "--only-shapes", "wrong.py")
    assert "number" not in out and "Found 3 errors about tensors in 1 file" in out
    (folder / "other.py").write_text('x: int = ""\n')
    code, out, _ = output(capsys, "check", "--only-shapes", "other.py")
    assert (code, out) == (0, "Nothing found (1 file checked)\n")


def test_check_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = output(capsys, "check", "--json", "wrong.py")
    records: list[dict[str, Any]] = json.loads(out)
    assert code == 1
    assert [(r["line"], len(r["operands"])) for r in records] == [(8, 2), (9, 2), (10, 1), (12, 0)]
    assert records[0]["code"] == "tensor-shape"
    assert records[1]["operands"][1] == {
        "line": 9, "column": 10, "end_column": 11, "text": "w", "type": 'Float32[Tensor, "784 10"]',
    }  # fmt: skip


def test_the_projects_configuration_is_used_and_the_plugin_added(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "untyped.py").write_text("import typedflux\ndef f(x):\n    return x\n")
    assert output(capsys, "check", "untyped.py")[0] == 0
    (folder / "mypy.ini").write_text("[mypy]\ndisallow_untyped_defs = True\n")
    code, out, _ = output(capsys, "check", "untyped.py", "wrong.py")
    assert code == 1 and "[no-untyped-def]" in out and "[tensor-shape]" in out
    (folder / "mypy.ini").write_text("[mypy]\nplugins = typedflux.mypy_plugin\n")
    assert output(capsys, "check", "wrong.py")[1].count("[tensor-shape]") >= 2
    (folder / "other.ini").write_text("[mypy]\ndisable_error_code = tensor-shape\n")
    _, out, _ = output(capsys, "check", "--config-file", "other.ini", "wrong.py")
    assert "matmul" not in out
    _, out, _ = output(capsys, "check", "wrong.py", "--", "--disable-error-code", "tensor-shape")
    assert "matmul" not in out and "number" in out


# Whatever may go wrong


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["check", "nothing.py"], "nothing.py"),
        (["hints", "nothing.py"], "nothing.py is no file"),
        (["hints", "."], ". is no file"),
        (["check", "syntax.py"], "syntax.py:"),
        (["hints", "syntax.py"], "syntax.py"),
        (["hints", "coding.py"], "coding.py"),
        (["check", "right.py", "--", "--bogus"], "unrecognized arguments: --bogus"),
        (["check", "--config-file", "nothing.ini", "right.py"], "nothing.ini"),
    ],
)
def test_what_cannot_be_done(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    (folder / "syntax.py").write_text("x = (\n")
    (folder / "coding.py").write_bytes(b"# coding: nonsense\n")
    code, out, err = output(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("typedflux: ") and part in err and "Traceback" not in err


@pytest.mark.parametrize("arguments", [[], ["check"], ["hints"], ["nonsense"], ["check", "--x"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2 and "usage: typedflux" in capsys.readouterr().err


def test_without_mypy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert output(capsys, "check", "x.py") == (
        2, "",
        'typedflux: typedflux check needs mypy, which is not installed: '
        'pip install "typedflux[mypy]"\n',
    )  # fmt: skip


def test_with_another_mypy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(versions, "SUPPORTED", ((1, 0), (1, 1)))
    code, _, err = output(capsys, "check", "x.py")
    assert code == 2 and "works with mypy 1.0 and 1.1" in err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "typedflux", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "typedflux" in done.stdout
