"""Calls after the first ones: what a record serves, what it notices, and that it holds nothing."""

from __future__ import annotations

import dataclasses
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from jaxtyping import Float, Int

import typedflux as flux
from typedflux import Tensor, losses, nn, ops
from typedflux.compile.jit import Jitted
from typedflux.core.tree import children, leaves, map_leaves
from typedflux.nn.module import Module
from typedflux.shapes.errors import ShapeError

SETTLED = 3
"""Calls after which a record serves."""


def numbers(*shape: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return flux.asarray(rng.standard_normal(shape).astype(np.float32))


def served(compiled: Any) -> int:
    """How many calls records have served."""
    return sum([record.hits for record in compiled._records])


def settle(call: Callable[[], Any], compiled: Any) -> None:
    """Call until a record serves."""
    for _ in range(SETTLED):
        call()
    assert served(compiled) > 0


class Session:
    """A model in training."""

    def __init__(self, compiled: bool) -> None:
        flux.seed(3)
        self.model: Any = nn.Chain(
            nn.Dense(6, 5, flux.tanh), nn.BatchNorm(5), nn.Dropout(0.3), nn.Dense(5, 4)
        )
        for i, layer in enumerate(self.model.layers):
            if isinstance(layer, nn.Dense):
                layer.weight = numbers(*layer.weight.shape, seed=i)
        self.state: Any = flux.setup(flux.AdamW(0.01), self.model)
        self.x, self.y = numbers(8, 6), flux.asarray(np.arange(8) % 4)
        self.function: Any = Jitted(train) if compiled else train
        self.random = flux.Generator(5)

    def step(self) -> float:
        with ops.random.using_generator(self.random):
            return float(self.function(self.model, self.state, self.x, self.y))


def train(
    model: Any,
    state: Any,
    x: Float[Tensor, "batch features"],
    y: Int[Tensor, "batch"],
    scale: float = 1.0,
) -> Tensor:
    loss, grads = flux.withgradient(lambda m: losses.logitcrossentropy(m(x), y) * scale, model)
    flux.update(state, model, grads)
    return loss


class Louder(nn.Dense):
    """A subclass that computes something else."""

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x) * 2


def freeze(s: Session) -> None:
    flux.freeze(s.model.layers[0])


def freeze_and_thaw(s: Session) -> None:
    flux.freeze(s.model.layers[0])
    s.step()
    s.step()
    flux.thaw(s.model)


def freeze_state(s: Session) -> None:
    flux.freeze(s.state.layers[3].weight)


def evaluation(s: Session) -> None:
    flux.testmode(s.model)


def training_and_back(s: Session) -> None:
    flux.testmode(s.model)
    s.step()
    flux.trainmode(s.model)
    s.step()


def another_rate(s: Session) -> None:
    flux.adjust(s.state, 0.1)


def another_decay(s: Session) -> None:
    flux.adjust(s.state.layers[0], decay=0.5)


def replaced_tensor(s: Session) -> None:
    s.model.layers[0].weight = s.model.layers[0].weight * 0.5


def replaced_by_a_view(s: Session) -> None:
    whole = numbers(12, 5, seed=9)
    s.model.layers[0].weight = whole[::2].T
    s.model.layers[3].weight = numbers(9, 5)[5:]


def another_dtype(s: Session) -> None:
    s.model.layers[3].weight = s.model.layers[3].weight.astype(flux.float64)
    s.state = flux.setup(flux.AdamW(0.01), s.model)


def another_size(s: Session) -> None:
    s.model.layers = (nn.Dense(6, 3, flux.tanh), nn.BatchNorm(3), nn.Dense(3, 4))
    s.model.layers[0].weight, s.model.layers[2].weight = numbers(3, 6), numbers(4, 3)
    s.state = flux.setup(flux.AdamW(0.01), s.model)


def another_layer(s: Session) -> None:
    new = nn.Dense(6, 5, flux.tanh)
    new.weight = numbers(5, 6, seed=8)
    s.model.layers = (new, *s.model.layers[1:])


