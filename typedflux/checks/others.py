"""What has no tensors in it: beartype verifies it.

As type checkers have it (PEP 484), an int is good where a float is wanted. Symbolic sizes, which
stand for ints while a function is traced, are good where ints are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from typedflux.shapes.dims import Dim, Unknown


def plain_classes(hint: Any) -> tuple[type, ...] | None:
    """The classes of which `isinstance` says all that `hint` asks for, `None` if it does not."""
    if hint is None:
        return (type(None),)
    if not isinstance(hint, type) or type(hint) is not type:
        return None
    if hint.__module__ in ("typing", "typing_extensions") or hasattr(hint, "__origin__"):
        return None
    if hint is float:
        return (float, int)
    return (complex, float, int) if hint is complex else (hint,)


@functools.lru_cache(maxsize=4096)
def _probe(hint: Any, module: str) -> Callable[[Any], None] | None:
    from beartype import BeartypeConf, beartype

    def probe(value: Any) -> None: ...

    probe.__annotations__ = {"value": hint}
    probe.__module__ = module  # where names in quotes are looked up
    try:
        return beartype(conf=BeartypeConf(is_pep484_tower=True))(probe)
    except Exception:
        return None  # a form that beartype does not know


def probe(hint: Any, module: str = __name__) -> Callable[[Any], None] | None:
    """A function that raises unless its argument is a `hint`; `None` where nobody can tell."""
    try:
        return _probe(hint, module)
    except TypeError:  # cannot be hashed, as Literal of a list
        return _probe.__wrapped__(hint, module)


def is_other(value: Any, hint: Any, module: str = __name__) -> bool:
    """Whether beartype accepts `value` as a `hint`."""
    classes = plain_classes(hint)
    if classes is not None:
        return isinstance(value, classes) or (isinstance(value, (Dim, Unknown)) and int in classes)
    check = probe(hint, module)
    if check is None:
        return True
    from beartype.roar import BeartypeCallHintForwardRefException, BeartypeCallHintViolation

    try:
        check(value)
    except BeartypeCallHintForwardRefException:
        return True  # a name that exists for type checkers only
    except BeartypeCallHintViolation:
        plain = _with_numbers(value)
        if plain is value:
            return False
        try:
            check(plain)
        except BeartypeCallHintViolation:
            return False
    return True


def _with_numbers(value: Any) -> Any:
    """`value` with numbers in place of symbolic sizes; itself where there are none."""
    if isinstance(value, (Dim, Unknown)):
        return 1
    if type(value) in (tuple, list):
        items = [_with_numbers(item) for item in value]
        if any(a is not b for a, b in zip(items, value, strict=True)):
            return type(value)(items)
    return value
