"""Whole models: right as they are, and told apart from their mutants."""

from __future__ import annotations

import importlib

import pytest
from mypy import api

from tests.mypy_plugin import mutants
from tests.mypy_plugin.running import ROOT


@pytest.mark.parametrize("model", mutants.names())
def test_a_model_runs(model: str) -> None:
    importlib.import_module(f"tests.mypy_plugin.models.{model}").main()


def test_models_are_right() -> None:
    out, err, status = api.run(
        ["--config-file", str(ROOT / "mypy.ini"), str(mutants.MODELS), "--no-error-summary"]
    )
    assert (out, err, status) == ("", "", 0)


@pytest.mark.deep
@pytest.mark.parametrize("model", mutants.names())
def test_mutants_are_found(model: str) -> None:
    found = mutants.measured(model)
    broken = [m for m in found if m.fails is not None]
    missed = [m for m in broken if not m.messages]
    assert len(missed) <= 0.1 * len(broken), [f"{m.line}: {m.change}" for m in missed]
    for mutant in found:
        if mutant.fails is None:  # wrong all the same: an annotation inside says another size
            assert all("Incompatible types in assignment" in text for text in mutant.messages)
