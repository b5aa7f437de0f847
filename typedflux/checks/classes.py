"""Whole classes: their methods, their fields, and the dims that belong to each instance.

Layers are checked without being asked to be; `check_methods` is what the base of modules calls. For
a class decorated with `flux.typed`, every method is checked, and every assignment to a field that
the class annotates; a dataclass is verified as a whole after its constructor.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
import typing
from typing import Any, Final, TypeVar

from typedflux.checks import settings as configuration
from typedflux.checks.annotations import OtherExpectation, SizeExpectation, read
from typedflux.checks.class_dims import set_dim, variables_of
from typedflux.checks.names import names_of_scope, resolve
from typedflux.checks.plan import FUNCTION, Entry, Plan, plan_of
from typedflux.checks.scopes import stack
from typedflux.checks.wrapping import Checked, checked_of
from typedflux.shapes.spec import NamedAxis

T = TypeVar("T")

_FIELDS: Final = "__typedflux_fields__"
"""The class attribute with the checks of fields, by name."""


def check_methods(cls: type) -> None:
    """Wrap the annotated public methods that a class of layers itself defines, and note which of
    its fields are tensors: those are verified when they are assigned to."""
    if configuration.settings.mode == "off":
        init = vars(cls).get("__init__")
        if inspect.isfunction(init) and variables_of(cls):
            cls.__init__ = _noting(cls, init)  # type: ignore[misc]
        return
    for name, member in list(vars(cls).items()):
        if not inspect.isfunction(member) or getattr(member, "__no_type_check__", False):
            continue
        entrance = name in ("__call__", "__init__") or not name.startswith("_")
        if entrance and member.__annotations__ and checked_of(member) is None:
            checked = Checked(
                member,
                cls,
                module=True,
                others=name == "__init__",
                elements=configuration.settings.elements,
            )
            setattr(cls, name, checked.wrapper)
    if configuration.settings.mode == "all":
        setattr(cls, _FIELDS, Fields(cls, others=False))


def _noting(cls: type, init: Any) -> Any:
    """A constructor that notes the class's dims, which printing shows, and checks nothing."""
    sizes: dict[str, str] | None = None

    @functools.wraps(init)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal sizes
        if sizes is None:
            sizes = {
                entry.name: axis.name
                for entry in plan_of(init, cls).entries
                if isinstance(entry.expectation, SizeExpectation)
                for axis in entry.expectation.spec.axes
                if isinstance(axis, NamedAxis) and axis.name in variables_of(cls)
            }
        if sizes:
            given = inspect.signature(init).bind_partial(self, *args, **kwargs).arguments
            for parameter, name in sizes.items():
                if isinstance(given.get(parameter), int):
                    set_dim(self, cls, name, given[parameter])
        init(self, *args, **kwargs)

    return construct


class Fields:
    """The checks of the fields that a class and its bases annotate, each made when it is first
    assigned to."""

    def __init__(self, cls: type, *, others: bool) -> None:
        self.cls = cls
        self.others = others
        self.owners: dict[str, type] = {}
        """The class that declares each field."""
        self.checks: dict[str, Any] = {}
        self.names: dict[str, Any] = {}
        for base in cls.__mro__:
            for name in vars(base).get("__annotations__", ()):
                self.owners.setdefault(name, base)

    def verify(self, instance: Any, name: str, value: Any) -> None:
        """Check a value that is about to be assigned to the field."""
        check = self.checks.get(name)
        if check is None:
            check = self.checks[name] = self._make(name)
        if check is not _ignored:
            check(instance, value)

    def _make(self, name: str) -> Any:
        owner = self.owners[name]
        variables = {v.__name__: v for v in getattr(owner, "__parameters__", ())}
        annotation = resolve(owner, {**self.names, **variables}).get(name, Any)
        if typing.get_origin(annotation) is typing.ClassVar or annotation is typing.ClassVar:
            return _ignored
        expectation = read(annotation, owner)
        if expectation is None or isinstance(annotation, dataclasses.InitVar):
            return _ignored
        if isinstance(expectation, OtherExpectation) and not self.others:
            return _ignored
        return _FieldCheck(owner, name, expectation).wrapper


def _ignored(instance: Any, value: Any) -> None:
    """The check of a field without an annotation to verify."""


class _FieldCheck(Checked):
    """The check of one field, compiled as that of a function of the instance and the value."""

    def __init__(self, owner: type, name: str, expectation: Any) -> None:
        def assign(instance: Any, value: Any) -> None: ...

        assign.__qualname__ = f"{owner.__qualname__}.{name}"
        assign.__module__ = owner.__module__
        super().__init__(assign, owner)
        self.field = name
        kind = inspect.Parameter.POSITIONAL_ONLY
        entries = [
            Entry("instance", kind, None, None),
            Entry("value", kind, expectation, expectation.text),
        ]
        self.plan_of_field = Plan(
            entries, FUNCTION, owner=owner, receiver="instance", variables=variables_of(owner)
        )

    def read_plan(self) -> Plan:
        return self.plan_of_field

    def words(self, what: str, name: str) -> str:
        return f"field '{self.field}'"

    def place(self, instance: Any) -> str:
        return type(instance).__name__


