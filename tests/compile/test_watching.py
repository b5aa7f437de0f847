"""Who else sees a tensor: by native code and by the interpreter's own count."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import typedflux as flux
from typedflux import Tensor
from typedflux.compile.calls import watching
from typedflux.compile.calls.anchors import anchor_of, exchange, is_sole_array
from typedflux.compile.calls.watching import Watch
from typedflux.compile.lowering.addresses import address_of


@pytest.fixture(params=["native", "interpreter"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of counting."""
    if request.param == "interpreter":
        monkeypatch.setattr(watching, "_native", lambda: None)
    else:
        assert watching._native() is not None
    return str(request.param)


class Holder:
    """Fields with tensors, as a module has them."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {"a": flux.zeros((2, 3)) + 1, "b": (flux.zeros(4) + 1,)}

    def watch(self) -> Watch:
        a, b = self.fields["a"], self.fields["b"]
        tensors = [anchor_of(a), anchor_of(b[0])]
        return Watch(tensors, [anchor_of(b)], tensors)


Look = Callable[[dict[str, Any]], Any]
LOOKS: dict[str, Look] = {
    "tensor": lambda f: f["a"],
    "tensor in a tuple": lambda f: f["b"][0],
    "tuple": lambda f: f["b"],
    "numpy": lambda f: f["a"].numpy(),
    "part of numpy": lambda f: f["b"][0].numpy()[1:],
    "memoryview": lambda f: memoryview(f["a"].numpy()),
    "dlpack": lambda f: np.from_dlpack(f["a"]),
    "weak reference": lambda f: weakref.ref(f["b"][0]),
    "view": lambda f: f["a"].T,
    "iterator": lambda f: iter(f["b"]),
    "list": lambda f: [f["a"]],
    "bound method": lambda f: f["a"].sum,
}


@pytest.mark.parametrize("name", LOOKS)
def test_whoever_else_sees_a_tensor_is_noticed(name: str, way: str) -> None:
    holder = Holder()
    watch = holder.watch()
    assert watch.are_ours()
    kept = LOOKS[name](holder.fields)
    assert not watch.are_ours()
    del kept
    assert watch.are_ours()


def test_a_tensor_in_two_places_is_nobodys_own(way: str) -> None:
    holder = Holder()
    holder.fields["c"] = holder.fields["a"]
    watch = holder.watch()
    assert not watch.are_ours()
    del holder.fields["c"]
    assert watch.are_ours()


def test_watches_do_not_see_each_other(way: str) -> None:
    holder = Holder()
    first, second = holder.watch(), holder.watch()
    assert first.are_ours() and second.are_ours()


def test_an_exchanged_array_is_watched_in_the_place_of_the_old_one(way: str) -> None:
    holder = Holder()
    watch, other = holder.watch(), holder.watch()
    assert watch.are_ours()
    old = holder.fields["a"].numpy()
    assert not watch.are_ours()
    exchange(anchor_of(holder.fields["a"]), np.ones((2, 3), np.float32))
    assert watch.are_ours() and other.are_ours()
    new = holder.fields["a"].numpy()
    assert not watch.are_ours()
    del new
    assert watch.are_ours() and old.tolist() == [[1.0] * 3] * 2


def test_nothing_to_watch(way: str) -> None:
    assert Watch([], [], []).are_ours()


def test_memory_that_may_be_written_to() -> None:
    makers: tuple[tuple[bool, Callable[[], Tensor]], ...] = (
        (True, lambda: flux.zeros((2, 3)) + 1),
        (False, lambda: flux.asarray(np.ones((2, 3), np.float32)[:, ::2], copy=False)),
        (False, lambda: flux.asarray(np.frombuffer(b"0" * 8, np.float32), copy=False)),
        (False, lambda: flux.ones((3, 2)).T),
    )
    for expected, make in makers:
        held = {"a": make()}
        assert is_sole_array(anchor_of(held["a"])) is expected


def test_addresses_are_those_that_numpy_says() -> None:
    whole = np.arange(24.0).reshape(2, 3, 4)
    for array in (whole, whole[1], whole[:, ::-1], whole.T, np.zeros(0), np.zeros((), np.int8)):
        assert address_of(array) == array.__array_interface__["data"][0]
