"""Objects with fields that functions read and assign to: modules, optimiser states, generators.

While a function is traced to a graph, reads and writes of the fields of such objects are watched,
wherever the objects come from: a read gives the field as the trace knows it, a write is staged. The
hook for reads stands on the class only while some thread is tracing, so ordinary reads cost
nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from typedflux.core.tree import are_same, contents, map_leaves
from typedflux.tensor import Tensor

Key: TypeAlias = tuple[int, str]

DIMS = "_typedflux_dims"
"""The field with an object's class-scoped dims. They are known of it, and no state of its own:
what a traced copy has learnt is not carried over."""


class _Local(threading.local):
    captures: Captures | None = None


_local = _Local()
_lock = threading.Lock()
_tracing_threads = 0


class Stateful:
    """Base class of objects whose fields transformations see."""

    def __setattr__(self, name: str, value: Any) -> None:
        if _tracing_threads:
            captures = _local.captures
            if captures is not None and captures.write(self, name, value):
                return
        object.__setattr__(self, name, value)

    def is_blank(self) -> bool:
        """Whether no field has been assigned yet."""
        return not self.__dict__


class Static:
    """What a field without tensors was when it was read."""

    __slots__ = ("name", "owner", "parts", "value")

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self.owner = owner
        self.name = name
        self.value = value
        self.parts = _parts(value)

    def still_holds(self) -> bool:
        """Whether the field is what it was: the same object with the same parts, or an equal plain
        value."""
        value = self.owner.__dict__.get(self.name)
        if self.parts is None:
            if value is self.value:
                return True
            return type(value) is type(self.value) and type(value) in _PLAIN and value == self.value
        parts = _parts(value)
        return (
            parts is not None
            and len(parts) == len(self.parts)
            and all([a is b for a, b in zip(parts, self.parts, strict=True)])
        )


_PLAIN = frozenset((bool, int, float, complex, str, bytes))


def _parts(value: Any) -> list[Any] | None:
    if type(value) in (list, tuple):
        return list(value)
    return [*value, *value.values()] if type(value) is dict else None


class Captures:
    """The fields that one trace has read, and what it assigned to them.

    Args:
        lift: what a tensor in a field becomes in the trace.
    """

    def __init__(self, lift: Callable[[Tensor], Tensor]) -> None:
        self.lift = lift
        self.fields: list[tuple[Any, str]] = []
        self.values: dict[Key, Any] = {}
        self.written: dict[Key, tuple[Any, str]] = {}
        self.static: dict[Key, Static] = {}
        """Fields without tensors that were read: what the trace does may depend on them."""
        self._containers: list[tuple[Any, str, Any, list[Any]]] = []
        """Lists and dicts in fields that were read, as the trace knows them, and what they held."""
        self.outer: Captures | None = None
        self._known: set[int] = set()
        self._keep_alive: list[Any] = []

    def exclude(self, owners: Iterable[Any]) -> None:
        """Objects that are not captured: those that the trace itself has made."""
        for owner in owners:
            self._known.add(id(owner))
            self._keep_alive.append(owner)

    def preset(self, owner: Any, name: str, value: Any) -> None:
        """What the first read of a field gives."""
        self.values[id(owner), name] = value
        self._keep_alive.append(owner)

    def read(self, owner: Any, name: str, value: Any) -> Any:
        """What a read of `owner.name`, which holds `value`, gives inside the trace."""
        key = (id(owner), name)
        if key in self.values:
            return self.values[key]
        if id(owner) in self._known:
            return value
        if self.outer is not None:
            value = self.outer.read(owner, name, value)
        traced = value
        if _holds_tensors(value):
            self.fields.append((owner, name))
            traced = map_leaves(self.lift, value)
        else:
            self.static.setdefault(key, Static(owner, name, value))
            if type(value) not in (list, dict):
                return value
            self._keep_alive.append(owner)
            traced = value.copy()  # which the function may change
        self.values[key] = traced
        for container in _containers_in(traced):
            self._containers.append((owner, name, container, contents(container)))
        return traced

    def note_changed_containers(self) -> None:
        """Take a field to be written where the list or dict that it holds was changed."""
        for owner, name, copy, before in self._containers:
            if not are_same(contents(copy), before):
                self.written.setdefault((id(owner), name), (owner, name))

    def write(self, owner: Any, name: str, value: Any) -> bool:
        """Stage an assignment; False where the object was made by the trace itself."""
        if id(owner) in self._known:
            return False
        if owner.is_blank():
            captures: Captures | None = self
            while captures is not None:
                captures.exclude([owner])  # made inside the traced function
                captures = captures.outer
            return False
        key = (id(owner), name)
        self.values[key] = value
        self.written[key] = (owner, name)
        return True


def _containers_in(value: Any) -> Iterator[Any]:
    """The lists and dicts in a field, not in an object there."""
    if type(value) in (list, dict):
        yield value
    if isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _containers_in(part)


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    if not isinstance(value, (list, tuple, dict)):
        return False  # an object's own fields are read when they are
    parts = value.values() if isinstance(value, dict) else value
    return any(_holds_tensors(p) for p in parts)


@contextmanager
def capturing(captures: Captures) -> Iterator[None]:
    """Let `captures` see the reads and writes of this thread."""
    global _tracing_threads
    outer = captures.outer = _local.captures
    with _lock:
        if _tracing_threads == 0:
            Stateful.__getattribute__ = _read_hook  # type: ignore[method-assign]
        _tracing_threads += 1
    _local.captures = captures
    try:
        yield
    finally:
        _local.captures = outer
        with _lock:
            _tracing_threads -= 1
            if _tracing_threads == 0:
                del Stateful.__getattribute__


def _read_hook(owner: Any, name: str) -> Any:
    captures = _local.captures
    value = object.__getattribute__(owner, name)
    if captures is None or name.startswith("__"):
        return value
    if name in object.__getattribute__(owner, "__dict__"):
        return captures.read(owner, name, value)
    return value


def seen_fields(owner: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of an object, taken from its `__dict__`, as the current trace sees them."""
    captures = _local.captures if _tracing_threads else None
    if captures is None:
        return fields
    return {name: captures.read(owner, name, value) for name, value in fields.items()}


def relied_on(owner: Any, name: str) -> None:
    """Tell the current trace of a field, present or not, that was read from the `__dict__`."""
    captures = _local.captures if _tracing_threads else None
    if captures is not None:
        captures.read(owner, name, owner.__dict__.get(name))


def was_copied(copy: Any) -> None:
    """Tell the current trace that it has made an object without assigning to its fields."""
    captures = _local.captures if _tracing_threads else None
    while captures is not None:
        captures.exclude([copy])
        captures = captures.outer