def verify_field(instance: Any, name: str, value: Any) -> None:
    """Check what is assigned to a field of a layer, if its class annotates it as a tensor.

    Raises:
        ShapeError, DTypeError, TypeCheckError: for a value that does not fit, also where its sizes
            contradict the dims that the instance has.
    """
    fields: Fields | None = getattr(type(instance), _FIELDS, None)
    if fields is not None and name in fields.owners:
        fields.verify(instance, name, value)


def typed_class(
    cls: type[T], *, elements: int | None, methods: bool = True, frame: Any = None
) -> type[T]:
    """Check the methods, the fields and, of a dataclass, the constructor of `cls`.

    Args:
        cls: the class; it is changed in place.
        elements: how many elements of containers are looked at, all for `None`.
        methods: whether methods are to be wrapped, or have been already.
        frame: where the class is defined, for names in annotations that are strings.
    """
    if (
        issubclass(cls, enum.Enum)
        or typing.is_typeddict(cls)
        or getattr(cls, "_is_protocol", False)
    ):
        return cls
    dataclass = dataclasses.is_dataclass(cls)
    for name, member in list(vars(cls).items()):
        constructor = name == "__init__" and dataclass
        if (methods or constructor) and configuration.wants(name):
            wrapped = _member(cls, name, member, elements, frame)
            if wrapped is not member:
                setattr(cls, name, wrapped)
    if configuration.settings.mode == "all":
        _check_fields(cls, dataclass, frame)
    return cls


def _member(cls: type, name: str, member: Any, elements: int | None, frame: Any) -> Any:
    """A method, property or the like with its functions wrapped; `member` if it is nothing such."""
    wrap = functools.partial(_method, cls, elements=elements, frame=frame)
    if isinstance(member, staticmethod):
        return staticmethod(wrap(member.__func__, bound=name == "__new__", instance=False))
    if isinstance(member, classmethod):
        if not inspect.isfunction(member.__func__):
            return member
        return classmethod(wrap(member.__func__, instance=False))
    if isinstance(member, property):
        getter, setter, deleter = (
            None if f is None else wrap(f) for f in (member.fget, member.fset, member.fdel)
        )
        return property(getter, setter, deleter, member.__doc__)
    if isinstance(member, functools.cached_property):
        member.func = wrap(member.func)
        return member
    return wrap(member) if inspect.isfunction(member) else member


def _method(
    cls: type,
    function: Any,
    *,
    elements: int | None,
    frame: Any,
    bound: bool = True,
    instance: bool = True,
) -> Any:
    known = checked_of(function)
    if getattr(function, "__no_type_check__", False) or not inspect.isfunction(function):
        return function
    generated = function.__code__.co_filename.startswith("<")
    if known is None and not function.__annotations__:
        if generated or function.__module__ != cls.__module__:
            return function  # written by a class decorator, or somebody else's
    module = False
    if known is not None:
        if known.others and known.owner is not None:
            return function
        module, function = known.module, known.function
    checked = Checked(
        function, cls, bound=bound, module=module, elements=elements, instance=instance
    )
    checked.names = names_of_scope(function, frame)
    if generated and cls.__module__ in sys.modules:  # its own globals are not those of the module
        checked.names = {**vars(sys.modules[cls.__module__]), **checked.names}
    return checked.wrapper


def _check_fields(cls: type, dataclass: bool, frame: Any) -> None:
    fields = Fields(cls, others=True)
    fields.names = names_of_scope(cls, frame)
    if not fields.owners:
        return
    setattr(cls, _FIELDS, fields)
    if dataclass:
        _verify_whole(cls)
    if hasattr(cls, "__dims_in_subscript__"):
        return  # modules verify their fields themselves
    frozen = dataclass and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if frozen or hasattr(cls.__setattr__, _FIELDS):
        return
    original: Any = cls.__setattr__

    def assign(self: Any, name: str, value: Any) -> None:
        __tracebackhide__ = True
        known: Fields = getattr(type(self), _FIELDS)
        if name in known.owners:
            known.verify(self, name, value)
        original(self, name, value)

    functools.update_wrapper(assign, original)
    setattr(assign, _FIELDS, True)
    changed: Any = cls
    changed.__setattr__ = assign


def _verify_whole(cls: type) -> None:
    """Let a dataclass be verified after its constructor: what factories and `__post_init__` made
    is bound together with the arguments."""
    checked = checked_of(vars(cls).get("__init__"))
    if checked is None:
        return
    inner = checked.function
    names = [f.name for f in dataclasses.fields(cls)]

    @functools.wraps(inner)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        inner(self, *args, **kwargs)
        plan = checked.plan
        scopes = stack()
        if plan is None or not scopes:
            return
        arguments = {**scopes[-1][3]}
        given = {e.name for e in plan.entries}
        changed = False
        for name in names:
            if name in given and hasattr(self, name):
                value = getattr(self, name)
                changed = changed or value is not arguments.get(name)
                arguments[name] = value
        if changed:
            checked.check(arguments)

    checked.function = construct
