"""Devices. There is one so far: the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Device:
    """A place where tensors are kept and operations run."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.index == 0 else f"{self.kind}:{self.index}"


CPU: Final = Device("cpu")


def as_device(value: object) -> Device:
    """The device meant by a `Device`, a name or `None` (the default one).

    Raises:
        ValueError: for a device that this build has no engine for.
    """
    if value is None or value is CPU or value in ("cpu", CPU):
        return CPU
    raise ValueError(f"there is no device {value!r}: this version runs on 'cpu'")
