"""einsum and the patterns of einops under mypy: their strings are checked like annotations."""

from __future__ import annotations

from pathlib import Path

from tests.mypy_plugin.running import check, revealed

HEADER = """
from jaxtyping import Float, Float32, Int
import typedflux as flux
from typedflux import Size, Tensor

def f(q: Float32[Tensor, "b i d"], k: Float32[Tensor, "b j d"], x: Float[Tensor, "*batch t 64"],
      m: Float32[Tensor, "n n"], z: Int[Tensor, "b i"], n: Size["n"], count: int,
      equation: str) -> None:
"""

REVEALED = [
    ('flux.einsum("b i d, b j d -> b i j", q, k)', "Float32[Tensor, 'b i j']"),
    ('flux.einsum("bid,bjd", q, k)', "Float32[Tensor, 'i j']"),
    ('flux.einsum("...td,...sd->...ts", x, x)', "Float[Tensor, '*batch t t']"),
    ('flux.einsum("ii->i", m)', "Float32[Tensor, 'n']"),
    ('flux.einsum("bi,bid->bd", z, q)', "Float32[Tensor, 'b d']"),
    ("flux.einsum(equation, q, k)", "Shaped[Tensor, '...']"),
    ("flux.tensordot(q, k, axes=((2,), (2,)))", "Float32[Tensor, 'b i b j']"),
    ("flux.vecdot(q, q)", "Float32[Tensor, 'b i']"),
    ('flux.rearrange(x, "... (h d) -> h ... d", h=8)', "Float[Tensor, '8 *batch t 8']"),
    ('flux.rearrange(q, "b i (h d) -> b h (i d)", h=n)', "Float32[Tensor, 'b n i*(d//n)']"),
    ('flux.rearrange([q, q], "k b i d -> b (k i) d")', "Float32[Tensor, 'b 2*i d']"),
    ('flux.reduce(q, "b (i 2) d -> b i d", "mean")', "Float32[Tensor, 'b i//2 d']"),
    ('flux.reduce(z, "b i -> b 1", "sum")', "Int64[Tensor, 'b 1']"),
    ('flux.einops_repeat(m, "i j -> k (i 2) j", k=q.shape[1])', "Float32[Tensor, 'i 2*n n']"),
    ('flux.einops_repeat(m, "i j -> i j k", k=count)', "Float32[Tensor, 'n n _']"),
    ("flux.diff(q, n=2)", "Float32[Tensor, 'b i d-2']"),
    ("flux.gumbel_softmax(x, hard=True)", "Float[Tensor, '*batch t 64']"),
    ("flux.swiglu(x)", "Float[Tensor, '*batch t 32']"),
]

REFUSED = [
    ('flux.einsum("bid,bjd->bij", q, m)', "operand 1 ('n n') has 2 axes, but 'b j d' has 3"),
    ('flux.einsum("bid,bid->bi", q, k)', "'i' is i in operand 0 ('b i d') but j in operand 1"),
    ('flux.rearrange(x, "... (h d) -> ... h d", h=7)', "no multiple of h=7"),
    ('flux.reduce(q, "b i -> b", "sum")', "the left side has 2 axes, but 'b i d' has 3"),
    ('flux.einops_repeat(m, "i j -> i j k")', "the size of the new axis 'k' is not given"),
]


def test_strings_give_types(tmp_path: Path) -> None:
    lines = [f"    reveal_type({expression})" for expression, _ in REVEALED]
    output = check(tmp_path, {"main.py": HEADER + "\n".join(lines)})
    wanted = [type_ for _, type_ in REVEALED]
    assert revealed(output) == wanted


def test_strings_that_do_not_fit(tmp_path: Path) -> None:
    lines = [f"    {expression}" for expression, _ in REFUSED]
    messages = check(tmp_path, {"main.py": HEADER + "\n".join(lines)})
    errors = [message for message in messages if "error:" in message]
    assert len(errors) == len(REFUSED)
    for error, (_, message) in zip(errors, REFUSED, strict=True):
        assert message in error and "[tensor-shape]" in error
