"""`setup`, `update`, `adjust`, `freeze` and `thaw`: rules at work on the parameters of a model.

All that an update changes are fields of modules, those of the model and those of the optimiser
state, which is a tree of modules too: so a whole training step can be jitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from typedflux import dtypes, ops
from typedflux.core.primitive import type_of
from typedflux.core.tree import Path, children, format_path
from typedflux.nn.modes import freeze_modules
from typedflux.nn.module import Module
from typedflux.nn.walking import held_as_state
from typedflux.optim.blocks import step_by_blocks
from typedflux.optim.rule import Rule, adjusted, as_scalar, map_scalars, parts
from typedflux.optim.slots import ROOT, Name, Place, get, put
from typedflux.shapes.errors import DTypeError, ShapeError
from typedflux.tensor import Tensor

_TIES = "_ties"
_TIED_MODULES = "_tied_modules"


class ParameterState(Module):
    """What an optimiser keeps for one parameter: its rule, the rule's state, whether it is frozen.

    The hyper-parameters in `rule` are float64 tensors of rank 0.
    """

    rule: Rule
    state: Any
    frozen: bool

    def __init__(self, rule: Rule, state: Any) -> None:
        self.rule = rule
        self.state = state
        self.frozen = False

    def __repr__(self) -> str:
        return f"ParameterState({self.rule!r}{', frozen' if self.frozen else ''})"


class OptimiserState(Module):
    """The state of an optimiser for a model, or a part of one: it has the model's fields.

    `state.layers[0].weight` is the state of `model.layers[0].weight`.
    """

    def __getitem__(self, key: Name) -> Any:
        """The part for an item of a list, tuple or dict."""
        fields = self.__dict__
        if isinstance(key, int) and key < 0:
            key += len(fields)
        try:
            return fields[str(key)]
        except KeyError:
            raise KeyError(f"the optimiser state has no part {key!r}") from None

    def __len__(self) -> int:
        return len(self.__dict__)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__dict__.values())

    def __repr__(self) -> str:
        return f"OptimiserState({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


def setup(rule: Rule, model: object) -> OptimiserState:
    """The state that `rule` needs to train `model`: a tree that mirrors the model.

    A module that occurs twice in the model has one state, as has a parameter shared by `nn.tied`.

    Raises:
        TypeError: when `rule` is no rule.
        ValueError: for a model without parameters, and for a tensor that is in two places of the
            model without being tied.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Chain(nn.Dense(2, 3), nn.Dense(3, 1))
    >>> state = flux.setup(flux.Adam(1e-3), model)
    >>> state.layers[0].weight
    ParameterState(Adam(eta=0.001, beta=(0.9, 0.999), eps=1e-08))
    """
    if not isinstance(rule, Rule):
        what = "the rule" if isinstance(rule, type) else "a rule such as flux.Adam(1e-3)"
        hint = f": write {rule.__name__}()" if isinstance(rule, type) else ""
        raise TypeError(f"setup takes {what} first, got {_describe(rule)}{hint}")
    if isinstance(model, (Tensor, Rule)) or children(model) is None:
        raise TypeError(
            f"setup takes a model that holds its parameters as its second argument, got "
            f"{_describe(model)}"
        )
    builder = _Builder(map_scalars(rule, as_scalar))
    state: OptimiserState = builder.build(model, (), False)
    if not builder.slots:
        raise ValueError(
            f"this {type(model).__name__} has no parameters to train: floating-point or complex "
            "tensors that are not buffers"
        )
    return state


class _Builder:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.slots: dict[int, tuple[Path, Tensor]] = {}
        self.done: dict[int, Any] = {}

    def build(self, value: Any, path: Path, is_state: bool) -> Any:
        if isinstance(value, Tensor):
            return self.leaf(value, path) if value.dtype.is_inexact and not is_state else None
        found = children(value)
        if found is None:
            return None
        if id(value) in self.done:
            return self.done[id(value)]
        node = self.done[id(value)] = OptimiserState()
        held = held_as_state(value)  # frozen parameters have a state too: they may be thawed
        for name, part in found:
            child = self.build(part, (*path, name), is_state or name in held)
            if child is None and isinstance(name, int):
                child = OptimiserState()  # an item without parameters keeps its place
            if child is not None:
                setattr(node, _TIED_MODULES if name == _TIES else str(name), child)
        return node

    def leaf(self, tensor: Tensor, path: Path) -> ParameterState:
        if id(tensor) in self.slots:
            first = self.slots[id(tensor)][0]
            raise ValueError(
                f"{format_path(first)} and {format_path(path)} are the same tensor, but would be "
                "trained as two parameters. To share it, assign nn.tied(module, name) in one of "
                "the two places; to have two, make a tensor for each"
            )
        self.slots[id(tensor)] = (path, tensor)
        return ParameterState(self.rule, self.rule.init(ops.astype(tensor, work_dtype(tensor))))


def work_dtype(parameter: Tensor) -> dtypes.DType:
    """The dtype that a parameter is updated in: its own, or float32 for half precision."""
    return dtypes.float32 if parameter.dtype.bits == 16 else parameter.dtype


class _Found:
    """A parameter at an update: its state, its place in the model, its value and gradient."""

    __slots__ = ("gradient", "leaf", "path", "place", "value")

    def __init__(
        self, leaf: ParameterState, path: Path, place: Place, value: Tensor, gradient: Tensor
    ) -> None:
        self.leaf = leaf
        self.path = path
        self.place = place
        self.value = value
        self.gradient = gradient


def update(state: OptimiserState, model: object, grads: object) -> None:
    """Change the parameters of `model`, and `state`, in place by `grads`, the gradient with respect
    to the model.

    Where a gradient is `None` (`flux.gradient(..., unused="none")`) or the state is frozen, both
    stay as they are. When anything is wrong, nothing is changed.

    Raises:
        TypeError: for arguments in another order or of another form.
        ShapeError: for a gradient of another shape than its parameter.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Dense(2, 1)
    >>> state = flux.setup(flux.Descent(0.01), model)
    >>> x = flux.ones((4, 2))
    >>> loss, grads = flux.withgradient(lambda m: (m(x) ** 2).sum(), model)
    >>> flux.update(state, model, grads)
    >>> bool((model(x) ** 2).sum() < loss)
    True
    """
    _check_state("update", state)
    if isinstance(grads, tuple) and not isinstance(model, tuple):
        raise TypeError(
            "update takes the gradient with respect to the model, got a tuple: withgradient "
            "returns (value, gradient), and the gradient of several arguments is a tuple of them"
        )
    found: list[_Found] = []
    _collect(state, model, grads, (), ROOT, set(), found)
    cast = _rules_cast()
    groups: dict[Any, list[tuple[_Found, Rule]]] = {}
    for item in found:
        rule = cast(item.leaf.rule, item.value)
        groups.setdefault(_structure(item.leaf.rule), []).append((item, rule))
    changes: list[tuple[Place, Tensor]] = []
    states: list[tuple[ParameterState, Any]] = []
    for group in groups.values():
        head = group[0][1]
        if head.elementwise:
            results = [
                step_by_blocks(r, f.leaf.state, f.value, f.gradient, work_dtype(f.value))
                for f, r in group
            ]
        else:
            results = _step_together(head, group)
        for (item, _), (new_state, value) in zip(group, results, strict=True):
            changes.append((item.place, value))
            states.append((item.leaf, new_state))
    put(changes)
    for leaf, new_state in states:
        leaf.state = new_state


def _step_together(head: Rule, group: list[tuple[_Found, Rule]]) -> list[tuple[Any, Tensor]]:
    found = [f for f, _ in group]
    values = [ops.astype(f.value, work_dtype(f.value)) for f in found]
    gradients = [ops.astype(f.gradient, v.dtype) for f, v in zip(found, values, strict=True)]
    applied = head.apply_all(
        [r for _, r in group], [f.leaf.state for f in found], values, gradients
    )
    return [
        (new, ops.astype(value - step, f.value.dtype))
        for f, value, (new, step) in zip(found, values, applied, strict=True)
    ]


def _rules_cast() -> Callable[[Rule, Tensor], Rule]:
    """Rules with hyper-parameters of the dtype that a parameter is worked on in, each made once."""
    made: dict[tuple[int, dtypes.DType], Rule] = {}

    def cast(rule: Rule, parameter: Tensor) -> Rule:
        dtype = dtypes.real_part(work_dtype(parameter))
        assert isinstance(dtype, dtypes.DType)
        key = (id(rule), dtype)
        if key not in made:
            made[key] = map_scalars(rule, lambda t: ops.astype(t, dtype))  # tensors in a state
        return made[key]

    return cast


def _structure(rule: Rule) -> tuple[type, ...]:
    return tuple([type(part) for part in parts(rule)])


def _collect(
    node: Any, model: Any, grads: Any, path: Path, place: Place, seen: set[int], out: list[_Found]
) -> None:
    """Walk state, model and gradient together."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if type(node) is ParameterState:
        if grads is not None and not node.frozen:
            out.append(_Found(node, path, place, model, _gradient_for(model, grads, path)))
        return
    if grads is None:
        return
    keys: dict[str, Name] | None = None
    if isinstance(model, dict):
        keys = {str(k): k for k in model}
    for field, child in node.__dict__.items():
        if field == _TIED_MODULES:
            _collect(
                child, model.tree_fields()[_TIES], grads.tree_fields()[_TIES], (*path, field),
                place, seen, out,
            )  # fmt: skip
            continue
        name: Name = field if keys is None else keys.get(field, field)
        if isinstance(model, (list, tuple)) and field.isdecimal():
            name = int(field)
        inner = (*path, name)
        try:
            part = get(model, name)
        except KeyError:
            raise TypeError(
                f"this state is not of this model: the {type(model).__name__} at "
                f"{format_path(path) or 'its root'} has no {name!r}"
            ) from None
        try:
            gradient = get(grads, name)
        except KeyError:
            raise TypeError(
                f"the gradient does not have the structure of the model: it has nothing at "
                f"{format_path(inner)}, but is a {type(grads).__name__} there"
            ) from None
        _collect(child, part, gradient, inner, place.child(model, name), seen, out)


