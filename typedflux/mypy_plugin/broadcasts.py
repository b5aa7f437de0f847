"""Broadcasts that are legal and hardly meant: operands of different rank, in whose result one size
stands on two axes because it met an axis of size 1.

`"batch"` with `"batch 1"` gives `"batch batch"`: the predictions of a model with one output, less
their targets. Such an axis only counts where it was declared: one that the program makes of size 1
itself, by `None`, `keepdims` or a reshape, was made to be broadcast. Which is which travels with
the sizes: a declared 1 enters an evaluation as `Declared`, operations pass it on as it is, and a
plain 1 that comes out was made by the operation. In mypy's types that one is a `Written`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mypy.errorcodes import ErrorCode

from typedflux.core.graph import Equation, Graph, GraphTrace, GraphTracer, Variable
from typedflux.core.primitive import Primitive
from typedflux.core.types import TensorType, format_shape
from typedflux.mypy_plugin.encoding import Written
from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import Dim, Dimension, Shape, equal, symbols
from typedflux.tensor import Tensor

BROADCAST = ErrorCode(
    "tensor-broadcast", "Broadcasting repeats an axis that nobody wrote", "typedflux"
)


class Declared(int):
    """The size of an axis of size 1 that the program declares, inside an evaluation."""

    __slots__ = ()


def as_declared(size: Dimension) -> Dimension:
    """The size of an operand's axis, marked where it is a declared 1."""
    return Declared(1) if type(size) is int and size == 1 else size


def as_result(size: Dimension) -> Dimension:
    """The size of a result's axis, marked where it is a 1 that the operation made."""
    if isinstance(size, Declared):
        return 1
    return Written(1) if type(size) is int and size == 1 else size


@dataclass(frozen=True)
class Repeat:
    """A broadcast that repeats a size.

    Attributes:
        operation: what was performed.
        operands: the types of the two operands, the one with fewer axes first.
        places: which inputs of the evaluation these are, where they are inputs.
        axis: the axis of size 1 of the second, from the end.
        size: what is repeated.
        result: the shape of the result.
        other: what it meets, 1 where it is broadcast.
    """

    operation: str
    operands: tuple[TensorType, TensorType]
    places: tuple[int | None, int | None]
    axis: int
    size: str
    result: str
    other: str = "1"

    def like(self, other: Repeat) -> bool:
        """Whether it is the same, perhaps with another number of axes."""
        return (self.operation, self.size, self.axis) == (other.operation, other.size, other.axis)

    def text(self, names: Sequence[str | None]) -> str:
        """What to tell; `names` are the inputs as the program spells them."""
        first, second = (
            (names[p] if p is not None and p < len(names) else None) or default
            for p, default in zip(self.places, ("the one", "the other"), strict=True)
        )
        short, long = self.operands
        fewer = f"{first}[..., None]" if self.axis == -1 else None
        last = f"{second}[..., 0]" if self.axis == -1 else f"squeeze({second}, axis={self.axis})"
        meant = f"{last} has the axes of {first}" + (
            f", {fewer} those of {second}" if fewer else ""
        )
        order = f"{long}, {short}" if _before(self.places) else f"{short}, {long}"
        if self.other != "1":
            would = f"; {fewer} would fit" if fewer else ""
            return (
                f"{self.operation}({order}): {self.size} of {first} meets {self.other} of "
                f"{second}, whose axis {self.size} stands before it: they differ, or "
                f"{self.size} is repeated{would}"
            )
        return (
            f'{self.operation}({order}) is "{self.result}", where {self.size} is repeated: '
            f"{first} has fewer axes and is broadcast along an axis of size 1 of {second}; {meant}"
        )


def _before(places: tuple[int | None, int | None]) -> bool:
    short, long = places
    return short is not None and long is not None and long < short


def repeats_in(graph: Graph) -> tuple[Repeat, ...]:
    """The broadcasts of a graph that repeat a size."""
    return tuple(r for equation in graph.equations for r in _repeats(equation, graph))


def _repeats(equation: Equation, graph: Graph) -> Iterator[Repeat]:
    if equation.primitive.lowering.kind != "elementwise" or len(equation.inputs) < 2:
        return
    for i, a in enumerate(equation.inputs):
        for b in equation.inputs[i + 1 :]:
            short, long = sorted((a, b), key=lambda v: v.type.ndim)
            place = repeating_axis(short.type.shape, long.type.shape)
            if place is None:
                continue
            places = tuple(
                graph.inputs.index(v) if v in graph.inputs else None for v in (short, long)
            )
            result = format_shape(broadcast_shapes(short.type.shape, long.type.shape))
            yield Repeat(
                equation.primitive.name, (short.type, long.type), (places[0], places[1]),
                place, str(short.type.shape[place]), result, str(long.type.shape[place]),
            )  # fmt: skip


def _place(variable: Variable, graph: Graph) -> int | None:
    return graph.inputs.index(variable) if variable in graph.inputs else None


def repeating_axis(short: Shape, long: Shape) -> int | None:
    """The axis, from the end, along which the operand of fewer axes repeats a size of the other.

    Where a size that nobody knows meets another there, either they differ, and nothing fits, or
    they are one, and it is repeated.
    """
    extra = len(long) - len(short)
    for i in range(1, len(short) + 1) if extra else ():
        size, other = short[-i], long[-i]
        if isinstance(other, Declared):
            named = isinstance(size, Dim) or (isinstance(size, int) and size > 1)
        else:
            named = _is_open(size, other)
        if named and any(equal(size, d) is True for d in long[:extra]):
            return -i
    return None


def _is_open(size: Dimension, other: Dimension) -> bool:
    """Whether a size that can be any stands against one that is known by another name."""
    if not isinstance(size, Dim) or any(s.kind == "rigid" for s in symbols(size)):
        return False
    if isinstance(other, Dim):
        return equal(size, other) is None
    return isinstance(other, int) and other > 1


class WatchedTrace(GraphTrace):
    """An evaluation's trace: what it makes of a shape alone is as declared as its inputs."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        super().__init__()
        self.takes_everything = True
        self._given: set[Variable] = set()

    def input(self, type: TensorType) -> GraphTracer:
        made = super().input(TensorType(type.dtype, tuple(map(as_declared, type.shape))))
        self._given.add(made.variable)
        return made

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        out = super().process(primitive, args, params)
        equation = self.graph.equations[-1]
        if not self._given.isdisjoint(equation.inputs):
            self._given.update(equation.outputs)
            return out
        if equation.inputs and primitive.lowering.kind != "random":
            return out
        # Made of a shape: its axes of size 1 are as declared as those of a parameter.
        outputs = [
            Variable(TensorType(v.type.dtype, tuple(map(as_declared, v.type.shape))))
            for v in equation.outputs
        ]
        self.graph.equations[-1] = Equation(
            primitive, equation.inputs, equation.params, tuple(outputs)
        )
        tracers = tuple(map(self._tracer, outputs))
        return tracers if primitive.multiple else tracers[0]
