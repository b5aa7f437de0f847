"""The mypy plugin: shapes and dtypes proved before the program runs.

Put `plugins = typedflux.mypy_plugin` into mypy's configuration. Annotations become types
(`annotations`), calls of annotated functions bind dims (`calls`), and the package's own operations
are executed on abstract tensors (`evaluation`), so no operation and no layer is named here.
Functions of other modules are executed only where a `[typedflux]` section of the configuration
lists them: `execute = my_ops, my_layers`.
"""

from __future__ import annotations

from mypy.plugin import Plugin

from typedflux.mypy_plugin.hooks import TypedfluxPlugin


def plugin(version: str) -> type[Plugin]:
    """mypy's entry point."""
    return TypedfluxPlugin


__all__ = ["TypedfluxPlugin", "plugin"]
