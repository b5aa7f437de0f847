"""The source of a checked function: straight-line code made for one signature.

It asks only what it can answer for sure, and stops asking at the first doubt (a traced tensor with
symbolic sizes, a data type that was never seen, a mismatch): then the full check of `verify`
decides and has the words for the error. Names that are surely bound are local variables that are
compared directly; those that may or may not be bound hold `None` until they are.
"""

from __future__ import annotations

import collections.abc
import inspect
from collections.abc import Callable
from typing import Any

from typedflux.checks.annotations import (
    ContainerExpectation,
    Expectation,
    OtherExpectation,
    SizeExpectation,
    TensorExpectation,
    UnionExpectation,
)
from typedflux.checks.arithmetic import Arithmetic, compiled_axis
from typedflux.checks.kinds import accepted, preferred, usual_class
from typedflux.checks.lines import MAYBE, PREFIX, SURE, Lines
from typedflux.checks.others import plain_classes, probe
from typedflux.checks.plan import FACTORY, Entry, Plan, axes_in, is_foreign
from typedflux.shapes.spec import (
    AnonymousAxis,
    Axis,
    ExpressionAxis,
    FixedAxis,
    NamedAxis,
    ShapeSpec,
    VariadicAxis,
)
from typedflux.tensor import Tensor


class Unsure(Exception):
    """Raised while writing: straight-line code cannot express this."""


