"""The frames that checks stand in: one for functions, coroutines and either kind of generator.

`inspect` and event loops ask a function's code what it is, so a checked coroutine function is one,
and a checked generator is one: as with any generator, nothing runs before its first step, the
checks of its arguments neither.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any, Final

from typedflux.checks.driving import AsyncSteps, Awaited, steps
from typedflux.checks.plan import (
    ASYNC_GENERATOR,
    COROUTINE,
    FUNCTION,
    GENERATOR,
    MISSING,
    Plan,
)

HELPERS: Final[dict[str, Any]] = {
    "_tf_Awaited": Awaited,
    "_tf_steps": steps,
    "_tf_AsyncSteps": AsyncSteps,
    # Under names of our own, as a parameter may be called `id`.
    **{
        f"_tf_{b.__name__}": b
        for b in (
            isinstance, id, len, min, max, Exception, BaseException, AttributeError, GeneratorExit,
        )
    },
}  # fmt: skip

_DELEGATE: Final = """\
    try:
        _tf_item = await _tf_run.start()
        while True:
            try:
                _tf_value = yield _tf_item
            except _tf_GeneratorExit:
                await _tf_run.close()
                raise
            except _tf_BaseException as _tf_error:
                _tf_item = await _tf_run.throw(_tf_error)
            else:
                _tf_item = await _tf_run.send(_tf_value)
    except _tf_run.Ended:
        return
"""

_SOURCES: Final = {
    FUNCTION: "def _tf(*args, **kwargs):\n"
    "    __tracebackhide__ = True\n"
    "    return _tf_start(args, kwargs)\n",
    COROUTINE: "async def _tf(*args, **kwargs):\n"
    "    __tracebackhide__ = True\n"
    "    return await _tf_start(args, kwargs)\n",
    GENERATOR: "def _tf(*args, **kwargs):\n"
    "    __tracebackhide__ = True\n"
    "    return (yield from _tf_start(args, kwargs))\n",
    ASYNC_GENERATOR: "async def _tf(*args, **kwargs):\n"
    "    __tracebackhide__ = True\n"
    "    _tf_run = _tf_start(args, kwargs)\n"
    "    _tf_run = __import__('typedflux.checks.driving', fromlist=['Plain']).Plain(_tf_run)\n"
    + _DELEGATE.replace("_tf_GeneratorExit", "GeneratorExit").replace(
        "_tf_BaseException", "BaseException"
    ),
}


def _code(source: str) -> types.CodeType:
    program = compile(source, "<checks>", "exec", dont_inherit=True)
    return next(c for c in program.co_consts if isinstance(c, types.CodeType))


CODE: Final[dict[str, types.CodeType]] = {k: _code(s) for k, s in _SOURCES.items()}
"""What a wrapper is until its first call."""


def function(
    name: str,
    plan: Plan,
    parameters: list[str] | None,
    early: list[str],
    result: list[str] | None,
    light: bool = False,
) -> Iterator[str]:
    """The lines of a checked function.

    Args:
        name: its name in tracebacks.
        plan: what it takes.
        parameters: the quick check of the arguments, which ends by setting `_tf_memo`; `None` where
            there is none.
        early: local variables that start as `None`.
        result: the quick check of what it returns, as `parameters`.
        light: whether no scope is opened for the body.
    """
    arguments = "{" + ", ".join(f"{e.name!r}: {e.name}" for e in plan.entries) + "}"
    call = f"_tf_fn({_passed(plan)})"
    start = "async def" if plan.flavour in (COROUTINE, ASYNC_GENERATOR) else "def"
    yield f"{start} {name}({_declared(plan)}):"
    yield "    __tracebackhide__ = True"
    for variable in (*early, "_tf_memo"):
        yield f"    {variable} = None"
    if parameters is not None:
        yield "    try:"
        yield "        while True:"
        yield from parameters
        yield "            break"
        yield "    except _tf_Exception:"
        yield "        pass"
        yield "    if _tf_memo is None:"
        yield f"        _tf_memo = _tf_check({arguments})"
    else:
        yield f"    _tf_memo = _tf_check({arguments})"
    if plan.flavour == GENERATOR:
        outcome = "_tf_result" if plan.result is not None else "None"
        yield (
            f"    return (yield from _tf_steps({call}, _tf_memo, _tf_yielded, _tf_sent, {outcome}))"
        )
        return
    if plan.flavour == ASYNC_GENERATOR:
        yield f"    _tf_run = _tf_AsyncSteps({call}, _tf_memo, _tf_yielded, _tf_sent)"
        yield _DELEGATE.rstrip("\n")
        return
    if plan.flavour == COROUTINE:
        yield f"    _tf_run = _tf_Awaited({call}, _tf_memo)"
        yield "    _tf_out = await _tf_run"
        yield "    _tf_memo = _tf_run.memo"
    elif light:
        yield f"    {'return' if plan.result is None else '_tf_out ='} {call}"
    else:
        yield "    try:"
        yield "        _tf_scopes = _tf_storage._shape_storage.memo_stack"
        yield "    except _tf_AttributeError:"
        yield "        _tf_scopes = _tf_stack()"
        yield "    _tf_scopes.append(_tf_memo)"
        yield "    try:"
        yield f"        _tf_out = {call}"
        yield "    finally:"
        yield "        _tf_memo = _tf_scopes.pop()"
    if plan.result is None:
        if not light:
            yield "    return _tf_out"
        return
    if result is not None:
        yield "    try:"
        yield "        while True:"
        yield from result
        yield "            return _tf_out"
        yield "    except _tf_Exception:"
        yield "        pass"
    if light:
        yield f"    _tf_memo = _tf_check({arguments})"
    yield "    return _tf_result(_tf_out, _tf_memo)"


def _declared(plan: Plan) -> str:
    """The parameters as they are declared; their defaults are set on the function."""
    pieces: list[str] = []
    marked = False
    for place, entry in enumerate(plan.entries):
        name = entry.name
        if entry.kind is inspect.Parameter.VAR_POSITIONAL:
            name, marked = f"*{name}", True
        elif entry.kind is inspect.Parameter.VAR_KEYWORD:
            name = f"**{name}"
        elif entry.kind is inspect.Parameter.KEYWORD_ONLY and not marked:
            pieces.append("*")
            marked = True
        pieces.append(f"{name}=None" if entry.default is not MISSING else name)
        after = plan.entries[place + 1 : place + 2]
        if entry.kind is inspect.Parameter.POSITIONAL_ONLY and not (
            after and after[0].kind is inspect.Parameter.POSITIONAL_ONLY
        ):
            pieces.append("/")
    return ", ".join(pieces)


def _passed(plan: Plan) -> str:
    """The arguments as they are handed on."""
    pieces = []
    for entry in plan.entries:
        if entry.kind is inspect.Parameter.VAR_POSITIONAL:
            pieces.append(f"*{entry.name}")
        elif entry.kind is inspect.Parameter.VAR_KEYWORD:
            pieces.append(f"**{entry.name}")
        elif entry.kind is inspect.Parameter.KEYWORD_ONLY:
            pieces.append(f"{entry.name}={entry.name}")
        else:
            pieces.append(entry.name)
    return ", ".join(pieces)
