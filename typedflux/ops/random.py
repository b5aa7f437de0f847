"""Random numbers from a counter-based generator that can be split.

Bits come from Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): a
pure function of a key and a counter. A generator's state is a tensor of four words: two of key, the
number of draws so far, and the depth of splitting. Each draw uses a stream of its own, so what one
draw takes does not shift the next. Uniform floats are the upper bits of a word over a power of two;
normal ones come of two uniform ones by the method of Box and Muller (1958).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from typedflux import dtypes, ops
from typedflux.core.primitive import Array, Lowering, Primitive
from typedflux.core.stateful import Stateful
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import AnyDType, DType, as_dtype
from typedflux.ops.batching import batch_by_loop
from typedflux.ops.creation import as_shape
from typedflux.ops.families import promote_operands
from typedflux.ops.interchange import resolve_dtype
from typedflux.shapes.errors import DTypeError
from typedflux.tensor import Tensor, TensorLike, wrap

_SPLIT_STREAM = 1 << 63  # a stream that no draw reaches


def _words(state: Array, stream: int, count: int) -> Array:
    """`count` words of one stream of the generator."""
    key = int(state[0]) | int(state[1]) << 64
    counter = stream << 64 | int(state[3]) << 192
    return np.random.Philox(key=key, counter=counter).random_raw(count)


def _halves(state: Array, count: int) -> Array:
    """`count` random numbers of 32 bits."""
    return _words(state, int(state[2]), -(-count // 2)).view(np.uint32)[:count]


def _uniform(state: Array, count: int, double: bool) -> Array:
    """Numbers from 0 to 1, 1 excluded: 24 or 53 random bits."""
    if double:
        words = _words(state, int(state[2]), count) >> np.uint64(11)
        return words * np.float64(2.0**-53)
    return (_halves(state, count) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def _draw_kernel(state: Array, *, kind: str, shape: tuple[int, ...], dtype: DType) -> Array:
    count = math.prod(shape)
    double = dtype is dtypes.float64
    if kind == "bits":
        out = _words(state, int(state[2]), count)
    elif kind == "uniform":
        out = _uniform(state, count, double)
        if dtype.bits == 16:  # rounding must not reach 1
            largest = np.nextafter(np.asarray(1, dtype.dtype), np.asarray(0, dtype.dtype))
            out = np.minimum(out.astype(dtype.dtype), largest)
    else:
        pairs = -(-count // 2)
        uniform = _uniform(state, 2 * pairs, double)
        real = uniform.dtype.type
        radius = np.sqrt(real(-2) * np.log(real(1) - uniform[:pairs]))
        angle = uniform[pairs:] * real(2 * math.pi)
        out = np.empty(2 * pairs, uniform.dtype)
        out[:pairs] = radius * np.cos(angle)
        out[pairs:] = radius * np.sin(angle)
        out = out[:count]
    return out.astype(dtype.dtype, copy=False).reshape(shape)


def _draw_shape(state: TensorType, *, kind: str, shape: Shape, dtype: DType) -> TensorType:
    return TensorType(dtype, shape)


random_p: Primitive = Primitive(
    "random",
    _draw_kernel,
    _draw_shape,
    batch=lambda inputs, axes, **params: batch_by_loop(random_p, inputs, axes, **params),
    lowering=Lowering("random"),
)


def _advance_kernel(state: Array) -> Array:
    out = state.copy()
    out[..., 2] += np.uint64(1)
    return out


advance_p: Primitive = Primitive(
    "advance_generator",
    _advance_kernel,
    lambda state: state,
    batch=lambda inputs, axes: (advance_p.bind(ops.moveaxis(inputs[0], axes[0] or 0, 0)), 0),
    lowering=Lowering("random"),
)


def _split_kernel(state: Array, *, count: int) -> Array:
    keys = _words(state, _SPLIT_STREAM | int(state[2]), 2 * count).reshape(count, 2)
    out = np.zeros((count, 4), np.uint64)
    out[:, :2] = keys
    out[:, 3] = state[3] + np.uint64(1)
    return out


split_p: Primitive = Primitive(
    "split_generator",
    _split_kernel,
    lambda state, *, count: TensorType(state.dtype, (count, 4)),
    batch=lambda inputs, axes, **params: batch_by_loop(split_p, inputs, axes, **params),
    lowering=Lowering("random"),
)


class Generator(Stateful):
    """A source of random numbers. Its whole state is the tensor `state`.

    >>> Generator(0).split(2)[0].state.shape
    (4,)
    """

    state: Tensor

    def __init__(self, seed: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise TypeError(f"a seed is an int, got {type(seed).__name__}: {seed!r}")
        key = np.random.SeedSequence(abs(int(seed))).generate_state(2, np.uint64)
        words = np.asarray([key[0], key[1], 0, 1 if seed < 0 else 0], np.uint64)
        self.state = wrap(words)

    def split(self, count: int = 2) -> list[Generator]:
        """`count` generators, independent of one another and of what this one draws later."""
        states = self.split_states(count)
        return [_generator_at(states[i]) for i in range(count)]

    def split_states(self, count: int) -> Tensor:
        """The states of `count` generators, `"count 4"`, as `split` makes them."""
        states: Tensor = split_p.bind(self._next(), count=count)
        return states

    def _next(self) -> Tensor:
        """The state for one draw; the generator moves on to the next."""
        state = self.state
        self.state = advance_p.bind(state)
        return state

    # The tree protocol: transformations see the state as that of a module.

    def tree_fields(self) -> dict[str, Any]:
        return {"state": self.state}

    def tree_replace(self, fields: dict[str, Any]) -> Generator:
        return _generator_at(fields["state"])

    def tree_state(self) -> frozenset[str]:
        return frozenset(("state",))

    def __repr__(self) -> str:
        return f"Generator(state={self.state!r})"


def _generator_at(state: Tensor) -> Generator:
    generator = object.__new__(Generator)
    generator.state = state
    return generator


_ambient = Generator(np.random.SeedSequence().generate_state(1)[0].item())


def default_generator() -> Generator:
    """The generator that random functions use without `rng=`; one for the whole process."""
    return _ambient


def _checked(rng: object) -> Generator:
    if not isinstance(rng, Generator):
        raise TypeError(f"rng is a generator such as flux.Generator(3), got {rng!r:.60}")
    return rng


def seed(n: int) -> None:
    """Restart the ambient generator: a program that starts with it repeats bit for bit."""
    _ambient.state = Generator(n).state


@contextmanager
def using_generator(generator: Generator) -> Iterator[None]:
    """Make `generator` the ambient one inside the block."""
    global _ambient
    outer, _ambient = _ambient, generator
    try:
        yield
    finally:
        _ambient = outer


def _draw(kind: str, shape: Any, dtype: Any, rng: Generator | None) -> Tensor:
    exact = resolve_dtype(dtype, dtypes.default_float)
    if dtypes.belongs(exact, dtypes.Float) is False:
        raise DTypeError(f"random numbers are floating-point, got dtype {exact}: see randint")
    generator = _ambient if rng is None else _checked(rng)
    out: Tensor = random_p.bind(generator._next(), kind=kind, shape=as_shape(shape), dtype=exact)
    return out


def rand(
    shape: int | Sequence[int] = (), *, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Uniform numbers from 0 to 1, 1 excluded."""
    return _draw("uniform", shape, dtype, rng)


