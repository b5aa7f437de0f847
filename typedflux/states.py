"""The tensors of a model as plain nested containers, and back: `state` and `load_state`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from typedflux import ops
from typedflux.core.primitive import type_of
from typedflux.core.tree import Path, children, format_path
from typedflux.nn.module import TIES, Module, ties
from typedflux.nn.walking import modules_in
from typedflux.optim.slots import ROOT, Place, put, replaced
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

T = TypeVar("T")


def state(model: object) -> Any:
    """The tensors of a model, parameters and others, in dicts, lists and tuples like its fields.

    What holds no tensor is left out, or is an empty dict where a list or tuple needs a place for
    it. Tensors do not change, so the state stays what it was when the model is trained further.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> flux.state(nn.Chain(flux.relu, nn.Scale(2)))
    {'layers': ({}, {'scale': Tensor([1., 1.], float32), 'bias': Tensor([0., 0.], float32)})}
    """
    return _State(model).of(model)


def load_state(model: T, state: object) -> T:
    """Put the tensors of `state`, as `flux.state` gives them, into `model`; returns the model.

    The model changes in place; a bare tensor or tuple is returned anew. Everything must fit: names,
    shapes and dtypes.

    Args:
        state: nested containers of tensors or NumPy arrays; or another model, whose state is taken.

    Raises:
        ShapeError: listing every entry that is missing, unexpected, or of another shape or dtype.
            Nothing is loaded then.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Dense(2, 3)
    >>> flux.load_state(model, {"weight": flux.ones((3, 3)), "scale": flux.ones(3)})
    Traceback (most recent call last):
        ...
    typedflux.shapes.errors.ShapeError: this state does not fit this Dense, ...:
      weight: wanted Float32[Tensor, "3 2"], got Float32[Tensor, "3 3"]
      bias: missing in the state
      scale: in the state, but not in the model
    """
    if isinstance(state, Module):
        state = _State(state).of(state)
    fitting = _Fitting(model)
    fitting.fit(model, state, (), ROOT)
    problems = fitting.problems()
    if problems:
        raise ShapeError(
            f"this state does not fit this {type(model).__name__}, into which nothing was loaded:"
            + "".join(f"\n  {problem}" for problem in problems)
        )
    put((place, tensor) for place, tensor in fitting.found if place.owner is not None)
    loose = {place.inner: tensor for place, tensor in fitting.found if place.owner is None}
    return replaced(model, loose) if loose else model


class _Parts:
    """The parts of the branches of a tree that have a place in its state."""

    def __init__(self, root: object) -> None:
        self.held = {id(module) for _, module in modules_in(root, ties=False)}

    def of(self, value: object) -> list[tuple[str | int, Any]]:
        """By name; those of a sequence all, others as far as they hold tensors."""
        parts = self._all(value)
        return parts if _is_sequence(value) else [p for p in parts if self.hold(p[1])]

    def hold(self, value: object) -> bool:
        """Whether there is a tensor in `value`."""
        return isinstance(value, Tensor) or any(self.hold(part) for _, part in self._all(value))

    def _all(self, value: object) -> list[tuple[str | int, Any]]:
        """The parts; a module that only tied parameters lead to is a part of the one with those."""
        parts = [(name, part) for name, part in children(value) or () if name != TIES]
        if isinstance(value, Module):
            away = [t.module for t in ties(value).values() if id(t.module) not in self.held]
            parts += [(TIES, away)] if away else []
        return parts


class _State:
    def __init__(self, root: object) -> None:
        self.parts = _Parts(root)
        self.done: dict[int, tuple[object, Any]] = {}  # keeps what its ids belong to

    def of(self, value: object) -> Any:
        if isinstance(value, Tensor):
            return value
        if id(value) not in self.done:
            found = {name: self.of(part) for name, part in self.parts.of(value)}
            content: Any = found
            if _is_sequence(value) and self.parts.hold(value):
                content = (tuple if isinstance(value, tuple) else list)(found.values())
            self.done[id(value)] = (value, content)
        return self.done[id(value)][1]


class _Fitting:
    """Compares a tree with a state and notes which tensor goes where, or what is wrong."""

    def __init__(self, root: object) -> None:
        self.parts = _Parts(root)
        self.noted: list[tuple[Path, str | None, Any]] = []
        self.found: list[tuple[Place, Tensor]] = []
        self.seen: dict[int, tuple[Path, object, object]] = {}

    def problems(self) -> list[str]:
        """What is wrong, in order. A shared branch that one place lacks may stand in another."""
        found = []
        for path, reason, part in self.noted:
            if reason is not None:
                found.append(f"{format_path(path) or 'the whole'}: {reason}")
            else:
                lacking = self.missing(part, path)
                found += [f"{format_path(p)}: missing in the state" for p in lacking]
        return found

    def missing(self, part: Any, path: Path) -> Iterator[Path]:
        """The tensors that are missing with a part."""
        if isinstance(part, Tensor):
            yield path
        elif id(part) not in self.seen:
            for name, inner in self.parts.of(part):
                yield from self.missing(inner, (*path, name))

    def fit(self, value: Any, given: Any, path: Path, place: Place) -> None:
        if isinstance(value, Tensor):
            self.leaf(value, given, path, place)
            return
        if id(value) in self.seen and children(value):
            self.again(value, given, path)
            return
        self.seen[id(value)] = (path, given, value)  # kept, so that its id is not used again
        parts = self.parts.of(value)
        entries = _entries(given)
        if entries is None:
            if self.parts.hold(value):
                kind = "a list or tuple" if _is_sequence(value) else "a dict"
                self.problem(path, f"wanted {kind}, got {_describe(given)}")
            elif given is not None:
                self.unexpected(given, path)
            return
        for name, part in parts:
            if name in entries:
                inner = ROOT if name == TIES else place.child(value, name)
                self.fit(part, entries[name], (*path, name), inner)
            else:
                self.noted.append(((*path, name), None, part))
        known = {name for name, _ in parts}
        for name, extra in entries.items():
            if name not in known:
                self.unexpected(extra, (*path, name))

    def leaf(self, value: Tensor, given: Any, path: Path, place: Place) -> None:
        if isinstance(given, (np.ndarray, np.generic)):
            given = ops.asarray(given)
        if not isinstance(given, Tensor):
            self.problem(path, f"wanted {type_of(value)}, got {_describe(given)}")
        elif type_of(given) != type_of(value):
            self.problem(path, f"wanted {type_of(value)}, got {type_of(given)}")
        else:
            self.found.append((place, given))

    def again(self, value: Any, given: Any, path: Path) -> None:
        """A shared branch: the state must say the same of it in both places."""
        first, other, _ = self.seen[id(value)]
        if given is not other and not _same(given, other):
            self.problem(path, f"differs from {format_path(first)}, with which it is shared")

    def unexpected(self, given: Any, path: Path) -> None:
        entries = _entries(given)
        if entries is None:
            self.problem(path, "in the state, but not in the model")
        for name, inner in (entries or {}).items():
            self.unexpected(inner, (*path, name))

    def problem(self, path: Path, reason: str) -> None:
        self.noted.append((path, reason, None))


def _is_sequence(value: object) -> bool:
    return isinstance(value, (list, tuple)) and not hasattr(value, "_fields")


def _entries(given: Any) -> dict[str | int, Any] | None:
    """What a container of a state holds by name, `None` for what is no container."""
    if isinstance(given, dict):
        return given
    return dict(enumerate(given)) if isinstance(given, (list, tuple)) else None


def _leaves(given: Any) -> Iterator[Any]:
    entries = _entries(given)
    if entries is None:
        yield given
    for inner in (entries or {}).values():
        yield from _leaves(inner)


def _same(a: Any, b: Any) -> bool:
    first, second = list(_leaves(a)), list(_leaves(b))
    return len(first) == len(second) and all(
        x is y or np.array_equal(np.asarray(x), np.asarray(y), equal_nan=True)
        for x, y in zip(first, second, strict=True)
    )


def _describe(given: Any) -> str:
    return str(type_of(given)) if isinstance(given, Tensor) else f"a {type(given).__name__}"
