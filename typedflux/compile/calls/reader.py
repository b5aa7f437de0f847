"""Writes the function `enter(args, kwargs)`, which verifies the arguments of a call and collects
the arrays of those that change.

What lies in the fields of modules is expected to be the very same objects at each call: an identity
each. A tensor there that was replaced by one of its type is taken over. Arguments outside of
modules are expected to be of the same types. Where anything else differs, `enter` returns `None`,
and the general way finds out what it means.
"""

from __future__ import annotations

import dataclasses
import functools
import weakref
from collections.abc import Sequence
from types import CellType, CodeType, FunctionType
from typing import Any

from typedflux.compile.calls.anchors import Anchor, anchor_of
from typedflux.compile.calls.reading import (
    Field,
    Leaf,
    Reading,
    Slot,
    UnreadableError,
    adopt,
    renew,
    same,
)
from typedflux.compile.signature import flatten, static_key
from typedflux.compile.surroundings import Watched
from typedflux.core.stateful import DIMS, Static
from typedflux.core.tree import children, is_branch
from typedflux.nn.module import RESERVED, TIES, Module
from typedflux.ops import random
from typedflux.tensor import Tensor


class Reader:
    """Reads the arguments of one call, and writes the code for those after it.

    Args:
        sizes: for each tensor among the arguments the names of its axes, as in `Traced.names`.
    """

    def __init__(self, sizes: Sequence[Sequence[str | None] | None]) -> None:
        self.sizes = sizes
        self.reading = Reading()
        self.roots: list[Any] = []
        """The modules that nothing but the arguments is known to hold."""
        self.lines: list[str] = []
        self._seen: dict[int, str] = {}
        """By id of each branch that was visited: how the code refers to it."""
        self._mutable: list[str] = []
        self._kept: list[Any] = []
        self._names_of: dict[str, str] = {}

    def finish(self) -> Reading:
        """Compile what was written."""
        reading, lines = self.reading, self.lines
        if len(self._mutable) > 1:
            distinct = ", ".join([f"id({m})" for m in self._mutable])
            lines.append(f"if len({{{distinct}}}) != {len(self._mutable)}: return None")
        arrays = "".join([f"x{leaf}, " for leaf in reading.dynamic])
        sizes = "".join([f"{self._names_of[name]}, " for name in reading.sizes])
        lines.append(f"return ({arrays}), ({sizes})")
        for helper in (renew, adopt, same):
            # Weakly, or what was read would stay in memory until the garbage collector comes.
            reading.names[helper.__name__] = functools.partial(helper, weakref.proxy(reading))
        reading.names |= {"Tensor": Tensor, "random": random, "flatten": flatten}
        text = "def enter(args, kwargs):\n try:\n  " + "\n  ".join(lines)
        text += "\n except (LookupError, TypeError, ValueError, AttributeError):\n  return None\n"
        reading.enter = FunctionType(function_code(text), reading.names)
        return reading

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self.reading.names)}"
        self.reading.names[name] = value
        return name

    def _refuse_unless(self, condition: str) -> None:
        self.lines.append(f"if not ({condition}): return None")

    # Arguments

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any], draws: bool) -> None:
        """Read the arguments of a call. `draws` says whether it uses the ambient generator."""
        if draws:
            ambient = self._name("V", random.default_generator())
            self._refuse_unless(f"random._ambient is {ambient}")
        else:
            self._refuse_unless(f"type(random._ambient) is {self._name('V', random.Generator)}")
        # The tuple and the dict that hold the arguments are visited first.
        self._kept += [args, kwargs]
        self._seen[id(args)], self._seen[id(kwargs)] = "args", "kwargs"
        expressions = [f"a{i}" for i in range(len(args))]
        if args:
            self.lines.append(f"{', '.join(expressions)}, = args")
        else:
            self._refuse_unless("not args")
        self._refuse_unless(f"len(kwargs) == {len(kwargs)}")
        for expression, value in zip(expressions, args, strict=True):
            self.value(expression, value)
        for name, value in kwargs.items():
            local = f"k{len(self.lines)}"
            self.lines.append(f"{local} = kwargs[{name!r}]")
            self.value(local, value)

    def value(self, expression: str, value: Any) -> None:
        """Read a value that is at `expression`, outside of modules."""
        if isinstance(value, Tensor):
            self._tensor(expression, value)
            return
        parts = children(value)
        if parts is None:
            self._static(expression, value)
        elif id(value) in self._seen:
            self._refuse_unless(f"{expression} is {self._seen[id(value)]}")
        elif is_branch(value):
            self._root(expression, value)
        else:
            self._container(expression, value)

    def _tensor(self, expression: str, value: Tensor) -> None:
        if type(value) is not Tensor:
            raise UnreadableError("a tensor of another class")
        number, array = len(self.reading.leaves), value._data
        names = self.sizes[number] if number < len(self.sizes) else None
        leaf = Leaf(array.dtype, array.shape, place=len(self.reading.dynamic))
        self.reading.leaves.append(leaf)
        self.reading.dynamic.append(number)
        dtype = self._name("F", array.dtype)
        self._refuse_unless(f"type({expression}) is Tensor")
        self.lines.append(f"x{number} = {expression}._data")
        self._refuse_unless(f"x{number}.dtype == {dtype}")
        if not names or all(name is None for name in names):
            self._refuse_unless(f"x{number}.shape == {array.shape}")
            return
        axes = [f"s{number}_{axis}" for axis in range(array.ndim)]
        self.lines.append(f"{', '.join(axes)}, = x{number}.shape")
        for axis, name, size in zip(axes, names, array.shape, strict=True):
            if name is None:
                self._refuse_unless(f"{axis} == {size}")
            elif name in self._names_of:
                self._refuse_unless(f"{axis} == {self._names_of[name]}")
            else:
                self._names_of[name] = axis
                self.reading.sizes.append(name)

    def _static(self, expression: str, value: Any) -> None:
        name = self._name("V", value)
        if value is None or isinstance(value, (bool, type)) or _compares_by_identity(value):
            self._refuse_unless(f"{expression} is {name}")
            return
        key = self._name("K", static_key(value))
        self.reading.names["key"] = static_key
        if type(value) in (int, float, str, bytes):
            self._refuse_unless(f"{expression} is {name} or key({expression}) == {key}")
        else:
            self._refuse_unless(f"key({expression}) == {key}")

    def _container(self, expression: str, value: Any) -> None:
        """A list, tuple, dict, named tuple or dataclass among the arguments."""
        kind = self._name("C", type(value))
        self._see(value, expression)
        self._refuse_unless(f"type({expression}) is {kind}")
        if not isinstance(value, tuple):
            self._mutable.append(expression)
        for local, part in self._parts(expression, value):
            self.value(local, part)

    def _parts(self, expression: str, value: Any) -> list[tuple[str, Any]]:
        """The parts of a container, each with the variable that the code now has it in."""
        found = []
        if isinstance(value, dict) and type(value) is dict:
            names = self._name("V", list(value))
            self._refuse_unless(f"[*{expression}] == {names}")
            for i, part in enumerate(value.values()):
                self.lines.append(f"{expression}_{i} = {expression}[{names}[{i}]]")
                found.append((f"{expression}_{i}", part))
        elif type(value) in (list, tuple) or (isinstance(value, tuple) and is_named(type(value))):
            locals_ = [f"{expression}_{i}" for i in range(len(value))]
            if locals_:
                self.lines.append(f"{', '.join(locals_)}, = {expression}")
            else:
                self._refuse_unless(f"not {expression}")
            found = list(zip(locals_, value, strict=True))
        elif dataclasses.is_dataclass(value):
            for i, item in enumerate(dataclasses.fields(value)):
                self.lines.append(f"{expression}_{i} = {expression}.{item.name}")
                found.append((f"{expression}_{i}", getattr(value, item.name)))
        else:
            raise UnreadableError(f"a {type(value).__name__}")
        return found

    # Modules

    def _see(self, value: Any, expression: str) -> None:
        self._seen[id(value)] = expression
        self._kept.append(value)

    def _root(self, expression: str, module: Any) -> None:
        """A module that the record must not keep alive."""
        known = self._name("R", weakref.ref(module))
        self._refuse_unless(f"{expression} is {known}()")
        self.roots.append(module)
        slot = Slot(expression, type(module))
        self.reading.owners[id(module)] = slot
        self._module(module, expression, slot)

    def _module(self, module: Any, expression: str, slot: Slot) -> None:
        kind: Any = type(module)
        if kind.tree_fields not in (Module.tree_fields, random.Generator.tree_fields):
            raise UnreadableError(f"{kind.__name__} has its own tree_fields")
        self._see(module, expression)
        slot.branch = len(self.reading.branches)
        self.reading.branches.append(weakref.ref(module))
        fields = module.__dict__
        known = slot.fields_name = self._name("D", fields)
        self._refuse_unless(f"{expression}.__dict__ is {known} and len({known}) == {len(fields)}")
        if not isinstance(module, Module) and list(fields) != ["state"]:
            raise UnreadableError(f"{kind.__name__} has fields of its own")
        for name, value in fields.items():
            if name not in RESERVED:
                self.field(known, fields, name, value, slot)
            elif name not in (DIMS, TIES):
                self._refuse_unless(f"{known}[{name!r}] is {self._name('V', value)}")
        for name, tied in fields.get(TIES, {}).items():
            pinned = self._name("V", tied)
            self._refuse_unless(f"{known}[{TIES!r}][{name!r}] is {pinned}")
            self._refuse_unless(f"len({known}[{TIES!r}]) == {len(fields[TIES])}")
            self._pinned(f"{pinned}.module", tied.module)

    def field(self, known: str, owner: dict[str, Any], name: str, value: Any, slot: Slot) -> None:
        """A field of a module, whose `__dict__` is `owner`, in the code `known`."""
        expression = f"{known}[{name!r}]"
        if is_branch(value) or id(value) in self._seen or not _holds_tensors(value):
            self._pinned(expression, value)
            return
        flat = flatten(value)
        if flat.branches:
            self._pinned(expression, value)
            return
        found = Field(owner, name, "", [], [], flat.key)
        self._inside(value, found)
        found.anchor = self._name("A", anchor_of(value))
        changed = f"t is not {found.anchor}.value"
        code = self._name("N", found)
        if not _is_immutable(value):
            changed += f" or not same({code}, t)"
        self.lines.append(f"t = {expression}")
        self.lines.append(f"if {changed}: renew({code}, t)")
        self.reading.fields[id(owner), name] = found
        slot.fields.append(found)

    def _steady(self, value: Tensor) -> Anchor:
        """A tensor in a module."""
        number = len(self.reading.leaves)
        names = self.sizes[number] if number < len(self.sizes) else None
        if type(value) is not Tensor or (names and any(name is not None for name in names)):
            raise UnreadableError("a tensor of another class, or of symbolic sizes, in a module")
        anchor = anchor_of(value)
        self.reading.leaves.append(Leaf(value._data.dtype, value._data.shape, anchor))
        return anchor

    def _inside(self, value: Any, found: Field) -> None:
        """The tensors in a field, and the containers between it and them."""
        if isinstance(value, Tensor):
            found.leaves.append(len(self.reading.leaves))
            self._steady(value)
            return
        parts = children(value)
        if parts is None or id(value) in self._seen:
            return
        anchor = anchor_of(value)
        name = self._name("A", anchor)
        self._see(value, f"{name}.value")
        found.containers.append(anchor)
        found.names.append(name)
        self.reading.owners[id(value)] = found
        for _, part in parts:
            self._inside(part, found)

    def _pinned(self, expression: str, value: Any) -> None:
        """A value in a module that holds no tensors that could be written in place."""
        if isinstance(value, Tensor):
            # In a list or dict: the same at each call, or the general way.
            anchor = self._name("A", self._steady(value))
            self._refuse_unless(f"{expression} is {anchor}.value")
            return
        parts = children(value)
        if parts is None:
            self._static(expression, value)
            return
        if id(value) in self._seen:
            self._refuse_unless(f"{expression} is {self._seen[id(value)]}")
            return
        if _is_static(value):
            name, key = self._name("V", value), self._name("K", flatten(value).key)
            self._refuse_unless(f"{expression} is {name} or flatten({expression}).key == {key}")
            return
        name = self._name("M", value)
        slot = Slot(name, type(value))
        self.reading.owners[id(value)] = slot
        self.lines.append(f"t = {expression}")
        self.lines.append(f"if t is not {name}: adopt({self._name('N', slot)}, t)")
        if is_branch(value):
            self._module(value, name, slot)
            return
        self._see(value, name)
        if type(value) in (list, tuple) or (isinstance(value, tuple) and is_named(type(value))):
            self._refuse_unless(f"len({name}) == {len(value)}")
            for i, part in enumerate(value):
                self._pinned(f"{name}[{i}]", part)
        elif type(value) is dict:
            names = self._name("V", list(value))
            self._refuse_unless(f"[*{name}] == {names}")
            for i, part in enumerate(value.values()):
                self._pinned(f"{name}[{names}[{i}]]", part)
        elif dataclasses.is_dataclass(value):
            for item in dataclasses.fields(value):
                self._pinned(f"{name}.{item.name}", getattr(value, item.name))
        else:
            raise UnreadableError(f"a {type(value).__name__} in a module")

    # What the function captured

    def captured(self, module: Any, name: str) -> None:
        """A field of a module that the function reads without being given it."""
        fields = module.__dict__
        value = fields[name]
        if (id(fields), name) in self.reading.fields or flatten(value).branches:
            raise UnreadableError("a field that is captured and given, or holds modules")
        owner = self._name("M", module)
        known = self._name("D", fields)
        self._refuse_unless(f"{owner}.__dict__ is {known}")
        seen, self._seen = self._seen, {}  # each captured field is taken apart by itself
        self.field(known, fields, name, value, Slot(owner, type(module), known))
        self._seen = seen

    def static(self, static: Static) -> None:
        """A field without tensors that the function read while it was traced."""
        known = self._name("S", static)
        if static.parts is not None:
            self._refuse_unless(f"{known}.still_holds()")
            return
        value = self._name("V", static.value)
        found = f"{known}.owner.__dict__.get({static.name!r})"
        self._refuse_unless(f"{found} is {value} or {known}.still_holds()")

    def watched(self, watched: Watched) -> None:
        """A variable or an attribute around the function."""
        known = self._name("S", watched)
        if watched.parts is not None:
            self._refuse_unless(f"{known}.still_holds()")
            return
        value, holder = self._name("V", watched.value), self._name("H", watched.holder)
        found = f"{holder}.cell_contents"
        if not isinstance(watched.holder, CellType):
            found = f"{holder}.get({watched.name!r})"
        self._refuse_unless(f"{found} is {value} or {known}.still_holds()")


def is_named(kind: type) -> bool:
    """Whether a kind of tuple is that of a named tuple, which is iterated over as a plain one."""
    return hasattr(kind, "_fields") and kind.__iter__ is tuple.__iter__  # type: ignore[attr-defined]


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Tensor) or any([_holds_tensors(p) for _, p in children(value) or ()])


def _is_static(value: Any) -> bool:
    """Whether a tuple holds plain values alone."""
    parts = children(value)
    if parts is None:
        return not isinstance(value, Tensor)
    return isinstance(value, tuple) and all([_is_static(p) for _, p in parts])


def _is_immutable(value: Any) -> bool:
    parts = children(value)
    return parts is None or (
        isinstance(value, (Tensor, tuple)) and all([_is_immutable(p) for _, p in parts])
    )


def _compares_by_identity(value: Any) -> bool:
    kind: Any = type(value)
    plain: Any = object
    return bool(kind.__eq__ is plain.__eq__ and kind.__hash__ is plain.__hash__)


@functools.lru_cache(maxsize=64)
def function_code(text: str) -> CodeType:
    """The code of the one function that `text` defines."""
    module = compile(text, "<a call of a jitted function>", "exec")
    (code,) = [c for c in module.co_consts if isinstance(c, CodeType)]
    return code
