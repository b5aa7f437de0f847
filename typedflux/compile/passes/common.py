"""Common subexpressions: what has been computed is not computed again."""

from __future__ import annotations

from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.rewriting import Rewrites, rewrite
from typedflux.core.graph import Graph


def share_common(graph: Graph) -> Graph:
    """The graph with equations merged that do the same to the same operands.

    Every primitive is a function of its operands and parameters, random ones of the state that they
    are given. Parameters are compared by value. What a checkpoint computes is shared with nothing
    outside it.
    """
    return rewrite(graph, Rewrites(share=True, finish=drop_dead))
