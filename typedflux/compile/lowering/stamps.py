"""Times of what a region does, taken by its first thread: for `flux.profile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from typedflux.compile.lowering.views import Buffer
from typedflux.compile.native.clock import emit_now
from typedflux.compile.native.emitter import I64, Function, Value, literal
from typedflux.dtypes import int64

if TYPE_CHECKING:
    from typedflux.compile.lowering.blocks import Item

TOTAL, BEGIN, END, COUNT = range(4)
"""What there is for each item: ticks in all, the last begin and end, and how often it ran."""
_WIDTH = 4
_FIRST = _WIDTH  # element 0 is the last time that was taken


class Stamps:
    """A table of times, a row for each item, which regions fill as they run.

    An item's time goes from the end of the one before, when all threads have finished that, to its
    own end. That of a loop is what its steps take beside the items in it.
    """

    def __init__(self) -> None:
        self.buffer = Buffer(int64, 1, "stamps")
        self._places: dict[int, int] = {}
        self._items: list[Item] = []  # keeps the ids in use

    def place(self, item: Item) -> int:
        """The row of an item."""
        if id(item) not in self._places:
            self._places[id(item)] = len(self._items)
            self._items.append(item)
        return self._places[id(item)]

    def table(self) -> npt.NDArray[np.int64]:
        """Zeros for all rows; the first is not an item's."""
        return np.zeros((len(self._items) + 1, _WIDTH), np.int64)

    def begin(self, f: Function, stamps: Value, thread: Value) -> None:
        """When a region begins."""
        with f.when(f.compare("eq", thread, literal(I64, 0))):
            f.store(emit_now(f), stamps)

    def enter(self, f: Function, stamps: Value, thread: Value, item: Item) -> None:
        """Before an item that has others inside."""
        with f.when(f.compare("eq", thread, literal(I64, 0))):
            f.store(f.load(I64, stamps), stamps, self._element(item) + BEGIN)

    def finish(
        self, f: Function, stamps: Value, thread: Value, item: Item, *, entered: bool
    ) -> None:
        """After an item, when all threads have finished it."""
        first = self._element(item)
        with f.when(f.compare("eq", thread, literal(I64, 0))):
            last, now = f.load(I64, stamps), emit_now(f)
            if not entered:
                f.store(last, stamps, first + BEGIN)
            f.store(now, stamps, first + END)
            f.store(now, stamps)
            passed = f.plus(f.load(I64, stamps, first + TOTAL), f.minus(now, last))
            f.store(f.index(passed), stamps, first + TOTAL)
            count = f.plus(f.load(I64, stamps, first + COUNT), 1)
            f.store(f.index(count), stamps, first + COUNT)

    def _element(self, item: Item) -> int:
        return _FIRST + _WIDTH * self.place(item)
