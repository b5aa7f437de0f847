"""What the checker says of every row of the operations' table is what happens at run time.

A program is made of the rows: each calls its operation on parameters annotated with a sample's
shapes, with fixed sizes and with names, and reveals the result's type. The types that mypy prints
are compared with the dtypes and shapes of the results.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mypy_plugin.rows_as_programs import HEADER, Unspoken, expression, parameter_types
from tests.mypy_plugin.running import check
from tests.ops.harness import outputs, sizes_of, symbolic_shape
from tests.ops.row import Operands, Row, tensors
from tests.ops.rows import ROWS
from typedflux import dtypes
from typedflux.core.types import annotation_name
from typedflux.dtypes import DType
from typedflux.shapes.expressions import evaluate_expression, names_in
from typedflux.tensor import Tensor

_TENSOR = re.compile(r"(\w+)\[Tensor, '([^']*)'\]")


@dataclass(frozen=True)
class Question:
    """One call to ask mypy of."""

    row: Row
    operands: Operands
    dtype: DType
    named: bool

    def lines(self, number: int) -> list[str]:
        """A function that reveals the result."""
        kinds = parameter_types(self.row, self.operands, self.dtype, named=self.named)
        parameters = ", ".join(f"x{i}: {kind}" for i, kind in enumerate(kinds))
        call = expression(self.row, len(self.operands))
        return [f"def f{number}({parameters}) -> None:", f"    reveal_type({call})"]

    def problem(self, messages: Sequence[str]) -> str | None:
        """What mypy's answer is wrong in."""
        errors = [m for m in messages if not m.startswith("note: Revealed type")]
        if errors or not messages:
            return f"{errors}"
        told = _TENSOR.findall(messages[0])
        results = outputs(self.row.function(*tensors(self.operands, self.dtype)))
        if "list[" in messages[0] and len(told) == 1:
            told = told * len(results)
        if len(told) != len(results):
            return f"{messages[0]} for {len(results)} results"
        sizes = {}
        if self.named:
            shapes = [symbolic_shape(self.row, i, x.shape) for i, x in enumerate(self.operands)]
            sizes = sizes_of(shapes, [x.shape for x in self.operands])
        for (dtype, axes), result in zip(told, results, strict=True):
            if not self._agrees(dtype, axes.split(), result, sizes, len(results)):
                return f"{messages[0]} for {annotation_name(result.dtype)} of {result.shape}"
        return None

    def _agrees(
        self, dtype: str, axes: list[str], result: Tensor, sizes: dict[str, int], count: int
    ) -> bool:
        if dtype != annotation_name(result.dtype) or len(axes) != result.ndim:
            return False
        for axis, size in zip(axes, result.shape, strict=True):
            if axis == "_":
                if not self.row.unknown and count == 1:
                    return False
            elif evaluate_expression(axis, {n: sizes[n] for n in names_in(axis)}) != size:
                return False
        return True

    def __str__(self) -> str:
        shapes = " ".join(str(x.shape) for x in self.operands)
        return f"{self.row.name} {self.dtype} {shapes}{' named' if self.named else ''}"


def questions(*, thorough: bool) -> Iterator[Question]:
    """One sample of each row by turns, or all of them with several dtypes."""
    for i, row in enumerate(ROWS):
        samples = row.generate()
        kinds = list(row.dtypes)
        if not thorough:
            samples = [samples[i % len(samples)]]
            kinds = [dtypes.float32 if dtypes.float32 in kinds else kinds[0]]
        for operands in samples:
            for dtype in kinds[:1] if not thorough else {*kinds[:1], *kinds[-1:]}:
                yield Question(row, operands, dtype, named=False)
                yield Question(row, operands, dtype, named=True)


def answers(folder: Path, asked: Sequence[Question]) -> dict[str, str]:
    """What is wrong, by question."""
    lines = HEADER.splitlines()
    places: dict[int, Question] = {}
    for number, question in enumerate(asked):
        try:
            lines += question.lines(number)
        except Unspoken:
            continue
        places[len(lines)] = question
    text = "\n".join(lines) + "\n"
    ast.parse(text)
    found: dict[int, list[str]] = {}
    for message in check(folder, {"main.py": text}):
        line, _, said = message.partition(": ")
        found.setdefault(int(line), []).append(said)
    assert len(places) > 0.99 * len(asked)
    wrong = {str(q): q.problem(found.get(line, [])) for line, q in places.items()}
    return {name: said for name, said in wrong.items() if said is not None}


def test_the_checker_agrees_with_the_run(tmp_path: Path) -> None:
    assert answers(tmp_path, list(questions(thorough=False))) == {}


@pytest.mark.deep
def test_the_checker_agrees_on_every_sample(tmp_path: Path) -> None:
    assert answers(tmp_path, list(questions(thorough=True))) == {}
