"""A run that was saved and goes on in a fresh process ends where an uninterrupted one does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import typedflux as flux

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("resuming.py")


def run(file: Path, first: int, last: int, mode: str) -> None:
    subprocess.run(
        [sys.executable, PROGRAM, file, str(first), str(last), mode],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )


@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path, mode: str) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    run(whole, 0, 4, mode)
    run(cut, 0, 3, mode)
    middle = flux.load(cut)
    run(cut, 3, 4, mode)
    expected, got = flux.load(whole), flux.load(cut)
    assert list(expected) == list(got)
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype
        np.testing.assert_array_equal(got[name].numpy(), tensor.numpy(), err_msg=name)
    changed = [n for n in expected if not np.array_equal(middle[n].numpy(), expected[n].numpy())]
    assert "rng.state" in changed and "model.layers[1].mean" in changed
    assert "model.layers[4].weight" not in changed, "what was frozen thawed"
