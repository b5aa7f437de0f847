"""All passes, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from typedflux.compile.passes import (
    checking,
    decomposition,
    halves,
    inlining,
    loops,
    simplification,
)
from typedflux.compile.passes.accumulation import accumulate
from typedflux.compile.passes.checking import check_graph
from typedflux.compile.passes.constants import fold, number_throughout
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.pinning import pin_sizes
from typedflux.compile.passes.rewriting import Rewrites, Rule, rewrite
from typedflux.core.graph import Graph
from typedflux.core.primitive import Primitive


def _merged(*tables: dict[Primitive, Rule]) -> dict[Primitive, tuple[Rule, ...]]:
    merged: dict[Primitive, tuple[Rule, ...]] = {}
    for table in tables:
        for primitive, rule in table.items():
            merged[primitive] = (*merged.get(primitive, ()), rule)
    return merged


_ONCE: Final = Rewrites(
    rules=_merged(
        inlining.RULES, loops.RULES, decomposition.RULES, halves.RULES, simplification.RULES
    ),
    by_kind=simplification.KIND_RULES,
    fold=fold,
    number=number_throughout,
    share=True,
    finish=drop_dead,
)
_ALL: Final = replace(_ONCE, finish=lambda graph: accumulate(drop_dead(graph), _ONCE))
"""What each equation goes through, before the next one is looked at: so every rule sees operands
that have been through all of it, and one traversal is enough."""


def optimise(graph: Graph) -> Graph:
    """The graph as simple operations, without what is decided, repeated or not used.

    With the environment variable `TYPEDFLUX_CHECK_PASSES` set it is verified, see `checking`.

    >>> import typedflux as flux
    >>> from typedflux.core.graph import trace_graph
    >>> from typedflux.core.types import TensorType
    >>> graph = trace_graph(lambda x: [flux.softmax(x * 1)], [TensorType(flux.float32, (2, 3))])
    >>> print(optimise(graph))
    graph(%0: Float32[Tensor, "2 3"])
      constants %1: Float32[Tensor, ""], %2: Float32[Tensor, ""]
      %3: Float32[Tensor, "2 1"] = max(%0, axis=(1,), keepdims=True)
      %4: Bool[Tensor, "2 1"] = isfinite(%3)
      %5: Float32[Tensor, "2 1"] = where(%4, %3, %1)
      %6: Float32[Tensor, "2 3"] = subtract(%0, %5)
      %7: Float32[Tensor, "2 3"] = exp(%6)
      %8: Float32[Tensor, "2 1"] = sum(%7, axis=(1,), keepdims=True)
      %9: Float32[Tensor, "2 1"] = divide(%2, %8)
      %10: Float32[Tensor, "2 3"] = multiply(%7, %9)
      return %10
    """
    pinned = pin_sizes(graph)
    new = rewrite(pinned, _ALL)
    if checking.REQUESTED:
        check_graph(new, pinned)
    return new
