"""Kernels of convolutions and pools, with the elementwise operations that follow done on each
vector of results while it is in a register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedflux.compile.lowering.analysis import CONVOLUTIONS, POOLS, Node
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
from typedflux.compile.native.pools import Pool, plan_pool
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
    """The kernels of one group that begins with a convolution or a pool and writes the buffers
    `stored`."""

    alone = False
    stages: int
    vector_axis: int

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        self.group = group
        self.node = group.nodes[0]
        self.stored = stored
        self.machine = machine
        self.nest = make_nest(group, stored)
        self.batch = self.node.operands[0].shape[0]

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        """Memory for packed weights and padded images."""
        return 0

    def emit(self, stage: int, frame: Frame, scratch: Buffer) -> None:
        """The kernel of one stage."""
        self.frame = frame
        self.elements = Elements(frame, self.group, self.nest, self.machine.lanes)
        self.elements.load_uniform()
        self._emit_plan(stage, [self._image(view) for view in self.node.operands], scratch)
        frame.function.close()

    def _emit_plan(self, stage: int, images: list[Image], scratch: Buffer) -> None:
        raise NotImplementedError

    def _image(self, view: View) -> Image:
        frame = self.frame
        memory = expressions.memory_type(view.dtype)
        pointer = frame.function.at(frame.pointer(view.buffer), frame.size(view.offset), memory)
        return Image(pointer, tuple(frame.size(s) for s in view.strides))

    def _finish(
        self, f: Function, index: tuple[Index, ...], values: Sequence[Value], mask: Value | None
    ) -> None:
        """What follows, for a vector of results, or one result."""
        elements = self.elements
        lanes = values[0].type.lanes
        if f is not self.frame.function:
            elements = Elements(Frame.trial(f), self.group, self.nest, lanes)
            elements.load_uniform()
        axis = self.vector_axis
        elements.lanes = lanes
        elements.at_row([i for place, i in enumerate(index) if place != axis], [axis])
        elements.at_element(index[axis], mask)
        for view, value in zip(self.node.outputs, values, strict=True):
            elements.values[view.buffer] = value
        for buffer in self.stored:  # first all values: memory of operands may be taken over
            elements.value(buffer)
        for buffer in self.stored:
            elements.store(buffer)


class ConvolutionKernel(WindowKernel):
    """See `WindowKernel`."""

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        super().__init__(group, stored, machine)
        self.plan = _PLANS[self.node.equation.primitive.name](_describe(self.node), machine)
        self.stages, self.vector_axis = self.plan.stages, self.plan.vector_axis

    def scratch_bytes(self, at: Callable[[Dimension], int], threads: int) -> int:
        return self.plan.scratch_bytes(at(self.batch), threads)

    def _emit_plan(self, stage: int, images: list[Image], scratch: Buffer) -> None:
        frame = self.frame
        self.plan.emit(
            stage,
            frame.function,
            frame.size(self.batch),
            images[0],
            images[1],
            frame.pointer(scratch),
            frame.thread,
            frame.threads,
            lambda f, index, value, mask: self._finish(f, index, [value], mask),
        )


class PoolKernel(WindowKernel):
    """See `WindowKernel`."""

    def __init__(self, group: Group, stored: Sequence[Buffer], machine: Machine) -> None:
        super().__init__(group, stored, machine)
        strides = [[_known(s) for s in view.strides] for view in self.node.operands]
        self.plan = plan_pool(_describe_pool(self.node), machine, strides)
        self.stages, self.vector_axis = self.plan.stages, self.plan.vector_axis

    def _emit_plan(self, stage: int, images: list[Image], scratch: Buffer) -> None:
        frame = self.frame
        self.elements = Elements(frame, self.group, self.nest, self.plan.lanes)
        self.elements.load_uniform()
        self.plan.emit(
            frame.function,
            frame.size(self.batch),
            images,
            frame.thread,
            frame.threads,
            self._finish,
        )


def _describe_pool(node: Node) -> Pool:
    params: dict[str, Any] = node.equation.params
    name = node.equation.primitive.name
    slid = node.outputs[0] if name in ("max_pool_scatter", "mean_pool_gradient") else None
    shape: Any = (node.operands[0] if slid is None else slid).shape
    rank = len(params["window"])
    return Pool(
        POOLS[name],
        node.dtype,
        shape[1],
        tuple(shape[2:]),
        tuple(params["window"]),
        tuple(params["stride"]),
        tuple(tuple(p) for p in params["padding"]),
        tuple(params.get("dilation", (1,) * rank)),
        params.get("count_include_pad", True),
    )


def window_kernel(group: Group, stored: Sequence[Buffer], machine: Machine) -> WindowKernel:
    """The kernels of a group that begins with a convolution or a pool."""
    name = group.nodes[0].equation.primitive.name
    kind = ConvolutionKernel if name in CONVOLUTIONS else PoolKernel
    return kind(group, stored, machine)
