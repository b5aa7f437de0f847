"""Panels of a matrix: some of its columns stored one row after the other, for vector loads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from typedflux.compile.native.emitter import (
    I32,
    I64,
    PTR,
    Function,
    Index,
    Type,
    Value,
    integers,
    literal,
)
from typedflux.compile.native.kernels import Arguments, build_once, call_built, pointer


@dataclass(frozen=True, slots=True)
class Packing:
    """A function that writes panels `[k][width]` of a matrix of k rows, one panel after the other.

    Attributes:
        scalar: `"float"` or `"double"`.
        lanes: of a vector register.
        width: columns of a panel.
        row: distance of the matrix's rows, `None` where known at run time only.
        column: that of its columns.
    """

    scalar: str
    lanes: int
    width: int
    row: int | None
    column: int | None

    def size(self, f: Function, k: Index) -> Index:
        """Elements from one panel to the next, a multiple of 64 bytes. There is room for vectors
        that reach beyond the last row where the width is no multiple of one."""
        size = f.times(k, self.width)
        if self.width % self.lanes:
            size = f.plus(size, self.lanes)
        return f.times(f.over(f.plus(size, 15), 16), 16)

    def emit(
        self,
        f: Function,
        matrix: Value,
        row: Index,
        column: Index,
        k: Index,
        columns: Index,
        panels: Value,
    ) -> None:
        """Pack `columns` columns. What the last panel holds beyond them is anything."""
        arguments = Arguments(
            {"row": self.row, "column": self.column, "k": None, "columns": None},
            ["matrix", "panels"],
        )
        name = f"pack_{self.scalar}_{self.lanes}_{self.width}_{arguments.text}"
        build_once(f.module, name, arguments.types, lambda g: self._body(g, arguments.inside(g)))
        values: dict[str, Index] = {"row": row, "column": column, "k": k, "columns": columns}
        values |= {"matrix": matrix, "panels": panels}
        call_built(f, name, arguments.given(values))

    def _body(self, f: Function, given: dict[str, Index]) -> None:
        matrix, panels = pointer(given["matrix"]), pointer(given["panels"])
        row, column, k, columns = (given[n] for n in ("row", "column", "k", "columns"))
        if self.column == 1:
            self._copy(f, matrix, row, k, columns, panels)
        elif self.row == 1 and self.width % self.lanes == 0:
            self._transpose(f, matrix, column, k, columns, panels)
        else:
            self._gather(f, matrix, row, column, k, columns, panels)

    def _copy(
        self, f: Function, matrix: Value, row: Index, k: Index, columns: Index, panels: Value
    ) -> None:
        vector = Type(self.scalar, self.lanes)
        places = range(0, self.width, self.lanes)
        size = self.size(f, k)
        whole = f.times(f.over(columns, self.width), self.width)
        masks = [
            None if place + self.lanes <= self.width
            else lane_mask(f, self.width - place, self.lanes)
            for place in places
        ]  # fmt: skip
        with f.loop(0, k) as i:  # along the rows, as the memory runs
            source = f.at(matrix, f.times(i, row), vector)
            cell = f.cell(PTR, f.at(panels, f.times(i, self.width), vector))
            with f.loop(0, whole, self.width) as c:
                target = cell.get()
                for place, mask in zip(places, masks, strict=True):
                    f.store(_read(f, vector, source, f.plus(c, place), mask), target, place)
                cell.set(f.at(target, size, vector))
        rest = f.index(f.minus(columns, whole))
        with f.when(f.compare("sgt", rest, literal(I64, 0))):
            masks = [lane_mask(f, f.minus(rest, place), self.lanes) for place in places]
            start = f.at(matrix, whole, vector)
            last = f.at(panels, f.times(f.over(whole, self.width), size), vector)
            with f.loop(0, k) as i:
                source = f.at(start, f.times(i, row), vector)
                target = f.at(last, f.times(i, self.width), vector)
                for place, mask in zip(places, masks, strict=True):
                    f.store(_read(f, vector, source, place, mask), target, place)

    def _transpose(
        self, f: Function, matrix: Value, column: Index, k: Index, columns: Index, panels: Value
    ) -> None:
        vector = Type(self.scalar, self.lanes)
        size = self.size(f, k)
        count = range(self.lanes)
        with f.loop(0, columns, self.lanes) as first:
            panel, within = f.over(first, self.width), f.modulo(first, self.width)
            target = f.at(panels, f.plus(f.times(panel, size), within), vector)
            source = f.at(matrix, f.times(first, column), vector)
            last = f.minus(f.minus(columns, first), 1)  # the columns after it repeat it
            lines = [f.at(source, f.times(f.least(c, last), column), vector) for c in count]
            transpose_lines(
                f, lines, 0, k, vector, lambda v, i: f.store(v, target, f.times(i, self.width))
            )

    def _gather(
        self,
        f: Function,
        matrix: Value,
        row: Index,
        column: Index,
        k: Index,
        columns: Index,
        panels: Value,
    ) -> None:
        scalar = Type(self.scalar)
        size = self.size(f, k)
        with f.loop(0, columns, self.width) as first:
            panel = f.at(panels, f.times(f.over(first, self.width), size), scalar)
            start = f.at(matrix, f.times(first, column), scalar)
            present = f.least(f.minus(columns, first), self.width)
            with f.loop(0, k) as i:
                source = f.at(start, f.times(i, row), scalar)
                target = f.at(panel, f.times(i, self.width), scalar)
                with f.loop(0, present) as c:
                    f.store(f.load(scalar, source, f.times(c, column)), target, c)


def transpose_lines(
    f: Function,
    lines: list[Value],
    start: Index,
    stop: Index,
    vector: Type,
    store: Callable[[Value, Index], None],
) -> None:
    """Go from `start` to `stop` along as many lines as a vector has lanes: `store` is given the
    elements at the same place of all of them, as a vector, and the place."""
    lanes = vector.lanes
    whole = f.plus(start, f.times(f.over(f.minus(stop, start), lanes), lanes))
    with f.loop(start, whole, lanes) as i:
        for t, across in enumerate(transposed_blocks(f, lines, i, vector)):
            store(across, f.plus(i, t))
    with f.loop(whole, stop) as i:
        across = literal(vector, 0)
        for c, line in enumerate(lines):
            one = f.load(vector.wide(0), line, i)
            across = f.emit(
                vector, f"insertelement {vector} {across.text}, {one.type} {one.text}, i64 {c}"
            )
        store(across, i)


def _read(f: Function, vector: Type, source: Value, at: Index, mask: Value | None) -> Value:
    return f.load(vector, source, at) if mask is None else f.load_some(vector, source, at, mask)


def lane_mask(f: Function, count: Index, lanes: int) -> Value:
    """The mask of the first `count` lanes: none where it is negative."""
    bounded = f.least(f.greatest(count, 0), lanes)
    narrow = f.cast("trunc", f.index(bounded), I32)
    return f.compare("slt", integers("i32", range(lanes)), f.splat(narrow, lanes))


def transposed_blocks(f: Function, sources: list[Value], start: Index, vector: Type) -> list[Value]:
    """Elements `start ... start + lanes` of each of `lanes` rows, as vectors across the rows.

    Pieces of 128 bits are put together while loading, which costs less than shuffles do; what
    remains is a transposition within each 128 bits.
    """
    lanes = vector.lanes
    piece = vector.wide(4 if vector.scalar == "float" else 2)
    width = piece.lanes
    result: list[Value] = []
    for offset in range(0, lanes, width):
        joined = []
        for r in range(width):
            parts = [
                f.load(piece, sources[width * g + r], f.plus(start, offset))
                for g in range(lanes // width)
            ]
            while len(parts) > 1:
                size = 2 * parts[0].type.lanes
                parts = [
                    f.shuffle(a, b, range(size))
                    for a, b in zip(parts[::2], parts[1::2], strict=True)
                ]
            joined.append(parts[0])
        result += _transposed_within(f, joined, lanes)
    return result


def _transposed_within(f: Function, rows: list[Value], lanes: int) -> list[Value]:
    """Each group of as many lanes as there are rows (2 or 4) transposed."""
    if len(rows) == 2:
        return [f.shuffle(rows[0], rows[1], within_groups(lanes, p)) for p in ((0, 2), (1, 3))]
    low, high = within_groups(lanes, (0, 4, 1, 5)), within_groups(lanes, (2, 6, 3, 7))
    t = [f.shuffle(rows[i], rows[i + 1], places) for i in (0, 2) for places in (low, high)]
    front, back = within_groups(lanes, (0, 1, 4, 5)), within_groups(lanes, (2, 3, 6, 7))
    return [f.shuffle(t[i], t[i + 2], places) for i in (0, 1) for places in (front, back)]


def within_groups(lanes: int, pattern: tuple[int, ...]) -> list[int]:
    """A shuffle of two vectors that does the same in each group of as many lanes as the pattern
    has; places from that number on name the other vector's group.

    >>> within_groups(8, (0, 4, 1, 5))
    [0, 8, 1, 9, 4, 12, 5, 13]
    """
    group = len(pattern)
    return [
        start + place if place < group else lanes + start + place - group
        for start in range(0, lanes, group)
        for place in pattern
    ]
