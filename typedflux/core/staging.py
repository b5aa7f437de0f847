"""Staged writes: a transformation works on copies of the modules it is given.

What the traced function assigns to a module's fields lands on the copy. When the transformation
has succeeded, `commit` carries the changes over to the originals, once; when it raised, or was run
again only to recompute, they are forgotten with the copies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from typedflux.core.tree import map_leaves
from typedflux.tensor import Tensor

T = TypeVar("T")


class Staged:
    """The copies that one transformation made."""

    __slots__ = ("_pairs", "active")

    def __init__(self, *, active: bool = False) -> None:
        """With `active`, layers such as Dropout see in the copies that they are being trained."""
        self.active = active
        self._pairs: list[tuple[Any, Any, dict[str, Any]]] = []

    def copy(
        self,
        tree: T,
        leaf: Callable[[Tensor], Tensor],
        state: Callable[[Tensor], Tensor] | None = None,
    ) -> T:
        """A copy of `tree` with `leaf` applied to its leaves (`state` to those that are state)."""
        return map_leaves(leaf, tree, state=state, on_copy=self._register)

    def _register(self, original: Any, copy: Any) -> None:
        fields: dict[str, Any] = copy.__dict__
        if self.active:
            fields["_active"] = True
        self._pairs.append((original, copy, dict(fields)))

    def copies(self) -> list[Any]:
        """All copies made so far."""
        return [copy for _, copy, _ in self._pairs]

    def changes(self) -> list[tuple[Any, str, Any]]:
        """`(original, field, new value)` for each field assigned since; the value as it is."""
        found = []
        for original, copy, before in self._pairs:
            for name, value in copy.__dict__.items():
                if before.get(name, self) is not value:
                    found.append((original, name, value))
        return found

    def commit(self, unwrap: Callable[[Tensor], Tensor]) -> None:
        """Carry the changes over to the originals, tensors passed through `unwrap`."""
        for original, name, value in self.changes():
            setattr(original, name, map_leaves(unwrap, self.originals(value)))

    def originals(self, value: T) -> T:
        """`value` with copies that this transformation made replaced by their originals."""
        by_copy = {id(copy): original for original, copy, _ in self._pairs}
        if id(value) in by_copy:
            return by_copy[id(value)]  # type: ignore[no-any-return]
        if type(value) in (list, tuple):
            return type(value)(self.originals(v) for v in value)  # type: ignore[call-arg, attr-defined]
        return value
