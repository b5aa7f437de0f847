"""`jit`: trace a function once per signature to a typed graph, then run the graph.

Tensors in the arguments are the graph's inputs, wherever they are: in models, optimiser states and
containers. So are the fields of modules, optimiser states and random generators that the function
captured, the ambient generator among them. What it assigns to such fields takes effect after each
call, as in eager mode.
"""

from __future__ import annotations

import functools
import operator
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast, overload

from typedflux.compile.calls.programs import Program, program_of
from typedflux.compile.calls.reading import UnreadableError
from typedflux.compile.calls.record import MISS, Record
from typedflux.compile.finite import is_requested, require_finite
from typedflux.compile.lowering.errors import FlaggedError
from typedflux.compile.signature import (
    Flattened,
    flatten,
    leaf_types,
    with_tensors_for_arrays,
)
from typedflux.compile.surroundings import Watched, surroundings
from typedflux.compile.symbolic_axes import SymbolicAxes
from typedflux.compile.template import Template, fill
from typedflux.core import tracing
from typedflux.core.graph import Graph, GraphTrace, Guard, run_graph
from typedflux.core.primitive import type_of
from typedflux.core.staging import Staged
from typedflux.core.stateful import Captures, Static, capturing
from typedflux.core.tracing import Tracer, current_graph, graph_running
from typedflux.core.tree import leaves, refill
from typedflux.core.types import TensorType
from typedflux.ops.random import Generator, default_generator
from typedflux.shapes.dims import evaluate
from typedflux.tensor import Tensor, wrap

P = ParamSpec("P")
R = TypeVar("R")

_RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


AMBIENT: Any = object()
"""Stands for the ambient generator, whichever it is in a call."""


def _present(owner: Any) -> Any:
    return default_generator() if owner is AMBIENT else owner


@dataclass(slots=True)
class Write:
    """An assignment to repeat after each call: to an argument's module, or a captured one, or to
    what a container among the arguments holds.

    Attributes:
        branch: which of the arguments' modules, `None` for `module`.
        template: of the value.
        container: which of the arguments' containers.
    """

    branch: int | None
    module: Any
    field: str
    template: Any
    container: int | None = None


@dataclass(slots=True, eq=False)
class Traced:
    """One specialisation: the graph, where its inputs come from and where its outputs go.

    Attributes:
        captured: fields that the function reads without being given them.
        names: for each tensor among the arguments, names of its symbolic axes.
        is_recordable: whether its calls may be told apart quickly.
    """

    graph: Graph
    hints: dict[str, int]
    captured: list[tuple[Any, str]]
    captured_types: list[TensorType]
    static: list[Static]
    writes: list[Write]
    result: Any
    names: list[list[str | None] | None]
    program: Program | None = None
    """What runs the graph: native code, or the interpreter where there can be none."""
    reason: str = ""
    """Why there is none."""
    is_recordable: bool = True
    watched: Sequence[Watched] = ()
    """Variables and attributes around the function, as they were."""

    def compile(self) -> None:
        """Make the native code."""
        self.program, self.reason = program_of(self.graph)

    def still_holds(self) -> bool:
        """Whether what was captured is of the same types, and what was static is as it was."""
        if not all([s.still_holds() for s in self.static]):
            return False
        if not all([w.still_holds() for w in self.watched]):
            return False
        types = iter(self.captured_types)
        for module, field in self.captured_now():
            for tensor in leaves(module.__dict__.get(field)):
                known = next(types, None)
                if known is None or tensor.dtype != known.dtype or tensor.shape != known.shape:
                    return False
        return next(types, None) is None

    def captured_now(self) -> list[tuple[Any, str]]:
        """The captured fields of this call."""
        return [(_present(owner), field) for owner, field in self.captured]

    @property
    def draws(self) -> bool:
        """Whether it uses the ambient generator."""
        return any([owner is AMBIENT for owner, _ in self.captured])

    @property
    def is_closed(self) -> bool:
        """Whether it holds no values of a transformation around the trace."""
        return not any([isinstance(t, Tracer) for _, t in self.graph.constants])

    def run(self, tensors: list[Tensor], sizes: dict[Any, int]) -> list[Tensor]:
        """The graph's outputs, in memory of their own."""
        if self.program is None or not self.is_closed:
            return run_graph(self.graph, tensors, sizes)
        try:
            outputs = self.program.run([t._data for t in tensors], sizes, ())
        except FlaggedError:
            return run_graph(self.graph, tensors, sizes)  # which says what is wrong
        known: dict[Any, Tensor] = dict(self.graph.constants)
        known.update(zip(self.graph.inputs, tensors, strict=True))
        return [
            known.setdefault(v, wrap(out))
            for v, out in zip(self.graph.outputs, outputs, strict=True)
        ]

    def target(self, write: Write, branches: Sequence[Any]) -> Any:
        """The module that a write assigns to."""
        return _present(write.module) if write.branch is None else branches[write.branch]

    def allows(self, sizes: dict[Any, int]) -> bool:
        """Whether all guards hold."""
        return all([holds(guard, sizes) for guard in self.graph.guards])

    def sizes(self, tensors: list[Tensor]) -> dict[Any, int] | None:
        """The named sizes in this call, `None` when a guard fails: trace again."""
        sizes: dict[Any, int] = {}
        for names, tensor in zip(self.names, tensors, strict=True):
            for name, size in zip(names or (), tensor.shape, strict=False):
                if name is not None and sizes.setdefault(name, size) != size:
                    return None
        return sizes if self.allows(sizes) else None


