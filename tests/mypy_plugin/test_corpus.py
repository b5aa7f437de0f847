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
    "linear_regression_gradient": "not reported",
    "linear_two_layers_by_hand_1": "not reported",
    "linear_two_layers_by_hand_2": "not reported",
    "linear_covariance": "not reported",
    "linear_power_iteration": "not reported",
    "linear_mlp_module_1": "not reported",
    "linear_mlp_module_2": "not reported",
    "linear_dense_literal_sizes_1": "not reported",
    "linear_dense_literal_sizes_2": "not reported",
    "linear_kernel_ridge_1": "not reported",
    "linear_kernel_ridge_2": "not reported",
    "linear_batched_products_1": "not reported",
    "linear_batched_products_2": "not reported",
    "linear_low_rank_1": "not reported",
    "linear_low_rank_2": "not reported",
    "linear_quadratic_forms": "not reported",
    "linear_calls_with_keywords_1": "not reported",
    "linear_calls_with_keywords_2": "not reported",
    "linear_gram_schmidt": "not reported",
    "linear_bilinear_scores": "not reported",
    "linear_tied_autoencoder": "not reported",
    "broadcasting_standardise": "not reported",
    "broadcasting_pairwise_differences": "not reported",
    "broadcasting_softmax_by_hand": "not reported",
    "broadcasting_batch_norm_by_hand": "not reported",
    "broadcasting_positional_encoding": "not reported",
    "broadcasting_normalise_images": "not reported",
    "broadcasting_mask_by_length": "not reported",
    "broadcasting_mixup": "no tensor-broadcast warning yet",
    "broadcasting_literal_sizes_1": "not reported",
    "broadcasting_literal_sizes_2": "not reported",
    "broadcasting_outer_by_hand": "not reported",
    "broadcasting_where_three": "not reported",
    "broadcasting_gaussian_log_density_1": "not reported",
    "broadcasting_gaussian_log_density_2": "not reported",
    "broadcasting_feature_scale": "not reported",
    "broadcasting_temperature_per_head": "not reported",
    "reductions_row_means": "not reported",
    "reductions_axis_out_of_range": "not reported",
    "reductions_layer_norm_by_hand": "not reported",
    "reductions_global_pool_then_classify": "not reported",
    "reductions_accuracy_per_class": "not reported",
    "reductions_confusion": "not reported",
    "reductions_weighted_mean": "not reported",
    "reductions_instance_norm": "not reported",
    "reductions_kmeans_step": "not reported",
    "reductions_mean_of_squares": "not reported",
    "reductions_log_sum_exp": "not reported",
    "reductions_gram_matrix_style_loss": "not reported",
    "reductions_top_two_margin": "not reported",
    "reductions_running_statistics": "not reported",
    "reshaping_flatten_images": "not reported",
    "reshaping_split_heads": "not reported",
    "reshaping_minus_one": "not reported",
    "reshaping_minus_one_then_dense": "not reported",
    "reshaping_patches_1": "not reported",
    "reshaping_patches_2": "not reported",
    "reshaping_squeeze_last": "not reported",
    "reshaping_squeeze_forgotten": "not reported",
    "reshaping_image_grid": "not reported",
    "reshaping_windows_of_signal": "not reported",
    "reshaping_merge_batch_and_time": "not reported",
    "reshaping_expand_and_tile": "not reported",
    "reshaping_literals_only_1": "not reported",
    "reshaping_literals_only_2": "not reported",
    "reshaping_literals_only_3": "not reported",
    "reshaping_decoder_from_code": "not reported",
    "reshaping_group_channels": "not reported",
    "reshaping_alias_flatten": "not reported",
    "permutations_channels_first": "not reported",
    "permutations_attention_by_einsum": "not reported",
    "permutations_einsum_rank": "not reported",
    "permutations_einsum_result": "not reported",
    "permutations_rearrange_heads_1": "not reported",
    "permutations_rearrange_heads_2": "not reported",
    "permutations_rearrange_order": "not reported",
    "permutations_reduce_pool_1": "not reported",
    "permutations_reduce_pool_2": "not reported",
    "permutations_repeat_pattern": "not reported",
    "permutations_transpose_method": "not reported",
    "permutations_wrong_number_of_axes": "not reported",
    "permutations_moveaxis": "not reported",
    "permutations_token_mixing": "not reported",
    "permutations_linear_algebra_einsum_1": "not reported",
    "permutations_linear_algebra_einsum_2": "not reported",
    "permutations_literal_tensors_1": "not reported",
    "permutations_literal_tensors_2": "not reported",
    "permutations_tensordot_axes": "not reported",
    "joining_skip_features": "not reported",
    "joining_unet_skip": "not reported",
    "joining_stack_ranks": "not reported",
    "joining_stack_different": "not reported",
    "joining_split_qkv": "not reported",
    "joining_split_unequal": "not reported",
    "joining_split_at": "not reported",
    "joining_concat_rank_1": "not reported",
    "joining_concat_rank_2": "not reported",
    "joining_dense_block": "not reported",
    "joining_list_of_steps": "not reported",
    "joining_literal_concat_1": "not reported",
    "joining_literal_concat_2": "not reported",
    "joining_inception": "not reported",
    "joining_stack_loop": "not reported",
    "joining_unstack_channels": "not reported",
    "joining_contrastive_pairs": "not reported",
    "indexing_last_step": "not reported",
    "indexing_slices_of_sequence": "not reported",
    "indexing_too_many_indices": "not reported",
    "indexing_out_of_bounds": "not reported",
    "indexing_new_axis_place": "not reported",
    "indexing_crop": "not reported",
    "indexing_every_second": "not reported",
    "indexing_boolean_mask": "not reported",
    "indexing_gather_rows": "not reported",
    "indexing_pick_labels": "not reported",
    "indexing_take_along_1": "not reported",
    "indexing_take_along_2": "not reported",
    "indexing_update_at": "not reported",
    "indexing_unpacked_shape": "not reported",
    "indexing_sliding_window_1": "not reported",
    "indexing_sliding_window_2": "not reported",
    "indexing_ellipsis_literals_1": "not reported",
    "indexing_ellipsis_literals_2": "not reported",
    "indexing_ellipsis_literals_3": "not reported",
    "convolutions_lenet_flatten": "not reported",
    "convolutions_wrong_channels": "not reported",
    "convolutions_missing_padding": "not reported",
    "convolutions_residual_block": "not reported",
    "convolutions_strided_residual": "not reported",
    "convolutions_functional_conv": "not reported",
    "convolutions_functional_arithmetic": "not reported",
    "convolutions_one_dimensional": "not reported",
    "convolutions_missing_batch_axis": "not reported",
    "convolutions_upsample_then_concat": "not reported",
    "convolutions_grouped_convolution": "not reported",
    "convolutions_pool_before_reshape": "not reported",
    "convolutions_adaptive_pool": "not reported",
    "convolutions_patch_embedding": "not reported",
    "convolutions_kernel_too_large": "not reported",
    "attention_scaled_dot_product_1": "not reported",
    "attention_scaled_dot_product_2": "not reported",
    "attention_causal_mask": "not reported",
    "attention_multi_head_by_hand": "not reported",
    "attention_merged_heads_forgotten": "not reported",
    "attention_layer_sizes": "not reported",
    "attention_cross_attention": "not reported",
    "attention_padding_mask": "not reported",
    "attention_relative_bias": "not reported",
    "attention_package_function_1": "not reported",
    "attention_package_function_2": "not reported",
    "attention_key_value_cache_1": "not reported",
    "attention_key_value_cache_2": "not reported",
    "attention_scores_of_layer": "not reported",
    "attention_linear_attention_1": "not reported",
    "attention_linear_attention_2": "not reported",
    "attention_gpt_embedding": "not reported",
    "attention_pooled_by_query": "not reported",
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
