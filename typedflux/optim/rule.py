"""`Rule`: how one parameter changes, given its gradient. An optimiser is a rule or a chain of them.

A rule is a small class you could have written:

>>> import typedflux as flux
>>> from typedflux import optim
>>> class SignDescent(optim.Rule):
...     def __init__(self, eta: float = 0.01) -> None:
...         self.eta = eta
...     def apply(self, state, parameter, gradient):
...         return state, self.eta * flux.sign(gradient)
>>> SignDescent(eta=0.1)
SignDescent(eta=0.1)

`init` makes the state that it keeps for a parameter (nothing by default), and `apply` takes that
and returns the new state with the step, which is subtracted from the parameter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

from typedflux import dtypes, ops
from typedflux.nn.module import Module
from typedflux.tensor import Tensor

Scalar: TypeAlias = float | Tensor
"""A hyper-parameter: a float in a rule that was just made, a tensor of rank 0 in a state."""

Applied: TypeAlias = tuple[Any, Tensor]
"""The new state and the step."""


class Rule(Module):
    """Base class of optimisation rules. Hyper-parameters are the arguments of `__init__`, kept in
    fields of the same names.

    In `apply`, a hyper-parameter that was given as a float is a tensor of rank 0, so that
    `flux.adjust` can change it without compiling a jitted step anew; ints, bools and strings are
    static. The state is any tree of tensors made of tuples, named tuples, lists and dicts.

    Parameters in half precision are worked on in float32: that is the dtype of the `parameter` and
    `gradient` that a rule sees, and of its state; the parameter itself keeps its dtype.
    """

    elementwise: bool = False
    """Whether an element's step depends on that element's gradient and state alone. Such a rule is
    evaluated block by block where the parameter is large, which keeps its temporaries in cache."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        names = hyper_parameters(cls)
        unknown = [k for k in kwargs if k not in names]
        if unknown and not _takes_any_keyword(cls):
            raise TypeError(f"{cls.__name__} has no {unknown[0]!r}: {_valid(names)}")
        return object.__new__(cls)

    def init(self, parameter: Tensor) -> Any:
        """The state to begin with; no state by default."""
        return ()

    def apply(self, state: Any, parameter: Tensor, gradient: Tensor) -> Applied:
        """The new state, and the step, which is subtracted from the parameter."""
        raise NotImplementedError(f"{type(self).__name__} has no method apply")

    def apply_all(
        self,
        rules: Sequence[Self],
        states: Sequence[Any],
        parameters: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> list[Applied]:
        """`apply` for all parameters of an update at once, each with its own rule of this class.

        For rules that must see all gradients together, as `ClipNorm` does.
        """
        return [
            rule.apply(state, parameter, gradient)
            for rule, state, parameter, gradient in zip(
                rules, states, parameters, gradients, strict=True
            )
        ]

    def __repr__(self) -> str:
        fields = self.__dict__
        shown = [f"{n}={_plain(fields[n])!r}" for n in hyper_parameters(type(self)) if n in fields]
        return f"{type(self).__name__}({', '.join(shown)})"


def hyper_parameters(cls: type[Rule]) -> list[str]:
    """The names of the arguments of a rule's `__init__`."""
    if cls.__init__ is object.__init__:
        return []
    return list(inspect.signature(cls.__init__).parameters)[1:]


def parts(rule: Rule) -> list[Rule]:
    """The rule and those that it is composed of."""
    found = [rule]
    for value in rule.__dict__.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Rule):
                found.extend(parts(item))
    return found


def map_scalars(rule: Rule, function: Callable[[Scalar], Any]) -> Rule:
    """A copy of `rule` with `function` applied to its hyper-parameters and those of its parts."""

    def visit(value: Any) -> Any:
        if isinstance(value, Rule):
            return map_scalars(value, function)
        if isinstance(value, tuple):
            return tuple([visit(item) for item in value])
        return function(value) if isinstance(value, (float, Tensor)) else value

    fields = rule.tree_fields()
    new = {name: visit(value) for name, value in fields.items()}
    return rule.tree_replace(new)


def adjusted(rule: Rule, changes: dict[str, Any]) -> Rule:
    """A copy of `rule` with these hyper-parameters, wherever in it they occur.

    Raises:
        TypeError: for a name that no part of the rule has, or a value of another form.
        ValueError: for a value that the rule's `__init__` refuses.
    """
    valid = list(dict.fromkeys(n for r in parts(rule) for n in _adjustable(r)))
    for name in changes:
        if name not in valid:
            raise TypeError(f"{type(rule).__name__} has no {name!r}: {_valid(valid)}")

    def change(part: Rule) -> Rule:
        new = dict(part.tree_fields())
        for name, value in new.items():
            if name in changes and name in _adjustable(part):
                new[name] = _same_form(part, name, value, changes[name])
            elif isinstance(value, Rule):
                new[name] = change(value)
            elif isinstance(value, tuple):
                new[name] = tuple([change(v) if isinstance(v, Rule) else v for v in value])
        _check_values(part, new)
        return part.tree_replace(new)

    return change(rule)


def _check_values(rule: Rule, fields: dict[str, Any]) -> None:
    """Let `__init__` refuse hyper-parameters that it would not take."""
    names = hyper_parameters(type(rule))
    if any(name not in fields or _holds_rules(fields[name]) for name in names):
        return
    values = {name: _plain(fields[name]) for name in names}
    if not any(isinstance(v, Tensor) for value in values.values() for v in _items(value)):
        type(rule)(**values)


def _adjustable(rule: Rule) -> list[str]:
    return [
        name
        for name in hyper_parameters(type(rule))
        if name in rule.__dict__ and not _holds_rules(rule.__dict__[name])
    ]


def _items(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _holds_rules(value: Any) -> bool:
    return any(isinstance(item, Rule) for item in _items(value))


def as_scalar(value: Scalar) -> Tensor:
    """A hyper-parameter as the tensor that a state keeps: float64, so that no digit is lost."""
    return ops.asarray(value, dtype=dtypes.float64)


def _same_form(rule: Rule, name: str, present: Any, value: Any) -> Any:
    what = f"{type(rule).__name__}: {name}"
    if isinstance(present, tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(present):
            raise TypeError(f"{what} is {len(present)} numbers, got {value!r:.80}")
        return tuple([_same_form(rule, name, p, v) for p, v in zip(present, value, strict=True)])
    if not isinstance(present, (float, Tensor)):
        if type(value) is not type(present):
            wanted = type(present).__name__
            raise TypeError(f"{what} is of type {wanted}, got {value!r:.80}")
        return value
    if isinstance(value, Tensor) and value.ndim == 0:
        return as_scalar(value)
    if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, Tensor):
        raise TypeError(f"{what} is a number, got {value!r:.80}")
    return as_scalar(float(value))


def _takes_any_keyword(cls: type[Rule]) -> bool:
    parameters = inspect.signature(cls.__init__).parameters.values()
    return any(p.kind is p.VAR_KEYWORD for p in parameters)


def _valid(names: Sequence[str]) -> str:
    return f"its hyper-parameters are {', '.join(names)}" if names else "it has no hyper-parameters"


def _plain(value: Any) -> Any:
    """A hyper-parameter as its constructor takes it."""
    if isinstance(value, tuple):
        return tuple([_plain(item) for item in value])
    if type(value) is Tensor and value.ndim == 0:
        return value.item()
    return value
