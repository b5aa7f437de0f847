"""Classes as one-hot vectors, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from typedflux import dtypes, ops
from typedflux.dtypes import DType
from typedflux.tensor import Tensor, wrap

L = TypeVar("L")


def onehotbatch(
    labels: Sequence[Any] | Tensor | npt.NDArray[Any], classes: Sequence[Any], *,
    default: Any = None, dtype: DType = dtypes.float32,
) -> Tensor:  # fmt: skip
    """A row for each label, with a one at its position in `classes` and zeros elsewhere.

    Args:
        labels: any values: numbers, strings, ...
        classes: all values there are, each once.
        default: the class that stands for labels not in `classes`.
        dtype: of the result.

    Raises:
        ValueError: for a label that is not in `classes`, where there is no default.

    >>> onehotbatch(["cat", "dog"], ["bird", "cat", "dog"])
    Tensor([[0., 1., 0.],
            [0., 0., 1.]], float32)
    """
    known = {c: i for i, c in enumerate(classes)}
    if len(known) != len(classes):
        raise ValueError("onehotbatch: a class occurs twice in classes")
    if default is not None and default not in known:
        raise ValueError(f"onehotbatch: the default {default!r} is not among the classes")
    values = labels.tolist() if isinstance(labels, (Tensor, np.ndarray)) else list(labels)
    fallback = None if default is None else known[default]
    indices = []
    for position, value in enumerate(values):
        index = known.get(value, fallback)
        if index is None:
            raise ValueError(
                f"onehotbatch: label {value!r} at position {position} is not among the classes: "
                "add it there, or give default="
            )
        indices.append(index)
    where = wrap(np.asarray(indices, np.int64))
    return ops.one_hot(where, len(known), dtype=dtype)


@overload
def onecold(scores: Tensor) -> Tensor: ...
@overload
def onecold(scores: Tensor, classes: Sequence[L]) -> list[L]: ...
def onecold(scores: Tensor, classes: Sequence[Any] | None = None) -> Any:
    """The position of the largest entry of each row, or the class there: the inverse of
    `onehotbatch`, also for scores and probabilities.

    >>> import typedflux as flux
    >>> onecold(flux.asarray([[0.1, 0.7, 0.2]]), ["bird", "cat", "dog"])
    ['cat']
    """
    if classes is None:
        return ops.argmax(scores, axis=-1)
    if scores.ndim == 0 or scores.shape[-1] != len(classes):
        raise ValueError(
            f"onecold: the last axis is for {len(classes)} classes, got shape {scores.shape}"
        )
    return _named(np.argmax(scores.numpy(), axis=-1).tolist(), classes)


def _named(indices: Any, classes: Sequence[Any]) -> Any:
    if isinstance(indices, list):
        return [_named(i, classes) for i in indices]
    return classes[indices]