def holds(guard: Guard, sizes: dict[Any, int]) -> bool:
    """Whether the relation came out as it did while tracing."""
    left = evaluate(guard.left, sizes)
    right = evaluate(guard.right, sizes)
    return _RELATIONS[guard.relation](left, right) is guard.holds


_MOST_RECORDS = 8
_MOST_MET = 64
_WORTH = 4
"""As often as a record must have served to have been worth its making."""
_PATIENCE = 32
"""After so many that were not, no more are made."""


def _forget(jitted: Any, record: Any, _: Any) -> None:
    """Drop a record, one of whose modules has gone."""
    owner = jitted()
    if owner is not None:
        gone = record()
        owner._records = tuple([r for r in owner._records if r is not gone])


def _write(branch: int | None, module: Any, field: str, template: Any) -> Write:
    # A specialisation serves other modules too, and must not keep the first ones alive.
    return Write(branch, module if branch is None else None, field, template)


class Jitted:
    """A function traced at its first call with each signature. See `jit`."""

    def __init__(self, function: Callable[..., Any], *, check_finite: bool | None = None) -> None:
        self.function = function
        self.check_finite = is_requested() if check_finite is None else check_finite
        self._axes: SymbolicAxes | None = None
        self._traced: dict[Hashable, list[Traced]] = {}
        self._records: tuple[Record, ...] = ()
        self._met: set[tuple[int, ...]] = set()
        """Specialisations and modules that a call had: a second one is recorded."""
        self._wasted = 0
        """Records that went without having served often."""
        functools.update_wrapper(self, function, updated=())  # its fields are its own

    @property
    def compilations(self) -> int:
        """How many times the function has been traced."""
        return sum(len(t) for t in self._traced.values())

    def __typed__(self, decorate: Callable[[Any], Any]) -> Jitted:
        """The same with run-time checks, which run while it is traced and cost nothing later."""
        return Jitted(decorate(self.function), check_finite=self.check_finite)

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not tracing.graphs_under_way:
            for record in self._records:
                result = record.call(args, kwargs)
                if result is not MISS:
                    return result
        return self._general(args, kwargs)

    def _general(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call whose arguments are taken apart and looked up."""
        given = flatten((args, kwargs))
        if given.has_arrays:
            old = (args, kwargs)
            args, kwargs = new = with_tensors_for_arrays(old)
            if new is not old:
                return self(*args, **kwargs)
        if (
            current_graph() is not None
            or type(default_generator()) is not Generator
            or any(isinstance(t, Tracer) for t in given.leaves)
        ):
            return self.function(*args, **kwargs)  # part of what is being traced already
        traced, sizes = self.specialise(args, kwargs)
        if traced.writes:
            # A record lets what is assigned take over the memory of what was there, which nothing
            # here may refer to meanwhile.
            branches = given.branches
            del given
            record = self._remember(traced, branches, args, kwargs)
            result = MISS if record is None else record.call(args, kwargs)
            if result is not MISS:
                return result
            given = flatten((args, kwargs))
        inputs = list(given.leaves)
        for module, field in traced.captured_now():
            inputs.extend(leaves(module.__dict__[field]))
        outputs = traced.run(inputs, sizes)
        if self.check_finite and traced.is_closed:
            name = getattr(self, "__name__", type(self.function).__name__)
            require_finite(name, traced.graph, inputs, sizes, outputs)
        for write in traced.writes:
            value = fill(write.template, outputs, given.branches, sizes, given.containers)
            if write.container is not None:
                refill(given.containers[write.container], value)
            else:
                traced.target(write, given.branches).__dict__[write.field] = value
        result = fill(traced.result, outputs, given.branches, sizes)
        if not traced.writes:
            self._remember(traced, given.branches, args, kwargs)
        return result

    def _remember(
        self, traced: Traced, branches: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Record | None:
        """Record the call when it assigns to modules, or is the second of its kind."""
        if self.check_finite or not traced.is_recordable or self._wasted > _PATIENCE:
            return None
        kind = (id(traced), *map(id, branches))
        if not traced.writes and kind not in self._met:
            if len(self._met) >= _MOST_MET:
                self._met.clear()
            self._met.add(kind)
            return None
        try:
            record = Record(traced, args, kwargs)
        except UnreadableError:
            traced.is_recordable = False
            return None
        forget = functools.partial(_forget, weakref.ref(self), weakref.ref(record))
        record.roots = [weakref.ref(root, forget) for root in record.roots]
        self._met.discard(kind)
        records = (record, *self._records)
        self._wasted += sum([r.hits < _WORTH for r in records[_MOST_RECORDS:]])
        self._records = records[:_MOST_RECORDS]
        return record

    def specialise(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Traced, dict[Any, int]]:
        """The trace for these arguments, made now where there is none, and its symbolic sizes."""
        if self._axes is None:
            self._axes = SymbolicAxes(self.function)
        given = flatten((args, kwargs))
        if given.has_arrays:
            args, kwargs = with_tensors_for_arrays((args, kwargs))
            given = flatten((args, kwargs))
        named = self._axes.named(args, kwargs)
        shapes = tuple(
            tuple(
                size if name is None else name
                for size, name in zip(t.shape, named.get(id(t), [None] * t.ndim), strict=True)
            )
            for t in given.leaves
        )
        known = self._traced.setdefault((given.key, shapes), [])
        for traced in known:
            if not traced.still_holds():
                continue
            sizes = traced.sizes(self._tensors(traced, given.leaves))
            if sizes is not None:
                return traced, sizes
        traced = self.trace(args, kwargs, given, named)
        known.insert(0, traced)
        sizes = traced.sizes(self._tensors(traced, given.leaves))
        return traced, traced.hints if sizes is None else sizes

    def _tensors(self, traced: Traced, given: list[Tensor]) -> list[Tensor]:
        return given[: len(traced.names)]

    def trace(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        given: Flattened,
        named: dict[int, list[str | None]],
    ) -> Traced:
        """Run the function on tracers and record it."""
        ambient = default_generator()

        def known(owner: Any) -> Any:
            return AMBIENT if owner is ambient else owner

        trace = GraphTrace()
        staged = Staged()
        captures = Captures(lambda t: trace.input(type_of(t)))
        types, hints = leaf_types(given.leaves, named, trace)
        remaining = iter(types)

        def lift(_: Tensor) -> Tensor:
            return trace.input(next(remaining))

        watched = surroundings(self.function, (args, kwargs), given.branches)
        with graph_running(trace):
            traced_args, traced_kwargs = staged.copy((args, kwargs), lift)
            captures.exclude(staged.copies())
            with capturing(captures):
                out = self.function(*traced_args, **traced_kwargs)
            captures.note_changed_containers()
            template = Template(trace, staged, given)
            writes = [
                _write(template.index(original), original, field, template.of(value))
                for original, field, value in staged.changes()
            ]
            writes += [
                Write(None, None, "", template.of_contents(copy), template.containers[id(original)])
                for original, copy in staged.changed_containers()
                if id(original) in template.containers
            ]
            writes += [
                Write(None, known(module), field, template.of(captures.values[key]))
                for key, (module, field) in captures.written.items()
            ]
            result = template.of(out)
        for variable in watched:
            variable.refuse_traced()
        watched = [variable for variable in watched if variable.still_holds()]
        names = [named.get(id(t)) for t in given.leaves]
        types = [type_of(t) for m, field in captures.fields for t in leaves(m.__dict__[field])]
        static = list(captures.static.values())
        fields = [(known(module), field) for module, field in captures.fields]
        traced = Traced(trace.graph, hints, fields, types, static, writes, result, names)
        traced.watched = watched
        if traced.is_closed:
            traced.compile()
        return traced


@overload
def jit(function: Callable[P, R], /, *, check_finite: bool | None = None) -> Callable[P, R]: ...
@overload
def jit(*, check_finite: bool | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def jit(function: Callable[..., Any] | None = None, /, *, check_finite: bool | None = None) -> Any:
    """Trace `function` once per signature to a typed graph, and run that.

    A signature is the structure of the arguments, the dtypes, the static values in them and the
    sizes that no annotation of the function names. Named sizes stay symbolic: with
    `x: Float32[Tensor, "batch 784"]` every batch size runs the same graph. Where the function
    demands such a size's value, a guard pins it, and another size traces again.

    Assignments to fields of modules and of optimiser states take effect after each call. Branching
    on a tensor's value is an error that says what to use instead.

    Args:
        check_finite: look at what every call computed, which takes time. Where that is not finite,
            the call raises a `NonFiniteError`, a `ValueError` that names the first operation that
            gave NaN or an infinity, and assigns nothing. `None`: as the environment variable
            `TYPEDFLUX_CHECK_FINITE` says, by default no.

    >>> import typedflux as flux
    >>> @flux.jit
    ... def double(x: flux.Tensor) -> flux.Tensor:
    ...     return x + x
    >>> double(flux.asarray([1.0, 2.0]))
    Tensor([2., 4.], float32)
    """
    if function is None:
        return functools.partial(jit, check_finite=check_finite)
    return cast(Any, Jitted(function, check_finite=check_finite))


def explain(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """What `jit` makes of a function for these arguments.

    First the graph with its types, and what it relies on of symbolic sizes. State that the function
    reads without being given it, such as the ambient random generator or the fields of a captured
    model, comes after the arguments. Then the groups of operations that became a kernel or a few,
    with the shape that they go over and what they leave in memory; the operations that run through
    numpy, and why; and the memory at the sizes of this call. Or else why the interpreter runs it.

    >>> import typedflux as flux
    >>> print(flux.explain(lambda x: x * 2, flux.asarray([1.0])))
    graph(%0: Float32[Tensor, "1"])
      constants %1: Float32[Tensor, ""]
      %2: Float32[Tensor, "1"] = multiply(%0, %1)
      return %2
    1 group: 1 call of 1 kernel in 1 region of native code
         kind         over  operations  leaves in memory
      1  elementwise  1     multiply    float32 1
    memory
      inputs      4 B
      constants   4 B
      outputs     4 B
      in between  none
      in place    %2 may take over an input's memory
    """
    from typedflux.compile.explaining import explanation

    jitted = function if isinstance(function, Jitted) else Jitted(function)
    return explanation(*jitted.specialise(args, kwargs))
