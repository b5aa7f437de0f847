"""No old reference ever changes its value: one table of ways to keep one, eager and compiled.

A compiled step writes in place where nobody else sees a tensor, which the first test makes sure of;
all others keep something, and go on.
"""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor, nn
from typedflux.nn.module import Module, buffer


class Model(Module):
    """Parameters in a field, in a list and in a tuple, and state."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.weight = flux.asarray(rng.standard_normal((4, 3)).astype(np.float32))
        self.pair = [flux.asarray([0.5, -0.5, 1.0]), flux.asarray([1.0, 2.0, 3.0])]
        self.steps = buffer(flux.zeros(()))

    def __call__(self, x: Tensor) -> Tensor:
        self.steps = self.steps + 1
        return (x @ self.weight + self.pair[0]) * self.pair[1]


class Session:
    """A model in training."""

    def __init__(self, compiled: bool) -> None:
        self.model = Model()
        self.state = flux.setup(flux.Adam(0.01), self.model)
        self.x = flux.asarray(np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32))
        self.function: Any = flux.jit(step) if compiled else step

    def run(self, steps: int = 1, x: Tensor | None = None) -> None:
        for _ in range(steps):
            self.function(self.model, self.state, self.x if x is None else x)

    def addresses(self) -> list[int]:
        """Where the tensors are that a step changes."""
        held: Any = self.state
        moments = [held.weight.state, held.pair[0].state, held.pair[1].state]
        tensors = [self.model.weight, *self.model.pair, self.model.steps]
        tensors += [t for m in moments for t in (m.mean, m.square, *m.powers)]
        return [address(t) for t in tensors]


def step(model: Any, state: Any, x: Tensor) -> Tensor:
    loss, grads = flux.withgradient(lambda m: (m(x) ** 2).mean(), model)
    flux.update(state, model, grads)
    return loss


def address(tensor: Tensor) -> int:
    return tensor.numpy().ctypes.data


STEADY = 5
"""Steps after which a compiled step has settled: traced, recorded, memory of its own."""


def test_a_compiled_step_writes_in_place_what_nobody_else_sees() -> None:
    session = Session(True)
    session.run(STEADY)
    before = session.addresses()
    first = session.model.weight.numpy().copy()
    session.run(3)
    assert session.addresses() == before
    assert np.abs(session.model.weight.numpy() - first).max() > 0.01


# Each keeps something of a session, and returns how its present value is read.
Keep = Callable[[Session], Callable[[], Any]]


def tensor(s: Session) -> Callable[[], Any]:
    kept = s.model.weight
    return lambda: kept.tolist()


def buffer_tensor(s: Session) -> Callable[[], Any]:
    kept = s.model.steps
    return lambda: kept.tolist()


def numpy_view(s: Session) -> Callable[[], Any]:
    kept = s.model.weight.numpy()
    return lambda: kept.tolist()


def part_of_a_numpy_view(s: Session) -> Callable[[], Any]:
    kept = s.model.weight.numpy()[1:, ::2].T
    return lambda: kept.tolist()


def numpy_through_the_protocol(s: Session) -> Callable[[], Any]:
    kept = np.asarray(s.model.weight)
    return lambda: kept.tolist()


def memory_view(s: Session) -> Callable[[], Any]:
    view: Any = s.model.weight.numpy()
    kept = memoryview(view)
    return lambda: kept.tolist()


def buffer_protocol(s: Session) -> Callable[[], Any]:
    kept = s.model.weight.__buffer__(0)
    return lambda: kept.tolist()


def dlpack_export(s: Session) -> Callable[[], Any]:
    kept = np.from_dlpack(s.model.weight)
    return lambda: kept.tolist()


def dlpack_capsule(s: Session) -> Callable[[], Any]:
    capsule = s.model.weight.__dlpack__()

    class Exporter:
        def __dlpack__(self, **options: Any) -> Any:
            return capsule

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    made: list[Any] = []

    def read() -> Any:
        if not made:
            made.append(np.from_dlpack(Exporter()))
        return made[0].tolist()

    return read


def row(s: Session) -> Callable[[], Any]:
    kept = s.model.weight[1]
    return lambda: kept.tolist()


def transpose(s: Session) -> Callable[[], Any]:
    kept = s.model.weight.T
    return lambda: kept.tolist()


def reshaped(s: Session) -> Callable[[], Any]:
    kept = s.model.weight.reshape(-1)
    return lambda: kept.tolist()


def rows(s: Session) -> Callable[[], Any]:
    kept = list(s.model.weight)
    return lambda: [r.tolist() for r in kept]


def list_of_tensors(s: Session) -> Callable[[], Any]:
    kept = s.model.pair
    return lambda: [t.tolist() for t in kept]


def item_of_a_list(s: Session) -> Callable[[], Any]:
    kept = s.model.pair[1]
    return lambda: kept.tolist()


def moments(s: Session) -> Callable[[], Any]:
    kept = s.state.weight.state
    return lambda: [kept.mean.tolist(), kept.square.tolist(), [t.tolist() for t in kept.powers]]


def part_of_the_moments(s: Session) -> Callable[[], Any]:
    kept = s.state.pair[0].state.powers
    return lambda: [t.tolist() for t in kept]


def parameters(s: Session) -> Callable[[], Any]:
    kept = flux.trainables(s.model)
    return lambda: [t.tolist() for t in kept]


def fields(s: Session) -> Callable[[], Any]:
    kept = dict(vars(s.model))
    return lambda: (kept["weight"].tolist(), [t.tolist() for t in kept["pair"]])


def shallow_copy(s: Session) -> Callable[[], Any]:
    kept = copy.copy(s.model)
    return lambda: (kept.weight.tolist(), kept.steps.tolist())


def deep_copy(s: Session) -> Callable[[], Any]:
    kept = copy.deepcopy(s.model)
    return lambda: (kept.weight.tolist(), [t.tolist() for t in kept.pair], kept.steps.tolist())


def deep_copy_of_the_state(s: Session) -> Callable[[], Any]:
    kept: Any = copy.deepcopy(s.state)
    return lambda: kept.weight.state.mean.tolist()


def pickled(s: Session) -> Callable[[], Any]:
    kept = pickle.dumps(s.model)
    return lambda: pickle.loads(kept).weight.tolist()


def pickled_out_of_band(s: Session) -> Callable[[], Any]:
    buffers: list[pickle.PickleBuffer] = []
    kept = pickle.dumps(s.model, protocol=5, buffer_callback=buffers.append)
    return lambda: pickle.loads(kept, buffers=buffers).weight.tolist()


def tie_by_hand(s: Session) -> Callable[[], Any]:
    other = nn.Dense(3, 4)
    other.weight = s.model.weight
    return lambda: other.weight.tolist()


def destructured(s: Session) -> Callable[[], Any]:
    kept, _ = flux.destructure(s.model)
    return lambda: kept.tolist()


def closure(s: Session) -> Callable[[], Any]:
    def read(kept: Tensor = s.model.weight) -> Any:
        return kept.tolist()

    return read


def cycle(s: Session) -> Callable[[], Any]:
    kept: list[Any] = [s.model.weight]
    kept.append(kept)
    reference = weakref.ref(kept[0])

    def read() -> Any:
        found = reference()
        return None if found is None else found.tolist()

    value = read()
    return lambda: read() or value  # whenever the cycle is collected


def traced_constant(s: Session) -> Callable[[], Any]:
    weight = s.model.weight
    kept = flux.jit(lambda x: x + weight)
    return lambda: kept(flux.zeros((4, 3))).tolist()


def result_of_a_step(s: Session) -> Callable[[], Any]:
    @flux.jit
    def half(model: Any) -> Any:
        model.weight = model.weight / 2
        return model.weight

    for _ in range(4):
        kept = half(s.model)
    return lambda: kept.tolist()


def view_from_a_step(s: Session) -> Callable[[], Any]:
    @flux.jit
    def half(model: Any) -> Any:
        model.weight = model.weight / 2
        return model.weight.reshape(-1)

    for _ in range(4):
        kept = half(s.model)
    return lambda: kept.tolist()


def old_value_from_a_step(s: Session) -> Callable[[], Any]:
    @flux.jit
    def half(model: Any) -> Any:
        old = model.weight
        model.weight = old / 2
        return old

    for _ in range(4):
        kept = half(s.model)
    return lambda: kept.tolist()


KEEPS: tuple[Keep, ...] = (
    tensor, buffer_tensor, numpy_view, part_of_a_numpy_view, numpy_through_the_protocol,
    memory_view, buffer_protocol, dlpack_export, dlpack_capsule, row, transpose, reshaped, rows,
    list_of_tensors, item_of_a_list, moments, part_of_the_moments, parameters, fields,
    shallow_copy, deep_copy, deep_copy_of_the_state, pickled, pickled_out_of_band, tie_by_hand,
    destructured, closure, cycle, traced_constant, result_of_a_step, view_from_a_step,
    old_value_from_a_step,
)  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("before", [0, 1, 2, STEADY])
@pytest.mark.parametrize("keep", KEEPS, ids=lambda keep: keep.__name__)
def test_what_was_kept_stays(keep: Keep, before: int, compiled: bool) -> None:
    session = Session(compiled)
    session.run(before)
    read = keep(session)
    value = read()
    for _ in range(4):
        session.run()
        assert read() == value


@pytest.mark.parametrize("keep", KEEPS, ids=lambda keep: keep.__name__)
def test_what_is_kept_changes_no_results(keep: Keep) -> None:
    eager, compiled = Session(False), Session(True)
    reads = []
    for _ in range(STEADY):
        for session in (eager, compiled):
            session.run()
            reads.append(keep(session))
    for session in (eager, compiled):
        session.run(2)
    np.testing.assert_allclose(
        compiled.model.weight.numpy(), eager.model.weight.numpy(), rtol=1e-4, atol=1e-6
    )
    assert compiled.model.steps.item() == eager.model.steps.item()


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_weak_reference_sees_the_old_value_or_nothing(compiled: bool) -> None:
    session = Session(compiled)
    session.run(STEADY)
    for _ in range(3):
        kept = weakref.ref(session.model.weight)
        session.run()
        gc.collect()
        assert kept() is None


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_parameter_that_is_also_an_argument(compiled: bool) -> None:
    session = Session(compiled)
    square = flux.asarray(np.eye(4, dtype=np.float32)[:, :4])
    session.run(STEADY, square)
    for _ in range(3):
        x = session.model.weight[:, :0]
        kept = flux.concat([x, square], axis=1)
        session.run(1, kept)
        np.testing.assert_array_equal(kept.numpy(), square.numpy())

    @flux.jit
    def scaled(model: Any, by: Tensor) -> Tensor:
        model.weight = model.weight + by
        return by * 1

    run: Any = scaled if compiled else scaled.__wrapped__  # type: ignore[attr-defined]
    for _ in range(5):
        before = session.model.weight.numpy().copy()
        np.testing.assert_allclose(run(session.model, session.model.weight).numpy(), before)
        np.testing.assert_allclose(session.model.weight.numpy(), 2 * before, rtol=1e-6)


def test_memory_that_is_not_the_tensors_own_is_not_written_to() -> None:
    outside = np.arange(12, dtype=np.float32).reshape(4, 3)
    whole = flux.asarray(outside, copy=False)
    session = Session(True)
    session.run(STEADY)
    for kept in (whole, whole[:2].reshape(2, 3)):
        values = outside.copy()

        @flux.jit
        def add(model: Any) -> None:
            model.weight = model.weight + 1

        session.model.weight = kept
        del kept
        for i in range(5):
            np.testing.assert_array_equal(
                session.model.weight.numpy(), values[: len(session.model.weight)] + i
            )
            add(session.model)
        np.testing.assert_array_equal(outside, values)


def test_read_only_memory_is_not_written_to() -> None:
    raw = np.frombuffer(b"\0" * 48, np.float32).reshape(4, 3)
    model = Model()
    model.weight = flux.asarray(raw, copy=False)

    @flux.jit
    def add(model: Any) -> None:
        model.weight = model.weight + 1

    for _ in range(5):
        add(model)
    assert raw.tolist() == [[0.0] * 3] * 4
    assert model.weight.tolist() == [[5.0] * 3] * 4


def test_an_error_in_the_middle_leaves_all_as_it_was() -> None:
    table = nn.Embedding(7, 3)

    @flux.jit
    def train(model: Any, state: Any, words: Tensor) -> Tensor:
        model.weight = model.weight * 1.5
        loss, grads = flux.withgradient(lambda m: (m(words) ** 2).sum(), model)
        flux.update(state, model, grads)
        return loss

    state: Any = flux.setup(flux.Adam(0.01), table)
    good, bad = flux.asarray([1, 2, 3]), flux.asarray([1, 2, 70])
    for _ in range(STEADY):
        train(table, state, good)
    where, held = address(table.weight), state.weight.state
    values = table.weight.tolist()
    mean = held.mean.tolist()
    del held
    with pytest.raises((IndexError, ValueError)):
        train(table, state, bad)
    assert table.weight.tolist() == values
    assert state.weight.state.mean.tolist() == mean
    assert address(table.weight) == where
    train(table, state, good)


def test_two_fields_that_change_places() -> None:
    model = Model()

    @flux.jit
    def turn(model: Any) -> None:
        a, b = model.pair
        model.pair = [b, a * 2]

    for _ in range(6):
        a, b = (t.numpy().copy() for t in model.pair)
        turn(model)
        np.testing.assert_array_equal(model.pair[0].numpy(), b)
        np.testing.assert_array_equal(model.pair[1].numpy(), 2 * a)


def test_one_value_in_two_fields() -> None:
    class Two(Module):
        def __init__(self) -> None:
            self.a, self.b = flux.ones(3), flux.ones(3) * 2

    two = Two()

    @flux.jit
    def add(model: Any) -> None:
        model.a = model.b = model.a + model.b

    expected = [3.0]
    for _ in range(5):
        add(two)
        assert two.a.tolist() == two.b.tolist() == expected * 3
        assert two.a is two.b
        expected = [2 * expected[0]]
    for _ in range(3):
        two.a, two.b = flux.ones(3) * 5, flux.ones(3) * 2
        add(two)
        assert two.a is two.b and two.a.tolist() == [7.0] * 3


def test_a_copy_that_follows_its_model() -> None:
    online, target = Model(), Model()

    @flux.jit
    def train(online: Any, target: Any) -> None:
        target.weight = online.weight
        online.weight = online.weight + 1

    for _ in range(6):
        before = online.weight.numpy().copy()
        train(online, target)
        np.testing.assert_array_equal(target.weight.numpy(), before)
        np.testing.assert_array_equal(online.weight.numpy(), before + 1)
