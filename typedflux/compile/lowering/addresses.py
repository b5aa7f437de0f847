"""Where an array's elements are, without the detour of numpy's interface, which takes longer than
many a kernel."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _by_interface(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _reader() -> Callable[[Array], int]:
    """What reads the address from the array object, when its place there is found."""
    whole = np.zeros((6, 5), np.float32)
    samples: list[Any] = [whole, whole[2:], whole[1:, ::2].T, np.zeros(()), np.zeros(3, bool)]
    whole.flags.writeable = False
    samples += [whole.view(), np.frombuffer(b"0123", np.uint8)]
    read = ctypes.c_int64.from_address
    size = np.ndarray.__basicsize__
    for offset in range(object.__basicsize__, size, 8):
        if all([read(id(a) + offset).value == _by_interface(a) for a in samples]):
            return lambda array: read(id(array) + offset).value
    return _by_interface


address_of: Callable[[Array], int] = _reader()
"""The address of an array's first element.

>>> import numpy as np
>>> array = np.arange(3)
>>> address_of(array[1:]) - address_of(array) == array.itemsize
True
"""
