"""Sizes that the program finds to be equal, and values that it finds to be of a type."""

from __future__ import annotations

import pytest

from tests.mypy_plugin.expecting import findings, parametrised, problem, unexpected

PROGRAM = """
import sys
from typing import Any
import jaxtyping as jt
import numpy as np
from jaxtyping import Float, Float32, Int
from jaxtyping import Float32 as F32
import typedflux as flux
from typedflux import Tensor, zeros
from typedflux.checks import Size

Image = Float32[Tensor, "3 h w"]

def square(x: Float32[Tensor, "k k"]) -> Float32[Tensor, "k"]:
    return x[0]

def asserted(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "b d"]:
    x @ y  # !! the last axis of the first operand is n, the second to last of the second is m
    assert x.shape[1] == y.shape[0]
    reveal_type(x @ y)  # => Float32[Tensor, 'b d']
    x @ y.mT  # !! the last axis of the first operand is m, the second to last of the second is d
    return x @ y

def raised(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "b d"]:
    if x.shape[1] != y.shape[0]:
        x @ y  # !! the last axis of the first operand is n, the second to last of the second is m
        raise ValueError(f"{x.shape}")
    return x @ y

def returned(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "b d"] | None:
    if not x.shape[1] == y.shape[0]:
        return None
    return x @ y

def exited(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "b d"]:
    if x.shape[1] != y.shape[0]:
        sys.exit(1)
    return x @ y

def both_leave(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"], c: bool) -> None:
    if x.shape[1] != y.shape[0]:
        if c:
            raise ValueError
        else:
            return
    reveal_type(x @ y)  # => Float32[Tensor, 'b d']

def not_all_leave(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"], c: bool) -> None:
    if x.shape[1] != y.shape[0]:
        if c:
            raise ValueError
    x @ y  # !! the last axis of the first operand is n, the second to last of the second is m

def whole_shapes(x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"]) -> Float32[Tensor, "b m"]:
    x + y  # !! cannot broadcast 'b n' with 'b m': axis -1 has sizes n and m  [tensor-shape]
    assert x.shape == y.shape
    reveal_type(x + y)  # => Float32[Tensor, 'b m']
    y = x
    return x

def named_sizes(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b 3"]:
    b, n = x.shape
    y: Float32[Tensor, "b 3"] = x  # !! Incompatible types in assignment (expression has type
    assert n == 3, "three features"
    reveal_type(x + 1)  # => Float32[Tensor, 'b 3']
    x @ zeros((4, 2))  # !! the last axis of the first operand is 3, the second to last of the
    reveal_type(x @ zeros((3, 2)))  # => Float32[Tensor, 'b 2']
    return x

def in_a_branch(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "b 3"]:
    if x.shape[1] == 3:
        return x
    elif x.shape[1] == 4:
        reveal_type(x + 1)  # => Float32[Tensor, 'b 4']
        return x  # !! Incompatible return value type (got "Float32[Tensor, 'b n']", expected
    else:
        reveal_type(x + 1)  # => Float32[Tensor, 'b n']
        return zeros((x.shape[0], 3))

def conjunctions(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> None:
    assert x.shape == (3, 4) and len(y) == 4
    reveal_type(x @ y)  # => Float32[Tensor, '3 d']
    x @ y.mT  # !! the last axis of the first operand is 4, the second to last of the second is d

def disjunctions(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> None:
    if x.shape[1] != 4 or y.shape[0] != 4:
        return
    reveal_type(x @ y)  # => Float32[Tensor, 'b d']

def not_both(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> None:
    if x.shape[1] != 4 and y.shape[0] != 4:
        return
    x @ y  # !! the last axis of the first operand is n, the second to last of the second is m

def chained(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> None:
    assert x.shape[0] == x.shape[1] == y.shape[0]
    reveal_type(x @ y)  # => Float32[Tensor, 'm d']
    square(x)

def conditional(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> None:
    z = x @ y if x.shape[1] == y.shape[0] else None
    z2 = x @ y if x.shape[1] != y.shape[0] else None  # !! the last axis of the first operand is n,
    ok = x.shape[1] == y.shape[0] and (x @ y).shape[0] > 3
    bad = x.shape[1] == y.shape[0] or (x @ y).shape[0] > 3  # !! the last axis of the first operand

def multiples(x: Float32[Tensor, "b n"], y: Float32[Tensor, "m d"]) -> Float32[Tensor, "b d"]:
    n = x.shape[1]
    if n != 2 * y.shape[0]:
        raise ValueError
    z = x.reshape((-1, 2, y.shape[0]))
    reveal_type(z)  # => Float32[Tensor, 'b 2 m']
    reveal_type(z @ y)  # => Float32[Tensor, 'b 2 d']
    return (z @ y).sum(axis=1)

def sums(x: Float32[Tensor, "b n"], y: Float32[Tensor, "b m"], z: Float32[Tensor, "b k"]) -> None:
    x + flux.concat([y, z], axis=1)  # !! axis -1 has sizes n and k+m  [tensor-shape]
    assert x.shape[1] == y.shape[1] + z.shape[1]
    reveal_type(x + flux.concat([y, z], axis=1))  # => Float32[Tensor, 'b k+m']

def parameters(y: Float32[Tensor, "m d"], s: Size["q"], k: int) -> None:
    zeros((3, s)) @ y  # !! the last axis of the first operand is q, the second to last of the
    assert s == y.shape[0]
    reveal_type(zeros((3, s)) @ y)  # => Float32[Tensor, '3 d']
    assert k == y.shape[1]
    y @ zeros((k, 2))

def loops(y: Float32[Tensor, "m d"], c: bool) -> None:
    for _ in range(3):
        y + zeros((5,))  # !! axis -1 has sizes d and 5  [tensor-shape]
        if y.shape[1] != 5:
            continue
        reveal_type(y + zeros((5,)))  # => Float32[Tensor, 'm 5']
    y + zeros((5,))  # !! cannot broadcast 'm d' with '5': axis -1 has sizes d and 5  [tensor-shape]
    while c:
        if y.shape[1] != 6:
            break
        y + zeros((6,))
        y + zeros((7,))  # !! axis -1 has sizes 6 and 7  [tensor-shape]
    with open("f"):
        assert y.shape[0] == y.shape[1]
    square(y)
    try:
        assert y.shape[0] == 3
        y.T @ zeros((3, 4))
    except AssertionError:
        y.T @ zeros((3, 4))  # !! the last axis of the first operand is d, the second to last of

def calls(x: Float32[Tensor, "b n"]) -> Float32[Tensor, "n"]:
    square(x)  # !! dimension 'k' is b but here it is n (axis 1)  [tensor-shape]
    assert x.shape[0] == x.shape[1], "square"
    y: Float32[Tensor, "b b"] = x
    xs: list[Float32[Tensor, "n n"]] = [x]
    def inner() -> Float32[Tensor, "n"]:
        return square(x)
    return square(x)

def known_already(x: Float32[Tensor, "b 3"], c: bool) -> Float32[Tensor, "b 3"]:
    if x.shape[1] == 4:
        x @ zeros((3, 2))
    assert x.shape[1] == 3
    return x

def ensured(x: Any, y: Float32[Tensor, "n m"]) -> Float32[Tensor, "n d"]:
    z = flux.ensure(x, Float32[Tensor, "n d"])
    reveal_type(z)  # => Float32[Tensor, 'n d']
    reveal_type(flux.ensure(x, Image))  # => Float32[Tensor, '3 h w']
    reveal_type(flux.ensure(x, F32[Tensor, "2*n _"]))  # => Float32[Tensor, '2*n _']
    reveal_type(flux.ensure(x, jt.Int[Tensor, "*batch 5"]))  # => Int[Tensor, '... 5']
    reveal_type(flux.ensure(x, int))  # => int
    u = flux.ensure(x, Float32[Tensor, "3"] | Int[Tensor, "3"])
    reveal_type(u)  # => Float32[Tensor, '3'] | Int[Tensor, '3']
    reveal_type(flux.ensure(np.zeros(3), Float32[np.ndarray, "a b"]))  # => numpy.ndarray[Any, Any]
    y @ z  # !! the last axis of the first operand is m, the second to last of the second is n
    flux.ensure(x, Float32[Tensor, "a b"]) @ flux.ensure(x, Float32[Tensor, "a b"])  # !! the last
    square(flux.ensure(x, Float32[Tensor, "3 4"]))  # !! dimension 'k' is 3 but here it is 4 (axis
    square(flux.ensure(x, Float32[Tensor, "5 5"]))
    reveal_type(y.mT @ z)  # => Float32[Tensor, 'm d']
    return z

def ranked(
    x: Tensor, y: Float[Tensor, "... 3"], z: Float32[Tensor, "_ 3"], v: Float[Tensor, "*batch 3"],
    n: int,
) -> Float32[Tensor, "3 4"]:
    x.sum(axis=2)
    assert x.ndim == 2
    reveal_type(x)  # => Shaped[Tensor, '_ _']
    flux.permute_dims(x, (0, 1, 2))  # !! valid are -2 to 1  [tensor-shape]
    reveal_type(x[None])  # => Shaped[Tensor, '1 _ _']
    zeros((5, 6)) + x
    zeros((5, 6)) @ x
    y.sum(axis=4)
    assert len(y.shape) == 3
    reveal_type(y.shape)  # => tuple[Size['_'], Size['_'], Size['3']]
    assert y.shape == (2, n, 3), "batch"
    reveal_type(y)  # => Float[Tensor, '2 _ 3']
    y @ zeros((4, 2))  # !! the last axis of the first operand is 3, the second to last of the
    assert z.shape == (4, 3)
    z @ zeros((4, 2))  # !! the last axis of the first operand is 3, the second to last of the
    assert v.ndim == 2
    reveal_type(v)  # => Float[Tensor, '*batch 3']
    return x

def raised_rank(x: Tensor, w: Float32[Tensor, "b k"]) -> None:
    if x.ndim != 3:
        raise ValueError(f"{x.shape}")
    reveal_type(x)  # => Shaped[Tensor, '_ _ _']
    x = x[0]
    reveal_type(x)  # => Shaped[Tensor, '_ _']

def by_rank(x: Float32[Tensor, "*any 6"]) -> Float32[Tensor, "_ 6"]:
    if x.ndim == 1:
        return x[None]
    if len(x.shape) > 2:
        return x.reshape((-1, 6))
    x @ zeros((5, 2))  # !! the last axis of the first operand is 6, the second to last of the
    return x

def like(x: Tensor, w: Float32[Tensor, "b k"]) -> Float[Tensor, "b 2"]:
    assert x.shape == w.shape
    reveal_type(x)  # => Shaped[Tensor, 'b k']
    x @ w  # !! the last axis of the first operand is k, the second to last of the second is b
    return x @ zeros((w.shape[1], 2))

def checked(x: Tensor, y: object, z: Any, w: Float32[Tensor, "b n"] | None) -> None:
    assert isinstance(x, Float32[Tensor, "n d"])
    reveal_type(x)  # => Float32[Tensor, 'n d']
    square(x)  # !! dimension 'k' is n but here it is d (axis 1)  [tensor-shape]
    if isinstance(y, Float32[Tensor, "3 d"]):
        reveal_type(y)  # => Float32[Tensor, '3 d']
    else:
        reveal_type(y)  # => object
    if isinstance(z, jt.Int[Tensor, "5"]):
        reveal_type(z)  # => Int[Tensor, '5']
        z @ zeros((4,))  # !! the last axis of the first operand is 5, the axis of the second is 4
    if isinstance(w, Float32[Tensor, "b n"]):
        reveal_type(w)  # => Float32[Tensor, 'b n']
    if isinstance(z, (Float32[Tensor, "3"], int)):
        reveal_type(z)  # => Float32[Tensor, '3'] | int
    if isinstance(z, Image):
        reveal_type(z)  # => Float32[Tensor, '3 h w']
    if not isinstance(z, Image):
        raise TypeError
    z + zeros((4, 1, 1))  # !! axis -3 has sizes 3 and 4  [tensor-shape]
    isinstance(z, Float32[Tensor, "b"]) and z.reshape((3, 1))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    return findings(tmp_path_factory.mktemp("narrowing"), PROGRAM)


@parametrised(PROGRAM)
def test_lines(found: dict[int, list[str]], number: int, kind: str, wanted: str) -> None:
    assert problem(found, number, kind, wanted) is None


def test_nothing_else_is_reported(found: dict[int, list[str]]) -> None:
    assert unexpected(found, PROGRAM) == {}
