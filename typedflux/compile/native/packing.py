"""Panels of a matrix: some of its columns stored one row after the other, for vector loads."""

from __future__ import annotations

from dataclasses import dataclass

from typedflux.compile.native.emitter import (
    I32,
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
    """A function that writes the panel `[k][width]` of a matrix of k rows.

    Attributes:
        scalar: `"float"` or `"double"`.
        lanes: of a vector register.
        width: columns of the panel, a multiple of `lanes`.
        row: distance of the matrix's rows, `None` where known at run time only.
        column: that of its columns.
    """

    scalar: str
    lanes: int
    width: int
    row: int | None
    column: int | None

    def rows(self, f: Function, k: Index) -> Index:
        """How many rows the panel takes: some are written for whole blocks."""
        return f.times(f.over(f.plus(k, self.lanes - 1), self.lanes), self.lanes)

    def emit(
        self,
        f: Function,
        matrix: Value,
        row: Index,
        column: Index,
        k: Index,
        columns: Index,
        panel: Value,
    ) -> None:
        """Fill the panel. Columns from `columns` (at least 1) on are something, no matter what."""
        arguments = Arguments(
            {"row": self.row, "column": self.column, "k": None, "columns": None},
            ["matrix", "panel"],
        )
        name = f"pack_{self.scalar}_{self.lanes}_{self.width}_{arguments.text}"
        build_once(f.module, name, arguments.types, lambda g: self._body(g, arguments.inside(g)))
        values: dict[str, Index] = {"row": row, "column": column, "k": k, "columns": columns}
        values |= {"matrix": matrix, "panel": panel}
        call_built(f, name, arguments.given(values))

    def _body(self, f: Function, given: dict[str, Index]) -> None:
        matrix, panel = pointer(given["matrix"]), pointer(given["panel"])
        row, column, k, columns = (given[n] for n in ("row", "column", "k", "columns"))
        if self.column == 1:
            self._copy(f, matrix, row, k, columns, panel)
        elif self.row == 1:
            self._transpose(f, matrix, column, k, columns, panel)
        else:
            self._gather(f, matrix, row, column, k, columns, panel)

    def _copy(
        self, f: Function, matrix: Value, row: Index, k: Index, columns: Index, panel: Value
    ) -> None:
        vector = Type(self.scalar, self.lanes)
        places = range(0, self.width, self.lanes)
        whole, part, end = f.fresh("whole"), f.fresh("part"), f.fresh("end")
        condition = f.compare("sge", f.index(columns), f.index(self.width))
        f.branch(condition, whole, part)
        f.label(whole)
        with f.loop(0, k) as i:
            source = f.at(matrix, f.times(i, row), vector)
            target = f.at(panel, f.times(i, self.width), vector)
            for place in places:
                f.store(f.load(vector, source, place), target, place)
        f.goto(end)
        f.label(part)
        masks = [lane_mask(f, f.minus(columns, place), self.lanes) for place in places]
        with f.loop(0, k) as i:
            source = f.at(matrix, f.times(i, row), vector)
            target = f.at(panel, f.times(i, self.width), vector)
            for place, mask in zip(places, masks, strict=True):
                f.store(f.load_some(vector, source, place, mask), target, place)
        f.goto(end)
        f.label(end)

    def _transpose(
        self, f: Function, matrix: Value, column: Index, k: Index, columns: Index, panel: Value
    ) -> None:
        lanes = self.lanes
        vector = Type(self.scalar, lanes)
        last = f.minus(columns, 1)
        whole = f.times(f.over(k, lanes), lanes)
        rest = f.minus(k, whole)
        with f.loop(0, self.width, lanes) as first:
            sources = [
                f.at(matrix, f.times(f.least(f.plus(first, c), last), column), vector)
                for c in range(lanes)
            ]
            target = f.at(panel, first, vector)
            with f.loop(0, whole, lanes) as i:
                block = transposed_blocks(f, sources, i, vector)
                for t, lines in enumerate(block):
                    f.store(lines, target, f.times(f.plus(i, t), self.width))
            with f.loop(0, rest) as r:
                i = f.index(f.plus(whole, r))
                line: Value = literal(vector, 0)
                for c, source in enumerate(sources):
                    one = f.load(Type(self.scalar), source, i)
                    line = f.emit(
                        vector,
                        f"insertelement {vector} {line.text}, {one.type} {one.text}, i64 {c}",
                    )
                f.store(line, target, f.times(i, self.width))

    def _gather(
        self,
        f: Function,
        matrix: Value,
        row: Index,
        column: Index,
        k: Index,
        columns: Index,
        panel: Value,
    ) -> None:
        scalar = Type(self.scalar)
        present = f.least(columns, self.width)
        with f.loop(0, k) as i:
            source = f.at(matrix, f.times(i, row), scalar)
            target = f.at(panel, f.times(i, self.width), scalar)
            with f.loop(0, present) as c:
                f.store(f.load(scalar, source, f.times(c, column)), target, c)
            with f.loop(present, self.width) as c:
                f.store(literal(scalar, 0), target, c)


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
