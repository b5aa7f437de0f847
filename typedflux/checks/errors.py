"""The errors of run-time checks: each is the library's own kind and the one of jaxtyping."""

from __future__ import annotations

import jaxtyping

from typedflux.shapes import errors


class TypeCheckError(jaxtyping.TypeCheckError):
    """A value is not of the kind that the annotation says; jaxtyping's `TypeCheckError`."""


class ShapeError(errors.ShapeError, TypeCheckError):
    """Sizes or ranks disagree: a `flux.ShapeError` (`ValueError`) and a `TypeCheckError`."""


class DTypeError(errors.DTypeError, TypeCheckError):
    """Element types disagree: a `flux.DTypeError` (`TypeError`) and a `TypeCheckError`."""


class AnnotationError(errors.AnnotationError, jaxtyping.AnnotationError):
    """An annotation has no meaning, as `"n+1"` where nothing has bound `n`: no value's fault."""


class ExpressionError(AnnotationError, TypeCheckError):
    """A symbolic axis cannot be computed, as `"n//0"` and `"n-"`: with jaxtyping, such an error of
    the annotation is reported as one of the value, so this is both."""
