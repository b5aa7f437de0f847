"""Parsing and binding annotations: forms, symbolic sizes, and the text of every complaint."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes.strategies import Recorder
from typedflux.shapes.dims import UNKNOWN, Dimension, format_shape, symbol
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in
from typedflux.shapes.spec import (
    AnonymousAxis,
    Axis,
    ExpressionAxis,
    FixedAxis,
    NamedAxis,
    VariadicAxis,
    parse,
)
from typedflux.shapes.unify import Bindings, bind, instantiate

n, m = symbol("n"), symbol("m")
f = symbol("f", kind="flexible")

FORMS: list[tuple[str, Axis]] = [
    ("4", FixedAxis(4)),
    ("-1", FixedAxis(-1)),
    ("#4", FixedAxis(4, broadcast=True)),
    ("rows=4", FixedAxis(4)),
    ("n", NamedAxis("n")),
    ("é", NamedAxis("é")),
    ("#n", NamedAxis("n", broadcast=True)),
    ("rows=#n", NamedAxis("n", broadcast=True)),
    ("?#n", NamedAxis("n", broadcast=True, tree=True)),
    ("_", AnonymousAxis()),
    ("_rest", AnonymousAxis()),
    ("...", VariadicAxis(None)),
    ("*_rest", VariadicAxis(None)),
    ("*s", VariadicAxis("s")),
    ("*#s", VariadicAxis("s", broadcast=True)),
    ("?*s", VariadicAxis("s", tree=True)),
    ("2*n+1", ExpressionAxis("2*n+1")),
    ("#n-1", ExpressionAxis("n-1", broadcast=True)),
    ("out=min(a,b)", ExpressionAxis("min(a,b)")),
    ("a-", ExpressionAxis("a-")),
    ("a=b=c", ExpressionAxis("a=b=c")),
]


@pytest.mark.parametrize(("text", "axis"), FORMS)
def test_forms(text: str, axis: Axis) -> None:
    spec = parse(text)
    assert spec.axes == (axis,) and spec.text == text
    assert parse(str(spec)).axes == spec.axes


@given(st.lists(st.text("#*_?=ab4+. ", max_size=5), max_size=4))
@settings(max_examples=600, deadline=None)
def test_whatever_parses_prints_and_parses_again(words: list[str]) -> None:
    text = " ".join(words)
    try:
        spec = parse(text)
    except AnnotationError as error:
        assert any(f"'{word}'" in str(error) for word in text.split())
        return
    assert parse(str(spec)).axes == spec.axes
    assert str(parse(str(spec))) == str(spec)


REFUSED: list[tuple[str, str]] = [
    ("a *4", "'*4' in \"a *4\": a fixed size is one axis, so it cannot be combined with '*'"),
    ("_4", "'_4' in \"_4\": a fixed size is one axis, so it cannot be combined with '_'"),
    (
        "?a+1",
        "'?a+1' in \"?a+1\": a symbolic expression is one axis, so it cannot be combined with '?'",
    ),
    ("##a", "'##a' in \"##a\": '#' (broadcasting) is given twice"),
    ("__a", "'__a' in \"__a\": '_' (an anonymous axis) is given twice"),
    ("#_", "'#_' in \"#_\": an anonymous axis accepts every size, so '#' says nothing"),
    ("a,b", "'a,b' in \"a,b\": axes are separated by spaces, not commas"),
    ("a#", "'a#' in \"a#\": '#' stands in front of an axis, as in '#n'"),
    ("...a", "'...a' in \"...a\": '...' stands on its own"),
    ("*a n ...", "'...' in \"*a n ...\": '*a' already stands for any number of axes"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_when_written(text: str, message: str) -> None:
    with pytest.raises(AnnotationError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_a_shape_is_a_string() -> None:
    with pytest.raises(AnnotationError, match="written as a string, not 4"):
        parse(4)


SYMBOLIC_BINDINGS: list[tuple[str, tuple[Dimension, ...], str, str | None]] = [
    ("b d", (n, 784), "b=n, d=784", None),
    ("b 2*b", (n, 2 * n), "b=n", None),
    ("b 2*b", (f, 8), "b=f", None),
    ("b 2*b", (f, 7), "", "axis 1 is 7, but 2*b is 2*f (b=f)"),
    ("b 2*b", (n, m), "", "axis 1 is m, but 2*b is 2*n (b=n)"),
    ("b b", (n, m), "", "dimension 'b' is n but here it is m (axis 1)"),
    ("b b", (UNKNOWN, 5), "b=5", None),
    ("b b", (f, n), "b=f", None),
    ("b b", (f, 3), "b=3", None),
    ("b b b", (UNKNOWN, 5, 6), "", "dimension 'b' is 5 but here it is 6 (axis 2)"),
    ("#b b", (UNKNOWN, 5), "b=5", None),
    ("#b b", (1, 5), "b=5", None),
    ("#b", (n,), "b=n", None),
    ("#b b", (f, 5), "b=5", None),
    ("*s 3", (n, m, 3), "*s=(n m)", None),
    ("b b//2*2", (n, n), "b=n", None),
    ("b (b)if(b>3)else(0)", (n, 7), "b=n", None),
    ("b max(b,1)", (n, n), "b=n", None),
    ("b max(b,1)", (n, 7), "", "axis 1 is 7, but max(b,1) is max(n,1) (b=n)"),
]


@pytest.mark.parametrize(("text", "shape", "bound", "reason"), SYMBOLIC_BINDINGS)
def test_binding_symbolic_shapes(
    text: str, shape: tuple[Dimension, ...], bound: str, reason: str | None
) -> None:
    scope = Bindings()
    assert bind(parse(text), shape, scope) == reason
    assert scope.describe() == bound


REASONS: list[tuple[str, tuple[int, ...], str]] = [
    ("n d", (3,), "it has 1 axis, not 2 as 'n d' wants"),
    ("n ... d", (3,), "it has 1 axis, not at least 2 as 'n ... d' wants"),
    ("4", (5,), "axis 0 is 5, not 4"),
    ("... 4", (1, 2, 5), "axis 2 is 5, not 4"),
    ("a", (5,), "dimension 'a' is 4 but here it is 5 (axis 0)"),
    ("_ a+1", (1, 4), "axis 1 is 4, but a+1 is 5 (a=4)"),
    ("2**3", (4,), "axis 0 is 4, but 2**3 is 8"),
    ("*s", (2, 4), "'*s' is (2 3) but here it is (2 4)"),
    ("*#s", (3, 3), "'*s' is (2 3) but here it is (3 3), and these do not broadcast"),
    (
        "*#s",
        (5, 2, 3),
        "'*s' is (2 3) but here it is (5 2 3), which does not broadcast to the former",
    ),
    ("*w", (1, 3), "'*w' is (2 1) but here it is (1 3), which the former does not broadcast to"),
    ("{k}+a", (5,), "axis 0 is 5, but {k}+a is 6 (a=4)"),
]


@pytest.mark.parametrize(("text", "shape", "reason"), REASONS)
def test_reasons_and_rollback(text: str, shape: tuple[int, ...], reason: str) -> None:
    scope = Bindings({"a": 4}, {"s": (2, 3), "w": (2, 1)}, {"w"})
    before = scope.copy()
    assert bind(parse(f"new {text}"), (9, *shape), scope, {"k": 2}) is not None
    assert scope == before
    assert bind(parse(text), shape, scope, {"k": 2}) == reason
    assert scope == before


def test_shapes_of_unknown_rank_fit() -> None:
    scope = Bindings()
    assert bind(parse("n d"), None, scope) is None and scope == Bindings()


def test_hints_decide_whether_a_traced_shape_fits() -> None:
    owner = Recorder()
    x, y = (symbol(name, kind="hinted", hint=5, owner=owner) for name in ("x", "y"))
    assert bind(parse("b b 5"), (x, y, x), Bindings()) is None
    assert owner.guards == [("x==y", True), ("x==5", True)]
    assert bind(parse("4"), (x,), Bindings()) == "axis 0 is x, not 4"


def test_names_per_leaf_of_a_tree() -> None:
    scope = Bindings()
    assert bind(parse("?n"), (3,), scope, tree_path="leaf 0: ") is None
    assert bind(parse("?n"), (4,), scope, tree_path="leaf 1: ") is None
    assert scope.single == {"leaf 0: n": 3, "leaf 1: n": 4}
    with pytest.raises(AnnotationError, match=r"'\?n' has a meaning only for the leaves of a tree"):
        bind(parse("?n"), (3,), scope)


INSTANCES: list[tuple[str, str | None]] = [
    ("a 2*a 3 #a", "4 8 3 4"),
    ("*s a/2", "2 n 2"),
    ("_ 1", "_ 1"),
    ("... 1", None),
    ("missing", None),
    ("missing+1", None),
    ("*missing", None),
    ("{k}*a", "8"),
]


@pytest.mark.parametrize(("text", "shape"), INSTANCES)
def test_instantiate(text: str, shape: str | None) -> None:
    scope = Bindings({"a": 4}, {"s": (2, n)})
    made = instantiate(parse(text), scope, {"k": 2})
    assert (None if made is None else format_shape(made)) == shape


class Layer:
    width = 3

    def twice(self) -> int:
        return 2 * self.width


EXPRESSIONS: list[tuple[str, str]] = [
    ("2*n+1", "19"),
    ("-n+10", "1"),
    ("n%4", "1"),
    ("n/3", "3.0"),
    ("n**2", "81"),
    ("abs(3-n)", "6"),
    ("min(n,s,4)", "min(m,4)"),
    ("s//2+{layer.width}", "m//2+3"),
    ("{layer.twice()}*s", "6*m"),
    ("{layer.width:d}{layer.width!r}", "33"),
    ("max(s,1)", "max(m,1)"),
    ("abs(s-1)", "max(1-m,m-1)"),
    ("int(s)", "m"),
    ("2*s/2", "m"),
    ("s/2", "_"),
    ("s==s", "True"),
    ("s==3", "_"),
    ("s+1==s", "False"),
    ("s>=0", "True"),
    ("(1)if(s)else(2)", "_"),
    ("n>5>2", "True"),
    ("not(n)", "False"),
    ("u+1", "_"),
    ("min(u,2)", "_"),
    ("len((n,s))", "2"),
    ("sum((n,n))", "18"),
]


@pytest.mark.parametrize(("text", "value"), EXPRESSIONS)
def test_expressions(text: str, value: str) -> None:
    sizes = {"n": 9, "s": m, "u": UNKNOWN}
    assert str(evaluate_expression(text, sizes, {"layer": Layer()})) == value


BAD_EXPRESSIONS: list[tuple[str, str]] = [
    ("a-", "symbolic axis 'a-' is not a valid expression: invalid syntax"),
    ("n//0", "symbolic axis 'n//0' cannot be computed: integer division or modulo by zero"),
    (
        "b+1",
        (
            "symbolic axis 'b+1' needs 'b', which no earlier annotation has bound: symbolic axes "
            "belong in return types or after the axes that they mention"
        ),
    ),
    ("{q}", "symbolic axis '{q}' needs the argument 'q' (arguments here: layer)"),
    (
        "open(n)",
        (
            "symbolic axis 'open(n)' calls 'open'; the functions for axes are abs, bool, divmod, "
            "float, int, len, max, min, round, sum"
        ),
    ),
    (
        "{layer.__class__}",
        (
            "symbolic axis '{layer.__class__}' uses the special attribute '__class__', which is "
            "not allowed"
        ),
    ),
    ("n.real", "symbolic axis 'n.real' uses Attribute, which axes do not support"),
    ("n@n", "symbolic axis 'n@n' uses MatMult, which axes do not support"),
    ("n**999", "symbolic axis 'n**999' has an exponent above 64"),
]


@pytest.mark.parametrize(("text", "message"), BAD_EXPRESSIONS)
def test_expressions_that_cannot_be_computed(text: str, message: str) -> None:
    with pytest.raises(AnnotationError) as caught:
        evaluate_expression(text, {"n": 9}, {"layer": Layer()})
    assert str(caught.value) == message


def test_names_in_an_expression() -> None:
    assert names_in("min(a,b)+{k}") == {"a", "b"} and names_in("a-") == frozenset()
