"""Rewriting a graph: its equations are performed again, those with a rule by their rule.

A rule takes the operands and parameters of an equation, as tracers of the new graph, and returns
what stands for the results, or `None` to leave the equation. What it performs is recorded like any
operation, so the package's own shape rules give the new types, and rules apply to that in turn.
An equation that nothing happens to is kept as it is, with its variables.

A graph that was traced is complete: its sizes stay the same symbols, and its guards stay as they
are. A rule that would need to know more of a symbolic size leaves the equation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, TypeAlias

from typedflux.compile.passes.sharing import Shared
from typedflux.core import tracing
from typedflux.core.graph import Equation, Graph, GraphTrace, GraphTracer, Variable
from typedflux.core.primitive import LoweringKind, Primitive, type_of
from typedflux.core.tracing import Tracer
from typedflux.core.types import TensorType
from typedflux.ops.families import same_shape
from typedflux.ops.manipulation import broadcast_to_p
from typedflux.shapes.dims import Dim, symbols
from typedflux.shapes.errors import UndecidedError
from typedflux.tensor import Tensor

Rule: TypeAlias = Callable[..., Any]
"""From tracers and the parameters to a tracer (a sequence of them where the primitive gives
several), or `None`."""

SMALL: Final = 1024
"""How many elements a constant may have for an equation of it to be performed."""

COMPARED: Final = 1 << 18
"""How many bytes a constant may have for others to be compared with it."""


@dataclass(frozen=True, slots=True)
class Rewrites:
    """What is to be done to a graph.

    Attributes:
        rules: by primitive, tried in order.
        by_kind: by the kind of lowering, tried after those; they take the primitive first.
        fold: performs an equation of small constants; see `constants`.
        number: the number that all elements of a constant are, if they are.
        share: whether an equation that has been performed already is not repeated.
        finish: done to every graph afterwards, those in parameters included.
    """

    rules: Mapping[Primitive, Sequence[Rule]] = field(default_factory=dict)
    by_kind: Mapping[LoweringKind, Sequence[Rule]] = field(default_factory=dict)
    fold: Callable[[Primitive, Sequence[Tensor], dict[str, Any]], list[Tensor] | None] | None = None
    number: Callable[[Tensor], Tensor | None] | None = None
    share: bool = False
    finish: Callable[[Graph], Graph] | None = None


def rewrite(graph: Graph, rewrites: Rewrites) -> Graph:
    """The graph with rules applied to its equations, and to those of the graphs in them."""
    _seal(graph)
    return _rewritten(graph, rewrites, {})


Known: TypeAlias = dict[int, tuple[Graph, Graph]]


def _rewritten(graph: Graph, rewrites: Rewrites, known: Known) -> Graph:
    found = known.get(id(graph))
    if found is not None:
        return found[1]
    trace = Rewriting(rewrites, known)
    with tracing.graph_running(trace):
        trace.graph.inputs = list(graph.inputs)
        trace.graph.guards = list(graph.guards)
        trace.graph.outputs = trace.replay(graph, {}, fresh=False)
    new = trace.finished(trace.graph)
    known[id(graph)] = graph, new
    known[id(new)] = new, new
    return new


def _seal(graph: Graph) -> None:
    """Let the traces that made a graph's symbols refuse to rely on anything new."""
    for variable in graph.inputs:
        for size in variable.type.shape:
            if isinstance(size, Dim):
                for symbol in symbols(size):
                    if isinstance(symbol.owner, GraphTrace):
                        symbol.owner.sealed = True


