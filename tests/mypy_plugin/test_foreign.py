"""Annotated arrays of other libraries: existing jaxtyping code is checked at its boundaries."""

from __future__ import annotations

from pathlib import Path

from mypy import api

from tests.mypy_plugin.expecting import verify
from tests.mypy_plugin.running import check

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


ORDINARY = """
from __future__ import annotations
from typing import Any, Callable, Optional, Generic, TypeVar, Union, overload, Literal, Iterator
import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int, Bool, Shaped
from dataclasses import dataclass, field

T = TypeVar("T")
A = Float[np.ndarray, "n"]
def ident(x: T) -> T: return x
def none() -> None: ...
def f1(x: A) -> A:
    return none()
def f2(x: A) -> A:
    return 3
def f3(x: A) -> A:
    return x.nope
def f4(x: A) -> A:
    return ident(x)
def f5(x: A) -> list[A]:
    return []
def f6(x: A) -> dict[str, A]:
    return dict(a=x)
def f7(x: A) -> list[A]:
    return list(range(3))
def f8(x: A, k: bool) -> Optional[A]:
    return x if k else None
def f9(x: A, k: bool) -> A:
    y: Optional[A] = f8(x, k)
    return y
def f10(x: A, k: bool) -> A:
    y = f8(x, k)
    if y is None:
        return x
    return y
def f11(x: Optional[A] = None) -> A:
    return x or np.zeros(3)
def f12(x: A) -> Callable[[A], A]:
    return lambda y: y + x
def f13(x: A) -> Iterator[A]:
    yield x
async def f14(x: A) -> A:
    return await f14(x)
def f15(x: A) -> tuple[A, ...]:
    return (x, x)
def f16(x: A) -> tuple[A, A]:
    a, b = x, x
    return b, 3
def f17(*xs: A, **kw: A) -> A:
    return xs[0] + kw["a"]
class C:
    a: A
    b: list[A]
    def __init__(self, a: A) -> None:
        self.a = a
        self.b = []
        self.c: A = undefined(a)
        self.d: Optional[A] = None
    def m(self) -> A:
        self.a = 3
        self.d = self.a
        self.b = [self.a, 3]
        return self.d
    @property
    def p(self) -> A: return self.a
    @p.setter
    def p(self, v: A) -> None: self.a = v
class D(C):
    def m(self) -> int:
        return 3
class E(C):
    def m(self) -> Float[np.ndarray, "m"]:
        return super().m()
@overload
def g(x: A) -> A: ...
@overload
def g(x: int) -> int: ...
def g(x: Union[A, int]) -> Union[A, int]:
    return x
def h(c: C, d: D, x: A) -> A:
    c.p = x
    d.m() + 1
    z: A
    z = g(x)
    w: A = g(3)
    v: int = g(x)
    for i, row in enumerate(x):
        u: A = row
    t: A = np.array([1, 2, 3])
    s: npt.NDArray[np.float64] = x
    reveal_type(x); reveal_type(g(x)); reveal_type(t)
    with open("f") as ff: z = ff
    match x:
        case np.ndarray(): return x
    return np.sum(x)
def bad_call(x: A) -> A:
    return f4(x, x)
def lam() -> None:
    k: Callable[[A], A] = lambda q: q
    sorted([1], key=lambda n: f4(np.zeros(3)).sum())
def cond(x: A, k: bool) -> A:
    y = x if k else x * 2
    return y
def unreach(x: A) -> A:
    return x
    return 3
def walrus(x: A) -> A:
    return (y := x + 1)
def tn(x: A) -> "A": return np.linalg.norm(x)
@dataclass
class DC:
    a: A
    b: A = field(default_factory=lambda: np.zeros(3))
    c: A = 3
def dflt(x: A = np.zeros(3), y: A = 3) -> A: return DC(x, y).b
class G(Generic[T]):
    def get(self, x: T) -> T: return x
def gg(g: G[A], x: A) -> A: return g.get(x)
gg(G(), np.zeros(3)); gg(G[np.ndarray](), np.zeros(3)); gg(G[A](), np.zeros(3))
"""
"""What has nothing to do with shapes: wrong types, narrowing, inference from what is expected."""


def test_nothing_else_changes(tmp_path: Path) -> None:
    ours = check(tmp_path, {"main.py": ORDINARY})
    configuration = tmp_path / "plain.ini"
    configuration.write_text("[mypy]\nstrict = True\n")
    out, _, _ = api.run(
        [
            "--config-file",
            str(configuration),
            "--no-error-summary",
            f"--cache-dir={tmp_path.parent}/plain-cache",
            f"{tmp_path}/main.py",
        ]
    )
    plain = [line.partition("main.py:")[2] for line in out.splitlines()]
    assert len(plain) > 20 and ours == plain
