"""Regions: the functions that all threads run from one end to the other, with barriers between the
kernels that they call, and loops and branches around them."""

from __future__ import annotations

from collections.abc import Sequence

from typedflux.compile.lowering.blocks import Block, Call, ChoiceItem, Item, LoopItem, parts_of
from typedflux.compile.lowering.kernels import Stage
from typedflux.compile.lowering.stamps import Stamps
from typedflux.compile.lowering.views import Buffer, View
from typedflux.compile.native.emitter import (
    I8,
    I64,
    PTR,
    Function,
    Index,
    Module,
    Value,
    literal,
)
from typedflux.compile.native.pool_program import emit_barrier
from typedflux.compile.native.subnormals import flush_subnormals, restore
from typedflux.shapes.dims import Dimension


class SizeTable:
    """The sizes that a program's code reads when it runs, each once."""

    def __init__(self) -> None:
        self.sizes: list[Dimension] = []
        self._numbers: dict[str, int] = {}

    def number(self, size: Dimension) -> int:
        """The entry of a size."""
        key = str(size)
        if key not in self._numbers:
            self._numbers[key] = len(self.sizes)
            self.sizes.append(size)
        return self._numbers[key]


class RegionWriter:
    """Writes regions into a module; with `stamps` such as take the time of each item."""

    def __init__(
        self,
        module: Module,
        numbers: dict[Buffer, int],
        sizes: SizeTable,
        flag: int,
        stamps: Stamps | None = None,
    ) -> None:
        self.module = module
        self.stamps = stamps
        self.flag = flag
        self.numbers = numbers
        self.sizes = sizes
        self._lists: dict[str, str] = {}

    def write(self, name: str, items: Sequence[Item]) -> None:
        """`void name(ptr buffers, ptr sizes, i64 thread, i64 threads, ptr barrier)`."""
        parameters = [
            ("buffers", PTR),
            ("sizes", PTR),
            ("thread", I64),
            ("threads", I64),
            ("barrier", PTR),
        ]
        self.f = Function(self.module, name, parameters)
        self.buffers, self.table, self.thread, self.threads, self.barrier = self.f.parameters
        self._end = self.f.fresh("end")
        before = flush_subnormals(self.f)
        if self.stamps is not None:
            self._times = self._pointer(self.stamps.buffer)
            self.stamps.begin(self.f, self._times, self.thread)
        self._items(items)
        self.f.goto(self._end)
        self.f.label(self._end)
        restore(self.f, before)
        self.f.close()

    def _items(self, items: Sequence[Item]) -> None:
        """The items one after the other, none beginning before all threads have left the last."""
        for place, item in enumerate(items):
            if self.stamps is not None:
                self._enter(item)
            elif place and not (_is_alone(items[place - 1]) and _is_alone(item)):
                self._wait()
            if isinstance(item, Stage):
                self._stage(item)
            elif isinstance(item, LoopItem):
                self._loop(item)
            elif isinstance(item, ChoiceItem):
                self._choice(item)
            else:
                assert not isinstance(item, Call)
            if self.stamps is not None:
                self._wait()
                entered = bool(parts_of(item))
                self.stamps.finish(self.f, self._times, self.thread, item, entered=entered)

    def _enter(self, item: Item) -> None:
        if self.stamps is not None and parts_of(item):
            self.stamps.enter(self.f, self._times, self.thread, item)

    def _wait(self) -> None:
        emit_barrier(self.f, self.barrier, self.threads)

    def _stage(self, stage: Stage) -> None:
        numbers = [
            self.numbers[a] if isinstance(a, Buffer) else self.sizes.number(a) for a in stage.args
        ]
        text = ", ".join(f"i64 {n}" for n in numbers)
        name = self._lists.get(text)
        if name is None:
            name = self._lists[text] = f"@args_{len(self._lists)}"
            self.module.globals.append(
                f"{name} = internal constant [{len(numbers)} x i64] [{text}]"
            )
        self.f.line(
            f"call void @{stage.kernel}(ptr {self.buffers.text}, ptr {self.table.text}, "
            f"ptr {name}, i64 {self.thread.text}, i64 {self.threads.text})"
        )
        if stage.group.kind in ("gather", "indexed", "check"):
            self._check()

    def _check(self) -> None:
        """Leave the region where a kernel has set the flag."""
        f = self.f
        self._wait()
        flag = f.load(I64, f.load(PTR, self.buffers, self.flag))
        self._wait()  # nobody sets it again before all have read it
        go_on = f.fresh("good")
        f.branch(f.compare("eq", flag, literal(I64, 0)), go_on, self._end)
        f.label(go_on)

    def _size(self, size: Dimension) -> Index:
        if isinstance(size, int):
            return size
        return self.f.load(I64, self.table, self.sizes.number(size))

    def _pointer(self, buffer: Buffer) -> Value:
        return self.f.load(PTR, self.buffers, self.numbers[buffer])

    def _block(self, block: Block | None) -> None:
        if block is not None and block.items:
            self._items(block.items)
            self._wait()

    def _loop(self, item: LoopItem) -> None:
        f, loop = self.f, item.loop
        if loop.test is not None:
            assert loop.flag is not None
            again, done = f.fresh("again"), f.fresh("done")
            f.goto(again)
            f.label(again)
            self._block(item.test)
            body = f.fresh("body")
            flag = self._flag(loop.flag)
            self._wait()  # nobody writes the flag again before all have read it
            f.branch(flag, body, done)
            f.label(body)
            self._block(item.body)
            self._block(item.copies)
            f.goto(again)
            f.label(done)
            return
        length = self._size(loop.length)
        with f.loop(0, length) as i:
            step = f.minus(f.minus(length, 1), i) if loop.reverse else i
            first = f.compare("eq", self.thread, literal(I64, 0))
            with f.when(first):
                for moving in loop.moving:
                    start = f.plus(self._size(moving.start), f.times(step, self._size(moving.step)))
                    width = moving.buffer.dtype.itemsize
                    at = f.at(self._pointer(moving.within), f.times(start, width), I8)
                    f.store(at, self.buffers, self.numbers[moving.buffer])
            self._wait()
            self._block(item.body)
            self._block(item.copies)

    def _flag(self, view: View) -> Value:
        f = self.f
        value = f.load(I8, self._pointer(view.buffer), self._size(view.offset))
        return f.compare("ne", value, literal(I8, 0))

    def _choice(self, item: ChoiceItem) -> None:
        f = self.f
        yes, no, done = (f.fresh(n) for n in ("yes", "no", "done"))
        f.branch(self._flag(item.choice.flag), yes, no)
        for label, block in zip((yes, no), item.blocks, strict=True):
            f.label(label)
            self._items(block.items)
            f.goto(done)
        f.label(done)


def _is_alone(item: Item) -> bool:
    return isinstance(item, Stage) and item.alone
