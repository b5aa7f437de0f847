"""Typed graphs: what a function does to tensors, recorded as equations between variables.

`GraphTrace` records one while the function runs on `GraphTracer`s, which have a type and no value.
The same trace is abstract evaluation: `evaluate_types`, `outputsize` and the type checker read the
types and drop the equations. Shapes may hold symbolic dims; each equation's types come from its
primitive's shape rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from typedflux.core import tracing
from typedflux.core.places import Place, users_place
from typedflux.core.primitive import Primitive, type_of
from typedflux.core.tracing import Trace, Tracer
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dim, Dimension
from typedflux.shapes.errors import UndecidedError
from typedflux.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A value in a graph: a tensor of a known type, defined once."""

    type: TensorType


@dataclass(frozen=True, slots=True, eq=False)
class Equation:
    """`outputs = primitive(*inputs, **params)`; `params` may hold symbolic dims and graphs.

    `scope` is the checkpoint that it was part of, if it was: what a checkpoint computes is not
    shared with anything outside it, because it is to be computed again and not kept. `place` is
    the user's line that asked for it, where it was traced and not made by the compiler.
    """

    primitive: Primitive
    inputs: tuple[Variable, ...]
    params: dict[str, Any]
    outputs: tuple[Variable, ...]
    scope: object = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A relation between sizes that tracing relied on: `left relation right` was `holds`."""

    left: Dimension
    relation: str
    right: Dimension
    holds: bool


@dataclass(slots=True, eq=False, repr=False)
class Graph:
    """Equations in order of execution, with what goes in and what comes out.

    `constants` pairs a variable with the tensor it stands for: one that the function captured, of a
    lower level (so possibly a tracer itself).
    """

    inputs: list[Variable] = field(default_factory=list)
    constants: list[tuple[Variable, Tensor]] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    outputs: list[Variable] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)

    def __str__(self) -> str:
        names: dict[Variable, str] = {}

        def name(variable: Variable) -> str:
            return names.setdefault(variable, f"%{len(names)}")

        def signature(variables: Sequence[Variable]) -> str:
            return ", ".join(f"{name(v)}: {v.type}" for v in variables)

        lines = [f"graph({signature(self.inputs)})"]
        if self.constants:
            lines.append(f"  constants {signature([v for v, _ in self.constants])}")
        for e in self.equations:
            # Graphs in parameters take several lines.
            params = "".join(f", {k}={v}" for k, v in e.params.items()).replace("\n", "\n    ")
            operands = ", ".join(map(name, e.inputs))
            lines.append(f"  {signature(e.outputs)} = {e.primitive.name}({operands}{params})")
        lines.append(f"  return {', '.join(map(name, self.outputs))}")
        return "\n".join(lines)

    __repr__ = __str__


class GraphTracer(Tracer):
    """A tensor that has a type and no value."""

    __slots__ = ("variable",)

    variable: Variable

    remedy: ClassVar[str] = (
        "values are not known while a function is traced: use flux.where, flux.cond, flux.scan or "
        "flux.while_loop, or move this out of the traced function"
    )

    @property
    def type(self) -> TensorType:
        return self.variable.type

    def _origin(self) -> str:
        equations = self._trace.graph.equations if isinstance(self._trace, GraphTrace) else ()
        made = [e.place for e in equations if self.variable in e.outputs and e.place is not None]
        return f" ({made[0]})" if made else ""

    @property
    def shape(self) -> tuple[int, ...]:
        # Symbolic sizes behave as ints do, so the static type is that of a tensor's shape.
        return self.variable.type.shape  # type: ignore[return-value]

    @property
    def dtype(self) -> DType:
        # A set of dtypes only under the type checker's evaluation, where rules lift over it.
        return self.variable.type.dtype  # type: ignore[return-value]


class GraphTrace(Trace):
    """Records the operations of a function into `graph`."""

    __slots__ = ("_constants", "_guarded", "graph", "sealed")

    name: ClassVar[str] = "jit or an abstract evaluation"
    is_body: ClassVar[bool] = False
    """Whether the graph is to be transformed later: rules of derivatives are kept in it."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = Graph()
        self._constants: dict[int, Variable] = {}
        self._guarded: set[str] = set()
        self.sealed = False
        """Whether there can be no further guards: the graph is complete and being transformed."""

    def input(self, type: TensorType) -> GraphTracer:
        """A new input of the graph."""
        variable = Variable(type)
        self.graph.inputs.append(variable)
        return self._tracer(variable)

    def variable_of(self, tensor: Tensor) -> Variable:
        """The variable of a tracer of this trace, or a constant for any other tensor."""
        if isinstance(tensor, GraphTracer) and tensor._trace is self:
            return tensor.variable
        if isinstance(tensor, Tracer) and not tensor._trace.active:
            tensor.refuse_leaked()
        known = self._constants.get(id(tensor))
        if known is None:
            known = self._constants[id(tensor)] = Variable(type_of(tensor))
            self.graph.constants.append((known, tensor))  # also keeps the id in use
        return known

    def tracer_of(self, tensor: Tensor) -> GraphTracer:
        """A tracer for any tensor, which becomes a constant if it is not one already."""
        return self._tracer(self.variable_of(tensor))

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        inputs = tuple([self.variable_of(a) for a in args])
        types = primitive.infer([v.type for v in inputs], params)
        outputs = tuple([Variable(t) for t in (types if primitive.multiple else (types,))])
        place = users_place()
        self.graph.equations.append(Equation(primitive, inputs, params, outputs, None, place))
        tracers = tuple([self._tracer(v) for v in outputs])
        return tracers if primitive.multiple else tracers[0]

    def _tracer(self, variable: Variable) -> GraphTracer:
        tracer: GraphTracer = object.__new__(GraphTracer)
        tracer._trace = self
        tracer.variable = variable
        return tracer

    def guard(self, left: Dimension, relation: str, right: Dimension, holds: bool) -> None:
        """Called by a symbolic size of this trace when code demanded a decision about it."""
        # Comparing guards would compare sizes, which is what calls this: compare their texts.
        key = f"{left} {relation} {right}"
        if key not in self._guarded:
            if self.sealed:
                raise UndecidedError(f"the graph does not rely on {key}, and is complete")
            self._guarded.add(key)
            self.graph.guards.append(Guard(left, relation, right, holds))


