"""Kernels of indexing in general: any axes by any number of index tensors, strided operands.

What `gathers` has no faster code for: elements picked one by one, as `take_along_axis` does,
several axes at once, index tensors that are slices of others, updates by `at[...]`. An index
outside the tensor sets the program's flag, as there.
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
from typedflux.core.graph import Equation
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dimension, is_fixed, product

_SUMS = ("float32", "float64", "int32", "int64")
"""What is added up or multiplied without another data type for partial results."""
_COMBINATIONS = {"add": "add", "multiply": "multiply", "min": "minimum", "max": "maximum"}


def is_indexed(equation: Equation, operands: Sequence[View], result: DType) -> bool:
    """Whether there is code for a gather, scatter or update."""
    name = equation.primitive.name
    dtypes = {result.name, *[v.dtype.name for v in operands[: 2 if name == "index_update" else 1]]}
    if len(dtypes) > 1 or result.is_complex:
        return False
    kind = equation.params.get("kind", "add" if name == "scatter_add" else "set")
    return kind not in ("add", "multiply") or result.name in _SUMS


class GeneralIndexKernel:
    """The kernel of a gather, of a scatter that adds up, or of an update.

    Rows are gone over one after another: the axes before the block of indices, the block, the axes
    after it but for the innermost one. That, or else the last of the block, is gone over within a
    row. Threads share rows that they write to different places, or else parts of the innermost
    axis; where there are neither the first does all: the order of what is combined is always the
    same.
    """

    alone = False

    def __init__(self, group: Group, machine: Machine, flag: Buffer) -> None:
        node: Node = group.nodes[0]
        params = node.equation.params
        self.lanes, self.flag = machine.lanes, flag
        self.name = node.equation.primitive.name
        result, first = node.outputs[0], node.operands[0]
        self.start: View | None = None
        """What an update begins with."""
        if self.name == "gather":
            self.table, self.values, self.indices = first, result, node.operands[1:]
        elif self.name == "scatter_add":
            self.table, self.values, self.indices = result, first, node.operands[1:]
        else:
            self.table, self.values, self.indices = result, node.operands[1], node.operands[2:]
            self.start = first
        self.stages = 1 if self.name == "gather" else 2
        self.kind = params.get("kind", "add" if self.name == "scatter_add" else "set")
        self.axes, self.place = params["axes"], params["place"]
        rest = [i for i in range(len(self.table.shape)) if i not in self.axes]
        self.before, self.after = rest[: self.place], rest[self.place :]
        self.block = max([len(v.shape) for v in self.indices])

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        self.frame, self.f = frame, frame.function
        if stage < self.stages - 1:
            self._begin()
        else:
            self._go_over()
        frame.function.close()

    # Before an update

    def _begin(self) -> None:
        """Fill the result with zeros, or with what is updated."""
        f, frame, dtype = self.f, self.frame, self.table.dtype
        count = product(self.table.shape)
        target = frame.pointer(self.table.buffer)
        source = None if self.start is None else reshaped(self.start, (count,))
        if self.start is not None and (source is None or not is_fixed(source.strides[0], 1)):
            self._copy_rows(self.start)
            return
        begin, stop = frame.share(frame.size(count), self.lanes)
        zero = literal(expressions.compute_type(dtype).wide(self.lanes), 0)

        def body(i: Index, mask: Value | None) -> None:
            value = zero
            if source is not None:
                where = f.plus(frame.size(source.offset), i)
                pointer = frame.pointer(source.buffer)
                value = expressions.load(f, dtype, self.lanes, pointer, where, mask)
            expressions.store(f, dtype, value, target, i, mask)

        f.lanes_of(stop, self.lanes, body, begin)

    def _copy_rows(self, source: View) -> None:
        frame, shape = self.frame, self.table.shape
        if not shape:
            return self._copy(source, self.table, frame.size(source.offset), 0, (0, 0), (0, 1))
        begin, stop = frame.share(frame.size(product(shape[:-1])))
        steps = source.strides[-1], self.table.strides[-1]
        with self.f.loop(begin, stop) as row:
            at = self._coordinates(row, shape[:-1])
            read, write = (
                frame.address(list(zip(at, view.strides[:-1], strict=True)), view.offset)
                for view in (source, self.table)
            )
            self._copy(source, self.table, read, write, steps, (0, frame.size(shape[-1])))
        return None

    # The rows

    def _coordinates(self, number: Index, shape: Sequence[Dimension]) -> list[Index]:
        """Where element `number` of a shape lies on each axis."""
        f, found = self.f, list[Index]()
        for place, size in reversed(list(enumerate(shape))):
            if place == 0:
                found.insert(0, number)
                break
            n = self.frame.size(size)
            found.insert(0, f.modulo(number, n))
            number = f.over(number, n)
        return found

    def _go_over(self) -> None:
        f, frame = self.f, self.frame
        shape = self.values.shape
        self.inner = len(shape) - 1 if self.after or self.block else -1
        """The axis of `values` that is gone over within a row; none for single elements."""
        rows = [i for i in range(len(shape)) if i != self.inner]
        count = frame.size(product([shape[i] for i in rows]))
        length: Index = frame.size(shape[self.inner]) if self.inner >= 0 else 1
        outer = product([shape[i] for i in range(self.place)])
        if self.name == "gather":
            start, stop = frame.share(count)
            self._rows(rows, start, stop, 0, length)
        elif not is_fixed(outer, 1):
            start, stop = frame.share(frame.size(outer))
            each = frame.size(product([shape[i] for i in rows if i >= self.place]))
            self._rows(rows, f.times(start, each), f.times(stop, each), 0, length)
        elif self.after:
            start, stop = frame.share(length, self.lanes)
            with f.when(f.compare("slt", f.index(start), f.index(stop))):
                self._rows(rows, 0, count, start, stop)
        else:
            with f.when(f.compare("eq", frame.thread, literal(I64, 0))):
                self._rows(rows, 0, count, 0, length)

    def _rows(self, rows: list[int], start: Index, stop: Index, first: Index, last: Index) -> None:
        shape = self.values.shape
        with self.f.loop(start, stop) as row:
            at = self._coordinates(row, [shape[i] for i in rows])
            where: dict[int, Index] = dict(zip(rows, at, strict=True))
            if self.after:
                steps = self.table.strides[self.after[-1]], self.values.strides[self.inner]
                self._copy_part(self._table_place(where), where, steps, first, last)
            elif self.inner >= 0:
                with self.f.loop(first, last) as i:
                    where[self.inner] = i
                    self._copy_part(self._table_place(where), where, (0, 0), 0, 1)
            else:
                self._copy_part(self._table_place(where), where, (0, 0), 0, 1)

    def _copy_part(
        self, place: Index, where: dict[int, Index], steps: tuple[Dimension, Dimension],
        first: Index, last: Index,
    ) -> None:  # fmt: skip
        other = self.frame.address(
            [(i, self.values.strides[axis]) for axis, i in where.items()], self.values.offset
        )
        if self.name == "gather":
            self._copy(self.table, self.values, place, other, steps, (first, last))
        else:
            swapped = (steps[1], steps[0])
            self._copy(self.values, self.table, other, place, swapped, (first, last), self.kind)

    def _table_place(self, where: dict[int, Index]) -> Index:
        """Where in the table the row begins."""
        terms: list[tuple[Index, Dimension]] = []
        for number, axis in enumerate(self.before):
            terms.append((where[number], self.table.strides[axis]))
        for number, axis in enumerate(self.after, self.place + self.block):
            if number in where:
                terms.append((where[number], self.table.strides[axis]))
        for axis, index in zip(self.axes, self.indices, strict=True):
            terms.append((self._picked(index, axis, where), self.table.strides[axis]))
        return self.frame.address(terms, self.table.offset)

    def _picked(self, index: View, axis: int, where: dict[int, Index]) -> Value:
        """The index's value, from the axis' end where it is negative; 0 if it is outside, and the
        flag is set."""
        f, frame = self.f, self.frame
        terms: list[tuple[Index, Dimension]] = []
        for place, (size, stride) in enumerate(zip(index.shape, index.strides, strict=True)):
            number = self.place + self.block - len(index.shape) + place
            if not is_fixed(size, 1):
                terms.append((where[number], stride))
        at = frame.address(terms, index.offset)
        value = expressions.load(f, index.dtype, 0, frame.pointer(index.buffer), at, None)
        extend = "zext" if index.dtype.kind in ("uint", "bool") else "sext"
        wide = f.cast(extend, value, I64) if value.type.bits < 64 else value
        limit = f.index(frame.size(self.table.shape[axis]))
        negative = f.compare("slt", wide, literal(I64, 0))
        wrapped = f.select(negative, f.binary("add", wide, limit), wide)
        outside = f.compare("uge", wrapped, limit)
        with f.when(outside):
            f.store(literal(I64, 1), frame.pointer(self.flag))
        return f.select(outside, literal(I64, 0), wrapped)

    # Elements

    def _copy(
        self, source: View, target: View, start: Index, to: Index,
        steps: tuple[Dimension, Dimension], part: tuple[Index, Index], kind: str = "set",
    ) -> None:  # fmt: skip
        """Elements `part` of one row, `steps` apart, to their places or combined with what is
        there."""
        f, frame, dtype = self.f, self.frame, source.dtype
        memory = expressions.memory_type(dtype)
        read = f.at(frame.pointer(source.buffer), start, memory)
        write = f.at(frame.pointer(target.buffer), to, memory)

        def move(place: Index, there: Index, lanes: int, mask: Value | None) -> None:
            value = expressions.load(f, dtype, lanes, read, place, mask)
            if kind != "set":
                old = expressions.load(f, dtype, lanes, write, there, mask)
                value = expressions.express(
                    f, _COMBINATIONS[kind], [old, value], [dtype, dtype], dtype, {}
                )
            expressions.store(f, dtype, value, write, there, mask)

        if all(is_fixed(s, 1) for s in steps):
            f.lanes_of(part[1], self.lanes, lambda i, mask: move(i, i, self.lanes, mask), part[0])
        elif part == (0, 1):
            move(0, 0, 0, None)
        else:
            with f.loop(*part) as i:
                move(f.times(i, frame.size(steps[0])), f.times(i, frame.size(steps[1])), 0, None)
