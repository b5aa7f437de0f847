"""Models of layers: any callable can stand where a layer can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, overload

from typedflux import ops
from typedflux.nn.module import Module
from typedflux.static import Built_co
from typedflux.tensor import Tensor

Layer = Callable[..., Any]


def _check_callable(name: str, layers: tuple[Layer, ...], least: int = 0) -> None:
    if len(layers) < least:
        raise TypeError(f"{name} needs a layer")
    for i, layer in enumerate(layers):
        if not callable(layer):
            raise TypeError(f"{name}: layer {i} is not callable: {layer!r:.80}")


class Chain(Module, Generic[Built_co]):
    """Layers one after another; a tuple that a layer returns is one argument of the next.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> model = Chain(nn.Dense(4, 8, flux.relu), head=nn.Dense(8, 2))
    >>> model
    Chain(
      Dense(4, 8, relu),  # 40 parameters
      head=Dense(8, 2),   # 18 parameters
    )                     # Total: 4 arrays, 58 parameters, 232 bytes
    >>> model(flux.ones((3, 4))).shape, len(model[:1]), model["head"] is model[1]
    ((3, 2), 1, True)
    """

    def __init__(self, *layers: Layer, **named: Layer) -> None:
        _check_callable("Chain", (*layers, *named.values()))
        self.layers: tuple[Any, ...] = (*layers, *named.values())
        self.names = (*(None for _ in layers), *named)

    def shown_arguments(self) -> dict[str, Any]:
        named = list(zip(self.names, self.layers, strict=True))
        return {
            "layers": [layer for name, layer in named if name is None],
            "named": {name: layer for name, layer in named if name is not None},
        }

    def __call__(self, *args: Any) -> Any:
        if not self.layers:
            return args[0] if len(args) == 1 else args
        place = 0
        try:
            x = self.layers[0](*args)
            for layer in self.layers[1:]:
                place += 1
                x = layer(x)
        except Exception as error:
            name = self.names[place]
            error.add_note(f"in layer {place if name is None else repr(name)} of a Chain")
            raise
        return x

    def activations(self, *args: Any) -> tuple[Any, ...]:
        """What each layer returned."""
        out: list[Any] = []
        for layer in self.layers:
            out.append(layer(out[-1]) if out else layer(*args))
        return tuple(out)

    @overload
    def __getitem__(self, index: int | str) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Chain: ...
    def __getitem__(self, index: int | str | slice) -> Any:
        if isinstance(index, str):
            if index not in self.names:
                known = ", ".join(n for n in self.names if n is not None) or "none"
                raise KeyError(f"Chain has no layer {index!r}; its named layers: {known}")
            return self.layers[self.names.index(index)]
        if isinstance(index, slice):
            part = Chain(*self.layers[index])
            part.names = self.names[index]
            return part
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)


class SkipConnection(Module, Generic[Built_co]):
    """`combine(layer(x), x)`; with `flux.add` a residual block (He et al., 2016).

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> SkipConnection(nn.Dense(4, 4), flux.add)(flux.ones((2, 4))).shape
    (2, 4)
    """

    def __init__(self, layer: Layer, combine: Callable[[Any, Any], Any]) -> None:
        self.layer: Any = layer
        self.combine = combine

    def __call__(self, x: Any) -> Any:
        return self.combine(self.layer(x), x)


class Parallel(Module, Generic[Built_co]):
    """`combine` of what each layer makes of one input, or each of its own input; or of what one
    layer makes of each input.

    >>> import typedflux as flux
    >>> from typedflux import nn
    >>> Parallel(flux.add, nn.Dense(4, 2), nn.Dense(4, 2))(flux.ones((3, 4))).shape
    (3, 2)
    """

    def __init__(self, combine: Callable[..., Any], *layers: Layer) -> None:
        _check_callable("Parallel", layers, 1)
        self.combine = combine
        self.layers: tuple[Any, ...] = layers

    def __call__(self, *inputs: Any) -> Any:
        if len(inputs) == 1 and isinstance(inputs[0], tuple):
            inputs = inputs[0]
        layers = self.layers
        if len(inputs) == 1:
            inputs = inputs * len(layers)
        elif len(layers) == 1:
            layers = layers * len(inputs)
        if len(inputs) != len(layers):
            raise TypeError(
                f"Parallel: {len(layers)} layers need one input or {len(layers)}, got {len(inputs)}"
            )
        return self.combine(*[f(x) for f, x in zip(layers, inputs, strict=True)])


class PairwiseFusion(Module, Generic[Built_co]):
    """Each layer sees what `combine` makes of its own input and the output before; returns all."""

    def __init__(self, combine: Callable[[Any, Any], Any], *layers: Layer) -> None:
        _check_callable("PairwiseFusion", layers, 1)
        self.combine = combine
        self.layers: tuple[Any, ...] = layers

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        if len(inputs) == 1 and not isinstance(inputs[0], tuple):
            inputs = inputs * len(self.layers)
        elif len(inputs) == 1:
            inputs = inputs[0]
        if len(inputs) != len(self.layers):
            raise TypeError(
                f"PairwiseFusion: {len(self.layers)} layers need as many inputs, got {len(inputs)}"
            )
        out = [self.layers[0](inputs[0])]
        for layer, x in zip(self.layers[1:], inputs[1:], strict=True):
            out.append(layer(self.combine(out[-1], x)))
        return tuple(out)


class Maxout(Module, Generic[Built_co]):
    """The elementwise largest of what the layers give (Goodfellow et al., 2013)."""

    def __init__(self, *layers: Layer) -> None:
        _check_callable("Maxout", layers, 1)
        self.layers: tuple[Any, ...] = layers

    def __call__(self, x: Any) -> Tensor:
        best: Tensor = self.layers[0](x)
        for layer in self.layers[1:]:
            best = ops.maximum(best, layer(x))
        return best
