"""Generated convolutions and their gradients, beside the package's numpy kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from typedflux.compile.native.convolutions import (
    Convolution,
    Image,
    Plan,
    plan_forward,
    plan_input_gradient,
    plan_weight_gradient,
)
from typedflux.compile.native.emitter import Function, Index, Value
from typedflux.compile.native.machine import Machine
from typedflux.ops.kernels import conv as kernels


def run(
    plan: Plan, machine: Machine, x: Array, w: Array, out: Array, threads: int, fixed: bool
) -> Array:
    """What the plan's stages write, in memory as `out` has it."""
    operands = Guarded.copy(x), Guarded.copy(w), Guarded(out)
    places = strides(out)

    def emit(
        stage: int, f: Function, pointers: Sequence[Value], batch: Index, scratch: Value,
        thread: Value, count: Value,
    ) -> None:  # fmt: skip
        def epilogue(
            f: Function, index: tuple[Index, ...], value: Value, mask: Value | None
        ) -> None:
            place = f.sum_of(*zip(index, places, strict=True))
            store_vector(f, value, pointers[2], place, places[plan.vector_axis], mask)

        images = [Image(p, strides(a)) for p, a in zip(pointers, (x, w), strict=False)]
        plan.emit(stage, f, batch, images[0], images[1], scratch, thread, count, epilogue)

    size = plan.scratch_bytes(x.shape[0], threads)
    run_stages(machine, plan.stages, emit, operands, x.shape[0], fixed, size, threads)
    return operands[2].array


class Case:
    """A convolution with operands of its own."""

    def __init__(self, c: Convolution, batch: int, seed: int, last: tuple[bool, bool]) -> None:
        rng = np.random.default_rng(seed)
        dtype = {"float": np.float32, "double": np.float64}[c.scalar]
        self.c = c
        self.tolerance: dict[str, Any] = (
            {"rtol": 2e-4, "atol": 2e-4} if c.scalar == "float" else {"rtol": 1e-10, "atol": 1e-10}
        )
        self.params: dict[str, Any] = {
            "stride": c.stride, "padding": c.padding, "dilation": c.dilation, "groups": c.groups
        }  # fmt: skip
        inner, outer = (channels_last if lay else np.ascontiguousarray for lay in last)
        self.x = inner(rng.standard_normal((batch, c.in_channels, *c.in_size)).astype(dtype))
        shape = (c.out_channels, c.in_channels // c.groups, *c.kernel)
        self.w = rng.standard_normal(shape).astype(dtype)
        y = kernels.conv(self.x, self.w, **self.params)
        self.y = outer(y)
        self.dy = outer(rng.standard_normal(y.shape).astype(dtype))

    def check(self, machine: Machine, threads: int, fixed: bool) -> None:
        """All three of them equal numpy's."""
        c = replace(self.c, batch=self.x.shape[0] if fixed else None)
        x, w, dy = self.x, self.w, self.dy
        planned = replace(c, first=strides(x), second=strides(w)) if fixed else c
        y = run(plan_forward(planned, machine), machine, x, w, self.y, threads, fixed)
        np.testing.assert_allclose(y, self.y, **self.tolerance)

        planned = replace(c, first=strides(dy), second=strides(w)) if fixed else c
        dx = run(plan_input_gradient(planned, machine), machine, dy, w, x, threads, fixed)
        expected = kernels.conv_input_gradient(dy, w, input_shape=x.shape, **self.params)
        np.testing.assert_allclose(dx, expected, **self.tolerance)

        planned = replace(c, first=strides(x), second=strides(dy)) if fixed else c
        dw = run(plan_weight_gradient(planned, machine), machine, x, dy, w, threads, fixed)
        expected = kernels.conv_weight_gradient(x, dy, weight_shape=w.shape, **self.params)
        np.testing.assert_allclose(dw, expected, rtol=1e-3, atol=1e-3)


def random_case(seed: int) -> tuple[Case, int, bool]:
    """A case, a number of threads and whether all is known when planning."""
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 3]))
    channels = [groups * int(rng.choice(n)) for n in ([1, 3, 5, 16, 20], [1, 3, 6, 16, 17, 40])]
    if rng.random() < 0.2:
        groups = channels[1] = channels[0]
    kernel = [int(k) for k in rng.integers(1, 5, rank)]
    stride, dilation = ([int(v) for v in rng.integers(1, n, rank)] for n in (4, 3))
    padding = [(int(a), int(b)) for a, b in rng.integers(0, 4, (rank, 2))]
    room = (30, 14, 6)[rank - 1]
    size = [
        max(1, (k - 1) * d + 1 - sum(p) + int(rng.integers(0, room)))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    scalar = "double" if rng.random() < 0.25 else "float"
    c = Convolution(
        scalar, None, groups, channels[0], channels[1], tuple(size), tuple(kernel), tuple(stride),
        tuple(padding), tuple(dilation),
    )  # fmt: skip
    last = bool(rng.random() < 0.7), bool(rng.random() < 0.7)
    batch = int(rng.choice([0, 1, 2, 5]))
    return Case(c, batch, seed, last), int(rng.integers(1, 4)), bool(rng.random() < 0.5)


@pytest.mark.parametrize("vector_bits", [512, 256])
@pytest.mark.parametrize("seed", range(20))
def test_random_geometry(seed: int, vector_bits: int) -> None:
    case, threads, fixed = random_case(seed)
    case.check(machine_of(vector_bits), threads, fixed)


USUAL = {
    "same 3x3": ((32, 32), (16, 12), (3, 3), 1, 1, 1),
    "pointwise": ((24, 40), (9, 9), (1, 1), 1, 0, 1),
    "first layer": ((3, 16), (15, 15), (5, 5), 2, 2, 1),
    "one channel": ((1, 6), (28, 28), (5, 5), 1, 2, 1),
    "few channels": ((6, 16), (14, 14), (5, 5), 1, 0, 1),
    "few channels and three axes": ((2, 20), (4, 5, 6), (3, 2, 3), 1, 1, 1),
    "depthwise": ((20, 20), (9, 11), (3, 3), 1, 1, 20),
    "depthwise with a stride": ((32, 32), (9, 11), (3, 3), 2, 1, 32),
    "small side": ((16, 48), (4, 4), (3, 3), 1, 1, 1),
    "many weights": ((8, 170), (3, 3), (3, 3), 1, 1, 1),
    "halving": ((16, 32), (8, 8), (3, 3), 2, 1, 1),
    "long kernel": ((4, 24), (70,), (61,), 1, 30, 1),
    "long kernels of channels": ((5, 5), (9, 40), (3, 45), 2, 22, 5),
    "one axis": ((8, 16), (40,), (5,), 1, 2, 1),
}


@pytest.mark.parametrize("vector_bits", [512, 256, 128])
@pytest.mark.parametrize("name", USUAL)
def test_usual_layers(name: str, vector_bits: int) -> None:
    channels, size, kernel, stride, padding, groups = USUAL[name]
    rank = len(size)
    c = Convolution(
        "float", None, groups, *channels, size, kernel, (stride,) * rank,
        ((padding, padding),) * rank, (1,) * rank,
    )  # fmt: skip
    case = Case(c, 3, 7, (channels[0] > 3, True))
    case.check(machine_of(vector_bits), 2, vector_bits != 256)
