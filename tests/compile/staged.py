"""Runs the stages that a plan emits, one simulated thread after another."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from typedflux.compile.native.emitter import I64, PTR, Function, Index, Module, Value
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine

Array: TypeAlias = npt.NDArray[Any]
Emit: TypeAlias = Callable[[int, Function, Sequence[Value], Index, Value, Value, Value], None]
"""Takes the stage, the function, the operands' pointers, the batch, scratch, thread, threads."""

_GUARD = 256


def strides(array: Array) -> tuple[int, ...]:
    """In elements."""
    return tuple(s // array.itemsize for s in array.strides)


def channels_last(array: Array) -> Array:
    """The same array, axis 1 being the last in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1)


def store_vector(
    f: Function, value: Value, pointer: Value, place: Index, stride: Index, mask: Value | None
) -> None:
    """Write the lanes that count, `stride` apart."""
    if stride == 1:
        if mask is None:
            f.store(value, pointer, place)
        else:
            f.store_some(value, pointer, place, mask)
        return
    for lane in range(value.type.lanes):
        at = f.plus(place, f.times(lane, stride))
        if mask is None:
            f.store(f.extract(value, lane), pointer, at)
        else:
            with f.when(f.extract(mask, lane)):
                f.store(f.extract(value, lane), pointer, at)


class Guarded:
    """Memory with the layout of an array (a permutation of a contiguous one), filled with a
    pattern, and bytes around it that must stay as they are."""

    def __init__(self, like: Array) -> None:
        self._bytes = np.full(like.nbytes + 2 * _GUARD + 64, 0xA5, np.uint8)
        self._start = -self._bytes.ctypes.data % 64 + _GUARD
        self._size = like.nbytes
        inner = self._bytes[self._start : self._start + self._size]
        self.array: Array = np.lib.stride_tricks.as_strided(
            inner.view(like.dtype), like.shape, like.strides
        )

    @classmethod
    def copy(cls, array: Array) -> Guarded:
        """Filled with an array."""
        guarded = cls(array)
        guarded.array[...] = array
        return guarded

    def check(self) -> None:
        """Fails where something was written around the array."""
        before, after = self._bytes[: self._start], self._bytes[self._start + self._size :]
        assert (before == 0xA5).all() and (after == 0xA5).all(), "written outside"


def run_stages(
    machine: Machine,
    stages: int,
    emit: Emit,
    operands: Sequence[Guarded],
    batch: int,
    fixed: bool,
    scratch_bytes: int,
    threads: int,
) -> None:
    """Compile the stages and run each as `threads` threads would. `fixed`: the batch is known."""
    module = Module()
    names = [f"p{i}" for i in range(len(operands))]
    counts = ("batch", "thread", "threads")
    for stage in range(stages):
        f = Function(
            module,
            f"stage{stage}",
            [*((n, PTR) for n in names), ("scratch", PTR), *((n, I64) for n in counts)],
        )
        *pointers, scratch, size, thread, count = f.parameters
        emit(stage, f, pointers, batch if fixed else size, scratch, thread, count)
        f.close()
    compiled = Compiled(module.text(machine.vector_bits), machine)
    types: list[Any] = [ctypes.c_void_p] * (len(operands) + 1) + [ctypes.c_int64] * 3
    memory = Guarded(np.empty(scratch_bytes, np.uint8))
    addresses = [o.array.ctypes.data for o in operands]
    for stage in range(stages):
        function = compiled.function(f"stage{stage}", types)
        for thread_index in range(threads):
            function(*addresses, memory.array.ctypes.data, batch, thread_index, threads)
    for guarded in (*operands, memory):
        guarded.check()
