"""The checks of derivatives: against differences, against one another, second order, dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import typedflux as flux
from tests.ops.harness import assert_same, outputs, tolerance
from tests.ops.row import Operands, Row, cast, tensors, wide
from typedflux import dtypes, ops
from typedflux.core.primitive import type_of
from typedflux.dtypes import DType
from typedflux.tensor import Tensor, wrap

Tensors = list[Tensor]
_STEP = 2.0**-17  # squared it is the relative error of a central difference


def differentiable(row: Row) -> bool:
    """Whether the row has derivatives to check."""
    precise = dtypes.float64 in row.dtypes
    return precise and any(row.is_differentiable(x) for x in row.generate())


def restrict(
    row: Row, xs: Sequence[Tensor], places: Sequence[int]
) -> Callable[..., tuple[Tensor, ...]]:
    """The operation as a function of the operands at `places`, with its inexact results alone."""

    def function(*some: Tensor) -> tuple[Tensor, ...]:
        full = list(xs)
        for place, x in zip(places, some, strict=True):
            full[place] = x
        return tuple(y for y in outputs(row.function(*full)) if y.dtype.is_inexact)

    return function


def directions(like: Sequence[Tensor], seed: int) -> Tensors:
    """Random tensors of the types of others, read-only."""
    random = np.random.default_rng(seed)
    found = []
    for x in like:
        v = np.asarray(random.standard_normal(x.shape))
        if x.dtype.is_complex:
            v = v + 1j * random.standard_normal(x.shape)
        v = np.asarray(v.astype(x.dtype.dtype))
        v.flags.writeable = False
        found.append(wrap(v))
    return found


def inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """The real inner product of two lists of tensors."""
    pairs = zip(a, b, strict=True)
    return float(sum(np.vdot(wide(x.numpy()), wide(y.numpy())).real for x, y in pairs))


def traced_inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """The same as an operation, to differentiate through."""
    total = flux.zeros((), dtype=flux.float64)
    for x, y in zip(a, b, strict=True):
        product = ops.conj(x) * y if x.dtype.is_complex else x * y
        total = total + ops.sum(ops.real(product) if product.dtype.is_complex else product)
    return total


def moved(xs: Sequence[Tensor], along: Sequence[Tensor], step: float) -> Tensors:
    """`xs + step * along`."""
    return [wrap(np.asarray(x.numpy() + step * v.numpy())) for x, v in zip(xs, along, strict=True)]


def assert_close(a: float, b: float, tolerance: float, where: str) -> None:
    """Two numbers agree, relative to their size and to 1."""
    assert abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)), f"{where}: {a} and {b}"


def points(row: Row) -> list[tuple[Tensors, tuple[int, ...], DType]]:
    """Where derivatives are checked: the samples in float64, and in complex128 where allowed."""
    precise = [d for d in (dtypes.float64, dtypes.complex128) if d in row.dtypes]
    found = []
    for operands in row.generate():
        places = row.is_differentiable(operands)
        if places:
            found += [(tensors(operands, d), places, d) for d in precise]
            if row.promotes and len(precise) == 2:
                found.append((mixed(operands, *precise), places, dtypes.complex128))
    return found


def mixed(operands: Operands, first: DType, others: DType) -> Tensors:
    """A sample's operands, the first of one dtype and the rest of another."""
    kinds = [first, *(others,) * (len(operands) - 1)]
    return [wrap(cast(x, d)) for x, d in zip(operands, kinds, strict=True)]


def check_gradient(row: Row) -> None:
    """The pullback of a random cotangent, against central differences in a random direction."""
    for xs, places, dtype in points(row):
        f = restrict(row, xs, places)
        at = [xs[i] for i in places]
        ys, pullback = flux.vjp(f, *at)
        c, u = directions(ys, 1), directions(at, 2)
        grads = outputs(pullback(tuple(c)))
        assert [type_of(g) for g in grads] == [type_of(x) for x in at]
        ahead, behind = f(*moved(at, u, _STEP)), f(*moved(at, u, -_STEP))
        difference = (inner(c, ahead) - inner(c, behind)) / (2 * _STEP)
        where = f"{dtype} {[x.shape for x in xs]}"
        assert_close(inner(grads, u), difference, 1e-7 * row.tolerance, where)
        for again, grad in zip(outputs(pullback(tuple(c))), grads, strict=True):
            np.testing.assert_array_equal(again.numpy(), grad.numpy(), "a second time")
        for i, grad in zip(places, grads, strict=True):
            _, alone = flux.vjp(restrict(row, xs, [i]), xs[i])
            assert_same(row, alone(tuple(c)), grad, 8)


