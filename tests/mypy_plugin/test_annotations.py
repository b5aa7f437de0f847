"""Annotations in the jaxtyping language: all forms in which they are written."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.expecting import verify

IMPORTS = """
from __future__ import annotations
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING, Annotated, ClassVar, Final, NamedTuple, Optional, Protocol, TypedDict, Union,
)
import jaxtyping
import jaxtyping as jt
from jaxtyping import Bool, Float, Float32, Int, Key, Num, Shaped
from jaxtyping import Float32 as F32
import typedflux as flux
from typedflux import Size, Tensor
if TYPE_CHECKING:
    from jaxtyping import Float64 as Double
"""

FORMS = """
def names(a: jt.Float32[Tensor, "b"], b: jaxtyping.Int[flux.Tensor, "b"], c: F32[Tensor, "b"],
          d: Double[Tensor, "b"], e: "Float32[Tensor, 'b c']", f: Annotated[Tensor, "b"]) -> None:
    from jaxtyping import UInt8 as Byte
    reveal_type(a)  # => Float32[Tensor, 'b']
    reveal_type(b)  # => Int[Tensor, 'b']
    reveal_type(c)  # => Float32[Tensor, 'b']
    reveal_type(d)  # => Float64[Tensor, 'b']
    reveal_type(e)  # => Float32[Tensor, 'b c']
    reveal_type(f)  # => Shaped[Tensor, '...']
    def inner(x: Byte[Tensor, "h w"]) -> None:
        reveal_type(x)  # => UInt8[Tensor, 'h w']

def axes(a: Float[Tensor, ""], b: Float[Tensor, "3"], c: Float[Tensor, "n=4 _ _m"],
         d: Float[Tensor, "..."], e: Float[Tensor, "*s c"], f: Float[Tensor, "n+1 2*n n//2 n-1"],
         g: Float[Tensor, "?t n"], h: Float[Tensor, "{h} n {x.shape[0]}"],
         i: Float[Tensor, "min(n,3) 1+2"], j: Float[Tensor, "... 3"]) -> None:
    reveal_type(a)  # => Float[Tensor, '']
    reveal_type(b)  # => Float[Tensor, '3']
    reveal_type(c)  # => Float[Tensor, '4 _ _']
    reveal_type(d)  # => Float[Tensor, '...']
    reveal_type(e)  # => Float[Tensor, '*s c']
    reveal_type(f)  # => Float[Tensor, 'n+1 2*n n//2 n-1']
    reveal_type(g)  # => Float[Tensor, '_ n']
    reveal_type(h)  # => Float[Tensor, '_ n _']
    reveal_type(i)  # => Float[Tensor, 'min(n,3) 3']
    reveal_type(j)  # => Float[Tensor, '... 3']

def dtypes(a: Shaped[Tensor, "n"], b: Num[Tensor, "n"], c: Bool[Tensor, "n"], d: Key[Tensor, "n"],
           e: jt.Inexact[Tensor, "n"], f: jt.Complex64[Tensor, "n"], g: jt.Int4[Tensor, "n"]
           ) -> None:
    reveal_type(a)  # => Shaped[Tensor, 'n']
    reveal_type(b)  # => Num[Tensor, 'n']
    reveal_type(c)  # => Bool[Tensor, 'n']
    reveal_type(d)  # => Shaped[Tensor, 'n']
    reveal_type(e)  # => Inexact[Tensor, 'n']
    reveal_type(f)  # => Complex64[Tensor, 'n']
    reveal_type(g)  # => Shaped[Tensor, 'n']

def nested(a: Float[Float32[Tensor, "b"], "c"], b: Float[Union[Float32[Tensor, "3"], Tensor], "n"],
           c: Float[Tensor | None, "n"], d: Shaped[Float[Tensor, "*s c"], "b"],
           e: Float[Float[Tensor, "..."], "n"]) -> None:
    reveal_type(a)  # => Float32[Tensor, 'c b']
    reveal_type(b)  # => Float32[Tensor, 'n 3'] | Float[Tensor, 'n']
    reveal_type(c)  # => Float[Tensor, 'n'] | None
    reveal_type(d)  # => Float[Tensor, 'b *s c']
    reveal_type(e)  # => Float[Tensor, 'n ...']

