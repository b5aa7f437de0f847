"""What `explain` says of a specialisation: its graph, and the code that was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typedflux.compile.describing import Work, value_text, why_numpy, works
from typedflux.compile.lowering.blocks import Call
from typedflux.compile.lowering.kernels import Stage
from typedflux.compile.lowering.memory import plan
from typedflux.compile.native import pool
from typedflux.compile.tables import aligned, bytes_text, shape_text, shortened
from typedflux.core.graph import Graph, Variable

if TYPE_CHECKING:
    from typedflux.compile.jit import Traced
    from typedflux.compile.lowering.frames import Frame
    from typedflux.compile.lowering.program import Program

_WIDTH = 56  # of what a group does
_VALUES = 48  # of what it leaves


def explanation(traced: Traced, sizes: Mapping[Any, int]) -> str:
    """The graph with what it relies on, then the groups, calls of numpy and memory at these
    sizes; or why the interpreter runs it."""
    from typedflux.compile.lowering.executables import Executable
    from typedflux.compile.lowering.program import Program
    from typedflux.compile.passes import optimise

    lines = [str(traced.graph)]
    for guard in traced.graph.guards:
        verdict = "" if guard.holds else "not "
        lines.append(f"  relies on {verdict}{guard.left} {guard.relation} {guard.right}")
    if isinstance(traced.program, Executable):
        lines += _program_lines(traced.graph, Program(optimise(traced.graph)), sizes)
    else:
        reason = traced.reason or "it holds values of a transformation that is under way"
        lines.append(f"run by the interpreter: {reason}")
    return "\n".join(lines)


def _program_lines(graph: Graph, program: Program, sizes: Mapping[Any, int]) -> Iterator[str]:
    found = list(works(program.block))
    stages = [item for work in found for item in work.items if isinstance(item, Stage)]
    regions = sum([segment.call is None for segment in program.segments])
    kernels = len({stage.kernel for stage in stages})
    yield (
        f"{_plural(len(found), 'group')}: {_plural(len(stages), 'call')} of "
        f"{_plural(kernels, 'kernel')} in {_plural(regions, 'region')} of native code"
    )
    if found:
        yield from _table(found)
    calls = [work for work in found if isinstance(work.items[0], Call)]
    if calls:
        yield "through numpy"
        reasons: dict[str, int] = {}
        for work in calls:
            text = f"{work.operations}: {why_numpy(work.group.nodes[0])}"
            reasons[text] = reasons.get(text, 0) + 1
        for text, count in reasons.items():
            yield f"  {text}" if count == 1 else f"  {text} ({count} times)"
    yield from _memory(graph, program, program.frame(sizes, {}))


def _table(found: list[Work]) -> Iterator[str]:
    rows = [["", "kind", "over", "operations", "leaves in memory"]]
    for number, work in enumerate(found, 1):
        rows.append(
            [
                str(number),
                "  " * work.depth + work.kind,
                shape_text(work.space),
                shortened(work.operations, _WIDTH),
                shortened(value_text(work.stored), _VALUES),
            ]
        )
    for line in aligned(rows, right=[0]):
        yield f"  {line}"


def _memory(graph: Graph, program: Program, frame: Frame) -> Iterator[str]:
    at = frame.at

    def size(variables: list[Variable]) -> int:
        views = {view.buffer: view for view in [program.analysis.views[v] for v in variables]}
        return sum([at(buffer.elements) * buffer.dtype.itemsize for buffer in views])

    yield "memory"
    rows = [["inputs", bytes_text(size(program.graph.inputs))]]
    constants = sum([array.nbytes for array in program.constants])
    if constants:
        rows.append(["constants", bytes_text(constants)])
    written = sum([at(v.buffer.elements) * v.dtype.itemsize for v in program.fresh])
    rows.append(["outputs", bytes_text(written)])
    rows.append(["in between", _between(program, frame)])
    donated = _in_place(graph, program)
    if donated:
        rows.append(["in place", donated])
    for line in aligned(rows):
        yield f"  {line}"


def _between(program: Program, frame: Frame) -> str:
    """Of values that are neither given nor returned, and of what kernels need for themselves."""
    needed = frame.needed(pool.get_threads())
    if not sum(needed):
        return "none"
    planned = plan(program.lifetimes, needed)
    text = f"{bytes_text(planned.total)} of values in {bytes_text(planned.size)} of memory"
    return f"{text}: {100 * (1 - planned.size / planned.total):.0f} % reused"


def _in_place(graph: Graph, program: Program) -> str:
    names = names_of(graph)
    outputs = [names[graph.outputs[number]] for number in sorted(program.donations)]
    if not outputs:
        return ""
    count = len(outputs)
    which = ", ".join(outputs) if count <= 8 else f"{count} of {len(graph.outputs)} outputs"
    return f"{which} may take over an input's memory"


def names_of(graph: Graph) -> dict[Variable, str]:
    """What variables are called in a graph's text."""
    names: dict[Variable, str] = {}
    constants = [variable for variable, _ in graph.constants]
    computed = [v for equation in graph.equations for v in equation.outputs]
    for variable in (*graph.inputs, *constants, *computed):
        names.setdefault(variable, f"%{len(names)}")
    return names


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
