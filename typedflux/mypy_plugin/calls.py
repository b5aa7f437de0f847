"""Calls of functions with shapes in their signatures: binding dims from the arguments.

Before mypy checks a call, the shapes in the signature are relaxed to unknown, so that it sees to
everything else; afterwards the dims are bound here, by `shapes.unify`, from the types of the
arguments, a mismatch is reported at the argument, and the result's dims are filled in.
"""

from __future__ import annotations

from mypy.expandtype import expand_type
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    TupleType,
    Type,
    TypeVarType,
    get_proper_type,
)

from typedflux.mypy_plugin.binding import dim_variables
from typedflux.mypy_plugin.encoding import (
    DIM_OF,
    TENSOR,
    Encoder,
    unknown,
)
from typedflux.mypy_plugin.traversal import Axes, speaks_of_shapes


def relax(signature: CallableType, encoder: Encoder) -> CallableType:
    """The signature with every shape unknown and without the variables for dims."""
    found = dim_variables(signature)
    dims = {v.id for v in found}
    # What is left of them afterwards: in classes of the user's that are no modules.
    anything = {v.id: unknown() for v in found if isinstance(v, TypeVarType)}
    relaxer = _Relaxer(encoder)
    return signature.copy_modified(
        arg_types=[expand_type(t.accept(relaxer), anything) for t in signature.arg_types],
        variables=[v for v in signature.variables if v.id not in dims],
    )


class _Relaxer(Axes):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__(lambda axis: [unknown()])
        self.encoder = encoder

    def visit_instance(self, t: Instance) -> Type:
        if t.type.fullname == TENSOR:
            return t.copy_modified(args=[unknown(), self.encoder.unknown_axes()])
        if t.type.fullname == DIM_OF:
            return self.encoder.instance("builtins.int")
        return super().visit_instance(t)

    def visit_callable_type(self, t: CallableType) -> Type:
        relaxed = super().visit_callable_type(t)
        assert isinstance(relaxed, CallableType)
        return relaxed.copy_modified(variables=()) if t.variables else relaxed

    def _one(self, a: Type) -> Type:
        # What a layer was built from is no part of what is wanted.
        return unknown() if isinstance(get_proper_type(a), TupleType) else super()._one(a)


def is_relevant(signature: FunctionLike) -> bool:
    """Whether a signature has shapes in it."""
    return isinstance(signature, CallableType) and any(
        speaks_of_shapes(t) for t in (*signature.arg_types, signature.ret_type)
    )
