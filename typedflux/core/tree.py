"""Trees: the nested values that transformations, optimisers and files walk through.

Lists, tuples, named tuples, dicts, dataclass instances and `nn.Module`s are branches; tensors are
leaves; anything else is static. A branch that is reached twice by the same object is visited once,
so a shared module has one set of leaves, and rebuilding keeps the sharing.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeGuard, TypeVar

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

    __slots__ = ("apart", "together")

    def __init__(
        self,
        apart: Callable[[Any], tuple[Sequence[str | int], list[Any]]],
        together: Callable[[Any, Sequence[str | int], list[Any]], Any],
    ) -> None:
        self.apart = apart
        """To the names of the children, and the children."""
        self.together = together
        """From a value, the names of its children and new children."""


def _object_apart(value: Any) -> tuple[list[str | int], list[Any]]:
    fields = value.tree_fields()
    return list(fields), list(fields.values())


def _dataclass_apart(value: Any) -> tuple[list[str | int], list[Any]]:
    names = [f.name for f in dataclasses.fields(value)]
    return [*names], [getattr(value, name) for name in names]


def _dataclass_together(value: Any, names: Sequence[str | int], new: list[Any]) -> Any:
    copy = object.__new__(type(value))
    for name, item in zip(names, new, strict=True):
        object.__setattr__(copy, str(name), item)  # frozen ones and ones with slots too
    return copy


def _dict_together(value: Any, names: Sequence[str | int], new: list[Any]) -> Any:
    if type(value) is dict:
        return dict(zip(names, new, strict=True))
    copy = value.copy()  # keeps what else the subclass holds, such as a default factory
    copy.update(zip(names, new, strict=True))
    return copy


_OBJECT = _Way(
    _object_apart,
    lambda value, names, new: value.tree_replace(dict(zip(names, new, strict=True))),
)
_SEQUENCE = _Way(
    lambda value: (range(len(value)), list(value)), lambda value, names, new: type(value)(new)
)
_DICT = _Way(lambda value: (list(value), list(value.values())), _dict_together)
_NAMED_TUPLE = _Way(
    lambda value: (value._fields, list(value)), lambda value, names, new: type(value)(*new)
)
_DATACLASS = _Way(_dataclass_apart, _dataclass_together)
_LEAF = _Way(lambda value: ((), []), lambda value, names, new: value)
_ways: dict[type, _Way | None] = {Tensor: _LEAF, list: _SEQUENCE, tuple: _SEQUENCE, dict: _DICT}


def _way_of(kind: type) -> _Way | None:
    """The way for a type, `None` for static values; looked up once per type."""
    try:
        return _ways[kind]
    except KeyError:
        way: _Way | None = None
        if issubclass(kind, Tensor):
            way = _LEAF
        elif issubclass(kind, type):
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
    if way is None or way is _LEAF:
        return None
    return list(zip(*way.apart(value), strict=True))


def rebuild(value: Any, new: list[Any]) -> Any:
    """A branch like `value` with `new` children, in the order of `children(value)`."""
    way = _way_of(type(value))
    assert way is not None and way is not _LEAF
    return way.together(value, way.apart(value)[0], new)


OnCopy: TypeAlias = Callable[[Any, Any], None]


class _Step:
    """How one branch is put together: from its children as they are, but for these places."""

    __slots__ = ("branch", "branches", "leaves", "names", "parts", "way")

    def __init__(
        self, branch: Any, way: _Way, names: Sequence[str | int], parts: list[Any],
        leaves: list[tuple[int, int]], branches: list[tuple[int, int]],
    ) -> None:  # fmt: skip
        self.branch = branch
        self.way = way
        self.names = names
        self.parts = parts
        self.leaves = leaves
        """`(place, number of the leaf)`."""
        self.branches = branches
        """`(place, number of the step that makes the branch)`."""


class Unfolded:
    """A tree taken apart in one walk, to be put together with other leaves as often as wanted.

    Attributes:
        leaves: in order; a tensor each time it occurs, those of a shared branch once.
        states: for each, whether it is state rather than a parameter.

    Raises:
        ValueError: when a branch contains itself.
    """

    __slots__ = ("_done", "_open", "_root", "_steps", "_tree", "leaves", "states")

    def __init__(self, tree: Any) -> None:
        self.leaves: list[Tensor] = []
        self.states: list[bool] = []
        self._steps: list[_Step] = []
        self._done: dict[int, tuple[Any, int]] = {}
        """By id: the branch, kept so that no other gets its id, and its step, or -1."""
        self._open: set[int] = set()
        self._tree = tree
        self._root = -1
        way = _way_of(type(tree))
        if way is _LEAF:
            self.leaves.append(tree)
            self.states.append(False)
        elif way is not None:
            self._root = self._visit(tree, way, False)

    def _visit(self, branch: Any, way: _Way, is_state: bool) -> int:
        key = id(branch)
        known = self._done.get(key)
        if known is not None:
            return known[1]
        if key in self._open:
            raise ValueError(f"a {type(branch).__name__} contains itself: trees have no cycles")
        self._open.add(key)
        names, parts = way.apart(branch)
        held = branch.tree_state() if way is _OBJECT and parts else ()
        leaves: list[tuple[int, int]] = []
        branches: list[tuple[int, int]] = []
        for place, part in enumerate(parts):
            inner = _way_of(type(part))
            if inner is None:
                continue
            is_held = is_state or (names[place] in held if held else False)
            if inner is _LEAF:
                leaves.append((place, len(self.leaves)))
                self.leaves.append(part)
                self.states.append(is_held)
                continue
            number = self._visit(part, inner, is_held)
            if number >= 0:
                branches.append((place, number))
        self._open.discard(key)
        step = -1
        if leaves or branches or way is _OBJECT or type(branch) in (list, dict):
            step = len(self._steps)
            self._steps.append(_Step(branch, way, names, parts, leaves, branches))
        self._done[key] = branch, step
        return step

    def fold(self, leaves: Sequence[Any], on_copy: OnCopy | None = None) -> Any:
        """The tree with `leaves` in the place of its own; branches in which nothing changes stay
        themselves.

        Args:
            on_copy: called with each `Branch` object, list, dict and dataclass instance and its
                copy; all of them are copied then, including objects, lists and dicts without
                leaves.
        """
        if self._root < 0:
            return leaves[0] if self.leaves else self._tree
        made: list[Any] = []
        for step in self._steps:
            way, parts = step.way, step.parts
            new = parts.copy()
            for place, number in step.leaves:
                new[place] = leaves[number]
            for place, number in step.branches:
                new[place] = made[number]
            if on_copy is not None:
                is_copied = way is _OBJECT or type(step.branch) in (list, dict)
            else:
                is_copied = False
            if not is_copied and all(map(operator.is_, new, parts)):
                made.append(step.branch)
                continue
            result = way.together(step.branch, step.names, new)
            if on_copy is not None and (is_copied or is_mutable(step.branch)):
                on_copy(step.branch, result)
            made.append(result)
        return made[self._root]


def is_mutable(value: object) -> bool:
    """Whether what a branch holds can be replaced in place."""
    if isinstance(value, tuple):
        return False
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is None or not parameters.frozen


def refill(branch: Any, like: Any) -> None:
    """Make a list, dict or dataclass instance hold what another of its kind holds."""
    if isinstance(branch, list):
        branch[:] = like
    elif isinstance(branch, dict):
        items = list(like.items())
        branch.clear()
        branch.update(items)
    else:
        for name, item in children(like) or ():
            if getattr(branch, str(name)) is not item:
                setattr(branch, str(name), item)


def contents(container: Any) -> list[Any]:
    """What a list, dict or dataclass instance holds, keys included: to tell later whether that has
    changed."""
    if isinstance(container, list):
        return [*container]
    if isinstance(container, dict):
        return [*container, *container.values()]
    return [part for _, part in children(container) or ()]


def are_same(a: list[Any], b: list[Any]) -> bool:
    """Whether two lists hold the very same objects."""
    return len(a) == len(b) and all(map(operator.is_, a, b))


def map_leaves(
    function: Callable[[Tensor], Any],
    tree: T,
    *,
    state: Callable[[Tensor], Any] | None = None,
    on_copy: OnCopy | None = None,
) -> T:
    """`tree` with `function` applied to each leaf; branches without leaves stay themselves.

    A shared branch is rebuilt once; a tensor is passed to `function` each time it occurs.

    Args:
        state: for leaves that are state rather than parameters; `function` by default.
        on_copy: see `Unfolded.fold`.
    """
    if isinstance(tree, Tensor):
        return function(tree)  # type: ignore[no-any-return]
    unfolded = Unfolded(tree)
    if state is None:
        new = [function(leaf) for leaf in unfolded.leaves]
    else:
        new = [
            state(leaf) if is_state else function(leaf)
            for leaf, is_state in zip(unfolded.leaves, unfolded.states, strict=True)
        ]
    return unfolded.fold(new, on_copy)  # type: ignore[no-any-return]


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
