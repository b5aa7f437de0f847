"""Bodies that pause: their scope is on the stack only while they run.

Between two steps of a generator, and while a coroutine waits, other code runs in the same thread,
whose names are its own. So the scope is taken off at each pause and put back when the body goes on.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

from typedflux.checks.scopes import Memo, stack

Step = Callable[[Any, Memo], Memo]


def steps(
    body: Generator[Any, Any, Any],
    memo: Memo,
    yielded: Step,
    sent: Step,
    outcome: Callable[[Any, Memo], Any] | None,
) -> Generator[Any, Any, Any]:
    """Run a generator step by step, verifying what goes out, what comes in and what it returns."""
    __tracebackhide__ = True
    resume: Callable[[], Any] = functools.partial(next, body)
    while True:
        scopes = stack()
        scopes.append(memo)
        try:
            item = resume()
        except StopIteration as stop:
            out = stop.value
            break
        finally:
            memo = scopes.pop()
        try:
            memo = yielded(item, memo)
        except BaseException:
            body.close()
            raise
        try:
            value = yield item
        except GeneratorExit:
            scopes = stack()
            scopes.append(memo)
            try:
                body.close()
            finally:
                scopes.pop()
            raise
        except BaseException as error:
            resume = functools.partial(body.throw, error)
        else:
            try:
                memo = sent(value, memo)
            except BaseException:
                body.close()
                raise
            resume = functools.partial(body.send, value)
    return out if outcome is None else outcome(out, memo)


class Awaited:
    """A coroutine, or another awaitable, run with its scope. `memo` has the bindings afterwards."""

    __slots__ = ("body", "memo")

    def __init__(self, body: Any, memo: Memo) -> None:
        self.body = body
        self.memo = memo

    def __await__(self) -> Generator[Any, Any, Any]:
        body = self.body
        steps: Any = body if isinstance(body, Coroutine) else body.__await__()
        resume: Callable[[], Any] = functools.partial(steps.send, None)
        while True:
            scopes = stack()
            scopes.append(self.memo)
            try:
                item = resume()
            except StopIteration as stop:
                return stop.value
            finally:
                self.memo = scopes.pop()
            try:
                value = yield item
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:
                resume = functools.partial(steps.throw, error)
            else:
                resume = functools.partial(steps.send, value)


class _Ended(Exception):
    """Raised when an asynchronous generator has no more items."""


class AsyncSteps:
    """An asynchronous generator run with its scope; each item is verified."""

    Ended = _Ended

    def __init__(
        self, body: AsyncGenerator[Any, Any], memo: Memo, yielded: Step, sent: Step
    ) -> None:
        self.body = body
        self.memo = memo
        self.yielded = yielded
        self.sent = sent

    async def _next(self, step: Any) -> Any:
        run = Awaited(step, self.memo)
        try:
            item = await run
        except StopAsyncIteration:
            raise _Ended from None
        finally:
            self.memo = run.memo
        try:
            self.memo = self.yielded(item, self.memo)
        except BaseException:
            await self.body.aclose()
            raise
        return item

    async def start(self) -> Any:
        """The first item."""
        return await self._next(self.body.__anext__())

    async def send(self, value: Any) -> Any:
        """The item after `value` was sent."""
        try:
            self.memo = self.sent(value, self.memo)
        except BaseException:
            await self.body.aclose()
            raise
        return await self._next(self.body.asend(value))

    async def throw(self, error: BaseException) -> Any:
        """The item after `error` was raised inside."""
        return await self._next(self.body.athrow(error))

    async def close(self) -> None:
        """End it."""
        await Awaited(self.body.aclose(), self.memo)


class Plain:
    """An asynchronous generator handed through, as before its first step nothing is known of it."""

    Ended = _Ended

    def __init__(self, body: AsyncGenerator[Any, Any]) -> None:
        self.body = body

    async def start(self) -> Any:
        """The first item."""
        return await self._next(self.body.__anext__())

    async def send(self, value: Any) -> Any:
        """The item after `value` was sent."""
        return await self._next(self.body.asend(value))

    async def throw(self, error: BaseException) -> Any:
        """The item after `error` was raised inside."""
        return await self._next(self.body.athrow(error))

    async def close(self) -> None:
        """End it."""
        await self.body.aclose()

    async def _next(self, step: Any) -> Any:
        try:
            return await step
        except StopAsyncIteration:
            raise _Ended from None
