"""Checkers that do not run the plugin accept programs that use the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mypy_plugin import gradual
from tests.mypy_plugin.running import ROOT

PROGRAMS = [ROOT / "tests" / "mypy_plugin" / "gradual.py", *sorted(ROOT.glob("examples/*.py"))]


@pytest.mark.parametrize("part", ["layers", "operations", "transformations", "training"])
def test_the_program_runs(part: str) -> None:
    getattr(gradual, part)()


def test_plain_mypy(tmp_path: Path) -> None:
    configuration = tmp_path / "mypy.ini"
    configuration.write_text(
        f"[mypy]\nmypy_path = {ROOT}:{ROOT / 'stubs'}\nstrict = True\n"
        "[mypy-typedflux.*]\nfollow_imports = silent\n"  # as an installed package
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(configuration), *map(str, PROGRAMS)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.deep
def test_pyright(tmp_path: Path) -> None:
    configuration = tmp_path / "pyrightconfig.json"
    configuration.write_text(
        json.dumps(
            {
                "include": [os.path.relpath(program, tmp_path) for program in PROGRAMS],
                "extraPaths": [str(ROOT), str(ROOT / "stubs")],
                "typeCheckingMode": "standard",
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--project", str(configuration), "--outputjson",
         "--pythonpath", sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["generalDiagnostics"] == []
    assert found["summary"]["filesAnalyzed"] == len(PROGRAMS)
