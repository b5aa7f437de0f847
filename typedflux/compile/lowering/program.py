"""Programs: graphs compiled to native code.

A program is a list of segments: regions of native code, which all threads run from one end to the
other with barriers in between, and calls of operations that have no code of their own, which run
through their numpy kernels.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from typedflux.compile.lowering.analysis import COPY, Node, analyse, copy_of
from typedflux.compile.lowering.blocks import (
    Block,
    Call,
    Item,
    all_moving,
    all_stored,
    make_block,
    parts_of,
    uses,
)
from typedflux.compile.lowering.executables import Executable
from typedflux.compile.lowering.grouping import Group, on_space
from typedflux.compile.lowering.kernels import Kernels, Stage
from typedflux.compile.lowering.memory import Lifetime
from typedflux.compile.lowering.plans import (
    THREADS,
    Area,
    Operation,
    Output,
    Part,
    Plan,
    Region,
    Temporary,
)
from typedflux.compile.lowering.recomputing import grouped
from typedflux.compile.lowering.regions import RegionWriter, SizeTable
from typedflux.compile.lowering.rows import Phases
from typedflux.compile.lowering.scheduling import raising, scheduled
from typedflux.compile.lowering.stamps import Stamps
from typedflux.compile.lowering.views import Buffer, View, same, same_strides
from typedflux.compile.native import pool
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine, host
from typedflux.compile.native.parts import divided
from typedflux.core.graph import Graph
from typedflux.shapes.dims import Dimension, is_fixed


@dataclass(eq=False, slots=True)
class Segment:
    """Native code, or one call."""

    items: list[Item] = field(default_factory=list)
    call: Node | None = None
    parallel: bool = False


class Program(Executable):
    """A graph as native code, with how it came to be. Made by `compile_graph`.

    Args:
        stamps: takes the times of all that runs, if given.
    """

    def __init__(
        self, graph: Graph, machine: Machine | None = None, *, stamps: Stamps | None = None
    ) -> None:
        self.graph = graph
        self.stamps = stamps
        self.machine = host() if machine is None else machine
        self.analysis = analyse(graph)
        self._plan_outputs()
        self._number_buffers()
        self._emit()
        arrays = [np.ascontiguousarray(t._data) for _, t in self.analysis.constants]
        super().__init__(self._plan(), arrays, self._compiled())

    # Outputs

    def _plan_outputs(self) -> None:
        """Give every output of the graph a buffer of its own, in row-major order."""
        analysis = self.analysis
        outside = {analysis.views[v].buffer for v in self.graph.inputs}
        outside |= {buffer for buffer, _ in analysis.constants}
        self.outside = outside
        self.outputs: list[View] = []
        copies: dict[Any, View] = {}
        for variable in self.graph.outputs:
            view = analysis.views[variable]
            if not view.is_whole:
                key = (id(view.buffer), str(view.offset), str(view.strides), str(view.shape))
                if key not in copies:
                    node, copies[key] = copy_of(COPY, view, view.shape)
                    analysis.nodes.append(node)
                view = copies[key]
            self.outputs.append(view)

    # Which buffers there are

    def _number_buffers(self) -> None:
        self.numbers: dict[Buffer, int] = {}
        views = self.analysis.views
        for variable in self.graph.inputs:
            self._number(views[variable].buffer)
        for buffer, _ in self.analysis.constants:
            self._number(buffer)
        self.given = len(self.numbers)
        self.fresh: list[View] = []
        """The outputs that the program writes, one for each buffer."""
        for view in self.outputs:
            if view.buffer not in self.numbers:
                self._number(view.buffer)
                self.fresh.append(view)
        self.temporaries: list[Buffer] = []
        self.parts: list[Buffer] = []
        """Buffers within others: their pointers follow."""

    def _number(self, buffer: Buffer) -> int:
        return self.numbers.setdefault(buffer, len(self.numbers))

    def _temporary(self, buffer: Buffer) -> None:
        if buffer in self.numbers:
            return
        if buffer.whole is not None:
            self._temporary(buffer.whole[0])
            self.parts.append(buffer)
        else:
            self.temporaries.append(buffer)
        self._number(buffer)

    # Code

    def _emit(self) -> None:
        wanted = {view.buffer for view in self.outputs}
        self.kernels = Kernels(self.machine)
        groups = scheduled(grouped(self.analysis.nodes, wanted), wanted)
        self.block = make_block(groups, wanted, self.kernels)
        for buffer in all_moving(self.block):
            self._number(buffer)
        for buffer in all_stored(self.block):
            self._temporary(buffer)
        for scratch in self.kernels.scratches:
            self._temporary(scratch.buffer)
        self.flag = self._number(self.kernels.flag)
        if self.stamps is not None:
            self._number(self.stamps.buffer)
        self.segments: list[Segment] = []
        for item in self.block.items:
            if isinstance(item, Call):
                self.segments.append(Segment(call=item.node))
            else:
                if not self.segments or self.segments[-1].call is not None:
                    self.segments.append(Segment())
                self.segments[-1].items.append(item)
        self._lifetimes()
        self.sizes = SizeTable()
        self._regions()

    def _lifetimes(self) -> None:
        """When each temporary is needed, in items; what a loop reads and writes, in all of it."""
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        step = 0

        def visit(block: Block) -> None:
            nonlocal step
            for item in block.items:
                begin = step
                used = [e for e in uses(item) if isinstance(e, Buffer)]
                for buffer in used:
                    note(buffer, begin)
                step += 1
                for inner in parts_of(item):
                    visit(inner)
                if parts_of(item):
                    for buffer in used:
                        note(buffer, step)
                    step += 1

        def note(buffer: Buffer, at: int) -> None:
            root = buffer if buffer.whole is None else buffer.whole[0]
            first.setdefault(root, at)
            last[root] = max(last.get(root, at), at)

        visit(self.block)
        self.lifetimes = [Lifetime(first.get(b, 0), last.get(b, 0)) for b in self.temporaries]

    def _regions(self) -> None:
        module = self.kernels.module
        writer = RegionWriter(module, self.numbers, self.sizes, self.flag, self.stamps)
        for number, segment in enumerate(self.segments):
            if segment.call is None:
                writer.write(_region(number), segment.items)
                segment.parallel = not all(isinstance(s, Stage) and s.alone for s in segment.items)
        self.text = module.text(self.machine.vector_bits)
        self.key = hashlib.sha256(self.text.encode()).hexdigest()
        """What the code is kept under."""

    def _compiled(self) -> Compiled | None:
        if all([s.call is not None for s in self.segments]):
            return None
        module, bits = self.kernels.module, self.machine.vector_bits
        return Compiled.load_or_build(
            self.key, lambda: divided(module, pool.get_threads(), bits), self.machine
        )

    def _plan(self) -> Plan:
        numbers = self.numbers
        scratch = {s.buffer: _symbolic(s.bytes) for s in self.kernels.scratches}
        temporaries = [
            Temporary(numbers[b], scratch.get(b, b.elements * b.dtype.itemsize), life)
            for b, life in zip(self.temporaries, self.lifetimes, strict=True)
        ]
        parts = [
            Part(numbers[b], numbers[b.whole[0]], b.whole[1] * b.dtype.itemsize)
            for b in self.parts
            if b.whole is not None
        ]
        return Plan(
            inputs=len(self.graph.inputs),
            given=self.given,
            places=len(numbers),
            flag=self.flag,
            sizes=tuple(self.sizes.sizes),
            outputs=tuple([Output(numbers[v.buffer], v.dtype, v.shape) for v in self.outputs]),
            temporaries=tuple(temporaries),
            parts=tuple(parts),
            steps=tuple([self._step(i, segment) for i, segment in enumerate(self.segments)]),
            donations=self._find_donations(),
        )

    def _step(self, number: int, segment: Segment) -> Region | Operation:
        node = segment.call
        if node is None:
            return Region(_region(number), segment.parallel)
        operands, outputs = (tuple(map(self._area, vs)) for vs in (node.operands, node.outputs))
        return Operation(node.equation.primitive, node.equation.params, operands, outputs)

    def _area(self, view: View) -> Area:
        root, start = view.buffer.whole or (view.buffer, 0)
        offset = start + view.offset
        return Area(self.numbers[root], view.dtype, view.shape, view.strides, offset)

    # In place

    def _find_donations(self) -> dict[int, frozenset[int]]:
        inputs = {self.analysis.views[v].buffer: i for i, v in enumerate(self.graph.inputs)}
        last: dict[Buffer, int] = {}
        for place, (group, _) in enumerate(self.block.groups):
            for node in group.nodes:
                for view in node.operands:
                    last[view.buffer] = place
        settled = max(raising([group for group, _ in self.block.groups]), default=-1)
        kept = {view.buffer for view in self.outputs} & self.outside
        found: dict[int, frozenset[int]] = {}
        writers = {b: i for i, (_, stored) in enumerate(self.block.groups) for b in stored}
        for number, view in enumerate(self.outputs):
            writer = writers.get(view.buffer)
            if writer is None or writer <= settled:
                continue  # something may still raise
            group = self.block.groups[writer][0]
            candidates = set()
            for buffer, i in inputs.items():
                if (
                    buffer not in kept
                    and buffer.dtype is view.buffer.dtype
                    and same(buffer.elements, view.buffer.elements)
                    and last.get(buffer, -1) <= writer
                    and (last.get(buffer, -1) < writer or _read_at_hand(group, buffer, view))
                ):
                    candidates.add(i)
            if candidates:
                found[number] = frozenset(candidates)
        return found

    @property
    def without_history(self) -> Executable:
        """What runs, and nothing of how it came to be."""
        return Executable(self.plan, self.constants, self.code)


def _symbolic(scratch: Any) -> Dimension:
    """How much scratch there is, from the sizes and from `THREADS`."""
    size: Dimension = scratch(lambda size: size, THREADS)
    return size


def _region(number: int) -> str:
    return f"region_{number}"


def _read_at_hand(group: Group, buffer: Buffer, output: View) -> bool:
    """Whether a group reads of a buffer only the element that it is about to write."""
    if group.kind not in ("rows", "product"):
        return False
    if group.reduced and Phases(group).count > 1:
        return False
    place = group.places[output.buffer]
    for node in group.nodes:
        for view in node.operands:
            if view.buffer is not buffer:
                continue
            if node.kind not in ("pointwise", "copy"):
                return False
            strides = on_space(view, node, group)
            if strides is None or not is_fixed(view.offset, 0):
                return False
            if not same_strides(strides, place, group.space):
                return False
    return True


def compile_graph(graph: Graph, machine: Machine | None = None) -> Program:
    """Compile a graph, which the passes have been over.

    Raises:
        UnsupportedError: for one that only the interpreter can run.
    """
    return Program(graph, machine)
