"""Trees: what is a branch, sharing, order, and rebuilding."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

import typedflux as flux
from typedflux import Tensor, ops
from typedflux.core.tree import Unfolded, children, format_path, iterate, leaves, map_leaves
from typedflux.nn import Module, buffer, tied


class Pair(NamedTuple):
    first: Tensor
    second: Any


@dataclass(frozen=True, slots=True)
class Frozen:
    weight: Tensor
    name: str


class Leaf(Module):
    def __init__(self, value: float) -> None:
        self.weight = flux.asarray([value])
        self.count = buffer(ops.zeros(()))


class Two(Module):
    def __init__(self) -> None:
        self.a = Leaf(1.0)
        self.b = self.a
        self.others = [Leaf(2.0), {"k": Leaf(3.0)}]
        self.activation = flux.asarray


def _nothing() -> Any:
    return []


def double(tree: Any) -> Any:
    return map_leaves(lambda t: t * 2, tree)


def test_every_kind_of_branch_is_walked_and_rebuilt() -> None:
    x = flux.asarray([1.0])
    tree = {
        "list": [x, 3], "tuple": (x,), "pair": Pair(x, {"deep": x}), "frozen": Frozen(x, "n"),
        "ordered": OrderedDict(a=x), "default": defaultdict(_nothing, a=x), "none": None,
    }  # fmt: skip
    new = double(tree)
    assert [t.tolist() for t in leaves(new)] == [[2.0]] * 7
    assert isinstance(new["pair"], Pair) and isinstance(new["frozen"], Frozen)
    assert new["frozen"].name == "n" and new["list"][1] == 3
    assert isinstance(new["default"], defaultdict) and new["default"]["other"] == []
    assert [t.tolist() for t in leaves(tree)] == [[1.0]] * 7


def test_paths_read_as_python() -> None:
    model = Two()
    paths = [format_path(path) for path, _, _ in iterate({"m": model})]
    assert paths == ["m.a.weight", "m.a.count", "m.others[0].weight", "m.others[0].count",
                     "m.others[1].k.weight", "m.others[1].k.count"]  # fmt: skip


def test_state_is_told_from_parameters() -> None:
    assert [is_state for _, _, is_state in iterate(Leaf(1.0))] == [False, True]
    leaf = Leaf(1.0)
    setattr(leaf, "count", ops.zeros((3,)))  # noqa: B010
    assert [is_state for _, _, is_state in iterate(leaf)] == [False, True]


def test_a_shared_module_is_visited_once_and_stays_shared() -> None:
    model = Two()
    assert len(leaves(model)) == 6
    copy = double(model)
    assert copy.a is copy.b and copy.a is not model.a


def test_branches_without_leaves_stay_themselves() -> None:
    static = {"n": [1, 2, (3, None)]}
    assert double(static) is static


def test_a_cycle_is_refused() -> None:
    loop: list[Any] = [flux.asarray([1.0])]
    loop.append(loop)
    with pytest.raises(ValueError, match="contains itself"):
        double(loop)


def test_leaves_and_static_values_have_no_children() -> None:
    for value in (flux.asarray([1.0]), 3, "text", None, Module, len):
        assert children(value) is None


class Tying(Module):
    def __init__(self) -> None:
        self.embedding = Leaf(2.0)
        self.head = tied(self.embedding, "weight", lambda w: w * 10)


def test_a_tie_is_one_leaf_with_a_summed_gradient() -> None:
    model = Tying()
    assert len([1 for _, _, is_state in iterate(model) if not is_state]) == 1
    assert model.head.tolist() == [20.0]
    grads = flux.gradient(lambda m: (m.embedding.weight + m.head).sum(), model)
    assert grads.embedding.weight.tolist() == [11.0]
    with pytest.raises(AttributeError, match="tied"):
        model.head = flux.asarray([1.0])


def test_a_tree_taken_apart_is_put_together_as_often_as_wanted() -> None:
    tree = [
        Two(),
        {"frozen": Frozen(flux.asarray(1.0), "w"), "static": (1, "b")},
        Pair(ops.zeros(2), 3),
    ]
    unfolded = Unfolded(tree)
    assert [leaf for _, leaf, _ in iterate(tree)] == unfolded.leaves
    assert [is_state for _, _, is_state in iterate(tree)] == unfolded.states
    assert unfolded.fold(unfolded.leaves) is tree
    for offset in (1.0, 2.0):
        new = [leaf + offset for leaf in unfolded.leaves]
        made = unfolded.fold(new)
        assert all(a is b for a, b in zip(leaves(made), new, strict=True))
        assert made[0].a is made[0].b and made[1]["static"] is tree[1]["static"]
        assert type(made[1]["frozen"]) is Frozen and type(made[2]) is Pair
    copies: list[tuple[Any, Any]] = []
    unfolded.fold(unfolded.leaves, lambda original, copy: copies.append((original, copy)))
    objects = [type(original) for original, _ in copies if hasattr(original, "tree_fields")]
    assert objects == [Leaf, Leaf, Leaf, Two]
    assert [type(original) for original, _ in copies[-2:]] == [dict, list]
    assert all(type(copy) is type(original) for original, copy in copies)
    assert all(copy is not original for original, copy in copies)
    assert all(original is not copy for original, copy in copies)


def test_what_is_put_together_is_the_tree_that_was_taken_apart() -> None:
    tree: dict[str, Any] = {"a": [flux.asarray(1.0)]}
    unfolded = Unfolded(tree)
    tree["b"] = flux.asarray(2.0)
    tree["a"].append(flux.asarray(3.0))
    assert unfolded.fold([0]) == {"a": [0]}


def test_a_leaf_and_a_static_value_are_trees() -> None:
    assert Unfolded(ops.zeros(())).fold([5]) == 5
    assert Unfolded("static").fold([]) == "static"
