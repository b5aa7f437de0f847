"""Loops over a group's space, and the elements in them.

The axes of the space are put in the order of memory and collapsed where all that is read and
written allows it, so most groups are one loop or a loop over rows and one within them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from typedflux.compile.lowering.analysis import REDUCTIONS, Node
from typedflux.compile.lowering.frame import Frame
from typedflux.compile.lowering.grouping import Group, on_space
from typedflux.compile.lowering.views import Buffer, View, memory_order, same
from typedflux.compile.native import expressions
from typedflux.compile.native.emitter import Index, Type, Value, literal
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dimension, is_fixed

Strides = tuple[Dimension, ...]


@dataclass(eq=False, slots=True)
class Access:
    """What a group reads or writes, by its strides over the axes of the nest."""

    buffer: Buffer
    offset: Dimension
    strides: Strides

    @property
    def dtype(self) -> DType:
        """Of the elements."""
        return self.buffer.dtype


@dataclass(slots=True)
class Nest:
    """The axes of a group's loops, outermost first, and its accesses over them.

    Attributes:
        extents: the sizes of the axes.
        reduced: for each axis whether reductions go over it.
        loads: by the operand's identity and strides over the space.
        stores: of the buffers that are written.
    """

    extents: list[Dimension]
    reduced: list[bool]
    loads: dict[Any, Access]
    stores: dict[Buffer, Access]

    def all(self) -> list[Access]:
        """All accesses."""
        return [*self.loads.values(), *self.stores.values()]


def load_key(view: View, strides: Strides) -> Any:
    """What tells one operand's access from another."""
    return (id(view.buffer), str(view.offset), str(strides))


def make_nest(
    group: Group, stored: Sequence[Buffer], more: Sequence[tuple[View, Strides]] = ()
) -> Nest:
    """The axes and accesses of a group that writes the buffers `stored`, and reads `more`, views
    with their strides over the space."""
    loads: dict[Any, Access] = {
        load_key(view, strides): Access(view.buffer, view.offset, strides) for view, strides in more
    }
    for node in group.nodes:
        if node.kind in ("product", "window"):
            continue
        for view in node.operands:
            if view.buffer not in group.places:
                strides = on_space(view, node, group)
                assert strides is not None
                loads.setdefault(load_key(view, strides), Access(view.buffer, view.offset, strides))
    stores = {b: Access(b, 0, group.places[b]) for b in stored}
    nest = Nest(list(group.space), [i in group.reduced for i in range(len(group.space))], loads,
                stores)  # fmt: skip
    if group.kind == "window":
        return nest  # its kernel counts by axes
    if group.kind == "product":
        nest.reduced = [False] * (len(group.space) - 1) + [True]  # the last axis stays by itself
    else:
        _reorder(nest, _axis_order(group, nest))
    _collapse(nest)
    return nest


def _axis_order(group: Group, nest: Nest) -> list[int]:
    order = None
    full = [a for a in nest.stores.values() if _covers(a, group)]
    full += [a for a in nest.loads.values() if _covers(a, group)]
    for access in full:
        order = memory_order(View(access.buffer, group.space, access.strides))
        if order is not None:
            break
    axes = list(order) if order is not None else list(range(len(group.space)))
    if group.kind == "rows" and group.reduced:
        axes = [i for i in axes if i not in group.reduced] + [i for i in axes if i in group.reduced]
    return [i for i in axes if not is_fixed(group.space[i], 1)]


def _covers(access: Access, group: Group) -> bool:
    return not any(
        is_fixed(s, 0) and not is_fixed(n, 1)
        for s, n in zip(access.strides, group.space, strict=True)
    )


def _reorder(nest: Nest, order: list[int]) -> None:
    nest.extents = [nest.extents[i] for i in order]
    nest.reduced = [nest.reduced[i] for i in order]
    for access in nest.all():
        access.strides = tuple([access.strides[i] for i in order])


def _collapse(nest: Nest) -> None:
    """Join neighbouring axes wherever every access goes through both with one stride."""
    accesses = nest.all()
    axis = len(nest.extents) - 2
    while axis >= 0:
        inner = nest.extents[axis + 1]
        if nest.reduced[axis] == nest.reduced[axis + 1] and all(
            same(a.strides[axis], a.strides[axis + 1] * inner) for a in accesses
        ):
            nest.extents[axis : axis + 2] = [nest.extents[axis] * inner]
            del nest.reduced[axis]
            for access in accesses:
                access.strides = (*access.strides[:axis], *access.strides[axis + 1 :])
        axis -= 1


