"""Staged writes: a transformation works on copies of the modules and containers it is given.

What the traced function assigns to a module's fields, or puts into a list or a dict, lands on the
copy. When the transformation has succeeded, `commit` carries the changes over to the originals,
once; when it raised, or was run again only to recompute, they are forgotten with the copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from typedflux.core.stateful import DIMS
from typedflux.core.tree import (
    Unfolded,
    are_same,
    children,
    contents,
    is_branch,
    iterate,
    map_leaves,
    rebuild,
    refill,
)
from typedflux.shapes.dims import equal
from typedflux.tensor import Tensor

T = TypeVar("T")


class Staged:
    """The copies that one transformation made."""

    __slots__ = ("_containers", "_pairs", "active")

    def __init__(self, *, active: bool = False) -> None:
        """With `active`, layers such as Dropout see in the copies that they are being trained."""
        self.active = active
        self._pairs: list[tuple[Any, Any, dict[str, Any]]] = []
        self._containers: list[tuple[Any, Any, list[Any]]] = []
        """Each list, dict and dataclass instance, its copy, and what that held at first."""

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
        if not is_branch(copy):
            self._containers.append((original, copy, contents(copy)))
            return
        fields: dict[str, Any] = copy.__dict__
        if self.active:
            fields["_active"] = True
        self._pairs.append((original, copy, dict(fields)))

    def copies(self) -> list[Any]:
        """All copies of objects made so far."""
        return [copy for _, copy, _ in self._pairs]

    def containers(self) -> list[tuple[Any, Any]]:
        """`(original, copy)` for each list, dict and dataclass instance."""
        return [(original, copy) for original, copy, _ in self._containers]

    def changes(self) -> list[tuple[Any, str, Any]]:
        """`(original, field, new value)` for each field assigned since, or holding a container that
        changed; the value as it is."""
        changed = self._changed()
        found = []
        for original, copy, before in self._pairs:
            for name, value in copy.__dict__.items():
                if name != DIMS and (
                    before.get(name, self) is not value or (changed and _holds(value, changed))
                ):
                    found.append((original, name, value))
        return found

    def changed_containers(self) -> list[tuple[Any, Any]]:
        """`(original, copy)` for each container that changed and is in no object's field."""
        changed = self._changed()
        if changed:
            for _, copy, _ in self._pairs:
                for value in copy.__dict__.values():
                    for key in _containers_in(value):
                        changed.pop(key, None)
        return list(changed.values())

    def _changed(self) -> dict[int, tuple[Any, Any]]:
        """Containers whose copies hold something else than at first, by `id` of the copy."""
        return {
            id(copy): (original, copy)
            for original, copy, before in self._containers
            if not are_same(contents(copy), before)
        }

    def commit(
        self,
        unwrap: Callable[[Tensor], Tensor],
        choose: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        """Carry the changes over to the originals, tensors passed through `unwrap`.

        With `choose`, a tensor that takes the place of one of its shape and dtype becomes
        `choose(new, old)`.
        """
        containers = self.changed_containers()
        for original, name, value in self.changes():
            new = map_leaves(unwrap, self.originals(value))
            if choose is not None:
                new = _chosen(choose, new, original.__dict__.get(name))
            setattr(original, name, new)
        for original, copy in containers:
            new = map_leaves(unwrap, self.originals(copy))
            refill(original, new if choose is None else _chosen(choose, new, original))

    def originals(self, value: T) -> T:
        """`value` with copies of objects that this transformation made replaced by their
        originals."""
        if isinstance(value, Tensor):
            return value
        by_copy = {id(copy): original for original, copy, _ in self._pairs}
        return cast(T, _originals(value, by_copy))


def _originals(value: Any, by_copy: dict[int, Any]) -> Any:
    if id(value) in by_copy:
        return by_copy[id(value)]
    if isinstance(value, Tensor) or is_branch(value):
        return value
    parts = children(value)
    if not parts:
        return value
    new = [_originals(part, by_copy) for _, part in parts]
    if all([n is part for n, (_, part) in zip(new, parts, strict=True)]):
        return value
    return rebuild(value, new)


def _holds(value: Any, changed: dict[int, Any]) -> bool:
    """Whether a field's value is one of these containers or holds one, not in another object."""
    return not changed.keys().isdisjoint(_containers_in(value))


def _containers_in(value: Any) -> Iterator[int]:
    """The `id` of a value and of what it holds, not in an object."""
    yield id(value)
    if not is_branch(value):
        for _, part in children(value) or ():
            yield from _containers_in(part)


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
