"""Whatever goes wrong inside the plugin, mypy goes on: the type stays what it would be without it.

`debug = true` in the `[typedflux]` section of the configuration makes a failure an error with its
traceback.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from mypy.errorcodes import ErrorCode
from mypy.errors import CompileError
from typing_extensions import ParamSpec

INTERNAL = ErrorCode("tensor-internal", "The plugin itself failed", "typedflux")

_debug = False


def set_debug(debug: bool) -> None:
    """Whether failures are reported; set anew by each run of mypy."""
    global _debug
    _debug = debug


class Context(Protocol):
    """What the contexts of all hooks have."""

    @property
    def context(self) -> Any:
        """The node that a message points to."""
        ...

    @property
    def api(self) -> Any:
        """What reports messages."""
        ...


C = TypeVar("C", bound=Context)
T = TypeVar("T")
P = ParamSpec("P")


def guarded(hook: Callable[[C], T], default: Callable[[C], T]) -> Callable[[C], T]:
    """The hook, which gives the default for its context where it fails."""

    def call(ctx: C) -> T:
        try:
            return hook(ctx)
        except CompileError:  # mypy's own: a message that ends the run
            raise
        except Exception as error:
            if _debug:
                _report(error, ctx)
            return default(ctx)

    return call


def harmless(otherwise: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator for what mypy calls without a context: it gives `otherwise` where it fails."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except CompileError:
                raise
            except Exception:
                if _debug:
                    traceback.print_exc(file=sys.stderr)
                fallback: T = otherwise
                return fallback

        return call

    return decorate


def _report(error: Exception, ctx: Context) -> None:
    # Of a recursion the innermost calls say as much as all of them.
    lines = traceback.format_exception(error, limit=-20)
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    try:
        ctx.api.fail(
            f"The typedflux plugin failed here: {what}\n{''.join(lines).rstrip()}",
            ctx.context,
            code=INTERNAL,
        )
    except RecursionError:
        print(f"typedflux: {what}", file=sys.stderr)