def inside(a: Optional[Float[Tensor, "b"]], b: list[Float[Tensor, "b"]],
           c: dict[str, Float[Tensor, "b"]], d: tuple[Float[Tensor, "b"], ...],
           e: Callable[[Float[Tensor, "b"]], Float[Tensor, "1 b"]],
           f: Float[Tensor, "b"] | Int[Tensor, "b"], *g: Float[Tensor, "b"], **h: Float[Tensor, "b"]
           ) -> tuple[Float[Tensor, "b"], int]:
    reveal_type(a)  # => Float[Tensor, 'b'] | None
    reveal_type(b)  # => list[Float[Tensor, 'b']]
    reveal_type(c)  # => dict[str, Float[Tensor, 'b']]
    reveal_type(d)  # => tuple[Float[Tensor, 'b'], ...]
    reveal_type(e)  # => def (Float[Tensor, 'b']) -> Float[Tensor, '1 b']
    reveal_type(f)  # => Float[Tensor, 'b'] | Int[Tensor, 'b']
    reveal_type(g)  # => tuple[Float[Tensor, 'b'], ...]
    reveal_type(h)  # => dict[str, Float[Tensor, 'b']]
    kept: Float[Tensor, "b"] = b[0]
    other: Float[Tensor, "b 1"] = b[0]  # !! Incompatible types in assignment
    if a is not None:
        reveal_type(a)  # => Float[Tensor, 'b']
    return b[0], 1

FIXED: Final[Float[Tensor, "3"]] = flux.zeros(3)
reveal_type(FIXED)  # => Float[Tensor, '3']
free: Float[Tensor, "n n"] = flux.zeros((3, 4))

SHAPE: Final = "rows 3"
def constants(a: Float[Tensor, SHAPE], b: Float[Tensor, f"{FIXED.size} n"]) -> None:
    reveal_type(a)  # => Float[Tensor, 'rows 3']
    reveal_type(b)  # => Float[Tensor, '...']

@dataclass
class Row:
    x: Float[Tensor, "3 n"]
    y: Float[Tensor, "n"]
    z: ClassVar[Float[Tensor, "3"]] = flux.zeros(3)
    w: Float[Tensor, "4"] = field(default_factory=lambda: flux.zeros(4))

row = Row(flux.zeros((3, 4)), flux.zeros(4))
reveal_type(row.x)  # => Float[Tensor, '3 4']
reveal_type(row.w)  # => Float[Tensor, '4']
reveal_type(Row.z)  # => Float[Tensor, '3']
Row(flux.zeros((4, 4)), flux.zeros(4))  # !! axis 0 is 4, not 3
Row(flux.zeros((3, 4)), flux.zeros(5))  # !! dimension 'n' is 4 from argument "x" but here it is 5
Row(x=flux.zeros((3, 4)), y=flux.zeros(4), w=flux.zeros(5))  # !! axis 0 is 5, not 4

class Pair(NamedTuple):
    a: Float[Tensor, "3"]
    b: Float[Tensor, "m m"]

class Item(TypedDict):
    a: Float[Tensor, "3"]

def records(p: Pair, i: Item) -> None:
    reveal_type(p.a)  # => Float[Tensor, '3']
    first, second = p
    reveal_type(first)  # => Float[Tensor, '3']
    reveal_type(i["a"])  # => Float[Tensor, '3']
    Pair(flux.zeros(3), flux.zeros((4, 4)))
    Pair(flux.zeros(3), flux.zeros((4, 5)))  # !! dimension 'm' is 4 but here it is 5
    Item(a=flux.zeros(4))  # !! TypedDict item "a" has type "Float[Tensor, '3']"

Called = NamedTuple("Called", [("a", Float[Tensor, "3"]), ("b", Optional[jt.Int[Tensor, "n"]])])
reveal_type(Called(flux.zeros(3), None).a)  # => Float[Tensor, '3']
Called(flux.zeros(4), None)  # !! axis 0 is 4, not 3
Made = TypedDict("Made", {"a": Float[Tensor, "3"], "b": list[F32[Tensor, "4"]]}, total=False)
made: Made = {"a": flux.zeros(4)}  # !! TypedDict item "a" has type "Float[Tensor, '3']"
reveal_type(made["b"])  # => list[Float32[Tensor, '4']]

