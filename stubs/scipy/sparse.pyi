"""Sparse matrices by their columns: the products with dense ones."""

from typing import Any

from numpy.typing import ArrayLike, DTypeLike, NDArray

class csc_array:
    def __init__(
        self,
        arg1: tuple[ArrayLike, ArrayLike, ArrayLike]
        | tuple[ArrayLike, tuple[ArrayLike, ArrayLike]],
        shape: tuple[int, int] | None = None,
        dtype: DTypeLike | None = None,
        copy: bool = False,
    ) -> None: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    def __matmul__(self, other: NDArray[Any]) -> NDArray[Any]: ...
    def __rmatmul__(self, other: NDArray[Any]) -> NDArray[Any]: ...
    def toarray(self) -> NDArray[Any]: ...
