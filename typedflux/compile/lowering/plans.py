"""Plans: what is left of a program when its code has been compiled, and all that a run needs.

Plain data that says nothing of the process it was made in, so that it can be kept on disk. Buffers
are numbers of places in the table of pointers that the code is given: first the inputs, then the
constants, then the others. Sizes may be symbolic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from typedflux.compile.lowering.memory import Lifetime
from typedflux.core.primitive import Primitive
from typedflux.core.types import Shape
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dimension, symbol

THREADS_NAME: Final = "threads in use"  # no annotation names a size so
THREADS: Final = symbol(THREADS_NAME)
"""How many threads there are, in sizes of what kernels need for themselves."""


class Output(NamedTuple):
    """An output of the graph, contiguous."""

    place: int
    dtype: DType
    shape: Shape


class Temporary(NamedTuple):
    """Memory that is needed from one item to another."""

    place: int
    bytes: Dimension
    life: Lifetime


class Part(NamedTuple):
    """A place within another: `start` bytes from its beginning."""

    place: int
    whole: int
    start: Dimension


class Area(NamedTuple):
    """Elements of a buffer: element `i` lies at `offset + sum(i * strides)`, in elements."""

    place: int
    dtype: DType
    shape: Shape
    strides: tuple[Dimension, ...]
    offset: Dimension


@dataclass(eq=False, slots=True)
class Operation:
    """An operation that has no code of its own: its numpy kernel runs."""

    primitive: Primitive
    params: dict[str, Any]
    operands: tuple[Area, ...]
    outputs: tuple[Area, ...]


class Region(NamedTuple):
    """Native code: a function's name, and whether there is work for more than one thread."""

    name: str
    is_parallel: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """See the module.

    Attributes:
        inputs: how many of the places are inputs.
        given: how many are inputs or constants.
        places: how many there are.
        flag: the place of a number that kernels set when they met what they must not.
        sizes: those that the code reads when it runs.
        parts: the places within others, each after the one that it is in.
        steps: what is done, one after the other.
        donations: for each output the inputs whose memory it may take over: all that reads them has
            run when the output is written, or reads the same element just before.
    """

    inputs: int
    given: int
    places: int
    flag: int
    sizes: tuple[Dimension, ...]
    outputs: tuple[Output, ...]
    temporaries: tuple[Temporary, ...]
    parts: tuple[Part, ...]
    steps: tuple[Region | Operation, ...]
    donations: Mapping[int, frozenset[int]]