def check_gradient_dtypes(row: Row) -> None:
    """The gradient has the dtype of its operand, and narrow dtypes come near the wide gradient."""
    for operands in row.generate():
        if row.promotes:
            narrow, wide_ = dtypes.float32, dtypes.float64
            places = row.is_differentiable(operands)
            found = _gradient(row, operands, narrow, wide_)
            assert [g.dtype for g in found] == [wide_ if i else narrow for i in places]
        for dtype in row.dtypes:
            if not dtype.is_inexact:
                continue
            exact = dtypes.complex128 if dtype.is_complex else dtypes.float64
            wanted = _gradient(row, operands, exact)
            for got, want in zip(_gradient(row, operands, dtype), wanted, strict=True):
                assert got.dtype is dtype, f"a gradient of {got.dtype} for {dtype}"
                values = wide(want.numpy())
                near = tolerance(row, dtype, 8) * max(1.0, np.abs(values).max(initial=0))
                np.testing.assert_allclose(wide(got.numpy()), values, atol=near, err_msg=str(dtype))


def _gradient(row: Row, operands: Operands, *kinds: DType) -> Tensors:
    xs, places = mixed(operands, kinds[0], kinds[-1]), row.is_differentiable(operands)
    if not places:
        return []
    at = [xs[i] for i in places]
    ys, pullback = flux.vjp(restrict(row, xs, places), *at)
    cotangents = [ops.ones_like(y) for y in ys]
    return list(outputs(pullback(tuple(cotangents))))


def check_jvp(row: Row) -> None:
    """Forward mode is the transpose of reverse mode: <v, J u> = <J* v, u>."""
    for xs, places, dtype in points(row):
        f = restrict(row, xs, places)
        at = [xs[i] for i in places]
        ys, pullback = flux.vjp(f, *at)
        c, u = directions(ys, 3), directions(at, 4)
        values, tangents = flux.jvp(f, at, u)
        for value, tangent, y in zip(values, tangents, ys, strict=True):
            assert type_of(tangent) == type_of(y)
            assert_same(row, value, y, 1)
        slope = inner(outputs(pullback(tuple(c))), u)
        assert_close(inner(c, tangents), slope, 1e-10 * row.tolerance, f"{dtype}")
        parts = 0.0
        for i, v in zip(places, u, strict=True):
            _, tangents = flux.jvp(restrict(row, xs, [i]), (xs[i],), (v,))
            parts += inner(c, tangents)
        assert_close(parts, slope, 1e-10 * row.tolerance, f"{dtype}, by operand")


def check_second(row: Row) -> None:
    """Derivatives of derivatives, in three orders, against differences of the gradient."""
    for xs, places, dtype in points(row):
        f = restrict(row, xs, places)
        at = [xs[i] for i in places]
        ys = f(*at)
        c, u, w = directions(ys, 5), directions(at, 6), directions(at, 7)

        def backward(*some: Tensor, f: Any = f, c: Any = c, u: Any = u) -> Tensor:
            _, pullback = flux.vjp(f, *some)
            return traced_inner(outputs(pullback(tuple(c))), u)

        def forward(*some: Tensor, f: Any = f, c: Any = c, u: Any = u) -> Tensor:
            return traced_inner(c, flux.jvp(f, some, u)[1])

        difference = _difference(backward, at, w)
        where = f"{dtype} {[x.shape for x in xs]}"
        slope = inner(_gradient_of(backward, at), w)
        assert_close(slope, difference, 1e-6 * row.tolerance, f"reverse over reverse, {where}")
        over = inner(_gradient_of(forward, at), w)
        assert_close(over, slope, 1e-9 * row.tolerance, f"reverse over forward, {where}")
        tangent = flux.jvp(backward, at, w)[1].item()
        assert_close(tangent, slope, 1e-9 * row.tolerance, f"forward over reverse, {where}")
        twice = flux.jvp(forward, at, w)[1].item()
        assert_close(twice, slope, 1e-9 * row.tolerance, f"forward over forward, {where}")


def _difference(f: Callable[..., Tensor], at: Tensors, along: Tensors) -> float:
    ahead, behind = f(*moved(at, along, _STEP)), f(*moved(at, along, -_STEP))
    return float(ahead.item() - behind.item()) / (2 * _STEP)


def _gradient_of(f: Callable[..., Tensor], at: Tensors) -> tuple[Tensor, ...]:
    _, pullback = flux.vjp(f, *at)
    return outputs(pullback(flux.ones((), dtype=flux.float64)))
