"""Plans with their code: what runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typedflux.compile.lowering.frames import Array, Frame
from typedflux.compile.lowering.plans import Plan, Region

if TYPE_CHECKING:
    from typedflux.compile.native.engine import Compiled

_KEPT_SIZES = 32


class Executable:
    """A compiled graph.

    Args:
        plan: what is to be done.
        constants: tensors that are known, row-major.
        code: the regions of the plan; `None` where it has none.
    """

    def __init__(self, plan: Plan, constants: Sequence[Array], code: Compiled | None) -> None:
        self.plan = plan
        self.constants = constants
        self.code = code
        self.addresses = [
            code.address(step.name) if isinstance(step, Region) and code is not None else 0
            for step in plan.steps
        ]
        """Of the regions, 0 for operations."""
        self.arenas: list[tuple[Array, int]] = []
        """Memory for temporaries that no call has in use, and where it begins."""
        self._idle: dict[Any, list[Frame]] = {}
        self._lock = threading.Lock()

    @property
    def donations(self) -> Mapping[int, frozenset[int]]:
        """See `Plan`."""
        return self.plan.donations

    def run(
        self,
        arrays: Sequence[Array],
        sizes: Mapping[Any, int] | None = None,
        given: Sequence[Array | None] = (),
    ) -> list[Array]:
        """The outputs for these inputs.

        Args:
            arrays: one for each input of the graph.
            sizes: what the symbolic sizes are.
            given: for each output a contiguous array to write it to, or `None` for a fresh one.

        Raises:
            FlaggedError: for an index that lies outside; no output has been written then that takes
                over an input's memory.
        """
        key = tuple((sizes or {}).items())
        with self._lock:
            frames = self._idle.setdefault(key, [])
            frame = frames.pop() if frames else None
        if frame is None:
            frame = Frame(self, sizes or {}, {})
        try:
            return frame.run(list(arrays), given=given)
        finally:
            with self._lock:
                if len(self._idle) > _KEPT_SIZES:
                    self._idle.clear()
                self._idle.setdefault(key, []).append(frame)

    def frame(self, sizes: Mapping[Any, int], donated: Mapping[int, int]) -> Frame:
        """The program for given sizes, ready to run again and again; `donated` says which outputs
        take over which inputs' memory."""
        return Frame(self, sizes, donated)
