"""Types that carry what mypy need not see: aliases that expand to one of their arguments.

mypy expands an alias wherever it compares types, keeps it in signatures and declarations, puts type
variables into its arguments, and writes it to its cache. So `Held[ndarray, Float32, n]` is an
`ndarray` to mypy, everywhere, and an annotated array to whoever looks before it is expanded.
"""

from __future__ import annotations

from collections.abc import Sequence

from mypy.nodes import TypeAlias
from mypy.type_visitor import TypeQuery
from mypy.types import (
    LiteralType,
    Type,
    TypeAliasType,
    get_proper_type,
)

from typedflux.mypy_plugin.encoding import STATIC, Encoder

WRITTEN = f"{STATIC}.Written"
BROADCAST = f"{STATIC}.Broadcast"
BROADCAST_AXES = f"{STATIC}.BroadcastAxes"
SHARED = f"{STATIC}.Shared"
SHARED_AXES = f"{STATIC}.SharedAxes"


def carry(encoder: Encoder, fullname: str, args: Sequence[Type]) -> TypeAliasType:
    """A carrier with what it carries."""
    module, _, name = fullname.rpartition(".")
    node = encoder.modules[module].names[name].node
    assert isinstance(node, TypeAlias), f"{fullname} is not loaded"
    return TypeAliasType(node, list(args))


def carried(t: Type, fullname: str) -> list[Type] | None:
    """What that carrier carries, `None` for anything else."""
    if isinstance(t, TypeAliasType) and t.alias is not None and t.alias.fullname == fullname:
        return t.args
    return None


def text_type(encoder: Encoder, text: str) -> LiteralType:
    """A string as a type."""
    return LiteralType(text, encoder.instance("builtins.str"))


def text_of(t: Type) -> str | None:
    """The string that a type is, `None` for anything else."""
    p = get_proper_type(t)
    return p.value if isinstance(p, LiteralType) and isinstance(p.value, str) else None


class _Mentions(TypeQuery[bool]):
    """Whether a carrier occurs in a type, in what its aliases stand for too."""

    def __init__(self, fullname: str) -> None:
        super().__init__()
        self.fullname = fullname
        self.seen: set[str] = set()

    def strategy(self, items: list[bool]) -> bool:
        return any(items)

    def visit_type_alias_type(self, t: TypeAliasType) -> bool:
        if t.alias is None:
            return False
        if t.alias.fullname == self.fullname or self.query_types(t.args):
            return True
        if t.alias.fullname in self.seen:
            return False
        self.seen.add(t.alias.fullname)
        return t.alias.target.accept(self)


def mentions(t: Type, fullname: str) -> bool:
    """Whether that carrier occurs in a type, or in an alias that the type mentions."""
    return t.accept(_Mentions(fullname))
