"""What code is generated for: the host's CPU, its vectors and registers."""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """A CPU as the generators see it.

    Attributes:
        cpu: LLVM's name of it.
        features: LLVM's features, such as `"+avx2,+fma"`.
        vector_bits: width of a vector register.
        vector_registers: how many there are.
    """

    cpu: str
    features: str
    vector_bits: int
    vector_registers: int

    @property
    def lanes(self) -> int:
        """How many float32 a vector holds."""
        return self.vector_bits // 32


@functools.cache
def host() -> Machine:
    """The CPU of this process. `TYPEDFLUX_VECTOR_BITS` (128, 256 or 512) asks for a narrower one.

    >>> host().lanes in (4, 8, 16)
    True
    """
    import llvmlite.binding as llvm

    flags = llvm.get_host_cpu_features()
    if flags.get("avx512f") and flags.get("avx512vl") and flags.get("avx512dq"):
        widest, registers = 512, 32
    elif flags.get("avx2"):
        widest, registers = 256, 16
    else:
        widest, registers = 128, 32 if platform.machine().lower() in ("arm64", "aarch64") else 16
    wanted = os.environ.get("TYPEDFLUX_VECTOR_BITS", str(widest))
    if wanted not in ("128", "256", "512"):
        raise ValueError(f"TYPEDFLUX_VECTOR_BITS is 128, 256 or 512, not {wanted!r}")
    if int(wanted) < widest:
        for name in [name for name in flags if name.startswith("avx512")]:
            flags[name] = False
        widest, registers = int(wanted), 16
    return Machine(llvm.get_host_cpu_name(), flags.flatten(), widest, registers)
