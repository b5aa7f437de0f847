"""Anchors: how records hold on to tensors without hiding who else does.

No old reference to a tensor ever changes its value. So memory may be written to only where a field
is the sole owner of its tensor, and that of its array: what tells is the number of references.
However many records know a tensor, they share one anchor, which holds the one reference that is
ours. A `numpy()` view, a memoryview or an export through DLPack is a reference to the array.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from typedflux.tensor import Tensor

Array = npt.NDArray[Any]


class Anchor:
    """Holds a tensor and its array, or a container of tensors."""

    __slots__ = ("__weakref__", "array", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.array: Array | None = value._data if type(value) is Tensor else None


_anchors: weakref.WeakValueDictionary[int, Anchor] = weakref.WeakValueDictionary()


class _Epoch:
    """Counts the arrays that were exchanged under a tensor that stayed."""

    count = 0


epoch = _Epoch()


def anchor_of(value: Any) -> Anchor:
    """The anchor of a tensor or container; the same for all who ask."""
    anchor = _anchors.get(id(value))
    if anchor is None:  # while there is one, its value lives and no other object has its id
        anchor = _anchors[id(value)] = Anchor(value)
    return anchor


def exchange(anchor: Anchor, array: Array) -> None:
    """Give the tensor, which nobody else sees, another array."""
    anchor.value._data = array
    anchor.array = array
    epoch.count += 1


def counts(values: Sequence[Any]) -> list[int]:
    """How often each value is referred to, this sequence included."""
    return [*map(sys.getrefcount, values)]


def _measure() -> int:
    field = [np.empty(1)]
    anchor = Anchor(field[0])
    return counts((anchor.value,))[0]


SOLE = _measure()
"""What `counts` gives for a value that one field (or container, or tensor) and its anchor hold."""

can_tell = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Without the lock of the interpreter, another thread may take a reference at any moment."""


def are_sole(anchors: Iterable[Anchor]) -> bool:
    """Whether each of the values belongs to one field or container and nobody else can see it."""
    values = tuple([a.value for a in anchors])
    if not can_tell or counts(values).count(SOLE) != len(values):
        return False
    return not any([weakref.getweakrefcount(v) for v in values if type(v) is Tensor])


def is_sole_array(anchor: Anchor) -> bool:
    """Whether the tensor's memory belongs to it alone, and could be written to."""
    if not can_tell or counts((anchor.array,))[0] != SOLE:
        return False
    return owns_memory(anchor.array)


def owns_memory(array: Any) -> bool:
    """Whether an array has memory of its own, in row-major order, that may be written to."""
    flags = array.flags
    return array.base is None and flags.owndata and flags.carray
