"""Attention: masks, biases, heads, what a query may see. `test_layers.py` checks gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.core.tree import leaves
from typedflux.ops.attention import join_heads, split_heads


def sample(*shape: int, seed: int = 0) -> Tensor:
    return flux.asarray(np.random.default_rng(seed).standard_normal(shape))


def boolean(*shape: int, seed: int = 0) -> Tensor:
    return flux.asarray(np.random.default_rng(seed).random(shape) < 0.7)


Q, K, V = sample(2, 3, 4), sample(2, 5, 4, seed=1), sample(2, 5, 6, seed=2)


def expected(q: Any, k: Any, v: Any, bias: Any = 0.0) -> tuple[Any, Any]:
    logits = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1]) + bias
    scores = scipy.special.softmax(logits, axis=-1)
    return scores @ v, scores


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_attention_is_its_formula(batch: tuple[int, ...]) -> None:
    q, k, v = sample(*batch, 3, 4), sample(*batch, 5, 4, seed=1), sample(*batch, 5, 6, seed=2)
    bias = sample(3, 5, seed=3)
    y, scores = flux.dot_product_attention(q, k, v, bias=bias, return_scores=True)
    wanted = expected(q.numpy(), k.numpy(), v.numpy(), bias.numpy())
    np.testing.assert_allclose(y.numpy(), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(scores.numpy(), wanted[1], rtol=1e-12)
    found = flux.dot_product_attention_scores(q, k, bias=bias)
    np.testing.assert_array_equal(found.numpy(), scores.numpy())


def test_a_mask_is_a_bias_of_minus_infinity() -> None:
    mask = boolean(2, 3, 5)
    bias = flux.where(mask, 0.0, -math.inf)
    masked = flux.dot_product_attention(Q, K, V, mask=mask)
    np.testing.assert_allclose(
        masked.numpy(), flux.dot_product_attention(Q, K, V, bias=bias).numpy(), rtol=1e-12
    )


@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16, flux.float32, flux.float64])
def test_a_query_that_may_see_nothing_gets_zeros(dtype: flux.DType) -> None:
    q, k, v = (x.astype(dtype) for x in (Q, K, V))
    mask = boolean(3, 5).at[1].set(False)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return flux.dot_product_attention(q, k, v, mask=mask)

    y = attend(q, k, v)
    assert y.dtype is dtype and not y.numpy()[:, 1].any() and y.numpy()[:, 0].all()
    grads = flux.gradient(lambda q, k, v: (attend(q, k, v) * 2).sum(), q, k, v)
    assert all(np.isfinite(g.numpy().astype(np.float64)).all() for g in grads)
    assert not grads[0].numpy()[:, 1].any()
    tangent = flux.jvp(attend, (q, k, v), (q, k, v))[1]
    assert np.isfinite(tangent.numpy().astype(np.float64)).all()


def test_what_is_masked_has_no_influence() -> None:
    mask = boolean(2, 3, 5).at[:, :, 2].set(False)
    poisoned = K.at[:, 2].set(1e30)
    np.testing.assert_array_equal(
        flux.dot_product_attention(Q, poisoned, V, mask=mask).numpy(),
        flux.dot_product_attention(Q, K, V, mask=mask).numpy(),
    )


def test_the_past_does_not_see_the_future() -> None:
    x = sample(2, 6, 8).astype(flux.float32)
    mha = nn.MultiHeadAttention(8, 2)
    y = mha(x, mask=flux.make_causal_mask(x))
    changed = x.at[:, 4:].add(1.0)
    z = mha(changed, mask=flux.make_causal_mask(x))
    np.testing.assert_allclose(y.numpy()[:, :4], z.numpy()[:, :4], rtol=1e-6)
    assert not np.allclose(y.numpy()[:, 4:], z.numpy()[:, 4:])


def test_causal_masks() -> None:
    np.testing.assert_array_equal(flux.make_causal_mask(4).numpy(), np.tri(4, dtype=bool))
    assert flux.make_causal_mask(flux.zeros((2, 5, 3))).shape == (5, 5)
    assert flux.make_causal_mask(flux.zeros((5, 2, 3)), axis=0).shape == (5, 5)
    assert flux.make_causal_mask(0).shape == (0, 0)


def test_heads_attend_by_themselves() -> None:
    v = sample(2, 5, 6, seed=2)
    y, scores = flux.dot_product_attention(Q, K, v, heads=2, return_scores=True)
    for i in range(2):
        q, k = Q.numpy()[..., 2 * i : 2 * i + 2], K.numpy()[..., 2 * i : 2 * i + 2]
        wanted = expected(q, k, v.numpy()[..., 3 * i : 3 * i + 3])
        np.testing.assert_allclose(y.numpy()[..., 3 * i : 3 * i + 3], wanted[0], rtol=1e-12)
        np.testing.assert_allclose(scores.numpy()[:, i], wanted[1], rtol=1e-12)
    np.testing.assert_array_equal(join_heads(split_heads(v, 3)).numpy(), v.numpy())


@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_masks_may_leave_out_heads_and_batch(batch: tuple[int, ...]) -> None:
    mha = nn.MultiHeadAttention(8, 2)
    q, k = (sample(*batch, n, 8, seed=n).astype(flux.float32) for n in (3, 5))
    full = boolean(*batch, 2, 3, 5)
    shared = boolean(*batch, 3, 5)
    plain = boolean(3, 5)
    everywhere = (*batch, 2, 3, 5)
    for mask, meant in (
        (full, full),
        (shared, flux.expand_dims(shared, axis=-3)),
        (plain, plain),
        (plain[:1], plain[:1]),
    ):
        wanted = mha(q, k, mask=flux.broadcast_to(meant, everywhere))
        np.testing.assert_allclose(mha(q, k, mask=mask).numpy(), wanted.numpy(), rtol=1e-6)
        bias = flux.where(mask, 0.0, -100.0)
        biased = mha(q, k, bias=bias)
        np.testing.assert_allclose(biased.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-6)


def test_keys_and_values_follow_from_what_is_given() -> None:
    mha = nn.MultiHeadAttention(8, 4)
    q, k = (sample(2, n, 8, seed=n).astype(flux.float32) for n in (3, 5))
    np.testing.assert_array_equal(mha(q).numpy(), mha(q, q, q).numpy())
    np.testing.assert_array_equal(mha(q, k).numpy(), mha(q, k, k).numpy())
    y, scores = mha(q, k, return_scores=True)
    assert y.shape == (2, 3, 8) and scores.shape == (2, 4, 3, 5)
    np.testing.assert_allclose(scores.numpy().sum(axis=-1), 1.0, rtol=1e-6)


def test_sizes_follow_from_one_another() -> None:
    mha = nn.MultiHeadAttention(8, 2, key=5, qk=6, bias=True)
    assert mha.q_proj.weight.shape == (6, 8) and mha.k_proj.weight.shape == (6, 5)
    assert mha.v_proj.weight.shape == (6, 5) and mha.out_proj.weight.shape == (8, 6)
    assert all(leaf.ndim < 2 or leaf.shape[0] in (6, 8) for leaf in leaves(mha))
    assert nn.MultiHeadAttention(8, 2, key=None, out=None).out_proj.weight.shape == (8, 8)
    assert len(leaves(mha)) == 8 and len(leaves(nn.MultiHeadAttention(8, 2))) == 4


def test_no_keys_and_no_queries() -> None:
    assert (
        flux.dot_product_attention(Q, K[:, :0], V[:, :0]).tolist() == np.zeros((2, 3, 6)).tolist()
    )
    assert flux.dot_product_attention(Q[:, :0], K, V).shape == (2, 0, 6)
    assert flux.dot_product_attention(Q[..., :0], K[..., :0], V).shape == (2, 3, 6)


def test_dropout_of_scores_in_training() -> None:
    mha = nn.MultiHeadAttention(8, 2, dropout=0.5)
    x = sample(2, 6, 8).astype(flux.float32)
    np.testing.assert_array_equal(mha(x).numpy(), mha(x).numpy())
    flux.trainmode(mha)
    flux.seed(3)
    y, scores = mha(x, return_scores=True)
    dropped = scores.numpy() == 0
    assert 0.2 < dropped.mean() < 0.8
    flux.seed(3)
    np.testing.assert_array_equal(mha(x).numpy(), y.numpy())
    halves = flux.dot_product_attention(Q, K, V, dropout=lambda s: s * 0.5)
    whole = flux.dot_product_attention(Q, K, V)
    np.testing.assert_allclose(halves.numpy() * 2, whole.numpy(), rtol=1e-12)
