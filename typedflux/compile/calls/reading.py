"""What a record knows of the arguments of its calls, and how it follows what is replaced there."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from typedflux.compile.calls.anchors import Anchor, anchor_of
from typedflux.compile.signature import flatten
from typedflux.core.tree import children
from typedflux.tensor import Tensor


class UnreadableError(Exception):
    """These arguments, or what the function does to them, take the general way each time."""


@dataclass(slots=True, eq=False)
class Leaf:
    """A tensor that is an input of the graph.

    Attributes:
        anchor: that of a tensor in a module; `None` for one among the arguments themselves.
        place: of the latter, in what `enter` returns.
    """

    dtype: Any
    shape: tuple[int, ...]
    anchor: Anchor | None = None
    place: int = -1


@dataclass(slots=True, eq=False)
class Field:
    """A field of a module that holds tensors, itself or in tuples and the like.

    Attributes:
        anchor: the name of the anchor of its value.
        leaves: numbers of the inputs that its tensors are.
        containers: the anchors of the containers, the outermost first.
        key: of the value, as `flatten` has it.
        names: of the containers' anchors.
    """

    owner: dict[str, Any]
    name: str
    anchor: str
    leaves: list[int]
    containers: list[Anchor]
    key: Hashable
    names: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Slot:
    """Where a module or a container is expected, within a module that is known.

    Attributes:
        name: of what is there, in the code.
        fields_name: of a module's `__dict__`.
        branch: the module's place in `Reading.branches`.
        fields: of the module, those that hold tensors.
    """

    name: str
    kind: type
    fields_name: str = ""
    branch: int = -1
    fields: list[Field] = field(default_factory=list)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Reading:
    """What is known of the arguments of a call.

    Attributes:
        names: what the code refers to: its global variables.
        owners: by id of each module, and of each container of tensors or modules: the slot or the
            field that it is in. It is in no other: that would tie them.
        branches: the modules, in the order of `Flattened.branches`.
        dynamic: the leaves among the arguments themselves.
        sizes: names of symbolic sizes, in the order in which `enter` returns their values.
    """

    leaves: list[Leaf] = field(default_factory=list)
    fields: dict[tuple[int, str], Field] = field(default_factory=dict)
    branches: list[weakref.ref[Any]] = field(default_factory=list)
    dynamic: list[int] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    owners: dict[int, Any] = field(default_factory=dict)
    version: int = 0
    """Grows when something in a module is found replaced."""
    enter: Callable[[tuple[Any, ...], dict[str, Any]], Any] = lambda args, kwargs: None


def renew(reading: Reading, field: Field, value: Any) -> None:
    """Take over another value of a field, with tensors of the same types.

    Raises:
        ValueError: when they are not.
    """
    flat = flatten(value)
    if flat.key != field.key:
        raise ValueError("another structure")
    for tensor, number in zip(flat.leaves, field.leaves, strict=True):
        leaf = reading.leaves[number]
        if type(tensor) is not Tensor or tensor._data.shape != leaf.shape:
            raise ValueError("another shape")
        if tensor._data.dtype != leaf.dtype:
            raise ValueError("another dtype")
    containers: list[Anchor] = []
    _anchor_containers(value, containers, set())
    if len(containers) != len(field.names):
        raise ValueError("a container that is in two places")
    for anchor in containers:
        if reading.owners.get(id(anchor.value), field) is not field:
            raise ValueError("a container that is in two places")
    for anchor in field.containers:
        reading.owners.pop(id(anchor.value), None)
    for anchor in containers:
        reading.owners[id(anchor.value)] = field
    for tensor, number in zip(flat.leaves, field.leaves, strict=True):
        reading.leaves[number].anchor = anchor_of(tensor)
    field.containers[:] = containers
    reading.names.update(zip(field.names, containers, strict=True))
    reading.names[field.anchor] = containers[0] if containers else anchor_of(value)
    reading.version += 1


def adopt(reading: Reading, slot: Slot, value: Any) -> None:
    """Expect another module or container in a slot from now on; what is in it is verified next.

    Raises:
        ValueError: when it is of another kind, or is in another slot too.
    """
    if type(value) is not slot.kind or id(value) in reading.owners:
        raise ValueError("another kind")
    del reading.owners[id(reading.names[slot.name])]
    reading.owners[id(value)] = slot
    reading.names[slot.name] = value
    if slot.fields_name:
        fields = reading.names[slot.fields_name] = value.__dict__
        reading.branches[slot.branch] = weakref.ref(value)
        for found in slot.fields:
            found.owner = fields
    reading.version += 1


def same(reading: Reading, field: Field, value: Any) -> bool:
    """Whether a container that can be changed holds what it held."""
    flat = flatten(value)
    if flat.key != field.key:
        return False
    known = [reading.leaves[number].anchor for number in field.leaves]
    return all([a is not None and a.value is t for a, t in zip(known, flat.leaves, strict=True)])


def _anchor_containers(value: Any, found: list[Anchor], seen: set[int]) -> None:
    parts = children(value)
    if parts is not None and id(value) not in seen:
        seen.add(id(value))
        found.append(anchor_of(value))
        for _, part in parts:
            _anchor_containers(part, found, seen)
