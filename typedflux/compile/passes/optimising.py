"""All passes, in order."""

from __future__ import annotations

from typing import Final

from typedflux.compile.passes import decomposition, inlining, simplification
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


_ALL: Final = Rewrites(
    rules=_merged(inlining.RULES, decomposition.RULES, simplification.RULES),
    by_kind=simplification.KIND_RULES,
    fold=fold,
    number=number_throughout,
    share=True,
    finish=drop_dead,
)


def optimise(graph: Graph) -> Graph:
    """The graph as simple operations, without what is decided, repeated or not used."""
    return rewrite(pin_sizes(graph), _ALL)
