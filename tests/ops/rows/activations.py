"""Activation functions: against PyTorch's stored values, or their formulas where it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tests.ops.row import (
    ALL,
    BOOL,
    FLOATS,
    PAIRS,
    REAL,
    SHAPES,
    Row,
    numbers,
    of_pairs,
    of_shapes,
    positive,
    same,
    special_pairs,
    special_values,
)
from typedflux import dtypes, ops
from typedflux.ops.activations import where_positive_p

_NOT_COMPLEX: Final = BOOL + REAL


def formula(name: str, reference: Callable[..., Any], **more: Any) -> Row:
    """An activation of one operand that numpy can spell."""
    settings: dict[str, Any] = {"dtypes": _NOT_COMPLEX, "result": dtypes.to_inexact} | more
    return Row(name, getattr(ops, name), of_shapes(*SHAPES), reference, edges=special_values,
               **settings)  # fmt: skip


def stored(
    name: str, *options: float, dtypes: Any = _NOT_COMPLEX, result: Any = dtypes.to_inexact,
    label: str = "", tolerance: float = 4, **more: Any,
) -> Row:  # fmt: skip
    """An activation that PyTorch has, with numbers as further arguments."""
    function = getattr(ops, name)
    return Row(
        f"{name}{label}", lambda x: function(x, *options), of_shapes(*SHAPES), "activations",
        dtypes, result, tolerance=tolerance, **more,
    )  # fmt: skip


def _between(random: np.random.Generator, *shape: int) -> Any:
    """Positive numbers that no number of the other operand equals."""
    return positive(random, *shape) + 1 / 64


def _softshrink(x: Any, t: Any) -> Any:
    x, t = x.astype(float), t.astype(float)
    return np.maximum(x - t, 0) - np.maximum(-x - t, 0)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x.astype(float) if x.dtype.kind != "c" else -x))


def _logcosh(x: Any) -> Any:
    x = np.abs(x.astype(float))
    return x + np.log1p(np.exp(-2 * x)) - np.log(2)


FORMULAS: Final = [
    formula("identity", lambda x: x, dtypes=ALL, result=same),
    formula("relu", lambda x: np.maximum(x, 0), dtypes=REAL, result=same),
    formula("relu6", lambda x: np.clip(x, 0, 6), dtypes=REAL, result=same),
    formula("hardtanh", lambda x: np.clip(x, -1, 1), dtypes=REAL[:4] + FLOATS, result=same),
    formula("sigmoid", _sigmoid, dtypes=ALL),
    formula("sigmoid_fast", _sigmoid, dtypes=ALL),
    formula("tanh_fast", np.tanh, dtypes=ALL),
    formula("softplus", lambda x: np.logaddexp(x, 0), tolerance=2),
    formula("logsigmoid", lambda x: -np.logaddexp(-x.astype(float), 0), tolerance=2),
    formula("logcosh", _logcosh, tolerance=2),
]

STORED: Final = [
    stored("gelu"),
    stored("gelu_tanh"),
    stored("gelu_erf"),
    stored("gelu_sigmoid", dtypes=ALL),
    stored("swish", dtypes=ALL),
    stored("silu", dtypes=ALL),
    stored("elu"),
    stored("elu", 0.5, label=" half"),
    stored("celu"),
    stored("celu", 2.0, label=" two"),
    stored("selu"),
    stored("mish"),
    stored("lisht", dtypes=ALL),
    stored("hardsigmoid"),
    stored("hardswish"),
    stored("leakyrelu"),
    stored("leakyrelu", 0.2, label=" steep"),
    stored("softsign"),
    stored("softshrink"),
    stored("hardshrink"),
    stored("tanhshrink", dtypes=ALL, tolerance=8),
    stored("trelu"),
    stored("thresholdrelu", 0.25, label=" low"),
]

OPERANDS: Final = [
    Row("relu pullback", where_positive_p.bind, of_pairs(*PAIRS),
        lambda x, y: np.where(y > 0, x, 0), dtypes=REAL, differentiable=(0,), refuses=False,
        edges=special_pairs),
    Row("leakyrelu slope", ops.leakyrelu, of_pairs(*PAIRS), lambda x, a: np.where(x > 0, x, a * x),
        _NOT_COMPLEX, dtypes.to_inexact, promotes=True),
    Row("elu slope", ops.elu, of_pairs(*PAIRS),
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))), _NOT_COMPLEX,
        dtypes.to_inexact, promotes=True),
    Row("celu slope", ops.celu, of_pairs(*PAIRS, values=(numbers, positive)),
        lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0) / a)), _NOT_COMPLEX,
        dtypes.to_inexact, promotes=True),
    Row("softshrink threshold", ops.softshrink, of_pairs(*PAIRS, values=(numbers, _between)),
        _softshrink, _NOT_COMPLEX, dtypes.to_inexact, promotes=True),
    Row("glu", lambda x: ops.glu(x), of_shapes((3, 4), (2,), (0, 2)), "activations", ALL,
        dtypes.to_inexact, tolerance=4),
    Row("swiglu", lambda x: ops.swiglu(x), of_shapes((3, 4), (0, 2)), "activations", ALL,
        dtypes.to_inexact, tolerance=4),
    Row("glu axis", lambda x: ops.glu(x, axis=1), of_shapes((2, 6, 3)), "activations", ALL,
        dtypes.to_inexact, tolerance=4),
]  # fmt: skip

ROWS: Final = [*FORMULAS, *STORED, *OPERANDS]
