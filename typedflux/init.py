"""Initial values of parameters.

Each is called with a shape, or without one to fix options: a layer's `init=` takes any function of
a shape, such as `glorot_normal`, `kaiming_normal(gain=1.0)` or `lambda shape: flux.zeros(shape)`.
A shape is that of a weight, `(out, in, *kernel)`: see `nfan`.

>>> from typedflux import init, nn
>>> nn.Dense(3, 2, init=init.kaiming_normal(gain=1.0)).weight.shape
(2, 3)
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, overload

from typedflux import ops
from typedflux.ops.creation import as_shape
from typedflux.ops.orthonormal import orthonormal
from typedflux.ops.random import Generator
from typedflux.shapes.dims import product
from typedflux.shapes.errors import ShapeError, UndecidedError
from typedflux.tensor import Tensor

P = ParamSpec("P")

Shape: TypeAlias = tuple[int, ...]
Initialiser: TypeAlias = Callable[[Shape], Tensor]


class Curried(Protocol[P]):
    """An initialiser with options: called with a shape it gives a tensor, without one an
    initialiser with these options."""

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Initialiser: ...
    @overload
    def __call__(
        self, shape: int | Sequence[int], /, *args: P.args, **kwargs: P.kwargs
    ) -> Tensor: ...


def curried(make: Callable[Concatenate[Shape, P], Tensor]) -> Curried[P]:
    """Decorates a function of a shape and keywords, whose shape may then come later.

    >>> @curried
    ... def constant(shape, *, value=0.0):
    ...     return ops.full(shape, value)
    >>> constant(2, value=3.0), constant(value=5.0)((1,))
    (Tensor([3., 3.], float32), Tensor([5.], float32))
    """

    @functools.wraps(make)
    def call(shape: Any = None, /, *args: Any, **options: Any) -> Any:
        if shape is not None:
            return make(as_shape(shape), *args, **options)  # type: ignore[arg-type]  # or symbolic
        inspect.signature(make).bind(None, *args, **options)  # a wrong option is found here
        return functools.partial(call, **options)

    return call


def nfan(shape: int | Sequence[int]) -> tuple[int, int]:
    """Fan-in and fan-out of a weight `(out, in, *kernel)`: the numbers of inputs of an output and
    of outputs of an input, `in` and `out` times the size of the kernel. A vector has one number
    for both, a scalar 1.

    >>> nfan((64, 32, 3, 3)), nfan((10,)), nfan(())
    ((288, 576), (10, 10), (1, 1))
    """
    sizes: Any = as_shape(shape)
    if len(sizes) < 2:
        size = sizes[0] if sizes else 1
        return size, size
    kernel: Any = product(sizes[2:])
    return sizes[1] * kernel, sizes[0] * kernel


def _inverse_root(fan: Any) -> float:
    """1 over the root of a fan, which counts as 1 where it is 0."""
    try:
        return 1 / math.sqrt(max(int(fan), 1))
    except UndecidedError:  # evaluated for its type alone, where no value is seen
        return 1.0


@curried
def glorot_uniform(
    shape: Shape, *, gain: float = 1.0, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Uniform numbers up to `gain * sqrt(6 / (fan_in + fan_out))` on either side of 0.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.

    >>> glorot_uniform((3, 3)).shape, bool(ops.all(ops.abs(glorot_uniform((3, 3))) <= 1))
    ((3, 3), True)
    """
    limit = gain * math.sqrt(6) * _inverse_root(sum(nfan(shape)))
    return ops.uniform(shape, -limit, limit, dtype=dtype, rng=rng)


