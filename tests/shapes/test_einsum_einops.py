"""Einsum against NumPy; einops patterns against moving every element by hand."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes.strategies import Twin
from typedflux.shapes.dims import UNKNOWN, Shape, format_shape, hint_of, symbol
from typedflux.shapes.einops import EinopsKind, EinopsPlan, plan_einops
from typedflux.shapes.einsum import canonical_einsum, einsum_shape, parse_einsum
from typedflux.shapes.errors import AnnotationError, ShapeError

Numbers = tuple[int, ...]
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
n, d = symbol("n"), symbol("d")
LETTERS = "ijk"


@st.composite
def einsums(draw: st.DrawFn) -> tuple[str, list[Numbers]]:
    sizes = {letter: draw(st.integers(1, 3)) for letter in LETTERS}
    terms, operands = list[str](), list[Numbers]()
    for _ in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(st.sampled_from(LETTERS), max_size=3))
        shape = [sizes[x] if draw(st.integers(0, 9)) else draw(st.integers(1, 3)) for x in labels]
        if draw(st.integers(0, 3)) == 0:
            place = draw(st.integers(0, len(labels)))
            extra = draw(st.lists(st.integers(1, 2), max_size=2))
            labels.insert(place, "...")
            shape[place:place] = extra
        terms.append("".join(labels))
        operands.append(tuple(shape))
    equation = ",".join(terms)
    if draw(st.booleans()):
        used = sorted(set(equation) & set(LETTERS))
        output = draw(st.permutations(used))[: draw(st.integers(0, 3))]
        if "..." in equation and draw(st.integers(0, 9)):
            output = [*output, "..."]
        equation += "->" + "".join(output)
    return equation, operands


@given(einsums())
@settings(max_examples=500, deadline=None)
def test_einsum(case: tuple[str, list[Numbers]]) -> None:
    equation, operands = case
    arrays = [np.ones(shape) for shape in operands]
    traced = list(map(Twin("hinted").shape, operands))
    try:
        wanted = np.einsum(equation, *arrays).shape
    except ValueError:
        for sizes in (operands, traced):
            with pytest.raises(ShapeError):
                einsum_shape(equation, sizes)
        return
    assert einsum_shape(equation, operands) == wanted
    assert tuple(map(hint_of, einsum_shape(equation, traced))) == wanted
    flexible = Twin("flexible")
    assert flexible.agrees(einsum_shape(equation, list(map(flexible.shape, operands))), wanted)
    assert np.einsum(canonical_einsum(equation), *arrays).shape == wanted


def test_einsum_in_words() -> None:
    equation = parse_einsum("batch query dim, batch key dim -> batch query key")
    assert equation.summed == ("dim",) and canonical_einsum(equation) == "abc,adc->abd"
    assert einsum_shape(equation, [(n, 3, d), (n, 5, d)]) == (n, 3, 5)
    assert einsum_shape("... i, i -> ...", [(n, UNKNOWN, 4), (4,)]) == (n, UNKNOWN)
    assert str(parse_einsum("a b,b->")) == "a b, b -> "
    assert canonical_einsum("x yy, yy z") == "xa,az->xz"


# Pattern, the sizes of its elementary axes, the names whose sizes are given.
PATTERNS: list[tuple[EinopsKind, str, dict[str, int], str]] = [
    ("rearrange", "b c h w -> b h w c", {"b": 2, "c": 3, "h": 4, "w": 1}, ""),
    ("rearrange", "b (h d) -> b h d", {"b": 2, "h": 3, "d": 4}, "h"),
    ("rearrange", "b t (h d) -> b h t d", {"b": 2, "t": 3, "h": 2, "d": 4}, "d"),
    ("rearrange", "(a b) (c d) -> (d a) (b c)", {"a": 2, "b": 3, "c": 2, "d": 2}, "ac"),
    ("rearrange", "a 1 b -> b () a 1", {"a": 2, "b": 3}, ""),
    ("rearrange", "a () b -> (a b)", {"a": 2, "b": 3}, ""),
    ("rearrange", " -> 1", {}, ""),
    (
        "reduce",
        "b (h p) (w q) c -> b h w c",
        {"b": 2, "h": 2, "p": 2, "w": 3, "q": 2, "c": 1},
        "pq",
    ),
    ("reduce", "a b c ->", {"a": 2, "b": 3, "c": 2}, ""),
    ("reduce", "a b -> b 1 a", {"a": 2, "b": 3}, ""),
    ("reduce", "a b -> (b 1)", {"a": 2, "b": 3}, ""),
    ("repeat", "h w -> h w c", {"h": 2, "w": 3, "c": 4}, "c"),
    ("repeat", "h w -> (h p) (q w)", {"h": 2, "w": 3, "p": 2, "q": 3}, "pq"),
    ("repeat", "-> a", {"a": 3}, "a"),
]


def groups(side: str) -> list[list[str]]:
    found: list[list[str]] = []
    inside = False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            inside = word == "("
            found += [[]] * inside
        elif inside:
            found[-1] = found[-1] + ([] if word == "1" else [word])
        else:
            found.append([] if word == "1" else [word])
    return found


def flat_index(group: Sequence[str], at: dict[str, int], sizes: dict[str, int]) -> int:
    place = 0
    for name in group:
        place = place * sizes[name] + at[name]
    return place


def by_hand(x: Array, left: str, right: str, sizes: dict[str, int]) -> Array:
    """Visit every combination of elementary indices; what falls on one place is added up."""
    target = groups(right)
    out = np.zeros([int(np.prod([sizes[a] for a in g])) for g in target])
    for point in itertools.product(*(range(size) for size in sizes.values())):
        at = dict(zip(sizes, point, strict=True))
        source = tuple(flat_index(g, at, sizes) for g in groups(left))
        out[tuple(flat_index(g, at, sizes) for g in target)] += x[source]
    return out


def numbers(shape: Shape) -> Numbers:
    return tuple(int(str(size)) for size in shape)


def carry_out(plan: EinopsPlan, x: Array) -> Array:
    y = x.reshape(numbers(plan.split))
    y = y.sum(plan.reduced) if plan.reduced else y
    y = y.transpose(plan.order)
    for place, _ in plan.inserted:
        y = np.expand_dims(y, place)
    return np.broadcast_to(y, numbers(plan.expanded)).reshape(numbers(plan.shape))


@pytest.mark.parametrize(("kind", "text", "sizes", "named"), PATTERNS)
def test_patterns(kind: EinopsKind, text: str, sizes: dict[str, int], named: str) -> None:
    left, right = text.split("->")
    shape = tuple(int(np.prod([sizes[a] for a in g])) for g in groups(left))
    x = np.random.default_rng(0).normal(size=shape)
    given_sizes = {name: sizes[name] for name in named}
    wanted = by_hand(x, left, right, sizes)
    plan = plan_einops(kind, text, shape, given_sizes)
    assert plan.shape == wanted.shape
    np.testing.assert_allclose(carry_out(plan, x), wanted)
    flexible, hinted = Twin("flexible"), Twin("hinted")
    assert flexible.agrees(plan_einops(kind, text, flexible.shape(shape), given_sizes).shape,
                           wanted.shape)  # fmt: skip
    traced = plan_einops(kind, text, hinted.shape(shape), given_sizes)
    assert tuple(map(hint_of, traced.shape)) == wanted.shape


ELLIPSES: list[tuple[EinopsKind, str, Numbers, dict[str, int], Numbers]] = [
    ("rearrange", "b ... c -> b c ...", (2, 3, 4, 5), {}, (2, 5, 3, 4)),
    ("rearrange", "b ... -> b (...)", (2, 3, 4), {}, (2, 12)),
    ("rearrange", "... (h d) -> ... h d", (6,), {"h": 2}, (2, 3)),
    ("rearrange", "b ... c -> (b ...) c", (2, 3, 4, 5), {}, (24, 5)),
    ("rearrange", "b ... -> b (...)", (2,), {}, (2, 1)),
    ("reduce", "b ... -> b", (2, 3, 4), {}, (2,)),
    ("reduce", "b ... c -> ...", (2, 3, 4, 5), {}, (3, 4)),
    ("repeat", "... -> ... k", (2, 3), {"k": 4}, (2, 3, 4)),
    ("reduce", "b 3 -> b", (2, 3), {}, (2,)),
    ("repeat", "b -> b 3", (2,), {}, (2, 3)),
]


@pytest.mark.parametrize(("kind", "text", "shape", "sizes", "wanted"), ELLIPSES)
def test_patterns_with_ellipsis_or_numbers(
    kind: EinopsKind, text: str, shape: Numbers, sizes: dict[str, int], wanted: Numbers
) -> None:
    plan = plan_einops(kind, text, shape, sizes)
    assert plan.shape == wanted
    assert carry_out(plan, np.zeros(shape)).shape == wanted


def test_symbolic_patterns() -> None:
    plan = plan_einops("rearrange", "b t (h k) -> b h t k", (n, UNKNOWN, 8 * d), {"h": 8})
    assert format_shape(plan.shape) == "n 8 _ d"
    assert plan_einops("repeat", "b -> b k", (n,), {"k": 3}).inserted == ((1, 3),)
    assert plan_einops("rearrange", "(a b) -> a b", (UNKNOWN,), {"a": 2}).shape == (2, UNKNOWN)


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: parse_einsum("i?->i"), AnnotationError, "einsum 'i?->i': '?' is no label"),
    (
        lambda: parse_einsum("ij->ik"),
        AnnotationError,
        "einsum 'ij->ik': the result has 'k', which no operand has",
    ),
    (
        lambda: parse_einsum("ij->ii"),
        AnnotationError,
        "einsum 'ij->ii': the result has 'i' twice",
    ),
    (
        lambda: parse_einsum("...i...->i"),
        AnnotationError,
        "einsum '...i...->i': '...i...' has more than one ellipsis",
    ),
    (
        lambda: einsum_shape("ij,jk->ik", [(n, 3), (4, d)]),
        ShapeError,
        "einsum 'ij,jk->ik': 'j' is 3 in operand 0 ('n 3') but 4 in operand 1 ('4 d')",
    ),
    (
        lambda: einsum_shape("ij->i", [(n,)]),
        ShapeError,
        "einsum 'ij->i': operand 0 ('n') has 1 axes, but 'i j' has 2",
    ),
    (
        lambda: einsum_shape("ii->i", [(n, 4)]),
        ShapeError,
        "einsum 'ii->i': operand 0 ('n 4'): the diagonal over 'i' needs equal sizes, not n and 4",
    ),
    (
        lambda: einsum_shape("i,i", [(n,)]),
        ShapeError,
        "einsum 'i,i': it is for 2 operands, but 1 are given",
    ),
    (
        lambda: einsum_shape("...i->i", [(n, 4)]),
        ShapeError,
        "einsum '...i->i': the axes 'n' under '...' are missing in the result",
    ),
    (
        lambda: einsum_shape("...,...", [(3,), (4,)]),
        ShapeError,
        "einsum '...,...': at '...', cannot broadcast '3' with '4': axis -1 has sizes 3 and 4",
    ),
    (
        lambda: plan_einops("rearrange", "b c -> b", (2, 3)),
        AnnotationError,
        "rearrange 'b c -> b': 'c' is only on the left",
    ),
    (
        lambda: plan_einops("rearrange", "b -> b c", (2,)),
        AnnotationError,
        "rearrange 'b -> b c': 'c' is only on the right",
    ),
    (
        lambda: plan_einops("repeat", "b -> b ...", (2,)),
        AnnotationError,
        "repeat 'b -> b ...': '...' is only on the right",
    ),
    (
        lambda: plan_einops("rearrange", "b ((c) d) -> b c d", (2, 3)),
        AnnotationError,
        "rearrange 'b ((c) d) -> b c d': brackets cannot be nested",
    ),
    (
        lambda: plan_einops("rearrange", "b (c -> b c", (2, 3)),
        AnnotationError,
        "rearrange 'b (c -> b c': '(' is not closed",
    ),
    (
        lambda: plan_einops("rearrange", "b) c -> b c", (2, 3)),
        AnnotationError,
        "rearrange 'b) c -> b c': ')' closes nothing",
    ),
    (
        lambda: plan_einops("rearrange", "b b -> b", (2, 2)),
        AnnotationError,
        "rearrange 'b b -> b': 'b' is twice on one side",
    ),
    (
        lambda: plan_einops("rearrange", "b _c -> b _c", (2, 2)),
        AnnotationError,
        "rearrange 'b _c -> b _c': '_c' is no name for an axis",
    ),
    (
        lambda: plan_einops("rearrange", "b c", (2, 2)),
        AnnotationError,
        "rearrange 'b c': exactly one '->' is wanted",
    ),
    (
        lambda: plan_einops("rearrange", "(...) c -> c ...", (2, 2)),
        AnnotationError,
        "rearrange '(...) c -> c ...': '...' cannot be in brackets on the left",
    ),
    (
        lambda: plan_einops("rearrange", "b c -> c b", (2, 3, 4)),
        ShapeError,
        "rearrange 'b c -> c b': the left side has 2 axes, but '2 3 4' has 3",
    ),
    (
        lambda: plan_einops("rearrange", "a b ... -> a b ...", (2,)),
        ShapeError,
        "rearrange 'a b ... -> a b ...': the left side has at least 2 axes, but '2' has 1",
    ),
    (
        lambda: plan_einops("rearrange", "b (h d) -> b h d", (n, 10), {"h": 3}),
        ShapeError,
        "rearrange 'b (h d) -> b h d': axis 1 of 'n 10' has size 10, which is no multiple of h=3",
    ),
    (
        lambda: plan_einops("rearrange", "b (h d) -> b h d", (n, 10)),
        ShapeError,
        (
            "rearrange 'b (h d) -> b h d': axis 1 of 'n 10' has size 10: give the sizes of all but "
            "one of 'h' and 'd'"
        ),
    ),
    (
        lambda: plan_einops("rearrange", "b (h d) -> b h d", (n, 10), {"h": 3, "d": 4}),
        ShapeError,
        "rearrange 'b (h d) -> b h d': axis 1 of 'n 10' has size 10, but h=3*d=4 is 12",
    ),
    (
        lambda: plan_einops("rearrange", "b 1 -> b", (n, 10)),
        ShapeError,
        "rearrange 'b 1 -> b': axis 1 of 'n 10' has size 10, but 1 is wanted",
    ),
    (
        lambda: plan_einops("rearrange", "b (h d) -> b h d", (n, 0), {"h": 0}),
        ShapeError,
        (
            "rearrange 'b (h d) -> b h d': axis 1 of 'n 0' has size 0: next to a size of 0, 'd' "
            "could be anything"
        ),
    ),
    (
        lambda: plan_einops("repeat", "b -> b k", (n,)),
        ShapeError,
        "repeat 'b -> b k': the size of the new axis 'k' is not given",
    ),
    (
        lambda: plan_einops("rearrange", "b -> b", (n,), {"k": 3}),
        ShapeError,
        "rearrange 'b -> b': a size is given for 'k', which is not in it",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), ERRORS)
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
