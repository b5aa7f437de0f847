"""Kernels of convolutions, with the elementwise operations that follow done on each vector of
results while it is in a register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedflux.compile.lowering.analysis import CONVOLUTIONS, Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.nests import Elements, make_nest
from typedflux.compile.lowering.views import Buffer, View
from typedflux.compile.native import expressions
from typedflux.compile.native.convolutions import (
    Convolution,
    Image,
    Plan,
    plan_forward,
    plan_input_gradient,
    plan_weight_gradient,
)
from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.shapes.dims import Dimension

_PLANS: dict[str, Callable[[Convolution, Machine], Plan]] = {
    "conv": plan_forward,
    "conv_input_gradient": plan_input_gradient,
    "conv_weight_gradient": plan_weight_gradient,
}


def _describe(node: Node) -> Convolution:
    params: dict[str, Any] = node.equation.params
    first, second = node.operands
    name = node.equation.primitive.name
    shapes = {
        "conv": (first.shape, second.shape),
        "conv_input_gradient": (node.shape, second.shape),
        "conv_weight_gradient": (first.shape, node.shape),
    }
    x, w = shapes[name]
    sizes: Any = x
    weight: Any = w
    return Convolution(
        "double" if node.dtype.name == "float64" else "float",
        _known(x[0]),
        params["groups"],
        sizes[1],
        weight[0],
        tuple(sizes[2:]),
        tuple(weight[2:]),
        tuple(params["stride"]),
        tuple(tuple(p) for p in params["padding"]),
        tuple(params["dilation"]),
        tuple(_known(s) for s in first.strides),
        tuple(_known(s) for s in second.strides),
    )


def _known(size: Dimension) -> int | None:
    return size if isinstance(size, int) else None


class WindowKernel:
    """The kernels of one group that begins with a convolution and writes the buffers `stored`."""

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        self.group = group
        self.node = group.nodes[0]
        assert self.node.equation.primitive.name in CONVOLUTIONS
        self.stored = stored
        self.machine = machine
        self.nest = make_nest(group, stored)
        self.plan = _PLANS[self.node.equation.primitive.name](_describe(self.node), machine)
        self.stages = self.plan.stages
        self.batch = self.node.operands[0].shape[0]

    def scratch_bytes(self, batch: int, threads: int) -> int:
        """Scratch that all threads need for so many images."""
        return self.plan.scratch_bytes(batch, threads)

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """The kernel of one stage."""
        f = frame.function
        self.frame = frame
        self.elements = Elements(frame, self.group, self.nest, self.machine.lanes)
        self.elements.load_uniform()

        def image(view: View) -> Image:
            memory = expressions.memory_type(view.dtype)
            pointer = f.at(frame.pointer(view.buffer), frame.size(view.offset), memory)
            return Image(pointer, tuple(frame.size(s) for s in view.strides))

        first, second = self.node.operands
        self.plan.emit(
            stage,
            f,
            frame.size(self.batch),
            image(first),
            image(second),
            frame.pointer(scratch),
            frame.thread,
            frame.threads,
            self._finish,
        )
        f.close()

    def _finish(
        self, f: Function, index: tuple[Index, ...], value: Value, mask: Value | None
    ) -> None:
        elements = self.elements
        if f is not self.frame.function:
            elements = Elements(Frame.trial(f), self.group, self.nest, self.machine.lanes)
            elements.load_uniform()
        axis = self.plan.vector_axis
        elements.lanes = value.type.lanes
        elements.at_row([i for place, i in enumerate(index) if place != axis], [axis])
        elements.at_element(index[axis], mask)
        elements.values[self.node.outputs[0].buffer] = value
        for buffer in self.stored:  # first all values: memory of operands may be taken over
            elements.value(buffer)
        for buffer in self.stored:
            elements.store(buffer)
