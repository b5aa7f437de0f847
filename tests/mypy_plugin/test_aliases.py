"""Aliases of annotations: in one module, from others, and after edits with a warm cache."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.expecting import verify
from tests.mypy_plugin.running import check, revealed

LIBRARY = """
from collections.abc import Callable
from typing import Optional, TypeAlias, TypeVar, Union
import jaxtyping as jt
from jaxtyping import Float, Float32, Int
from jaxtyping import Float32 as F32
import typedflux as flux
from typedflux import Size, Tensor, nn

T = TypeVar("T")

Image = Float32[Tensor, "3 h w"]
Batch = Float[Image, "batch"]
Images = list[Image]
Maybe = Optional[jt.Float32[flux.Tensor, "b n"]]
Explicit: TypeAlias = F32[Tensor, "a b"]
Quoted: TypeAlias = "Float32[Tensor, 'a b']"
Named = tuple[T, Float32[Tensor, "b n"]]
Either = Float[Tensor, "b n"] | Int[Tensor, "b n"]
Function = Callable[[Float32[Tensor, "b n"]], Float32[Tensor, "n b"]]
OrNone = Float[Union[Tensor, None], "b"]
Count = Size["n"]
Encoder = nn.Dense["n", "2*n"]
Plain = Tensor
Sequence = Float32[Tensor, "*s c"]
Fixed = Float32[Tensor, "3"]
"""

RELAY = """
from library import Image as Picture
from library import Images as Images
import library as everything
from jaxtyping import Float32 as Exact
__all__ = ["Exact", "Images", "Picture", "everything"]
"""

MAIN = """
from typing import Optional
import library
import relay
from library import (
    Batch, Count, Either, Encoder, Explicit, Fixed, Function, Image, Images, Maybe, Named, OrNone,
    Plain, Quoted, Sequence,
)
from relay import Exact, Picture
import typedflux as flux
from typedflux import Tensor, nn

def f(a: Image, b: Batch, c: Images, d: Maybe, e: Explicit, g: Quoted, h: Named[int], i: Either,
      j: Function, k: OrNone, l: Count, m: Encoder, n: Plain, o: Sequence, p: library.Image,
      q: Exact[Tensor, "h"], r: list[Optional[Image]], s: Picture, t: relay.everything.Image,
      u: Exact[Image, "2"]) -> Image:
    reveal_type(a)  # => Float32[Tensor, '3 h w']
    reveal_type(b)  # => Float32[Tensor, 'batch 3 h w']
    reveal_type(c)  # => list[Float32[Tensor, '3 h w']]
    reveal_type(d)  # => Float32[Tensor, 'b n'] | None
    reveal_type(e)  # => Float32[Tensor, 'a b']
    reveal_type(g)  # => Float32[Tensor, 'a b']
    reveal_type(h)  # => tuple[int, Float32[Tensor, 'b n']]
    reveal_type(i)  # => Float[Tensor, 'b n'] | Int[Tensor, 'b n']
    reveal_type(j)  # => def (Float32[Tensor, 'b n']) -> Float32[Tensor, 'n b']
    reveal_type(k)  # => Float[Tensor, 'b'] | None
    reveal_type(l)  # => int | Size['n']
    reveal_type(m)  # => Dense[n, 2*n]
    reveal_type(n)  # => Shaped[Tensor, '...']
    reveal_type(o)  # => Float32[Tensor, '*s c']
    reveal_type(p)  # => Float32[Tensor, '3 h w']
    reveal_type(q)  # => Float32[Tensor, 'h']
    reveal_type(r)  # => list[Float32[Tensor, '3 h w'] | None]
    reveal_type(s)  # => Float32[Tensor, '3 h w']
    reveal_type(t)  # => Float32[Tensor, '3 h w']
    reveal_type(u)  # => Float32[Tensor, '2 3 h w']
    return a

def turned(x: Image) -> Image:
    return x.mT  # !! Incompatible return value type

def together(x: Image, y: Image) -> Image:
    return x + y

