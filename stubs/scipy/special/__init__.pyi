"""Special functions: NumPy ufuncs, which keep a single or double precision operand's dtype."""

from typing import Any, TypeAlias, TypeVar, overload, type_check_only

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_Scalar: TypeAlias = float | np.number[Any] | np.bool
_Out = TypeVar("_Out", bound=NDArray[Any])

@type_check_only
class _Ufunc1:
    @property
    def __name__(self) -> str: ...
    @overload
    def __call__(self, x: ArrayLike, /, out: _Out, *, where: ArrayLike = ...) -> _Out: ...
    @overload
    def __call__(self, x: NDArray[Any], /, *, dtype: DTypeLike = ...) -> NDArray[Any]: ...
    @overload
    def __call__(self, x: _Scalar, /, *, dtype: DTypeLike = ...) -> np.floating[Any]: ...
    @overload
    def __call__(self, x: ArrayLike, /, *, dtype: DTypeLike = ...) -> NDArray[Any]: ...

@type_check_only
class _Ufunc2:
    @property
    def __name__(self) -> str: ...
    @overload
    def __call__(
        self, x: ArrayLike, y: ArrayLike, /, out: _Out, *, where: ArrayLike = ...
    ) -> _Out: ...
    @overload
    def __call__(
        self, x: NDArray[Any], y: ArrayLike, /, *, dtype: DTypeLike = ...
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self, x: ArrayLike, y: NDArray[Any], /, *, dtype: DTypeLike = ...
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self, x: _Scalar, y: _Scalar, /, *, dtype: DTypeLike = ...
    ) -> np.floating[Any]: ...
    @overload
    def __call__(
        self, x: ArrayLike, y: ArrayLike, /, *, dtype: DTypeLike = ...
    ) -> NDArray[Any]: ...

digamma: _Ufunc1
entr: _Ufunc1
erf: _Ufunc1
erfc: _Ufunc1
erfcinv: _Ufunc1
erfcx: _Ufunc1
erfinv: _Ufunc1
expit: _Ufunc1
expm1: _Ufunc1
gamma: _Ufunc1
gammaln: _Ufunc1
i0: _Ufunc1
i0e: _Ufunc1
i1: _Ufunc1
i1e: _Ufunc1
log1p: _Ufunc1
log_expit: _Ufunc1
log_ndtr: _Ufunc1
logit: _Ufunc1
loggamma: _Ufunc1
ndtr: _Ufunc1
ndtri: _Ufunc1
psi: _Ufunc1

beta: _Ufunc2
betaln: _Ufunc2
gammainc: _Ufunc2
gammaincc: _Ufunc2
rel_entr: _Ufunc2
xlog1py: _Ufunc2
xlogy: _Ufunc2

def polygamma(n: ArrayLike, x: ArrayLike) -> NDArray[Any]: ...
def zeta(x: ArrayLike, q: ArrayLike | None = None, out: None = None) -> NDArray[Any]: ...

_Axes: TypeAlias = int | tuple[int, ...] | None

def log_softmax(x: ArrayLike, axis: _Axes = None) -> NDArray[Any]: ...
def logsumexp(a: ArrayLike, axis: _Axes = None, *, keepdims: bool = False) -> NDArray[Any]: ...
def softmax(x: ArrayLike, axis: _Axes = None) -> NDArray[Any]: ...
