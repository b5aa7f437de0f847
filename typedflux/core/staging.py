"""Staged writes: a transformation works on copies of the modules it is given.

What the traced function assigns to a module's fields lands on the copy. When the transformation
has succeeded, `commit` carries the changes over to the originals, once; when it raised, or was run
again only to recompute, they are forgotten with the copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from typedflux.core.stateful import DIMS
from typedflux.core.tree import Unfolded, iterate, map_leaves
from typedflux.shapes.dims import equal
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

    def fold(self, tree: Unfolded, leaves: Sequence[Any]) -> Any:
        """A copy of the tree that was unfolded, with other leaves."""
        return tree.fold(leaves, self._register)

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
                if before.get(name, self) is not value and name != DIMS:
                    found.append((original, name, value))
        return found

    def commit(
        self,
        unwrap: Callable[[Tensor], Tensor],
        choose: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        """Carry the changes over to the originals, tensors passed through `unwrap`.

        With `choose`, a tensor that takes the place of one of its shape and dtype becomes
        `choose(new, old)`.
        """
        for original, name, value in self.changes():
            new = map_leaves(unwrap, self.originals(value))
            if choose is not None:
                new = _chosen(choose, new, original.__dict__.get(name))
            setattr(original, name, new)

    def originals(self, value: T) -> T:
        """`value` with copies that this transformation made replaced by their originals."""
        if isinstance(value, Tensor):
            return value
        by_copy = {id(copy): original for original, copy, _ in self._pairs}
        if id(value) in by_copy:
            return by_copy[id(value)]  # type: ignore[no-any-return]
        if type(value) in (list, tuple):
            return type(value)(self.originals(v) for v in value)  # type: ignore[call-arg, attr-defined]
        return value


def _chosen(choose: Callable[[Tensor, Tensor], Tensor], new: T, old: object) -> T:
    before = {path: leaf for path, leaf, _ in iterate(old)}
    chosen = []
    for path, leaf, _ in iterate(new):
        other = before.get(path)
        if other is None or other.dtype != leaf.dtype or not _same_shape(other, leaf):
            return new
        chosen.append(leaf if leaf is other else choose(leaf, other))
    remaining = iter(chosen)
    return map_leaves(lambda _: next(remaining), new)


def _same_shape(a: Tensor, b: Tensor) -> bool:
    return a.ndim == b.ndim and all(
        equal(m, n) is True for m, n in zip(a.shape, b.shape, strict=True)
    )
