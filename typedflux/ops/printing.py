"""How tensors print."""

from __future__ import annotations

import numpy as np

from typedflux.core.tracing import Tracer
from typedflux.tensor import Tensor


def format_tensor(x: Tensor) -> str:
    """The values, the dtype, and the shape where the values do not show it.

    A traced tensor prints its type. Large tensors are shortened as numpy shortens arrays.
    """
    if isinstance(x, Tracer):
        return f"<traced {x.type}>"
    data = x.numpy()
    if x.dtype.name == "bfloat16":
        data = data.astype(np.float32)
    body = np.array2string(data, separator=", ", prefix="Tensor(", threshold=1000)
    hidden = data.size == 0 or data.size > 1000
    shape = f"shape={x.shape}, " if hidden else ""
    return f"Tensor({body}, {shape}{x.dtype})"
