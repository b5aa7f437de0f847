"""Attention with several heads."""

from __future__ import annotations

from typing import Any, Generic, Literal, overload

from jaxtyping import Bool, Float
from typing_extensions import TypeVar

from typedflux import init as initialisers
from typedflux import ops
from typedflux.checks import Size
from typedflux.checks.class_dims import bind_dims
from typedflux.init import Initialiser
from typedflux.nn.dense import Dense
from typedflux.nn.module import Module
from typedflux.nn.regularisation import Dropout
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

Q = TypeVar("Q", default=Any)
K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)
Out = TypeVar("Out", default=Any)


class MultiHeadAttention(Module, Generic[Q, K, V, Out]):
    """Attention by `heads` heads, each with its own projections of queries, keys and values
    (Vaswani et al., 2017).

    `mha(q)` is self-attention, `mha(q, kv)` attends to another sequence, and in `mha(q, k, v)` the
    values come from a third.

    Args:
        size: features of the queries, and of whatever has no size of its own below.
        heads: they divide the projected features.
        key: features of the keys that come in.
        value: features of the values that come in; those of the keys by default.
        qk: features of queries and keys after their projection, all heads together.
        v: features of values after their projection, all heads together; `qk` by default.
        out: features of the result.
        bias: whether the four projections have one.
        dropout: the probability of dropping a score in training.

    Raises:
        ShapeError: when the projected features do not divide into the heads.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> mha = nn.MultiHeadAttention(8, heads=2)
    >>> x, context = flux.randn((3, 5, 8)), flux.randn((3, 7, 8))
    >>> mha(x, mask=flux.make_causal_mask(x)).shape, mha(x, context).shape
    ((3, 5, 8), (3, 5, 8))
    >>> mha(x, context, return_scores=True)[1].shape
    (3, 2, 5, 7)
    """

    @overload
    def __init__(
        self: MultiHeadAttention[Q, Q, Q, Q], size: Size[Q], heads: int = 8, *,
        qk: int | None = None, v: int | None = None, bias: bool = False, dropout: float = 0.0,
        init: Initialiser = ...,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: MultiHeadAttention[Q, K, K, Q], size: Size[Q], heads: int = 8, *, key: Size[K],
        qk: int | None = None, v: int | None = None, bias: bool = False, dropout: float = 0.0,
        init: Initialiser = ...,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self, size: Size[Q], heads: int = 8, *, key: Size[K] | None = None,
        value: Size[V] | None = None, qk: int | None = None, v: int | None = None,
        out: Size[Out] | None = None, bias: bool = False, dropout: float = 0.0,
        init: Initialiser = ...,
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        size: Size[Q],
        heads: int = 8,
        *,
        key: Size[K] | None = None,
        value: Size[V] | None = None,
        qk: int | None = None,
        v: int | None = None,
        out: Size[Out] | None = None,
        bias: bool = False,
        dropout: float = 0.0,
        init: Initialiser = initialisers.glorot_uniform,
    ) -> None:
        key = size if key is None else key
        value = key if value is None else value
        qk = size if qk is None else qk
        v = qk if v is None else v
        for what, features in (("queries and keys", qk), ("values", v)):
            if heads < 1 or features % heads:
                raise ShapeError(
                    f"MultiHeadAttention: {features} features of {what} do not divide into "
                    f"{heads} heads"
                )
        bind_dims(self, K=key, V=value, Out=size if out is None else out)
        self.q_proj = Dense(size, qk, bias=bias, init=init)
        self.k_proj = Dense(key, qk, bias=bias, init=init)
        self.v_proj = Dense(value, v, bias=bias, init=init)
        self.out_proj = Dense(v, size if out is None else out, bias=bias, init=init)
        self.dropout = Dropout(dropout)
        self.heads = heads

    def shown_arguments(self) -> dict[str, Any]:
        qk, size = self.q_proj.weight.shape
        key, value = self.k_proj.weight.shape[1], self.v_proj.weight.shape[1]
        out, v = self.out_proj.weight.shape
        return {
            "key": None if key == size else key,
            "value": None if value == key else value,
            "qk": None if qk == size else qk,
            "v": None if v == qk else v,
            "out": None if out == size else out,
            "bias": self.q_proj.bias is not None,
            "dropout": self.dropout.p,
        }

    @overload
    def __call__(
        self,
        q: Float[Tensor, "*batch queries Q"],
        k: Float[Tensor, "*batch keys K"] | None = None,
        v: Float[Tensor, "*batch keys V"] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        return_scores: Literal[False] = False,
    ) -> Float[Tensor, "*batch queries Out"]: ...
    @overload
    def __call__(
        self,
        q: Float[Tensor, "*batch queries Q"],
        k: Float[Tensor, "*batch keys K"] | None = None,
        v: Float[Tensor, "*batch keys V"] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        return_scores: Literal[True],
    ) -> tuple[Float[Tensor, "*batch queries Out"], Float[Tensor, "*batch heads queries keys"]]: ...
    def __call__(
        self,
        q: Float[Tensor, "*batch queries Q"],
        k: Float[Tensor, "*batch keys K"] | None = None,
        v: Float[Tensor, "*batch keys V"] | None = None,
        *,
        bias: Float[Tensor, "..."] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        return_scores: bool = False,
    ) -> Any:
        """What each query finds, `"*batch queries Out"`; with `return_scores` the pair of it and
        the scores, `"*batch heads queries keys"`.

        Args:
            q: queries.
            k: keys; the queries by default.
            v: values; the keys by default.
            bias: added to the logits: for all heads as `"queries keys"` or
                `"*batch queries keys"`, for each as `"*batch heads queries keys"`.
            mask: true where a query may look at a key; in the shapes of `bias`.
            return_scores: whether to return the scores too.
        """
        keys: Tensor = q if k is None else k
        values: Tensor = keys if v is None else v
        rank = q.ndim
        y, scores = ops.dot_product_attention(
            self.q_proj(q), self.k_proj(keys), self.v_proj(values), bias=_for_heads(bias, rank),
            mask=_for_heads(mask, rank), heads=self.heads, dropout=self.dropout, return_scores=True,
        )  # fmt: skip
        y = self.out_proj(y)
        return (y, scores) if return_scores else y


def _for_heads(x: Tensor | None, rank: int) -> Tensor | None:
    """A mask that has the batch but no heads gets an axis for them."""
    return ops.expand_dims(x, axis=-3) if x is not None and x.ndim == rank > 2 else x
