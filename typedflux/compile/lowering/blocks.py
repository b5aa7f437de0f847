"""Groups in order as calls of kernels, and control flow as blocks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from typedflux.compile.lowering.analysis import Node
from typedflux.compile.lowering.grouping import Group, group_nodes
from typedflux.compile.lowering.kernels import Kernels, Stage
from typedflux.compile.lowering.loops import Body, Choice, Loop
from typedflux.compile.lowering.panels import Packer, PanelsKernel
from typedflux.compile.lowering.views import Buffer
from typedflux.shapes.dims import Dimension


@dataclass(eq=False, slots=True)
class Call:
    """An operation that has no code of its own: its numpy kernel runs."""

    node: Node


@dataclass(eq=False, slots=True)
class LoopItem:
    """A loop in native code: per step the test, the body, then the copies to the state."""

    node: Node
    loop: Loop
    test: Block | None
    body: Block
    copies: Block
    packed: Sequence[Buffer] = ()
    """Operands packed before the loop, which it reads."""


@dataclass(eq=False, slots=True)
class ChoiceItem:
    """One of two blocks."""

    node: Node
    choice: Choice
    blocks: tuple[Block, Block]


Item: TypeAlias = "Stage | Call | LoopItem | ChoiceItem"


@dataclass(eq=False, slots=True)
class Block:
    """Things to do one after the other.

    Attributes:
        groups: what is computed, with the buffers that each leaves in memory.
        items: how.
    """

    groups: list[tuple[Group, list[Buffer]]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def make_block(
    groups: Sequence[Group],
    wanted: set[Buffer],
    kernels: Kernels,
    outer: Packer | None = None,
    varying: Iterable[Buffer] = (),
) -> Block:
    """The kernels of groups, in this order, after which the buffers `wanted` are in memory.

    For a loop's body, `outer` packs operands before the loop, and `varying` is what changes.
    """
    block = Block()

    def pack(group: Group, kernel: PanelsKernel, buffer: Buffer) -> None:
        block.items.extend(kernels.stages_of(group, kernel))
        block.groups.append((group, [buffer]))

    packer = Packer(groups, kernels.machine, pack, outer, varying)
    readers: dict[Buffer, set[int]] = {}
    for place, group in enumerate(groups):
        for node in group.nodes:
            for view in node.operands:
                readers.setdefault(view.buffer, set()).add(place)
    for place, group in enumerate(groups):
        made = [view.buffer for node in group.nodes for view in node.outputs]
        stored = made
        if group.kind == "call":
            block.items.append(Call(group.nodes[0]))
        elif group.kind == "control":
            block.items.append(_control(group.nodes[0], kernels, packer))
        elif group.kind != "join":
            stored = [b for b in made if b in wanted or readers.get(b, set()) - {place}]
            if stored:
                stored = [*stored, *kernels.kept(group, stored)]
                block.items.extend(kernels.stages(group, stored, packer.packed(group)))
        block.groups.append((group, stored))
    return block


def _control(node: Node, kernels: Kernels, packer: Packer) -> Item:
    control = node.control
    if isinstance(control, Choice):
        first, second = (_inner(body, kernels) for body in control.bodies)
        return ChoiceItem(node, control, (first, second))
    assert isinstance(control, Loop)
    varying = [m.buffer for m in control.moving]
    varying += [v.buffer for n in control.body.copies for v in n.outputs]
    used = Packer((), kernels.machine, outer=packer)
    test = None if control.test is None else _inner(control.test, kernels, used, varying)
    body = _inner(control.body, kernels, used, varying)
    copies = [v.buffer for n in control.body.copies for v in n.outputs]
    return LoopItem(
        node,
        control,
        test,
        body,
        make_block(group_nodes(control.body.copies), set(copies), kernels),
        list(used.used),
    )


def _inner(
    body: Body, kernels: Kernels, outer: Packer | None = None, varying: Iterable[Buffer] = ()
) -> Block:
    groups = group_nodes(body.analysis.nodes)
    return make_block(groups, body.wanted, kernels, outer, varying)


def parts_of(item: Item) -> list[Block]:
    """The blocks inside an item."""
    if isinstance(item, LoopItem):
        return [b for b in (item.test, item.body, item.copies) if b is not None]
    return list(item.blocks) if isinstance(item, ChoiceItem) else []


def all_stored(block: Block) -> Iterator[Buffer]:
    """The buffers that are left in memory, also by what is inside, moving ones included."""
    for _, stored in block.groups:
        yield from stored
    for item in block.items:
        for inner in parts_of(item):
            yield from all_stored(inner)


def all_moving(block: Block) -> Iterator[Buffer]:
    """The buffers that loops move from step to step."""
    for item in block.items:
        if isinstance(item, LoopItem):
            yield from (moving.buffer for moving in item.loop.moving)
        for inner in parts_of(item):
            yield from all_moving(inner)


def uses(item: Item) -> Iterator[Buffer | Dimension]:
    """What an item refers to itself: the entries of its kernel's list, or its operands."""
    if isinstance(item, Stage):
        yield from item.args
    elif isinstance(item, Call):
        yield from (v.buffer for v in (*item.node.operands, *item.node.outputs))
    else:
        yield from (v.buffer for v in (*item.node.operands, *item.node.outputs))
        if isinstance(item, LoopItem):
            yield from item.packed
            for moving in item.loop.moving:
                yield moving.within
