"""`ensure`: a value verified against an annotation, in the middle of a function."""

from __future__ import annotations

from typing import Any

from typedflux.checks.annotations import read
from typedflux.checks.scopes import Scope, scope_of, stack
from typedflux.checks.verify import verify


def ensure(value: Any, annotation: Any) -> Any:
    """`value` itself, once it is verified to be what `annotation` says.

    From there on the static checker takes the result to be that, which is how a value that it knows
    nothing of, as one that was read from a file, comes to have a type. In a function that
    `flux.typed` checks, names mean what they mean in its annotations, and a name that is new is
    bound for the rest of the call; elsewhere names hold for this one value.

    Args:
        value: anything: a tensor, an array of another library, a list or a tuple of them.
        annotation: `Float32[Tensor, "n d"]`, or any other type.

    Raises:
        ShapeError: for a shape that does not fit.
        DTypeError: for elements of another type.
        TypeCheckError: for a value of another class; all three are `jaxtyping.TypeCheckError`.
        AnnotationError: for an annotation that has no meaning.

    >>> import typedflux as flux
    >>> from jaxtyping import Float32
    >>> x = flux.ensure(flux.zeros((2, 3)), Float32[flux.Tensor, "n 3"])
    >>> flux.ensure(x, Float32[flux.Tensor, "n n"])
    Traceback (most recent call last):
        ...
    typedflux.checks.errors.ShapeError: ensure: the value has shape "2 3", expected \
Float32[Tensor, "n n"]: dimension 'n' is 2 but here it is 3 (axis 1)
    """
    expectation = read(annotation)
    if expectation is None:
        return value
    memos = stack()
    scope = scope_of(memos[-1]) if memos else Scope()
    problem = verify(expectation, value, scope)
    if problem is not None:
        text = problem.text.replace("{of_class}", "")
        remedy = f": {problem.remedy}" if problem.remedy else ""
        raise problem.error(f"ensure: the value{problem.path}{text}{remedy}")
    if memos:
        single, variadic, *_ = scope.memo()
        memos[-1][0].update(single)
        memos[-1][1].update(variadic)
    return value
