"""Tiles of a convolution's results that are held in registers, and panels of channels."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.windows import Axis


@dataclass(frozen=True, slots=True)
class Tile:
    """`rows` times `columns` neighbouring results, each of `vectors` vectors of channels."""

    rows: int
    columns: int
    vectors: int


@dataclass(frozen=True, slots=True)
class Panels:
    """Channels in panels of `vectors` vectors of `lanes`; the last may have fewer of both."""

    channels: int
    lanes: int
    vectors: int

    @property
    def width(self) -> int:
        """Lanes of a whole panel."""
        return self.vectors * self.lanes

    @property
    def whole(self) -> int:
        """Panels in which every lane is a channel."""
        return self.channels // self.width

    @property
    def rest(self) -> int:
        """Channels of the last panel, if it is not whole; else 0."""
        return self.channels % self.width

    @property
    def last_vectors(self) -> int:
        """Vectors of the last panel, if it is not whole; else 0."""
        return -(-self.rest // self.lanes)

    @property
    def count(self) -> int:
        """How many panels there are."""
        return self.whole + (self.rest > 0)

    @property
    def padded(self) -> int:
        """Lanes of all panels."""
        return self.whole * self.width + self.last_vectors * self.lanes

    def last_mask(self, f: Function) -> Value | None:
        """The lanes of the last panel's last vector that are channels, `None` for all."""
        count = self.rest % self.lanes
        return f.first_lanes(count, self.lanes) if count else None

    def each(self, f: Function, body: Callable[[Index, Index, int, Value | None], None]) -> None:
        """`body(panel, first channel, vectors, mask of the last vector)` for all panels."""
        if self.whole:
            with f.loop(0, self.whole) as panel:
                body(panel, f.times(panel, self.width), self.vectors, None)
        if self.rest:
            body(self.whole, self.whole * self.width, self.last_vectors, self.last_mask(f))


@dataclass(frozen=True, slots=True)
class Block:
    """`repeats` neighbouring blocks of `size` results, the first of them from `start` on.

    `inner`: no window of theirs reaches outside of the operand. Only such blocks are repeated.
    """

    start: int
    size: int
    repeats: int
    inner: bool


def even_blocks(count: int, most: int) -> list[tuple[int, int]]:
    """`range(count)` in blocks of at most `most` that differ by one at most: `(start, size)`.

    >>> even_blocks(32, 14)
    [(0, 11), (11, 11), (22, 10)]
    """
    parts = -(-count // most)
    blocks, start = [], 0
    for i in range(parts):
        size = -(-(count - start) // (parts - i))
        blocks.append((start, size))
        start += size
    return blocks


def axis_blocks(axis: Axis, most: int) -> list[Block]:
    """The results of an axis in blocks of at most `most`."""
    blocks: list[Block] = []
    for start, size in even_blocks(axis.count, most):
        ends = (start, start + size - 1)
        inner = axis.inside or all(axis.valid(q, t) for q in ends for t in range(axis.taps))
        last = blocks[-1] if blocks else None
        if inner and last is not None and last.inner and last.size == size:
            blocks[-1] = Block(last.start, size, last.repeats + 1, True)
        else:
            blocks.append(Block(start, size, 1, inner))
    return blocks


def registers_of(machine: Machine, scalar: str) -> int:
    """How many vectors of `machine.lanes` scalars the registers hold."""
    return machine.vector_registers // (2 if scalar == "double" else 1)


def cycles_of(products: int, scalars: int, vectors: int, panel: float) -> float:
    """About how many cycles one step of a tile takes on a core with two multipliers, whose sums
    each wait 4 cycles for the one before; `panel` is how many it takes to fetch the vectors."""
    return max(products / 2, (scalars + vectors) / 2, panel, 4.0) + 0.25


def choose_columns(machine: Machine, scalar: str, width: int, channels: int) -> tuple[Tile, float]:
    """A tile of one row for `width` results of `channels` each, none of which lies at an edge, and
    about how many cycles all of them take."""
    axis = Axis(width, width, 1, 1, 0, 1)
    return choose_tile(machine, scalar, (axis,), channels, 1)


def choose_tile(
    machine: Machine, scalar: str, axes: Sequence[Axis], channels: int, reads: int
) -> tuple[Tile, float]:
    """The tile that takes the fewest cycles for the last two of a sweep's axes, and how many it
    takes for one of the channels that are read.

    Several rows are done together where a row is short.
    """
    lanes = machine.lanes
    registers = registers_of(machine, scalar)
    needed = -(-channels // lanes)
    last = axes[-1]
    outer = axes[-2] if len(axes) > 1 else Axis(1, 1, 1, 1, 0, 1)
    taps = outer.taps * last.taps
    short = last.count <= 8 and len(axes) > 1 and taps <= 25
    best, least = Tile(1, 1, 1), float("inf")
    for vectors in range(1, min(needed, 6) + 1):
        row = vectors * lanes * 4
        panel = taps * reads * row  # bytes: in which cache are they?
        fetch = row / (64 if panel < 24_000 else 32 if panel < 800_000 else 10)
        most = (registers - 1 - vectors) // vectors
        for rows in range(1, (min(outer.count, most) if short else 1) + 1):
            row_counts = _valid_counts(outer, rows)
            for columns in range(1, min(last.count, most // rows) + 1):
                cycles = 0.0
                column_counts = _valid_counts(last, columns)
                for whole, count in ((vectors, needed // vectors), (needed % vectors, 1)):
                    if whole and count:
                        cycles += count * sum(
                            n * k * cycles_of(h * w * whole, h * w, whole, fetch)
                            for h, n in row_counts.items()
                            for w, k in column_counts.items()
                        )
                if cycles < least * 0.995:
                    best, least = Tile(rows, columns, vectors), cycles
    return best, least


@functools.lru_cache(1 << 12)
def _valid_counts(axis: Axis, most: int) -> Counter[int]:
    """How often so many results of a block take an element with a tap."""
    counts: Counter[int] = Counter()
    for block in axis_blocks(axis, most):
        if block.inner:
            counts[block.size] += axis.taps * block.repeats
            continue
        for tap in range(axis.taps):
            results = range(block.start, block.start + block.size)
            counts[sum(axis.valid(q, tap) for q in results)] += block.repeats
    del counts[0]
    return counts
