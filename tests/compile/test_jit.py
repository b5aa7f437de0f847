"""jit: what is traced again and what is not, and that effects equal those of eager calls."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import pytest
from jaxtyping import Float

import typedflux as flux
from typedflux import Tensor, nn, ops
from typedflux.checks import Size
from typedflux.compile import Jitted
from typedflux.core.tracing import TraceError
from typedflux.nn.module import Module, buffer
from typedflux.shapes.errors import ShapeError

In = TypeVar("In")
Out = TypeVar("Out")


class Linear(Module, Generic[In, Out]):
    weight: Float[Tensor, "Out In"]

    def __init__(self, in_: Size[In], out: Size[Out], seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.weight = flux.asarray(rng.standard_normal((out, in_)).astype(np.float32))
        self.calls = buffer(ops.zeros(()))

    def __call__(self, x: Float[Tensor, "*batch In"]) -> Float[Tensor, "*batch Out"]:
        self.calls = self.calls + 1
        return x @ self.weight.mT


def batch(rows: int, columns: int = 4, seed: int = 1) -> Tensor:
    rng = np.random.default_rng(seed)
    return flux.asarray(rng.standard_normal((rows, columns)).astype(np.float32))


def train_step(model: Any, x: Float[Tensor, "batch features"]) -> Tensor:
    loss: Tensor
    loss, grads = flux.withgradient(lambda m: (m(x) * m(x)).sum(), model)
    model.weight = model.weight - grads.weight * 0.01
    return loss


def test_a_training_step_changes_the_model_as_eagerly() -> None:
    compiled: Any = Jitted(train_step)
    a, b = Linear(4, 3), Linear(4, 3)
    for rows in (2, 5, 1, 7, 2):
        x = batch(rows, seed=rows)
        np.testing.assert_allclose(compiled(a, x).numpy(), train_step(b, x).numpy(), rtol=1e-6)
        np.testing.assert_allclose(a.weight.numpy(), b.weight.numpy(), rtol=1e-5, atol=1e-6)
        assert a.calls.item() == b.calls.item()


def test_a_named_size_is_traced_once() -> None:
    compiled: Any = Jitted(train_step)
    model = Linear(4, 3)
    for rows in (2, 5, 7, 100):
        compiled(model, batch(rows))
    assert compiled.compilations == 1


def test_an_unnamed_size_is_specialised() -> None:
    compiled = Jitted(lambda x: x + 1)
    for rows in (2, 5, 2):
        compiled(batch(rows))
    assert compiled.compilations == 2


def test_demanding_a_size_pins_it() -> None:
    def f(x: Float[Tensor, "n m"]) -> Tensor:
        total = ops.zeros(x.shape[1])
        for i in range(x.shape[0]):
            total = total + i
        return total + x.sum()

    compiled = Jitted(f)
    for rows in (2, 3, 2):
        x = batch(rows)
        np.testing.assert_allclose(compiled(x).numpy(), f(x).numpy(), rtol=1e-6)
    assert compiled.compilations == 2
    assert "n == 2" in flux.explain(f, batch(2))


def test_captured_modules_are_read_at_each_call() -> None:
    model = Linear(4, 3)
    compiled = Jitted(lambda x: model(x).sum())
    x = batch(2)
    first = compiled(x).item()
    model.weight = model.weight * 2
    assert compiled(x).item() == pytest.approx(2 * first, rel=1e-5)
    assert compiled.compilations == 1
    assert model.calls.item() == 2


def test_the_gradient_of_a_captured_module_is_not_baked_in() -> None:
    model = Linear(4, 3)
    compiled = Jitted(lambda x: flux.gradient(lambda m: (m(x) * m(x)).sum(), model).weight)
    x = batch(2)
    first = compiled(x).numpy()
    model.weight = model.weight * 3
    np.testing.assert_allclose(compiled(x).numpy(), 3 * first, rtol=1e-5)


def test_modules_made_inside_are_ordinary() -> None:
    compiled = Jitted(lambda x: Linear(4, 3)(x).sum())
    x = batch(2)
    assert compiled(x).item() == pytest.approx(Linear(4, 3)(x).sum().item(), rel=1e-6)


def test_results_keep_their_structure() -> None:
    model = Linear(4, 3)
    compiled = Jitted(lambda m, x: {"model": m, "pair": (x * 2, "label", None), "n": 3})
    x = batch(2)
    out = compiled(model, x)
    assert out["model"] is model
    assert out["pair"][1:] == ("label", None) and out["n"] == 3
    np.testing.assert_array_equal(out["pair"][0].numpy(), x.numpy() * 2)


def test_static_values_specialise() -> None:
    compiled = Jitted(lambda x, k: x * k)
    x = batch(1)
    assert compiled(x, 2).numpy() == pytest.approx(2 * x.numpy())
    assert compiled(x, 3).numpy() == pytest.approx(3 * x.numpy())
    assert compiled.compilations == 2


def test_nested_jit_and_gradient_of_jit() -> None:
    square = Jitted(lambda x: (x * x).sum())
    x = batch(2)
    np.testing.assert_allclose(flux.gradient(square, x).numpy(), 2 * x.numpy(), rtol=1e-6)
    outer = Jitted(lambda x: square(x) + flux.gradient(square, x).sum())
    expected = (x.numpy() ** 2).sum() + 2 * x.numpy().sum()
    assert outer(x).item() == pytest.approx(expected, rel=1e-5)


def test_random_numbers_are_those_of_eager_mode() -> None:
    compiled = Jitted(lambda x: x + flux.randn(x.shape) * flux.rand(x.shape))
    x = batch(3)
    flux.seed(7)
    expected = [(x + flux.randn(x.shape) * flux.rand(x.shape)).numpy() for _ in range(3)]
    flux.seed(7)
    for values in expected:
        np.testing.assert_allclose(compiled(x).numpy(), values, rtol=1e-6)
    assert compiled.compilations == 1


def test_branching_on_a_value_is_refused() -> None:
    def f(x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x

    with pytest.raises(TraceError, match=r"flux\.where"):
        Jitted(f)(batch(2))


def test_an_error_leaves_the_model_as_it_was() -> None:
    model = Linear(4, 3)

    def broken(m: Linear[Any, Any], x: Tensor) -> Tensor:
        m.weight = m.weight * 0
        return x @ m.weight

    before = model.weight
    with pytest.raises(ShapeError):
        Jitted(broken)(model, batch(2))
    assert model.weight is before
    assert type(model).__getattribute__ is object.__getattribute__


def test_a_leaked_tracer_says_so() -> None:
    kept: list[Tensor] = []

    def f(x: Tensor) -> Tensor:
        kept.append(x * 2)
        return x

    Jitted(f)(batch(2))
    with pytest.raises(TraceError, match="was kept after"):
        kept[0] + 1


def test_tracing_in_one_thread_does_not_disturb_another() -> None:
    model = Linear(4, 3)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            compiled = Jitted(lambda x: model(x).sum())
            for rows in (1, 2, 3):
                x = batch(rows, seed=seed)
                expected = (x.numpy() @ model.weight.numpy().T).sum()
                assert compiled(x).item() == pytest.approx(expected, rel=1e-3, abs=1e-4)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_captured_generators_and_optimiser_states_are_read_and_written_at_each_call() -> None:
    def make() -> tuple[Any, Any, Any]:
        rng = flux.Generator(7)
        model = nn.Chain(nn.Dense(3, 4, init=constant), nn.Dropout(0.5, rng=rng))
        return model, flux.setup(flux.Adam(0.1), model), rng

    def constant(shape: Any, **options: Any) -> flux.Tensor:
        return flux.full(shape, 0.5)

    results = []
    for transform in (flux.jit, lambda f: f):
        model, state, rng = make()

        def step(model: Any = model, state: Any = state, rng: Any = rng) -> flux.Tensor:
            loss, grads = flux.withgradient(lambda m: m(flux.ones((2, 3))).sum(), model)
            flux.update(state, model, grads)
            noisy: flux.Tensor = loss + flux.rand(rng=rng)
            return noisy

        run: Any = transform(partial(step))
        losses = [run().item() for _ in range(4)]
        results.append((losses, rng.state.tolist(), model.layers[0].weight.tolist()))
    assert results[0] == results[1]
    assert len(set(results[0][0])) == 4


def test_what_a_captured_model_holds_is_looked_at_again_at_each_call() -> None:
    dropout = nn.Dropout(0.5)
    model = nn.Chain(nn.Dense(3, 3), dropout)

    def call(x: Tensor) -> Any:
        return model(x)

    run: Any = flux.jit(call)
    x = flux.ones((2, 3))
    first = run(x)
    assert first.tolist() == run(x).tolist()
    assert run.compilations == 1
    flux.trainmode(model)
    noisy = [run(x).tolist() for _ in range(8)]
    assert any(n != first.tolist() for n in noisy)
    flux.testmode(model)
    np.testing.assert_allclose(run(x).numpy(), first.numpy(), rtol=1e-6)
    model.layers[0].weight = model.layers[0].weight * 2
    np.testing.assert_allclose(run(x).numpy(), model(x).numpy(), rtol=1e-6)
    model.layers = (nn.Dense(3, 5), dropout)
    assert run(x).shape == (2, 5)


def test_arrays_of_numpy_are_tensors() -> None:
    def f(x: Any, batch: Any) -> Any:
        return flux.asarray(x) * 2 + batch["y"]

    compiled = Jitted(f)
    x = np.arange(3, dtype=np.float32)
    for value in range(5):
        y = np.full(3, value, np.float32)  # at the address of the one before, perhaps
        for _ in range(2):
            np.testing.assert_array_equal(compiled(x, {"y": y}).numpy(), 2 * x + y)
        x += 1  # written in place
        del y
    assert compiled.compilations == 1
    assert "graph(%0: Float32" in flux.explain(f, x, {"y": x})
    assert flux.profile(f, x, {"y": x}, runs=1).rows


def test_an_array_that_is_returned_is_a_copy() -> None:
    compiled = Jitted(lambda x: x)
    x = np.ones(3, np.float32)
    out = compiled(x)
    x[:] = 2
    assert out.tolist() == [1.0, 1.0, 1.0]


def test_arrays_in_modules_are_plain_values() -> None:
    model = Linear(4, 3)
    model.order = np.array([2, 0, 1])
    compiled = Jitted(lambda m, x: m(x)[:, m.order])
    x = batch(2)
    for order in ([2, 0, 1], [0, 1, 2], [0, 1, 2]):
        model.order = np.array(order)
        want = model(x).numpy()[:, order]
        np.testing.assert_allclose(compiled(model, x).numpy(), want, rtol=1e-6)
    assert compiled.compilations == 2


def test_values_that_cannot_be_hashed_are_told_apart() -> None:
    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __init__(self, factor: float) -> None:
            self.factor = factor

    compiled = Jitted(lambda x, odd, names: x * odd.factor * len(names))
    x = flux.asarray(1.0)
    for factor in (2.0, 3.0, 4.0):
        odd = Odd(factor)
        assert compiled(x, odd, {"a", "b"}).item() == 2 * factor
        assert compiled(x, odd, {"a"}).item() == factor
        del odd


def test_symbolic_sizes_that_are_returned_are_those_of_the_call() -> None:
    def f(x: Float[Tensor, "n d"]) -> Any:
        return x.sum(), x.shape, {"twice": 2 * x.shape[0], "size": x.size}

    compiled = Jitted(f)
    for rows in (2, 5, 5, 5, 7, 2):
        total, shape, sizes = compiled(batch(rows))
        assert total.item() == pytest.approx(batch(rows).sum().item(), abs=1e-5)
        assert shape == (rows, 4)
        assert sizes == {"twice": 2 * rows, "size": 4 * rows}
        assert all(type(n) is int for n in (*shape, *sizes.values()))
    assert compiled.compilations == 1


def test_a_symbolic_size_that_is_assigned_to_a_field() -> None:
    class Counter(Module):
        def __init__(self) -> None:
            self.total = ops.zeros(())
            self.last = 0

    def f(m: Counter, x: Float[Tensor, "n d"]) -> None:
        m.total = m.total + x.shape[0]
        m.last = x.shape[0]

    compiled = Jitted(f)
    counter = Counter()
    for rows in (2, 5, 5, 7):
        compiled(counter, batch(rows))
        assert counter.last == rows
    assert counter.total.item() == 19


def test_an_error_of_a_kept_tensor_says_where_it_was_made() -> None:
    kept: list[Tensor] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(x * 2)  # here
        return x

    Jitted(keep)(batch(2))
    with pytest.raises(TraceError, match=r"test_jit\.py, line \d+: kept\.append\(x"):
        kept[0] + 1