def subclass(s: Session) -> None:
    new = Louder(6, 5, flux.tanh)
    new.weight = numbers(5, 6, seed=8)
    s.model.layers = (new, *s.model.layers[1:])


def another_activation(s: Session) -> None:
    s.model.layers[0].activation = flux.relu


def another_number(s: Session) -> None:
    s.model.layers[2].p = 0.6


def no_bias(s: Session) -> None:
    s.model.layers[3].bias = None
    s.state = flux.setup(flux.AdamW(0.01), s.model)


def further_field(s: Session) -> None:
    s.model.layers[0].note = "something"


def without_a_field(s: Session) -> None:
    s.model.layers[0].note = "something"
    s.step()
    s.step()
    del s.model.layers[0].note


def other_order_of_fields(s: Session) -> None:
    fields = vars(s.model.layers[0])
    fields["weight"] = fields.pop("weight")


def another_rule(s: Session) -> None:
    s.state = flux.setup(flux.Momentum(0.1), s.model)


def fresh_state(s: Session) -> None:
    s.state = flux.setup(flux.AdamW(0.01), s.model)


def another_model(s: Session) -> None:
    other = Session(False)
    other.step()
    s.model, s.state = other.model, other.state


def smaller_batch(s: Session) -> None:
    s.x, s.y = s.x[:5], s.y[:5]


def batch_of_every_second(s: Session) -> None:
    s.x, s.y = numbers(16, 6)[::2], flux.asarray(np.arange(16) % 4)[::2]


def wider_labels(s: Session) -> None:
    s.y = s.y.astype(flux.int32)


def seeded(s: Session) -> None:
    s.random.state = flux.Generator(77).state


def another_generator(s: Session) -> None:
    s.random = flux.Generator(78)


def own_generator(s: Session) -> None:
    s.model.layers[2].rng = flux.Generator(5)


def saved_and_loaded(s: Session) -> None:
    values = [t.numpy().copy() for t in flux.trainables(s.model)]
    s.step()
    for layer, (weight, bias) in zip(
        (s.model.layers[0], s.model.layers[3]), ((0, 1), (4, 5)), strict=True
    ):
        layer.weight, layer.bias = flux.asarray(values[weight]), flux.asarray(values[bias])


CHANGES: tuple[Callable[[Session], None], ...] = (
    freeze, freeze_and_thaw, freeze_state, evaluation, training_and_back, another_rate,
    another_decay, replaced_tensor, replaced_by_a_view, another_dtype, another_size,
    another_layer, subclass,
    another_activation, another_number, no_bias, further_field, without_a_field,
    other_order_of_fields, another_rule, fresh_state, another_model, smaller_batch,
    batch_of_every_second, wider_labels, seeded, another_generator, own_generator, saved_and_loaded,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_changes_between_calls_is_noticed(change: Callable[[Session], None]) -> None:
    results = []
    for compiled in (False, True):
        s = Session(compiled)
        values = [s.step() for _ in range(SETTLED + 1)]
        if compiled:
            assert served(s.function) > 0
        change(s)
        values += [s.step() for _ in range(SETTLED + 1)]
        results.append((values, [t.numpy() for t in flux.trainables(s.model)]))
        results[-1][1].extend([m.mean.numpy() for m in s.model.layers if hasattr(m, "track_stats")])
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=2e-4)
    for eager, fast in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(fast, eager, rtol=2e-3, atol=2e-5)


REPLACED = (
    replaced_tensor, replaced_by_a_view, another_rate, another_layer, seeded, smaller_batch,
)  # fmt: skip


@pytest.mark.parametrize("change", REPLACED, ids=lambda change: change.__name__)
def test_tensors_of_the_same_types_need_no_new_record(change: Callable[[Session], None]) -> None:
    s = Session(True)
    settle(s.step, s.function)
    records = s.function._records
    change(s)
    before = served(s.function)
    for _ in range(3):
        s.step()
    assert served(s.function) == before + 3
    assert s.function._records == records


