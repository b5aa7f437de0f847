"""Trees: the nested values that transformations, optimisers and files walk through.

Lists, tuples, named tuples, dicts, dataclass instances and `nn.Module`s are branches; tensors are
leaves; anything else is static. A branch that is reached twice by the same object is visited once,
so a shared module has one set of leaves, and rebuilding keeps the sharing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeGuard, TypeVar

from typedflux.tensor import Tensor

T = TypeVar("T")
Path = tuple[str | int, ...]


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


def is_branch(value: object) -> TypeGuard[Branch]:
    """Whether `value` offers the methods of `Branch`."""
    return _way_of(type(value)) is _OBJECT


class _Way:
    """How the values of one kind of type are taken apart and put together."""

    __slots__ = ("parts", "together")

    def __init__(
        self,
        parts: Callable[[Any], list[tuple[str | int, Any]]],
        together: Callable[[Any, list[Any]], Any],
    ) -> None:
        self.parts = parts
        self.together = together


def _dataclass_parts(value: Any) -> list[tuple[str | int, Any]]:
    return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]


def _dataclass_together(value: Any, new: list[Any]) -> Any:
    copy = object.__new__(type(value))
    for f, item in zip(dataclasses.fields(value), new, strict=True):
        object.__setattr__(copy, f.name, item)  # frozen ones and ones with slots too
    return copy


def _dict_together(value: Any, new: list[Any]) -> Any:
    if type(value) is dict:
        return dict(zip(value, new, strict=True))
    copy = value.copy()  # keeps what else the subclass holds, such as a default factory
    copy.update(zip(value, new, strict=True))
    return copy


_OBJECT = _Way(
    lambda value: list(value.tree_fields().items()),
    lambda value, new: value.tree_replace(dict(zip(value.tree_fields(), new, strict=True))),
)
_SEQUENCE = _Way(lambda value: list(enumerate(value)), lambda value, new: type(value)(new))
_DICT = _Way(lambda value: list(value.items()), _dict_together)
_NAMED_TUPLE = _Way(
    lambda value: list(zip(value._fields, value, strict=True)),
    lambda value, new: type(value)(*new),
)
_DATACLASS = _Way(_dataclass_parts, _dataclass_together)
_ways: dict[type, _Way | None] = {Tensor: None, list: _SEQUENCE, tuple: _SEQUENCE, dict: _DICT}


def _way_of(kind: type) -> _Way | None:
    """The way for a type, `None` for leaves and static values; looked up once per type."""
    try:
        return _ways[kind]
    except KeyError:
        way: _Way | None = None
        if issubclass(kind, (Tensor, type)):
            way = None
        elif hasattr(kind, "tree_fields"):
            way = _OBJECT
        elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
            way = _NAMED_TUPLE
        elif dataclasses.is_dataclass(kind):
            way = _DATACLASS
        elif issubclass(kind, (list, tuple)):
            way = _SEQUENCE
        elif issubclass(kind, dict):
            way = _DICT
        _ways[kind] = way
        return way


def children(value: object) -> list[tuple[str | int, Any]] | None:
    """The named children of a branch, `None` for anything else."""
    way = _way_of(type(value))
    return None if way is None else way.parts(value)


def rebuild(value: Any, new: list[Any]) -> Any:
    """A branch like `value` with `new` children, in the order of `children(value)`."""
    way = _way_of(type(value))
    assert way is not None
    return way.together(value, new)


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
        self.done: dict[int, tuple[Any, Any]] = {}
        """By id: the branch, kept so that no other gets its id, and its copy."""
        self.open: set[int] = set()

    def map(self, tree: Any, is_state: bool) -> Any:
        if isinstance(tree, Tensor):
            return self.state(tree) if is_state else self.function(tree)
        parts = children(tree)
        branch = parts is not None and is_branch(tree)
        copies = branch and self.on_copy is not None
        if not parts and not copies:
            return tree
        key = id(tree)
        if key in self.done:
            return self.done[key][1]
        if key in self.open:
            raise ValueError(f"a {type(tree).__name__} contains itself: trees have no cycles")
        self.open.add(key)
        held = tree.tree_state() if branch else ()
        new = [self.map(part, is_state or name in held) for name, part in parts or ()]
        self.open.discard(key)
        same = all([n is part for n, (_, part) in zip(new, parts or (), strict=True)])
        result = tree if same and not copies else rebuild(tree, new)
        if copies and self.on_copy is not None:
            self.on_copy(tree, result)
        self.done[key] = tree, result
        return result


def leaves(tree: object) -> list[Tensor]:
    """All leaves in order; those of a shared branch once."""
    return [leaf for _, leaf, _ in iterate(tree)]


def replace_leaves(tree: T, new: Iterable[Any]) -> T:
    """`tree` with its leaves replaced by `new` ones, in order."""
    remaining = iter(new)
    return map_leaves(lambda _: next(remaining), tree)


def iterate(tree: object) -> Iterator[tuple[Path, Tensor, bool]]:
    """`(path, leaf, is state)` for each leaf, in order; those of a shared branch once."""
    seen: dict[int, object] = {}  # the branches too, so that no other gets the id of one
    stack: list[tuple[Path, object, bool]] = [((), tree, False)]
    while stack:
        path, value, is_state = stack.pop()
        if isinstance(value, Tensor):
            yield path, value, is_state
            continue
        parts = children(value)
        if not parts or id(value) in seen:
            continue
        seen[id(value)] = value
        held = value.tree_state() if is_branch(value) else ()
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
