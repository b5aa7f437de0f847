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

from typedflux.compile.lowering.analysis import Node, analyse, copy_of
from typedflux.compile.lowering.grouping import Group, group_nodes
from typedflux.compile.lowering.kernels import Kernels, Stage
from typedflux.compile.lowering.memory import Lifetime, plan
from typedflux.compile.lowering.views import Buffer, View, same
from typedflux.compile.native import pool
from typedflux.compile.native.emitter import I64, PTR, Function
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine, host
from typedflux.core.graph import Equation, Graph, concrete_param
from typedflux.core.primitive import Primitive
from typedflux.shapes.dims import Dimension, evaluate, is_fixed
from typedflux.tensor import wrap

Array = npt.NDArray[Any]

_COPY = Equation(
    Primitive("copy", lambda x: x, lambda x: x), (), {}, ()
)  # what puts an output in row-major order


class FlaggedError(Exception):
    """A kernel met what it must not, such as an index outside: the interpreter says which."""


@dataclass(eq=False, slots=True)
class Segment:
    """Stages in native code, or one call."""

    stages: list[Stage] = field(default_factory=list)
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
        self.groups = group_nodes(self.analysis)
        self._number_buffers()
        self._emit()
        self._sizes: list[Dimension] = self._sizes_used()
        self.donations = self._find_donations()
        self._bindings: dict[Any, Binding] = {}
        self._idle: list[Workspace] = []
        self._lock = threading.Lock()

    # Outputs

    def _plan_outputs(self) -> None:
        """Give every output of the graph a buffer of its own, in row-major order."""
        analysis = self.analysis
        outside = {analysis.views[v].buffer for v in self.graph.inputs}
        outside |= {analysis.views[v].buffer for v, _ in self.graph.constants}
        self.outside = outside
        self.outputs: list[View] = []
        copies: dict[Any, View] = {}
        for variable in self.graph.outputs:
            view = analysis.views[variable]
            if not view.is_whole:
                key = (id(view.buffer), str(view.offset), str(view.strides), str(view.shape))
                if key not in copies:
                    node, copies[key] = copy_of(_COPY, view, view.shape)
                    analysis.nodes.append(node)
                view = copies[key]
            self.outputs.append(view)

    # Which buffers there are

    def _number_buffers(self) -> None:
        self.numbers: dict[Buffer, int] = {}
        views = self.analysis.views
        for variable in self.graph.inputs:
            self._number(views[variable].buffer)
        for variable, _ in self.graph.constants:
            self._number(views[variable].buffer)
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
        readers: dict[Buffer, set[int]] = {}
        for place, group in enumerate(self.groups):
            for node in group.nodes:
                for view in node.operands:
                    readers.setdefault(view.buffer, set()).add(place)
        wanted = {view.buffer for view in self.outputs}
        kernels = Kernels(self.machine)
        self.kernels = kernels
        self.segments: list[Segment] = []
        self.stored: list[list[Buffer]] = []
        for place, group in enumerate(self.groups):
            made = [view.buffer for node in group.nodes for view in node.outputs]
            stored = [b for b in made if b in wanted or readers.get(b, set()) - {place}]
            if group.kind == "call":
                self.segments.append(Segment(call=group.nodes[0]))
                stored = made
            elif group.kind == "join":
                stored = made
            elif stored:
                stored = [*stored, *kernels.kept(group, stored)]
                if not self.segments or self.segments[-1].call is not None:
                    self.segments.append(Segment())
                self.segments[-1].stages.extend(kernels.stages(group, stored))
            self.stored.append(stored)
            for buffer in stored:
                self._temporary(buffer)
        for scratch in kernels.scratches:
            self._temporary(scratch.buffer)
        self.flag = self._number(kernels.flag)
        self._lifetimes()
        self._regions()

    def _lifetimes(self) -> None:
        """When each temporary is needed, in stages; calls count as one."""
        first: dict[Buffer, int] = {}
        last: dict[Buffer, int] = {}
        step = 0
        for segment in self.segments:
            if segment.call is not None:
                used = [v.buffer for v in (*segment.call.operands, *segment.call.outputs)]
                steps: list[Sequence[Any]] = [used]
            else:
                steps = [s.args for s in segment.stages]
                # Without a barrier after a stage, the next runs at the same time.
            for used in steps:
                for entry in used:
                    if isinstance(entry, Buffer):
                        buffer = entry if entry.whole is None else entry.whole[0]
                        first.setdefault(buffer, step)
                        last[buffer] = step
                step += 1
        self.lifetimes = [Lifetime(first.get(b, 0), last.get(b, 0)) for b in self.temporaries]

    def _sizes_used(self) -> list[Dimension]:
        return list(self._size_numbers_by_text.values())

    def _size_number(self, size: Dimension) -> int:
        key = str(size)
        if key not in self._size_numbers:
            self._size_numbers[key] = len(self._size_numbers)
            self._size_numbers_by_text[key] = size
        return self._size_numbers[key]

    def _regions(self) -> None:
        from typedflux.compile.native.pool_program import emit_barrier

        self._size_numbers: dict[str, int] = {}
        self._size_numbers_by_text: dict[str, Dimension] = {}
        module = self.kernels.module
        count = 0
        for number, segment in enumerate(self.segments):
            if segment.call is not None:
                continue
            f = Function(
                module,
                f"region_{number}",
                [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64),
                 ("barrier", PTR)],
            )  # fmt: skip
            buffers, sizes, thread, threads, barrier = f.parameters
            segment.parallel = not all(s.alone for s in segment.stages)
            for i, stage in enumerate(segment.stages):
                numbers = [
                    self.numbers[a] if isinstance(a, Buffer) else self._size_number(a)
                    for a in stage.args
                ]
                text = ", ".join(f"i64 {n}" for n in numbers)
                module.globals.append(
                    f"@args_{count} = internal constant [{len(numbers)} x i64] [{text}]"
                )
                f.line(
                    f"call void @{stage.kernel}(ptr {buffers.text}, ptr {sizes.text}, "
                    f"ptr @args_{count}, i64 {thread.text}, i64 {threads.text})"
                )
                count += 1
                following = segment.stages[i + 1 : i + 2]
                if following and not (stage.alone and following[0].alone):
                    emit_barrier(f, barrier, threads)
            f.close()
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
        for place, group in enumerate(self.groups):
            for node in group.nodes:
                for view in node.operands:
                    last[view.buffer] = place
        kept = {view.buffer for view in self.outputs} & self.outside
        found: dict[int, frozenset[int]] = {}
        writers = {b: place for place, stored in enumerate(self.stored) for b in stored}
        for number, view in enumerate(self.outputs):
            writer = writers.get(view.buffer)
            if writer is None:
                continue
            group = self.groups[writer]
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
            arrays: one for each input of the graph, then one for each constant.
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
        table = [at(size) for size in program._sizes]
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
        if place < self.program.given:
            base = held[place]
        elif view.buffer in known:
            base = known[view.buffer]
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
