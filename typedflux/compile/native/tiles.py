"""The inner kernels of matrix products: a block of the result kept in registers.

A kernel writes its block `[rows][width]` to a small buffer, from which the caller goes on. It is
a function of its own, shared by all products of a module that have the same strides.
"""

from __future__ import annotations

from dataclasses import dataclass

from typedflux.compile.native.emitter import Cell, Function, Index, Type, Value, literal
from typedflux.compile.native.kernels import Arguments, build_once, call_built, pointer
from typedflux.compile.native.packing import lane_mask, within_groups

UNROLLED = 8
"""The longest sum without a loop."""


@dataclass(frozen=True, slots=True)
class Tile:
    """`out[r][c] = sum_i a[r, i] b[i, c]` for `rows` rows and `vectors` vectors of columns.

    `a` is read as scalars, `b` as vectors.

    Attributes:
        scalar: `"float"` or `"double"`.
        lanes: of a vector register.
        rows: rows of the tile.
        vectors: vectors of a row.
        width: distance of the rows of `out`.
        a_row: strides of `a`, `None` where known at run time only.
        a_column: the same.
        b_row: distance of the rows of `b`.
        k: length of the sum where it is short and known: no loop then.
        multiple: whether the length is a multiple of 4, which the unrolling divides.
        masked: whether only the first `columns` of `b` may be read.
        clamped: whether only the first `count` rows of `a` may be read.
        accumulate: whether to add to what `out` holds.
        ahead: how many rows of `b` ahead of the sum memory is asked for; 0 for none.
    """

    scalar: str
    lanes: int
    rows: int
    vectors: int
    width: int
    a_row: int | None
    a_column: int | None
    b_row: int | None
    k: int | None = None
    multiple: bool = False
    masked: bool = False
    clamped: bool = False
    accumulate: bool = False
    ahead: int = 0

    @property
    def _unroll(self) -> int:
        """Steps of the sum in one turn of the loop: large tiles keep the CPU busy with one, and
        LLVM's scheduler mixes several until they need more registers than there are."""
        count = self.rows * self.vectors
        return 4 if self.vectors == 1 or count <= 8 else 2 if count <= 16 else 1

    @property
    def _chains(self) -> int:
        """Sums of each result that are added up at the end: a small tile would wait for the last
        step's results otherwise."""
        return max(1, min(self._unroll, 8 // (self.rows * self.vectors)))

    def emit(self, f: Function, values: dict[str, Index]) -> None:
        """Call the kernel: `values` has `a, b, out`, `a_row, a_column, b_row`, `k`, `columns` and
        `count`."""
        known = {"a_row": self.a_row, "a_column": self.a_column, "b_row": self.b_row, "k": self.k}
        if self.rows == 1:
            known["a_row"] = 0
        if self.masked:
            known["columns"] = None
        if self.clamped:
            known["count"] = None
        arguments = Arguments(known, ["a", "b", "out"])
        flags = "".join(
            letter
            for letter, flag in zip(
                "umca", (self.multiple, self.masked, self.clamped, self.accumulate), strict=True
            )
            if flag
        )
        name = (
            f"tile_{self.scalar}_{self.lanes}_{self.rows}x{self.vectors}_{self.width}"
            f"_{arguments.text}_{flags}{self.ahead or ''}"
        )
        build_once(f.module, name, arguments.types, lambda g: self._body(g, arguments.inside(g)))
        call_built(f, name, arguments.given(values))

    def _body(self, f: Function, given: dict[str, Index]) -> None:
        out = pointer(given["out"])
        for place, total in enumerate(self.sums(f, given)):
            r, j = divmod(place, self.vectors)
            f.store(total, out, r * self.width + j * self.lanes)

    def sums(self, f: Function, given: dict[str, Index]) -> list[Value]:
        """The tile's vectors, row by row, written here and kept in registers. See `emit`."""
        a, b = pointer(given["a"]), pointer(given["b"])
        scalar, vector = Type(self.scalar), Type(self.scalar, self.lanes)
        k = self.k if self.k is not None else given["k"]
        given = given | {
            name: known
            for name, known in [
                ("a_row", self.a_row), ("a_column", self.a_column), ("b_row", self.b_row)
            ]
            if known is not None
        }  # fmt: skip
        masks: list[Value | None] = [None] * self.vectors
        if self.masked:
            masks = [
                lane_mask(f, f.minus(given["columns"], j * self.lanes), self.lanes)
                for j in range(self.vectors)
            ]
        heads = self._heads(f, a, given)
        initial = [literal(vector, 0)] * (self.rows * self.vectors)
        if self.accumulate:
            out = pointer(given["out"])
            initial = [
                f.load(vector, out, r * self.width + j * self.lanes)
                for r in range(self.rows)
                for j in range(self.vectors)
            ]
        size, chains = len(initial), self._chains
        initial += [literal(vector, 0)] * (size * (chains - 1))

        def total(sums: list[Value]) -> list[Value]:
            while len(sums) > size:
                half = len(sums) // 2
                sums = [f.add(x, y) for x, y in zip(sums[:half], sums[half:], strict=True)]
            return sums

        def steps(first: Index, count: int, sums: list[Value]) -> list[Value]:
            line = f.at(b, f.times(first, given["b_row"]), scalar)
            offset = f.times(first, given["a_column"])
            moved = [f.at(head, offset, scalar) if step is None else None for head, step in heads]
            origin = f.at(a, offset, scalar) if heads[0][1] is not None else a
            for u in range(count):
                if self.ahead:
                    distant = f.at(line, f.times(u + self.ahead, given["b_row"]), scalar)
                    for j in range(0, self.vectors, 64 * 8 // (self.lanes * vector.bits)):
                        f.prefetch(f.at(distant, j * self.lanes, scalar))
                at_b = f.times(u, given["b_row"])
                columns = [
                    f.load(vector, line, f.plus(at_b, j * self.lanes))
                    if mask is None
                    else f.load_some(vector, line, f.plus(at_b, j * self.lanes), mask)
                    for j, mask in enumerate(masks)
                ]
                at_a = f.times(u, given["a_column"])
                for r, (_, step) in enumerate(heads):
                    base = moved[r] or origin
                    place = at_a if step is None else f.plus(at_a, step)
                    one = f.splat(f.load(scalar, base, place), self.lanes)
                    for j, column in enumerate(columns):
                        at = u % chains * size + r * self.vectors + j
                        sums[at] = f.intrinsic("fmuladd", one, column, sums[at])
            return sums

        if isinstance(k, int) and k <= UNROLLED:
            return total(steps(0, k, initial))
        cells = [f.cell(vector, value) for value in initial]
        unroll = self._unroll
        multiple = self.multiple or unroll == 1
        whole = k if multiple else f.times(f.over(k, unroll), unroll)
        with f.loop(0, whole, unroll) as i:
            _put(cells, steps(i, unroll, [cell.get() for cell in cells]))
        if not multiple:
            with f.loop(whole, k) as i:
                _put(cells, steps(i, 1, [cell.get() for cell in cells]))
        return total([cell.get() for cell in cells])

    def _heads(
        self, f: Function, a: Value, given: dict[str, Index]
    ) -> list[tuple[Value, int | None]]:
        """For each row of `a` its literal distance from the first, or where it begins."""
        row = given["a_row"]
        if isinstance(row, int) and not self.clamped:
            return [(a, r * row) for r in range(self.rows)]
        scalar = Type(self.scalar)
        heads = []
        for r in range(self.rows):
            index: Index = f.least(r, f.minus(given["count"], 1)) if self.clamped else r
            heads.append((f.at(a, f.times(index, row), scalar), None))
        return list(heads)


@dataclass(frozen=True, slots=True)
class Dots:
    """`out[r][c] = sum_i a[r, i] b[i, c]` where both run along i: vectors along the sum.

    Columns from `columns` on, and rows from `count` on, repeat the last one.

    Attributes:
        scalar: `"float"` or `"double"`.
        lanes: of a vector register.
        rows: rows of the block.
        columns: its columns, 1 or a multiple of the lanes in 128 bits.
        width: distance of the rows of `out`.
        a_row: distance of the rows of `a`, `None` where known at run time only.
        b_column: distance of the columns of `b`.
        multiple: whether the sum's length is a multiple of the lanes.
    """

    scalar: str
    lanes: int
    rows: int
    columns: int
    width: int
    a_row: int | None
    b_column: int | None
    multiple: bool = False

    def emit(self, f: Function, values: dict[str, Index]) -> None:
        """Call the kernel: `values` has `a, b, out`, `a_row, b_column`, `k, columns, count`."""
        known = {"a_row": self.a_row, "b_column": self.b_column}
        known |= {"k": None, "columns": None, "count": None}
        arguments = Arguments(known, ["a", "b", "out"])
        name = (
            f"dots_{self.scalar}_{self.lanes}_{self.rows}x{self.columns}_{self.width}"
            f"_{arguments.text}{'_u' if self.multiple else ''}"
        )
        build_once(f.module, name, arguments.types, lambda g: self._body(g, arguments.inside(g)))
        call_built(f, name, arguments.given(values))

    def _body(self, f: Function, given: dict[str, Index]) -> None:
        a, b, out = (pointer(given[name]) for name in ("a", "b", "out"))
        k = given["k"]
        scalar, vector = Type(self.scalar), Type(self.scalar, self.lanes)

        def heads(base: Value, count: int, present: Index, stride: Index) -> list[Value]:
            last = f.minus(present, 1)
            return [f.at(base, f.times(f.least(i, last), stride), scalar) for i in range(count)]

        lines = heads(a, self.rows, given["count"], given["a_row"])
        columns = heads(b, self.columns, given["columns"], given["b_column"])
        cells = [f.cell(vector, literal(vector, 0)) for _ in range(self.rows * self.columns)]

        def step(i: Index, mask: Value | None) -> None:
            def read(base: Value) -> Value:
                if mask is None:
                    return f.load(vector, base, i)
                return f.load_some(vector, base, i, mask)

            left = [read(line) for line in lines]
            for c, column in enumerate(columns):
                right = read(column)
                for r, value in enumerate(left):
                    cell = cells[r * self.columns + c]
                    cell.set(f.intrinsic("fmuladd", value, right, cell.get()))

        whole = k if self.multiple else f.times(f.over(k, self.lanes), self.lanes)
        with f.loop(0, whole, self.lanes) as i:
            step(i, None)
        if not self.multiple:
            with f.when(f.compare("sgt", f.index(k), f.index(whole))):
                step(whole, lane_mask(f, f.minus(k, whole), self.lanes))
        group = 4 if self.scalar == "float" else 2
        for r in range(self.rows):
            sums = [cell.get() for cell in cells[r * self.columns : (r + 1) * self.columns]]
            if self.columns % group:
                for c, total in enumerate(sums):
                    f.store(f.fold("add", total), out, r * self.width + c)
                continue
            for c in range(0, self.columns, group):
                f.store(_folded(f, sums[c : c + group]), out, r * self.width + c)


def _folded(f: Function, sums: list[Value]) -> Value:
    """The lanes of each of 2 or 4 vectors added up, as one vector of 128 bits."""
    count, lanes = len(sums), sums[0].type.lanes
    stages: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((0, 2), (1, 3))]
    if count == 4:
        stages = [((0, 4, 1, 5), (2, 6, 3, 7)), ((0, 1, 4, 5), (2, 3, 6, 7))]
    for front, back in stages:
        sums = [
            f.add(
                f.shuffle(x, y, within_groups(lanes, front)),
                f.shuffle(x, y, within_groups(lanes, back)),
            )
            for x, y in zip(sums[::2], sums[1::2], strict=True)
        ]
    total = sums[0]
    while total.type.lanes > count:
        half = total.type.lanes // 2
        low = f.shuffle(total, total, range(half))
        high = f.shuffle(total, total, range(half, 2 * half))
        total = f.add(low, high)
    return total


def _put(cells: list[Cell], values: list[Value]) -> None:
    for cell, value in zip(cells, values, strict=True):
        cell.set(value)