class Writer(Lines):
    """Writes the checks of one signature.

    Args:
        plan: the signature.
        elements: how many elements of containers are looked at.
        module: where names in quotes are looked up.
        light: for the package's own layers, whose bodies ask nothing about their arguments: no
            scope is opened for them.
    """

    def __init__(
        self, plan: Plan, elements: int | None, module: str, *, light: bool = False
    ) -> None:
        super().__init__()
        self.plan = plan
        self.light = light
        self.elements = elements
        self.module = module
        self.instance: str | None = None
        self.arguments = "{" + ", ".join(f"{e.name!r}: {e.name}" for e in plan.entries) + "}"

    # Checks

    def check(self, value: str, expectation: Expectation) -> None:
        """Code that falls through where `value` surely fits."""
        saved = len(self.lines), dict(self.singles), dict(self.starred), self.depth
        try:
            self.straight(value, expectation)
        except Unsure:
            del self.lines[saved[0] :]
            _, self.singles, self.starred, self.depth = saved
            self.general(value, expectation)

    def straight(self, value: str, expectation: Expectation) -> None:
        match expectation:
            case TensorExpectation():
                self.tensor(value, expectation)
            case SizeExpectation():
                self.size(value, expectation)
            case UnionExpectation():
                self.union(value, expectation)
            case ContainerExpectation():
                self.container(value, expectation)
            case OtherExpectation(foreign=False):
                self.other(value, expectation)
            case _:
                raise Unsure

    def tensor(self, value: str, expectation: TensorExpectation) -> str | None:
        """Returns the local variable with the data type, if it was looked at."""
        kind = expectation.array_type
        dtype, shape = self.local(), self.local()
        names = expectation.dtypes
        facts = f"{dtype} = {{0}}.dtype" if names is not None else ""
        if kind is Tensor:
            tensor = self.constant(Tensor)
            with self.block(f"if {value}.__class__ is {tensor}:"):
                data = self.local()
                self.add(f"{data} = {value}._data")
                if facts:
                    self.add(facts.format(data))
                self.add(f"{shape} = {data}.shape")
            with self.block(f"elif {PREFIX}isinstance({value}, {tensor}):"):
                self.add(f"{dtype}, {shape} = {PREFIX}facts({value})")
            with self.block("else:"):
                self.add("break")
        else:
            if kind is not Any:
                if not isinstance(kind, type):
                    raise Unsure
                cls, usual = self.constant(kind), self.constant(usual_class(kind))
                other = f"not {PREFIX}isinstance({value}, {cls})"
                self.doubt(f"{value}.__class__ is not {usual} and {other}")
            if facts:
                self.add(facts.format(value))
            elif kind is Any:
                self.add(f"{value}.dtype")
            self.add(f"{shape} = {value}.shape")
        if names is not None:
            wanted = preferred(kind, names)
            known = f"{PREFIX}id({dtype}) not in {self.constant(accepted(names))}"
            if wanted is not None:
                known = f"{dtype} is not {self.constant(wanted)} and {known}"
            self.doubt(known)
        self.shape(shape, expectation.spec)
        return dtype if names is not None else None

    def shape(self, shape: str, spec: ShapeSpec) -> None:
        axes, split = spec.axes, spec.variadic_index
        if split is None:
            if not axes:
                self.doubt(shape)
                return
            sizes = [self.local() for _ in axes]
            self.add(f"{', '.join(sizes)}, = {shape}")
            for axis, size in zip(axes, sizes, strict=True):
                self.axis(axis, size)
            return
        behind = len(axes) - split - 1
        if len(axes) > 2:  # one axis that is missing is an error anyway
            self.doubt(f"{PREFIX}len({shape}) < {len(axes) - 1}")
        elif len(axes) == 2 and isinstance(axes[1 - split], (AnonymousAxis, VariadicAxis)):
            self.doubt(f"not {shape}")
        for place in range(split):
            self.axis(axes[place], f"{shape}[{place}]")
        for place in range(-behind, 0):
            self.axis(axes[place], f"{shape}[{place}]")
        axis = axes[split]
        assert isinstance(axis, VariadicAxis)
        if axis.name is None:
            return
        if axis.broadcast or axis.tree:
            raise Unsure
        middle = shape
        if split or behind:
            middle = self.local()
            end = f"-{behind}" if behind else ""
            self.add(f"{middle} = {shape}[{split or ''}:{end}]")
        self.bind(self.starred, axis.name, middle)

    def axis(self, axis: Axis, size: str) -> None:
        match axis:
            case AnonymousAxis():
                return
            case FixedAxis(size=wanted, broadcast=broadcast):
                self.doubt(f"{size} != {wanted}" + f" and {size} != 1" * broadcast)
            case NamedAxis(name=name, broadcast=broadcast, tree=False):
                if not broadcast:
                    self.bind(self.singles, name, size)
                    return
                if name not in self.singles:
                    variable = self.local()
                    self.early.append(variable)
                    self.singles[name] = (variable, MAYBE)
                with self.block(f"if {size} != 1:"):
                    self.bind(self.singles, name, size)
            case ExpressionAxis(text=text, broadcast=broadcast):
                one = f"{size} != 1 and " * broadcast
                code, needs = self.expression(text)
                for need in needs:
                    self.doubt(need)
                self.doubt(f"{one}{size} != {code}")
            case _:
                raise Unsure

    def expression(self, text: str) -> tuple[str, list[str]]:
        sure = {name: variable for name, (variable, state) in self.singles.items() if state == SURE}
        parameters = frozenset(e.name for e in self.plan.entries)
        found: Arithmetic | None = compiled_axis(text, sure, parameters)
        if found is None:
            raise Unsure
        return found.code, found.doubts

    def size(self, value: str, expectation: SizeExpectation) -> None:
        if expectation.optional:
            (axis,) = expectation.spec.axes
            self.optional(value, expectation, lambda: self.size_given(value, axis))
        else:
            self.size_given(value, expectation.spec.axes[0])

    def size_given(self, value: str, axis: Axis) -> None:
        if isinstance(axis, VariadicAxis):
            raise Unsure
        self.doubt(f"{value}.__class__ is not int or {value} < 0")
        self.axis(axis, value)

    def optional(
        self, value: str, expectation: Expectation, write: Callable[[], object], other: str = "None"
    ) -> None:
        """Code for a value that may also be the object `other`."""
        self.perhaps(expectation)
        with self.block(f"if {value} is not {other}:"):
            before = len(self.lines)
            write()
            if len(self.lines) == before:
                self.add("pass")

    def union(self, value: str, expectation: UnionExpectation) -> None:
        others = [
            a
            for a in expectation.alternatives
            if not (isinstance(a, OtherExpectation) and _is_none(a.hint))
        ]
        if len(others) != 1 or len(expectation.alternatives) != 2:
            raise Unsure
        (other,) = others
        self.optional(value, other, lambda: self.straight(value, other))

    def container(self, value: str, expectation: ContainerExpectation) -> None:
        if expectation.keys is not None or expectation.fixed is not None:
            raise Unsure
        ordered = (list, tuple, collections.abc.Sequence)
        if expectation.origin not in ordered or expectation.items is None:
            raise Unsure
        cls = self.constant(expectation.origin)
        self.doubt(f"not {PREFIX}isinstance({value}, {cls})")
        limit = "" if self.elements is None else f"[:{self.elements}]"
        self.loop(f"{value}{limit}", expectation.items)

    def loop(self, values: str, expectation: Expectation) -> None:
        """The same check for each of several values."""
        self.perhaps(expectation)
        item, doubtful = self.local(), self.local()
        self.add(f"{doubtful} = True")
        with self.block(f"for {item} in {values}:"):
            self.straight(item, expectation)
        with self.block("else:"):
            self.add(f"{doubtful} = False")
        self.doubt(doubtful)

    def other(self, value: str, expectation: OtherExpectation) -> None:
        hint = expectation.hint
        classes = plain_classes(hint)
        if _is_none(hint):
            self.doubt(f"{value} is not None")
        elif classes is not None:
            self.doubt(f"not {PREFIX}isinstance({value}, {self.constant(classes)})")
        else:
            check = probe(hint, self.module)
            if check is not None:
                self.add(f"{self.constant(check)}({value})")

    def general(self, value: str, expectation: Expectation) -> None:
        """Hand one value to the full check, and go on with the bindings that it gives."""
        single, starred = self.memo()
        found = self.local()
        what = self.constant(expectation)
        self.add(
            f"{found} = {PREFIX}general({what}, {value}, "
            f"({single}, {starred}, {{}}, {self.arguments}))"
        )
        self.doubt(f"{found} is None")
        self.perhaps(expectation)
        for axis in axes_in(expectation):
            if isinstance(axis, NamedAxis):
                variable, state = self.singles[axis.name]
                if state == MAYBE:
                    self.add(f"{variable} = {found}[0].get({axis.name!r})")
            elif isinstance(axis, VariadicAxis) and axis.name is not None:
                variable, state = self.starred[axis.name]
                if state == MAYBE:
                    self.add(f"{variable} = {PREFIX}starred({found}[1], {axis.name!r})")

    # The parts of a function

    def class_dims(self) -> None:
        """Load what the class's type variables stand for on this instance."""
        plan = self.plan
        if not plan.variables or plan.owner is None:
            return
        mentioned = {
            axis.name
            for e in (*(e.expectation for e in plan.entries), plan.result)
            for axis in axes_in(e)
            if isinstance(axis, NamedAxis)
        }
        if mentioned.issuperset(plan.variables):
            for name in plan.variables:
                self.singles[name] = (self.local(), SURE)
            loaded = "".join(f"{variable}, " for variable, _ in self.singles.values())
            owner = self.constant(plan.owner)
            self.add(f"{loaded.rstrip()} = {self.fields()}[{PREFIX}DIMS][{owner}]")
            return
        dims = self.local()
        self.add(f"{dims} = {self.fields()}[{PREFIX}DIMS]")
        for name in plan.variables:
            key, variable = self.constant((plan.owner, name)), self.local()
            if name in mentioned:
                self.add(f"{variable} = {dims}[{key}]")
                self.doubt(f"{variable}.__class__ is not int")
                self.singles[name] = (variable, SURE)
            elif not self.light:
                self.add(f"{variable} = {dims}.get({key})")
                self.singles[name] = (variable, MAYBE)

    def fields(self) -> str:
        """The local variable with the fields of the instance."""
        if self.instance is None:
            self.instance = self.local()
            self.add(f"{self.instance} = {self.plan.receiver}.__dict__")
        return self.instance

    def precision(self) -> str | None:
        """Load the data type of the module's floats."""
        plan = self.plan
        if not plan.float_fields or not any(e.floats for e in plan.entries):
            return None
        own, weight = self.local(), self.local()
        self.add(f"{weight} = {self.fields()}.get({plan.float_fields[0]!r})")
        tensor = self.constant(Tensor)
        self.add(
            f"{own} = {weight}._data.dtype if {weight}.__class__ is {tensor} else "
            f"{PREFIX}own_dtype({plan.receiver})"
        )
        return own

    def parameter(self, entry: Entry, own: str | None) -> None:
        expectation = entry.expectation
        assert expectation is not None
        if entry.kind is inspect.Parameter.VAR_POSITIONAL:
            self.loop(entry.name, expectation)
        elif entry.kind is inspect.Parameter.VAR_KEYWORD:
            self.loop(f"{entry.name}.values()", expectation)
        elif entry.default is FACTORY:
            name = self.constant(FACTORY)
            self.optional(
                entry.name, expectation, lambda: self.straight(entry.name, expectation), name
            )
        elif entry.floats and own is not None:
            if not isinstance(expectation, TensorExpectation):
                raise Unsure
            dtype = self.tensor(entry.name, expectation)
            self.doubt(f"{dtype} is not {own} and {own} is not None")
        else:
            self.check(entry.name, expectation)

    def parameters(self) -> None:
        """The check of all parameters, which ends with the memo of the call."""
        for entry in self.plan.entries:
            wide = [a for a in axes_in(entry.expectation) if isinstance(a, VariadicAxis)]
            if is_foreign(entry.expectation) or any(axis.broadcast for axis in wide):
                raise Unsure  # names that nothing here knows of, or that change what they stand for
        self.class_dims()
        own = self.precision()
        for entry in self.plan.in_order():
            self.parameter(entry, own)
        if self.light:
            self.add(f"{PREFIX}memo = True")
            return
        single, starred = self.memo()
        self.add(f"{PREFIX}memo = ({single}, {starred}, {{}}, {self.arguments})")

    def result(self, expectation: Expectation) -> None:
        """The check of what the function returns; the body may have bound more names."""
        if self.light:
            for axis in axes_in(expectation):
                store = self.starred if isinstance(axis, VariadicAxis) else self.singles
                if isinstance(axis, (NamedAxis, VariadicAxis)) and axis.name is not None:
                    if store.get(axis.name, ("", MAYBE))[1] == MAYBE:
                        raise Unsure
        for axis in axes_in(expectation):
            if isinstance(axis, NamedAxis) and self.singles.get(axis.name, ("", MAYBE))[1] == MAYBE:
                variable = self.local()
                self.add(f"{variable} = {PREFIX}memo[0].get({axis.name!r})")
                self.singles[axis.name] = (variable, MAYBE)
            if isinstance(axis, VariadicAxis) and axis.name is not None:
                if self.starred.get(axis.name, ("", MAYBE))[1] == MAYBE:
                    variable = self.local()
                    self.add(f"{variable} = {PREFIX}starred({PREFIX}memo[1], {axis.name!r})")
                    self.starred[axis.name] = (variable, MAYBE)
        self.straight(f"{PREFIX}out", expectation)


def _is_none(hint: Any) -> bool:
    return hint is None or hint is type(None)
