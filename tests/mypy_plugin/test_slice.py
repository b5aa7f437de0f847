"""One operation and one layer, written nowhere but here, are covered by every job of a type:
run, differentiated, evaluated on abstract tensors, checked by mypy, and compiled."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from tests.mypy_plugin.running import check, revealed
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.shapes.dims import symbol
from typedflux.shapes.errors import ShapeError

MODULE = '''
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Float

from typedflux import Tensor
from typedflux.checks import Size
from typedflux.core.primitive import Lowering, Primitive
from typedflux.core.types import TensorType
from typedflux.nn import Module
from typedflux.shapes.errors import ShapeError


def _shape(x: TensorType) -> TensorType:
    if x.ndim != 2:
        raise ShapeError(f"needs a matrix, got rank {x.ndim}")
    rows, columns = x.shape
    return TensorType(x.dtype, (columns, rows + 1))


def _kernel(x: Any) -> Any:
    return np.concatenate([x, x[:1, :] * 0], axis=0).T


def _vjp(out: Tensor, x: Tensor) -> Any:
    return (lambda g: drop_last_column(g),)


turn_and_pad_p = Primitive("turn_and_pad", _kernel, _shape, _vjp, lowering=Lowering("layout"))
drop_p = Primitive(
    "drop_last_column",
    lambda g: g[:, :-1].T,
    lambda g: TensorType(g.dtype, (g.shape[1] - 1, g.shape[0])),
    lambda out, g: (lambda c: turn_and_pad(c),),
)


def drop_last_column(g: Tensor) -> Tensor:
    out: Tensor = drop_p.bind(g)
    return out


def turn_and_pad(x: Tensor) -> Tensor:
    """The transpose with a row of zeros below: an operation that nobody has heard of."""
    out: Tensor = turn_and_pad_p.bind(x)
    return out


N = TypeVar("N")


class Bump(Module, Generic[N]):
    """A layer that nobody has heard of."""

    shift: Float[Tensor, "N"]

    def __init__(self, n: Size[N], shift: Float[Tensor, "N"]) -> None:
        self.shift = shift

    def __call__(self, x: Float[Tensor, "*batch N"]) -> Float[Tensor, "*batch N"]:
        return x + self.shift
'''


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[ModuleType]:
    path = tmp_path / "novelties.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("novelties", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["novelties"] = module
    sys.path.insert(0, str(tmp_path))
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(tmp_path))
    del sys.modules["novelties"]


def x23() -> flux.Tensor:
    return flux.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))


def test_it_runs_and_explains_itself(temporary: Any) -> None:
    assert temporary.turn_and_pad(x23()).shape == (3, 3)
    with pytest.raises(ShapeError, match=r"turn_and_pad\(Float32.*needs a matrix, got rank 1"):
        temporary.turn_and_pad(flux.asarray([1.0]))


def test_it_is_differentiated(temporary: Any) -> None:
    weights = flux.asarray(np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32))
    grad = flux.gradient(lambda x: (temporary.turn_and_pad(x) * weights).sum(), x23())
    np.testing.assert_allclose(grad.numpy(), weights.numpy()[:, :-1].T, rtol=1e-6)


def test_it_is_evaluated_on_symbolic_sizes(temporary: Any) -> None:
    out = evaluate_types(
        lambda x: temporary.turn_and_pad(temporary.turn_and_pad(x)),
        [TensorType(flux.float32, (symbol("n"), 3))],
    )
    assert str(out) == 'Float32[Tensor, "n+1 4"]'


def test_it_is_compiled(temporary: Any) -> None:
    layer = temporary.Bump(3, flux.asarray([1.0, 2.0, 3.0]))

    @flux.jit
    def f(m: Any, x: flux.Tensor) -> flux.Tensor:
        total: flux.Tensor = temporary.turn_and_pad(m(x)).sum()
        return total

    assert f(layer, x23()).item() == 15 + 12
    layer.shift = layer.shift * 2
    assert f(layer, x23()).item() == 15 + 24


def test_its_layer_is_checked_at_run_time(temporary: Any) -> None:
    layer = temporary.Bump(3, flux.asarray([1.0, 2.0, 3.0]))
    assert flux.gradient(lambda m: m(x23()).sum(), layer).shift.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(ShapeError, match=r"Bump: argument 'x' .* 'N' is 3 but here it is 2"):
        layer(flux.asarray([1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"Bump: argument 'shift'"):
        temporary.Bump(4, flux.asarray([1.0]))


def test_mypy_knows_it(temporary: Any, tmp_path: Path) -> None:
    messages = check(
        tmp_path,
        {
            "main.py": """
            from jaxtyping import Float32
            from typedflux import Tensor
            from novelties import Bump, turn_and_pad

            def f(x: Float32[Tensor, "n 3"], v: Float32[Tensor, "4"]) -> Float32[Tensor, "n+1 4"]:
                y = turn_and_pad(x)
                reveal_type(y)
                turn_and_pad(v)
                layer = Bump(4, v)
                reveal_type(layer(v))
                layer(x)
                return turn_and_pad(y)
            """
        },
        execute="novelties",
    )
    assert revealed(messages) == ["Float32[Tensor, '3 n+1']", "Float[Tensor, '4']"]
    errors = [m for m in messages if "error" in m]
    assert errors == [
        '9: error: turn_and_pad(Float32[Tensor, "4"]): needs a matrix, got rank 1  [tensor-shape]',
        '12: error: Argument 1 ("x") to "__call__" of "Bump" is Float32[Tensor, "n 3"], '
        'expected Float[Tensor, "*batch 4"]: axis 1 is 3, not 4  [tensor-shape]',
    ]
