"""Broadcasting, reshaping and the other layout rules against NumPy, on numbers and on symbols."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shapes.strategies import Recorder, Twin, shapes
from typedflux.shapes.broadcasting import (
    broadcast_shapes,
    can_broadcast_to,
    implicit_repeat,
    require_broadcastable_to,
)
from typedflux.shapes.dims import UNKNOWN, Dimension, Shape, format_shape, hint_of, symbol
from typedflux.shapes.errors import AxisError, ShapeError, UndecidedError
from typedflux.shapes.reshape import (
    concat_shapes,
    expand_dims_shape,
    normalize_axes,
    normalize_axis,
    permute,
    reduce_shape,
    resolve_reshape,
    squeeze_shape,
    stack_shapes,
)

Numbers = tuple[int, ...]
Rule = Callable[[Sequence[Shape]], Shape]
n, m, d = symbol("n"), symbol("m"), symbol("d")
f, g = symbol("f", kind="flexible"), symbol("g", kind="flexible")


def zeros(shape: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    return np.zeros(shape, np.int8)


def check(rule: Rule, reference: Callable[[], Numbers], operands: Sequence[Numbers]) -> None:
    """On numbers and on hinted sizes as NumPy; on flexible sizes never a false alarm."""
    try:
        wanted: Numbers | None = reference()
    except (ValueError, IndexError):
        wanted = None
    flexible, hinted = Twin("flexible"), Twin("hinted")
    soft, traced = [flexible.shape(x) for x in operands], [hinted.shape(x) for x in operands]
    if wanted is None:
        for sizes in (list(operands), traced):
            with pytest.raises(ShapeError):
                rule(sizes)
        return
    assert rule(list(operands)) == wanted
    assert tuple(map(hint_of, rule(traced))) == wanted
    assert flexible.agrees(rule(soft), wanted)


@given(st.lists(shapes, max_size=3))
@settings(max_examples=300, deadline=None)
def test_broadcasting(operands: list[Numbers]) -> None:
    check(lambda s: broadcast_shapes(*s), lambda: np.broadcast_shapes(*operands), operands)


@given(shapes, shapes)
@settings(max_examples=300, deadline=None)
def test_broadcasting_to(shape: Numbers, target: Numbers) -> None:
    def rule(sizes: Sequence[Shape]) -> Shape:
        require_broadcastable_to(sizes[0], sizes[1])
        return sizes[1]

    check(rule, lambda: np.broadcast_to(zeros(shape), target).shape, [shape, target])
    try:
        possible = np.broadcast_shapes(shape, target) == target
    except ValueError:
        possible = False
    assert can_broadcast_to(shape, target) is possible


@given(shapes, st.lists(st.sampled_from([-2, -1, 0, 1, 2, 3, 4, 6, 8]), max_size=4).map(tuple))
@settings(max_examples=400, deadline=None)
def test_reshape_to_numbers(shape: Numbers, new: Numbers) -> None:
    def reference() -> Numbers:
        if any(size < -1 for size in new):  # NumPy takes -2 for -1
            raise ValueError
        return zeros(shape).reshape(new).shape

    check(lambda s: resolve_reshape(s[0], new), reference, [shape])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple), st.data())
@settings(max_examples=150, deadline=None)
def test_reshape_with_symbols_on_both_sides(shape: Numbers, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    cut = data.draw(st.integers(0, len(shape) - 1))
    rest = [shape[i] for i in order[:cut]]
    if 0 in rest:
        return

    def rule(sizes: Sequence[Shape]) -> Shape:
        return resolve_reshape(sizes[0], (*(sizes[0][i] for i in order[:cut]), -1))

    check(rule, lambda: zeros(shape).reshape([*rest, -1]).shape, [shape])


@given(shapes, st.none() | st.integers(-4, 4) | st.lists(st.integers(-4, 4), max_size=3).map(tuple))
@settings(max_examples=300, deadline=None)
def test_axes(shape: Numbers, axis: int | Numbers | None) -> None:
    x, one = zeros(shape), (shape,)
    if shape or not isinstance(axis, int):  # NumPy lets a scalar have axis 0

        def keep(s: Any) -> Any:
            return reduce_shape(s[0], axis, keepdims=True)

        check(keep, lambda: np.add.reduce(x, axis, keepdims=True).shape, one)
        check(lambda s: reduce_shape(s[0], axis), lambda: np.add.reduce(x, axis).shape, one)
        if axis is not None:
            check(lambda s: squeeze_shape(s[0], axis), lambda: np.squeeze(x, axis).shape, one)
    if axis is not None:
        check(lambda s: expand_dims_shape(s[0], axis), lambda: np.expand_dims(x, axis).shape, one)
    if not isinstance(axis, int):
        check(lambda s: permute(s[0], axis), lambda: np.transpose(x, axis).shape, one)


@given(shapes)
def test_squeeze_of_everything_asks_the_hints(shape: Numbers) -> None:
    wanted = np.squeeze(zeros(shape)).shape
    assert squeeze_shape(shape) == wanted
    assert tuple(map(hint_of, squeeze_shape(Twin("hinted").shape(shape)))) == wanted


@given(st.lists(shapes, min_size=1, max_size=3), st.integers(-3, 3), st.booleans())
@settings(max_examples=300, deadline=None)
def test_concatenate_and_stack(some: list[Numbers], axis: int, alike: bool) -> None:
    if alike:
        some = [some[0]] * len(some)
    arrays = [zeros(shape) for shape in some]
    check(lambda s: concat_shapes(s, axis), lambda: np.concatenate(arrays, axis).shape, some)
    check(lambda s: stack_shapes(s, axis), lambda: np.stack(arrays, axis).shape, some)


BROADCAST: list[tuple[Sequence[Dimension], Sequence[Dimension], str]] = [
    ((n, 784), (784,), "n 784"),
    ((n, 1), (1, m), "n m"),
    ((UNKNOWN,), (5,), "5"),
    ((UNKNOWN,), (0,), "0"),
    ((UNKNOWN,), (n,), "_"),
    ((UNKNOWN,), (n + 2,), "n+2"),
    ((UNKNOWN,), (1,), "_"),
    ((f,), (784,), "784"),
    ((f,), (n,), "n"),
    ((f,), (g,), "_"),
    ((f,), (f + 1,), "_"),
    ((n * (d // n),), (d,), "d"),
]


@pytest.mark.parametrize(("x", "y", "text"), BROADCAST)
def test_the_most_telling_sound_size(
    x: Sequence[Dimension], y: Sequence[Dimension], text: str
) -> None:
    assert format_shape(broadcast_shapes(x, y)) == text
    assert format_shape(broadcast_shapes(y, x)) == text


def test_hints_choose_and_leave_a_guard() -> None:
    owner = Recorder()
    one, five, also = (
        symbol(name, kind="hinted", hint=hint, owner=owner)
        for name, hint in (("one", 1), ("five", 5), ("also", 5))
    )
    assert format_shape(broadcast_shapes((five, one), (also, 7))) == "five 7"
    assert owner.guards == [("five==also", True), ("one==1", True)]
    owner.guards.clear()
    assert format_shape(broadcast_shapes((five, 3), (five, 1))) == "five 3" and not owner.guards
    with pytest.raises(ShapeError, match="axis -1 has sizes five and 4"):
        broadcast_shapes((five,), (4,))


def test_unknown_sizes_in_layout_rules() -> None:
    assert format_shape(resolve_reshape((n, UNKNOWN), (n, -1))) == "n _"
    assert format_shape(resolve_reshape((n, 6), (n, 2, UNKNOWN))) == "n 2 3"
    assert format_shape(resolve_reshape((n * 6,), (n, -1))) == "n 6"
    assert format_shape(resolve_reshape((n,), (-1, 2))) == "n//2 2"
    assert format_shape(concat_shapes([(f, 2), (3, f)])) == "f+3 2"
    assert format_shape(stack_shapes([(UNKNOWN, n), (4, UNKNOWN)])) == "2 4 n"
    assert can_broadcast_to((f,), (4,)) is None and can_broadcast_to((n,), (4,)) is False
    assert normalize_axes((1, 0), 2) == (1, 0)


def test_the_silent_outer_broadcast_is_described() -> None:
    text = "'n' with 'n 1' broadcasts to 'n n', where n is repeated"
    assert implicit_repeat((n,), (n, 1)) == text
    assert (
        implicit_repeat((n, 1), (n,)) == "'n 1' with 'n' broadcasts to 'n n', where n is repeated"
    )
    for fine in (((n, 1), (1, n)), ((n,), (m, 1)), ((n,), (n, n)), ((4,), (4, 1)), ((), (n, 1))):
        assert implicit_repeat(*fine) is None


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: broadcast_shapes((n, 784), (n, 10)),
        ShapeError,
        "cannot broadcast 'n 784' with 'n 10': axis -1 has sizes 784 and 10",
    ),
    (
        lambda: broadcast_shapes((n, 3), (784, 1)),
        ShapeError,
        "cannot broadcast 'n 3' with '784 1': axis -2 has sizes n and 784",
    ),
    (
        lambda: require_broadcastable_to((1, 2, 3), (3,)),
        ShapeError,
        "cannot broadcast '1 2 3' to '3': 3 axes do not fit into 1",
    ),
    (
        lambda: require_broadcastable_to((n, 3), (m, 3)),
        ShapeError,
        "cannot broadcast 'n 3' to 'm 3': axis -2 has size n, where 1 or m is wanted",
    ),
    (
        lambda: resolve_reshape((n, 784), (n, 28, 29)),
        ShapeError,
        "cannot reshape 'n 784' (784*n elements) to 'n 28 29' (812*n elements)",
    ),
    (
        lambda: resolve_reshape((6,), (-1, 4)),
        ShapeError,
        "cannot reshape '6' (6 elements) to '-1 4': 6 is not a multiple of 4",
    ),
    (
        lambda: resolve_reshape((6,), (-1, -1)),
        ShapeError,
        "cannot reshape '6' (6 elements) to '-1 -1': only one size can be -1",
    ),
    (
        lambda: resolve_reshape((6,), (-3,)),
        ShapeError,
        "cannot reshape '6' (6 elements) to '-3': a size cannot be -3",
    ),
    (
        lambda: resolve_reshape((0, 2), (0, -1)),
        ShapeError,
        "cannot reshape '0 2' (0 elements) to '0 -1': next to a size of 0, -1 could be anything",
    ),
    (
        lambda: normalize_axis(3, 2),
        AxisError,
        "axis 3 does not exist in 2 axes: valid are -2 to 1",
    ),
    (lambda: normalize_axis(0, 0), AxisError, "axis 0 does not exist: a scalar has no axes"),
    (lambda: normalize_axes((0, -2), 2), ShapeError, "axis -2 is named twice in (0, -2)"),
    (
        lambda: permute((2, 3), (0,)),
        ShapeError,
        "cannot permute '2 3' by (0,): 2 axes need 2 numbers",
    ),
    (
        lambda: squeeze_shape((n, 3), 1),
        ShapeError,
        "cannot squeeze axis 1 of 'n 3': its size is 3, not 1",
    ),
    (
        lambda: squeeze_shape((n, UNKNOWN)),
        UndecidedError,
        "which axes of 'n _' have size 1 is not known: name the axis to squeeze",
    ),
    (
        lambda: concat_shapes([(n, 3), (m, 4)]),
        ShapeError,
        "cannot concatenate 'n 3' and 'm 4' along axis 0: axis 1 has sizes 3 and 4",
    ),
    (
        lambda: concat_shapes([(n, 3), (m,)]),
        ShapeError,
        "cannot concatenate 'n 3' and 'm' along axis 0: they have 2 and 1 axes",
    ),
    (
        lambda: concat_shapes([()]),
        ShapeError,
        "cannot concatenate scalars: stack them instead",
    ),
    (lambda: concat_shapes([]), ShapeError, "cannot concatenate no arrays at all"),
    (lambda: stack_shapes([]), ShapeError, "cannot stack no arrays at all"),
    (
        lambda: stack_shapes([(n,), (m,)]),
        ShapeError,
        "cannot stack 'n' and 'm': axis 0 has sizes n and m",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), ERRORS)
def test_errors(call: Callable[[], object], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
