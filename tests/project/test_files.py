"""The files of the project: no traces of one person's machine, and packaging that is complete."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Folders under which only one machine has what a program or a text would name there.
PRIVATE_PATH = re.compile(r"(?<![\w.:/~*-])/(?:home|root|Users|work|workspace)/[\w.]")


def tracked_files() -> list[Path]:
    """What git tracks; without git, everything that is not in a hidden folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [
            path
            for path in ROOT.rglob("*")
            if not any(part.startswith((".venv", ".git")) for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_private_path() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked_files()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if PRIVATE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_readme_is_what_package_indexes_show() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project.get("readme") == "README.md"


def test_torch_is_never_resolved_freely() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [requirement for one in lists for requirement in one]
    assert [one for one in wanted if one.startswith("torch")] == ["torch==2.13.0"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as an installer builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    program = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", program, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / built.stdout.split()[-1]


def test_the_wheel_is_complete(wheel: Path) -> None:
    package = ROOT / "typedflux"
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    contents = set(zipfile.ZipFile(wheel).namelist())
    assert "typedflux/py.typed" in contents
    assert {name for name in contents if name.startswith("typedflux/")} == wanted
    assert any(name.endswith("/licenses/LICENSE") for name in contents)


PROGRAM = """
import typedflux as flux
reveal_type(flux)
"""


@pytest.mark.deep
def test_the_installed_wheel_type_checks_a_program(wheel: Path, tmp_path: Path) -> None:
    """The plugin and the package's types work for a program outside of this project."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    # Dependencies come from here; the folder's own .pth files, so an editable typedflux, do not.
    import mypy

    (packages / "dependencies.pth").write_text(f"{Path(mypy.__file__).parents[1]}\n")
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\nplugins = typedflux.mypy_plugin\n")
    checked = subprocess.run(
        [environment / "bin" / "python", "-m", "mypy", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Success" in checked.stdout
