"""What each equation of a graph is to the compiler, and where each value lies.

Every variable gets a view. Equations that only change the layout are aliases: no code. The others
are nodes, which `grouping` puts together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from typedflux.compile.lowering.errors import UnsupportedError
from typedflux.compile.lowering.views import (
    Buffer,
    View,
    broadcast,
    in_order,
    memory_order,
    permuted,
    reshaped,
    row_major,
    sliced,
)
from typedflux.compile.native.expressions import supports
from typedflux.compile.native.pool_windows import PoolKind
from typedflux.core.graph import Equation, Graph, Variable
from typedflux.core.primitive import Primitive
from typedflux.core.types import Shape
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dim, Unknown, is_fixed, product
from typedflux.tensor import Tensor

Kind = Literal[
    "pointwise", "copy", "fill", "reduce", "product", "window", "gather", "indexed", "check",
    "along", "draw", "join", "control", "call",
]  # fmt: skip

REDUCTIONS = {"sum": "add", "max": "max", "min": "min", "prod": "mul", "any": "or", "all": "and"}
"""Reductions that have code, with what combines two partial results."""


CONVOLUTIONS = ("conv", "conv_input_gradient", "conv_weight_gradient")
"""Convolutions that have code."""
POOLS: dict[str, PoolKind] = {
    "max_pool": "max", "max_pool_with_index": "max_with_index", "max_pool_gather": "gather",
    "max_pool_scatter": "scatter", "mean_pool": "mean", "mean_pool_gradient": "mean_gradient",
}  # fmt: skip
"""Pools that have code."""


COPY = Equation(Primitive("copy", lambda x: x, lambda x: x), (), {}, ())
"""What puts elements in other places."""


@dataclass(eq=False, slots=True)
class Node:
    """An equation that computes something.

    Attributes:
        shape: what its elements are computed over: the result's shape, or the operand's where that
            is larger (reductions) or laid out otherwise (copies).
        axes: for a reduction, the axes that go.
    """

    kind: Kind
    equation: Equation
    operands: tuple[View, ...]
    outputs: tuple[View, ...]
    shape: Shape
    axes: tuple[int, ...] = ()
    after: tuple[Buffer, ...] = ()
    """What must have been written before, though it is not read."""
    control: Any = None
    """Of control flow: the bodies."""
    apart: bool = False
    """Of a copy: whether it is a kernel of its own, which exchanges axes in blocks."""
    again: bool = False
    """Whether what reads it is to compute it again, instead of reading it from memory."""

    @property
    def detail(self) -> str:
        """Which operation of its kind it is."""
        return (
            self.kind
            if self.kind in ("copy", "join", "fill")
            else self.equation.primitive.lowering.detail
        )

    @property
    def dtype(self) -> DType:
        """Of the (first) result."""
        return self.outputs[0].dtype


@dataclass(eq=False, slots=True)
class Analysis:
    """A graph taken apart: views of all variables, and the nodes in order."""

    graph: Graph
    views: dict[Variable, View] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    constants: list[tuple[Buffer, Tensor]] = field(default_factory=list)
    """Tensors that are known, of graphs inside too."""


def analyse(graph: Graph) -> Analysis:
    """Give every variable a view, and every equation that computes a node.

    Raises:
        UnsupportedError: for a size that is not known before the program runs.
    """
    found = Analysis(graph)
    for i, variable in enumerate(graph.inputs):
        found.views[variable] = place_fresh(variable, f"input {i}")
    analyse_into(found)
    return found


def analyse_into(found: Analysis) -> None:
    """Give the variables views; the inputs have theirs."""
    for variable, tensor in found.graph.constants:
        view = found.views[variable] = place_fresh(variable, "constant")
        found.constants.append((view.buffer, tensor))
    outputs = set(found.graph.outputs)
    for equation in found.graph.equations:
        _place(found, equation, outputs)


def place_fresh(variable: Variable, name: str, order: tuple[int, ...] | None = None) -> View:
    shape = variable.type.shape
    if shape is None or any(isinstance(n, Unknown) for n in shape):
        raise UnsupportedError("a size depends on values")
    dtype = variable.type.dtype
    if not isinstance(dtype, DType):
        raise UnsupportedError("a dtype is not known")
    strides = row_major(shape) if order is None else in_order(shape, order)
    return View(Buffer(dtype, product(shape), name), shape, strides)


def _place(found: Analysis, equation: Equation, outputs: set[Variable]) -> None:
    operands = tuple([found.views[v] for v in equation.inputs])
    name = equation.primitive.name
    alias = _ALIASES.get(name)
    if alias is not None:
        output = equation.outputs[0]
        view = alias(operands[0], output.type.shape, equation.params)
        if view is not None:
            found.views[output] = view
            return
    if name in ("split", "unstack") and _parts(found, equation, operands[0]):
        return
    if name in ("concat", "stack") and _joined(found, equation, operands):
        return
    if name in ("scan", "while_loop", "cond"):
        from typedflux.compile.lowering.loops import place_control

        if place_control(found, equation, operands):
            return
    if name == "embed" and _embedded(found, equation, operands[0]):
        return
    if name == "slice_update" and _updated(found, equation, *operands):
        return
    operands = tuple(
        [
            _channels_last(found, equation, view) if _wants_channels_last(name, i) else view
            for i, view in enumerate(operands)
        ]
    )
    kind, shape, axes = _kind(equation, operands)
    if kind == "copy":
        node, view = copy_of(equation, operands[0], equation.outputs[0].type.shape)
        found.views[equation.outputs[0]] = view
        found.nodes.append(node)
        return
    order = None
    if outputs.isdisjoint(equation.outputs) or name == "conv_weight_gradient":
        order = _order(kind, equation, operands, shape)
    made = []
    for variable in equation.outputs:
        view = place_fresh(variable, equation.primitive.name, order)
        found.views[variable] = view
        made.append(view)
    found.nodes.append(Node(kind, equation, operands, tuple(made), shape, axes))
    if kind == "window" and name == "conv_weight_gradient":
        # laid out as an optimiser goes along it
        node, view = copy_of(COPY, made[0], made[0].shape)
        node.apart = True
        found.views[equation.outputs[0]] = view
        found.nodes.append(node)


def _kind(equation: Equation, operands: tuple[View, ...]) -> tuple[Kind, Shape, tuple[int, ...]]:
    primitive, params = equation.primitive, equation.params
    result = equation.outputs[0].type
    shape: Any = result.shape
    kind, detail = primitive.lowering.kind, primitive.lowering.detail
    dtypes = [v.dtype for v in operands]
    if kind == "elementwise" and not primitive.multiple:
        if supports(detail, dtypes, result.dtype, params):  # type: ignore[arg-type]
            return "pointwise", shape, ()
    elif kind == "reduction" and detail in REDUCTIONS and _reducible(operands[0], result.dtype):
        return "reduce", operands[0].shape, tuple(sorted(params["axis"]))
    elif kind == "contraction" and {d.name for d in dtypes} <= {"float32"}:
        return "product", shape, ()
    elif _is_plain_window(primitive.name, operands, result):
        return "window", shape, ()
    elif primitive.name in ("gather", "scatter_add") and _is_indexed(equation, operands):
        return "gather", shape, ()
    elif primitive.name in ("gather", "scatter_add", "index_update"):
        from typedflux.compile.lowering.indexing import is_indexed

        if is_indexed(equation, operands, result.dtype):  # type: ignore[arg-type]
            return "indexed", shape, ()
    elif primitive.name in ("argmax", "argmin", "cumulative_sum", "cumulative_prod"):
        from typedflux.compile.lowering.along import goes_along

        if goes_along(equation, dtypes[0]):
            return "along", shape, ()
    elif primitive.lowering.kind == "random":
        from typedflux.compile.lowering.draws import is_drawn

        if is_drawn(equation, operands, result.dtype):  # type: ignore[arg-type]
            return "draw", shape, ()
    elif primitive.name == "halt_unless_finite" and not shape and dtypes[0].is_floating:
        return "check", shape, ()
    elif primitive.name == "size":
        return "pointwise", shape, ()
    elif primitive.name == "reshape":
        return "copy", operands[0].shape, ()
    return "call", shape, ()


def copy_of(equation: Equation, operand: View, shape: Shape) -> tuple[Node, View]:
    """A node that puts a view's elements in row-major order, and the result as of `shape`."""
    buffer = Buffer(operand.dtype, product(shape), "copy")
    node = copy_to(equation, operand, View(buffer, operand.shape, row_major(operand.shape)))
    return node, View(buffer, shape, row_major(shape))


