"""Matrix products `c[i, j] = sum_k a[i, k] b[k, j]`, with something done to each vector of results.

What is best depends on sizes and strides, which a plan decides on; a stage of a plan is then
written into a function that all threads run. The result is cut into blocks that fit the registers
(`tiles`), the blocks are counted panel of columns by panel, and each thread takes a run of them,
so the threads' shares differ by one block at most whatever the shape. A thread packs the panels
that it needs for itself: no thread waits for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from typedflux.compile.native.emitter import PTR, Function, Index, Type, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.packing import Packing
from typedflux.compile.native.tiles import Dots, Tile

_UNROLLED = 8  # the longest sum without a loop


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


Epilogue: TypeAlias = Callable[[Function, Index, Index, Value, "Value | None"], None]
"""What is done with results: `(f, row, column, vector, mask)`, for consecutive columns from
`column` on; `mask` has the lanes that are valid, `None` for all. Vectors have `machine.lanes`
lanes. It may be written several times and must not keep values from one time to the next."""

Placement: TypeAlias = Callable[[Function, Value], "tuple[Operand, Operand]"]
"""The operands of one product of a batch, from its number. Called within the loop over the batch
before the epilogue, which may use what it computed."""


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """How a product is done. Made by `plan_product`.

    Attributes:
        shape: of the product.
        machine: that it is for.
        dots: whether the blocks are dot products of rows of `a` and columns of `b`.
        rows: rows of a block.
        columns: columns of a block of dot products.
        width: columns of a panel.
        panels: panels of columns that are gone through together for each block of rows.
        packed: whether panels of `b` are packed.
    """

    shape: ProductShape
    machine: Machine
    dots: bool
    rows: int
    columns: int
    width: int
    panels: int
    packed: bool

    @property
    def stages(self) -> int:
        """How many stages there are, with a barrier after each but the last."""
        return 1

    @property
    def _lanes(self) -> int:
        return self.machine.vector_bits // (32 if self.shape.scalar == "float" else 64)

    @property
    def _packing(self) -> Packing:
        row, column = self.shape.b
        return Packing(self.shape.scalar, self._lanes, self.width, row, column)

    def scratch_bytes(self, m: int, n: int, k: int, threads: int) -> int:
        """Bytes of scratch, aligned to 64, that all threads together need for these sizes."""
        if not self.packed:
            return 0
        rows = -(-k // self._lanes) * self._lanes
        return threads * rows * self.width * self.panels * self._bytes

    @property
    def _bytes(self) -> int:
        return 4 if self.shape.scalar == "float" else 8

    def emit(
        self,
        stage: int,
        f: Function,
        m: Index,
        n: Index,
        k: Index,
        a: Operand,
        b: Operand,
        scratch: Value,
        thread: Value,
        threads: Value,
        epilogue: Epilogue,
        batch: Index = 1,
        place: Placement | None = None,
    ) -> None:
        """Write a stage: the part of thread `thread` of `threads`.

        With `batch`, `place` gives the operands of each product (`a` and `b` are not read then).
        """
        assert stage == 0
        if any(isinstance(size, int) and size == 0 for size in (m, n, batch)):
            return
        cuts = _row_cuts(f, self.shape.m, m, self.rows)
        group = self.width * self.panels
        groups = f.over(f.plus(n, group - 1), group)
        blocks: Index = 0
        for cut in cuts:
            blocks = f.plus(blocks, cut.count)
        units = f.times(groups, blocks)
        total = f.times(units, batch)
        low = f.over(f.times(total, thread), threads)
        high = f.over(f.times(total, f.plus(thread, 1)), threads)
        if self.packed:
            size = f.times(f.times(self._packing.rows(f, k), group), self._bytes)
            scratch = f.at(scratch, f.times(thread, size), Type("i8"))
        buffer = self._buffer(f)
        writer = _Writer(self, f, m, n, k, scratch, buffer, epilogue, cuts)

        def product(a: Operand, b: Operand, low: Index, high: Index) -> None:
            first, last = f.over(low, blocks), f.over(f.plus(high, f.minus(blocks, 1)), blocks)
            with f.loop(first, last) as g:
                start = f.greatest(f.minus(low, f.times(g, blocks)), 0)
                stop = f.least(f.minus(high, f.times(g, blocks)), blocks)
                writer.group(a, b, f.times(g, group), start, stop)

        with f.when(f.compare("slt", f.index(low), f.index(high))):
            if place is None:
                product(a, b, low, high)
            else:
                last = f.over(f.plus(high, f.minus(units, 1)), units)
                with f.loop(f.over(low, units), last) as number:
                    begin = f.greatest(f.minus(low, f.times(number, units)), 0)
                    end = f.least(f.minus(high, f.times(number, units)), units)
                    left, right = place(f, number)
                    product(left, right, begin, end)

    def _buffer(self, f: Function) -> Value:
        wide = self.machine.lanes
        size = self.rows * _buffer_width(self.width, wide) + wide
        return Value(f.cell(Type(f"[{size} x {self.shape.scalar}]")).address, PTR)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Blocks of rows of one height, one after the other."""

    height: int
    count: Index
    first: Index  # the first block's first row
    clamped: bool = False  # whether the last one may have fewer rows