def _gradient_for(parameter: Any, gradient: Any, path: Path) -> Tensor:
    where = format_path(path)
    if not isinstance(parameter, Tensor):
        raise TypeError(
            f"this state is not of this model: {where} is a {type(parameter).__name__}, no tensor"
        )
    if not isinstance(gradient, Tensor):
        raise TypeError(f"the gradient of {where} is a {type(gradient).__name__}, no tensor")
    if parameter.ndim != gradient.ndim or parameter.shape != gradient.shape:
        raise ShapeError(
            f"update: {where} is {type_of(parameter)}, its gradient {type_of(gradient)}"
        )
    if gradient.dtype.is_complex and not parameter.dtype.is_complex:
        raise DTypeError(f"update: {where} is {parameter.dtype}, its gradient complex")
    return gradient


def adjust(state: Any, eta: float | None = None, /, **hyper_parameters: Any) -> None:
    """Change hyper-parameters of the optimiser state, or of a part of it, in place.

    Moments and counts are kept. A jitted step is not compiled anew for new numbers; it is once
    when a part of the state is first given hyper-parameters of its own.

    Args:
        state: the optimiser state, or a part of it as `state.layers[0]`.
        eta: the learning rate.
        hyper_parameters: others by name, as `beta=(0.8, 0.99)`.

    Raises:
        TypeError: for a name that the rule does not have, naming those it has.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> state = flux.setup(flux.Adam(1e-3), nn.Dense(2, 1))
    >>> flux.adjust(state, 1e-4, beta=(0.8, 0.99))
    >>> state.weight
    ParameterState(Adam(eta=0.0001, beta=(0.8, 0.99), eps=1e-08))
    """
    _check_state("adjust", state)
    if eta is not None:
        if "eta" in hyper_parameters:
            raise TypeError("adjust got eta twice: by position and by name")
        hyper_parameters["eta"] = eta
    if not hyper_parameters:
        raise TypeError("adjust needs a learning rate or a hyper-parameter by name")
    made: dict[int, Rule] = {}
    leaves = list(_parameter_states(state))
    for leaf in leaves:
        if id(leaf.rule) not in made:
            made[id(leaf.rule)] = adjusted(leaf.rule, hyper_parameters)
    old = [leaf.rule for leaf in leaves]  # their ids stay in use while the loop assigns
    for leaf, rule in zip(leaves, old, strict=True):
        leaf.rule = made[id(rule)]


