"""Verifying calls of a module's methods against their annotations.

`check_methods` wraps the annotated methods of a class. A call binds the names in its tensor and
size annotations by one scope, to which the class-scoped dimensions belong that the instance bound
when it was constructed; other arguments of constructors are beartype's to check. The common case,
named and fixed axes with at most one variadic, is verified by a short loop over a plan made once
per method; what that does not settle goes to `shapes.unify`, which has the words for an error.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from typedflux.checks.annotations import (
    Expectation,
    OtherExpectation,
    SizeExpectation,
    TensorExpectation,
    UnionExpectation,
    asks_for_floats,
    float_fields,
    read,
    resolve_annotations,
)
from typedflux.dtypes import BY_NAME, DTypeSet, promote
from typedflux.shapes.dims import Dim, Unknown, format_shape
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.spec import ExpressionAxis, FixedAxis, NamedAxis, VariadicAxis
from typedflux.shapes.unify import Bindings, bind
from typedflux.tensor import Tensor

DIMS = "_dims"
"""The instance attribute with the sizes that its class's type variables have."""


def check_methods(cls: type) -> None:
    """Wrap the annotated methods that `cls` itself defines."""
    variables = {v.__name__: v for v in getattr(cls, "__parameters__", ())}
    for name, member in list(vars(cls).items()):
        if not inspect.isfunction(member) or getattr(member, "__no_type_check__", False):
            continue
        entrance = name in ("__call__", "__init__") or not name.startswith("_")
        if entrance and member.__annotations__:
            setattr(cls, name, _Method(cls, member, variables).wrap())


@dataclass(slots=True)
class _Axes:
    """A plan for the quick check of one tensor: what each axis must be, from both ends."""

    before: tuple[tuple[int, str | int | None], ...]
    after: tuple[tuple[int, str | int | None], ...]
    minimum: int
    variadic: bool
    variadic_name: str | None


def _plan(expectation: TensorExpectation) -> _Axes | None:
    entries: list[str | int | None] = []
    split: int | None = None
    variadic_name = None
    for i, axis in enumerate(expectation.spec.axes):
        if isinstance(axis, VariadicAxis):
            if axis.broadcast or axis.tree:
                return None
            split, variadic_name = i, axis.name
        elif isinstance(axis, FixedAxis) and not axis.broadcast:
            entries.append(axis.size)
        elif isinstance(axis, NamedAxis) and not axis.broadcast and not axis.tree:
            entries.append(axis.name)
        elif isinstance(axis, (NamedAxis, FixedAxis, ExpressionAxis)):
            return None
        else:
            entries.append(None)
    cut = len(entries) if split is None else split
    tail = entries[cut:]
    return _Axes(
        tuple(enumerate(entries[:cut])),
        tuple((i - len(tail), e) for i, e in enumerate(tail)),
        len(entries),
        split is not None,
        variadic_name,
    )


@dataclass(slots=True)
class _Check:
    name: str
    position: int
    expectation: Expectation
    plan: _Axes | None
    floats: bool = False
    """Whether it asks for floats of no particular dtype: then for those of the module."""


def bind_dims(instance: Any, **sizes: int) -> None:
    """Let type variables of a module's class stand for sizes that no argument annotated with them
    has told: `bind_dims(self, Out=2 * n)` in a constructor."""
    variables = {v.__name__: v for v in getattr(type(instance), "__parameters__", ())}
    dims = instance.__dict__.setdefault(DIMS, {})
    dims.update({variables[name]: size for name, size in sizes.items() if name in variables})