def _row_cuts(f: Function, known: int | None, m: Index, rows: int) -> list[_Cut]:
    if known is not None:
        if known == 0:
            return []
        count = -(-known // rows)
        height, more = divmod(known, count)
        cuts = [_Cut(height + 1, more, 0), _Cut(height, count - more, more * (height + 1))]
        return [cut for cut in cuts if cut.count != 0]
    whole = f.over(m, rows)
    done = f.times(whole, rows)
    small = min(4, rows)
    rest = f.over(f.plus(f.minus(m, done), small - 1), small)
    return [_Cut(rows, whole, 0), _Cut(small, rest, done, clamped=True)]


def _buffer_width(width: int, lanes: int) -> int:
    return -(-width // lanes) * lanes


class _Writer:
    """Writes the loops over the blocks."""

    def __init__(
        self,
        plan: ProductPlan,
        f: Function,
        m: Index,
        n: Index,
        k: Index,
        scratch: Value,
        buffer: Value,
        epilogue: Epilogue,
        cuts: list[_Cut],
    ) -> None:
        self.plan = plan
        self.f = f
        self.m, self.n, self.k = m, n, k
        self.scratch = scratch
        self.buffer = buffer
        self.epilogue = epilogue
        self.cuts = cuts
        self.scalar = Type(plan.shape.scalar)
        self.out_width = _buffer_width(plan.width, plan.machine.lanes)

    def group(self, a: Operand, b: Operand, column: Index, start: Index, stop: Index) -> None:
        """Blocks `start ... stop` of the panels from `column` on."""
        f, plan = self.f, self.plan
        columns = f.least(f.minus(self.n, column), plan.width * plan.panels)
        if plan.packed:
            self._pack(b, column, columns)
        before: Index = 0
        for cut in self.cuts:
            low = f.greatest(f.minus(start, before), 0)
            high = f.least(f.minus(stop, before), cut.count)
            with f.loop(low, high) as i:
                row = f.plus(cut.first, f.times(i, cut.height))
                self._panels(cut, a, b, row, column, columns)
            before = f.plus(before, cut.count)

    def _pack(self, b: Operand, column: Index, columns: Index) -> None:
        f, plan = self.f, self.plan
        packing = plan._packing
        size = f.times(packing.rows(f, self.k), plan.width)
        with f.loop(0, columns, plan.width) as c:
            source = f.at(b.pointer, f.times(f.plus(column, c), b.column), self.scalar)
            target = f.at(self.scratch, f.times(f.over(c, plan.width), size), self.scalar)
            left = f.minus(columns, c)
            packing.emit(f, source, b.row, b.column, self.k, left, target)

    def _panels(
        self, cut: _Cut, a: Operand, b: Operand, row: Index, column: Index, columns: Index
    ) -> None:
        """A block of rows through all panels of the group."""
        f, plan = self.f, self.plan
        width = plan.width
        n = plan.shape.n
        left = f.at(a.pointer, f.times(row, a.row), self.scalar)
        count: Index = f.least(cut.height, f.minus(self.m, row)) if cut.clamped else cut.height
        whole = f.times(f.over(columns, width), width)
        if n is None or n >= width:
            with f.loop(0, whole, width) as c:
                self._block(cut, count, left, a, b, row, f.plus(column, c), c, width)
        if n is None or n % width:
            rest = f.minus(columns, whole)
            if n is not None:
                with f.when(f.compare("sgt", f.index(rest), f.index(0))):
                    at = f.plus(column, whole)
                    self._block(cut, count, left, a, b, row, at, whole, n % width)
            else:
                with f.when(f.compare("sgt", f.index(rest), f.index(0))):
                    self._block(cut, count, left, a, b, row, f.plus(column, whole), whole, rest)

    def _block(
        self,
        cut: _Cut,
        count: Index,
        left: Value,
        a: Operand,
        b: Operand,
        row: Index,
        column: Index,
        within: Index,
        columns: Index,
    ) -> None:
        """A block of the result: computed to the buffer, handed to the epilogue."""
        f, plan = self.f, self.plan
        values: dict[str, Index] = {"a": left, "out": self.buffer, "k": self.k, "count": count}
        values |= {"a_row": a.row, "a_column": a.column, "columns": columns}
        if plan.dots:
            self._dots(cut, values, b, column, columns)
        else:
            self._tile(cut, values, b, column, within, columns)
        lanes = plan.machine.lanes
        vector = self.scalar.wide(lanes)

        with f.loop(0, count) as r:
            line = f.at(self.buffer, f.times(r, self.out_width), self.scalar)

            def handle(c: Index, mask: Value | None) -> None:
                value = f.load(vector, line, c)
                self.epilogue(f, f.plus(row, r), f.plus(column, c), value, mask)

            f.lanes_of(columns, lanes, handle)

    def _tile(
        self,
        cut: _Cut,
        values: dict[str, Index],
        b: Operand,
        column: Index,
        within: Index,
        columns: Index,
    ) -> None:
        f, plan, shape = self.f, self.plan, self.plan.shape
        lanes = plan._lanes
        vectors = -(-(columns if isinstance(columns, int) else plan.width) // lanes)
        if plan.packed:
            size = self.plan._packing.rows(f, self.k)
            values["b"] = f.at(self.scratch, f.times(within, size), self.scalar)
            row: int | None = plan.width
            values["b_row"] = plan.width
            masked = False
        else:
            values["b"] = f.at(b.pointer, column, self.scalar)
            row = shape.b[0]
            values["b_row"] = b.row
            masked = not (isinstance(columns, int) and columns % lanes == 0)
        k = shape.k
        Tile(
            shape.scalar,
            lanes,
            cut.height,
            vectors,
            self.out_width,
            *shape.a,
            row,
            k if k is not None and k <= _UNROLLED else None,
            k is not None and k % 4 == 0,
            masked,
            cut.clamped,
        ).emit(f, values)

    def _dots(
        self,
        cut: _Cut,
        values: dict[str, Index],
        b: Operand,
        column: Index,
        columns: Index,
    ) -> None:
        f, plan, shape = self.f, self.plan, self.plan.shape
        dots = Dots(
            shape.scalar,
            plan._lanes,
            cut.height,
            plan.columns,
            self.out_width,
            shape.a[0],
            shape.b[1],
            shape.k is not None and shape.k % plan._lanes == 0,
        )
        with f.loop(0, columns, plan.columns) as c:
            given = dict(values)
            given["b"] = f.at(b.pointer, f.times(f.plus(column, c), b.column), self.scalar)
            given["b_column"] = b.column
            given["out"] = f.at(self.buffer, c, self.scalar)
            given["columns"] = f.minus(columns, c)
            dots.emit(f, given)


def plan_product(shape: ProductShape, machine: Machine) -> ProductPlan:
    """The way to do a product of this shape on this machine."""
    lanes = machine.vector_bits // (32 if shape.scalar == "float" else 64)
    many = machine.vector_registers >= 32
    m, n = shape.m, shape.n
    (a_column, b_row) = (shape.a[1], shape.b[0])
    along = a_column == 1 and b_row == 1
    if along and ((m is not None and m <= 16) or n == 1):
        group = 4 if shape.scalar == "float" else 2
        columns = 1 if n == 1 else group
        return ProductPlan(
            shape, machine, True, (6 if many else 3), columns, machine.lanes, 1, False
        )
    vectors = 2
    rows = 12 if many else 6
    packed = shape.b[1] != 1 or m is None or m > 48
    if m is not None and m < 4 and not packed:
        vectors = {1: 8, 2: 6, 3: 4}.get(m, 2)
        if not many:
            vectors = {1: 8, 2: 4, 3: 4}.get(m, 2)
    return ProductPlan(shape, machine, False, rows, 1, vectors * lanes, 1, packed)
