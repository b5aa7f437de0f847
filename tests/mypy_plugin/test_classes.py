"""Dims of classes: type variables in strings, modules subscripted with dims, other classes."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.expecting import verify

HEADER = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, Generic, Literal, Optional, Protocol
from typing_extensions import TypeVar
from jaxtyping import Float, Float32
import typedflux as flux
from typedflux import Size, Tensor, nn

In = TypeVar("In")
Out = TypeVar("Out")

class Linear(nn.Module, Generic[In, Out]):
    weight: Float[Tensor, "Out In"]
    bias: Float[Tensor, "Out"]
    extra: Float[Tensor, "unknown Out"]

    def __init__(self, i: Size[In], o: Size[Out]) -> None:
        self.weight = flux.zeros((o, i))
        self.bias = flux.zeros(o)
        self.extra = flux.zeros((3, o))

    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b Out"]:
        return x @ self.weight.mT + self.bias

    def own(self, x: Float[Tensor, "n In"], y: Float[Tensor, "n m"]) -> Float[Tensor, "m Out"]:
        z: Float[Tensor, "n Out"] = self(x)
        wrong: Float[Tensor, "n In"] = self(x)  # !! Incompatible types in assignment
        return y.mT @ z

    @property
    def turned(self) -> Float[Tensor, "In Out"]:
        return self.weight.mT

    @classmethod
    def square(cls, n: Size["n"]) -> Linear["n", "n"]:
        return Linear(n, n)

    @staticmethod
    def free(x: Float[Tensor, "a b"]) -> Float[Tensor, "b a"]:
        return x.mT
"""