def freeze(target: Any) -> None:
    """Keep parameters as they are at each update: those of a model or a part of it, or those of an
    optimiser state or a part of one.

    A frozen part of a *model* behaves as in testing too, so that its running statistics stay, and
    it has no gradient, for which nothing is computed: `None` stands there. Freezing part of a
    *state* concerns this optimiser only, and can go down to one parameter.

    Raises:
        TypeError: when given anything else.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = nn.Chain(nn.Dense(2, 3), nn.Dense(3, 1))
    >>> state = flux.setup(flux.Adam(1e-3), model)
    >>> flux.freeze(state.layers[0].bias)
    >>> flux.freeze(model.layers[1])
    >>> len(flux.trainables(model))
    2
    """
    _set_frozen("freeze", target, True)


def thaw(target: Any) -> None:
    """Let the parameters of a model, an optimiser state or a part of one be changed again.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> state = flux.setup(flux.Descent(0.1), nn.Dense(2, 3))
    >>> flux.freeze(state.bias)
    >>> state.bias
    ParameterState(Descent(eta=0.1), frozen)
    >>> flux.thaw(state)
    >>> state.bias
    ParameterState(Descent(eta=0.1))
    """
    _set_frozen("thaw", target, False)


def _set_frozen(function: str, target: Any, frozen: bool) -> None:
    if isinstance(target, (OptimiserState, ParameterState)):
        for leaf in _parameter_states(target):
            leaf.frozen = frozen
    elif isinstance(target, Rule) or not freeze_modules(target, frozen):
        raise TypeError(
            f"{function} takes a model, an optimiser state, or a part of one such as "
            f"model.layers[0] or state.layers[0].weight; got {_describe(target)}"
        )


def _parameter_states(state: Any) -> Iterator[ParameterState]:
    seen: set[int] = set()
    stack = [state]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if type(node) is ParameterState:
            yield node
        else:
            stack.extend(reversed(node.__dict__.values()))


def _check_state(function: str, state: Any) -> None:
    if not isinstance(state, (OptimiserState, ParameterState)):
        raise TypeError(
            f"{function} takes the optimiser state that flux.setup(rule, model) returned"
            f"{'' if function == 'update' else ', or a part of it such as state.layers[0]'}; "
            f"got {_describe(state)}"
        )


def _describe(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = "rule " if isinstance(value, Rule) else "model " if isinstance(value, Module) else ""
    return f"the {kind}{type(value).__name__}" if kind else f"a {type(value).__name__}"
