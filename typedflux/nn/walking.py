"""Walking through models: their modules and tensors by path, each where it is found first.

Modules that are reached only through `nn.tied` come last, so that a tied parameter has the path of
the module that it lives in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from typedflux.core.tree import Path, children, is_branch
from typedflux.nn.module import TIES, Module, buffers
from typedflux.tensor import Tensor


class Leaf(NamedTuple):
    """A tensor in a model."""

    path: Path
    tensor: Tensor
    state: bool
    frozen: bool

    @property
    def parameter(self) -> bool:
        """Whether it is a parameter, frozen or not."""
        return self.tensor.dtype.is_inexact and not self.state

    @property
    def trainable(self) -> bool:
        """Whether an update changes it."""
        return self.parameter and not self.frozen


def walk(
    tree: object, *, ties: bool = True, seen: dict[int, object] | None = None
) -> Iterator[Leaf | tuple[Path, Module]]:
    """The tensors under `tree`, and its modules with their paths, each module before its parts.

    Args:
        ties: whether to follow `nn.tied` to modules elsewhere.
        seen: branches that are passed over, by id; those that are walked through are added. It
            keeps them, so that no id is used again meanwhile.
    """
    seen = {} if seen is None else seen
    waiting: deque[tuple[Path, object, bool, bool]] = deque([((), tree, False, False)])
    while waiting:
        stack = [waiting.popleft()]
        while stack:
            path, value, state, kept = stack.pop()
            if isinstance(value, Tensor):
                yield Leaf(path, value, state, kept and not state)
                continue
            parts = children(value)
            if parts is None or id(value) in seen:
                continue
            seen[id(value)] = value
            if isinstance(value, Module):
                yield path, value
            held_state = held_as_state(value)
            held = value.tree_state() if is_branch(value) else held_state  # as derivatives see it
            inside = [
                ((*path, name), part, state or name in held_state, kept or name in held)
                for name, part in reversed(parts)
            ]
            if isinstance(value, Module) and parts and parts[-1][0] == TIES:
                waiting.extend(inside[:1] if ties else ())
                del inside[0]
            stack.extend(inside)


def held_as_state(value: object) -> frozenset[str]:
    """The fields of a branch that hold state: buffers, whether or not the module is frozen."""
    if isinstance(value, Module):
        return buffers(value)
    return value.tree_state() if is_branch(value) else frozenset()


def tensors_in(
    tree: object, *, ties: bool = True, seen: dict[int, object] | None = None
) -> Iterator[Leaf]:
    """The tensors under `tree`; see `walk`."""
    return (item for item in walk(tree, ties=ties, seen=seen) if isinstance(item, Leaf))


def modules_in(tree: object, *, ties: bool = True) -> Iterator[tuple[Path, Module]]:
    """The modules under `tree`, itself included, with their paths."""
    return (item for item in walk(tree, ties=ties) if not isinstance(item, Leaf))


def places_of(tree: Any) -> dict[int, Path]:
    """The path of each module under `tree`, by its id."""
    return {id(module): path for path, module in modules_in(tree)}
