"""Slots: where in a tree the tensors are, and how another tensor is put there.

A tensor is replaced by assigning to a field of the module that holds it, also where the field holds
a list, tuple or dict of tensors, which is then rebuilt: transformations see such assignments.
Outside of modules, lists, dicts and dataclasses change in place; transformations see that of those
among their arguments.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from typedflux.core.tracing import Tracer
from typedflux.core.tree import Path, children, is_branch, rebuild

Name = str | int


class Place(NamedTuple):
    """Where a value is: in `field` of `owner`, at `inner` within the containers there."""

    owner: Any
    field: Name
    inner: Path

    def child(self, holder: object, name: Name) -> Place:
        """The place of the child `name` of `holder`, which is at this place."""
        if is_branch(holder) or (not is_branch(self.owner) and is_mutable(holder)):
            return Place(holder, name, ())
        return self._replace(inner=(*self.inner, name))


ROOT = Place(None, "", ())


def put(changes: Iterable[tuple[Place, Any]]) -> None:
    """Put each tensor, or other leaf, at its place.

    Raises:
        TypeError: where nothing that can be assigned to holds the place; nothing is changed then.
    """
    grouped: dict[tuple[int, Name], tuple[Place, dict[Path, Any]]] = {}
    for place, tensor in changes:
        if place.owner is None:
            raise TypeError(
                "a bare tensor, a tuple or a frozen dataclass cannot be changed in place: hold it "
                "in a field of a module"
            )
        if isinstance(tensor, Tracer) and not is_branch(place.owner) and not _is_staged(place):
            raise TypeError(
                f"a {type(place.owner).__name__} of tensors cannot be changed inside jit or a "
                "gradient of which it is no argument: pass it as one, or hold it in a field of a "
                "module"
            )
        key = (id(place.owner), place.field)
        grouped.setdefault(key, (place, {}))[1][place.inner] = tensor
    values = [
        (place.owner, place.field, replaced(get(place.owner, place.field), new))
        for place, new in grouped.values()
    ]
    for owner, field, value in values:
        if isinstance(owner, (list, dict)) and not is_branch(owner):
            owner[field] = value  # type: ignore[index]
        else:
            setattr(owner, str(field), value)


def _is_staged(place: Place) -> bool:
    """Whether what is changed is a transformation's copy, whose changes take effect."""
    present = get(place.owner, place.field)
    for name in place.inner:
        present = get(present, name)
    return isinstance(present, Tracer)


def get(holder: Any, name: Name) -> Any:
    """The child of a branch by name.

    Raises:
        KeyError: when it has none of that name.
    """
    if is_branch(holder) or dataclasses.is_dataclass(holder):
        try:
            return getattr(holder, str(name))
        except AttributeError:
            raise KeyError(name) from None
    if isinstance(holder, tuple) and hasattr(holder, "_fields"):
        return getattr(holder, str(name))
    try:
        return holder[name]
    except (IndexError, TypeError):
        raise KeyError(name) from None


def is_mutable(holder: object) -> bool:
    """Whether a container's items can be assigned to."""
    if isinstance(holder, tuple) or children(holder) is None:
        return False
    parameters = getattr(type(holder), "__dataclass_params__", None)
    return parameters is None or not parameters.frozen


def replaced(value: Any, new: Mapping[Path, Any]) -> Any:
    """`value` rebuilt with other leaves, by path."""
    if () in new:
        return new[()]
    parts = children(value) or []
    items = []
    for name, part in parts:
        below = {path[1:]: tensor for path, tensor in new.items() if path[0] == name}
        items.append(replaced(part, below) if below else part)
    return rebuild(value, items)
