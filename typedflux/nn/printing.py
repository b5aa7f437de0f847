"""Printing: a model as a tree of its layers, with the number of parameters of each.

>>> import typedflux as flux
>>> from typedflux import nn
>>> model = nn.Chain(nn.Dense(784, 32, flux.relu), nn.BatchNorm(32), head=nn.Dense(32, 10))
>>> model
Chain(
  Dense(784, 32, relu),  # 25_120 parameters
  BatchNorm(32),         # 64 parameters, plus 64 non-trainable
  head=Dense(32, 10),    # 330 parameters
)                        # Total: 6 arrays, 25_514 parameters,
                         # plus 2 non-trainable of 64 elements, 99.9 KiB
>>> f"{model[0]:compact}"
'Dense(784, 32, relu)'
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from typedflux.core.tracing import Tracer
from typedflux.core.tree import Path, children, format_path
from typedflux.nn.construction import Construction, construction, text_of
from typedflux.nn.module import TIES, Module, Tied, is_frozen, mode_of, ties
from typedflux.nn.walking import Leaf, held_as_state, modules_in, places_of, tensors_in
from typedflux.shapes.dims import Dimension, is_fixed, product
from typedflux.tensor import Tensor

_WIDEST = 50
"""Comments line up behind lines up to this width."""

_MODES = {True: "train mode", False: "test mode", None: "auto mode"}


def show(module: Module) -> str:
    """The tree of layers: one line for each, its parameters in a comment, totals at the end."""
    lines = _Printer(module).print()
    width = max([len(x.text) for x in lines if x.comments and len(x.text) <= _WIDEST], default=0)
    text = []
    for line in lines:
        for i, comment in enumerate(line.comments):
            text.append(f"{'' if i else line.text:<{width}}  # {comment}")
        if not line.comments:
            text.append(line.text)
    return "\n".join(text)


@reprlib.recursive_repr("...")
def compact(module: Module) -> str:
    """The module in one line, as it was constructed, as far as its fields tell."""
    made = construction(module)
    shown = [_labelled(a.name, text_of(a.value)) for a in made.arguments]
    if not made.complete:
        shown += [_labelled(n, text_of(v), v) for n, v in _other_fields(module, made)]
    return f"{type(module).__name__}({', '.join(shown)})"


text_of.register(Module, compact)


class _Line(NamedTuple):
    text: str
    comments: list[str]


class _Spot(NamedTuple):
    """Where in the model and on the page something is printed."""

    path: Path = ()
    depth: int = 0
    before: str = ""
    after: str = ""
    holder: Module | None = None
    state: bool = False

    def inside(
        self, path: Path, before: str, holder: Module | None = None, state: bool = False
    ) -> _Spot:
        """That of a part."""
        return _Spot(
            (*self.path, *path), self.depth + 1, before, ",", holder or self.holder,
            self.state or state,
        )  # fmt: skip


class _Printer:
    """Prints one model; what it has shown and counted is not counted again."""

    def __init__(self, root: Module) -> None:
        self.root = root
        self.places = places_of(root)
        self.shown: dict[int, Path] = {}
        self.counted: dict[int, object] = {}
        self.lines: list[_Line] = []

    def print(self) -> list[_Line]:
        self.module(self.root, _Spot())
        if _opens(self.root):
            self.lines[-1] = _Line(self.lines[-1].text, _totals(list(tensors_in(self.root))))
        return self.lines

    def line(self, spot: _Spot, text: str, *remarks: str) -> None:
        comment = ", ".join(filter(None, remarks))
        self.lines.append(_Line("  " * spot.depth + text, [comment] if comment else []))

    def value(self, value: Any, spot: _Spot) -> None:
        """The lines of anything that a module holds."""
        if isinstance(value, Module):
            self.module(value, spot)
        elif not _holds_modules(value):
            count = self.count(value, spot)
            self.line(spot, spot.before + text_of(value) + spot.after, count)
        else:
            named = type(value) not in (list, tuple, dict)
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            if isinstance(value, tuple) or named:
                opening, closing = f"{type(value).__name__ if named else ''}(", ")"
            self.line(spot, spot.before + opening)
            for name, part in children(value) or ():
                label = f"{name!r}: " if isinstance(value, dict) else f"{name}="
                label = "" if isinstance(name, int) and not isinstance(value, dict) else label
                self.value(part, spot.inside((name,), label))
            self.line(spot, closing + spot.after)

    def module(self, module: Module, spot: _Spot) -> None:
        """The lines of a module."""
        if id(module) in self.shown:
            first = format_path(self.shown[id(module)])
            text = spot.before + compact(module) + spot.after
            self.line(spot, text, f"shared with {first}")
            return
        self.shown[id(module)] = spot.path
        remarks = [f"{name} tied to {self.target(tie)}" for name, tie in ties(module).items()]
        remarks += _settings(module, spot.holder)
        if not _opens(module):
            count = self.count(module, spot)
            for inner, hidden in modules_in(module, ties=False):
                self.shown.setdefault(id(hidden), (*spot.path, *inner))
            self.line(spot, spot.before + compact(module) + spot.after, count, *remarks)
            return
        head, parts = _layout(module)
        self.line(spot, f"{spot.before}{type(module).__name__}({head}", *remarks)
        places = _places_within(module)
        held = held_as_state(module)
        for name, value in parts:
            place = places.get(id(value), () if name is None else (name,))
            label = _labelled(name, "", value)
            self.value(value, spot.inside(place, label, module, bool(held.intersection(place))))
        self.line(spot, ")" + spot.after)

    def count(self, value: Any, spot: _Spot) -> str:
        """The comment on the tensors in `value` that have not been counted."""
        leaves = tensors_in(value, ties=False, seen=self.counted)
        return _counts([x._replace(state=x.state or spot.state) for x in leaves])

    def target(self, tie: Tied) -> str:
        """Where a tied parameter lives."""
        path = self.places.get(id(tie.module), (TIES,))
        if TIES in path:
            return f"{type(tie.module).__name__}.{tie.name}"
        return format_path((*path, tie.name))


def _opens(module: Module) -> bool:
    """Whether a module has lines of its own for what it holds."""
    fields = module.tree_fields()
    fields.pop(TIES, None)
    return type(module).shown_inside and any(_holds_modules(v) for v in fields.values())


def _holds_modules(value: Any) -> bool:
    return isinstance(value, Module) or any(_holds_modules(v) for _, v in children(value) or ())


def _labelled(name: str | None, text: str, value: Any = None) -> str:
    if name is None:
        return text
    return f"{name}: {text}" if isinstance(value, Tensor) else f"{name}={text}"


def _layout(module: Module) -> tuple[str, list[tuple[str | None, Any]]]:
    """Plain arguments for the opening line, and what has lines of its own, with labels."""
    made = construction(module)
    head = []
    parts: list[tuple[str | None, Any]] = []
    for name, value in made.arguments:
        if parts or callable(value) or isinstance(value, Tensor) or _holds_modules(value):
            parts.append((name, value))
        else:
            head.append(_labelled(name, text_of(value)) + ",")
    return " ".join(head), parts + _other_fields(module, made)


def _other_fields(module: Module, made: Construction) -> list[tuple[str | None, Any]]:
    """Fields that hold tensors or modules which the arguments do not tell."""
    known = {id(v) for a in made.arguments for v in _tensors_and_modules(a.value)}
    return [
        (name, value)
        for name, value in module.tree_fields().items()
        if name != TIES
        and any(id(v) not in known for v in _tensors_and_modules(value))
        and (name not in made.found or any(True for _ in tensors_in(value)))
    ]


def _tensors_and_modules(value: Any) -> list[Any]:
    if isinstance(value, (Tensor, Module)):
        return [value]
    return [found for _, part in children(value) or () for found in _tensors_and_modules(part)]


def _places_within(module: Module) -> dict[int, Path]:
    """The path from `module` to each branch that it holds itself."""
    found: dict[int, Path] = {}

    def visit(value: Any, path: Path) -> None:
        parts = children(value)
        if parts is not None and found.setdefault(id(value), path) is path:
            for name, part in () if isinstance(value, Module) else parts:
                visit(part, (*path, name))

    for name, value in module.tree_fields().items():
        visit(value, (name,))
    return found


def _settings(module: Module, holder: Module | None) -> list[str]:
    """What was decided for this module and not for the one that holds it."""
    found = []
    if is_frozen(module) and not (holder is not None and is_frozen(holder)):
        found.append("frozen")
    mode = mode_of(module)
    if mode is not (None if holder is None else mode_of(holder)):
        found.append(_MODES[mode])
    return found


def _counts(leaves: list[Leaf]) -> str:
    """`25_120 parameters, plus 64 non-trainable, all zero`."""
    parameters = [x.tensor for x in leaves if x.parameter]
    others = [x.tensor for x in leaves if not x.parameter]
    found = [_number(_size(parameters), "parameter")] if parameters else []
    if others:
        found.append(f"{'plus ' if parameters else ''}{_digits(_size(others))} non-trainable")
    return ", ".join([*found, *_marks(parameters, others)])


def _totals(leaves: list[Leaf]) -> list[str]:
    """The comment of the last line."""
    if not leaves:
        return []
    parameters = [x.tensor for x in leaves if x.parameter]
    frozen = [x.tensor for x in leaves if x.parameter and x.frozen]
    others = [x.tensor for x in leaves if not x.parameter]
    text = f"Total: {_number(len(parameters), 'array')}, {_number(_size(parameters), 'parameter')}"
    if frozen:
        text += f" ({_digits(_size(frozen))} frozen)"
    size = _bytes(leaves)
    if not others:
        return [text + size]
    elements = _number(_size(others), "element")
    return [f"{text},", f"plus {len(others)} non-trainable of {elements}{size}"]


def _marks(parameters: list[Tensor], others: list[Tensor]) -> list[str]:
    """What is remarkable about the values, where there are values."""
    if any(isinstance(t, Tracer) for t in (*parameters, *others)):
        return []
    arrays = [t.numpy() for t in (*parameters, *others) if t.dtype.is_inexact]
    found = []
    trained = [t.numpy() for t in parameters if t.size]
    if trained and not any(a.any() for a in trained):
        found.append("all zero")
    if any(np.isnan(a).any() for a in arrays):
        found.append("some NaN")
    if any(np.isinf(a).any() for a in arrays):
        found.append("some Inf")
    return found


def _size(tensors: Iterable[Tensor]) -> Dimension:
    total: Dimension = 0
    for tensor in tensors:
        total = total + product(tensor.shape)
    return total


def _number(count: Dimension, what: str) -> str:
    return f"{_digits(count)} {what}{'' if is_fixed(count, 1) else 's'}"


def _digits(count: Dimension) -> str:
    return f"{count:_}" if isinstance(count, int) else str(count)


def _bytes(leaves: list[Leaf]) -> str:
    """`, 99.9 KiB`; nothing where a size is symbolic."""
    total: Dimension = 0
    for leaf in leaves:
        total = total + product(leaf.tensor.shape) * leaf.tensor.dtype.itemsize
    if not isinstance(total, int):
        return ""
    if total < 1024:
        return f", {_number(total, 'byte')}"
    power = min((total.bit_length() - 1) // 10, 4)
    return f", {total / 1024**power:.1f} {('KiB', 'MiB', 'GiB', 'TiB')[power - 1]}"
