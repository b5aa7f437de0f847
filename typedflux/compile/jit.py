"""`jit`: trace a function once per signature to a typed graph, then run the graph.

Tensors in the arguments are the graph's inputs, wherever they are: in models, optimiser states and
containers. So are the fields of modules, optimiser states and random generators that the function
captured, the ambient generator among them. What it assigns to such fields takes effect after each
call, as in eager mode.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from typedflux.compile.finite import is_requested, require_finite
from typedflux.compile.lowering.errors import FlaggedError, UnsupportedError
from typedflux.compile.signature import SymbolicAxes, flatten, leaf_types
from typedflux.compile.template import Template, fill
from typedflux.core.graph import Graph, GraphTrace, Guard, run_graph
from typedflux.core.primitive import type_of
from typedflux.core.staging import Staged
from typedflux.core.stateful import Captures, Static, capturing
from typedflux.core.tracing import Tracer, current_graph, graph_running
from typedflux.core.tree import leaves
from typedflux.core.types import TensorType
from typedflux.ops.random import Generator, default_generator
from typedflux.shapes.dims import evaluate
from typedflux.tensor import Tensor, wrap

if TYPE_CHECKING:
    from typedflux.compile.lowering.program import Program

P = ParamSpec("P")
R = TypeVar("R")

_RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


@dataclass(slots=True)
class Write:
    """An assignment to repeat after each call: to an argument's module, or a captured one."""

    branch: int | None
    module: Any
    field: str
    value: Any


@dataclass(slots=True)
class Traced:
    """One specialisation: the graph, where its inputs come from and where its outputs go."""

    graph: Graph
    hints: dict[str, int]
    captured: list[tuple[Any, str]]
    captured_types: list[TensorType]
    static: list[Static]
    writes: list[Write]
    result: Any
    names: list[list[str | None] | None]
    program: Program | None = None
    """Native code, where there is any for the graph; else the interpreter runs it."""
    reason: str = ""
    """Why there is none."""

    def compile(self) -> None:
        """Make the native code."""
        from typedflux.compile.lowering.program import Program  # llvmlite takes time to import
        from typedflux.compile.passes import optimise

        try:
            self.program = Program(optimise(self.graph))
        except UnsupportedError as error:
            self.reason = str(error)

    def run(self, inputs: list[Tensor], sizes: dict[Any, int]) -> list[Tensor]:
        """The graph's outputs."""
        if self.program is not None:
            try:
                return [wrap(a) for a in self.program.run([t._data for t in inputs], sizes)]
            except FlaggedError:
                pass  # the interpreter says what is wrong
        return run_graph(self.graph, inputs, sizes)

    def still_holds(self) -> bool:
        """Whether what was captured is of the same types, and what was static is as it was."""
        if not all([s.still_holds() for s in self.static]):
            return False
        types = iter(self.captured_types)
        for module, field in self.captured:
            for tensor in leaves(module.__dict__.get(field)):
                known = next(types, None)
                if known is None or tensor.dtype != known.dtype or tensor.shape != known.shape:
                    return False
        return next(types, None) is None

    def sizes(self, tensors: list[Tensor]) -> dict[Any, int] | None:
        """The named sizes in this call, `None` when a guard fails: trace again."""
        sizes: dict[Any, int] = {}
        for names, tensor in zip(self.names, tensors, strict=True):
            for name, size in zip(names or (), tensor.shape, strict=False):
                if name is not None and sizes.setdefault(name, size) != size:
                    return None
        return sizes if all(holds(g, sizes) for g in self.graph.guards) else None


def holds(guard: Guard, sizes: dict[Any, int]) -> bool:
    """Whether the relation came out as it did while tracing."""
    left = evaluate(guard.left, sizes)
    right = evaluate(guard.right, sizes)
    return _RELATIONS[guard.relation](left, right) is guard.holds


class Jitted:
    """A function traced at its first call with each signature. See `jit`."""

    def __init__(self, function: Callable[..., Any], *, check_finite: bool | None = None) -> None:
        self.function = function
        self.check_finite = is_requested() if check_finite is None else check_finite
        self._axes: SymbolicAxes | None = None
        self._traced: dict[Hashable, list[Traced]] = {}
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
        given = flatten((args, kwargs))
        if (
            current_graph() is not None
            or type(default_generator()) is not Generator
            or any(isinstance(t, Tracer) for t in given.leaves)
        ):
            return self.function(*args, **kwargs)  # part of what is being traced already
        traced, sizes = self.specialise(args, kwargs)
        inputs = list(given.leaves)
        for module, field in traced.captured:
            inputs.extend(leaves(module.__dict__[field]))
        outputs = traced.run(inputs, sizes)
        if self.check_finite:
            name = getattr(self, "__name__", type(self.function).__name__)
            require_finite(name, traced.graph, inputs, sizes, outputs)
        for write in traced.writes:
            target = write.module if write.branch is None else given.branches[write.branch]
            target.__dict__[write.field] = fill(write.value, outputs, given.branches)
        return fill(traced.result, outputs, given.branches)

    def specialise(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Traced, dict[Any, int]]:
        """The trace for these arguments, made now where there is none, and its symbolic sizes."""
        if self._axes is None:
            self._axes = SymbolicAxes(self.function)
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
        traced = self.trace(args, kwargs, given.leaves, given.branches, named)
        known.insert(0, traced)
        sizes = traced.sizes(self._tensors(traced, given.leaves))
        return traced, traced.hints if sizes is None else sizes

    def _tensors(self, traced: Traced, given: list[Tensor]) -> list[Tensor]:
        return given[: len(traced.names)]

    def trace(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        tensors: list[Tensor],
        branches: list[Any],
        named: dict[int, list[str | None]],
    ) -> Traced:
        """Run the function on tracers and record it."""
        trace = GraphTrace()
        staged = Staged()
        captures = Captures(lambda t: trace.input(type_of(t)))
        types, hints = leaf_types(tensors, named, trace)
        remaining = iter(types)

        def lift(_: Tensor) -> Tensor:
            return trace.input(next(remaining))

        with graph_running(trace):
            traced_args, traced_kwargs = staged.copy((args, kwargs), lift)
            captures.exclude(staged.copies())
            with capturing(captures):
                out = self.function(*traced_args, **traced_kwargs)
            template = Template(trace, staged, branches)
            writes = [
                Write(template.index(original), original, field, template.of(value))
                for original, field, value in staged.changes()
            ]
            writes += [
                Write(None, module, field, template.of(captures.values[key]))
                for key, (module, field) in captures.written.items()
            ]
            result = template.of(out)
        names = [named.get(id(t)) for t in tensors]
        types = [type_of(t) for m, field in captures.fields for t in leaves(m.__dict__[field])]
        static = list(captures.static.values())
        traced = Traced(trace.graph, hints, captures.fields, types, static, writes, result, names)
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
