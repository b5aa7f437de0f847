"""What a jitted function is specialised by: structure, dtypes, static values and fixed sizes.

Sizes that the function's annotations name stay symbolic: `x: Float32[Tensor, "batch 784"]` gives a
`batch` that any size can take without tracing again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from typedflux.core.tree import children, is_branch, is_mutable, rebuild
from typedflux.core.types import Shape, TensorType
from typedflux.nn.module import Module, buffers, is_frozen, mode_of, ties
from typedflux.ops.interchange import asarray
from typedflux.shapes.dims import Dimension, symbol
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor


@dataclass(slots=True)
class Flattened:
    """Arguments taken apart: tensors and modules in order of first visit, and the rest as a key.

    Attributes:
        containers: lists, dicts and dataclass instances.
        has_arrays: whether there are arrays of numpy, in modules or outside.
    """

    leaves: list[Tensor]
    branches: list[Any]
    key: Hashable
    containers: list[Any] = field(default_factory=list)
    has_arrays: bool = False


def flatten(value: Any) -> Flattened:
    """Take a tree apart. Trees with equal keys differ only in their tensors' values and sizes."""
    found = Flattened([], [], ())
    found.key = _visit(value, found, {})
    return found


def _visit(item: Any, found: Flattened, seen: dict[int, int]) -> Hashable:
    # A function within `flatten` would be a cycle of references to the tensors.
    if isinstance(item, Tensor):
        found.leaves.append(item)
        return ("tensor", item.dtype.name, item.ndim)
    parts = children(item)
    if parts is None:
        if isinstance(item, np.ndarray):
            found.has_arrays = True
        return static_key(item)
    if id(item) in seen:
        return ("again", seen[id(item)])
    seen[id(item)] = len(seen)
    if is_branch(item):
        found.branches.append(item)
    elif is_mutable(item):
        found.containers.append(item)
    settings = _settings(item) if isinstance(item, Module) else ()
    return (type(item), *settings, *[(name, _visit(part, found, seen)) for name, part in parts])


def _settings(module: Module) -> tuple[Hashable, ...]:
    """What a module keeps about itself that decides what a trace of it does."""
    tied = [(name, t.name, static_key(t.transform)) for name, t in ties(module).items()]
    return (mode_of(module), is_frozen(module), buffers(module), *tied)


def static_key(value: Any) -> Hashable:
    """What a value without tensors is specialised by."""
    if isinstance(value, float):
        return (float, value.hex())  # 0.0 and -0.0 are equal, as are 1 and 1.0
    if isinstance(value, np.ndarray) and value.nbytes <= _MOST_BYTES and not value.dtype.hasobject:
        return (type(value), value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, set):
        return (type(value), frozenset(value))
    try:
        hash(value)
    except TypeError:
        return (type(value), _Same(value))
    return (type(value), value)


_MOST_BYTES = 1 << 16


class _Same:
    """Equal to itself for the same value alone, which it keeps: no other can get its `id`."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def with_tensors_for_arrays(tree: Any) -> Any:
    """`tree` with tensors in the place of arrays of numpy, those in modules aside."""
    if type(tree) in (np.ndarray, np.memmap):
        try:
            return asarray(tree)  # a copy: the caller may write to the array later
        except DTypeError:
            return tree
    parts = children(tree)
    if not parts or is_branch(tree):
        return tree
    new = [with_tensors_for_arrays(part) for _, part in parts]
    same = all([n is part for n, (_, part) in zip(new, parts, strict=True)])
    return tree if same else rebuild(tree, new)


def leaf_types(
    leaves: list[Tensor], named: dict[int, list[str | None]], owner: object
) -> tuple[list[TensorType], dict[str, int]]:
    """Types of the leaves, named sizes as symbols with the present value as hint; and those."""
    hints: dict[str, int] = {}
    types = []
    for leaf in leaves:
        names = named.get(id(leaf))
        shape: Shape = leaf.shape
        if names is not None:
            sizes: list[Dimension] = []
            for name, size in zip(names, leaf.shape, strict=True):
                if name is None or hints.setdefault(name, size) != size:
                    sizes.append(size)  # a name with two sizes is reported by the function's checks
                else:
                    sizes.append(symbol(name, kind="hinted", hint=size, owner=owner))
            shape = tuple(sizes)
        types.append(TensorType(leaf.dtype, shape))
    return types, hints
