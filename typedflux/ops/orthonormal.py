"""Orthonormal rows or columns out of random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from typedflux import dtypes
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.ops.batching import batch_by_loop
from typedflux.ops.families import check_domain
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor


def _kernel(x: Array) -> Any:
    tall = x if x.shape[0] >= x.shape[1] else x.T
    q, r = np.linalg.qr(tall.astype(np.float64))
    # A factorisation with a positive diagonal is the only one, so q is uniformly distributed.
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if tall is x else q.T).astype(x.dtype)


def _shape(x: TensorType) -> TensorType:
    check_domain(x.dtype, dtypes.Float)
    if x.ndim != 2:
        raise ShapeError(f"needs a matrix, got rank {x.ndim}")
    return x


orthonormal_p: Primitive = Primitive(
    "orthonormal",
    _kernel,
    _shape,
    batch=lambda inputs, axes: batch_by_loop(orthonormal_p, inputs, axes),
    lowering=Lowering("opaque", "orthonormal"),
)


def orthonormal(x: Tensor) -> Tensor:
    """A matrix of the shape of `x` with orthonormal rows, or columns where it has fewer of them:
    the orthogonal factor of `x`. Of normal numbers it is uniformly distributed.

    Mezzadri, "How to generate random matrices from the classical compact groups", 2007.

    Raises:
        ShapeError: when `x` is no matrix.

    >>> from typedflux import ops
    >>> orthonormal(ops.asarray([[3.0, 4.0]]))
    Tensor([[0.6, 0.8]], float32)
    """
    out: Tensor = orthonormal_p.bind(x)
    return out
