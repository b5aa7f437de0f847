"""What a matrix product is given, and how its result is cut into blocks that fit the registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.packing import Packing
from typedflux.shapes.dims import Dimension, dim_min


class Arithmetic:
    """What a `Function` does with indices, for sizes, symbolic ones among them."""

    def plus(self, a: Dimension, b: Dimension) -> Dimension:
        return a + b

    def minus(self, a: Dimension, b: Dimension) -> Dimension:
        return a - b

    def times(self, a: Dimension, b: Dimension) -> Dimension:
        return a * b

    def over(self, a: Dimension, b: Dimension) -> Dimension:
        return a // b

    def least(self, a: Dimension, b: Dimension) -> Dimension:
        return dim_min(a, b)


@dataclass(frozen=True, slots=True)
class Operand:
    """A matrix in memory.

    Attributes:
        pointer: its element `[0, 0]`.
        row: distance of its rows in elements (of `a` along m, of `b` along k).
        column: distance of its columns (of `a` along k, of `b` along n).
    """

    pointer: Value
    row: Index
    column: Index


@dataclass(frozen=True, slots=True)
class ProductShape:
    """What is known of a product when it is planned; `None` is known at run time only.

    Attributes:
        scalar: `"float"` or `"double"`.
        m: rows of the result.
        n: its columns.
        k: length of the sums.
        a: strides `(row, column)` of the left operand.
        b: those of the right one.
        batched: whether many products of this shape follow each other.
    """

    scalar: str
    m: int | None
    n: int | None
    k: int | None
    a: tuple[int | None, int | None]
    b: tuple[int | None, int | None]
    batched: bool = False

    @property
    def bytes(self) -> int:
        """Of a scalar."""
        return 4 if self.scalar == "float" else 8

    def lanes(self, machine: Machine) -> int:
        """How many scalars a register holds."""
        return machine.vector_bits // (8 * self.bytes)


Epilogue: TypeAlias = Callable[[Function, Index, Index, Value, "Value | None"], None]
"""What is done with results: `(f, row, column, vector, mask)`, for consecutive columns from
`column` on; `mask` has the lanes that are valid, `None` for all. Vectors have `machine.lanes`
lanes. It is written several times, once into a function that is thrown away, and must not keep
values from one time to the next; but where it is a `RowEpilogue`, it may keep what `begin_row`
has computed for the row."""


@runtime_checkable
class RowEpilogue(Protocol):
    """An epilogue that does part of its work once for each row of a block."""

    def begin_row(self, f: Function, row: Index) -> None:
        """What comes now, until the next call, is of this row."""

    def __call__(
        self, f: Function, row: Index, column: Index, value: Value, mask: Value | None, /
    ) -> None: ...


Placement: TypeAlias = Callable[[Function, Value], "tuple[Operand, Operand]"]
"""The operands of one product of a batch, from its number. Called within the loop over the batch
before the epilogue, which may use what it computed."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Blocks of rows of one height, one after the other."""

    height: int
    count: Index
    first: Index  # the first block's first row
    clamped: bool = False  # whether the last one may have fewer rows