class _Method:
    """One wrapped method. Its annotations are read at the first call, when all names exist."""

    def __init__(self, cls: type, function: Any, variables: Mapping[str, TypeVar]) -> None:
        self.cls = cls
        self.function = function
        self.variables = dict(variables)
        self.checks: list[_Check] | None = None
        self.result: _Check | None = None
        self.float_fields: tuple[str, ...] = ()
        self.is_init = function.__name__ == "__init__"

    def prepare(self) -> list[_Check]:
        parameters = list(inspect.signature(self.function).parameters.values())
        annotations = resolve_annotations(self.function, self.variables)
        checks = []
        for position, parameter in enumerate(parameters):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            expectation = read(annotations.get(parameter.name, Any))
            if expectation is None or position == 0:
                continue
            if isinstance(expectation, OtherExpectation) and not self.is_init:
                continue
            place = -1 if parameter.kind is parameter.KEYWORD_ONLY else position - 1
            plan = _plan(expectation) if isinstance(expectation, TensorExpectation) else None
            floats = not self.is_init and asks_for_floats(expectation)
            checks.append(_Check(parameter.name, place, expectation, plan, floats))
        # Sizes bind the names that tensors are then checked against.
        checks.sort(key=lambda c: not isinstance(c.expectation, SizeExpectation))
        expectation = read(annotations.get("return", Any))
        if isinstance(expectation, (TensorExpectation, UnionExpectation)):
            plan = _plan(expectation) if isinstance(expectation, TensorExpectation) else None
            self.result = _Check("return", -1, expectation, plan)
        if any(check.floats for check in checks):
            self.float_fields = float_fields(self.cls)
        self.checks = checks
        return checks

    def wrap(self) -> Callable[..., Any]:
        function = self.function

        @functools.wraps(function)
        def method(self_: Any, *args: Any, **kwargs: Any) -> Any:
            checks = self.checks
            if checks is None:
                checks = self.prepare()
            if not checks and self.result is None:
                return function(self_, *args, **kwargs)
            scope = self.scope(self_)
            count = len(args)
            own = self.own_dtype(self_) if self.float_fields else None
            for check in checks:
                if 0 <= check.position < count:
                    value = args[check.position]
                elif check.name in kwargs:
                    value = kwargs[check.name]
                else:
                    continue
                if not _quick(check.plan, check.expectation, value, scope):
                    self.verify(self_, check, value, scope)
                if own is not None and check.floats and value is not None:
                    if value.dtype is not own:
                        self.verify_precision(self_, check, value)
            if self.is_init:
                self.remember(self_, scope)
            result = function(self_, *args, **kwargs)
            promised = self.result
            if promised is not None and not _quick(
                promised.plan, promised.expectation, result, scope
            ):
                self.verify(self_, promised, result, scope)
            return result

        return method

    def scope(self, instance: Any) -> Bindings:
        bindings = Bindings()
        dims = instance.__dict__.get(DIMS)
        if dims:
            single = bindings.single
            for name, variable in self.variables.items():
                if variable in dims:
                    single[name] = dims[variable]
        return bindings

    def remember(self, instance: Any, scope: Bindings) -> None:
        if self.variables:
            dims = instance.__dict__.setdefault(DIMS, {})
            for name, variable in self.variables.items():
                if name in scope.single:
                    dims[variable] = scope.single[name]

    def own_dtype(self, instance: Any) -> Any:
        """The dtype of the module's floats, `None` when it has none."""
        fields = instance.__dict__
        for name in self.float_fields:
            value = fields.get(name)
            if isinstance(value, Tensor):
                return value.dtype
        return None

    def verify_precision(self, instance: Any, check: _Check, value: Any) -> None:
        """Refuse a value that would silently raise the precision of what the module computes."""
        own, given = self.own_dtype(instance), value.dtype
        if isinstance(own, DTypeSet) or isinstance(given, DTypeSet):
            return
        if own.is_floating and given.is_floating and promote(own, given) is not own:
            field = next(
                f for f in self.float_fields if isinstance(instance.__dict__.get(f), Tensor)
            )
            raise DTypeError(
                f"{self.place(instance)}: argument '{check.name}' is {given}, but {field} is "
                f"{own}: convert it with .astype(flux.{own})"
            )

    def place(self, instance: Any) -> str:
        """How messages call this method."""
        where = type(instance).__name__
        if self.function.__name__ not in ("__init__", "__call__"):
            where += f".{self.function.__name__}"
        return where

    def verify(self, instance: Any, check: _Check, value: Any, scope: Bindings) -> None:
        """The full check of one value; raises the error that says what is wrong."""
        where = self.place(instance)
        what = "the result" if check.name == "return" else f"argument '{check.name}'"
        expectation = check.expectation
        if isinstance(expectation, UnionExpectation):
            self.verify_union(instance, f"{where}: {what}", expectation, value, scope)
        elif isinstance(expectation, TensorExpectation):
            problem = self.tensor_problem(instance, f"{where}: {what}", expectation, value, scope)
            if problem is not None:
                raise problem
        elif isinstance(expectation, SizeExpectation):
            self.verify_size(f"{where}: {what}", expectation, value, scope)
        else:
            verify_other(f"{where}: {what}", expectation.hint, value)

    def tensor_problem(
        self,
        instance: Any,
        start: str,
        expectation: TensorExpectation,
        value: Any,
        scope: Bindings,
    ) -> Exception | None:
        kind = expectation.array_type
        if isinstance(kind, type) and not isinstance(value, kind):
            hint = ": convert it with flux.asarray(...)" if kind is Tensor else ""
            return TypeError(
                f"{start} must be {expectation.text}, got {type(value).__name__}{hint}"
            )
        dtype = value.dtype
        names = expectation.dtypes
        if names is not None and not _dtype_fits(dtype, names):
            remedy = _conversion(names)
            return DTypeError(
                f"{start} must be {expectation.text}, got dtype {dtype}: convert it with "
                f".astype(flux.{remedy})"
            )
        reason = bind(expectation.spec, value.shape, scope)
        if reason is None:
            return None
        dims = ", ".join(
            f"{name}={scope.single[name]}" for name in self.variables if name in scope.single
        )
        own = getattr(type(instance), "__parameters__", ())
        cls = type(instance) if set(self.variables.values()) <= set(own) else self.cls
        of_class = f" of {cls.__name__} ({dims})" if dims else ""
        return ShapeError(
            f'{start} has shape "{format_shape(value.shape)}", expected {expectation.text}'
            f"{of_class}: {reason}"
        )

    def verify_union(
        self,
        instance: Any,
        start: str,
        expectation: UnionExpectation,
        value: Any,
        scope: Bindings,
    ) -> None:
        if not isinstance(value, Tensor) and any(
            _is_instance(value, other) for other in expectation.others
        ):
            return
        problem: Exception | None = None
        for alternative in expectation.tensors:
            problem = self.tensor_problem(instance, start, alternative, value, scope)
            if problem is None:
                return
        if problem is not None:
            raise problem

    def verify_size(
        self, start: str, expectation: SizeExpectation, value: Any, scope: Bindings
    ) -> None:
        if isinstance(value, (Dim, Unknown)) or (value is None and expectation.optional):
            return
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{start} is a size, an int of 0 or more; got {value!r}")
        size = value.__index__()
        if size < 0:
            raise ShapeError(f"{start} is a size, an int of 0 or more; got {size}")
        reason = bind(expectation.spec, (size,), scope)
        if reason is not None:
            raise ShapeError(f"{start} must be {expectation.text}: {reason}")