MODULES = """
class Tower(nn.Module, Generic[In]):
    first: Linear[In, "2*In"]
    second: Linear["2*In", 3]
    layers: list[Linear[In, In]]

    def __init__(self, i: Size[In]) -> None:
        self.first = Linear(i, 2 * i)
        self.second = Linear(2 * i, 3)
        self.third = Linear(3, i)
        self.layers = [Linear(i, i) for _ in range(3)]

    def __call__(self, x: Float[Tensor, "n In"]) -> Float[Tensor, "n In"]:
        reveal_type(self.first)  # => Linear[In, 2*In]
        reveal_type(self.third)  # => Linear[3, In]
        y = self.second(self.first(x))
        for layer in self.layers:
            x = layer(x)
        return self.third(y) + x

    def wrong(self, x: Float[Tensor, "n In"]) -> None:
        self.second(x)  # !! axis 1 is In, not 2*In

class Half(Linear[In, 4], Generic[In]):
    def more(self, x: Float[Tensor, "q In"]) -> Float[Tensor, "q 4"]:
        reveal_type(self.weight)  # => Float[Tensor, '4 In']
        return self(x)

class Fixed(Linear[5, 6]):
    def more(self, x: Float[Tensor, "q 5"]) -> Float[Tensor, "q 6"]:
        return self(x)

class Deep(Half[7]): ...

class Base(nn.Module, Generic[In, Out]):
    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b Out"]:
        raise NotImplementedError

class Double(Base[In, "2*In"], Generic[In]):
    def __init__(self, n: Size[In]) -> None:
        self.weight = flux.zeros((n, 2 * n))

    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b 2*In"]:
        return x @ self.weight

class Wrong(Base[In, In], Generic[In]):
    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b 1"]:  # !! incompatible with
        return x[..., :1]

def based(n: Size["n"], wrong: bool) -> Base["n", "2*n"]:
    three: Base[3, 6] = Double(3)
    other: Base[3, 7] = Double(3)  # !! variable has type "Base[3, 7]"
    several: list[Base[3, 6]] = [three, Double(3)]
    more: list[Base[3, 6]] = [Double(4)]  # !! List item 0 has incompatible type "Double[4]"
    if wrong:
        return Double(4)  # !! expected "Base[n, 2*n]"
    return Double(n)

def annotated(
    a: Linear[784, 128], b: Linear["n", "2*n"], c: Linear["n", Any], d: Size[3], e: Size["n"],
    f: Size["2*n"], g: nn.Dense[3, 4], h: nn.Conv[3, 16], i: Optional[Linear[3, 4]],
    x: Float[Tensor, "b n"], k: list[Linear["n", "n"]], m: nn.LSTM[3, 5, Literal[True]],
) -> Linear["n", 3]:
    reveal_type(a)  # => Linear[784, 128]
    reveal_type(b)  # => Linear[n, 2*n]
    reveal_type(c)  # => Linear[n, _]
    reveal_type(d)  # => int | Size['3']
    reveal_type(e)  # => int | Size['n']
    reveal_type(f)  # => int | Size['2*n']
    reveal_type(g)  # => Dense[3, 4]
    reveal_type(h)  # => Conv[3, 16]
    reveal_type(i)  # => Linear[3, 4] | None
    reveal_type(b(x))  # => Float[Tensor, 'b 2*n']
    reveal_type(k[0](x))  # => Float[Tensor, 'b n']
    reveal_type(a.weight)  # => Float[Tensor, '128 784']
    reveal_type(b.weight)  # => Float[Tensor, '2*n n']
    reveal_type(a.turned)  # => Float[Tensor, '784 128']
    reveal_type(a.extra)  # => Float[Tensor, 'unknown 128']
    reveal_type(flux.zeros((e, f)))  # => Float32[Tensor, 'n 2*n']
    b(b(x))  # !! axis 1 is 2*n, not n
    return Linear(e, 3)

def returns(n: Size["n"]) -> Linear["n", 4]:
    return Linear(n, 5)  # !! Incompatible return value type

def takes(a: Linear[784, 128], b: Linear["n", "2*n"], e: Size["n"]) -> None: ...

def constructed(x: Float32[Tensor, "32 784"], short: Float32[Tensor, "3 5"]) -> None:
    reveal_type(Linear(784, 10))  # => Linear[784, 10]
    reveal_type(Linear.square(4))  # => Linear[4, 4]
    reveal_type(Linear(784, 10).own(x, flux.zeros((32, 7))))  # => Float[Tensor, '7 10']
    reveal_type(Linear.free(x))  # => Float[Tensor, '784 32']
    reveal_type(Half(784, 4)(x))  # => Float[Tensor, '32 4']
    reveal_type(Half(784, 4).more(x))  # => Float[Tensor, '32 4']
    reveal_type(Fixed(5, 6)(short))  # => Float[Tensor, '3 6']
    reveal_type(Deep(7, 4).weight)  # => Float[Tensor, '4 7']
    reveal_type(Tower(784)(x))  # => Float[Tensor, '32 784']
    reveal_type(Tower(784).first.weight)  # => Float[Tensor, '1568 784']
    Linear(784, 10).own(x, flux.zeros((33, 7)))  # !! dimension 'n' is 32
    Fixed(5, 6)(x)  # !! axis 1 is 784, not 5
    Half(783, 4).more(x)  # !! axis 1 is 784, not 783
    Tower(785)(x)  # !! axis 1 is 784, not 785
    takes(Linear(784, 128), Linear(3, 6), 3)
    takes(Linear(784, 129), Linear(3, 6), 3)  # !! it is 129, not 128
    takes(Linear(784, 128), Linear(3, 7), 3)  # !! it is 7, but 2*n is 6: n is 3
    takes(Linear(784, 128), Linear(3, 6), 4)  # !! dimension 'n' is 3 from argument "b"

def together(x: Float32[Tensor, "3 10"], wide: bool) -> None:
    layers = [nn.Dense(10, 20), nn.Dense(20, 10)]
    reveal_type(layers)  # => list[Dense[_, _]]
    for layer in layers:
        x = layer(x)
    table = {"a": Linear(10, 20), "b": Linear(20, 10)}
    reveal_type(table)  # => dict[str, Linear[_, _]]
    one = Linear(10, 20) if wide else Linear(10, 30)
    one(flux.zeros((2, 10)))
"""

