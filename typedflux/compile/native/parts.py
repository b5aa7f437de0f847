"""A module divided into several, which threads compile at the same time."""

from __future__ import annotations

import re

from typedflux.compile.native.emitter import Module

_DEFINED = re.compile(r"define\s+(?P<result>.*?)\s*@(?P<name>[\w.$]+)\((?P<parameters>[^()]*)\)")
_CALLED = re.compile(r"@([\w.$]+)")
_PRIVATE = re.compile(r"\b(internal|private)\b")
_WORTH_A_PART = 40_000  # characters


def divided(module: Module, parts: int, vector_bits: int = 512) -> list[str]:
    """The module as at most so many texts of about the same length.

    Functions keep their names and call each other as before, when all texts are compiled into one
    `Compiled`. What is private (`internal`) is repeated wherever it is called, constants among
    them. A short module stays in one text.

    >>> from typedflux.compile.native.emitter import I64, Function
    >>> module = Module()
    >>> for name in ("one", "two"):
    ...     f = Function(module, name, [("x", I64)])
    ...     f.close()
    >>> len(divided(module, 2))
    1
    """
    length = sum(len(function) for function in module.functions)
    parts = max(1, min(parts, length // _WORTH_A_PART))
    if parts == 1:
        return [module.text(vector_bits)]
    shared: dict[str, str] = {}
    public: list[tuple[int, int, str, str]] = []
    declared: dict[str, str] = {}
    for place, text in enumerate(module.functions):
        head = text[: text.index("{")]
        found = _DEFINED.search(head)
        if found is None:
            raise ValueError(f"not the definition of a function: {head!r}")
        if _PRIVATE.search(found["result"]):
            shared[found["name"]] = text
        else:
            public.append((len(text), place, found["name"], text))
            types = _types(found["parameters"])
            declared[found["name"]] = f"declare {found['result']} @{found['name']}({types})"
    divisions: list[list[tuple[int, str, str]]] = [[] for _ in range(min(parts, len(public)))]
    lengths = [0] * len(divisions)
    for size, place, name, text in sorted(public, key=lambda entry: (-entry[0], entry[1])):
        least = lengths.index(min(lengths))
        lengths[least] += size
        divisions[least].append((place, name, text))
    return [_text(module, sorted(d), shared, declared, vector_bits) for d in divisions]


def _text(
    module: Module,
    own: list[tuple[int, str, str]],
    shared: dict[str, str],
    declared: dict[str, str],
    vector_bits: int,
) -> str:
    texts, names = [text for *_, text in own], {name for _, name, _ in own}
    asked = [name for text in texts for name in _CALLED.findall(text)]
    while asked:
        name = asked.pop()
        if name not in names:
            names.add(name)
            if name in shared:
                texts.append(shared[name])
                asked += _CALLED.findall(shared[name])
    part = Module()
    part.functions = texts
    defined = {name for _, name, _ in own} | set(shared)
    part.globals = [text for text in module.globals if _CALLED.findall(text)[0] in names]
    known = {_CALLED.findall(line)[0]: line for line in module.declarations}
    for name in names - defined:
        if name in declared:
            part.declarations.add(declared[name])
        elif name in known:
            part.declarations.add(known[name])
    return part.text(vector_bits)


def _types(parameters: str) -> str:
    """`ptr %x, <2 x i64> %y` without the names."""
    return re.sub(r"\s*%[\w.$]+(?=\s*(,|$))", "", parameters)
