"""Elementwise rules block by block, so that their temporaries stay in the processor's cache.

A rule is a composition of operations, each of which reads and writes memory; for a large parameter
the memory is what takes the time. On blocks that fit the cache, ten passes cost about what one
costs, and any elementwise rule has this for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from typedflux import ops
from typedflux.core.tracing import current_graph
from typedflux.core.tree import leaves, map_leaves
from typedflux.dtypes import DType
from typedflux.optim.rule import Rule
from typedflux.tensor import Tensor, wrap

BLOCK = 16384
"""Elements: 64 KiB of float32, of which a core's second-level cache holds about a dozen."""


def step_by_blocks(
    rule: Rule, state: Any, parameter: Tensor, gradient: Tensor, dtype: DType
) -> tuple[Any, Tensor]:
    """The new state and the new parameter; `rule` is elementwise and works in `dtype`."""
    if _is_large_and_plain(state, parameter, gradient):
        return _blockwise(rule, state, parameter, gradient, dtype)
    return _whole(rule, state, parameter, gradient, dtype)


def _whole(
    rule: Rule, state: Any, parameter: Tensor, gradient: Tensor, dtype: DType
) -> tuple[Any, Tensor]:
    value = ops.astype(parameter, dtype)
    new, step = rule.apply(state, value, ops.astype(gradient, dtype))
    return new, ops.astype(value - step, parameter.dtype)


def _is_large_and_plain(state: Any, parameter: Tensor, gradient: Tensor) -> bool:
    if type(parameter) is not Tensor or type(gradient) is not Tensor or current_graph() is not None:
        return False
    if parameter.size < 2 * BLOCK:
        return False
    shape = parameter.shape
    return all(type(t) is Tensor and t.shape in (shape, ()) for t in leaves(state))


def _blockwise(
    rule: Rule, state: Any, parameter: Tensor, gradient: Tensor, dtype: DType
) -> tuple[Any, Tensor]:
    shape, size = parameter.shape, parameter.size
    kept = leaves(state)
    flat = [t.numpy().reshape(-1) if t.shape == shape else None for t in kept]
    old = parameter.numpy().reshape(-1)
    slope = np.ascontiguousarray(gradient.numpy()).reshape(-1)
    fresh = [None if f is None else np.empty_like(f) for f in flat]
    value = np.empty(size, parameter.dtype.dtype)
    new_state = state
    for start in range(0, size, BLOCK):
        cut = slice(start, start + BLOCK)
        parts = iter([t if f is None else wrap(f[cut]) for t, f in zip(kept, flat, strict=True)])
        part = map_leaves(lambda _, parts=parts: next(parts), state)  # type: ignore[misc]  # bound now
        new_state, new_value = _whole(rule, part, wrap(old[cut]), wrap(slope[cut]), dtype)
        value[cut] = new_value.numpy()
        for target, leaf in zip(fresh, leaves(new_state), strict=True):
            if target is not None:
                target[cut] = leaf.numpy()
    # Leaves of rank 0, as counts, came out the same for every block.
    ends = iter(
        [
            t if f is None else wrap(f.reshape(shape))
            for t, f in zip(leaves(new_state), fresh, strict=True)
        ]
    )
    return map_leaves(lambda _: next(ends), new_state), wrap(value.reshape(shape))
