"""Indexing in general, running sums and places of extremes: native code gives what kernels give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32, Int64

import typedflux as flux
from typedflux import Tensor, dtypes
from typedflux.compile import Jitted
from typedflux.core.tree import leaves
from typedflux.dtypes import DType

RNG = np.random.default_rng(0)


def floats(*shape: int, dtype: DType = dtypes.float32) -> Tensor:
    return flux.asarray(RNG.standard_normal(shape) * 5).astype(dtype)


def places(size: int, *shape: int) -> Tensor:
    return flux.asarray(RNG.integers(-size, size, shape))


def without_numpy(f: Callable[..., Any], *args: Any) -> None:
    """The compiled function gives what the eager one does, and calls no kernel of numpy."""
    compiled = Jitted(f)
    text = flux.explain(f, *args)
    assert "through numpy" not in text and "interpreter" not in text, text
    for got, want in zip(leaves(compiled(*args)), leaves(f(*args)), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(
            got.numpy().astype(np.float64), want.numpy().astype(np.float64), rtol=1e-6
        )


X = floats(4, 5, 6)
Case = tuple[Callable[..., Any], Sequence[Tensor]]
CASES: dict[str, Case] = {
    "along an axis": (lambda x, i: flux.take_along_axis(x, i, axis=1), (X, places(5, 4, 3, 6))),
    "along the last": (lambda x, i: flux.take_along_axis(x, i, axis=2), (X, places(6, 4, 5, 1))),
    "two axes": (lambda x, i, j: x[i, j], (X, places(4, 7), places(5, 7))),
    "broadcast": (lambda x, i, j: x[i, j], (X, places(4, 7, 1), places(5, 3))),
    "apart": (lambda x, i, j: x[i, :, j], (X, places(4, 7), places(6, 7))),
    "middle": (lambda x, i: x[:, i], (X, places(5, 2, 3))),
    "all axes": (lambda x, i: x[i, i, i], (X, places(4, 9))),
    "scalar": (lambda x, i: x[i], (X, places(4))),
    "scalars": (lambda x, i, j: x[i, 2, j], (X, places(4), places(6))),
    "a part of an index": (lambda x, i: flux.gather(x, i[:, 1:]), (X, places(4, 3, 4))),
    "a strided index": (lambda x, i: x[i[::2].T], (X, places(4, 6, 3))),
    "a permuted table": (lambda x, i: flux.permute_dims(x, (2, 0, 1))[i], (X, places(6, 3))),
    "a flipped table": (lambda x, i: x[::-1, :, ::2][:, i], (X, places(5, 3))),
    "small integers": (lambda x, i: x[i.astype(flux.uint8)], (X, flux.asarray([3, 0, 1]))),
    "empty": (lambda x, i: x[i], (X, places(4, 0, 3))),
}
UPDATES = ("set", "add", "multiply", "min", "max")


@pytest.mark.parametrize("name", CASES)
def test_gather(name: str) -> None:
    f, operands = CASES[name]
    without_numpy(f, *operands)


@pytest.mark.parametrize("name", CASES)
def test_gradient_of_gather(name: str) -> None:
    f, (x, *indices) = CASES[name]

    def gradient(x: Tensor, *indices: Tensor) -> Tensor:
        return flux.gradient(lambda x: (flux.sin(f(x, *indices)) * 2).sum(), x)

    without_numpy(gradient, x, *indices)


@pytest.mark.parametrize("kind", UPDATES)
def test_updates(kind: str) -> None:
    def update(x: Tensor, i: Tensor, v: Tensor) -> list[Tensor]:
        return [
            getattr(x.at[i], kind)(v),
            getattr(x.at[:, i % 5], kind)(v[:4, :1, :1]),
            getattr(flux.permute_dims(x, (1, 2, 0)).at[i, i], kind)(2.0),
            getattr(x[::2, ::-1].at[..., i], kind)(1.5),
        ]

    without_numpy(update, X, places(4, 8), floats(8, 5, 6))
    without_numpy(
        lambda x, i, v: getattr(x.at[i], kind)(v), X, flux.asarray([2, -1, 0, 2]), floats(4, 5, 6)
    )
    without_numpy(lambda x: getattr(x.at[1:3, ::2], kind)(2.5), X)


def test_the_last_of_several_writes_stays() -> None:
    index = places(10, 1000)
    values = floats(1000, 33)
    without_numpy(lambda x, i, v: x.at[i].set(v), floats(10, 33), index, values)
    without_numpy(lambda x, i, v: x.at[i].set(v), floats(10), index, values[:, 0])


@pytest.mark.parametrize(
    "dtype", [d for d in dtypes.members(dtypes.Num) if not d.is_complex], ids=str
)
def test_dtypes(dtype: DType) -> None:
    x = flux.asarray(RNG.integers(0, 100, (6, 5))).astype(dtype)
    index = places(6, 9)
    without_numpy(lambda x, i: [x[i], x[i, i % 5], x.at[i].set(x[i] + x[i])], x, index)
    without_numpy(lambda x: [flux.argmax(x, axis=0), flux.argmin(x, axis=1)], x)


def test_an_index_that_is_out_of_range() -> None:
    x = floats(4, 5)
    for f in (
        lambda x, i: x[i, i],
        lambda x, i: x.at[i, i].set(1.0),
        lambda x, i: flux.gradient(lambda x: x[i, i].sum(), x),
        lambda x, i: flux.scan(lambda c, j: (c + x[j, j], j), flux.zeros(()), i),
    ):
        compiled: Any = Jitted(f)
        np.testing.assert_array_equal(
            leaves(compiled(x, flux.asarray([1, -4])))[0].numpy(),
            leaves(f(x, flux.asarray([1, -4])))[0].numpy(),
        )
        for bad in (4, -5, 2**40):
            with pytest.raises(IndexError) as eager:
                f(x, flux.asarray([1, bad]))
            with pytest.raises(IndexError) as native:
                compiled(x, flux.asarray([1, bad]))
            assert str(native.value) == str(eager.value)


def test_symbolic_sizes() -> None:
    def f(x: Float32[Tensor, "n d"], i: Int64[Tensor, "n"]) -> list[Tensor]:
        picked = flux.take_along_axis(x, (i % x.shape[1])[:, None], axis=1)
        return [
            picked, x[i], x.at[i].set(0.5), flux.argmax(x, axis=0), flux.argmin(x, axis=1),
            flux.cumulative_sum(x, axis=0), x.at[1:].add(1.0),
        ]  # fmt: skip

    compiled = Jitted(f)
    for n, d in ((4, 3), (4, 50), (7, 1), (30, 17), (4, 3)):
        x, i = floats(n, d), places(n, n)
        for got, want in zip(compiled(x, i), f(x, i), strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-6)
    assert compiled.compilations == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 70), (70, 1, 1), (2, 33, 40)])
def test_along_an_axis(shape: tuple[int, ...], axis: int) -> None:
    x = floats(*shape)
    for view in (x, flux.permute_dims(x, (2, 0, 1)), x[::-1, :, ::2]):
        without_numpy(
            lambda x: [
                flux.cumulative_sum(x, axis=axis), flux.cumulative_prod(x, axis=axis),
                flux.argmax(x, axis=axis), flux.argmin(x, axis=axis, keepdims=True),
                flux.cumulative_sum((x * 3).astype(flux.int64), axis=axis),
            ],
            view,
        )  # fmt: skip


def test_extremes_with_equals_nan_and_zeros() -> None:
    rows = [
        [1.0, 3.0, 3.0, 2.0], [np.nan, 1.0, 2.0, 0.0], [1.0, np.nan, np.nan, 5.0],
        [0.0, -0.0, 0.0, -0.0], [-np.inf, np.inf, -np.inf, np.inf], [2.0, 5.0, np.nan, 9.0],
    ]  # fmt: skip
    x = flux.asarray(rows)
    for view in (x, x.T):
        without_numpy(lambda x: [flux.argmax(x, axis=a) for a in (0, 1)], view)
        without_numpy(lambda x: [flux.argmin(x, axis=a) for a in (0, 1)], view)


def test_running_sums_keep_zeros_and_nan() -> None:
    x = flux.asarray([-0.0, -0.0, 0.0, np.inf, -np.inf, 1.0])
    got = Jitted(lambda x: flux.cumulative_sum(x))(x).numpy()
    want = flux.cumulative_sum(x).numpy()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[:3]), np.signbit(want[:3]))


def test_loops_with_indexing_inside() -> None:
    def decode(table: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        def step(state: tuple[Tensor, Tensor], i: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            token, cache = state
            scores = flux.gather(table, token)
            cache = cache.at[:, i].set(scores[:, 0])
            token = flux.argmax(scores + flux.cumulative_sum(cache, axis=1)[:, :1], axis=1)
            return (token, cache), token

        (_, cache), tokens = flux.scan(step, (start, flux.zeros((3, 5))), flux.arange(5))
        return tokens, cache

    without_numpy(decode, floats(7, 7), flux.asarray([0, 3, 6]))
