"""Symbolic sizes: arithmetic agrees with numbers, forms are canonical, decisions are sound."""

import itertools
import pickle

import pytest
from hypothesis import assume, given, settings

from tests.shapes.strategies import NAMES, Env, Recorder, Tree, envs, trees
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Unknown,
    bounds,
    ceil_div,
    dim_max,
    dim_min,
    equal,
    evaluate,
    format_shape,
    hint_of,
    is_fixed,
    merge,
    product,
    require_equal,
    solve,
    substitute,
    symbol,
    symbols,
)
from typedflux.shapes.errors import ShapeError, UndecidedError
from typedflux.shapes.expressions import evaluate_expression

n, m, a, b, h = (symbol(name) for name in ("n", "m", "a", "b", "h"))
flexible = symbol("f", kind="flexible")


def size_of(tree: Tree) -> Dimension:
    try:
        return tree.size()
    except ZeroDivisionError:
        assume(False)
        raise


def number_of(tree: Tree, env: Env) -> int:
    try:
        return tree.number(env)
    except ZeroDivisionError:
        assume(False)
        raise


@given(trees(), envs)
@settings(max_examples=400, deadline=None)
def test_arithmetic_agrees_with_numbers(tree: Tree, env: Env) -> None:
    size, number = size_of(tree), number_of(tree, env)
    assert evaluate(size, env) == number
    low, high = bounds(size)
    assert (low is None or low <= number) and (high is None or number <= high)


@given(trees())
@settings(max_examples=400, deadline=None)
def test_printed_sizes_parse_back(tree: Tree) -> None:
    size = size_of(tree)
    names = {name: symbol(name) for name in NAMES}
    again = evaluate_expression(str(size), names)
    assert again == size and hash(again) == hash(size) and " " not in str(size)
    assert pickle.loads(pickle.dumps(size)) == size


@given(trees(("+", "-", "*")), trees(("+", "-", "*")))
@settings(max_examples=150, deadline=None)
def test_polynomials_have_one_form(left: Tree, right: Tree) -> None:
    x, y = left.size(), right.size()
    grid = [
        dict(zip(NAMES, point, strict=True))
        for point in itertools.product((0, 1, 2, 3, 7, 50), repeat=3)
    ]
    same = all(left.number(env) == right.number(env) for env in grid)
    assert (x == y) is same and equal(x, y) is same
    assert not same or hash(x) == hash(y)


@given(trees(), trees(), envs)
@settings(max_examples=150, deadline=None)
def test_a_difference_is_claimed_only_where_there_is_one(left: Tree, right: Tree, env: Env) -> None:
    x, y = (substitute(size_of(t), {name: symbol(name, kind="flexible") for name in NAMES})
            for t in (left, right))  # fmt: skip
    verdict = equal(x, y)
    if verdict is not None:
        assert verdict is (number_of(left, env) == number_of(right, env))


@given(trees(), trees(), envs)
@settings(max_examples=200, deadline=None)
def test_substitution_agrees_with_numbers(outer: Tree, inner: Tree, env: Env) -> None:
    value = number_of(inner, env)
    assume(value >= 0)
    wanted = number_of(outer, {**env, "a": value})
    try:
        size = substitute(size_of(outer), {"a": size_of(inner)})
    except ZeroDivisionError:
        assume(False)
    assert evaluate(size, env) == wanted


