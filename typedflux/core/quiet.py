"""Running kernels without numpy's floating-point warnings.

log(0) is -inf and 0/0 is nan, silently, as in every ML framework; `jit`'s and `train`'s non-finite
checks find them. Kernels run in a context of their own where numpy's error state says so:
`Context.run` costs 0.1 microseconds, `np.errstate` one, and the caller's own state is untouched.
"""

from __future__ import annotations

import contextvars
import threading

import numpy as np


class _QuietContext(threading.local):
    def __init__(self) -> None:
        context = contextvars.Context()
        context.run(np.seterr, all="ignore")
        self.run = context.run  # a context can be entered once at a time: one for each thread


quiet = _QuietContext()
"""`quiet.run(kernel, *arrays)`: for kernels that call numpy alone, never back into operations."""
