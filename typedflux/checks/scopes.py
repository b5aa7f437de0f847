"""What the names of one call stand for, kept where jaxtyping keeps it.

A call of a checked function pushes its bindings on jaxtyping's own stack for as long as the body
runs. So `isinstance(x, Float[Tensor, "n"])` in the body, written with jaxtyping's classes, sees the
sizes that the arguments have bound, and what it binds counts for the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import _storage

from typedflux.shapes.unify import Bindings

Memo = tuple[
    dict[str, Any], dict[str, tuple[bool, tuple[Any, ...]]], dict[str, Any], dict[str, Any]
]
"""Jaxtyping's form: single names, starred ones (whether they may still widen, and their shape),
structures of trees, and the arguments of the call."""


def stack() -> list[Memo]:
    """The scopes of this thread, the innermost last."""
    try:
        found: list[Memo] = _storage._shape_storage.memo_stack
    except AttributeError:
        found = _storage._shape_storage.memo_stack = []
    return found


@dataclass(slots=True)
class Scope:
    """The bindings of one call while it is verified step by step."""

    bindings: Bindings = field(default_factory=Bindings)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    trees: dict[str, Any] = field(default_factory=dict)
    elements: int | None = None
    """How many elements of a container are looked at, all for `None`."""

    def memo(self) -> Memo:
        """The same in jaxtyping's form."""
        bindings = self.bindings
        variadic = {k: (k in bindings.widening, v) for k, v in bindings.variadic.items()}
        return dict(bindings.single), variadic, self.trees, dict(self.arguments)

    def copy(self) -> Scope:
        """An independent copy."""
        return Scope(self.bindings.copy(), self.arguments, dict(self.trees), self.elements)

    def restore(self, other: Scope) -> None:
        """Take over the bindings of `other`."""
        self.bindings = other.bindings
        self.trees = other.trees


def scope_of(memo: Memo, elements: int | None = None) -> Scope:
    """The scope that a memo of jaxtyping's describes."""
    single, variadic, trees, arguments = memo
    bindings = Bindings(
        dict(single),
        {name: tuple(shape) for name, (_, shape) in variadic.items()},
        {name for name, (widening, _) in variadic.items() if widening},
    )
    return Scope(bindings, arguments, trees, elements)
