"""What compiled groups are, in words and numbers, for `explain` and `profile`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from typedflux.compile.lowering.analysis import CONVOLUTIONS, POOLS, REDUCTIONS, Node
from typedflux.compile.lowering.blocks import Block, Item, LoopItem, parts_of
from typedflux.compile.lowering.grouping import Group
from typedflux.compile.lowering.kernels import Stage
from typedflux.compile.lowering.views import Buffer, View
from typedflux.compile.native.expressions import supports
from typedflux.compile.tables import shape_text
from typedflux.core.types import Shape
from typedflux.dtypes import float32
from typedflux.shapes.dims import Dimension, is_fixed

SizeOf = Callable[[Dimension], int]
"""The number that a size is in a call."""

_KINDS = {
    "columns": "columns", "product": "product", "gather": "gather", "indexed": "gather",
    "along": "along", "transposition": "transposition", "check": "check", "draw": "random",
    "call": "numpy",
}  # fmt: skip


@dataclass(eq=False, slots=True)
class Work:
    """A group with what runs it.

    Attributes:
        stored: the values that it leaves in memory.
        items: its kernels, or the loop, branch or call that it is.
        depth: in how many loops and branches it is.
    """

    group: Group
    stored: list[View]
    items: list[Item]
    depth: int

    @property
    def kind(self) -> str:
        """What sort of work it is, in a word."""
        node = self.group.nodes[0]
        if self.group.kind == "control":
            return "loop" if isinstance(self.items[0], LoopItem) else "branch"
        if self.group.kind == "window":
            return "convolution" if node.equation.primitive.name in CONVOLUTIONS else "pool"
        if self.group.kind == "rows":
            return "rows" if self.group.reduced else "elementwise"
        return _KINDS[self.group.kind]

    @property
    def operations(self) -> str:
        """The operations that are one, as in `affine, multiply x2, relu`."""
        counts = Counter([_operation(node) for node in self.group.nodes])
        return ", ".join([name if n == 1 else f"{name} x{n}" for name, n in counts.items()])

    @property
    def space(self) -> Shape:
        """The shape that is gone over."""
        if self.group.kind in ("control", "call"):
            return self.group.nodes[0].outputs[0].shape
        return self.group.space


def works(block: Block, depth: int = 0) -> Iterator[Work]:
    """What a block does, in order, the inside of a loop or branch after it."""
    items: dict[int, list[Item]] = {}
    for item in block.items:
        key = id(item.group if isinstance(item, Stage) else item.node)
        items.setdefault(key, []).append(item)
    for group, stored in block.groups:
        mine = items.get(id(group)) or items.get(id(group.nodes[0]))
        if not mine:
            continue  # nothing is left to do: written in place, or wanted by nobody
        made = {view.buffer: view for node in group.nodes for view in node.outputs}
        yield Work(group, [made[buffer] for buffer in stored], mine, depth)
        for item in mine:
            for inner in parts_of(item):
                yield from works(inner, depth + 1)


def _operation(node: Node) -> str:
    return node.kind if node.kind in ("copy", "fill") else node.equation.primitive.name


# Work in numbers


def operations_done(group: Group, at: SizeOf) -> int | None:
    """Floating-point operations of a product or a convolution, two for each multiplication and
    sum; `None` for other groups."""
    node = group.nodes[0]
    name = node.equation.primitive.name
    if group.kind == "product":
        return 2 * _count(node.outputs[0].shape, at) * at(node.operands[0].shape[-1])
    if group.kind == "window" and name in CONVOLUTIONS:
        first, second = node.operands
        # Each is a sum of products over the elements of the convolution's result and the kernel.
        result, kernel = {
            "conv": (node.shape, second.shape),
            "conv_input_gradient": (first.shape, second.shape),
            "conv_weight_gradient": (second.shape, node.shape),
        }[name]
        return 2 * _count(result, at) * _count(kernel[1:], at)
    return None


def bytes_moved(work: Work, at: SizeOf) -> int:
    """Bytes that a group has to read, each once, and to write."""
    made = {view.buffer for node in work.group.nodes for view in node.outputs}
    read: dict[Buffer, int] = {}
    for node in work.group.nodes:
        for place, view in enumerate(node.operands):
            if view.buffer in made:
                continue
            size = _bytes_of(view, at)
            if node.equation.primitive.name == "gather" and place == 0:
                size = min(size, _bytes_of(node.outputs[0], at))  # what is picked
            read[view.buffer] = max(read.get(view.buffer, 0), size)
    return sum(read.values()) + sum([_bytes_of(view, at) for view in work.stored])


def _bytes_of(view: View, at: SizeOf) -> int:
    count = view.dtype.itemsize
    for size, stride in zip(view.shape, view.strides, strict=True):
        if not is_fixed(stride, 0):
            count *= at(size)
    return count


def _count(shape: Shape, at: SizeOf) -> int:
    count = 1
    for size in shape:
        count *= at(size)
    return count


# In words


def why_numpy(node: Node) -> str:
    """Why there is no code for an operation that runs through its numpy kernel."""
    primitive = node.equation.primitive
    lowering = primitive.lowering
    name, detail = primitive.name, lowering.detail
    dtypes = dict.fromkeys([v.dtype for v in (*node.operands, *node.outputs)])
    of = " and ".join([d.name for d in dtypes])
    if any(d.is_complex for d in dtypes):
        return "complex numbers have no code"
    if lowering.kind == "elementwise":
        plain = [float32] * len(node.operands)
        known = supports(detail, plain, float32, node.equation.params)
        return f"no code for {of}" if known else f"no code for {name}"
    if lowering.kind == "contraction":
        return f"no code for products of {of}"
    if lowering.kind == "reduction" and detail in REDUCTIONS:
        rank = len(node.operands[0].shape)
        return f"no code for {of}" if rank else "no code for a sum over no axes"
    if name in CONVOLUTIONS or name in POOLS:
        sizes = [n for v in (*node.operands, *node.outputs) for n in v.shape[1:]]
        if not all(isinstance(n, int) for n in sizes):
            return "only the batch may have a symbolic size"
        return "a size is 0" if 0 in sizes else f"no code for {of}"
    if name in ("gather", "scatter_add", "index_update"):
        return f"no code for {name} of {of}"
    if name in ("concat", "stack") and len(dtypes) > 1:
        return f"operands of several dtypes: {of}"
    if name == "random":
        return f"no code for {node.equation.params['kind']} random numbers of {of}"
    if name in ("scan", "while_loop", "cond"):
        return "what is inside has no code"
    return f"no code for {name}"


def value_text(views: Sequence[View]) -> str:
    """Values in memory: `float32 64 512`, alike ones once with their number."""
    counts = Counter([f"{v.dtype.name} {shape_text(v.shape)}" for v in views])
    return ", ".join([text if n == 1 else f"{n} of {text}" for text, n in counts.items()])
