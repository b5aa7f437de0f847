"""Data sets that come with scikit-learn, and some that it makes: nothing here is downloaded."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

_Floats: TypeAlias = NDArray[np.float64]
_Labels: TypeAlias = NDArray[np.int64]
_Random: TypeAlias = int | np.random.RandomState | None

@overload
def load_breast_cancer(
    *, return_X_y: Literal[True], as_frame: Literal[False] = False
) -> tuple[_Floats, _Labels]: ...
@overload
def load_breast_cancer(
    *, return_X_y: Literal[False] = False, as_frame: Literal[False] = False
) -> Bunch: ...
@overload
def load_diabetes(
    *, return_X_y: Literal[True], as_frame: Literal[False] = False, scaled: bool = True
) -> tuple[_Floats, _Floats]: ...
@overload
def load_diabetes(
    *, return_X_y: Literal[False] = False, as_frame: Literal[False] = False, scaled: bool = True
) -> Bunch: ...
@overload
def load_digits(
    *, n_class: int = 10, return_X_y: Literal[True], as_frame: Literal[False] = False
) -> tuple[_Floats, _Labels]: ...
@overload
def load_digits(
    *, n_class: int = 10, return_X_y: Literal[False] = False, as_frame: Literal[False] = False
) -> Bunch: ...
@overload
def load_iris(
    *, return_X_y: Literal[True], as_frame: Literal[False] = False
) -> tuple[_Floats, _Labels]: ...
@overload
def load_iris(*, return_X_y: Literal[False] = False, as_frame: Literal[False] = False) -> Bunch: ...
@overload
def load_wine(
    *, return_X_y: Literal[True], as_frame: Literal[False] = False
) -> tuple[_Floats, _Labels]: ...
@overload
def load_wine(*, return_X_y: Literal[False] = False, as_frame: Literal[False] = False) -> Bunch: ...
def make_blobs(
    n_samples: int | Sequence[int] = 100,
    n_features: int = 2,
    *,
    centers: int | NDArray[Any] | None = None,
    cluster_std: float | Sequence[float] = 1.0,
    center_box: tuple[float, float] = (-10.0, 10.0),
    shuffle: bool = True,
    random_state: _Random = None,
    return_centers: Literal[False] = False,
) -> tuple[_Floats, _Labels]: ...
def make_circles(
    n_samples: int | tuple[int, int] = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: _Random = None,
    factor: float = 0.8,
) -> tuple[_Floats, _Labels]: ...
def make_moons(
    n_samples: int | tuple[int, int] = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: _Random = None,
) -> tuple[_Floats, _Labels]: ...
def make_swiss_roll(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    random_state: _Random = None,
    hole: bool = False,
) -> tuple[_Floats, _Floats]: ...