class Rewriting(GraphTrace):
    """The trace of the new graph."""

    __slots__ = (
        "_kept", "_known", "_rules", "_shared", "definitions", "rewrites", "scope", "uses",
        "values",
    )  # fmt: skip

    name: ClassVar[str] = "the compiler"
    takes_outer: ClassVar[bool] = True

    def __init__(self, rewrites: Rewrites, known: Known) -> None:
        super().__init__()
        self.takes_everything = True
        self.rewrites = rewrites
        self.definitions: dict[Variable, Equation] = {}
        """The equation that gives a variable."""
        self.values: dict[Variable, Tensor] = {}
        """What variables that are constants stand for."""
        self.uses: dict[Variable, int] = {}
        """How often the original graphs use a variable."""
        self.scope: object = None
        self._known = known
        self._kept: list[Tensor] = []
        self._rules: dict[Primitive, tuple[Rule, ...]] = {}
        self._shared = Shared()

    # Variables

    def variable_of(self, tensor: Tensor) -> Variable:
        if type(tensor) is GraphTracer and tensor._trace is self:
            return tensor.variable
        if isinstance(tensor, Tracer) and not tensor._trace.active:
            tensor.refuse_leaked()
        return self.constant(tensor)

    def constant(self, tensor: Tensor, variable: Variable | None = None) -> Variable:
        """The variable for a tensor from outside: one for all small ones with the same values."""
        known = self._constants.get(id(tensor))
        if known is not None:
            return known
        small = type(tensor) is Tensor and tensor._data.nbytes <= COMPARED
        if small:
            data = tensor._data
            known = self._shared.constants.get(key := (data.dtype, data.shape, data.tobytes()))
        if known is None:
            known = variable or Variable(type_of(tensor))
            self.graph.constants.append((known, tensor))
            self.values[known] = tensor
            if small:
                self._shared.constants[key] = known
        self._constants[id(tensor)] = known
        self._kept.append(tensor)  # and its id in use
        return known

    def tracers(self, variables: Sequence[Variable]) -> list[GraphTracer]:
        """A tracer for each variable of the new graph."""
        return [self._tracer(v) for v in variables]

    def given(self, tensor: Tensor, variable: Variable | None = None) -> Variable:
        """The same, a constant whose elements are all one number being broadcast from that."""
        if self.rewrites.number is not None and type(tensor) is Tensor and tensor.ndim:
            number = self.rewrites.number(tensor)
            if number is not None:
                scalar = self._tracer(self.constant(number))
                return self.variable_of(broadcast_to_p.bind(scalar, shape=tensor.shape))
        return self.constant(tensor, variable)

    # Equations

    def replay(
        self, graph: Graph, place: dict[Variable, Variable], *, fresh: bool
    ) -> list[Variable]:
        """Perform a graph's equations, its inputs being in `place`; what its results are here.

        `fresh` results get variables of their own, as they must where a graph is performed more
        than once.
        """
        for variable, tensor in graph.constants:
            known = self.given(tensor, None if fresh else variable)
            if known is not variable:
                place[variable] = known
        self._count_uses(graph)
        get = place.get
        for equation in graph.equations:
            before, outputs = equation.inputs, equation.outputs
            inputs = tuple([get(v, v) for v in before])
            new = tuple([self._again(v) for v in outputs]) if fresh else outputs
            same = equation if new is outputs and inputs == before else None
            if equation.scope is not None:
                self.scope, outer = equation.scope, self.scope
                found = self.perform(equation.primitive, inputs, equation.params, new, same)
                self.scope = outer
            else:
                found = self.perform(equation.primitive, inputs, equation.params, new, same)
            if found is not outputs:
                for variable, stands_for in zip(outputs, found, strict=True):
                    if variable is not stands_for:
                        place[variable] = stands_for
        return [get(v, v) for v in graph.outputs]

    def joined(
        self, first: Graph, second: Graph
    ) -> tuple[Graph, list[Variable], list[Variable]]:  # fmt: skip
        """A graph of the equations of two that take the same inputs, to which results are yet to be
        given, and what the results of each are in it."""
        inner = Rewriting(self.rewrites, self._known)
        inner.graph.inputs, inner.graph.guards = list(first.inputs), list(first.guards)
        with tracing.graph_running(inner):
            here = inner.replay(first, {}, fresh=False)
            place = dict(zip(second.inputs, first.inputs, strict=True))
            return inner.graph, here, inner.replay(second, place, fresh=True)

    def finished(self, graph: Graph) -> Graph:
        """A graph that has been rewritten, after what is done to whole graphs."""
        return graph if self.rewrites.finish is None else self.rewrites.finish(graph)

    def _count_uses(self, graph: Graph) -> None:
        uses = self.uses
        for equation in graph.equations:
            for v in equation.inputs:
                uses[v] = uses.get(v, 0) + 1
        for v in graph.outputs:
            uses[v] = uses.get(v, 0) + 1

    def _again(self, variable: Variable) -> Variable:
        new = Variable(variable.type)
        self.uses[new] = self.uses.get(variable, 0)
        return new

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        inputs = tuple([self.variable_of(a) for a in args])
        types = primitive.infer([v.type for v in inputs], params)
        outputs = tuple([Variable(t) for t in (types if primitive.multiple else (types,))])
        found = self.perform(primitive, inputs, params, outputs, None)
        if primitive.multiple:
            return tuple(self.tracers(found))
        return self._tracer(found[0])

    def perform(
        self,
        primitive: Primitive,
        inputs: tuple[Variable, ...],
        params: dict[str, Any],
        outputs: tuple[Variable, ...],
        equation: Equation | None,
    ) -> Sequence[Variable]:
        """The variables that stand for an equation's results: `outputs` where it is recorded."""
        rules = self._rules.get(primitive)
        if rules is None:
            rules = self._rules[primitive] = (
                *self.rewrites.rules.get(primitive, ()),
                *[
                    partial(rule, primitive)
                    for rule in self.rewrites.by_kind.get(primitive.lowering.kind, ())
                ],
            )
        for rule in rules:
            found = self._applied(rule, inputs, params, outputs, primitive.multiple)
            if found is not None:
                self._replace(outputs, found)
                return found
        if self.rewrites.fold is not None and all([v in self.values for v in inputs]):
            values = [self.values[v] for v in inputs]
            folded = self.rewrites.fold(primitive, values, params)
            if folded is not None:
                return [self.given(t) for t in folded]
        if primitive.calls_back:
            inner = {name: self._optimised(value) for name, value in params.items()}
            if any(inner[name] is not value for name, value in params.items()):
                params, equation = inner, None
        if self.rewrites.share:
            key = self._shared.key(primitive, inputs, params, self.scope)
            if key is not None:
                earlier = self._shared.equations.setdefault(key, outputs)
                if earlier is not outputs:
                    self._replace(outputs, earlier)
                    return earlier
        if equation is None:
            equation = Equation(primitive, inputs, params, outputs, self.scope)
        self.graph.equations.append(equation)
        for variable in outputs:
            self.definitions[variable] = equation
        return outputs

    def _replace(self, outputs: Sequence[Variable], found: Sequence[Variable]) -> None:
        """What used one variable uses another."""
        for old, new in zip(outputs, found, strict=True):
            self.uses[new] = self.uses.get(new, 0) + self.uses.get(old, 0)

    def _applied(
        self,
        rule: Rule,
        inputs: Sequence[Variable],
        params: dict[str, Any],
        outputs: Sequence[Variable],
        multiple: bool,
    ) -> list[Variable] | None:
        try:
            found = rule(*self.tracers(inputs), **params)
            if found is None:
                return None
            results = list(found) if multiple else [found]
            return [self._fitted(t, v.type).variable for t, v in zip(results, outputs, strict=True)]
        except UndecidedError:
            return None

    def _fitted(self, tensor: Tensor, wanted: TensorType) -> GraphTracer:
        """What a rule returned, broadcast to the shape of the result it stands for."""
        found = tensor if type(tensor) is GraphTracer else self.tracer_of(tensor)
        if not same_shape(found.type.shape, wanted.shape):
            found = broadcast_to_p.bind(found, shape=wanted.shape)
        if found.type.dtype is not wanted.dtype:
            raise AssertionError(f"a rule gives {found.type} for {wanted}")
        return found

    def _optimised(self, value: Any) -> Any:
        """A parameter with the graphs in it rewritten."""
        if type(value) is Graph:
            return _rewritten(value, self.rewrites, self._known)
        if type(value) is tuple and any(type(v) is Graph for v in value):
            new = tuple([self._optimised(v) for v in value])
            same = all([a is b for a, b in zip(new, value, strict=True)])
            return value if same else new
        return value


def definition_of(tensor: Any) -> Equation | None:
    """The equation that gives a tracer, `None` for inputs and constants."""
    trace: Rewriting = tensor._trace
    return trace.definitions.get(tensor.variable)


def given_by(tensor: Any, primitive: Primitive) -> tuple[list[Any], dict[str, Any]] | None:
    """The operands and parameters of the equation that gives a tracer, if it is of `primitive`."""
    trace: Rewriting = tensor._trace
    equation = trace.definitions.get(tensor.variable)
    if equation is None or equation.primitive is not primitive:
        return None
    return list(trace.tracers(equation.inputs)), equation.params


def value_of(tensor: Any) -> Tensor | None:
    """What a tracer stands for, if that is a constant and no tracer itself."""
    trace: Rewriting = tensor._trace
    value = trace.values.get(tensor.variable)
    return value if type(value) is Tensor else None


def uses_of(tensor: Any) -> int:
    """How often the original graphs use what a tracer stands for; 0 where a rule made it."""
    trace: Rewriting = tensor._trace
    return trace.uses.get(tensor.variable, 0)
