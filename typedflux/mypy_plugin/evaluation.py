"""Executing the package's own functions on abstract tensors.

An operation's result type is what the operation itself gives on tensors that have a type and no
value: nothing about any operation is known here. Where an operand has any number of axes
(`*batch`), the function is run with one, with two and with many axes in that place, and the
results are read as one type.
"""

from __future__ import annotations

import itertools
import math
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
from typedflux.core.tracing import TraceError
from typedflux.core.types import TensorType
from typedflux.mypy_plugin.broadcasts import Repeat, WatchedTrace, repeats_in
from typedflux.mypy_plugin.encoding import Atom, is_variadic, unknown
from typedflux.mypy_plugin.isolation import isolated
from typedflux.mypy_plugin.questions import (
    Choice,
    Fraction,
    Many,
    Question,
    Unkeyed,
    Whole,
    key_of,
    questioned,
    walk,
)
from typedflux.mypy_plugin.results import Differ, Expansion, join
from typedflux.mypy_plugin.runs import (
    CULPRITS,
    Deferred,
    Failed,
    Later,
    Other,
    Place,
    Run,
    Undetermined,
    culprits,
    expanded,
)
from typedflux.ops import Generator, using_generator
from typedflux.shapes.dims import (
    Dim,
    Dimension,
    Symbol,
    supposing,
    symbol,
    symbols,
)
from typedflux.shapes.errors import AnnotationError, DTypeError, ShapeError, UndecidedError

__all__ = [
    "Alternatives",
    "Deferred",
    "Evaluation",
    "Failed",
    "Later",
    "Other",
    "Place",
    "Run",
    "Undetermined",
    "culprits",
    "evaluate",
    "evaluate_fully",
    "forget",
]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation gives: the result, and broadcasts on the way that were hardly meant."""

    result: Any
    repeats: tuple[Repeat, ...] = ()


@dataclass(frozen=True)
class Alternatives:
    """The results for the members of a union that the program declares: each may come."""

    results: tuple[Any, ...]


def evaluate(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`function(*args, **kwargs)` with each `TensorType` in the arguments a tensor of that type.

    Returns the result with tensors replaced by their types.

    Raises:
        ShapeError, DTypeError: what the function raises for every rank.
        Undetermined: when the result depends on values, or on the rank of an open shape.
    """
    return evaluate_fully(function, args, kwargs).result


_known: dict[Any, tuple[Any, Evaluation | Exception]] = {}
"""What was found, with the arguments: their parts are told by identity, and so kept alive."""


def forget() -> None:
    """Begin anew: what types stand for does not outlast a run of mypy."""
    _known.clear()


