"""What runs in an evaluation: arguments made values of a trace, and results made types."""

from __future__ import annotations

import math
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from typedflux.core.graph import GraphTrace
from typedflux.core.tree import children, rebuild
from typedflux.core.types import TensorType
from typedflux.dtypes import DType, DTypeSet
from typedflux.mypy_plugin.broadcasts import as_result
from typedflux.mypy_plugin.encoding import is_variadic
from typedflux.mypy_plugin.questions import (
    Many,
    Parted,
    Question,
    Whole,
)
from typedflux.mypy_plugin.results import join
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Symbol,
    Unknown,
    symbols,
)
from typedflux.tensor import Tensor


class Undetermined(Exception):
    """The result is not known statically."""


@dataclass(frozen=True)
class Other:
    """A part of a result that is neither tensor nor size."""

    value: Any


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


class Failed:
    """Where a part of an argument could not be computed: nothing can be done with it."""


class Later(Deferred, Parted):
    """A call that is performed inside an evaluation: part of an argument, such as `x.dtype`.

    `otherwise` is the value where that fails.
    """

    def __init__(self, function: Callable[..., Any], args: Sequence[Any], otherwise: Any) -> None:
        super().__init__()
        self.function, self.args, self.otherwise = function, list(args), otherwise

    def build(self, run: Run) -> Any:
        try:
            return self.function(*run.lower(self.args))
        except Exception:
            return run.lower(self.otherwise)

    def parts(self) -> list[Any]:
        return [self.function, self.args, self.otherwise]

    def with_parts(self, parts: list[Any]) -> Any:
        return Later(*parts)


@dataclass
class Run:
    """One evaluation: the trace that it runs in, and how many axes stand for each open place."""

    trace: GraphTrace
    expansion: dict[Symbol, tuple[Dimension, ...]]
    answers: dict[Question, Any] = field(default_factory=dict)
    built: list[tuple[Any, Deferred]] = field(default_factory=list)
    applied: int = 0
    """How many calls mypy has checked."""

    def lower(self, value: Any) -> Any:
        """A value with tensor types replaced by tensors, and what is deferred built."""
        if isinstance(value, TensorType):
            return self.trace.input(TensorType(value.dtype, expanded(value.shape, self.expansion)))
        if isinstance(value, Failed):
            raise Undetermined
        if isinstance(value, Question):
            return self._answer(value)
        if isinstance(value, Deferred):
            made = value.build(self)
            self.built.append((made, value))
            return made
        if isinstance(value, slice):
            return slice(self.lower(value.start), self.lower(value.stop), self.lower(value.step))
        if type(value) in (tuple, list) and any(map(is_variadic, value)):
            value = type(value)(expanded(value, self.expansion))  # the sizes of a shape
        parts = children(value)
        return value if not parts else rebuild(value, [self.lower(part) for _, part in parts])

    def _answer(self, question: Question) -> Any:
        if isinstance(question, Many):
            return question.kind(self.lower(question.item) for _ in range(self.answers[question]))
        if question in self.answers:
            return self.lower(self.answers[question])
        return UNKNOWN if isinstance(question, Whole) else math.nan

    def types(self, value: Any) -> Any:
        """A result with tensors replaced by their types, and what was built by what it was of."""
        return join([(self.open_types(value), self.expansion)])

    def open_types(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return TensorType(value.dtype, tuple(map(as_result, value.shape)))
        if type(value) in (list, tuple):
            return type(value)(self.open_types(v) for v in value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return tuple(self.open_types(v) for v in value)
        if value is None or isinstance(value, (bool, Dim, Unknown)):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, (str, float, DType, DTypeSet)):
            return Other(value)
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
    found: list[Deferred] = getattr(error, CULPRITS, [])
    return found


CULPRITS = "_typedflux_culprits"


def expanded(
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
