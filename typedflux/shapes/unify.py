"""Binding the names of an annotation to the sizes of a shape, and saying why where it fails.

Order and meaning are jaxtyping's: rank, then the axes before the variadic one from left to right,
then those after it, then the variadic one. Sizes may be symbolic; what nobody can tell passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from typedflux.shapes.broadcasting import broadcast_shapes
from typedflux.shapes.dims import (
    UNKNOWN,
    Dim,
    Dimension,
    Shape,
    Unknown,
    decide,
    equal,
    format_shape,
    hint_of,
    is_fixed,
    merge,
)
from typedflux.shapes.errors import AnnotationError, ShapeError
from typedflux.shapes.expressions import evaluate_expression, names_in
from typedflux.shapes.spec import (
    AnonymousAxis,
    Axis,
    ExpressionAxis,
    FixedAxis,
    NamedAxis,
    ShapeSpec,
    VariadicAxis,
)


@dataclass(slots=True)
class Bindings:
    """What the names of one scope stand for so far.

    `single` holds the sizes of names, `variadic` the shapes of starred names; a starred name in
    `widening` was last seen with `#`, so that its shape may still grow by broadcasting.
    """

    single: dict[str, Dimension] = field(default_factory=dict)
    variadic: dict[str, Shape] = field(default_factory=dict)
    widening: set[str] = field(default_factory=set)

    def copy(self) -> Bindings:
        """An independent copy."""
        return Bindings(self.single.copy(), self.variadic.copy(), self.widening.copy())

    def describe(self) -> str:
        """The bindings as error messages show them.

        >>> Bindings({"n": 3}, {"s": (4, 5)}).describe()
        'n=3, *s=(4 5)'
        """
        parts = [f"{name}={size}" for name, size in self.single.items()]
        parts += [f"*{name}=({format_shape(shape)})" for name, shape in self.variadic.items()]
        return ", ".join(parts)


def bind(
    spec: ShapeSpec,
    shape: Sequence[Dimension] | None,
    bindings: Bindings,
    arguments: Mapping[str, object] | None = None,
    tree_path: str | None = None,
) -> str | None:
    """Check a shape against an annotation and bind the names that are new; None if it fits.

    Otherwise returns the reason and leaves the bindings as they were. A shape of unknown rank
    (None) fits everything. `arguments` are what placeholders such as `{self.k}` refer to, and
    `tree_path` names the leaf for axes such as `?n`. Raises `AnnotationError` for a symbolic axis
    that cannot be computed.

    >>> from typedflux.shapes.spec import parse
    >>> scope = Bindings()
    >>> bind(parse("batch n"), (32, 784), scope), scope.describe()
    (None, 'batch=32, n=784')
    >>> bind(parse("n m"), (785, 2), scope), scope.describe()
    ("dimension 'n' is 784 but here it is 785 (axis 0)", 'batch=32, n=784')
    """
    if shape is None:
        return None
    attempt = _Attempt(bindings, arguments, tree_path)
    try:
        reason = attempt.run(spec, tuple(shape))
    except BaseException:
        attempt.undo()
        raise
    if reason is not None:
        attempt.undo()
    return reason


class _Attempt:
    """One check: writes into the bindings and remembers what stood there before."""

    def __init__(
        self, bindings: Bindings, arguments: Mapping[str, object] | None, tree_path: str | None
    ) -> None:
        self.bindings = bindings
        self.arguments = arguments
        self.tree_path = tree_path
        self.before: dict[str, Dimension | None] = {}

    def run(self, spec: ShapeSpec, shape: Shape) -> str | None:
        split, rank = spec.variadic_index, len(spec.axes)
        if split is None:
            if len(shape) != rank:
                return f"it has {_axes(len(shape))}, not {rank} as '{spec}' wants"
            return self.check_axes(spec.axes, shape, 0)
        if len(shape) < rank - 1:
            return f"it has {_axes(len(shape))}, not at least {rank - 1} as '{spec}' wants"
        end = len(shape) - (rank - 1 - split)
        reason = self.check_axes(spec.axes[:split], shape[:split], 0)
        reason = reason or self.check_axes(spec.axes[split + 1 :], shape[end:], end)
        axis = spec.axes[split]
        if reason is None and isinstance(axis, VariadicAxis) and axis.name is not None:
            return self.check_variadic(axis, axis.name, shape[split:end])
        return reason

    def undo(self) -> None:
        for name, size in self.before.items():
            if size is None:
                del self.bindings.single[name]
            else:
                self.bindings.single[name] = size

    def check_axes(self, axes: Sequence[Axis], sizes: Shape, start: int) -> str | None:
        for place, (axis, size) in enumerate(zip(axes, sizes, strict=True), start):
            reason = self.check_axis(axis, size, place)
            if reason is not None:
                return reason
        return None

    def check_axis(self, axis: Axis, size: Dimension, place: int) -> str | None:
        if isinstance(axis, (AnonymousAxis, VariadicAxis)):
            return None
        if axis.broadcast:
            if _is_one(size):
                return None
            if equal(size, 1) is None and hint_of(size) is None:
                # It may be 1, which neither checks nor binds anything.
                size = UNKNOWN
        if isinstance(axis, FixedAxis):
            return None if agree(size, axis.size) else f"axis {place} is {size}, not {axis.size}"
        if isinstance(axis, ExpressionAxis):
            value = evaluate_expression(axis.text, self.bindings.single, self.arguments)
            if _same(value, size):
                return None
            known = ", ".join(
                f"{name}={self.bindings.single[name]}" for name in sorted(names_in(axis.text))
            )
            return f"axis {place} is {size}, but {axis.text} is {value}" + f" ({known})" * bool(
                known
            )
        return self.check_name(axis, size, place)

    def check_name(self, axis: NamedAxis, size: Dimension, place: int) -> str | None:
        name = self.scoped(axis.name, axis.tree)
        single = self.bindings.single
        bound = single.get(name)
        if bound is not None and not agree(bound, size):
            return f"dimension '{axis.name}' is {bound} but here it is {size} (axis {place})"
        self.before.setdefault(name, bound)
        single[name] = size if bound is None else merge(bound, size)
        return None

    def check_variadic(self, axis: VariadicAxis, name: str, shape: Shape) -> str | None:
        name = self.scoped(name, axis.tree)
        scope = self.bindings
        bound = scope.variadic.get(name)
        if bound is None:
            self.write(name, shape, axis.broadcast)
            return None
        was_widening = name in scope.widening
        start = f"'*{axis.name}' is ({format_shape(bound)}) but here it is ({format_shape(shape)})"
        if not was_widening and not axis.broadcast:
            if not _agree_all(bound, shape):
                return start
            self.write(name, tuple(map(merge, bound, shape)), widening=False)
            return None
        try:
            wide = broadcast_shapes(shape, bound)
        except ShapeError:
            return f"{start}, and these do not broadcast"
        if was_widening:
            if not axis.broadcast and not _agree_all(wide, shape):
                return f"{start}, which the former does not broadcast to"
            self.write(name, wide, axis.broadcast)
        elif not _agree_all(wide, bound):
            return f"{start}, which does not broadcast to the former"
        return None

    def write(self, name: str, shape: Shape, widening: bool) -> None:
        self.bindings.variadic[name] = shape
        (self.bindings.widening.add if widening else self.bindings.widening.discard)(name)

    def scoped(self, name: str, tree: bool) -> str:
        if not tree:
            return name
        if self.tree_path is None:
            raise AnnotationError(f"'?{name}' has a meaning only for the leaves of a tree")
        return f"{self.tree_path}{name}"


def instantiate(
    spec: ShapeSpec, bindings: Bindings, arguments: Mapping[str, object] | None = None
) -> Shape | None:
    """The shape that an annotation stands for; None where a name is not bound or ranks are open.

    >>> from typedflux.shapes.spec import parse
    >>> instantiate(parse("*s 2*n _"), Bindings({"n": 3}, {"s": (4, 5)}))
    (4, 5, 6, _)
    """
    shape: list[Dimension] = []
    for axis in spec.axes:
        match axis:
            case FixedAxis(size=size):
                shape.append(size)
            case AnonymousAxis():
                shape.append(UNKNOWN)
            case NamedAxis(name=name):
                if name not in bindings.single:
                    return None
                shape.append(bindings.single[name])
            case VariadicAxis(name=several):
                if several is None or several not in bindings.variadic:
                    return None
                shape.extend(bindings.variadic[several])
            case ExpressionAxis(text=text):
                if not names_in(text) <= bindings.single.keys():
                    return None
                shape.append(_size(text, evaluate_expression(text, bindings.single, arguments)))
    return tuple(shape)


def _size(text: str, value: object) -> Dimension:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (int, Dim, Unknown)):
        return value
    raise AnnotationError(f"symbolic axis '{text}' is {value!r}, which is no size")


def agree(a: Dimension, b: Dimension) -> bool:
    """Whether two sizes are the same as far as anybody can tell; hints decide, with a guard."""
    verdict = equal(a, b)
    if verdict is None and isinstance(a, (int, Dim)) and isinstance(b, (int, Dim)):
        if hint_of(a) is None or hint_of(b) is None:
            return True
        return decide(a, "==", b)
    return verdict is not False


def _agree_all(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(map(agree, a, b))


def _same(value: object, size: Dimension) -> bool:
    if isinstance(value, (int, Dim, Unknown)):
        return agree(value, size)
    # Division gives floats, and 6/2 is the size 3.
    if isinstance(value, float) and value.is_integer():
        return agree(int(value), size)
    return False


def _is_one(size: Dimension) -> bool:
    return is_fixed(size, 1) or (hint_of(size) is not None and agree(size, 1))


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"
