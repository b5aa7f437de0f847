"""The memory plan: values that live at different times share the same bytes of one arena."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

ALIGNMENT = 64


class Lifetime(NamedTuple):
    """When a value is in memory: from the stage that writes it to the last that reads it."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each value begins in the arena, how large that is, and how much all values are."""

    offsets: list[int]
    size: int
    total: int


def plan(lifetimes: Sequence[Lifetime], sizes: Sequence[int]) -> Plan:
    """Give each value a place: the smallest gap that is free throughout its life.

    >>> plan([Lifetime(0, 1), Lifetime(1, 2), Lifetime(2, 3)], [64, 64, 64]).size
    128
    """
    offsets = [0] * len(sizes)
    gaps: list[tuple[int, int]] = []  # (start, end), by start, never touching
    end = 0
    starting: dict[int, list[int]] = {}
    ending: dict[int, list[int]] = {}
    for i, life in enumerate(lifetimes):
        starting.setdefault(life.first, []).append(i)
        ending.setdefault(life.last, []).append(i)
    rounded = [-(-max(size, 1) // ALIGNMENT) * ALIGNMENT for size in sizes]
    for stage in sorted({*starting, *ending}):
        for i in sorted(starting.get(stage, ()), key=lambda i: -rounded[i]):
            size = rounded[i]
            fits = [(b - a, a) for a, b in gaps if b - a >= size]
            if fits:
                _, start = min(fits)
                place = next(k for k, gap in enumerate(gaps) if gap[0] == start)
                _, stop = gaps.pop(place)
                if start + size < stop:
                    gaps.insert(place, (start + size, stop))
            elif gaps and gaps[-1][1] == end:  # the last gap, made longer
                start, _ = gaps.pop()
                end = start + size
            else:
                start = end
                end += size
            offsets[i] = start
        for i in ending.get(stage, ()):
            _release(gaps, offsets[i], offsets[i] + rounded[i])
    return Plan(offsets, end, sum(rounded))


def _release(gaps: list[tuple[int, int]], start: int, stop: int) -> None:
    place = bisect.bisect_left(gaps, (start, stop))
    if place < len(gaps) and gaps[place][0] == stop:
        stop = gaps.pop(place)[1]
    if place > 0 and gaps[place - 1][1] == start:
        place -= 1
        start = gaps.pop(place)[0]
    gaps.insert(place, (start, stop))
