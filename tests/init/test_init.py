"""Initialisers: the distributions they promise, their forms of call, and their errors."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, init, nn
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.shapes.errors import DTypeError, ShapeError

stats: Any = importlib.import_module("scipy.stats")  # without type information

DENSE = (300, 200)
CONV = (40, 30, 5, 5)
SHAPES = [DENSE, CONV]

ALL: dict[str, Any] = {
    "glorot_uniform": init.glorot_uniform,
    "glorot_normal": init.glorot_normal,
    "kaiming_uniform": init.kaiming_uniform,
    "kaiming_normal": init.kaiming_normal,
    "lecun_normal": init.lecun_normal,
    "truncated_normal": init.truncated_normal,
    "orthogonal": init.orthogonal,
    "sparse_init": partial(init.sparse_init, sparsity=0.3),
    "identity_init": init.identity_init,
    "zeros": init.zeros,
    "ones": init.ones,
}
RANDOM = [name for name in ALL if name not in ("identity_init", "zeros", "ones")]


def generator(seed: int = 0) -> flux.Generator:
    return flux.Generator(seed)


def test_every_initialiser_is_tested() -> None:
    public = {n for n, f in vars(init).items() if getattr(f, "__module__", "") == init.__name__}
    helpers = {"P", "Curried", "curried", "nfan", "_inverse_root", "_require_rank"}
    assert public - helpers == set(ALL)


# Distributions: Kolmogorov and Smirnov's test, of fixed numbers


def fan(shape: tuple[int, ...]) -> tuple[int, int]:
    kernel = int(np.prod(shape[2:]))
    return shape[1] * kernel, shape[0] * kernel


def uniform(limit: float) -> Any:
    return stats.uniform(-limit, 2 * limit)


DISTRIBUTIONS: dict[str, Callable[[int, int], tuple[Any, Any]]] = {
    "glorot_uniform": lambda i, o: (init.glorot_uniform, uniform(np.sqrt(6 / (i + o)))),
    "glorot_normal": lambda i, o: (init.glorot_normal, stats.norm(0, np.sqrt(2 / (i + o)))),
    "kaiming_uniform": lambda i, o: (init.kaiming_uniform, uniform(np.sqrt(6 / i))),
    "kaiming_normal": lambda i, o: (init.kaiming_normal, stats.norm(0, np.sqrt(2 / i))),
    "lecun_normal": lambda i, o: (init.lecun_normal, stats.norm(0, np.sqrt(1 / i))),
    "gain": lambda i, o: (init.kaiming_normal(gain=3.0), stats.norm(0, 3 / np.sqrt(i))),
    "gain of glorot": lambda i, o: (init.glorot_uniform(gain=0.5), uniform(np.sqrt(1.5 / (i + o)))),
    "truncated": lambda i, o: (init.truncated_normal, stats.truncnorm(-2, 2)),
    "truncated elsewhere": lambda i, o: (
        init.truncated_normal(mean=1.0, std=2.0, low=0.0, high=5.0),
        stats.truncnorm(-0.5, 2, loc=1, scale=2),
    ),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=["dense", "conv"])
def test_distribution(name: str, shape: tuple[int, ...]) -> None:
    flux.seed(7)
    make, wanted = DISTRIBUTIONS[name](*fan(shape))
    values = make(shape).numpy()
    assert values.shape == shape
    assert values.dtype == np.float32
    assert stats.kstest(values.ravel(), wanted.cdf).pvalue > 1e-3


def test_fans() -> None:
    assert init.nfan(DENSE) == (200, 300)
    assert init.nfan(CONV) == (750, 1000)
    assert init.nfan([4, 3, 2]) == (6, 8)
    assert init.nfan(5) == (5, 5)
    with pytest.raises(ShapeError, match="sizes are at least 0, got -1"):
        init.nfan((2, -1))


def test_activations_keep_their_size() -> None:
    x = flux.randn((200, 64), rng=generator())
    rng = generator(1)
    for _ in range(20):
        x = flux.relu(x @ init.kaiming_normal((64, 64), rng=rng).mT)
    assert 0.1 < flux.mean(x * x).item() < 10


# Orthogonal weights


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5), (4, 3, 3, 3), (32, 2, 3), (1, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_orthogonal_weights_are_orthonormal(shape: tuple[int, ...], gain: float) -> None:
    w = init.orthogonal(shape, gain=gain, dtype="float64", rng=generator()).numpy()
    assert w.shape == shape
    matrix = w.reshape(shape[0], -1) / gain
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)


def test_orthogonal_weights_are_uniformly_distributed() -> None:
    # The entries of a random orthogonal matrix have mean 0; without the choice of signs the
    # diagonal of numpy's factor would be negative.
    rng = generator(3)
    diagonals = [init.orthogonal((3, 3), rng=rng).numpy().diagonal() for _ in range(300)]
    assert abs(np.mean(diagonals)) < 0.06
    determinants = [np.linalg.det(init.orthogonal((3, 3), rng=rng).numpy()) for _ in range(200)]
    assert 70 < sum(d > 0 for d in determinants) < 130


def test_orthogonal_edges() -> None:
    assert init.orthogonal((0, 3)).shape == (0, 3)
    assert init.orthogonal((3, 0)).shape == (3, 0)
    w = init.orthogonal((4, 4), dtype=flux.float16)
    assert w.dtype is flux.float16


# Sparse weights


@pytest.mark.parametrize(
    ("sparsity", "zeros"), [(0.0, 0), (0.1, 3), (0.25, 8), (0.31, 10), (1.0, 30)]
)
def test_sparse_columns(sparsity: float, zeros: int) -> None:
    w = init.sparse_init((30, 200), sparsity=sparsity, std=0.5, rng=generator()).numpy()
    assert ((w == 0).sum(axis=0) == zeros).all()
    if 0 < zeros < 30:
        assert len({tuple(column == 0) for column in w.T}) > 150  # in other places of each column
        assert stats.kstest(w[w != 0], stats.norm(0, 0.5).cdf).pvalue > 1e-3
        rows = (w == 0).sum(axis=1)
        assert stats.chisquare(rows).pvalue > 1e-3


# Identities


@pytest.mark.parametrize("kernel", [(3,), (4,), (1,), (5, 3), (2, 4)])
def test_identity_convolutions_return_their_input(kernel: tuple[int, ...]) -> None:
    x = flux.randn((2, 3, *(6,) * len(kernel)), rng=generator())
    w = init.identity_init((3, 3, *kernel))
    np.testing.assert_allclose(flux.conv(x, w, padding="same").numpy(), x.numpy())


def test_identity() -> None:
    assert init.identity_init((2, 3), gain=3.0).tolist() == [[3, 0, 0], [0, 3, 0]]
    assert init.identity_init((3, 2), shift=1).tolist() == [[0, 0], [1, 0], [0, 1]]
    assert init.identity_init((2, 3), shift=(0, -1)).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert init.identity_init(2).tolist() == [0, 0]
    assert init.identity_init((0, 3)).shape == (0, 3)
    assert init.identity_init((2, 2, 0)).shape == (2, 2, 0)


# Forms of call


@pytest.mark.parametrize("name", ALL)
def test_with_a_shape_or_later(name: str) -> None:
    make = ALL[name]
    at_once = make((4, 3), rng=generator(5), dtype="float64")
    later = make(rng=generator(5), dtype="float64")((4, 3))
    assert at_once.dtype is flux.float64
    np.testing.assert_array_equal(at_once.numpy(), later.numpy())
    assert make(dtype="float16")((2, 2)).dtype is flux.float16


@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_repeat_with_the_generator(name: str) -> None:
    make = ALL[name]
    flux.seed(11)
    first, second = make((4, 3)), make((4, 3))
    flux.seed(11)
    assert make((4, 3)).tolist() == first.tolist() != second.tolist()


@pytest.mark.parametrize("name", ALL)
def test_in_a_layer(name: str) -> None:
    layer = nn.Dense(3, 4, init=ALL[name]())
    assert layer.weight.shape == (4, 3)
    assert layer.weight.dtype is flux.float32


@pytest.mark.parametrize("name", ALL)
def test_types_without_values(name: str) -> None:
    def build(x: Tensor) -> Tensor:
        out: Tensor = ALL[name]((4, 3))
        return out

    found = evaluate_types(build, [TensorType(flux.float32, ())])
    assert isinstance(found, TensorType)
    assert found.shape == (4, 3)


def test_a_jitted_function_draws_as_an_eager_one() -> None:
    def build() -> Tensor:
        return init.orthogonal((4, 3)) + init.kaiming_uniform((4, 3))

    flux.seed(2)
    eager = build()
    flux.seed(2)
    np.testing.assert_allclose(flux.jit(build)().numpy(), eager.numpy(), rtol=1e-6)


# Errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: init.orthogonal((3,)), ShapeError, "orthogonal needs a weight of rank 2 or more"),
        (lambda: init.sparse_init((3,), sparsity=0.1), ShapeError, "needs a weight of rank 2, got"),
        (lambda: init.sparse_init((2, 2, 3), sparsity=0.1), ShapeError, r"got shape \(2, 2, 3\)"),
        (lambda: init.sparse_init((3, 3), sparsity=1.5), ValueError, "from 0 to 1, got 1.5"),
        (lambda: init.sparse_init((3, 3), sparsity=0.5, std=-1.0), ValueError, "std is a number"),
        (lambda: init.identity_init(()), ShapeError, "rank 1 or more"),
        (lambda: init.identity_init((2, 2), shift=(1, 1, 1)), ShapeError, "does not fit the rank"),
        (lambda: init.truncated_normal((2,), low=1.0, high=1.0), ValueError, "low < high"),
        (lambda: init.truncated_normal((2,), std=0.0), ValueError, "std is a number above 0"),
        (lambda: init.glorot_uniform((2, -3)), ShapeError, "sizes are at least 0, got -3"),
        (lambda: init.glorot_uniform(2.5), TypeError, "sizes are integers, got 2.5"),  # type: ignore[call-overload]
        (lambda: init.glorot_uniform(gian=2.0), TypeError, "gian"),  # type: ignore[call-overload]
        (lambda: init.sparse_init(std=2.0), TypeError, "sparsity"),  # type: ignore[call-overload]
        (lambda: init.kaiming_normal((2, 2), dtype="int32"), DTypeError, "floating-point"),
    ],
)
def test_errors(call: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
