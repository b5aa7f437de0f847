"""Scaled dot-product attention (Vaswani et al., "Attention is all you need", 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

from typedflux import dtypes, ops
from typedflux.ops.creation import as_shape
from typedflux.ops.data_types import finfo
from typedflux.ops.families import promote_operands
from typedflux.ops.reporting import reports
from typedflux.shapes.broadcasting import require_broadcastable_to
from typedflux.shapes.dims import Dimension, require_equal
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Tensor

Noise = Callable[[Tensor], Tensor]


@overload
def dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, /, *, bias: Tensor | None = None, mask: Tensor | None = None,
    heads: int | None = None, dropout: Noise | None = None, return_scores: Literal[False] = False,
) -> Tensor: ...  # fmt: skip
@overload
def dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, /, *, bias: Tensor | None = None, mask: Tensor | None = None,
    heads: int | None = None, dropout: Noise | None = None, return_scores: Literal[True],
) -> tuple[Tensor, Tensor]: ...  # fmt: skip
def dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    /,
    *,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    heads: int | None = None,
    dropout: Noise | None = None,
    return_scores: bool = False,
) -> Any:
    """`softmax(q @ k.mT / sqrt(d) + bias) @ v`: for each query a mean of the values, weighted by
    how well its key fits.

    Args:
        q: queries, `"*batch queries d"`.
        k: keys, `"*batch keys d"`.
        v: values, `"*batch keys dv"`.
        bias: added to the logits; broadcasts to `"*batch queries keys"`.
        mask: boolean, true where a query may look at a key; broadcasts likewise. A query that may
            look at none gets zeros.
        heads: how many heads the last axes are divided into, each attending by itself. Bias and
            mask then broadcast to `"*batch heads queries keys"`.
        dropout: applied to the scores, such as a `nn.Dropout`.
        return_scores: whether to return the pair of result and scores.

    Returns:
        `"*batch queries dv"`, and with `return_scores` the weights of the values.

    Raises:
        ShapeError: when sizes disagree, or the features do not divide into the heads.
        DTypeError: when an operand is not floating-point, or the mask not boolean.

    >>> q, k, v = ops.ones((2, 3, 4)), ops.ones((2, 5, 4)), ops.ones((2, 5, 7))
    >>> dot_product_attention(q, k, v).shape
    (2, 3, 7)
    """
    q, k, v = promote_operands("dot_product_attention", (q, k, v), dtypes.Float)
    y, scores = _attend(q, k, v, bias, mask, heads, dropout)
    return (y, scores) if return_scores else y


@reports("dot_product_attention")
def _attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    heads: int | None,
    dropout: Noise | None,
) -> tuple[Tensor, Tensor]:
    scores = _scores(q, k, bias, mask, heads, dropout)
    _check_rank("v", v)
    require_equal(
        k.shape[-2],
        v.shape[-2],
        lambda: f"there are {k.shape[-2]} keys but {v.shape[-2]} values",
    )
    if heads is None:
        return scores @ v, scores
    return join_heads(scores @ split_heads(v, heads, "v")), scores


def dot_product_attention_scores(
    q: Tensor,
    k: Tensor,
    /,
    *,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    heads: int | None = None,
    dropout: Noise | None = None,
) -> Tensor:
    """The weights of the values in `dot_product_attention`, which explains the arguments:
    `"*batch queries keys"`, or `"*batch heads queries keys"` with `heads`.

    >>> dot_product_attention_scores(ops.ones((1, 4)), ops.ones((2, 4)))
    Tensor([[0.5, 0.5]], float32)
    """
    q, k = promote_operands("dot_product_attention_scores", (q, k), dtypes.Float)
    return reports("dot_product_attention_scores")(_scores)(q, k, bias, mask, heads, dropout)


def _scores(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    mask: Tensor | None,
    heads: int | None,
    dropout: Noise | None,
) -> Tensor:
    _check_rank("q", q)
    _check_rank("k", k)
    require_equal(
        q.shape[-1],
        k.shape[-1],
        lambda: f"queries have {q.shape[-1]} features but keys {k.shape[-1]}",
    )
    if heads is not None:
        q, k = split_heads(q, heads, "q"), split_heads(k, heads, "k")
    logits = (q * _scale(q)) @ k.mT
    if bias is not None:
        _check_fits("bias", bias, logits)
        logits = logits + bias
    if mask is None:
        scores = ops.softmax(logits, axis=-1)
    else:
        if dtypes.belongs(mask.dtype, dtypes.bool_) is False:
            raise DTypeError(
                f"the mask is boolean, true where a query may look; got {mask.dtype}: compare it, "
                "as in mask != 0, or give numbers to be added as bias"
            )
        _check_fits("mask", mask, logits)
        # A finite number, so that a row without any key is no 0 / 0; it is zeroed below.
        logits = ops.where(mask, logits, _lowest(logits))
        scores = ops.where(mask, ops.softmax(logits, axis=-1), 0)
    return scores if dropout is None else dropout(scores)


def _check_rank(name: str, x: Tensor) -> None:
    if x.ndim < 2:
        raise ShapeError(f"{name} needs 2 axes or more, a time and features; it has {x.ndim}")


def _check_fits(name: str, x: Tensor, logits: Tensor) -> None:
    try:
        require_broadcastable_to(x.shape, logits.shape)
    except ShapeError as error:
        raise ShapeError(f"the {name} has a value for each query and key: {error}") from None


def _scale(q: Tensor) -> float | Tensor:
    features: Dimension = q.shape[-1]
    if isinstance(features, int):
        return 1 / math.sqrt(max(features, 1))
    return ops.rsqrt(ops.astype(ops.asarray(features), q.dtype))


def _lowest(x: Tensor) -> float:
    return finfo(x.dtype).min if isinstance(x.dtype, dtypes.DType) else -math.inf


def split_heads(x: Tensor, heads: int, name: str = "x") -> Tensor:
    """`"*batch time heads*d"` as `"*batch heads time d"`.

    Raises:
        ShapeError: when the last axis does not divide into the heads.
    """
    if isinstance(heads, bool) or not isinstance(heads, int) or heads < 1:
        raise ValueError(f"heads is an int of 1 or more, got {heads!r}")
    features: Dimension = x.shape[-1]
    require_equal(
        features % heads,
        0,
        lambda: f"the {features} features of {name} do not divide into {heads} heads",
    )
    parts: Any = (*x.shape[:-1], heads, features // heads)
    return ops.moveaxis(ops.reshape(x, parts), -2, -3)


def join_heads(x: Tensor) -> Tensor:
    """`"*batch heads time d"` as `"*batch time heads*d"`: the opposite of `split_heads`."""
    x = ops.moveaxis(x, -3, -2)
    return ops.reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))


@reports("make_causal_mask")
def make_causal_mask(x: Tensor | int, /, *, axis: int = -2) -> Tensor:
    """The mask `"time time"` that lets each step look at itself and the steps before.

    Args:
        x: a sequence, `"*batch time d"`, or the number of its steps.
        axis: that of time.

    Raises:
        ShapeError: when the axis does not exist.

    >>> make_causal_mask(3).tolist()
    [[True, False, False], [True, True, False], [True, True, True]]
    """
    time: Any = x.shape[normalize_axis(axis, x.ndim)] if isinstance(x, Tensor) else as_shape(x)[0]
    steps = ops.arange(time)
    return ops.greater_equal(ops.expand_dims(steps, axis=1), steps)
