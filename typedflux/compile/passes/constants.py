"""What depends on small constants alone is computed while compiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.rewriting import SMALL, Rewrites, rewrite
from typedflux.core.graph import Graph
from typedflux.core.primitive import Primitive
from typedflux.core.quiet import quiet
from typedflux.ops.creation import arange_p, full_p
from typedflux.ops.interchange import size_p
from typedflux.ops.manipulation import broadcast_to_p
from typedflux.shapes.dims import Dim, Unknown
from typedflux.tensor import Tensor, wrap

_KEPT: Final = frozenset((arange_p, full_p, broadcast_to_p))
"""What a compiler makes from its parameters in no time and no memory."""


def fold(
    primitive: Primitive, values: Sequence[Tensor], params: dict[str, Any]
) -> list[Tensor] | None:
    """The results of an equation whose operands are these constants, where all are small."""
    if primitive in _KEPT or primitive.calls_back or primitive.lowering.kind == "random":
        return None
    if not values and primitive is not size_p:
        return None
    for value in values:
        if type(value) is not Tensor or value._data.size > SMALL:
            return None
    if any([_is_symbolic(value) for value in params.values()]):
        return None
    try:
        out = quiet.run(primitive.kernel, *[v._data for v in values], **params)
    except Exception:  # it raises when it runs, if it does
        return None
    results = list(out) if primitive.multiple else [out]
    if any([np.size(item) > SMALL for item in results]):
        return None
    return [wrap(np.array(item)) for item in results]


def _is_symbolic(value: Any) -> bool:
    if isinstance(value, tuple):
        return any([_is_symbolic(item) for item in value])
    return isinstance(value, (Dim, Unknown))


def number_throughout(tensor: Tensor) -> Tensor | None:
    """The constant of rank 0 that is every element of a constant, to the last bit."""
    data = tensor._data
    if not data.ndim or not data.size:
        return None
    first = data[(0,) * data.ndim].tobytes()
    if data.size > 1 and data[(-1,) * data.ndim].tobytes() != first:
        return None
    if any([step and size > 1 for step, size in zip(data.strides, data.shape, strict=True)]):
        raw = np.ascontiguousarray(data).view(np.uint8).reshape(-1, data.itemsize)
        if not (raw == raw[0]).all():
            return None
    return wrap(np.array(data[(0,) * data.ndim]))


def fold_constants(graph: Graph) -> Graph:
    """The graph with equations of small constants performed; a constant whose elements are all the
    same is a number, broadcast."""
    return rewrite(graph, Rewrites(fold=fold, number=number_throughout, finish=drop_dead))
