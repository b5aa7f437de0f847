"""The full check of one value against what is expected, which has the words for what is wrong.

Compiled checks settle the common cases; everything that they are not sure of comes here, so this
is where the meaning is written down. A check that fails leaves the bindings as they were.
"""

from __future__ import annotations

import collections.abc
import itertools
import reprlib
from dataclasses import dataclass
from typing import Any, Final

import jaxtyping

from typedflux.checks import errors
from typedflux.checks.annotations import (
    ContainerExpectation,
    DTypeNames,
    Expectation,
    ModuleExpectation,
    OtherExpectation,
    SizeExpectation,
    TensorExpectation,
    UnionExpectation,
)
from typedflux.checks.class_dims import dims_of
from typedflux.checks.kinds import fits, name_of
from typedflux.checks.others import is_other
from typedflux.checks.scopes import Scope, scope_of, stack
from typedflux.dtypes import BY_NAME, DTypeSet
from typedflux.shapes.dims import Dim, Unknown, format_shape
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.unify import bind
from typedflux.tensor import Tensor

# Values may be large, and an element whose repr fails is no reason to hide the error.
_brief: Final = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value: the kind of error, the words that follow "argument 'x'", and the
    path within the value, as `[2]`."""

    error: type[Exception]
    text: str
    path: str = ""
    remedy: str = ""

    def inside(self, step: str) -> Problem:
        """The same problem, seen from the container around."""
        return Problem(self.error, self.text, step + self.path, self.remedy)


def verify(
    expectation: Expectation, value: Any, scope: Scope, module: str = __name__
) -> Problem | None:
    """What is wrong with `value`, `None` if it fits. Binds names in `scope`.

    Raises:
        AnnotationError: where the annotation itself has no meaning.
    """
    match expectation:
        case TensorExpectation():
            return _tensor(expectation, value, scope)
        case SizeExpectation():
            return _size(expectation, value, scope)
        case UnionExpectation():
            return _union(expectation, value, scope, module)
        case ContainerExpectation():
            return _container(expectation, value, scope, module)
        case ModuleExpectation():
            return _module(expectation, value, scope)
        case OtherExpectation():
            return _other(expectation, value, scope, module)


def shape_of(value: Any) -> tuple[Any, ...]:
    """The sizes of any library's array."""
    return tuple(
        s if isinstance(s, (int, Dim, Unknown)) or not hasattr(s, "__index__") else s.__index__()
        for s in value.shape
    )


def _tensor(expectation: TensorExpectation, value: Any, scope: Scope) -> Problem | None:
    kind = expectation.array_type
    if kind is Any:
        if not (hasattr(value, "shape") and hasattr(value, "dtype")):
            return _must_be(expectation, value)
    elif not isinstance(value, kind):
        array_like = hasattr(value, "__array__") or isinstance(value, (list, tuple, float, int))
        remedy = "convert it with flux.asarray(...)" if kind is Tensor and array_like else ""
        return _must_be(expectation, value, remedy)
    names = expectation.dtypes
    dtype = value.dtype
    if names is not None and not fits(dtype, names):
        name = repr(dtype) if isinstance(dtype, DTypeSet) else name_of(dtype)
        text = f" must be {expectation.text}, got dtype {name}"
        return Problem(errors.DTypeError, text, remedy=_conversion(value, names))
    shape = shape_of(value)
    reason = _bound(expectation.spec, shape, scope)
    if reason is None:
        return None
    return Problem(
        errors.ShapeError,
        f' has shape "{format_shape(shape)}", expected {expectation.text}{{of_class}}: {reason}',
    )


def _bound(spec: Any, shape: tuple[Any, ...], scope: Scope) -> str | None:
    try:
        return bind(spec, shape, scope.bindings, scope.arguments)
    except AnnotationError as error:
        unbound = "needs '" in str(error) or "has a meaning only" in str(error)
        kind = errors.AnnotationError if unbound else errors.ExpressionError
        raise kind(str(error)) from error


def _conversion(value: Any, names: DTypeNames) -> str:
    """How to make the data type one of `names`, in the words of the array's library."""
    plain = sorted(n for n in names if isinstance(n, str) and n in BY_NAME)
    target = next(
        (n for n in ("float32", "int64", "bool", "complex64") if n in plain),
        plain[0] if plain else None,
    )
    if target is None:
        return ""
    if isinstance(value, Tensor):
        return f"convert it with .astype(flux.{target})"
    if type(value).__module__.startswith("torch"):
        return f"convert it with .to(torch.{target})"
    return f'convert it with .astype("{target}")' if hasattr(value, "astype") else ""


def _must_be(expectation: Expectation, value: Any, remedy: str = "") -> Problem:
    got = type(value).__name__ if isinstance(expectation, TensorExpectation) else _named(value)
    got = "None" if value is None else got
    return Problem(errors.TypeCheckError, f" must be {expectation.text}, got {got}", remedy=remedy)


def _named(value: Any) -> str:
    """A value's class, and the value where it is short and plain."""
    name = type(value).__name__
    if value is None:
        return "None"
    plain = isinstance(value, (bool, int, float, complex, str, bytes, list, tuple, dict, set))
    if not plain:
        return name
    text = _brief.repr(value)
    return f"{name}: {text if len(text) <= 80 else f'{text[:77]}...'}"


