"""The codes of what is said of shapes and dtypes."""

from __future__ import annotations

from mypy.errorcodes import ErrorCode

SHAPE = ErrorCode("tensor-shape", "Shapes of tensors disagree", "typedflux")
DTYPE = ErrorCode("tensor-dtype", "Dtypes of tensors disagree", "typedflux")
