"""What an annotation asks of a value, read once per function.

`read` turns an annotation into an `Expectation`: of tensors (jaxtyping), of sizes (`Size["n"]`), of
modules with dims (`Dense["n", 10]`), of containers and unions of such, or of anything else, which
is beartype's to check.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, ForwardRef, TypeVar, Union

import typing_extensions
from jaxtyping import AbstractArray

from typedflux.checks.names import resolve
from typedflux.checks.sizes import DimOf
from typedflux.shapes.errors import AnnotationError
from typedflux.shapes.spec import ShapeSpec, parse

DTypeNames = frozenset[str | re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class TensorExpectation:
    """An array of `array_type` with one of `dtypes` (`None`: any) and a shape that fits `spec`."""

    text: str
    array_type: Any
    dtypes: DTypeNames | None
    spec: ShapeSpec


@dataclass(frozen=True, slots=True)
class SizeExpectation:
    """An int that is the dimension `spec`, one axis; or `None` where that is `optional`."""

    text: str
    spec: ShapeSpec
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ModuleExpectation:
    """An instance of the generic class `origin` whose class-scoped dims fit `dims`, by name."""

    text: str
    origin: type
    dims: tuple[tuple[str, ShapeSpec], ...]


@dataclass(frozen=True, slots=True)
class ContainerExpectation:
    """A container whose every element is checked; `fixed` are the elements of a tuple such as
    `tuple[int, Float[Tensor, "n"]]`, in order."""

    text: str
    origin: type
    items: Expectation | None = None
    keys: Expectation | None = None
    fixed: tuple[Expectation | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class UnionExpectation:
    """One of several, tried in the order in which they are written."""

    text: str
    alternatives: tuple[Expectation, ...]

    @property
    def tensors(self) -> tuple[TensorExpectation, ...]:
        """The alternatives that are tensors."""
        return tuple(a for a in self.alternatives if isinstance(a, TensorExpectation))


@dataclass(frozen=True, slots=True)
class OtherExpectation:
    """Anything without tensors or sizes in it; `foreign` if there may be some that only beartype
    finds, as in jaxtyping's `PyTree`."""

    hint: Any
    foreign: bool = False

    @property
    def text(self) -> str:
        """The type in the words of an annotation."""
        return describe(self.hint)


Expectation = (
    TensorExpectation
    | SizeExpectation
    | ModuleExpectation
    | ContainerExpectation
    | UnionExpectation
    | OtherExpectation
)

_IGNORED: Final[tuple[Any, ...]] = (
    Any, object, inspect.Parameter.empty, typing.NoReturn, typing.Never,
    typing_extensions.NoReturn, typing_extensions.Never,
)  # fmt: skip
_SEQUENCES: Final = frozenset({
    list, set, frozenset, collections.deque, collections.abc.Sequence,
    collections.abc.MutableSequence, collections.abc.Collection, collections.abc.Set,
    collections.abc.MutableSet, collections.abc.Iterable, collections.abc.Container,
    collections.abc.Reversible, collections.abc.KeysView, collections.abc.ValuesView,
})  # fmt: skip
_MAPPINGS: Final = frozenset({
    dict, collections.defaultdict, collections.OrderedDict, collections.ChainMap,
    collections.abc.Mapping, collections.abc.MutableMapping,
})  # fmt: skip
_UNVERIFIABLE: Final = frozenset({type, collections.abc.Callable})