def copy_to(
    equation: Equation, operand: View, target: View, after: tuple[Buffer, ...] = ()
) -> Node:
    """A node that copies a view to another of the same shape, all of its buffer's elements.

    It goes over the axes as the operand's buffer has them, so that what computes the elements can
    write them in their new places at once.
    """
    if operand.dtype.is_complex:
        return Node("call", COPY, (operand,), (target,), operand.shape, (), after)
    order = memory_order(operand)
    axes = tuple(range(len(operand.shape))) if order is None else order
    source = permuted(operand, axes)
    return Node("copy", equation, (source,), (permuted(target, axes),), source.shape, (), after)


def part_of(whole: View, view: View, name: str) -> View:
    """A part of a buffer as a buffer of its own; `view` says where it lies."""
    root, start = whole.buffer.whole or (whole.buffer, 0)
    buffer = Buffer(view.dtype, product(view.shape), name, (root, start + view.offset))
    return View(buffer, view.shape, view.strides)


def _join(found: Analysis, equation: Equation, parts: list[View], whole: View) -> None:
    """The node after which a buffer is complete that was written in parts."""
    found.nodes.append(Node("join", equation, tuple(parts), (whole,), whole.shape))
    found.views[equation.outputs[0]] = whole


def _joined(found: Analysis, equation: Equation, operands: tuple[View, ...]) -> bool:
    """`concat` and `stack`: each operand is written to its place."""
    axis = equation.params["axis"]
    output = equation.outputs[0]
    dtype = output.type.dtype
    if any(v.dtype is not dtype for v in operands):
        return False
    whole = place_fresh(output, equation.primitive.name)
    start: Any = 0
    parts = []
    for operand in operands:
        shape = list(operand.shape)
        if equation.primitive.name == "stack":
            shape.insert(axis, 1)
        size = shape[axis]
        strides = whole.strides
        place = View(whole.buffer, tuple(shape), strides, start * strides[axis])
        if equation.primitive.name == "stack":
            place = View(
                whole.buffer,
                operand.shape,
                (*strides[:axis], *strides[axis + 1 :]),
                start * strides[axis],
            )
        part = part_of(whole, place, "part")
        found.nodes.append(copy_to(equation, operand, part))
        parts.append(part)
        start = start + size
    _join(found, equation, parts, whole)
    return True


