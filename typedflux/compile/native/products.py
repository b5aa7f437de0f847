"""Matrix products `c[i, j] = sum_k a[i, k] b[k, j]`, with something done to each vector of results.

What is best depends on sizes and strides, which a plan decides on; a stage of a plan is then
written into a function that all threads run. The result is cut into blocks that fit the registers
(`tiles`), the blocks are counted panel of columns by panel, and each thread takes a run of them,
so the threads' shares differ by one block at most whatever the shape. A thread packs the panels
that it needs for itself: no thread waits for another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from typedflux.compile.native.emitter import I64, PTR, Function, Index, Module, Type, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.packing import Packing
from typedflux.compile.native.tiles import UNROLLED, Dots, Tile

_DIRECT = 64  # the longest sum whose results go to a light epilogue from registers
_AHEAD = 12  # rows of a matrix with distant rows that are asked for ahead
_SHARES = 24  # the fewest parts to share among threads
_LIGHT = 12  # lines that a light epilogue has

FEW = 16
"""The most rows for which a product is not worth packing its right operand."""


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
        packed_rows: whether all of `a` is packed, which is a stage of its own.
        few: the plan to take if the run's m is at most `FEW`, where m is not known before.
    """

    shape: ProductShape
    machine: Machine
    dots: bool
    rows: int
    columns: int
    width: int
    panels: int
    packed: bool
    packed_rows: bool = False
    few: ProductPlan | None = None

    @property
    def stages(self) -> int:
        """How many stages there are, with a barrier after each but the last."""
        return 2 if self.packed_rows else 1

    @property
    def _lanes(self) -> int:
        return self.machine.vector_bits // (32 if self.shape.scalar == "float" else 64)

    @property
    def _bytes(self) -> int:
        return 4 if self.shape.scalar == "float" else 8

    @property
    def column_packing(self) -> Packing:
        """How panels of `b` are packed."""
        row, column = self.shape.b
        return Packing(self.shape.scalar, self._lanes, self.width, row, column)

    def row_packing(self, rows: int) -> Packing:
        """How blocks of so many rows of `a` are packed: `[k][rows]`."""
        row, column = self.shape.a
        return Packing(self.shape.scalar, self._lanes, rows, column, row)

    def own_size(self, f: Function, k: Index) -> Index:
        """Elements of scratch of each thread: the packed panels of a group."""
        if not self.packed:
            return 0
        return f.times(self.column_packing.size(f, k), self.panels)

    def common_size(self, f: Function, m: Index, k: Index) -> Index:
        """Elements of scratch of all threads, which come first: the packed rows."""
        if not self.packed_rows:
            return 0
        return _cuts_size(self, f, _row_cuts(f, self.shape.m, m, self.rows), k)

    def scratch_bytes(self, m: int, n: int, k: int, threads: int) -> int:
        """Bytes of scratch, aligned to 64, that the stages need for these sizes."""
        del n
        f = Function(Module(), "", [])
        common, own = self.common_size(f, m, k), self.own_size(f, k)
        assert isinstance(common, int)
        assert isinstance(own, int)
        return (common + threads * own) * self._bytes

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
        if any(isinstance(size, int) and size == 0 for size in (m, n, batch)):
            return
        if self.few is None:
            self._emit(stage, f, m, n, k, a, b, scratch, thread, threads, epilogue, batch, place)
            return
        few, many, end = f.fresh("few"), f.fresh("many"), f.fresh("end")
        f.branch(f.compare("sle", f.index(m), f.index(FEW)), few, many)
        f.label(few)
        if stage == self.stages - 1:
            self.few.emit(0, f, m, n, k, a, b, scratch, thread, threads, epilogue, batch, place)
        f.goto(end)
        f.label(many)
        self._emit(stage, f, m, n, k, a, b, scratch, thread, threads, epilogue, batch, place)
        f.goto(end)
        f.label(end)

    def _emit(
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
        batch: Index,
        place: Placement | None,
    ) -> None:
        cuts = _row_cuts(f, self.shape.m, m, self.rows)
        if stage < self.stages - 1:
            self._pack_rows(f, cuts, m, k, a, scratch, thread, threads)
            return
        group = self.width * self.panels
        groups = f.over(f.plus(n, group - 1), group)
        blocks: Index = 0
        for cut in cuts:
            blocks = f.plus(blocks, cut.count)
        units = f.times(groups, blocks)
        total = f.times(units, batch)
        low, high = _share(f, total, thread, threads)
        before = f.plus(self.common_size(f, m, k), f.times(thread, self.own_size(f, k)))
        own = f.at(scratch, before, Type(self.shape.scalar))
        buffer = self._buffer(f)
        writer = _Writer(self, f, m, n, k, scratch, own, buffer, epilogue, cuts)

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

    def _pack_rows(
        self,
        f: Function,
        cuts: list[_Cut],
        m: Index,
        k: Index,
        a: Operand,
        scratch: Value,
        thread: Value,
        threads: Value,
    ) -> None:
        """The stage that packs all of `a`: each thread some blocks of each height."""
        scalar = Type(self.shape.scalar)
        before: Index = 0
        for cut in cuts:
            packing = self.row_packing(cut.height)
            size = packing.size(f, k)
            low, high = _share(f, cut.count, thread, threads)
            first = f.plus(cut.first, f.times(low, cut.height))
            last = f.least(f.plus(cut.first, f.times(high, cut.height)), m)
            with f.when(f.compare("slt", f.index(low), f.index(high))):
                target = f.at(scratch, f.plus(before, f.times(low, size)), scalar)
                source = f.at(a.pointer, f.times(first, a.row), scalar)
                packing.emit(f, source, a.column, a.row, k, f.minus(last, first), target)
            before = f.plus(before, f.times(cut.count, size))

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


