"""What all hooks need of their contexts."""

from __future__ import annotations

from typing import TypeAlias

from mypy.checker import TypeChecker
from mypy.plugin import (
    AttributeContext,
    FunctionContext,
    FunctionSigContext,
    MethodContext,
    MethodSigContext,
)

CallContext: TypeAlias = FunctionContext | MethodContext
SignatureContext: TypeAlias = FunctionSigContext | MethodSigContext


def checker_of(ctx: SignatureContext | CallContext | AttributeContext) -> TypeChecker:
    """The checker of the module that the hook was called for."""
    checker = ctx.api
    assert isinstance(checker, TypeChecker)
    return checker
