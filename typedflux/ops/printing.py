"""How tensors print."""

from __future__ import annotations

import numpy as np

from typedflux.core.tracing import Tracer
from typedflux.dtypes import bfloat16
from typedflux.tensor import Tensor

_LONGEST = 1000  # elements that are printed without leaving some out


def format_tensor(x: Tensor) -> str:
    """The values, the dtype, and the shape where the values do not show it.

    A traced tensor prints its type. Long tensors are shortened as numpy shortens arrays.

    >>> from typedflux import ops
    >>> format_tensor(ops.asarray([1.5, -2.0])), format_tensor(ops.zeros((0, 3)))
    ('Tensor([ 1.5, -2. ], float32)', 'Tensor([], shape=(0, 3), float32)')
    """
    if isinstance(x, Tracer):
        return f"<traced {x.type}>"
    data = x.numpy()
    precision = None
    if x.dtype is bfloat16:  # three digits or so, which numpy would print as ints
        data, precision = data.astype(np.float32), 4
    hidden = data.size == 0 or data.size > _LONGEST
    suffix = f", shape={x.shape}, {x.dtype})" if hidden else f", {x.dtype})"
    body = np.array2string(
        data,
        precision=precision,
        separator=", ",
        prefix="Tensor(",
        suffix=suffix,
        threshold=_LONGEST,
    )
    return f"Tensor({body}{suffix}"
