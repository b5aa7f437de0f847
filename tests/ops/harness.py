"""The checks that every row of the table goes through: values and types.

`derivatives` and `transformed` hold the others; `CHECKS` in `test_table` lists all.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.ops.row import ALL, SPECIAL, Array, Operands, Row, cast, tensors, wide
from typedflux import dtypes
from typedflux.core.graph import GraphTrace, evaluate_types
from typedflux.core.primitive import type_of
from typedflux.core.tracing import graph_running
from typedflux.core.types import Shape, TensorType
from typedflux.dtypes import AnyDType, DType
from typedflux.shapes.dims import UNKNOWN, evaluate, symbol
from typedflux.shapes.errors import DTypeError, UndecidedError
from typedflux.shapes.symbolic import Unknown
from typedflux.tensor import Tensor, wrap

EPSILON: Final = {
    dtypes.float16: 2.0**-10,
    dtypes.bfloat16: 2.0**-7,
    dtypes.float32: 2.0**-23,
    dtypes.complex64: 2.0**-23,
    dtypes.float64: 2.0**-52,
    dtypes.complex128: 2.0**-52,
}
_UNITS = 4  # in the last place, for a row of tolerance 1
_REFERENCES = Path(__file__).parents[1] / "references"


def outputs(result: Any) -> tuple[Tensor, ...]:
    """What an operation returned, as a tuple."""
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def tolerance(row: Row, dtype: DType, factor: float = 1.0) -> float:
    """How far a result of `dtype` may be from the reference."""
    return EPSILON[dtype] * _UNITS * row.tolerance * factor


def assert_near(got: Tensor, want: Array, tolerance: float, where: str) -> None:
    """Equal for integers and booleans; within `tolerance`, relative and absolute, for others."""
    with np.errstate(all="ignore"):
        exact = want.astype(got.dtype.dtype) if got.dtype.kind != "bool" else want
    values = wide(got.numpy())
    if not got.dtype.is_inexact:
        np.testing.assert_array_equal(values, wide(exact), err_msg=where)
    else:
        want = np.where(np.isfinite(want), wide(exact), want)  # what overflows is infinite
        np.testing.assert_allclose(values, want, rtol=tolerance, atol=tolerance, err_msg=where)


# Values


@functools.cache
def stored(family: str) -> dict[str, Array]:
    """PyTorch's values for a family of rows."""
    with np.load(_REFERENCES / f"ops_{family}.npz") as found:
        return dict(found)


def cases_of(row: Row) -> list[tuple[Operands, tuple[Array, ...] | None]]:
    """The samples, and the stored results where the row has no function for them."""
    if not isinstance(row.reference, str):
        return [(operands, None) for operands in row.generate()]
    found = stored(row.reference)
    cases: list[tuple[Operands, tuple[Array, ...] | None]] = []
    for i, operands in enumerate(row.generate()):
        key = f"{row.name}/{i}/"
        inputs = tuple(found[f"{key}in{k}"] for k in range(len(operands)))
        count = sum(name.startswith(f"{key}out") for name in found)
        assert [x.shape for x in inputs] == [x.shape for x in operands], key
        cases.append((inputs, tuple(found[f"{key}out{k}"] for k in range(count))))
    return cases


def expected(row: Row, operands: Sequence[Array], inexact: bool) -> tuple[Array, ...]:
    """The reference's results, of operands that have been cast."""
    assert not isinstance(row.reference, str)
    exact = [wide(x) for x in operands]
    if inexact and all(x.dtype.kind == "b" for x in exact):  # numpy computes float16 from these
        exact = [x.astype(float) for x in exact]
    with np.errstate(all="ignore"):
        found = row.reference(*exact)
    return tuple(map(np.asarray, found if isinstance(found, (tuple, list)) else (found,)))


def result_dtypes(row: Row, dtype: DType) -> tuple[DType, ...]:
    """The documented dtypes of the results."""
    found = row.result(dtype)
    return found if isinstance(found, tuple) else (found,)


def check_value(row: Row) -> None:
    """Each dtype's results have the documented dtype and are the reference's."""
    for operands, kept in cases_of(row):
        for dtype in row.dtypes:
            if kept is not None and not dtype.is_floating:
                continue  # what other dtypes give is not stored
            arrays = [cast(x, dtype) for x in operands]
            inexact = result_dtypes(row, dtype)[0].is_inexact
            wanted = kept if kept is not None else expected(row, arrays, inexact)
            where = f"{dtype} {[a.shape for a in arrays]}"
            _compare(row, dtype, outputs(row.function(*map(wrap, arrays))), wanted, where)


