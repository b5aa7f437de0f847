"""Digests of graphs: equal ones of graphs that do the same, in this process or another."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from typedflux.core.graph import Graph, Variable
from typedflux.core.primitive import Primitive
from typedflux.core.types import TensorType
from typedflux.dtypes import DType
from typedflux.shapes.dims import Dim, Symbol, Unknown
from typedflux.tensor import Tensor


class NoKeyError(Exception):
    """A graph refers to what has no name outside this process, such as a function."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a graph is known by.

    Attributes:
        digest: of its equations, with the values of its constants.
        constants: the constants, those of graphs inside too.
    """

    digest: str
    constants: Sequence[Tensor]


def key_of(graph: Graph) -> Key | None:
    """The key of a graph, `None` where it has none.

    >>> import typedflux as flux
    >>> from typedflux.core.graph import trace_graph
    >>> def key(number: float) -> Key | None:
    ...     return key_of(trace_graph(lambda x: [x * number], [TensorType(flux.float32, (2,))]))
    >>> key(1.0) == key(1.0), key(1.0) == key(2.0)
    (True, False)
    """
    writer = _Writer()
    try:
        writer.graph(graph)
    except NoKeyError:
        return None
    writer.digest.update("\n".join(writer.lines).encode())
    return Key(writer.digest.hexdigest(), writer.constants)


class _Writer:
    """Writes a graph as text; the values of constants go into the digest at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: list[Tensor] = []
        self.digest = hashlib.blake2b(digest_size=20)
        self._numbers: dict[Variable, int] = {}
        self._scopes: dict[int, int] = {}
        self._types: dict[int, str] = {}
        self._known: set[Primitive] = set()

    def graph(self, graph: Graph) -> None:
        line = self.lines.append
        line(f"graph {self._defined(graph.inputs)}")
        for variable, tensor in graph.constants:
            self._constant(tensor)
            line(f"constant {self._defined([variable])}")
        numbers, scopes, known = self._numbers, self._scopes, self._known
        for equation in graph.equations:
            inputs = ",".join([str(numbers[v]) for v in equation.inputs])
            params = ""
            if equation.params:
                params = ",".join([f"{k}={self._value(v)}" for k, v in equation.params.items()])
            if equation.scope is not None:
                inputs += f"@{scopes.setdefault(id(equation.scope), len(scopes))}"
            primitive = equation.primitive
            if primitive not in known:
                primitive_place(primitive)
                known.add(primitive)
            line(f"{primitive.name}({inputs};{params}){self._defined(equation.outputs)}")
        line(f"return {','.join([str(numbers[v]) for v in graph.outputs])}")
        for guard in graph.guards:
            sides = self._value(guard.left), self._value(guard.right)
            line(f"guard {guard.relation} {guard.holds} {sides}")

    def _defined(self, variables: Sequence[Variable]) -> str:
        """The types of variables, which get the next numbers."""
        numbers = self._numbers
        for variable in variables:
            numbers[variable] = len(numbers)
        return "".join([self._type(v.type) for v in variables])

    def _type(self, type: TensorType) -> str:
        text = self._types.get(id(type))  # a variable of the graph keeps the id in use
        if text is None:
            if not isinstance(type.dtype, DType):
                raise NoKeyError
            text = self._types[id(type)] = f":{type.dtype.name}{self._value(type.shape)}"
        return text

    def _constant(self, tensor: Tensor) -> None:
        if type(tensor) is not Tensor:
            raise NoKeyError
        self.constants.append(tensor)
        self._array(tensor._data)

    def _array(self, array: Any) -> None:
        if array.dtype.hasobject:
            raise NoKeyError
        self.digest.update(f"{array.dtype.name}{array.shape}".encode())
        self.digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

    def _value(self, value: Any) -> str:
        """A parameter: texts are equal only for values of the same type."""
        kind = type(value)
        if kind in _PLAIN:
            return repr(value)
        if kind is tuple or kind is list:
            inside = ",".join([self._value(item) for item in value])
            return f"({inside})" if kind is tuple else f"[{inside}]"
        if kind is Dim or kind is Unknown:
            return f"<{value!r}>"
        if kind is DType:
            return f"<dtype {value.name}>"
        if kind is float:
            return f"<float {value.hex()}>"
        if kind is complex:
            return f"<complex {value.real.hex()} {value.imag.hex()}>"
        if kind is Symbol:
            return f"<symbol {value.name}>"
        if kind is slice:
            return f"<slice {self._value((value.start, value.stop, value.step))}>"
        if kind is Graph:
            self.graph(value)
            return "<graph above>"
        raise NoKeyError


_PLAIN = frozenset((int, bool, str, bytes, type(None), type(...)))


_OWN = __name__.partition(".")[0] + "."
_found: dict[int, tuple[Primitive, str]] = {}
_modules = 0  # how many there were when they were last looked through


def primitive_place(primitive: Primitive) -> str:
    """Where one of the package's own primitives is found, as `module:name`.

    Raises:
        NoKeyError: it is not one of them.
    """
    if id(primitive) not in _found:
        _look()
        if id(primitive) not in _found:
            raise NoKeyError
    return _found[id(primitive)][1]


def primitive_at(place: str) -> Primitive:
    """The primitive that is there."""
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, Primitive):
        raise TypeError(f"{place} is no primitive")
    return found


def _look() -> None:
    global _modules
    if _modules == len(sys.modules):
        return
    _modules = len(sys.modules)
    for name, module in list(sys.modules.items()):
        if name.startswith(_OWN):
            for attribute, value in list(vars(module).items()):
                if isinstance(value, Primitive):
                    _found.setdefault(id(value), (value, f"{name}:{attribute}"))
