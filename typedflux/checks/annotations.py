"""What an annotation asks of a value, read once per function.

`read` turns an annotation into an `Expectation`: of tensors (jaxtyping), sizes (`Size["n"]`),
alternatives (unions), or of anything else, which is beartype's to check.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ForwardRef, TypeVar, Union

from jaxtyping import AbstractArray

from typedflux.checks.sizes import DimOf
from typedflux.shapes.spec import ShapeSpec, parse


@dataclass(frozen=True, slots=True)
class TensorExpectation:
    """An array of `array_type` with one of `dtypes` (`None`: any) and a shape that fits `spec`."""

    text: str
    array_type: Any
    dtypes: frozenset[str] | None
    spec: ShapeSpec


@dataclass(frozen=True, slots=True)
class SizeExpectation:
    """An int that is the dimension `spec`, one axis; or `None` where that is `optional`."""

    text: str
    spec: ShapeSpec
    optional: bool = False


@dataclass(frozen=True, slots=True)
class UnionExpectation:
    """One of several; `others` are alternatives without tensors in them."""

    tensors: tuple[TensorExpectation, ...]
    others: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OtherExpectation:
    """Anything without tensors or sizes in it."""

    hint: Any


Expectation = TensorExpectation | SizeExpectation | UnionExpectation | OtherExpectation


def resolve_annotations(function: Any, type_parameters: Mapping[str, TypeVar]) -> dict[str, Any]:
    """The annotations of `function` as objects; those that cannot be evaluated are left out.

    `typing.get_type_hints` is no help: it would evaluate the dimension strings in `Dense["n", 4]`.
    """
    return _resolve(function, function.__module__, type_parameters)


def _resolve(owner: Any, module: str, type_parameters: Mapping[str, TypeVar]) -> dict[str, Any]:
    scope = dict(vars(sys.modules[module])) if module in sys.modules else {}
    found: dict[str, Any] = {}
    for name, annotation in inspect.get_annotations(owner).items():
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, scope, dict(type_parameters))
            except (NameError, AttributeError, TypeError, SyntaxError):
                continue  # names of an inner scope, or imported for type checkers only
        found[name] = annotation
    return found


def float_fields(cls: type) -> tuple[str, ...]:
    """The fields that `cls` and its bases declare as tensors of floats of no particular dtype."""
    found: list[str] = []
    for base in reversed(cls.__mro__):
        variables = {v.__name__: v for v in getattr(base, "__parameters__", ())}
        for name, annotation in _resolve(base, base.__module__, variables).items():
            if name not in found and asks_for_floats(read(annotation)):
                found.append(name)
    return tuple(found)


def asks_for_floats(expectation: Expectation | None) -> bool:
    """Whether only tensors of floats will do, of one dtype or another."""
    if isinstance(expectation, UnionExpectation):
        return all(map(asks_for_floats, expectation.tensors))
    if not isinstance(expectation, TensorExpectation) or expectation.dtypes is None:
        return False
    names = expectation.dtypes
    return len(names) > 1 and all(n.startswith(("float", "bfloat")) for n in names)


def read(annotation: Any) -> Expectation | None:
    """What `annotation` asks for; `None` where it asks for nothing."""
    if annotation is Any or annotation is inspect.Parameter.empty:
        return None
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return _tensor(annotation)
    origin = typing.get_origin(annotation)
    if origin is Union or isinstance(annotation, types.UnionType):
        return _union(typing.get_args(annotation))
    return OtherExpectation(annotation)


def _tensor(annotation: Any) -> TensorExpectation:
    kinds = annotation.dtypes
    names = None if not isinstance(kinds, (list, tuple, frozenset)) else frozenset(kinds)
    array = annotation.array_type
    text = (
        f'{annotation.dtype.__name__}[{getattr(array, "__name__", array)}, "{annotation.dim_str}"]'
    )
    return TensorExpectation(text, array, names, parse(annotation.dim_str))


def _union(alternatives: tuple[Any, ...]) -> Expectation | None:
    size = [a for a in alternatives if typing.get_origin(a) is DimOf]
    if size:
        (dim,) = typing.get_args(size[0])
        text = _dimension_text(dim)
        return SizeExpectation(f'Size["{text}"]', parse(text), type(None) in alternatives)
    tensors = []
    others = []
    for alternative in alternatives:
        expectation = read(alternative)
        if isinstance(expectation, TensorExpectation):
            # Optional gives a useless alternative for arrays of NoneType.
            if alternative.array_type is not type(None):
                tensors.append(expectation)
        else:
            others.append(alternative)
    if not tensors:
        return OtherExpectation(Union[alternatives])
    return UnionExpectation(tuple(tensors), tuple(others))


def _dimension_text(dim: Any) -> str:
    if isinstance(dim, ForwardRef):
        return dim.__forward_arg__
    if isinstance(dim, TypeVar):
        return dim.__name__
    return str(dim)
