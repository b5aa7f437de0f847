"""Which axes of a function's arguments its annotations name: those that stay symbolic under `jit`.

Names in the annotations of containers count as those of single tensors do, and so do names in the
fields of dataclasses, named tuples and typed dicts. The latter belong to the object: `n` of the
argument `batch` is the size `batch.n`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, cast

import typing_extensions

from typedflux.checks.annotations import (
    ContainerExpectation,
    Expectation,
    TensorExpectation,
    UnionExpectation,
    read,
    resolve_annotations,
)
from typedflux.shapes.spec import NamedAxis, VariadicAxis
from typedflux.tensor import Tensor

Named = dict[int, list[str | None]]
"""For each tensor, by `id`: the name of each axis, `None` for one that has none."""

_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


class SymbolicAxes:
    """Which axes of a function's tensor arguments its annotations name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.annotations: dict[str, Any] = {}
        self.expected: dict[str, Expectation | None] = {}
        try:
            self.signature: inspect.Signature | None = inspect.signature(function)
        except (TypeError, ValueError):
            self.signature = None  # a builtin: nothing is annotated
            return
        target = _annotated(function)
        if hasattr(target, "__module__"):
            self.annotations = resolve_annotations(target, {})
            self.expected = {name: read(a) for name, a in self.annotations.items()}

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Named:
        """For each annotated tensor in these arguments, by `id`: the name of each axis."""
        found: Named = {}
        if not self.expected or self.signature is None:
            return found
        for name, value in self.signature.bind(*args, **kwargs).arguments.items():
            if name not in self.expected:
                continue
            kind = self.signature.parameters[name].kind
            given = [value]
            if kind is inspect.Parameter.VAR_POSITIONAL:
                given = list(value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                given = list(value.values())
            for item in given:
                _add(item, self.expected[name], found, "")
                _add_fields(item, self.annotations[name], found, f"{name}.")
        return found


def _annotated(function: Any) -> Any:
    """What holds the annotations of a callable."""
    if isinstance(function, functools.partial):
        return _annotated(function.func)
    if isinstance(function, _FUNCTIONS) or "__annotations__" in getattr(function, "__dict__", ()):
        return function
    return function if isinstance(function, type) else type(function).__call__


def _add(value: Any, expected: Expectation | None, found: Named, owner: str) -> None:
    """Add the names of the tensors in `value`. Names of an object's fields follow its own."""
    if isinstance(value, Tensor):
        tensors: tuple[TensorExpectation, ...] = ()
        if isinstance(expected, TensorExpectation):
            tensors = (expected,)
        elif isinstance(expected, UnionExpectation):
            tensors = expected.tensors
        if len(tensors) == 1:
            names = [n and owner + n for n in _axis_names(tensors[0], value.ndim)]
            if len(names) == value.ndim:
                found[id(value)] = names
        return
    if isinstance(expected, UnionExpectation):
        containers = [e for e in expected.alternatives if isinstance(e, ContainerExpectation)]
        expected = containers[0] if len(containers) == 1 else None
    if not isinstance(expected, ContainerExpectation):
        return
    items = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(items, (list, tuple)):
        return  # what can be gone through once only, for example
    each = [expected.items] * len(items) if expected.fixed is None else expected.fixed
    for item, wanted in zip(items, each, strict=False):
        _add(item, wanted, found, owner)


def _add_fields(value: Any, annotation: Any, found: Named, owner: str) -> None:
    """Add the names of the tensors in the fields of a record."""
    kind = type(value)
    if isinstance(value, dict):
        kind = next(
            (k for k in _alternatives(annotation) if typing_extensions.is_typeddict(k)), kind
        )
    for name, (expected, inner) in _fields_of(cast(Hashable, kind)).items():
        item = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        _add(item, expected, found, owner)
        _add_fields(item, inner, found, f"{owner}{name}.")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return typing.get_args(annotation)
    return (annotation,)


@functools.lru_cache(maxsize=256)
def _fields_of(kind: Any) -> dict[str, tuple[Expectation | None, Any]]:
    """What the fields of a kind of record are annotated with; none for anything else."""
    is_named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    if not (
        dataclasses.is_dataclass(kind) or is_named_tuple or typing_extensions.is_typeddict(kind)
    ):
        return {}
    found: dict[str, tuple[Expectation | None, Any]] = {}
    for base in reversed(kind.__mro__):
        for name, annotation in resolve_annotations(base, {}).items():
            found[name] = (read(annotation), annotation)
    return found


def _axis_names(expectation: TensorExpectation, rank: int) -> Iterator[str | None]:
    axes = expectation.spec.axes
    for axis in axes:
        if isinstance(axis, VariadicAxis):
            for i in range(rank - len(axes) + 1):
                yield f"{axis.name}_{i}" if axis.name else None
        else:
            yield axis.name if isinstance(axis, NamedAxis) and not axis.broadcast else None
