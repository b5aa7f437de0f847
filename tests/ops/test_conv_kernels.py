"""Convolution and pooling kernels against slow references, and against each other's transposes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from typedflux.ops.kernels import conv as kernels
from typedflux.ops.kernels import pool as kernels_pool

Array: TypeAlias = npt.NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]


def out_size(n: int, k: int, s: int, p: tuple[int, int], d: int) -> int:
    return (n + sum(p) - d * (k - 1) - 1) // s + 1


def slow_conv(x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    at: tuple[Any, ...]
    sizes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    out = tuple(out_size(*size) for size in sizes)
    y = np.zeros((x.shape[0], w.shape[0], *out), np.result_type(x, w))
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for c in range(w.shape[0]):
        first = c // per_out * per_in
        for o in product(*map(range, out)):
            at = tuple(
                slice(i * s, i * s + d * (k - 1) + 1, d)
                for i, s, d, k in zip(o, stride, dilation, w.shape[2:], strict=True)
            )
            at = (slice(None), slice(first, first + per_in), *at)
            patch = padded[at]
            here: tuple[Any, ...] = (slice(None), c, *o)
            y[here] = (patch * w[c]).sum(axis=tuple(range(1, x.ndim)))
    return y


# x, w, stride, padding, dilation, groups
CASES: list[tuple[Any, ...]] = [
    ((2, 3, 9), (4, 3, 3), (1,), ((0, 0),), (1,), 1),
    ((2, 3, 9), (4, 3, 3), (2,), ((2, 1),), (2,), 1),
    ((3, 4, 8), (6, 2, 2), (3,), ((0, 2),), (1,), 2),
    ((2, 3, 5), (4, 3, 1), (1,), ((0, 0),), (1,), 1),
    ((2, 3, 5), (4, 3, 1), (2,), ((0, 0),), (1,), 1),
    ((2, 3, 5), (4, 3, 1), (1,), ((1, 0),), (3,), 1),
    ((2, 1, 8, 8), (3, 1, 5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    ((9, 3, 6, 7), (4, 3, 3, 2), (1, 2), ((1, 0), (0, 3)), (2, 1), 1),
    ((2, 4, 6, 7), (4, 1, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 4),
    ((2, 4, 6, 7), (8, 1, 3, 3), (2, 3), ((1, 1), (0, 1)), (1, 2), 4),
    ((2, 4, 6, 7), (4, 1, 3, 3), (2, 1), ((1, 1), (0, 1)), (1, 2), 4),
    ((2, 6, 7, 8), (4, 3, 3, 2), (1, 1), ((1, 4), (0, 1)), (2, 1), 2),
    ((2, 6, 5, 6), (2, 6, 2, 2), (1, 1), ((2, 0), (0, 3)), (1, 1), 1),
    ((2, 6, 5, 5), (4, 3, 2, 3), (3, 1), ((0, 0), (1, 1)), (1, 1), 2),
    ((2, 3, 4, 5), (2, 3, 4, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    ((2, 3, 2, 2), (2, 3, 4, 5), (1, 1), ((1, 1), (2, 2)), (1, 1), 1),
    ((0, 3, 6, 6), (4, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    ((2, 0, 6, 6), (4, 0, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    ((2, 3, 6, 6), (0, 3, 3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    ((2, 2, 4, 5, 4), (3, 2, 2, 3, 2), (1, 1, 1), ((0, 0),) * 3, (1, 1, 1), 1),
    ((2, 2, 5, 5, 4), (4, 1, 2, 3, 2), (2, 1, 2), ((1, 0), (0, 2), (1, 1)), (1, 2, 1), 2),
]


def arrays(case: tuple[Any, ...], dtype: Any = np.float64) -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(s).astype(dtype) for s in case[:2])
    return x, w


def options(case: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("stride", "padding", "dilation", "groups"), case[2:], strict=True))


@pytest.fixture(params=[None, 40], ids=["one block", "small blocks"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param is not None:
        monkeypatch.setattr(kernels, "_BLOCK_BYTES", request.param * 8)
        monkeypatch.setattr(kernels, "_SMALL_PRODUCT", 0)


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_and_transposes(case: tuple[Any, ...]) -> None:
    x, w = arrays(case)
    y = kernels.conv(x, w, **options(case))
    np.testing.assert_allclose(y, slow_conv(x, w, *case[2:]), rtol=1e-12, atol=1e-12)

    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = kernels.conv_input_gradient(dy, w, input_shape=x.shape, **options(case))
    dw = kernels.conv_weight_gradient(x, dy, weight_shape=w.shape, **options(case))
    assert dx.shape == x.shape
    assert dw.shape == w.shape
    product_ = np.vdot(y, dy)
    np.testing.assert_allclose(np.vdot(x, dx), product_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.vdot(w, dw), product_, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES[-5:] + CASES[:9], ids=str)
def test_conv_of_any_memory_order(case: tuple[Any, ...]) -> None:
    x, w = arrays(case)
    expected = kernels.conv(x, w, **options(case))
    dy = np.random.default_rng(1).standard_normal(expected.shape)
    views: list[Callable[[Array], Array]] = [
        np.asfortranarray,
        lambda a: a[..., ::-1].copy()[..., ::-1],
        lambda a: a[:, ::-1].copy()[:, ::-1],
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0),
    ]
    for view in views:
        a, b, c = view(x), view(w), view(dy)
        for operand in (a, b, c):
            operand.flags.writeable = False
        np.testing.assert_allclose(kernels.conv(a, b, **options(case)), expected)
        np.testing.assert_allclose(
            kernels.conv_input_gradient(c, b, input_shape=x.shape, **options(case)),
            kernels.conv_input_gradient(dy, w, input_shape=x.shape, **options(case)),
        )
        np.testing.assert_allclose(
            kernels.conv_weight_gradient(a, c, weight_shape=w.shape, **options(case)),
            kernels.conv_weight_gradient(x, dy, weight_shape=w.shape, **options(case)),
        )


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (np.float32, 1e-5), (np.float16, 1e-2), (ml_dtypes.bfloat16, 1e-1),
        (np.complex128, 1e-12), (np.complex64, 1e-5), (np.int32, 0), (np.uint8, 0), (">f8", 1e-12),
    ],
)  # fmt: skip
def test_conv_dtypes(dtype: Any, tolerance: float) -> None:
    case = CASES[7]
    x, w = (np.round(a * 4) for a in arrays(case))
    if np.dtype(dtype).kind == "u":
        x, w = abs(x), abs(w)
    if np.dtype(dtype).kind == "c":
        x, w = x * (1 + 2j), w * (2 - 1j)
    x, w = x.astype(dtype), w.astype(dtype)
    y = kernels.conv(x, w, **options(case))
    assert y.dtype == np.result_type(x, w)
    exact = [a.astype(np.result_type(a.dtype, np.float64)) for a in (x, w)]
    expected = slow_conv(exact[0], exact[1], *case[2:])
    if np.dtype(dtype).kind in "iu":
        expected = slow_conv(x.astype(int), w.astype(int), *case[2:]).astype(dtype)
    wide = np.result_type(expected.dtype, np.float32)
    np.testing.assert_allclose(y.astype(wide), expected, rtol=tolerance, atol=tolerance)
    dx = kernels.conv_input_gradient(y, w, input_shape=x.shape, **options(case))
    dw = kernels.conv_weight_gradient(x, y, weight_shape=w.shape, **options(case))
    assert dx.dtype == dw.dtype == y.dtype


# shape, window, stride, padding, dilation
POOLS: list[tuple[Any, ...]] = [
    ((2, 3, 8), (2,), (2,), ((0, 0),), (1,)),
    ((2, 3, 9), (3,), (2,), ((1, 0),), (2,)),
    ((3, 2, 8, 6), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((3, 2, 7, 5), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((3, 2, 7, 5), (3, 2), (1, 2), ((1, 1), (0, 1)), (1, 1)),
    ((2, 2, 7, 9), (2, 3), (3, 1), ((1, 0), (2, 2)), (3, 2)),
    ((2, 2, 4, 5), (4, 5), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    ((0, 2, 4, 5), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((2, 0, 4, 5), (2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((1, 1, 20, 18), (17, 18), (1, 1), ((0, 0), (0, 0)), (1, 1)),
    ((2, 2, 4, 5, 6), (2, 3, 2), (2, 1, 2), ((0, 0), (1, 1), (1, 0)), (1, 1, 2)),
]
POOL_OPTIONS = ("window", "stride", "padding", "dilation")


def slow_windows(x: Array, case: tuple[Any, ...]) -> tuple[list[tuple[int, ...]], Sizes, Array]:
    """For each window in order, the places of its elements in `x` (-1 outside of it)."""
    _, window, stride, padding, dilation = case
    spatial = x.shape[2:]
    sizes = zip(spatial, window, stride, padding, dilation, strict=True)
    out = tuple(out_size(*size) for size in sizes)
    flat = np.arange(int(np.prod(spatial))).reshape(spatial)
    places = []
    for o in product(*map(range, out)):
        row = []
        for k in product(*map(range, window)):
            at = tuple(
                i * s + j * d - p[0]
                for i, j, s, p, d in zip(o, k, stride, padding, dilation, strict=True)
            )
            inside = all(0 <= i < n for i, n in zip(at, spatial, strict=True))
            row.append(int(flat[at]) if inside else -1)
        places.append(tuple(row))
    return places, out, x.reshape(*x.shape[:2], int(np.prod(spatial)))


def slow_max_pool(x: Array, case: tuple[Any, ...]) -> tuple[Array, Array]:
    """The maxima, and their flat places in the spatial axes."""
    places, out, flat = slow_windows(x, case)
    y = np.empty((*x.shape[:2], len(places)), x.dtype)
    chosen = np.empty(y.shape, np.intp)
    for i, row in enumerate(places):
        inside = [p for p in row if p >= 0]
        which = np.argmax(flat[..., inside], axis=-1)
        chosen[..., i] = np.asarray(inside)[which]
        y[..., i] = np.take_along_axis(flat, chosen[..., i : i + 1], axis=-1)[..., 0]
    return y.reshape(*x.shape[:2], *out), chosen


def memory_orders(a: Array) -> list[Array]:
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0)
    return [a, last, a[..., ::-1].copy()[..., ::-1], np.repeat(a, 2, axis=0)[::2]]


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.int16, ml_dtypes.bfloat16, np.float16]
)
@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pool(case: tuple[Any, ...], dtype: Any) -> None:
    options = dict(zip(POOL_OPTIONS, case[1:], strict=True))
    random = np.random.default_rng(0)
    exact = random.integers(-3, 4, case[0])  # many ties
    for x in memory_orders(exact.astype(dtype)):
        x.flags.writeable = False
        expected, chosen = slow_max_pool(exact, case)
        y, index = kernels_pool.max_pool_with_index(x, **options)
        assert y.dtype == x.dtype
        assert index.itemsize == (1 if np.prod(case[1]) <= 256 else 2)
        np.testing.assert_array_equal(y, expected.astype(dtype))
        np.testing.assert_array_equal(kernels_pool.max_pool(x, **options), y)
        np.testing.assert_array_equal(kernels_pool.max_pool_gather(x, index, **options), y)

        dy = random.integers(-3, 4, y.shape)
        slow = np.zeros((*x.shape[:2], int(np.prod(x.shape[2:]))))
        for b, c in np.ndindex(*x.shape[:2]):
            np.add.at(slow[b, c], chosen[b, c], dy[b, c].ravel())
        dx = kernels_pool.max_pool_scatter(dy.astype(dtype), index, input_shape=x.shape, **options)
        np.testing.assert_array_equal(dx, slow.reshape(x.shape).astype(dtype))


def test_max_pool_of_special_values() -> None:
    options: dict[str, Any] = {
        "window": (2, 2), "stride": (2, 2), "padding": ((1, 1), (1, 1)), "dilation": (1, 1),
    }  # fmt: skip
    x = np.array([[-np.inf, 1.0], [np.nan, np.nan]])[None, None]
    y, index = kernels_pool.max_pool_with_index(x, **options)
    np.testing.assert_array_equal(y[0, 0], [[-np.inf, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(index[0, 0], [[3, 2], [1, 0]])
    np.testing.assert_array_equal(kernels_pool.max_pool(x, **options), y)

    whole: dict[str, Any] = {**options, "padding": ((0, 0), (0, 0))}
    y, index = kernels_pool.max_pool_with_index(x, **whole)
    assert np.isnan(y).all()
    assert index.item() == 3  # the last NaN
    # An infinite cotangent stays where it belongs.
    dx = kernels_pool.max_pool_scatter(np.full_like(y, np.inf), index, input_shape=x.shape, **whole)
    np.testing.assert_array_equal(dx[0, 0], [[0, 0], [0, np.inf]])


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("case", [c for c in POOLS if set(c[4]) == {1}], ids=str)
def test_mean_pool(case: tuple[Any, ...], include: bool) -> None:
    options = dict(zip(POOL_OPTIONS[:3], case[1:4], strict=True), count_include_pad=include)
    random = np.random.default_rng(0)
    x: Array = random.standard_normal(case[0])
    places, out, flat = slow_windows(x, case)
    expected = np.empty((*x.shape[:2], len(places)))
    for i, row in enumerate(places):
        inside = [p for p in row if p >= 0]
        count = len(row) if include else len(inside)
        expected[..., i] = flat[..., inside].sum(axis=-1) / count
    expected = expected.reshape(*x.shape[:2], *out)
    dy: Array = np.asarray(random.standard_normal(expected.shape))
    for a, b in zip(memory_orders(x), memory_orders(dy), strict=True):
        np.testing.assert_allclose(kernels_pool.mean_pool(a, **options), expected, atol=1e-12)
        dx = kernels_pool.mean_pool_gradient(b, input_shape=x.shape, **options)
        np.testing.assert_allclose(np.vdot(dx, x), np.vdot(expected, dy), atol=1e-12)
    half = kernels_pool.mean_pool(x.astype(ml_dtypes.bfloat16), **options)
    assert half.dtype == ml_dtypes.bfloat16


def test_mean_pool_of_ones_counts_padding() -> None:
    options: dict[str, Any] = {"window": (2,), "stride": (2,), "padding": ((1, 1),)}
    x = np.ones((1, 1, 2))
    np.testing.assert_array_equal(
        kernels_pool.mean_pool(x, **options, count_include_pad=True)[0, 0], [0.5, 0.5]
    )
    np.testing.assert_array_equal(
        kernels_pool.mean_pool(x, **options, count_include_pad=False)[0, 0], [1, 1]
    )
