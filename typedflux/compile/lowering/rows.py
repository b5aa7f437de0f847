"""Kernels of groups that go over rows: elementwise chains, and reductions over the inner axes whose
results are used in the same row again (softmax, normalisation, cross-entropy and their gradients).

A row is gone over in as many passes as there are reductions that wait for each other. What a later
pass needs of an earlier one is computed again where that is cheap, else kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group, same_shape
from typedflux.compile.lowering.nests import (
    Elements,
    Nest,
    combiner,
    identity_of,
    make_nest,
)
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import Cell, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.shapes.dims import Dimension, product

_COSTLY = {
    "exp", "expm1", "log", "log1p", "log2", "log10", "tanh", "sigmoid", "erf", "erfinv", "sin",
    "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "asinh", "acosh", "atanh", "pow",
    "softplus", "gelu_tanh", "elu", "logaddexp", "logcosh", "xlogy", "xlogx", "logit_term", "hypot",
    "divide", "sqrt", "rsqrt", "reciprocal", "remainder", "floor_divide",
}  # fmt: skip
_CHEAP_STEPS = 6
_UNROLLED = 64
"""The most operations, in vectors, of a short row that are written one after the other."""
SMALL = 1 << 12
"""With less work than this, in elements times operations, one thread does it all."""


class Phases:
    """When each result of a group is there: in which pass over the row, or before which."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.of: dict[Buffer, int] = {}
        self.is_row: dict[Buffer, bool] = {}
        for node in group.nodes:
            buffer = node.outputs[0].buffer
            before = [v.buffer for v in node.operands if v.buffer in group.places]
            phase = max([self.of[b] for b in before], default=0)
            if node.kind == "reduce":
                self.is_row[buffer] = True
                self.of[buffer] = phase + 1
            else:
                row = bool(group.reduced) and not same_shape(node.shape, group.space)
                self.is_row[buffer] = row
                self.of[buffer] = phase
        self.count = 1 + max(
            [self.of[n.outputs[0].buffer] for n in group.nodes if not self.is_row[_out(n)]]
            + [self.of[_out(n)] - 1 for n in group.nodes if n.kind == "reduce"],
            default=0,
        )

    def kept(self, stored: Sequence[Buffer]) -> list[Buffer]:
        """Results over the whole space that a later pass needs and that cost too much to compute
        again: they need memory even if nothing else reads them."""
        found: list[Buffer] = []
        known = set(stored)
        for node in self.group.nodes:
            # A reduction reads in the pass before its result is there.
            phase = self.of[_out(node)] - (node.kind == "reduce")
            if self.is_row[_out(node)] and node.kind != "reduce":
                continue
            for view in node.operands:
                buffer = view.buffer
                if buffer not in self.of or self.is_row[buffer] or self.of[buffer] >= phase:
                    continue
                if buffer not in known and not self._is_cheap(buffer):
                    known.add(buffer)
                    found.append(buffer)
        return found

    def _is_cheap(self, buffer: Buffer) -> bool:
        producers = {_out(n): n for n in self.group.nodes}
        steps = 0
        stack = [buffer]
        while stack:
            node = producers[stack.pop()]
            steps += 1
            if node.detail in _COSTLY or steps > _CHEAP_STEPS:
                return False
            stack.extend(
                v.buffer
                for v in node.operands
                if v.buffer in producers and not self.is_row[v.buffer]
            )
        return True


def _out(node: Node) -> Buffer:
    return node.outputs[0].buffer


