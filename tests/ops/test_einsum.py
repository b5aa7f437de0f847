"""einsum, tensordot, vecdot and outer against NumPy: values, types, derivatives and messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import typedflux as flux
from typedflux import Tensor
from typedflux.core.graph import evaluate_types
from typedflux.core.types import TensorType
from typedflux.shapes.contraction import contraction_order, plan_einsum
from typedflux.shapes.dims import UNKNOWN, Dimension, evaluate, symbol
from typedflux.shapes.errors import AnnotationError, AxisError, DTypeError, ShapeError

Array = npt.NDArray[np.float64]
SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "i": 3, "j": 4, "k": 2, "l": 5, "m": 1, "n": 3, "z": 0}


def arrays(equation: str, sizes: dict[str, int] = SIZES, seed: int = 0) -> list[Array]:
    """An array for each operand of an equation in single letters, `...` two axes at most."""
    rng = np.random.default_rng(seed)
    dots = (2, 3)
    found = []
    for number, term in enumerate(equation.partition("->")[0].replace(" ", "").split(",")):
        before, ellipsis, after = term.partition("...")
        middle = dots[number % 2 :] if ellipsis else ()
        shape = (*(sizes[x] for x in before), *middle, *(sizes[x] for x in after))
        found.append(rng.standard_normal(shape))
    return found


EQUATIONS = [
    "i->i", "ij->ji", "ij->j", "ij->", "ijk->ki",  # one operand
    "ii", "ii->i", "iijj->ji", "iaib->ba", "iii->i", "ijij->", "ajaj->ja",  # diagonals
    "i,i", "i,i->i", "i,j->ij", "i,j->ji", "ij,j->i", "ij,ij->", "ij,i->ij", "ij,ji->ij",
    "ij,jk", "ij,jk->ki", "ij,kj->ik", "bij,bjk->bik", "bij,bjk->kbi", "bij,jk->bik",
    "ij,bjk->bik", "bcij,bdij->bcd", "abij,acij->bca", "ijk,kjl->il", "bi,bi->b", "ib,bi->bi",
    "ij,k->ijk", "ij,kl->ik", "ij,jk->", "iji,jk->ki", "ii,i->",  # two
    "...ij,...jk->...ik", "...i->...", "i...,i...->...", "...,...", "i...j->j...", "...ii->...",
    "...i,ij->j...", "a...,...b->ab...",  # ellipses
    "ij,jk,kl->il", "bn,anm,bm->ba", "i,j,k->kji", "ij,ik,il->jkl", "a,ab,abc,abcd->d", "i,i,i",
    "ai,bi,ci,di->abcd", ",ij,->ji",  # more
    "iz,zj->ij", "z,z->", "mi,mj->ij", "zi->i", "zi->z", "mm->m",  # sizes 0 and 1
]  # fmt: skip


@pytest.mark.parametrize("equation", EQUATIONS)
def test_values_are_numpys(equation: str) -> None:
    operands = arrays(equation)
    wanted = np.einsum(equation, *operands)
    found = flux.einsum(equation, *map(flux.asarray, operands))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-12)
    # Operands that are views, in other orders of memory.
    views = [flux.asarray(x.T).transpose() for x in operands]
    np.testing.assert_allclose(flux.einsum(equation, *views).numpy(), wanted, atol=1e-12)


def test_words_and_spaces() -> None:
    q, k = (flux.asarray(x) for x in arrays("bid,bjd"))
    wanted = flux.einsum("bid,bjd->bij", q, k).numpy()
    for equation in ("b i d, b j d -> b i j", "batch query dim, batch key dim -> batch query key"):
        np.testing.assert_array_equal(flux.einsum(equation, q, k).numpy(), wanted)
    summed = flux.einsum("... dim, dim -> ...", q, flux.ones(5, dtype=flux.float64))
    np.testing.assert_allclose(summed.numpy(), q.numpy().sum(-1))


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[Array]]:
    """Equations with diagonals, ellipses, sizes of 1 that stretch, and empty axes."""
    letters = "abcdef"[: draw(st.integers(1, 6))]
    sizes = {x: draw(st.sampled_from([2, 3, 4, 1, 0])) for x in letters}
    dots = draw(st.none() | st.lists(st.integers(1, 3), max_size=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    terms, operands = [], []
    for _ in range(draw(st.integers(1, 4))):
        term = "".join(draw(st.lists(st.sampled_from(letters), max_size=4)))
        narrow = {x for x in set(term) if draw(st.integers(0, 6)) == 0}
        shape = [1 if x in narrow else sizes[x] for x in term]
        if dots is not None and draw(st.booleans()):
            place = draw(st.integers(0, len(term)))
            shape[place:place] = dots[draw(st.integers(0, len(dots))) :]
            term = f"{term[:place]}...{term[place:]}"
        terms.append(term)
        operands.append(rng.standard_normal(shape))
    equation = ",".join(terms)
    if draw(st.booleans()):
        known = sorted(set(equation) - set(",."))
        output = draw(st.permutations(known))[: draw(st.integers(0, len(known)))]
        if "..." in equation:
            output.insert(draw(st.integers(0, len(output))), "...")
        equation += f"->{''.join(output)}"
    return equation, operands


@settings(max_examples=200, deadline=None)
@given(cases())
def test_random_equations(case: tuple[str, list[Array]]) -> None:
    equation, operands = case
    wanted = np.einsum(equation, *operands)
    found = flux.einsum(equation, *map(flux.asarray, operands)).numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_derivatives(equation: str) -> None:
    operands = [flux.asarray(x) for x in arrays(equation)]
    directions = [flux.asarray(x) for x in arrays(equation, seed=1)]

    def f(*x: Tensor) -> Tensor:
        return flux.einsum(equation, *x)

    cotangent = flux.asarray(np.random.default_rng(2).standard_normal(f(*operands).shape))
    grads = flux.vjp(f, *operands)[1](cotangent)
    grads = grads if isinstance(grads, tuple) else (grads,)
    slope = sum((g * d).sum().item() for g, d in zip(grads, directions, strict=True))
    step = 1e-6
    ahead = f(*(x + d * step for x, d in zip(operands, directions, strict=True)))
    behind = f(*(x - d * step for x, d in zip(operands, directions, strict=True)))
    difference = ((ahead - behind) * cotangent).sum().item() / (2 * step)
    assert slope == pytest.approx(difference, rel=1e-6, abs=1e-6)
    tangent = flux.jvp(f, tuple(operands), tuple(directions))[1]
    assert (tangent * cotangent).sum().item() == pytest.approx(slope, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("equation", ["ij,jk,kl->il", "ii,ij->j", "bn,anm,bm->ba", "iij,ik->kj"])
def test_second_order(equation: str) -> None:
    # Each operand is made of one vector x, so that the Hessian sees all pairs of them.
    shapes = [x.shape for x in arrays(equation, {**SIZES, "l": 2, "n": 2})]
    count = max(prod(s) for s in shapes)
    x = flux.asarray(np.random.default_rng(0).standard_normal(count))

    def value(x: Tensor) -> Tensor:
        return (flux.einsum(equation, *(x[: prod(s)].reshape(s) for s in shapes)) ** 2).sum()

    hessian = flux.hessian(value, x).numpy()
    step = 1e-5
    for i, unit in enumerate(np.eye(count) * step):
        gradient = flux.gradient(value, x + unit) - flux.gradient(value, x - unit)
        np.testing.assert_allclose(hessian[i], gradient.numpy() / (2 * step), rtol=1e-5, atol=1e-4)


# Types

ENVIRONMENT = {"batch": 2, "i": 3, "j": 4, "d": 5, "n": 3}
batch, i, j, d, n = map(symbol, ENVIRONMENT)

SYMBOLIC: list[tuple[str, list[tuple[Dimension, ...]], str]] = [
    ("bid,bjd->bij", [(batch, i, d), (batch, j, d)], "batch i j"),
    ("bihd,bjhd->bhij", [(batch, i, 2, d), (batch, j, 2, d)], "batch 2 i j"),
    ("...i,ij->...j", [(batch, 2, i), (i, j)], "batch 2 j"),
    ("...i,...i->...", [(batch, d), (batch, d)], "batch"),
    ("ij,jk,kl->il", [(i, j), (j, d), (d, 7)], "i 7"),
    ("ii->i", [(n, n)], "n"),
    ("bii->b", [(batch, n * 2, n * 2)], "batch"),
    ("bii->bi", [(batch, n * 2 + 1, n * 2 + 1)], "batch 2*n+1"),
    ("i,j->ij", [(i,), (j + 1,)], "i j+1"),
    ("i,j->", [(i,), (j + 1,)], ""),
    ("bi,bi->b", [(batch, 1), (batch, i)], "batch"),
    ("bi,ci->bc", [(batch, i), (1, i)], "batch 1"),
    ("ij->ji", [(UNKNOWN, j)], "j _"),
    ("bij,bjk->bik", [(batch, UNKNOWN, j), (batch, j, UNKNOWN)], "batch _ _"),
]


@pytest.mark.parametrize(("equation", "shapes", "wanted"), SYMBOLIC)
def test_types(equation: str, shapes: list[tuple[Dimension, ...]], wanted: str) -> None:
    types = [TensorType(flux.float32, shape) for shape in shapes]
    found = evaluate_types(lambda *x: flux.einsum(equation, *x), types)
    assert str(found) == f'Float32[Tensor, "{wanted}"]'
    # And the gradient with respect to each operand has the operand's type.
    if UNKNOWN not in [size for shape in shapes for size in shape]:

        def gradients(*x: Tensor) -> tuple[Tensor, ...]:
            grads = flux.gradient(lambda y: flux.einsum(equation, *y).sum(), list(x))
            return tuple(grads)

        assert evaluate_types(gradients, types) == tuple(types)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_types_are_those_of_the_values(equation: str) -> None:
    operands = arrays(equation)
    letters = {x: symbol(x) if size > 1 else size for x, size in SIZES.items()}
    terms = equation.partition("->")[0].split(",")
    types = []
    for term, operand in zip(terms, operands, strict=True):
        before, _, after = term.partition("...")
        middle = operand.shape[len(before) : operand.ndim - len(after)]
        shape = (*(letters[x] for x in before), *middle, *(letters[x] for x in after))
        types.append(TensorType(flux.float64, shape))
    out = evaluate_types(lambda *x: flux.einsum(equation, *x), types)
    assert isinstance(out, TensorType) and out.dtype == flux.float64
    value = flux.einsum(equation, *map(flux.asarray, operands))
    assert tuple(evaluate(size, SIZES) for size in out.shape) == value.shape


@pytest.mark.parametrize("equation", ["bij,bkj->bik", "bii->bi", "bij,jk,bk->bi", "bi,bi->b"])
def test_one_trace_serves_all_batches(equation: str) -> None:
    f = flux.jit(lambda *x: flux.einsum(equation, *x))
    for size in (3, 1, 4):
        operands = arrays(equation, {**SIZES, "b": size})
        found = f(*map(flux.asarray, operands)).numpy()
        np.testing.assert_allclose(found, np.einsum(equation, *operands), atol=1e-12)


@pytest.mark.parametrize("equation", ["ij,jk->ik", "ii->i", "ij,ij->", "i,j->ji", "ij,jk,kj->i"])
def test_batches(equation: str) -> None:
    operands = arrays(equation, {**SIZES, "i": 4, "j": 4})
    stacks = [flux.asarray(np.stack([x, -2 * x])) for x in operands]
    wanted = [np.einsum(equation, *operands), np.einsum(equation, *(-2 * x for x in operands))]
    found = flux.vmap(lambda *x: flux.einsum(equation, *x))(*stacks)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


# Dtypes


def test_dtypes_promote_and_stay() -> None:
    x = np.arange(6, dtype=np.int8).reshape(2, 3) * 20
    found = flux.einsum("ij->j", flux.asarray(x))
    assert found.dtype == flux.int8  # unlike sum, and as NumPy's einsum
    np.testing.assert_array_equal(found.numpy(), np.einsum("ij->j", x))
    product = flux.einsum("ij,kj->ik", flux.asarray(x), flux.ones((1, 3), dtype="float32"))
    assert product.dtype == flux.float32
    z = flux.asarray([1j, 2.0])
    assert flux.einsum("i,i->", z, z).item() == 3.0  # nothing is conjugated
    assert flux.einsum("i,->i", z, 2.0).dtype == flux.complex64


@pytest.mark.parametrize("dtype", [flux.float16, flux.bfloat16])
def test_halves_are_multiplied_in_single_precision(dtype: flux.DType) -> None:
    x = flux.randn((40, 300), dtype=dtype, rng=flux.Generator(0))
    single = x.astype(flux.float32)
    for equation in ("ij,kj->ik", "ij,ij->i"):
        found = flux.einsum(equation, x, x)
        assert found.dtype == dtype
        wanted = flux.einsum(equation, single, single).astype(dtype)
        np.testing.assert_array_equal(found.astype("float32").numpy(), wanted.astype("float32"))
    assert (x @ x.T).dtype == dtype


# The order of multiplication


def test_the_order_saves_multiplications() -> None:
    # A matrix chain: (10 x 1000)(1000 x 2)(2 x 1000) from the left.
    sizes: dict[str, Dimension] = {"i": 10, "j": 1000, "k": 2, "l": 1000}
    chain: Sequence[tuple[str, ...]] = [("i", "j"), ("j", "k"), ("k", "l")]
    assert contraction_order(chain, ("i", "l"), sizes) == ((0, 1), (2, 3))
    sizes = {"i": 1000, "j": 2, "k": 1000, "l": 10}
    assert contraction_order(chain, ("i", "l"), sizes) == ((1, 2), (0, 3))
    # What is traced goes by the sizes of the first call, what is unknown by a typical one.
    sizes = {"i": UNKNOWN, "j": symbol("j", hint=2), "k": symbol("k"), "l": 1}
    assert contraction_order(chain, ("i", "l"), sizes) == ((1, 2), (0, 3))


def test_many_operands() -> None:
    letters = "abcdefghijklm"
    chain = [f"{x}{y}" for x, y in pairwise(letters)]
    matrices = arrays(",".join(chain), dict.fromkeys(letters, 2))
    equation = f"{','.join(chain)}->{letters[0]}{letters[-1]}"
    assert len(plan_einsum(equation, [x.shape for x in matrices]).products) == 11
    found = flux.einsum(equation, *map(flux.asarray, matrices))
    np.testing.assert_allclose(found.numpy(), np.linalg.multi_dot(matrices), atol=1e-10)


def test_products_that_need_no_transposing() -> None:
    attention = plan_einsum("bhqd,bhkd->bhqk", [(2, 4, 6, 8), (2, 4, 5, 8)])
    (step,) = attention.products
    assert step.matrices and step.arrange_left.order is None and attention.order is None
    (step,) = plan_einsum("bij,jk->bik", [(2, 3, 4), (4, 5)]).products
    assert step.arrange_left.shape == (6, 4) and step.arrange_right.order is None


# Messages


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: flux.einsum("ij,jk", x, x), ShapeError, r"'j' is 3 in operand 0 \('2 3'\)"),
        (lambda x: flux.einsum("ijk->i", x), ShapeError, r"'2 3'\) has 2 axes.*has 3"),
        (lambda x: flux.einsum("ii->i", x), ShapeError, "diagonal over 'i' needs equal sizes"),
        (lambda x: flux.einsum("ij,jk", x), ShapeError, "for 2 operands, but 1 are given"),
        (lambda x: flux.einsum("ij->ik", x), AnnotationError, "'k', which no operand has"),
        (lambda x: flux.einsum("...i->i", x), ShapeError, "under '...' are missing"),
        (lambda x: flux.einsum("ij", x > 0), DTypeError, "einsum.*needs numbers, got bool"),
        (lambda x: flux.einsum("ij"), TypeError, "'ij' has no operands"),
        (
            lambda x: flux.einsum(cast(str, x), 1.0),
            TypeError,
            "takes an equation .*got Tensor",
        ),
        (lambda x: flux.einsum("i", cast(Tensor, [1, 2])), TypeError, r"got list.*flux.asarray"),
        (lambda x: flux.tensordot(x, x.T), ShapeError, "axis 0 of the first operand is 2"),
        (lambda x: flux.tensordot(x, x, axes=1), ShapeError, "axis 1 of the first operand is 3"),
        (lambda x: flux.tensordot(x, x, axes=3), AxisError, "not possible with ranks 2 and 2"),
        (lambda x: flux.tensordot(x, x, axes=-1), AxisError, "0 to 2"),
        (lambda x: flux.tensordot(x, x, axes=((0,), (0, 1))), ShapeError, "1 axes .* with 2"),
        (lambda x: flux.tensordot(x, x, axes=((0, 0), (0, 1))), ShapeError, "named twice"),
        (lambda x: flux.tensordot(x, x, axes=((2,), (0,))), AxisError, "axis 2 does not exist"),
        (lambda x: flux.tensordot(x, x, axes=cast(int, 1.5)), TypeError, "takes axes=n or"),
        (lambda x: flux.tensordot(x, x, axes=cast(int, (1, 1))), TypeError, "takes axes=n or"),
        (lambda x: flux.vecdot(x, x.T), ShapeError, "axis -1 is 3 in the first operand, 2 in"),
        (lambda x: flux.vecdot(x, x, axis=0), AxisError, "axis 0 .* valid are -2 to -1"),
        (lambda x: flux.vecdot(x, x[0], axis=-2), AxisError, "valid are -1 to -1"),
        (lambda x: flux.vecdot(x, 1.0), AxisError, "rank 0 has no axis"),
        (lambda x: flux.outer(x, x[0]), ShapeError, "outer.*'2 3' is of rank 2"),
    ],
)
def test_messages(call: Callable[[Tensor], Tensor], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(flux.ones((2, 3)))


# tensordot, vecdot, outer


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((2, 3, 4), (3, 4, 5)), 2),
        (((2, 3), (3, 4)), 1),
        (((2, 3), (4,)), 0),
        (((2, 3, 4), (4, 5, 3)), ((1, 2), (2, 0))),
        (((2, 3, 4), (4, 5, 3)), ((-1,), (-3,))),
        (((2, 3), (2, 3)), ((0, 1), (0, 1))),
        (((2, 3), ()), 0),
        (((), ()), ((), ())),
        (((0, 3), (3, 2)), 1),
        (((2, 0), (0, 3)), 1),
    ],
)
def test_tensordot(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    axes: int | tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(shape) for shape in shapes)
    found = flux.tensordot(flux.asarray(x), flux.asarray(y), axes=axes)
    wanted = np.tensordot(x, y, axes=axes)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("shape1", "shape2", "axis"),
    [((3,), (3,), -1), ((2, 3), (3,), -1), ((4, 3, 2), (3, 2), -2), ((2, 1, 0), (4, 0), -1),
     ((5, 1, 3), (1, 4, 3), -1)],
)  # fmt: skip
def test_vecdot(shape1: tuple[int, ...], shape2: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((*shape, 2)) @ [1, 1j] for shape in (shape1, shape2))
    moved = [np.moveaxis(z, axis, -1) for z in (x, y)]
    wanted = (np.conj(moved[0]) * moved[1]).sum(-1)
    found = flux.vecdot(flux.asarray(x), flux.asarray(y), axis=axis)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)
    integers = flux.vecdot(
        flux.asarray([2, 3], dtype="int8"), flux.asarray([100, 100], dtype="int8")
    )
    assert integers.dtype == flux.int8 and integers.item() == -12  # wraps: 500 - 512


def test_outer() -> None:
    x, y = np.arange(3.0), np.arange(4.0) - 1
    found = flux.outer(flux.asarray(x), flux.asarray(y))
    np.testing.assert_array_equal(found.numpy(), np.outer(x, y))
    assert flux.outer(flux.zeros(0), flux.asarray(y)).shape == (0, 4)
    z = flux.asarray([1j])
    assert flux.outer(z, z).tolist() == [[-1 + 0j]]


NAMED: list[tuple[Callable[[Tensor, Tensor], Tensor], tuple[int, ...], tuple[int, ...]]] = [
    (lambda x, y: flux.tensordot(x, y, axes=((0, 2), (2, 1))), (2, 3, 4), (5, 4, 2)),
    (lambda x, y: flux.vecdot(x, y, axis=-2), (2, 3, 4), (3, 1)),
    (flux.outer, (3,), (4,)),
]


@pytest.mark.parametrize(("function", "shape1", "shape2"), NAMED)
def test_named_products_have_derivatives(
    function: Callable[[Tensor, Tensor], Tensor], shape1: tuple[int, ...], shape2: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    x, y, dx, dy = (flux.asarray(rng.standard_normal(s)) for s in (shape1, shape2) * 2)
    slopes = flux.gradient(lambda x, y: (function(x, y) ** 2).sum(), x, y)
    slope = (slopes[0] * dx).sum().item() + (slopes[1] * dy).sum().item()
    step = 1e-6
    ahead = (function(x + dx * step, y + dy * step) ** 2).sum().item()
    behind = (function(x - dx * step, y - dy * step) ** 2).sum().item()
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-6)


def test_named_products_of_symbolic_sizes() -> None:
    def of(function: Callable[..., Tensor], *shapes: tuple[Dimension, ...]) -> str:
        return str(evaluate_types(function, [TensorType(flux.float32, s) for s in shapes]))

    assert of(flux.outer, (n,), (d,)) == 'Float32[Tensor, "n d"]'
    assert of(flux.vecdot, (batch, n), (n,)) == 'Float32[Tensor, "batch"]'
    assert of(flux.tensordot, (batch, i, j), (i, j, d)) == 'Float32[Tensor, "batch d"]'
    with pytest.raises(ShapeError, match=r"tensordot\(Float32.*axis 1 of the first operand is i"):
        of(flux.tensordot, (batch, i, j), (d, j, d))
