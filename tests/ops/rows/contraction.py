"""Products of matrices and tensors, and attention: against numpy and scipy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from scipy import special

from tests.ops.row import (
    ALL,
    FLOATS,
    NUMBERS,
    Array,
    Operands,
    Random,
    Row,
    always,
    numbers,
    of_pairs,
    of_shapes,
)
from typedflux import dtypes, ops
from typedflux.ops.orthonormal import orthonormal

# Sums of products: the error grows with their number.
_SUMS: Final = 16


def _einsum(equation: str, *shapes: Any, reference: str | None = None, **more: Any) -> Row:
    letters = reference or equation

    def compare(*xs: Array) -> Any:
        return np.einsum(letters, *xs)

    return Row(
        f"einsum {equation}", lambda *xs: ops.einsum(equation, *xs), of_pairs(shapes), compare,
        NUMBERS, tolerance=_SUMS, **more,
    )  # fmt: skip


def _orthonormal(x: Array) -> Array:
    tall = x if x.shape[0] >= x.shape[1] else x.T
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diagonal(r))
    return np.asarray(q if tall is x else q.T)


MATRICES: Final = [
    Row("matmul", ops.matmul,
        of_pairs(((2, 3), (3, 4)), ((1, 3), (3, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
                 ((40, 3), (3, 2))),
        np.matmul, NUMBERS, tolerance=_SUMS, promotes=True),
    Row("matmul vectors", ops.matmul,
        of_pairs(((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 4, 3), (3,)),
                 ((3,), (2, 3, 4)), ((0,), (0,))),
        np.matmul, NUMBERS, tolerance=_SUMS),
    Row("matmul stacks", ops.matmul,
        of_pairs(((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4)),
                 ((2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 1)), ((0, 2, 3), (3, 4)),
                 ((1, 2, 3), (3, 4))),
        np.matmul, NUMBERS, tolerance=_SUMS),
    Row("affine", ops.affine,
        of_pairs(((2, 3), (4, 3), (4,)), ((3,), (4, 3), (4,)), ((2, 5, 3), (1, 3), (1,)),
                 ((0, 3), (4, 3), (4,)), ((2, 0), (4, 0), (4,)), ((40, 3), (0, 3), (0,))),
        lambda x, w, b: x @ w.T + b, NUMBERS, tolerance=_SUMS),
    Row("matmul transposed", lambda x, y: x.mT @ y.mT, of_pairs(((3, 2), (4, 3))),
        lambda x, y: x.T @ y.T, NUMBERS, tolerance=_SUMS),
    Row("init.orthonormal", orthonormal, of_shapes((3, 4), (4, 3), (2, 2)), _orthonormal, FLOATS,
        tolerance=_SUMS, refuses=False, differentiable=(), resizable=False),
    Row("vecdot", ops.vecdot, of_pairs(((2, 3), (3,)), ((3,), (3,)), ((4, 1, 3), (2, 3)),
                                       ((2, 0), (2, 0))),
        np.vecdot, NUMBERS, tolerance=_SUMS, promotes=True),
    Row("vecdot axis", lambda x, y: ops.vecdot(x, y, axis=-2), of_pairs(((2, 3, 4), (3, 1))),
        lambda x, y: np.vecdot(np.swapaxes(x, -1, -2), np.swapaxes(y, -1, -2)), NUMBERS,
        tolerance=_SUMS),
    Row("outer", ops.outer, of_pairs(((3,), (4,)), ((0,), (2,))), np.outer, NUMBERS,
        promotes=True),
    Row("tensordot", ops.tensordot, of_pairs(((2, 3, 4), (3, 4, 5)), ((3, 4), (3, 4))),
        lambda x, y: np.tensordot(x, y, 2), NUMBERS, tolerance=_SUMS, promotes=True),
    Row("tensordot none", lambda x, y: ops.tensordot(x, y, axes=0), of_pairs(((2, 3), (4,))),
        lambda x, y: np.tensordot(x, y, 0), NUMBERS),
    Row("tensordot pairs", lambda x, y: ops.tensordot(x, y, axes=((0, -1), (1, 0))),
        of_pairs(((2, 3, 4), (4, 2, 5)), ((0, 3, 4), (4, 0, 5))),
        lambda x, y: np.tensordot(x, y, ((0, -1), (1, 0))), NUMBERS, tolerance=_SUMS),
    _einsum("ij,jk->ik", (2, 3), (3, 4)),
    _einsum("bqd,bkd->bqk", (2, 3, 4), (2, 5, 4)),
    _einsum("b q d, b k d -> b q k", (2, 3, 4), (2, 5, 4), reference="bqd,bkd->bqk"),
    _einsum("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    _einsum("ii->i", (3, 3)),
    _einsum("ij->j", (2, 3)),
    _einsum("i,j", (2,), (3,)),
    _einsum("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    _einsum("ijk,k->ij", (2, 3, 4), (4,)),
]  # fmt: skip


def _softmax(logits: Array) -> Array:
    return np.asarray(special.softmax(logits, axis=-1))


def _scores(q: Array, k: Array) -> Array:
    return _softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]))


def _attend(q: Array, k: Array, v: Array) -> Array:
    return np.asarray(_scores(q, k) @ v)


def _masked(q: Array, k: Array, v: Array, mask: Array) -> Array:
    logits = np.where(mask, q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), -1e30)
    return np.asarray(np.where(mask, _softmax(logits), 0) @ v)


def _heads(q: Array, k: Array, v: Array) -> Array:
    parts = [np.split(x, 2, -1) for x in (q, k, v)]
    return np.concatenate([_attend(*part) for part in zip(*parts, strict=True)], -1)


def _with_mask(random: Random) -> list[Operands]:
    mask = np.array([[True, False, True, True], [False] * 4, [True] * 4])
    return [(numbers(random, 2, 3, 5), numbers(random, 2, 4, 5), numbers(random, 2, 4, 2), mask)]


_QKV: Final = (
    ((2, 3, 4), (2, 5, 4), (2, 5, 6)),
    ((3, 4), (1, 4), (1, 2)),
    ((1, 2), (4, 2), (4, 1)),
)

ATTENTION: Final = [
    Row("dot_product_attention", ops.dot_product_attention, of_pairs(*_QKV), _attend, FLOATS,
        tolerance=_SUMS),
    Row("dot_product_attention mask",
        lambda q, k, v, mask: ops.dot_product_attention(q, k, v, mask=mask), _with_mask, _masked,
        FLOATS, tolerance=_SUMS),
    Row("dot_product_attention bias", lambda q, k, v, b: ops.dot_product_attention(q, k, v, bias=b),
        of_pairs(((2, 3, 4), (2, 5, 4), (2, 5, 6), (3, 5))),
        lambda q, k, v, b: _softmax(q @ np.swapaxes(k, -1, -2) / 2 + b) @ v, FLOATS,
        tolerance=_SUMS),
    Row("dot_product_attention heads", lambda *qkv: ops.dot_product_attention(*qkv, heads=2),
        of_pairs(((2, 3, 4), (2, 5, 4), (2, 5, 6))), _heads, FLOATS, tolerance=_SUMS,
        fixed={i: (-1,) for i in range(3)}),
    Row("dot_product_attention_scores", ops.dot_product_attention_scores,
        of_pairs(((2, 3, 4), (2, 5, 4))), _scores, FLOATS, tolerance=_SUMS),
    Row("make_causal_mask", ops.make_causal_mask, of_shapes((3, 4), (2, 3, 2), (1, 2)),
        lambda x: np.tril(np.ones((x.shape[-2],) * 2, bool)), ALL, always(dtypes.bool_),
        differentiable=()),
]  # fmt: skip

ROWS: Final = [*MATRICES, *ATTENTION]
