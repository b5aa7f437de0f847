"""Generated pools and their transposes, beside the package's numpy kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.compile.building import machine_of
from tests.compile.staged import (
    Array,
    Guarded,
    channels_last,
    run_stages,
    store_vector,
    strides,
)
from typedflux import dtypes
from typedflux.compile.native.conversions import pack
from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.pools import Image, Pool, plan_pool
from typedflux.dtypes import DType
from typedflux.ops.kernels import pool as kernels


def run(
    pool: Pool, vector_bits: int, operands: Sequence[Array], outs: Sequence[Array], threads: int,
    fixed: bool,
) -> list[Array]:  # fmt: skip
    """What the plan writes, in memory as `outs` have it."""
    machine = machine_of(vector_bits)
    plan = plan_pool(pool, machine, [strides(a) for a in operands])
    types = (pool.dtype, pool.index_type)
    guarded = [*map(Guarded.copy, operands), *map(Guarded, outs)]

    def emit(
        stage: int, f: Function, pointers: Sequence[Value], batch: Index, scratch: Value,
        thread: Value, count: Value,
    ) -> None:  # fmt: skip
        def epilogue(
            f: Function, index: tuple[Index, ...], values: tuple[Value, ...], mask: Value | None
        ) -> None:
            targets = pointers[len(operands) :]
            for value, target, out, dtype in zip(values, targets, outs, types, strict=False):
                place = f.sum_of(*zip(index, strides(out), strict=True))
                packed = pack(f, value, dtype)
                if plan.lanes:
                    store_vector(f, packed, target, place, strides(out)[1], mask)
                else:
                    f.store(packed, target, place)

        images = [Image(p, strides(a)) for p, a in zip(pointers, operands, strict=False)]
        plan.emit(f, batch, images, thread, count, epilogue)

    size = operands[0].shape[0]
    run_stages(machine, plan.stages, emit, guarded, size, fixed, 0, threads)
    return [g.array for g in guarded[len(operands) :]]


class Case:
    """Windows over random elements."""

    def __init__(self, seed: int, dtype: DType) -> None:
        rng = np.random.default_rng(seed)
        rank = int(rng.integers(1, 4))
        self.window, self.dilation, self.padding, sizes = [], [], [], []
        for _ in range(rank):
            window, gap = int(rng.integers(1, 5)), int(rng.choice([1, 1, 2]))
            pad = int(rng.integers(0, window)), int(rng.integers(0, window))
            self.window.append(window)
            self.dilation.append(gap)
            self.padding.append(pad)
            least = max(1, (window - 1) * gap + 1 - sum(pad))
            sizes.append(least + int(rng.integers(0, (20, 9, 5)[rank - 1])))
        self.stride = [int(s) for s in rng.integers(1, 5, rank)]
        self.dtype = dtype
        self.threads, self.fixed = int(rng.integers(1, 4)), bool(rng.random() < 0.5)
        self.layout = channels_last if rng.random() < 0.6 else np.ascontiguousarray
        self.shape = (int(rng.choice([0, 1, 3])), int(rng.choice([1, 3, 16, 21])), *sizes)
        self.rng = rng
        self.x = self.random(self.shape)

    def random(self, shape: tuple[int, ...]) -> Array:
        """Few distinct numbers, so that there are ties; of floats some NaN and infinities."""
        if self.dtype.kind == "float":
            numbers = np.array([-np.inf, *range(-3, 4), np.nan, np.inf])
            x = self.rng.choice(numbers, shape, p=[0.3, *[0.09] * 7, 0.05, 0.02])
        else:
            x = self.rng.integers(0 if self.dtype.kind == "uint" else -100, 100, shape)
        return self.layout(x.astype(self.dtype.dtype))

    def pool(self, kind: Any, **more: Any) -> Pool:
        return Pool(
            kind, self.dtype, self.shape[1], tuple(self.shape[2:]), tuple(self.window),
            tuple(self.stride), tuple(self.padding), tuple(self.dilation), **more,
        )  # fmt: skip

    @property
    def params(self) -> dict[str, Any]:
        """Of the numpy kernels."""
        return {
            "window": tuple(self.window), "stride": tuple(self.stride),
            "padding": tuple(self.padding), "dilation": tuple(self.dilation),
        }  # fmt: skip

    def run(
        self, pool: Pool, vector_bits: int, operands: Sequence[Array], *outs: Array
    ) -> list[Array]:
        """See `run`."""
        given = [self.layout(a) for a in operands]
        laid = [self.layout(a) for a in outs]
        return run(pool, vector_bits, given, laid, self.threads, self.fixed)


KINDS = [dtypes.float32, dtypes.float64, dtypes.float16, dtypes.int32, dtypes.uint8, dtypes.int64]


@pytest.mark.parametrize("vector_bits", [512, 256])
@pytest.mark.parametrize("seed", range(12))
def test_max_pools(seed: int, vector_bits: int) -> None:
    case = Case(seed, KINDS[seed % len(KINDS)])
    y, index = kernels.max_pool_with_index(case.x, **case.params)
    (found,) = case.run(case.pool("max"), vector_bits, [case.x], y)
    np.testing.assert_array_equal(found, y)
    both = case.run(case.pool("max_with_index"), vector_bits, [case.x], y, index)
    np.testing.assert_array_equal(both[0], y)
    np.testing.assert_array_equal(both[1], index)

    expected = kernels.max_pool_gather(case.x, index, **case.params)
    (found,) = case.run(case.pool("gather"), vector_bits, [case.x, index], expected)
    np.testing.assert_array_equal(found, expected)

    slopes = case.rng.integers(0, 9, y.shape).astype(y.dtype)
    expected = kernels.max_pool_scatter(slopes, index, input_shape=case.shape, **case.params)
    (found,) = case.run(case.pool("scatter"), vector_bits, [slopes, index], expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("vector_bits", [512, 256])
@pytest.mark.parametrize("seed", range(12))
def test_mean_pools(seed: int, vector_bits: int) -> None:
    case = Case(100 + seed, KINDS[seed % 3])
    case.dilation = [1] * len(case.dilation)
    x = case.layout(case.rng.standard_normal(case.shape).astype(case.x.dtype))
    params = case.params
    del params["dilation"]
    params["count_include_pad"] = seed % 2 == 0
    more = {"count_include_pad": seed % 2 == 0}
    tolerance: dict[str, Any] = (
        {"rtol": 1e-3, "atol": 1e-3} if seed % 3 == 2 else {"rtol": 1e-5, "atol": 1e-6}
    )
    y = kernels.mean_pool(x, **params)
    (found,) = case.run(case.pool("mean", **more), vector_bits, [x], y)
    np.testing.assert_allclose(found, y, **tolerance)

    dy = case.rng.standard_normal(y.shape).astype(y.dtype)
    expected = kernels.mean_pool_gradient(dy, input_shape=case.shape, **params)
    (found,) = case.run(case.pool("mean_gradient", **more), vector_bits, [dy], expected)
    np.testing.assert_allclose(found, expected, **tolerance)


def test_windows_without_elements() -> None:
    case = Case(3, dtypes.float32)
    case.shape = (2, 5, 1, 4)
    case.window, case.stride, case.padding = [2, 2], [3, 2], [(1, 6), (0, 0)]
    case.dilation = [1, 1]
    x = case.random(case.shape)
    y, index = kernels.max_pool_with_index(x, **case.params)
    assert np.isneginf(y[:, :, 1:]).all()
    both = case.run(case.pool("max_with_index"), 512, [x], y, index)
    np.testing.assert_array_equal(both[0], y)
    np.testing.assert_array_equal(both[1], index)


@pytest.mark.parametrize("layout", [channels_last, np.ascontiguousarray])
@pytest.mark.parametrize("window", [[2, 2], [2, 3], [5, 4]])
def test_windows_side_by_side(window: list[int], layout: Any) -> None:
    case = Case(4, dtypes.float32)
    case.shape, case.layout = (3, 19, 9, 7), layout
    case.window, case.stride, case.padding = window, window, [(0, 0), (0, 0)]
    case.dilation = [1, 1]
    x = case.random(case.shape)
    y, index = kernels.max_pool_with_index(x, **case.params)
    slopes = case.rng.integers(0, 9, y.shape).astype(y.dtype)
    expected = kernels.max_pool_scatter(slopes, index, input_shape=case.shape, **case.params)
    (found,) = case.run(case.pool("scatter"), 256, [slopes, index], expected)
    np.testing.assert_array_equal(found, expected)

    params = {k: v for k, v in case.params.items() if k != "dilation"}
    expected = kernels.mean_pool_gradient(
        slopes, input_shape=case.shape, count_include_pad=True, **params
    )
    (found,) = case.run(case.pool("mean_gradient"), 512, [slopes], expected)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
