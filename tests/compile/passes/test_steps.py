"""Optimised graphs of whole training steps give what they gave, for every size of the batch."""

from __future__ import annotations

import pytest

from tests.compile.passes.helpers import Pass, applied, assert_same_values, specialised
from tests.compile.passes.steps import STEPS, Step
from typedflux.compile.passes import optimise
from typedflux.compile.passes.checking import check_graph
from typedflux.compile.passes.common import share_common
from typedflux.compile.passes.constants import fold_constants
from typedflux.compile.passes.dead import drop_dead
from typedflux.compile.passes.decomposition import decompose
from typedflux.compile.passes.inlining import inline
from typedflux.compile.passes.pinning import pin_sizes
from typedflux.compile.passes.simplification import simplify
from typedflux.core.graph import Graph
from typedflux.shapes.dims import Dim

SINGLE: dict[str, Pass] = {
    "inline": inline,
    "decompose": decompose,
    "simplify": simplify,
    "fold constants": fold_constants,
    "share": share_common,
    "drop dead": drop_dead,
}


def symbols(graph: Graph) -> set[str]:
    """The sizes of inputs that are not fixed."""
    return {str(d) for v in graph.inputs for d in v.type.shape if isinstance(d, Dim)}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_gives_the_same(step: Step) -> None:
    graph, inputs, sizes = specialised(step.run, *step.arguments(5))
    before, guards = str(graph), [str(g) for g in graph.guards]
    new = optimise(graph)
    check_graph(new, pin_sizes(graph))
    assert str(graph) == before
    assert [str(g) for g in graph.guards] == guards
    assert str(optimise(new)) == str(new)
    assert_same_values(new, graph, inputs, sizes, step.tolerance)
    assert "batch" in symbols(new)
    assert symbols(new) == symbols(pin_sizes(graph))
    for batch in (2, 8):
        _, inputs, sizes = specialised(step.run, *step.arguments(batch))
        assert_same_values(new, graph, inputs, sizes, step.tolerance)


@pytest.mark.parametrize("single", SINGLE.values(), ids=SINGLE)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_pass_gives_the_same(step: Step, single: Pass) -> None:
    graph, inputs, sizes = specialised(step.run, *step.arguments(3))
    graph = pin_sizes(graph)
    assert_same_values(applied(single, graph), graph, inputs, sizes, step.tolerance)
