"""Copies that exchange axes, in blocks: whole lines of memory are read and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.rows import RowsKernel
from typedflux.compile.lowering.views import Buffer, same
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.packing import lane_mask, transpose_lines
from typedflux.dtypes import float32
from typedflux.shapes.dims import Dimension, is_fixed, product


@dataclass(frozen=True, slots=True)
class _Axis:
    size: Dimension
    source: Dimension
    target: Dimension


def transposition_kernel(
    group: Group, stored: Sequence[Buffer], machine: Machine
) -> TransposeKernel | RowsKernel:
    """The kernel of a copy."""
    axes = _merged(group.nodes[0])
    along = [a for a in axes if is_fixed(a.source, 1) and isinstance(a.size, int)]
    across = [a for a in axes if is_fixed(a.target, 1) and isinstance(a.size, int)]
    if len(along) == len(across) == 1 and along != across and group.nodes[0].dtype is float32:
        rest = [a for a in axes if a is not along[0] and a is not across[0]]
        return TransposeKernel(group, machine, rest, along[0], across[0])
    return RowsKernel(group, stored, machine)


def _merged(node: Node) -> list[_Axis]:
    """The axes of a copy, such as lie in each other on both sides as one."""
    view, target = node.operands[0], node.outputs[0]
    axes = [
        _Axis(n, s, t)
        for n, s, t in zip(view.shape, view.strides, target.strides, strict=True)
        if not is_fixed(n, 1)
    ]
    found = True
    while found:
        found = False
        for outer in axes:
            for inner in axes:
                if (
                    outer is not inner
                    and same(outer.source, inner.source * inner.size)
                    and same(outer.target, inner.target * inner.size)
                ):
                    both = _Axis(outer.size * inner.size, inner.source, inner.target)
                    axes = [a for a in axes if a is not outer and a is not inner] + [both]
                    found = True
                    break
            if found:
                break
    return axes


class TransposeKernel:
    """Copies what runs along one axis so that it runs across it.

    Args:
        outer: the other axes.
        along: that of elements side by side in what is read.
        across: that of those in what is written.
    """

    stages = 1
    alone = False

    def __init__(
        self, group: Group, machine: Machine, outer: list[_Axis], along: _Axis, across: _Axis
    ) -> None:
        self.node = group.nodes[0]
        self.lanes = machine.lanes
        self.outer, self.along, self.across = outer, along, across

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """None."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """Write the function."""
        f, lanes = frame.function, self.lanes
        view, to = self.node.operands[0], self.node.outputs[0]
        memory = expressions.memory_type(view.dtype)
        width = self.across.size
        assert isinstance(width, int)
        blocks = -(-width // lanes)
        count = frame.size(product([axis.size for axis in self.outer]))
        start, stop = frame.share(f.times(count, blocks))
        with f.loop(start, stop) as number:
            rest: Index = f.over(number, blocks)
            first = f.times(f.modulo(number, blocks), lanes)
            read, write = frame.size(view.offset), frame.size(to.offset)
            for i, axis in reversed(list(enumerate(self.outer))):
                extent = frame.size(axis.size)
                index = rest if i == 0 else f.modulo(rest, extent)
                rest = f.over(rest, extent)
                read = f.plus(read, f.times(index, frame.size(axis.source)))
                write = f.plus(write, f.times(index, frame.size(axis.target)))
            left = f.minus(f.minus(width, first), 1)  # lines after the last repeat it
            lines = []
            for i in range(lanes):
                line = f.plus(first, f.least(i, left))
                at = f.plus(read, f.times(line, frame.size(self.across.source)))
                lines.append(f.at(frame.pointer(view.buffer), at, memory))
            target = f.at(frame.pointer(to.buffer), f.plus(write, first), memory)
            mask = lane_mask(f, f.plus(left, 1), lanes) if width % lanes else None

            def store(
                value: Value, place: Index, target: Value = target, mask: Value | None = mask
            ) -> None:
                at = f.times(place, frame.size(self.along.target))
                if mask is None:
                    f.store(value, target, at)
                else:
                    f.store_some(value, target, at, mask)

            stop = frame.size(self.along.size)
            transpose_lines(f, lines, 0, stop, memory.wide(lanes), store)
        f.close()
