"""Kernels of reductions whose results are not used in the same row: sums over a batch, statistics
of channels, totals.

Where many results are kept, each thread computes its own; where few are, each thread goes over its
part of the elements, and a second stage combines the parts, in the same order every time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.nests import Elements, combiner, identity_of, make_nest
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import Cell, Index, Type, Value
from typedflux.compile.native.machine import Machine
from typedflux.shapes.dims import Dimension, product

_VECTORS = 4
"""How many vectors of results are accumulated at once."""
FEW = 512
"""With fewer results than this, threads share the elements instead of the results."""
SMALL = 1 << 13
"""With fewer elements than this, one thread does it all."""


class ColumnsKernel:
    """The kernels of one group that writes the buffers `stored`, reductions' results included.

    `stages` is 1, or 2 where the partial results of threads are combined.
    """

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        self.group = group
        self.stored = stored
        self.lanes = machine.lanes
        self.nest = make_nest(group, stored)
        self.reductions = [n for n in group.nodes if n.kind == "reduce"]
        self.axes = range(len(self.nest.extents))
        self.kept = [i for i in self.axes if not self.nest.reduced[i]]
        self.over = [i for i in self.axes if self.nest.reduced[i]]
        self.results: Dimension = product([self.nest.extents[i] for i in self.kept])
        elements: Dimension = product(self.nest.extents)
        few = isinstance(self.results, int) and self.results < FEW
        self.is_small = isinstance(elements, int) and elements < SMALL
        self.stages = 2 if few and self.over and not self.is_small else 1
        """How many kernels there are."""
        self.alone = self.is_small and self.stages == 1

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """Memory for the partial results of each thread."""
        if self.stages == 1:
            return 0
        assert isinstance(self.results, int)
        return threads * len(self.reductions) * (self.results + self.lanes) * 8

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function of one stage."""
        if stage == 1:
            self._combine(frame, scratch)
            return
        f = frame.function
        self.frame = frame
        self.partial = scratch if self.stages == 2 else None
        self.elements = Elements(frame, self.group, self.nest, self.lanes)
        self.elements.load_uniform()
        if self.alone:
            with f.when(f.compare("eq", frame.thread, f.index(0))):
                self._go(alone=True)
        else:
            self._go(alone=False)
        f.close()

    def _go(self, *, alone: bool) -> None:
        innermost = self.axes[-1] if len(self.axes) else None
        if innermost is not None and not self.nest.reduced[innermost]:
            self._vectors_of_results(alone)
        else:
            self._one_result_each(alone)

    # Loops over what is reduced

    def _reduced_loops(
        self, axes: list[int], alone: bool, inner: Callable[[list[tuple[Index, int]]], None]
    ) -> None:
        f, frame = self.frame.function, self.frame

        def nested(axes: list[int], before: list[tuple[Index, int]]) -> None:
            if not axes:
                inner(before)
                return
            size = frame.size(self.nest.extents[axes[0]])
            start: Index = 0
            if not before and self.partial is not None and not alone:
                start, size = frame.share(size)
            with f.loop(start, size) as i:
                nested(axes[1:], [*before, (i, axes[0])])

        nested(axes, [])

    def _indices(self, flat: Index, axes: Sequence[int]) -> list[tuple[Index, int]]:
        f = self.frame.function
        found: list[tuple[Index, int]] = []
        for place, axis in reversed(list(enumerate(axes))):
            if place == 0:
                found.insert(0, (flat, axis))
            else:
                extent = self.frame.size(self.nest.extents[axis])
                found.insert(0, (f.modulo(flat, extent), axis))
                flat = f.over(flat, extent)
        return found

    # The innermost axis is kept: vectors of results

    def _vectors_of_results(self, alone: bool) -> None:
        f, frame = self.frame.function, self.frame
        inner = self.axes[-1]
        outer = self.kept[:-1]
        extent = frame.size(self.nest.extents[inner])
        rows = frame.size(product([self.nest.extents[i] for i in outer]))
        width = self.lanes
        while width < self.lanes * _VECTORS and not (isinstance(extent, int) and extent <= width):
            width += self.lanes
        blocks = f.over(f.plus(extent, width - 1), width)
        start: Index = 0
        stop = f.times(rows, blocks)
        if self.partial is None and not alone:
            start, stop = frame.share(stop)
        with f.loop(start, stop) as unit:
            row = f.over(unit, blocks)
            first = f.times(f.modulo(unit, blocks), width)
            fixed = self._indices(row, outer)
            self.elements.at_row([0] * (len(self.axes) - 1), [inner], whole=False)
            whole_vectors: list[Value | None] = [None] * (width // self.lanes)
            if isinstance(extent, int) and extent % width == 0:
                self._block(first, whole_vectors, fixed, alone)
            else:
                whole = f.compare("sle", f.index(f.plus(first, width)), f.index(extent))
                with f.when(whole):
                    self._block(first, whole_vectors, fixed, alone)
                with f.when(f.binary("xor", whole, Value("true", Type("i1")))):
                    self._ragged(first, extent, fixed, alone)

    def _ragged(
        self, first: Index, extent: Index, fixed: list[tuple[Index, int]], alone: bool
    ) -> None:
        f = self.frame.function
        count = f.over(f.plus(f.minus(extent, first), self.lanes - 1), self.lanes)
        with f.loop(0, count) as i:
            at = f.plus(first, f.times(i, self.lanes))
            mask = f.first_lanes(f.minus(extent, at), self.lanes)
            self._block(at, [mask], fixed, alone)

    def _block(
        self,
        first: Index,
        masks: list[Value | None],
        fixed: list[tuple[Index, int]],
        alone: bool,
    ) -> None:
        f = self.frame.function
        cells = [[self._cell(node) for node in self.reductions] for _ in masks]

        def inner(before: list[tuple[Index, int]]) -> None:
            for place, mask in enumerate(masks):
                at = f.plus(first, place * self.lanes)
                self.elements.at_element(at, mask, [*fixed, *before])
                self._accumulate(cells[place], None)
                self._write_elements()

        self._reduced_loops(self.over, alone, inner)
        for place, mask in enumerate(masks):
            at = f.plus(first, place * self.lanes)
            for number, (node, cell) in enumerate(zip(self.reductions, cells[place], strict=True)):
                self._finish_vector(node, number, cell.get(), at, mask, fixed)

    def _cell(self, node: Node) -> Cell:
        type = expressions.compute_type(node.dtype).wide(self.lanes)
        return self.frame.function.cell(type, identity_of(combiner(node), type))

    def _accumulate(self, cells: list[Cell], mask: Value | None) -> None:
        f, elements = self.frame.function, self.elements
        for node, cell in zip(self.reductions, cells, strict=True):
            value = f.splat(elements.operand(node, node.operands[0]), self.lanes)
            if mask is not None:
                value = f.select(mask, value, identity_of(combiner(node), value.type))
            cell.set(f.combine(combiner(node), cell.get(), value))

    def _write_elements(self) -> None:
        sums = {n.outputs[0].buffer for n in self.reductions}
        written = [b for b in self.stored if b not in sums]
        for buffer in written:  # first all values: memory of operands may be taken over
            self.elements.value(buffer)
        for buffer in written:
            self.elements.store(buffer)

    def _finish_vector(
        self,
        node: Node,
        number: int,
        value: Value,
        at: Index,
        mask: Value | None,
        fixed: list[tuple[Index, int]],
    ) -> None:
        f, frame = self.frame.function, self.frame
        buffer = node.outputs[0].buffer
        if self.partial is None:
            self.elements.at_element(at, mask, fixed)
            self.elements.values[buffer] = value
            self.elements.store(buffer)
            return
        extent = frame.size(self.nest.extents[self.axes[-1]])
        place = self._partial_place(number, frame.thread)
        row = self._flat(fixed)
        where = f.plus(place, f.plus(f.times(row, extent), at))
        pointer = frame.pointer(self.partial)
        expressions.store(f, node.dtype, value, pointer, where, mask)

    def _flat(self, fixed: list[tuple[Index, int]]) -> Index:
        f = self.frame.function
        total: Index = 0
        for index, axis in fixed:
            total = f.plus(f.times(total, self.frame.size(self.nest.extents[axis])), index)
        return total

    def _partial_place(self, number: int, thread: Value) -> Index:
        """Where a thread's partial results of a reduction begin, in elements."""
        f = self.frame.function
        assert isinstance(self.results, int)
        size = self.results + self.lanes
        return f.times(f.plus(f.times(self.frame.threads, number), thread), size)

    # The innermost axis is reduced: one result after the other

    def _one_result_each(self, alone: bool) -> None:
        f, frame = self.frame.function, self.frame
        start: Index = 0
        stop = frame.size(self.results)
        if self.partial is None and not alone:
            start, stop = frame.share(stop)
        if not self.over:  # no axes at all
            self.elements.at_row([], [])
            self.elements.at_element(0, None)
            for node in self.reductions:
                value = self.elements.operand(node, node.operands[0])
                self.elements.values[node.outputs[0].buffer] = value
            for buffer in self.stored:
                self.elements.store(buffer)
            return
        inner = self.over[-1]
        with f.loop(start, stop) as result:
            fixed = self._indices(result, self.kept)
            self.elements.at_row([0] * (len(self.axes) - 1), [inner], whole=False)
            cells = [self._cell(node) for node in self.reductions]
            size = frame.size(self.nest.extents[inner])

            def body(index: Index, mask: Value | None, before: list[tuple[Index, int]]) -> None:
                self.elements.at_element(index, mask, [*fixed, *before])
                self._accumulate(cells, mask)
                self._write_elements()

            if len(self.over) == 1:
                first: Index = 0
                if self.partial is not None and not alone:
                    first, size = frame.share(size, self.lanes)
                f.lanes_of(size, self.lanes, lambda i, m: body(i, m, []), first)
            else:
                self._reduced_loops(
                    self.over[:-1],
                    alone,
                    lambda before: f.lanes_of(size, self.lanes, lambda i, m: body(i, m, before)),
                )
            for number, (node, cell) in enumerate(zip(self.reductions, cells, strict=True)):
                total = f.fold(combiner(node), cell.get())
                if self.partial is None:
                    self.elements.at_element(0, None, fixed)
                    self._store_scalar(node, total)
                else:
                    place = self._partial_place(number, frame.thread)
                    where = f.plus(place, result)
                    pointer = frame.pointer(self.partial)
                    expressions.store(f, node.dtype, total, pointer, where, None)

    def _store_scalar(self, node: Node, value: Value) -> None:
        buffer = node.outputs[0].buffer
        self.elements.values[buffer] = self.frame.function.splat(value, self.lanes)
        self.elements.store(buffer)

    # Partial results together

    def _combine(self, frame: Frame, partial: Buffer) -> None:
        f = frame.function
        self.frame = frame
        assert isinstance(self.results, int)
        pointer = frame.pointer(partial)
        start, stop = frame.share(self.results)
        for number, node in enumerate(self.reductions):
            type = expressions.compute_type(node.dtype)
            access = self.nest.stores[node.outputs[0].buffer]
            with f.loop(start, stop) as result:
                cell = f.cell(type, identity_of(combiner(node), type))
                with f.loop(0, frame.threads) as thread:
                    place = self._partial_place(number, thread)
                    where = f.plus(place, result)
                    value = expressions.load(f, node.dtype, 0, pointer, where, None)
                    cell.set(f.combine(combiner(node), cell.get(), value))
                terms = [(i, access.strides[a]) for i, a in self._indices(result, self.kept)]
                expressions.store(
                    f,
                    node.dtype,
                    cell.get(),
                    frame.pointer(access.buffer),
                    frame.address(terms),
                    None,
                )
        f.close()
