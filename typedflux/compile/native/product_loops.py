"""The loops of a matrix product over its blocks, of one thread.

The result's blocks are counted group of panels by group, and within one from row to row. Each
thread takes a run of them, so shares differ by one block whatever the shape. A thread packs the
panels that it needs for itself: no thread waits for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from typedflux.compile.native.emitter import (
    I64,
    PTR,
    Function,
    Index,
    Module,
    Type,
    Value,
    literal,
)
from typedflux.compile.native.product_layout import (
    Blocking,
    Cut,
    Epilogue,
    Operand,
    Placement,
    RowEpilogue,
    count_blocks,
    share,
)
from typedflux.compile.native.tiles import UNROLLED, Dots, Tile

_DIRECT = 64  # the longest sum whose results go to a light epilogue from registers
_AHEAD = 12  # rows of a matrix with distant rows that are asked for ahead
_LIGHT = 12  # lines that a light epilogue has


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the result, where it is written."""

    cut: Cut
    number: Index  # among the group's blocks, for its unfinished sums
    row: Index
    packed: Index  # where its rows of `a` are packed
    column: Index
    within: Index  # the column within the group
    columns: Index
    count: Index  # of rows


Visit: TypeAlias = Callable[[Block], None]


class Loops:
    """Writes the stages of a product.

    Args:
        blocking: how it is cut.
        f: the function to write to.
        m, n, k: sizes.
        scratch: of all threads.
        thread: the number of this one.
        threads: how many there are.
    """

    def __init__(
        self,
        blocking: Blocking,
        f: Function,
        m: Index,
        n: Index,
        k: Index,
        scratch: Value,
        thread: Index,
        threads: Index,
    ) -> None:
        self.blocking = blocking
        self.f = f
        self.m, self.n, self.k = m, n, k
        self.scratch = scratch
        self.thread, self.threads = thread, threads
        self.scalar = Type(blocking.shape.scalar)
        self.cuts = blocking.cuts(f, m)

    def pack_rows(self, a: Operand) -> None:
        """The stage that packs all of `a`: each thread some blocks of each height."""
        f = self.f
        before: Index = 0
        for cut in self.cuts:
            packing = self.blocking.row_packing(cut.height)
            size = packing.size(f, self.k)
            low, high = share(f, cut.count, self.thread, self.threads)
            first = f.plus(cut.first, f.times(low, cut.height))
            last = f.least(f.plus(cut.first, f.times(high, cut.height)), self.m)
            with f.when(f.compare("slt", f.index(low), f.index(high))):
                target = f.at(self.scratch, f.plus(before, f.times(low, size)), self.scalar)
                source = f.at(a.pointer, f.times(first, a.row), self.scalar)
                packing.emit(f, source, a.column, a.row, self.k, f.minus(last, first), target)
            before = f.plus(before, f.times(cut.count, size))

    def multiply(
        self, a: Operand, b: Operand, epilogue: Epilogue, batch: Index, place: Placement | None
    ) -> None:
        """The stage that multiplies: this thread's blocks of all products."""
        f, blocking = self.f, self.blocking
        group = blocking.width * blocking.panels
        blocks = count_blocks(f, self.cuts)
        units = f.times(f.over(f.plus(self.n, group - 1), group), blocks)
        low, high = share(f, f.times(units, batch), self.thread, self.threads)
        own = f.times(self.thread, blocking.own_size(f, self.m, self.k))
        own = f.plus(blocking.common_size(f, self.m, self.k), own)
        writer = Groups(self, f.at(self.scratch, own, self.scalar), epilogue)

        def product(a: Operand, b: Operand, low: Index, high: Index) -> None:
            first, last = f.over(low, blocks), f.over(f.plus(high, f.minus(blocks, 1)), blocks)
            with f.loop(first, last) as g:
                start = f.greatest(f.minus(low, f.times(g, blocks)), 0)
                stop = f.least(f.minus(high, f.times(g, blocks)), blocks)
                writer.group(a, b, f.times(g, group), start, stop)

        with f.when(f.compare("slt", f.index(low), f.index(high))):
            if place is None:
                product(a, b, low, high)
                return
            last = f.over(f.plus(high, f.minus(units, 1)), units)
            with f.loop(f.over(low, units), last) as number:
                begin = f.greatest(f.minus(low, f.times(number, units)), 0)
                end = f.least(f.minus(high, f.times(number, units)), units)
                left, right = place(f, number)
                product(left, right, begin, end)


