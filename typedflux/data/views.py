"""Other collections made of observations: mapped, filtered, grouped, joined, cut, in windows."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from typedflux.checks.sizes import Size
from typedflux.data.observations import Dataset, count, getobs, numobs, observation
from typedflux.data.order import permutation, stream
from typedflux.ops.random import Generator
from typedflux.shapes.errors import AxisError
from typedflux.static import Leading
from typedflux.tensor import Tensor

D = TypeVar("D")
K = TypeVar("K", bound=Hashable)
R_co = TypeVar("R_co", covariant=True)


class _View(Generic[R_co]):
    """A data set whose observations are made when they are asked for."""

    def __init__(self, name: str, size: int, get: Callable[[int], R_co]) -> None:
        self._name, self._size, self._get = name, size, get

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int, /) -> R_co:
        if not -self._size <= index < self._size:  # what ends a `for` loop over this too
            raise AxisError(f"there is no observation {index} among {self._size}")
        return self._get(int(index) % self._size)

    def __repr__(self) -> str:
        return f"{self._name}({self._size} observations)"


def mapobs(function: Callable[[Any], R_co], data: object) -> Dataset[R_co]:
    """The data set of `function(observation)`, computed each time an observation is asked for:
    for augmentation, and for files that are read when they are needed.

    >>> import typedflux as flux
    >>> doubled = mapobs(lambda x: 2 * x, flux.arange(4))
    >>> doubled[3], [batch.tolist() for batch in flux.data.DataLoader(doubled, batchsize=2)]
    (Tensor(6, int64), [[0, 2], [4, 6]])
    """
    return _View("mapobs", numobs(data), lambda i: function(observation(data, i)))


def filterobs(function: Callable[[Any], object], data: D) -> Leading[D, "n -> ?part"]:
    """The observations for which `function` is true, in the form of `data`.

    >>> import typedflux as flux
    >>> filterobs(lambda x: x % 2 == 0, flux.arange(5))
    Tensor([0, 2, 4], int64)
    """
    return getobs(data, [i for i in range(numobs(data)) if function(observation(data, i))])


def groupobs(function: Callable[[Any], K | Tensor], data: D) -> dict[K, Leading[D, "n -> _"]]:
    """The observations by `function(observation)`, each group in the form of `data`; groups are in
    the order of their first observation. A key that comes as a tensor is a Python number in it.

    >>> import typedflux as flux
    >>> groupobs(lambda x: x % 2, flux.arange(5))
    {0: Tensor([0, 2, 4], int64), 1: Tensor([1, 3], int64)}
    """
    groups: dict[Any, list[int]] = {}
    for i in range(numobs(data)):
        key = function(observation(data, i))
        groups.setdefault(key.item() if isinstance(key, Tensor) else key, []).append(i)
    return {key: getobs(data, indices) for key, indices in groups.items()}


def joinobs(*data: Any) -> Dataset[Any]:
    """The data set of the observations of all arguments, one after another.

    >>> list(joinobs(["a", "b"], ["c"]))
    ['a', 'b', 'c']
    """
    ends = list(itertools.accumulate([numobs(part) for part in data]))

    def get(index: int) -> Any:
        which = bisect.bisect_right(ends, index)
        return observation(data[which], index - (ends[which - 1] if which else 0))

    return _View("joinobs", ends[-1] if ends else 0, get)


def shuffleobs(data: D, *, rng: Generator | None = None) -> D:
    """The observations in a random order.

    >>> import typedflux as flux
    >>> sorted(shuffleobs(flux.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """
    return getobs(data, permutation(numobs(data), rng))


def randobs(data: D, n: Size["k"], *, rng: Generator | None = None) -> Leading[D, "n -> k"]:
    """`n` random observations, with replacement.

    Raises:
        ValueError: for data without observations, unless `n` is 0.
    """
    total = numobs(data)
    wanted = count("randobs: n", n, 0)
    if total == 0 and wanted:
        raise ValueError(f"randobs: {wanted} observations of none")
    return getobs(data, stream(rng).integers(0, max(total, 1), wanted))


def chunk(data: D, n: int | None = None, *, size: int | None = None) -> list[Leading[D, "n -> _"]]:
    """`data` cut into `n` parts of nearly equal length, or into parts of `size`, of which the last
    may be shorter.

    Raises:
        TypeError: unless one of the two is given.

    >>> import typedflux as flux
    >>> [part.tolist() for part in chunk(flux.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    >>> [part.tolist() for part in chunk(flux.arange(5), size=2)]
    [[0, 1], [2, 3], [4]]
    """
    if (n is None) == (size is None):
        raise TypeError("chunk takes either the number of parts, n, or their size")
    total = numobs(data)
    if n is not None:
        whole, rest = divmod(total, count("chunk: n", n, 1))
        ends = [i * whole + min(i, rest) for i in range(n + 1)]
    else:
        ends = [*range(0, total, count("chunk: size", size, 1)), total]
    return [getobs(data, slice(a, b)) for a, b in itertools.pairwise(ends)]


def slidingwindow(data: D, size: Size["k"], stride: int = 1) -> Dataset[Leading[D, "n -> k"]]:
    """The data set of all stretches of `size` observations that follow each other, one beginning
    every `stride`, each in the form of `data`.

    >>> import typedflux as flux
    >>> [window.tolist() for window in slidingwindow(flux.arange(6), 3, 2)]
    [[0, 1, 2], [2, 3, 4]]
    """
    size, stride = count("slidingwindow: size", size, 1), count("slidingwindow: stride", stride, 1)
    windows = max(0, (numobs(data) - size) // stride + 1)
    return _View(
        "slidingwindow", windows, lambda i: getobs(data, slice(i * stride, i * stride + size))
    )


def unbatch(batch: Any) -> list[Any]:
    """The observations of a batch, each in its form: the inverse of `collate`.

    >>> import typedflux as flux
    >>> unbatch((flux.asarray([1.0, 2.0]), ["a", "b"]))
    [(Tensor(1., float32), 'a'), (Tensor(2., float32), 'b')]
    """
    return [observation(batch, i) for i in range(numobs(batch))]
