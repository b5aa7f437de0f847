"""Which nodes are computed together: one pass over memory for a chain of elementwise operations,
the reductions in it and what is done with their results; the work after a product or convolution
while its tile is in registers.

A group computes over one `space`, a shape. Each member's result is a value of every element of the
space, or, after a reduction over the inner axes, one for each row of them. Groups grow by merging:
a node starts a group of its own and joins those of its operands where what it reads of them is
exactly the element at hand, and no other group would have to run in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.views import (
    Buffer,
    View,
    broadcast,
    memory_order,
    same,
    same_strides,
)
from typedflux.core.types import Shape
from typedflux.shapes.dims import Dimension, is_fixed, product

GroupKind = Literal[
    "rows", "columns", "product", "window", "transposition", "gather", "indexed", "check", "along",
    "draw", "join", "control", "call",
]  # fmt: skip

_ALONE = ("call", "transposition", "gather", "indexed", "check", "along", "draw", "join", "control")
MOST_NODES = 256
"""Larger groups would take long to compile."""
ROW_LIMIT = 1 << 16
"""Reductions over more elements than this are not computed row by row with their consumers."""


@dataclass(eq=False, slots=True)
class Group:
    """Nodes computed together.

    Attributes:
        space: the shape that is gone over.
        reduced: the axes of `space` that reductions in it go over, for rows and columns.
        places: for each buffer computed here, the strides over `space` of its element at hand.
    """

    kind: GroupKind
    space: Shape
    nodes: list[Node]
    reduced: tuple[int, ...] = ()
    places: dict[Buffer, tuple[Dimension, ...]] = field(default_factory=dict)
    number: int = 0
    bits: int = 0
    before: int = 0
    """The nodes that must run earlier, as a set of bits; `bits` are its own."""


def on_space(view: View, node: Node, group: Group) -> tuple[Dimension, ...] | None:
    """The strides of an operand over the group's space, `None` where its axes are not the space's.

    An operand of a node over the whole space is broadcast against it; one of a node over the rows
    lacks the reduced axes, or has them with size 1.
    """
    return spread(broadcast_strides(view, node.shape), node.shape, group.space, group.reduced)


def broadcast_strides(view: View, shape: Shape) -> tuple[Dimension, ...]:
    """The strides of a view that is broadcast to a shape."""
    return broadcast(view, shape).strides if len(view.shape) <= len(shape) else view.strides


def spread(
    strides: tuple[Dimension, ...], shape: Shape, space: Shape, reduced: tuple[int, ...]
) -> tuple[Dimension, ...] | None:
    """Strides over a shape as strides over the space that the shape is a part of."""
    if len(shape) == len(space):
        if all(
            same(n, m) or (i in reduced and is_fixed(n, 1))
            for i, (n, m) in enumerate(zip(shape, space, strict=True))
        ):
            return tuple([0 if is_fixed(n, 1) else s for s, n in zip(strides, shape, strict=True)])
        return None
    kept = [i for i in range(len(space)) if i not in reduced]
    if len(shape) != len(kept):
        return None
    out: list[Dimension] = [0] * len(space)
    for axis, n, stride in zip(kept, shape, strides, strict=True):
        if not same(n, space[axis]):
            return None
        out[axis] = 0 if is_fixed(n, 1) else stride
    return tuple(out)


class Grouping:
    """Groups under construction. See `group_nodes`."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.groups: dict[int, Group] = {}
        self.owner: dict[Buffer, Group] = {}
        for number, node in enumerate(nodes):
            self.add(number, node)
        self._join_sums()

    def _join_sums(self) -> None:
        """Sums over the same axes of what is computed from the same values: one pass for all."""
        found: dict[tuple[object, ...], list[Group]] = {}
        for group in sorted(self.groups.values(), key=lambda g: g.number):
            if group.kind != "columns":
                continue
            key = (str(group.space), group.reduced)
            mine = _read_whole(group)
            for place, other in enumerate(found.setdefault(key, [])):
                if not mine & _read_whole(other):
                    continue
                if group.before & other.bits or other.before & group.bits:
                    continue  # one needs the other
                if self.merge(other, group) is other:
                    found[key][place] = other
                    break
            else:
                found[key].append(group)

    def add(self, number: int, node: Node) -> None:
        """Give a node its own group, then merge that with the groups of its operands."""
        group = _own_group(node)
        group.number, group.bits = number, 1 << number
        self.groups[number] = group
        for view in node.operands:
            producer = self.owner.get(view.buffer)
            if producer is not None:
                group.before |= producer.before | producer.bits
        for buffer in node.after:
            producer = self.owner[buffer]
            group.before |= producer.before | producer.bits
        for view in node.outputs:
            self.owner[view.buffer] = group
        if group.kind not in ("rows", "columns"):
            return
        for elementwise in (True, False):  # these first: a product takes them in with the node
            for view in node.operands:
                producer = self.owner.get(view.buffer)
                if producer is None or producer is group:
                    continue
                if node.again and not producer.nodes[0].again:
                    continue  # it waits for what reads it
                if (producer.kind == "rows" and not producer.reduced) == elementwise:
                    group = self.merge(producer, group)

    def merge(self, first: Group, second: Group) -> Group:
        """Both as one group where that is possible, else `second`, which reads from `first`."""
        for other in self._needs(second):
            if other is not first and other.before & first.bits:
                return second  # it must run in between
        if not _absorb(first, second):
            return second
        del self.groups[second.number]
        del self.groups[first.number]
        first.bits |= second.bits
        first.before = (first.before | second.before) & ~first.bits
        for buffer in second.places:
            self.owner[buffer] = first
        gained = first.before | first.bits
        for group in self.groups.values():
            if group.before & first.bits:
                group.before |= gained
        first.number = second.number
        self.groups[first.number] = first
        return first

    def _needs(self, group: Group) -> list[Group]:
        """The groups that compute operands of a group."""
        found = {}
        for node in group.nodes:
            for view in node.operands:
                producer = self.owner.get(view.buffer)
                if producer is not None and producer is not group:
                    found[id(producer)] = producer
            for buffer in node.after:
                producer = self.owner[buffer]
                if producer is not group:
                    found[id(producer)] = producer
        return list(found.values())

    def ordered(self) -> list[Group]:
        """The groups, each after those that it needs, otherwise as the graph had them."""
        out: list[Group] = []
        done: set[int] = set()
        for start in sorted(self.groups.values(), key=lambda g: g.number):
            stack = [start]
            while stack:
                group = stack[-1]
                waiting = [g for g in self._needs(group) if id(g) not in done]
                if waiting and id(group) not in done:
                    stack.extend(waiting)
                    continue
                stack.pop()
                if id(group) not in done:
                    done.add(id(group))
                    out.append(group)
        return out


