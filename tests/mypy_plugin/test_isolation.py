"""Checking a program does not do what it does: no files, no servers, no other libraries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mypy_plugin.running import ROOT, check
from typedflux.mypy_plugin.isolation import Touched, isolated


def write(folder: Path) -> None:
    (folder / "made").write_text("")


def read(folder: Path) -> None:
    (folder / "there").read_text()


def connect(folder: Path) -> None:
    import socket

    socket.create_connection(("localhost", 1))


def start(folder: Path) -> None:
    subprocess.run([sys.executable, "--version"], check=True)


def remove(folder: Path) -> None:
    (folder / "there").unlink()


def load(folder: Path) -> None:
    import pip  # noqa: F401


@pytest.mark.parametrize("action", [write, read, connect, start, remove, load])
def test_what_touches_the_world_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: Callable[[Path], None]
) -> None:
    (tmp_path / "there").write_text("")
    for name in [m for m in sys.modules if m.partition(".")[0] == "pip"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(Touched), isolated():
        action(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def test_afterwards_all_is_as_before(tmp_path: Path) -> None:
    with isolated():
        import colorsys  # the standard library may be loaded
    assert colorsys.rgb_to_yiq(0, 0, 0) == (0, 0, 0)
    write(tmp_path)
    assert (tmp_path / "made").exists()


def test_files_and_data_sets_are_unknown(tmp_path: Path) -> None:
    program = """
        import typedflux as flux
        reveal_type(flux.zeros((2, 3)) + flux.load("nothing.safetensors")["weight"])
        flux.save("made.safetensors", {"a": flux.zeros((3,))})
        """
    messages = check(tmp_path, {"main.py": program})
    assert [m for m in messages if "error" in m] == []
    assert not (tmp_path / "made.safetensors").exists()
    assert not (ROOT / "made.safetensors").exists()
