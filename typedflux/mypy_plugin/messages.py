"""mypy's own messages in the words of annotations: `Float32[Tensor, "b 784"]`.

A watcher sees each message before it is kept. Types inside are rewritten, and an error is dropped
when the two types it holds against each other differ only where one is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mypy.errors import ErrorInfo, Errors, ErrorWatcher
from mypy.nodes import MypyFile, TypeInfo

from typedflux.mypy_plugin import ancestry
from typedflux.mypy_plugin.agreement import SPELLED, may_agree, shapes_may_agree
from typedflux.mypy_plugin.classes import noted_dims
from typedflux.mypy_plugin.codes import DTYPE, SHAPE
from typedflux.mypy_plugin.encoding import BUILT, MODULE, NEW_MARK
from typedflux.mypy_plugin.guarding import harmless
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.expressions import evaluate_expression, names_in

_GENERIC = re.compile(r"(?:\w+\.)*(\w+)\[")
_OWN = frozenset({"Tensor", "DimOf", "Expression"})
_BUILT = re.compile(r"tuple\[Literal\['[\w,]*'\], (?:Literal\['[^']*:\d+,\d+[\d,;]*'\]|str)")
_CHOICE = re.compile(r"Literal\[(?:True|False)\]\??")
_JOINED = frozenset({
    "Cannot call function of unknown type",
    "Call to untyped function (unknown) in typed context",
})  # fmt: skip
"""What mypy says of an item of a collection of functions that differ in their dims alone: it finds
no type that they have in common."""
_SEVERAL = re.compile(r"@(?: \| @)+")
_COMPARED = {"assignment", "return-value", "arg-type", "list-item", "dict-item"}


settlers: list[Callable[[str, ErrorInfo], bool]] = []
"""Who may settle that a value does not fit its variable's type; see `rebinding`."""

equal_names: list[Callable[[str, ErrorInfo], dict[str, str]]] = []
"""Who knows what names are to be read as at the place of a message; see `narrowing`."""

forgivers: list[Callable[[str, ErrorInfo], bool]] = []
"""Who may say that what mypy finds odd is right; see `annotated`."""


deciders: list[Callable[[str, ErrorInfo], bool]] = []
"""Who knows whether each type that a value may have must fit; see `branching`."""


listeners: list[Callable[[str, ErrorInfo], None]] = []
"""Who is told of each message that is kept; see `specialising`."""


def watch(errors: Errors) -> None:
    """Rewrite what `errors` receives from now on; calling it again changes nothing."""
    watchers = errors._watchers
    if not any(isinstance(w, ErrorWatcher) and w._filter is _told for w in watchers):
        watchers.insert(0, ErrorWatcher(errors, filter_errors=_told))


_dropped: tuple[str, int] = ("", 0)
"""Where the last complaint stood that was dropped: what explains it is dropped too."""

_EXPLAINS = re.compile(
    r'".*" is invariant -- see|Consider using "\w+" instead, which is covariant'
    r"|Perhaps you need a type annotation for|Error code \"[\w-]+\" not covered"
)


@harmless(False)
def rewrite(file: str, info: ErrorInfo) -> bool:
    """Rewrite one message in place; true to drop it."""
    global _dropped
    if info.severity == "note":
        if _dropped == (file, info.line) and _EXPLAINS.match(info.message):
            return True
    elif _is_dropped(file, info):
        _dropped = (file, info.line)
        return True
    else:
        _dropped = ("", 0)
    info.message = spell(info.message).replace(NEW_MARK, "")
    return False


def _told(file: str, info: ErrorInfo) -> bool:
    """Rewrite a message, and tell the listeners of one that stays."""
    if rewrite(file, info):
        return True
    for listen in listeners:
        _tell(listen, file, info)
    return False


@harmless(None)
def _tell(listen: Callable[[str, ErrorInfo], None], file: str, info: ErrorInfo) -> None:
    listen(file, info)


def _is_dropped(file: str, info: ErrorInfo) -> bool:
    """Whether a complaint of mypy's is about nothing."""
    code = info.code.code if info.code is not None else None
    if code == "assignment" and any(settle(file, info) for settle in settlers):
        return True
    if code in ("misc", "valid-type", "name-defined") and any(
        forgive(file, info) for forgive in forgivers
    ):
        return True
    if info.message in _JOINED:
        return True
    if code == "no-any-return":
        return SPELLED.search(spell(info.message)) is not None  # it is verified at run time
    if code not in _COMPARED:
        return False
    spelled = spell(info.message)
    quoted = re.findall(r'"([^"]*)"', spelled)
    if len(quoted) >= 2 and ancestry.may_derive(quoted[-2], quoted[-1], modules):
        return True
    compared = [t for t in quoted if SPELLED.search(t)]
    if len(compared) != 2:
        return False
    got, wanted = compared
    names = equal_names[0](file, info) if equal_names else {}
    all_of_them = got.split(" | ") if any(ask(file, info) for ask in deciders) else [got]
    if all(may_agree(each, wanted, names) for each in all_of_them):
        return True
    mine, theirs = (_SEVERAL.sub("@", SPELLED.sub("@", text)) for text in (got, wanted))
    if mine == theirs:  # nothing else is the matter
        of_dtypes = all(shapes_may_agree(each, wanted, names) for each in all_of_them)
        info.code = DTYPE if of_dtypes else SHAPE
    return False


