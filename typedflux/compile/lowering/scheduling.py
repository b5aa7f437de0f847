"""The order of groups: what only leaves results behind runs as soon as it can.

A training step is traced forward, backward, and then the optimiser's updates; by then what a
weight's gradient is computed from has left the caches, and had to be kept all the while. An update
joined with its gradient's product runs right after the gradient of the layer's output is known.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from typedflux.compile.lowering.gathers import find_places
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.views import Buffer, same
from typedflux.shapes.dims import product

_SMALL = 256
"""Elements of what is computed at the beginning where it needs nothing but inputs."""


def scheduled(groups: Sequence[Group], wanted: Set[Buffer]) -> list[Group]:
    """The groups in an order in which they can run.

    A group that computes nothing but `wanted` buffers comes as early as it can, but after all
    others that read the inputs it may be written over, and after all that can still fail: nothing
    is written over before. Small groups that need nothing computed come first.
    """
    producers = {v.buffer: i for i, g in enumerate(groups) for n in g.nodes for v in n.outputs}
    needs = [_needs(group, i, producers) for i, group in enumerate(groups)]
    readers: dict[Buffer, list[int]] = {}
    for i, group in enumerate(groups):
        for buffer in {v.buffer for n in group.nodes for v in n.operands}:
            readers.setdefault(buffer, []).append(i)
    early: set[int] = set()
    for i, group in enumerate(groups):
        if needs[i] <= early and _is_small(group):
            early.add(i)
    last = max(raising(groups), default=-1)
    places: list[tuple[int, int, int]] = []
    for i, group in enumerate(groups):
        if i in early:
            places.append((-1, 0, i))
            continue
        place = (i, 0, i)
        if i > last and _is_final(group, i, wanted, readers):
            after = {n for n in needs[i] if n not in early} | {last}
            taken = _taken(group) - producers.keys()
            after |= {r for b in taken for r in readers[b] if r != i and r not in early}
            place = (max(after), 1, i)
        places.append(place)
    return [groups[place[2]] for place in sorted(places)]


def raising(groups: Sequence[Group]) -> list[int]:
    """The places of the groups that can fail, other than by what an earlier one fails by."""
    checked: set[Any] = set()
    found = []
    for place, group in enumerate(groups):
        if group.kind not in ("call", "gather", "indexed", "check", "control"):
            continue
        if group.kind == "gather":
            node = group.nodes[0]
            parts = find_places(node.operands, node.outputs[0], node.equation.params)
            assert parts is not None
            view = parts.index
            limit = str(parts.table.shape[1])
            key = (view.buffer, str(view.shape), str(view.strides), str(view.offset), limit)
            if key in checked:
                continue
            checked.add(key)
        found.append(place)
    return found


def _needs(group: Group, number: int, producers: dict[Buffer, int]) -> set[int]:
    """The groups that must have run."""
    found = set()
    for node in group.nodes:
        for buffer in (*(v.buffer for v in node.operands), *node.after):
            producer = producers.get(buffer, number)
            if producer != number:
                found.add(producer)
    return found


def _is_small(group: Group) -> bool:
    size = product(group.space)
    return group.kind == "rows" and isinstance(size, int) and size <= _SMALL


def _is_final(
    group: Group, number: int, wanted: Set[Buffer], readers: dict[Buffer, list[int]]
) -> bool:
    """Whether all that others could read of a group is for the caller only."""
    if group.kind not in ("rows", "columns", "product", "window"):
        return False
    made = [v.buffer for node in group.nodes for v in node.outputs]
    if any(b.whole is not None for b in made):
        return False  # a part of what is joined later
    return any(b in wanted for b in made) and all(set(readers.get(b, ())) <= {number} for b in made)


def _taken(group: Group) -> set[Buffer]:
    """What a group reads whose memory it may take over."""
    made = {v.buffer for node in group.nodes for v in node.outputs}
    return {
        v.buffer
        for node in group.nodes
        for v in node.operands
        if v.buffer not in made
        and any(v.buffer.dtype is b.dtype and same(v.buffer.elements, b.elements) for b in made)
    }
