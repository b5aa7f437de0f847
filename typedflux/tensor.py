"""`Tensor`: an immutable array whose shape and dtype are part of its type.

Thin: the value, its operators and methods; each calls the operation of that name in `ops`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt
from typing_extensions import TypeVar, TypeVarTuple, Unpack

from typedflux import dtypes as _dtypes
from typedflux.dtypes import DType

if TYPE_CHECKING:
    from typing import Self

    from typedflux.core.device import Device
    from typedflux.static import Leading

DT_co = TypeVar("DT_co", covariant=True, default=Any)
Shape = TypeVarTuple("Shape", default=Unpack[tuple[Any, ...]])

FROM_NUMPY: dict[np.dtype[Any], DType] = {d.dtype: d for d in _dtypes.ALL}


class Tensor(Generic[DT_co, Unpack[Shape]]):
    """An immutable array. Make one with `flux.asarray`, `zeros`, `randn`, ...

    Annotate it with jaxtyping: `Float32[Tensor, "batch 784"]`. Operators follow NumPy's
    broadcasting; dtypes promote as `flux.result_type` says; Python numbers adapt to the tensor.

    >>> import typedflux as flux
    >>> x = flux.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> (x @ x.T + 1).sum(axis=0).shape
    (2,)
    """

    __slots__ = ("__weakref__", "_data")
    __array_ufunc__ = None  # numpy's operators defer to the reflected ones here
    __array_priority__ = 1000

    _data: npt.NDArray[Any]

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise TypeError("Tensor is not called directly: use flux.asarray(data, dtype=...)")

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes, outermost first."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._data.size

    @property
    def dtype(self) -> DType:
        """The data type of the elements."""
        return FROM_NUMPY[self._data.dtype]

    @property
    def device(self) -> Device:
        """Where the elements are kept."""
        from typedflux.core.device import CPU

        return CPU

    @property
    def nbytes(self) -> int:
        """Bytes that the elements take."""
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> Tensor:
        """The transpose of a matrix; `mT` for stacks of matrices."""
        return _ops.transpose_matrix_only(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return _ops.matrix_transpose(self)

    @property
    def real(self) -> Tensor:
        """The real part, elementwise."""
        return _ops.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part, elementwise."""
        return _ops.imag(self)

    @property
    def at(self) -> _ops.At:
        """Functional update: `x.at[i].set(v)` is a copy of `x` with `v` at `i`."""
        return _ops.At(self)

    # Out to Python and to other libraries

    def item(self) -> Any:
        """The value of a tensor of one element as a Python number."""
        if self.size != 1:
            raise ValueError(
                f"item() needs a tensor of one element; this one has shape {self.shape}"
            )
        return self._concrete("convert to a Python number").item()

    def tolist(self) -> Any:
        """Nested Python lists of the values."""
        return self._concrete("convert to lists").tolist()

    def numpy(self) -> npt.NDArray[Any]:
        """The values as a read-only numpy array, without copying."""
        view = self._concrete("give to numpy").view()
        view.flags.writeable = False
        return view

    def _concrete(self, purpose: str) -> npt.NDArray[Any]:
        """The array behind a concrete tensor; a traced one refuses, naming the purpose."""
        return self._data

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        data = self.numpy()
        if dtype is not None and np.dtype(dtype) != data.dtype:
            if copy is False:
                raise ValueError(f"converting {self.dtype} to {dtype} needs a copy")
            return data.astype(dtype)
        return data.copy() if copy else data

    def __array_function__(
        self, function: Callable[..., Any], types: object, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """NumPy's functions see arrays, and return arrays; a traced tensor refuses."""
        return function(*_as_arrays(args), **_as_arrays(kwargs))

    def __buffer__(self, flags: int) -> memoryview:
        data: Any = self.numpy()
        return memoryview(data)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        data = self._concrete("give to another library")
        if dl_device not in (None, (1, 0)):
            raise BufferError(f"this tensor is on the CPU, not on the DLPack device {dl_device}")
        if data.dtype == ml_dtypes.bfloat16:
            raise BufferError("bfloat16 does not go through DLPack here: use .astype(flux.float32)")
        if max_version is None or max_version < (1, 0):
            # Older consumers cannot be told that memory is read-only: they get their own, unless
            # they ask to share it and so promise not to write to it.
            return (data if copy is False else data.copy()).__dlpack__()
        data = data.view()
        data.flags.writeable = False
        return data.__dlpack__(max_version=max_version, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"the array API version {api_version!r} is not supported")
        import typedflux

        return typedflux

    def to_device(self, device: object, /, *, stream: Any = None) -> Tensor:
        """The tensor on `device`."""
        from typedflux.core.device import as_device

        as_device(device)
        return self

    def __reduce__(self) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
        if self._data.dtype == ml_dtypes.bfloat16:
            return _restore_bfloat16, (self._data.view(np.uint16),)
        return wrap, (self._data,)

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: object) -> Tensor:
        return self

    def __repr__(self) -> str:
        return _ops.format_tensor(self)

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        if self.ndim != 0:
            raise TypeError(
                f"the format {spec!r} is for one number, this tensor has shape {self.shape}"
            )
        return format(self.item(), spec)

    # How it behaves as a Python value

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                f"the truth of a tensor of shape {self.shape} is ambiguous: "
                "use flux.any(...) or flux.all(...)"
            )
        return bool(self._concrete("decide a branch by"))

    def __int__(self) -> int:
        return int(self._scalar("int"))

    def __float__(self) -> float:
        return float(self._scalar("float"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __index__(self) -> int:
        if not self.dtype.is_integer or self.ndim != 0:
            raise TypeError(
                f"only an integer tensor of rank 0 can be an index; this one is {self.dtype} "
                f"of shape {self.shape}"
            )
        return int(self._concrete("use as an index"))

    def _scalar(self, target: str) -> Any:
        if self.ndim != 0:
            raise TypeError(
                f"only a tensor of rank 0 converts to {target}; this one has shape {self.shape}"
            )
        if target != "complex" and self.dtype.is_complex:
            raise TypeError(f"a complex tensor does not convert to {target}: use .real or .imag")
        return self._concrete(f"convert to {target}")[()]

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor of rank 0 has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Leading[Self, "_ ->"]]:
        if self.ndim == 0:
            raise TypeError("a tensor of rank 0 cannot be iterated over")
        rows: Any = _ops.unstack(self)
        return iter(rows)

    def __contains__(self, value: object) -> bool:
        return bool(_ops.any(_ops.equal(self, value)))  # type: ignore[arg-type]

    __hash__ = object.__hash__

    # Operators

    def __add__(self, other: TensorLike, /) -> Tensor:
        return _ops.add(self, other)

    def __radd__(self, other: TensorLike, /) -> Tensor:
        return _ops.add(other, self)

    def __sub__(self, other: TensorLike, /) -> Tensor:
        return _ops.subtract(self, other)

    def __rsub__(self, other: TensorLike, /) -> Tensor:
        return _ops.subtract(other, self)

    def __mul__(self, other: TensorLike, /) -> Tensor:
        return _ops.multiply(self, other)

    def __rmul__(self, other: TensorLike, /) -> Tensor:
        return _ops.multiply(other, self)

    def __truediv__(self, other: TensorLike, /) -> Tensor:
        return _ops.divide(self, other)

    def __rtruediv__(self, other: TensorLike, /) -> Tensor:
        return _ops.divide(other, self)

    def __floordiv__(self, other: TensorLike, /) -> Tensor:
        return _ops.floor_divide(self, other)

    def __rfloordiv__(self, other: TensorLike, /) -> Tensor:
        return _ops.floor_divide(other, self)

    def __mod__(self, other: TensorLike, /) -> Tensor:
        return _ops.remainder(self, other)

    def __rmod__(self, other: TensorLike, /) -> Tensor:
        return _ops.remainder(other, self)

    def __pow__(self, other: TensorLike, /) -> Tensor:
        return _ops.pow(self, other)

    def __rpow__(self, other: TensorLike, /) -> Tensor:
        return _ops.pow(other, self)

    def __matmul__(self, other: Tensor | npt.NDArray[Any], /) -> Tensor:
        return _ops.matmul(self, other)

    def __rmatmul__(self, other: Tensor | npt.NDArray[Any], /) -> Tensor:
        return _ops.matmul(other, self)

    def __and__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_and(self, other)

    def __rand__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_and(other, self)

    def __or__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_or(self, other)

    def __ror__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_or(other, self)

    def __xor__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_xor(self, other)

    def __rxor__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_xor(other, self)

    def __lshift__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_left_shift(self, other)

    def __rlshift__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_left_shift(other, self)

    def __rshift__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_right_shift(self, other)

    def __rrshift__(self, other: TensorLike, /) -> Tensor:
        return _ops.bitwise_right_shift(other, self)

    def __neg__(self) -> Tensor:
        return _ops.negative(self)

    def __pos__(self) -> Tensor:
        return _ops.positive(self)

    def __abs__(self) -> Tensor:
        return _ops.abs(self)

    def __invert__(self) -> Tensor:
        return _ops.bitwise_invert(self)

    def __eq__(self, other: TensorLike, /) -> Tensor:  # type: ignore[override]
        return _ops.equal(self, other)

    def __ne__(self, other: TensorLike, /) -> Tensor:  # type: ignore[override]
        return _ops.not_equal(self, other)

    def __lt__(self, other: TensorLike, /) -> Tensor:
        return _ops.less(self, other)

    def __le__(self, other: TensorLike, /) -> Tensor:
        return _ops.less_equal(self, other)

    def __gt__(self, other: TensorLike, /) -> Tensor:
        return _ops.greater(self, other)

    def __ge__(self, other: TensorLike, /) -> Tensor:
        return _ops.greater_equal(self, other)

    # Indexing

    def __getitem__(self, index: Any, /) -> Tensor:
        return _ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any, /) -> None:
        raise TypeError(
            "tensors are immutable: x.at[i].set(v) gives a copy of x with v at i "
            "(also .add, .multiply, .min, .max)"
        )

    def __delitem__(self, index: Any, /) -> None:
        raise TypeError(
            "tensors are immutable: select what shall remain, as x[2:], or concat the parts"
        )

    # Methods, each the operation of that name

    def astype(self, dtype: DTypeLike, /, *, copy: bool = True) -> Tensor:
        """The values converted to `dtype`."""
        return _ops.astype(self, dtype, copy=copy)

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same elements in another shape: `x.reshape(2, -1)` or `x.reshape((2, -1))`."""
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            return _ops.reshape(self, tuple(shape[0]))
        return _ops.reshape(self, shape)  # type: ignore[arg-type]

    def permute_dims(self, axes: Sequence[int]) -> Tensor:
        """The axes in another order."""
        return _ops.permute_dims(self, tuple(axes))

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed when none is named."""
        if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
            axes = tuple(axes[0])
        return _ops.permute_dims(self, axes or tuple(reversed(range(self.ndim))))

    def squeeze(self, axis: int | tuple[int, ...]) -> Tensor:
        """Without the axes named, which must have size 1."""
        return _ops.squeeze(self, axis)

    def flatten(self) -> Tensor:
        """All elements along one axis. `flux.flatten` keeps the batch axis."""
        return _ops.reshape(self, (-1,))

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Sum over `axis`."""
        return _ops.sum(self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Product over `axis`."""
        return _ops.prod(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Mean over `axis`."""
        return _ops.mean(self, axis=axis, keepdims=keepdims)

    def std(self, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
        """Standard deviation over `axis`."""
        return _ops.std(self, axis=axis, correction=correction, keepdims=keepdims)

    def var(self, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
        """Variance over `axis`."""
        return _ops.var(self, axis=axis, correction=correction, keepdims=keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Largest value over `axis`."""
        return _ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Smallest value over `axis`."""
        return _ops.min(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        """Index of the first largest value along `axis`."""
        return _ops.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        """Index of the first smallest value along `axis`."""
        return _ops.argmin(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Whether any value over `axis` is true."""
        return _ops.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
        """Whether all values over `axis` are true."""
        return _ops.all(self, axis=axis, keepdims=keepdims)

    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
        """Values limited to the range from `min` to `max`."""
        return _ops.clip(self, min, max)

    def conj(self) -> Tensor:
        """The complex conjugate."""
        return _ops.conj(self)

    def take(self, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
        """The slices at `indices` along `axis`."""
        return _ops.take(self, indices, axis=axis)

    def repeat(self, repeats: int | Sequence[int] | Tensor, axis: int | None = None) -> Tensor:
        """Each element along `axis` several times in a row."""
        return _ops.repeat(self, repeats, axis=axis)

    def nonzero(self) -> tuple[Tensor, ...]:
        """The indices of the elements that are not zero, a vector for each axis."""
        return _ops.nonzero(self)

    def searchsorted(
        self, values: TensorLike, /, *, side: Literal["left", "right"] = "left"
    ) -> Tensor:
        """Where `values` would be inserted into this sorted vector."""
        return _ops.searchsorted(self, values, side=side)

    def sort(self, *, axis: int = -1, descending: bool = False) -> Tensor:
        """Sorted along `axis`."""
        return _ops.sort(self, axis=axis, descending=descending)

    def argsort(self, *, axis: int = -1, descending: bool = False) -> Tensor:
        """The indices that sort along `axis`."""
        return _ops.argsort(self, axis=axis, descending=descending)

    def round(self) -> Tensor:
        """Rounded to the nearest integer, halves to even."""
        return _ops.round(self)


Axis: TypeAlias = int | tuple[int, ...] | None
DTypeLike: TypeAlias = DType | str | type | np.dtype[Any]
"""A dtype, its name, a Python or numpy type, or a numpy dtype: what `dtype=` accepts."""
Scalar: TypeAlias = bool | int | float | complex
TensorLike: TypeAlias = Tensor | Scalar | npt.NDArray[Any] | np.generic
"""What an operator accepts beside a tensor: a Python number (weak) or a numpy array."""

_new = object.__new__


def wrap(array: Any) -> Tensor:
    """A tensor around an array that nobody else will write to (a numpy scalar for rank 0)."""
    tensor: Tensor = _new(Tensor)
    tensor._data = array if type(array) is np.ndarray else np.asarray(array)
    return tensor


def _as_arrays(value: Any) -> Any:
    """`value` with the tensors in lists, tuples and dicts as arrays."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {key: _as_arrays(item) for key, item in value.items()}
    return type(value)(map(_as_arrays, value)) if type(value) in (list, tuple) else value


def _restore_bfloat16(bits: npt.NDArray[np.uint16]) -> Tensor:
    return wrap(bits.view(ml_dtypes.bfloat16))


from typedflux import ops as _ops  # noqa: E402  (operations need the class above)
