"""`flux.typed` against jaxtyping with beartype: same verdicts, same bindings, call by call."""

from __future__ import annotations

import random

import pytest

from tests.checks.signatures import Maker, by_jaxtyping, by_typedflux, observe

CALLS = 3


def compare(seed: int, cases: int) -> None:
    verdicts = dict.fromkeys(("accepted", "refused", "no meaning"), 0)
    for number in range(cases):
        case = Maker(random.Random(1_000_000 * seed + number)).case(CALLS)
        theirs, ours = observe(case, by_jaxtyping), observe(case, by_typedflux)
        for call, expected, got in zip(case.calls, theirs, ours, strict=True):
            assert got == expected, (number, case.text, call)
            verdicts[expected[0]] += 1
    # The comparison means something only if every verdict is well represented.
    total = cases * CALLS
    assert verdicts["accepted"] > total / 3, verdicts
    assert verdicts["refused"] > total / 8 and verdicts["no meaning"] > total / 50, verdicts


def test_random_signatures_agree() -> None:
    compare(seed=0, cases=100)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 21))
def test_twenty_thousand_signatures_agree(seed: int) -> None:
    compare(seed, cases=1000)
