"""Plans kept on disk: graphs are recognised, and run by what was compiled for them before."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float32

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.compile.calls import programs
from typedflux.compile.keys import Key, key_of, primitive_at, primitive_place
from typedflux.compile.lowering import program
from typedflux.compile.lowering.executables import Executable
from typedflux.compile.native import engine, store
from typedflux.core.graph import Graph, trace_graph
from typedflux.core.primitive import Primitive
from typedflux.core.tree import leaves
from typedflux.core.types import TensorType
from typedflux.shapes.dims import symbol


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for entries."""
    here = tmp_path / "entries"
    monkeypatch.setenv("TYPEDFLUX_CACHE", str(here))
    for name in ("TYPEDFLUX_DUMP", "TYPEDFLUX_CHECK_PASSES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "_written", None)
    return here


class Compilations:
    """Counts how often graphs are compiled."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, graph: Graph) -> program.Program:
        self.count += 1
        return program.Program(graph)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Compilations:
    counted = Compilations()
    monkeypatch.setattr(program, "compile_graph", counted)
    return counted


VECTOR = TensorType(flux.float32, (symbol("n"),))
MATRIX = TensorType(flux.float32, (3, 4))


def graph_of(f: Callable[..., Tensor], *types: TensorType) -> Graph:
    return trace_graph(lambda *xs: [f(*xs)], types or [MATRIX])


def digest(f: Callable[..., Tensor], *types: TensorType) -> str:
    key = key_of(graph_of(f, *types))
    assert key is not None
    return key.digest


# Keys


def test_equal_graphs_have_equal_keys() -> None:
    def f(x: Tensor) -> Tensor:
        y = flux.softmax(x * 2.5, axis=0)[1:, ::2]
        return flux.where(y > 0.5, y, flux.asarray(np.arange(2, dtype=np.float32)))

    assert digest(f) == digest(f)


def test_whatever_differs_makes_another_key() -> None:
    weights = np.arange(4, dtype=np.float32)
    functions: list[Callable[..., Tensor]] = [
        lambda x: x + 1,
        lambda x: x - 1,
        lambda x: x + 1.5,
        lambda x: x + -0.0,
        lambda x: x + 0.0,
        lambda x: 1 - x,
        lambda x: x + x,
        lambda x: x.sum(axis=0),
        lambda x: x.sum(axis=1),
        lambda x: x.sum(axis=1, keepdims=True),
        lambda x: x * flux.asarray(weights),
        lambda x: x * flux.asarray(weights + 1),
        lambda x: x * flux.asarray(weights[::-1].copy()),
        lambda x: flux.checkpoint(lambda y: y + 1)(x),
        lambda x: flux.scan(lambda c, y: (c + y.sum(), y), x.sum() * 0, x)[1],
        lambda x: flux.scan(lambda c, y: (c - y.sum(), y), x.sum() * 0, x)[1],
    ]
    digests = [digest(f) for f in functions]
    types = [
        replace(MATRIX, dtype=flux.float64),
        replace(MATRIX, dtype=flux.bfloat16),
        replace(MATRIX, shape=(4, 4)),
        replace(MATRIX, shape=(symbol("n"), 4)),
        replace(MATRIX, shape=(symbol("m"), 4)),
        replace(MATRIX, shape=(symbol("n") * 2, 4)),
    ]
    digests += [digest(functions[0], type) for type in types]
    assert len(set(digests)) == len(digests)


def test_which_results_are_returned_counts() -> None:
    def key(take: int) -> Key | None:
        return key_of(trace_graph(lambda x: [flux.exp(x), flux.log(x)][take : take + 1], [MATRIX]))

    first, second = key(0), key(1)
    assert first is not None and second is not None
    assert first.digest != second.digest


def test_guards_count() -> None:
    first, second = graph_of(lambda x: x + 1, VECTOR), graph_of(lambda x: x + 1, VECTOR)
    n = VECTOR.shape[0]
    from typedflux.core.graph import Guard

    second.guards.append(Guard(n, "==", 4, True))
    third = graph_of(lambda x: x + 1, VECTOR)
    third.guards.append(Guard(n, "==", 4, False))
    keys = [key_of(graph) for graph in (first, second, third)]
    assert len({key.digest for key in keys if key is not None}) == 3


def test_what_only_this_process_knows_has_no_key() -> None:
    mine = Primitive("mine", lambda x: x, lambda x: x)
    assert key_of(graph_of(lambda x: mine.bind(x))) is None
    named = Primitive("add", lambda x: x, lambda x: x)
    assert key_of(graph_of(lambda x: named.bind(x))) is None
    graph = graph_of(lambda x: flux.exp(x))
    graph.equations[0].params["call"] = len
    assert key_of(graph) is None


def test_primitives_are_told_apart_by_their_names() -> None:
    from typedflux.compile import keys

    primitive_place(graph_of(lambda x: x + 1).equations[-1].primitive)
    primitives = [primitive for primitive, _ in keys._found.values()]
    assert len(primitives) > 100
    assert len({p.name for p in primitives}) == len(primitives)
    assert all(primitive_at(primitive_place(p)) is p for p in primitives)
    with pytest.raises(TypeError, match="no primitive"):
        primitive_at("typedflux:exp")


# Plans


class Gated(nn.Module):
    """Weights, and what the compiler computes of constants."""

    def __init__(self) -> None:
        self.weight = flux.asarray(np.linspace(-1, 1, 20, dtype=np.float32).reshape(4, 5))
        self.mask = np.array([True, False, True, True, False])

    def __call__(self, x: Tensor) -> Tensor:
        scale = flux.exp(flux.asarray(np.arange(5, dtype=np.float32)))
        return flux.where(flux.asarray(self.mask), x @ self.weight, 0.0) * scale


def large(x: Tensor) -> Tensor:
    return x * flux.asarray(np.arange(3000 * 4, dtype=np.float32).reshape(3000, 4))[:3]


def sorted_and_complex(x: Tensor) -> Tensor:
    z = flux.sort(x, axis=-1).astype(flux.complex64) * 1j
    return flux.real(z * z) + flux.cumulative_sum(x, axis=0)


def looped(x: Tensor) -> Tensor:
    state, ys = flux.scan(lambda c, y: (flux.tanh(c + y), c * y), x[0], x)
    return flux.cond(state.sum() > 0, lambda: ys * 2, lambda: ys - 1)


def picked(x: Tensor) -> Tensor:
    return flux.take(x, flux.asarray([2, 0, 1]), axis=0)


def drawn(x: Tensor) -> Tensor:
    return x + flux.rand(x.shape)


FUNCTIONS: list[Callable[[Tensor], Tensor]] = [
    Gated(), large, sorted_and_complex, looped, picked, drawn, lambda x: x, lambda x: x[1:] * 1,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_what_was_compiled_is_not_compiled_again(number: int, compilations: Compilations) -> None:
    function = FUNCTIONS[number]
    x = flux.asarray(np.random.default_rng(number).normal(size=(3, 4)).astype(np.float32))
    results = []
    for _ in range(3):
        flux.seed(3)
        results.append(flux.jit(lambda x: function(x))(x).numpy())
        assert compilations.count == 1
    flux.seed(3)
    np.testing.assert_allclose(results[0], function(x).numpy(), rtol=1e-5, atol=1e-6)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_symbolic_sizes_and_effects(compilations: Compilations) -> None:
    def trained() -> tuple[Any, ...]:
        flux.seed(0)
        model = nn.Chain(nn.Dense(6, 20, flux.relu), nn.BatchNorm(20), nn.Dense(20, 3))
        state = flux.setup(flux.Adam(1e-2), model)

        @flux.jit
        def step(
            model: Any, state: Any, x: Float32[Tensor, "batch 6"], y: Float32[Tensor, "batch 3"]
        ) -> Float32[Tensor, ""]:
            loss, grads = flux.withgradient(lambda m: ((m(x) - y) ** 2).mean(), model)
            flux.update(state, model, grads)
            return loss

        losses = []
        for size in (8, 5, 300, 8, 8):
            x = flux.asarray(np.linspace(0, 1, size * 6, dtype=np.float32).reshape(size, 6))
            losses.append(float(step(model, state, x, x[:, :3])))
        assert step.compilations == 1  # type: ignore[attr-defined]
        return (*losses, *[t.numpy().tolist() for t in leaves(model)])

    first = trained()
    assert compilations.count == 1
    assert trained() == first
    assert compilations.count == 1


def twice(x: Tensor) -> Tensor:
    return flux.exp(x) * 2


def run_twice() -> None:
    got = flux.jit(twice)(flux.ones((3, 4)))
    np.testing.assert_allclose(got.numpy(), np.full((3, 4), 2 * np.e), rtol=1e-6)


def test_a_damaged_entry_is_made_again(cache: Path, compilations: Compilations) -> None:
    run_twice()
    found = sorted(cache.iterdir())
    assert len(found) == 2  # the plan and the code
    whole = {path: path.read_bytes() for path in found}
    for count, path in enumerate(found, 2):
        path.write_bytes(whole[path][:-5])
        run_twice()
        assert compilations.count == count
        assert path.read_bytes() == whole[path]
    for count, path in enumerate(found, 4):
        path.unlink()
        run_twice()
        assert compilations.count == count
        assert path.read_bytes() == whole[path]


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05K\x01."])
def test_an_entry_with_something_else_is_made_again(
    content: bytes, compilations: Compilations
) -> None:
    graph = graph_of(twice)
    made, _ = programs.program_of(graph)
    assert isinstance(made, Executable)
    key = key_of(graph)
    assert key is not None
    from typedflux.compile import keeping

    assert keeping.load(key) is not None
    store.write(keeping._name(key), content)
    assert keeping.load(key) is None
    run_twice()
    assert keeping.load(key) is not None


@pytest.mark.parametrize("variable", ["TYPEDFLUX_DUMP", "TYPEDFLUX_CHECK_PASSES"])
def test_what_is_wanted_of_the_compiler_is_done(
    variable: str, compilations: Compilations, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_twice()
    monkeypatch.setenv(variable, str(tmp_path / "dump"))
    run_twice()
    assert compilations.count == 2


def test_another_compiler_compiles_again(
    compilations: Compilations, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_twice()
    monkeypatch.setattr(engine, "_compiler", lambda: b"another version")
    run_twice()
    assert compilations.count == 2


def test_without_a_cache(compilations: Compilations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDFLUX_CACHE", "off")
    run_twice()
    run_twice()
    assert compilations.count == 2


SCRIPT = """
import sys
import typedflux as flux
print(flux.jit(lambda x: flux.softmax(x * 3, axis=0).sum() + x[0])(flux.arange(5.0)).tolist())
print("typedflux.compile.lowering.program" in sys.modules)
"""


def test_another_process_needs_no_compiler() -> None:
    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True,
            env=dict(os.environ),
        )  # fmt: skip
        return done.stdout.splitlines()

    first, second = run(), run()
    assert first[0] == second[0]
    assert [first[1], second[1]] == ["True", "False"]


def test_explain_and_profile_compile_anew(compilations: Compilations) -> None:
    run_twice()
    x = flux.ones((3, 4))
    assert "1 group" in flux.explain(twice, x)
    assert len(flux.profile(twice, x, runs=1).rows) == 1


def test_subnormal_results_are_kept_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A plan that flushes them is not taken for one that keeps them, nor the other way round."""
    x = flux.asarray(np.full(9, 1.2e-38, np.float32))
    for keep in (False, True, False, True):
        if keep:
            monkeypatch.setenv("TYPEDFLUX_SUBNORMALS", "keep")
        else:
            monkeypatch.delenv("TYPEDFLUX_SUBNORMALS", raising=False)
        assert flux.jit(lambda x: x * 0.25)(x).numpy().any() == keep