def _compare(
    row: Row, dtype: DType, got: tuple[Tensor, ...], wanted: tuple[Array, ...], where: str
) -> None:
    assert len(got) == len(wanted), where
    kinds = result_dtypes(row, dtype)
    for g, want, kind in zip(got, wanted, kinds * (len(got) // len(kinds)), strict=True):
        assert g.dtype is kind, f"{where}: {g.dtype} instead of {kind}"
        assert g.shape == want.shape, f"{where}: {g.shape} instead of {want.shape}"
        narrow = dtype if dtype.is_inexact else kind
        assert_near(g, want, tolerance(row, narrow) if kind.is_inexact else 0, where)


def check_edges(row: Row) -> None:
    """Infinities, nan and zeros give what the reference gives."""
    assert row.edges is not None
    for dtype in (dtypes.float32, dtypes.float64):
        if dtype not in row.dtypes:
            continue
        for operands in row.edges():
            arrays = [cast(x, dtype) for x in operands]
            got = outputs(row.function(*map(wrap, arrays)))
            wanted = expected(row, arrays, True)
            _compare(row, dtype, got, wanted, f"{dtype} {SPECIAL.tolist()}")


# Dtypes


def check_dtypes(row: Row) -> None:
    """Other dtypes are refused; mixed ones promote as documented, values unchanged."""
    operands = row.generate()[0]
    if not any(x.dtype.kind == "f" for x in operands):
        return
    for dtype in ALL:
        if row.refuses and dtype not in row.dtypes:
            with pytest.raises(DTypeError):
                row.function(*tensors(operands, dtype))
            with pytest.raises(DTypeError):
                evaluate_types(row.function, [type_of(t) for t in tensors(operands, dtype)])
    if not row.promotes:
        return
    for first in ALL:
        for other in ALL:
            _check_pair(row, operands, first, other)
        for number in (True, 2, 1.5, 2j) if row.weak else ():
            _check_number(row, operands, first, number)


def _check_pair(row: Row, operands: Operands, first: DType, other: DType) -> None:
    kinds = [first if i == 0 else other for i in range(len(operands))]
    mixed = [wrap(cast(x, d)) for x, d in zip(operands, kinds, strict=True)]
    try:
        common = dtypes.promote_all(*(t.dtype for t in mixed))
    except DTypeError:
        common = None
    _check_promoted(row, mixed, common, f"{first} with {other}")


def _check_promoted(row: Row, mixed: list[Any], common: AnyDType | None, where: str) -> None:
    if common not in row.dtypes:
        with pytest.raises(DTypeError):
            row.function(*mixed)
        return
    assert isinstance(common, DType)
    alike = [x.astype(common) if isinstance(x, Tensor) else x for x in mixed]
    got = outputs(row.function(*mixed))
    wanted = outputs(row.function(*alike))
    for g, want, kind in zip(got, wanted, result_dtypes(row, common), strict=True):
        assert g.dtype is kind, f"{where}: {g.dtype} instead of {kind}"
        np.testing.assert_array_equal(wide(g.numpy()), wide(want.numpy()), err_msg=where)


def _check_number(row: Row, operands: Operands, dtype: DType, number: complex) -> None:
    tensor = wrap(cast(operands[0], dtype))
    common = dtypes.with_scalar(dtype, number)
    if isinstance(number, bool) and dtype.is_complex:
        common = dtype
    if common in row.dtypes and isinstance(common, DType):
        same = wrap(np.asarray(number, common.dtype))
        for mixed, alike in (((tensor, number), (tensor.astype(common), same)),
                             ((number, tensor), (same, tensor.astype(common)))):  # fmt: skip
            got, want = row.function(*mixed), row.function(*alike)
            assert got.dtype is row.result(common), f"{dtype} with {number}: {got.dtype}"
            values = wide(got.numpy()), wide(want.numpy())
            np.testing.assert_array_equal(*values, err_msg=f"{dtype} with {number}")
    else:
        with pytest.raises(DTypeError):
            row.function(tensor, number)


# Types


def symbolic_shape(row: Row, place: int, shape: tuple[int, ...], **kind: Any) -> Shape:
    """The shape with a symbol for each size from 2 on; equal sizes share one."""
    fixed = row.fixed.get(place, ())
    if fixed is ...:
        return shape
    numbers = {axis % len(shape) for axis in fixed if -len(shape) <= axis < len(shape)}
    return tuple(
        size if i in numbers or size < 2 else symbol(f"d{size}", **_with_hint(kind, size))
        for i, size in enumerate(shape)
    )


def _with_hint(kind: dict[str, Any], size: int) -> dict[str, Any]:
    return {**kind, "hint": size} if kind else {}


def sizes_of(shapes: Sequence[Shape], values: Sequence[tuple[int, ...]]) -> dict[Any, int]:
    """What the symbols of `symbolic_shape` stand for."""
    return {
        str(d): size
        for shape, value in zip(shapes, values, strict=True)
        for d, size in zip(shape, value, strict=True)
        if not isinstance(d, int)
    }


def check_types(row: Row) -> None:
    """The abstract result type is the run-time type: of fixed, symbolic and unknown sizes, and of
    families of dtypes."""
    for operands in row.generate():
        for dtype in row.dtypes:
            xs = tensors(operands, dtype)
            got = outputs(row.function(*xs))
            fixed = _evaluate(row, [type_of(x) for x in xs])
            _assert_fits(row, fixed, got, {}, exact=True)
        shapes = [symbolic_shape(row, i, x.shape) for i, x in enumerate(operands)]
        sizes = sizes_of(shapes, [x.shape for x in operands])
        types = [TensorType(x.dtype, s) for x, s in zip(xs, shapes, strict=True)]
        _assert_fits(row, _evaluate(row, types), got, sizes, exact=True)
        unknown = [
            TensorType(t.dtype, tuple(d if isinstance(d, int) else UNKNOWN for d in t.shape))
            for t in types
        ]
        _assert_fits(row, _evaluate(row, unknown), got, sizes, exact=False)
        _check_families(row, operands, types, sizes)


def _check_families(
    row: Row, operands: Operands, types: list[TensorType], sizes: dict[Any, int]
) -> None:
    mine = frozenset(row.dtypes)
    for family in dtypes.FAMILIES.values():
        if not family.members <= mine:
            continue
        known = [
            TensorType(family if x.dtype.kind == "f" else t.dtype, t.shape)
            for x, t in zip(operands, types, strict=True)
        ]
        try:
            found = _evaluate_all(row, known)
        except UndecidedError:
            # The checker takes such a result as unknown, which a family of one kind never is.
            assert len({d.kind for d in family}) > 1
            continue
        for i, t in enumerate(found):
            for dtype in family:
                kinds = result_dtypes(row, dtype)
                assert kinds[i % len(kinds)] in dtypes.members(t.dtype), f"{family}: {t}, {dtype}"


def _evaluate(row: Row, types: Sequence[TensorType]) -> tuple[TensorType, ...]:
    found = evaluate_types(lambda *xs: outputs(row.function(*xs)), types)
    assert isinstance(found, tuple)
    return found


def _evaluate_all(row: Row, types: Sequence[TensorType]) -> list[TensorType]:
    """As the type checker does it: what depends on no operand is not computed either."""
    trace = GraphTrace()
    trace.takes_everything = True
    with graph_running(trace):
        return [type_of(o) for o in outputs(row.function(*[trace.input(t) for t in types]))]


def _assert_fits(
    row: Row, types: Sequence[TensorType], got: Sequence[Tensor], sizes: dict[Any, int], exact: bool
) -> None:
    assert len(types) == len(got)
    for t, g in zip(types, got, strict=True):
        assert t.dtype == g.dtype, f"{t} for {type_of(g)}"
        assert len(t.shape) == g.ndim, f"{t} for {type_of(g)}"
        for d, size in zip(t.shape, g.shape, strict=True):
            if isinstance(d, Unknown):
                assert row.unknown or not exact, f"{t} for {type_of(g)}"
            else:
                assert evaluate(d, sizes) == size, f"{t} for {type_of(g)} with {sizes}"


# Memory


def layouts(x: Array) -> list[Array]:
    """The same values in other memory orders, read-only."""
    spread = np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x
    found = [
        np.array(x, order="F"),
        np.asarray(np.flip(np.array(np.flip(x), order="C"))),
        spread,
        np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
    ]
    for view in found:
        view.flags.writeable = False
    return found


def check_memory(row: Row) -> None:
    """Any memory order gives the same; operands are never written to."""
    for operands in row.generate():
        for dtype in (row.dtypes[0], row.dtypes[-1]):
            arrays = [cast(x, dtype) for x in operands]
            wanted = outputs(row.function(*map(wrap, arrays)))
            for views in zip(*map(layouts, arrays), strict=True):
                got = outputs(row.function(*map(wrap, views)))
                for g, want in zip(got, wanted, strict=True):
                    assert_same(row, g, want, 1)
            copies = [x.copy() for x in arrays]
            row.function(*map(wrap, copies))
            for x, copy in zip(arrays, copies, strict=True):
                assert x.tobytes() == copy.tobytes()


def assert_same(row: Row, got: Tensor, want: Tensor, factor: float) -> None:
    """Two ways to one result."""
    assert type_of(got) == type_of(want), f"{type_of(got)} instead of {type_of(want)}"
    near = tolerance(row, want.dtype, factor) if want.dtype.is_inexact else 0
    assert_near(got, wide(want.numpy()), near, f"{type_of(want)}")
