"""Cheap values are computed again where they are read, instead of being kept in memory.

`x - mean` and its product with `1 / deviation`, for example: what follows can read `x`, which is in
memory anyway, and compute them from the row's two numbers. Going over memory is what such steps
take, and a training step would keep all of them until it comes back.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.grouping import Group, group_nodes
from typedflux.compile.lowering.views import Buffer, View, same

_CHEAP = {"add", "subtract", "multiply", "negative"}
_STEPS = 3
"""The most steps from what is in memory to a value that is computed again."""
_ATTEMPTS = 3


def grouped(nodes: Sequence[Node], wanted: Set[Buffer]) -> list[Group]:
    """The groups of nodes, in an order in which they can run; `wanted` have to be in memory."""
    groups = group_nodes(nodes)
    refused: set[tuple[int, Buffer]] = set()
    for _ in range(_ATTEMPTS):
        plan = _Plan(groups, wanted, refused)
        again, clones = plan.nodes(nodes)
        if not clones:
            return groups
        found = group_nodes(again)
        alone = [
            clones[id(node)]
            for group in found
            if all(id(node) in clones for node in group.nodes)
            for node in group.nodes
        ]
        if not alone:
            return found
        refused.update(alone)  # what read them could not take them in
    return groups


@dataclass(slots=True)
class _Clones:
    """What a group computes again: the nodes, and the copies of the values."""

    nodes: list[Node] = field(default_factory=list)
    buffers: dict[Buffer, Buffer] = field(default_factory=dict)


class _Plan:
    """Which groups compute which values again.

    Args:
        refused: the numbers of groups, with values that they have to read from memory.
    """

    def __init__(
        self, groups: Sequence[Group], wanted: Set[Buffer], refused: Set[tuple[int, Buffer]]
    ) -> None:
        self.groups = groups
        self.wanted, self.refused = wanted, refused
        self.producers = {v.buffer: n for g in groups for n in g.nodes for v in n.outputs}
        self.owner = {v.buffer: i for i, g in enumerate(groups) for n in g.nodes for v in n.outputs}
        self.readers: dict[Buffer, set[int]] = {}
        for i, group in enumerate(groups):
            for node in group.nodes:
                for view in node.operands:
                    self.readers.setdefault(view.buffer, set()).add(i)
        self._steps: dict[Buffer, int] = {}

    def steps(self, buffer: Buffer) -> int:
        """Steps from memory to a value: 0 where it is there anyway, more than `_STEPS` where
        computing it again would not be cheap."""
        known = self._steps.get(buffer)
        if known is None:
            self._steps[buffer] = _STEPS + 1  # while it is looked at
            known = self._steps[buffer] = self._count(buffer)
        return known

    def _count(self, buffer: Buffer) -> int:
        node = self.producers.get(buffer)
        if node is None or buffer in self.wanted:
            return 0
        cheap = node.kind == "pointwise" and node.detail in _CHEAP and not node.after
        if not cheap or buffer.whole is not None or not buffer.dtype.is_floating:
            others = self.readers.get(buffer, set()) - {self.owner[buffer]}
            return 0 if others else _STEPS + 1
        large = {v.buffer for v in node.operands if same(v.buffer.elements, buffer.elements)}
        if len(large) != 1:
            return _STEPS + 1
        small = [v.buffer for v in node.operands if v.buffer not in large]
        if any(not _is_smaller(b, buffer) for b in small):
            return _STEPS + 1
        return 1 + self.steps(large.pop())

    def again(self, place: int, buffer: Buffer) -> bool:
        """Whether a group computes a value of another one again."""
        owner = self.owner.get(buffer)
        if owner is None or owner == place or (place, buffer) in self.refused:
            return False
        group = self.groups[place]
        if group.kind not in ("rows", "columns", "product", "window"):
            return False
        return 0 < self.steps(buffer) <= _STEPS

    def nodes(self, nodes: Sequence[Node]) -> tuple[list[Node], dict[int, tuple[int, Buffer]]]:
        """The nodes with those that are computed again, and of these the group and the value."""
        place = {id(node): i for i, group in enumerate(self.groups) for node in group.nodes}
        clones: dict[int, tuple[int, Buffer]] = {}
        made: dict[int, _Clones] = {}
        out: list[Node] = []
        for node in nodes:
            i = place[id(node)]
            if node.kind in ("pointwise", "reduce") and any(
                self.again(i, v.buffer) for v in node.operands
            ):
                mine = made.setdefault(i, _Clones())
                before = len(mine.nodes)
                operands = tuple([self._copied(i, v, mine) for v in node.operands])
                for clone in mine.nodes[before:]:
                    out.append(clone)
                node = replace(node, operands=operands)
            out.append(node)
        for i, mine in made.items():
            values = {copy: value for value, copy in mine.buffers.items()}
            for clone in mine.nodes:
                clones[id(clone)] = i, values[clone.outputs[0].buffer]
        return out, clones

    def _copied(self, place: int, view: View, mine: _Clones) -> View:
        """The view, of a value that the group computes again."""
        buffer = view.buffer
        if not self.again(place, buffer):
            return view
        if buffer not in mine.buffers:
            node = self.producers[buffer]
            operands = tuple([self._copied(place, v, mine) for v in node.operands])
            copy = Buffer(buffer.dtype, buffer.elements, buffer.name)
            outputs = (replace(node.outputs[0], buffer=copy),)
            mine.nodes.append(replace(node, operands=operands, outputs=outputs))
            mine.buffers[buffer] = copy
        return replace(view, buffer=mine.buffers[buffer])


def _is_smaller(one: Buffer, other: Buffer) -> bool:
    """Whether a value is surely much smaller than another: numbers of rows or of columns."""
    if isinstance(one.elements, int) and not isinstance(other.elements, int):
        return True
    quotient = other.elements // one.elements
    if isinstance(quotient, int):
        return quotient >= 8
    return same(quotient * one.elements, other.elements)
