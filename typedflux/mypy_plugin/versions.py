"""Which versions of mypy the plugin works with: those that its tests pass on."""

from __future__ import annotations

import re

SUPPORTED = ((2, 2), (2, 3), (2, 4))
"""Plugins follow mypy's internals, so these are named one by one; as in `pyproject.toml`."""


def complaint(version: str) -> str | None:
    """What is wrong with this version of mypy, `None` when the plugin works with it.

    >>> complaint("2.4.1")
    >>> print(complaint("1.19.0"))
    the typedflux plugin works with mypy 2.2, 2.3 and 2.4, and this is mypy 1.19.0: \
install one that it works with: pip install "typedflux[mypy]"
    """
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) in SUPPORTED:
        return None
    *others, last = [f"{major}.{minor}" for major, minor in SUPPORTED]
    return (
        f"the typedflux plugin works with mypy {', '.join(others)} and {last}, and this is mypy "
        f'{version}: install one that it works with: pip install "typedflux[mypy]"'
    )
