"""Executing the package's own functions on abstract tensors.

An operation's result type is what the operation itself gives on tensors that have a type and no
value: nothing about any operation is known here. Where an operand has any number of axes
(`*batch`), the function is run with one, with two and with many axes in that place, and the
results are read as one type.
"""

from __future__ import annotations

import itertools
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mypy.types import (
    Type,
    TypeVarId,
    TypeVarTupleType,
    TypeVarType,
    UnpackType,
    get_proper_type,
)

from typedflux.core import tracing
from typedflux.core.graph import GraphTrace
from typedflux.core.primitive import type_of
from typedflux.core.tree import children, rebuild
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.encoding import Atom, is_variadic, unknown
from typedflux.ops import Generator, using_generator
from typedflux.shapes.dims import UNKNOWN, Dim, Dimension, Symbol, Unknown, symbol, symbols
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor


class Undetermined(Exception):
    """The result is not known statically."""


def evaluate(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` with each `TensorType` in the arguments a tensor of that type.

    Returns the result with tensors replaced by their types.

    Raises:
        ShapeError, DTypeError: what the function raises for every rank.
        Undetermined: when the result depends on values, or on the rank of an open shape.
    """
    if _counted((args, kwargs)):
        return _for_any_number(function, args, kwargs)
    opened = sorted(_variadics((args, kwargs)), key=lambda s: s.name)
    if not opened:
        return _run(function, args, kwargs, {})
    results = []
    problem: Exception | None = None
    beyond = 1 + _highest_rank((args, kwargs))
    for count in sorted({1, 2, beyond}):
        expansion = {s: _axes(s, count) for s in opened}
        try:
            out = _run(function, args, kwargs, expansion)
        except (ShapeError, DTypeError) as error:
            problem = _further(problem, error)
            continue
        results.append(out)
    if not results and problem is not None:
        for counts in _other_ranks(len(opened), beyond):  # an error only if no ranks would do
            expansion = {s: _axes(s, count) for s, count in zip(opened, counts, strict=True)}
            try:
                _run(function, args, kwargs, expansion)
            except (ShapeError, DTypeError) as error:
                problem = _further(problem, error)
                continue
            raise Undetermined
        raise problem
    if len(results) < 2 or any(repr(r) != repr(results[0]) for r in results):
        raise Undetermined
    return results[0]


@dataclass(frozen=True, slots=True)
class Several:
    """A list or tuple of any number of values of one type."""

    of: Any
    kind: type = list


def _counted(value: Any) -> bool:
    if isinstance(value, Several):
        return True
    if isinstance(value, dict):
        return any(map(_counted, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_counted, value))


def _of_number(value: Any, count: int) -> Any:
    if isinstance(value, Several):
        return value.kind([_of_number(value.of, count)] * count)
    if isinstance(value, dict):
        return {key: _of_number(item, count) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_of_number(item, count) for item in value)
    return value


def _for_any_number(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """What the results for some numbers of values have in common."""
    results = []
    problem: Exception | None = None
    for count in (1, 2, 3):
        try:
            results.append(evaluate(function, _of_number(args, count), _of_number(kwargs, count)))
        except (ShapeError, DTypeError) as error:
            problem = error
    if not results and problem is not None:
        raise problem
    common = results[0]
    for other in results[1:]:
        common = _in_common(common, other)
    return common


def _in_common(a: Any, b: Any) -> Any:
    if isinstance(a, TensorType) and isinstance(b, TensorType):
        if a.dtype != b.dtype or a.ndim != b.ndim:
            raise Undetermined
        shape = zip(a.shape, b.shape, strict=True)
        return TensorType(a.dtype, tuple(x if str(x) == str(y) else UNKNOWN for x, y in shape))
    if type(a) in (list, tuple) and type(a) is type(b) and len(a) == len(b):
        return type(a)(_in_common(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, (int, Dim)) and isinstance(b, (int, Dim)) and str(a) == str(b):
        return a
    raise Undetermined


def _further(one: Exception | None, other: Exception) -> Exception:
    """The error before which more was done: that an input has the wrong rank is said first."""
    return one if one is not None and _progress(one) >= _progress(other) else other


def _progress(error: Exception) -> int:
    found: int = getattr(error, _PROGRESS, 0)
    return found


def _other_ranks(opened: int, beyond: int) -> Iterator[tuple[int, ...]]:
    """Ranks that were not tried: shapes open in several places need not have the same there."""
    for count in sorted({0, 3, 4, 5, 6} - {beyond}):
        yield (count,) * opened
    if 1 < opened <= 4:
        yield from (c for c in itertools.product(range(4), repeat=opened) if len(set(c)) > 1)


def _highest_rank(value: Any) -> int:
    if isinstance(value, TensorType):
        return value.ndim
    parts = children(value)
    return max((_highest_rank(part) for _, part in parts), default=0) if parts else 0


def _variadics(value: Any) -> set[Symbol]:
    if isinstance(value, TensorType):
        return _variadics(value.shape)
    if isinstance(value, Dim):
        return set(symbols(value)) if is_variadic(value) else set()
    parts = children(value)
    return set().union(*(_variadics(part) for _, part in parts)) if parts else set()


def _axes(s: Symbol, count: int) -> tuple[Dimension, ...]:
    """`count` axes in place of a variadic one; the first keeps its name, for messages."""
    names = [s.name + "'" * i for i in range(count)]
    return tuple(
        symbol(name, kind=s.kind, owner=Atom(_axis_type(s, name), variadic=False)) for name in names
    )


def _axis_type(s: Symbol, name: str) -> Type:
    """What stands for one axis of several in mypy's eyes."""
    owner = get_proper_type(s.owner.type) if isinstance(s.owner, Atom) else None
    inner = get_proper_type(owner.type) if isinstance(owner, UnpackType) else None
    if not isinstance(inner, TypeVarTupleType):
        return unknown()
    anything = inner.tuple_fallback.args[0]
    key = TypeVarId(inner.id.raw_id, namespace=f"{inner.id.namespace}.{name}")
    return TypeVarType(name, f"{inner.fullname}.{name}", key, [], anything, inner.default)


Place = tuple[str, int, int]
"""A file, a line and a column."""


class Deferred(ABC):
    """A value that only exists inside an evaluation: a layer that is built there, a function that
    mypy applies; `place` is where the program has it from."""

    def __init__(self) -> None:
        self.place: Place | None = None

    @abstractmethod
    def build(self, run: Run) -> Any:
        """The value for one evaluation."""


@dataclass
class Run:
    """One evaluation: the trace that it runs in, and how many axes stand for each open place."""

    trace: GraphTrace
    expansion: dict[Symbol, tuple[Dimension, ...]]
    built: list[tuple[Any, Deferred]] = field(default_factory=list)
    applied: int = 0
    """How many calls mypy has checked."""

    def lower(self, value: Any) -> Any:
        """A value with tensor types replaced by tensors, and what is deferred built."""
        if isinstance(value, TensorType):
            return self.trace.input(TensorType(value.dtype, _expand(value.shape, self.expansion)))
        if isinstance(value, Deferred):
            made = value.build(self)
            self.built.append((made, value))
            return made
        if isinstance(value, slice):
            return slice(self.lower(value.start), self.lower(value.stop), self.lower(value.step))
        if type(value) in (tuple, list) and any(map(is_variadic, value)):
            value = type(value)(_expand(value, self.expansion))  # the sizes of a shape
        parts = children(value)
        return value if not parts else rebuild(value, [self.lower(part) for _, part in parts])

    def types(self, value: Any) -> Any:
        """A result with tensors replaced by their types, and what was built by what it was of."""
        return _contract(self.open_types(value), self.expansion)

    def open_types(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return type_of(value)
        if type(value) in (list, tuple):
            return type(value)(self.open_types(v) for v in value)
        if value is None or isinstance(value, (bool, int, Dim, Unknown)):
            return value
        for made, deferred in self.built:
            if made is value:
                return deferred
        raise Undetermined

    def culprits(self, error: BaseException) -> list[Deferred]:
        """The deferred values whose code `error` came through, the outermost first."""
        found: list[Deferred] = []
        for frame, _ in traceback.walk_tb(error.__traceback__):
            own = frame.f_locals.get("self")
            if own is not None:
                found += [d for made, d in self.built if made is own and d not in found]
        return found


def culprits(error: BaseException) -> list[Deferred]:
    """The deferred values whose code raised an error that `evaluate` raised, outermost first."""
    found: list[Deferred] = getattr(error, _CULPRITS, [])
    return found


_PROGRESS = "_typedflux_progress"
_CULPRITS = "_typedflux_culprits"


def _run(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    expansion: dict[Symbol, tuple[Dimension, ...]],
) -> Any:
    trace = GraphTrace()
    trace.takes_everything = True
    run = Run(trace, expansion)
    # A generator of its own: what is drawn must not leave a state without a value behind.
    with using_generator(Generator()), tracing.graph_running(trace):
        try:
            out = function(*run.lower(list(args)), **run.lower(dict(kwargs)))
        except (ShapeError, DTypeError) as error:
            setattr(error, _CULPRITS, run.culprits(error))
            setattr(error, _PROGRESS, run.applied + len(trace.graph.equations))
            raise
        except Exception as error:
            # A value or a size was demanded, or the call is wrong in a way mypy reports itself.
            raise Undetermined from error
    return run.types(out)


def _expand(
    shape: Sequence[Any], expansion: dict[Symbol, tuple[Dimension, ...]]
) -> tuple[Any, ...]:
    out: list[Any] = []
    for d in shape:
        if is_variadic(d) and isinstance(d, Dim):
            (s,) = symbols(d)
            out.extend(expansion[s])
        else:
            out.append(d)
    return tuple(out)


def _contract(value: Any, expansion: dict[Symbol, tuple[Dimension, ...]]) -> Any:
    """The result with each run of axes that stands for a variadic one folded back."""
    if type(value) in (list, tuple):
        held = [_contract(v, expansion) for v in value]
        return tuple(_folded(held, expansion)) if type(value) is tuple else held
    if not isinstance(value, TensorType):
        return value
    return TensorType(value.dtype, tuple(_folded(value.shape, expansion)))


def _folded(sizes: Sequence[Any], expansion: dict[Symbol, tuple[Dimension, ...]]) -> list[Any]:
    shape = list(sizes)
    for s, run in expansion.items():
        names = [str(d) for d in run]
        for i in range(len(shape) - len(run) + 1):
            part = shape[i : i + len(run)]
            if [str(d) for d in part] == names and all(isinstance(d, Dim) for d in part):
                shape[i : i + len(run)] = [symbol(s.name, kind=s.kind, owner=s.owner)]
                break
    return shape
