"""`Module`: the base of layers and models.

A module is an ordinary object. Its leaves are all attributes that hold tensors, modules or
containers of them; floating and complex tensors are parameters unless made by `buffer`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar, cast

from typedflux.checks.boundary import DIMS, check_methods
from typedflux.tensor import Tensor

T = TypeVar("T")


class Observer(Protocol):
    """Who watches the trees of modules while a function is traced."""

    def fields(self, module: Any, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields as the traced function sees them."""
        ...

    def copied(self, copy: Any) -> None:
        """A copy was made inside the traced function."""
        ...


observer: Observer | None = None

_STATE = "_state_fields"
_TIES = "_ties"
_RESERVED = frozenset({_STATE, _TIES, "_dims", "_active", "_mode", "_frozen"})


class Module:
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
            fields[_TIES] = {**fields.get(_TIES, {}), name: value}
            fields.pop(name, None)
            return
        elif _TIES in fields and name in fields[_TIES]:
            raise AttributeError(
                f"{type(self).__name__}.{name} is tied to another parameter: assign to that one"
            )
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        ties = self.__dict__.get(_TIES)
        if ties is not None and name in ties:
            return ties[name].value()
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # The tree protocol

    def tree_fields(self) -> dict[str, Any]:
        """The fields that may hold leaves or branches, by name."""
        fields = {k: v for k, v in self.__dict__.items() if k not in _RESERVED}
        if observer is not None:
            fields = observer.fields(self, fields)
        ties = self.__dict__.get(_TIES)
        if ties:
            fields[_TIES] = tuple((t.module,) for t in ties.values())
        return fields

    def tree_replace(self, fields: dict[str, Any]) -> Self:
        """A copy with `fields` in place of its own."""
        copy: Self = object.__new__(type(self))
        own = copy.__dict__
        own.update(self.__dict__)
        own.update(fields)
        own.pop("_active", None)
        if _TIES in fields:
            own[_TIES] = {
                name: Tied(module, tied.name, tied.transform)
                for (name, tied), (module,) in zip(
                    self.__dict__[_TIES].items(), fields[_TIES], strict=True
                )
            }
        if observer is not None:
            observer.copied(copy)
        return copy

    def tree_state(self) -> frozenset[str]:
        """The fields whose tensors are state rather than parameters."""
        return cast("frozenset[str]", self.__dict__.get(_STATE, frozenset()))

    def __repr__(self) -> str:
        """The module as it was constructed, where its arguments show that."""
        shown = [
            repr(self.__dict__[DIMS][v])
            for v in getattr(type(self), "__parameters__", ())
            if v in self.__dict__.get(DIMS, {})
        ]
        for name, value in self.tree_fields().items():
            if isinstance(value, Module):
                shown.append(repr(value))
            elif name == "layers":
                shown += [repr(v) if isinstance(v, Module) else _named(v) for v in value]
            elif callable(value) and getattr(value, "__name__", "identity") != "identity":
                shown.append(_named(value))
        return f"{type(self).__name__}({', '.join(shown)})"

    # Training or testing

    @property
    def training(self) -> bool:
        """Whether layers such as Dropout are active: in a gradient with respect to a model that
        contains this one, unless `trainmode` or `testmode` decided otherwise."""
        mode = self.__dict__.get("_mode")
        return bool(self.__dict__.get("_active", False) if mode is None else mode)


def _named(value: Any) -> str:
    return getattr(value, "__name__", repr(value))


def is_blank(module: Module) -> bool:
    """Whether no field has been assigned yet."""
    return all(name in _RESERVED for name in module.__dict__)


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
