"""`pytest --typedflux-packages=mine,other.part`: run tests with these packages checked."""

from __future__ import annotations

import sys
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    parser.getgroup("typedflux").addoption(
        "--typedflux-packages",
        action="store",
        default="",
        metavar="NAMES",
        help="packages and modules, separated by commas, whose functions, classes and annotated "
        "assignments are checked at run time",
    )


def pytest_load_initial_conftests(early_config: Any, parser: Any, args: list[str]) -> None:
    """Install the hook before anything is imported by a conftest file.

    Raises:
        pytest.UsageError: for a package that is imported already.
    """
    import pytest

    from typedflux.checks.hook import Hook

    options = parser.parse_known_args(args)
    names = [name.strip() for name in options.typedflux_packages.split(",") if name.strip()]
    if not names:
        return
    hook = Hook(names)
    late = sorted(name for name in sys.modules if hook.covers(name))
    if late:
        raise pytest.UsageError(
            f"--typedflux-packages: imported already, so they cannot be checked: {', '.join(late)}"
        )
    hook.install()