def test_keywords_and_static_arguments() -> None:
    results = []
    for compiled in (False, True):
        s = Session(False)
        run: Any = flux.jit(train) if compiled else train
        values = []
        for i in range(12):
            scale = (1.0, 2.0, 0.0, -0.0)[i // 3]
            if i % 2:
                values.append(float(run(s.model, s.state, s.x, y=s.y, scale=scale)))
            else:
                values.append(float(run(s.model, s.state, x=s.x, scale=scale, y=s.y)))
        results.append(values)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4)


@pytest.mark.parametrize("pair", [(1, 1.0), (1, True), (0.0, -0.0), ("a", b"a"), (None, False)])
def test_equal_static_values_of_other_types_are_told_apart(pair: Any) -> None:
    def describe(x: Tensor, value: Any) -> tuple[Tensor, str]:
        return x + 1, repr(value)

    compiled: Any = flux.jit(describe)
    for _ in range(2):
        for value in pair:
            for _ in range(SETTLED + 1):
                assert compiled(flux.ones(2), value)[1] == repr(value)
    assert compiled.compilations == 2
    assert served(compiled) > 0


class Pair(NamedTuple):
    a: Tensor
    b: Any


@dataclasses.dataclass
class Batch:
    x: Tensor
    scale: float
    rest: dict[str, Tensor]


CONTAINERS: tuple[tuple[Any, Any], ...] = (
    ([flux.ones(2), flux.ones(3)], [flux.ones(2), flux.ones(3), flux.ones(1)]),
    ((flux.ones(2), flux.ones(3)), [flux.ones(2), flux.ones(3)]),
    ((), (flux.ones(2),)),
    ({"a": flux.ones(2), "b": flux.ones(3)}, {"b": flux.ones(3), "a": flux.ones(2)}),
    ({"a": flux.ones(2)}, {"b": flux.ones(2)}),
    (Pair(flux.ones(2), 3), (flux.ones(2), 3)),
    (Pair(flux.ones(2), 3), Pair(flux.ones(2), 3.0)),
    (Pair(flux.ones(2), flux.ones(1)), Pair(flux.ones(2), None)),
    (Batch(flux.ones(2), 2.0, {"k": flux.ones(1)}), Batch(flux.ones(2), 3.0, {"k": flux.ones(1)})),
    (Batch(flux.ones(2), 2.0, {"k": flux.ones(1)}), Batch(flux.ones(2), 2.0, {})),
    (flux.ones(2), flux.ones(3)),
    (flux.ones(2), flux.ones((1, 2))),
    (flux.ones(2), flux.ones(2, dtype=flux.float64)),
    (flux.ones(2), flux.ones(0)),
)


@pytest.mark.parametrize("pair", CONTAINERS, ids=range(len(CONTAINERS)))
def test_arguments_in_containers(pair: tuple[Any, Any]) -> None:
    compiled: Any = flux.jit(doubled)
    for _ in range(2):
        for value in pair:
            for _ in range(SETTLED + 1):
                assert described(compiled(value)) == described(doubled(value))
    assert served(compiled) > 0
    assert compiled.compilations == 2


def doubled(value: Any) -> Any:
    """The value with its tensors times two."""
    return (map_leaves(lambda t: t * 2, value), isinstance(value, list))


def described(value: Any) -> Any:
    """A value as plain Python, with the types of its parts."""
    if isinstance(value, Tensor):
        return (str(value.dtype), value.shape, value.tolist())
    parts = children(value)
    if parts is None:
        return repr(value)
    return (type(value).__name__, [(name, described(part)) for name, part in parts])


def test_a_list_that_is_changed_in_place_is_looked_into() -> None:
    compiled: Any = Jitted(lambda ts: sum(ts[1:], ts[0]))
    held = [flux.ones(2), flux.ones(2)]
    settle(lambda: compiled(held), compiled)
    held[1] = flux.ones(2) * 5
    assert compiled(held).tolist() == [6.0, 6.0]
    held.append(flux.ones(2))
    assert compiled(held).tolist() == [7.0, 7.0]