def resolve_annotations(function: Any, type_parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of `function` as objects; those that cannot be evaluated are left out.

    `typing.get_type_hints` is no help: it would evaluate the dimension strings in `Dense["n", 4]`.
    """
    return resolve(function, type_parameters)


def float_fields(cls: type) -> tuple[str, ...]:
    """The fields that `cls` and its bases declare as tensors of floats of no particular dtype."""
    found: list[str] = []
    for base in reversed(cls.__mro__):
        variables = {v.__name__: v for v in getattr(base, "__parameters__", ())}
        for name, annotation in resolve(base, variables).items():
            if name not in found and asks_for_floats(read(annotation)):
                found.append(name)
    return tuple(found)


def asks_for_floats(expectation: Expectation | None) -> bool:
    """Whether only tensors of floats will do, of one dtype or another."""
    if isinstance(expectation, UnionExpectation):
        return bool(expectation.tensors) and all(map(asks_for_floats, expectation.tensors))
    if not isinstance(expectation, TensorExpectation) or expectation.dtypes is None:
        return False
    names = expectation.dtypes
    return len(names) > 1 and all(
        isinstance(n, str) and n.startswith(("float", "bfloat")) for n in names
    )


def read(annotation: Any, owner: type | None = None) -> Expectation | None:
    """What `annotation` asks for; `None` where it asks for nothing.

    Args:
        annotation: as an object, no string.
        owner: the class that `Self` means.

    Raises:
        AnnotationError: for a shape that cannot be read.
    """
    if any(annotation is ignored for ignored in _IGNORED):
        return None
    if isinstance(annotation, (str, ForwardRef)):
        return None  # a name that does not exist yet
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return _tensor(annotation)
    inner = _unwrapped(annotation, owner)
    if inner is not annotation:
        return read(inner, owner)
    origin = typing.get_origin(annotation)
    if origin is Union or isinstance(annotation, types.UnionType):
        return _union(typing.get_args(annotation), owner)
    if origin is DimOf:
        return _size(typing.get_args(annotation)[0], False)
    if origin in (typing.TypeGuard, typing_extensions.TypeIs):
        return OtherExpectation(bool)
    if isinstance(annotation, (typing.ParamSpecArgs, typing.ParamSpecKwargs)):
        return None
    if _is_unpacked(annotation):
        return None
    if not mentions_arrays(annotation):
        return OtherExpectation(annotation)
    arguments = typing.get_args(annotation)
    if origin in _UNVERIFIABLE:
        return OtherExpectation(annotation)
    if isinstance(origin, type) and has_dims(origin):
        return _module(origin, arguments)
    if origin is tuple:
        return _tuple(annotation, arguments, owner)
    if origin in _SEQUENCES and len(arguments) == 1:
        text = describe(annotation)
        return ContainerExpectation(text, origin, items=read(arguments[0], owner))
    if origin in _MAPPINGS and len(arguments) == 2:
        keys, items = (read(a, owner) for a in arguments)
        return ContainerExpectation(describe(annotation), origin, items=items, keys=keys)
    return OtherExpectation(annotation, foreign=True)


def _unwrapped(annotation: Any, owner: type | None) -> Any:
    """What stands behind an alias, a qualifier or a type variable; itself if it is none of them."""
    origin = typing.get_origin(annotation)
    if annotation is typing.Self or annotation is typing_extensions.Self:
        return Any if owner is None else owner
    if origin in (Final, typing.ClassVar) and typing.get_args(annotation):
        return typing.get_args(annotation)[0]
    if isinstance(annotation, dataclasses.InitVar):
        return annotation.type
    if isinstance(annotation, TypeVar):
        bound = annotation.__bound__
        if bound is not None and mentions_arrays(bound):
            return bound
        if annotation.__constraints__ and mentions_arrays(annotation):
            return Union[annotation.__constraints__]
    if isinstance(annotation, typing.NewType) and mentions_arrays(annotation.__supertype__):
        return annotation.__supertype__
    if hasattr(annotation, "__value__") and type(annotation).__name__ == "TypeAliasType":
        return annotation.__value__
    if origin is Annotated and mentions_arrays(annotation):
        validators = any(type(m).__module__.startswith("beartype") for m in annotation.__metadata__)
        return annotation if validators else annotation.__origin__
    return annotation


def _is_unpacked(annotation: Any) -> bool:
    unpacks = (typing.Unpack, typing_extensions.Unpack)
    return typing.get_origin(annotation) in unpacks or bool(
        getattr(annotation, "__unpacked__", False)
    )


def mentions_arrays(annotation: Any) -> bool:
    """Whether there is something in `annotation` that binds names of axes."""
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        metaclass = type(annotation)
        return issubclass(annotation, AbstractArray) or (
            metaclass.__name__ == "_MetaPyTree" and metaclass.__module__.startswith("jaxtyping")
        )
    if isinstance(annotation, TypeVar):
        inner = (annotation.__bound__, *annotation.__constraints__)
        return any(mentions_arrays(item) for item in inner if item is not None)
    if isinstance(annotation, typing.NewType):
        return mentions_arrays(annotation.__supertype__)
    if isinstance(annotation, (list, tuple)):
        return any(map(mentions_arrays, annotation))  # the parameters of a Callable
    if hasattr(annotation, "__value__") and type(annotation).__name__ == "TypeAliasType":
        return mentions_arrays(annotation.__value__)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return False
    if origin is DimOf or (isinstance(origin, type) and has_dims(origin)):
        return True
    return any(map(mentions_arrays, typing.get_args(annotation)))


def has_dims(cls: type) -> bool:
    """Whether what a class is subscripted with are sizes, as for modules: those classes say so."""
    return bool(getattr(cls, "__dims_in_subscript__", False))


def _tensor(annotation: Any) -> TensorExpectation | None:
    if annotation is AbstractArray or annotation._skip_instancecheck:
        return None
    kinds = annotation.dtypes
    names = None if not isinstance(kinds, (list, tuple, frozenset)) else frozenset(kinds)
    array = annotation.array_type
    shown = str(getattr(array, "__name__", array)).rpartition(".")[2]
    text = f'{annotation.dtype.__name__}[{shown}, "{annotation.dim_str}"]'
    return TensorExpectation(text, array, names, parse(annotation.dim_str))


def _size(dim: Any, optional: bool) -> SizeExpectation:
    text = _dimension_text(dim)
    spec = parse(text)
    if len(spec.axes) != 1:
        raise AnnotationError(f'Size["{text}"] must be one axis')
    return SizeExpectation(f'Size["{text}"]', spec, optional)


def _module(origin: type, arguments: tuple[Any, ...]) -> Expectation:
    names = [v.__name__ for v in getattr(origin, "__parameters__", ())]
    dims = []
    for name, argument in zip(names, arguments, strict=False):
        if isinstance(argument, (int, str, ForwardRef)):
            text = _dimension_text(argument)
            spec = parse(text)
            if len(spec.axes) != 1:
                raise AnnotationError(f'{origin.__name__}[..., "{text}"]: a dim is one axis')
            dims.append((name, spec))
    shown = ", ".join(
        repr(a) if isinstance(a, str) else str(getattr(a, "__name__", a)) for a in arguments
    ).replace("'", '"')
    return ModuleExpectation(f"{origin.__name__}[{shown}]", origin, tuple(dims))


def _tuple(annotation: Any, arguments: tuple[Any, ...], owner: type | None) -> Expectation:
    text = describe(annotation)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return ContainerExpectation(text, tuple, items=read(arguments[0], owner))
    if any(map(_is_unpacked, arguments)):
        return OtherExpectation(annotation, foreign=True)
    return ContainerExpectation(text, tuple, fixed=tuple(read(a, owner) for a in arguments))


def _union(alternatives: tuple[Any, ...], owner: type | None) -> Expectation | None:
    size = [a for a in alternatives if typing.get_origin(a) is DimOf]
    if size and all(a in (int, type(None)) or a in size for a in alternatives):
        return _size(typing.get_args(size[0])[0], type(None) in alternatives)
    if not any(map(mentions_arrays, alternatives)):
        if any(any(a is i for i in _IGNORED) for a in alternatives):
            return None
        return OtherExpectation(Union[alternatives])
    read_ones = []
    for alternative in alternatives:
        # Optional gives a useless alternative for arrays of NoneType.
        if getattr(alternative, "array_type", None) is type(None):
            continue
        expectation = read(alternative, owner)
        if expectation is None:
            return None
        read_ones.append(expectation)
    text = " | ".join(e.text for e in read_ones)
    return read_ones[0] if len(read_ones) == 1 else UnionExpectation(text, tuple(read_ones))


def _dimension_text(dim: Any) -> str:
    if isinstance(dim, ForwardRef):
        return dim.__forward_arg__
    if isinstance(dim, TypeVar):
        return dim.__name__
    return str(dim)


def describe(hint: Any) -> str:
    """A type in the words of an annotation."""
    if isinstance(hint, TypeVar):
        bound = hint.__bound__
        return hint.__name__ if bound is None else describe(bound)
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, type) and issubclass(hint, AbstractArray) and hint is not AbstractArray:
        expectation = _tensor(hint)
        return hint.__name__ if expectation is None else expectation.text
    arguments = typing.get_args(hint)
    origin: Any = typing.get_origin(hint)
    if isinstance(hint, type) and not arguments and not mentions_arrays(hint):
        return hint.__name__
    if origin is DimOf:
        return f'Size["{_dimension_text(arguments[0])}"]'
    if origin is Union or isinstance(hint, types.UnionType):
        sizes = any(typing.get_origin(a) is DimOf for a in arguments)
        return " | ".join(describe(a) for a in arguments if not (sizes and a is int))
    if isinstance(origin, type) and arguments and origin is not collections.abc.Callable:
        inner = ", ".join("..." if a is Ellipsis else describe(a) for a in arguments)
        return f"{origin.__name__}[{inner}]"
    shown = hint.__name__ if isinstance(hint, type) else str(hint)
    text = re.sub(r"\b(?:\w+\.)+(?=\w)", "", shown)  # names without their modules
    return text.replace("'", '"') if arguments else text
