"""Bad shapes, axes, indices and data give one clear error: its type, one line, what was wanted,
what came, what to do. Layers have a file of their own, tests/nn/test_errors.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as typed
from tests.errors.rows import Row, check, parameters
from typedflux import nn as typed_nn
from typedflux.shapes.errors import AxisError, DTypeError, ShapeError

flux: Any = typed  # the calls below are wrong, which the type checker would say too
nn: Any = typed_nn

x: Any = flux.zeros((2, 3))
v: Any = flux.ones((3,))
ints: Any = flux.arange(3)
one: Any = flux.asarray(2.0)
empty: Any = flux.zeros((0, 3))
truths: Any = flux.asarray([True, False])
complexes: Any = flux.asarray([1j])

REDUCING = [
    "sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin", "sort",
    "argsort", "softmax", "logsoftmax", "logsumexp", "cumulative_sum", "cumulative_prod", "flip",
    "unstack",
]  # fmt: skip


def over_an_axis_too_far(name: str) -> Row:
    return lambda: getattr(flux, name)(x, axis=2), AxisError, f"{name}( ... axis 2 does not exist"


SHAPES: dict[str, Row] = {
    "add": (
        lambda: x + flux.zeros((2, 2)), ShapeError,
        "add(Float32[Tensor, \"2 3\"], Float32[Tensor, \"2 2\"]): cannot broadcast '2 3' with "
        "'2 2': axis -1 has sizes 3 and 2",
    ),
    "subtract a longer vector": (lambda: x - flux.ones((4,)), ShapeError, "subtract( ... 3 and 4"),
    "compare": (lambda: x < flux.ones((2, 2)), ShapeError, "less( ... axis -1 has sizes 3 and 2"),
    "where": (
        lambda: flux.where(x > 0, x, flux.ones((4,))), ShapeError, "where( ... axis -1 ... 3 and 4",
    ),
    "matmul": (
        lambda: x @ x, ShapeError,
        'matmul(Float32[Tensor, "2 3"], Float32[Tensor, "2 3"]): the last axis of the first '
        "operand is 3, the second to last of the second is 2",
    ),
    "matmul of a scalar": (lambda: x @ one, ShapeError, "matmul ... rank 1 or more: use *"),
    "matmul of a number": (lambda: x @ 3, ShapeError, "matmul ... rank 1 or more: use *"),
    "concat": (
        lambda: flux.concat([x, flux.zeros((2, 4))]), ShapeError,
        "concat( ... along axis 0: axis 1 has sizes 3 and 4",
    ),
    "concat ranks": (lambda: flux.concat([x, v]), ShapeError, "concat( ... they have 2 and 1 axes"),
    "concat of nothing": (lambda: flux.concat([]), ShapeError, "concat(): needs at least one"),
    "concat of a tensor": (
        lambda: flux.concat(x), TypeError,
        "a list or tuple of tensors, got one",
    ),
    "concat of None": (lambda: flux.concat(None), TypeError, "list or tuple of tensors, got None"),
    "concat of scalars": (lambda: flux.concat([one, one]), ShapeError, "concat( ... use stack"),
    "stack": (lambda: flux.stack([x, v]), ShapeError, "stack( ... they have 2 and 1 axes"),
    "stack of a number": (lambda: flux.stack(3), TypeError, "stack takes a list ... got int"),
    "einsum": (
        lambda: flux.einsum("ij,jk->ik", x, x), ShapeError,
        "einsum 'ij,jk->ik': 'j' is 3 in operand 0 ('2 3') but 2 in operand 1 ('2 3')",
    ),
    "einsum's letters": (lambda: flux.einsum("ij->k", x), ValueError, "'k', which no operand has"),
    "reshape": (
        lambda: x.reshape(4, 2), ShapeError,
        "reshape(Float32[Tensor, \"2 3\"]): cannot reshape '2 3' (6 elements) to '4 2' (8 elem",
    ),
    "reshape with -1": (
        lambda: x.reshape(-1, 4), ShapeError,
        "reshape( ... 6 is not a multiple of 4",
    ),
    "two unknown sizes": (lambda: x.reshape(-1, -1), ShapeError, "only one size can be -1"),
    "a negative size": (lambda: x.reshape(-2, 3), ShapeError, "reshape( ... a size cannot be -2"),
    "a size that is a float": (
        lambda: x.reshape(2.0, 3), DTypeError, "reshape( ... sizes are integers, got 2.0",
    ),
    "-1 beside 0": (lambda: empty.reshape(-1, 0), ShapeError, "next to a size of 0, -1 could be"),
    "zeros of a negative size": (
        lambda: flux.zeros((2, -1)), ShapeError, "zeros(): sizes are at least 0, got -1 in shape",
    ),
    "ones of a float": (lambda: flux.ones(1.5), DTypeError, "ones(): sizes are integers, got 1.5"),
    "full of text": (
        lambda: flux.full("ab", 1), DTypeError,
        "full(): sizes are integers, got 'ab'",
    ),
    "eye": (lambda: flux.eye(-1), ShapeError, "eye(): sizes are at least 0, got -1"),
    "rand": (lambda: flux.rand((-1,)), ShapeError, "sizes are at least 0, got -1"),
    "broadcast_to": (
        lambda: flux.broadcast_to(x, (2, 4)), ShapeError,
        "broadcast_to( ... axis -1 has size 3, where 1 or 4 is wanted",
    ),
    "squeeze": (lambda: flux.squeeze(x, axis=0), ShapeError, "squeeze( ... its size is 2, not 1"),
    "split": (lambda: flux.split(x, 2, axis=1), ShapeError, "split( ... axis 1 of size 3 does not"),
    "pad": (lambda: flux.pad(x, ((1, 1),)), ShapeError, "pad( ... 1 pairs of widths do not fit 2"),
    "tril": (lambda: flux.tril(v), ShapeError, "tril( ... needs a tensor of rank 2 or more, got"),
    "transpose": (lambda: v.T, ShapeError, "x.T is for matrices ... (3,): use x.mT"),
    "topk": (lambda: flux.topk(v, 5), ShapeError, "topk: axis -1 has 3 elements, 5 are asked for"),
    "vmap": (
        lambda: flux.vmap(flux.add)(v, flux.ones((4,))), ShapeError,
        "vmap: argument 0 has 3 examples (axis 0), argument 1 has 4 (axis 0)",
    ),
    "a loss broadcasts nothing": (
        lambda: flux.mse(flux.zeros((2, 1)), flux.zeros((2,))), ShapeError,
        "mse( ... must have one shape ... ranks are 2 and 1",
    ),
}  # fmt: skip

AXES: dict[str, Row] = {
    "sum": (
        lambda: x.sum(axis=2), AxisError,
        'sum(Float32[Tensor, "2 3"]): axis 2 does not exist in 2 axes: valid are -2 to 1',
    ),
    "negative": (lambda: x.mean(axis=-3), AxisError, "mean( ... axis -3 does not exist in 2 axes"),
    "a scalar's": (lambda: one.sum(axis=0), AxisError, "sum( ... a scalar has no axes"),
    "one of several": (lambda: x.max(axis=(0, 4)), AxisError, "max( ... axis 4 does not exist"),
    "twice": (
        lambda: x.sum(axis=(0, -2)), ShapeError,
        "sum( ... axis -2 is named twice in (0, -2)",
    ),
    "a float": (lambda: x.sum(axis=1.0), DTypeError, "sum( ... axis is an int, got float 1.0"),
    "a name": (lambda: x.sum(axis="rows"), DTypeError, "axis is an int, got str 'rows'"),
    "a truth value": (lambda: x.sum(axis=True), DTypeError, "axis is an int, got bool True"),
    **{name: over_an_axis_too_far(name) for name in REDUCING},
    "topk's": (lambda: flux.topk(x, 1, axis=2), AxisError, "topk( ... axis 2 does not exist"),
    "expand_dims": (lambda: flux.expand_dims(x, axis=5), AxisError, "axis 5 does not exist in 3"),
    "roll": (lambda: flux.roll(x, 1, axis=4), AxisError, "roll( ... axis 4 does not exist"),
    "concat": (lambda: flux.concat([x, x], axis=2), AxisError, "concat( ... axis 2 does not exist"),
    "stack": (lambda: flux.stack([x, x], axis=7), AxisError, "stack( ... valid are -3 to 2"),
    "moveaxis": (lambda: flux.moveaxis(x, 0, 5), AxisError, "moveaxis( ... destination 5 does not"),
    "permute_dims": (lambda: x.permute_dims((0, 0)), ShapeError, "axis 0 is named twice in (0, 0)"),
    "too few": (
        lambda: x.permute_dims((0,)), ShapeError,
        "permute_dims( ... 2 axes need 2 numbers",
    ),
    "cumulative_sum needs one": (lambda: flux.cumulative_sum(x), ShapeError, "needs axis= for a"),
}  # fmt: skip

NO_EXTREME = "axis 0 has size 0, and there is no extreme of nothing"
REDUCTIONS: dict[str, Row] = {
    "max": (lambda: empty.max(), ShapeError, f'max(Float32[Tensor, "0 3"]): {NO_EXTREME}'),
    "min along an axis": (lambda: empty.min(axis=0), ShapeError, f"min( ... {NO_EXTREME}"),
    "argmax": (lambda: empty.argmax(axis=0), ShapeError, f"argmax( ... {NO_EXTREME}"),
    "argmin": (lambda: flux.zeros((0,)).argmin(), ShapeError, f"argmin( ... {NO_EXTREME}"),
}

INDICES: dict[str, Row] = {
    "a float": (
        lambda: x[1.0], DTypeError,
        'getitem(Float32[Tensor, "2 3"]): an index is an integer ... got float 1.0',
    ),
    "floats": (lambda: x[v], DTypeError, "getitem( ... got a tensor of float32"),
    "an array of floats": (lambda: x[np.array([0.5])], DTypeError, "got a tensor of float64"),
    "a name": (lambda: x["a"], DTypeError, "getitem( ... got str 'a'"),
    "out of range": (
        lambda: x[5], AxisError, "index 5 is out of range for axis 0 of size 2: valid are -2 to 1",
    ),
    "a tensor out of range": (
        lambda: x[flux.asarray([0, 9])], IndexError, "index 9 is out of range for axis 0 of size 2",
    ),
    "take": (
        lambda: flux.take(x, flux.asarray([9]), axis=1), IndexError, "index 9 is out of range",
    ),
    "too many": (lambda: x[0, 0, 0], AxisError, "too many indices: 3 for '2 3', which has 2 axes"),
    "a mask of another size": (
        lambda: x[flux.asarray([True, False, True])], AxisError,
        "a mask of shape '3' does not fit axis 0 of '2 3': 3 is not 2",
    ),
    "two ellipses": (lambda: x[..., ...], AxisError, "only one ellipsis"),
    "a slice of floats": (
        lambda: x[0.5:], DTypeError,
        "the limits of a slice are integers, got 0.5",
    ),
    "a step of 0": (lambda: x[::0], ShapeError, "the step of a slice cannot be 0"),
    "setting a place out of range": (
        lambda: x.at[5].set(1.0), AxisError,
        "index 5 is out of range",
    ),
    "setting too much": (
        lambda: x.at[0].set(flux.ones((4,))), ShapeError,
        "at.set( ... '4' to '3'",
    ),
    "a list by a float": (
        lambda: [1, 2][one], TypeError,
        "only an integer tensor of rank 0 can be",
    ),
    "a list by a vector": (lambda: [1, 2][ints], TypeError, "this one is int64 of shape (3,)"),
    "a class": (
        lambda: flux.one_hot(flux.asarray([5]), 3), AxisError,
        "one_hot( ... there is no class 5 among 3",
    ),
    "a label": (
        lambda: flux.logitcrossentropy(x, flux.asarray([0, 3])), AxisError, "no class 3 among 3",
    ),
}  # fmt: skip

DATA: dict[str, Row] = {
    "ragged": (
        lambda: flux.asarray([[1, 2], [3]]), ShapeError,
        "asarray: the nested sequences are ragged: data[0] has length 2, data[1] has length 1",
    ),
    "ragged inside": (
        lambda: flux.asarray([[[1], [2]], [[3], [4, 5]]]), ShapeError, "asarray: ... ragged",
    ),
    "a number beside a list": (
        lambda: flux.asarray([1, [2]]), ShapeError,
        "data[0] has no length, it is a number, data[1]",
    ),
    "text": (lambda: flux.asarray("abc"), DTypeError, "elements are numbers, got str 'abc'"),
    "text inside": (lambda: flux.asarray([1, "b"]), DTypeError, "got str at data[1]"),
    "None": (lambda: flux.asarray(None), DTypeError, "elements are numbers, got NoneType"),
    "None inside": (lambda: flux.asarray([[1], [None]]), DTypeError, "got NoneType at data[1][0]"),
    "a dict": (lambda: flux.asarray({"a": 1}), DTypeError, "elements are numbers, got dict"),
    "a set": (lambda: flux.asarray({1, 2}), DTypeError, "elements are numbers, got set"),
    "objects": (lambda: flux.asarray(np.array([{}])), DTypeError, "elements are numbers, got dict"),
    "dates": (
        lambda: flux.asarray(np.array(["2020"], "datetime64[D]")), DTypeError,
        "dtype datetime64[D]",
    ),
    "an integer of 70 bits": (
        lambda: flux.asarray(2**70), DTypeError, "no integer dtype holds 1180591620717411303424",
    ),
    "beyond uint8": (
        lambda: flux.asarray([300], dtype=flux.uint8), DTypeError,
        "300 does not fit uint8 ... 0 to 255",
    ),
    "below 0": (
        lambda: flux.asarray([-1], dtype=flux.uint8), DTypeError,
        "-1 does not fit uint8 ... 0 to 255",
    ),
    "nan as an integer": (
        lambda: flux.asarray([math.nan], dtype=flux.int32), DTypeError,
        "asarray: ... NaN to integer",
    ),
    "complex as real": (
        lambda: flux.asarray([1, 2j], dtype=flux.float32), DTypeError,
        "float32 cannot hold 2j: take its real part, or say dtype=flux.complex64",
    ),
    "full": (
        lambda: flux.full((2,), 300, dtype=flux.uint8), DTypeError, "uint8 holds 0 to 255, got 300",
    ),
    "a number too large for an operand": (
        lambda: flux.ones((2,), dtype=flux.uint8) + 300, DTypeError,
        'add(UInt8[Tensor, "2"], 300): uint8 cannot hold 300',
    ),
    "a negative number for unsigned ones": (
        lambda: flux.ones((2,), dtype=flux.uint8) * -1, DTypeError, "multiply( ... cannot hold -1",
    ),
    "a dtype by a wrong name": (
        lambda: flux.zeros((2,), dtype="float33"), DTypeError,
        "there is no dtype 'float33'; the dtypes are bool, int8",
    ),
    "a dtype that is a class": (lambda: x.astype(list), DTypeError, "no dtype <class 'list'>"),
    "a device": (lambda: flux.zeros((2,), device="gpu"), ValueError, "there is no device 'gpu'"),
}  # fmt: skip

GROUPS = {
    "shapes": SHAPES, "axes": AXES, "reductions": REDUCTIONS, "indices": INDICES, "data": DATA,
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "pieces"), parameters(GROUPS))
def test_bad_input(call: Callable[[], object], kind: type[Exception], pieces: str) -> None:
    check(call, kind, pieces)