@curried
def glorot_normal(
    shape: Shape, *, gain: float = 1.0, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Normal numbers with deviation `gain * sqrt(2 / (fan_in + fan_out))`.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.

    >>> glorot_normal(gain=2.0)((4, 3)).shape
    (4, 3)
    """
    std = gain * math.sqrt(2) * _inverse_root(sum(nfan(shape)))
    return ops.randn(shape, dtype=dtype, rng=rng) * std


@curried
def kaiming_uniform(
    shape: Shape, *, gain: float = math.sqrt(2), dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Uniform numbers up to `gain * sqrt(3 / fan_in)` on either side of 0; the default `gain` is
    for relu.

    He et al., "Delving deep into rectifiers", 2015.

    >>> kaiming_uniform((4, 6)).shape, bool(ops.all(ops.abs(kaiming_uniform((4, 6))) <= 1))
    ((4, 6), True)
    """
    limit = gain * math.sqrt(3) * _inverse_root(nfan(shape)[0])
    return ops.uniform(shape, -limit, limit, dtype=dtype, rng=rng)


@curried
def kaiming_normal(
    shape: Shape, *, gain: float = math.sqrt(2), dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Normal numbers with deviation `gain / sqrt(fan_in)`; the default `gain` is for relu.

    He et al., "Delving deep into rectifiers", 2015.

    >>> kaiming_normal((4, 3), dtype="float64").dtype
    float64
    """
    std = gain * _inverse_root(nfan(shape)[0])
    return ops.randn(shape, dtype=dtype, rng=rng) * std


@curried
def lecun_normal(
    shape: Shape, *, gain: float = 1.0, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Normal numbers with deviation `gain / sqrt(fan_in)`, as self-normalising networks need.

    LeCun et al., "Efficient backprop", 1998.

    >>> lecun_normal((4, 3)).shape
    (4, 3)
    """
    std = gain * _inverse_root(nfan(shape)[0])
    return ops.randn(shape, dtype=dtype, rng=rng) * std


@curried
def truncated_normal(
    shape: Shape, *, mean: float = 0.0, std: float = 1.0, low: float = -2.0, high: float = 2.0,
    dtype: Any = None, rng: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers with this `mean` and deviation, given that they lie from `low` to `high`.

    Raises:
        ValueError: when `low` is not below `high`, or `std` not above 0.

    >>> bool(ops.all(ops.abs(truncated_normal((100,), low=-1.0, high=1.0)) <= 1))
    True
    """
    if not std > 0:
        raise ValueError(f"truncated_normal: std is a number above 0, got {std!r}")
    return ops.truncated_normal(shape, mean, std, low, high, dtype=dtype, rng=rng)


@curried
def orthogonal(
    shape: Shape, *, gain: float = 1.0, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """`gain` times a random weight that, as a matrix `"out in*kernel"`, has orthonormal rows (or
    columns, where it has fewer of them): it keeps lengths, whatever the depth.

    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", 2014.

    Raises:
        ShapeError: for a shape of rank 0 or 1.

    >>> w = orthogonal((3, 5), dtype="float64")
    >>> bool(ops.all(ops.abs(w @ w.mT - ops.eye(3)) < 1e-12))
    True
    """
    _require_rank("orthogonal", shape)
    matrix = (shape[0], product(shape[1:]))
    numbers = ops.randn(matrix, dtype=dtype, rng=rng)  # type: ignore[arg-type]
    return ops.reshape(orthonormal(numbers) * gain, shape)


@curried
def sparse_init(
    shape: Shape, *, sparsity: float, std: float = 0.01, dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers with deviation `std`, of which the fraction `sparsity` of each column, rounded
    up, is 0: each input reaches few outputs.

    Martens, "Deep learning via Hessian-free optimization", 2010.

    Args:
        shape: `(out, in)`.
        sparsity: from 0 to 1.

    Raises:
        ShapeError: for a shape that is not of rank 2.
        ValueError: when `sparsity` is not from 0 to 1, or `std` negative.

    >>> ops.count_nonzero(sparse_init((10, 4), sparsity=0.75), axis=0)
    Tensor([2, 2, 2, 2], int64)
    """
    if len(shape) != 2:
        raise ShapeError(f"sparse_init needs a weight of rank 2, got shape {shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_init: sparsity is from 0 to 1, got {sparsity!r}")
    if not std >= 0:
        raise ValueError(f"sparse_init: std is a number of 0 or more, got {std!r}")
    numbers = ops.randn(shape, dtype=dtype, rng=rng) * std
    order = ops.argsort(ops.rand(shape, rng=rng), axis=0)
    # A product that is whole but for rounding, as 0.1 * 30, is not rounded up.
    zeros = math.ceil(sparsity * int(shape[0]) * (1 - 1e-12))
    return ops.where(ops.less(order, zeros), 0, numbers)


@curried
def identity_init(
    shape: Shape, *, gain: float = 1.0, shift: int | Sequence[int] = 0, dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:  # fmt: skip
    """A weight that passes its input on: `gain` on the diagonal of the first two axes, at the
    middle of a kernel, else zeros. A vector, as a bias is, is all zeros.

    With `padding="same"` and as many channels out as in, a convolution then returns its input.

    Args:
        shift: how far to roll the result: a number for each axis, or one for the first.
        rng: ignored, for the sake of a common form.

    Raises:
        ShapeError: for a shape of rank 0, and for a `shift` of another rank.

    >>> identity_init((2, 3), gain=2.0)
    Tensor([[2., 0., 0.],
            [0., 2., 0.]], float32)
    >>> identity_init((2, 2), shift=(0, 1))
    Tensor([[0., 1.],
            [1., 0.]], float32)
    """
    if not shape:
        raise ShapeError("identity_init needs a weight of rank 1 or more, got shape ()")
    shifts = (shift,) if isinstance(shift, int) else tuple(shift)
    if not isinstance(shift, int) and len(shifts) != len(shape):
        raise ShapeError(f"identity_init: shift {shifts} does not fit the rank of shape {shape}")
    out = ops.zeros(shape, dtype=dtype)
    if len(shape) == 1 or any(size == 0 for size in shape):
        return out
    # Where padding is "same", an even kernel has the smaller half of it before.
    middle = tuple((size - 1) // 2 for size in shape[2:])
    diagonal = ops.eye(shape[0], shape[1], dtype=dtype) * gain
    out = out.at[(slice(None), slice(None), *middle)].set(diagonal)
    return ops.roll(out, shifts, axis=tuple(range(len(shifts)))) if any(shifts) else out


@curried
def zeros(shape: Shape, *, dtype: Any = None, rng: Generator | None = None) -> Tensor:
    """Zeros; `rng` is ignored, for the sake of a common form.

    >>> zeros(3)
    Tensor([0., 0., 0.], float32)
    """
    return ops.zeros(shape, dtype=dtype)


@curried
def ones(shape: Shape, *, dtype: Any = None, rng: Generator | None = None) -> Tensor:
    """Ones; `rng` is ignored, for the sake of a common form.

    >>> ones(dtype="float16")((1, 2))
    Tensor([[1., 1.]], float16)
    """
    return ops.ones(shape, dtype=dtype)


def _require_rank(name: str, shape: Shape) -> None:
    if len(shape) < 2:
        raise ShapeError(f"{name} needs a weight of rank 2 or more, got shape {shape}")
