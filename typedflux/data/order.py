"""Random orders, drawn from the same generator as all random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def permutation(n: int, rng: Any = None) -> npt.NDArray[np.int64]:
    """The numbers 0 to n - 1 in a random order.

    One draw from the generator is the key of a stream of its own (Philox), so an order takes the
    same from the generator whatever `n` is.
    """
    import typedflux as flux

    key = flux.randint(0, 2**31 - 1, (4,), rng=rng).numpy().astype(np.uint32).view(np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(n)
