"""The corpus of small programs: good ones are not blamed, planted bugs are reported in their line.

What the checker does not do yet is listed here, and the lists must be exact: who makes it find
more takes the names out. `python -m tests.mypy_plugin.corpus.measure FAMILY` shows the messages.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy_plugin.corpus.measure import Score, choose, measure
from tests.mypy_plugin.corpus.oracle import complaints

# Bugs that are not reported in their line, and why.
KNOWN_MISSES: dict[str, str] = {
    "blind_nets_skip_and_parallel_1": "reported where the layer is put into a Chain",
    "chains_parallel_paths_2": "a Parallel that begins a Chain gives an unknown shape",
    "branches_queue_of_pairs_3": "a list takes tensors of other shapes than its first",
    "arithmetic_triangular_indices_1": "a list takes tensors of other shapes than its first",
    "fresh_sequences_dynamic_memory_2": "a product with a missing batch axis fits",
    "fresh_classes_typed_batches_5": "a number and a size of a record may be equal",
    "fresh_classes_running_statistics_5": "an axis of size 1 that the program wrote never warns",
    "fresh_learning_ppo_loss_3": "an axis of size 1 that the program wrote never warns",
    "fresh_learning_full_training_loop_4": "an axis of size 1 that the program wrote never warns",
    "records_encoder_output_dict_4": "names of a result that no argument has are unknown",
    "records_branch_on_kind_1": "a size of a record and one of a function may be equal",
}

# Good programs that are blamed, and why.
KNOWN_ALARMS: dict[str, str] = {}

CHOSEN = choose(())


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Score]:
    folder = tmp_path_factory.mktemp("corpus")
    return measure(CHOSEN, folder, folder / "cache")[0]


def of(family: str, names: dict[str, str]) -> set[str]:
    return {name for name in names if name.startswith(f"{family}_")}


@pytest.mark.parametrize("family", CHOSEN)
def test_bugs_are_found(scores: dict[str, Score], family: str) -> None:
    missed = scores[family].missed
    assert set(missed) == of(family, KNOWN_MISSES), missed
    assert not scores[family].crashes


@pytest.mark.parametrize("family", CHOSEN)
def test_good_programs_are_not_blamed(scores: dict[str, Score], family: str) -> None:
    alarms = scores[family].alarms
    assert set(alarms) == of(family, KNOWN_ALARMS), alarms


@pytest.mark.parametrize("family", CHOSEN)
def test_programs_run_as_they_say(tmp_path: Path, family: str) -> None:
    assert complaints(CHOSEN[family], tmp_path) == {}
