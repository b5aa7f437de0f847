"""The kernels of a program: one or more for each group, alike ones only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from typedflux.compile.lowering.columns import ColumnsKernel
from typedflux.compile.lowering.contractions import ProductKernel
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.gathers import IndexedKernel
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.rows import Phases, RowsKernel
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.lowering.windows import WindowKernel, window_kernel
from typedflux.compile.native.emitter import Module
from typedflux.compile.native.machine import Machine
from typedflux.dtypes import int64, uint8
from typedflux.shapes.dims import Dimension

_PLACEHOLDER = "KERNEL"


@dataclass(eq=False, slots=True)
class Scratch:
    """Memory that a kernel needs for itself: its size for given sizes and threads."""

    buffer: Buffer
    bytes: Callable[[Callable[[Dimension], int], int], int]


@dataclass(eq=False, slots=True)
class Stage:
    """One call of a kernel: all threads run it.

    Attributes:
        kernel: the function's name.
        args: what the kernel's list refers to.
        alone: whether only the first thread has work.
        group: that it is of.
    """

    kernel: str
    args: Sequence[Buffer | Dimension]
    alone: bool
    group: Group


@dataclass(slots=True)
class Kernels:
    """Kernels of a program under construction."""

    machine: Machine
    module: Module = field(default_factory=Module)
    scratches: list[Scratch] = field(default_factory=list)
    flag: Buffer = field(default_factory=lambda: Buffer(int64, 1, "flag"))
    """Not zero where a kernel met what it must not."""
    _known: dict[str, str] = field(default_factory=dict)

    def kept(self, group: Group, stored: Sequence[Buffer]) -> list[Buffer]:
        """Results of a group that it has to write for itself."""
        return Phases(group).kept(stored) if group.kind == "rows" and group.reduced else []

    def stages(self, group: Group, stored: Sequence[Buffer]) -> list[Stage]:
        """Write the kernels of a group that has to leave the buffers `stored` in memory."""
        if group.kind == "rows":
            rows = RowsKernel(group, stored, self.machine)
            return [self._stage(group, rows.emit, rows.alone)]
        if group.kind == "columns":
            columns = ColumnsKernel(group, stored, self.machine)
            partial = Buffer(uint8, 1, "partial results")
            if columns.stages > 1:
                self.scratches.append(Scratch(partial, lambda _, t: columns.partial_bytes(t)))
            return [
                self._stage(group, lambda f, s=s: columns.emit(s, f, partial), columns.is_small)
                for s in range(columns.stages)
            ]
        if group.kind == "gather":
            indexed = IndexedKernel(group, self.machine, self.flag)
            return [self._stage(group, indexed.emit, False)]
        kernel: ProductKernel | WindowKernel
        if group.kind == "product":
            kernel = products = ProductKernel(group, stored, self.machine)
            sizes = products.matrices

            def needed(at: Callable[[Dimension], int], threads: int) -> int:
                m, n, k = at(sizes.m), at(sizes.n), at(sizes.k)
                return products.scratch_bytes(m, n, k, threads)

        else:
            assert group.kind == "window"
            kernel = windows = window_kernel(group, stored, self.machine)

            def needed(at: Callable[[Dimension], int], threads: int) -> int:
                return windows.scratch_bytes(at(windows.batch), threads)

        scratch = Buffer(uint8, 1, "packed operands")
        self.scratches.append(Scratch(scratch, needed))
        return [
            self._stage(group, lambda f, s=s: kernel.emit(s, f, scratch), False)
            for s in range(kernel.stages)
        ]

    def _stage(self, group: Group, emit: Callable[[Frame], None], alone: bool) -> Stage:
        module = Module()
        frame = Frame(module, _PLACEHOLDER)
        emit(frame)
        text = module.functions.pop()
        name = self._known.get(text)
        if name is None:
            name = f"kernel_{len(self._known)}"
            self._known[text] = name
            self.module.functions.extend(
                f for f in module.functions if f not in self.module.functions
            )
            self.module.functions.append(text.replace(f"@{_PLACEHOLDER}(", f"@{name}(", 1))
            self.module.declarations |= module.declarations
            self.module.globals.extend(g for g in module.globals if g not in self.module.globals)
        return Stage(name, frame.args, alone, group)
