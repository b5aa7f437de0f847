"""Classes: methods, fields, dataclasses, and dims that belong to each instance."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import pickle
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, Self, TypeVar

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float, Float32

import typedflux as flux
from tests.checks.test_typed import refused
from typedflux import Size, Tensor, nn
from typedflux.checks.class_dims import dims_of
from typedflux.shapes.errors import ShapeError

A = np.ndarray
N = TypeVar("N")
M = TypeVar("M")


def zeros(*shape: int) -> A:
    made: A = np.zeros(shape, np.float32)
    return made


@flux.typed
class Store(Generic[N, M]):
    """Sizes told by the constructor, by fields, or by the first call."""

    rows: Float[A, "N M"]
    count: int
    shared: ClassVar[int] = 3

    def __init__(self, n: Size[N]) -> None:
        self.count = n

    def put(self, rows: Float[A, "N M"]) -> Self:
        self.rows = rows
        return self

    def get(self, columns: Float[A, "M"]) -> Float[A, "N"]:
        return self.rows @ columns  # type: ignore[no-any-return]

    @property
    def first(self) -> Float[A, "M"]:
        row: Float[A, "M"] = self.rows[0]
        return row

    @first.setter
    def first(self, row: Float[A, "M"]) -> None:
        self.rows[0] = row

    @functools.cached_property
    def total(self) -> int:
        return "three"  # type: ignore[return-value]

    @staticmethod
    def twice(x: Float[A, "N"], y: Float[A, "N"]) -> Float[A, "N"]:
        return x + y  # type: ignore[no-any-return]

    @classmethod
    def of(cls, rows: Float[A, "a b"]) -> Self:
        return cls(rows.shape[0]).put(rows)

    def _private(self, x: int) -> int:
        return x


def test_class_scoped_dims_hold_for_methods_fields_and_assignments() -> None:
    store: Any = Store(3)
    assert dims_of(store) == {"N": 3}
    refused(lambda: store.put(zeros(4, 2)), "of Store (N=3): dimension 'N' is 3 but here it is 4")
    refused(lambda: setattr(store, "rows", zeros(4, 2)), "Store: field 'rows' has shape \"4 2\"")
    store.rows = zeros(3, 2)
    assert dims_of(store) == {"N": 3, "M": 2}
    assert store.get(zeros(2)).shape == (3,)
    refused(lambda: store.get(zeros(5)), "dimension 'M' is 2 but here it is 5")
    refused(lambda: setattr(store, "first", zeros(5)), "Store.first: argument 'row'")
    refused(lambda: store.total, "Store.total: the result must be int", TypeError)
    refused(lambda: setattr(store, "count", "x"), "field 'count' must be int, got str", TypeError)
    refused(lambda: store._private("x"), "Store._private: argument 'x'", TypeError)
    # Another instance has dims of its own, and static methods have none.
    assert Store(5).put(zeros(5, 7)).get(zeros(7)).shape == (5,)
    assert Store.twice(zeros(8), zeros(8)).shape == (8,)
    refused(lambda: Store.twice(zeros(8), zeros(9)), "Store.twice: argument 'y'")
    assert Store.of(zeros(4, 6)).first.shape == (6,)
    store.rows = np.zeros((3, 2), np.float32)
    store.rows[0] = 1
    store.unannotated = "anything"


def test_what_a_body_asks_sees_the_dims_of_the_instance() -> None:
    @flux.typed
    class Asking(Generic[N]):
        def __init__(self, n: Size[N]) -> None: ...

        def ask(self, x: Any) -> bool:
            return isinstance(x, Float[A, "N"])

    assert Asking(3).ask(zeros(3)) and not Asking(3).ask(zeros(4))


def test_an_instance_keeps_its_dims_when_copied_and_pickled() -> None:
    store: Any = Store(3).put(zeros(3, 2))
    for other in (copy.deepcopy(store), pickle.loads(pickle.dumps(store)), copy.copy(store)):
        refused(lambda other=other: other.get(zeros(5)), "dimension 'M' is 2")  # type: ignore[misc]


def test_subclasses_may_give_variables_other_roles() -> None:
    class Map(nn.Module, Generic[N, M]):
        def __init__(self, n: Size[N], m: Size[M]) -> None:
            self.weight = flux.ones((n, m))

        def __call__(self, x: Float[Tensor, "*b N"]) -> Float[Tensor, "*b M"]:
            return x @ self.weight

    class Back(Map[M, N], Generic[N, M]):
        def __init__(self, n: Size[N], m: Size[M]) -> None:
            super().__init__(m, n)

    class Square(Map[N, N], Generic[N]):
        def __init__(self, n: Size[N]) -> None:
            super().__init__(n, n)

    class Fixed(Map[3, 4]):
        def __init__(self, m: int) -> None:
            super().__init__(3, m)

    back: Any = Back(2, 5)
    assert dims_of(back) == {"N": 2, "M": 5} and dims_of(back, Map) == {"N": 5, "M": 2}
    assert back(flux.ones((7, 5))).shape == (7, 2)
    refused(lambda: back(flux.ones((7, 2))), "dimension 'N' is 5 but here it is 2")
    assert dims_of(Square(4), Map) == {"N": 4, "M": 4}
    assert Fixed(4)(flux.ones(3)).shape == (4,)
    refused(lambda: Fixed(5), "argument 'm' must be Size")


def test_fields_of_layers() -> None:
    layer: Any = nn.Dense(4, 3)
    refused(
        lambda: setattr(layer, "weight", flux.ones((3, 5))),
        'Dense: field \'weight\' has shape "3 5", expected Float[Tensor, "Out In"] of Dense '
        "(In=4, Out=3): dimension 'In' is 4 but here it is 5 (axis 1)",
    )
    layer.weight = flux.ones((3, 4))
    layer.bias = None
    refused(lambda: setattr(layer, "bias", 3), "field 'bias' must be", TypeError)
    assert layer(flux.ones((2, 4))).shape == (2, 3)


def test_a_class_of_layers_may_be_typed_as_a_whole() -> None:
    @flux.typed
    class Scale(nn.Module, Generic[N]):
        factor: Float[Tensor, "N"]
        name: str

        def __init__(self, n: Size[N]) -> None:
            self.factor = flux.ones(n)
            self.name = "scale"

        def __call__(self, x: Float[Tensor, "*b N"], times: int = 1) -> Float[Tensor, "*b N"]:
            return x * self.factor * times

    layer: Any = Scale(3)
    assert layer(flux.ones((2, 3)), 2).shape == (2, 3)
    refused(lambda: layer(flux.ones((2, 4))), "'N' is 3 but here it is 4")
    refused(lambda: layer(flux.ones((2, 3)), "2"), "argument 'times' must be int", TypeError)
    refused(lambda: setattr(layer, "name", 3), "field 'name' must be str", TypeError)
    refused(lambda: layer(flux.zeros((2, 3), dtype="float64")), "but factor is float32", TypeError)


@flux.typed
@dataclasses.dataclass
class Batch:
    x: Float[A, "n d"]
    y: Float[A, "n"] = dataclasses.field(default_factory=lambda: zeros(4))
    epochs: int = 1
    seed: dataclasses.InitVar[int] = 0

    def __post_init__(self, seed: int) -> None:
        if seed:
            self.y = zeros(seed)

    def rows(self, n: Size["n"]) -> Float[A, "n d"]:
        return self.x[:n]


def test_dataclasses_are_verified_as_a_whole() -> None:
    batch: Any = Batch(zeros(4, 2))
    assert Batch(zeros(3, 2), zeros(3)).rows(2).shape == (2, 2)
    make: Any = Batch
    refused(lambda: make(zeros(3, 2), zeros(4)), "Batch: argument 'y' has shape \"4\"")
    refused(lambda: make(zeros(3, 2)), "Batch: argument 'y' has shape \"4\"")  # by its factory
    refused(lambda: make(zeros(3, 2), zeros(3), seed=5), "Batch: argument 'y' has shape \"5\"")
    refused(lambda: make(zeros(4, 2), epochs="1"), "argument 'epochs' must be int", TypeError)
    refused(lambda: setattr(batch, "x", zeros(4)), "field 'x' has shape \"4\"")
    assert dataclasses.replace(batch, x=zeros(4, 9), seed=0).x.shape == (4, 9)


def test_frozen_and_slotted_dataclasses() -> None:
    @flux.typed
    @dataclasses.dataclass(frozen=True, slots=True)
    class Point(Generic[N]):
        x: Float[A, "N"]
        y: Float[A, "N"] = dataclasses.field(default_factory=lambda: zeros(4))

        def moved(self, by: Float[A, "N"]) -> Self:
            return type(self)(self.x + by, self.y)

    assert Point(zeros(4)).moved(zeros(4)).x.shape == (4,)
    refused(lambda: Point(zeros(3)), "Point: argument 'y'")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(zeros(4)).x = zeros(4)  # type: ignore[misc]


def test_special_classes_stay_what_they_are() -> None:
    @flux.typed
    class Colour(enum.Enum):
        RED = 1

    @flux.typed
    class Pair(NamedTuple):
        x: Float[A, "n"]
        y: Float[A, "n"]

    @flux.typed
    class Speaks(Protocol):
        def speak(self, x: int) -> int: ...

    assert Colour(1) is Colour.RED
    assert Pair(zeros(3), zeros(3)).x.shape == (3,)
    refused(lambda: Pair(zeros(3), zeros(4)), "argument 'y' has shape \"4\"")
    assert not hasattr(Speaks.speak, "__wrapped__")


def test_one_method_alone() -> None:
    class Half(Generic[N]):
        @flux.typed
        def __init__(self, n: Size[N]) -> None: ...

        @staticmethod
        @flux.typed
        def one(x: Float[A, "3"]) -> None: ...

        @flux.typed
        @staticmethod
        def two(x: Float[A, "3"]) -> None: ...

        @flux.typed
        @classmethod
        def three(cls, x: Float[A, "3"]) -> None: ...

        @property
        @flux.typed
        def four(self) -> int:
            return "x"  # type: ignore[return-value]

        @flux.typed
        def five(self, x: Float[A, "N"], other: Half[N] | None = None) -> Self:
            return self

    half = Half(3)
    for call in (half.one, half.two, half.three):
        call(zeros(3))
        refused(lambda call=call: call(zeros(4)), "axis 0 is 4, not 3")  # type: ignore[misc]
    refused(lambda: half.four, "the result must be int", TypeError)
    assert half.five(zeros(3), half) is half
    refused(lambda: half.five(zeros(4)), "of Half (N=3): dimension 'N' is 3 but here it is 4")


def test_the_kinds_of_errors() -> None:
    with pytest.raises(flux.ShapeError) as caught:
        Store(3).put(zeros(4, 2))
    error = caught.value
    assert isinstance(error, (ValueError,)) and isinstance(error, jaxtyping.TypeCheckError)
    assert isinstance(error, ShapeError) and error.__cause__ is None
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_exact_dtypes_of_fields() -> None:
    @flux.typed
    class Exact:
        x: Float32[A, "..."]

    held = Exact()
    held.x = zeros(3)
    refused(lambda: setattr(held, "x", np.zeros(3)), "field 'x' must be Float32", TypeError)


def test_dims_that_the_first_call_tells() -> None:
    class Scale(nn.Module, Generic[N]):
        def __call__(self, x: Float[Tensor, "*b N"]) -> Float[Tensor, "*b N"]:
            return x * 2

    for call in (
        lambda m, x: flux.gradient(lambda x: m(x).sum(), x),
        lambda m, x: flux.gradient(lambda m, x: m(x).sum(), m, x),
        flux.jit(lambda m, x: m(x)),
        lambda m, x: m(x),
    ):
        layer: Any = Scale()
        called: Any = call
        called(layer, flux.ones((2, 3)))
        called(layer, flux.ones((4, 3)))
        other = copy.copy(layer)
        assert layer(flux.ones((2, 3))).shape == (2, 3) and dims_of(layer) == {"N": 3}
        refused(lambda layer=layer: layer(flux.ones(4)), "dimension 'N' is 3")  # type: ignore[misc]
        assert dims_of(other) == {} or dims_of(other) == {"N": 3}
    store: Any = Store(3)
    other = copy.copy(store)
    assert other.put(zeros(3, 2)).get(zeros(2)).shape == (3,)
    assert store.put(zeros(3, 7)).get(zeros(7)).shape == (3,)
