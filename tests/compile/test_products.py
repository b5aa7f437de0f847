"""Generated matrix products against numpy: shapes, strides, machines, threads."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from typedflux.compile.native.emitter import (
    I64,
    PTR,
    Function,
    Index,
    Module,
    Type,
    Value,
    literal,
)
from typedflux.compile.native.engine import Compiled
from typedflux.compile.native.machine import Machine, host
from typedflux.compile.native.products import (
    Operand,
    ProductShape,
    plan_product,
)
from typedflux.shapes.dims import evaluate, symbol

Array = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def machines() -> list[Machine]:
    """The host's, and narrower ones that it can run."""
    found = [host()]
    features = ",".join(
        "-" + part[1:] if part[1:].startswith("avx512") else part
        for part in host().features.split(",")
    )
    for bits in (256, 128):
        if bits < host().vector_bits:
            found.append(dataclasses.replace(host(), features=features, vector_bits=bits))
            found[-1] = dataclasses.replace(found[-1], vector_registers=16)
    return found


class Case:
    """A compiled product with a bias along n and a relu, and a count of what was written."""

    def __init__(
        self,
        machine: Machine,
        scalar: str,
        layouts: str,
        sizes: Sequence[int],
        symbolic: str = "",
        batch: int | None = None,
        seed: int = 0,
    ) -> None:
        self.scalar, self.batch = scalar, batch
        self.m, self.n, self.k = sizes
        random = np.random.default_rng(seed)
        dtype = np.float32 if scalar == "float" else np.float64
        self.a = _laid_out(random, layouts[0], self.m, self.k, batch, dtype)
        self.b = _laid_out(random, layouts[1], self.k, self.n, batch, dtype)
        self.bias = random.standard_normal(self.n).astype(dtype)
        known = [
            None if name in symbolic else size for name, size in zip("mnk", sizes, strict=True)
        ]
        strides = [_strides(x) for x in (self.a, self.b)]
        a: tuple[int | None, int | None] = strides[0]
        b: tuple[int | None, int | None] = strides[1]
        if "a" in symbolic:
            a, b = (None, None), (None, None)
        if "A" in symbolic:
            a = (None, a[1])
        if "B" in symbolic:
            b = (None, 1) if b[1] == 1 else (b[0], None)
        self.shape = ProductShape(scalar, known[0], known[1], known[2], a, b, batch is not None)
        self.plan = plan_product(self.shape, machine)
        self._known = (known, a, b)
        module = Module()
        for stage in range(self.plan.stages):
            self._stage(module, stage)
        self.compiled = Compiled(module.text(machine.vector_bits), machine)
        self.functions = [
            self.compiled.function(
                f"stage{i}", [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
            )
            for i in range(self.plan.stages)
        ]

    def _stage(self, module: Module, stage: int) -> None:
        f = Function(
            module,
            f"stage{stage}",
            [("buffers", PTR), ("sizes", PTR), ("thread", I64), ("threads", I64)],
        )
        buffers, sizes, thread, threads = f.parameters
        table = [f.load(PTR, f.at(buffers, i, I64)) for i in range(6)]
        given: list[Index] = [f.load(I64, sizes, i) for i in range(9)]
        known: list[int | None] = [*self._known[0], *self._known[1], *self._known[2]]
        values = [g if size is None else size for g, size in zip(given, known, strict=False)]
        m, n, k, a_row, a_column, b_row, b_column = values
        count = f.load(I64, sizes, 9)
        scalar = Type(self.scalar)
        element: list[Index] = [0]

        def place(f: Function, number: Value) -> tuple[Operand, Operand]:
            element[0] = number
            return (
                Operand(f.at(table[0], f.times(number, given[7]), scalar), a_row, a_column),
                Operand(f.at(table[1], f.times(number, given[8]), scalar), b_row, b_column),
            )

        def epilogue(
            f: Function, row: Index, column: Index, vector: Value, mask: Value | None
        ) -> None:
            at = f.sum_of((element[0], f.times(m, n)), (row, n), (column, 1))
            type = vector.type

            def load(pointer: Value, index: Index) -> Value:
                if mask is None:
                    return f.load(type, pointer, index)
                return f.load_some(type, pointer, index, mask)

            def store(value: Value, pointer: Value) -> None:
                if mask is None:
                    f.store(value, pointer, at)
                else:
                    f.store_some(value, pointer, at, mask)

            total = f.add(vector, load(table[2], column))
            zero = literal(type, 0)
            store(f.select(f.compare("olt", total, zero), zero, total), table[3])
            store(f.add(load(table[4], at), literal(type, 1)), table[4])

        self.plan.emit(
            stage,
            f,
            m,
            n,
            k,
            Operand(table[0], a_row, a_column),
            Operand(table[1], b_row, b_column),
            table[5],
            thread,
            threads,
            epilogue,
            1 if self.batch is None else count,
            None if self.batch is None else place,
        )
        f.close()

    @property
    def count(self) -> int:
        """How many products there are."""
        return 1 if self.batch is None else self.batch

    def run(self, threads: int = 1) -> Array:
        """The result; every element is written once and nothing else is."""
        count = self.count
        size = count * self.m * self.n
        out = np.full(size + 32, -7, self.a.dtype)
        hits = np.zeros(size + 32, self.a.dtype)
        room = self.plan.scratch_bytes(self.m, self.n, self.k, threads)
        scratch = np.full(room + 64 + 8, 255, np.uint8)
        offset = -scratch.ctypes.data % 64
        arrays = [self.a, self.b, self.bias, out, hits]
        pointers = [x.ctypes.data for x in arrays] + [scratch.ctypes.data + offset]
        steps = [x.strides[0] // x.itemsize if self.batch is not None else 0 for x in arrays[:2]]
        numbers = [self.m, self.n, self.k, *_strides(self.a), *_strides(self.b), *steps, count]
        table = (ctypes.c_int64 * 6)(*pointers)
        sizes = (ctypes.c_int64 * 10)(*numbers)
        for function in self.functions:
            for thread in range(threads):
                function(table, sizes, thread, threads)
        assert (hits[:size] == 1).all() and (hits[size:] == 0).all() and (out[size:] == -7).all()
        assert (scratch[offset + room :] == 255).all()
        return out[:size].reshape(count, self.m, self.n)

    def check(self) -> None:
        """As numpy, and bit for bit the same each time with as many threads; with any number of
        them, where they do not share the sums."""
        want = np.matmul(self.a.astype(np.float64), self.b.astype(np.float64))
        want = np.maximum(want + self.bias.astype(np.float64), 0).reshape(
            self.count, self.m, self.n
        )
        got = self.run()
        rounding = 1e-6 if self.scalar == "float" else 1e-14
        scale = np.abs(want).max(initial=1) * (1 + self.k**0.5)
        np.testing.assert_allclose(got, want, rtol=0, atol=rounding * scale)
        for threads in (1, 2, 3):
            again = self.run(threads)
            np.testing.assert_array_equal(self.run(threads), again)
            if self.plan.split is None:
                np.testing.assert_array_equal(again, got)
            else:
                np.testing.assert_allclose(again, want, rtol=0, atol=rounding * scale)


def _laid_out(
    random: np.random.Generator,
    layout: str,
    rows: int,
    columns: int,
    batch: int | None,
    dtype: type,
) -> Array:
    """A matrix: `n` row-major, `t` column-major, `p` row-major with more between the rows, `s`
    with steps in both directions, `r` reversed rows."""
    lead = () if batch is None else (batch,)
    made: Array
    if layout == "t":
        made = random.standard_normal((*lead, columns, rows)).astype(dtype).swapaxes(-1, -2)
    elif layout == "p":
        made = random.standard_normal((*lead, rows, columns + 5)).astype(dtype)[..., :columns]
    elif layout == "s":
        made = random.standard_normal((*lead, 2 * rows, 3 * columns)).astype(dtype)
        made = made[..., ::2, ::3]
    else:
        made = random.standard_normal((*lead, rows, columns)).astype(dtype)
    return made[..., ::-1, :] if layout == "r" else made


def _strides(x: Array) -> tuple[int, int]:
    return x.strides[-2] // x.itemsize, x.strides[-1] // x.itemsize


MACHINES = pytest.mark.parametrize("machine", machines(), ids=lambda m: str(m.vector_bits))
SCALARS = pytest.mark.parametrize("scalar", ["float", "double"])
SIZES = [
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (1, 130, 37),
    (2, 97, 16),
    (3, 70, 33),
    (8, 40, 50),
    (13, 32, 8),
    (25, 33, 9),
    (50, 10, 64),
    (64, 64, 32),
    (70, 100, 21),
]


@MACHINES
@SCALARS
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn", "tt", "ps", "rp"])
def test_known_sizes(machine: Machine, scalar: str, layouts: str) -> None:
    start = 0 if machine == host() and scalar == "float" else ord(layouts[1]) % 3
    for seed, sizes in list(enumerate(SIZES))[start :: 3 if start else 1]:
        Case(machine, scalar, layouts, sizes, seed=seed).check()


@pytest.mark.parametrize("machine", machines()[:2], ids=lambda m: str(m.vector_bits))
@SCALARS
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn", "ss"])
@pytest.mark.parametrize("symbolic", ["m", "n", "k", "mnka", "mA", "nB"])
def test_symbolic_sizes(machine: Machine, scalar: str, layouts: str, symbolic: str) -> None:
    pairs = [[(0, 2, 3), (53, 3, 20)], [(1, 20, 5), (15, 47, 16)]]
    for seed, sizes in enumerate(pairs[(len(symbolic) + ord(layouts[0])) % 2]):
        Case(machine, scalar, layouts, sizes, symbolic, seed=seed).check()


@MACHINES
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn"])
def test_batches(machine: Machine, layouts: str) -> None:
    for batch, sizes in [(5, (20, 33, 16)), (1, (13, 10, 7)), (0, (4, 4, 4)), (3, (1, 5, 6))]:
        Case(machine, "float", layouts, sizes, batch=batch).check()
        Case(machine, "float", layouts, sizes, symbolic="m", batch=batch).check()


@MACHINES
@pytest.mark.parametrize("layouts", ["nt", "tn"])
def test_long_sums(machine: Machine, layouts: str) -> None:
    Case(machine, "float", layouts, (60, 70, 2101)).check()
    Case(machine, "double", layouts, (17, 40, 2100), symbolic="k").check()
    Case(machine, "float", layouts, (50, 33, 2500), symbolic="mka").check()


@MACHINES
@SCALARS
@pytest.mark.parametrize("symbolic", ["", "k"])
def test_shared_sums(machine: Machine, scalar: str, symbolic: str) -> None:
    """Threads add up parts of the sums of their own; the last parts are odd ones, or nothing."""
    for sizes in [(64, 96, 500), (57, 40, 333), (60, 33, 129), (60, 70, 20)]:
        case = Case(machine, scalar, "tn", sizes, symbolic)
        assert (case.plan.split is not None) == (sizes[2] > 100 or symbolic == "k")
        case.check()


@pytest.mark.parametrize("layouts", ["nn", "nt", "tn"])
def test_random_shapes(layouts: str) -> None:
    random = np.random.default_rng(5)
    for seed in range(12):
        sizes = [int(x) for x in 2 ** random.uniform(0, 7.5, 3)]
        Case(host(), "float", layouts, sizes, seed=seed).check()


def test_values_that_are_not_finite() -> None:
    case = Case(host(), "float", "nn", (5, 40, 20))
    case.a[2, 3] = np.inf
    case.b[4, 39] = np.nan
    got = case.run()[0]
    assert np.isnan(got[:, 39]).sum() == 5
    assert np.isfinite(np.delete(np.delete(got, 2, 0), 39, 1)).all()


def test_kernels_are_shared() -> None:
    module = Module()
    plan = plan_product(ProductShape("float", 24, 64, 16, (16, 1), (64, 1)), host())

    def write(name: str) -> None:
        f = Function(module, name, [("p", PTR), ("thread", I64), ("threads", I64)])
        p, thread, threads = f.parameters

        def epilogue(f: Function, row: Index, column: Index, v: Value, mask: Value | None) -> None:
            del mask
            f.store(v, p, f.sum_of((row, 64), (column, 1)))

        left, right = Operand(p, 16, 1), Operand(p, 64, 1)
        plan.emit(0, f, 24, 64, 16, left, right, p, thread, threads, epilogue)
        f.close()

    write("one")
    kernels = len(module.functions) - 1
    write("two")
    assert len(module.functions) == kernels + 2


@pytest.mark.parametrize("machine", machines())
def test_scratch_of_symbolic_sizes(machine: Machine) -> None:
    """The number that a symbolic amount is for given sizes is the amount for those sizes."""
    known: list[tuple[int | None, int | None, int | None]] = [
        (None, None, None), (None, 40, 300), (8, None, None), (100, 64, None), (100, 64, 5000),
    ]  # fmt: skip
    for fixed in known:
        m, n, k = fixed
        for a, b in (((k, 1), (n, 1)), ((1, m), (n, 1)), ((k, 1), (1, k)), ((1, None), (None, 3))):
            plan = plan_product(ProductShape("float", m, n, k, a, b), machine)
            scratch: Any = plan.scratch_bytes
            named = [symbol(x) if f is None else f for x, f in zip("mnk", fixed, strict=True)]
            amount = scratch(*named, symbol("t"))
            for given in ((1, 1, 1), (5, 7, 2048), (16, 100, 2049), (17, 9, 100), (900, 70, 9000)):
                sizes = [g if f is None else f for g, f in zip(given, fixed, strict=True)]
                for threads in (1, 2, 5):
                    values = dict(zip("mnkt", (*sizes, threads), strict=True))
                    assert evaluate(amount, values) == scratch(*sizes, threads)
