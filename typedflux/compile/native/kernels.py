"""Functions that several generators of one module share: each is built once, under its name."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from typedflux.compile.native.emitter import I64, PTR, Function, Index, Module, Type, Value

_BUILT: weakref.WeakKeyDictionary[Module, set[str]] = weakref.WeakKeyDictionary()


def build_once(
    module: Module,
    name: str,
    parameters: Sequence[tuple[str, Type]],
    body: Callable[[Function], None],
) -> None:
    """Put a function without a result in the module unless one of that name was put there.

    >>> module = Module()
    >>> for _ in range(2):
    ...     build_once(module, "nothing", [], lambda f: None)
    >>> len(module.functions)
    1
    """
    built = _BUILT.setdefault(module, set())
    if name in built:
        return
    built.add(name)
    f = Function(module, name, parameters)
    body(f)
    f.close()


def call_built(f: Function, name: str, arguments: Sequence[Index]) -> None:
    """Call such a function with pointers and `i64`."""
    given = [f.index(a) for a in arguments]
    f.line(f"call void @{name}({', '.join(f'{a.type} {a.text}' for a in given)})")


class Arguments:
    """Parameters of a function of which some are known while generating and so are not passed.

    >>> Arguments({"row": 784, "column": None}).types
    [('column', Type(scalar='i64', lanes=0))]
    """

    def __init__(self, known: dict[str, int | None], pointers: Sequence[str] = ()) -> None:
        self._known = known
        self._pointers = tuple(pointers)

    @property
    def types(self) -> list[tuple[str, Type]]:
        """The parameters that are passed."""
        unknown = [(name, I64) for name, value in self._known.items() if value is None]
        return [*((name, PTR) for name in self._pointers), *unknown]

    @property
    def text(self) -> str:
        """What is known, for the function's name."""
        return "_".join(
            f"{name}{'x' if value is None else value}" for name, value in self._known.items()
        ).replace("-", "n")

    def inside(self, f: Function) -> dict[str, Index]:
        """The values within the function: literal or parameters."""
        values: dict[str, Index] = {p.text[1:]: p for p in f.parameters}
        for name, value in self._known.items():
            if value is not None:
                values[name] = value
        return values

    def given(self, values: dict[str, Index]) -> list[Index]:
        """The arguments of a call, from the values of all."""
        return [values[name] for name, _ in self.types]


def pointer(index: Index) -> Value:
    """A parameter that is a pointer."""
    assert isinstance(index, Value) and index.type == PTR
    return index
