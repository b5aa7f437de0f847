"""Matrix products of long sums, such as weights' gradients: each thread adds up a part of them.

A gradient sums over the examples of a batch. A thread that has computed what belongs to its share
of the examples has them in its cache: it multiplies those, for the whole result, and then the
threads' partial results are added up. Otherwise each would read all that the others have written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from typedflux.compile.native.emitter import Function, Index, Type, Value, literal
from typedflux.compile.native.product_layout import (
    Arithmetic,
    Blocking,
    Epilogue,
    Operand,
    count_blocks,
    room,
    share,
)
from typedflux.compile.native.product_loops import Block, Groups, Loops

MOST = 1 << 19
"""The most results of which each thread keeps sums of its own."""

_DEPTH = 512  # the longest parts of a sum
_STEP = 16  # what the parts of a sum are multiples of


def split_sums(usual: Blocking) -> Blocking | None:
    """The blocking with which threads share the sums, where that can be worth it: for results of
    known size, and operands of which what is summed lies far apart."""
    shape = usual.shape
    if shape.m is None or shape.n is None or shape.batched or not usual.packed:
        return None
    if not 0 < shape.m * shape.n <= MOST or shape.a[1] == 1 or shape.b[0] == 1:
        return None
    if shape.k is not None and shape.k <= threshold(shape.m, shape.n):
        return None
    depth = 2 * room(usual.machine) // (shape.bytes * shape.m) // _STEP * _STEP
    depth = min(_DEPTH, max(4 * _STEP, depth))
    panels = -(-shape.n // usual.width)
    return replace(usual, packed_rows=True, depth=depth, panels=panels, wide=False)


def threshold(m: int, n: int) -> int:
    """The length of sums above which less goes from core to core than without partial results."""
    return 3 * m * n // (m + n)


class Layout:
    """Where things lie in each thread's part of the scratch, in elements: the sums of all blocks,
    then the packed rows and columns of the part of the sums at hand.

    Attributes:
        block: of a block's sums.
        sums: of all of them.
        rows: of the packed rows.
        together: panels that are packed at once, so many as stay in the cache.
        own: of everything.
    """

    def __init__(self, blocking: Blocking) -> None:
        m = blocking.shape.m
        assert m is not None
        f: Any = Arithmetic()
        cuts = blocking.cuts(f, m)
        self.block = blocking.rows * blocking.out_width
        self.sums = _known(count_blocks(f, cuts)) * blocking.panels * self.block
        self.rows = 0
        for cut in cuts:
            size = blocking.row_packing(cut.height).size(f, blocking.depth)
            self.rows += _known(cut.count) * _known(size)
        panel = _known(blocking.column_packing.size(f, blocking.depth))
        fitting = max(1, room(blocking.machine) // (panel * blocking.shape.bytes))
        groups = -(-blocking.panels // fitting)
        self.together = -(-blocking.panels // groups)
        self.own = self.sums + self.rows + self.together * panel


def _known(size: Index) -> int:
    """A size of such a product, all of which are known."""
    assert isinstance(size, int)
    return size


class Sums:
    """Writes the two stages of such a product."""

    def __init__(
        self, blocking: Blocking, f: Function, scratch: Value, thread: Value, threads: Value
    ) -> None:
        m, n = blocking.shape.m, blocking.shape.n
        assert m is not None
        assert n is not None
        self.blocking, self.f, self.m, self.n = blocking, f, m, n
        self.scratch, self.thread, self.threads = scratch, thread, threads
        self.scalar = Type(blocking.shape.scalar)
        self.blocks = count_blocks(f, blocking.cuts(f, m))
        self.layout = Layout(blocking)

    def multiply(self, a: Operand, b: Operand, k: Index) -> None:
        """The first stage: this thread's part of all sums."""
        f, blocking = self.f, self.blocking
        steps = f.over(f.plus(k, _STEP - 1), _STEP)
        low, high = share(f, steps, self.thread, self.threads)
        low, high = f.times(low, _STEP), f.least(f.times(high, _STEP), k)
        own = f.at(self.scratch, f.times(self.thread, self.layout.own), self.scalar)
        packed = f.at(own, self.layout.sums, self.scalar)
        vector = self.scalar.wide(blocking.lanes)
        with f.loop(0, self.layout.sums, vector.lanes) as i:
            f.store(literal(vector, 0), own, i)
        with f.loop(low, high, blocking.depth) as first:
            part = f.least(f.minus(high, first), blocking.depth)
            left = Operand(f.at(a.pointer, f.times(first, a.column), self.scalar), a.row, a.column)
            right = Operand(f.at(b.pointer, f.times(first, b.row), self.scalar), b.row, b.column)
            self._part(left, right, part, own, packed)

    def _part(self, a: Operand, b: Operand, k: Index, sums: Value, packed: Value) -> None:
        """Add the products of so many columns of `a` and rows of `b`."""
        f = self.f
        loops = Loops(self.blocking, f, self.m, self.n, k, packed, 0, 1)
        loops.pack_rows(a)
        groups = Groups(loops, f.at(packed, self.layout.rows, self.scalar), _nothing)
        width = self.blocking.width
        with f.loop(0, self.n, self.layout.together * width) as column:
            columns = f.least(f.minus(self.n, column), self.layout.together * width)
            groups.pack(b, 0, k, column, columns)

            def add(block: Block) -> None:
                number = f.plus(block.number, f.over(column, width))
                out = f.at(sums, f.times(number, self.layout.block), self.scalar)
                groups.compute(block, a, b, 0, k, out, accumulate=True)

            groups.visit(0, self.blocks, column, columns, add)

    def finish(self, epilogue: Epilogue) -> None:
        """The second stage: this thread's blocks of the result from all threads' sums."""
        f, blocking = self.f, self.blocking
        loops = Loops(blocking, f, self.m, self.n, 0, self.scratch, self.thread, self.threads)
        groups = Groups(loops, self.scratch, epilogue)
        low, high = share(f, self.blocks, self.thread, self.threads)
        vector = self.scalar.wide(blocking.lanes)

        def total(block: Block) -> None:
            start = f.at(self.scratch, f.times(block.number, self.layout.block), self.scalar)
            with f.loop(0, block.cut.height * blocking.out_width, vector.lanes) as i:
                cell = f.cell(vector, f.load(vector, start, i))
                with f.loop(1, self.threads) as t:
                    other = f.at(start, f.times(t, self.layout.own), self.scalar)
                    cell.set(f.add(cell.get(), f.load(vector, other, i)))
                f.store(cell.get(), groups.buffer, i)
            groups.finish(block, groups.buffer)

        groups.visit(low, high, 0, self.n, total)


def _nothing(f: Function, row: Index, column: Index, value: Value, mask: Value | None) -> None:
    """The epilogue of partial results."""
