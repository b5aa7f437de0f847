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
_STEPS = 4
"""The most steps from what is in memory to a value that is computed again."""
_SOURCES = 2
"""The most large values in memory that it is computed from."""
_READERS = 2
"""The most groups that compute a value again for which they read more than one of these."""
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


@dataclass(frozen=True, slots=True)
class _Sources:
    """What a value is computed from, and in how many steps."""

    steps: int
    buffers: frozenset[Buffer]


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
        self._sources: dict[Buffer, _Sources | None] = {}

    def sources(self, buffer: Buffer) -> _Sources | None:
        """What in memory a value can be computed from cheaply, itself where it is there anyway;
        `None` where there is nothing such."""
        if buffer not in self._sources:
            self._sources[buffer] = None  # while it is looked at
            self._sources[buffer] = self._found(buffer)
        return self._sources[buffer]

    def _found(self, buffer: Buffer) -> _Sources | None:
        node = self.producers.get(buffer)
        here = _Sources(0, frozenset([buffer]))
        if node is None or buffer in self.wanted:
            return here
        others = self.readers.get(buffer, set()) - {self.owner[buffer]}
        cheap = node.kind == "pointwise" and node.detail in _CHEAP and not node.after
        if not cheap or buffer.whole is not None or not buffer.dtype.is_floating:
            return here if others else None
        large = {v.buffer for v in node.operands if same(v.buffer.elements, buffer.elements)}
        if any(v.buffer not in large and not _is_smaller(v.buffer, buffer) for v in node.operands):
            return None
        steps, found = 1, set[Buffer]()
        for operand in large:
            part = self.sources(operand)
            if part is None:
                return None
            steps += part.steps
            found |= part.buffers
        if not found or steps > _STEPS or len(found) > _SOURCES:
            return None
        if len(found) > 1 and len(others) > _READERS:
            return None
        return _Sources(steps, frozenset(found))

    def again(self, place: int, buffer: Buffer) -> bool:
        """Whether a group computes a value of another one again."""
        owner = self.owner.get(buffer)
        if owner is None or owner == place or (place, buffer) in self.refused:
            return False
        group = self.groups[place]
        if group.kind not in ("rows", "columns", "product", "window"):
            return False
        found = self.sources(buffer)
        return found is not None and found.steps > 0

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
            mine.nodes.append(replace(node, operands=operands, outputs=outputs, again=True))
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