def _read_whole(group: Group) -> set[Buffer]:
    """What a group reads of which there is a number for each element of its space."""
    size = product(group.space)
    return {
        view.buffer
        for node in group.nodes
        for view in node.operands
        if view.buffer not in group.places and same(view.buffer.elements, size)
    }


def _own_group(node: Node) -> Group:
    kind: GroupKind = "rows"
    if node.kind == "reduce":
        kind = "rows" if _is_by_rows(node) else "columns"
    elif node.apart:
        kind = "transposition"
    elif node.kind != "pointwise" and node.kind != "copy" and node.kind != "fill":
        kind = node.kind
    group = Group(kind, node.shape, [node], node.axes)
    _set_places(group, node)
    return group


def group_nodes(nodes: Sequence[Node]) -> list[Group]:
    """The groups of nodes, in an order in which they can run."""
    return Grouping(nodes).ordered()


def _is_by_rows(node: Node) -> bool:
    """Whether a reduction goes over the innermost axes in memory, few enough elements to stay in
    cache for what follows."""
    order = memory_order(node.operands[0])
    if order is None:
        order = tuple(range(len(node.shape)))
    axes = [i for i in order if not is_fixed(node.shape[i], 1)]
    reduced = [i for i in axes if i in node.axes]
    if len(reduced) == len(axes) or axes[len(axes) - len(reduced) :] != reduced:
        return False
    size = product([node.shape[i] for i in reduced])
    return isinstance(size, int) and size <= ROW_LIMIT


