"""The mypy plugin: shapes and dtypes proved before the program runs.

Put `plugins = typedflux.mypy_plugin` into mypy's configuration. Annotations become types
(`annotations`), calls of annotated functions bind dims (`calls`), and the package's own operations
are executed on abstract tensors (`evaluation`), so no operation and no layer is named here.
Functions of other modules are executed only where a `[typedflux]` section of the configuration
lists them: `execute = my_ops, my_layers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mypy.errors import CompileError

from typedflux.mypy_plugin.versions import complaint

if TYPE_CHECKING:
    from mypy.plugin import Plugin


def plugin(version: str) -> type[Plugin]:
    """mypy's entry point.

    Raises:
        CompileError: for a version of mypy that the plugin does not work with.
    """
    problem = complaint(version)
    if problem is not None:
        raise CompileError([f"error: {problem}"])
    # Only now: another version's modules might not even import.
    from typedflux.mypy_plugin.hooks import TypedfluxPlugin

    return TypedfluxPlugin


def __getattr__(name: str) -> Any:
    # mypy's daemon compares this with what it was when it started, and starts anew.
    if name == "__version__":
        from typedflux.mypy_plugin.configuration import outdated

        return "outdated" if outdated() else "current"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["plugin"]
