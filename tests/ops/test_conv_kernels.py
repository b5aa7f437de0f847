"""Convolution and pooling kernels against slow references, and against each other's transposes."""

from __future__ import annotations

from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from typedflux.ops.kernels import conv as kernels

Array = npt.NDArray[Any]


def out_size(n: int, k: int, s: int, p: tuple[int, int], d: int) -> int:
    return (n + sum(p) - d * (k - 1) - 1) // s + 1


def slow_conv(x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
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
            patch = padded[(slice(None), slice(first, first + per_in), *at)]
            y[(slice(None), c, *o)] = (patch * w[c]).sum(axis=tuple(range(1, x.ndim)))
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
    return tuple(random.standard_normal(s).astype(dtype) for s in case[:2])  # type: ignore[return-value]


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
    views = [
        lambda a: np.asfortranarray(a),
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