def _set_places(group: Group, node: Node) -> None:
    for view in node.outputs:
        strides = result_strides(node, view, group)
        if strides is not None:
            group.places[view.buffer] = strides


def result_strides(node: Node, view: View, group: Group) -> tuple[Dimension, ...] | None:
    """The strides of a node's result over the group's space."""
    if node.kind == "reduce":
        return spread(view.strides, view.shape, group.space, node.axes)
    return spread(view.strides, view.shape, group.space, group.reduced)


def _absorb(first: Group, second: Group) -> bool:
    """Take `second` into `first`, where what it reads there is always the element at hand."""
    if not _kinds_fit(first, second) or len(first.nodes) + len(second.nodes) > MOST_NODES:
        return False
    reduced = first.reduced or second.reduced
    space = _common_space(first, second, reduced)
    if space is None:
        return False
    kind: GroupKind = second.kind if first.kind == "rows" else first.kind
    if kind == "columns" and not same_shape(second.space, space):
        return False
    if kind == "rows" and reduced and not _rows_innermost(first, second, space, reduced):
        return False
    changed = reduced != first.reduced or not same_shape(space, first.space)
    nodes = [*first.nodes, *second.nodes] if changed else second.nodes
    merged = Group(kind, space, nodes, reduced)
    if not changed:
        merged.places = first.places
    added = Group(kind, space, nodes, reduced)
    for node in nodes:
        _set_places(added, node)
        if any(view.buffer not in added.places for view in node.outputs):
            return False
    merged.places = {**merged.places, **added.places}
    sums = {n.outputs[0].buffer for n in (*first.nodes, *second.nodes) if n.kind == "reduce"}
    for node in nodes:
        if not _reads_at_hand(node, merged, sums):
            return False
    first.kind, first.space, first.reduced = kind, space, reduced
    first.nodes.extend(second.nodes)
    first.places.update(added.places)
    return True


def _kinds_fit(first: Group, second: Group) -> bool:
    if second.kind not in ("rows", "columns") or first.kind in _ALONE:
        return False
    if first.reduced and second.reduced and first.reduced != second.reduced:
        return False
    if first.kind in ("product", "window"):  # after them: elementwise operations
        return second.kind == "rows" and not second.reduced
    if first.kind == "columns":
        return second.kind == "columns" or not second.reduced
    return not (first.reduced and second.kind == "columns")


def _reads_at_hand(node: Node, group: Group, sums: set[Buffer]) -> bool:
    """Whether all that a node reads of the group's results is the element, or the row's value, at
    hand."""
    for view in node.operands:
        if node.kind in ("product", "window"):
            continue  # computed before the rest of the group
        strides = on_space(view, node, group)
        if strides is None:
            return False
        place = group.places.get(view.buffer)
        if place is None:
            continue
        if not is_fixed(view.offset, 0) or not same_strides(strides, place, group.space):
            return False
        if group.kind == "columns" and view.buffer in sums:
            return False  # complete at the end only
    return True


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes are surely equal."""
    return len(a) == len(b) and all(same(m, n) for m, n in zip(a, b, strict=True))


def _common_space(first: Group, second: Group, reduced: tuple[int, ...]) -> Shape | None:
    if same_shape(first.space, second.space):
        return first.space
    for large, small in ((first, second), (second, first)):
        if reduced and large.reduced == reduced and not small.reduced:
            zeros: tuple[Dimension, ...] = (0,) * len(small.space)
            if spread(zeros, small.space, large.space, reduced) is not None:
                return large.space
    return None


def _rows_innermost(first: Group, second: Group, space: Shape, reduced: tuple[int, ...]) -> bool:
    """Whether the reduced axes are innermost in what the groups write over the whole space."""
    for group in (first, second):
        for node in group.nodes:
            if node.kind == "pointwise" and same_shape(node.shape, space):
                order = memory_order(node.outputs[0])
                if order is None:
                    return False
                axes = [i for i in order if not is_fixed(space[i], 1)]
                inner = [i for i in axes if i in reduced]
                if axes[len(axes) - len(inner) :] != inner:
                    return False
    return True
