"""Plans of graphs kept on disk between processes, so that a graph that was compiled before is run
at once: its equations are neither rewritten nor looked at.

An entry holds the plan, what its code is kept under (see `native.store`), and its constants: their
numbers among those of the graph, or their values where the compiler computed them.
"""

from __future__ import annotations

import io
import os
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from typedflux.compile.keys import Key, NoKeyError, primitive_at, primitive_place
from typedflux.compile.lowering.executables import Executable
from typedflux.compile.lowering.plans import Plan
from typedflux.compile.native import store
from typedflux.compile.native.engine import Compiled, digest_of
from typedflux.compile.native.machine import host
from typedflux.compile.native.subnormals import are_kept
from typedflux.core.primitive import Primitive
from typedflux.shapes.dims import Symbol

if TYPE_CHECKING:
    from typedflux.compile.lowering.program import Program

Array: TypeAlias = npt.NDArray[Any]


_WITHOUT = ("TYPEDFLUX_DUMP", "TYPEDFLUX_CHECK_PASSES")
"""Variables that ask for something while the graph is compiled."""


class _Entry(NamedTuple):
    plan: Plan
    code: str | None
    constants: tuple[int | Array, ...]


def load(key: Key) -> Executable | None:
    """What was kept for a graph, `None` if there is nothing whole."""
    if any([os.environ.get(name) for name in _WITHOUT]):
        return None
    content = store.read(_name(key))
    if content is None:
        return None
    try:
        entry = pickle.loads(content)
        code = None if entry.code is None else Compiled.load(entry.code, host())
        constants = [
            np.ascontiguousarray(key.constants[c]._data) if isinstance(c, int) else c
            for c in entry.constants
        ]
    except Exception:  # whole, and yet no entry
        return None
    if code is None and entry.code is not None:
        return None
    return Executable(entry.plan, constants, code)


def keep(key: Key, made: Program) -> None:
    """Keep what was compiled for a graph, where that can be done."""
    places = {id(tensor): place for place, tensor in enumerate(key.constants)}
    tensors = [tensor for _, tensor in made.analysis.constants]
    constants = [
        places.get(id(tensor), array) for tensor, array in zip(tensors, made.constants, strict=True)
    ]
    code = None if made.code is None else made.key
    stream = io.BytesIO()
    try:
        _Pickler(stream, protocol=5).dump(_Entry(made.plan, code, tuple(constants)))
    except (NoKeyError, pickle.PicklingError, TypeError, AttributeError):
        return  # a parameter of an operation that only this process knows
    store.write(_name(key), stream.getvalue())


def _name(key: Key) -> str:
    kept = ", subnormals kept" if are_kept() else ""
    return digest_of(f"plan of {key.digest}, numpy {np.__version__}{kept}", host())


class _Pickler(pickle.Pickler):
    """Primitives are written by name, and symbols without the trace that made them."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Primitive):
            return primitive_at, (primitive_place(value),)
        if type(value) is Symbol:
            return Symbol, (value.name,)
        return NotImplemented
