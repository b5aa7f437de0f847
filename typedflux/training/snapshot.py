"""Snapshots: what a tree of modules held at one moment, to be put back after a step that failed."""

from __future__ import annotations

import dataclasses
from typing import Any

from typedflux.core.tree import children, is_branch
from typedflux.tensor import Tensor


class Snapshot:
    """The fields and items of everything in `trees` that can change in place.

    Tensors are immutable, so this holds references only and copies no data.
    """

    __slots__ = ("_saved",)

    def __init__(self, *trees: Any) -> None:
        self._saved: list[tuple[Any, Any]] = []
        seen: set[int] = set()
        stack = list(trees)
        while stack:
            value = stack.pop()
            if isinstance(value, Tensor) or id(value) in seen:
                continue
            parts = children(value)
            if parts is None:
                continue
            seen.add(id(value))
            self._save(value)
            stack.extend([part for _, part in parts])

    def _save(self, value: Any) -> None:
        if is_branch(value):
            self._saved.append((value, dict(vars(value))))
        elif isinstance(value, (list, dict)):
            self._saved.append((value, value.copy()))
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [f.name for f in dataclasses.fields(value)]
            self._saved.append((value, [(n, getattr(value, n)) for n in names]))

    def restore(self) -> None:
        """Put everything back."""
        for value, saved in self._saved:
            if is_branch(value):
                fields = vars(value)
                fields.clear()
                fields.update(saved)
            elif isinstance(value, list):
                value[:] = saved
            elif isinstance(value, dict):
                value.clear()
                value.update(saved)
            else:
                for name, item in saved:
                    if getattr(value, name) is not item:
                        setattr(value, name, item)
