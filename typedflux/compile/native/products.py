"""Matrix products `c[i, j] = sum_k a[i, k] b[k, j]`, with something done to each vector of results.

A plan chooses from sizes and strides how the result is cut into blocks (`product_layout`); its
stages are then written into functions that all threads run (`product_loops`), which call kernels
that keep a block in registers (`tiles`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.compile.native.product_layout import Arithmetic, room
from typedflux.compile.native.product_layout import Blocking as Blocking
from typedflux.compile.native.product_layout import Epilogue as Epilogue
from typedflux.compile.native.product_layout import Operand as Operand
from typedflux.compile.native.product_layout import Placement as Placement
from typedflux.compile.native.product_layout import ProductShape as ProductShape
from typedflux.compile.native.product_loops import Loops
from typedflux.compile.native.product_sums import Layout, Sums, split_sums, threshold
from typedflux.shapes.dims import dim_max, dim_min, equal

FEW = 16
"""The most rows for which a product is not worth packing its right operand."""

DEEP = 2048
"""The longest sums that are done in one go."""

_VECTORS = 2  # of a row of a tile
_WORTH = 1024  # the fewest elements that are worth packing once for several products
_SOME = 64  # rows of which blocks of 8 share out evenly among threads
_SHORT = 256  # the longest sums for which all panels of an operand stay in the cache
_WIDEST = 1024  # the most columns of rows that are finished at once
_DEPTH = 512  # of the parts of longer ones
_SHARES = 16  # the fewest parts to share among threads
_FAR = 256  # elements between what a kernel reads one after the other that are worth packing


def _scratch(blocking: Blocking, m: int, k: int, threads: int) -> Any:
    """Bytes of scratch for one way to cut a product."""
    f: Any = Arithmetic()
    common: Any = blocking.common_size(f, m, k)
    own: Any = blocking.own_size(f, m, k)
    return (common + threads * own) * blocking.shape.bytes


def _within(size: int, limit: int, within: Any, beyond: Any) -> Any:
    """`within` where a size is at most the limit, else `beyond`."""
    if equal(within, beyond):
        return within
    is_within = dim_min(1, limit // dim_max(size, 1))  # 1 or 0
    return is_within * within + (1 - is_within) * beyond


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """How a product is done. Made by `plan_product`.

    Attributes:
        usual: for the sizes that were not known otherwise.
        one: for a single row, where their number was not known.
        few: for at most `few_rows` rows, where their number was not known.
        deep: for sums longer than `DEEP`, where their length was not known.
        split: for sums that are long for the result's size, with more than one thread.
    """

    usual: Blocking
    one: Blocking | None = None
    few: Blocking | None = None
    deep: Blocking | None = None
    split: Blocking | None = None
    few_rows: int = FEW

    @property
    def _deep_from(self) -> int:
        """Sums longer than this are done in parts."""
        return _SHORT if self.usual.wide else DEEP

    @property
    def _long(self) -> int:
        """Sums longer than this are split."""
        shape = self.usual.shape
        assert shape.m is not None
        assert shape.n is not None
        return threshold(shape.m, shape.n)

    @property
    def stages(self) -> int:
        """How many stages there are, with a barrier after each but the last."""
        return 2 if self.usual.packed_rows or self.split is not None else 1

    def scratch_bytes(self, m: int, n: int, k: int, threads: int) -> int:
        """Bytes of scratch, aligned to 64, that the stages need for these sizes. Of symbolic sizes
        it is a symbolic one."""
        del n
        size: int = _scratch(self.usual, m, k, threads)
        if self.deep is not None:
            size = _within(k, self._deep_from, size, _scratch(self.deep, m, k, threads))
        if self.few is not None:
            size = _within(m, self.few_rows, _scratch(self.few, m, k, threads), size)
        if self.split is not None:
            own = Layout(self.split).own * self.split.shape.bytes
            split = _within(k, self._long, size, threads * own)
            size = _within(threads, 1, size, split)
        return size

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

        def write(blocking: Blocking) -> None:
            loops = Loops(blocking, f, m, n, k, scratch, thread, threads)
            if stage < self.stages - 1:
                if blocking.packed_rows:
                    loops.pack_rows(a)
            else:
                loops.multiply(a, b, epilogue, batch, place)

        end = f.fresh("end")
        if self.split is not None:
            yes, no = f.fresh("split"), f.fresh("otherwise")
            several = f.compare("sgt", threads, f.index(1))
            long = f.compare("sgt", f.index(k), f.index(self._long))
            f.branch(f.binary("and", several, long), yes, no)
            f.label(yes)
            sums = Sums(self.split, f, scratch, thread, threads)
            if stage == 0:
                sums.multiply(a, b, k)
            else:
                sums.finish(epilogue)
            f.goto(end)
            f.label(no)
        for special, relation, size, limit in (
            (self.one, "sle", m, 1),
            (self.few, "sle", m, self.few_rows),
            (self.deep, "sgt", k, self._deep_from),
        ):
            if special is None:
                continue
            yes, no = f.fresh("special"), f.fresh("otherwise")
            f.branch(f.compare(relation, f.index(size), f.index(limit)), yes, no)
            f.label(yes)
            write(special)
            f.goto(end)
            f.label(no)
        write(self.usual)
        f.goto(end)
        f.label(end)


def plan_product(shape: ProductShape, machine: Machine) -> ProductPlan:
    """The way to do a product of this shape on this machine."""
    few = shape.m is not None and shape.m <= FEW
    usual = _blocking(shape, machine, few)
    split = split_sums(usual)
    if usual.packed and shape.k is not None and shape.k > DEEP:
        return ProductPlan(_deep(usual), split=split)
    if shape.batched:
        return ProductPlan(usual)
    few_rows = _blocking(shape, machine, True) if shape.m is None else None
    one = None
    if few_rows is not None and few_rows.dots:
        one = replace(few_rows, rows=1, dots=_dots(replace(shape, m=1)))
    return ProductPlan(
        usual,
        one=one,
        few=few_rows,
        deep=_deep(usual) if usual.packed and shape.k is None else None,
        split=split,
    )


def packed_once(shape: ProductShape, machine: Machine) -> ProductPlan | None:
    """The way to do one of several products with the same right operand, which has been packed:
    `b` points to its panels then. `None` where that would be of no use."""
    if shape.batched or shape.n is None or shape.k is None or not 0 < shape.k <= DEEP:
        return None
    lanes = shape.lanes(machine)
    if shape.n < lanes or shape.k * shape.n < _WORTH:
        return None
    rows = _tallest(machine, _VECTORS)
    if shape.m is None or shape.m <= _SOME:
        rows = min(rows, 8)
    if shape.m is not None and shape.m <= 2:
        rows = 1
    width = _VECTORS * lanes
    panels = _panels(shape, machine, rows, width)
    usual = Blocking(shape, machine, rows, width, panels=panels, packed=True, packed_columns=True)
    one = replace(usual, rows=1) if shape.m is None else None
    return ProductPlan(usual, few=one, few_rows=2)


def _blocking(shape: ProductShape, machine: Machine, few: bool) -> Blocking:
    m, n = shape.m, shape.n
    lanes = shape.lanes(machine)
    many = machine.vector_registers >= 32
    if shape.a[1] == 1 and shape.b[0] == 1 and (few or n == 1):
        return Blocking(shape, machine, 6 if many else 3, machine.lanes, _dots(shape))
    packed = shape.b[1] != 1 or not (few or (m is not None and m <= 48))
    vectors = _VECTORS
    if not packed and m is not None and m <= 3:
        vectors = {2: 6 if many else 4, 3: 4}.get(m, 8)
    elif not packed and few and shape.scalar == "float":
        vectors = 3
    rows = _tallest(machine, vectors)
    if few and m is None:
        rows = min(rows, 8)
    width = vectors * lanes
    far = shape.a[1] is None or shape.a[1] >= _FAR
    wide = n is None or n >= 4 * width
    tall = m is None or m >= 4 * rows
    packed_rows = not shape.batched and not few and far and wide and tall and shape.a[1] != 1
    panels = _panels(shape, machine, rows, width) if packed and not few else 1
    wide = packed_rows and packed and _is_gradient(shape)
    if wide and shape.n is not None:
        panels = min(-(-shape.n // width), _WIDEST // width)
    return Blocking(
        shape, machine, rows, width, panels=panels, packed=packed, packed_rows=packed_rows,
        wide=wide,
    )  # fmt: skip


def _tallest(machine: Machine, vectors: int) -> int:
    """Rows of a tile of so many vectors that fits the registers."""
    return (28 if machine.vector_registers >= 32 else 12) // vectors


def _is_gradient(shape: ProductShape) -> bool:
    """Whether a product looks like the gradient of a weight: a result of known size, and sums that
    are short or of unknown length, for a batch. An optimiser's update may follow, which goes over
    much more memory than the operands are."""
    return shape.m is not None and shape.n is not None and (shape.k is None or shape.k <= _SHORT)


def _dots(shape: ProductShape) -> int:
    """Columns of a block of dot products: more for a single row, to have as many sums at once."""
    if shape.n == 1:
        return 1
    return (32 if shape.m == 1 else 16) // shape.bytes


def _panels(shape: ProductShape, machine: Machine, rows: int, width: int) -> int:
    """How many panels a block of rows goes through before the next one does.

    More of them read `a` less often and write longer runs of the result, as long as they stay
    in the cache and leave enough to share among threads.
    """
    if shape.batched:
        return 1
    fitting = 4
    if shape.k is not None:
        fitting = max(1, room(machine) // (width * shape.bytes * max(1, shape.k)))
    if shape.n is None:
        return min(4, fitting)
    blocks = 16 if shape.m is None else -(-shape.m // rows)
    panels = max(1, -(-shape.n // width))
    groups = max(-(-panels // fitting), min(panels, -(-_SHARES // max(1, blocks))))
    most = -(-panels // groups)

    def lacking(each: int) -> int:
        """Columns that the last group has fewer than the others."""
        return -shape.n % (each * width) if shape.n is not None else 0

    return min(range(most, most // 2, -1), key=lacking)


def _deep(usual: Blocking) -> Blocking:
    """The same for long sums: in parts of which the panels stay in the cache."""
    shape = usual.shape
    depth = _DEPTH
    if shape.k is not None:
        parts = -(-shape.k // depth)
        depth = -(-shape.k // (16 * parts)) * 16
    panels = _panels(replace(shape, k=depth), usual.machine, usual.rows, usual.width)
    if shape.m is not None:
        sums = shape.m * usual.width * shape.bytes
        panels = max(1, min(panels, room(usual.machine) // max(1, sums)))
    return replace(usual, depth=depth, panels=panels, wide=False)
