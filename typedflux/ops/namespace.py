"""What the array API standard lets a program ask of an array library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from typedflux import dtypes
from typedflux.core.device import CPU, Device, as_device
from typedflux.dtypes import DType
from typedflux.ops.data_types import KINDS

_STANDARD: Final = tuple(d for d in dtypes.ALL if d not in (dtypes.float16, dtypes.bfloat16))
"""The dtypes that the standard knows; float16 and bfloat16 are beyond it."""


class NamespaceInfo:
    """Capabilities, devices and dtypes of this array library."""

    def capabilities(self) -> dict[str, bool | int | None]:
        """What is optional in the standard and present here."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """Where tensors are made unless told otherwise."""
        return CPU

    def default_dtypes(self, *, device: object = None) -> dict[str, DType]:
        """The dtypes of tensors made from Python numbers, and of indices."""
        as_device(device)
        return {
            "real floating": dtypes.default_float,
            "complex floating": dtypes.default_complex,
            "integral": dtypes.default_int,
            "indexing": dtypes.int64,
        }

    def dtypes(
        self, *, device: object = None, kind: str | Sequence[str] | None = None
    ) -> dict[str, DType]:
        """The dtypes by name, all or those of one kind or several: "integral", "numeric", ...

        Raises:
            ValueError: for a kind that the standard does not have.
        """
        as_device(device)
        if kind is None:
            return {d.name: d for d in _STANDARD}
        wanted: set[DType] = set()
        for name in (kind,) if isinstance(kind, str) else kind:
            if name not in KINDS:
                raise ValueError(f"there is no kind {name!r}; there are {', '.join(KINDS)}")
            wanted.update(KINDS[name])
        return {d.name: d for d in _STANDARD if d in wanted}

    def devices(self) -> list[Device]:
        """The devices that tensors can be on."""
        return [CPU]


def __array_namespace_info__() -> NamespaceInfo:
    """The array API standard's `__array_namespace_info__`.

    >>> __array_namespace_info__().dtypes(kind="real floating")
    {'float32': float32, 'float64': float64}
    """
    return NamespaceInfo()
