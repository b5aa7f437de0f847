"""Random numbers: the generator's words, distributions, repeatability, independence."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

import typedflux as flux
from typedflux import Tensor, dtypes, ops
from typedflux.ops.random import Generator, random_p, using_generator
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import wrap

Array = npt.NDArray[Any]
FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)
MANY = 100_000
WORD = 2**64 - 1


@pytest.fixture(autouse=True)
def seeded() -> None:
    flux.seed(0)


# The words


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x64-10 as the paper of Salmon et al. (2011) defines it."""
    for turn in range(10):
        if turn:
            key = [(key[0] + 0x9E3779B97F4A7C15) & WORD, (key[1] + 0xBB67AE8584CAA73B) & WORD]
        a, b = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
        counter = [b >> 64 ^ counter[1] ^ key[0], b & WORD, a >> 64 ^ counter[3] ^ key[1], a & WORD]
    return counter


def test_the_reference_gives_the_published_answers() -> None:
    # From kat_vectors of the authors' library Random123.
    assert philox([0] * 4, [0] * 2) == [
        0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B,
    ]  # fmt: skip
    assert philox([WORD] * 4, [WORD] * 2) == [
        0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0,
    ]  # fmt: skip


@pytest.mark.parametrize("state", [(0, 0, 0, 0), (1, WORD, 5, 2), (WORD, 7, 2**40, 0)])
def test_words_are_philox_of_key_and_counter(state: tuple[int, ...]) -> None:
    words = random_p.bind(
        wrap(np.array(state, np.uint64)), kind="bits", shape=(3, 3), dtype=dtypes.uint64
    )
    first, second, stream, depth = state
    wanted = [philox([i, stream, 0, depth], [first, second]) for i in (1, 2, 3)]
    assert words.reshape((-1,)).tolist() == list(itertools.chain(*wanted))[:9]
    numpys = np.random.Philox(
        key=np.array([first, second], np.uint64), counter=stream << 64 | depth << 192
    )
    np.testing.assert_array_equal(words.numpy().ravel(), numpys.random_raw(9))


def test_uniform_numbers_are_the_upper_bits() -> None:
    generator = Generator(3)
    state = generator.state
    words = random_p.bind(state, kind="bits", shape=(8,), dtype=dtypes.uint64).numpy()
    double = flux.rand((8,), dtype="float64", rng=Generator(3)).numpy()
    np.testing.assert_array_equal(double, (words >> np.uint64(11)) / 2.0**53)
    single = flux.rand((16,), rng=Generator(3)).numpy()
    np.testing.assert_array_equal(single, (words.view(np.uint32) >> 8) / 2.0**24)


def test_streams_stay_the_same() -> None:
    """A seed gives these numbers in every version."""
    rng = Generator(42)
    assert flux.rand((2,), rng=rng).tolist() == GOLDEN["rand"]
    assert flux.randint(0, 1000, (3,), rng=rng).tolist() == GOLDEN["randint"]
    assert flux.permutation(5, rng=rng).tolist() == GOLDEN["permutation"]
    assert flux.rand((), dtype="float64", rng=rng.split()[1]).item() == GOLDEN["split"]
    normal = flux.randn((2,), dtype="float64", rng=rng).tolist()
    np.testing.assert_allclose(normal, GOLDEN["randn"], rtol=1e-13)  # by the machine's log and cos


GOLDEN: dict[str, Any] = {
    "rand": [0.9252124428749084, 0.08607763051986694],
    "randint": [488, 248, 286],
    "permutation": [1, 2, 0, 3, 4],
    "split": 0.029313233766436797,
    "randn": [1.0930932569386924, -1.0877514311486742],
}


# Distributions


def distance(samples: Array, distribution: Callable[[Array], Array]) -> float:
    """The statistic of Kolmogorov and Smirnov, times the root of their number: above 1.95 once in
    a thousand times."""
    ordered = np.sort(samples)
    levels = np.arange(len(ordered) + 1) / len(ordered)
    chances = distribution(ordered)
    apart = max(np.max(levels[1:] - chances), np.max(chances - levels[:-1]))
    return float(apart * np.sqrt(len(ordered)))