def _embedded(found: Analysis, equation: Equation, operand: View) -> bool:
    """`embed`: the whole is filled, then the part is written to its place."""
    params = equation.params
    output = equation.outputs[0]
    whole = place_fresh(output, "embed")
    inside = sliced(whole, params["index"], operand.shape)
    if inside is None or whole.dtype is not operand.dtype:
        return False
    if not supports("constant", [], whole.dtype, {"value": params["value"], "dtype": whole.dtype}):
        return False
    filled = part_of(whole, whole, "filled")
    found.nodes.append(Node("fill", equation, (), (filled,), whole.shape))
    part = part_of(whole, inside, "part")
    found.nodes.append(copy_to(equation, operand, part, (filled.buffer,)))
    _join(found, equation, [filled, part], whole)
    return True


def _updated(found: Analysis, equation: Equation, old: View, new: View) -> bool:
    """`slice_update`: the whole is copied, then the part is written to its place."""
    whole = place_fresh(equation.outputs[0], "update")
    inside = sliced(whole, equation.params["index"], new.shape)
    if inside is None or old.dtype is not whole.dtype or new.dtype is not whole.dtype:
        return False
    kept = part_of(whole, whole, "kept")
    found.nodes.append(copy_to(equation, old, kept))
    part = part_of(whole, inside, "part")
    found.nodes.append(copy_to(equation, new, part, (kept.buffer,)))
    _join(found, equation, [kept, part], whole)
    return True


def _wants_channels_last(name: str, operand: int) -> bool:
    """Whether an operand is read by vectors of channels."""
    if name in POOLS:
        return True
    return (name, operand) in {("conv_input_gradient", 0), ("conv_weight_gradient", 1)}