def trace_graph(function: Callable[..., Sequence[Tensor]], types: Sequence[TensorType]) -> Graph:
    """Run `function` on tensors of these types and record what it does.

    `function` takes one tensor per type and returns a sequence of tensors. Tensors that it captures
    become the graph's constants.
    """
    trace = GraphTrace()
    with tracing.graph_running(trace):
        outputs = function(*[trace.input(t) for t in types])
        trace.graph.outputs.extend([trace.variable_of(o) for o in outputs])
    return trace.graph


def evaluate_types(
    function: Callable[..., Any], types: Sequence[TensorType]
) -> TensorType | tuple[TensorType, ...]:
    """The type of `function`'s result on tensors of these types: abstract evaluation.

    Nothing is computed. This is the one mechanism behind `outputsize`, the static checker and
    tracing, so a composition needs no shape rule of its own.
    """
    trace = GraphTrace()
    with tracing.graph_running(trace):
        out = function(*[trace.input(t) for t in types])
        if isinstance(out, tuple):
            return tuple(type_of(o) for o in out)
        return type_of(out)


def run_graph(graph: Graph, inputs: Sequence[Tensor], sizes: dict[Any, int] | None) -> list[Tensor]:
    """Interpret a graph: perform its equations on `inputs` with symbolic dims set to `sizes`.

    With `None` symbolic dims stay as they are, for a graph that is run inside another trace. Values
    are dropped after their last use.
    """
    values: dict[Variable, Tensor] = dict(zip(graph.inputs, inputs, strict=True))
    values.update(graph.constants)
    last_use: dict[Variable, int] = {}
    for i, equation in enumerate(graph.equations):
        for v in equation.inputs:
            last_use[v] = i
    keep = set(graph.outputs)
    for i, equation in enumerate(graph.equations):
        params = equation.params
        if sizes is not None:
            params = {k: concrete_param(v, sizes) for k, v in params.items()}
        out = equation.primitive.bind(*[values[v] for v in equation.inputs], **params)
        if equation.primitive.multiple:
            values.update(zip(equation.outputs, out, strict=True))
        else:
            values[equation.outputs[0]] = out
        for v in equation.inputs:
            if last_use.get(v) == i and v not in keep:
                values.pop(v, None)
    return [values[v] for v in graph.outputs]


def concrete_param(value: Any, sizes: dict[Any, int]) -> Any:
    """A parameter with its symbolic dims evaluated."""
    if isinstance(value, Dim):
        from typedflux.shapes.dims import evaluate

        return evaluate(value, sizes)
    if type(value) is tuple:
        return tuple([concrete_param(v, sizes) for v in value])
    if type(value) is slice:
        return slice(*(concrete_param(v, sizes) for v in (value.start, value.stop, value.step)))
    return value