def test_the_same_list_twice_is_not_two_lists() -> None:
    compiled: Any = Jitted(lambda a, b: (a[0] + b[0], a is b))
    one, two = [flux.ones(2)], [flux.ones(2)]
    for _ in range(SETTLED + 1):
        assert compiled(one, two)[1] is False
        assert compiled(one, one)[1] is True


def test_lists_and_dicts_in_modules_are_looked_into() -> None:
    class Bag(Module):
        def __init__(self) -> None:
            self.layers: Any = [nn.Dense(2, 2), nn.Dense(2, 2)]
            self.extra: Any = {"a": flux.ones(2), "scale": 2.0}
            self.sizes: Any = [1, 2]

        def __call__(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            total = sum(self.sizes)
            y: Tensor = x * self.extra["a"] * self.extra["scale"] + total
            return y

    bag = Bag()
    compiled: Any = Jitted(lambda bag, x: bag(x))
    x = numbers(3, 2)

    def agree() -> None:
        for _ in range(SETTLED):
            np.testing.assert_allclose(compiled(bag, x).numpy(), bag(x).numpy(), rtol=1e-5)

    agree()
    assert served(compiled) > 0
    bag.extra["scale"] = 3.0
    agree()
    bag.extra["a"] = flux.ones(2) * 4
    agree()
    bag.sizes.append(7)
    agree()
    bag.layers.append(nn.Dense(2, 2))
    agree()
    bag.layers[0].weight = bag.layers[0].weight * 3
    agree()
    bag.layers.reverse()
    agree()
    bag.extra = {"scale": 1.0, "a": flux.ones(2)}
    agree()


def test_results_are_put_together_as_eagerly() -> None:
    class Counter(Module):
        def __init__(self) -> None:
            self.count = flux.zeros(())
            self.seen: Any = None

    def work(counter: Any, x: Tensor) -> Any:
        counter.count = counter.count + 1
        y = x * 2
        return {"x": x, "y": (y, y), "count": counter.count, "model": counter, "n": None}

    counter = Counter()
    compiled: Any = flux.jit(work)
    for i in range(5):
        x = numbers(2, seed=i)
        out = compiled(counter, x)
        assert out["x"] is x and out["y"][0] is out["y"][1]
        assert out["model"] is counter and out["count"] is counter.count
        assert out["count"].item() == i + 1
    assert served(compiled) > 0


def test_an_input_that_is_returned_is_itself() -> None:
    compiled: Any = Jitted(lambda x, y: x)
    for i in range(5):
        x = numbers(2, seed=i)
        assert compiled(x, x + 1) is x


def test_a_captured_module_that_nobody_was_given_is_assigned_to() -> None:
    class Log(Module):
        def __init__(self) -> None:
            self.last: Any = None

    log = Log()

    def work(x: Tensor) -> Tensor:
        log.last = x * 2
        return x + 1

    compiled: Any = flux.jit(work)
    for i in range(5):
        compiled(numbers(2, seed=i))
        np.testing.assert_allclose(log.last.numpy(), 2 * numbers(2, seed=i).numpy())
    assert served(compiled) > 0


def test_captured_state_is_read_and_written_at_each_call() -> None:
    s = Session(False)
    compiled: Any = Jitted(lambda x: train(s.model, s.state, x, s.y))
    eager = Session(False)
    flux.seed(4)
    got = [float(compiled(s.x)) for _ in range(6)]
    flux.seed(4)
    expected = [float(train(eager.model, eager.state, s.x, s.y)) for _ in range(6)]
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert served(compiled) > 0
    s.model.layers[2].p = 0.9
    eager.model.layers[2].p = 0.9
    s.model.layers[0].weight = eager.model.layers[0].weight = numbers(5, 6, seed=4)
    flux.seed(4)
    got = [float(compiled(s.x)) for _ in range(6)]
    flux.seed(4)
    expected = [float(train(eager.model, eager.state, s.x, s.y)) for _ in range(6)]
    np.testing.assert_allclose(got, expected, rtol=1e-4)


def test_the_ambient_generator_is_the_one_of_the_call() -> None:
    compiled: Any = Jitted(lambda x: x + flux.randn(x.shape))
    x = flux.zeros(3)
    for seed in (1, 1, 2, 1):
        generators = flux.Generator(seed), flux.Generator(seed)
        for _ in range(4):
            with ops.random.using_generator(generators[0]):
                got = compiled(x)
            with ops.random.using_generator(generators[1]):
                expected = x + flux.randn(x.shape)
            np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
        assert generators[0].state.tolist() == generators[1].state.tolist()
    assert compiled.compilations == 1


def test_guards_are_looked_at_again() -> None:
    @flux.jit
    def f(x: Float[Tensor, "n"]) -> Tensor:
        return x * 2 if x.shape[0] > 3 else x * 3

    compiled: Any = f
    for _ in range(2):
        for n in (5, 2, 4, 3, 0):
            for _ in range(SETTLED):
                np.testing.assert_array_equal(
                    compiled(flux.ones(n)).numpy(), np.full(n, 2 if n > 3 else 3)
                )
    assert compiled.compilations == 2


def test_a_name_with_two_sizes_is_no_record_s_business() -> None:
    compiled: Any = flux.jit(shared_size)
    settle(lambda: compiled(numbers(3), numbers(3)), compiled)
    with pytest.raises(ShapeError):
        compiled(numbers(3), numbers(4))
    assert compiled(numbers(3), numbers(3)).shape == (3,)


def shared_size(x: Float[Tensor, "n"], y: Float[Tensor, "n"]) -> Tensor:
    return x + y


def test_ties_are_followed() -> None:
    class Tied(Module):
        def __init__(self, transposed: bool) -> None:
            self.first = nn.Dense(3, 3)
            self.first.weight = numbers(3, 3)
            self.second = nn.Dense(3, 3)
            transform = (lambda t: t.mT) if transposed else None
            self.second.weight = nn.tied(self.first, "weight", transform)

        def __call__(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))

    compiled: Any = flux.jit(train_squares)
    models = [Tied(t) for t in (False, True, False, True)]
    states = [flux.setup(flux.Adam(0.01), m) for m in models]
    for _ in range(5):
        for i in (0, 1):
            got = compiled(models[i], states[i], numbers(4, 3))
            expected = train_squares(models[i + 2], states[i + 2], numbers(4, 3))
            assert got.item() == pytest.approx(expected.item(), rel=1e-4)
    assert served(compiled) > 0


