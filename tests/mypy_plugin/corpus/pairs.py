"""How the programs of the corpus are written down, and how pairs are read from that.

A family is one text. `=== name` begins a program; words after the name are marks:

- `silent`: the bug raises nothing at run time (a wrong annotation, a silent broadcast),
- `later`: the bug raises in a line further on, where nothing is wrong: it must not wait for that,
- `imports`: the program has its own imports and does without `HEADER`.

A line `#! ...` stands for the line above it, with a bug: the good program has no such lines, and
each of them gives one bad program, which differs in that line alone. `#? ` at the end of a line
says that the bug may be reported there too, since the program fails there: it uses what the
changed line made. `#!silent ...` and `#!later ...` mark that one bug.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = """\
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, Protocol, TypedDict, TypeVar

import typedflux as flux
from jaxtyping import Bool, Float, Float32, Float64, Int, Int32, Int64, Num, Shaped
from typedflux import Size, Tensor, data, losses, nn

"""

FAMILIES = (
    "linear",
    "broadcasting",
    "reductions",
    "reshaping",
    "permutations",
    "joining",
    "indexing",
    "convolutions",
    "attention",
    "recurrent",
    "labels",
    "chains",
    "modules",
    "branches",
    "transformations",
    "arithmetic",
    "training",
    "silent",
    "idioms",
    "blind_algebra",
    "blind_shapes",
    "blind_nets",
    "blind_classes",
    "blind_learning",
    "fresh_vision",
    "fresh_sequences",
    "fresh_classes",
    "fresh_learning",
    "records",
    "unseen_shapes",
    "unseen_layout",
    "unseen_nets",
    "unseen_code",
)

_BUG = "#!"
_USE = "  #?"


@dataclass(frozen=True)
class Pair:
    """A good program and the same with one bug, in line `line`.

    `uses` are further lines where a report is right, `silent` says that nothing is raised at run
    time, `later` that it is raised in another line than these.
    """

    name: str
    good: str
    bad: str
    line: int
    uses: frozenset[int]
    silent: bool
    later: bool


def read(family: str, text: str) -> tuple[Pair, ...]:
    """The pairs of a family's text."""
    found: list[Pair] = []
    for program in text.split("\n=== ")[1:]:
        heading, _, body = program.partition("\n")
        name, *marks = heading.split()
        assert set(marks) <= {"silent", "later", "imports"}, heading
        header = "" if "imports" in marks else HEADER
        found += _pairs(f"{family}_{name}", header, body, frozenset(marks))
    names = [pair.name for pair in found]
    assert len(set(names)) == len(names), "two programs of one name"
    return tuple(found)


def _pairs(name: str, header: str, body: str, marks: frozenset[str]) -> Iterator[Pair]:
    lines: list[str] = []
    bugs: list[tuple[int, str, frozenset[str]]] = []
    for line in body.rstrip("\n").split("\n"):
        words = line.strip()
        if words.startswith(_BUG):
            mark, _, wrong = words.removeprefix(_BUG).partition(" ")
            assert mark in ("", "silent", "later"), line
            indent = lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]
            bugs.append((len(lines) - 1, indent + wrong.strip(), marks | {mark}))
        else:
            lines.append(line)
    uses = {i for i, line in enumerate(lines) if line.endswith(_USE)}
    lines = [line.removesuffix(_USE) for line in lines]
    assert bugs, f"{name} has no bug"
    above = header.count("\n")
    good = header + "\n".join(lines) + "\n"
    for number, (at, wrong, marked) in enumerate(bugs):
        bad = header + "\n".join([*lines[:at], wrong, *lines[at + 1 :]]) + "\n"
        yield Pair(
            name if len(bugs) == 1 else f"{name}_{number + 1}",
            good,
            bad,
            above + at + 1,
            frozenset(above + use + 1 for use in uses),
            "silent" in marked,
            "later" in marked,
        )


def family(name: str) -> tuple[Pair, ...]:
    """The pairs of a family: short programs, and longer ones."""
    folder = Path(__file__).parent
    texts = [
        importlib.import_module(f"tests.mypy_plugin.corpus.{module}").PROGRAMS
        for module in (name, f"{name}_more", f"{name}_further")
        if (folder / f"{module}.py").exists()
    ]
    return read(name, "".join(texts))
