"""Kernels that read or add up rows of a tensor by an index: embeddings and their gradient.

An index outside the tensor sets the program's flag, and the caller performs the graph again in the
interpreter, whose kernels say which index it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer, View, reshaped
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import I64, Index, Value, literal
from typedflux.compile.native.machine import Machine
from typedflux.shapes.dims import Dimension, is_fixed, product


class Places:
    """The operands of a gather or scatter along one axis as `before block after`.

    Attributes:
        table: what is read by the index, or added up to: a view of shape `(before, axis, after)`.
        values: the elements in the order of the index: `(before, block, after)`.
        index: the index, of shape `(block,)`.
    """

    def __init__(self, table: View, values: View, index: View) -> None:
        self.table, self.values, self.index = table, values, index


def find_places(node_operands: Sequence[View], result: View, params: object) -> Places | None:
    """The parts of a gather (the table first) or scatter (the values first), `None` where it is
    not along one axis by one index, or its parts do not lie evenly in memory."""
    assert isinstance(params, dict)
    axes, place = params["axes"], params["place"]
    if len(node_operands) != 2 or len(axes) != 1 or place != axes[0]:
        return None
    scatter = "shape" in params
    table = result if scatter else node_operands[0]
    values = node_operands[0] if scatter else result
    index = node_operands[1]
    axis: int = axes[0]
    rank = len(index.shape)
    before, after = product(table.shape[:axis]), product(table.shape[axis + 1 :])
    block = product(index.shape)
    flat_table = reshaped(table, (before, table.shape[axis], after))
    flat_values = reshaped(values, (before, block, after))
    flat_index = reshaped(index, (block,))
    assert len(values.shape) == len(table.shape) - 1 + rank
    if flat_table is None or flat_values is None or flat_index is None:
        return None
    return Places(flat_table, flat_values, flat_index)


class IndexedKernel:
    """The kernel of a gather, or of a scatter that adds up."""

    stages = 1
    alone = False

    def __init__(self, group: Group, machine: Machine, flag: Buffer) -> None:
        self.node: Node = group.nodes[0]
        self.lanes = machine.lanes
        self.flag = flag
        places = find_places(self.node.operands, self.node.outputs[0], self.node.equation.params)
        assert places is not None
        self.places = places
        self.scatter = "shape" in self.node.equation.params

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        self.frame = frame
        if self.scatter:
            self._scatter()
        else:
            self._gather()
        frame.function.close()

    def _row(self, view: View, first: Index, second: Index) -> Index:
        return self.frame.address(
            [(first, view.strides[0]), (second, view.strides[1])], view.offset
        )

    def _place(self, number: Index) -> Value:
        """The index's value, from the axis' end where it is negative; 0 if it is outside, and the
        flag is set."""
        f, frame, index = self.frame.function, self.frame, self.places.index
        where = frame.address([(number, index.strides[0])], index.offset)
        value = expressions.load(f, index.dtype, 0, frame.pointer(index.buffer), where, None)
        kind = "zext" if index.dtype.kind == "uint" else "sext"
        wide = f.cast(kind, value, I64) if index.dtype.bits < 64 else value
        size = f.index(frame.size(self.places.table.shape[1]))
        wrapped = f.select(
            f.compare("slt", wide, literal(I64, 0)), f.binary("add", wide, size), wide
        )
        outside = f.compare("uge", wrapped, size)
        with f.when(outside):
            f.store(literal(I64, 1), frame.pointer(self.flag))
        return f.select(outside, literal(I64, 0), wrapped)

    def _copy(
        self, source: View, start: Index, target: View, to: Index, add: bool,
        first: Index, stop: Index,
    ) -> None:  # fmt: skip
        """Elements `first ... stop` of one row."""
        f, frame = self.frame.function, self.frame
        dtype = source.dtype
        memory = expressions.memory_type(dtype)
        read = f.at(frame.pointer(source.buffer), start, memory)
        write = f.at(frame.pointer(target.buffer), to, memory)
        steps = source.strides[2], target.strides[2]
        if all(is_fixed(s, 1) for s in steps):

            def body(i: Index, mask: Value | None) -> None:
                value = expressions.load(f, dtype, self.lanes, read, i, mask)
                if add:
                    old = expressions.load(f, dtype, self.lanes, write, i, mask)
                    value = f.add(old, value)
                expressions.store(f, dtype, value, write, i, mask)

            f.lanes_of(stop, self.lanes, body, first)
            return
        with f.loop(first, stop) as i:
            value = expressions.load(f, dtype, 0, read, f.times(i, frame.size(steps[0])), None)
            place = f.times(i, frame.size(steps[1]))
            if add:
                old = expressions.load(f, dtype, 0, write, place, None)
                value = f.add(old, value)
            expressions.store(f, dtype, value, write, place, None)

    def _gather(self) -> None:
        f, frame, p = self.frame.function, self.frame, self.places
        before, block, after = (frame.size(n) for n in p.values.shape)
        start, stop = frame.share(f.times(before, block))
        with f.loop(start, stop) as row:
            outer, number = f.over(row, block), f.modulo(row, block)
            place = self._place(number)
            read = self._row(p.table, outer, place)
            write = self._row(p.values, outer, number)
            self._copy(p.table, read, p.values, write, False, 0, after)

    def _scatter(self) -> None:
        """Each thread adds up its own part of the rows: the order is always the same."""
        f, frame, p = self.frame.function, self.frame, self.places
        before, block, after = (frame.size(n) for n in p.values.shape)
        start, stop = frame.share(after, self.lanes)
        dtype = p.table.dtype
        memory = expressions.memory_type(dtype)
        zero = literal(expressions.compute_type(dtype).wide(self.lanes), 0)
        contiguous = is_fixed(p.table.strides[2], 1)
        mine = f.compare("slt", f.index(start), f.index(stop))
        with f.when(mine), f.loop(0, before) as outer:
            with f.loop(0, frame.size(p.table.shape[1])) as place:
                row = self._row(p.table, outer, place)
                write = f.at(frame.pointer(p.table.buffer), row, memory)
                if contiguous:
                    f.lanes_of(
                        stop,
                        self.lanes,
                        lambda i, m: expressions.store(f, dtype, zero, write, i, m),
                        start,
                    )
                else:
                    with f.loop(start, stop) as i:
                        to = f.times(i, frame.size(p.table.strides[2]))
                        expressions.store(f, dtype, f.extract(zero, 0), write, to, None)
            with f.loop(0, block) as number:
                place = self._place(number)
                read = self._row(p.values, outer, number)
                to = self._row(p.table, outer, place)
                self._copy(p.values, read, p.table, to, True, start, stop)