def train_squares(model: Any, state: Any, x: Tensor) -> Tensor:
    loss, grads = flux.withgradient(lambda m: (m(x) ** 2).mean(), model)
    flux.update(state, model, grads)
    return loss


class Twice(Module):
    """Two layers and two lists of tensors, which can become one."""

    def __init__(self) -> None:
        self.layers: Any = [nn.Dense(3, 3), nn.Dense(3, 3)]
        self.factors: Any = {"a": [flux.ones(3)], "b": [flux.ones(3) * 2]}
        self.more: Any = [flux.ones(3) * 3]
        for i, layer in enumerate(self.layers):
            layer.weight = numbers(3, 3, seed=i)

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        y: Tensor = x * self.factors["a"][0] * self.factors["b"][0] * self.more[0]
        return y


def slopes(model: Any, x: Tensor) -> list[Tensor]:
    grads = flux.gradient(lambda m: (m(x) ** 2).mean(), model)
    tensors = [layer.weight for layer in grads.layers]
    return [*tensors, grads.factors["a"][0], grads.factors["b"][0], grads.more[0]]


def tie_layers(model: Any) -> None:
    model.layers[1] = model.layers[0]


def tie_factors(model: Any) -> None:
    model.factors["b"] = model.factors["a"]


def tie_fields(model: Any) -> None:
    model.more = model.factors["a"]


def tie_and_untie(model: Any) -> None:
    model.layers[1] = model.layers[0]
    model.layers[1] = nn.Dense(3, 3)
    model.layers[1].weight = numbers(3, 3, seed=6)


