"""The lines of a checked function while it is written, and what is known about names so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from typedflux.checks.annotations import Expectation
from typedflux.checks.plan import axes_in
from typedflux.shapes.spec import NamedAxis, VariadicAxis

PREFIX: Final = "_tf_"
"""What names in generated code begin with that no signature has."""
SURE, MAYBE = "sure", "maybe"


class Lines:
    """Lines of code, and what is known about names at the end of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.constants: dict[str, Any] = {}
        self.singles: dict[str, tuple[str, str]] = {}
        """The local variable of each name, and whether it is surely bound."""
        self.starred: dict[str, tuple[str, str]] = {}
        self.early: list[str] = []
        """Local variables that start as None."""
        self.count = 0

    # The text

    def add(self, line: str) -> None:
        """One more line at the present depth."""
        self.lines.append("    " * self.depth + line)

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Lines inside a compound statement."""
        self.add(opening)
        self.depth += 1
        yield
        self.depth -= 1

    def doubt(self, condition: str) -> None:
        """Leave the quick path where `condition` holds."""
        with self.block(f"if {condition}:"):
            self.add("break")

    def local(self) -> str:
        """A new local variable."""
        self.count += 1
        return f"{PREFIX}v{self.count}"

    def constant(self, value: Any) -> str:
        """The name by which the code finds an object."""
        for name, known in self.constants.items():
            if known is value:
                return name
        name = f"{PREFIX}c{len(self.constants)}"
        self.constants[name] = value
        return name

    # Names

    def bind(self, store: dict[str, tuple[str, str]], name: str, value: str) -> None:
        """Compare `value` with what the name stands for, or let it stand for it."""
        known = store.get(name)
        if known is None:
            variable = self.local()
            self.add(f"{variable} = {value}")
            store[name] = (variable, SURE)
        elif known[1] == SURE:
            self.doubt(f"{value} != {known[0]}")
        else:
            with self.block(f"if {known[0]} is None:"):
                self.add(f"{known[0]} = {value}")
            with self.block(f"elif {value} != {known[0]}:"):
                self.add("break")

    def perhaps(self, expectation: Expectation | None) -> None:
        """From here on, new names of `expectation` may be bound or not, as before what may run
        never or more than once."""
        for axis in axes_in(expectation):
            if isinstance(axis, (NamedAxis, VariadicAxis)) and axis.name is not None:
                store = self.starred if isinstance(axis, VariadicAxis) else self.singles
                if axis.name not in store:
                    variable = self.local()
                    self.early.append(variable)
                    store[axis.name] = (variable, MAYBE)

    def memo(self) -> tuple[str, str]:
        """Expressions for the bindings, after lines that make them."""
        found = []
        for store, form in ((self.singles, "{}"), (self.starred, "(False, {})")):
            sure = [
                f"{name!r}: {form.format(variable)}"
                for name, (variable, state) in store.items()
                if state == SURE
            ]
            literal = "{" + ", ".join(sure) + "}"
            maybe = [(n, v) for n, (v, state) in store.items() if state == MAYBE]
            if maybe:
                target = self.local()
                self.add(f"{target} = {literal}")
                for name, variable in maybe:
                    with self.block(f"if {variable} is not None:"):
                        self.add(f"{target}[{name!r}] = {form.format(variable)}")
                literal = target
            found.append(literal)
        return found[0], found[1]