@dataclass(frozen=True, slots=True)
class Blocking:
    """How a product is cut into blocks, in which order, and what is packed for them.

    Attributes:
        shape: of the product.
        machine: that it is for.
        rows: rows of a block.
        width: columns of a panel, which are those of a block of a tile.
        dots: columns of a block of dot products of rows of `a` and columns of `b`; 0 for tiles.
        panels: panels that a block of rows goes through before the next one does.
        packed: whether panels of `b` are packed, by each thread those that it needs.
        packed_columns: whether `b` points to all of its panels, packed before.
        packed_rows: whether all of `a` is packed, which is a stage of its own.
        wide: whether a block of rows is finished through all panels of a group at once, row by
            row, so that what is written and read for it follows each other in memory.
        depth: the part of long sums that is done for all blocks of a group of panels before the
            next part is; 0 for whole sums.
    """

    shape: ProductShape
    machine: Machine
    rows: int
    width: int
    dots: int = 0
    panels: int = 1
    packed: bool = False
    packed_rows: bool = False
    depth: int = 0
    packed_columns: bool = False
    wide: bool = False

    @property
    def lanes(self) -> int:
        """Of a register."""
        return self.shape.lanes(self.machine)

    @property
    def out_width(self) -> int:
        """Distance of the rows of a block's results: whole vectors of the epilogue."""
        columns = self.width * (self.panels if self.wide else 1)
        return -(-columns // self.machine.lanes) * self.machine.lanes

    @property
    def column_packing(self) -> Packing:
        """How panels of `b` are packed."""
        return Packing(self.shape.scalar, self.lanes, self.width, *self.shape.b)

    def row_packing(self, rows: int) -> Packing:
        """How blocks of so many rows of `a` are packed: `[k][rows]`."""
        row, column = self.shape.a
        return Packing(self.shape.scalar, self.lanes, rows, column, row)

    def cuts(self, f: Function, m: Index) -> list[Cut]:
        """The rows cut into blocks: even ones where their number is known."""
        known = self.shape.m
        if known is not None:
            if known == 0:
                return []
            count = -(-known // self.rows)
            height, more = divmod(known, count)
            cuts = [Cut(height + 1, more, 0), Cut(height, count - more, more * (height + 1))]
            return [cut for cut in cuts if cut.count != 0]
        if self.rows == 1:
            return [Cut(1, m, 0)]
        whole = f.over(m, self.rows)
        done = f.times(whole, self.rows)
        small = min(4, self.rows)
        rest = f.over(f.plus(f.minus(m, done), small - 1), small)
        return [Cut(self.rows, whole, 0), Cut(small, rest, done, clamped=True)]

    @property
    def all_panels_size(self) -> int:
        """Elements of all packed panels, of a product of known size."""
        k, n = self.shape.k, self.shape.n
        assert k is not None
        assert n is not None
        f: Any = Arithmetic()
        size: Any = self.column_packing.size(f, k)
        return -(-n // self.width) * int(size)

    def panels_size(self, f: Function, k: Index) -> Index:
        """Elements of a group's packed panels, where the product packs them."""
        if not self.packed or self.packed_columns:
            return 0
        part = f.least(k, self.depth) if self.depth else k
        return f.times(self.column_packing.size(f, part), self.panels)

    def sums_size(self, f: Function, cuts: Sequence[Cut]) -> Index:
        """Elements of a group's unfinished sums."""
        if not self.depth:
            return 0
        return f.times(count_blocks(f, cuts), self.panels * self.rows * self.out_width)

    def own_size(self, f: Function, m: Index, k: Index) -> Index:
        """Elements of scratch of each thread."""
        return f.plus(self.panels_size(f, k), self.sums_size(f, self.cuts(f, m)))

    def common_size(self, f: Function, m: Index, k: Index) -> Index:
        """Elements of scratch of all threads, which come first: the packed rows."""
        size: Index = 0
        if self.packed_rows:
            for cut in self.cuts(f, m):
                size = f.plus(size, f.times(cut.count, self.row_packing(cut.height).size(f, k)))
        return size


def count_blocks(f: Function, cuts: Sequence[Cut]) -> Index:
    """How many blocks of rows there are."""
    blocks: Index = 0
    for cut in cuts:
        blocks = f.plus(blocks, cut.count)
    return blocks


def share(f: Function, count: Index, thread: Index, threads: Index) -> tuple[Index, Index]:
    """The thread's part of so many things: from, to."""
    return (
        f.over(f.times(count, thread), threads),
        f.over(f.times(count, f.plus(thread, 1)), threads),
    )


def room(machine: Machine) -> int:
    """Bytes of cache for panels: half a megabyte with the widest vectors."""
    return machine.vector_bits * 1024
