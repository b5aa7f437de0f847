"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Shaped

from typedflux import ops
from typedflux.data.observations import count
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.shapes.reshape import normalize_axis
from typedflux.tensor import Scalar, Tensor, wrap

Sequences = Sequence[Tensor | npt.NDArray[Any] | Sequence[Any]]


def rpad(x: Tensor, size: int, value: Scalar = 0, *, axis: int = 0) -> Tensor:
    """`x` with `value` added at the end of `axis` until that has `size`.

    Raises:
        ShapeError: when it is longer than that already.

    >>> import typedflux as flux
    >>> rpad(flux.asarray([1, 2]), 4, -1)
    Tensor([ 1,  2, -1, -1], int64)
    """
    place = normalize_axis(axis, x.ndim)
    missing = count("rpad: size", size, 0) - x.shape[place]
    if missing < 0:
        raise ShapeError(f"rpad: axis {axis} has size {x.shape[place]}, more than {size}")
    if missing == 0:
        return x
    shape = tuple([missing if i == place else n for i, n in enumerate(x.shape)])
    return ops.concat([x, ops.full(shape, value, dtype=x.dtype)], axis=place)


@overload
def batchseq(
    sequences: Sequences, pad: Scalar = 0, *, return_mask: Literal[False] = False
) -> Shaped[Tensor, "batch time *rest"]: ...
@overload
def batchseq(
    sequences: Sequences, pad: Scalar = 0, *, return_mask: Literal[True]
) -> tuple[Shaped[Tensor, "batch time *rest"], Bool[Tensor, "batch time"]]: ...
def batchseq(sequences: Sequences, pad: Scalar = 0, *, return_mask: bool = False) -> Any:
    """Sequences of shapes "time *rest" in one tensor, the shorter ones filled up with `pad`.

    Args:
        sequences: tensors, arrays or lists of numbers: at least one, of one dtype.
        pad: what stands after the end of a shorter one.
        return_mask: whether to return also which elements are not filled up.

    Raises:
        ShapeError: for sequences that differ in more than their length.
        DTypeError: for sequences of different dtypes.

    >>> batchseq([[1, 2, 3], [4]], return_mask=True)
    (Tensor([[1, 2, 3],
            [4, 0, 0]], int64), Tensor([[ True,  True,  True],
            [ True, False, False]], bool))
    """
    items = [ops.asarray(s) for s in sequences]
    if not items:
        raise ShapeError("batchseq: wanted at least one sequence, got none")
    first = items[0]
    for i, item in enumerate(items):
        if item.ndim == 0:
            raise ShapeError(f"batchseq: sequence {i} is a single number, wanted at least one axis")
        if item.shape[1:] != first.shape[1:]:
            raise ShapeError(
                f"batchseq: sequences differ along their first axis only, but sequence 0 has shape "
                f"{first.shape} and sequence {i} has {item.shape}"
            )
        if item.dtype != first.dtype:
            raise DTypeError(
                f"batchseq: sequence 0 is {first.dtype} and sequence {i} is {item.dtype}: convert "
                "them to one dtype with .astype"
            )
    lengths = [item.shape[0] for item in items]
    longest = max(lengths)
    x = ops.stack([rpad(item, longest, pad) for item in items])
    if not return_mask:
        return x
    return x, wrap(np.arange(longest) < np.asarray(lengths)[:, None])
