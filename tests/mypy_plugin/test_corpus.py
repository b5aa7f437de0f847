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
    "broadcasting_mixup": "no tensor-broadcast warning yet",
    "reductions_top_two_margin": "not reported",
    "joining_multi_scale_crops_1": "not reported",
    "indexing_update_at": "not reported",
    "indexing_replay_buffer_2": "not reported",
    "indexing_token_dropping_1": "not reported",
    "indexing_patch_swap_1": "not reported",
    "chains_scale_and_maxout_1": "reported elsewhere",
    "branches_optional_parts_1": "not reported",
    "branches_optional_parts_2": "not reported",
    "branches_optional_parts_3": "not reported",
    "branches_queue_of_pairs_2": "not reported",
    "branches_queue_of_pairs_3": "not reported",
    "transformations_newton_step": "not reported",
    "transformations_batched_function": "not reported",
    "arithmetic_triangular_indices_1": "not reported",
    "silent_targets_without_axis": "not reported",
    "silent_dense_output": "not reported",
    "silent_row_normalisation": "not reported",
    "silent_binary_accuracy": "not reported",
    "silent_advantage": "not reported",
    "silent_weights_per_example": "not reported",
    "silent_written_axes": "not reported",
    "silent_literal_batch": "not reported",
    "silent_gradient_penalty": "not reported",
    "silent_per_sample_mask": "not reported",
    "silent_batch_of_images": "not reported",
    "silent_log_likelihood": "not reported",
    "silent_maximum_of_two": "not reported",
    "silent_dqn": "not reported",
    "silent_regression_head": "not reported",
    "silent_huber": "not reported",
    "silent_importance_weights": "not reported",
    "silent_in_place_update": "not reported",
    "silent_class_with_column": "not reported",
    "silent_functions_of_two": "not reported",
    "idioms_running_average_with_none": "reported elsewhere",
}

# Good programs that are blamed, and why.
KNOWN_ALARMS: dict[str, str] = {
    "reductions_accuracy_per_class": "names in a string of Size",
    "recurrent_char_generation_1": "",
}

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
