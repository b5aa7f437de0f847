"""Settings of whole models: training or testing, frozen or not."""

from __future__ import annotations

from typing import Any, TypeVar

from typedflux.nn.module import set_frozen, set_mode
from typedflux.nn.walking import modules_in

T = TypeVar("T")


def trainmode(model: T, mode: bool | None = True) -> T:
    """Make the layers in `model` behave as in training, whatever is done with it, and return it.

    Without a decision, layers such as `Dropout` and `BatchNorm` are active while a gradient is
    taken with respect to a model that contains them, and only then.

    Args:
        mode: `True` for training, `False` for testing, `None` to withdraw the decision.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> layer = flux.trainmode(nn.Dropout(0.5))
    >>> layer.training, flux.trainmode(layer, None).training
    (True, False)
    """
    return _decide("trainmode", model, mode, mode)


def testmode(model: T, mode: bool | None = True) -> T:
    """Make the layers in `model` behave as in testing, also under a gradient, and return it.

    Args:
        mode: `True` for testing, `False` for training, `None` to withdraw the decision.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = flux.testmode(nn.Chain(nn.Dense(2, 2), nn.Dropout(0.5)))
    >>> flux.gradient(lambda m: m(flux.ones((1, 2))).sum(), model).layers[0].bias
    Tensor([1., 1.], float32)
    """
    return _decide("testmode", model, mode, None if mode is None else not mode)


testmode.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name says


def _decide(function: str, model: T, given: object, mode: bool | None) -> T:
    if given is not None and not isinstance(given, bool):
        raise TypeError(f"{function}: mode is True, False or None, got {given!r:.40}")
    for _, module in modules_in(model, ties=False):
        set_mode(module, mode)
    return model


def freeze_modules(tree: Any, frozen: bool) -> bool:
    """Freeze or thaw all modules under `tree`; whether there are any.

    A tied parameter belongs to the module that it lives in, and is frozen with that one.
    """
    found = [module for _, module in modules_in(tree, ties=False)]
    for module in found:
        set_frozen(module, frozen)
    return bool(found)
