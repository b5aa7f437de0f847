"""Kernels of matrix products, with the elementwise operations that follow them done on each vector
of results while it is in a register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group, broadcast_strides
from typedflux.compile.lowering.nests import Elements, Strides, load_key, make_nest
from typedflux.compile.lowering.views import Buffer, View, permuted, reshaped
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.products import (
    Operand,
    ProductPlan,
    ProductShape,
    packed_once,
    plan_product,
)
from typedflux.core.types import Shape
from typedflux.shapes.dims import Dimension, is_fixed, product


@dataclass(frozen=True, slots=True)
class Matrices:
    """Operands of a product as stacks of matrices: `batch` sizes, then rows and columns."""

    a: View
    b: View
    batch: Shape
    m: Dimension
    n: Dimension
    k: Dimension


def matrices_of(group: Group) -> Matrices:
    """The operands of the product that a group begins with."""
    node = group.nodes[0]
    x, y = node.operands[:2]
    if node.detail == "affine":
        y = permuted(y, (1, 0))
    k, n = y.shape[-2:]
    if all(is_fixed(size, 1) for size in y.shape[:-2]):
        flat_y = reshaped(y, (k, n))
        rows = product(x.shape[:-1])
        flat_x = reshaped(x, (rows, k))
        if flat_x is not None and flat_y is not None:
            return Matrices(flat_x, flat_y, (), rows, n, k)
    batch = node.shape[:-2]
    a = View(
        x.buffer,
        (*batch, *x.shape[-2:]),
        broadcast_strides(x, (*batch, *x.shape[-2:])),
        x.offset,
    )
    b = View(y.buffer, (*batch, k, n), broadcast_strides(y, (*batch, k, n)), y.offset)
    return Matrices(a, b, batch, x.shape[-2], n, k)


def shape_of(m: Matrices) -> ProductShape:
    """What is known of a product."""
    return ProductShape(
        "float",
        _known(m.m),
        _known(m.n),
        _known(m.k),
        (_known(m.a.strides[-2]), _known(m.a.strides[-1])),
        (_known(m.b.strides[-2]), _known(m.b.strides[-1])),
        batched=bool(m.batch),
    )


class ProductKernel:
    """The kernels of one group that begins with a product and writes the buffers `stored`.

    With `panels`, the right operand is packed there already.
    """

    alone = False

    def __init__(
        self,
        group: Group,
        stored: Sequence[Buffer],
        machine: Machine,
        panels: Buffer | None = None,
    ) -> None:
        self.group = group
        self.node = group.nodes[0]
        self.stored = stored
        self.machine = machine
        self.panels = panels
        self.matrices = matrices_of(group)
        self.bias: tuple[View, Strides] | None = None
        if self.node.detail == "affine":
            view = self.node.operands[2]
            self.bias = view, broadcast_strides(view, group.space)
        self.nest = make_nest(group, stored, [self.bias] if self.bias is not None else [])
        shape = shape_of(self.matrices)
        plan = packed_once(shape, machine) if panels is not None else None
        self.plan: ProductPlan = plan or plan_product(shape, machine)
        self.stages = self.plan.stages

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """Memory for packed operands."""
        m = self.matrices
        return self.plan.scratch_bytes(at(m.m), at(m.n), at(m.k), threads)

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """The kernel of one stage."""
        f, m = frame.function, self.matrices
        self.frame = frame
        self.elements = Elements(frame, self.group, self.nest, self.machine.lanes)
        self.elements.load_uniform()
        self.row_base: Index = 0
        pointer_a = frame.pointer(m.a.buffer)
        pointer_b = frame.pointer(m.b.buffer if self.panels is None else self.panels)

        def operand(view: View, pointer: Value, start: Index) -> Operand:
            memory = expressions.memory_type(view.dtype)
            return Operand(
                f.at(pointer, start, memory),
                frame.size(view.strides[-2]),
                frame.size(view.strides[-1]),
            )

        def place(f: Function, number: Value) -> tuple[Operand, Operand]:
            indices: list[Index] = []
            rest: Index = number
            for axis in reversed(range(len(m.batch))):
                extent = frame.size(m.batch[axis])
                indices.insert(0, rest if axis == 0 else f.modulo(rest, extent))
                rest = f.over(rest, extent)
            self.row_base = f.times(number, frame.size(m.m))
            found = []
            for view, pointer in ((m.a, pointer_a), (m.b, pointer_b)):
                terms = list(zip(indices, view.strides[:-2], strict=True))
                found.append(operand(view, pointer, frame.address(terms, view.offset)))
            return found[0], found[1]

        self.plan.emit(
            stage,
            f,
            frame.size(m.m),
            frame.size(m.n),
            frame.size(m.k),
            operand(m.a, pointer_a, frame.size(m.a.offset)),
            operand(m.b, pointer_b, frame.size(m.b.offset) if self.panels is None else 0),
            frame.pointer(scratch),
            frame.thread,
            frame.threads,
            _Finish(self),
            batch=frame.size(product(m.batch)),
            place=place if m.batch else None,
        )
        f.close()


class _Finish:
    """What follows the product, for a vector of its results. See `RowEpilogue`."""

    def __init__(self, kernel: ProductKernel) -> None:
        self.kernel = kernel
        self.row: Index | None = None

    def begin_row(self, f: Function, row: Index) -> None:
        """Go to a row."""
        self._go(self.kernel.frame, self.kernel.elements, row)
        self.row = row

    def _go(self, frame: Frame, elements: Elements, row: Index) -> None:
        f, nest = frame.function, self.kernel.nest
        last = len(nest.extents) - 1
        rest = f.plus(self.kernel.row_base, row)
        outer: list[Index] = []
        for axis in reversed(range(last)):
            extent = frame.size(nest.extents[axis])
            outer.insert(0, rest if axis == 0 else f.modulo(rest, extent))
            rest = f.over(rest, extent)
        elements.at_row(outer, [last])

    def __call__(
        self, f: Function, row: Index, column: Index, value: Value, mask: Value | None, /
    ) -> None:
        kernel = self.kernel
        frame, elements = kernel.frame, kernel.elements
        if f is not frame.function:
            frame = Frame.trial(f)
            elements = Elements(frame, kernel.group, kernel.nest, kernel.machine.lanes)
            elements.load_uniform()
            self._go(frame, elements, row)
        elif row is not self.row:
            self.begin_row(f, row)
        elements.at_element(column, mask)
        if kernel.bias is not None:
            value = f.add(value, elements.load(kernel.nest.loads[load_key(*kernel.bias)]))
        elements.values[kernel.node.outputs[0].buffer] = value
        for buffer in kernel.stored:  # first all values: memory of operands may be taken over
            elements.value(buffer)
        for buffer in kernel.stored:
            elements.store(buffer)


def _known(size: Dimension) -> int | None:
    return size if isinstance(size, int) else None
