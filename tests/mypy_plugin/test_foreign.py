"""Annotated arrays of other libraries: existing jaxtyping code is checked at its boundaries."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.running import verify

HEADER = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Optional, TypeVar
import jaxtyping as jt
import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Float32, Int

Image = Float[np.ndarray, "h w"]

def product(a: Float[np.ndarray, "b n"], b: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "b m"]:
    return np.asarray(a @ b)

def turn(a: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "n b"]:
    return a.T
"""

BOUNDARIES = """
def keep(a: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "n b"]:
    return a  # !! The returned value is Float[ndarray, "b n"], expected Float[ndarray, "n b"]

def two(a: Image, k: int) -> tuple[Image, Int[np.ndarray, "3"]]:
    return a, np.zeros(3)

def swapped(a: Image, n: Int[np.ndarray, "3"]) -> tuple[Int[np.ndarray, "3"], Image]:
    return a, n  # !! it wants dtype Int, not Float ;; it wants dtype Float, not Int

def early(a: Image, k: bool) -> Float[np.ndarray, "w h"]:
    if k:
        return a  # !! axis 0 is h, not w
    for _ in range(3):
        return turn(a)
    return turn(turn(a))  # !! axis 0 is h, not w

def calls(x: Float[np.ndarray, "32 784"], w: Float[npt.NDArray[np.float32], "785 10"],
          i: Int[np.ndarray, "784 10"], u: np.ndarray, o: Optional[Float[np.ndarray, "6 7"]],
          many: list[Float[np.ndarray, "3"]]) -> None:
    product(x, w)  # !! dimension 'n' is 784 from argument "a" but here it is 785
    product(x, i)  # !! it wants dtype Float, not Int
    product(x, u)
    product(u, w)
    y = product(x, x.T)
    product(y, w)
    z = turn(x)
    product(z, x)
    product(z, z)  # !! Argument 2 ("b") to "product" is Float[ndarray, "784 32"]
    product(turn(x), z)  # !! dimension 'n' is 32 from argument "a" but here it is 784
    q: Float[np.ndarray, "784 32"] = z
    wrong: Float[np.ndarray, "785 32"] = z  # !! What is assigned to "wrong" is
    made: Float[np.ndarray, "4 5"] = np.zeros((4, 6))
    product(many[0], x)  # !! it has 1 axis, not 2
    for item in many:
        product(item, x)  # !! it has 1 axis, not 2
    if o is not None:
        product(o, o)  # !! dimension 'n' is 7 from argument "a" but here it is 6
        product(o, turn(o))

def assigned_again(x: Float[np.ndarray, "32 784"], w: Float[np.ndarray, "784 10"]) -> None:
    product(x, w)
    x = x.reshape(10, -1)
    product(x, w)
    y = product(x, w)
    y = y[:3]
    product(y, w)
    for _ in range(3):
        product(w, w)
        w = turn(w)

def plain_use(x: Float[np.ndarray, "32 784"]) -> np.ndarray:
    lists: list[np.ndarray] = [x, turn(x)]
    table: dict[str, np.ndarray] = {"a": turn(x)}
    print(x.shape, x + 1, x[0], isinstance(x, np.ndarray), np.sum(x), np.dot(x, x), lists, table)
    back: list[Float[np.ndarray, "3"]] = lists
    return np.concatenate([x, x + 1, *back])

@dataclass
class Data:
    a: Float[np.ndarray, "n 3"]
    b: Float[np.ndarray, "n 4"]

    def put(self, x: Float[np.ndarray, "4 4"], y: Float[np.ndarray, "7 4"]) -> None:
        self.a = x  # !! assigned to "a" is Float[ndarray, "4 4"], expected
        self.b = y

def data(p: Float[np.ndarray, "5 3"], q: Float[np.ndarray, "5 4"],
         r: Float[np.ndarray, "6 4"]) -> None:
    Data(p, q)
    Data(p, r)  # !! dimension 'n' is 5 from argument "a" but here it is 6
    Data(q, q)  # !! axis 1 is 4, not 3
    product(Data(p, q).a, p)  # !! dimension 'n' is 3 from argument "a" but here it is 5

In = TypeVar("In")
Out = TypeVar("Out")

class Layer(Generic[In, Out]):
    weight: Float[np.ndarray, "Out In"]

    def __init__(self, weight: Float[np.ndarray, "Out In"]) -> None:
        self.weight = weight

    def __call__(self, x: Float[np.ndarray, "*batch In"]) -> Float[np.ndarray, "*batch Out"]:
        return x @ self.weight.T  # !! Returning Any

def layers(w: Float[np.ndarray, "10 784"], x: Float[np.ndarray, "32 784"]) -> None:
    layer = Layer(w)
    reveal_type(layer)  # => Layer[784, 10]
    layer(layer(x))  # !! axis 1 is 10, not 784
    keep(layer.weight)

class Mine:
    def __init__(self) -> None:
        self.k = 3

def mine(a: Float[Mine, "3 4"]) -> Float[Mine, "4 3"]:
    return a  # !! The returned value is Float[Mine, "3 4"], expected Float[Mine, "4 3"]

def others(a: Float[Mine, "3 4"], u: Any) -> int:
    mine(mine(a))  # !! axis 0 is 4, not 3
    mine(u)
    mine(Mine())
    mine("x")  # !! Argument 1 to "mine" has incompatible type "str"
    return mine(a).k

def scalars(a: Float[float, ""], b: jt.Int[int, ""]) -> float:
    return a + b

async def waits(a: Image) -> Image:
    return turn(a)

def yields(a: Image) -> Any:
    yield a
"""


def test_numpy_arrays(tmp_path: Path) -> None:
    verify(tmp_path, HEADER + BOUNDARIES)


def test_libraries_that_are_not_installed(tmp_path: Path) -> None:
    verify(
        tmp_path,
        """
        import nowhere  # type: ignore[import-not-found]
        from jaxtyping import Float
        def turn(a: Float[nowhere.Tensor, "b n"]) -> Float[nowhere.Tensor, "n b"]:
            return a.t()
        def f(x: Float[nowhere.Tensor, "2 3"], y: nowhere.Tensor) -> None:
            turn(x)
            turn(turn(x).flatten())
            turn(y)
            reveal_type(turn(x))  # => Any
        """,
    )


def test_annotations_from_another_module(tmp_path: Path) -> None:
    library = HEADER + "\nX = Float[np.ndarray, '2 3']\nx: X = np.zeros((2, 3))\n"
    program = """
    from library import Image, X, product, turn, x
    def f(a: X, b: Image) -> Image:
        product(a, a)  # !! dimension 'n' is 3 from argument "a" but here it is 2
        product(x, x)  # !! dimension 'n' is 3
        product(a, turn(a))
        return b
    """
    for _ in range(2):
        verify(tmp_path, program, {"library.py": library})
