"""How a gradient of a convolution by the weight is summed."""

from __future__ import annotations

from dataclasses import dataclass

from typedflux.compile.native.emitter import Function, Index
from typedflux.compile.native.padded_copies import PaddedCopy
from typedflux.compile.native.window_tiles import Panels, Tile
from typedflux.compile.native.windows import Axis, taps_of


@dataclass(frozen=True, slots=True)
class WeightSums:
    """How a gradient by the weight is summed.

    Attributes:
        axes: the spatial axes of the convolution.
        groups: of channels.
        reads: channels of the input, in each group.
        writes: channels of the output, in each group.
        scalar: of all operands.
        lanes: of a vector.
        tile: its columns are channels of the input, its vectors channels of the output.
        images: how many a unit has.
        band: how many results of the first axis a unit has.
        depthwise: each channel has a kernel of its own; all are one group.
        narrow: the tile's columns are taps and channels of the input together.
        copy: what the windows see, if that is copied first.
        shared: threads split the tiles and have sums in common, instead of the units.
    """

    axes: tuple[Axis, ...]
    groups: int
    reads: int
    writes: int
    scalar: str
    lanes: int
    tile: Tile
    images: int
    band: int
    depthwise: bool = False
    narrow: bool = False
    copy: PaddedCopy | None = None
    shared: bool = False

    @property
    def taps(self) -> int:
        """How many taps there are."""
        return taps_of(self.axes)

    @property
    def panels(self) -> Panels:
        """The channels of the output, in a group."""
        return Panels(self.writes, self.lanes, self.tile.vectors)

    @property
    def group_elements(self) -> int:
        """Elements of a group's sums."""
        return self.taps * self.reads * self.panels.padded

    @property
    def elements(self) -> int:
        """Elements of a thread's sums."""
        return self.groups * self.group_elements

    @property
    def bands(self) -> int:
        """Units of an image, or of the images that make one."""
        return -(-self.axes[0].count // self.band)

    def units(self, f: Function, batch: Index) -> Index:
        """How many units there are."""
        return f.times(f.over(f.plus(batch, self.images - 1), self.images), self.bands)
