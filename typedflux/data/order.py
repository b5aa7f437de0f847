"""Random orders, drawn from the same generator as all random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from typedflux.ops.random import Generator, randint


def permutation(n: int, rng: Generator | None = None) -> npt.NDArray[np.int64]:
    """The numbers 0 to n - 1 in a random order."""
    return stream(rng).permutation(n)


def stream(rng: Generator | None = None) -> np.random.Generator:
    """A NumPy generator for one purpose.

    One draw from the generator is its key (of Philox), so it takes the same from the generator
    however much is drawn from it.
    """
    check_generator(rng)
    key = randint(0, 2**31 - 1, (4,), rng=rng).numpy().astype(np.uint32).view(np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def check_generator(rng: Any) -> None:
    """Raise TypeError for what is no generator."""
    if rng is not None and not isinstance(rng, Generator):
        raise TypeError(f"rng is a generator such as flux.Generator(3), got {rng!r:.60}")
