"""Reverse mode: record pullbacks while the function runs, then apply them backwards.

The record is a graph of nodes that point to their parents, so what the result does not depend on is
freed while the function still runs. The backward pass walks it in the reverse order of creation,
without recursion, and frees each node as it goes unless the pullback is to be used again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, ClassVar

from typedflux import ops
from typedflux.core.primitive import JointPullback, Primitive, Pullback
from typedflux.core.tracing import Trace, Tracer
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.tensor import Tensor


class Node:
    """An operation's result in the record: whom it came from and how cotangents go back."""

    __slots__ = ("edges", "index", "joint", "outputs")

    def __init__(self, index: int) -> None:
        self.index = index
        self.edges: Sequence[tuple[Node, Pullback]] = ()
        self.joint: tuple[JointPullback, Sequence[Node | None]] | None = None
        self.outputs: tuple[Tensor, ...] | None = None
        """For an operation with several results: their values, to make zeros of."""

    def clear(self) -> None:
        self.edges = ()
        self.joint = None
        self.outputs = None


class Output:
    """One of several results of a node."""

    __slots__ = ("index", "node", "position")

    def __init__(self, node: Node, position: int) -> None:
        self.node = node
        self.position = position
        self.index = node.index


class ReverseTracer(Tracer):
    """A value that the result may depend on."""

    __slots__ = ("node", "position", "value")

    _trace: ReverseTrace
    value: Tensor
    node: Node
    position: int
    remedy: ClassVar[str] = (
        "use stop_gradient(x) for a value outside the gradient, or flux operations that keep it a "
        "tensor"
    )

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def type(self) -> TensorType:
        return TensorType(self.value.dtype, self.value.shape)

    def __repr__(self) -> str:
        return f"<in a gradient: {self.value!r}>"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else repr(self)


class ReverseTrace(Trace):
    __slots__ = ("_count",)

    name: ClassVar[str] = "gradient"

    def __init__(self) -> None:
        super().__init__()
        self._count = itertools.count()

    def input(self, value: Tensor) -> ReverseTracer:
        """A tracer to differentiate with respect to."""
        return self._tracer(value, Node(next(self._count)), -1)

    def _tracer(self, value: Tensor, node: Node, position: int) -> ReverseTracer:
        tracer: ReverseTracer = object.__new__(ReverseTracer)
        tracer._trace = self
        tracer.value = value
        tracer.node = node
        tracer.position = position
        return tracer

    def process(self, primitive: Primitive, args: Sequence[Tensor], params: dict[str, Any]) -> Any:
        values: list[Tensor] = []
        parents: list[Any] = []
        for arg in args:
            if type(arg) is ReverseTracer and arg._trace is self:
                values.append(arg.value)
                parents.append(arg.node if arg.position < 0 else Output(arg.node, arg.position))
            else:
                values.append(arg)
                parents.append(None)
        out, pullbacks = primitive.linearize(values, params)
        if primitive.calls_back:
            self.refuse_captured(primitive, out)
        if pullbacks is None:
            return out
        node = Node(next(self._count))
        if isinstance(pullbacks, JointPullback):
            node.joint = (pullbacks, parents)
        else:
            edges = [
                (parent, pullback)
                for parent, pullback in zip(parents, pullbacks, strict=True)
                if parent is not None and pullback is not None
            ]
            if not edges:
                return out
            node.edges = edges
        if not primitive.multiple:
            return self._tracer(out, node, -1)
        node.outputs = out
        return tuple(
            [
                self._tracer(value, node, i) if value.dtype.is_inexact else value
                for i, value in enumerate(out)
            ]
        )

    def unwrap(self, tensor: Tensor) -> Tensor:
        """The value behind a tracer of this trace; any other tensor as it is."""
        if type(tensor) is ReverseTracer and tensor._trace is self:
            return tensor.value
        return tensor

    def backpropagate(
        self,
        outputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        inputs: Sequence[Tensor],
        *,
        keep: bool = False,
    ) -> list[Tensor | None]:
        """Cotangents of `inputs` from those of `outputs`; `None` where nothing depends.

        With `keep` the record can be used again; without, it is freed as it is consumed.
        """
        pending: dict[Node, Any] = {}
        queue: list[tuple[int, Node]] = []
        for out, cotangent in zip(outputs, cotangents, strict=True):
            if type(out) is ReverseTracer and out._trace is self:
                _accumulate(pending, queue, _origin(out), cotangent)
        wanted = {t.node for t in inputs if type(t) is ReverseTracer and t._trace is self}
        while queue:
            # Whatever uses a node was created after it, so the last one has all its cotangents.
            node = heappop(queue)[1]
            if node in wanted:
                continue
            arrived: Any = pending.pop(node)
            if node.outputs is not None:
                arrived = tuple(
                    [
                        ops.zeros_like(value) if c is None else c
                        for value, c in zip(node.outputs, arrived, strict=True)
                    ]
                )
            if node.joint is not None:
                joint, parents = node.joint
                for parent, c in zip(parents, joint.function(arrived), strict=True):
                    if parent is not None and c is not None:
                        _accumulate(pending, queue, parent, c)
            else:
                for parent, pullback in node.edges:
                    _accumulate(pending, queue, parent, pullback(arrived))
            if not keep:
                node.clear()
        return [
            pending.get(t.node) if type(t) is ReverseTracer and t._trace is self else None
            for t in inputs
        ]


def _origin(tracer: ReverseTracer) -> Any:
    return tracer.node if tracer.position < 0 else Output(tracer.node, tracer.position)


def _accumulate(
    pending: dict[Node, Any], queue: list[tuple[int, Node]], target: Any, cotangent: Tensor
) -> None:
    """Add to what has arrived at a node, or at one of its results; the first arrival queues it."""
    if type(target) is Node:
        known = pending.get(target)
        if known is None:
            pending[target] = cotangent
            heappush(queue, (-target.index, target))
        else:
            pending[target] = ops.add(known, cotangent)
        return
    node = target.node
    slots = pending.get(node)
    if slots is None:
        slots = pending[node] = [None] * len(node.outputs)
        heappush(queue, (-node.index, node))
    known = slots[target.position]
    slots[target.position] = cotangent if known is None else ops.add(known, cotangent)
