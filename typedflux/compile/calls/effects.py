"""Where the outputs of a program go: which fields are assigned to, and what is returned."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typedflux.compile.calls.programs import Program
from typedflux.compile.calls.reading import Field, Reading, UnreadableError
from typedflux.compile.signature import flatten
from typedflux.compile.template import BranchRef, OutputRef, fill
from typedflux.core.tree import children
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.shapes.dims import is_fixed
from typedflux.tensor import Tensor

if TYPE_CHECKING:
    from typedflux.compile.jit import Traced


@dataclass(slots=True, eq=False)
class Update:
    """A field whose tensors the program computes anew from themselves and others.

    Attributes:
        pairs: `(input, output)` for each tensor in it.
        keeps_tensors: whether its tensors may stay, with other values in them, where nobody else
            sees them. Not so where a new tensor is in two places, or an old one goes elsewhere.
    """

    field: Field
    template: Any
    pairs: list[tuple[int, int]]
    keeps_tensors: bool


@dataclass(slots=True, eq=False)
class Assignment:
    """A field that is assigned to and not read."""

    owner: dict[str, Any]
    name: str
    template: Any


@dataclass(slots=True, eq=False)
class Effects:
    """What one specialisation does.

    Attributes:
        same: for each output the first one that is the same value.
        sources: outputs that are inputs as they came, by number.
        constants: outputs that are tensors of the outer world.
        donated: outputs that take over the memory of the input in the same place.
        result: a template.
        single: the output that is the result, where that is one tensor.
    """

    updates: list[Update]
    assignments: list[Assignment]
    same: list[int]
    sources: dict[int, int]
    constants: dict[int, Tensor]
    donated: dict[int, int]
    result: Any
    single: int | None


def plan(traced: Traced, reading: Reading, program: Program, branches: Sequence[Any]) -> Effects:
    """How the outputs of `traced` are put where they belong, for arguments that were read.

    Raises:
        UnreadableError: where fields change in kind.
    """
    from typedflux.compile.passes.pinning import pin_sizes  # not when typedflux is imported

    graph = traced.graph
    first: dict[Any, int] = {}
    same = [first.setdefault(v, j) for j, v in enumerate(graph.outputs)]
    inputs = {v: i for i, v in enumerate(graph.inputs)}
    sources = {j: inputs[v] for j, v in enumerate(graph.outputs) if v in inputs}
    known = dict(graph.constants)
    constants = {j: known[v] for j, v in enumerate(graph.outputs) if v in known}
    types = [v.type for v in pin_sizes(graph).outputs]  # a guard may say what a size is
    updates: list[Update] = []
    assignments: list[Assignment] = []
    for write in traced.writes:
        if write.container is not None:
            raise UnreadableError("a container among the arguments changes")
        owner = traced.target(write, branches).__dict__
        field = reading.fields.get((id(owner), write.field))
        if field is not None:
            updates.append(_update(field, write.template, types, reading, same))
        elif write.branch is None and not _is_captured(traced, write.module, write.field):
            assignments.append(Assignment(owner, write.field, write.template))
        elif not _is_unchanged(write.template, owner.get(write.field), branches):
            raise UnreadableError(f"the field {write.field} changes in kind")
    _decide(updates, assignments, traced.result, same, sources | dict.fromkeys(constants, -1))
    donated = {
        j: i
        for update in updates
        if update.keeps_tensors
        for i, j in update.pairs
        if i in _offered(program.donations.get(j)) and i not in sources.values()
    }
    result = traced.result
    single = same[result.position] if type(result) is OutputRef else None
    return Effects(updates, assignments, same, sources, constants, donated, result, single)


def _offered(donation: Any) -> Collection[int]:
    if donation is None:
        return ()
    return (donation,) if isinstance(donation, int) else donation


def _is_captured(traced: Traced, module: Any, name: str) -> bool:
    if any([owner is module and field == name for owner, field in traced.captured]):
        return True
    return any([s.owner is module and s.name == name for s in traced.static])


def _update(
    field: Field, template: Any, types: list[TensorType], reading: Reading, same: list[int]
) -> Update:
    refs = positions(template)
    olds = [reading.leaves[i].anchor for i in field.leaves]
    stand_ins = {j: a.value for j, a in zip(refs, olds, strict=False) if a is not None}
    if len(refs) != len(field.leaves) or flatten(fill(template, stand_ins, ())).key != field.key:
        raise UnreadableError(f"the field {field.name} changes in kind")
    for i, j in zip(field.leaves, refs, strict=True):
        leaf, type = reading.leaves[i], types[j]
        fits = len(leaf.shape) == len(type.shape) and all(map(is_fixed, type.shape, leaf.shape))
        if not isinstance(type.dtype, DType) or type.dtype.dtype != leaf.dtype or not fits:
            raise UnreadableError(f"the field {field.name} changes its type")
    pairs = [(i, same[j]) for i, j in zip(field.leaves, refs, strict=True)]
    return Update(field, template, pairs, True)


def positions(template: Any) -> list[int]:
    """The outputs in a template, in order, each time it occurs.

    Raises:
        UnreadableError: for a container that occurs twice, whose tensors count once.
    """
    found: list[int] = []
    _add_positions(template, found, set())
    return found


def _add_positions(item: Any, found: list[int], seen: set[int]) -> None:
    if type(item) is OutputRef:
        found.append(item.position)
        return
    parts = children(item)
    if parts and not isinstance(item, BranchRef):
        if id(item) in seen:
            raise UnreadableError("a container that occurs twice")
        seen.add(id(item))
        for _, part in parts:
            _add_positions(part, found, seen)


def _decide(
    updates: list[Update], assignments: list[Assignment], result: Any, same: list[int],
    fixed: dict[int, Any],
) -> None:  # fmt: skip
    """Find the fields that must be given tensors of their own.

    Args:
        fixed: outputs that are known tensors: the number of an input, or another.
    """
    uses = Counter([j for update in updates for _, j in update.pairs])
    uses.update([same[j] for a in assignments for j in positions(a.template)])
    elsewhere = {fixed.get(same[j]) for j in positions(result)}
    elsewhere |= {fixed.get(same[j]) for a in assignments for j in positions(a.template)}
    elsewhere |= {fixed.get(j) for u in updates for i, j in u.pairs if fixed.get(j, i) != i}
    for update in updates:
        update.keeps_tensors = all(
            [uses[j] == 1 and i not in elsewhere and fixed.get(j, i) == i for i, j in update.pairs]
        )


def _is_unchanged(template: Any, value: Any, branches: Sequence[Any]) -> bool:
    """Whether a template without tensors stands for what is there already."""
    if positions(template):
        return False
    new, old = flatten(fill(template, (), branches)), flatten(value)
    return new.key == old.key and all(map(operator.is_, new.branches, old.branches))
