"""Plans of convolutions and of their gradients, which emit the code of each stage.

A plan is made when the geometry is known; the operands' pointers and strides come when a stage's
function is built. All threads run every stage, with a barrier after each.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Protocol

from typedflux.compile.native.emitter import Function, Index, Type, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.padded_copies import PaddedCopy
from typedflux.compile.native.sweeps import Epilogue, Sweep, emit_sweep
from typedflux.compile.native.weight_packing import emit_packing
from typedflux.compile.native.weight_plans import WeightSums
from typedflux.compile.native.weight_sums import emit_sums, emit_totals
from typedflux.compile.native.window_tiles import Tile, choose_columns, choose_tile, registers_of
from typedflux.compile.native.windows import Axis, Image, phases, transposed_axes, window_axis

__all__ = [
    "Convolution",
    "Epilogue",
    "Image",
    "Plan",
    "plan_forward",
    "plan_input_gradient",
    "plan_weight_gradient",
]

Known = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution as far as it is known when planning.

    Attributes:
        scalar: `float` or `double`, of all operands.
        batch: how many images, `None` if only the call tells.
        groups: of channels.
        in_channels: of all groups together.
        out_channels: of all groups together.
        in_size: the input's spatial sizes.
        kernel: the weight's spatial sizes.
        stride: of the windows.
        padding: zeros before and after each axis.
        dilation: from one position of the kernel to the next.
        first: the first operand's strides (of an image: batch, channel, spatial axes; of a weight:
            output, input, spatial axes), `None` where unknown, empty if all are.
        second: the second operand's.
    """

    scalar: str
    batch: int | None
    groups: int
    in_channels: int
    out_channels: int
    in_size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    first: Known = field(default=())
    second: Known = field(default=())

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The spatial axes, as the convolution goes over them."""
        return tuple(
            window_axis(n, k, s, p, d)
            for n, k, s, p, d in zip(
                self.in_size, self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    @property
    def depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return 1 < self.groups == self.in_channels == self.out_channels

    @property
    def out_size(self) -> tuple[int, ...]:
        """The result's spatial sizes."""
        return tuple(a.count for a in self.axes)


class Plan(Protocol):
    """What all plans have in common.

    Attributes:
        stages: how many functions it takes, with barriers in between.
        vector_axis: the axis of the index along which the lanes of an epilogue's vector lie.
    """

    @property
    def stages(self) -> int: ...

    @property
    def vector_axis(self) -> int: ...

    def scratch_bytes(self, batch: int, threads: int) -> int:
        """How much scratch memory, shared by all threads and aligned to 64 bytes, it takes."""
        ...

    def emit(
        self,
        stage: int,
        f: Function,
        batch: Index,
        x: Image,
        w: Image,
        scratch: Value,
        thread: Value,
        threads: Value,
        epilogue: Epilogue,
    ) -> None:
        """Emit a stage's code at the end of `f`."""
        ...


_CACHED = 1 << 13  # elements that stay in a core's first cache
_MOST_AT_EDGES = 1500  # products in the code of tiles at the ends of rows
_MOST_STATIC = 600  # vector products in the code of one result


