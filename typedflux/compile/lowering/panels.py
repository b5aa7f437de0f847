"""Operands of products that are packed once for many products: weights that each step of a loop,
or of an unrolled one, multiplies with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from typedflux.compile.lowering.analysis import COPY, Node
from typedflux.compile.lowering.contractions import Matrices, matrices_of, shape_of
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer, View, row_major
from typedflux.compile.native import expressions
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.packing import Packing
from typedflux.compile.native.products import packed_once
from typedflux.shapes.dims import Dimension


@dataclass(frozen=True, slots=True)
class Panels:
    """The right operand of a product, and how it is packed."""

    key: Any
    view: View
    packing: Packing
    elements: int


def panels_of(group: Group, machine: Machine) -> Panels | None:
    """What could be packed once for several products like this group's, `None` for nothing."""
    if group.kind != "product":
        return None
    m: Matrices = matrices_of(group)
    plan = packed_once(shape_of(m), machine)
    if plan is None:
        return None
    view = m.b
    key = (view.buffer, str(view.shape), str(view.strides), str(view.offset))
    return Panels(key, view, plan.usual.column_packing, plan.usual.all_panels_size)


class Packer:
    """The packed operands of a block of groups.

    Args:
        groups: of the block.
        machine: that it is for.
        emit: called with the group that packs, its kernel and the packed buffer, where these are to
            run before what comes next in the block; not needed where all comes from `outer`.
        outer: that of the block around a loop's body, where what does not change is packed.
        varying: what a loop's body writes or moves, parts of buffers as those.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        machine: Machine,
        emit: Callable[[Group, PanelsKernel, Buffer], None] | None = None,
        outer: Packer | None = None,
        varying: Iterable[Buffer] = (),
    ) -> None:
        groups = list(groups)
        self.machine = machine
        self.outer = outer
        self.used: dict[Buffer, None] = {}
        """What the body reads of the packed operands of blocks around it."""
        self._emit = emit
        self._found = {id(g): panels_of(g, machine) for g in groups}
        self._counts = Counter(p.key for p in self._found.values() if p is not None)
        made = [v.buffer for g in groups for n in g.nodes for v in n.outputs]
        self._varying = {_root(b) for b in (*made, *varying)}
        self._known: dict[Any, Buffer] = {}

    def packed(self, group: Group) -> Buffer | None:
        """Where the right operand of a group's product is packed, `None` where it is not."""
        panels = self._found.get(id(group))
        if panels is None:
            return None
        if self._is_from_outside(panels) or self._counts[panels.key] > 1:
            return self._take(panels)
        return None

    def _is_from_outside(self, panels: Panels) -> bool:
        return self.outer is not None and _root(panels.view.buffer) not in self._varying

    def _take(self, panels: Panels) -> Buffer:
        if self.outer is not None and self._is_from_outside(panels):
            buffer = self.outer._take(panels)
            self.used[buffer] = None
            return buffer
        if panels.key not in self._known:
            view = panels.view
            buffer = Buffer(view.dtype, panels.elements, "panels")
            target = View(buffer, view.shape, row_major(view.shape))
            node = Node("copy", COPY, (view,), (target,), view.shape)
            self._known[panels.key] = buffer
            group = Group("rows", view.shape, [node])
            assert self._emit is not None
            self._emit(group, PanelsKernel(panels, buffer), buffer)
        return self._known[panels.key]


class PanelsKernel:
    """Packs an operand: each thread some panels."""

    stages = 1
    alone = False

    def __init__(self, panels: Panels, buffer: Buffer) -> None:
        self.panels = panels
        self.buffer = buffer

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        f, view, packing = frame.function, self.panels.view, self.panels.packing
        k, n = (frame.size(size) for size in view.shape)
        row, column = (frame.size(stride) for stride in view.strides)
        memory = expressions.memory_type(view.dtype)
        first, last = frame.share(n, packing.width)
        with f.when(f.compare("slt", f.index(first), f.index(last))):
            at = f.plus(frame.size(view.offset), f.times(first, column))
            to = f.times(f.over(first, packing.width), packing.size(f, k))
            packing.emit(
                f,
                f.at(frame.pointer(view.buffer), at, memory),
                row,
                column,
                k,
                f.minus(last, first),
                f.at(frame.pointer(self.buffer), to, memory),
            )
        f.close()


def _root(buffer: Buffer) -> Buffer:
    return buffer if buffer.whole is None else buffer.whole[0]