@pytest.mark.parametrize("tie", [tie_layers, tie_factors, tie_fields, tie_and_untie])
def test_parts_that_become_one_are_one(tie: Callable[[Any], None]) -> None:
    model = Twice()
    compiled: Any = flux.jit(slopes)
    settle(lambda: compiled(model, numbers(4, 3)), compiled)
    tie(model)
    for _ in range(SETTLED + 1):
        for got, expected in zip(
            compiled(model, numbers(4, 3)), slopes(model, numbers(4, 3)), strict=True
        ):
            np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-4, atol=1e-6)


def test_a_parameter_that_becomes_a_buffer_has_no_gradient() -> None:
    def trained(model: Any, x: Tensor) -> list[bool]:
        grads = flux.gradient(lambda m: (m(x) ** 2).mean(), model)
        return [
            name in vars(grads) and vars(grads)[name] is not None for name in ("weight", "bias")
        ]

    model = nn.Dense(3, 3)
    compiled: Any = flux.jit(trained)
    for _ in range(SETTLED + 1):
        assert compiled(model, numbers(4, 3)) == trained(model, numbers(4, 3))
    model.bias = nn.buffer(flux.ones(3))
    for _ in range(SETTLED + 1):
        assert compiled(model, numbers(4, 3)) == trained(model, numbers(4, 3))


def test_more_models_than_there_are_records() -> None:
    compiled: Any = flux.jit(train_squares)
    pairs = [(nn.Dense(3, 2), nn.Dense(3, 2)) for _ in range(12)]
    states = []
    for i, pair in enumerate(pairs):
        for layer in pair:
            layer.weight = numbers(2, 3, seed=i)
        states.append([flux.setup(flux.Adam(0.01), m) for m in pair])
    for _ in range(6):
        for (fast, eager), (a, b) in zip(pairs, states, strict=True):
            got = compiled(fast, a, numbers(4, 3))
            assert got.item() == pytest.approx(train_squares(eager, b, numbers(4, 3)).item(), 1e-4)
    assert compiled.compilations == 1
    assert len(compiled._records) <= 8


def test_models_and_their_memory_are_let_go() -> None:
    s = Session(True)
    settle(s.step, s.function)
    compiled = s.function
    model = weakref.ref(s.model.layers[0])
    weight = weakref.ref(s.model.layers[0].weight)
    moments = weakref.ref(s.state.layers[0].weight.state.mean)
    s.model = s.state = None
    gc.collect()
    assert model() is None and weight() is None and moments() is None
    assert compiled._records == ()


def test_batches_are_not_kept() -> None:
    s = Session(True)
    settle(s.step, s.function)
    x = weakref.ref(s.x)
    s.x = numbers(8, 6, seed=5)
    assert x() is None


def test_a_step_and_an_evaluation_of_one_model_take_turns() -> None:
    s, eager = Session(True), Session(False)
    predict: Any = Jitted(lambda model, x: model(x))
    for _ in range(6):
        assert s.step() == pytest.approx(eager.step(), rel=1e-3)
        np.testing.assert_allclose(
            predict(s.model, s.x).numpy(), eager.model(s.x).numpy(), rtol=1e-3, atol=1e-5
        )
    where = s.model.layers[0].weight.numpy().ctypes.data
    s.step()
    predict(s.model, s.x)
    s.step()
    assert s.model.layers[0].weight.numpy().ctypes.data == where
    assert served(predict) > 0


