"""Programs: graphs compiled to native code, and how they run.

A program is a list of segments: regions of native code, which all threads run from one end to the
other with barriers in between, and calls of operations that have no code of their own, which run
through their numpy kernels.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

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
from typedflux.compile.lowering.errors import FlaggedError
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.kernels import Kernels, Stage
from typedflux.compile.lowering.memory import Lifetime, plan
from typedflux.compile.lowering.regions import RegionWriter, SizeTable
from typedflux.compile.lowering.views import Buffer, View, same
from typedflux.compile.native import pool
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine, host
from typedflux.core.graph import Graph, concrete_param
from typedflux.shapes.dims import Dimension, evaluate, is_fixed
from typedflux.tensor import wrap

Array = npt.NDArray[Any]


@dataclass(eq=False, slots=True)
class Segment:
    """Native code, or one call."""

    items: list[Item] = field(default_factory=list)
    call: Node | None = None
    address: int = 0
    parallel: bool = False


class Program:
    """A graph as native code. Made by `compile_graph`.

    Attributes:
        donations: for each output the inputs whose memory it may take over: all that reads them has
            run when the output is written, or reads the same element just before.
    """

    def __init__(self, graph: Graph, machine: Machine | None = None) -> None:
        self.graph = graph
        self.machine = host() if machine is None else machine
        self.analysis = analyse(graph)
        self._plan_outputs()
        self._number_buffers()
        self._emit()
        self.donations = self._find_donations()
        self._bindings: dict[Any, Binding] = {}
        self._idle: list[Workspace] = []
        self._lock = threading.Lock()

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
        self.inputs = len(self.graph.inputs)
        for buffer, _ in self.analysis.constants:
            self._number(buffer)
        self.constants = [np.ascontiguousarray(t._data) for _, t in self.analysis.constants]
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
        self.block = make_block(self.analysis.nodes, wanted, self.kernels)
        for buffer in all_moving(self.block):
            self._number(buffer)
        for buffer in all_stored(self.block):
            self._temporary(buffer)
        for scratch in self.kernels.scratches:
            self._temporary(scratch.buffer)
        self.flag = self._number(self.kernels.flag)
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
        writer = RegionWriter(module, self.numbers, self.sizes)
        for number, segment in enumerate(self.segments):
            if segment.call is None:
                writer.write(f"region_{number}", segment.items)
                segment.parallel = not all(isinstance(s, Stage) and s.alone for s in segment.items)
        self.text = module.text(self.machine.vector_bits)
        if any(s.call is None for s in self.segments):
            self.compiled = Compiled(self.text, self.machine)
            for number, segment in enumerate(self.segments):
                if segment.call is None:
                    segment.address = self.compiled.address(f"region_{number}")

    # In place

    def _find_donations(self) -> dict[int, frozenset[int]]:
        inputs = {self.analysis.views[v].buffer: i for i, v in enumerate(self.graph.inputs)}
        last: dict[Buffer, int] = {}
        for place, (group, _) in enumerate(self.block.groups):
            for node in group.nodes:
                for view in node.operands:
                    last[view.buffer] = place
        kept = {view.buffer for view in self.outputs} & self.outside
        found: dict[int, frozenset[int]] = {}
        writers = {b: i for i, (_, stored) in enumerate(self.block.groups) for b in stored}
        for number, view in enumerate(self.outputs):
            writer = writers.get(view.buffer)
            if writer is None:
                continue
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

    # Running

    def run(
        self,
        arrays: Sequence[Array],
        sizes: Mapping[Any, int] | None = None,
        given: Sequence[Array | None] = (),
    ) -> list[Array]:
        """The outputs for these inputs.

        Args:
            arrays: one for each input of the graph.
            sizes: what the symbolic sizes are.
            given: for each output an array to write it to, or `None` for a fresh one.
        """
        threads = pool.get_threads()
        binding = self._binding(sizes or {}, threads)
        with self._lock:
            workspace = self._idle.pop() if self._idle else Workspace(self)
        try:
            return workspace.run(binding, arrays, given, threads)
        finally:
            with self._lock:
                self._idle.append(workspace)

    def _binding(self, sizes: Mapping[Any, int], threads: int) -> Binding:
        key = (threads, *sizes.items())
        binding = self._bindings.get(key)
        if binding is None:
            if len(self._bindings) > 64:
                self._bindings.clear()
            binding = self._bindings[key] = Binding(self, sizes, threads)
        return binding


def _read_at_hand(group: Group, buffer: Buffer, output: View) -> bool:
    """Whether a group reads of a buffer only the element that it is about to write."""
    from typedflux.compile.lowering.grouping import on_space
    from typedflux.compile.lowering.rows import Phases
    from typedflux.compile.lowering.views import same_strides

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


class Binding:
    """A program for given sizes: the table of sizes, the arena's plan, shapes of outputs."""

    def __init__(self, program: Program, sizes: Mapping[Any, int], threads: int) -> None:
        def at(size: Dimension) -> int:
            return evaluate(size, sizes) if not isinstance(size, int) else size

        self.sizes = dict(sizes)
        self.at = at
        table = [at(size) for size in program.sizes.sizes]
        self.table = np.array(table or [0], np.int64)
        scratch = {s.buffer: s.bytes(at, threads) for s in program.kernels.scratches}
        bytes = [
            scratch[b] if b in scratch else at(b.elements) * b.dtype.itemsize
            for b in program.temporaries
        ]
        self.plan = plan(program.lifetimes, bytes)
        self.part_offsets = np.array(
            [at(b.whole[1]) * b.dtype.itemsize for b in program.parts if b.whole is not None],
            np.int64,
        )
        self.shapes = [tuple([at(n) for n in view.shape]) for view in program.outputs]


