"""The text of an error: the first line says it all, the rest shows the whole call.

    f: argument 'y' has shape "3 5", expected Float32[Tensor, "batch k"]: dimension 'batch' is 2 \
but here it is 3 (axis 0)

      f(
        x: Float32[Tensor, "batch d"]  got  float32 "2 4"
        y: Float32[Tensor, "batch k"]  got  float32 "3 5"  <- axis 0
      ) -> Float32[Tensor, "batch d"]

      batch = 2  from x, axis 0
      d     = 4  from x, axis 1
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from typedflux.checks.plan import MISSING, Entry
from typedflux.checks.verify import Problem, describe_value
from typedflux.shapes.dims import format_shape
from typedflux.shapes.spec import NamedAxis, VariadicAxis
from typedflux.shapes.unify import Bindings

_STARS: Final[dict[Any, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@dataclass(slots=True)
class Call:
    """What is known of a call when something in it is wrong."""

    where: str
    """How the function is called, as `Dense` or `train.step`."""
    entries: list[Entry]
    arguments: Mapping[str, Any]
    result_text: str | None
    bindings: Bindings
    origins: dict[str, str] = field(default_factory=dict)
    """Where each name was bound."""
    of_class: str = ""
    receiver: str | None = None


def message(problem: Problem, what: str, label: str, call: Call, result: Any = MISSING) -> str:
    """The whole text.

    Args:
        problem: what is wrong.
        what: with what, as "argument 'x'" or "the result".
        label: the line of the list that it belongs to.
        call: what is known of the call.
        result: what was returned, where that is what is wrong.
    """
    text = problem.text.replace("{of_class}", call.of_class)
    remedy = f": {problem.remedy}" if problem.remedy else ""
    named = f"{what[:-1]}{problem.path}'" if what.endswith("'") else what + problem.path
    first = f"{call.where}: {named}{text}{remedy}"
    lines = [first]
    if call.entries or call.result_text is not None:
        lines += ["", *_signature(problem, label, call, result)]
    table = bindings_table(call.bindings, call.origins)
    if table:
        lines += ["", *table]
    return "\n".join(lines)


def _signature(problem: Problem, label: str, call: Call, result: Any) -> list[str]:
    rows = []
    for entry in call.entries:
        value = call.arguments.get(entry.name, MISSING)
        if value is MISSING or entry.name == call.receiver:
            continue
        stars = _STARS.get(entry.kind, "")
        asked = f"{stars}{entry.name}" + ("" if entry.text is None else f": {entry.text}")
        plain = entry.text is None and entry.expectation is None
        got = type(value).__name__ if plain else describe_value(value)
        rows.append((asked, got, _mark(problem) if label == entry.name else ""))
    width = min(max((len(asked) for asked, _, _ in rows), default=0), 60)
    inner = max((len(got) for _, got, _ in rows), default=0)
    lines = [f"  {call.where}("] if rows else []
    for asked, got, mark in rows:
        line = f"    {asked:<{width}}  got  "
        lines.append((line + (f"{got:<{inner}}  {mark}" if mark else got)).rstrip())
    ending = "  )" if rows else f"  {call.where}()"
    if call.result_text is not None:
        ending += f" -> {call.result_text}"
    if result is not MISSING:
        ending += f"  got  {describe_value(result)}  {_mark(problem)}"
    return [*lines, ending.rstrip()]


def _mark(problem: Problem) -> str:
    axis = re.search(r"\(axis (-?\d+)\)|: axis (-?\d+) is", problem.text)
    where = f"{problem.path} " if problem.path else ""
    return f"<- {where}axis {axis[1] or axis[2]}" if axis else f"<- {problem.path or 'here'}"


def bindings_table(bindings: Bindings, origins: Mapping[str, str]) -> list[str]:
    """Each name, what it stands for and where that comes from, aligned."""
    rows = [(name, str(size)) for name, size in bindings.single.items()]
    rows += [(f"*{n}", f"({format_shape(s)})") for n, s in bindings.variadic.items()]
    names = max((len(name) for name, _ in rows), default=0)
    values = max((len(value) for _, value in rows), default=0)
    lines = []
    for name, value in rows:
        origin = origins.get(name)
        line = f"  {name:<{names}} = {value:<{values}}"
        lines.append((f"{line}  from {origin}" if origin else line).rstrip())
    return lines


def axis_of(name: str, axes: tuple[Any, ...]) -> str:
    """Where a name stands among the axes of an annotation: ", axis 1"."""
    split = next((i for i, a in enumerate(axes) if isinstance(a, VariadicAxis)), len(axes))
    for place, axis in enumerate(axes):
        if isinstance(axis, NamedAxis) and axis.name == name:
            return f", axis {place if place < split else place - len(axes)}"
    return ""
