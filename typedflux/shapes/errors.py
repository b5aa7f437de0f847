"""The exceptions of the library's ground floor: each is also the builtin a caller would expect."""


class ShapeError(ValueError):
    """Sizes or ranks disagree; the text names the axis, what was wanted and what was given."""


class AxisError(ShapeError, IndexError):
    """An axis or index lies outside the valid range, which the text states."""


class DTypeError(TypeError):
    """Element types disagree; the text names what was wanted and what was given."""


class AnnotationError(ValueError):
    """A shape annotation is malformed; the text quotes the offending token."""


class UndecidedError(Exception):
    """A symbolic size was needed as a plain value; the text says which one and what to do."""
