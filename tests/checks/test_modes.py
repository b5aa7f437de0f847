"""How much is checked: `TYPEDFLUX_CHECKS`, `configure`."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float

import typedflux as flux
from tests.checks.test_typed import refused
from typedflux import nn
from typedflux.checks.settings import settings

A = np.ndarray
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    mode, elements = settings.mode, settings.elements
    yield
    settings.mode, settings.elements = mode, elements


def zeros(*shape: int) -> A:
    made: A = np.zeros(shape, np.float32)
    return made


def define() -> Any:
    class Thing:
        field: Float[A, "2"]

        def public(self, x: Float[A, "3"]) -> None:
            self.field = zeros(5)

        def _private(self, x: Float[A, "3"]) -> None: ...

    return flux.typed(Thing)()


def test_off_gives_back_the_same_object() -> None:
    flux.configure_checks(mode="off")

    def f(x: Float[A, "3"]) -> None: ...

    assert flux.typed(f) is f
    define().public(zeros(4))

    class Layer(nn.Module):
        def __call__(self, x: Float[A, "3"]) -> None: ...

    Layer()(zeros(4))


def test_boundaries_leave_out_private_methods_and_fields() -> None:
    flux.configure_checks(mode="boundaries")
    thing = define()
    thing._private(zeros(4))
    thing.public(zeros(3))
    refused(lambda: thing.public(zeros(4)), "Thing.public: argument 'x'")


def test_all_checks_everything() -> None:
    flux.configure_checks(mode="all")
    thing = define()
    refused(lambda: thing._private(zeros(4)), "Thing._private: argument 'x'")
    refused(lambda: thing.public(zeros(3)), "Thing: field 'field'")


def test_the_limit_on_elements() -> None:
    flux.configure_checks(elements=1)

    @flux.typed
    def f(xs: list[Float[A, "n"]]) -> None: ...

    f([zeros(2), zeros(3)])
    flux.configure_checks(elements="all")
    refused(lambda: flux.typed(f.__wrapped__)([zeros(2), zeros(3)]), "argument 'xs[1]'")  # type: ignore[attr-defined]


def test_other_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="one of off, boundaries and all, not 'some'"):
        flux.configure_checks(mode="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="elements must be 0 or more, got -1"):
        flux.configure_checks(elements=-1)


@pytest.mark.parametrize(
    ("mode", "outcome"), [("off", "3 passed"), ("all", "ShapeError"), ("some", "ValueError")]
)
def test_the_environment_decides(mode: str, outcome: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import typedflux as flux
            from typedflux import nn
            from jaxtyping import Float
            import numpy as np

            @flux.typed
            def f(x: Float[np.ndarray, "3"]): ...

            f(np.zeros(4))
            nn.Scale(3).scale = flux.ones(4)
            assert str(nn.Dense(4, out=3)).startswith("Dense(4, 3)")
            assert nn.Dense.__call__.__code__.co_filename.endswith("dense.py")
            print("3 passed")
            """)
    )
    run = subprocess.run(
        [sys.executable, str(program)],
        check=False, capture_output=True, text=True, timeout=100,
        env={**os.environ, "TYPEDFLUX_CHECKS": mode, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert outcome in run.stdout + run.stderr
