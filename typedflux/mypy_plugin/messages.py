"""mypy's own messages in the words of annotations: `Float32[Tensor, "b 784"]`.

A watcher sees each message before it is kept. Types inside are rewritten, and an error is dropped
when the two types it holds against each other differ only where one is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mypy.errors import ErrorInfo, Errors, ErrorWatcher

from typedflux.dtypes import DType, Shaped, members
from typedflux.mypy_plugin.encoding import DTYPE_OF_CLASS
from typedflux.mypy_plugin.guarding import harmless

_TYPE = re.compile(
    r"(?:typedflux\.(?:tensor|checks\.sizes|static)\.)?\b(Tensor|DimOf|Expression)\["
)
_SPELLED = re.compile(r"(\w+)\[Tensor, '([^']*)'\]")
_COMPARED = {"assignment", "return-value", "arg-type", "list-item", "dict-item"}


settlers: list[Callable[[str, ErrorInfo], bool]] = []
"""Who may settle that a value does not fit its variable's type; see `rebinding`."""


def watch(errors: Errors) -> None:
    """Rewrite what `errors` receives from now on; calling it again changes nothing."""
    watchers = errors._watchers
    if not any(isinstance(w, ErrorWatcher) and w._filter is rewrite for w in watchers):
        watchers.insert(0, ErrorWatcher(errors, filter_errors=rewrite))


@harmless(False)
def rewrite(file: str, info: ErrorInfo) -> bool:
    """Rewrite one message in place; true to drop it."""
    code = info.code.code if info.code is not None else None
    if code == "assignment" and any(settle(file, info) for settle in settlers):
        return True
    if _TYPE.search(info.message) is None:
        return False
    info.message = spell(info.message)
    if code not in _COMPARED:
        return False
    compared = [t for t in re.findall(r'"([^"]*)"', info.message) if _SPELLED.search(t)]
    return len(compared) == 2 and may_agree(*compared)


def spell(message: str) -> str:
    """The message with tensor types as annotations.

    >>> spell('got "Tensor[Float32, b, Literal[784]]"')
    'got "Float32[Tensor, \\'b 784\\']"'
    """
    out, position = "", 0
    while (found := _TYPE.search(message, position)) is not None:
        arguments, end = _arguments(message, found.end())
        out += message[position : found.start()]
        out += _spelled(found[1], arguments)
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
    return re.sub(r"\{(\d+)\}", lambda m: _axis(arguments[int(m[1]) + 1]), template)


def _axis(text: str) -> str:
    literal = re.fullmatch(r"Literal\[(-?\d+)\]\??", text)
    if literal:
        return literal[1]
    if text in ("Any", "int", "builtins.int", "object"):
        return "_"
    if re.match(r"\*?(builtins\.)?(tuple|Unpack)\[", text.lstrip("*")):
        return "..."
    if _TYPE.match(text):
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


def may_agree(got: str, wanted: str) -> bool:
    """Whether two spelled types differ only in axes and dtypes that one of them leaves open."""
    mine, theirs = _SPELLED.findall(got), _SPELLED.findall(wanted)
    strip: Callable[[str], str] = lambda s: _SPELLED.sub("@", s)  # noqa: E731
    if strip(got) != strip(wanted) or len(mine) != len(theirs):
        return False
    for (dtype_a, shape_a), (dtype_b, shape_b) in zip(mine, theirs, strict=True):
        if not _members(dtype_a) & _members(dtype_b):
            return False
        a, b = shape_a.split(), shape_b.split()
        if "..." in a or "..." in b:
            continue
        if len(a) != len(b):
            return False
        if any(not _axes_may_agree(x, y) for x, y in zip(a, b, strict=True)):
            return False
    return True


def _members(name: str) -> frozenset[DType]:
    return members(DTYPE_OF_CLASS.get(name, Shaped))


def _axes_may_agree(a: str, b: str) -> bool:
    # A quotient is not compared: n*(d//n) is d exactly when n divides d.
    return a == b or "_" in (a, b) or "/" in a + b
