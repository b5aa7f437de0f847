"""What a function's signature asks for: its parameters, its result, and the class it belongs to."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from typedflux.checks.annotations import (
    ContainerExpectation,
    Expectation,
    ModuleExpectation,
    OtherExpectation,
    SizeExpectation,
    TensorExpectation,
    UnionExpectation,
    asks_for_floats,
    describe,
    float_fields,
    read,
    resolve_annotations,
)
from typedflux.checks.class_dims import variables_of
from typedflux.shapes.spec import Axis

MISSING: Final = inspect.Parameter.empty
FACTORY: Final[Any] = getattr(dataclasses, "_HAS_DEFAULT_FACTORY", MISSING)
"""What dataclasses pass for a field that a factory will fill."""

FUNCTION, COROUTINE, GENERATOR, ASYNC_GENERATOR = (
    "function", "coroutine", "generator", "async generator",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter, or one field that is assigned to."""

    name: str
    kind: Any
    expectation: Expectation | None
    text: str | None
    default: Any = MISSING
    floats: bool = False
    """Whether it asks for floats of no particular dtype: then for those of the module."""

    @property
    def starred(self) -> bool:
        """Whether it is `*args` or `**kwargs`."""
        return self.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

    def values(self, value: Any) -> Iterable[tuple[str, Any]]:
        """What is to be checked of the parameter's value, with the words that name it."""
        if value is FACTORY:
            return ()
        if self.kind is inspect.Parameter.VAR_POSITIONAL:
            return ((f"{self.name}[{i}]", item) for i, item in enumerate(value))
        if self.kind is inspect.Parameter.VAR_KEYWORD:
            return value.items()  # type: ignore[no-any-return]
        return ((self.name, value),)


@dataclass(slots=True)
class Plan:
    """All that is to be checked of one function."""

    entries: list[Entry]
    flavour: str
    result: Expectation | None = None
    result_text: str | None = None
    yields: Expectation | None = None
    sends: Expectation | None = None
    owner: type | None = None
    receiver: str | None = None
    variables: tuple[str, ...] = ()
    float_fields: tuple[str, ...] = ()

    def in_order(self) -> Iterator[Entry]:
        """The parameters to check. Sizes come first: they bind what tensors are checked against."""
        checked = [e for e in self.entries if e.expectation is not None]
        yield from (e for e in checked if isinstance(e.expectation, SizeExpectation))
        yield from (e for e in checked if not isinstance(e.expectation, SizeExpectation))


def flavour_of(function: Any) -> str:
    """Whether a call gives a result, a coroutine, a generator or an asynchronous generator."""
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function) and not isinstance(function, type):
        function = type(function).__call__
    if inspect.isasyncgenfunction(function):
        return ASYNC_GENERATOR
    if inspect.isgeneratorfunction(function):
        return GENERATOR
    return COROUTINE if inspect.iscoroutinefunction(function) else FUNCTION


def plan_of(
    function: Any,
    owner: type | None,
    *,
    bound: bool = True,
    instance: bool = True,
    names: Mapping[str, Any] | None = None,
    module: bool = False,
    others: bool = True,
) -> Plan:
    """Read the signature of `function`, a method of `owner` where that is given.

    Args:
        function: anything that has a signature.
        owner: the class whose type variables are class-scoped dims.
        bound: whether the first parameter of a method is left alone, as `self` and `cls` are.
        instance: whether that parameter is an instance of the class.
        names: what names of an enclosing scope mean in annotations that are strings.
        module: whether it is a method of a layer, which keeps the precision of its weights.
        others: whether what is no tensor and no size is checked too.
    """
    signature = inspect.signature(function)
    annotated = function if hasattr(function, "__annotations__") else type(function).__call__
    variables = {} if owner is None else {v.__name__: v for v in _parameters(owner)}
    annotations = resolve_annotations(annotated, {**(names or {}), **variables})
    entries = []
    for place, parameter in enumerate(signature.parameters.values()):
        annotation = annotations.get(parameter.name, MISSING)
        expectation = read(annotation, owner)
        starred = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        left_alone = isinstance(expectation, OtherExpectation) and (
            not others or (starred and module)
        )
        if left_alone or (place == 0 and owner is not None and bound):
            expectation = None
        text = None if annotation is MISSING else _text(expectation, annotation)
        floats = module and asks_for_floats(expectation)
        entries.append(
            Entry(parameter.name, parameter.kind, expectation, text, parameter.default, floats)
        )
    plan = Plan(entries, flavour_of(function), owner=owner)
    if owner is not None and entries and bound and instance:
        plan.receiver = entries[0].name
        plan.variables = variables_of(owner)
    if owner is not None and plan.receiver is not None and any(entry.floats for entry in entries):
        plan.float_fields = float_fields(owner)
    _read_result(plan, annotations.get("return", MISSING), owner, others)
    return plan


def _parameters(owner: type) -> tuple[Any, ...]:
    return getattr(owner, "__parameters__", ()) or getattr(owner, "__type_params__", ())


def _text(expectation: Expectation | None, annotation: Any) -> str:
    return describe(annotation) if expectation is None else expectation.text


def _read_result(plan: Plan, annotation: Any, owner: type | None, others: bool) -> None:
    if annotation is MISSING:
        return
    plan.result_text = describe(annotation)
    if plan.flavour in (GENERATOR, ASYNC_GENERATOR):
        kinds = (
            collections.abc.Generator, collections.abc.Iterator, collections.abc.Iterable,
            collections.abc.AsyncGenerator, collections.abc.AsyncIterator,
            collections.abc.AsyncIterable,
        )  # fmt: skip
        if typing.get_origin(annotation) not in kinds:
            return
        given = [read(a, owner) for a in typing.get_args(annotation)]
        plan.yields, plan.sends, plan.result = (*given, None, None, None)[:3]
        if plan.flavour == ASYNC_GENERATOR:
            plan.result = None
        return
    expectation = read(annotation, owner)
    if others or not isinstance(expectation, OtherExpectation):
        plan.result = expectation


def axes_in(expectation: Expectation | None) -> Iterator[Axis]:
    """All axes that an expectation speaks of."""
    match expectation:
        case TensorExpectation(spec=spec) | SizeExpectation(spec=spec):
            yield from spec.axes
        case ModuleExpectation(dims=dims):
            for _, spec in dims:
                yield from spec.axes
        case UnionExpectation(alternatives=inner):
            for one in inner:
                yield from axes_in(one)
        case ContainerExpectation(items=items, keys=keys, fixed=fixed):
            for one_or_none in (items, keys, *(fixed or ())):
                yield from axes_in(one_or_none)


def is_foreign(expectation: Expectation | None) -> bool:
    """Whether names may be bound of which nothing is known beforehand."""
    match expectation:
        case OtherExpectation(foreign=foreign):
            return foreign
        case UnionExpectation(alternatives=inner):
            return any(map(is_foreign, inner))
        case ContainerExpectation(items=items, keys=keys, fixed=fixed):
            return any(map(is_foreign, (items, keys, *(fixed or ()))))
    return False
