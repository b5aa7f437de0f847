"""`Module`: the base of layers and models.

A module is an ordinary object. Its leaves are all attributes that hold tensors, modules or
containers of them; floating and complex tensors are parameters unless made by `buffer`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from typedflux.checks.classes import check_methods, verify_field
from typedflux.core.stateful import DIMS, Stateful, relied_on, seen_fields, was_copied
from typedflux.core.tree import children
from typedflux.tensor import Tensor

T = TypeVar("T")

TIES = "_ties"
"""The field through which a module reaches those that its tied parameters live in."""

_STATE = "_state_fields"
_MODE = "_mode"
_FROZEN = "_frozen"
RESERVED = frozenset({_STATE, TIES, DIMS, "_active", _MODE, _FROZEN})
"""The fields that a module keeps about itself: no parts of the tree."""


class Module(Stateful):
    """Base class of layers and models: fields, `__init__`, `__call__`, nothing else is needed.

    >>> from jaxtyping import Float
    >>> import typedflux as flux
    >>> from typedflux import Tensor, nn
    >>> class Scale(nn.Module):
    ...     factor: Float[Tensor, "n"]
    ...     def __init__(self, n: int) -> None:
    ...         self.factor = flux.ones(n)
    ...     def __call__(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    ...         return x * self.factor
    >>> Scale(3)(flux.ones((2, 3))).shape
    (2, 3)
    """

    __dims_in_subscript__: ClassVar[bool] = True
    """Run-time checks read `Dense["n", 10]` as sizes, not as types."""

    if TYPE_CHECKING:
        # A list of layers of several classes is a list of modules, and they are called all the
        # same. At run time a module is callable when its class says how.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_methods(cls)

    @classmethod
    def __class_getitem__(cls, dims: Any) -> Any:
        """`Dense[784, 128]`, `Tower["du", "2*d"]`: dims as ints, type variables or strings."""
        items = dims if isinstance(dims, tuple) else (dims,)
        if all(isinstance(d, (TypeVar, type)) for d in items):
            inherited = getattr(super(), "__class_getitem__", None)
            if inherited is not None:
                return inherited(dims)
        return types.GenericAlias(cls, items)

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if type(value) is Buffer:
            fields[_STATE] = fields.get(_STATE, frozenset()) | {name}
            value = value.content
        elif type(value) is Tied:
            fields[TIES] = {**fields.get(TIES, {}), name: value}
            fields.pop(name, None)
            return
        elif TIES in fields and name in fields[TIES]:
            raise AttributeError(
                f"{type(self).__name__}.{name} is tied to another parameter: assign to that one"
            )
        verify_field(self, name, value)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        ties = self.__dict__.get(TIES)
        if ties is not None and name in ties:
            return ties[name].value()
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # The tree protocol

    def tree_fields(self) -> dict[str, Any]:
        """The fields that may hold leaves or branches, by name."""
        fields = {k: v for k, v in self.__dict__.items() if k not in RESERVED}
        fields = seen_fields(self, fields)
        ties = self.__dict__.get(TIES)
        if ties:
            fields[TIES] = tuple((t.module,) for t in ties.values())
        return fields

    def tree_replace(self, fields: dict[str, Any]) -> Self:
        """A copy with `fields` in place of its own."""
        copy: Self = object.__new__(type(self))
        own = copy.__dict__
        own.update(self.__dict__)
        own.update(fields)
        own.pop("_active", None)
        if TIES in fields:
            own[TIES] = {
                name: Tied(module, tied.name, tied.transform)
                for (name, tied), (module,) in zip(
                    self.__dict__[TIES].items(), fields[TIES], strict=True
                )
            }
        was_copied(copy)
        return copy

    def tree_state(self) -> frozenset[str]:
        """The fields whose tensors are state rather than parameters: all while it is frozen."""
        held = buffers(self)
        if not is_frozen(self):
            return held
        return held | {k for k, v in self.__dict__.items() if k not in RESERVED and _freezes(v)}

    # Printing

    shown_inside: ClassVar[bool] = True
    """Whether printing goes into the modules that this one holds."""

    def shown_arguments(self) -> dict[str, Any]:
        """Arguments of `__init__`, by name, for printing where fields of the same names do not tell
        them: `{"kernel": self.weight.shape[2:]}`. None by default."""
        return {}

    def __repr__(self) -> str:
        """The tree of layers with their numbers of parameters; see `typedflux.nn.printing`."""
        from typedflux.nn.printing import show

        return show(self)

    def __format__(self, spec: str) -> str:
        """`f"{model:compact}"` is one line, as the model was constructed."""
        from typedflux.nn.printing import compact

        if spec in ("", "compact"):
            return compact(self) if spec else str(self)
        raise ValueError(f"a module is formatted plainly or as 'compact', not {spec!r}")

    def is_blank(self) -> bool:
        """Whether no field has been assigned yet."""
        return all(name in RESERVED for name in self.__dict__)

    # Training or testing

    @property
    def training(self) -> bool:
        """Whether layers such as Dropout are active: in a gradient with respect to a model that
        contains this one, unless it is frozen, or `trainmode` or `testmode` decided otherwise."""
        relied_on(self, _MODE)
        mode = self.__dict__.get(_MODE)
        if mode is not None:
            return bool(mode)
        return bool(self.__dict__.get("_active", False)) and not is_frozen(self)


def buffers(module: Module) -> frozenset[str]:
    """The fields of a module that were made by `buffer`."""
    return cast("frozenset[str]", module.__dict__.get(_STATE, frozenset()))


def mode_of(module: Module) -> bool | None:
    """What `trainmode` or `testmode` decided, `None` for nothing."""
    return cast("bool | None", module.__dict__.get(_MODE))


def set_mode(module: Module, mode: bool | None) -> None:
    """Decide whether the layer is in training; see `trainmode`."""
    setattr(module, _MODE, mode)


def is_frozen(module: Module) -> bool:
    """Whether the module's own tensors are kept as they are; see `freeze`."""
    return bool(module.__dict__.get(_FROZEN, False))


def set_frozen(module: Module, frozen: bool) -> None:
    """Freeze or thaw the module's own tensors, not those of modules that it holds."""
    setattr(module, _FROZEN, frozen)


def ties(module: Module) -> dict[str, Tied]:
    """The tied parameters of a module by field."""
    return cast("dict[str, Tied]", module.__dict__.get(TIES, {}))


def _freezes(value: Any) -> bool:
    """Whether a field of a frozen module is frozen with it. Modules in it have their own say, so a
    field that holds some is only where it holds tensors beside them and none was thawed."""
    modules: list[Module] = []
    tensors = False
    stack = [value]
    while stack:
        item = stack.pop()
        tensors = tensors or isinstance(item, Tensor)
        if isinstance(item, Module):
            modules.append(item)
        else:
            stack.extend([part for _, part in children(item) or ()])
    return not modules or (tensors and all(_is_frozen_whole(m) for m in modules))


def _is_frozen_whole(value: Any) -> bool:
    if isinstance(value, Module):
        fields = [v for k, v in value.__dict__.items() if k not in RESERVED]
        return is_frozen(value) and all(map(_is_frozen_whole, fields))
    return all(_is_frozen_whole(part) for _, part in children(value) or ())


class Buffer:
    """The mark that `buffer` puts on a value until it is assigned to a field."""

    __slots__ = ("content",)

    def __init__(self, content: Any) -> None:
        self.content = content


def buffer(value: T) -> T:
    """Mark the tensors in `value` as state when assigned to a module's field: saved and restored
    with the model, never trained. The field keeps the mark when it is assigned to again.

    >>> from typedflux import nn, ops
    >>> class Counter(nn.Module):
    ...     def __init__(self) -> None:
    ...         self.count = nn.buffer(ops.zeros(()))
    >>> sorted(Counter().tree_state())
    ['count']
    """
    return cast(T, Buffer(value))


class Tied:
    """A parameter that lives in another module; see `tied`."""

    __slots__ = ("module", "name", "transform")

    def __init__(
        self, module: Any, name: str, transform: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        self.module = module
        self.name = name
        self.transform = transform

    def value(self) -> Tensor:
        tensor: Tensor = getattr(self.module, self.name)
        return tensor if self.transform is None else self.transform(tensor)


def tied(module: Module, name: str, transform: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Share the parameter `module.name` as another module's field: one leaf, one gradient.

    `self.weight = nn.tied(embedding, "weight")` reads as that parameter, or as `transform` of it.
    """
    if not isinstance(getattr(module, name, None), Tensor):
        raise AttributeError(f"{type(module).__name__}.{name} is not a tensor that can be tied to")
    return cast(Tensor, Tied(module, name, transform))
