"""One scope for each call: in threads, in recursion, in nested calls, in what pauses."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from typing import Any

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, Float32
from jaxtyping._storage import get_shape_memo

import typedflux as flux
from typedflux.checks.scopes import stack

A = np.ndarray


def zeros(*shape: int) -> A:
    made: A = np.zeros(shape, np.float32)
    return made


def bindings() -> dict[str, int]:
    single, *_ = get_shape_memo()  # type: ignore[no-untyped-call]
    return dict(single)


@flux.typed
def depth(x: Float[A, "n"]) -> Float[A, "n"]:
    before = bindings()
    if len(x) > 1:
        assert depth(x[1:]).shape == (len(x) - 1,)
    assert bindings() == before == {"n": len(x)}
    return x


def test_recursion() -> None:
    depth(zeros(50))
    assert stack() == []


def test_a_call_that_raises_leaves_nothing_behind() -> None:
    @flux.typed
    def f(x: Float[A, "n"]) -> None:
        raise KeyError(bindings())

    for _ in range(3):
        with pytest.raises(KeyError, match="'n': 4"):
            f(zeros(4))
        with pytest.raises(flux.ShapeError):
            f(zeros(4, 4))
    assert stack() == []


def test_a_plain_callee_shares_the_scope_and_a_checked_one_has_its_own() -> None:
    def plain(x: Any) -> bool:
        return isinstance(x, Float[A, "n"])

    @flux.typed
    def checked(x: Float[A, "n"]) -> None: ...

    @flux.typed
    def f(x: Float[A, "n"]) -> None:
        assert plain(zeros(3)) and not plain(zeros(4))
        checked(zeros(9))
        with jaxtyping.jaxtyped("context"):
            assert plain(zeros(4))
        assert not plain(zeros(4))

    f(zeros(3))
    assert plain(zeros(4)) and plain(zeros(5))


def test_an_unannotated_function_has_a_scope_too() -> None:
    @flux.typed
    def f(x, y):  # type: ignore[no-untyped-def]
        return isinstance(x, Float[A, "n"]) and isinstance(y, Float[A, "n"])

    g: Any = f
    assert g(zeros(2), zeros(2)) and not g(zeros(2), zeros(3))


def test_placeholders_in_the_body_see_the_arguments() -> None:
    @flux.typed
    def f(k: int, *rest: int) -> bool:
        return isinstance(zeros(5), Float[A, "{k}+{len(rest)}"])

    assert f(3, 1, 1) and not f(3)


def test_threads_do_not_see_each_other() -> None:
    wrong: list[str] = []
    barrier = threading.Barrier(6)

    @flux.typed
    def f(x: Float32[A, "n m"], y: Float32[A, "n k"]) -> Float32[A, "n m"]:
        if bindings() != {"n": x.shape[0], "m": 2, "k": 3}:
            wrong.append("another call's names")
        return x

    def work(n: int) -> None:
        good, bad = zeros(n, 3), zeros(n + 1, 3)
        barrier.wait()  # the first call, which compiles, happens in all of them at once
        for _ in range(200):
            f(zeros(n, 2), good)
            try:
                f(zeros(n, 2), bad)
            except flux.ShapeError as error:
                if f"dimension 'n' is {n} but here it is {n + 1}" not in str(error):
                    wrong.append(str(error))
            else:
                wrong.append("accepted")

    workers = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_calls_leave_no_memory_behind() -> None:
    @flux.typed
    def f(x: Float32[A, "n m"], y: list[Float32[A, "n k"]]) -> Float32[A, "n m"]:
        return x

    def run(count: int) -> None:
        for i in range(count):
            f(zeros(i % 5, 2), [zeros(i % 5, i % 3)])
            with pytest.raises(flux.ShapeError):
                f(zeros(2, 2), [zeros(3, 3)])

    run(50)
    gc.collect()
    tracemalloc.start()
    try:
        run(10)
        before, _ = tracemalloc.get_traced_memory()
        run(300)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000  # less than one object for each call


def test_functions_made_again_and_again_are_freed() -> None:
    import weakref

    def make(n: int) -> Any:
        @flux.typed
        def f(x: Float[A, "n"]) -> int:
            return n

        f(zeros(2))
        return weakref.ref(f)

    made = [make(i) for i in range(20)]
    gc.collect()
    assert all(reference() is None for reference in made)
