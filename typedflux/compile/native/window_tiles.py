"""Which tile of a convolution's results is held in registers."""

from __future__ import annotations

from dataclasses import dataclass

from typedflux.compile.native.machine import Machine


@dataclass(frozen=True, slots=True)
class Tile:
    """`columns` neighbouring results, each of `vectors` vectors of channels."""

    columns: int
    vectors: int


def even_blocks(count: int, most: int) -> list[tuple[int, int]]:
    """`range(count)` in blocks of at most `most` that differ by one at most: `(start, size)`.

    >>> even_blocks(32, 14)
    [(0, 11), (11, 11), (22, 10)]
    """
    parts = -(-count // most)
    blocks, start = [], 0
    for i in range(parts):
        size = -(-(count - start) // (parts - i))
        blocks.append((start, size))
        start += size
    return blocks


def registers_of(machine: Machine, scalar: str) -> int:
    """How many vectors of `machine.lanes` scalars the registers hold."""
    return machine.vector_registers // (2 if scalar == "double" else 1)


def tile_cycles(tile: Tile, lanes: int) -> float:
    """Cycles for one product of each result of a tile, on a core with two multipliers."""
    products = tile.columns * tile.vectors
    loads = tile.columns + tile.vectors
    panel = tile.vectors * lanes * 4 / 32  # vectors that stream from the second cache
    return max(products / 2, loads / 2, panel, 4.0) + 0.25


def choose_tile(machine: Machine, scalar: str, width: int, channels: int) -> Tile:
    """The tile that takes the fewest cycles for a row of `width` results of `channels` each."""
    lanes = machine.lanes
    registers = registers_of(machine, scalar)
    needed = -(-channels // lanes)
    best, least = Tile(1, 1), float("inf")
    for vectors in range(1, min(needed, 6) + 1):
        for columns in range(1, min(width, (registers - 1 - vectors) // vectors) + 1):
            cycles = 0.0
            for whole, count in ((vectors, needed // vectors), (needed % vectors, 1)):
                if whole and count:
                    for _, size in even_blocks(width, columns):
                        cycles += count * tile_cycles(Tile(size, whole), lanes)
            if cycles < least * 0.995:
                best, least = Tile(columns, vectors), cycles
    return best