class Groups:
    """Writes the blocks of a group of panels."""

    def __init__(self, loops: Loops, own: Value, epilogue: Epilogue) -> None:
        self.blocking = loops.blocking
        self.f = loops.f
        self.loops = loops
        self.own = own  # this thread's scratch
        self.epilogue = epilogue
        self.scalar = loops.scalar
        lanes = self.blocking.machine.lanes
        size = self.blocking.rows * self.blocking.out_width + lanes
        cell = self.f.cell(Type(f"[{size} x {self.scalar}]"))
        self.buffer = Value(cell.address, PTR)  # a block's results

    def group(self, a: Operand, b: Operand, column: Index, start: Index, stop: Index) -> None:
        """Blocks of rows `start ... stop` of the panels from `column` on."""
        f, blocking, k = self.f, self.blocking, self.loops.k
        columns = f.least(f.minus(self.loops.n, column), blocking.width * blocking.panels)

        def visit(each: Visit) -> None:
            self.visit(start, stop, column, columns, each)

        if not blocking.depth:
            self.pack(b, 0, k, column, columns)

            def whole(block: Block) -> None:
                if blocking.wide:
                    place = f.at(self.buffer, block.within, self.scalar)
                    self.compute(block, a, b, 0, k, place)
                elif not self.compute(block, a, b, 0, k, self.buffer):
                    self.finish(block, self.buffer)

            def row(block: Block) -> None:
                if blocking.wide:
                    self.finish(block, self.buffer)

            self.visit(start, stop, column, columns, whole, row)
            return
        visit(lambda block: self._clear(self._sums(block)))
        with f.loop(0, k, blocking.depth) as first:
            part = f.least(f.minus(k, first), blocking.depth)
            self.pack(b, first, part, column, columns)
            visit(lambda block: self._add(block, a, b, first, part))
        visit(lambda block: self.finish(block, self._sums(block)))

    def visit(
        self,
        start: Index,
        stop: Index,
        column: Index,
        columns: Index,
        each: Visit,
        after: Visit | None = None,
    ) -> None:
        """Every block of the group: a block of rows through all panels, then the next. `after` is
        called with all of a block of rows when its blocks are done."""
        f, blocking = self.f, self.blocking
        width, n = blocking.width, blocking.shape.n
        before: Index = 0
        packed: Index = 0
        for cut in self.loops.cuts:
            size = blocking.row_packing(cut.height).size(f, self.loops.k)
            low = f.greatest(f.minus(start, before), 0)
            high = f.least(f.minus(stop, before), cut.count)
            with f.loop(low, high) as i:
                row = f.plus(cut.first, f.times(i, cut.height))
                count: Index = cut.height
                if cut.clamped:
                    count = f.least(count, f.minus(self.loops.m, row))
                number = f.times(f.plus(before, i), blocking.panels)
                at = f.plus(packed, f.times(i, size))

                def block(
                    within: Index, columns: Index, cut: Cut = cut, number: Index = number,
                    row: Index = row, at: Index = at, count: Index = count, each: Visit = each,
                ) -> None:  # fmt: skip
                    place = f.plus(number, f.over(within, width))
                    start = f.plus(column, within)
                    each(Block(cut, place, row, at, start, within, columns, count))

                whole = f.times(f.over(columns, width), width)
                if n is None or n >= width:
                    with f.loop(0, whole, width) as c:
                        block(c, width)
                if n is None or n % width:
                    rest = f.minus(columns, whole)
                    with f.when(f.compare("sgt", f.index(rest), f.index(0))):
                        block(whole, rest if n is None else n % width)
                if after is not None:
                    block(0, columns, each=after)
            before = f.plus(before, cut.count)
            packed = f.plus(packed, f.times(cut.count, size))

    def pack(self, b: Operand, first: Index, k: Index, column: Index, columns: Index) -> None:
        """Pack the panels of these columns, of the sums' part `first ... first + k`."""
        if self.blocking.packed and not self.blocking.packed_columns:
            f = self.f
            at = f.sum_of((first, b.row), (column, b.column))
            source = f.at(b.pointer, at, self.scalar)
            self.blocking.column_packing.emit(f, source, b.row, b.column, k, columns, self.own)

    def _sums(self, block: Block) -> Value:
        """Where the unfinished sums of a block are."""
        f, blocking = self.f, self.blocking
        at = f.times(block.number, blocking.rows * blocking.out_width)
        return f.at(self.own, f.plus(blocking.panels_size(f, self.loops.k), at), self.scalar)

    def _clear(self, sums: Value) -> None:
        vector = self.scalar.wide(self.blocking.machine.lanes)
        with self.f.loop(0, self.blocking.rows * self.blocking.out_width, vector.lanes) as i:
            self.f.store(literal(vector, 0), sums, i)

    def _add(self, block: Block, a: Operand, b: Operand, first: Index, k: Index) -> None:
        self.compute(block, a, b, first, k, self._sums(block), accumulate=True)

    def compute(
        self,
        block: Block,
        a: Operand,
        b: Operand,
        first: Index,
        k: Index,
        out: Value,
        accumulate: bool = False,
    ) -> bool:
        """Write a block's results, of the sums' part `first ... first + k`, to `out`, or hand
        them to the epilogue at once, which this then tells."""
        f, blocking = self.f, self.blocking
        if blocking.packed_rows:
            at = f.plus(block.packed, f.times(first, block.cut.height))
            left = Operand(f.at(self.loops.scratch, at, self.scalar), 1, block.cut.height)
        else:
            at = f.sum_of((block.row, a.row), (first, a.column))
            left = Operand(f.at(a.pointer, at, self.scalar), a.row, a.column)
        values: dict[str, Index] = {
            "a": left.pointer,
            "a_row": left.row,
            "a_column": left.column,
            "b_row": b.row,
            "b_column": b.column,
            "k": k,
            "out": out,
            "count": block.count,
            "columns": block.columns,
        }
        if blocking.dots:
            self._dots(block, values, b)
            return False
        tile = self._tile(block, values, b, k, accumulate)
        known = isinstance(block.columns, int)
        if accumulate or not self._direct or block.cut.clamped or not known:
            tile.emit(f, values)
            return False
        sums = tile.sums(f, values)
        for row in range(block.cut.height):
            at = f.plus(block.row, row)
            self._begin_row(at)
            for j, (c, mask) in enumerate(self._vectors(block.columns)):
                value = sums[row * tile.vectors + j]
                self.epilogue(f, at, f.plus(block.column, c), value, mask)
        return True

    def finish(self, block: Block, results: Value) -> None:
        """Hand a block's results to the epilogue."""
        f, blocking = self.f, self.blocking
        lanes = blocking.machine.lanes
        columns = block.columns
        with f.loop(0, block.count) as r:
            line = f.at(results, f.times(r, blocking.out_width), self.scalar)
            row = f.plus(block.row, r)
            self._begin_row(row)

            def handle(c: Index, mask: Value | None) -> None:
                vector = f.load(self.scalar.wide(lanes), line, c)
                self.epilogue(f, row, f.plus(block.column, c), vector, mask)

            if isinstance(columns, int) and columns <= 4 * lanes and self._light:
                for c, mask in self._vectors(columns):
                    handle(c, mask)
            else:
                f.lanes_of(columns, lanes, handle)

    def _begin_row(self, row: Index) -> None:
        if isinstance(self.epilogue, RowEpilogue):
            self.epilogue.begin_row(self.f, row)

    def _vectors(self, columns: Index) -> list[tuple[int, Value | None]]:
        """Where vectors begin in so many columns, with the mask of the last."""
        assert isinstance(columns, int)
        lanes = self.blocking.machine.lanes
        return [
            (c, None if c + lanes <= columns else self.f.first_lanes(columns - c, lanes))
            for c in range(0, columns, lanes)
        ]

    @cached_property
    def _light(self) -> bool:
        """Whether the epilogue is short enough to be written often."""
        f = Function(Module(), "", [])
        vector = Value("%x", self.scalar.wide(self.blocking.machine.lanes))
        self.epilogue(f, Value("%row", I64), Value("%column", I64), vector, None)
        return len(f._lines) <= _LIGHT

    @property
    def _direct(self) -> bool:
        """Whether results go to the epilogue from registers."""
        shape = self.blocking.shape
        short = shape.k is not None and shape.k <= _DIRECT and not self.blocking.wide
        return short and shape.scalar == "float" and self._light

    def _tile(
        self, block: Block, values: dict[str, Index], b: Operand, k: Index, accumulate: bool
    ) -> Tile:
        """The kernel, for which `b` and its stride are put to the values."""
        f, blocking = self.f, self.blocking
        shape, lanes, columns = blocking.shape, blocking.lanes, block.columns
        vectors = -(-(columns if isinstance(columns, int) else blocking.width) // lanes)
        row, masked, ahead = shape.b[0], False, 0
        if blocking.packed:
            panels, place = self.own, block.within
            if blocking.packed_columns:
                panels, place = b.pointer, block.column
            at = f.times(f.over(place, blocking.width), blocking.column_packing.size(f, k))
            values["b"] = f.at(panels, at, self.scalar)
            values["b_row"] = row = blocking.width
        else:
            values["b"] = f.at(b.pointer, block.column, self.scalar)
            masked = not (isinstance(columns, int) and columns % lanes == 0)
            near = row is not None and row * shape.bytes < 1024
            ahead = 0 if near else _AHEAD
        return Tile(
            shape.scalar,
            lanes,
            block.cut.height,
            vectors,
            blocking.out_width,
            *((1, block.cut.height) if blocking.packed_rows else shape.a),
            row,
            shape.k if shape.k is not None and shape.k <= UNROLLED else None,
            shape.k is not None and shape.k % 4 == 0,
            masked,
            block.cut.clamped and not blocking.packed_rows,
            accumulate,
            ahead,
        )

    def _dots(self, block: Block, values: dict[str, Index], b: Operand) -> None:
        f, blocking = self.f, self.blocking
        shape = blocking.shape
        dots = Dots(
            shape.scalar,
            blocking.lanes,
            block.cut.height,
            blocking.dots,
            blocking.out_width,
            shape.a[0],
            shape.b[1],
            shape.k is not None and shape.k % blocking.lanes == 0,
        )
        out = values["out"]
        assert isinstance(out, Value)
        with f.loop(0, block.columns, blocking.dots) as c:
            at = f.times(f.plus(block.column, c), b.column)
            given = dict(values)
            given["b"] = f.at(b.pointer, at, self.scalar)
            given["out"] = f.at(out, c, self.scalar)
            given["columns"] = f.minus(block.columns, c)
            dots.emit(f, given)
