"""Kernels that go along one axis element after element: running sums and products, the places of
extremes. What each element gives depends on those before it; threads share the other axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import I64, Index, Value, literal
from typedflux.compile.native.machine import Machine
from typedflux.core.graph import Equation
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dimension, is_fixed, product

_RUNNING = {"cumulative_sum": "add", "cumulative_prod": "multiply"}
_PLACES = ("argmax", "argmin")


def goes_along(equation: Equation, operand: DType) -> bool:
    """Whether there is code for an operation along an axis."""
    name = equation.primitive.name
    if name in _RUNNING:
        return operand.name in ("float32", "float64", "int32", "int64")
    return name in _PLACES and (operand.is_floating or operand.kind in ("int", "uint"))


class AlongKernel:
    """The kernel of one such operation.

    Where the axis is not the innermost in memory, neighbours on the innermost one are gone along
    together, in vectors.
    """

    stages = 1
    alone = False

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        node: Node = group.nodes[0]
        self.name = node.equation.primitive.name
        self.axis: int = node.equation.params["axis"]
        self.source, result = node.operands[0], node.outputs[0]
        self.lanes = machine.lanes
        rank = len(self.source.shape)
        self.others = [i for i in range(rank) if i != self.axis]
        strides = dict(zip(self.others, result.strides, strict=False))
        if self.name in _RUNNING:
            strides = dict(enumerate(result.strides))
        elif len(result.shape) == rank:  # the axis is kept, of size 1
            strides = {i: result.strides[i] for i in self.others}
        self.result, self.strides = result, strides
        innermost = self.others[-1] if self.others else -1
        self.inner = -1
        """The axis along which vectors lie."""
        if innermost >= 0 and not is_fixed(self.source.shape[innermost], 1):
            if all(is_fixed(s, 1) for s in (self.source.strides[innermost], strides[innermost])):
                self.inner = innermost

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        self.frame, self.f = frame, frame.function
        rows = [i for i in self.others if i != self.inner]
        count = frame.size(product([self.source.shape[i] for i in rows]))
        if self.inner < 0:
            start, stop = frame.share(count)
            with self.f.loop(start, stop) as number:
                self._row(rows, number, 0, None, 0)
        else:
            size = frame.size(self.source.shape[self.inner])
            vectors = self.f.over(self.f.plus(size, self.lanes - 1), self.lanes)
            start, stop = frame.share(self.f.times(count, vectors))
            with self.f.loop(start, stop) as unit:
                row = self.f.over(unit, vectors)
                first = self.f.times(self.f.modulo(unit, vectors), self.lanes)
                mask = self.f.first_lanes(self.f.minus(size, first), self.lanes)
                self._row(rows, row, first, mask, self.lanes)
        frame.function.close()

    def _row(
        self, rows: list[int], row: Index, first: Index, mask: Value | None, lanes: int
    ) -> None:
        f, frame = self.f, self.frame
        where: list[tuple[int, Index]] = [] if self.inner < 0 else [(self.inner, first)]
        for place, axis in reversed(list(enumerate(rows))):
            n = frame.size(self.source.shape[axis])
            where.append((axis, row if place == 0 else f.modulo(row, n)))
            row = f.over(row, n)
        dtype = self.source.dtype
        memory = expressions.memory_type(dtype)
        start = frame.address([(i, self.source.strides[a]) for a, i in where], self.source.offset)
        read = f.at(frame.pointer(self.source.buffer), start, memory)
        to = frame.address([(i, self.strides[a]) for a, i in where], self.result.offset)
        write = f.at(
            frame.pointer(self.result.buffer), to, expressions.memory_type(self.result.dtype)
        )
        step = frame.size(self.source.strides[self.axis])
        length = frame.size(self.source.shape[self.axis])

        def element(i: Index) -> Value:
            return expressions.load(f, dtype, lanes, read, f.times(i, step), mask)

        if self.name in _RUNNING:
            self._run(element, write, length, lanes, mask)
        else:
            self._find(element, write, length, lanes, mask)

    def _run(
        self, element: Callable[[Index], Value], write: Value, length: Index, lanes: int,
        mask: Value | None,
    ) -> None:  # fmt: skip
        f, dtype = self.f, self.source.dtype
        detail = _RUNNING[self.name]
        type = expressions.compute_type(dtype)
        type = type.wide(lanes) if lanes else type
        nothing = -0.0 if type.is_float else 0  # which loses its sign when anything is added
        total = f.cell(type, literal(type, nothing if detail == "add" else 1))
        step = self.frame.size(self.strides[self.axis])
        with f.loop(0, length) as i:
            new = expressions.express(
                f, detail, [total.get(), element(i)], [dtype, dtype], dtype, {}
            )
            total.set(new)
            expressions.store(f, dtype, new, write, f.times(i, step), mask)

    def _find(
        self, element: Callable[[Index], Value], write: Value, length: Index, lanes: int,
        mask: Value | None,
    ) -> None:  # fmt: skip
        f, source = self.f, self.source.dtype
        first = element(0)
        best = f.cell(first.type, first)
        index = I64.wide(lanes) if lanes else I64
        found = f.cell(index, literal(index, 0))
        with f.loop(1, length) as i:
            value, old = element(i), best.get()
            better = self._is_better(value, old, source)
            best.set(f.select(better, value, old))
            found.set(f.select(better, f.splat(i, lanes), found.get()))
        expressions.store(f, self.result.dtype, found.get(), write, 0, mask)

    def _is_better(self, value: Value, old: Value, dtype: DType) -> Value:
        """Whether a value comes before the best so far: NaN before all, the first of equals."""
        f = self.f
        word = "gt" if self.name == "argmax" else "lt"
        if not dtype.is_floating:
            return f.compare(("s" if dtype.kind == "int" else "u") + word, value, old)
        wins = f.compare(f"u{word}", value, old)  # or one of them is NaN
        known = f.compare("ord", old, old)
        return f.binary("and", wins, known)
