"""Splitting data into parts, for training and testing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from typedflux.data.observations import Indices, count, getobs, numobs
from typedflux.data.order import permutation
from typedflux.ops.random import Generator
from typedflux.shapes.dims import equal
from typedflux.shapes.errors import ShapeError
from typedflux.static import Leading
from typedflux.tensor import Tensor

D = TypeVar("D")
Labels = Tensor | npt.NDArray[Any] | Sequence[Any]


@overload
def splitobs(
    data: D, at: float = 0.8, *, shuffle: bool = False, stratified: Labels | None = None,
    rng: Generator | None = None,
) -> tuple[Leading[D, "n -> ?part"], Leading[D, "n -> ?rest"]]: ...  # fmt: skip
@overload
def splitobs(
    data: D, at: tuple[float, ...], *, shuffle: bool = False, stratified: Labels | None = None,
    rng: Generator | None = None,
) -> tuple[Leading[D, "n -> _"], ...]: ...  # fmt: skip
def splitobs(
    data: D, at: float | tuple[float, ...] = 0.8, *, shuffle: bool = False,
    stratified: Labels | None = None, rng: Generator | None = None,
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
        TypeError: when `at` holds no numbers.

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
    data: D, k: int = 5, *, shuffle: bool = False, stratified: Labels | None = None,
    rng: Generator | None = None,
) -> Iterator[tuple[Leading[D, "n -> ?part"], Leading[D, "n -> ?rest"]]]:  # fmt: skip
    """`(training, validation)` for each of `k` folds: every observation is validated on once.

    Args:
        stratified: the class of each observation: each fold gets its share of every class.

    Raises:
        ValueError: for `k` below 2 or above the number of observations.

    >>> import typedflux as flux
    >>> [(t.tolist(), v.tolist()) for t, v in kfolds(flux.arange(4), 2)]
    [([2, 3], [0, 1]), ([0, 1], [2, 3])]
    """
    n = numobs(data)
    k = _folds("kfolds", k, n)
    order = permutation(n, rng) if shuffle else np.arange(n)
    if stratified is not None:
        labels = _labels(stratified, n)[order]
        order = order[np.argsort(labels, kind="stable")]
        members = [order[fold::k] for fold in range(k)]
    else:
        members = np.array_split(order, k)
    return (
        (
            getobs(data, np.sort(np.concatenate([*members[:fold], *members[fold + 1 :]]))),
            getobs(data, np.sort(members[fold])),
        )
        for fold in range(k)
    )


def leavepout(
    data: D, p: int = 1, *, shuffle: bool = False, rng: Generator | None = None
) -> Iterator[tuple[Leading[D, "n -> ?part"], Leading[D, "n -> ?rest"]]]:
    """`(training, validation)` with `p` observations, or the few that remain, to validate on.

    Raises:
        ValueError: for `p` below 1, or more than half of the observations.

    >>> import typedflux as flux
    >>> [v.tolist() for _, v in leavepout(flux.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    n = numobs(data)
    p = count("leavepout: p", p, 1)
    if 2 * p > n:
        raise ValueError(f"leavepout: p is at most half of the {n} observations, got {p}")
    order = permutation(n, rng) if shuffle else np.arange(n)
    return (
        (
            getobs(data, np.sort(np.concatenate([order[:start], order[start + p :]]))),
            getobs(data, np.sort(order[start : start + p])),
        )
        for start in range(0, n, p)
    )


def timeseries_kfolds(
    data: D, k: int = 5
) -> Iterator[tuple[Leading[D, "n -> ?part"], Leading[D, "n -> ?rest"]]]:
    """`(training, validation)` for data in order of time: each of `k` folds is validated on after
    training on all that came before it; the first of `k + 1` equal parts is for training only.

    Raises:
        ValueError: for `k` below 2, or above the number of observations less 1.

    >>> import typedflux as flux
    >>> [(t.tolist(), v.tolist()) for t, v in timeseries_kfolds(flux.arange(6), 2)]
    [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """
    n = numobs(data)
    k = _folds("timeseries_kfolds", k, n - 1)
    edges = [round(n * (fold + 1) / (k + 1)) for fold in range(k + 1)]
    return (
        (getobs(data, slice(0, start)), getobs(data, slice(start, end)))
        for start, end in itertools.pairwise(edges)
    )


def _folds(function: str, k: Any, most: int) -> int:
    k = count(f"{function}: k", k, 2)
    if k > most:
        raise ValueError(f"{function}: k is from 2 to {most} for these observations, got {k}")
    return int(k)


def _edges(cuts: tuple[float, ...], n: int) -> list[int]:
    """Where the parts end, all but the last."""
    for cut in cuts:
        if isinstance(cut, bool) or not isinstance(cut, (int, float, np.integer, np.floating)):
            raise TypeError(f"splitobs: at is a fraction from 0 to 1 or a count, got {cut!r:.60}")
        if not (cut >= 0 and (_is_count(cut) or cut <= 1)):
            raise ValueError(f"splitobs: at is a fraction from 0 to 1 or a count, got {cut!r}")
    total = 0.0
    edges = []
    for cut in cuts:
        total += cut if _is_count(cut) else cut * n
        edges.append(round(total))
    if edges and edges[-1] > n:
        at = cuts[0] if len(cuts) == 1 else cuts
        raise ValueError(f"splitobs: at={at!r} asks for {edges[-1]} observations of {n}")
    return edges


def _is_count(cut: Any) -> bool:
    return isinstance(cut, (int, np.integer))


def _labels(labels: Labels, n: int) -> npt.NDArray[Any]:
    array = np.asarray(labels)
    if array.ndim != 1 or equal(array.shape[0], n) is False:
        raise ShapeError(f"stratified needs one class for each of {n} observations, got shape "
                         f"{array.shape}")  # fmt: skip
    return np.unique(array, return_inverse=True)[1]


def _stratified(
    labels: npt.NDArray[Any], cuts: tuple[float, ...], shuffle: bool, rng: Any
) -> list[npt.NDArray[np.int64]]:
    if any(_is_count(cut) for cut in cuts):
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
