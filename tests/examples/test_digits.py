"""The example, run as a program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import typedflux as flux

ROOT = Path(__file__).parents[2]
FILES = ["curves.png", "mistakes.png", "weights.safetensors"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", ROOT / "examples" / "digits.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(folder / ".matplotlib")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    with start(folder, *arguments) as process:
        out, err = process.communicate()
        return process.returncode, out, err


def test_it_trains_and_leaves_three_files(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    code, printed, shown = run(tmp_path, "--epochs", "1", "--out", str(out))
    assert code == 0, shown
    found = re.fullmatch(r"test accuracy (\d+\.\d\d) %\n", printed)
    assert found is not None, printed
    assert float(found[1]) > 80
    assert "epoch 1/1" in shown and "accuracy=" in shown
    assert sorted(os.listdir(out)) == FILES
    for name in FILES[:2]:
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert flux.load(out / FILES[2])["layers[0].weight"].shape == (32, 1, 3, 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".matplotlib", "new"]


def test_an_interruption_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(tmp_path, "--epochs", "50", "--out", str(out)) as process:
        assert process.stderr is not None
        shown = ""
        while "loss=" not in shown:  # the first steps have been taken
            piece = process.stderr.read(1)
            assert piece, f"it ended by itself: {shown}"
            shown += piece
        process.send_signal(signal.SIGINT)
        printed, shown = process.communicate()
        assert process.returncode == 130
    assert printed == ""
    assert shown.endswith("interrupted\n") and "Traceback" not in shown
    assert os.listdir(out) == []


def test_help_says_what_it_does(tmp_path: Path) -> None:
    code, printed, shown = run(tmp_path, "--help")
    assert (code, shown) == (0, "")
    for word in ("usage: digits.py", "--epochs", "--seed", "--out", "weights.safetensors"):
        assert word in printed


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--epoch-count", "3"], "error: unrecognized arguments: --epoch-count 3"),
        (["--epochs", "many"], "error: argument --epochs: invalid positive value: 'many'"),
        (["--epochs", "0"], "error: argument --epochs: at least 1, got 0"),
        (["--out", "a-file/below"], "error: argument --out: "),
    ],
)
def test_bad_options_give_one_line(arguments: list[str], text: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    code, printed, shown = run(tmp_path, *arguments)
    assert (code, printed) == (2, "")
    assert text in shown.splitlines()[-1]
    assert "Traceback" not in shown
