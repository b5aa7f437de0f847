from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

_X = TypeVar("_X", bound=np.generic)
_Y = TypeVar("_Y", bound=np.generic)
_Random = int | np.random.RandomState | None

# The result is a list of alternating types, which only a tuple can spell; it is unpacked anyway.
@overload
def train_test_split(
    x: NDArray[_X],
    /,
    *,
    test_size: float | None = None,
    train_size: float | None = None,
    random_state: _Random = None,
    shuffle: bool = True,
    stratify: NDArray[np.generic] | None = None,
) -> tuple[NDArray[_X], NDArray[_X]]: ...
@overload
def train_test_split(
    x: NDArray[_X],
    y: NDArray[_Y],
    /,
    *,
    test_size: float | None = None,
    train_size: float | None = None,
    random_state: _Random = None,
    shuffle: bool = True,
    stratify: NDArray[np.generic] | None = None,
) -> tuple[NDArray[_X], NDArray[_X], NDArray[_Y], NDArray[_Y]]: ...