class RowsKernel:
    """The kernel of one group that writes the buffers `stored`."""

    stages = 1

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        self.group = group
        self.nest: Nest = make_nest(group, stored)
        self.phases = Phases(group)
        self.lanes = machine.lanes
        self.stored = stored
        count = len(self.nest.extents)
        if group.reduced:
            self.inner = [i for i in range(count) if self.nest.reduced[i]]
        else:
            self.inner = [count - 1] if count else []
        self.outer = [i for i in range(count) if i not in self.inner]
        work = product(self.nest.extents)
        self.alone = (isinstance(work, int) and work * len(group.nodes) < SMALL) or (
            bool(group.reduced) and not self.outer
        )
        """Whether one thread does it all."""

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        f = frame.function
        self.frame = frame
        self.elements = Elements(frame, self.group, self.nest, self.lanes)
        if self.alone:
            with f.when(f.compare("eq", frame.thread, f.index(0))):
                self._go()
        else:
            self._go()
        f.close()

    def _go(self) -> None:
        f, frame, nest = self.frame.function, self.frame, self.nest
        if not self.inner:  # a single element
            self._single()
            return
        self.elements.load_uniform()
        if self.outer:
            rows = frame.size(product([nest.extents[i] for i in self.outer]))
            start, stop = (0, rows) if self.alone else frame.share(rows)
            with f.loop(start, stop) as row:
                self._row(row, 0, None)
        elif self.group.reduced:
            self._row(0, 0, None)
        else:
            extent = nest.extents[self.inner[0]]
            open_size = isinstance(extent, int) and extent > 8 * self.lanes
            size = frame.size(extent, open=open_size)
            start, stop = (0, size) if self.alone else frame.share(size, self.lanes)
            self._row(0, start, stop)

    def _single(self) -> None:
        self.elements.load_uniform()
        self.elements.at_row([], [])
        self.elements.at_element(0, None)
        for node in self.group.nodes:
            buffer = _out(node)
            if node.kind == "reduce":  # over axes of size 1
                self.elements.values[buffer] = self.elements.operand(node, node.operands[0])
        for buffer in self.stored:
            self.elements.value(buffer)
        for buffer in self.stored:
            self.elements.store(buffer)

    def _row(self, row: Index, start: Index, stop: Index | None) -> None:
        f, nest = self.frame.function, self.nest
        indices: list[Index] = []
        rest = row
        for i in reversed(self.outer):
            if i == self.outer[0]:
                indices.insert(0, rest)
            else:
                extent = self.frame.size(nest.extents[i])
                indices.insert(0, f.modulo(rest, extent))
                rest = f.over(rest, extent)
        self.elements.at_row(indices, self.inner)
        self.elements.reloaded = set()
        for phase in range(self.phases.count):
            self._row_values(phase)
            self._pass(phase, start, stop)
        self._row_values(self.phases.count)

    def _row_values(self, phase: int) -> None:
        """What is computed once for the row before pass `phase`."""
        elements = self.elements
        elements.at_element(0, None)
        for node in self.group.nodes:
            buffer = _out(node)
            if not self.phases.is_row[buffer] or self.phases.of[buffer] != phase:
                continue
            if node.kind != "reduce":
                elements.rows[buffer] = self.frame.function.splat(
                    elements.compute(node), self.lanes
                )
            if buffer in self.stored:
                elements.store_row(buffer)

    def _pass(self, phase: int, start: Index, stop: Index | None) -> None:
        """One time over the row."""
        f, elements = self.frame.function, self.elements
        reductions: list[tuple[Node, Cell]] = []
        stores = []
        for node in self.group.nodes:
            buffer = _out(node)
            if node.kind == "reduce":
                if self.phases.of[buffer] == phase + 1:
                    type = expressions.compute_type(node.dtype).wide(self.lanes)
                    initial = identity_of(combiner(node), type)
                    reductions.append((node, f.cell(type, initial)))
            elif (
                buffer in self.stored
                and not self.phases.is_row[buffer]
                and self.phases.of[buffer] == phase
            ):
                stores.append(buffer)
        if not reductions and not stores:
            return

        def body(
            index: Index, mask: Value | None, before: Sequence[tuple[Index, int]] = ()
        ) -> None:
            elements.at_element(index, mask, before)
            for node, cell in reductions:
                value = f.splat(elements.operand(node, node.operands[0]), self.lanes)
                if mask is not None:
                    value = f.select(mask, value, identity_of(combiner(node), value.type))
                cell.set(f.combine(combiner(node), cell.get(), value))
            for buffer in stores:  # first all values: memory of operands may be taken over
                elements.value(buffer)
            for buffer in stores:
                elements.store(buffer)

        self._loops(body, start, stop)
        elements.at_element(0, None)
        for node, cell in reductions:
            total = f.fold(combiner(node), cell.get())
            elements.rows[_out(node)] = f.splat(total, self.lanes)
        elements.reloaded.update(stores)

    def _is_short(self, size: Index, start: Index) -> bool:
        """Whether a row is a few whole vectors, which are worth computing side by side."""
        if not self.group.reduced or not isinstance(size, int) or start != 0 or size % self.lanes:
            return False
        return 1 < size // self.lanes * len(self.group.nodes) <= _UNROLLED

    def _loops(self, body: object, start: Index, stop: Index | None) -> None:
        f, nest = self.frame.function, self.nest
        assert callable(body)
        last = self.inner[-1]
        size = self.frame.size(nest.extents[last]) if stop is None else stop

        def nested(axes: list[int], before: list[tuple[Index, int]]) -> None:
            if axes:
                with f.loop(0, self.frame.size(nest.extents[axes[0]])) as i:
                    nested(axes[1:], [*before, (i, axes[0])])
            elif self._is_short(size, start):
                assert isinstance(size, int)
                for place in range(0, size, self.lanes):
                    body(place, None, before)
            else:
                f.lanes_of(size, self.lanes, lambda i, m: body(i, m, before), start)

        nested(self.inner[:-1], [])