class Workspace:
    """The arena and the table of pointers of one call at a time."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pointers = np.zeros(len(program.numbers) + 1, np.int64)
        self.table_address = self.pointers.ctypes.data
        self.constants = [a.__array_interface__["data"][0] for a in program.constants]
        self.arena = np.empty(0, np.uint8)
        self.flag = np.zeros(1, np.int64)
        self.pointers[program.flag] = self.flag.ctypes.data
        numbers = program.numbers
        self.parts = np.array([numbers[b] for b in program.parts], np.intp)
        wholes = [numbers[b.whole[0]] for b in program.parts if b.whole is not None]
        self.wholes = np.array(wholes, np.intp)
        self.binding: Binding | None = None

    def _bind(self, binding: Binding) -> None:
        needed = binding.plan.size + 64
        if len(self.arena) < needed:
            self.arena = np.empty(needed, np.uint8)
        self.start = -self.arena.ctypes.data % 64
        base = self.arena.ctypes.data + self.start
        numbers = self.program.numbers
        for buffer, offset in zip(self.program.temporaries, binding.plan.offsets, strict=True):
            self.pointers[numbers[buffer]] = base + offset
        self.binding = binding

    def run(
        self,
        binding: Binding,
        arrays: Sequence[Array],
        given: Sequence[Array | None],
        threads: int,
    ) -> list[Array]:
        """See `Program.run`."""
        program = self.program
        if self.binding is not binding:
            self._bind(binding)
        held: list[Array] = []
        pointers: list[int] = []
        for array in arrays:
            if not array.flags.c_contiguous:
                array = np.ascontiguousarray(array)
            held.append(array)
            pointers.append(array.__array_interface__["data"][0])
        held += program.constants
        pointers += self.constants
        known: dict[Buffer, Array] = {}
        results: list[Array] = []
        for number, (view, shape) in enumerate(zip(program.outputs, binding.shapes, strict=True)):
            place = program.numbers[view.buffer]
            if place < program.given:
                results.append(held[place].reshape(shape))
                continue
            array = known.get(view.buffer)  # type: ignore[assignment]
            if array is None:
                offered = given[number] if number < len(given) else None
                array = np.empty(shape, view.dtype.dtype) if offered is None else offered
                known[view.buffer] = array
                pointers.append(array.__array_interface__["data"][0])
            results.append(array.reshape(shape))
        self.pointers[: len(pointers)] = pointers
        if len(self.parts):
            self.pointers[self.parts] = self.pointers[self.wholes] + binding.part_offsets
        sizes_address = binding.table.ctypes.data
        for segment in program.segments:
            if segment.call is not None:
                self._call(segment.call, binding, held, known)
            else:
                pool.run(
                    segment.address,
                    self.table_address,
                    sizes_address,
                    threads if segment.parallel else 1,
                )
        if self.flag[0]:
            self.flag[0] = 0
            raise FlaggedError
        return results

    # Calls of numpy kernels

    def _call(
        self, node: Node, binding: Binding, held: list[Array], known: dict[Buffer, Array]
    ) -> None:
        equation = node.equation
        operands = [wrap(self._array(v, binding, held, known)) for v in node.operands]
        params = {k: concrete_param(v, binding.sizes) for k, v in equation.params.items()}
        out = equation.primitive.bind(*operands, **params)
        outs = out if equation.primitive.multiple else (out,)
        for view, result in zip(node.outputs, outs, strict=True):
            np.copyto(self._array(view, binding, held, known), result._data)

    def _array(
        self, view: View, binding: Binding, held: list[Array], known: dict[Buffer, Array]
    ) -> Array:
        """A view as a numpy array."""
        at = binding.at
        dtype = view.dtype.dtype
        place = self.program.numbers[view.buffer]
        shape = tuple([at(n) for n in view.shape])
        if 0 in shape:
            return np.empty(shape, dtype)
        strides = [at(s) * dtype.itemsize for s in view.strides]
        offset = at(view.offset) * dtype.itemsize
        root = view.buffer
        if root.whole is not None:
            root, start = root.whole
            offset += at(start) * dtype.itemsize
            place = self.program.numbers[root]
        if place < self.program.given:
            base = held[place]
        elif root in known:
            base = known[root]
        else:
            base = self.arena
            offset += int(self.pointers[place]) - self.arena.ctypes.data
        raw = base.reshape(-1).view(np.uint8)
        return np.ndarray(shape, dtype, raw, offset, strides)


def compile_graph(graph: Graph, machine: Machine | None = None) -> Program:
    """Compile a graph, which the passes have been over.

    Raises:
        UnsupportedError: for one that only the interpreter can run.
    """
    return Program(graph, machine)