class Elements:
    """Emits a group's operations on the element (a vector of them) at hand.

    `begin` sets where that is: pointers to the row, the index within it and the mask.
    """

    def __init__(self, frame: Frame, group: Group, nest: Nest, lanes: int) -> None:
        self.frame = frame
        self.group = group
        self.nest = nest
        self.lanes = lanes
        self.producers = {n.outputs[0].buffer: n for n in group.nodes}
        self.rows: dict[Buffer, Value] = {}
        """Values of the row at hand: results of reductions and of what is done with them."""
        self.values: dict[Buffer, Value] = {}
        """Values of the element at hand."""
        self.reloaded: set[Buffer] = set()
        """Results of earlier passes over the row that are read again from memory."""
        self._pointers: dict[int, tuple[Value, Dimension]] = {}
        self._uniform: dict[int, Value] = {}
        self._loaded: dict[int, Value] = {}
        self._index: Index = 0
        self._mask: Value | None = None

    # Where

    def at_row(self, outer: Sequence[Index], inner: Sequence[int], *, whole: bool = True) -> None:
        """Go to the row at these indices of the other axes; `inner` are the axes within it.

        With `whole=False` the others move within it too, and `outer` says where they begin.
        """
        f = self.frame.function
        others = [i for i in range(len(self.nest.extents)) if i not in inner]
        last = inner[-1] if inner else None
        for access in self.nest.all():
            if _is_uniform(access):
                continue
            terms = [(index, access.strides[i]) for index, i in zip(outer, others, strict=True)]
            start = self.frame.address(terms, access.offset)
            pointer = f.at(
                self.frame.pointer(access.buffer), start, expressions.memory_type(access.dtype)
            )
            step = access.strides[last] if last is not None else 0
            self._pointers[id(access)] = (pointer, step)
        self.rows.clear()
        self._row_loads: dict[int, Value] = {}
        for access in self.nest.loads.values():
            if not whole or _is_uniform(access):
                continue
            if all(is_fixed(access.strides[i], 0) for i in inner):
                pointer, _ = self._pointers[id(access)]
                scalar = expressions.load(f, access.dtype, 0, pointer, 0, None)
                self._row_loads[id(access)] = f.splat(scalar, self.lanes)
        self._inner = inner

    def load_uniform(self) -> None:
        """Read, before any loop, what is the same for all elements."""
        f = self.frame.function
        for access in self.nest.loads.values():
            if _is_uniform(access):
                pointer = self.frame.pointer(access.buffer)
                scalar = expressions.load(
                    f, access.dtype, 0, pointer, self.frame.size(access.offset), None
                )
                self._uniform[id(access)] = f.splat(scalar, self.lanes)

    def at_element(
        self, index: Index, mask: Value | None, before: Sequence[tuple[Index, int]] = ()
    ) -> None:
        """Go to an element of the row: `index` along its last axis, `before` along its others."""
        self._index = index
        self._mask = mask
        self._before = list(before)
        self.values.clear()
        self._loaded.clear()

    def _place(self, access: Access) -> tuple[Value, Dimension]:
        f = self.frame.function
        pointer, step = self._pointers[id(access)]
        shift = self.frame.address([(index, access.strides[axis]) for index, axis in self._before])
        return f.at(pointer, shift, expressions.memory_type(access.dtype)), step

    # What

    def value(self, buffer: Buffer) -> Value:
        """A result of the group for the element at hand, computed now if it was not yet."""
        row = self.rows.get(buffer)
        if row is not None:
            return row
        known = self.values.get(buffer)
        if known is None:
            for missing in self._missing(buffer):
                if missing in self.reloaded:
                    known = self.load(self.nest.stores[missing])
                else:
                    known = self.compute(self.producers[missing])
                self.values[missing] = known
        assert known is not None
        return known

    def _missing(self, buffer: Buffer) -> list[Buffer]:
        """What has to be computed for a result, it last: chains may be long."""
        found: dict[Buffer, None] = {}
        stack = [(buffer, False)]
        while stack:
            item, ready = stack.pop()
            if item in found or item in self.values or item in self.rows:
                continue
            if ready or item in self.reloaded:
                found[item] = None
                continue
            stack.append((item, True))
            for view in self.producers[item].operands:
                if view.buffer in self.group.places:
                    stack.append((view.buffer, False))
        return list(found)

    def compute(self, node: Node) -> Value:
        """A node's result from its operands."""
        if node.kind == "copy":
            return self.operand(node, node.operands[0])
        if node.kind == "fill":
            params = {"value": node.equation.params["value"], "dtype": node.dtype}
            return self._express("constant", [], node, {**params, "lanes": self.lanes})
        if node.detail == "size":
            size = self.frame.size(node.equation.params["size"])
            return self.frame.function.splat(self.frame.function.index(size), self.lanes)
        operands = [self.operand(node, view) for view in node.operands]
        if node.detail == "iota":
            operands = [self._count()]
        params = node.equation.params
        if node.detail in ("constant", "iota"):
            params = {**params, "lanes": self.lanes}
        return self._express(node.detail, operands, node, params)

    def _express(
        self, detail: str, operands: Sequence[Value], node: Node, params: dict[str, Any]
    ) -> Value:
        f = self.frame.function
        return expressions.express(
            f,
            detail,
            [f.splat(o, self.lanes) for o in operands],
            [view.dtype for view in node.operands] if operands else [],
            node.dtype,
            params,
        )

    def _count(self) -> Value:
        f = self.frame.function
        return f.counting(self._index, Type("i64", self.lanes))

    def operand(self, node: Node, view: View) -> Value:
        """An operand of a node."""
        if view.buffer in self.group.places:
            return self.value(view.buffer)
        strides = on_space(view, node, self.group)
        assert strides is not None
        return self.load(self.nest.loads[load_key(view, strides)])

    def load(self, access: Access) -> Value:
        """What lies at the element at hand."""
        for table in (self._uniform, self._row_loads, self._loaded):
            known = table.get(id(access))
            if known is not None:
                return known
        f = self.frame.function
        pointer, step = self._place(access)
        if is_fixed(step, 0):
            value = f.splat(expressions.load(f, access.dtype, 0, pointer, 0, None), self.lanes)
        elif not self.lanes:
            place = f.times(self._index, self.frame.size(step))
            value = expressions.load(f, access.dtype, 0, pointer, place, None)
        elif is_fixed(step, 1):
            value = expressions.load(f, access.dtype, self.lanes, pointer, self._index, self._mask)
        else:
            value = self._gather(access, pointer, step)
        self._loaded[id(access)] = value
        return value

    def _gather(self, access: Access, pointer: Value, step: Dimension) -> Value:
        f = self.frame.function
        kept = self.lanes
        value: Value | None = None
        stride = self.frame.size(step)
        last = None
        if self._mask is not None:  # lanes beyond the end read the last element again
            last = f.minus(self.frame.size(self.nest.extents[self._inner[-1]]), 1)
        for lane in range(kept):
            index = f.plus(self._index, lane)
            if last is not None:
                index = f.least(index, last)
            scalar = expressions.load(f, access.dtype, 0, pointer, f.times(index, stride), None)
            type = scalar.type.wide(kept)
            before = "poison" if value is None else value.text
            value = f.emit(
                type,
                f"insertelement {type} {before}, {scalar.type} {scalar.text}, i64 {lane}",
            )
        assert value is not None
        return value

    def store(self, buffer: Buffer) -> None:
        """Write a result of the element at hand."""
        f = self.frame.function
        access = self.nest.stores[buffer]
        value = f.splat(self.value(buffer), self.lanes)
        if _is_uniform(access):
            pointer: Value = self.frame.pointer(buffer)
            step: Dimension = 0
        else:
            pointer, step = self._place(access)
        if not self.lanes:
            place = f.times(self._index, self.frame.size(step))
            expressions.store(f, access.dtype, value, pointer, place, None)
            return
        if is_fixed(step, 1):
            expressions.store(f, access.dtype, value, pointer, self._index, self._mask)
            return
        if is_fixed(step, 0):
            expressions.store(f, access.dtype, f.extract(value, 0), pointer, 0, None)
            return
        stride = self.frame.size(step)
        for lane in range(self.lanes):
            index = f.times(f.plus(self._index, lane), stride)
            if self._mask is None:
                expressions.store(f, access.dtype, f.extract(value, lane), pointer, index, None)
            else:
                with f.when(f.extract(self._mask, lane)):
                    expressions.store(f, access.dtype, f.extract(value, lane), pointer, index, None)

    def store_row(self, buffer: Buffer) -> None:
        """Write a result of the row at hand."""
        f = self.frame.function
        access = self.nest.stores[buffer]
        value = self.rows[buffer]
        scalar = f.extract(value, 0) if value.type.lanes else value
        if _is_uniform(access):
            pointer = self.frame.pointer(buffer)
        else:
            pointer, _ = self._pointers[id(access)]
        expressions.store(f, access.dtype, scalar, pointer, 0, None)


def _is_uniform(access: Access) -> bool:
    return all(is_fixed(s, 0) for s in access.strides)


def identity_of(combine: str, type: Type) -> Value:
    """What changes nothing when combined."""
    if combine == "add":
        return literal(type, 0)
    if combine == "mul":
        return literal(type, 1)
    if combine in ("and", "or"):
        return literal(type, combine == "and")
    if type.is_float:
        return literal(type, float("inf") if combine == "min" else float("-inf"))
    largest = (1 << (type.bits - 1)) - 1
    return literal(type, largest if combine == "min" else -largest - 1)


def combiner(node: Node) -> str:
    """What combines two partial results of a reduction."""
    return REDUCTIONS[node.detail]
