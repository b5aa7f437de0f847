"""A kernel under construction: its function, and what it takes from the tables of a call.

Kernels are alike for all groups of the same form. What differs, which buffers and which sizes, a
kernel reads from a short list of its own (`args`): numbers of entries in the tables of pointers and
of sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native.emitter import I64, PTR, Function, Index, Module, Value
from typedflux.shapes.dims import Dimension

PARAMETERS = [("buffers", PTR), ("sizes", PTR), ("args", PTR), ("thread", I64), ("threads", I64)]


class Frame:
    """One kernel: `void name(ptr buffers, ptr sizes, ptr args, i64 thread, i64 threads)`."""

    def __init__(self, module: Module, name: str) -> None:
        self.function = Function(module, name, PARAMETERS)
        self._tables = self.function.parameters
        self.thread, self.threads = self.function.parameters[3:]
        self.args: list[Buffer | Dimension] = []
        """What the kernel's list refers to, in order."""
        self._pointers: dict[int, Value] = {}
        self._sizes: dict[str, Value] = {}

    @classmethod
    def trial(cls, function: Function) -> Frame:
        """A frame for code that is written only to see how long it is."""
        frame = object.__new__(cls)
        frame.function = function
        frame._tables = [Value(f"%{name}", type) for name, type in PARAMETERS]
        frame.thread, frame.threads = frame._tables[3:]
        frame.args, frame._pointers, frame._sizes = [], {}, {}
        return frame

    def size(self, size: Dimension, *, open: bool = False) -> Index:
        """A size for use in code; with `open` a literal one is read at run time too, so that
        kernels that differ in it alone are one."""
        if isinstance(size, int) and not open:
            return size
        key = str(size)
        if key not in self._sizes:
            self._sizes[key] = self._read(size, self._tables[1], "i64")
        return self._sizes[key]

    def pointer(self, buffer: Buffer) -> Value:
        """Where a buffer begins."""
        key = id(buffer)
        if key not in self._pointers:
            self._pointers[key] = self._read(buffer, self._tables[0], "ptr")
        return self._pointers[key]

    def _read(self, what: Buffer | Dimension, table: Value, type: str) -> Value:
        f = self.function
        place = len(self.args)
        self.args.append(what)
        args = self._tables[2]
        entry = f.at_entry(PTR, f"getelementptr inbounds i64, ptr {args.text}, i64 {place}")
        number = f.at_entry(I64, f"load i64, ptr {entry.text}")
        where = f.at_entry(PTR, f"getelementptr inbounds i64, ptr {table.text}, i64 {number.text}")
        return f.at_entry(PTR if type == "ptr" else I64, f"load {type}, ptr {where.text}")

    def share(self, count: Index, unit: int = 1) -> tuple[Index, Index]:
        """This thread's part `start, stop` of `count` things, cut at multiples of `unit`."""
        f = self.function
        units = f.over(f.plus(count, unit - 1), unit)
        start = f.over(f.times(units, self.thread), self.threads)
        stop = f.over(f.times(units, f.plus(self.thread, 1)), self.threads)
        return f.times(start, unit), f.least(f.times(stop, unit), count)

    def address(self, terms: Sequence[tuple[Index, Dimension]], offset: Dimension = 0) -> Index:
        """`offset + sum(index * stride)`."""
        f = self.function
        total = self.size(offset)
        for index, stride in terms:
            if not (isinstance(stride, int) and stride == 0):
                total = f.plus(total, f.times(index, self.size(stride)))
        return total
