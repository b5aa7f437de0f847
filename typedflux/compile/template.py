"""Values with tensors left out: what a traced function returned or assigned, to be filled again.

A `Template` puts a placeholder for each tensor, which becomes an output of the graph, and a
reference for each module among the arguments; `fill` puts the outputs and modules of a call there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedflux.compile.signature import Flattened
from typedflux.core.graph import GraphTrace
from typedflux.core.staging import Staged
from typedflux.core.tree import children, is_branch, rebuild
from typedflux.shapes.dims import Dim, evaluate
from typedflux.tensor import Tensor


@dataclass(frozen=True, slots=True)
class OutputRef:
    """The graph's output of this position."""

    position: int


@dataclass(frozen=True, slots=True)
class BranchRef:
    """The module of this position among the arguments."""

    position: int


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """The container of this position among the arguments."""

    position: int


@dataclass(frozen=True, slots=True)
class SizeRef:
    """A symbolic size, which is a number in each call."""

    size: Dim


class Template:
    """Makes templates of values from inside a trace.

    Args:
        given: the arguments, taken apart.
    """

    def __init__(self, trace: GraphTrace, staged: Staged, given: Flattened) -> None:
        self.trace = trace
        self.staged = staged
        self.positions = {id(b): i for i, b in enumerate(given.branches)}
        self.containers = {id(c): i for i, c in enumerate(given.containers)}
        self.copies = {id(copy): original for original, copy in staged.containers()}

    def index(self, branch: Any) -> int | None:
        """The position of an argument's module, `None` for another."""
        return self.positions.get(id(branch))

    def of_contents(self, container: Any) -> Any:
        """The template of what an argument's container holds now. Those in it stay themselves."""
        return rebuild(container, [self._part(part) for _, part in children(container) or ()])

    def _part(self, value: Any) -> Any:
        position = self.containers.get(id(self.copies.get(id(value))))
        return self.of(value) if position is None else ContainerRef(position)

    def of(self, value: Any) -> Any:
        """The template of `value`."""
        if isinstance(value, Tensor):
            self.trace.graph.outputs.append(self.trace.variable_of(value))
            return OutputRef(len(self.trace.graph.outputs) - 1)
        if isinstance(value, Dim):
            return SizeRef(value)
        if is_branch(value):
            position = self.index(self.staged.originals(value))
            if position is not None:
                return BranchRef(position)
        parts = children(value)
        if not parts:
            return value
        return rebuild(value, [self.of(part) for _, part in parts])


def fill(
    template: Any,
    outputs: Sequence[Tensor] | Mapping[int, Tensor],
    branches: Sequence[Any],
    sizes: Mapping[Any, int] | None = None,
    containers: Sequence[Any] = (),
) -> Any:
    """The value that a template stands for in one call; `outputs` by position. Without `sizes`
    symbolic ones stay references."""
    kind = type(template)
    if kind is OutputRef:
        return outputs[template.position]
    if kind is BranchRef:
        return branches[template.position]
    if kind is ContainerRef:
        return containers[template.position]
    if kind is SizeRef:
        return template if sizes is None else evaluate(template.size, sizes)
    parts = children(template)
    if not parts:
        return template
    return rebuild(
        template, [fill(part, outputs, branches, sizes, containers) for _, part in parts]
    )
