"""`DataLoader`: the batches of data, in order or shuffled, made when they are wanted or ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, Literal, TypeVar, cast, overload

import numpy.typing as npt

from typedflux.checks.sizes import Size
from typedflux.data.observations import (
    DataclassData,
    Dataset,
    Indices,
    batch,
    count,
    numobs,
    observation,
)
from typedflux.data.order import check_generator, permutation
from typedflux.ops.random import Generator
from typedflux.static import Leading
from typedflux.tensor import Tensor

B = TypeVar("B")
T = TypeVar("T")
S = TypeVar(
    "S", bound="Tensor | npt.NDArray[Any] | tuple[Any, ...] | dict[Any, Any] | Mapping[str, object]"
)
R = TypeVar("R", bound=DataclassData)


class DataLoader(Generic[B]):
    """Iterates over the batches of `data`; each iteration is one pass over all observations.

    A batch has the form of the data, with the batch as its first axis: a loader of `(x, y)` yields
    pairs of tensors. A list, and any other object with `__len__` and `__getitem__`, is a data set
    with one observation per index: these are put together by `collate`.

    Args:
        data: a tensor or array; a tuple, named tuple, dict or dataclass of data; or a data set.
        batchsize: observations per batch, at least 1.
        shuffle: whether each pass has a new random order.
        partial: whether a last, smaller batch is yielded.
        rng: the generator of the orders; by default the one that `flux.seed` seeds.
        collate: makes a batch of a list of observations; `False` leaves the list as it is.
        prefetch: how many batches are made ahead, by threads, while one is worked on.
        workers: how many threads make them; the order stays the same.

    Raises:
        ShapeError: when parts of the data hold different numbers of observations, naming them; and
            while iterating, for observations of different shapes that cannot be stacked.
        TypeError: for data that cannot be counted and indexed.

    >>> import typedflux as flux
    >>> from typedflux.data import DataLoader
    >>> loader = DataLoader((flux.arange(5), flux.zeros((5, 2))), batchsize=2)
    >>> [(x.shape, y.shape) for x, y in loader]
    [((2,), (2, 2)), ((2,), (2, 2)), ((1,), (1, 2))]
    """

    @overload
    def __init__(
        self: DataLoader[Leading[S, "n -> k"]], data: S, batchsize: Size["k"] = 1, *,
        shuffle: bool = False, partial: Literal[False], rng: Generator | None = None,
        collate: None = None, prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[Leading[S, "n -> k where n%k==0, n where n<=k, ?batch=k"]], data: S,
        batchsize: Size["k"] = 1, *, shuffle: bool = False, partial: bool = True,
        rng: Generator | None = None, collate: None = None, prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[list[str]], data: Dataset[str], batchsize: int = 1, *,
        shuffle: bool = False, partial: bool = True, rng: Generator | None = None,
        collate: None = None, prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[Tensor], data: Dataset[float], batchsize: int = 1, *,
        shuffle: bool = False, partial: bool = True, rng: Generator | None = None,
        collate: None = None, prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[Leading[T, "-> ?batch=k"]], data: Dataset[T], batchsize: Size["k"] = 1, *,
        shuffle: bool = False, partial: bool = True, rng: Generator | None = None,
        collate: None = None, prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[R], data: R, batchsize: int = 1, *, shuffle: bool = False,
        partial: bool = True, rng: Generator | None = None, collate: None = None, prefetch: int = 0,
        workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[list[T]], data: Dataset[T], batchsize: int = 1, *, shuffle: bool = False,
        partial: bool = True, rng: Generator | None = None, collate: Literal[False],
        prefetch: int = 0, workers: int = 1,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self, data: object, batchsize: int = 1, *, shuffle: bool = False, partial: bool = True,
        rng: Generator | None = None, collate: Callable[[list[Any]], B], prefetch: int = 0,
        workers: int = 1,
    ) -> None: ...  # fmt: skip
    def __init__(
        self, data: Any, batchsize: int = 1, *, shuffle: bool = False, partial: bool = True,
        rng: Generator | None = None, collate: Any = None, prefetch: int = 0, workers: int = 1,
    ) -> None:  # fmt: skip
        self.batchsize = count("DataLoader: batchsize", batchsize, 1)
        self.prefetch = count("DataLoader: prefetch", prefetch, 0)
        self.workers = count("DataLoader: workers", workers, 1)
        if collate not in (None, False) and not callable(collate):
            raise TypeError(
                "DataLoader: collate is a function of a list of observations, or False; got "
                f"{collate!r:.60}"
            )
        check_generator(rng)
        if isinstance(data, Iterator):
            raise TypeError(
                "DataLoader needs data that can be counted and indexed; an iterator can be passed "
                "to flux.train as it is"
            )
        numobs(data)
        self.data = data
        self.shuffle = shuffle
        self.partial = partial
        self.rng = rng
        self.collate = collate

    def __len__(self) -> int:
        n = numobs(self.data)
        return -(-n // self.batchsize) if self.partial else n // self.batchsize

    def __iter__(self) -> Iterator[B]:
        # The order is drawn here, not at the first batch, so that it does not depend on what else
        # draws random numbers in between.
        n = numobs(self.data)
        order = permutation(n, self.rng) if self.shuffle else None
        starts = range(0, n if self.partial else n - n % self.batchsize, self.batchsize)
        ends = [min(start + self.batchsize, n) for start in starts]
        cuts = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
        wanted: list[Indices] = list(cuts) if order is None else [order[cut] for cut in cuts]
        if self.prefetch or self.workers > 1:
            return self._ahead(wanted)
        return map(self._batch, wanted)

    def _batch(self, indices: Indices) -> B:
        if self.collate is None:
            return cast(B, batch(self.data, indices))
        positions = (
            range(indices.start, indices.stop) if isinstance(indices, slice) else indices.tolist()
        )
        items = [observation(self.data, i) for i in positions]
        return cast(B, items if self.collate is False else self.collate(items))

    def _ahead(self, wanted: list[Indices]) -> Iterator[B]:
        remaining = iter(wanted)
        made: deque[Future[B]] = deque()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="DataLoader") as threads:
            try:
                for indices in remaining:
                    made.append(threads.submit(self._batch, indices))
                    if len(made) > max(self.prefetch, self.workers):
                        yield made.popleft().result()
                while made:
                    yield made.popleft().result()
            finally:
                for future in made:
                    future.cancel()

    def __repr__(self) -> str:
        options = ", shuffle=True" if self.shuffle else ""
        return (
            f"DataLoader({numobs(self.data)} observations, {len(self)} batches, "
            f"batchsize={self.batchsize}{options})"
        )