class Function(Protocol):
    def __call__(self, x: Float[Tensor, "b n"]) -> Float[Tensor, "n b"]: ...

def turn(x: Float[Tensor, "p q"]) -> Float[Tensor, "q p"]:
    return x.mT

def leave(x: Float[Tensor, "p q"]) -> Float[Tensor, "p q"]:
    return x

def use(f: Function) -> None:
    reveal_type(f(flux.zeros((3, 4))))  # => Float[Tensor, '4 3']

use(turn)
use(leave)  # !! expected Function: it returns
"""


def test_every_form_of_annotation(tmp_path: Path) -> None:
    verify(tmp_path, IMPORTS + FORMS)


BROADCAST = """
def add(x: Float[Tensor, "#b 3"], y: Float[Tensor, "#b 3"]) -> Float[Tensor, "b 3"]:
    return x + y

def both(x: Float[Tensor, "*#s c"], y: Float[Tensor, "*#s c"]) -> Float[Tensor, "*s c"]:
    return x + y

def last(x: Float[Tensor, "#b"], y: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    return x * y

def fixed(x: Float[Tensor, "#4 n"]) -> Float[Tensor, "n"]:
    return x.sum(axis=0)

def calls(x: Float[Tensor, "5 3"], one: Float[Tensor, "1 3"], seven: Float[Tensor, "7 3"],
          line: Float[Tensor, "3"], deep: Float[Tensor, "2 5 3"], n: Float[Tensor, "n 3"]) -> None:
    reveal_type(add(x, x))  # => Float[Tensor, '5 3']
    reveal_type(add(x, one))  # => Float[Tensor, '5 3']
    reveal_type(add(one, x))  # => Float[Tensor, '5 3']
    reveal_type(add(one, n))  # => Float[Tensor, 'n 3']
    add(x, seven)  # !! dimension 'b' is 5 from argument "x" but here it is 7
    add(seven, x)  # !! dimension 'b' is 7 from argument "x" but here it is 5
    add(x, deep)  # !! it has 3 axes, not 2
    reveal_type(both(deep, x))  # => Float[Tensor, '2 5 3']
    reveal_type(both(line, deep))  # => Float[Tensor, '2 5 3']
    reveal_type(both(deep, one))  # => Float[Tensor, '2 5 3']
    both(deep, seven)  # !! and these do not broadcast
    reveal_type(last(one[0, :1], line))  # => Float[Tensor, '3']
    reveal_type(last(line, line))  # => Float[Tensor, '3']
    last(line, x[:, 0])  # !! dimension 'b' is 3 from argument "x" but here it is 5
    reveal_type(fixed(one))  # => Float[Tensor, '3']
    fixed(seven)  # !! axis 0 is 7, not 4
"""


def test_axes_that_broadcast(tmp_path: Path) -> None:
    verify(tmp_path, IMPORTS + BROADCAST)


MALFORMED = """
def a(x: Float[Tensor, "n-"]) -> None: ...  # !! 'n-'
def b(x: Float[Tensor, "n,m"]) -> None: ...  # !! axes are separated by spaces, not commas
def c(x: Float[Tensor, "*a *b"]) -> None: ...  # !! '*b' in "*a *b": '*a' already stands
def d(x: Float[Tensor, "... ..."]) -> None: ...  # !! '...' already stands for any number of axes
def e(x: Float[Tensor, "#_"]) -> None: ...  # !! '#_' in "#_": an anonymous axis accepts every size
def f(x: Float[Tensor, "##n"]) -> None: ...  # !! '##n' in "##n": '#' (broadcasting) is given twice
def g(x: Float[Tensor, "n#"]) -> None: ...  # !! 'n#' in "n#": '#' stands in front of an axis
def h(x: Float[Tensor, "...n"]) -> None: ...  # !! '...n' in "...n": '...' stands on its own
def i(x: Float[Tensor, "*4"]) -> None: ...  # !! a fixed size is one axis
def j(x: Float[Tensor, "_4"]) -> None: ...  # !! it cannot be combined with '_'
def k(x: Float[Tensor, "*n+1"]) -> None: ...  # !! a symbolic expression is one axis
def l(x: Float[Tensor, "n+"]) -> None: ...  # !! 'n+'
def m(x: Float[Tensor, 3]) -> None: ...  # !! the shape 3 is no string: write Float[Tensor, "3"]
def n(x: Float[Tensor]) -> None: ...  # !! Float takes a class and a shape: Float[Tensor, "n 3"]
def o(x: Float[Tensor, "a", "b"]) -> None: ...  # !! Float takes a class and a shape
def p(x: Float[Int[Tensor, "n"], "b"]) -> None: ...  # !! dtypes of the nested annotations
def q(x: Float[Float[Tensor, "*a"], "*b"]) -> None: ...  # !! both of the nested annotations
def r(x: list[Float[Tensor, "n,m"]]) -> None: ...  # !! axes are separated by spaces
def s() -> "Float[Tensor, 'n('] | None": return None  # !! 'n('
def t(x: Size["n m"]) -> None: ...  # !! "n m" is 2 dims: Size takes one
def u(x: Size["n-"]) -> None: ...  # !! symbolic axis 'n-' is not a valid expression
def v(x: Size[3, 4]) -> None: ...  # !! Size takes one dim, 2 are given
local: Float[Tensor, "n,m"]  # !! axes are separated by spaces

class Holder:
    weight: Float[Tensor, "a b,c"]  # !! axes are separated by spaces

    def method(self) -> None:
        inner: Float[Tensor, "n--"]  # !! 'n--'

def several(
    x: Float[Tensor, "n m"],
    y: Float[Tensor, "n m,"],  # !! axes are separated by spaces
) -> None: ...
"""


def test_malformed_annotations(tmp_path: Path) -> None:
    verify(tmp_path, IMPORTS + MALFORMED)


SCOPES = """
def outer(x: Float[Tensor, "b n"], w: Float[Tensor, "n m"], k: Size["k"]) -> None:
    y: Float[Tensor, "b m"] = x @ w
    z: Float[Tensor, "m b"] = x @ w  # !! "Float[Tensor, 'm b']"
    new: Float[Tensor, "unheard 3"] = flux.zeros((k, 3))
    kk: Float[Tensor, "k k+1"] = flux.zeros((k, k + 1))

    def closing(v: Float[Tensor, "b n"]) -> Float[Tensor, "b m"]:
        inner: Float[Tensor, "b m"] = v @ w
        return inner + y

    def apart(v: Float[Tensor, "b n"]) -> Float[Tensor, "n b"]:
        return v.mT

    reveal_type(closing(x))  # => Float[Tensor, 'b m']
    closing(w)  # !! expected Float[Tensor, "b n"]: axis 0 is n, not b
    reveal_type(apart(w))  # => Float[Tensor, 'm n']
    reveal_type(apart)  # => def [b, n] (v: Float[Tensor, 'b n']) -> Float[Tensor, 'n b']
    reveal_type(closing)  # => def (v: Float[Tensor, 'b n']) -> Float[Tensor, 'b m']

    def scanned(h: Float[Tensor, "b m"], xt: Float[Tensor, "b n"]) -> Float[Tensor, "b m"]:
        def deeper(u: Float[Tensor, "b m"]) -> Float[Tensor, "b m"]:
            return u + xt @ w
        return deeper(h)

    def wrong(v: Float[Tensor, "b n"]) -> Float[Tensor, "b m"]:
        v + y  # !! cannot broadcast
        return y

def same_name(x: Float[Tensor, "batch"], y: Float[Tensor, "*batch"]) -> Float[Tensor, "batch"]:
    return x

reveal_type(same_name(flux.zeros(3), flux.zeros((4, 5))))  # => Float[Tensor, '3']

async def later(x: Float[Tensor, "b n"]) -> Float[Tensor, "n b"]:
    return x.mT

class Tools:
    @staticmethod
    def one(x: Float[Tensor, "b n"]) -> Float[Tensor, "n b"]:
        return x.mT

    @classmethod
    def two(cls, x: Float[Tensor, "b n"]) -> Float[Tensor, "n b"]:
        return x  # !! Incompatible return value type

    @property
    def three(self) -> Float[Tensor, "3"]:
        return flux.zeros(4)  # !! Incompatible return value type

reveal_type(Tools.one(flux.zeros((2, 3))))  # => Float[Tensor, '3 2']
reveal_type(Tools().three)  # => Float[Tensor, '3']
"""


def test_names_in_their_scopes(tmp_path: Path) -> None:
    verify(tmp_path, IMPORTS + SCOPES)