def randn(
    shape: int | Sequence[int] = (), *, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Normal numbers with mean 0 and deviation 1."""
    return _draw("normal", shape, dtype, rng)


def uniform(
    shape: int | Sequence[int] = (),
    low: TensorLike = 0.0,
    high: TensorLike = 1.0,
    *,
    dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:
    """Uniform numbers from `low` to `high`; differentiable by both."""
    numbers = rand(shape, dtype=dtype, rng=rng)
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        return numbers * (high - low) + low  # which leave the dtype alone
    return ops.add(low, ops.multiply(numbers, ops.subtract(high, low)))


def normal(
    shape: int | Sequence[int] = (),
    mean: TensorLike = 0.0,
    std: TensorLike = 1.0,
    *,
    dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:
    """Normal numbers; differentiable by `mean` and `std`."""
    return ops.add(mean, ops.multiply(std, randn(shape, dtype=dtype, rng=rng)))


def truncated_normal(
    shape: int | Sequence[int] = (),
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    *,
    dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:
    """Normal numbers given that they lie between `low` and `high`, by inverting the distribution.

    Raises:
        ValueError: when `low` is not below `high`.
    """
    if not low < high:
        raise ValueError(f"truncated_normal needs low < high, got {low} and {high}")
    first, last = (math.erf((bound - mean) / (std * math.sqrt(2))) for bound in (low, high))
    exact = resolve_dtype(dtype, dtypes.default_float)
    u = rand(shape, dtype=_at_least_single(exact), rng=rng) * (last - first) + first
    numbers = ops.erfinv(u) * (math.sqrt(2) * std) + mean
    return ops.clip(ops.astype(numbers, exact), low, high)  # type: ignore[arg-type]


def _at_least_single(dtype: AnyDType) -> AnyDType:
    """The dtype to draw uniform numbers in: those of 16 bits lie too far apart near 1 to give the
    tails of another distribution, or to be compared."""
    return dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else dtype


def exponential(
    shape: int | Sequence[int] = (),
    scale: TensorLike = 1.0,
    *,
    dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:
    """Exponential numbers with mean `scale`."""
    exact = resolve_dtype(dtype, dtypes.default_float)
    draws = -ops.log1p(-rand(shape, dtype=_at_least_single(exact), rng=rng))
    return ops.multiply(scale, ops.astype(draws, exact))  # type: ignore[arg-type]


def gumbel(
    shape: int | Sequence[int] = (), *, dtype: Any = None, rng: Generator | None = None
) -> Tensor:
    """Numbers of the standard Gumbel distribution, all finite."""
    draws = exponential(shape, dtype=dtype, rng=rng)
    # A uniform number is 0 once in 2**24 times, and so is what is made of it.
    return -ops.log(ops.where(draws > 0, draws, 2**-24))


def bernoulli(
    p: TensorLike, shape: int | Sequence[int] | None = None, *, rng: Generator | None = None
) -> Tensor:
    """Booleans that are true with probability `p`, of the shape of `p` by default."""
    (p,) = promote_operands("bernoulli", (p,), dtypes.Float, inexact=True)
    draws = rand(p.shape if shape is None else shape, dtype=_at_least_single(p.dtype), rng=rng)
    return ops.less(draws, p)


def categorical(logits: TensorLike, /, *, axis: int = -1, rng: Generator | None = None) -> Tensor:
    """Indices along `axis` drawn with probabilities `softmax(logits)`, by the Gumbel trick."""
    (x,) = promote_operands("categorical", (logits,), dtypes.Float, inexact=True)
    noise = gumbel(x.shape, dtype=_at_least_single(x.dtype), rng=rng)
    return ops.argmax(x + noise, axis=axis)


def randint(
    low: int,
    high: int,
    shape: int | Sequence[int] = (),
    *,
    dtype: Any = None,
    rng: Generator | None = None,
) -> Tensor:
    """Integers from `low` to `high`, `high` excluded.

    Raises:
        ValueError: when no integer lies between, or more than 2**63 - 1 do.
        DTypeError: for a dtype that is none of integers, or cannot hold them.
    """
    if not low < high:
        raise ValueError(f"randint needs low < high, got {low} and {high}")
    if high - low >= 2**63:
        raise ValueError(f"randint draws from at most 2**63 - 1 integers, got {low} to {high}")
    exact = as_dtype(dtypes.default_int if dtype is None else dtype)
    _check_holds(exact, low, high - 1)
    generator = _ambient if rng is None else _checked(rng)
    bits = random_p.bind(generator._next(), kind="bits", shape=as_shape(shape), dtype=dtypes.uint64)
    # The bias of the remainder is at most (high - low) / 2**63.
    places = ops.remainder(ops.astype(ops.bitwise_right_shift(bits, 1), "int64"), high - low)
    return ops.astype(places + low, exact)


def _check_holds(dtype: DType, low: int, high: int) -> None:
    if not dtype.is_integer:
        raise DTypeError(f"randint draws integers, got dtype {dtype}: see uniform")
    info = np.iinfo(dtype.dtype)
    if low < info.min or high > info.max:
        raise DTypeError(f"{dtype} holds {info.min} to {info.max}, not {low} to {high}")


def permutation(n: int, /, *, rng: Generator | None = None) -> Tensor:
    """The integers below `n` in random order."""
    generator = _ambient if rng is None else _checked(rng)
    bits = random_p.bind(generator._next(), kind="bits", shape=as_shape(n), dtype=dtypes.uint64)
    return ops.argsort(bits)


def shuffle(x: Tensor, /, *, axis: int = 0, rng: Generator | None = None) -> Tensor:
    """The slices of `x` along `axis` in random order."""
    return ops.take(x, permutation(x.shape[axis], rng=rng), axis=axis)
