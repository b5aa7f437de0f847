"""Modules that a traced function reads without being given them.

While a function is traced, reading a tensor field of a module that was captured makes the field an
input of the graph, read afresh at each call and never baked in; assigning to one is staged. The
hooks stand on `Module` only while some thread is tracing, so ordinary reads cost nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typedflux.core.graph import GraphTrace
from typedflux.core.primitive import type_of
from typedflux.core.tree import map_leaves
from typedflux.nn import module as module_base
from typedflux.nn.module import Module
from typedflux.tensor import Tensor

_local = threading.local()
_lock = threading.Lock()
_tracing_threads = 0
_plain_setattr = Module.__setattr__


class Captures:
    """The captured fields that one trace has read, and what it assigned to them."""

    def __init__(self, trace: GraphTrace) -> None:
        self.trace = trace
        self.fields: list[tuple[Any, str]] = []
        self.values: dict[tuple[int, str], Any] = {}
        self.written: dict[tuple[int, str], tuple[Any, str]] = {}
        self._known: set[int] = set()
        self._keep_alive: list[Any] = []

    def exclude(self, modules: list[Any]) -> None:
        """Modules that are not captured: the copies that the trace itself works on."""
        self._known.update(id(m) for m in modules)
        self._keep_alive.extend(modules)

    def read(self, module: Any, name: str, value: Any) -> Any:
        """What a read of `module.name`, which holds `value`, gives inside the trace."""
        key = (id(module), name)
        if key in self.values:
            return self.values[key]
        if id(module) in self._known or not _holds_tensors(value):
            return value
        self.fields.append((module, name))
        traced = map_leaves(lambda t: self.trace.input(type_of(t)), value)
        self.values[key] = traced
        return traced

    def write(self, module: Any, name: str, value: Any) -> bool:
        """Stage an assignment; False where the module is not captured."""
        if id(module) in self._known:
            return False
        if module_base.is_blank(module):
            self.exclude([module])  # made inside the traced function: this is its first field
            return False
        key = (id(module), name)
        self.values[key] = value
        self.written[key] = (module, name)
        return True


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    if not isinstance(value, (list, tuple, dict)):
        return False  # a module's own fields are read when they are
    parts = value.values() if isinstance(value, dict) else value
    return any(_holds_tensors(p) for p in parts)


@contextmanager
def capturing(captures: Captures) -> Iterator[None]:
    """Let `captures` see the reads and writes of this thread."""
    global _tracing_threads
    outer = getattr(_local, "captures", None)
    with _lock:
        if _tracing_threads == 0:
            Module.__getattribute__ = _read_hook  # type: ignore[method-assign]
            Module.__setattr__ = _write_hook  # type: ignore[method-assign, assignment]
            module_base.observer = _Observer()
        _tracing_threads += 1
    _local.captures = captures
    try:
        yield
    finally:
        _local.captures = outer
        with _lock:
            _tracing_threads -= 1
            if _tracing_threads == 0:
                del Module.__getattribute__
                Module.__setattr__ = _plain_setattr  # type: ignore[method-assign]
                module_base.observer = None


class _Observer:
    """Sees the trees of modules taken apart and put together, which read fields at once."""

    def fields(self, module: Any, fields: dict[str, Any]) -> dict[str, Any]:
        captures: Captures | None = getattr(_local, "captures", None)
        if captures is None:
            return fields
        return {name: captures.read(module, name, value) for name, value in fields.items()}

    def copied(self, copy: Any) -> None:
        captures: Captures | None = getattr(_local, "captures", None)
        if captures is not None:
            captures.exclude([copy])


def _read_hook(module: Any, name: str) -> Any:
    captures: Captures | None = getattr(_local, "captures", None)
    if captures is None or name.startswith("__"):
        return object.__getattribute__(module, name)
    value = object.__getattribute__(module, name)
    if name in object.__getattribute__(module, "__dict__"):
        return captures.read(module, name, value)
    return value


def _write_hook(module: Any, name: str, value: Any) -> None:
    captures: Captures | None = getattr(_local, "captures", None)
    if captures is None or not captures.write(module, name, value):
        _plain_setattr(module, name, value)