def evaluate_fully(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> Evaluation:
    """`evaluate`, and what else is to be said; a call like one before is not run again."""
    asked: list[Any] = questioned([list(args), dict(kwargs)])
    try:
        key = key_of((function, asked))
    except Unkeyed:
        return _evaluated(function, asked, {})
    found = _known[key][1] if key in _known else None
    if found is None:
        try:
            found = _evaluated(function, asked, {})
        except (ShapeError, DTypeError, Undetermined) as error:
            found = error.with_traceback(None)
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        _known[key] = asked, found
    if isinstance(found, Exception):
        raise found.with_traceback(None)
    return found


_MOST_KNOWN = 20_000


def _evaluated(
    function: Callable[..., Any], asked: list[Any], answers: dict[Question, Any]
) -> Evaluation:
    """The results for all members of declared unions."""
    declared = [q for q in walk(asked) if isinstance(q, Choice) and q.every and q not in answers]
    if not declared or len(answers) > 1:
        return _Trials(function, asked, answers).evaluation()
    choice = declared[0]
    found = [_evaluated(function, asked, answers | {choice: o}) for o in choice.options]
    results = {repr(e.result): e.result for e in found}
    repeats = tuple(r for e in found for r in e.repeats)
    if len(results) == 1:
        return Evaluation(found[0].result, repeats)
    return Evaluation(Alternatives(tuple(results.values())), repeats)


class _Trials:
    """The runs of one call: for every answer to its questions, and numbers of axes."""

    def __init__(
        self, function: Callable[..., Any], asked: list[Any], answers: dict[Question, Any]
    ) -> None:
        self.function, self.asked, self.answers = function, asked, answers
        self.results: list[tuple[Any, Expansion]] = []
        self.repeats: list[tuple[Repeat, ...]] = []
        self.refusals: list[Exception] = []
        self.undecided: Exception | None = None
        self.runs = 0
        self.improper = False
        """Whether there was a call of another kind than the program's, or one it may not mean."""

    def evaluation(self) -> Evaluation:
        choices = [q for q in walk(self.asked) if isinstance(q, (Choice, Many))]
        choices = [q for q in dict.fromkeys(choices) if q not in self.answers]
        planned: list[tuple[dict[Question, Any], Expansion, list[Any]]] = []
        for picked in itertools.product(*(_options(q) for q in choices)):
            answers = self.answers | dict(zip(choices, picked, strict=True))
            parts = list(walk(self.asked, answers))
            opened = sorted({s for p in parts for s in _open_symbols(p)}, key=lambda s: s.name)
            numbers = list(dict.fromkeys(p for p in parts if isinstance(p, (Whole, Fraction))))
            highest = max((_rank(part) for part in parts), default=0)
            for counts in _counts(len(opened), highest):
                if len(planned) == _MOST_RUNS:  # they would not all be run: none needs to be
                    raise Undetermined
                expansion: Expansion = {s: _axes(s, n) for s, n in zip(opened, counts, strict=True)}
                planned.append((answers, expansion, numbers))
        for answers, opening, numbers in planned:
            self._try(answers, opening, numbers)
            if self.undecided is not None:
                raise Undetermined from self.undecided
        if self.results:
            try:
                result = join(self.results)
            except Differ as error:
                raise Undetermined from error
            return Evaluation(result, _shared(self.repeats))
        if self.refusals and not self.improper:
            raise max(self.refusals, key=_progress)  # the first of those that got furthest
        raise Undetermined

    def _try(
        self, answers: dict[Question, Any], expansion: Expansion, numbers: Sequence[Any]
    ) -> None:
        """One run; where it depends on numbers that are not known, one for each that may be."""
        asked = [n for n in numbers if n not in answers]
        refused = len(self.refusals)
        outcome = self._run(answers, expansion)
        if len(self.refusals) > refused and any(isinstance(n, Fraction) for n in asked):
            del self.refusals[refused:]  # it is no number that was refused
            outcome = ValueError()
        if outcome is None:
            return
        if isinstance(outcome, (UndecidedError, ValueError, OverflowError)) and asked:
            rank = _highest_of(expansion, answers, self.asked)
            tried = [n.candidates(rank) if isinstance(n, Whole) else n.candidates for n in asked]
            if math.prod(map(len, tried)) <= _MOST_RUNS:
                for values in itertools.product(*tried):
                    guess = answers | dict(zip(asked, values, strict=True))
                    outcome = self._run(guess, expansion)
                    if isinstance(outcome, (UndecidedError, TraceError)):
                        break
                else:
                    return
        guessed = any(isinstance(q, Choice) and q.anything for q in answers)
        if isinstance(outcome, UndecidedError) and not guessed:
            if self._supposing(answers, expansion):
                return
        if isinstance(outcome, (UndecidedError, TraceError)) and not guessed:
            self.undecided = outcome
        else:
            self.improper = True

    def _supposing(self, answers: dict[Question, Any], expansion: Expansion) -> bool:
        """Runs in which names have values, where the function asks for them: several of each, and
        what the results have in common counts. Refusals may come from the values alone."""
        results, refusals, repeats = len(self.results), len(self.refusals), len(self.repeats)
        for least, step in _SUPPOSED:
            with supposing(_Numbers(least, step).of):
                outcome = self._run(answers, expansion)
            if outcome is not None or len(self.refusals) > refusals:
                del self.results[results:], self.refusals[refusals:], self.repeats[repeats:]
                return False
        return True

    def _run(self, answers: dict[Question, Any], expansion: Expansion) -> Exception | None:
        """One run, whose result or refusal is kept; another exception is returned."""
        self.runs += 1
        if self.runs > _MOST_RUNS:
            raise Undetermined
        trace = WatchedTrace()
        run = Run(trace, dict(expansion), answers)
        args, kwargs = self.asked
        # A generator of its own: what is drawn must not leave a state without a value behind.
        with isolated(), using_generator(Generator()), tracing.graph_running(trace):
            try:
                out = self.function(*run.lower(args), **run.lower(kwargs))
                out = run.open_types(out)
            except (ShapeError, DTypeError, AnnotationError) as raised:
                error = raised
                if isinstance(raised, AnnotationError):  # a pattern that says nothing
                    error = ShapeError(str(raised)).with_traceback(raised.__traceback__)
                setattr(error, CULPRITS, run.culprits(error))
                setattr(error, _PROGRESS, run.applied + len(trace.graph.equations))
                self.refusals.append(error)
                return None
            except Undetermined as error:
                if isinstance(error.__cause__, (ShapeError, DTypeError)):
                    return ValueError()
                return UndecidedError()
            except Exception as error:
                # A value was demanded, or the call is wrong in a way mypy reports itself.
                return error
        self.results.append((out, expansion))
        self.repeats.append(repeats_in(trace.graph))
        return None


_MOST_RUNS = 400
_SUPPOSED = ((1, 0), (2, 1), (11, 7))
"""What names stand for where their values are asked for: the first name, and how much more each
further one. A size of 1 is often treated apart."""


@dataclass
class _Numbers:
    """Numbers for names, as they come."""

    least: int
    step: int
    known: dict[Symbol, int] = field(default_factory=dict)

    def of(self, name: Symbol) -> int:
        return self.known.setdefault(name, self.least + self.step * len(self.known))


def _shared(found: Sequence[tuple[Repeat, ...]]) -> tuple[Repeat, ...]:
    """The repeats that come in every run."""
    first, *others = found
    return tuple(r for r in first if all(any(r.like(o) for o in other) for other in others))


_PROGRESS = "_typedflux_progress"


def _progress(error: Exception) -> int:
    """How much was done before an error: that an input has the wrong rank is said first."""
    found: int = getattr(error, _PROGRESS, 0)
    return found


def _options(question: Question) -> Sequence[Any]:
    return question.options if isinstance(question, Choice) else range(6)


def _counts(opened: int, highest: int) -> Iterator[tuple[int, ...]]:
    """How many axes to try in place of the open ones: few and many, in several places unequal."""
    most = max(5, highest + 1)
    if opened == 0:
        yield ()
    elif opened == 1:
        yield from ((n,) for n in (1, 2, 0, *range(3, most + 1)))
    elif opened <= 3:
        few = 5 if opened == 2 else 3
        yield from sorted(itertools.product(range(few + 1), repeat=opened), key=_oddness)
        yield from ((n,) * opened for n in range(few + 1, most + 1))
    else:
        yield from ((n,) * opened for n in (1, 2, 0, *range(3, most + 1)))


def _oddness(counts: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return (0 if set(counts) == {1} else max(counts)), counts


def _open_symbols(value: Any) -> set[Symbol]:
    if isinstance(value, TensorType):
        return {s for d in value.shape for s in _open_symbols(d)}
    return set(symbols(value)) if isinstance(value, Dim) and is_variadic(value) else set()


def _rank(value: Any) -> int:
    if isinstance(value, TensorType):
        return value.ndim
    return len(value) if isinstance(value, (tuple, list)) else 0


def _highest_of(expansion: Expansion, answers: dict[Question, Any], asked: Any) -> int:
    """The highest rank of a tensor in one run."""
    tensors = [t for t in walk(asked, answers) if isinstance(t, TensorType)]
    return max((len(expanded(t.shape, dict(expansion))) for t in tensors), default=4)


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
