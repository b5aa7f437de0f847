"""Programs at given sizes: the arena, the tables that kernels read, and calls."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from typedflux.compile.lowering.addresses import address_of
from typedflux.compile.lowering.errors import FlaggedError
from typedflux.compile.lowering.memory import ALIGNMENT, plan
from typedflux.compile.lowering.plans import THREADS_NAME, Area, Operation
from typedflux.compile.native import pool
from typedflux.core.graph import concrete_param
from typedflux.shapes.dims import Dimension, evaluate
from typedflux.tensor import wrap

if TYPE_CHECKING:
    from typedflux.compile.lowering.executables import Executable

Array: TypeAlias = npt.NDArray[Any]


_NO_ARENA = np.empty(0, np.uint8), 0


class _Output(NamedTuple):
    """Where an output is written.

    Attributes:
        place: in the table of pointers.
        donor: the input whose memory it takes over.
        given: the input or constant that it is, as it came.
        first: the first output at its place.
    """

    number: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: int
    donor: int | None
    given: int | None
    first: int

    @property
    def is_alias(self) -> bool:
        """Whether nothing is written for it."""
        return self.given is not None or self.first != self.number


class Frame:
    """A program for given sizes, in which some outputs take over the memory of inputs.

    One call at a time uses it; another that comes meanwhile makes one of its own.

    Args:
        program: what runs.
        sizes: what the symbolic sizes are.
        donated: for each such output the input whose memory it takes over.
    """

    def __init__(
        self, program: Executable, sizes: Mapping[Any, int], donated: Mapping[int, int]
    ) -> None:
        self.program = program
        plan = program.plan
        self.sizes = dict(sizes)
        self.donated = dict(donated)
        self._lock = threading.Lock()
        self.pointers = np.zeros(plan.places + 1, np.int64)
        self._flag = np.zeros(1, np.int64)
        self.pointers[plan.flag] = self._flag.ctypes.data
        self._table = np.array([self.at(size) for size in plan.sizes] or [0], np.int64)
        self._addresses = self.pointers.ctypes.data, self._table.ctypes.data
        for place, array in enumerate(program.constants, plan.inputs):
            self.pointers[place] = address_of(array)
        self._parts = np.array([part.place for part in plan.parts], np.intp)
        self._wholes = np.array([part.whole for part in plan.parts], np.intp)
        self._starts = np.array([self.at(part.start) for part in plan.parts], np.int64)
        first: dict[int, int] = {}
        for number, output in enumerate(plan.outputs):
            first.setdefault(output.place, number)
        self._outputs = [self._output(i, first) for i in range(len(plan.outputs))]
        self._aliases = [o for o in self._outputs if o.is_alias]
        own = [o for o in self._outputs if not o.is_alias]
        self._fresh = [o for o in own if o.donor is None]
        self._taken = [o for o in own if o.donor is not None]
        self._places = np.array([o.place for o in self._taken], np.intp)
        donors = [o.donor for o in self._taken if o.donor is not None]
        self._donors = np.array(donors, np.intp)
        self._donor_set = frozenset(donors)
        self._are_taken = False
        """Whether the outputs that take over memory were all told so in the last call."""
        self._sources = itemgetter(*[0 if o.donor is None else o.donor for o in self._outputs], 0)
        self._copied: set[int] = set()
        """The inputs that had to be copied in the last call, to lie in row-major order."""
        self._is_bound = False
        self._arena: tuple[Array, int] | None = None
        self._threads = 0

    def _output(self, number: int, first: Mapping[int, int]) -> _Output:
        plan = self.program.plan
        output = plan.outputs[number]
        shape = tuple([self.at(n) for n in output.shape])
        place = output.place
        given = place if place < plan.given else None
        donor = self.donated.get(number)
        return _Output(number, shape, output.dtype.dtype, place, donor, given, first[place])

    def at(self, size: Dimension) -> int:
        """The number that a size is."""
        return size if isinstance(size, int) else evaluate(size, self.sizes)

    def _plan(self, threads: int) -> None:
        """Place what is kept for a time only; how much scratch there is depends on the threads."""
        temporaries = self.program.plan.temporaries
        self.plan = plan([t.life for t in temporaries], self.needed(threads))
        self._temporaries = np.array([t.place for t in temporaries], np.intp)
        self._offsets = np.array(self.plan.offsets, np.int64)
        self._base = 0
        self._threads = threads

    def needed(self, threads: int) -> list[int]:
        """The bytes of each temporary."""
        env = {**self.sizes, THREADS_NAME: threads}
        found = [t.bytes for t in self.program.plan.temporaries]
        return [size if isinstance(size, int) else evaluate(size, env) for size in found]

    def _take_arena(self) -> tuple[Array, int]:
        """Memory for what is kept for a time only, which all frames of the program share, and where
        it begins."""
        needed = self.plan.size + ALIGNMENT
        try:
            taken = self.program.arenas.pop()
        except IndexError:
            taken = _NO_ARENA
        if taken[0].size < needed:
            arena = np.empty(needed, np.uint8)
            base = address_of(arena)
            taken = arena, base + -base % ALIGNMENT
        if taken[1] != self._base:
            self._base = taken[1]
            self.pointers[self._temporaries] = self._offsets + self._base
        return taken

    def run(
        self,
        arrays: list[Array],
        refused: Collection[int] = (),
        changed: Collection[int] | None = None,
        given: Sequence[Array | None] = (),
    ) -> list[Array]:
        """The outputs.

        Args:
            arrays: one for each input.
            refused: outputs that are written to fresh memory this time.
            changed: the positions in `arrays` that hold others than in the last call; `None`: all.
            given: for each output a contiguous array to write it to, or `None`.

        Raises:
            FlaggedError: for an index that lies outside; nothing was written to what was donated.
        """
        if not self._lock.acquire(blocking=False):
            return Frame(self.program, self.sizes, self.donated).run(arrays, refused, None, given)
        try:
            return self._run(arrays, refused, changed, given)
        finally:
            if self._arena is not None:
                self.program.arenas.append(self._arena)
                self._arena = None
            self._lock.release()

    def _run(
        self,
        arrays: list[Array],
        refused: Collection[int],
        changed: Collection[int] | None,
        given: Sequence[Array | None],
    ) -> list[Array]:
        program, pointers = self.program, self.pointers
        threads = pool.get_threads()
        if threads != self._threads:
            self._plan(threads)
        if changed is None or not self._is_bound:
            self._copied.clear()
            changed = range(len(arrays))
            self._are_taken = False
        else:
            if self._copied:
                changed = {*self._copied, *changed}
            if not self._donor_set.isdisjoint(changed):
                self._are_taken = False
        # Nothing here is kept: who else refers to an array decides about writing in place.
        held = [*arrays, *program.constants]
        for place in changed:
            array = arrays[place]
            if not array.flags.c_contiguous:
                array = held[place] = np.ascontiguousarray(array)
                self._copied.add(place)
            elif self._copied:
                self._copied.discard(place)
            pointers[place] = address_of(array)
        self._is_bound = True
        if program.plan.temporaries:
            self._arena = self._take_arena()
        results = self._place_outputs(held, refused, given)
        if len(self._parts):
            pointers[self._parts] = pointers[self._wholes] + self._starts
        buffers, sizes = self._addresses
        for step, address in zip(program.plan.steps, program.addresses, strict=True):
            if isinstance(step, Operation):
                self._call(step, held, results)
                continue
            pool.run(address, buffers, sizes, threads if step.is_parallel else 1)
            if self._flag[0]:
                self._flag[0] = 0
                raise FlaggedError
        return results

    def _place_outputs(
        self, held: list[Array], refused: Collection[int], given: Sequence[Array | None]
    ) -> list[Array]:
        pointers = self.pointers
        fresh = self._fresh
        if self._taken:
            results: list[Any] = [*self._sources(held)]
            del results[-1]
            if not self._are_taken:
                pointers[self._places] = pointers[self._donors]
                self._are_taken = True
            if refused or self._copied:
                copied = self._copied
                shut = [o for o in self._taken if o.number in refused or o.donor in copied]
                fresh = [*fresh, *shut]
                self._are_taken = False
        else:
            results = [None] * len(self._outputs)
        for output in fresh:
            number = output.number
            array = given[number] if number < len(given) else None
            if array is None:
                array = np.empty(output.shape, output.dtype)
            results[number] = array
            pointers[output.place] = address_of(array)
        for output in self._aliases:
            whole = held[output.given] if output.given is not None else results[output.first]
            results[output.number] = whole.reshape(output.shape)
        return results

    # Calls of numpy kernels

    def _call(self, operation: Operation, held: list[Array], results: list[Array]) -> None:
        primitive = operation.primitive
        known = {o.place: results[o.number] for o in self._outputs if o.given is None}
        operands = [wrap(self._array(area, held, known)) for area in operation.operands]
        params = {k: concrete_param(v, self.sizes) for k, v in operation.params.items()}
        out = primitive.bind(*operands, **params)
        outs = out if primitive.multiple else (out,)
        for area, result in zip(operation.outputs, outs, strict=True):
            np.copyto(self._array(area, held, known), result._data)

    def _array(self, area: Area, held: list[Array], known: dict[int, Array]) -> Array:
        """An area as a numpy array."""
        dtype, place = area.dtype.dtype, area.place
        shape = tuple([self.at(n) for n in area.shape])
        if 0 in shape:
            return np.empty(shape, dtype)
        strides = [self.at(s) * dtype.itemsize for s in area.strides]
        offset = self.at(area.offset) * dtype.itemsize
        if place < self.program.plan.given:
            base = held[place]
        elif place in known:
            base = known[place]
        else:
            assert self._arena is not None
            base = self._arena[0]
            offset += int(self.pointers[place]) - address_of(base)
        raw = base.reshape(-1).view(np.uint8)
        return np.ndarray(shape, dtype, raw, offset, strides)
