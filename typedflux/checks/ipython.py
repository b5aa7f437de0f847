"""`%load_ext typedflux`, then `%typedflux.checks all`: the cells of a notebook are checked."""

from __future__ import annotations

from typing import Any

MAGIC = "typedflux.checks"


def load_ipython_extension(ipython: Any) -> None:
    """Add the magic `%typedflux.checks [all | boundaries | off]` to an IPython shell."""

    def checks(line: str) -> None:
        """Check the functions, classes and annotated assignments of the cells that follow.

        `all`, the default, checks everything, `boundaries` what goes into and out of public
        functions, `off` nothing.
        """
        from typedflux.checks.hook import Instrumenter
        from typedflux.checks.settings import configure_checks

        mode: Any = line.strip() or "all"
        configure_checks(mode=mode)
        _remove(ipython)
        if mode != "off":
            ipython.ast_transformers.append(Instrumenter(assignments=mode == "all"))

    ipython.register_magic_function(checks, "line", MAGIC)


def unload_ipython_extension(ipython: Any) -> None:
    """Leave the cells that follow alone."""
    _remove(ipython)


def _remove(ipython: Any) -> None:
    from typedflux.checks.hook import Instrumenter

    ipython.ast_transformers[:] = [
        t for t in ipython.ast_transformers if not isinstance(t, Instrumenter)
    ]