def truncated(x: Array) -> Array:
    low, high = special.ndtr(-1.0), special.ndtr(2.0)
    return np.asarray((special.ndtr((x - 1) / 2) - low) / (high - low))


DISTRIBUTIONS: dict[str, tuple[Callable[..., Tensor], Callable[[Array], Array], float, float]] = {
    "rand": (flux.rand, lambda x: x, 0.5, 1 / 12),
    "randn": (flux.randn, special.ndtr, 0, 1),
    "uniform": (
        lambda shape, dtype: flux.uniform(shape, -1.0, 3.0, dtype=dtype),
        lambda x: (x + 1) / 4, 1, 16 / 12,
    ),
    "normal": (
        lambda shape, dtype: flux.normal(shape, 2.0, 0.5, dtype=dtype),
        lambda x: special.ndtr((x - 2) * 2), 2, 0.25,
    ),
    "exponential": (
        lambda shape, dtype: flux.exponential(shape, 2.0, dtype=dtype),
        lambda x: 1 - np.exp(-x / 2), 2, 4,
    ),
    "gumbel": (flux.gumbel, lambda x: np.exp(-np.exp(-x)), np.euler_gamma, np.pi**2 / 6),
    "truncated_normal": (
        lambda shape, dtype: flux.truncated_normal(shape, 1.0, 2.0, -1.0, 5.0, dtype=dtype),
        truncated, 1.459274, 2.079050,
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name: str, dtype: flux.DType) -> None:
    draw, distribution, mean, variance = DISTRIBUTIONS[name]
    x = draw((MANY,), dtype=dtype)
    assert x.dtype is dtype and x.shape == (MANY,)
    values = x.numpy().astype(float)
    assert np.isfinite(values).all()
    coarse = float(flux.finfo(dtype).eps)
    deviation = np.sqrt(variance)
    assert abs(values.mean() - mean) < 5 * deviation / np.sqrt(MANY) + coarse
    assert abs(values.var() / variance - 1) < 0.03 + coarse
    if dtype.bits >= 32:
        assert distance(values, distribution) < 1.95


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_ranges(dtype: flux.DType) -> None:
    x = flux.rand((MANY,), dtype=dtype).numpy().astype(float)
    assert x.min() >= 0 and x.max() < 1 and x.max() > 0.99
    assert (flux.exponential((MANY,), dtype=dtype).numpy() >= 0).all()
    y = flux.truncated_normal((MANY,), 0.0, 1.0, -0.5, 1.5, dtype=dtype).numpy().astype(float)
    assert y.min() >= -0.5 and y.max() <= 1.5


def test_integers_are_uniform() -> None:
    x = flux.randint(-3, 4, (MANY,))
    assert x.dtype is dtypes.int64
    assert_frequencies(x.numpy() + 3, np.full(7, 1 / 7))
    wide = flux.randint(-(2**62), 2**62 - 1, (1000,)).numpy()
    assert abs(wide.astype(float).mean()) < 2**62 * 5 / np.sqrt(3000)
    for dtype in ("int8", "uint8", "int16", "uint64", "int32"):
        x = flux.randint(0, 100, (1000,), dtype=dtype)
        assert str(x.dtype) == dtype and set(x.tolist()) == set(range(100))


def assert_frequencies(found: Array, chances: Array) -> None:
    """Counts within 5 standard deviations of what is expected."""
    counts = np.bincount(found, minlength=len(chances))
    deviation = np.sqrt(len(found) * chances * (1 - chances))
    assert (abs(counts - len(found) * chances) <= 5 * deviation + 1e-9).all(), counts


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_bernoulli(dtype: flux.DType) -> None:
    p = flux.asarray([0.0, 0.1015625, 0.5, 1.0], dtype=dtype)  # exact in all dtypes
    x = flux.bernoulli(p, (MANY, 4))
    assert x.dtype is dtypes.bool_
    for chance, column in zip(p.tolist(), x.numpy().T, strict=True):
        assert_frequencies(column.astype(int), np.array([1 - chance, chance]))
    assert flux.bernoulli(p).shape == (4,) and flux.bernoulli(0.3, (2, 3)).shape == (2, 3)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_categorical(dtype: flux.DType) -> None:
    logits = flux.asarray([0.0, 1.0, float("-inf"), 2.5], dtype=dtype)
    x = flux.categorical(flux.broadcast_to(logits, (MANY, 4)))
    assert x.shape == (MANY,) and x.dtype is dtypes.int64
    assert_frequencies(x.numpy(), special.softmax(logits.numpy().astype(float)))
    assert flux.categorical(flux.zeros((2, 3, 4)), axis=1).shape == (2, 4)


def test_permutations_are_equally_frequent() -> None:
    orders = list(itertools.permutations(range(3)))
    found = [orders.index(tuple(flux.permutation(3).tolist())) for _ in range(3000)]
    assert_frequencies(np.array(found), np.full(6, 1 / 6))
    for n in (0, 1, 2, 1000):
        assert sorted(flux.permutation(n).tolist()) == list(range(n))


def test_shuffle_moves_whole_slices() -> None:
    x = flux.reshape(flux.arange(60), (20, 3))
    rows = flux.shuffle(x, rng=Generator(1))
    assert rows.tolist() != x.tolist()
    assert sorted(rows.tolist()) == x.tolist()
    columns = flux.shuffle(x, axis=-1)
    assert sorted(columns.mT.tolist()) == x.mT.tolist()


# Repeatability and independence


def everything(rng: Generator | None = None) -> list[bytes]:
    """One draw of each function, as bytes."""
    logits = flux.zeros((5, 3))
    draws = [
        flux.rand((7,), rng=rng), flux.randn((7,), rng=rng), flux.uniform((7,), 1.0, 2.0, rng=rng),
        flux.normal((7,), rng=rng), flux.truncated_normal((7,), rng=rng),
        flux.exponential((7,), rng=rng), flux.gumbel((7,), rng=rng),
        flux.bernoulli(flux.full((50,), 0.5), rng=rng), flux.categorical(logits, rng=rng),
        flux.randint(0, 10**9, (7,), rng=rng), flux.permutation(20, rng=rng),
        flux.shuffle(flux.arange(20), rng=rng), ops.rrelu(-flux.ones((9,)), rng=rng),
        ops.gumbel_softmax(logits, rng=rng),
    ]  # fmt: skip
    return [d.numpy().tobytes() for d in draws]


def test_a_seed_repeats_bit_for_bit() -> None:
    flux.seed(7)
    first = everything()
    assert everything() != first
    flux.seed(7)
    assert everything() == first
    flux.seed(8)
    assert everything() != first


def test_an_explicit_generator_leaves_the_ambient_one_alone() -> None:
    before = flux.default_generator().state.tolist()
    first = everything(Generator(1))
    assert flux.default_generator().state.tolist() == before
    assert everything(Generator(1)) == first
    with using_generator(Generator(1)):
        assert everything() == first
    assert flux.default_generator().state.tolist() == before


def test_what_one_draw_takes_does_not_shift_the_next() -> None:
    a, b = Generator(5), Generator(5)
    flux.rand((3,), rng=a)
    flux.rand((3000,), dtype="float64", rng=b)
    assert flux.rand((4,), rng=a).tolist() == flux.rand((4,), rng=b).tolist()


def test_splits_are_independent() -> None:
    rng = Generator(9)
    children = rng.split(3)
    grandchildren = children[0].split(2)
    streams = [
        flux.randn((MANY,), dtype="float64", rng=g) for g in (rng, *children, *grandchildren)
    ]
    table = np.corrcoef(np.stack([s.numpy() for s in streams]))
    assert abs(table - np.eye(6)).max() < 5 / np.sqrt(MANY)
    # What a child draws changes nothing for its siblings and parent.
    a, b = Generator(9), Generator(9)
    first, second = a.split(), b.split()
    flux.rand((10,), rng=first[0])
    assert flux.rand((4,), rng=first[1]).tolist() == flux.rand((4,), rng=second[1]).tolist()
    assert flux.rand((4,), rng=a).tolist() == flux.rand((4,), rng=b).tolist()
    # Twice split gives others.
    assert a.split()[0].state.tolist() != first[0].state.tolist()


def test_neighbouring_draws_and_seeds_are_independent() -> None:
    rng = Generator(0)
    draws = [flux.rand((MANY,), dtype="float64", rng=rng) for _ in range(3)]
    draws += [flux.rand((MANY,), dtype="float64", rng=Generator(s)) for s in (1, 2, -1, 2**70)]
    table = np.corrcoef(np.stack([d.numpy() for d in draws]))
    assert abs(table - np.eye(len(draws))).max() < 5 / np.sqrt(MANY)


# Transformations


def test_jit_draws_what_eager_operations_draw() -> None:
    def draw() -> list[Tensor]:
        return [flux.randn((3,)), flux.randint(0, 9, (4,)), flux.permutation(6)]

    compiled = flux.jit(draw)
    flux.seed(3)
    eager = [[t.tolist() for t in draw()] for _ in range(2)]
    flux.seed(3)
    assert [[t.tolist() for t in compiled()] for _ in range(2)] == eager


def test_gradients_by_parameters() -> None:
    x = flux.asarray([1.0, 2.0, 3.0], dtype="float64")

    def total(low: Tensor, high: Tensor, mean: Tensor, std: Tensor, scale: Tensor) -> Tensor:
        rng = Generator(2)
        u = flux.uniform((3,), low, high, dtype="float64", rng=rng)
        n = flux.normal((3,), mean, std, dtype="float64", rng=rng)
        return (u + n + flux.exponential((3,), scale, dtype="float64", rng=rng)).sum()

    low, high, mean, std, scale = flux.gradient(total, x, x + 1, x, x, x)
    rng = Generator(2)
    u, n, e = (f((3,), dtype="float64", rng=rng) for f in (flux.rand, flux.randn, flux.exponential))
    for got, want in ((low, 1 - u), (high, u), (mean, flux.ones_like(x)), (std, n), (scale, e)):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-14)


