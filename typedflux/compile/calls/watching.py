"""Looks whether anybody else sees some tensors: at the numbers of references, in native code.

Where the interpreter keeps an object's number of references is measured when this is first used,
not assumed; where it is not found, `anchors.counts` asks the interpreter.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence

import numpy as np

from typedflux.compile.calls.anchors import SOLE, Anchor, are_sole, can_tell, counts, epoch
from typedflux.compile.lowering.errors import UnsupportedError
from typedflux.tensor import wrap

_TEXT = """
define i64 @sole(ptr %table) {
start:
  %tensors_at = getelementptr i64, ptr %table, i64 1
  %expected_at = getelementptr i64, ptr %table, i64 2
  %weak_at = getelementptr i64, ptr %table, i64 3
  %first = getelementptr i64, ptr %table, i64 4
  %count = load i64, ptr %table
  %tensors = load i64, ptr %tensors_at
  %expected = load i64, ptr %expected_at
  %weak = load i64, ptr %weak_at
  br label %head
head:
  %i = phi i64 [ 0, %start ], [ %next, %go_on ]
  %is_end = icmp eq i64 %i, %count
  br i1 %is_end, label %yes, label %body
body:
  %slot = getelementptr i64, ptr %first, i64 %i
  %object = load ptr, ptr %slot
  %narrow = load i32, ptr %object
  %references = zext i32 %narrow to i64
  %is_sole = icmp eq i64 %references, %expected
  br i1 %is_sole, label %which, label %no
which:
  %is_tensor = icmp ult i64 %i, %tensors
  br i1 %is_tensor, label %weakly, label %go_on
weakly:
  %list_at = getelementptr i8, ptr %object, i64 %weak
  %list = load ptr, ptr %list_at
  %is_unseen = icmp eq ptr %list, null
  br i1 %is_unseen, label %go_on, label %no
go_on:
  %next = add i64 %i, 1
  br label %head
yes:
  ret i64 1
no:
  ret i64 0
}
"""
"""A table of how many objects, how many of them are tensors (they come first), the number of
references that each should have, where a tensor has its list of weak references, and the objects:
whether nobody else refers to one of them."""


class Watch:
    """Tensors and containers in fields, and arrays, that are looked at in each call.

    It refers to their anchors, not to themselves.
    """

    __slots__ = ("_address", "_arrays", "_containers", "_look", "_table", "_tensors", "epoch")

    def __init__(
        self, tensors: Sequence[Anchor], containers: Sequence[Anchor], arrays: Sequence[Anchor]
    ) -> None:
        self._tensors, self._containers, self._arrays = tensors, containers, arrays
        self._look = _native()
        self.epoch = -1

    def _follow(self) -> None:
        """Note where the objects are now."""
        assert self._look is not None
        objects = [id(a.value) for a in (*self._tensors, *self._containers)]
        objects += [id(a.array) for a in self._arrays]
        head = [len(objects), len(self._tensors), self._look.expected, self._look.weak]
        self._table = np.array([*head, *objects], np.int64)
        self._address = self._table.ctypes.data
        self.epoch = epoch.count

    def are_ours(self) -> bool:
        """Whether only a field and an anchor hold each of them, and no weak reference is there."""
        if self._look is None:
            held = tuple([a.array for a in self._arrays])
            return counts(held).count(SOLE) == len(held) and are_sole(
                [*self._tensors, *self._containers]
            )
        if self.epoch != epoch.count:
            self._follow()
        return self._look.function(self._address) == 1


class _Native:
    def __init__(self, function: Callable[[int], int], expected: int, weak: int) -> None:
        self.function = function
        self.expected = expected
        self.weak = weak


@functools.cache
def _native() -> _Native | None:
    """The function, `None` where references cannot be read."""
    layout = _layout()
    if layout is None or not can_tell:
        return None
    try:
        from typedflux.compile.native.engine import Compiled  # llvmlite takes time to import

        compiled = Compiled.load_or_build("sole owners", lambda: _TEXT)
    except (ImportError, UnsupportedError, RuntimeError):
        return None
    # The GIL is kept: the numbers are read while nobody changes them.
    call = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(compiled.address("sole"))
    call.owner = compiled  # type: ignore[attr-defined]  # keeps the code in memory
    return _Native(call, *layout)


def _layout() -> tuple[int, int] | None:
    """What the references of an object count to that a field and an anchor hold, and where a tensor
    has its weak references."""
    field = [wrap(np.empty(1))]
    anchor = Anchor(field[0])
    objects = [anchor.value, anchor.array]
    del objects[:]
    weak = int(type(field[0]).__weakrefoffset__)
    found = _references(id(anchor.value))
    if found != 2 or _references(id(anchor.array)) != 2 or weak <= 0:
        return None
    for _ in range(3):
        objects.append(anchor.value)
        if _references(id(anchor.value)) != found + len(objects):
            return None
    del objects[:]
    return found, weak


def _references(address: int) -> int:
    return ctypes.c_uint32.from_address(address).value
