"""Operations that are more than one step become the steps: what is left is one kernel, or one
expression, each.

The steps are those of the kernels, so that they overflow, underflow and give nan where these do.
What works along an axis keeps it, with size 1, so that the steps are those of one row.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from typedflux import dtypes, ops
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.rewriting import Rewrites, Rule, rewrite
from typedflux.core.graph import Graph
from typedflux.core.primitive import Primitive
from typedflux.ops.activations import elu_p, gelu_gate, gelu_tanh_p, leakyrelu_p, logcosh_p
from typedflux.ops.arithmetic import reciprocal_p, square_p
from typedflux.ops.creation import arange_p, full_p
from typedflux.ops.crossentropy import (
    logitcrossentropy_p,
    pick_labels_p,
    place_labels_p,
    subtract_labels_p,
    with_weights_p,
)
from typedflux.ops.gathering import one_hot_p
from typedflux.ops.loss_terms import logit_term_p, mean_square_p, weighted_p
from typedflux.ops.manipulation import broadcast_to_p, reshape_p
from typedflux.ops.reductions import sum_p
from typedflux.ops.scattering import gather_p
from typedflux.ops.softmax import logsoftmax_p, logsumexp_p, softmax_p
from typedflux.ops.special import xlogx_p, xlogy_p
from typedflux.ops.statistics import max_p, mean_p
from typedflux.shapes.dims import is_fixed, product
from typedflux.tensor import wrap

_INDEX: Final = dtypes.int32
"""The dtype in which positions along an axis are compared with labels."""


def _total(x: Any, axis: tuple[int, ...], keepdims: bool = True) -> Any:
    return sum_p.bind(x, axis=axis, keepdims=keepdims)


def _dropped(x: Any, axis: tuple[int, ...]) -> Any:
    """`x` without axes of size 1."""
    return reshape_p.bind(x, shape=tuple([n for i, n in enumerate(x.shape) if i not in axis]))


def _restored(x: Any, axis: int) -> Any:
    """`x` with an axis of size 1."""
    return reshape_p.bind(x, shape=(*x.shape[:axis], 1, *x.shape[axis:]))


def widened(x: Any) -> Any:
    """A float of two bytes as float32: it has too few digits for sums."""
    return ops.astype(x, dtypes.float32) if is_half(x) else x


def is_half(x: Any) -> bool:
    """Whether it is a float of two bytes."""
    return bool(x.dtype.is_floating and x.dtype.bits == 16)


# Softmax and its relatives


def _shifted(x: Any, axis: tuple[int, ...]) -> tuple[Any, Any] | None:
    """`x` less its largest value, and that value, 0 where it is infinite."""
    if any(is_fixed(x.shape[a], 0) for a in axis):
        return None  # there is no largest value of nothing
    peak = max_p.bind(x, axis=axis, keepdims=True)
    peak = ops.where(ops.isfinite(peak), peak, 0)
    return ops.subtract(x, peak), peak


def _softmax(x: Any, *, axis: int) -> Any:
    shifted = _shifted(x, (axis,))
    if shifted is None:
        return None
    weights = ops.exp(shifted[0])
    # the total is at least 1: one division for each row is enough
    return ops.multiply(weights, ops.divide(1, _total(weights, (axis,))))


def _logsoftmax(x: Any, *, axis: int) -> Any:
    shifted = _shifted(x, (axis,))
    if shifted is None:
        return None
    return ops.subtract(shifted[0], ops.log(_total(ops.exp(shifted[0]), (axis,))))


def _logsumexp(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    found = _shifted(x, axis)
    if found is None:
        return None
    shifted, peak = found
    out = ops.add(ops.log(_total(ops.exp(shifted), axis)), peak)
    return out if keepdims else _dropped(out, axis)


# Labels: comparisons with the positions along the axis of classes, which fuse with what is around


def _chosen(labels: Any, size: Any, axis: int) -> Any:
    """Whether an element is its row's label; broadcasts to the shape with the axis of classes.

    Each label is looked up among the positions, so that one that is no class is an error.
    """
    places = arange_p.bind(start=0, step=1, size=size, dtype=_INDEX)
    index = labels if labels.dtype.kind == "uint" else _from_the_start(labels, size)
    found = gather_p.bind(places, index, axes=(0,), place=0)
    rank = labels.ndim + 1
    places = reshape_p.bind(places, shape=(*(1,) * axis, size, *(1,) * (rank - axis - 1)))
    return ops.equal(places, _restored(found, axis))


def _from_the_start(labels: Any, size: Any) -> Any:
    """Labels as indices that do not count from the end where they are negative."""
    return ops.where(ops.less(labels, 0), size, labels)


def _pick(x: Any, labels: Any, axis: int) -> Any:
    """The elements at the labels, the axis kept."""
    chosen = _chosen(labels, x.shape[axis], axis)
    return _total(ops.where(chosen, x, 0), (axis,))


def _pick_labels(x: Any, labels: Any, *, axis: int) -> Any:
    if x.dtype == dtypes.bool_ or is_fixed(x.shape[axis], 0):
        return None
    return _dropped(_pick(x, labels, axis), (axis,))


def _place_labels(g: Any, labels: Any, *, size: Any, axis: int) -> Any:
    return ops.where(_chosen(labels, size, axis), _restored(g, axis), 0)


def _subtract_labels(weights: Any, labels: Any, g: Any, *, axis: int) -> Any:
    chosen = _chosen(labels, weights.shape[axis], axis)
    row = _restored(g, axis)
    return ops.subtract(ops.multiply(weights, row), ops.where(chosen, row, 0))


def _one_hot(labels: Any, *, size: Any, dtype: Any) -> Any:
    return ops.astype(_chosen(labels, size, labels.ndim), dtype)


def _losses(x: Any, labels: Any, axis: int) -> tuple[Any, Any, Any] | None:
    """The losses; the exponentials by class, and their sums, the axis kept."""
    wide = widened(x)
    found = _shifted(wide, (axis,))
    if found is None:
        return None
    shifted, _ = found
    weights = ops.exp(shifted)
    total = _total(weights, (axis,))
    losses = ops.subtract(ops.log(total), _pick(shifted, labels, axis))
    return ops.astype(_dropped(losses, (axis,)), x.dtype), weights, total


def _logitcrossentropy(x: Any, labels: Any, *, axis: int) -> Any:
    found = _losses(x, labels, axis)
    return None if found is None else found[0]


def _with_weights(x: Any, labels: Any, *, axis: int) -> Any:
    found = _losses(x, labels, axis)
    if found is None:
        return None
    losses, weights, total = found
    return losses, ops.astype(ops.divide(weights, total), x.dtype)


# Means


def _mean(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if x.dtype.is_complex:
        return None
    total = _total(widened(x), axis, keepdims)
    count: Any = product([x.shape[a] for a in axis])
    return ops.astype(ops.divide(total, count), x.dtype)


def _mean_square(x: Any, y: Any) -> Any:
    error = ops.subtract(widened(x), widened(y))
    axes = tuple(range(error.ndim))
    total = _total(ops.multiply(error, error), axes, keepdims=False)
    count: Any = product(x.shape)
    return ops.astype(ops.divide(total, count), x.dtype)


# Elementwise


def _weighted(x: Any, y: Any) -> Any:
    return ops.where(ops.equal(x, 0), 0, ops.multiply(x, y))


def _logit_term(x: Any, y: Any) -> Any:
    size = ops.abs(x)
    share = ops.where(ops.greater(x, 0), ops.subtract(1, y), y)
    cost = ops.where(ops.equal(share, 0), 0, ops.multiply(size, share))
    return ops.add(cost, ops.log1p(ops.exp(ops.negative(size))))


def _xlogy(x: Any, y: Any) -> Any:
    if x.dtype.is_complex:
        return None
    zero = ops.equal(x, 0)
    return ops.where(zero, 0, ops.multiply(x, ops.log(ops.where(zero, 1, y))))


def _leakyrelu(x: Any, y: Any) -> Any:
    return ops.where(ops.greater(x, 0), x, ops.multiply(y, x))


def _elu(x: Any, y: Any) -> Any:
    below = ops.multiply(y, ops.expm1(ops.minimum(x, 0)))
    return ops.where(ops.greater(x, 0), x, below)


def _gelu_tanh(x: Any) -> Any:
    """With the steps that its derivative has too."""
    return None if is_half(x) else ops.multiply(x, gelu_gate(x))


def _logcosh(x: Any) -> Any:
    size = ops.abs(x)
    tail = ops.log1p(ops.exp(ops.multiply(size, -2)))
    return ops.subtract(ops.add(size, tail), math.log(2))


def _square(x: Any) -> Any:
    return None if x.dtype.is_complex else ops.multiply(x, x)


def _reciprocal(x: Any) -> Any:
    return None if x.dtype.is_complex else ops.divide(1, x)


def _full(*, shape: Any, value: Any, dtype: Any) -> Any:
    if not shape:
        return None
    return broadcast_to_p.bind(wrap(np.asarray(value, dtype.dtype)), shape=shape)


def affine(x: Any, weight: Any, bias: Any) -> Any:
    """The rule for `affine` where a compiler has no kernel that adds the bias: not in `RULES`."""
    return ops.add(ops.matmul(x, ops.matrix_transpose(weight)), bias)


RULES: Final[dict[Primitive, Rule]] = {
    softmax_p: _softmax,
    logsoftmax_p: _logsoftmax,
    logsumexp_p: _logsumexp,
    pick_labels_p: _pick_labels,
    place_labels_p: _place_labels,
    subtract_labels_p: _subtract_labels,
    logitcrossentropy_p: _logitcrossentropy,
    with_weights_p: _with_weights,
    one_hot_p: _one_hot,
    mean_p: _mean,
    mean_square_p: _mean_square,
    weighted_p: _weighted,
    logit_term_p: _logit_term,
    xlogy_p: _xlogy,
    xlogx_p: lambda x: _xlogy(x, x),
    leakyrelu_p: _leakyrelu,
    elu_p: _elu,
    gelu_tanh_p: _gelu_tanh,
    logcosh_p: _logcosh,
    square_p: _square,
    reciprocal_p: _reciprocal,
    full_p: _full,
}


def decompose(graph: Graph) -> Graph:
    """The graph with operations of several steps as their steps."""
    rules = {primitive: (rule,) for primitive, rule in RULES.items()}
    return rewrite(graph, Rewrites(rules, finish=drop_dead))
