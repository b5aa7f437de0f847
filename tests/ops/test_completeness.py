"""No operation without a row: every public function and every primitive is exercised."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import typedflux as flux
from tests.ops.derivatives import restrict
from tests.ops.harness import outputs, symbolic_shape
from tests.ops.row import Row, tensors
from tests.ops.rows import ROWS
from tests.ops.transformed import trace_with_hints
from typedflux import dtypes, ops
from typedflux.core.primitive import Primitive
from typedflux.core.types import TensorType
from typedflux.tensor import Tensor

# Which public functions have no row, and why.
EXCUSED: Final = {
    "tests/ops/test_random.py": (
        "Generator", "bernoulli", "categorical", "default_generator", "exponential", "gumbel",
        "gumbel_softmax", "normal", "permutation", "rand", "randint", "randn", "rrelu", "seed",
        "shuffle", "truncated_normal", "uniform", "using_generator",
    ),
    "of dtypes, not of tensors": ("can_cast", "finfo", "iinfo", "isdtype", "result_type"),
    "in and out of the library: tests/conformance": ("from_dlpack", "format_tensor"),
}  # fmt: skip
PRIMITIVES_EXCUSED: Final = {
    "tests/ops/test_random.py": ("advance_generator", "random", "split_generator"),
    "tests/training/test_loop.py": ("halt_unless_finite",),
    "by gumbel_softmax, in tests/ops/test_random.py": ("straight_through",),
}


def public_functions() -> dict[str, object]:
    """What `typedflux.ops` re-exports from the files of its families."""
    return {
        name: value
        for name, value in vars(ops).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", "").startswith("typedflux.ops.")
    }


def primitives() -> dict[str, Primitive]:
    """Every primitive that is defined in `typedflux.ops`, by module and variable."""
    found: dict[int, tuple[str, Primitive]] = {}
    for info in pkgutil.walk_packages(ops.__path__, "typedflux.ops."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Primitive):
                found.setdefault(id(value), (f"{info.name}.{name}", value))
    return dict(found.values())


def performed(row: Row) -> Iterator[Primitive]:
    """The primitives of the operation and of its derivatives to the second order."""
    for operands in row.generate():
        places = row.is_differentiable(operands)
        dtype = dtypes.float64 if dtypes.float64 in row.dtypes else row.dtypes[0]
        types = [
            TensorType(x.dtype, symbolic_shape(row, i, x.shape))
            for i, x in enumerate(tensors(operands, dtype))
        ]
        yield from _traced(lambda *xs: outputs(row.function(*xs)), types)
        if places and dtype is dtypes.float64:
            yield from _traced(functools.partial(_second, row, places), types)


def _second(row: Row, places: Sequence[int], *xs: Tensor) -> Sequence[Tensor]:
    at = [xs[i] for i in places]

    def first(*some: Tensor) -> tuple[Tensor, ...]:
        ys, pullback = flux.vjp(restrict(row, xs, places), *some)
        return (*ys, *outputs(pullback(tuple([y + 1 for y in ys]))))

    values, tangents = flux.jvp(first, at, at)
    return (*values, *tangents)


def _traced(
    function: Callable[..., Sequence[Tensor]], types: Sequence[TensorType]
) -> Iterator[Primitive]:
    for equation in trace_with_hints(function, types).equations:
        yield equation.primitive


def names(excused: dict[str, tuple[str, ...]]) -> set[str]:
    return {name for group in excused.values() for name in group}


def test_every_public_function_has_a_row() -> None:
    covered = {name for row in ROWS for name in row.names}
    public = public_functions().keys()
    assert not public - covered - names(EXCUSED), sorted(public - covered - names(EXCUSED))
    assert not names(EXCUSED) & covered, sorted(names(EXCUSED) & covered)
    unknown = {n for n in covered | names(EXCUSED) if "." not in n} - public
    assert not unknown, sorted(unknown)


def test_every_primitive_is_performed() -> None:
    """By an operation of the table, or a derivative of one."""
    done = {id(p) for row in ROWS for p in performed(row)}
    missing = {
        place
        for place, p in primitives().items()
        if id(p) not in done and p.name not in names(PRIMITIVES_EXCUSED)
    }
    assert not missing, sorted(missing)
