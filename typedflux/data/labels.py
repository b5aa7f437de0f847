"""Classes as one-hot vectors, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from typedflux import dtypes, ops
from typedflux.dtypes import DType
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor, wrap

L = TypeVar("L")


def onehot(
    label: Any, classes: Sequence[Any], *, default: Any = None, dtype: DType = dtypes.float32
) -> Tensor:
    """A vector with a one at the position of `label` in `classes` and zeros elsewhere; see
    `onehotbatch`.

    >>> onehot("cat", ["bird", "cat", "dog"])
    Tensor([0., 1., 0.], float32)
    """
    known = _positions("onehot", classes, default)
    where = _position("onehot", label, "label", known, default)
    return ops.one_hot(wrap(np.asarray(where)), len(known), dtype=dtype)


def onehotbatch(
    labels: Sequence[Any] | Tensor | npt.NDArray[Any], classes: Sequence[Any], *,
    default: Any = None, dtype: DType = dtypes.float32,
) -> Tensor:  # fmt: skip
    """A row for each label, with a one at its position in `classes` and zeros elsewhere.

    Args:
        labels: a sequence of any values: numbers, strings, ...; or a tensor or array of any shape,
            to which the axis of the classes is added at the end.
        classes: all values there are, each once.
        default: the class that stands for labels not in `classes`.
        dtype: of the result.

    Raises:
        ValueError: for a label that is not in `classes`, where there is no default.
        TypeError: for labels that are no sequence, or that cannot be compared with classes.

    >>> onehotbatch(["cat", "dog"], ["bird", "cat", "dog"])
    Tensor([[0., 1., 0.],
            [0., 0., 1.]], float32)
    """
    known = _positions("onehotbatch", classes, default)
    shape: tuple[int, ...] | None = None
    if isinstance(labels, (Tensor, np.ndarray)):
        shape = tuple(labels.shape)
        array = labels.numpy() if isinstance(labels, Tensor) else labels
        values = array.reshape(-1).tolist()
    elif hasattr(type(labels), "__iter__"):
        values = list(labels)
    else:
        raise TypeError(
            f"onehotbatch takes a sequence of labels, got {labels!r:.60}; for one label, use onehot"
        )
    indices = [
        _position("onehotbatch", value, f"label {i}", known, default)
        for i, value in enumerate(values)
    ]
    where = np.asarray(indices, np.int64)
    return ops.one_hot(
        wrap(where if shape is None else where.reshape(shape)), len(known), dtype=dtype
    )


def _positions(function: str, classes: Any, default: Any) -> dict[Any, int]:
    if not hasattr(type(classes), "__iter__"):
        raise TypeError(
            f"{function} takes all classes as a sequence, such as range(10), got {classes!r:.60}"
        )
    values = classes.tolist() if isinstance(classes, (Tensor, np.ndarray)) else list(classes)
    known = {c: i for i, c in enumerate(values)}
    if len(known) != len(values):
        again = next(c for i, c in enumerate(values) if known[c] != i)
        raise ValueError(f"{function}: the class {again!r:.60} occurs twice in classes")
    if default is not None and default not in known:
        raise ValueError(f"{function}: the default {default!r:.60} is not among the classes")
    return known


def _position(function: str, label: Any, what: str, known: dict[Any, int], default: Any) -> int:
    if isinstance(label, Tensor):
        label = (
            label.item()
        )  # an element of a list of tensors: tensors equal nothing but themselves
    try:
        index = known.get(label)
    except TypeError:
        raise TypeError(
            f"{function}: {what} is of type {type(label).__name__}, which is no value that a class "
            "can have; labels on more than one axis are given as a tensor"
        ) from None
    if index is not None:
        return index
    if default is None:
        raise ValueError(
            f"{function}: {what} is {label!r:.60}, which is not among the {len(known)} classes: "
            "add it there, or give default="
        )
    return known[default]


@overload
def onecold(scores: Tensor) -> Tensor: ...
@overload
def onecold(scores: Tensor, classes: Sequence[L]) -> list[L]: ...
def onecold(scores: Tensor, classes: Sequence[Any] | None = None) -> Any:
    """The position of the largest entry of each row, or the class there: the inverse of
    `onehotbatch`, also for scores and probabilities.

    Args:
        scores: of shape "... classes".
        classes: what the positions stand for; without it, the positions come as a tensor.

    Raises:
        ShapeError: when the last axis does not have one entry for each class.

    >>> import typedflux as flux
    >>> onecold(flux.asarray([[0.1, 0.7, 0.2]]), ["bird", "cat", "dog"])
    ['cat']
    """
    if scores.ndim == 0:
        raise ShapeError("onecold: wanted scores along the last axis, got a single number")
    if classes is None:
        return ops.argmax(scores, axis=-1)
    if scores.shape[-1] != len(classes):
        raise ShapeError(
            f"onecold: wanted {len(classes)} scores along the last axis, one for each class, got "
            f"shape {scores.shape}"
        )
    return _named(np.argmax(scores.numpy(), axis=-1).tolist(), classes)


def _named(indices: Any, classes: Sequence[Any]) -> Any:
    if isinstance(indices, list):
        return [_named(i, classes) for i in indices]
    return classes[indices]
