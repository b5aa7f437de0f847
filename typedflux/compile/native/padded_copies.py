"""Copies of parts of images with the zeros around them, for windows that reach outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from typedflux.compile.native.emitter import Function, Index, Type, Value, literal
from typedflux.compile.native.windows import Axis, Image, share


@dataclass(frozen=True, slots=True)
class PaddedCopy:
    """What the windows of `band` results of the first axis, and of all results of the others, see
    of an image.

    Attributes:
        axes: the spatial axes.
        channels: how many.
        band: how many results of the first axis.
        lanes: of a vector.
        channels_last: whether channels lie next to each other, else elements of the last axis do.
    """

    axes: tuple[Axis, ...]
    channels: int
    band: int
    lanes: int
    channels_last: bool

    @property
    def extents(self) -> tuple[int, ...]:
        """Sizes of the copy's axes."""
        counts = (self.band, *(a.count for a in self.axes[1:]))
        return tuple(
            (n - 1) * a.step + (a.taps - 1) * a.gap + 1
            for n, a in zip(counts, self.axes, strict=True)
        )

    @property
    def strides(self) -> tuple[int, ...]:
        """Of the channels and the spatial axes."""
        *outer, last = self.extents
        channel, along = (1, self.channels) if self.channels_last else (last, 1)
        row = last * self.channels
        steps = [row * prod(outer[i + 1 :]) for i in range(len(outer))]
        return (channel, *steps, along)

    @property
    def elements(self) -> int:
        """How many there are."""
        return prod(self.extents) * self.channels

    @property
    def seen(self) -> tuple[Axis, ...]:
        """The axes as they go over the copy: no window reaches outside."""
        return tuple(
            replace(a, size=n, offset=0) for a, n in zip(self.axes, self.extents, strict=True)
        )

    def image(self, pointer: Value) -> Image:
        """Copies of whole images, one after the other."""
        return Image(pointer, (self.elements, *self.strides))

    def emit_all(
        self, f: Function, x: Image, batch: Index, to: Value, type: Type, thread: Value,
        threads: Value,
    ) -> None:  # fmt: skip
        """Copy a thread's share of the images."""
        with f.loop(*share(f, batch, thread, threads)) as n:
            self.emit(f, x, n, 0, f.at(to, f.times(n, self.elements), type), type)

    def emit(self, f: Function, x: Image, image: Index, top: Index, to: Value, type: Type) -> None:
        """Fill the copy for results from `top` of the first axis on."""
        source = f.at(x.pointer, f.times(image, x.strides[0]), type)
        self._rows(f, 0, x, source, to, top, type)

    def _rows(
        self, f: Function, depth: int, x: Image, source: Value, to: Value, top: Index, type: Type
    ) -> None:
        if depth == len(self.axes) - 1:
            self._row(f, x, source, to, top if depth == 0 else 0, type)
            return
        axis, extent = self.axes[depth], self.extents[depth]
        first = f.plus(f.times(top, axis.step) if depth == 0 else 0, axis.offset)
        row = self.strides[depth + 1]
        with f.loop(0, extent) as i:
            place = f.plus(first, i)
            target = f.at(to, f.times(i, row), type)
            inside = f.compare("ult", f.index(place), f.index(axis.size))
            with f.when(inside):
                at = f.at(source, f.times(place, x.strides[depth + 2]), type)
                self._rows(f, depth + 1, x, at, target, top, type)
            with f.when(f.compare("uge", f.index(place), f.index(axis.size))):
                self._zeros(f, target, 0, row, type)

    def _row(self, f: Function, x: Image, source: Value, to: Value, top: Index, type: Type) -> None:
        """A run of the last axis: zeros, what is inside, zeros."""
        axis, extent = self.axes[-1], self.extents[-1]
        channel, along = self.strides[0], self.strides[-1]
        first = f.plus(f.times(top, axis.step), axis.offset)
        low = f.least(f.greatest(f.minus(0, first), 0), extent)
        high = f.greatest(f.least(f.minus(axis.size, first), extent), low)
        from_channel, from_along = x.strides[1], x.strides[-1]
        at = f.at(source, f.times(f.plus(first, low), from_along), type)
        if self.channels_last and from_channel == 1 and from_along == self.channels:
            self._zeros(f, to, 0, f.times(low, along), type)
            self._copied(f, at, 1, f.at(to, f.times(low, along), type),
                         f.times(f.minus(high, low), along), type)  # fmt: skip
            self._zeros(f, to, f.times(high, along), f.times(extent, along), type)
            return
        if self.channels_last:
            self._zeros(f, to, 0, f.times(low, along), type)
            with f.loop(0, f.minus(high, low)) as i:
                target = f.at(to, f.times(f.plus(low, i), along), type)
                here = f.at(at, f.times(i, from_along), type)
                self._copied(f, here, from_channel, target, self.channels, type)
            self._zeros(f, to, f.times(high, along), f.times(extent, along), type)
            return
        with f.loop(0, self.channels) as c:
            target = f.at(to, f.times(c, channel), type)
            self._zeros(f, target, 0, low, type)
            here = f.at(at, f.times(c, from_channel), type)
            inner = f.at(target, low, type)
            self._copied(f, here, from_along, inner, f.minus(high, low), type)
            self._zeros(f, target, high, extent, type)

    def _copied(
        self, f: Function, source: Value, stride: Index, to: Value, count: Index, type: Type
    ) -> None:
        if stride != 1:
            with f.loop(0, count) as i:
                f.store(f.load(type, source, f.times(i, stride)), to, i)
            return
        vector = type.wide(self.lanes)

        def some(i: Index, mask: Value | None) -> None:
            if mask is None:
                f.store(f.load(vector, source, i), to, i)
            else:
                f.store_some(f.load_some(vector, source, i, mask), to, i, mask)

        f.lanes_of(count, self.lanes, some)

    def _zeros(self, f: Function, to: Value, low: Index, high: Index, type: Type) -> None:
        if isinstance(low, int) and isinstance(high, int) and low >= high:
            return
        zero = literal(type.wide(self.lanes), 0)

        def some(i: Index, mask: Value | None) -> None:
            if mask is None:
                f.store(zero, to, i)
            else:
                f.store_some(zero, to, i, mask)

        f.lanes_of(high, self.lanes, some, low)
