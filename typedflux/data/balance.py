"""Classes that occur equally often, by repeating observations or by leaving some out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from typedflux.data.observations import getobs, numobs
from typedflux.data.order import permutation, stream
from typedflux.ops.random import Generator
from typedflux.shapes.dims import equal
from typedflux.shapes.errors import ShapeError
from typedflux.static import Leading
from typedflux.tensor import Tensor

D = TypeVar("D")
Labels = Tensor | npt.NDArray[Any] | Sequence[Any]


def group_indices(labels: Labels) -> dict[Any, list[int]]:
    """The positions of each label, in the order of first occurrence.

    >>> group_indices(["b", "a", "b"])
    {'b': [0, 2], 'a': [1]}
    """
    values = labels.tolist() if isinstance(labels, (Tensor, np.ndarray)) else list(labels)
    if not isinstance(values, list):
        raise ShapeError("labels are a sequence, one for each observation; got a single number")
    groups: dict[Any, list[int]] = {}
    for i, value in enumerate(values):
        try:
            groups.setdefault(value.item() if isinstance(value, Tensor) else value, []).append(i)
        except TypeError:
            raise ShapeError(
                f"labels are single values, one for each observation; label {i} is of type "
                f"{type(value).__name__}"
            ) from None
    return groups


def group_counts(labels: Labels) -> dict[Any, int]:
    """How often each label occurs, in the order of first occurrence.

    >>> group_counts(["b", "a", "b"])
    {'b': 2, 'a': 1}
    """
    return {label: len(indices) for label, indices in group_indices(labels).items()}


def oversample(
    data: D, labels: Labels, fraction: float = 1.0, *, shuffle: bool = True,
    rng: Generator | None = None,
) -> Leading[D, "n -> ?part"]:  # fmt: skip
    """All observations, those of rarer classes several times: each class has at least `fraction` of
    the most frequent one's number. No observation is taken once more than another of its class.

    Args:
        data: observations of any form, such as `(x, labels)`.
        labels: the class of each.
        fraction: from 0 to 1.
        shuffle: whether the result is in a random order; otherwise what is repeated comes last.
        rng: the generator; by default the one that `flux.seed` seeds.

    Raises:
        ShapeError: unless there is one label for each observation.

    >>> import typedflux as flux
    >>> sorted(oversample(flux.arange(4), [0, 0, 0, 1]).tolist())
    [0, 1, 2, 3, 3, 3]
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"oversample: fraction is from 0 to 1, got {fraction!r}")
    groups = _groups("oversample", data, labels)
    draw = stream(rng)
    most = math.ceil(fraction * max(map(len, groups), default=0))
    more: list[npt.NDArray[np.int64]] = []
    for group in groups:
        missing = max(0, most - len(group))
        more += [group] * (missing // len(group))
        more.append(draw.permutation(group)[: missing % len(group)])
    return _in_order(data, [np.arange(numobs(data)), *more], shuffle, rng)


def undersample(
    data: D, labels: Labels, *, shuffle: bool = True, rng: Generator | None = None
) -> Leading[D, "n -> ?part"]:
    """As many random observations of each class as the rarest one has.

    Raises:
        ShapeError: unless there is one label for each observation.

    >>> import typedflux as flux
    >>> undersample(flux.arange(4), [0, 0, 0, 1]).shape
    (2,)
    """
    groups = _groups("undersample", data, labels)
    draw = stream(rng)
    least = min(map(len, groups), default=0)
    kept = [draw.permutation(group)[:least] for group in groups]
    return _in_order(data, [np.sort(np.concatenate([*kept, _none()]))], shuffle, rng)


def _groups(function: str, data: object, labels: Labels) -> list[npt.NDArray[np.int64]]:
    found = group_indices(labels)
    n, given = numobs(data), sum(map(len, found.values()))
    if equal(n, given) is False:
        raise ShapeError(f"{function}: wanted one label for each of {n} observations, got {given}")
    return [np.asarray(group, np.int64) for group in found.values()]


def _in_order(
    data: D, pieces: list[npt.NDArray[np.int64]], shuffle: bool, rng: Generator | None
) -> Leading[D, "n -> ?part"]:
    indices = np.concatenate([*pieces, _none()])
    return getobs(data, indices[permutation(len(indices), rng)] if shuffle else indices)


def _none() -> npt.NDArray[np.int64]:
    return np.zeros(0, np.int64)
