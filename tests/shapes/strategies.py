"""What the tests of this floor share: random expressions, symbolic twins of shapes, a recorder."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from typedflux.shapes.dims import (
    Dimension,
    Kind,
    Shape,
    dim_max,
    dim_min,
    evaluate,
    hint_of,
    symbol,
)

NAMES = ("a", "b", "c")
Env = dict[str, int]

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "min": min,
    "max": max,
}
SYMBOLIC: dict[str, Callable[[Dimension, Dimension], Dimension]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "min": dim_min,
    "max": dim_max,
}


@dataclass(frozen=True)
class Tree:
    """An arithmetic expression, computable over numbers and over sizes."""

    head: str | int
    children: tuple["Tree", ...] = ()

    def number(self, env: Env) -> int:
        if not self.children:
            return self.head if isinstance(self.head, int) else env[self.head]
        left, right = (child.number(env) for child in self.children)
        return OPERATIONS[str(self.head)](left, right)

    def size(self) -> Dimension:
        if not self.children:
            return self.head if isinstance(self.head, int) else symbol(self.head)
        left, right = (child.size() for child in self.children)
        return SYMBOLIC[str(self.head)](left, right)


def trees(operations: Sequence[str] = tuple(OPERATIONS)) -> st.SearchStrategy[Tree]:
    leaves = st.builds(Tree, st.sampled_from(NAMES) | st.integers(-4, 8))
    return st.recursive(
        leaves,
        lambda inner: st.builds(Tree, st.sampled_from(operations), st.tuples(inner, inner)),
        max_leaves=8,
    )


envs = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 9)))
shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@dataclass
class Recorder:
    """The owner of hinted sizes: remembers what was decided, and checks that it is true."""

    guards: list[tuple[str, bool]] = field(default_factory=list)

    def guard(self, left: Dimension, relation: str, right: Dimension, holds: bool) -> None:
        compare = {"==": operator.eq, "<": operator.lt, "<=": operator.le}
        compare |= {">": operator.gt, ">=": operator.ge}
        x, y = hint_of(left), hint_of(right)
        assert x is not None and y is not None and compare[relation](x, y) == holds
        self.guards.append((f"{left}{relation}{right}", holds))


@dataclass
class Twin:
    """Makes symbolic twins of numbers, and turns sizes computed from them back into numbers."""

    kind: Kind
    owner: Recorder = field(default_factory=Recorder)
    values: Env = field(default_factory=dict)

    def size(self, value: int) -> Dimension:
        name = f"s{len(self.values)}"
        self.values[name] = value
        hint = value if self.kind == "hinted" else None
        return symbol(name, kind=self.kind, hint=hint, owner=self.owner)

    def shape(self, values: Sequence[int]) -> Shape:
        return tuple(map(self.size, values))

    def agrees(self, shape: Sequence[Dimension], wanted: Sequence[int]) -> bool:
        """Whether a symbolic shape stands for this one, as far as it says."""
        return len(shape) == len(wanted) and all(
            str(size) == "_" or evaluate(size, self.values) == value
            for size, value in zip(shape, wanted, strict=True)
        )
