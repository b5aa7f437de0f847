"""Generated functions of arrays, for tests of what emits their bodies."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from unittest import mock

import numpy as np
import numpy.typing as npt

from typedflux.compile.native.conversions import load, store
from typedflux.compile.native.emitter import I64, PTR, Function, Index, Module, Value
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine, host
from typedflux.dtypes import DType

Array: TypeAlias = npt.NDArray[Any]
Body: TypeAlias = Callable[[Function, Sequence[Value]], Value]

_GUARD = 64


@functools.cache
def machine_of(vector_bits: int) -> Machine:
    """The host with vectors of at most `vector_bits`."""
    widest = host().vector_bits
    with mock.patch.dict(os.environ, TYPEDFLUX_VECTOR_BITS=str(min(vector_bits, widest))):
        return host.__wrapped__()


class Elementwise:
    """`result[i] = body(operands[i])` for arrays of one length, in vectors of `lanes` with a masked
    tail, or one by one where `lanes` is 0.

    The body is given what registers hold of each operand, and returns what they hold of the result.
    """

    def __init__(
        self,
        body: Body,
        operands: Sequence[DType],
        result: DType,
        lanes: int = 16,
        machine: Machine | None = None,
        fixed: int | None = None,
    ) -> None:
        """With `fixed`, for that number of elements alone, known to the compiler."""
        machine = host() if machine is None else machine
        self.operands, self.result = operands, result
        module = Module()
        names = [f"x{k}" for k in range(len(operands))]
        f = Function(module, "test", [*((n, PTR) for n in names), ("out", PTR), ("n", I64)])
        *sources, out, count = f.parameters

        def at(index: Index, mask: Value | None) -> None:
            given = [
                load(f, d, lanes, p, index, mask) for d, p in zip(operands, sources, strict=True)
            ]
            value = f.splat(body(f, given), lanes)
            store(f, result, value, out, index, mask)

        stop: Index = count if fixed is None else fixed
        if lanes:
            f.lanes_of(stop, lanes, at)
        else:
            with f.loop(0, stop) as i:
                at(i, None)
        f.close()
        self.text = module.text(machine.vector_bits)
        self._run = Compiled(self.text, machine).function(
            "test", [ctypes.c_void_p] * (len(operands) + 1) + [ctypes.c_int64]
        )

    def __call__(self, *arrays: Array, count: int | None = None) -> Array:
        """The results; memory beyond them must stay untouched."""
        n = len(arrays[0]) if count is None else count
        given = [
            np.ascontiguousarray(a, d.dtype) for a, d in zip(arrays, self.operands, strict=True)
        ]
        room = np.full((n * self.result.itemsize + _GUARD,), 0xA5, np.uint8)
        self._run(*[a.ctypes.data for a in given], room.ctypes.data, n)
        size = n * self.result.itemsize
        assert (room[size:] == 0xA5).all(), "written beyond the end"
        out: Array = room[:size].view(self.result.dtype)
        return out