REFUSED = """
def a(x: Linear[3]) -> None: ...  # !! Linear takes 2 dims (In, Out), 1 is given
def b(x: Linear[3, 4, 5]) -> None: ...  # !! Linear takes 2 dims (In, Out), 3 are given
def few(x: nn.Dense[784]) -> None: ...  # !! Dense takes 2 dims (In, Out), 1 is given
def less(x: nn.Conv[3], y: nn.Conv[3, 4]) -> None: ...  # !! Conv takes 2 dims (In, Out), 1 is given
def c(x: Linear["n m", 3]) -> None: ...  # !! "n m" is 2 dims: Linear takes one
def d(x: Linear["n-", 3]) -> None: ...  # !! symbolic axis 'n-' is not a valid expression
def e(x: Linear["n,m", 3]) -> None: ...  # !! axes are separated by spaces, not commas
def f(x: Linear["q.r", 3]) -> None: ...  # !! symbolic axis 'q.r'
def g(x: Linear["*n", 3], y: Linear["...", "_"], z: Linear) -> None:
    reveal_type(x)  # => Linear[_, 3]
    reveal_type(y)  # => Linear[_, _]
    reveal_type(z)  # => Linear[_, _]
class H(nn.Module):
    layer: Linear[3]  # !! Linear takes 2 dims (In, Out), 1 is given
    other: Linear["k", 3]
def i(h: H) -> None:
    reveal_type(h.other)  # => Linear[_, 3]
def j(x: nn.Dense["Linear", 3]) -> None: ...
"""

OTHER_CLASSES = """
class Plain(Generic[In, Out]):
    def __init__(self, w: Float[Tensor, "Out In"]) -> None:
        self.w = w

    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b Out"]:
        return x @ self.w.mT

@dataclass
class Rows(Generic[In]):
    x: Float[Tensor, "In 3"]
    y: Float[Tensor, "In"]

    def both(self) -> Float[Tensor, "In 3"]:
        return self.x * self.y[:, None]

class Sized(Generic[In]):
    def __init__(self, n: Size[In]) -> None:
        self.n = n

    def make(self) -> Float[Tensor, "In"]:
        return flux.zeros(self.n)

class Runs(Protocol[In, Out]):
    def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b Out"]: ...

class Child(Plain[In, 4], Generic[In]): ...
"""

OTHERS = """
p = Plain(flux.zeros((4, 3)))
reveal_type(p)  # => Plain[3, 4]
reveal_type(p(flux.zeros((7, 3))))  # => Float[Tensor, '7 4']
p(flux.zeros((7, 4)))  # !! axis 1 is 4, not 3
r = Rows(flux.zeros((4, 3)), flux.zeros(4))
reveal_type(r)  # => Rows[4]
reveal_type(r.both())  # => Float[Tensor, '4 3']
Rows(flux.zeros((4, 3)), flux.zeros(5))  # !! dimension 'In' is 4 from argument "x" but here it is 5
s = Sized(3)
reveal_type(s.make())  # => Float[Tensor, '3']

def f(p: Plain["a", "b"], q: Plain[3, 4], r: Rows["n"], x: Float[Tensor, "n a"],
      c: Child["k"]) -> Float[Tensor, "n b"]:
    reveal_type(p)  # => Plain[a, b]
    reveal_type(q.w)  # => Float[Tensor, '4 3']
    reveal_type(r.x)  # => Float[Tensor, 'n 3']
    reveal_type(c)  # => Child[k]
    return p(x)

f(p, p, Rows(flux.zeros((7, 3)), flux.zeros(7)), flux.zeros((7, 3)), Child(flux.zeros((4, 2))))
f(p, p, Rows(flux.zeros((7, 3)), flux.zeros(7)), flux.zeros((8, 3)),  # !! dimension 'n' is 7
  Child(flux.zeros((4, 2))))

def run(m: Runs[In, Out], x: Float[Tensor, "b In"]) -> Float[Tensor, "b Out"]:
    return m(x)

def composed(m: Runs[In, "h"], k: Runs["h", Out], x: Float[Tensor, "b In"]
             ) -> Float[Tensor, "b Out"]:
    return k(m(x))

class Same(Protocol):
    def __call__(self, x: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]: ...

class Fits(Protocol[In]):
    def fit(self, x: Float[Tensor, "n In"]) -> Float[Tensor, "n"]: ...

class Model:
    def fit(self, x: Float[Tensor, "n 5"]) -> Float[Tensor, "n"]:
        return x[:, 0]

def same(m: Same) -> None: ...
def fitted(m: Fits[In], x: Float[Tensor, "n In"]) -> None: ...
def five(x: Float[Tensor, "*s 3"]) -> Float[Tensor, "*s 5"]:
    return flux.zeros((*x.shape[:-1], 5))
def turn(x: Float[Tensor, "p q"]) -> Float[Tensor, "q p"]:
    return x.mT

three = flux.zeros((2, 3))
reveal_type(run(nn.Dense(3, 4), three))  # => Float[Tensor, '2 4']
reveal_type(run(p, three))  # => Float[Tensor, '2 4']
reveal_type(run(five, three))  # => Float[Tensor, '2 5']
run(nn.Dense(4, 4), three)  # !! dimension 'In' is 4 from argument "m" but here it is 3
run(Model(), three)  # !! incompatible type "Model"; expected "Runs
composed(nn.Dense(3, 4), five, three)  # !! it is called with
reveal_type(composed(nn.Dense(3, 3), five, three))  # => Float[Tensor, '2 5']
same(nn.Dense(3, 3))
same(nn.LayerNorm(3))
same(lambda x: x)
same(nn.Dense(3, 4))  # !! it returns Float[Tensor, "_ 4"], expected Float[Tensor, "_ 3"]
same(turn)  # !! expected Same: it returns
same(3)  # !! incompatible type "int"; expected "Same"
fitted(Model(), flux.zeros((2, 5)))
fitted(Model(), three)  # !! dimension 'In' is 5 from argument "m" but here it is 3
several = [Plain(flux.zeros((4, 3))), Plain(flux.zeros((5, 4)))]
for one in several:
    one(flux.zeros((2, 3)))
"""


