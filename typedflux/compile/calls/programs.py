"""What runs a graph, as calls see it: a `Program`, and a `Frame` for given sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy.typing as npt

from typedflux.compile.lowering.errors import UnsupportedError
from typedflux.core.graph import Graph, run_graph
from typedflux.tensor import wrap

Array = npt.NDArray[Any]
Sizes = Mapping[Any, int]


class Program(Protocol):
    """A graph that can be run.

    A program that also has a method `frame(sizes, donated)`, which returns a `Frame`, spares
    looking up the addresses of all arrays at each call.

    Attributes:
        donations: for each output the inputs whose memory it may take over. After such an output
            has been written, nothing in the program raises, and no other output is a view of that
            input.
    """

    @property
    def donations(self) -> Mapping[int, Any]: ...

    def run(
        self, arrays: Sequence[Array], sizes: Sizes | None, given: Sequence[Array | None], /
    ) -> list[Array]:
        """The outputs for these inputs, each written to the array given for it, or a fresh one."""
        ...


class Frame(Protocol):
    """A program at fixed sizes, in which outputs are written to the memory of certain inputs.

    It refers to no array after a run: who else does is what decides about writing in place.
    """

    def run(
        self, arrays: list[Array], refused: Collection[int], changed: Collection[int] | None, /
    ) -> list[Array]:
        """The outputs.

        Args:
            arrays: one for each input. The caller keeps them alive until this returns.
            refused: the outputs that are to be written to fresh memory this time.
            changed: the positions in `arrays` that hold others than in the last call; `None`: all.

        Raises:
            FlaggedError: where the interpreter is to run it; what was donated is as it was.
        """
        ...


class PlainFrame:
    """The frame of a program that has none of its own."""

    def __init__(self, program: Program, sizes: Sizes, donated: Mapping[int, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.donated = dict(donated)
        self.count = max(donated, default=-1) + 1

    def run(
        self, arrays: list[Array], refused: Collection[int], changed: Collection[int] | None
    ) -> list[Array]:
        given: list[Array | None] = [None] * self.count
        for output, position in self.donated.items():
            if output not in refused:
                given[output] = arrays[position]
        return self.program.run(arrays, self.sizes, given)


def frame(program: Program, sizes: Sizes, donated: Mapping[int, int]) -> Frame:
    """The frame of a program at these sizes; `donated` says which outputs take over which inputs'
    memory."""
    make = getattr(program, "frame", None)
    if make is None:
        return PlainFrame(program, sizes, donated)
    return cast(Frame, make(sizes, donated))


class Interpreted:
    """A graph performed by the operations' numpy kernels, one after the other."""

    donations: Mapping[int, Any] = {}

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def run(
        self, arrays: Sequence[Array], sizes: Sizes | None, given: Sequence[Array | None]
    ) -> list[Array]:
        outputs = run_graph(self.graph, [wrap(a) for a in arrays], dict(sizes or {}))
        return [t._data for t in outputs]


def program_of(graph: Graph) -> tuple[Program, str]:
    """What runs a graph, and why that is not native code where it is not."""
    from typedflux.compile import keeping  # llvmlite takes time to import
    from typedflux.compile.keys import key_of

    key = key_of(graph)
    found = None if key is None else keeping.load(key)
    if found is not None:
        return found, ""
    # What compiles takes time to import too.
    from typedflux.compile.lowering.program import compile_graph
    from typedflux.compile.passes import optimise

    try:
        made = compile_graph(optimise(graph))
        if key is not None:
            keeping.keep(key, made)
        return made.without_history, ""
    except UnsupportedError as error:
        return Interpreted(graph), str(error)