def spell(message: str) -> str:
    """The message with tensor types as annotations.

    >>> spell('got "Tensor[Float32, b, Literal[784]]"')
    'got "Float32[Tensor, \\'b 784\\']"'
    """
    out, position = "", 0
    while (found := _GENERIC.search(message, position)) is not None:
        name = found[1]
        if name not in _OWN and name not in _module_names():
            out += message[position : found.end()]
            position = found.end()
            continue
        arguments, end = _arguments(message, found.end())
        out += message[position : found.start()]
        out += _spelled(name, arguments) if name in _OWN else _module(name, arguments)
        position = end
    return out + message[position:]


def _spelled(kind: str, arguments: list[str]) -> str:
    if kind == "Tensor":
        dtype = arguments[0].rpartition(".")[2]
        axes = " ".join(_axis(a) for a in arguments[1:])
        return f"{'Shaped' if dtype == 'Any' else dtype}[Tensor, '{axes}']"
    if kind == "DimOf":
        return f"Size['{_axis(arguments[0])}']"
    template = re.sub(r"^Literal\[['\"](.*)['\"]\]$", r"\1", arguments[0])
    text = re.sub(r"\{(\d+)\}", lambda m: _axis(arguments[int(m[1]) + 1]), template)
    try:
        return text if names_in(text) else str(evaluate_expression(text, {}))  # 2*784
    except (AnnotationError, ArithmeticError):
        return text


def _module(name: str, arguments: list[str]) -> str:
    """A layer with its dims; what it was built from is not for reading."""
    shown = arguments[: _module_names()[name]]
    dims = [_axis(a) for a in shown if not _BUILT.match(a) and not _CHOICE.fullmatch(a)]
    return f"{name}[{', '.join(dims)}]" if dims else name


modules: dict[str, MypyFile] = {}
"""The modules of this run of mypy."""

_names: dict[int, tuple[MypyFile, int, dict[str, int | None]]] = {}
"""For each module, with how many names, what `_module_names` has found there."""


def begin(found: dict[str, MypyFile]) -> None:
    """A run of mypy begins, whose modules will be in `found`; those of the last are let go."""
    global modules
    modules = found
    _names.clear()
    ancestry.forget()


def _module_names() -> dict[str, int | None]:
    """The names of the classes whose type parameters are dims, and how many they show."""
    found: dict[str, int | None] = {}
    for tree in modules.values():
        seen = _names.get(id(tree))
        if seen is None or seen[0] is not tree or seen[1] != len(tree.names):
            seen = _names[id(tree)] = (tree, len(tree.names), dict(_of_module(tree)))
        found.update(seen[2])
    return found


def _of_module(tree: MypyFile) -> Iterator[tuple[str, int | None]]:
    for entry in tree.names.values():
        if isinstance(entry.node, TypeInfo):
            names = [v.name for v in entry.node.defn.type_vars]
            if entry.node.has_base(MODULE) or BUILT in names or noted_dims(entry.node):
                yield entry.node.name, names.index(BUILT) if BUILT in names else None


def _axis(text: str) -> str:
    literal = re.fullmatch(r"Literal\[(-?\d+)\]\??", text)
    if literal:
        return literal[1]
    if text == "Literal[True]":
        return "1"  # see encoding.Written
    if text in ("Any", "int", "builtins.int", "object", "Never"):
        return "_"
    if re.match(r"\*?(builtins\.)?(tuple|Unpack)\[", text.lstrip("*")):
        return "..."
    if _GENERIC.match(text):
        return spell(text)
    return re.sub(r"@\S*|`-?\d+", "", text)


def _arguments(text: str, start: int) -> tuple[list[str], int]:
    """The top-level arguments after an opening bracket, and the position after the closing one."""
    depth, quote, current = 1, "", start
    parts: list[str] = []
    for i in range(start, len(text)):
        c = text[i]
        if quote:
            quote = "" if c == quote else quote
        elif c in "'" and depth > 1:
            quote = c
        elif c == "[":
            depth += 1
        elif c == "]":
            depth -= 1
            if depth == 0:
                parts.append(text[current:i].strip())
                return parts, i + 1
        elif c == "," and depth == 1:
            parts.append(text[current:i].strip())
            current = i + 1
    return [*parts, text[current:].strip()], len(text)