def test_each_example_of_a_batch_draws_for_itself() -> None:
    flux.seed(4)
    x = flux.vmap(lambda x: x + flux.rand((5,)))(flux.zeros((1000, 5)))
    assert len(set(map(tuple, x.tolist()))) == 1000
    flux.seed(4)
    again = flux.vmap(lambda x: x + flux.rand((5,)))(flux.zeros((1000, 5)))
    assert again.tolist() == x.tolist()


# Sizes and errors


def as_any(value: Any) -> Any:
    """A value of which the static checker knows nothing, or it would report the errors itself."""
    return value


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (2, 3), 4])
def test_shapes(shape: Any) -> None:
    wanted = (shape,) if isinstance(shape, int) else shape
    for draw in (flux.rand, flux.randn, flux.gumbel, flux.exponential, flux.truncated_normal):
        assert draw(shape).shape == wanted
    assert flux.randint(0, 3, shape).shape == wanted
    assert flux.uniform(shape).shape == flux.normal(shape).shape == wanted


def test_errors() -> None:
    int8, float32, complex64 = (as_any(name) for name in ("int8", "float32", "complex64"))
    for draw in (flux.rand, flux.randn, flux.gumbel, flux.exponential):
        with pytest.raises(DTypeError, match="floating-point, got dtype int32"):
            draw((3,), dtype="int32")
        with pytest.raises(ShapeError, match="at least 0"):
            draw((-1,))
    with pytest.raises(ValueError, match="low < high, got 3 and 3"):
        flux.randint(3, 3)
    with pytest.raises(DTypeError, match="int8 holds -128 to 127, not 0 to 299"):
        flux.randint(0, 300, dtype=int8)
    with pytest.raises(DTypeError, match="integers, got dtype float32"):
        flux.randint(0, 3, dtype=float32)
    with pytest.raises(ValueError, match=r"2\*\*63 - 1"):
        flux.randint(-(2**63), 2**63 - 1)
    with pytest.raises(ValueError, match="low < high"):
        flux.truncated_normal((3,), 0.0, 1.0, 2.0, 2.0)
    for wrong in (1.5, "a", True, None):
        with pytest.raises(TypeError, match="a seed is an int"):
            Generator(wrong)  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match="categorical"):
        flux.categorical(flux.zeros((3,), dtype=complex64))
