"""Run the plugin's tests on every version of mypy that it works with, each in an environment of its
own: `make mypys`, or `python -m tests.mypy_plugin.versions [--only 2.3] [arguments of pytest]`.

The default interpreter makes the environments, in `.venv-mypy-2.2` and so on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import venv

from tests.mypy_plugin.running import ROOT
from typedflux.mypy_plugin.versions import SUPPORTED


def environment(version: str) -> str:
    """The interpreter of an environment that has the newest mypy of this minor version."""
    folder = ROOT / f".venv-mypy-{version}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / ".installed"
    wanted = f"{ROOT} {hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing typedflux[dev] and mypy {version} into {folder.name}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet",
             "--editable", f"{ROOT}[dev]", f"mypy=={version}.*"],
            check=True,
        )  # fmt: skip
        stamp.write_text(wanted)
    return str(python)


def main() -> int:
    """Zero when all tests pass on all versions."""
    parser = argparse.ArgumentParser(prog="python -m tests.mypy_plugin.versions")
    parser.add_argument("--only", metavar="VERSION", help="one version, as 2.3")
    arguments, others = parser.parse_known_args()
    versions = [f"{major}.{minor}" for major, minor in SUPPORTED]
    if arguments.only is not None and arguments.only not in versions:
        parser.error(f"the plugin works with mypy {', '.join(versions)}")
    failed = []
    for version in [arguments.only] if arguments.only else versions:
        command = [environment(version), "-m", "pytest", "tests/mypy_plugin", *others]
        print(f"mypy {version}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(version)
    print(f"Failed with mypy {', '.join(failed)}" if failed else "All versions pass")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
