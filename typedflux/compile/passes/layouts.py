"""Changes of layout that cancel, follow each other, or need not be made.

A broadcast is moved behind the elementwise operations that it feeds, which then work on fewer
elements; what an operation broadcasts by itself needs none before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from typedflux.compile.passes.rewriting import Rule, given_by, uses_of
from typedflux.core.primitive import LoweringKind, Primitive
from typedflux.ops.families import same_shape
from typedflux.ops.joining import concat_p, split_p, stack_p, unstack_p
from typedflux.ops.linear import matmul_p
from typedflux.ops.manipulation import broadcast_to_p, permute_dims_p, reshape_p
from typedflux.ops.slicing import WHOLE, slice_p


def _scalar_behind(x: Any) -> Any:
    """The tensor of rank 0 that a tracer is a broadcast of."""
    found = given_by(x, broadcast_to_p)
    return found[0][0] if found is not None and not found[0][0].shape else None


def _reshape(x: Any, *, shape: Any) -> Any:
    if same_shape(x.shape, shape):
        return x
    found = given_by(x, reshape_p)
    if found is not None:
        return reshape_p.bind(found[0][0], shape=shape)
    scalar = _scalar_behind(x)
    return None if scalar is None else broadcast_to_p.bind(scalar, shape=shape)


def _broadcast(x: Any, *, shape: Any) -> Any:
    if same_shape(x.shape, shape):
        return x
    found = given_by(x, broadcast_to_p)
    return None if found is None else broadcast_to_p.bind(found[0][0], shape=shape)


def _permute(x: Any, *, axes: tuple[int, ...]) -> Any:
    rank = len(axes)
    if axes == tuple(range(rank)):
        return x
    found = given_by(x, permute_dims_p)
    if found is not None:
        (inner,), before = found
        return permute_dims_p.bind(inner, axes=tuple([before["axes"][a] for a in axes]))
    scalar = _scalar_behind(x)
    if scalar is not None:
        return broadcast_to_p.bind(scalar, shape=tuple([x.shape[a] for a in axes]))
    if axes == _transposition(rank) and (found := given_by(x, matmul_p)) is not None:
        # The transpose of a product is a product: written in the order in which it is wanted.
        if uses_of(x) == 1:
            first, second = found[0]
            return matmul_p.bind(_transposed(second), _transposed(first))
    return None


def _transposition(rank: int) -> tuple[int, ...]:
    return (*range(rank - 2), rank - 1, rank - 2)


def _transposed(x: Any) -> Any:
    return permute_dims_p.bind(x, axes=_transposition(len(x.shape)))


def _slice(x: Any, *, index: Any) -> Any:
    if all([entry == WHOLE for entry in index]):
        return x
    found = given_by(x, stack_p)
    if found is not None:
        parts, params = found
        axis = params["axis"]
        others = [entry for i, entry in enumerate(index) if i != axis]
        if len(index) > axis and type(index[axis]) is int and all([e == WHOLE for e in others]):
            return parts[index[axis]]
    return None


def _unstack(x: Any, *, axis: int, count: int) -> Any:
    found = given_by(x, stack_p)
    return found[0] if found is not None and found[1]["axis"] == axis else None


def _alone(*parts: Any, axis: int) -> Any:
    return parts[0] if len(parts) == 1 else None


def _split(x: Any, *, axis: int, sizes: Any) -> Any:
    if len(sizes) == 1:
        return [x]
    found = given_by(x, concat_p)
    if found is not None:
        parts, params = found
        if params["axis"] == axis and len(parts) == len(sizes):
            if all([same_shape((p.shape[axis],), (n,)) for p, n in zip(parts, sizes, strict=True)]):
                return parts
    return None


def _elementwise(primitive: Primitive, *operands: Any, **params: Any) -> Any:
    found = [given_by(x, broadcast_to_p) for x in operands]
    if all([f is None for f in found]):
        return None
    stripped = [x if f is None else f[0][0] for x, f in zip(operands, found, strict=True)]
    return primitive.bind(*stripped, **params)


RULES: Final[dict[Primitive, Rule]] = {
    reshape_p: _reshape,
    broadcast_to_p: _broadcast,
    permute_dims_p: _permute,
    slice_p: _slice,
    unstack_p: _unstack,
    split_p: _split,
    concat_p: _alone,
}

KIND_RULES: Final[Mapping[LoweringKind, tuple[Rule, ...]]] = {"elementwise": (_elementwise,)}