def _rounded(elements: int) -> int:
    return -(-elements // 16) * 16


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A convolution or its gradient by the input: packs the weights, then computes."""

    sweeps: tuple[Sweep, ...]
    swapped: bool
    stages: int = 2
    vector_axis: int = 1

    def scratch_bytes(self, batch: int, threads: int) -> int:
        """See `Plan`."""
        width = 8 if self.sweeps and self.sweeps[0].scalar == "double" else 4
        packed, copies = self._packed(len(self.sweeps)), self._copies(len(self.sweeps))
        return width * (packed + threads * self._buffer + batch * copies)

    @property
    def _buffer(self) -> int:
        return max((_rounded(s.buffer_elements) for s in self.sweeps), default=0)

    def _packed(self, index: int) -> int:
        return sum(_rounded(s.packed_elements) for s in self.sweeps[:index])

    def _copies(self, index: int) -> int:
        copies = [s.copy for s in self.sweeps[:index]]
        return sum(c.elements for c in copies if c is not None)

    def emit(
        self,
        stage: int,
        f: Function,
        batch: Index,
        x: Image,
        w: Image,
        scratch: Value,
        thread: Value,
        threads: Value,
        epilogue: Epilogue,
    ) -> None:
        """See `Plan`. For the gradient by the input, `x` is the result's gradient."""
        weights = self._packed(len(self.sweeps))
        for i, sweep in enumerate(self.sweeps):
            scalar = Type(sweep.scalar)
            packed = f.at(scratch, self._packed(i), scalar)
            own = f.plus(weights, f.times(thread, self._buffer))
            copies = f.plus(weights, f.times(threads, self._buffer))
            copied = f.at(scratch, f.plus(copies, f.times(batch, self._copies(i))), scalar)
            if stage == 0:
                emit_packing(f, sweep, w, self.swapped, packed, thread, threads)
                if sweep.copy is not None:
                    sweep.copy.emit_all(f, x, batch, copied, scalar, thread, threads)
                continue
            seen = x if sweep.copy is None else sweep.copy.image(copied)
            buffer = f.at(scratch, own, scalar)
            emit_sweep(f, sweep, batch, seen, packed, buffer, thread, threads, epilogue)


@dataclass(frozen=True, slots=True)
class WeightGradientPlan:
    """The gradient by the weight: sums, then their totals."""

    sums: WeightSums
    stages: int = 2
    vector_axis: int = 0

    def scratch_bytes(self, batch: int, threads: int) -> int:
        """See `Plan`."""
        width = 8 if self.sums.scalar == "double" else 4
        shares = 1 if self.sums.shared else threads
        return width * (shares * self.sums.elements + threads * self._buffer)

    @property
    def _buffer(self) -> int:
        return 0 if self.sums.copy is None else _rounded(self.sums.copy.elements)

    def emit(
        self,
        stage: int,
        f: Function,
        batch: Index,
        x: Image,
        w: Image,
        scratch: Value,
        thread: Value,
        threads: Value,
        epilogue: Epilogue,
    ) -> None:
        """See `Plan`. Here `w` is the result's gradient, with strides as an image has them."""
        if stage == 0:
            buffers = f.plus(f.times(threads, self.sums.elements), f.times(thread, self._buffer))
            buffer = f.at(scratch, buffers, Type(self.sums.scalar))
            emit_sums(f, self.sums, batch, x, w, scratch, buffer, thread, threads)
        else:
            emit_totals(f, self.sums, scratch, thread, threads, epilogue)


def plan_forward(c: Convolution, machine: Machine) -> Plan:
    """Plan the convolution: operands the input and the weight, epilogue at
    `(batch, channel, *spatial)`."""
    reads, writes = c.in_channels // c.groups, c.out_channels // c.groups
    return SweepPlan((_sweep(c, machine, c.axes, reads, writes),), False)


def plan_input_gradient(c: Convolution, machine: Machine) -> Plan:
    """Plan the gradient by the input: operands the result's gradient and the weight, epilogue at
    `(batch, channel, *spatial)` of the input."""
    axes = [
        transposed_axes(n, m, k, s, p, d)
        for n, m, k, s, p, d in zip(
            c.in_size, c.out_size, c.kernel, c.stride, c.padding, c.dilation, strict=True
        )
    ]
    reads, writes = c.out_channels // c.groups, c.in_channels // c.groups
    sweeps = tuple(_sweep(c, machine, phase, reads, writes) for phase in phases(axes))
    return SweepPlan(sweeps, not c.depthwise)


def plan_weight_gradient(c: Convolution, machine: Machine) -> Plan:
    """Plan the gradient by the weight: operands the input and the result's gradient, epilogue at
    `(out, in, *kernel)` with the lanes along `out`."""
    axes, lanes = c.axes, machine.lanes
    images, band = _units(c, axes)
    if c.depthwise:
        tile = Tile(1, 1, min(4, -(-c.out_channels // lanes)))
        return WeightGradientPlan(
            WeightSums(axes, 1, 1, c.out_channels, c.scalar, lanes, tile, images, band, True)
        )
    reads, writes = c.in_channels // c.groups, c.out_channels // c.groups
    rows = prod(c.kernel) * reads
    tile, cycles = choose_columns(machine, c.scalar, reads, writes)
    joint, fewer = choose_columns(machine, c.scalar, rows, writes)
    if fewer > 0.9 * cycles * prod(c.kernel) or rows * -(-writes // lanes) > _MOST_STATIC:
        sums = WeightSums(axes, c.groups, reads, writes, c.scalar, lanes, tile, images, band)
        return WeightGradientPlan(replace(sums, shared=_shared(c, sums)))
    copy = None
    if not all(a.inside for a in axes) or not c.first or None in c.first[1:]:
        last = c.in_channels > 1 and c.first[1:2] == (1,)
        copy = PaddedCopy(axes, c.in_channels, band, lanes, last)
    return WeightGradientPlan(
        WeightSums(
            axes, c.groups, reads, writes, c.scalar, lanes, joint, images, band, False, True, copy
        )
    )


def _shared(c: Convolution, sums: WeightSums) -> bool:
    """Whether there are so many weights that each thread better goes over all images for its share
    of them than adds up all of them for its share of the images."""
    images = prod(c.in_size) * c.in_channels + prod(c.out_size) * c.out_channels
    images *= 64 if c.batch is None else c.batch
    units = c.groups * sums.panels.count * sums.taps
    return 2 * sums.elements >= images and units >= 32


def _units(c: Convolution, axes: tuple[Axis, ...]) -> tuple[int, int]:
    """How many images, or how many results of the first axis, the gradient by the weight goes over
    before the next tile: few enough to stay in the caches, many enough that loading and storing the
    tiles takes little."""
    row = prod(c.in_size[1:]) * c.in_channels * axes[0].step
    row += prod(a.count for a in axes[1:]) * c.out_channels
    across = prod(a.count for a in axes[1:])
    weights = prod(c.kernel) * c.in_channels // c.groups * c.out_channels
    least = 64 if weights < 1 << 17 else 256
    rows = max(
        _CACHED // max(1, row), min(-(-least // max(1, across)), 16 * _CACHED // max(1, row))
    )
    if rows >= axes[0].count:
        return max(1, min(64, rows // max(1, axes[0].count))), max(1, axes[0].count)
    return 1, max(1, rows)


def _sweep(
    c: Convolution, machine: Machine, axes: tuple[Axis, ...], reads: int, writes: int
) -> Sweep:
    lanes = machine.lanes
    copy = None
    if _edge_products(axes[-1]) > _MOST_AT_EDGES:
        last = c.first[1:2] == (1,)
        copy = PaddedCopy(axes, c.groups * reads, axes[0].count, lanes, last)
        axes = copy.seen
    if c.depthwise:
        vectors = min(2, -(-c.out_channels // lanes))
        columns = max(1, min(axes[-1].count, (registers_of(machine, c.scalar) - 2) // vectors // 2))
        tile = Tile(1, columns, vectors)
        return Sweep(axes, 1, 1, c.out_channels, c.scalar, lanes, tile, 1, True, copy)
    tile, _ = choose_tile(machine, c.scalar, axes, writes, reads)
    weights = prod(a.taps for a in axes) * reads * writes
    row = reads * tile.rows * axes[-1].size * (axes[-2].step if len(axes) > 1 else 1)
    band = max(1, 4 * _CACHED // max(1, row)) if weights > _CACHED else 1
    return Sweep(axes, c.groups, reads, writes, c.scalar, lanes, tile, band, False, copy)


def _edge_products(axis: Axis) -> int:
    """How many products of results at the ends of an axis would have code of their own."""
    first = sum(not axis.valid(q, 0) for q in range(axis.count))
    last = sum(not axis.valid(q, axis.taps - 1) for q in range(axis.count))
    return 0 if axis.inside else min(axis.count, first + last) * axis.taps