def _quick(plan: _Axes | None, expectation: Expectation, value: Any, scope: Bindings) -> bool:
    """Whether `value` surely fits; binds new names. False: ask the full check."""
    if plan is None:
        return False
    if not isinstance(value, expectation.array_type):  # type: ignore[union-attr]
        return False
    names = expectation.dtypes  # type: ignore[union-attr]
    dtype = value.dtype
    if names is not None and getattr(dtype, "name", None) not in names:
        return False
    shape = value.shape
    rank = len(shape)
    if rank != plan.minimum and not (plan.variadic and rank > plan.minimum):
        return False
    single = scope.single
    new: dict[str, int] = {}
    for side in (plan.before, plan.after):
        for index, wanted in side:
            size = shape[index]
            if type(size) is not int:
                return False
            if type(wanted) is int:
                if size != wanted:
                    return False
            elif wanted is not None:
                bound = single.get(wanted, new.get(wanted))  # type: ignore[arg-type]
                if bound is None:
                    new[wanted] = size  # type: ignore[index]
                elif type(bound) is not int or bound != size:
                    return False
    if plan.variadic_name is not None:
        middle = shape[len(plan.before) : rank - len(plan.after)]
        known = scope.variadic.get(plan.variadic_name)
        if known is None:
            scope.variadic[plan.variadic_name] = middle
        elif known != middle or plan.variadic_name in scope.widening:
            return False
    if new:
        single.update(new)
    return True


def _dtype_fits(dtype: Any, names: frozenset[str]) -> bool:
    if isinstance(dtype, DTypeSet):
        return any(d.name in names for d in dtype)
    name = getattr(dtype, "name", None) or str(dtype).removeprefix("torch.")
    return name in names


def _conversion(names: frozenset[str]) -> str:
    for preferred in ("float32", "int64", "bool", "complex64"):
        if preferred in names:
            return preferred
    return next((n for n in sorted(names) if n in BY_NAME), "float32")


def _is_instance(value: Any, hint: Any) -> bool:
    from beartype import BeartypeConf
    from beartype.door import is_bearable

    # As type checkers have it (PEP 484), an int is good where a float is wanted.
    return is_bearable(value, hint, conf=BeartypeConf(is_pep484_tower=True))


def verify_other(start: str, hint: Any, value: Any) -> None:
    """Check a value without tensors by beartype.

    Raises:
        TypeError: naming the argument, what it must be and what came.
    """
    if isinstance(hint, type) and isinstance(value, hint):
        return
    if not _is_instance(value, hint):
        raise TypeError(
            f"{start} must be {_describe(hint)}, got {type(value).__name__}: {value!r:.80}"
        )


def _describe(hint: Any) -> str:
    """A type in the words of an annotation."""
    if isinstance(hint, TypeVar) and hint.__bound__ is not None:
        hint = hint.__bound__
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(hint))  # names without their modules


__all__ = ["DIMS", "bind_dims", "check_methods", "verify_other"]
