"""Trees: the nested values that transformations, optimisers and files walk through.

Lists, tuples, named tuples, dicts, dataclass instances and `nn.Module`s are branches; tensors are
leaves; anything else is static. A branch that is reached twice by the same object is visited once,
so a shared module has one set of leaves, and rebuilding keeps the sharing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

from typedflux.tensor import Tensor

T = TypeVar("T")
Path = tuple[str | int, ...]


@runtime_checkable
class Branch(Protocol):
    """What an object of another kind offers to be a branch: `nn.Module` does."""

    def tree_fields(self) -> dict[str, Any]:
        """The fields that may hold leaves or branches, by name, in order."""
        ...

    def tree_replace(self, fields: dict[str, Any]) -> Any:
        """A copy with these fields in place of its own."""
        ...

    def tree_state(self) -> frozenset[str]:
        """The fields whose leaves are state rather than parameters."""
        ...


def children(value: Any) -> list[tuple[str | int, Any]] | None:
    """The named children of a branch, `None` for anything else."""
    kind = _kind_of(type(value))
    if kind is None:
        return None
    if kind == "sequence":
        return list(enumerate(value))
    if kind == "mapping":
        return list(value.items())
    if kind == "branch":
        return list(value.tree_fields().items())
    if kind == "named tuple":
        return list(zip(value._fields, value, strict=True))
    return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]


def _classify(cls: type) -> str | None:
    """What children instances of `cls` have."""
    if issubclass(cls, (Tensor, type)):
        return None
    if issubclass(cls, Branch):
        return "branch"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "named tuple"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    if issubclass(cls, (list, tuple)):
        return "sequence"
    return "mapping" if issubclass(cls, dict) else None


# Kept for each class, since asking a protocol takes microseconds.
_kind_of: Callable[[type], str | None] = functools.lru_cache(maxsize=4096)(_classify)


def rebuild(value: Any, new: list[Any]) -> Any:
    """A branch like `value` with `new` children, in the order of `children(value)`."""
    kind = type(value)
    if kind is list:
        return new
    if kind is tuple:
        return tuple(new)
    if kind is dict:
        return dict(zip(value, new, strict=True))
    if isinstance(value, Branch):
        return value.tree_replace(dict(zip(value.tree_fields(), new, strict=True)))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return kind(*new)
    if dataclasses.is_dataclass(value):
        copy = object.__new__(kind)
        names = [f.name for f in dataclasses.fields(value)]
        for name, item in zip(names, new, strict=True):
            object.__setattr__(copy, name, item)  # frozen ones and ones with slots too
        return copy
    if isinstance(value, dict):
        copy = value.copy()
        copy.update(zip(value, new, strict=True))
        return copy
    return kind(new)


def map_leaves(
    function: Callable[[Tensor], Any],
    tree: T,
    *,
    state: Callable[[Tensor], Any] | None = None,
    on_copy: Callable[[Any, Any], None] | None = None,
) -> T:
    """`tree` with `function` applied to each leaf; branches without leaves stay themselves.

    A shared branch is rebuilt once; a tensor is passed to `function` each time it occurs.

    Args:
        state: for leaves that are state rather than parameters; `function` by default.
        on_copy: called with each `Branch` object and its copy; all of them are copied then,
            including those without leaves.
    """
    return _Mapper(function, state or function, on_copy).map(tree, False)  # type: ignore[no-any-return]


class _Mapper:
    def __init__(
        self,
        function: Callable[[Tensor], Any],
        state: Callable[[Tensor], Any],
        on_copy: Callable[[Any, Any], None] | None,
    ) -> None:
        self.function = function
        self.state = state
        self.on_copy = on_copy
        self.done: dict[int, Any] = {}
        self.open: set[int] = set()

    def map(self, tree: Any, is_state: bool) -> Any:
        if isinstance(tree, Tensor):
            return self.state(tree) if is_state else self.function(tree)
        parts = children(tree)
        copies = self.on_copy is not None and parts is not None and isinstance(tree, Branch)
        if not parts and not copies:
            return tree
        key = id(tree)
        if key in self.done:
            return self.done[key]
        if key in self.open:
            raise ValueError(f"a {type(tree).__name__} contains itself: trees have no cycles")
        self.open.add(key)
        held = tree.tree_state() if isinstance(tree, Branch) else ()
        new = [self.map(part, is_state or name in held) for name, part in parts or ()]
        self.open.discard(key)
        same = all([n is part for n, (_, part) in zip(new, parts or (), strict=True)])
        result = tree if same and not copies else rebuild(tree, new)
        if copies and self.on_copy is not None:
            self.on_copy(tree, result)
        self.done[key] = result
        return result


def leaves(tree: object) -> list[Tensor]:
    """All leaves in order; those of a shared branch once."""
    return [leaf for _, leaf, _ in iterate(tree)]


def iterate(tree: object) -> Iterator[tuple[Path, Tensor, bool]]:
    """`(path, leaf, is state)` for each leaf, in order; those of a shared branch once."""
    seen: set[int] = set()
    stack: list[tuple[Path, object, bool]] = [((), tree, False)]
    while stack:
        path, value, is_state = stack.pop()
        if isinstance(value, Tensor):
            yield path, value, is_state
            continue
        parts = children(value)
        if not parts or id(value) in seen:
            continue
        seen.add(id(value))
        held = value.tree_state() if isinstance(value, Branch) else ()
        stack.extend(
            [((*path, name), part, is_state or name in held) for name, part in reversed(parts)]
        )


def format_path(path: Path) -> str:
    """How a path reads: `layers[0].weight`.

    >>> format_path(("layers", 0, "weight"))
    'layers[0].weight'
    """
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)
    return text.removeprefix(".")