SIMPLIFIED: list[tuple[Dimension, str]] = [
    (n * 4 // 4, "n"),
    ((4 * n + 2) // 2, "2*n+1"),
    (n * 4 % 4, "0"),
    (n * m // n, "m"),
    ((n * n + 2 * n + 1) // (n + 1), "n+1"),
    (n * m // (n * h), "m//h"),
    (h // 2 // 2, "h//4"),
    ((h // 2 + 1) // 2, "(h+2)//4"),
    ((2 * n + 1) // 4, "n//2"),
    (n % 4 // 4, "0"),
    (n % 8 % 4, "n%4"),
    (6 * n % 4, "2*(n%2)"),
    (1 - n, "1-n"),
    (-n, "-n"),
    (-(n % 2), "-(n%2)"),
    (2 * (h // 2), "2*(h//2)"),
    (n // m * m, "m*(n//m)"),
    ((n + 1) % m, "(n+1)%m"),
    (n * m % 7, "m*n%7"),
    (dim_min(n, m, n + 1), "min(m,n)"),
    (dim_max(n, dim_max(m, 3)), "max(m,n,3)"),
    (dim_max(n, 0), "n"),
    (n**3, "n*n*n"),
    (ceil_div(n, 2), "(n+1)//2"),
    (n // -2, "n//2-n"),
    (n % -2, "-(n%2)"),
    (product([n, 28, 28]), "784*n"),
    (UNKNOWN * n + 1, "_"),
    (n - UNKNOWN, "_"),
    (UNKNOWN * 0, "0"),
]


@pytest.mark.parametrize(("size", "text"), SIMPLIFIED)
def test_simplification(size: Dimension, text: str) -> None:
    assert str(size) == text


EQUAL: list[tuple[Dimension, Dimension, bool | None]] = [
    (n, n, True),
    (n, m, False),
    (n, 784, False),
    (n, n + 1, False),
    (flexible, flexible + 1, False),
    (flexible + 5, 3, False),
    (2 * flexible, 7, False),
    (flexible, n, None),
    (flexible, 784, None),
    (n * (m // n), m, None),
    (n // 2 + n, n // 2 + m, False),
    (n % 4, 5, False),
    (dim_min(n, 12), n - 12, False),
    (dim_min(n, 12), n, None),
    (dim_min(n, 5), dim_min(m, 5), None),
    (2 * dim_max(n, m), 3 * n + 2 * m, False),
    (dim_max(n - 12, 0), n - 12, None),
    (dim_min(n, flexible), m, None),
    (UNKNOWN, 3, None),
    (UNKNOWN, UNKNOWN, None),
]


@pytest.mark.parametrize(("x", "y", "verdict"), EQUAL)
def test_three_answers(x: Dimension, y: Dimension, verdict: bool | None) -> None:
    assert equal(x, y) is verdict and equal(y, x) is verdict
    if verdict is False:
        with pytest.raises(ShapeError, match="why not"):
            require_equal(x, y, lambda: "why not")
    else:
        require_equal(x, y, "why not")


def test_python_equality_is_for_ordinary_code() -> None:
    assert n == symbol("n") and n != m and n != 3 and n != "n" and n != UNKNOWN
    assert {n: 1, 2 * n: 2}[n + n] == 2 and (n, 3) == (symbol("n"), 3) and (n, 3) != (m, 3)
    with pytest.raises(UndecidedError, match=r"f == 3 is not known"):
        assert flexible == 3
    with pytest.raises(UndecidedError, match=r"f == n is not known"):
        assert flexible == n


def test_order_by_bounds_and_otherwise_undecided() -> None:
    assert n >= 0 and n > -1 and n + 1 > n and not n < 0 and n + 4 > 3 and bool(n + 1)
    for question in (lambda: n > 3, lambda: n < m, lambda: int(n), lambda: n / 2, lambda: 2 / n):
        with pytest.raises(UndecidedError, match="n"):
            question()
    for question in (lambda: bool(UNKNOWN), lambda: int(UNKNOWN), lambda: UNKNOWN < 3):
        with pytest.raises(UndecidedError, match="unknown"):
            question()


def test_hints_decide_and_every_decision_is_recorded() -> None:
    owner = Recorder()
    x = symbol("x", kind="hinted", hint=4, owner=owner)
    y = symbol("y", kind="hinted", hint=4, owner=owner)
    assert (
        x == 4 and x != 5 and x == y and x < 9 and x >= 2 and x and list(range(x)) == [0, 1, 2, 3]
    )
    assert x + 1 != x and x >= 0
    assert owner.guards == [
        ("x==4", True), ("x==5", False), ("x==y", True), ("x<9", True), ("x>=2", True),
        ("x==0", False), ("x==4", True),
    ]  # fmt: skip
    owner.guards.clear()
    require_equal(x * 2, 8, "why not")
    assert x / 8 == 0.5 and 8 / y == 2.0 and hint_of(x * y + 1) == 17
    assert owner.guards == [("2*x==8", True), ("x==4", True), ("y==4", True)]
    with pytest.raises(ShapeError, match="why not"):
        require_equal(x, 5, "why not")
    assert not isinstance(x, int)


def test_symbols_differ_by_name_kind_and_owner() -> None:
    one, two = Recorder(), Recorder()
    hinted = symbol("n", kind="hinted", hint=3, owner=one)
    assert hash(hinted) != hash(symbol("n", kind="hinted", hint=3, owner=two))
    assert equal(hinted, symbol("n", kind="hinted", hint=9, owner=one)) is True
    assert equal(n, symbol("n", kind="flexible")) is None
    assert {s.name for s in symbols((n + 1) // m)} == {"n", "m"}


SOLVED: list[tuple[Dimension, Dimension, object]] = [
    (n + 1, 11, 10),
    (2 * n, 2 * m, m),
    (n, n, n),
    (-n + 5, 2, 3),
    (2 * n, 7, "no integer n makes 2*n equal to 7"),
    (n + 1, 0, "n+1 is 0 only for n=-1, and a size is never negative"),
    (2 * n, m, None),
    (n * n, 4, None),
    (n + m, 4, None),
    (n // 2, 4, None),
    (n + 1, n, None),
    (n, UNKNOWN, None),
    (4, 4, None),
]


@pytest.mark.parametrize(("expression", "value", "answer"), SOLVED)
def test_solve(expression: Dimension, value: Dimension, answer: object) -> None:
    found = solve(expression, value)
    assert (found[1] if isinstance(found, tuple) else found) == answer


def test_solve_for_one_of_several() -> None:
    (unknown,) = symbols(n)
    found = solve(m * n + a, m * b * 3 + a, {unknown})
    assert isinstance(found, tuple) and str(found[1]) == "3*b"


def test_small_helpers() -> None:
    assert format_shape((n, 784)) == "n 784" and format_shape(()) == ""
    assert format_shape(None) == "..." and is_fixed(3, 3) and not is_fixed(n, 3)
    assert merge(UNKNOWN, n) is n and merge(n, 3) == 3 and product([0, UNKNOWN, n]) == 0
    assert isinstance(pickle.loads(pickle.dumps(UNKNOWN)), Unknown)
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN
    assert bounds(UNKNOWN) == (0, None) and repr(n + 1) == "n+1" and isinstance(n + 1, Dim)
    with pytest.raises(UndecidedError, match="'m' was given none"):
        evaluate(n * m, {"n": 3})
    with pytest.raises(UndecidedError, match="unknown size"):
        evaluate(UNKNOWN, {})
    with pytest.raises(ZeroDivisionError):
        _ = n // 0
    with pytest.raises(TypeError):
        _ = n + 1.5  # type: ignore[operator]
