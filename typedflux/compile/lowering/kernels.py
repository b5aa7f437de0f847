"""The kernels of a program: one or more for each group, alike ones only once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from typedflux.compile.lowering.along import AlongKernel
from typedflux.compile.lowering.checks import CheckKernel
from typedflux.compile.lowering.columns import ColumnsKernel
from typedflux.compile.lowering.contractions import ProductKernel
from typedflux.compile.lowering.draws import DrawKernel
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.gathers import IndexedKernel
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.indexing import GeneralIndexKernel
from typedflux.compile.lowering.rows import Phases, RowsKernel
from typedflux.compile.lowering.transpositions import transposition_kernel
from typedflux.compile.lowering.views import Buffer
from typedflux.compile.lowering.windows import window_kernel
from typedflux.compile.native.emitter import Module
from typedflux.compile.native.machine import Machine
from typedflux.dtypes import int64, uint8
from typedflux.shapes.dims import Dimension

SizeOf: TypeAlias = Callable[[Dimension], int]
"""The number that a size is in a call."""

_PLACEHOLDER = "KERNEL"


class Kernel(Protocol):
    """The kernels of one group.

    Attributes:
        stages: how many there are.
        alone: whether one thread does all the work.
    """

    stages: int
    alone: bool

    def scratch_bytes(self, at: SizeOf, threads: int) -> int:
        """Memory that all threads together need besides the buffers."""
        ...

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function of one stage."""
        ...


_KINDS: dict[str, Callable[[Group, Sequence[Buffer], Machine], Kernel]] = {
    "rows": RowsKernel,
    "columns": ColumnsKernel,
    "product": ProductKernel,
    "window": window_kernel,
    "transposition": transposition_kernel,
    "along": AlongKernel,
    "draw": DrawKernel,
}


@dataclass(eq=False, slots=True)
class Scratch:
    """Memory that a kernel needs for itself: its size for given sizes and threads."""

    buffer: Buffer
    bytes: Callable[[SizeOf, int], int]


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
    _helpers: set[str] = field(default_factory=set)

    def kept(self, group: Group, stored: Sequence[Buffer]) -> list[Buffer]:
        """Results of a group that it has to write for itself."""
        return Phases(group).kept(stored) if group.kind == "rows" and group.reduced else []

    def stages(
        self, group: Group, stored: Sequence[Buffer], panels: Buffer | None = None
    ) -> list[Stage]:
        """Write the kernels of a group that has to leave the buffers `stored` in memory. `panels`
        is where a product's right operand is packed, if it is."""
        if panels is not None:
            return self.stages_of(group, ProductKernel(group, stored, self.machine, panels))
        return self.stages_of(group, self._kernel(group, stored))

    def stages_of(self, group: Group, kernel: Kernel) -> list[Stage]:
        """Write a kernel's functions."""
        scratch = Buffer(uint8, 1, "scratch")
        self.scratches.append(Scratch(scratch, kernel.scratch_bytes))
        return [
            self._stage(group, functools.partial(kernel.emit, stage, scratch=scratch), kernel.alone)
            for stage in range(kernel.stages)
        ]

    def _kernel(self, group: Group, stored: Sequence[Buffer]) -> Kernel:
        if group.kind == "gather":
            return IndexedKernel(group, self.machine, self.flag)
        if group.kind == "indexed":
            return GeneralIndexKernel(group, self.machine, self.flag)
        if group.kind == "check":
            return CheckKernel(group, self.flag)
        return _KINDS[group.kind](group, stored, self.machine)

    def _stage(self, group: Group, emit: Callable[[Frame], None], alone: bool) -> Stage:
        module = Module()
        frame = Frame(module, _PLACEHOLDER)
        emit(frame)
        text = module.functions.pop()
        name = self._known.get(text)
        if name is None:
            name = f"kernel_{len(self._known)}"
            self._known[text] = name
            for helper in module.functions:
                if helper not in self._helpers:
                    self._helpers.add(helper)
                    self.module.functions.append(helper)
            self.module.functions.append(text.replace(f"@{_PLACEHOLDER}(", f"@{name}(", 1))
            self.module.declarations |= module.declarations
            self.module.globals.extend(g for g in module.globals if g not in self.module.globals)
        return Stage(name, frame.args, alone, group)