def _cuts_size(plan: ProductPlan, f: Function, cuts: Sequence[_Cut], k: Index) -> Index:
    """Elements that packed blocks of rows take."""
    size: Index = 0
    for cut in cuts:
        size = f.plus(size, f.times(cut.count, plan.row_packing(cut.height).size(f, k)))
    return size


def _share(f: Function, count: Index, thread: Value, threads: Value) -> tuple[Index, Index]:
    """The thread's part of so many things: from, to."""
    return (
        f.over(f.times(count, thread), threads),
        f.over(f.times(count, f.plus(thread, 1)), threads),
    )


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
        own: Value,
        buffer: Value,
        epilogue: Epilogue,
        cuts: list[_Cut],
    ) -> None:
        self.plan = plan
        self.f = f
        self.m, self.n, self.k = m, n, k
        self.scratch = scratch  # of all threads
        self.own = own  # of this one
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
        packed: Index = 0
        for cut in self.cuts:
            low = f.greatest(f.minus(start, before), 0)
            high = f.least(f.minus(stop, before), cut.count)
            with f.loop(low, high) as i:
                row = f.plus(cut.first, f.times(i, cut.height))
                left = Operand(f.at(a.pointer, f.times(row, a.row), self.scalar), a.row, a.column)
                if plan.packed_rows:
                    size = plan.row_packing(cut.height).size(f, self.k)
                    at = f.plus(packed, f.times(i, size))
                    left = Operand(f.at(self.scratch, at, self.scalar), 1, cut.height)
                self._panels(cut, left, b, row, column, columns)
            before = f.plus(before, cut.count)
            if plan.packed_rows:
                size = plan.row_packing(cut.height).size(f, self.k)
                packed = f.plus(packed, f.times(cut.count, size))

    def _pack(self, b: Operand, column: Index, columns: Index) -> None:
        f = self.f
        source = f.at(b.pointer, f.times(column, b.column), self.scalar)
        packing = self.plan.column_packing
        packing.emit(f, source, b.row, b.column, self.k, columns, self.own)

    def _panels(
        self, cut: _Cut, a: Operand, b: Operand, row: Index, column: Index, columns: Index
    ) -> None:
        """A block of rows through all panels of the group."""
        f, plan = self.f, self.plan
        width = plan.width
        n = plan.shape.n
        count: Index = f.least(cut.height, f.minus(self.m, row)) if cut.clamped else cut.height
        values: dict[str, Index] = {
            "a": a.pointer,
            "a_row": a.row,
            "a_column": a.column,
            "b_row": b.row,
            "b_column": b.column,
            "k": self.k,
            "out": self.buffer,
            "count": count,
        }
        whole = f.times(f.over(columns, width), width)
        if n is None or n >= width:
            with f.loop(0, whole, width) as c:
                self._block(cut, values, b, row, f.plus(column, c), c, width)
        if n is None or n % width:
            rest = f.minus(columns, whole)
            with f.when(f.compare("sgt", f.index(rest), f.index(0))):
                known = rest if n is None else n % width
                self._block(cut, values, b, row, f.plus(column, whole), whole, known)

    def _block(
        self,
        cut: _Cut,
        values: dict[str, Index],
        b: Operand,
        row: Index,
        column: Index,
        within: Index,
        columns: Index,
    ) -> None:
        """A block of the result: computed to the buffer, handed to the epilogue."""
        f, plan = self.f, self.plan
        lanes = plan.machine.lanes
        vector = self.scalar.wide(lanes)
        values = values | {"columns": columns}
        if plan.dots:
            self._dots(cut, values, b, column, columns)
        else:
            tile = self._tile(cut, values, b, column, within, columns)
            if self.direct and not cut.clamped and isinstance(columns, int):
                sums = tile.sums(f, values)
                for line in range(cut.height):
                    for j, (start, mask) in enumerate(self._vectors(columns)):
                        found = sums[line * tile.vectors + j]
                        self.epilogue(f, f.plus(row, line), f.plus(column, start), found, mask)
                return
            tile.emit(f, values)

        with f.loop(0, values["count"]) as r:
            results = f.at(self.buffer, f.times(r, self.out_width), self.scalar)

            def handle(c: Index, mask: Value | None) -> None:
                found = f.load(vector, results, c)
                self.epilogue(f, f.plus(row, r), f.plus(column, c), found, mask)

            if isinstance(columns, int) and columns <= 4 * lanes and self.light:
                for start, mask in self._vectors(columns):
                    handle(start, mask)
            else:
                f.lanes_of(columns, lanes, handle)

    def _vectors(self, columns: int) -> list[tuple[int, Value | None]]:
        """Where vectors begin in so many columns, with the mask of the last."""
        lanes = self.plan.machine.lanes
        return [
            (c, None if c + lanes <= columns else self.f.first_lanes(columns - c, lanes))
            for c in range(0, columns, lanes)
        ]

    @cached_property
    def light(self) -> bool:
        """Whether the epilogue is short enough to be written often."""
        f = Function(Module(), "", [])
        vector = self.scalar.wide(self.plan.machine.lanes)
        before = len(f._lines)
        self.epilogue(f, Value("%row", I64), Value("%column", I64), Value("%x", vector), None)
        return len(f._lines) - before <= _LIGHT

    @cached_property
    def direct(self) -> bool:
        """Whether results go to the epilogue from registers, without the buffer."""
        k = self.plan.shape.k
        return self.plan.shape.scalar == "float" and k is not None and k <= _DIRECT and self.light

    def _tile(
        self,
        cut: _Cut,
        values: dict[str, Index],
        b: Operand,
        column: Index,
        within: Index,
        columns: Index,
    ) -> Tile:
        """The kernel, for which `b` and its stride are put to the values."""
        f, plan, shape = self.f, self.plan, self.plan.shape
        lanes = plan._lanes
        vectors = -(-(columns if isinstance(columns, int) else plan.width) // lanes)
        row, masked = shape.b[0], False
        if plan.packed:
            size = plan.column_packing.size(f, self.k)
            at = f.times(f.over(within, plan.width), size)
            values["b"] = f.at(self.own, at, self.scalar)
            values["b_row"] = row = plan.width
            ahead = 0
        else:
            values["b"] = f.at(b.pointer, column, self.scalar)
            masked = not (isinstance(columns, int) and columns % lanes == 0)
            near = shape.b[0] is not None and shape.b[0] * self.plan._bytes < 1024
            ahead = 0 if near else _AHEAD
        k = shape.k
        return Tile(
            shape.scalar,
            lanes,
            cut.height,
            vectors,
            self.out_width,
            *((1, cut.height) if plan.packed_rows else shape.a),
            row,
            k if k is not None and k <= UNROLLED else None,
            k is not None and k % 4 == 0,
            masked,
            cut.clamped and not plan.packed_rows,
            ahead=ahead,
        )

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
            given["out"] = f.at(self.buffer, c, self.scalar)
            given["columns"] = f.minus(columns, c)
            dots.emit(f, given)


def plan_product(shape: ProductShape, machine: Machine) -> ProductPlan:
    """The way to do a product of this shape on this machine."""
    if shape.m is None and not shape.batched:
        return replace(_plan(shape, machine, False), few=_plan(shape, machine, True))
    return _plan(shape, machine, shape.m is not None and shape.m <= FEW)


def _plan(shape: ProductShape, machine: Machine, few: bool) -> ProductPlan:
    scalar, m, n = shape.scalar, shape.m, shape.n
    lanes = machine.vector_bits // (32 if scalar == "float" else 64)
    many = machine.vector_registers >= 32
    (a_column, b_row) = (shape.a[1], shape.b[0])
    if a_column == 1 and b_row == 1 and (few or n == 1):
        columns = 1 if n == 1 else 4 if scalar == "float" else 2
        rows = 6 if many else 3
        return ProductPlan(shape, machine, True, rows, columns, machine.lanes, 1, False)
    packed = shape.b[1] != 1 or not (few or (m is not None and m <= 48))
    vectors = 2
    if not packed and m is not None and m <= 3:
        vectors = {2: 6 if many else 4, 3: 4}.get(m, 8)
    elif not packed and few and scalar == "float":
        vectors = 3
    rows = (28 if many else 12) // vectors
    if few and m is None:
        rows = min(rows, 8)
    width = vectors * lanes
    far = shape.a[1] is None or shape.a[1] >= 256
    wide = n is None or n >= 4 * width
    tall = m is None or m >= 4 * rows
    packed_rows = not shape.batched and not few and far and wide and tall and shape.a[1] != 1
    panels = _panels(shape, machine, rows, width) if packed and not few else 1
    return ProductPlan(shape, machine, False, rows, 1, width, panels, packed, packed_rows)


def _panels(shape: ProductShape, machine: Machine, rows: int, width: int) -> int:
    """How many panels a block of rows goes through before the next one does.

    More of them read `a` less often and write longer runs of the result, as long as they stay
    in the cache and leave enough to share among threads.
    """
    if shape.batched:
        return 1
    row = width * (4 if shape.scalar == "float" else 8)
    room = machine.vector_bits * 1024  # bytes: half a megabyte with the widest vectors
    fitting = 4 if shape.k is None else max(1, room // (row * max(1, shape.k)))
    blocks = 16 if shape.m is None else -(-shape.m // rows)
    if shape.n is None:
        return min(4, fitting)
    panels = max(1, -(-shape.n // width))
    groups = max(-(-panels // fitting), min(panels, -(-_SHARES // max(1, blocks))))
    return -(-panels // groups)
