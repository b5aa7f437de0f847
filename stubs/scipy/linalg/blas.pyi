"""BLAS on Fortran-ordered arrays: a C-ordered operand is passed as its transpose."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat

from numpy.typing import NDArray

def get_blas_funcs(
    names: str | Sequence[str],
    arrays: Sequence[NDArray[Any]] = (),
    dtype: object = None,
    ilp64: bool | str = False,
) -> Any: ...
def sgemm(
    alpha: SupportsFloat,
    a: NDArray[Any],
    b: NDArray[Any],
    beta: SupportsFloat = 0.0,
    c: NDArray[Any] | None = None,
    trans_a: int = 0,
    trans_b: int = 0,
    overwrite_c: int = 0,
) -> NDArray[Any]: ...

dgemm = sgemm

def sgemv(
    alpha: SupportsFloat,
    a: NDArray[Any],
    x: NDArray[Any],
    beta: SupportsFloat = 0.0,
    y: NDArray[Any] | None = None,
    offx: int = 0,
    incx: int = 1,
    offy: int = 0,
    incy: int = 1,
    trans: int = 0,
    overwrite_y: int = 0,
) -> NDArray[Any]: ...

dgemv = sgemv

def sger(
    alpha: SupportsFloat,
    x: NDArray[Any],
    y: NDArray[Any],
    incx: int = 1,
    incy: int = 1,
    a: NDArray[Any] | None = None,
    overwrite_x: int = 1,
    overwrite_y: int = 1,
    overwrite_a: int = 0,
) -> NDArray[Any]: ...

dger = sger

def ssyrk(
    alpha: SupportsFloat,
    a: NDArray[Any],
    beta: SupportsFloat = 0.0,
    c: NDArray[Any] | None = None,
    trans: int = 0,
    lower: int = 0,
    overwrite_c: int = 0,
) -> NDArray[Any]: ...

dsyrk = ssyrk

sdot: Callable[..., float]
ddot: Callable[..., float]
saxpy: Callable[..., NDArray[Any]]
daxpy: Callable[..., NDArray[Any]]