def _size(expectation: SizeExpectation, value: Any, scope: Scope) -> Problem | None:
    if isinstance(value, (Dim, Unknown)) or (value is None and expectation.optional):
        return None
    error: type[Exception] = errors.TypeCheckError
    if not isinstance(value, bool) and hasattr(value, "__index__"):
        try:
            size = value.__index__()
        except TypeError:  # an array that is no number
            size = None
        if size is not None and size >= 0:
            reason = _bound(expectation.spec, (size,), scope)
            if reason is None:
                return None
            reason = reason.replace(" (axis 0)", "").replace("axis 0 is", "it is")
            return Problem(errors.ShapeError, f" must be {expectation.text}: {reason}")
        error = errors.TypeCheckError if size is None else errors.ShapeError
    return Problem(error, f" is a size, an int of 0 or more; got {value!r:.80}")


def _union(expectation: UnionExpectation, value: Any, scope: Scope, module: str) -> Problem | None:
    problems = []
    before = scope.copy()
    for alternative in expectation.alternatives:
        problem = verify(alternative, value, scope, module)
        if problem is None:
            return None
        scope.restore(before.copy())
        problems.append(problem)
    # The most that can be said: the alternative that came closest.
    for closest in (errors.ShapeError, errors.DTypeError):
        for problem in problems:
            if issubclass(problem.error, closest):
                return problem
    for problem in problems:
        if problem.path or problem.text.endswith(" elements"):
            return problem
    remedy = next((p.remedy for p in problems if p.remedy), "")
    return _must_be(expectation, value, remedy)


def _container(
    expectation: ContainerExpectation, value: Any, scope: Scope, module: str
) -> Problem | None:
    origin: Any = expectation.origin
    if not isinstance(value, origin):
        return _must_be(expectation, value)
    if expectation.fixed is not None:
        if len(value) != len(expectation.fixed):
            text = f" must be {expectation.text}, got {len(value)} elements"
            return Problem(errors.TypeCheckError, text)
        steps = [
            (f"[{i}]", item, inner)
            for i, (item, inner) in enumerate(zip(value, expectation.fixed, strict=True))
        ]
    elif isinstance(value, collections.abc.Mapping):
        pairs = itertools.islice(value.items(), scope.elements)
        steps = []
        for key, item in pairs:
            name = repr(key).replace("'", '"')
            steps.append((f" (key {name:.40})", key, expectation.keys))
            steps.append((f"[{name:.40}]", item, expectation.items))
    elif not isinstance(value, collections.abc.Collection):
        return None  # looking at an iterator's elements would use them up
    else:
        ordered = isinstance(value, collections.abc.Sequence)
        steps = [
            (f"[{i}]" if ordered else " (an element)", item, expectation.items)
            for i, item in enumerate(itertools.islice(value, scope.elements))
        ]
    for step, item, inner in steps:
        problem = None if inner is None else verify(inner, item, scope, module)
        if problem is not None:
            return problem.inside(step)
    return None


def _module(expectation: ModuleExpectation, value: Any, scope: Scope) -> Problem | None:
    if not isinstance(value, expectation.origin):
        return _must_be(expectation, value)
    dims = dims_of(value, expectation.origin)
    before = scope.copy()
    for name, spec in expectation.dims:
        if name not in dims:
            continue
        reason = _bound(spec, (dims[name],), scope)
        if reason is not None:
            scope.restore(before)
            reason = reason.replace(" (axis 0)", "").replace("axis 0", name)
            have = ", ".join(f"{k}={v}" for k, v in dims.items())
            text = f" is a {type(value).__name__} with {have}, expected {expectation.text}"
            return Problem(errors.ShapeError, f"{text}: {reason}")
    return None


def _other(expectation: OtherExpectation, value: Any, scope: Scope, module: str) -> Problem | None:
    if not expectation.foreign:
        return None if is_other(value, expectation.hint, module) else _must_be(expectation, value)
    scopes = stack()
    scopes.append(scope.memo())
    try:
        good = is_other(value, expectation.hint, module)
    except jaxtyping.AnnotationError as error:
        raise errors.AnnotationError(str(error)) from error
    finally:
        after = scopes.pop()
    if not good:
        return _must_be(expectation, value)
    scope.restore(scope_of(after))
    return None


def describe_value(value: Any) -> str:
    """A value in a few words, for the list of all arguments."""
    if isinstance(value, Tensor) or (hasattr(value, "shape") and hasattr(value, "dtype")):
        try:
            dtype = value.dtype
            name = repr(dtype) if isinstance(dtype, DTypeSet) else name_of(dtype)
            library = type(value).__module__.partition(".")[0]
            where = "" if isinstance(value, Tensor) else f" ({library})"
            return f'{name} "{format_shape(shape_of(value))}"{where}'
        except Exception:  # a strange array is still an argument
            return type(value).__name__
    if isinstance(value, (list, tuple, dict, set)) and value:
        items = list(itertools.islice(value.values() if isinstance(value, dict) else value, 3))
        inner = ", ".join(map(describe_value, items))
        more = ", ..." if len(value) > len(items) else ""
        return f"{type(value).__name__} of {len(value)}: {inner}{more}"
    text = _named(value).partition(": ")[2] or type(value).__name__
    return "None" if value is None else text if len(text) <= 40 else f"{text[:37]}..."
