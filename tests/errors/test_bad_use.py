"""Bad operands, values and uses give one clear error: its type, one line, what was wanted, what
came, what to do. Weights files have more under tests/files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import typedflux as typed
from tests.errors.rows import Row, check, parameters
from typedflux import nn as typed_nn
from typedflux.core.tracing import TraceError
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


def deleted() -> None:
    del x[0]


def assigned(index: Any = 0) -> None:
    x[index] = 1.0


def written_through() -> None:
    x.numpy()[0] = 1.0


def reshaped_in_place() -> None:
    x.shape = (3, 2)


OPERANDS: dict[str, Row] = {
    "add text": (lambda: x + "a", TypeError, "add takes tensors and numbers, got str"),
    "text plus": (lambda: "a" + x, TypeError, "add takes tensors and numbers, got str"),
    "None": (lambda: x * None, TypeError, "multiply takes tensors and numbers, got NoneType"),
    "a list": (lambda: x * [1, 2, 3], TypeError, "got list: convert it with flux.asarray(...)"),
    "== None": (
        lambda: x == None, TypeError,  # noqa: E711
        "got NoneType: ask for it by `is None`",
    ),
    "exp": (lambda: flux.exp("a"), TypeError, "exp takes tensors and numbers, got str"),
    "exp of a list": (lambda: flux.exp([1.0]), TypeError, "got list: convert it with flux.asarray"),
    "relu of None": (
        lambda: flux.relu(None), TypeError,
        "relu takes tensors and numbers, got None",
    ),
    "sum of text": (lambda: flux.sum("ab"), TypeError, "elements are numbers, got str 'ab'"),
    "reshape of None": (lambda: flux.reshape(None, (1,)), TypeError, "reshape takes ... NoneType"),
    "matmul of a list": (lambda: flux.matmul([[1.0]], x), TypeError, "matmul takes ... got list"),
    "astype of text": (lambda: flux.astype("a", "float32"), TypeError, "astype takes ... got str"),
    "concat of texts": (lambda: flux.concat(["a"]), TypeError, "concat takes ... got str"),
    "less for complex": (
        lambda: complexes < 2, DTypeError,
        "less( ... needs real numbers, got comp",
    ),
    "max of complex": (
        lambda: complexes.max(), DTypeError,
        "max( ... needs real numbers, got comp",
    ),
    "complex to real": (
        lambda: complexes.astype("float32"), DTypeError, "drop the imaginary part: use .real",
    ),
    "minus of truths": (
        lambda: truths - truths, DTypeError,
        "subtract( ... needs numbers, got bool",
    ),
    "negative truths": (lambda: -truths, DTypeError, "negative( ... needs numbers, got bool"),
    "~ of floats": (lambda: ~x, DTypeError, "bitwise_invert( ... got float32"),
    "& of floats": (lambda: x & x, DTypeError, "bitwise_and( ... got float32"),
    "integer to a negative power": (
        lambda: ints**-1, DTypeError, "pow: integers to negative powers ... .astype(flux.float32)",
    ),
    "float64 to a float32 layer": (
        lambda: nn.Dense(3, 2)(x.astype("float64")), DTypeError,
        "Dense: argument 'x' is float64 ... float32: convert it with .astype(flux.float32)",
    ),
}  # fmt: skip

VALUES: dict[str, Row] = {
    "assignment": (assigned, TypeError, "tensors are immutable: x.at[i].set(v) gives a copy"),
    "slice assignment": (lambda: assigned(slice(0, 1)), TypeError, "tensors are immutable"),
    "deletion": (deleted, TypeError, "tensors are immutable: select what shall remain"),
    "through numpy": (written_through, ValueError, "read-only"),
    "the shape": (reshaped_in_place, AttributeError, "shape"),
    "another attribute": (lambda: setattr(x, "name", "a"), AttributeError, "no attribute 'name'"),
    "Tensor()": (lambda: flux.Tensor([1]), TypeError, "Tensor is not called directly: use flux.as"),
    "truth": (
        lambda: bool(x), ValueError,
        "the truth of a tensor of shape (2, 3) is ambiguous: use flux.any(...) or flux.all(...)",
    ),
    "truth of nothing": (lambda: not flux.zeros((0,)), ValueError, "of shape (0,) is ambiguous"),
    "chained comparison": (lambda: 0 < v < 2, ValueError, "the truth ... is ambiguous"),
    "and": (lambda: x and v, ValueError, "the truth ... is ambiguous"),
    "in a list": (lambda: x in [flux.ones((2, 3)) * 2, v], ValueError, "ambiguous"),
    "sorted": (lambda: sorted([v, v]), ValueError, "ambiguous"),
    "float of a vector": (lambda: float(v), TypeError, "rank 0 converts to float ... shape (3,)"),
    "int of a vector": (lambda: int(v), TypeError, "rank 0 converts to int ... shape (3,)"),
    "float of one element": (lambda: float(v[:1]), TypeError, "this one has shape (1,)"),
    "float of complex": (lambda: float(complexes[0]), TypeError, "use .real or .imag"),
    "int of nan": (lambda: int(one * math.nan), ValueError, "NaN"),
    "item": (lambda: v.item(), ValueError, "item() needs a tensor of one element ... (3,)"),
    "math.sqrt": (lambda: math.sqrt(v), TypeError, "rank 0 converts to float"),
    "range": (lambda: range(one), TypeError, "only an integer tensor of rank 0 ... is float32"),
    "len of a scalar": (lambda: len(one), TypeError, "a tensor of rank 0 has no length"),
    "iteration of a scalar": (lambda: list(one), TypeError, "rank 0 cannot be iterated over"),
    "format": (
        lambda: f"{v:.2f}", TypeError,
        "'.2f' is for one number, this tensor has shape (3,)",
    ),
    "a key that is equal, not the same": (
        lambda: {x: 1}[flux.zeros((2, 3))], KeyError, "Tensor([[0., 0., 0.]",
    ),
}  # fmt: skip


def gradient_of(function: Callable[[Any], Any], argument: Any = v) -> Callable[[], object]:
    return lambda: flux.gradient(function, argument)


def jit_of(function: Callable[[Any], Any], argument: Any = v) -> Callable[[], object]:
    return lambda: flux.jit(function)(argument)


def leaked() -> object:
    kept: list[Any] = []

    def keep(a: Any) -> Any:
        kept.append(a)
        return a.sum()

    flux.gradient(keep, v)
    return kept[0] + 1


BY_GRADIENT = "is being traced by gradient; use stop_gradient(x) for a value outside"
BY_JIT = "is being traced by jit ... use flux.where, flux.cond"
TRACED: dict[str, Row] = {
    "gradient of a vector": (
        gradient_of(lambda a: a * 2), ShapeError,
        'gradient needs a scalar result, got Float32[Tensor, "3"]: reduce it with .sum() or',
    ),
    "of integers": (
        gradient_of(lambda a: a.sum(), ints), DTypeError,
        'argument 0 is Int64[Tensor, "3"]: only floating-point ... .astype(flux.float32)',
    ),
    "of a Python number": (
        gradient_of(lambda a: a * 2, 3.0), TypeError,
        "argument 0 is 3.0 of type float ... convert it with flux.asarray(...)",
    ),
    "of an array": (gradient_of(lambda a: a.sum(), np.ones(3)), TypeError, "of type ndarray"),
    "to integers": (
        gradient_of(lambda a: a.astype("int32").sum()), DTypeError,
        "real floating-point ... got Int64",
    ),
    "to complex": (
        gradient_of(lambda a: (a * 1j).sum()), DTypeError,
        "got Complex64 ... take .real or abs(...)",
    ),
    "to None": (gradient_of(lambda a: None), TypeError, "a scalar tensor ... it returned NoneType"),
    "to a list": (gradient_of(lambda a: [a.sum()]), TypeError, "it returned list"),
    "of no function": (lambda: flux.gradient(v, v), TypeError, "the function first, got Tensor"),
    "of no argument": (lambda: flux.gradient(lambda: v), TypeError, "at least one argument"),
    "float": (
        gradient_of(lambda a: float(a.sum())), TraceError,
        f"cannot convert to float: ... {BY_GRADIENT}",
    ),
    "int": (
        gradient_of(lambda a: int(a.sum())), TraceError,
        f"cannot convert to int: ... {BY_GRADIENT}",
    ),
    "item()": (gradient_of(lambda a: a.sum().item()), TraceError, BY_GRADIENT),
    "tolist()": (gradient_of(lambda a: a.tolist()), TraceError, f"to lists: ... {BY_GRADIENT}"),
    "numpy()": (gradient_of(lambda a: a.numpy()), TraceError, f"give to numpy: ... {BY_GRADIENT}"),
    "np.asarray": (
        gradient_of(lambda a: np.asarray(a)), TraceError,
        f"to numpy: ... {BY_GRADIENT}",
    ),
    "np.sum": (gradient_of(lambda a: np.sum(a)), TraceError, f"give to numpy: ... {BY_GRADIENT}"),
    "math.exp": (
        gradient_of(lambda a: math.exp(a.sum())), TraceError,
        f"to float: ... {BY_GRADIENT}",
    ),
    "kept too long": (leaked, TraceError, "was kept after gradient ... had ended: return it"),
    "a branch in jit": (
        jit_of(lambda a: a if a.sum() > 0 else -a), TraceError,
        f'cannot decide a branch by: this tensor, Bool[Tensor, ""], {BY_JIT}',
    ),
    "float in jit": (jit_of(lambda a: float(a.sum())), TraceError, f"to float: ... {BY_JIT}"),
    "int in jit": (jit_of(lambda a: int(a.sum())), TraceError, f"to int: ... {BY_JIT}"),
    "numpy in jit": (jit_of(lambda a: a.numpy()), TraceError, f"give to numpy: ... {BY_JIT}"),
    "np.mean in jit": (jit_of(lambda a: np.mean(a)), TraceError, f"give to numpy: ... {BY_JIT}"),
    "range in jit": (
        jit_of(lambda a: list(range(a)), ints[2]), TraceError,
        f"an index: ... {BY_JIT}",
    ),
    "a branch in vmap": (
        lambda: flux.vmap(lambda a: a if a > 0 else -a)(v), TraceError,
        "traced by vmap; it stands for every example",
    ),
    "shapes in jit": (jit_of(lambda a: a @ flux.ones((2, 2))), ShapeError, "matmul( ... is 2"),
}  # fmt: skip


def dense() -> Any:
    return nn.Dense(2, 2)


TRAINING: dict[str, Row] = {
    "an unknown keyword": (
        lambda: flux.Adam(lr=1e-3), TypeError,
        "Adam has no 'lr': its hyper-parameters are eta, beta, eps",
    ),
    "one that other libraries have": (
        lambda: flux.Adam(1e-3, betas=(0.9, 0.99)), TypeError, "Adam has no 'betas': its hyper",
    ),
    "a negative rate": (lambda: flux.Adam(-1.0), ValueError, "Adam: eta is a number of 0 or more"),
    "a rate that is text": (lambda: flux.Adam("a"), TypeError, "'eta' must be float, got str: 'a'"),
    "one number for two": (
        lambda: flux.Adam(beta=0.9), TypeError,
        "tuple[float, float], got float",
    ),
    "adjusting what is not there": (
        lambda: flux.adjust(flux.setup(flux.Adam(), dense()), lr=3.0), TypeError,
        "Adam has no 'lr'",
    ),
    "setup with a class": (lambda: flux.setup(flux.Adam, dense()), TypeError, "write Adam()"),
    "setup the other way round": (
        lambda: flux.setup(dense(), flux.Adam()), TypeError,
        "a rule ... first, got the model Dense",
    ),
    "update the other way round": (
        lambda: flux.update(dense(), flux.setup(flux.Adam(), dense()), None), TypeError,
        "update takes the optimiser state ... got the model Dense",
    ),
    "a loss that is infinite": (
        lambda: flux.train(
            lambda m, a: (m(a) / 0.0).sum(), dense(), [flux.ones((1, 2))],
            flux.setup(flux.Adam(), dense()), progress=False,
        ),
        flux.NonFiniteLoss, "the loss is ... in epoch 1, step 1: the model ... as they were before",
    ),
    "a probability": (lambda: nn.Dropout(1.0), ValueError, "Dropout: p is a probability"),
    "a seed": (lambda: flux.seed("a"), TypeError, "a seed is an int, got str: 'a'"),
    "a seed for a generator": (
        lambda: flux.rand((2,), rng=3), TypeError, "such as flux.Generator(3), got 3",
    ),
    "a kernel": (
        lambda: nn.Conv(3, 1, 2), TypeError,
        "'kernel' must be tuple[int, ...], got int: 3",
    ),
    "no layer": (lambda: nn.Chain(None), TypeError, "Chain: layer 0 is not callable: None"),
}  # fmt: skip

GROUPS = {
    "operands": OPERANDS, "values": VALUES, "traced": TRACED, "training": TRAINING,
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "pieces"), parameters(GROUPS))
def test_bad_input(call: Callable[[], object], kind: type[Exception], pieces: str) -> None:
    check(call, kind, pieces)


def test_shape_errors_are_value_errors_and_dtype_errors_type_errors() -> None:
    assert issubclass(ShapeError, ValueError) and issubclass(DTypeError, TypeError)
    assert issubclass(AxisError, ShapeError) and issubclass(AxisError, IndexError)
    assert issubclass(flux.WeightsError, ValueError)


def test_an_error_in_a_chain_notes_the_layer() -> None:
    model = nn.Chain(nn.Dense(2, 3), nn.Chain(nn.Dense(3, 3), head=nn.Dense(4, 4)))
    with pytest.raises(ShapeError, match="'In' is 4 but here it is 3") as caught:
        model(flux.ones((1, 2)))
    assert caught.value.__notes__ == ["in layer 'head' of a Chain", "in layer 1 of a Chain"]


def test_a_tensor_in_a_list_is_found_by_itself_only() -> None:
    assert x in [x, v]  # Python asks for identity first
    assert len({x, x, flux.zeros((2, 3))}) == 2


def test_numpy_functions_take_tensors() -> None:
    assert np.sum(v) == 3.0
    assert isinstance(np.concatenate([v, v]), np.ndarray)
    assert np.mean(a=v) == 1.0


def test_weights_that_do_not_fit_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    flux.save(path, {"weight": flux.ones((3, 2)), "scale": flux.ones((1,))})
    model = dense()
    before = model.weight
    with pytest.raises(flux.WeightsError) as caught:
        flux.load(path, model)
    first, *lines = str(caught.value).splitlines()
    assert str(path) in first and "Dense" in first
    assert len(lines) == 3
    assert model.weight is before
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(flux.WeightsError, match="not a whole safetensors file: its tensors"):
        flux.load(path, model)


# What is not an error


def test_what_looks_wrong_and_has_a_meaning() -> None:
    assert math.isnan(flux.zeros((0,)).mean().item())
    assert flux.zeros((0,)).sum().item() == 0.0
    assert flux.zeros((0,)).prod().item() == 1.0
    assert bool(flux.all(flux.zeros((0,)))) and not bool(flux.any(flux.zeros((0,))))
    y = v
    y += 1  # makes another tensor
    assert y is not v and v.tolist() == [1.0, 1.0, 1.0]
    assert flux.gradient(lambda a: a.sum() if a.sum() > 0 else -a.sum(), v).tolist() == [1.0] * 3