def _channels_last(found: Analysis, equation: Equation, view: View) -> View:
    """The view, or a copy of it, with the channels innermost in memory."""
    channels = view.shape[1]
    if is_fixed(view.strides[1], 1) or not isinstance(channels, int) or channels < 4:
        return view
    buffer = Buffer(view.dtype, product(view.shape), "channels last")
    order = (0, *range(2, len(view.shape)), 1)
    copied = View(buffer, view.shape, in_order(view.shape, order))
    node = copy_to(equation, view, copied)
    node.apart = view.buffer not in {v.buffer for n in found.nodes for v in n.outputs}
    found.nodes.append(node)
    return copied


def _is_indexed(equation: Equation, operands: tuple[View, ...]) -> bool:
    from typedflux.compile.lowering.gathers import find_places

    result = place_fresh(equation.outputs[0], "")
    if result.dtype.name not in ("float32", "float64", "int32", "int64"):
        return False
    return find_places(operands, result, equation.params) is not None


def _reducible(operand: View, result: Any) -> bool:
    """Whether a reduction has code: of dtypes whose partial results need no other one."""
    return (
        operand.dtype.name == result.name
        and result.name in ("float32", "float64", "int64", "int32", "bool")
        and len(operand.shape) > 0
    )


def _is_plain_window(name: str, operands: tuple[View, ...], result: Any) -> bool:
    """Whether a convolution or pool has code: floats, and only the batch of a symbolic size."""
    if name not in CONVOLUTIONS and name not in POOLS:
        return False
    floats = operands if name in CONVOLUTIONS else operands[:1]
    sizes = [n for view in operands for n in view.shape[1:]] + list(result.shape[1:])
    return {v.dtype.name for v in floats} | {result.dtype.name} in ({"float32"}, {"float64"}) and (
        all(isinstance(n, int) and n > 0 for n in sizes)
    )


def _order(
    kind: Kind, equation: Equation, operands: tuple[View, ...], shape: Shape
) -> tuple[int, ...] | None:
    """The order in memory of a result's axes; `None` for row-major."""
    if kind == "window":
        rank = len(shape)
        if equation.primitive.name == "conv_weight_gradient":  # input, kernel, output
            return (*range(1, rank), 0)
        return (0, *range(2, rank), 1)  # channels last
    if kind != "pointwise":
        return None
    for view in operands:
        if len(view.shape) == len(shape) and not any(
            is_fixed(n, 1) and not is_fixed(m, 1) for n, m in zip(view.shape, shape, strict=True)
        ):
            order = memory_order(view)
            if order is not None:
                return order
    return None


# Aliases


def _permute(view: View, shape: Any, params: dict[str, Any]) -> View | None:
    return permuted(view, params["axes"])


def _reshape(view: View, shape: Any, params: dict[str, Any]) -> View | None:
    return reshaped(view, shape)


def _broadcast(view: View, shape: Any, params: dict[str, Any]) -> View | None:
    return broadcast(view, shape)


def _slice(view: View, shape: Any, params: dict[str, Any]) -> View | None:
    return sliced(view, params["index"], shape)


def _same(view: View, shape: Any, params: dict[str, Any]) -> View | None:
    return view


_ALIASES: dict[str, Callable[[View, Any, dict[str, Any]], View | None]] = {
    "permute_dims": _permute,
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "getitem": _slice,
    "stop_gradient": _same,
}


def _parts(found: Analysis, equation: Equation, view: View) -> bool:
    """`split` and `unstack` as slices."""
    axis = equation.params["axis"]
    start: Any = 0
    views = []
    for variable in equation.outputs:
        shape: Any = variable.type.shape
        index: list[Any] = [(None, None, None)] * len(view.shape)
        if len(shape) < len(view.shape):
            index[axis] = start
            start = start + 1
        else:
            size = shape[axis]
            if isinstance(start, Dim) or isinstance(size, Dim):
                return False
            index[axis] = (start, start + size, None)
            start = start + size
        part = sliced(view, index, shape)
        if part is None:
            return False
        views.append(part)
    found.views.update(zip(equation.outputs, views, strict=True))
    return True
