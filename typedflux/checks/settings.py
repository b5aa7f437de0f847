"""How much is checked: `TYPEDFLUX_CHECKS=off|boundaries|all`, or `configure_checks`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

Mode = Literal["off", "boundaries", "all"]

VARIABLE: Final = "TYPEDFLUX_CHECKS"
LIMIT: Final = "TYPEDFLUX_CHECKS_ELEMENTS"


@dataclass(slots=True)
class Settings:
    """What holds for functions that are decorated, and classes that are made, from now on."""

    mode: Mode
    elements: int | None


def _mode(text: str, where: str) -> Mode:
    if text not in get_args(Mode):
        raise ValueError(f"{where} is one of off, boundaries and all, not {text!r}")
    return cast(Mode, text)


def _elements(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"{LIMIT} is a number of elements, not {text!r}")
    return int(text)


settings: Final = Settings(
    _mode(os.environ.get(VARIABLE, "") or "all", VARIABLE), _elements(os.environ.get(LIMIT, ""))
)


def configure_checks(
    *, mode: Mode | None = None, elements: int | Literal["all"] | None = None
) -> Settings:
    """Choose what is checked of functions that are decorated, and classes that are made, from now
    on; what exists already stays as it is. `None` leaves a setting alone.

    Args:
        mode: `"off"` checks nothing and costs nothing; `"boundaries"` checks what goes into and out
            of public functions and methods; `"all"`, the default, also checks private ones, fields
            that are assigned to and, in modules that an import hook sees, annotated assignments.
        elements: how many elements of each container of tensors are looked at; `"all"` is the
            default.

    Raises:
        ValueError: for another mode, or a number below 0.

    >>> configure_checks(mode="all").mode
    'all'
    """
    if mode is not None:
        settings.mode = _mode(mode, "the mode of run-time checks")
    if elements is not None:
        if elements != "all" and elements < 0:
            raise ValueError(f"elements must be 0 or more, got {elements}")
        settings.elements = None if elements == "all" else elements
    return settings


def wants(name: str) -> bool:
    """Whether the present mode checks a function of this name."""
    if settings.mode == "off":
        return False
    private = name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
    return settings.mode == "all" or not private