def test_modules(tmp_path: Path) -> None:
    verify(tmp_path, HEADER + MODULES)


def test_dims_that_are_refused(tmp_path: Path) -> None:
    verify(tmp_path, HEADER + REFUSED)


def test_classes_that_are_no_modules(tmp_path: Path) -> None:
    verify(tmp_path, HEADER + OTHER_CLASSES + OTHERS)


def test_classes_of_another_module(tmp_path: Path) -> None:
    program = """
    from library import Child, Linear, Plain, Rows
    import typedflux as flux
    def f(p: Plain["a", "b"], q: Linear[3, "a"], r: Rows["n"], c: Child["k"]) -> None:
        reveal_type(p)  # => Plain[a, b]
        reveal_type(q)  # => Linear[3, a]
        reveal_type(r.y)  # => Float[Tensor, 'n']
    reveal_type(Plain(flux.zeros((4, 3))))  # => Plain[3, 4]
    reveal_type(Child(flux.zeros((4, 3))).w)  # => Float[Tensor, '4 3']
    reveal_type([Plain(flux.zeros((4, 3))), Plain(flux.zeros((4, 5)))])  # => list[Plain[_, 4]]
    """
    lines = (HEADER + OTHER_CLASSES).splitlines()
    library = "\n".join(line for line in lines if "# !!" not in line)
    for _ in range(2):
        verify(tmp_path, program, {"library.py": library})


def test_type_parameters(tmp_path: Path) -> None:
    verify(
        tmp_path,
        """
        from jaxtyping import Float
        import typedflux as flux
        from typedflux import Size, Tensor, nn

        class Linear[In, Out](nn.Module):
            weight: Float[Tensor, "Out In"]

            def __init__(self, i: Size[In], o: Size[Out]) -> None:
                self.weight = flux.zeros((o, i))

            def __call__(self, x: Float[Tensor, "*b In"]) -> Float[Tensor, "*b Out"]:
                return x @ self.weight.mT

        class Three[K](Linear[K, 3]):
            def more(self, x: Float[Tensor, "q K"]) -> Float[Tensor, "q 3"]:
                return self(x)

        def f[N](x: Float[Tensor, "N 3"], n: Size[N]) -> Float[Tensor, "3 N"]:
            reveal_type(x)  # => Float[Tensor, 'N 3']
            return x.mT

        def g(m: Linear[3, "2*h"], x: Float[Tensor, "b 3"]) -> None:
            reveal_type(m(x))  # => Float[Tensor, 'b 2*h']

        reveal_type(Linear(4, 5)(flux.zeros((2, 4))))  # => Float[Tensor, '2 5']
        reveal_type(Three(7, 3).more(flux.zeros((2, 7))))  # => Float[Tensor, '2 3']
        reveal_type(f(flux.zeros((5, 3)), 5))  # => Float[Tensor, '3 5']
        f(flux.zeros((5, 3)), 6)  # !! dimension 'N' is 5 from argument "x" but here it is 6
        Linear(4, 5)(flux.zeros((2, 5)))  # !! axis 1 is 5, not 4
        Three(7, 3).more(flux.zeros((2, 6)))  # !! axis 1 is 6, not 7
        """,
        None,
        "--python-version",
        "3.12",
        "--native-parser",
    )