def test_threads_with_models_of_their_own() -> None:
    compiled: Any = flux.jit(train_squares)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            fast, eager = nn.Dense(3, 2), nn.Dense(3, 2)
            fast.weight = eager.weight = numbers(2, 3, seed=seed)
            a, b = flux.setup(flux.Adam(0.01), fast), flux.setup(flux.Adam(0.01), eager)
            for i in range(20):
                x = numbers(4, 3, seed=i)
                got = compiled(fast, a, x).item()
                assert got == pytest.approx(train_squares(eager, b, x).item(), rel=1e-3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_inside_other_transformations_the_function_is_part_of_them() -> None:
    compiled: Any = Jitted(lambda w, x: (w * x).sum())
    w, x = numbers(3), numbers(3, seed=1)
    settle(lambda: compiled(w, x), compiled)
    np.testing.assert_allclose(flux.gradient(compiled, w, x)[0].numpy(), x.numpy(), rtol=1e-6)
    outer: Any = Jitted(lambda w: compiled(w, w) + 1)
    assert outer(w).item() == pytest.approx(float((w.numpy() ** 2).sum()) + 1, rel=1e-5)
    batched = flux.vmap(compiled)(flux.stack([w, w]), flux.stack([x, x]))
    assert batched.shape == (2,)


def test_an_error_while_tracing_leaves_records_alone() -> None:
    compiled: Any = Jitted(lambda x: x @ flux.ones((3, 2)))
    settle(lambda: compiled(numbers(4, 3)), compiled)
    with pytest.raises(ShapeError):
        compiled(numbers(4, 5))
    before = served(compiled)
    compiled(numbers(4, 3))
    assert served(compiled) == before + 1


def test_arguments_that_the_function_does_not_take() -> None:
    compiled: Any = Jitted(lambda x: x + 1)
    settle(lambda: compiled(flux.ones(2)), compiled)
    for wrong in ((), (flux.ones(2), flux.ones(2))):
        with pytest.raises(TypeError):
            compiled(*wrong)
    with pytest.raises(TypeError):
        compiled(flux.ones(2), y=1)


def test_a_method_is_served_too() -> None:
    class Trainer:
        scale = 3.0

        @flux.jit
        def step(self, model: Any, x: Tensor) -> Tensor:
            loss: Tensor = (model(x) * self.scale).sum()
            return loss

    trainer, model, x = Trainer(), nn.Dense(3, 2), numbers(4, 3)
    for _ in range(5):
        got: Any = trainer.step(model, x)
        assert got.item() == pytest.approx(float(3 * model(x).sum()), rel=1e-4)
    assert served(Trainer.__dict__["step"]) > 0


def test_a_jitted_function_itself_can_be_let_go() -> None:
    model = nn.Dense(3, 2)
    compiled: Any = Jitted(lambda m, x: m(x))
    settle(lambda: compiled(model, numbers(4, 3)), compiled)
    reference = weakref.ref(compiled)
    del compiled
    gc.collect()
    assert reference() is None
    assert model(numbers(4, 3)).shape == (4, 2)


def test_the_first_call_writes_in_place() -> None:
    flux.seed(0)
    model = nn.Chain(nn.Dense(4, 8, flux.relu), nn.Dense(8, 2))
    state = flux.setup(flux.Adam(0.1), model)

    @flux.jit
    def step(model: Any, state: Any, x: Tensor) -> Tensor:
        loss, grads = flux.withgradient(lambda m: (m(x) ** 2).sum(), model)
        flux.update(state, model, grads)
        return loss

    places = [t._data.ctypes.data for t in leaves((model, state)) if t.ndim]
    kept = model[0].weight
    before = kept.numpy().copy()
    step(model, state, flux.ones((3, 4)))
    now = [t._data.ctypes.data for t in leaves((model, state)) if t.ndim]
    assert sum([a != b for a, b in zip(places, now, strict=True)]) == 1
    assert model[0].weight is not kept
    np.testing.assert_array_equal(kept.numpy(), before)


def test_nothing_of_a_model_outlives_it() -> None:
    @flux.jit
    def step(model: Any, x: Tensor) -> Tensor:
        model.weight = model.weight * 2
        return (x @ model.weight).sum()

    class Times(nn.Module):
        def __init__(self) -> None:
            self.weight = flux.ones((4, 4))

    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            model = Times()
            for _ in range(4):
                step(model, flux.ones((2, 4)))
            seen = weakref.ref(model.weight)
            del model
            assert seen() is None
    finally:
        gc.enable()