def calls(one: Image, fixed: Fixed) -> None:
    x, y = flux.zeros((3, 4, 5)), flux.zeros((3, 4, 6))
    reveal_type(together(x, x))  # => Float32[Tensor, '3 4 5']
    together(x, y)  # !! dimension 'w' is 5 from argument "x" but here it is 6
    together(y[:2], x)  # !! axis 0 is 2, not 3
    here: Image = one
    wrong: Fixed = flux.zeros(4)  # !! Incompatible types in assignment
    Local = Exact[Tensor, "3 4"]
    def inner(z: Local) -> Local:
        reveal_type(z)  # => Float32[Tensor, '3 4']
        return z
    inner(x)  # !! it has 3 axes, not 2

class Camera:
    last: Image
    Frame = Exact[Tensor, "h w"]

    def take(self, shot: Image, frame: Frame) -> Images:
        reveal_type(shot)  # => Float32[Tensor, '3 h w']
        reveal_type(frame)  # => Float32[Tensor, 'h w']
        return [shot]

picture: Picture = flux.zeros((3, 4, 5))
bad: Picture = flux.zeros((4, 4, 5))  # !! Incompatible types in assignment
"""


def test_aliases_bind_where_they_are_used(tmp_path: Path) -> None:
    files = {"library.py": LIBRARY, "relay.py": RELAY}
    verify(tmp_path, MAIN, files)
    verify(tmp_path, MAIN + "\nagain = 1\n", files)  # the library comes from the cache
    verify(tmp_path, MAIN, files)


def test_a_malformed_alias(tmp_path: Path) -> None:
    verify(
        tmp_path,
        """
        from typing import Optional, TypeAlias
        from jaxtyping import Float
        from typedflux import Tensor
        Bad = Float[Tensor, "n,m"]  # !! axes are separated by spaces, not commas
        Worse: TypeAlias = Optional[Float[Tensor, "n-"]]  # !! symbolic axis 'n-'
        Most = list[Float[Tensor, "*a *b"]]  # !! '*a' already stands for any number of axes
        def f(x: Bad, y: Worse, z: Most) -> None:
            reveal_type(x)  # => Float[Tensor, '...']
            reveal_type(y)  # => Float[Tensor, '...'] | None
        """,
    )


def test_type_statements(tmp_path: Path) -> None:
    library = """
    from jaxtyping import Float32
    from typedflux import Tensor
    type Image = Float32[Tensor, "3 h w"]
    type Tagged[T] = tuple[T, Image]
    type Vector = Float32[Tensor, "In"]
    """
    program = """
    from library import Image, Tagged, Vector
    import typedflux as flux
    from typedflux import nn
    class Layer[In](nn.Module):
        def __call__(self, v: Vector, x: Tagged[int]) -> Image:
            reveal_type(v)  # => Float32[Tensor, 'In']
            reveal_type(x)  # => tuple[int, Float32[Tensor, '3 h w']]
            return x[1]
    def f(x: Image, y: Image) -> Image:
        reveal_type(x)  # => Float32[Tensor, '3 h w']
        return y
    reveal_type(f(flux.zeros((3, 4, 5)), flux.zeros((3, 4, 5))))  # => Float32[Tensor, '3 4 5']
    f(flux.zeros((3, 4, 5)), flux.zeros((3, 5, 5)))  # !! dimension 'h' is 4
    """
    for _ in range(2):
        verify(
            tmp_path,
            program,
            {"library.py": library},
            "--python-version",
            "3.12",
            "--native-parser",
        )


def test_edits_of_an_alias_are_seen(tmp_path: Path) -> None:
    main = "from library import X\ndef f(x: X) -> None:\n    reveal_type(x)\n"
    shown = []
    for shape in ("b n", "n b", "b n 3", "b n"):
        library = "from jaxtyping import Float\nfrom typedflux import Tensor\n"
        library += f'X = Float[Tensor, "{shape}"]\n'
        shown += revealed(check(tmp_path, {"library.py": library, "main.py": main}))
    assert shown == [f"Float[Tensor, '{shape}']" for shape in ("b n", "n b", "b n 3", "b n")]
