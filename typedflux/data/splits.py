"""Splitting data into parts, for training and testing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from typedflux.data.observations import Indices, getobs, numobs
from typedflux.data.order import permutation
from typedflux.shapes.errors import ShapeError
from typedflux.tensor import Tensor

D = TypeVar("D")
Labels = Tensor | npt.NDArray[Any] | Sequence[Any]


@overload
def splitobs(
    data: D, at: float = 0.8, *, shuffle: bool = False, stratified: Labels | None = None,
    rng: Any = None,
) -> tuple[D, D]: ...  # fmt: skip
@overload
def splitobs(
    data: D, at: tuple[float, ...], *, shuffle: bool = False, stratified: Labels | None = None,
    rng: Any = None,
) -> tuple[D, ...]: ...  # fmt: skip
def splitobs(
    data: D, at: float | tuple[float, ...] = 0.8, *, shuffle: bool = False,
    stratified: Labels | None = None, rng: Any = None,
) -> tuple[D, ...]:  # fmt: skip
    """`data` cut in two, or in more parts: `at=0.8` gives 80 % and the rest.

    Args:
        data: a tensor or array; a tuple, named tuple or dict of data; or a data set.
        at: a fraction, or a number of observations if it is an int; a tuple gives one more part
            than it has items, `(0.7, 0.2)` three.
        shuffle: whether the observations are put into a random order first.
        stratified: the class of each observation: each part gets its share of every class.
        rng: the generator; by default the one that `flux.seed` seeds.

    Raises:
        ValueError: when the parts sum to more than the whole.

    >>> import typedflux as flux
    >>> train, test = splitobs(flux.arange(5), at=0.6)
    >>> train, test
    (Tensor([0, 1, 2], int64), Tensor([3, 4], int64))
    """
    n = numobs(data)
    cuts = at if isinstance(at, tuple) else (at,)
    if stratified is None:
        order = permutation(n, rng) if shuffle else None
        edges = [0, *_edges(cuts, n), n]
        spans = [slice(a, b) for a, b in itertools.pairwise(edges)]
        wanted: list[Indices] = list(spans) if order is None else [order[span] for span in spans]
    else:
        wanted = list(_stratified(_labels(stratified, n), cuts, shuffle, rng))
    return tuple([getobs(data, indices) for indices in wanted])


def kfolds(
    data: D, k: int = 5, *, shuffle: bool = False, stratified: Labels | None = None, rng: Any = None
) -> Iterator[tuple[D, D]]:
    """`(training, validation)` for each of `k` folds: every observation is validated on once.

    Raises:
        ValueError: for `k` below 2 or above the number of observations.

    >>> import typedflux as flux
    >>> [(t.tolist(), v.tolist()) for t, v in kfolds(flux.arange(4), 2)]
    [([2, 3], [0, 1]), ([0, 1], [2, 3])]
    """
    n = numobs(data)
    if not 2 <= k <= n:
        raise ValueError(f"kfolds: k is from 2 to the number of observations, {n}; got {k}")
    order = permutation(n, rng) if shuffle else np.arange(n)
    if stratified is not None:
        labels = _labels(stratified, n)[order]
        order = order[np.argsort(labels, kind="stable")]
        members = [order[fold::k] for fold in range(k)]
    else:
        members = np.array_split(order, k)
    for fold in range(k):
        rest = np.concatenate([m for i, m in enumerate(members) if i != fold])
        yield getobs(data, np.sort(rest)), getobs(data, np.sort(members[fold]))


def _edges(cuts: tuple[float, ...], n: int) -> list[int]:
    """Where the parts end, all but the last."""
    for cut in cuts:
        if cut < 0 or (type(cut) is not int and cut > 1):
            raise ValueError(f"splitobs: at is a fraction from 0 to 1 or a count, got {cut!r}")
    total = 0.0
    edges = []
    for cut in cuts:
        total += cut if type(cut) is int else cut * n
        edges.append(round(total))
    if edges and edges[-1] > n:
        raise ValueError(f"splitobs: at={cuts!r} asks for {edges[-1]} observations of {n}")
    return edges


def _labels(labels: Labels, n: int) -> npt.NDArray[Any]:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ShapeError(f"stratified needs one class for each of {n} observations, got shape "
                         f"{array.shape}")  # fmt: skip
    return np.unique(array, return_inverse=True)[1]


def _stratified(
    labels: npt.NDArray[Any], cuts: tuple[float, ...], shuffle: bool, rng: Any
) -> list[npt.NDArray[np.int64]]:
    if any(type(cut) is int for cut in cuts):
        raise ValueError(f"splitobs: stratified needs fractions, got at={cuts!r}")
    order = permutation(len(labels), rng) if shuffle else np.arange(len(labels))
    shares: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(len(cuts) + 1)]
    for label in np.unique(labels):
        members = order[labels[order] == label]
        for share, piece in zip(shares, np.split(members, _edges(cuts, len(members))), strict=True):
            share.append(piece)
    parts = [np.concatenate(share) for share in shares]
    # Classes would come one after another: back to the order that was drawn.
    rank = np.argsort(order)
    return [part[np.argsort(rank[part])] for part in parts]
